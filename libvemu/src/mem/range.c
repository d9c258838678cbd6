/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Host addresses of guest memory that comes and goes.
 *
 * Devices reach guest memory by pointers that they keep as long as a request takes, or (rings of
 * queues) as long as a driver is at work. Memory that is plugged out under them must not become
 * somebody else's, so a range of addresses, once taken, belongs to the guest for ever: behind it
 * lie zeros that nobody shares until memory is plugged in again that fits.
 */
#include "mem/range.h"

#include <glib.h>
#include <sys/mman.h>

#include "mem/space.h"

struct range {
    uint8_t *start;
    uint64_t size;
    bool taken;
};

struct vemu_ranges {
    GArray *list; /* struct range */
};

static struct vemu_ranges *ranges_of(struct vemu_memory *mem)
{
    if (!mem->ranges) {
        mem->ranges = g_new0(struct vemu_ranges, 1);
        mem->ranges->list = g_array_new(FALSE, FALSE, sizeof(struct range));
    }
    return mem->ranges;
}

static struct range *at(struct vemu_ranges *ranges, guint i)
{
    return &g_array_index(ranges->list, struct range, i);
}

static uint8_t *map_aligned(uint64_t size, uint64_t align)
{
    uint64_t slack = align > 4096 ? align : 0;
    uint8_t *base, *start;

    if (size + slack < size)
        return NULL;
    base = mmap(NULL, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    start = (uint8_t *)(((uintptr_t)base + slack) & ~(slack ? slack - 1 : 0));
    if (start > base)
        munmap(base, (size_t)(start - base));
    if (base + slack > start)
        munmap(start + size, (size_t)(base + slack - start));
    return start;
}

uint8_t *vemu__range_take(struct vemu_memory *mem, uint64_t size, uint64_t align)
{
    struct vemu_ranges *ranges = ranges_of(mem);
    struct range fresh = { .size = size, .taken = true };

    for (guint i = 0; i < ranges->list->len; i++) {
        struct range *range = at(ranges, i);

        if (range->taken || range->size != size || (uintptr_t)range->start & (align - 1))
            continue;
        range->taken = true;
        return range->start;
    }
    fresh.start = map_aligned(size, align);
    if (fresh.start)
        g_array_append_val(ranges->list, fresh);
    return fresh.start;
}

void vemu__range_leave(struct vemu_memory *mem, uint8_t *start)
{
    struct vemu_ranges *ranges = ranges_of(mem);

    for (guint i = 0; start && i < ranges->list->len; i++) {
        struct range *range = at(ranges, i);

        if (range->start != start)
            continue;
        range->taken = false;
        /* If there is no room for this, which needs none, what is there stays. */
        mmap(start, range->size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    }
}

void vemu__ranges_free(struct vemu_ranges *ranges)
{
    if (!ranges)
        return;
    for (guint i = 0; i < ranges->list->len; i++)
        munmap(at(ranges, i)->start, at(ranges, i)->size);
    g_array_free(ranges->list, TRUE);
    g_free(ranges);
}
