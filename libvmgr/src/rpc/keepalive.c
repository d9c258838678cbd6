/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keepalive: the clock and the packets.
 */
#include "keepalive.h"

void vmgr__keepalive_start(struct vmgr__keepalive *k, int interval_s, unsigned count,
                           int64_t now_us)
{
    k->interval_us = interval_s > 0 && count > 0 ? (int64_t)interval_s * 1000000 : 0;
    k->count = count;
    vmgr__keepalive_alive(k, now_us);
}

void vmgr__keepalive_alive(struct vmgr__keepalive *k, int64_t now_us)
{
    k->unanswered = 0;
    k->next_us = now_us + k->interval_us;
}

enum vmgr__keepalive_due vmgr__keepalive_check(struct vmgr__keepalive *k, int64_t now_us)
{
    if (!k->interval_us || now_us < k->next_us)
        return VMGR__KEEPALIVE_NOTHING;
    if (k->unanswered >= k->count)
        return VMGR__KEEPALIVE_DEAD;
    k->unanswered++;
    k->next_us = now_us + k->interval_us;
    return VMGR__KEEPALIVE_ASK;
}

struct vmgr__rpc_out *vmgr__keepalive_packet(int procedure)
{
    const struct vmgr__rpc_header header = {
        .program = VMGR__KEEPALIVE_PROGRAM,
        .version = VMGR__KEEPALIVE_VERSION,
        .procedure = procedure,
        .type = RPC_MESSAGE,
        .status = RPC_OK,
    };

    return vmgr__rpc_out_raw(&header, NULL, 0);
}

bool vmgr__keepalive_take(const struct vmgr__rpc_header *header, struct vmgr__rpc_out **ret_answer)
{
    *ret_answer = NULL;
    if (header->program != VMGR__KEEPALIVE_PROGRAM || header->version != VMGR__KEEPALIVE_VERSION ||
        header->type != RPC_MESSAGE)
        return false;
    if (header->procedure == VMGR__KEEPALIVE_PING)
        *ret_answer = vmgr__keepalive_packet(VMGR__KEEPALIVE_PONG);
    return true;
}
