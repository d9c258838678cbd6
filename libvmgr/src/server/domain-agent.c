/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about what a guest's agent tells and does.
 */
#include <stdlib.h>
#include <vmgr/agent.h>

#include "internal.h"

/* Their arguments begin with the domain; what comes back, if anything, is in `r`. */
#define AGENT(procedure, work)                                                                     \
    static int agent_##procedure(struct vmgr__call *call, const void *args, void *ret)             \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? work : -1;                                                                    \
    }

AGENT(fstrim, vmgr_domain_fs_trim(dom, a->mount_point, a->minimum, a->flags, &call->err))
AGENT(set_time, vmgr_domain_set_time(dom, a->seconds, a->nseconds, a->flags, &call->err))
AGENT(set_user_password,
      vmgr_domain_set_user_password(dom, a->user, a->password, a->flags, &call->err))
AGENT(set_guest_vcpus, vmgr_domain_set_guest_vcpus(dom, a->cpumap, a->state, a->flags, &call->err))
AGENT(authorized_ssh_keys_set,
      vmgr_domain_set_ssh_keys(dom, a->user, (const char *const *)a->keys.v, a->keys.n, a->flags,
                               &call->err))
AGENT(agent_set_response_timeout,
      vmgr_domain_agent_set_timeout(dom, a->timeout, a->flags, &call->err))

static int fsfreeze(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_fsfreeze_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_fsfreeze_ret *r = ret;

    r->filesystems = dom ? vmgr_domain_fs_freeze(dom, (const char *const *)a->mountpoints.v,
                                                 a->mountpoints.n, a->flags, &call->err)
                         : -1;
    return r->filesystems < 0 ? -1 : 0;
}

static int fsthaw(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_fsthaw_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_fsthaw_ret *r = ret;

    r->filesystems = dom ? vmgr_domain_fs_thaw(dom, (const char *const *)a->mountpoints.v,
                                               a->mountpoints.n, a->flags, &call->err)
                         : -1;
    return r->filesystems < 0 ? -1 : 0;
}

static void infos_free(void *infos)
{
    vmgr_fs_infos_free(infos);
}

static int get_fsinfo(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_fsinfo_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_fsinfo_ret *r = ret;
    struct vmgr_fs_info **infos;
    int n = dom ? vmgr_domain_get_fs_info(dom, a->flags, &infos, &call->err) : -1;

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, infos, infos_free);
    r->info.n = r->ret = (uint32_t)n;
    r->info.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_fsinfo, (gsize)n), g_free);
    for (int i = 0; i < n; i++)
        r->info.v[i] = (struct wire_domain_fsinfo){
            .mountpoint = (char *)infos[i]->mountpoint,
            .name = (char *)infos[i]->name,
            .fstype = (char *)infos[i]->type,
            .dev_aliases = { .n = g_strv_length((char **)infos[i]->devices),
                             .v = (char **)infos[i]->devices },
        };
    return 0;
}

static int get_time(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_time_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_time_ret *r = ret;

    return dom ? vmgr_domain_get_time(dom, a->flags, &r->seconds, &r->nseconds, &call->err) : -1;
}

static int get_hostname(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_hostname_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_hostname_ret *r = ret;

    if (!dom || vmgr_domain_get_hostname(dom, a->flags, &r->hostname, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->hostname, free);
    return 0;
}

static int get_guest_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_guest_info_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_guest_info_ret *r = ret;
    struct vmgr_stat *info;

    if (!dom || vmgr_domain_get_guest_info(dom, a->types, a->flags, &info, &call->err) < 0)
        return -1;
    r->params.v = vmgr__call_stats(call, info, &r->params.n);
    return 0;
}

static int get_guest_vcpus(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_guest_vcpus_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_guest_vcpus_ret *r = ret;
    struct vmgr_stat *info;

    if (!dom || vmgr_domain_get_guest_vcpus(dom, a->flags, &info, &call->err) < 0)
        return -1;
    r->params.v = vmgr__call_stats(call, info, &r->params.n);
    return 0;
}

static void strings_free(void *strings)
{
    vmgr_strings_free(strings);
}

static int get_keys(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_authorized_ssh_keys_get_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_authorized_ssh_keys_get_ret *r = ret;
    int n = dom ? vmgr_domain_get_ssh_keys(dom, a->user, a->flags, &r->keys.v, &call->err) : -1;

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->keys.v, strings_free);
    r->keys.n = (uint32_t)n;
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_agent[] = {
    { WIRE_DOMAIN_FSFREEZE, fsfreeze, 0 },
    { WIRE_DOMAIN_FSTHAW, fsthaw, 0 },
    { WIRE_DOMAIN_FSTRIM, agent_fstrim, 0 },
    { WIRE_DOMAIN_GET_FSINFO, get_fsinfo, 0 },
    { WIRE_DOMAIN_GET_TIME, get_time, 0 },
    { WIRE_DOMAIN_SET_TIME, agent_set_time, 0 },
    { WIRE_DOMAIN_GET_HOSTNAME, get_hostname, 0 },
    { WIRE_DOMAIN_GET_GUEST_INFO, get_guest_info, 0 },
    { WIRE_DOMAIN_GET_GUEST_VCPUS, get_guest_vcpus, 0 },
    { WIRE_DOMAIN_SET_GUEST_VCPUS, agent_set_guest_vcpus, 0 },
    { WIRE_DOMAIN_SET_USER_PASSWORD, agent_set_user_password, 0 },
    { WIRE_DOMAIN_AUTHORIZED_SSH_KEYS_GET, get_keys, 0 },
    { WIRE_DOMAIN_AUTHORIZED_SSH_KEYS_SET, agent_authorized_ssh_keys_set, 0 },
    { WIRE_DOMAIN_AGENT_SET_RESPONSE_TIMEOUT, agent_agent_set_response_timeout, 0 },
    { 0, NULL, 0 },
};
