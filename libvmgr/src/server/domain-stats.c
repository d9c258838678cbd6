/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics: of one domain's memory, and of all domains in one reply.
 *
 * What libvmgr can tell is given; a group it knows nothing about is left out, or refused when the
 * client insists on it. Names and types of parameters are what clients look for.
 */
#include "internal.h"

/* Groups of statistics. Numbers of the protocol. */
enum {
    STATS_STATE = 1u << 0,
    STATS_CPU_TOTAL = 1u << 1,
    STATS_BALLOON = 1u << 2,
    STATS_VCPU = 1u << 3,
    STATS_HERE = STATS_STATE | STATS_CPU_TOTAL | STATS_BALLOON | STATS_VCPU,
};
#define STATS_NOWAIT  (1u << 29) /* nothing here waits */
#define STATS_BACKING (1u << 30) /* refused: no block statistics yet */
#define STATS_ENFORCE (1u << 31)
#define STATS_FILTERS 0xffu /* as VMGR_DOMAIN_LIST_* */

#define MEMORY_STAT_ACTUAL_BALLOON 6

static int memory_stats(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_memory_stats_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    struct wire_domain_memory_stats_ret *r = ret;
    int active;

    if (!dom)
        return -1;
    if (a->flags)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                               "invalid argument: unsupported flags (0x%x) in function "
                               "domain_memory_stats",
                               a->flags);
    active = vmgr_domain_is_active(dom, &call->err);
    if (active < 0)
        return -1;
    if (!active)
        return vmgr__call_fail(call, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_QEMU,
                               "Requested operation is not valid: domain is not running");
    if (vmgr_domain_get_info(dom, &info, &call->err) < 0)
        return -1;
    r->stats.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_memory_stat, 1), g_free);
    if (a->max_stats > 0)
        r->stats.v[r->stats.n++] =
            (struct wire_domain_memory_stat){ .tag = MEMORY_STAT_ACTUAL_BALLOON,
                                              .val = info.memory_kib };
    return 0;
}

/* 0, or -1: the domain is gone. */
static int put_record(struct vmgr__call *call, struct vmgr_domain *dom, uint32_t stats,
                      struct wire_domain_stats_record *ret)
{
    struct vmgr_domain_info info = VMGR_DOMAIN_INFO_INIT;
    const int id = vmgr_domain_get_id(dom, NULL);
    struct vmgr__params params;
    int state, reason, most;

    most = vmgr_domain_get_vcpus(dom, VMGR_DOMAIN_VCPU_MAXIMUM, NULL);
    if (id < 0 || most < 0 || vmgr_domain_get_state(dom, 0, &state, &reason, NULL) < 0 ||
        vmgr_domain_get_info(dom, &info, NULL) < 0)
        return -1;
    ret->dom.name = vmgr__arena_strdup(&call->arena, vmgr_domain_get_name(dom));
    vmgr_domain_get_uuid(dom, ret->dom.uuid);
    ret->dom.id = id > 0 ? id : -1;
    vmgr__params_init(&params, &call->arena);
    if (stats & STATS_STATE) {
        vmgr__params_add_int(&params, state, "state.state");
        vmgr__params_add_int(&params, reason, "state.reason");
    }
    if (stats & STATS_CPU_TOTAL && id > 0)
        vmgr__params_add_ullong(&params, info.cpu_time_ns, "cpu.time");
    if (stats & STATS_BALLOON) {
        if (id > 0)
            vmgr__params_add_ullong(&params, info.memory_kib, "balloon.current");
        vmgr__params_add_ullong(&params, info.max_memory_kib, "balloon.maximum");
    }
    if (stats & STATS_VCPU) {
        vmgr__params_add_uint(&params, info.vcpus, "vcpu.current");
        vmgr__params_add_uint(&params, (uint32_t)most, "vcpu.maximum");
    }
    ret->params.v = vmgr__params_end(&params, &ret->params.n);
    return 0;
}

static void list_free(void *list)
{
    vmgr_domain_list_free(list);
}

/* The domains to tell about: those named, or all that pass the filters. */
static int choose(struct vmgr__call *call, const struct wire_connect_get_all_domain_stats_args *a,
                  struct vmgr_domain ***ret, uint32_t *ret_n)
{
    int n;

    if (!a->doms.n) {
        n = vmgr_domain_list(call->conn, a->flags & STATS_FILTERS, ret, &call->err);
        if (n < 0)
            return -1;
        *ret_n = (uint32_t)n;
        vmgr__arena_adopt(&call->arena, *ret, list_free);
        return 0;
    }
    *ret = vmgr__arena_adopt(&call->arena, g_new0(struct vmgr_domain *, a->doms.n + 1), g_free);
    *ret_n = a->doms.n;
    for (uint32_t i = 0; i < a->doms.n; i++) {
        (*ret)[i] = vmgr__call_domain(call, &a->doms.v[i]);
        if (!(*ret)[i])
            return -1;
    }
    return 0;
}

static int get_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_all_domain_stats_args *a = args;
    struct wire_connect_get_all_domain_stats_ret *r = ret;
    const uint32_t known = STATS_FILTERS | STATS_NOWAIT | STATS_ENFORCE;
    struct vmgr_domain **domains;
    uint32_t n;

    if (a->flags & ~known)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                               "invalid argument: unsupported flags (0x%x) in function "
                               "connect_get_all_domain_stats",
                               a->flags & ~known);
    if (a->flags & STATS_ENFORCE && a->stats & ~STATS_HERE)
        return vmgr__call_fail(call, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_RPC,
                               "argument unsupported: Stats types bits 0x%x are not supported by "
                               "this daemon or QEMU",
                               a->stats & ~STATS_HERE);
    if (choose(call, a, &domains, &n) < 0)
        return -1;
    r->ret_stats.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_stats_record, n + 1), g_free);
    for (uint32_t i = 0; i < n; i++) {
        if (put_record(call, domains[i], a->stats ? a->stats : STATS_HERE,
                       &r->ret_stats.v[r->ret_stats.n]) == 0)
            r->ret_stats.n++;
    }
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_stats[] = {
    { WIRE_DOMAIN_MEMORY_STATS, memory_stats, 0 },
    { WIRE_CONNECT_GET_ALL_DOMAIN_STATS, get_all, 0 },
    { 0, NULL, 0 },
};
