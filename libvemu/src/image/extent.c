/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is where: a layer's answers, put together over the backing chain.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "image/image.h"

/* What one layer has. A driver without an answer of its own: filters pass on, others have data. */
static int layer_extent(struct vemu_image *layer, uint64_t offset, uint64_t bytes,
                        struct vemu_image_extent *ret)
{
    int r;

    *ret = (struct vemu_image_extent)VEMU_IMAGE_EXTENT_INIT;
    if (layer->driver->extent) {
        r = layer->driver->extent(layer, offset, bytes, ret);
        if (r >= 0 && (!ret->bytes || ret->bytes > bytes))
            ret->bytes = bytes;
        return r;
    }
    if ((layer->driver->flags & VEMU_IMAGE_FORMAT_FILTER) && layer->file)
        return vemu_image_get_extent(layer->file, NULL, offset, bytes, ret);
    ret->flags = VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED;
    ret->bytes = bytes;
    return 0;
}

/* Bytes behind the end of a layer that is shorter than the one above it are zeros, as if this layer
 * had them. */
static bool is_beyond(const struct vemu_image *layer, uint64_t offset, uint64_t *bytes,
                      struct vemu_image_extent *ret)
{
    uint64_t size = layer->size;

    if (offset < size) {
        *bytes = MIN(*bytes, size - offset);
        return false;
    }
    *ret = (struct vemu_image_extent){
        .flags = VEMU_IMAGE_EXTENT_ZERO | VEMU_IMAGE_EXTENT_ALLOCATED,
        .bytes = *bytes,
    };
    return true;
}

static void hand_over(struct vemu_image_extent *ret, const struct vemu_image_extent *from)
{
    uint32_t size = ret->size;

    *ret = *from;
    ret->size = size;
}

int vemu_image_get_extent(struct vemu_image *image, struct vemu_image *base, uint64_t offset,
                          uint64_t bytes, struct vemu_image_extent *ret)
{
    struct vemu_image_extent extent = { 0 };
    struct vemu_image *layer = image;
    uint32_t depth = 0;
    int r;

    if (ret->size < sizeof(*ret) || !bytes || offset >= image->size)
        return -EINVAL;
    for (; layer && layer != base; layer = layer->backing, depth++) {
        if (!is_beyond(layer, offset, &bytes, &extent)) {
            r = layer_extent(layer, offset, bytes, &extent);
            if (r < 0)
                return r;
        }
        if (extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED) {
            extent.depth += depth; /* not 0 when a filter has passed it on */
            hand_over(ret, &extent);
            return 0;
        }
        bytes = MIN(bytes, extent.bytes);
    }
    /* the last layer may have room for it */
    extent.flags &= VEMU_IMAGE_EXTENT_OFFSET;
    extent.flags |= base ? 0 : VEMU_IMAGE_EXTENT_ZERO;
    extent.bytes = bytes;
    extent.depth = depth ? depth - 1 : 0;
    hand_over(ret, &extent);
    return 0;
}
