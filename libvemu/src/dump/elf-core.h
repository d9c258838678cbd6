/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The head of an ELF core file: headers and notes.
 */
#ifndef VEMU_DUMP_ELF_CORE_H
#define VEMU_DUMP_ELF_CORE_H

#include <glib.h>

#include "accel/state.h"

/* A piece of guest memory and its place in the file. */
struct vemu_core_block {
    uint64_t gpa, size, offset;
};

/* Everything before the memory, which begins at the end of it; fills in the blocks' offsets. */
GByteArray *vemu__elf_core_head(struct vemu_core_block *blocks, uint32_t block_count,
                                const struct vemu_cpu_state *cpus, uint32_t cpu_count);

#endif
