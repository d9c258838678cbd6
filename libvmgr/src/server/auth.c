/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which authentication a client has to go through. On unix sockets the kernel has said who it is,
 * and TLS clients have shown a certificate, so they are asked for nothing more; the rest for SASL.
 */
#include "internal.h"

static int auth_list(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_auth_list_ret *r = ret;
    struct vmgr__client *c = call->client;
    static int32_t none[] = { 0 }, sasl[] = { 1 };

    (void)args;
    if (c->needs_sasl) {
        r->types.v = sasl;
        r->types.n = G_N_ELEMENTS(sasl);
        return 0;
    }
    if (!c->allowed)
        return vmgr__call_fail(call, VMGR_ERR_AUTH_FAILED, VMGR_FROM_RPC,
                               "authentication failed: user %d may not use this socket; root, the "
                               "user vmgrd runs as and members of its configured group may",
                               (int)c->uid);
    r->types.v = none;
    r->types.n = G_N_ELEMENTS(none);
    vmgr__client_settled(c);
    return 0;
}

const struct vmgr__handler vmgr__handlers_auth[] = {
    { WIRE_AUTH_LIST, auth_list, HANDLER_UNOPENED },
    { 0, NULL, 0 },
};
