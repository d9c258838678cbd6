/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image driver raw: the layer below as it is, or a window of it (offset, size).
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "core/error.h"
#include "core/iov.h"
#include "core/property.h"
#include "image/drivers.h"

struct raw {
    struct vemu_image image;
    uint64_t offset, window; /* window 0: to the end */
};

static struct raw *raw_of(const struct vemu_image *image)
{
    return (struct raw *)image;
}

/* --- requests --------------------------------------------------------------------------------- */

/* Below a format, writes behind the end have made the file longer. */
static void follow(struct vemu_image *image)
{
    if (image->grows)
        vemu__image_grow(image, image->file->size - raw_of(image)->offset);
}

static int raw_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                     const struct iovec *iov, unsigned count)
{
    return vemu_image_readv(image->file, raw_of(image)->offset + offset, iov, count);
}

/* The format was guessed: a guest that writes another format's header into its disk would have a
 * different disk the next time, with any file of the host as its backing file. */
static int check_probed(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                        const struct iovec *iov, unsigned count)
{
    uint8_t head[IMAGE_PROBE_SIZE];
    size_t end = MIN(offset + bytes, (uint64_t)sizeof(head));
    int r;

    if (!(image->open_flags & IMAGE_OPEN_PROBED) || offset >= sizeof(head))
        return 0;
    r = vemu_image_read(image->file, 0, head, MIN(image->file->size, sizeof(head)));
    if (r < 0)
        return r;
    vemu__iov_read(iov, count, 0, head + offset, end - (size_t)offset);
    return vemu__image_probe_head(head, MAX(end, MIN(image->file->size, sizeof(head))),
                                  image->filename) == image->driver
               ? 0
               : -EPERM;
}

static int raw_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count, uint32_t flags)
{
    int r = check_probed(image, offset, bytes, iov, count);

    if (r >= 0)
        r = vemu_image_writev(image->file, raw_of(image)->offset + offset, iov, count, flags);
    if (r >= 0)
        follow(image);
    return r;
}

static int raw_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    int r = vemu_image_zero(image->file, raw_of(image)->offset + offset, bytes, flags);

    if (r >= 0)
        follow(image);
    return r;
}

static int raw_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    return vemu_image_discard(image->file, raw_of(image)->offset + offset, bytes);
}

static int raw_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      struct vemu_image_extent *ret)
{
    int r = vemu_image_get_extent(image->file, NULL, raw_of(image)->offset + offset, bytes, ret);

    ret->flags |= VEMU_IMAGE_EXTENT_ALLOCATED;
    ret->depth = 0;
    return r;
}

static int raw_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                   struct vemu_image_span *ret)
{
    int r;

    if (write && (image->open_flags & IMAGE_OPEN_PROBED) && offset < IMAGE_PROBE_SIZE)
        return -EAGAIN;
    r = vemu__image_map(image->file, raw_of(image)->offset + offset, bytes, write, ret);
    if (r >= 0 && write)
        follow(image);
    return r;
}

static int raw_flush_fd(struct vemu_image *image)
{
    return vemu__image_flush_fd(image->file);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int raw_open(struct vemu_image *image, struct vemu_error **err)
{
    struct raw *raw = raw_of(image);
    uint64_t below = image->file->size;

    if (raw->offset % IMAGE_SECTOR || raw->window % IMAGE_SECTOR)
        return vemu__error_set(err, EINVAL, "offset and size must be multiples of 512");
    if (raw->offset > below || raw->window > below - raw->offset)
        return vemu__error_set(err, EINVAL,
                               "the window goes beyond the end of '%s' (%" PRIu64 " bytes)",
                               image->file->filename, below);
    image->size = raw->window ? raw->window : below - raw->offset;
    image->grows = image->file->grows && !raw->window;
    return 0;
}

static int raw_resize(struct vemu_image *image, uint64_t size, const char *preallocation,
                      uint32_t flags, const struct vemu_progress *progress, struct vemu_error **err)
{
    const struct raw *raw = raw_of(image);
    int r;

    if (raw->window)
        return vemu__error_set(err, ENOTSUP, "a window with a size cannot be resized");
    if (size > INT64_MAX - raw->offset)
        return -EFBIG;
    r = vemu_image_resize(image->file, size + raw->offset, preallocation, flags, progress, err);
    if (r >= 0)
        image->size = image->file->size - raw->offset;
    return r;
}

static int raw_measure(struct vemu_image *source, uint64_t virtual_size,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_image_measure *ret, struct vemu_error **err)
{
    struct vemu_image_raw_create options = { 0 };
    int r = vemu__image_set_options(&options, vemu__image_raw_create_props, props, prop_count, err);

    vemu__props_clear(&options, vemu__image_raw_create_props);
    ret->required = (virtual_size + IMAGE_SECTOR - 1) & ~(uint64_t)(IMAGE_SECTOR - 1);
    ret->fully_allocated = ret->required;
    return r;
}

static const struct vemu_prop raw_props[] = {
    VEMU_PROP(struct raw, offset, "offset", SIZE, "0", "where the window begins"),
    VEMU_PROP(struct raw, window, "size", SIZE, "0", "its size; 0: to the end"),
    VEMU_PROP_END,
};

const struct vemu_image_driver vemu__image_raw = {
    .name = "raw",
    .summary = "the bytes as they are, or a part of them",
    .flags = VEMU_IMAGE_FORMAT_CREATE | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct raw),
    .props = raw_props,
    .create_props = vemu__image_raw_create_props,
    .create_size = sizeof(struct vemu_image_raw_create),
    .open = raw_open,
    .readv = raw_readv,
    .writev = raw_writev,
    .zero = raw_zero,
    .discard = raw_discard,
    .extent = raw_extent,
    .map = raw_map,
    .flush_fd = raw_flush_fd,
    .create = vemu__image_create_raw,
    .resize = raw_resize,
    .measure = raw_measure,
};
