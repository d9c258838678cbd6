/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image filter copy-on-read: what is read from a backing image is kept in the image itself.
 *
 * Before a read, the parts of its clusters that the image does not have are copied up. Copying
 * reads old data and writes it later: a write of the user to the same place must not come in
 * between, or it would be undone. So ranges that are copied, and writes, keep each other out. What
 * the image has already is never copied; reads and writes of that pass by (map).
 */
#include <errno.h>
#include <glib.h>

#include "core/error.h"
#include "image/drivers.h"
#include "image/filter.h"
#include "image/ranges.h"

#define COPY_SIZE (1u << 20)

struct cor {
    struct vemu_image image;
    struct image_ranges ranges;
    bool has_ranges;
};

static struct cor *cor_of(const struct vemu_image *image)
{
    return (struct cor *)image;
}

/* --- copying ---------------------------------------------------------------------------------- */

/* What is at the beginning of a range: true if it is in a backing image. */
static int is_missing(struct vemu_image *image, uint64_t offset, uint64_t *bytes, bool *ret_missing)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    struct vemu_image *top = vemu__image_skip_filters(image);
    int r;

    *ret_missing = false;
    if (!top->backing)
        return 0;
    r = vemu_image_get_extent(top, top->backing, offset, *bytes, &extent);
    if (r < 0)
        return r;
    *bytes = extent.bytes;
    *ret_missing = !(extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED);
    return 0;
}

static int copy_up(struct vemu_image *image, uint8_t *buf, uint64_t offset, uint64_t end)
{
    int r = 0;

    while (offset < end && r >= 0) {
        uint64_t bytes = MIN(end - offset, COPY_SIZE);
        bool missing;

        r = is_missing(image, offset, &bytes, &missing);
        if (r >= 0 && missing) {
            r = vemu_image_read(image->file, offset, buf, bytes);
            if (r >= 0)
                r = vemu_image_write(image->file, offset, buf, bytes, 0);
        }
        offset += bytes;
    }
    return r;
}

/* Clusters are copied as a whole. What cannot be kept (no space) can still be read. */
static void keep(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    uint64_t cluster = MAX(image->cluster_size, IMAGE_SECTOR), size = image->size;
    struct image_range range = {
        .begin = offset / cluster * cluster,
        .end = MIN((offset + bytes + cluster - 1) / cluster * cluster, size),
    };
    g_autofree uint8_t *buf = g_try_malloc(COPY_SIZE);

    if (!buf)
        return;
    vemu__image_ranges_enter(&cor_of(image)->ranges, &range);
    copy_up(image, buf, range.begin, range.end);
    vemu__image_ranges_leave(&cor_of(image)->ranges, &range);
}

/* Whether something of the range is in a backing image. */
static int any_missing(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool *ret)
{
    uint64_t end = offset + bytes;
    int r = 0;

    *ret = false;
    while (offset < end && r >= 0 && !*ret) {
        bytes = end - offset;
        r = is_missing(image, offset, &bytes, ret);
        offset += bytes;
    }
    return r;
}

/* --- requests --------------------------------------------------------------------------------- */

static int cor_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                     const struct iovec *iov, unsigned count)
{
    bool missing;
    int r = any_missing(image, offset, bytes, &missing);

    if (r < 0)
        return r;
    if (missing)
        keep(image, offset, bytes);
    return vemu__filter_readv(image, offset, bytes, iov, count);
}

static int cor_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count, uint32_t flags)
{
    struct image_range range = { .begin = offset, .end = offset + bytes };
    int r;

    vemu__image_ranges_enter(&cor_of(image)->ranges, &range);
    r = vemu__filter_writev(image, offset, bytes, iov, count, flags);
    vemu__image_ranges_leave(&cor_of(image)->ranges, &range);
    return r;
}

static int cor_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    struct image_range range = { .begin = offset, .end = offset + bytes };
    int r;

    vemu__image_ranges_enter(&cor_of(image)->ranges, &range);
    r = vemu__filter_zero(image, offset, bytes, flags);
    vemu__image_ranges_leave(&cor_of(image)->ranges, &range);
    return r;
}

static int cor_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    struct image_range range = { .begin = offset, .end = offset + bytes };
    int r;

    vemu__image_ranges_enter(&cor_of(image)->ranges, &range);
    r = vemu__filter_discard(image, offset, bytes);
    vemu__image_ranges_leave(&cor_of(image)->ranges, &range);
    return r;
}

static int cor_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                   struct vemu_image_span *ret)
{
    bool missing;
    int r = any_missing(image, offset, bytes, &missing);

    if (r < 0)
        return r;
    return missing ? -EAGAIN : vemu__image_map(image->file, offset, bytes, write, ret);
}

/* --- life ------------------------------------------------------------------------------------- */

static int cor_open(struct vemu_image *image, struct vemu_error **err)
{
    struct cor *cor = cor_of(image);

    if (!(image->file->open_flags & VEMU_IMAGE_WRITE))
        return vemu__error_set(err, EROFS, "'%s' is read-only: nothing can be copied into it",
                               image->file->filename);
    vemu__image_ranges_init(&cor->ranges);
    cor->has_ranges = true;
    vemu__filter_open(image);
    return 0;
}

static int cor_close(struct vemu_image *image)
{
    struct cor *cor = cor_of(image);

    if (cor->has_ranges)
        vemu__image_ranges_fini(&cor->ranges);
    return 0;
}

const struct vemu_image_driver vemu__image_copy_on_read = {
    .name = "copy-on-read",
    .summary = "keeps what is read from backing images",
    .flags = VEMU_IMAGE_FORMAT_FILTER | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct cor),
    .open = cor_open,
    .close = cor_close,
    .readv = cor_readv,
    .writev = cor_writev,
    .zero = cor_zero,
    .discard = cor_discard,
    .map = cor_map,
};
