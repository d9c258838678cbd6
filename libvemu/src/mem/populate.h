/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Allocating memory at once.
 */
#ifndef VEMU_MEM_POPULATE_H
#define VEMU_MEM_POPULATE_H

#include <stdint.h>

struct vemu_vm;

/* Touches all of a mapping, with up to `threads` threads of the machine; size is whole pages.
 * 0, or -errno: the host has not that much, or no more threads. */
int vemu__memory_populate(struct vemu_vm *vm, uint8_t *hva, uint64_t size, uint64_t page_size,
                          uint32_t threads);

#endif
