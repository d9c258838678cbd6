/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading what the kernel tells of this host.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_HOST_HOST_H
#define VMGR_SRC_DRIVER_VEMU_HOST_HOST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../../api/error.h"
#include "../../../conf/xml.h"
#include "../vemu.h"

/* ---- host-files.c ---- */
/* A path below /sys; a file there or below /proc, NULL: it cannot be read. For g_free(). */
char *vmgr__sys_path(const char *format, ...) G_GNUC_PRINTF(1, 2);
char *vmgr__sys_read(const char *format, ...) G_GNUC_PRINTF(1, 2);
char *vmgr__proc_read(const char *name);
/* The number a file consists of. */
bool vmgr__file_number(const char *path, uint64_t *ret);
int vmgr__file_put_number(const char *path, uint64_t number, struct vmgr_error **err);
/* Sets the bits of a list: "0-3,7". */
bool vmgr__host_list(const char *text, uint8_t *map, uint32_t bits);
/* How many NUMA nodes there are, at least 1; *ret_last (may be NULL): the highest number. */
unsigned vmgr__host_cells(int *ret_last);

/* ---- host.c ---- */
/* How the online CPUs sit in packages and cores. */
struct vmgr__host_topology {
    unsigned cpus, packages, cores_per_package, threads_per_core;
};
struct vmgr__host_topology vmgr__host_read_topology(void);
bool vmgr__vemu_has_kvm(void);

/* ---- host-topology.c ---- */
/* <topology>, <cache> of <host>. */
void vmgr__host_write_topology(struct vmgr__xml_writer *w);
void vmgr__host_write_caches(struct vmgr__xml_writer *w);
/* <pages unit='KiB' size='...'/> of all sizes there are. */
void vmgr__host_write_pages(struct vmgr__xml_writer *w);

/* ---- operations of the driver ---- */
int vmgr__vemu_get_version(struct vmgr_conn *conn, uint64_t *ret, struct vmgr_error **err);
int vmgr__vemu_get_hostname(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__vemu_get_sysinfo(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__vemu_get_capabilities(struct vmgr_conn *conn, char **ret, struct vmgr_error **err);
int vmgr__vemu_get_max_vcpus(struct vmgr_conn *conn, const char *type, struct vmgr_error **err);
int vmgr__vemu_get_node_info(struct vmgr_conn *conn, struct vmgr_node_info *ret,
                             struct vmgr_error **err);
int vmgr__vemu_get_security_model(struct vmgr_conn *conn, struct vmgr_security_model *ret,
                                  struct vmgr_error **err);

#endif
