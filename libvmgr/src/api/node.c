/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host: the public calls, which check and pass on to the driver.
 */
#include "../driver/node.h"

#include <stdlib.h>
#include <string.h>

#include "give.h"
#include "operation.h"

#define NEED_NODE(op, name)                                                                        \
    const struct vmgr__node_ops *ops = conn->driver->node;                                         \
    if (!ops || !ops->op)                                                                          \
    return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", name)

#define SUSPEND_SECONDS_MIN 60

static int invalid(struct vmgr_error **err, const char *text)
{
    return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE, text);
}

int vmgr_node_get_free_memory(struct vmgr_conn *conn, uint64_t *ret_bytes, struct vmgr_error **err)
{
    NEED_NODE(get_free_memory, "virNodeGetFreeMemory");
    return ops->get_free_memory(conn, ret_bytes, err);
}

int vmgr_node_get_cells_free_memory(struct vmgr_conn *conn, int first, int max, uint64_t *ret_bytes,
                                    struct vmgr_error **err)
{
    NEED_NODE(get_cells_free_memory, "virNodeGetCellsFreeMemory");
    if (first < 0)
        return invalid(err, "startCell in virNodeGetCellsFreeMemory must be zero or greater");
    if (max <= 0)
        return invalid(err, "maxCells in virNodeGetCellsFreeMemory must be greater than zero");
    return ops->get_cells_free_memory(conn, first, max, ret_bytes, err);
}

int vmgr_node_get_cpu_map(struct vmgr_conn *conn, uint32_t flags, uint8_t **ret_map,
                          uint32_t *ret_online, struct vmgr_error **err)
{
    NEED_NODE(get_cpu_map, "virNodeGetCPUMap");
    if (vmgr__check_flags(flags, 0, "virNodeGetCPUMap", err) < 0)
        return -1;
    return ops->get_cpu_map(conn, ret_map, ret_online, err);
}

/* Ends a list for its reader; r: how it was filled. */
static int give(GArray *list, int r, struct vmgr_stat **ret)
{
    const int n = (int)list->len;

    *ret = (struct vmgr_stat *)(void *)g_array_free(list, FALSE);
    if (r == 0)
        return n;
    *ret = vmgr_stats_free(*ret);
    return -1;
}

static GArray *list_new(void)
{
    return g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
}

int vmgr_node_get_cpu_stats(struct vmgr_conn *conn, int cpu, uint32_t flags,
                            struct vmgr_stat **ret_stats, struct vmgr_error **err)
{
    GArray *list;

    NEED_NODE(get_cpu_stats, "virNodeGetCPUStats");
    if (vmgr__check_flags(flags, 0, "virNodeGetCPUStats", err) < 0)
        return -1;
    if (cpu < VMGR_NODE_ALL_CPUS)
        return invalid(err, "cpuNum in virNodeGetCPUStats only accepts -1 as a negative value");
    list = list_new();
    return give(list, ops->get_cpu_stats(conn, cpu, list, err), ret_stats);
}

int vmgr_node_get_memory_stats(struct vmgr_conn *conn, int cell, uint32_t flags,
                               struct vmgr_stat **ret_stats, struct vmgr_error **err)
{
    GArray *list;

    NEED_NODE(get_memory_stats, "virNodeGetMemoryStats");
    if (vmgr__check_flags(flags, 0, "virNodeGetMemoryStats", err) < 0)
        return -1;
    if (cell < VMGR_NODE_ALL_CELLS)
        return invalid(err, "cellNum in virNodeGetMemoryStats only accepts -1 as a negative value");
    list = list_new();
    return give(list, ops->get_memory_stats(conn, cell, list, err), ret_stats);
}

