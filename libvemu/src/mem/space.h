/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct vemu_memory, for the files of mem/.
 */
#ifndef VEMU_MEM_SPACE_H
#define VEMU_MEM_SPACE_H

#include <glib.h>
#include <stdatomic.h>

#include "mem/memory.h"
#include "mem/range.h"
#include "mem/srcu.h"
#include "mem/view.h"

#define VEMU_SPACES 2 /* indexed by enum vemu_space */

#define VEMU_GPA_MAX (1ull << 52)

struct vemu_retired; /* views and regions that a reader may still hold */

struct vemu_memory {
    struct vemu_vm *vm;
    struct vemu_srcu srcu;
    struct vemu_view *_Atomic views[VEMU_SPACES];

    pthread_mutex_t lock; /* writers: everything below */
    struct vemu_retired *retired;
    bool reclaim_posted;
    GPtrArray *blocks; /* struct vemu_memory_block */
    struct vemu_ranges *ranges; /* mem/range.c; loop */
    GPtrArray *hidden[VEMU_SPACES]; /* floating regions that have no room now, oldest first */

    /* Complaints about the guest, at most LOG_BURST a second. */
    _Atomic int64_t log_second;
    atomic_uint log_count;
};

/* --- memory.c --------------------------------------------------------------------------------- */
/* The lowest slot of the accelerator that no memory has. The caller holds mem->lock. */
uint32_t vemu__memory_free_slot_locked(const struct vemu_memory *mem);

/* --- region.c --------------------------------------------------------------------------------- */
void vemu__region_free(struct vemu_region *region);
/* Puts a fixed region into the space; what floats there is hidden. -EEXIST on overlap with another
 * fixed one. The caller holds mem->lock. */
int vemu__region_insert_locked(struct vemu_memory *mem, enum vemu_space space,
                               struct vemu_region *region, struct vemu_error **err);
void vemu__retired_free(struct vemu_retired *retired);

#endif
