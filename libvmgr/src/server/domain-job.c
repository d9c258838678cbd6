/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about jobs on whole domains, dumps, and whether a domain can be spoken to.
 */
#include <vmgr/job.h>

#include "internal.h"

/* Their arguments begin with the domain; nothing comes back. */
#define JOB(procedure, change)                                                                     \
    static int job_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? change : -1;                                                                  \
    }

JOB(abort_job, vmgr_domain_abort_job(dom, 0, &call->err))
JOB(abort_job_flags, vmgr_domain_abort_job(dom, a->flags, &call->err))
JOB(core_dump, vmgr_domain_core_dump(dom, a->to, VMGR_DOMAIN_DUMP_FORMAT_RAW, a->flags, &call->err))
JOB(core_dump_with_format, vmgr_domain_core_dump(dom, a->to, a->dumpformat, a->flags, &call->err))

static int get_job_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_job_info_args *a = args;
    struct wire_domain_get_job_info_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_domain_job job = VMGR_DOMAIN_JOB_INIT;

    if (!dom || vmgr_domain_get_job_info(dom, &job, &call->err) < 0)
        return -1;
    out->type = job.type;
    out->time_elapsed = job.time_elapsed;
    out->time_remaining = job.time_remaining;
    out->data_total = job.data_total;
    out->data_processed = job.data_processed;
    out->data_remaining = job.data_remaining;
    out->mem_total = job.mem_total;
    out->mem_processed = job.mem_processed;
    out->mem_remaining = job.mem_remaining;
    out->file_total = job.file_total;
    out->file_processed = job.file_processed;
    out->file_remaining = job.file_remaining;
    return 0;
}

static int get_job_stats(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_job_stats_args *a = args;
    struct wire_domain_get_job_stats_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_stat *stats;

    if (!dom || vmgr_domain_get_job_stats(dom, a->flags, &out->type, &stats, &call->err) < 0)
        return -1;
    out->params.v = vmgr__call_stats(call, stats, &out->params.n);
    return 0;
}

static int get_control_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_control_info_args *a = args;
    struct wire_domain_get_control_info_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_domain_control control = VMGR_DOMAIN_CONTROL_INIT;

    if (!dom || vmgr_domain_get_control_info(dom, a->flags, &control, &call->err) < 0)
        return -1;
    out->state = control.state;
    out->details = control.reason;
    out->state_time = control.state_time;
    return 0;
}

const struct vmgr__handler vmgr__handlers_domain_job[] = {
    { WIRE_DOMAIN_GET_JOB_INFO, get_job_info, 0 },
    { WIRE_DOMAIN_GET_JOB_STATS, get_job_stats, 0 },
    { WIRE_DOMAIN_ABORT_JOB, job_abort_job, 0 },
    { WIRE_DOMAIN_ABORT_JOB_FLAGS, job_abort_job_flags, 0 },
    { WIRE_DOMAIN_GET_CONTROL_INFO, get_control_info, 0 },
    { WIRE_DOMAIN_CORE_DUMP, job_core_dump, 0 },
    { WIRE_DOMAIN_CORE_DUMP_WITH_FORMAT, job_core_dump_with_format, 0 },
    { 0, NULL, 0 },
};