int vmgr_node_get_free_pages(struct vmgr_conn *conn, const uint32_t *sizes_kib, uint32_t count,
                             int first, uint32_t cells, uint32_t flags, uint64_t *ret_counts,
                             struct vmgr_error **err)
{
    NEED_NODE(get_free_pages, "virNodeGetFreePages");
    if (vmgr__check_flags(flags, 0, "virNodeGetFreePages", err) < 0)
        return -1;
    if (!count || !cells)
        return invalid(err, "npages and cellCount in virNodeGetFreePages must not be zero");
    return ops->get_free_pages(conn, sizes_kib, count, first, cells, ret_counts, err);
}

int vmgr_node_alloc_pages(struct vmgr_conn *conn, const uint32_t *sizes_kib, const uint64_t *counts,
                          uint32_t count, int first, uint32_t cells, uint32_t flags,
                          struct vmgr_error **err)
{
    NEED_NODE(alloc_pages, "virNodeAllocPages");
    if (vmgr__need_write(conn, "virNodeAllocPages", err) < 0 ||
        vmgr__check_flags(flags, VMGR_NODE_ALLOC_PAGES_ADD, "virNodeAllocPages", err) < 0)
        return -1;
    if (!count)
        return invalid(err, "npages in virNodeAllocPages must not be zero");
    for (uint32_t i = 0; i < count; i++) {
        if (!sizes_kib[i])
            return invalid(err, "a page of virNodeAllocPages must have a size");
    }
    return ops->alloc_pages(conn, sizes_kib, counts, count, first, cells,
                            flags & VMGR_NODE_ALLOC_PAGES_ADD, err);
}

int vmgr_node_get_memory_parameters(struct vmgr_conn *conn, uint32_t flags,
                                    struct vmgr_stat **ret_params, struct vmgr_error **err)
{
    GArray *list;

    NEED_NODE(get_memory_parameters, "virNodeGetMemoryParameters");
    if (vmgr__check_flags(flags, 0, "virNodeGetMemoryParameters", err) < 0)
        return -1;
    list = list_new();
    return give(list, ops->get_memory_parameters(conn, list, err), ret_params);
}

int vmgr_node_set_memory_parameters(struct vmgr_conn *conn, const struct vmgr_stat *params,
                                    uint32_t flags, struct vmgr_error **err)
{
    NEED_NODE(set_memory_parameters, "virNodeSetMemoryParameters");
    if (vmgr__need_write(conn, "virNodeSetMemoryParameters", err) < 0 ||
        vmgr__check_flags(flags, 0, "virNodeSetMemoryParameters", err) < 0)
        return -1;
    if (!params->name)
        return invalid(err, "params in virNodeSetMemoryParameters must not be empty");
    return ops->set_memory_parameters(conn, params, err);
}

int vmgr_node_suspend(struct vmgr_conn *conn, int target, uint64_t seconds, uint32_t flags,
                      struct vmgr_error **err)
{
    NEED_NODE(suspend, "virNodeSuspendForDuration");
    if (vmgr__need_write(conn, "virNodeSuspendForDuration", err) < 0 ||
        vmgr__check_flags(flags, 0, "virNodeSuspendForDuration", err) < 0)
        return -1;
    if (target < VMGR_NODE_SUSPEND_MEM || target > VMGR_NODE_SUSPEND_HYBRID)
        return invalid(err, "target in virNodeSuspendForDuration is none there is");
    if (seconds < SUSPEND_SECONDS_MIN)
        return invalid(err, "Suspend duration is too short");
    return ops->suspend(conn, target, seconds, err);
}

int vmgr_conn_get_sysinfo(struct vmgr_conn *conn, uint32_t flags, char **ret_xml,
                          struct vmgr_error **err)
{
    char *text = NULL;

    NEED_NODE(get_sysinfo, "virConnectGetSysinfo");
    if (vmgr__check_flags(flags, 0, "virConnectGetSysinfo", err) < 0 ||
        ops->get_sysinfo(conn, &text, err) < 0)
        return -1;
    return vmgr__give_text(text, 0, ret_xml, err);
}
