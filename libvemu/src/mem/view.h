/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: one address space as an immutable, sorted array of regions.
 */
#ifndef VEMU_MEM_VIEW_H
#define VEMU_MEM_VIEW_H

#include <glib.h>

#include "core/device.h"

/* A stretch of an address space: RAM (or ROM), or registers of a device. */
struct vemu_region {
    uint64_t address, size;
    char *name;
    enum vemu_space space; /* of registers */
    bool floating; /* comes and goes; gives way to what does not */
    bool borrowed; /* RAM: a block that stays when the region goes */
    bool has_slot; /* RAM that floats: the accelerator knows it */
    /* registers */
    struct vemu_device *dev; /* NULL: RAM of the machine */
    const struct vemu_region_ops *ops; /* NULL: memory */
    unsigned min_size, max_size; /* of accesses, powers of two */
    /* RAM */
    uint8_t *hva;
    uint32_t slot, flags; /* VEMU_RAM_* */
};

struct vemu_view {
    size_t count;
    struct vemu_region *regions[]; /* by address, without overlap */
};

/* An empty view. */
struct vemu_view *vemu__view_new(void);
void vemu__view_free(struct vemu_view *view); /* not the regions */
/* A copy of `view` with the region; NULL and *ret_other when that overlaps another one. */
struct vemu_view *vemu__view_insert(const struct vemu_view *view, struct vemu_region *region,
                                    struct vemu_region **ret_other);
/* A copy without the regions of `dev`, which go to `removed`; NULL when there are none. */
struct vemu_view *vemu__view_remove(const struct vemu_view *view, const struct vemu_device *dev,
                                    GPtrArray *removed);
/* A copy without that one region, or NULL when it is not there. */
struct vemu_view *vemu__view_remove_region(const struct vemu_view *view,
                                           const struct vemu_region *region);
/* The region that holds the address, or NULL. */
struct vemu_region *vemu__view_find(const struct vemu_view *view, uint64_t address);
/* The first region that ends behind the address, or NULL. */
struct vemu_region *vemu__view_next(const struct vemu_view *view, uint64_t address);

#endif
