/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges of an image that somebody works on: those that overlap keep each other out.
 */
#ifndef VEMU_IMAGE_RANGES_H
#define VEMU_IMAGE_RANGES_H

#include <pthread.h>
#include <stdint.h>

/* On the stack of who works there. */
struct image_range {
    struct image_range *next;
    uint64_t begin, end;
};

struct image_ranges {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct image_range *first; /* under the lock */
};

void vemu__image_ranges_init(struct image_ranges *ranges);
void vemu__image_ranges_fini(struct image_ranges *ranges);
/* Waits until nobody works on any of it. `range` has begin and end, and stays until leave. */
void vemu__image_ranges_enter(struct image_ranges *ranges, struct image_range *range);
void vemu__image_ranges_leave(struct image_ranges *ranges, struct image_range *range);

#endif
