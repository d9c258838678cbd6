/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about the host.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define NUMBERS_MAX 1024 /* of the protocol, in one reply */
#define FIGURES_MAX 16
#define PARAMS_MAX  64

static int get_info(struct vmgr__call *call, const void *args, void *ret)
{
    struct vmgr_node_info info = VMGR_NODE_INFO_INIT;
    struct wire_node_get_info_ret *r = ret;

    (void)args;
    if (vmgr_conn_get_node_info(call->conn, &info, &call->err) < 0)
        return -1;
    _Static_assert(sizeof(r->model) == sizeof(info.model), "a machine's name");
    memcpy(r->model, info.model, sizeof(r->model));
    r->memory = info.memory_kib;
    r->cpus = (int32_t)info.cpus;
    r->mhz = (int32_t)info.mhz;
    r->nodes = (int32_t)info.nodes;
    r->sockets = (int32_t)info.sockets;
    r->cores = (int32_t)info.cores;
    r->threads = (int32_t)info.threads;
    return 0;
}

static int get_security_model(struct vmgr__call *call, const void *args, void *ret)
{
    struct vmgr_security_model *model =
        vmgr__arena_alloc(&call->arena, sizeof(struct vmgr_security_model));
    struct wire_node_get_security_model_ret *r = ret;

    (void)args;
    if (!model)
        return vmgr__call_fail(call, VMGR_ERR_NO_MEMORY, VMGR_FROM_RPC, "out of memory");
    model->size = sizeof(*model);
    if (vmgr_conn_get_security_model(call->conn, model, &call->err) < 0)
        return -1;
    r->model.v = model->model;
    r->model.n = (uint32_t)strlen(model->model) + 1;
    r->doi.v = model->doi;
    r->doi.n = (uint32_t)strlen(model->doi) + 1;
    return 0;
}

/* ---- memory and CPUs ---- */

/* Room for numbers in a reply; NULL: there are too many. */
static uint64_t *numbers(struct vmgr__call *call, uint64_t n)
{
    if (n <= NUMBERS_MAX)
        return vmgr__arena_adopt(&call->arena, g_new0(uint64_t, n + 1), g_free);
    vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                    "%" G_GUINT64_FORMAT " numbers are more than the %d that fit into a reply", n,
                    NUMBERS_MAX);
    return NULL;
}

static int get_free_memory(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_node_get_free_memory_ret *r = ret;

    (void)args;
    return vmgr_node_get_free_memory(call->conn, &r->free_mem, &call->err);
}

static int get_cells_free_memory(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_get_cells_free_memory_args *a = args;
    struct wire_node_get_cells_free_memory_ret *r = ret;
    int n;

    r->cells.v = numbers(call, (uint64_t)MAX(a->maxcells, 0));
    if (!r->cells.v)
        return -1;
    n = vmgr_node_get_cells_free_memory(call->conn, a->start_cell, a->maxcells, r->cells.v,
                                        &call->err);
    r->cells.n = (uint32_t)MAX(n, 0);
    return n < 0 ? -1 : 0;
}

static int get_cpu_map(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_get_cpu_map_args *a = args;
    struct wire_node_get_cpu_map_ret *r = ret;
    uint8_t *map = NULL;
    const int n = vmgr_node_get_cpu_map(call->conn, a->flags, a->need_map ? &map : NULL,
                                        a->need_online ? &r->online : NULL, &call->err);

    if (n < 0)
        return -1;
    r->ret = n;
    if (map) {
        r->cpumap.v = vmgr__arena_adopt(&call->arena, map, free);
        r->cpumap.n = (uint32_t)(n + 7) / 8;
    }
    return 0;
}

static void stats_drop(void *stats)
{
    vmgr_stats_free(stats);
}

/* Figures of a library call, `n` of them; `want` of them at most are asked for, 0: only how many
 * there are. Returns how many to send, or -1. */
static int figures(struct vmgr__call *call, int n, struct vmgr_stat *stats, int want, int most,
                   int32_t *ret_n)
{
    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, stats, stats_drop);
    if (want < 0 || want > most)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC, "nparams too large");
    *ret_n = want ? MIN(n, want) : n;
    return want ? *ret_n : 0;
}

/* Lists of names and numbers, of one shape under two names. */
#define STATS(what, structure, which)                                                              \
    static int get_##what(struct vmgr__call *call, const void *args, void *ret)                    \
    {                                                                                              \
        const struct wire_node_get_##what##_args *a = args;                                        \
        struct wire_node_get_##what##_ret *r = ret;                                                \
        struct vmgr_stat *stats = NULL;                                                            \
        const int all = vmgr_node_get_##what(call->conn, a->which, a->flags, &stats, &call->err);  \
        const int n = figures(call, all, stats, a->nparams, FIGURES_MAX, &r->nparams);             \
                                                                                                   \
        if (n < 0)                                                                                 \
            return -1;                                                                             \
        r->params.v = vmgr__arena_adopt(&call->arena, g_new0(structure, n + 1), g_free);           \
        for (; (int)r->params.n < n; r->params.n++)                                                \
            r->params.v[r->params.n] = (structure){ .field = (char *)stats[r->params.n].name,      \
                                                    .value = stats[r->params.n].number };          \
        return 0;                                                                                  \
    }

