/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where backup and mirror write to: a node that is claimed meanwhile, or an image.
 */
#ifndef VEMU_JOBS_TARGET_H
#define VEMU_JOBS_TARGET_H

#include "jobs/job.h"

struct job_target {
    struct vemu_block *node; /* NULL: an image alone */
    struct vemu_image *image;
};

/* Claims what the options name. Errors: ENOENT, EBUSY, EROFS, EINVAL (none, or the disk itself, or
 * smaller than it). Context: loop. */
int vemu__job_target_take(struct vemu_job *job, const struct vemu_job_options *options,
                          struct job_target *ret, struct vemu_error **err);
/* Also when nothing was taken. Context: loop. */
void vemu__job_target_drop(struct job_target *target);
/* The size of the parts to copy: the target's clusters, at least 64 KiB. */
uint64_t vemu__job_target_granularity(const struct job_target *target);

#endif
