/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: one address space as an immutable, sorted array of regions.
 */
#include "mem/view.h"

#include <glib.h>
#include <string.h>

static struct vemu_view *view_alloc(size_t count)
{
    struct vemu_view *view = g_malloc(sizeof(*view) + count * sizeof(struct vemu_region *));

    view->count = count;
    return view;
}

struct vemu_view *vemu__view_new(void)
{
    return view_alloc(0);
}

void vemu__view_free(struct vemu_view *view)
{
    g_free(view);
}

/* Index of the first region that ends behind the address; view->count when there is none. */
static size_t search(const struct vemu_view *view, uint64_t address)
{
    size_t low = 0, high = view->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct vemu_region *region = view->regions[middle];

        /* Not address + size: a region may end at 2^64. */
        if (region->address <= address && address - region->address >= region->size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct vemu_view *vemu__view_insert(const struct vemu_view *view, struct vemu_region *region,
                                    struct vemu_region **ret_other)
{
    size_t index = search(view, region->address);
    struct vemu_view *copy;

    if (index < view->count) {
        struct vemu_region *other = view->regions[index];

        if (other->address <= region->address || other->address - region->address < region->size) {
            *ret_other = other;
            return NULL;
        }
    }
    copy = view_alloc(view->count + 1);
    memcpy(copy->regions, view->regions, index * sizeof(region));
    copy->regions[index] = region;
    memcpy(copy->regions + index + 1, view->regions + index,
           (view->count - index) * sizeof(region));
    return copy;
}

struct vemu_view *vemu__view_remove(const struct vemu_view *view, const struct vemu_device *dev,
                                    GPtrArray *removed)
{
    struct vemu_view *copy = view_alloc(view->count);
    size_t i, kept = 0;

    for (i = 0; i < view->count; i++) {
        if (view->regions[i]->dev == dev)
            g_ptr_array_add(removed, view->regions[i]);
        else
            copy->regions[kept++] = view->regions[i];
    }
    if (kept == view->count) {
        vemu__view_free(copy);
        return NULL;
    }
    copy->count = kept;
    return copy;
}

struct vemu_view *vemu__view_remove_region(const struct vemu_view *view,
                                           const struct vemu_region *region)
{
    size_t index = search(view, region->address);
    struct vemu_view *copy;

    if (index >= view->count || view->regions[index] != region)
        return NULL;
    copy = view_alloc(view->count - 1);
    memcpy(copy->regions, view->regions, index * sizeof(region));
    memcpy(copy->regions + index, view->regions + index + 1,
           (copy->count - index) * sizeof(region));
    return copy;
}

struct vemu_region *vemu__view_next(const struct vemu_view *view, uint64_t address)
{
    size_t index = search(view, address);

    return index < view->count ? view->regions[index] : NULL;
}

struct vemu_region *vemu__view_find(const struct vemu_view *view, uint64_t address)
{
    struct vemu_region *region = vemu__view_next(view, address);

    return region && region->address <= address ? region : NULL;
}
