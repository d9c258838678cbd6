/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making new qcow2 images.
 */
#ifndef VEMU_IMAGE_QCOW2_CREATE_H
#define VEMU_IMAGE_QCOW2_CREATE_H

#include "image/qcow2/layout.h"

int vemu__qcow2_create(const struct vemu_image_create_args *args, struct vemu_error **err);
/* Writes an empty image of header->size bytes to a file that is empty; sets the header's tables. */
int vemu__qcow2_create_in(struct vemu_image *file, struct qcow2_header *header,
                          enum qcow2_preallocation preallocation,
                          const struct vemu_progress *progress, struct vemu_error **err);

#endif
