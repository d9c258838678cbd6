/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking and repairing qcow2 images.
 */
#ifndef VEMU_IMAGE_QCOW2_CHECK_H
#define VEMU_IMAGE_QCOW2_CHECK_H

#include "image/qcow2/shadow.h"

struct qcow2_check {
    struct qcow2 *s;
    struct vemu_image_check *result;
    const struct vemu_progress *progress;
    uint32_t repair;
    struct qcow2_refmap refs; /* references that were found */
    bool rebuild;             /* refcount structures are beyond single repairs */
    uint64_t next_offset;     /* where a file that is not fragmented would go on */
    uint64_t file_size;
};

void vemu__qcow2_check_say(struct qcow2_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Counts `times` references to bytes of the file. */
int vemu__qcow2_check_ref(struct qcow2_check *check, uint64_t offset, uint64_t bytes,
                          uint64_t times);
/* check-walk.c: everything that the header leads to. */
int vemu__qcow2_check_walk(struct qcow2_check *check);

/* bitmap.c: the clusters that bitmaps take. */
int vemu__qcow2_bitmaps_check(struct qcow2_check *check);

/* The driver's. */
int vemu__qcow2_check(struct vemu_image *image, uint32_t repair, struct vemu_image_check *result,
                      const struct vemu_progress *progress, struct vemu_error **err);
/* In exclusive work, or before requests can be. */
int vemu__qcow2_check_exclusive(struct qcow2 *s, uint32_t repair, struct vemu_image_check *result,
                                const struct vemu_progress *progress);

#endif
