/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a VHDX file has its tables.
 */
#ifndef VEMU_IMAGE_VHDX_H
#define VEMU_IMAGE_VHDX_H

#include "image/places.h"

struct vhdx_layout {
    uint64_t disk_size;  /* bytes */
    uint32_t block_size; /* bytes, a power of two */
    uint64_t block_count, chunk_ratio;
    uint64_t bat_offset; /* the whole table is inside the file */
};

/* Finds and checks them. Errors: EINVAL (in words), ENOTSUP (parent, log), those of reading. */
int vemu__vhdx_layout_read(struct vemu_image *file, const char *filename, struct vhdx_layout *ret,
                           struct vemu_error **err);

#endif
