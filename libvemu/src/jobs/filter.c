/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layer that a job puts on top of a node's image.
 */
#include "jobs/filter.h"

#include <errno.h>
#include <glib.h>

#include "image/filter.h"

static struct job_filter *filter_of(const struct vemu_image *image)
{
    return (struct job_filter *)image;
}

static int forward(struct vemu_image *image, const struct job_change *change)
{
    switch (change->op) {
    case JOB_CHANGE_WRITE:
        return vemu__filter_writev(image, change->offset, change->bytes, change->iov,
                                   change->iov_count, change->flags);
    case JOB_CHANGE_ZERO:
        return vemu__filter_zero(image, change->offset, change->bytes, change->flags);
    default: return vemu__filter_discard(image, change->offset, change->bytes);
    }
}

static int filter_change(struct vemu_image *image, const struct job_change *change)
{
    struct job_filter *filter = filter_of(image);
    uint64_t mask = filter->align - 1;
    struct image_range range = {
        .begin = change->offset & ~mask,
        .end = (change->offset + change->bytes + mask) & ~mask,
    };
    int r;

    vemu__image_ranges_enter(&filter->ranges, &range);
    if (filter->ops->before)
        filter->ops->before(filter->data, range.begin, range.end - range.begin);
    r = forward(image, change);
    if (filter->ops->after)
        filter->ops->after(filter->data, change, r);
    vemu__image_ranges_leave(&filter->ranges, &range);
    return r;
}

static int filter_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                         const struct iovec *iov, unsigned count, uint32_t flags)
{
    const struct job_change change = { JOB_CHANGE_WRITE, offset, bytes, iov, count, flags };

    return filter_change(image, &change);
}

static int filter_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    const struct job_change change = { JOB_CHANGE_ZERO, offset, bytes, NULL, 0, flags };

    return filter_change(image, &change);
}

static int filter_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    const struct job_change change = { JOB_CHANGE_DISCARD, offset, bytes, NULL, 0, 0 };

    return filter_change(image, &change);
}

static int filter_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                      struct vemu_image_span *ret)
{
    struct job_filter *filter = filter_of(image);

    if (write && filter->ops->may_map && !filter->ops->may_map(filter->data, offset, bytes))
        return -EAGAIN;
    return vemu__image_map(image->file, offset, bytes, write, ret);
}

static int filter_flush_fd(struct vemu_image *image)
{
    return vemu__image_flush_fd(image->file);
}

static int filter_open(struct vemu_image *image, struct vemu_error **err)
{
    vemu__image_ranges_init(&filter_of(image)->ranges);
    filter_of(image)->has_ranges = true;
    vemu__filter_open(image);
    return 0;
}

static int filter_close(struct vemu_image *image)
{
    if (filter_of(image)->has_ranges)
        vemu__image_ranges_fini(&filter_of(image)->ranges);
    return 0;
}

/* In no table: only jobs make it. */
static const struct vemu_image_driver filter_driver = {
    .name = "job",
    .summary = "a job's eye on what is written",
    .flags = VEMU_IMAGE_FORMAT_FILTER | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct job_filter),
    .open = filter_open,
    .close = filter_close,
    .readv = vemu__filter_readv,
    .writev = filter_writev,
    .zero = filter_zero,
    .discard = filter_discard,
    .map = filter_map,
    .flush_fd = filter_flush_fd,
};

bool vemu__job_is_filter(const struct vemu_image *image)
{
    return image->driver == &filter_driver;
}

int vemu__job_filter_new(struct vemu_image *file, const struct job_filter_ops *ops, void *data,
                         uint64_t align, struct job_filter **ret, struct vemu_error **err)
{
    struct vemu_image *image = NULL;
    int r = vemu__image_new(&filter_driver, file->filename, vemu_image_ref(file),
                            file->open_flags & ~IMAGE_OPEN_CHILD, NULL, 0, &image, err);

    if (r < 0)
        return r;
    *ret = filter_of(image);
    (*ret)->align = align;
    (*ret)->ops = ops;
    (*ret)->data = data;
    return 0;
}
