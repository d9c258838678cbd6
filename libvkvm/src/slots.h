/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory slots of a VM: numbers, ranges, overlap.
 */
#ifndef VKVM_SRC_SLOTS_H
#define VKVM_SRC_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vkvm_slot {
    uint64_t gpa, size;
    void *hva;
    uint32_t number, flags;
};

/* Sorted by gpa; numbers are the lowest free. */
struct vkvm_slots {
    struct vkvm_slot *items;
    size_t count, capacity;
};

void vkvm__slots_fini(struct vkvm_slots *slots);
/* Checks and reserves room; *ret_index is where the slot will go, *ret_number its number. -EINVAL,
 * -EEXIST, -ENOSPC (`limit` numbers), -ENOMEM. Nothing is changed yet. */
int vkvm__slots_prepare(struct vkvm_slots *slots, const struct vkvm_slot *wanted, uint32_t limit,
                        size_t *ret_index, uint32_t *ret_number);
/* Cannot fail after vkvm__slots_prepare(). */
void vkvm__slots_insert(struct vkvm_slots *slots, size_t index, const struct vkvm_slot *slot);
void vkvm__slots_remove(struct vkvm_slots *slots, size_t index);
/* The slot with this number, or NULL. */
struct vkvm_slot *vkvm__slots_find(struct vkvm_slots *slots, uint32_t number, size_t *ret_index);
/* The slot that holds all of [gpa, gpa + size), or NULL. */
const struct vkvm_slot *vkvm__slots_at(const struct vkvm_slots *slots, uint64_t gpa,
                                       uint64_t size);

#endif
