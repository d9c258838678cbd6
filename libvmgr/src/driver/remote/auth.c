/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authentication: the server says which kinds it takes, in its order; the first that this client
 * has is used, or the one that the URI asks for.
 */
#include <string.h>

#include "remote.h"

enum { AUTH_NONE = 0, AUTH_SASL = 1, AUTH_POLKIT = 2 };

static const char *const names[] = { "none", "sasl", "polkit" };

static int polkit(struct vmgr__remote *r, struct vmgr_error **err)
{
    const int complete = vmgr__remote_number(r, WIRE_AUTH_POLKIT, NULL, err);

    if (complete == 0)
        return vmgr__error_set(err, VMGR_ERR_AUTH_FAILED, VMGR_FROM_REMOTE,
                               "polkit has not authorized this client");
    return complete < 0 ? -1 : 0;
}

static int choose(const struct vmgr__remote *r, const int32_t *types, uint32_t n,
                  struct vmgr_error **err)
{
    const char *wanted = r->uri.auth;

    if (n == 0 && !wanted)
        return AUTH_NONE;
    for (uint32_t i = 0; i < n; i++) {
        const bool known = types[i] >= 0 && (size_t)types[i] < G_N_ELEMENTS(names);

        if (known && (!wanted || strcmp(wanted, names[types[i]]) == 0))
            return types[i];
        if (known && wanted && types[i] == AUTH_SASL && g_str_has_prefix(wanted, "sasl."))
            return types[i];
    }
    if (wanted)
        return vmgr__error_set(err, VMGR_ERR_AUTH_FAILED, VMGR_FROM_REMOTE,
                               "the server does not offer authentication '%s'", wanted);
    return vmgr__error_set(err, VMGR_ERR_AUTH_FAILED, VMGR_FROM_REMOTE,
                           "unsupported authentication type %d", types[0]);
}

int vmgr__remote_authenticate(struct vmgr__remote *r, struct vmgr_error **err)
{
    struct wire_auth_list_ret ret = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int kind = -1;

    if (vmgr__remote_call(r, WIRE_AUTH_LIST, NULL, &ret, &reply, err) == 0)
        kind = choose(r, (const int32_t *)ret.types.v, ret.types.n, err);
    vmgr__remote_reply_clear(&reply);
    switch (kind) {
    case AUTH_NONE: return 0;
    case AUTH_SASL: return vmgr__remote_sasl(r, err);
    case AUTH_POLKIT: return polkit(r, err);
    default: return -1;
    }
}
