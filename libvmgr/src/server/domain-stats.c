/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statistics: of one domain's memory, and of all domains in one reply.
 *
 * What libvmgr can tell is given; a group it knows nothing about is left out, or refused when the
 * client insists on it. Names and types of parameters are what clients look for.
 */
#include <string.h>
#include <vmgr/stats.h>

#include "internal.h"

#define STATS_FILTERS 0xffu /* as VMGR_DOMAIN_LIST_* */

static void stats_free(void *stats)
{
    vmgr_stats_free(stats);
}

/* Statistics that live as long as the call; NULL and call->err. */
static struct vmgr_stat *stats_of(struct vmgr__call *call, struct vmgr_domain *dom, uint32_t groups,
                                  uint32_t flags)
{
    struct vmgr_stat *stats;

    if (vmgr_domain_get_stats(dom, groups, flags, &stats, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, stats, stats_free);
}

/* The same of a domain that must run. */
static struct vmgr_stat *live_stats(struct vmgr__call *call, const struct wire_domain *wire,
                                    uint32_t groups)
{
    struct vmgr_domain *dom = vmgr__call_domain(call, wire);
    int active = dom ? vmgr_domain_is_active(dom, &call->err) : -1;

    if (active < 0)
        return NULL;
    if (active)
        return stats_of(call, dom, groups, 0);
    vmgr__call_fail(call, VMGR_ERR_OPERATION_INVALID, VMGR_FROM_QEMU,
                    "Requested operation is not valid: domain is not running");
    return NULL;
}

static int refuse_flags(struct vmgr__call *call, uint32_t flags, const char *function)
{
    if (!flags)
        return 0;
    return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
                           "invalid argument: unsupported flags (0x%x) in function %s", flags,
                           function);
}

static int memory_stats(struct vmgr__call *call, const void *args, void *ret)
{
    /* by tag; the protocol's numbers */
    static const char *const names[] = {
        "balloon.swap_in",        "balloon.swap_out",    "balloon.major_fault",
        "balloon.minor_fault",    "balloon.unused",      "balloon.available",
        "balloon.current",        "balloon.rss",         "balloon.usable",
        "balloon.last-update",    "balloon.disk_caches", "balloon.hugetlb_pgalloc",
        "balloon.hugetlb_pgfail",
    };
    /* actual first, as the driver of libvirt has it */
    static const int order[] = { 6, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 7 };
    const struct wire_domain_memory_stats_args *a = args;
    struct wire_domain_memory_stats_ret *r = ret;
    const struct vmgr_stat *stats, *s;

    if (refuse_flags(call, a->flags, "domain_memory_stats") < 0)
        return -1;
    stats = live_stats(call, &a->dom, VMGR_STATS_BALLOON);
    if (!stats)
        return -1;
    r->stats.v = vmgr__arena_adopt(
        &call->arena, g_new0(struct wire_domain_memory_stat, G_N_ELEMENTS(order)), g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(order) && r->stats.n < a->max_stats; i++) {
        s = vmgr_stats_find(stats, names[order[i]]);
        if (s)
            r->stats.v[r->stats.n++] =
                (struct wire_domain_memory_stat){ .tag = order[i], .val = s->number };
    }
    return 0;
}

/* The number of the disk or interface that goes by this name or path; -1: none. */
static int find_unit(const struct vmgr_stat *stats, const char *group, const char *name)
{
    for (const struct vmgr_stat *s = stats; s->name; s++) {
        if (s->text && g_str_has_prefix(s->name, group) && strcmp(s->text, name) == 0)
            return (int)g_ascii_strtoull(s->name + strlen(group), NULL, 10);
    }
    return -1;
}

/* One of its figures; `missing` when it has none. */
static uint64_t unit_value(const struct vmgr_stat *stats, const char *group, int unit,
                           const char *what, uint64_t missing)
{
    g_autofree char *name = g_strdup_printf("%s%d.%s", group, unit, what);
    const struct vmgr_stat *s = vmgr_stats_find(stats, name);

    return s ? s->number : missing;
}
#define UNKNOWN ((uint64_t)-1)

static const struct vmgr_stat *disk_of(struct vmgr__call *call, const struct wire_domain *dom,
                                       const char *path, int *ret_unit)
{
    const struct vmgr_stat *stats;

    if (!*path) {
        vmgr__call_fail(call, VMGR_ERR_OPERATION_UNSUPPORTED, VMGR_FROM_QEMU,
                        "Operation not supported: summary statistics are not supported yet");
        return NULL;
    }
    stats = live_stats(call, dom, VMGR_STATS_BLOCK);
    if (!stats)
        return NULL;
    *ret_unit = find_unit(stats, "block.", path);
    if (*ret_unit >= 0)
        return stats;
    vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_QEMU,
                    "invalid argument: invalid path: %s", path);
    return NULL;
}

