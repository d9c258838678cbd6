/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The waiting side of sleepable read sections.
 */
#include "mem/srcu.h"

#include <time.h>

void vemu__srcu_init(struct vemu_srcu *srcu)
{
    pthread_mutex_init(&srcu->lock, NULL);
}

void vemu__srcu_fini(struct vemu_srcu *srcu)
{
    pthread_mutex_destroy(&srcu->lock);
}

static void wait_for(struct vemu_srcu *srcu, unsigned index)
{
    const struct timespec pause = { .tv_nsec = 20000 };
    unsigned i;

    /* Sections are short and synchronizing is rare: sleeping beats a wake-up in every reader. */
    for (i = 0; i < VEMU_SRCU_STRIPES; i++)
        while (atomic_load(&srcu->stripes[i].readers[index]))
            nanosleep(&pause, NULL);
}

void vemu__srcu_synchronize(struct vemu_srcu *srcu)
{
    unsigned index;

    pthread_mutex_lock(&srcu->lock);
    index = atomic_load(&srcu->index);
    wait_for(srcu, !index);
    atomic_store(&srcu->index, !index);
    wait_for(srcu, index);
    pthread_mutex_unlock(&srcu->lock);
}
