/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM handle, shared by all that a VM has.
 */
#ifndef VKVM_SRC_VM_H
#define VKVM_SRC_VM_H

#include <pthread.h>

#include "handle.h"
#include "slots.h"

struct vkvm_vm {
    struct vkvm_handle h;
    size_t vcpu_mmap_size;
    pthread_mutex_t slots_lock; /* all below */
    struct vkvm_slots slots;
    uint32_t slot_limit; /* 0: not asked yet */
    bool tracked;        /* by a struct vkvm_dirty */
    bool has_rings;      /* dirty rings, which never go away again */
};

/* Dirty logging of every slot that can: not of ROMs and guest_memfds. Those before a failure have
 * changed. */
int vkvm__slots_log_all(struct vkvm_vm *vm, bool on);

#endif
