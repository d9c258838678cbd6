/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image drivers null-co and null-aio: storage that forgets what is written to it.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <time.h>

#include "core/error.h"
#include "core/iov.h"
#include "image/drivers.h"

struct null {
    struct vemu_image image;
    uint64_t size, latency_ns;
    bool read_zeroes;
};

static int null_wait(const struct vemu_image *image)
{
    uint64_t ns = ((const struct null *)image)->latency_ns;
    struct timespec left = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

    while (ns && nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
    return 0;
}

static int null_open(struct vemu_image *image, struct vemu_error **err)
{
    const struct null *null = (struct null *)image;
    const char *rest = strchr(image->filename, ':');

    if (rest && strcmp(rest, "://") != 0)
        return vemu__error_set(err, EINVAL, "'%s' is not %s://", image->filename,
                               image->driver->name);
    if (null->size % IMAGE_SECTOR || null->size > INT64_MAX)
        return vemu__error_set(err, EINVAL, "size must be a multiple of 512, and below 8 EiB");
    if (!*image->filename) {
        g_free(image->filename);
        image->filename = g_strdup_printf("%s://", image->driver->name);
    }
    image->size = null->size;
    return 0;
}

static int null_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count)
{
    if (((const struct null *)image)->read_zeroes)
        vemu__iov_fill(iov, count, 0, 0, bytes);
    return null_wait(image);
}

static int null_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count, uint32_t flags)
{
    return flags & VEMU_IMAGE_COMPRESSED ? -ENOTSUP : null_wait(image);
}

static int null_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    return null_wait(image);
}

static int null_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    return null_wait(image);
}

static int null_flush(struct vemu_image *image)
{
    return null_wait(image);
}

static int null_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret)
{
    ret->flags = VEMU_IMAGE_EXTENT_ALLOCATED |
                 (((const struct null *)image)->read_zeroes ? VEMU_IMAGE_EXTENT_ZERO
                                                            : VEMU_IMAGE_EXTENT_DATA);
    ret->bytes = bytes;
    return 0;
}

static const struct vemu_prop null_props[] = {
    VEMU_PROP(struct null, size, "size", SIZE, "1G", "bytes it seems to have"),
    VEMU_PROP(struct null, latency_ns, "latency-ns", U64, "0", "how long each request takes"),
    VEMU_PROP(struct null, read_zeroes, "read-zeroes", BOOL, "off",
              "reads give zeros; else buffers are left as they are"),
    VEMU_PROP_END,
};

#define COMMON                                                                                     \
    .flags = VEMU_IMAGE_FORMAT_PROTOCOL | VEMU_IMAGE_FORMAT_WRITE,                                 \
    .instance_size = sizeof(struct null), .props = null_props, .open = null_open,                  \
    .readv = null_readv, .writev = null_writev, .zero = null_zero, .discard = null_discard,        \
    .flush = null_flush, .extent = null_extent

const struct vemu_image_driver vemu__image_null_aio = {
    .name = "null-aio",
    .summary = "storage that forgets what is written to it (the same as null-co)",
    .prefix = "null-aio:",
    COMMON,
};

const struct vemu_image_driver vemu__image_null_co = {
    .name = "null-co",
    .summary = "storage that forgets what is written to it",
    .prefix = "null-co:",
    COMMON,
};
