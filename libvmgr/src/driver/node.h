/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver says of its host's CPUs and memory. The rules of struct vmgr__driver apply.
 */
#ifndef VMGR_SRC_DRIVER_NODE_H
#define VMGR_SRC_DRIVER_NODE_H

#include <vmgr/node.h>

#include "driver.h"
#include "stats.h"

struct vmgr__node_ops {
    int (*get_free_memory)(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
    int (*get_cells_free_memory)(struct vmgr_conn *conn, int first, int max, uint64_t *ret,
                                 struct vmgr_error **err);
    /* Either of ret_map (malloc) and ret_online may be NULL. */
    int (*get_cpu_map)(struct vmgr_conn *conn, uint8_t **ret_map, uint32_t *ret_online,
                       struct vmgr_error **err);
    /* Those with a list add struct vmgr_stat (stats.h) to it. */
    int (*get_cpu_stats)(struct vmgr_conn *conn, int cpu, GArray *ret, struct vmgr_error **err);
    int (*get_memory_stats)(struct vmgr_conn *conn, int cell, GArray *ret, struct vmgr_error **err);
    int (*get_free_pages)(struct vmgr_conn *conn, const uint32_t *sizes, uint32_t count, int first,
                          uint32_t cells, uint64_t *ret, struct vmgr_error **err);
    int (*alloc_pages)(struct vmgr_conn *conn, const uint32_t *sizes, const uint64_t *counts,
                       uint32_t count, int first, uint32_t cells, bool add,
                       struct vmgr_error **err);
    int (*get_memory_parameters)(struct vmgr_conn *conn, GArray *ret, struct vmgr_error **err);
    int (*set_memory_parameters)(struct vmgr_conn *conn, const struct vmgr_stat *params,
                                 struct vmgr_error **err);
    int (*suspend)(struct vmgr_conn *conn, int target, uint64_t seconds, struct vmgr_error **err);
    int (*get_sysinfo)(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
};

extern const struct vmgr__node_ops vmgr__vemu_node, vmgr__test_node, vmgr__remote_node;

#endif
