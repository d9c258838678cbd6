/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mirror: an image follows a disk, and may take its place. Committing the active image is the same
 * with a target of its own.
 */
#ifndef VEMU_JOBS_MIRROR_H
#define VEMU_JOBS_MIRROR_H

#include "jobs/area.h"
#include "jobs/copy.h"
#include "jobs/graph.h"
#include "jobs/job.h"

struct mirror {
    struct vemu_job job;
    struct job_filter *filter;
    struct job_area dirty; /* what the target does not have yet */
    struct job_copy copy;
    uint64_t scan; /* until where the layers were looked at, for SYNC_TOP */
    enum vemu_job_sync sync;
    atomic_bool active; /* writes go to the target too, at once */
};

/* Puts the filter on the node: writes are recorded from now on. `copy`, `sync` and job are set.
 * Errors: ENOMEM, of making the filter. Context: loop. */
int vemu__mirror_begin(struct mirror *m, const struct vemu_job_options *options,
                       uint64_t granularity, struct vemu_error **err);
/* The job's work. */
int vemu__mirror_run(struct vemu_job *job);
/* The node is quiesced: the target gets what it does not have, on stable storage. */
int vemu__mirror_settle(struct mirror *m, struct vemu_error **err);
/* Takes the filter off, if it is there. Context: loop. */
void vemu__mirror_end(struct mirror *m);
/* Whether the target is to take the disk's place. */
bool vemu__mirror_pivots(struct mirror *m);

#endif
