/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keepalive: finding out that a peer is gone, the same for server and client.
 *
 * Anything that comes from the peer counts as a sign of life. After an interval without one a PING
 * goes out; when as many as allowed stay unanswered the peer is given up.
 */
#ifndef VMGR_RPC_KEEPALIVE_H
#define VMGR_RPC_KEEPALIVE_H

#include "packet.h"

#define VMGR__KEEPALIVE_PROGRAM 0x6b656570u
#define VMGR__KEEPALIVE_VERSION 1u
enum { VMGR__KEEPALIVE_PING = 1, VMGR__KEEPALIVE_PONG = 2 };

struct vmgr__keepalive {
    int64_t interval_us; /* 0: never ask */
    unsigned count;      /* PINGs that may stay unanswered */
    unsigned unanswered;
    int64_t next_us;
};
/* interval_s <= 0 or count 0: only answers. */
void vmgr__keepalive_start(struct vmgr__keepalive *k, int interval_s, unsigned count,
                           int64_t now_us);
/* Something came. */
void vmgr__keepalive_alive(struct vmgr__keepalive *k, int64_t now_us);
enum vmgr__keepalive_due { VMGR__KEEPALIVE_NOTHING, VMGR__KEEPALIVE_ASK, VMGR__KEEPALIVE_DEAD };
enum vmgr__keepalive_due vmgr__keepalive_check(struct vmgr__keepalive *k, int64_t now_us);
/* Is this packet of the keepalive program? *ret_answer: the packet that answers it, or NULL. */
bool vmgr__keepalive_take(const struct vmgr__rpc_header *header, struct vmgr__rpc_out **ret_answer);
struct vmgr__rpc_out *vmgr__keepalive_packet(int procedure);

#endif
