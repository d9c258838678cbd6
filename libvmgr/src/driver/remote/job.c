/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: jobs on the whole of them.
 */
#include "../job.h"
#include "remote.h"

static int get_info(struct vmgr_domain *dom, struct vmgr_domain_job *ret, struct vmgr_error **err)
{
    const struct wire_domain_get_job_info_args args = { .dom = vmgr__remote_domain(dom) };
    struct wire_domain_get_job_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_GET_JOB_INFO,
                              &args, &out, &reply, err);

    if (r == 0) {
        ret->type = out.type;
        ret->time_elapsed = out.time_elapsed;
        ret->time_remaining = out.time_remaining;
        ret->data_total = out.data_total;
        ret->data_processed = out.data_processed;
        ret->data_remaining = out.data_remaining;
        ret->mem_total = out.mem_total;
        ret->mem_processed = out.mem_processed;
        ret->mem_remaining = out.mem_remaining;
        ret->file_total = out.file_total;
        ret->file_processed = out.file_processed;
        ret->file_remaining = out.file_remaining;
    }
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int get_stats(struct vmgr_domain *dom, uint32_t flags, int *ret_type, GArray *ret,
                     struct vmgr_error **err)
{
    const struct wire_domain_get_job_stats_args args = { .dom = vmgr__remote_domain(dom),
                                                         .flags = flags };
    struct wire_domain_get_job_stats_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_GET_JOB_STATS,
                              &args, &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.params.n; i++)
        vmgr__remote_add_stat(ret, &out.params.v[i]);
    if (r == 0)
        *ret_type = out.type;
    vmgr__remote_reply_clear(&reply);
    return r;
}

/* The one without flags is older. */
static int abort_job(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct vmgr__remote *r = vmgr_domain_get_conn(dom)->driver_data;
    const struct wire_domain_abort_job_flags_args args = { .dom = vmgr__remote_domain(dom),
                                                           .flags = flags };
    const struct wire_domain_abort_job_args plain = { .dom = vmgr__remote_domain(dom) };

    return flags ? vmgr__remote_do(r, WIRE_DOMAIN_ABORT_JOB_FLAGS, &args, err)
                 : vmgr__remote_do(r, WIRE_DOMAIN_ABORT_JOB, &plain, err);
}

static int get_control(struct vmgr_domain *dom, struct vmgr_domain_control *ret,
                       struct vmgr_error **err)
{
    const struct wire_domain_get_control_info_args args = { .dom = vmgr__remote_domain(dom) };
    struct wire_domain_get_control_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int r = vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data, WIRE_DOMAIN_GET_CONTROL_INFO,
                              &args, &out, &reply, err);

    if (r == 0) {
        ret->state = out.state;
        ret->reason = out.details;
        ret->state_time = out.state_time;
    }
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int core_dump(struct vmgr_domain *dom, const char *path, uint32_t format, uint32_t flags,
                     struct vmgr_error **err)
{
    struct vmgr__remote *r = vmgr_domain_get_conn(dom)->driver_data;
    const struct wire_domain_core_dump_args plain = { .dom = vmgr__remote_domain(dom),
                                                      .to = (char *)path,
                                                      .flags = flags };
    const struct wire_domain_core_dump_with_format_args args = {
        .dom = vmgr__remote_domain(dom), .to = (char *)path, .dumpformat = format, .flags = flags
    };

    return format ? vmgr__remote_do(r, WIRE_DOMAIN_CORE_DUMP_WITH_FORMAT, &args, err)
                  : vmgr__remote_do(r, WIRE_DOMAIN_CORE_DUMP, &plain, err);
}

const struct vmgr__job_ops vmgr__remote_job = {
    .get_info = get_info,
    .get_stats = get_stats,
    .abort = abort_job,
    .get_control = get_control,
    .core_dump = core_dump,
};
