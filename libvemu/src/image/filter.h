/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What filters have in common: all that they do not do themselves goes to the layer below.
 */
#ifndef VEMU_IMAGE_FILTER_H
#define VEMU_IMAGE_FILTER_H

#include "image/image.h"

/* Takes over size and the like from the layer below: for `open`. */
void vemu__filter_open(struct vemu_image *image);
int vemu__filter_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count);
int vemu__filter_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                        const struct iovec *iov, unsigned count, uint32_t flags);
int vemu__filter_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags);
int vemu__filter_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes);

#endif
