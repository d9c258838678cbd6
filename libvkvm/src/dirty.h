/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty tracking: what dirty.c and dirty-ring.c share.
 */
#ifndef VKVM_SRC_DIRTY_H
#define VKVM_SRC_DIRTY_H

#include <stdbool.h>

#include <vkvm/dirty.h>

#include "vm.h"

/* Pages of one slot that are to be handed out. */
struct vkvm_dirty_slot {
    uint32_t number;
    uint64_t serial; /* another slot of the same number has another */
    uint64_t gpa;
    uint8_t *hva;
    uint64_t pages;
    uint64_t *bitmap; /* a bit a page, rounded up to 64 */
    uint64_t cleared; /* MANUAL: pages below this are protected again */
    bool seen;        /* by the harvest under way */
};

/* A vCPU's ring. */
struct vkvm_dirty_ring {
    struct vkvm_syscalls sys;
    struct kvm_dirty_gfn *gfns;
    uint32_t next; /* counts up, taken modulo the entries */
};

struct vkvm_dirty {
    struct vkvm_vm *vm;
    uint32_t form, flags;
    bool with_bitmap; /* rings, and a bitmap for what is written outside of vCPUs */
    bool kernel_sets; /* slots begin with all pages set, by the kernel */
    pthread_mutex_t lock;
    struct vkvm_dirty_slot *slots; /* in order of number */
    size_t slot_count, slot_capacity;
    size_t at_slot; /* the iterator: nothing is set before it */
    uint64_t at_page;
    uint64_t generation; /* of the VM's list of slots that `slots` was made from */
    struct vkvm_dirty_ring *rings;
    size_t ring_count, ring_capacity;
    uint32_t ring_entries;
    bool reset_due; /* entries were taken, but KVM_RESET_DIRTY_RINGS failed */
};

/* Enables rings on the VM. -EOPNOTSUPP, -EINVAL. */
int vkvm__dirty_ring_enable(struct vkvm_dirty *dirty, uint32_t entries);
int vkvm__dirty_ring_map(struct vkvm_dirty *dirty, struct vkvm_vcpu *vcpu);
void vkvm__dirty_ring_unmap(struct vkvm_dirty *dirty);
/* Takes all entries there are into the bitmaps, and protects their pages again. */
int vkvm__dirty_ring_harvest(struct vkvm_dirty *dirty);
/* The slot of this number, or NULL. */
struct vkvm_dirty_slot *vkvm__dirty_find(struct vkvm_dirty *dirty, uint32_t number);

#endif
