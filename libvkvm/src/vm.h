/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM handle, shared by vm.c and irq.c.
 */
#ifndef VKVM_SRC_VM_H
#define VKVM_SRC_VM_H

#include <pthread.h>

#include "handle.h"
#include "slots.h"

struct vkvm_vm {
    struct vkvm_handle h;
    size_t vcpu_mmap_size;
    pthread_mutex_t slots_lock; /* slots, slot_limit */
    struct vkvm_slots slots;
    uint32_t slot_limit; /* 0: not asked yet */
};

#endif