static int block_stats(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_block_stats_args *a = args;
    struct wire_domain_block_stats_ret *r = ret;
    int unit;
    const struct vmgr_stat *stats = disk_of(call, &a->dom, a->path, &unit);

    if (!stats)
        return -1;
    r->rd_req = (int64_t)unit_value(stats, "block.", unit, "rd.reqs", UNKNOWN);
    r->rd_bytes = (int64_t)unit_value(stats, "block.", unit, "rd.bytes", UNKNOWN);
    r->wr_req = (int64_t)unit_value(stats, "block.", unit, "wr.reqs", UNKNOWN);
    r->wr_bytes = (int64_t)unit_value(stats, "block.", unit, "wr.bytes", UNKNOWN);
    r->errs = (int64_t)unit_value(stats, "block.", unit, "errs", UNKNOWN);
    return 0;
}

static int block_stats_flags(struct vmgr__call *call, const void *args, void *ret)
{
    static const char *const rows[][2] = { { "wr.bytes", "wr_bytes" },
                                           { "wr.reqs", "wr_operations" },
                                           { "rd.bytes", "rd_bytes" },
                                           { "rd.reqs", "rd_operations" },
                                           { "fl.reqs", "flush_operations" } };
    const struct wire_domain_block_stats_flags_args *a = args;
    struct wire_domain_block_stats_flags_ret *r = ret;
    const struct vmgr_stat *stats;
    struct vmgr__params params;
    int unit;

    /* bit 2: the client takes strings */
    if (refuse_flags(call, a->flags & ~4u, "domain_block_stats_flags") < 0)
        return -1;
    stats = disk_of(call, &a->dom, a->path, &unit);
    if (!stats)
        return -1;
    vmgr__params_init(&params, &call->arena);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t n = unit_value(stats, "block.", unit, rows[i][0], UNKNOWN);

        if (n != UNKNOWN)
            vmgr__params_add_llong(&params, (int64_t)n, "%s", rows[i][1]);
    }
    r->params.v = vmgr__params_end(&params, &r->params.n);
    r->nparams = (int32_t)r->params.n;
    /* The first question is how many there are. */
    if (a->nparams == 0)
        r->params.n = 0;
    else if (r->params.n > (uint32_t)a->nparams)
        r->params.n = (uint32_t)a->nparams;
    return 0;
}

static int get_block_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_block_info_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct wire_domain_get_block_info_ret *r = ret;
    const struct vmgr_stat *stats;
    int unit;

    if (!dom || refuse_flags(call, a->flags, "domain_get_block_info") < 0)
        return -1;
    stats = stats_of(call, dom, VMGR_STATS_BLOCK, 0);
    if (!stats)
        return -1;
    unit = find_unit(stats, "block.", a->path);
    if (unit < 0)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_QEMU,
                               "invalid argument: invalid path %s not assigned to domain", a->path);
    r->allocation = unit_value(stats, "block.", unit, "allocation", 0);
    r->capacity = unit_value(stats, "block.", unit, "capacity", 0);
    r->physical = unit_value(stats, "block.", unit, "physical", 0);
    return 0;
}

static int interface_stats(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_interface_stats_args *a = args;
    struct wire_domain_interface_stats_ret *r = ret;
    const struct vmgr_stat *stats = live_stats(call, &a->dom, VMGR_STATS_INTERFACE);
    int unit = stats ? find_unit(stats, "net.", a->device) : -1;

    if (!stats)
        return -1;
    if (unit < 0)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_QEMU,
                               "invalid argument: invalid path, '%s' is not a known interface",
                               a->device);
    r->rx_bytes = (int64_t)unit_value(stats, "net.", unit, "rx.bytes", UNKNOWN);
    r->rx_packets = (int64_t)unit_value(stats, "net.", unit, "rx.pkts", UNKNOWN);
    r->rx_errs = (int64_t)unit_value(stats, "net.", unit, "rx.errs", UNKNOWN);
    r->rx_drop = (int64_t)unit_value(stats, "net.", unit, "rx.drop", UNKNOWN);
    r->tx_bytes = (int64_t)unit_value(stats, "net.", unit, "tx.bytes", UNKNOWN);
    r->tx_packets = (int64_t)unit_value(stats, "net.", unit, "tx.pkts", UNKNOWN);
    r->tx_errs = (int64_t)unit_value(stats, "net.", unit, "tx.errs", UNKNOWN);
    r->tx_drop = (int64_t)unit_value(stats, "net.", unit, "tx.drop", UNKNOWN);
    return 0;
}

struct wire_typed_param *vmgr__call_stats(struct vmgr__call *call, struct vmgr_stat *stats,
                                          uint32_t *ret_n)
{
    vmgr__arena_adopt(&call->arena, stats, stats_free);
    return vmgr__stats_params(&call->arena, stats, ret_n);
}

