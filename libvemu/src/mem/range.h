/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Host addresses of guest memory that comes and goes.
 */
#ifndef VEMU_MEM_RANGE_H
#define VEMU_MEM_RANGE_H

#include <stdint.h>

struct vemu_memory;
struct vemu_ranges;

/*
 * Takes `size` bytes of address space at a multiple of `align` (a power of two), without access;
 * the caller maps over it. NULL: no room. Context: loop.
 */
uint8_t *vemu__range_take(struct vemu_memory *mem, uint64_t size, uint64_t align);
/*
 * The memory there goes; the addresses stay valid, zeros, until the VM is freed or another range is
 * taken: a device may hold pointers of requests, and of rings that its driver put there.
 */
void vemu__range_leave(struct vemu_memory *mem, uint8_t *start);
/* Unmaps all. */
void vemu__ranges_free(struct vemu_ranges *ranges);

#endif
