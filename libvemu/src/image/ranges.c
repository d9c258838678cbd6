/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ranges of an image that somebody works on.
 */
#include "image/ranges.h"

#include <stdbool.h>

void vemu__image_ranges_init(struct image_ranges *ranges)
{
    pthread_mutex_init(&ranges->lock, NULL);
    pthread_cond_init(&ranges->cond, NULL);
    ranges->first = NULL;
}

void vemu__image_ranges_fini(struct image_ranges *ranges)
{
    pthread_cond_destroy(&ranges->cond);
    pthread_mutex_destroy(&ranges->lock);
}

static bool overlaps(const struct image_ranges *ranges, const struct image_range *range)
{
    for (const struct image_range *other = ranges->first; other; other = other->next)
        if (range->begin < other->end && other->begin < range->end)
            return true;
    return false;
}

void vemu__image_ranges_enter(struct image_ranges *ranges, struct image_range *range)
{
    pthread_mutex_lock(&ranges->lock);
    while (overlaps(ranges, range))
        pthread_cond_wait(&ranges->cond, &ranges->lock);
    range->next = ranges->first;
    ranges->first = range;
    pthread_mutex_unlock(&ranges->lock);
}

void vemu__image_ranges_leave(struct image_ranges *ranges, struct image_range *range)
{
    struct image_range **at = &ranges->first;

    pthread_mutex_lock(&ranges->lock);
    while (*at != range)
        at = &(*at)->next;
    *at = range->next;
    pthread_cond_broadcast(&ranges->cond);
    pthread_mutex_unlock(&ranges->lock);
}