struct wire_typed_param *vmgr__stats_params(struct vmgr__arena *arena,
                                            const struct vmgr_stat *stats, uint32_t *ret_n)
{
    struct vmgr__params params;

    vmgr__params_init(&params, arena);
    for (const struct vmgr_stat *s = stats; s->name; s++) {
        switch (s->type) {
        case VMGR_STAT_INT: vmgr__params_add_int(&params, (int32_t)s->number, "%s", s->name); break;
        case VMGR_STAT_UINT:
            vmgr__params_add_uint(&params, (uint32_t)s->number, "%s", s->name);
            break;
        case VMGR_STAT_BOOLEAN:
            vmgr__params_add_boolean(&params, s->number != 0, "%s", s->name);
            break;
        case VMGR_STAT_STRING: vmgr__params_add_string(&params, s->text, "%s", s->name); break;
        default: vmgr__params_add_ullong(&params, s->number, "%s", s->name); break;
        }
    }
    return vmgr__params_end(&params, ret_n);
}

/* 0, or -1: the domain is gone. */
static int put_record(struct vmgr__call *call, struct vmgr_domain *dom, uint32_t groups,
                      uint32_t flags, struct wire_domain_stats_record *ret)
{
    const int id = vmgr_domain_get_id(dom, NULL);
    struct vmgr_stat *stats;

    if (id < 0 || vmgr_domain_get_stats(dom, groups, flags, &stats, NULL) < 0)
        return -1;
    ret->dom.name = vmgr__arena_strdup(&call->arena, vmgr_domain_get_name(dom));
    vmgr_domain_get_uuid(dom, ret->dom.uuid);
    ret->dom.id = id > 0 ? id : -1;
    ret->params.v = vmgr__call_stats(call, stats, &ret->params.n);
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

/* States alone are what lists ask for, of thousands of domains: the list knows them. */
static int get_states(struct vmgr__call *call, uint32_t flags,
                      struct wire_connect_get_all_domain_stats_ret *ret)
{
    struct vmgr_domain_entry *list;
    const int n = vmgr__call_list_entries(call, flags & STATS_FILTERS, &list);
    struct wire_domain_stats_record *out;

    if (n < 0)
        return -1;
    out = vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_stats_record, n + 1), g_free);
    for (int i = 0; i < n; i++) {
        struct vmgr__params params;

        out[i].dom.name = (char *)vmgr_domain_get_name(list[i].domain);
        vmgr_domain_get_uuid(list[i].domain, out[i].dom.uuid);
        out[i].dom.id = list[i].id > 0 ? list[i].id : -1;
        vmgr__params_init(&params, &call->arena);
        vmgr__params_add_int(&params, list[i].state, "state.state");
        vmgr__params_add_int(&params, list[i].reason, "state.reason");
        out[i].params.v = vmgr__params_end(&params, &out[i].params.n);
    }
    ret->ret_stats.v = out;
    ret->ret_stats.n = (uint32_t)n;
    return 0;
}

static int get_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_all_domain_stats_args *a = args;
    struct wire_connect_get_all_domain_stats_ret *r = ret;
    const uint32_t known = STATS_FILTERS | VMGR_STATS_NOWAIT | VMGR_STATS_ENFORCE;
    struct vmgr_domain **domains;
    uint32_t n;

    if (refuse_flags(call, a->flags & ~known, "connect_get_all_domain_stats") < 0)
        return -1;
    if (a->stats == VMGR_STATS_STATE && !a->doms.n)
        return get_states(call, a->flags, r);
    if (choose(call, a, &domains, &n) < 0)
        return -1;
    r->ret_stats.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_stats_record, n + 1), g_free);
    /* What the driver has not is the same for all of them. */
    if (n && a->flags & VMGR_STATS_ENFORCE &&
        !stats_of(call, domains[0], a->stats, VMGR_STATS_ENFORCE | VMGR_STATS_NOWAIT))
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        if (put_record(call, domains[i], a->stats, a->flags & VMGR_STATS_NOWAIT,
                       &r->ret_stats.v[r->ret_stats.n]) == 0)
            r->ret_stats.n++;
    }
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_stats[] = {
    { WIRE_DOMAIN_MEMORY_STATS, memory_stats, 0 },
    { WIRE_DOMAIN_BLOCK_STATS, block_stats, 0 },
    { WIRE_DOMAIN_BLOCK_STATS_FLAGS, block_stats_flags, 0 },
    { WIRE_DOMAIN_GET_BLOCK_INFO, get_block_info, 0 },
    { WIRE_DOMAIN_INTERFACE_STATS, interface_stats, 0 },
    { WIRE_CONNECT_GET_ALL_DOMAIN_STATS, get_all, 0 },
    { 0, NULL, 0 },
};
