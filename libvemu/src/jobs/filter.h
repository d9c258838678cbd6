/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layer that a job puts on top of a node's image, to see what the guest writes.
 *
 * Theory of operation: all changes that go through it, and what the job copies itself, enter a
 * range, widened to the parts that the job works with; so for each part one goes after the other.
 * The only ones that pass by are those that the kernel does by itself, and only if the job says
 * that they may (`may_map`).
 */
#ifndef VEMU_JOBS_FILTER_H
#define VEMU_JOBS_FILTER_H

#include "image/image.h"
#include "image/ranges.h"

/* A change of the guest's. */
struct job_change {
    enum { JOB_CHANGE_WRITE, JOB_CHANGE_ZERO, JOB_CHANGE_DISCARD } op;
    uint64_t offset, bytes;
    const struct iovec *iov; /* WRITE */
    unsigned iov_count;
    uint32_t flags; /* VEMU_IMAGE_*, ZERO */
};

/* Called inside of the change's range. Context: io, any number at once. NULL members: nothing. */
struct job_filter_ops {
    void (*before)(void *data, uint64_t offset, uint64_t bytes);
    void (*after)(void *data, const struct job_change *change, int result);
    bool (*may_map)(void *data, uint64_t offset, uint64_t bytes); /* NULL: always */
};

struct job_filter {
    struct vemu_image image;
    struct image_ranges ranges;
    bool has_ranges;
    uint64_t align; /* bytes, a power of two */
    const struct job_filter_ops *ops;
    void *data;
};

/* Above `file`, with a reference of its own. */
int vemu__job_filter_new(struct vemu_image *file, const struct job_filter_ops *ops, void *data,
                         uint64_t align, struct job_filter **ret, struct vemu_error **err);
/* Whether a layer is such a filter. */
bool vemu__job_is_filter(const struct vemu_image *image);

#endif
