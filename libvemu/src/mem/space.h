/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct vemu_memory, for the files of mem/.
 */
#ifndef VEMU_MEM_SPACE_H
#define VEMU_MEM_SPACE_H

#include <stdatomic.h>

#include "mem/memory.h"
#include "mem/srcu.h"
#include "mem/view.h"

#define VEMU_SPACES 2 /* indexed by enum vemu_space */

struct vemu_retired; /* views that a reader may still hold */

struct vemu_memory {
    struct vemu_vm *vm;
    struct vemu_srcu srcu;
    struct vemu_view *_Atomic views[VEMU_SPACES];

    pthread_mutex_t lock; /* writers: everything below */
    struct vemu_retired *retired;
    bool reclaim_posted;
    uint32_t slots;

    /* Complaints about the guest, at most LOG_BURST a second. */
    _Atomic int64_t log_second;
    atomic_uint log_count;
};

#endif
