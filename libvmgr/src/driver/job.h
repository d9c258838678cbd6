/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver with jobs on whole domains is: the operations behind include/vmgr/job.h.
 *
 * The rules are those of driver.h. Flags have been checked, those that exclude each other too.
 */
#ifndef VMGR_SRC_DRIVER_JOB_H
#define VMGR_SRC_DRIVER_JOB_H

#include <vmgr/job.h>

#include "driver.h"

struct vmgr__job_ops {
    /* NULL: it is made of get_stats. */
    int (*get_info)(struct vmgr_domain *dom, struct vmgr_domain_job *ret, struct vmgr_error **err);
    /* Adds struct vmgr_stat to ret. */
    int (*get_stats)(struct vmgr_domain *dom, uint32_t flags, int *ret_type, GArray *ret,
                     struct vmgr_error **err);
    int (*abort)(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
    int (*get_control)(struct vmgr_domain *dom, struct vmgr_domain_control *ret,
                       struct vmgr_error **err);
    int (*core_dump)(struct vmgr_domain *dom, const char *path, uint32_t format, uint32_t flags,
                     struct vmgr_error **err);
};

extern const struct vmgr__job_ops vmgr__remote_job;
extern const struct vmgr__job_ops vmgr__test_job;
extern const struct vmgr__job_ops vmgr__vemu_job;

#endif
