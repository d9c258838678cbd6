/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk as it was when a backup with sync "none" began.
 *
 * Theory of operation: what the guest has not changed since is read from the disk, the rest from
 * where the backup saved it. A reader enters the job's ranges as the guest's changes do, so that a
 * part is not changed between the question where it is and the reading. Dirty bitmaps are those of
 * the disk. The view is read only; it goes before its job does.
 */
#include "jobs/view.h"

#include <errno.h>
#include <glib.h>

#include "image/filter.h"

#define EXTENT_MAX (64u << 20) /* of one question: the guest's changes wait meanwhile */

struct view {
    struct vemu_image image;
    struct job_view_of of;
};

static struct view *view_of(const struct vemu_image *image)
{
    return (struct view *)image;
}

/* Where a place is to be read from, and how many of `bytes` are there. The range is the
 * caller's. */
static struct vemu_image *find(const struct view *view, uint64_t offset, uint64_t *bytes)
{
    uint64_t at = 0, size = 0, end = offset + *bytes;

    if (!vemu__job_area_next(view->of.todo, offset, end, *bytes, &at, &size))
        return view->of.saved;
    if (at > offset) {
        *bytes = at - offset;
        return view->of.saved;
    }
    *bytes = MIN(at + size, end) - offset;
    return view->image.file;
}

static int enter(struct view *view, uint64_t offset, uint64_t bytes, struct image_range *range)
{
    uint64_t mask = view->of.filter->align - 1;

    *range = (struct image_range){
        .begin = offset & ~mask,
        .end = (offset + bytes + mask) & ~mask,
    };
    vemu__image_ranges_enter(&view->of.filter->ranges, range);
    return atomic_load(view->of.broken) ? -EIO : 0;
}

static void leave(struct view *view, struct image_range *range)
{
    vemu__image_ranges_leave(&view->of.filter->ranges, range);
}

static int read_piece(const struct view *view, uint64_t offset, uint8_t *buf, uint64_t bytes)
{
    int r = 0;

    while (bytes && r >= 0) {
        uint64_t size = bytes;
        struct vemu_image *from = find(view, offset, &size);

        r = vemu_image_read(from, offset, buf, size);
        offset += size;
        buf += size;
        bytes -= size;
    }
    return r;
}

static int view_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      const struct iovec *iov, unsigned count)
{
    struct view *view = view_of(image);
    struct image_range range;
    int r = enter(view, offset, bytes, &range);

    for (unsigned i = 0; i < count && r >= 0; i++) {
        r = read_piece(view, offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    /* what was saved while this was read may have been lost */
    if (r >= 0 && atomic_load(view->of.broken))
        r = -EIO;
    leave(view, &range);
    return r;
}

static int view_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret)
{
    struct view *view = view_of(image);
    struct vemu_image *from;
    struct image_range range;
    int r;

    bytes = MIN(bytes, EXTENT_MAX);
    r = enter(view, offset, bytes, &range);
    if (r >= 0) {
        from = find(view, offset, &bytes);
        r = vemu_image_get_extent(from, NULL, offset, bytes, ret);
    }
    leave(view, &range);
    if (r < 0)
        return r;
    ret->flags &= ~VEMU_IMAGE_EXTENT_OFFSET;
    ret->flags |= VEMU_IMAGE_EXTENT_ALLOCATED;
    ret->depth = 0;
    return 0;
}

static int view_open(struct vemu_image *image, struct vemu_error **err)
{
    vemu__filter_open(image);
    return 0;
}

static int view_close(struct vemu_image *image)
{
    return 0;
}

/* In no table: only jobs make it. */
static const struct vemu_image_driver view_driver = {
    .name = "backup-view",
    .summary = "a disk as it was when a backup began",
    .flags = VEMU_IMAGE_FORMAT_FILTER,
    .instance_size = sizeof(struct view),
    .open = view_open,
    .close = view_close,
    .readv = view_readv,
    .extent = view_extent,
};

int vemu__job_view_new(const struct job_view_of *of, struct vemu_image **ret,
                       struct vemu_error **err)
{
    struct vemu_image *disk = of->filter->image.file;
    int r = vemu__image_new(&view_driver, disk->filename, vemu_image_ref(disk),
                            disk->open_flags & ~(IMAGE_OPEN_CHILD | VEMU_IMAGE_WRITE), NULL, 0, ret,
                            err);

    if (r >= 0)
        view_of(*ret)->of = *of;
    return r;
}
