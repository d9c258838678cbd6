/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of one machine: the session's target. Everything belongs to the loop but `stops`.
 */
#ifndef VEMU_GDB_SERVER_H
#define VEMU_GDB_SERVER_H

#include "core/vm.h"
#include "gdb/gdb.h"
#include "gdb/session.h"

#define GDB_POINTS_MAX 1024u

/* An INT3 in guest memory. */
struct gdb_patch {
    uint64_t gpa;
    uint8_t old;
};

struct vemu_gdb {
    struct vemu_vm *vm;
    struct vemu_chardev *chr;
    struct gdb_session session;
    bool connected;
    GArray *points;  /* struct vemu_debug_point, as the client inserted them */
    GArray *patches; /* struct gdb_patch, while vCPUs run */
    bool int3;       /* the accelerator needs those */
    enum gdb_action *actions; /* a vCPU each, for the next run; then all RUN again */
    bool *stepping;           /* a vCPU each: the accelerator was told to */
    pthread_mutex_t lock;     /* `stops` */
    struct gdb_stop *stops;   /* a vCPU each; not yet told to the client if .debug */
};

/* --- breakpoints.c: vCPUs are parked ------------------------------------------------------ */
int vemu__gdb_point_insert(struct vemu_gdb *gdb, const struct vemu_debug_point *point);
int vemu__gdb_point_remove(struct vemu_gdb *gdb, const struct vemu_debug_point *point);
bool vemu__gdb_point_exists(const struct vemu_gdb *gdb, enum vemu_debug_kind kind,
                            uint64_t address);
/* All of them, and steps. */
void vemu__gdb_points_clear(struct vemu_gdb *gdb);
/* Tells the accelerator what vCPU `id` stops at. */
int vemu__gdb_apply(struct vemu_gdb *gdb, uint32_t id, bool step);
void vemu__gdb_patch(struct vemu_gdb *gdb);
void vemu__gdb_unpatch(struct vemu_gdb *gdb);

/* --- memory.c: the same ------------------------------------------------------------------- */
/* Copies linear memory of vCPU `id` as its page tables have it now; whole or the first part.
 * Returns the bytes, or -EFAULT when the first page is not mapped, or not to RAM. */
long vemu__gdb_memory(struct vemu_gdb *gdb, uint32_t id, uint64_t address, void *buf, size_t size,
                      bool write);
int vemu__gdb_translate(struct vemu_gdb *gdb, uint32_t id, uint64_t address, uint64_t *ret_gpa);

#endif
