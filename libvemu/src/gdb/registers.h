/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers as GDB numbers and describes them.
 */
#ifndef VEMU_GDB_REGISTERS_H
#define VEMU_GDB_REGISTERS_H

#include <glib.h>

#include "accel/state.h"

#define GDB_REGISTER_MAX 16u /* bytes of the largest */
/* What of the state they live in. */
#define GDB_REGISTER_GROUPS                                                                        \
    (VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_FPU | VEMU_STATE_MSRS)

unsigned vemu__gdb_register_count(void);
/* Bytes of register n (less than the count). */
unsigned vemu__gdb_register_size(unsigned n);
void vemu__gdb_register_get(const struct vemu_cpu_state *state, unsigned n, void *buf);
/* Changes `state` and adds what has to be written to *groups. A value that is already there changes
 * nothing. -EINVAL: it cannot be changed. */
int vemu__gdb_register_set(struct vemu_cpu_state *state, unsigned n, const void *buf,
                           uint32_t *groups);
/* The target description (GDB manual, appendix G). */
GString *vemu__gdb_register_xml(void);

#endif
