/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core needs of the GDB server.
 */
#ifndef VEMU_GDB_GDB_H
#define VEMU_GDB_GDB_H

#include <stdbool.h>
#include <stdint.h>

struct vemu_chardev;
struct vemu_error;
struct vemu_exit;
struct vemu_gdb;
struct vemu_vm;

/* Context of all but note: loop. */
int vemu__gdb_new(struct vemu_vm *vm, struct vemu_chardev *chr, struct vemu_gdb **ret,
                  struct vemu_error **err);
/* vCPUs are parked for good. Returns NULL. */
struct vemu_gdb *vemu__gdb_free(struct vemu_gdb *gdb);
/* The machine is about to run, is parked: breakpoints go into memory, and out of it. */
void vemu__gdb_go(struct vemu_gdb *gdb);
void vemu__gdb_halted(struct vemu_gdb *gdb);
/* vCPU `id` came back with VEMU_EXIT_DEBUG. Context: vcpu. */
void vemu__gdb_note(struct vemu_gdb *gdb, uint32_t id, const struct vemu_exit *exit);
/* Is there a client that such a vCPU has to wait for? NULL: no. */
bool vemu__gdb_wants(const struct vemu_gdb *gdb);

#endif
