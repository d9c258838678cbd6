/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk as it was when a backup with sync "none" began, to be read while the guest goes on.
 */
#ifndef VEMU_JOBS_VIEW_H
#define VEMU_JOBS_VIEW_H

#include <stdatomic.h>

#include "block/backend.h"
#include "jobs/area.h"
#include "jobs/filter.h"

/* Whose the parts are: `todo` is still to be read from the disk, the rest was saved to `saved`. All
 * of it outlives the view. `broken`: something was lost (-errno). */
struct job_view_of {
    struct job_filter *filter;
    struct job_area *todo;
    struct vemu_image *saved;
    atomic_int *broken;
};

int vemu__job_view_new(const struct job_view_of *of, struct vemu_image **ret,
                       struct vemu_error **err);
/* The view of the backup whose target this node is; 0: no backup with sync "none" writes to it, 1,
 * or an error. Context: loop. */
int vemu__backup_view(const struct vemu_block *target, struct vemu_image **ret,
                      struct vemu_error **err);

#endif
