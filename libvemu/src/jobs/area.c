/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An area of a disk: bits.
 */
#include "jobs/area.h"

#include <errno.h>
#include <glib.h>

#include "core/error.h"

/* An image may say that it is of any size: 512 MiB of bits, for 256 TiB in parts of 64 KiB. */
#define AREA_MAX (4ull << 30)

int vemu__job_area_init(struct job_area *area, uint64_t size, uint64_t granularity,
                        struct vemu_error **err)
{
    area->shift = (unsigned)__builtin_ctzll(granularity);
    area->size = size;
    area->count = (size >> area->shift) + !!(size & (granularity - 1));
    area->dirty = 0;
    if (area->count > AREA_MAX)
        return vemu__error_set(err, EFBIG,
                               "a disk of %" G_GUINT64_FORMAT
                               " bytes in parts of %" G_GUINT64_FORMAT
                               " bytes is too large for a job",
                               size, granularity);
    area->bits = g_try_malloc0(area->count / 8 + 1);
    if (!area->bits)
        return vemu__error_set(err, ENOMEM, "no memory for the job");
    pthread_mutex_init(&area->lock, NULL);
    return 0;
}

void vemu__job_area_fini(struct job_area *area)
{
    if (!area->bits)
        return;
    g_free(area->bits);
    area->bits = NULL;
    pthread_mutex_destroy(&area->lock);
}

static bool get_bit(const struct job_area *area, uint64_t bit)
{
    return area->bits[bit / 8] >> bit % 8 & 1;
}

static uint64_t first_bit(const struct job_area *area, uint64_t offset)
{
    return MIN(offset >> area->shift, area->count);
}

/* Behind the last bit. */
static uint64_t last_bit(const struct job_area *area, uint64_t offset, uint64_t bytes)
{
    return bytes ? MIN(((offset + bytes - 1) >> area->shift) + 1, area->count)
                 : first_bit(area, offset);
}

static void change(struct job_area *area, uint64_t offset, uint64_t bytes, bool set)
{
    pthread_mutex_lock(&area->lock);
    for (uint64_t bit = first_bit(area, offset), end = last_bit(area, offset, bytes); bit < end;
         bit++) {
        if (get_bit(area, bit) == set)
            continue;
        area->bits[bit / 8] ^= (uint8_t)(1u << bit % 8);
        area->dirty += set ? 1 : UINT64_MAX;
    }
    pthread_mutex_unlock(&area->lock);
}

void vemu__job_area_set(struct job_area *area, uint64_t offset, uint64_t bytes)
{
    change(area, offset, bytes, true);
}

void vemu__job_area_clear(struct job_area *area, uint64_t offset, uint64_t bytes)
{
    change(area, offset, bytes, false);
}

/* The first bit from `bit` on that is set, or `end`. */
static uint64_t find_set(const struct job_area *area, uint64_t bit, uint64_t end)
{
    while (bit < end && !get_bit(area, bit))
        bit += bit % 8 == 0 && !area->bits[bit / 8] ? 8 : 1;
    return MIN(bit, end);
}

bool vemu__job_area_any(struct job_area *area, uint64_t offset, uint64_t bytes)
{
    uint64_t end = last_bit(area, offset, bytes);
    bool any;

    pthread_mutex_lock(&area->lock);
    any = area->dirty && find_set(area, first_bit(area, offset), end) < end;
    pthread_mutex_unlock(&area->lock);
    return any;
}

bool vemu__job_area_next(struct job_area *area, uint64_t offset, uint64_t end, uint64_t max,
                         uint64_t *ret_offset, uint64_t *ret_bytes)
{
    uint64_t last = end > offset ? last_bit(area, offset, end - offset) : 0, first, bit;

    pthread_mutex_lock(&area->lock);
    first = bit = find_set(area, first_bit(area, offset), last);
    while (bit < last && get_bit(area, bit) &&
           (bit == first || (bit + 1 - first) << area->shift <= max))
        bit++;
    pthread_mutex_unlock(&area->lock);
    if (first >= last)
        return false;
    *ret_offset = first << area->shift;
    *ret_bytes = MIN(bit << area->shift, area->size) - *ret_offset;
    return true;
}

uint64_t vemu__job_area_dirty(struct job_area *area)
{
    uint64_t dirty;

    pthread_mutex_lock(&area->lock);
    dirty = area->dirty;
    pthread_mutex_unlock(&area->lock);
    return MIN(dirty << area->shift, area->size);
}
