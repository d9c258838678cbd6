/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver with jobs on disks is: the operations behind include/vmgr/block.h.
 *
 * The rules are those of driver.h. Bandwidths and sizes are in the unit that the flags say.
 */
#ifndef VMGR_SRC_DRIVER_BLOCK_H
#define VMGR_SRC_DRIVER_BLOCK_H

#include <vmgr/block.h>

#include "driver.h"

struct vmgr__block_ops {
    int (*get_job)(struct vmgr_domain *dom, const char *disk, uint32_t flags,
                   struct vmgr_block_job *ret, struct vmgr_error **err);
    int (*abort_job)(struct vmgr_domain *dom, const char *disk, uint32_t flags,
                     struct vmgr_error **err);
    int (*set_job_speed)(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth,
                         uint32_t flags, struct vmgr_error **err);
    int (*rebase)(struct vmgr_domain *dom, const char *disk, const char *base, uint64_t bandwidth,
                  uint32_t flags, struct vmgr_error **err);
    int (*pull)(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth, uint32_t flags,
                struct vmgr_error **err);
    int (*commit)(struct vmgr_domain *dom, const char *disk, const char *base, const char *top,
                  uint64_t bandwidth, uint32_t flags, struct vmgr_error **err);
    int (*copy)(struct vmgr_domain *dom, const char *disk, const char *xml,
                const struct vmgr_block_copy_params *params, uint32_t flags,
                struct vmgr_error **err);
    int (*resize)(struct vmgr_domain *dom, const char *disk, uint64_t size, uint32_t flags,
                  struct vmgr_error **err);
    /* ret: struct vmgr_disk_error. */
    int (*get_errors)(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err);
    int (*set_threshold)(struct vmgr_domain *dom, const char *disk, uint64_t threshold,
                         struct vmgr_error **err);
};

extern const struct vmgr__block_ops vmgr__remote_block;
extern const struct vmgr__block_ops vmgr__vemu_block;

#endif
