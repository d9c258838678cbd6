/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELF images: parsing headers of both classes and loading segments.
 */
#ifndef VEMU_BOOT_ELF_H
#define VEMU_BOOT_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/stream.h"

struct vemu_boot;
struct vemu_boot_board;

struct vemu_elf_segment {
    uint32_t type;
    uint64_t offset, filesz, memsz, paddr, vaddr, align;
};

#define VEMU_ELF_SEGMENT_MAX 64
struct vemu_elf {
    bool is64;
    uint64_t entry;
    unsigned count;
    struct vemu_elf_segment segments[VEMU_ELF_SEGMENT_MAX];
};

/* Reads and checks the ELF header and the program headers from the start of the stream. Leaves the
 * stream behind the last of them. */
int vemu__elf_read(struct vemu_stream *stream, const char *path, struct vemu_elf *ret,
                   struct vemu_error **err);
/* Loads the PT_LOAD segments at their physical addresses; widens boot->image_start/_end. */
int vemu__elf_load(struct vemu_boot *boot, const struct vemu_boot_board *board,
                   struct vemu_stream *stream, const struct vemu_elf *elf, struct vemu_error **err);
/* The physical address of the entry point: e_entry itself if a segment is loaded there, or its
 * translation if it is a virtual address. */
int vemu__elf_entry(const struct vemu_elf *elf, const char *path, uint64_t *ret,
                    struct vemu_error **err);

#endif
