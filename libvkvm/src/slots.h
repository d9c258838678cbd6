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
    uint64_t memfd_offset;
    int memfd; /* with KVM_MEM_GUEST_MEMFD */
    uint32_t space;
    uint32_t number; /* space << 16 | id */
    uint32_t flags;
    uint64_t serial; /* of the change that added it: tells apart users of one number */
};

/* Sorted by (space, gpa); ids are the lowest free of their space. */
struct vkvm_slots {
    struct vkvm_slot *items;
    size_t count, capacity;
    uint64_t generation;
};

/* Bits 16 and up of a slot number. */
#define VKVM_SLOT_SPACES 2

void vkvm__slots_fini(struct vkvm_slots *slots);
/* Checks and reserves room; *ret_index is where the slot will go, *ret_number its number. -EINVAL,
 * -EEXIST, -ENOSPC (`limit` ids), -ENOMEM. Nothing is changed yet. */
int vkvm__slots_prepare(struct vkvm_slots *slots, const struct vkvm_slot *wanted, uint32_t limit,
                        size_t *ret_index, uint32_t *ret_number);
/* Cannot fail after vkvm__slots_prepare(). */
void vkvm__slots_insert(struct vkvm_slots *slots, size_t index, const struct vkvm_slot *slot);
void vkvm__slots_remove(struct vkvm_slots *slots, size_t index);
/* The slot with this number, or NULL. */
struct vkvm_slot *vkvm__slots_find(struct vkvm_slots *slots, uint32_t number, size_t *ret_index);
/* The slot of this space that holds all of [gpa, gpa + size), or NULL. */
const struct vkvm_slot *vkvm__slots_at(const struct vkvm_slots *slots, uint32_t space, uint64_t gpa,
                                       uint64_t size);

#endif
