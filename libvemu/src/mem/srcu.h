/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read-side sections that may sleep, and waiting until those that began before are over.
 *
 * As the kernel's SRCU: two sets of counters. A reader counts itself in the current set. A writer
 * has published the new data first; it waits for the other set, makes that one current and waits
 * for the old. A reader that took the index just before the switch and counts only after the writer
 * looked is in the old set but sees the new data; the *next* writer waits for it, which is what the
 * first of the two waits is for. All of it is sequentially consistent.
 *
 * Readers are spread over cache lines by thread, so that vCPUs do not fight over one counter.
 */
#ifndef VEMU_MEM_SRCU_H
#define VEMU_MEM_SRCU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define VEMU_SRCU_STRIPES 8

struct vemu_srcu_stripe {
    _Alignas(64) atomic_uint readers[2];
};

struct vemu_srcu {
    atomic_uint index;
    pthread_mutex_t lock; /* one writer waits at a time */
    struct vemu_srcu_stripe stripes[VEMU_SRCU_STRIPES];
};

void vemu__srcu_init(struct vemu_srcu *srcu);
void vemu__srcu_fini(struct vemu_srcu *srcu);
/* Returns when every section that began before the call has ended. Not from inside a section. */
void vemu__srcu_synchronize(struct vemu_srcu *srcu);

/* Begins a section; the result goes to vemu__srcu_leave(). Sections nest. */
static inline atomic_uint *vemu__srcu_enter(struct vemu_srcu *srcu)
{
    uintptr_t thread = (uintptr_t)__builtin_thread_pointer();
    unsigned stripe = (unsigned)((thread >> 12) ^ (thread >> 18)) % VEMU_SRCU_STRIPES;
    atomic_uint *counter =
        &srcu->stripes[stripe].readers[atomic_load_explicit(&srcu->index, memory_order_relaxed)];

    atomic_fetch_add(counter, 1);
    return counter;
}

static inline void vemu__srcu_leave(atomic_uint *counter)
{
    atomic_fetch_sub_explicit(counter, 1, memory_order_release);
}

#endif
