/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures of authentication: the kernel has said who the client is, so it is asked for nothing.
 */
#include "internal.h"

static int auth_list(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_auth_list_ret *r = ret;
    struct vmgr__client *c = call->client;
    static int32_t none[] = { 0 };

    (void)args;
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
