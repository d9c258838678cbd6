/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all jobs do: a range goes from one image to another.
 */
#ifndef VEMU_JOBS_COPY_H
#define VEMU_JOBS_COPY_H

#include "image/image.h"

#define JOB_CHUNK (1u << 20) /* so much at once */

struct job_copy {
    struct vemu_image *source, *target;
    struct vemu_image *base; /* of the source's chain: `above` */
    bool above;              /* only what the layers above `base` have */
    bool missing;            /* source and target are one: only what the layers below have */
    bool compress;           /* whole clusters of the target */
    uint32_t zero_flags;     /* VEMU_IMAGE_MAY_UNMAP */
};

/* *ret_read: it was reading that failed. The range is the caller's alone, and of whole clusters of
 * the target unless the disk ends.
 * Errors: those of reading and writing, ENOMEM. */
int vemu__job_copy(const struct job_copy *copy, uint64_t offset, uint64_t bytes, bool *ret_read);

#endif
