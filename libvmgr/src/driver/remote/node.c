/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUs and memory of a server's host.
 *
 * What a server says is measured against what was asked: there are never more figures than there is
 * room for.
 */
#include "../node.h"

#include <stdlib.h>
#include <string.h>

#include "../../rpc/params.h"
#include "remote.h"

#define FIGURES_MAX 16 /* of the protocol, in one reply about CPUs or memory */
#define PARAMS_MAX  64

static int too_many(struct vmgr_error **err)
{
    return vmgr__error_set_plain(err, VMGR_ERR_RPC, VMGR_FROM_RPC,
                                 "the server's answer cannot be: more figures than asked for");
}

static int get_free_memory(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err)
{
    return vmgr__remote_large(conn->driver_data, WIRE_NODE_GET_FREE_MEMORY, ret, err);
}

/* Copies numbers of an answer. Returns how many. */
static int take(const uint64_t *from, uint32_t n, uint64_t room, uint64_t *ret,
                struct vmgr_error **err)
{
    if (n > room)
        return too_many(err);
    if (n)
        memcpy(ret, from, n * sizeof(*ret));
    return (int)n;
}

static int get_cells_free_memory(struct vmgr_conn *conn, int first, int max, uint64_t *ret,
                                 struct vmgr_error **err)
{
    const struct wire_node_get_cells_free_memory_args args = { .start_cell = first,
                                                               .maxcells = max };
    struct wire_node_get_cells_free_memory_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_CELLS_FREE_MEMORY, &args, &out,
                              &reply, err);

    if (r == 0)
        r = take(out.cells.v, out.cells.n, (uint64_t)max, ret, err);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int get_cpu_map(struct vmgr_conn *conn, uint8_t **ret_map, uint32_t *ret_online,
                       struct vmgr_error **err)
{
    const struct wire_node_get_cpu_map_args args = { .need_map = ret_map != NULL,
                                                     .need_online = ret_online != NULL };
    struct wire_node_get_cpu_map_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_CPU_MAP, &args, &out, &reply, err);

    if (r == 0 && (out.ret < 0 || (ret_map && (uint64_t)out.cpumap.n * 8 < (uint64_t)out.ret)))
        r = vmgr__error_set_plain(err, VMGR_ERR_RPC, VMGR_FROM_RPC,
                                  "the server's answer cannot be: a map of another size");
    if (r == 0 && ret_map) {
        *ret_map = calloc(1, out.cpumap.n + 1);
        if (!*ret_map)
            r = vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
        else if (out.cpumap.n)
            memcpy(*ret_map, out.cpumap.v, out.cpumap.n);
    }
    if (r == 0 && ret_online)
        *ret_online = out.online;
    r = r == 0 ? out.ret : -1;
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int get_cpu_stats(struct vmgr_conn *conn, int cpu, GArray *ret, struct vmgr_error **err)
{
    const struct wire_node_get_cpu_stats_args args = { .cpu_num = cpu, .nparams = FIGURES_MAX };
    struct wire_node_get_cpu_stats_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r =
        vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_CPU_STATS, &args, &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.params.n; i++)
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, out.params.v[i].value, "%s", out.params.v[i].field);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int get_memory_stats(struct vmgr_conn *conn, int cell, GArray *ret, struct vmgr_error **err)
{
    const struct wire_node_get_memory_stats_args args = { .nparams = FIGURES_MAX,
                                                          .cell_num = cell };
    struct wire_node_get_memory_stats_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r =
        vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_MEMORY_STATS, &args, &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.params.n; i++)
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, out.params.v[i].value, "%s", out.params.v[i].field);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int get_free_pages(struct vmgr_conn *conn, const uint32_t *sizes, uint32_t count, int first,
                          uint32_t cells, uint64_t *ret, struct vmgr_error **err)
{
    const struct wire_node_get_free_pages_args args = {
        .pages = { .n = count, .v = (uint32_t *)sizes }, .start_cell = first, .cell_count = cells
    };
    struct wire_node_get_free_pages_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r =
        vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_FREE_PAGES, &args, &out, &reply, err);

    if (r == 0)
        r = take(out.counts.v, out.counts.n, (uint64_t)count * cells, ret, err);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int alloc_pages(struct vmgr_conn *conn, const uint32_t *sizes, const uint64_t *counts,
                       uint32_t count, int first, uint32_t cells, bool add, struct vmgr_error **err)
{
    const struct wire_node_alloc_pages_args args = {
        .page_sizes = { .n = count, .v = (uint32_t *)sizes },
        .page_counts = { .n = count, .v = (uint64_t *)counts },
        .start_cell = first,
        .cell_count = cells,
        .flags = add ? VMGR_NODE_ALLOC_PAGES_ADD : VMGR_NODE_ALLOC_PAGES_SET,
    };

    return vmgr__remote_number(conn->driver_data, WIRE_NODE_ALLOC_PAGES, &args, err);
}

static int get_memory_parameters(struct vmgr_conn *conn, GArray *ret, struct vmgr_error **err)
{
    const struct wire_node_get_memory_parameters_args args = { .nparams = PARAMS_MAX };
    struct wire_node_get_memory_parameters_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(conn->driver_data, WIRE_NODE_GET_MEMORY_PARAMETERS, &args, &out,
                                    &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.params.n; i++)
        vmgr__remote_add_stat(ret, &out.params.v[i]);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int set_memory_parameters(struct vmgr_conn *conn, const struct vmgr_stat *params,
                                 struct vmgr_error **err)
{
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    struct wire_node_set_memory_parameters_args args = { 0 };
    struct vmgr__params list;
    int r = 0;

    vmgr__params_init(&list, &arena);
    for (const struct vmgr_stat *p = params; r == 0 && p->name; p++) {
        if (p->type == VMGR_STAT_UINT && p->number <= UINT32_MAX)
            vmgr__params_add_uint(&list, (uint32_t)p->number, "%s", p->name);
        else
            r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                                "invalid type for parameter '%s', expected uint", p->name);
    }
    args.params.v = vmgr__params_end(&list, &args.params.n);
    if (r == 0)
        r = vmgr__remote_do(conn->driver_data, WIRE_NODE_SET_MEMORY_PARAMETERS, &args, err);
    vmgr__arena_clear(&arena);
    return r;
}

static int node_suspend(struct vmgr_conn *conn, int target, uint64_t seconds,
                        struct vmgr_error **err)
{
    const struct wire_node_suspend_for_duration_args args = { .target = (uint32_t)target,
                                                              .duration = seconds };

    return vmgr__remote_do(conn->driver_data, WIRE_NODE_SUSPEND_FOR_DURATION, &args, err);
}

static int get_sysinfo(struct vmgr_conn *conn, char **ret, struct vmgr_error **err)
{
    const struct wire_connect_get_sysinfo_args args = { 0 };

    return vmgr__remote_text(conn->driver_data, WIRE_CONNECT_GET_SYSINFO, &args, ret, err);
}

const struct vmgr__node_ops vmgr__remote_node = {
    .get_free_memory = get_free_memory,
    .get_cells_free_memory = get_cells_free_memory,
    .get_cpu_map = get_cpu_map,
    .get_cpu_stats = get_cpu_stats,
    .get_memory_stats = get_memory_stats,
    .get_free_pages = get_free_pages,
    .alloc_pages = alloc_pages,
    .get_memory_parameters = get_memory_parameters,
    .set_memory_parameters = set_memory_parameters,
    .suspend = node_suspend,
    .get_sysinfo = get_sysinfo,
};