STATS(cpu_stats, struct wire_node_get_cpu_stats, cpu_num)
STATS(memory_stats, struct wire_node_get_memory_stats, cell_num)

static int get_free_pages(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_get_free_pages_args *a = args;
    struct wire_node_get_free_pages_ret *r = ret;
    int n;

    r->counts.v = numbers(call, (uint64_t)a->pages.n * a->cell_count);
    if (!r->counts.v)
        return -1;
    n = vmgr_node_get_free_pages(call->conn, a->pages.v, a->pages.n, a->start_cell, a->cell_count,
                                 a->flags, r->counts.v, &call->err);
    r->counts.n = (uint32_t)MAX(n, 0);
    return n < 0 ? -1 : 0;
}

static int alloc_pages(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_alloc_pages_args *a = args;
    struct wire_node_alloc_pages_ret *r = ret;

    if (a->page_sizes.n != a->page_counts.n)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "there are %u sizes of pages and %u counts", a->page_sizes.n,
                               a->page_counts.n);
    r->ret = vmgr_node_alloc_pages(call->conn, a->page_sizes.v, a->page_counts.v, a->page_sizes.n,
                                   a->start_cell, a->cell_count, a->flags, &call->err);
    return r->ret < 0 ? -1 : 0;
}

static int get_memory_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_get_memory_parameters_args *a = args;
    struct wire_node_get_memory_parameters_ret *r = ret;
    struct vmgr_stat *stats = NULL;
    const int all = vmgr_node_get_memory_parameters(call->conn, a->flags, &stats, &call->err);
    const int n = figures(call, all, stats, a->nparams, PARAMS_MAX, &r->nparams);
    struct vmgr__params list;

    if (n < 0)
        return -1;
    vmgr__params_init(&list, &call->arena);
    for (int i = 0; i < n; i++) {
        if (stats[i].type == VMGR_STAT_UINT)
            vmgr__params_add_uint(&list, (uint32_t)stats[i].number, "%s", stats[i].name);
        else
            vmgr__params_add_ullong(&list, stats[i].number, "%s", stats[i].name);
    }
    r->params.v = vmgr__params_end(&list, &r->params.n);
    return 0;
}

static int set_memory_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_set_memory_parameters_args *a = args;
    struct vmgr_stat *params =
        vmgr__arena_adopt(&call->arena, g_new0(struct vmgr_stat, a->params.n + 1), g_free);

    (void)ret;
    for (uint32_t i = 0; i < a->params.n; i++) {
        const struct wire_typed_param *p = &a->params.v[i];

        params[i].name = p->field;
        params[i].type = p->value.type;
        params[i].number = p->value.type == WIRE_VALUE_UINT ? p->value.ui : 0;
    }
    return vmgr_node_set_memory_parameters(call->conn, params, a->flags, &call->err);
}

static int suspend(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_node_suspend_for_duration_args *a = args;

    (void)ret;
    return vmgr_node_suspend(call->conn, (int)MIN(a->target, INT32_MAX), a->duration, a->flags,
                             &call->err);
}

static int get_sysinfo(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_get_sysinfo_args *a = args;
    struct wire_connect_get_sysinfo_ret *r = ret;

    if (vmgr_conn_get_sysinfo(call->conn, a->flags, &r->sysinfo, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->sysinfo, free);
    return 0;
}

const struct vmgr__handler vmgr__handlers_node[] = {
    { WIRE_NODE_GET_INFO, get_info, 0 },
    { WIRE_NODE_GET_SECURITY_MODEL, get_security_model, 0 },
    { WIRE_NODE_GET_FREE_MEMORY, get_free_memory, 0 },
    { WIRE_NODE_GET_CELLS_FREE_MEMORY, get_cells_free_memory, 0 },
    { WIRE_NODE_GET_CPU_MAP, get_cpu_map, 0 },
    { WIRE_NODE_GET_CPU_STATS, get_cpu_stats, 0 },
    { WIRE_NODE_GET_MEMORY_STATS, get_memory_stats, 0 },
    { WIRE_NODE_GET_FREE_PAGES, get_free_pages, 0 },
    { WIRE_NODE_ALLOC_PAGES, alloc_pages, 0 },
    { WIRE_NODE_GET_MEMORY_PARAMETERS, get_memory_parameters, 0 },
    { WIRE_NODE_SET_MEMORY_PARAMETERS, set_memory_parameters, 0 },
    { WIRE_NODE_SUSPEND_FOR_DURATION, suspend, 0 },
    { WIRE_CONNECT_GET_SYSINFO, get_sysinfo, 0 },
    { 0, NULL, 0 },
};
