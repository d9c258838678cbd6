/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty bitmaps that jobs work with.
 */
#ifndef VEMU_JOBS_BITMAP_H
#define VEMU_JOBS_BITMAP_H

#include "block/backend.h"

/* -EBUSY: a job of the node will put something into the bitmap, or take it. Context: loop. */
int vemu__job_check_bitmap(const struct vemu_block *block, const char *name,
                           struct vemu_error **err);

#endif
