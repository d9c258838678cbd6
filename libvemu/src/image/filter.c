/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What filters have in common.
 */
#include "image/filter.h"

/* Below a format the layer below may have grown. */
static int follow(struct vemu_image *image, int r)
{
    if (r >= 0 && image->grows)
        vemu__image_grow(image, image->file->size);
    return r;
}

void vemu__filter_open(struct vemu_image *image)
{
    image->size = image->file->size;
    image->cluster_size = image->file->cluster_size;
    image->grows = image->file->grows;
}

int vemu__filter_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count)
{
    return vemu_image_readv(image->file, offset, iov, count);
}

int vemu__filter_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                        const struct iovec *iov, unsigned count, uint32_t flags)
{
    return follow(image, vemu_image_writev(image->file, offset, iov, count, flags));
}

int vemu__filter_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    return follow(image, vemu_image_zero(image->file, offset, bytes, flags));
}

int vemu__filter_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    return vemu_image_discard(image->file, offset, bytes);
}
