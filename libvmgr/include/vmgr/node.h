/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host: its CPUs, its memory and what they do.
 */
#ifndef VMGR_NODE_H
#define VMGR_NODE_H

#include <vmgr/stats.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Of all CPUs, of all NUMA nodes. Numbers of the libvirt protocol. */
#define VMGR_NODE_ALL_CPUS  (-1)
#define VMGR_NODE_ALL_CELLS (-1)

/** vmgr_node_alloc_pages(): how the numbers are meant. Numbers of the libvirt protocol. */
#define VMGR_NODE_ALLOC_PAGES_SET 0
#define VMGR_NODE_ALLOC_PAGES_ADD (1u << 0)

/** vmgr_node_suspend(). Numbers of the libvirt protocol. */
enum vmgr_node_suspend_target {
    VMGR_NODE_SUSPEND_MEM = 0,
    VMGR_NODE_SUSPEND_DISK = 1,
    VMGR_NODE_SUSPEND_HYBRID = 2,
};

/*
 * All of these return -1 and *err on failure: VMGR_ERR_NO_SUPPORT (the driver does not tell),
 * VMGR_ERR_INVALID_ARG (flags, a CPU or cell that is not there), VMGR_ERR_SYSTEM_ERROR and
 * VMGR_ERR_INTERNAL_ERROR (the system does not tell, or refuses). Those that change something need
 * a connection that may. flags without a line: 0. Context: any. Since 0.1
 */

/** Memory that is free, in bytes. Returns 0. */
int vmgr_node_get_free_memory(struct vmgr_conn *conn, uint64_t *ret_bytes, struct vmgr_error **err);
/**
 * The same of each NUMA node from @first on, @max of them at most, in bytes. Returns how many.
 */
int vmgr_node_get_cells_free_memory(struct vmgr_conn *conn, int first, int max, uint64_t *ret_bytes,
                                    struct vmgr_error **err);
/**
 * vmgr_node_get_cpu_map() - which CPUs are online
 * @ret_map: a bit each, CPU 0 is bit 0 of the first byte; for free(). May be NULL
 * @ret_online: how many; may be NULL
 *
 * Returns how many CPUs there are, online or not.
 */
int vmgr_node_get_cpu_map(struct vmgr_conn *conn, uint32_t flags, uint8_t **ret_map,
                          uint32_t *ret_online, struct vmgr_error **err);
/**
 * vmgr_node_get_cpu_stats() - what CPUs have spent their time with, in ns
 * @cpu: or VMGR_NODE_ALL_CPUS
 * @ret_stats: "kernel", "user", "idle", "iowait"; for vmgr_stats_free()
 *
 * Returns how many figures there are.
 */
int vmgr_node_get_cpu_stats(struct vmgr_conn *conn, int cpu, uint32_t flags,
                            struct vmgr_stat **ret_stats, struct vmgr_error **err);
/**
 * vmgr_node_get_memory_stats() - memory in KiB
 * @cell: a NUMA node or VMGR_NODE_ALL_CELLS
 * @ret_stats: "total" and "free", of all cells "buffers" and "cached" too; for vmgr_stats_free()
 *
 * Returns how many figures there are.
 */
int vmgr_node_get_memory_stats(struct vmgr_conn *conn, int cell, uint32_t flags,
                               struct vmgr_stat **ret_stats, struct vmgr_error **err);
/**
 * vmgr_node_get_free_pages() - free pages of each size in each cell
 * @sizes_kib, @count: the sizes
 * @first, @cells: the cells
 * @ret_counts: room for count * cells: those of the first cell, then those of the next
 *
 * Returns how many were filled in.
 */
int vmgr_node_get_free_pages(struct vmgr_conn *conn, const uint32_t *sizes_kib, uint32_t count,
                             int first, uint32_t cells, uint32_t flags, uint64_t *ret_counts,
                             struct vmgr_error **err);
/**
 * vmgr_node_alloc_pages() - makes pools of huge pages larger or smaller
 * @sizes_kib, @counts, @count: how many pages of which size
 * @first, @cells: the cells; first VMGR_NODE_ALL_CELLS with cells 0: wherever there is room
 * @flags: VMGR_NODE_ALLOC_PAGES_*
 *
 * The system may give fewer: VMGR_ERR_OPERATION_FAILED. Returns how many pools were changed.
 */
int vmgr_node_alloc_pages(struct vmgr_conn *conn, const uint32_t *sizes_kib, const uint64_t *counts,
                          uint32_t count, int first, uint32_t cells, uint32_t flags,
                          struct vmgr_error **err);
/**
 * vmgr_node_get_memory_parameters() - how memory is shared among guests (KSM)
 * @ret_params: "shm_pages_to_scan", "shm_sleep_millisecs", "shm_merge_across_nodes" and figures of
 * it; for vmgr_stats_free()
 *
 * Returns how many there are.
 */
int vmgr_node_get_memory_parameters(struct vmgr_conn *conn, uint32_t flags,
                                    struct vmgr_stat **ret_params, struct vmgr_error **err);
/**
 * Sets some of the three named above; @params ends with a NULL name. All are checked first.
 * VMGR_ERR_INVALID_ARG: another name, or another type than VMGR_STAT_UINT. Returns 0.
 */
int vmgr_node_set_memory_parameters(struct vmgr_conn *conn, const struct vmgr_stat *params,
                                    uint32_t flags, struct vmgr_error **err);
/**
 * Puts the host to sleep, for @seconds (at least 60). @target: enum vmgr_node_suspend_target. No
 * driver of this library does that; a daemon may. Returns 0.
 */
int vmgr_node_suspend(struct vmgr_conn *conn, int target, uint64_t seconds, uint32_t flags,
                      struct vmgr_error **err);
/** What firmware says of the host (SMBIOS), an XML document, for free(). Returns 0. */
int vmgr_conn_get_sysinfo(struct vmgr_conn *conn, uint32_t flags, char **ret_xml,
                          struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
