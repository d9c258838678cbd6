/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An operation on a disk of a run: its lock, its monitor, its disk.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_BLOCK_BLOCK_WORK_H
#define VMGR_SRC_DRIVER_VEMU_BLOCK_BLOCK_WORK_H

#include "../run/qmp.h"
#include "blockjob.h"

struct vemu_block_work {
    struct vemu_change c;
    struct vemu_qmp *q;
    struct vmgr__device *dev; /* of the run's definition */
    char *alias;
};

/* Locks the domain; its jobs are settled. */
int vmgr__block_begin(struct vemu_block_work *w, struct vmgr_domain *dom, const char *disk,
                      struct vmgr_error **err);
/* The same for what needs a disk that can be written to and has no job. */
int vmgr__block_begin_job(struct vemu_block_work *w, struct vmgr_domain *dom, const char *disk,
                          struct vmgr_error **err);
/* Returns r. */
int vmgr__block_end(struct vemu_block_work *w, int r);
/* Bytes/s from those or MiB/s. */
int vmgr__block_to_bytes(uint64_t bandwidth, bool is_bytes, uint64_t *ret, struct vmgr_error **err);

/* ---- start-job.c: operations of block.h ---- */
int vmgr__vemu_block_pull(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth,
                          uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_block_commit(struct vmgr_domain *dom, const char *disk, const char *base,
                            const char *top, uint64_t bandwidth, uint32_t flags,
                            struct vmgr_error **err);
int vmgr__vemu_block_copy(struct vmgr_domain *dom, const char *disk, const char *xml,
                          const struct vmgr_block_copy_params *params, uint32_t flags,
                          struct vmgr_error **err);
int vmgr__vemu_block_rebase(struct vmgr_domain *dom, const char *disk, const char *base,
                            uint64_t bandwidth, uint32_t flags, struct vmgr_error **err);

#endif
