/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cutting what is to be copied into pieces of one kind.
 *
 * Extents are as the source has them: they may be tiny, and end anywhere. Neighbours of a kind are
 * put together, and where data meets zeros within a cluster of the target, the cluster is data.
 */
#include <glib.h>

#include "image/copy.h"

#define MAX_PLAIN (1ull << 30) /* zeros at once: so that there is progress, and an end to it */

static enum vemu__copy_kind kind_of(const struct vemu__copy *c,
                                    const struct vemu_image_extent *extent, uint64_t offset,
                                    uint64_t *bytes)
{
    if (extent->flags & VEMU_IMAGE_EXTENT_ZERO)
        return c->options.flags & VEMU_IMAGE_COPY_NO_SPARSE ? COPY_DATA : COPY_ZERO;
    if (!(c->options.flags & VEMU_IMAGE_COPY_ALLOCATED) ||
        extent->flags & VEMU_IMAGE_EXTENT_ALLOCATED || extent->flags & VEMU_IMAGE_EXTENT_DATA)
        return COPY_DATA;
    /* Nobody above the base has it: what the base shows there, and zeros behind its end. */
    uint64_t base_size = c->options.base ? vemu_image_get_size(c->options.base) : 0;
    if (offset >= base_size)
        return COPY_ZERO;
    *bytes = MIN(*bytes, base_size - offset);
    return COPY_SKIP;
}

/* Looks at the extent at `offset`. */
static bool look(struct vemu__copy *c, uint64_t offset)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    struct vemu_image *base = c->options.flags & VEMU_IMAGE_COPY_ALLOCATED ? c->options.base : NULL;
    int r = vemu_image_get_extent(c->source, base, offset, c->end - offset, &extent);

    if (r < 0 && !(c->options.flags & VEMU_IMAGE_COPY_SALVAGE)) {
        vemu__work_fail_locked(&c->work, r,
                               "error while reading block status at byte %" PRIu64 ": %s", offset,
                               g_strerror(-r));
        return false;
    }
    if (r < 0) { /* reading tells what is there */
        extent.flags = VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED;
        extent.bytes = c->align;
    }
    uint64_t bytes = CLAMP(extent.bytes, 1, c->end - offset);
    c->ahead.kind = kind_of(c, &extent, offset, &bytes);
    c->ahead.end = offset + bytes;
    return true;
}

/* The end of the unit of `size` (a power of two) that `offset` is in. */
static uint64_t unit_end(const struct vemu__copy *c, uint64_t offset, uint64_t size)
{
    uint64_t place = offset + c->delta;

    return MIN(offset + (size - (place & (size - 1))), c->end);
}

/* Whether the end of a piece before `c->ahead` has to move to where a cluster begins. */
static bool shares_cluster(const struct vemu__copy *c, enum vemu__copy_kind kind, uint64_t end)
{
    if (end == c->end || !((end + c->delta) & (c->align - 1)))
        return false;
    if (c->options.flags & VEMU_IMAGE_COPY_COMPRESSED)
        return true;
    /* what is left to the backing image is not copied for the sake of a cluster */
    return kind != COPY_SKIP && c->ahead.kind != COPY_SKIP;
}

bool vemu__copy_plan_locked(struct vemu__copy *c, struct vemu__copy_piece *ret)
{
    uint64_t begin = c->planned;

    if (begin >= c->end || (c->ahead.end <= begin && !look(c, begin)))
        return false;
    enum vemu__copy_kind kind = c->ahead.kind;
    uint64_t limit = unit_end(c, begin, kind == COPY_DATA ? c->chunk : MAX_PLAIN);
    uint64_t end = MIN(c->ahead.end, limit);
    while (end < limit) {
        if (!look(c, end))
            return false;
        if (c->ahead.kind != kind)
            break;
        end = MIN(c->ahead.end, limit);
    }
    if (end < limit && shares_cluster(c, kind, end)) {
        uint64_t over = (end + c->delta) & (c->align - 1); /* of the cluster that is shared */
        if (kind != COPY_DATA && end - begin > over) {
            end -= over;
            if (c->ahead.kind != COPY_DATA)
                c->ahead.end = 0; /* looked at again */
        } else {
            kind = COPY_DATA;
            end = unit_end(c, end, c->align);
        }
    }
    *ret = (struct vemu__copy_piece){ kind, begin, end - begin, end };
    if (c->ahead.kind == kind)
        ret->kind_end = MAX(end, c->ahead.end);
    c->planned = end;
    return true;
}
