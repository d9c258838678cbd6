/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains behind a server: jobs on their disks, and the size of these.
 */
#include "../block.h"
#include "remote.h"

/* A procedure that begins with a domain and a disk, and gives nothing back. */
#define SEND(dom, procedure, structure, ...)                                                       \
    vmgr__remote_do(vmgr_domain_get_conn(dom)->driver_data, procedure,                             \
                    &(const struct structure){ .dom = vmgr__remote_domain(dom), __VA_ARGS__ },     \
                    err)

static int get_job(struct vmgr_domain *dom, const char *disk, uint32_t flags,
                   struct vmgr_block_job *ret, struct vmgr_error **err)
{
    const struct wire_domain_get_block_job_info_args args = { .dom = vmgr__remote_domain(dom),
                                                              .path = (char *)disk,
                                                              .flags = flags };
    struct wire_domain_get_block_job_info_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    int result = vmgr__remote_call(vmgr_domain_get_conn(dom)->driver_data,
                                   WIRE_DOMAIN_GET_BLOCK_JOB_INFO, &args, &out, &reply, err);

    if (result == 0 && out.found) {
        ret->type = out.type;
        ret->bandwidth = out.bandwidth;
        ret->current = out.cur;
        ret->end = out.end;
        result = 1;
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int abort_job(struct vmgr_domain *dom, const char *disk, uint32_t flags,
                     struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_BLOCK_JOB_ABORT, wire_domain_block_job_abort_args,
                .path = (char *)disk, .flags = flags);
}

static int set_job_speed(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth,
                         uint32_t flags, struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_BLOCK_JOB_SET_SPEED, wire_domain_block_job_set_speed_args,
                .path = (char *)disk, .bandwidth = bandwidth, .flags = flags);
}

static int rebase(struct vmgr_domain *dom, const char *disk, const char *base, uint64_t bandwidth,
                  uint32_t flags, struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_BLOCK_REBASE, wire_domain_block_rebase_args, .path = (char *)disk,
                .base = (char *)base, .bandwidth = bandwidth, .flags = flags);
}

static int pull(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth, uint32_t flags,
                struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_BLOCK_PULL, wire_domain_block_pull_args, .path = (char *)disk,
                .bandwidth = bandwidth, .flags = flags);
}

static int commit(struct vmgr_domain *dom, const char *disk, const char *base, const char *top,
                  uint64_t bandwidth, uint32_t flags, struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_BLOCK_COMMIT, wire_domain_block_commit_args, .disk = (char *)disk,
                .base = (char *)base, .top = (char *)top, .bandwidth = bandwidth, .flags = flags);
}

static int copy(struct vmgr_domain *dom, const char *disk, const char *xml,
                const struct vmgr_block_copy_params *params, uint32_t flags,
                struct vmgr_error **err)
{
    struct wire_typed_param list[3] = { 0 };
    uint32_t n = 0;

    if (params->bandwidth)
        list[n++] = (struct wire_typed_param){ .field = (char *)"bandwidth",
                                               .value = { .type = WIRE_VALUE_ULLONG,
                                                          .ul = params->bandwidth } };
    if (params->granularity)
        list[n++] = (struct wire_typed_param){ .field = (char *)"granularity",
                                               .value = { .type = WIRE_VALUE_UINT,
                                                          .ui = params->granularity } };
    if (params->buf_size)
        list[n++] = (struct wire_typed_param){ .field = (char *)"buf-size",
                                               .value = { .type = WIRE_VALUE_ULLONG,
                                                          .ul = params->buf_size } };
    return SEND(dom, WIRE_DOMAIN_BLOCK_COPY, wire_domain_block_copy_args, .path = (char *)disk,
                .destxml = (char *)xml, .params = { .n = n, .v = list }, .flags = flags);
}

static int resize(struct vmgr_domain *dom, const char *disk, uint64_t size, uint32_t flags,
                  struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_BLOCK_RESIZE, wire_domain_block_resize_args, .disk = (char *)disk,
                .size = size, .flags = flags);
}

/* First how many there are; what comes after that is left for the next time. */
static int get_errors(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    struct vmgr__remote *remote = vmgr_domain_get_conn(dom)->driver_data;
    struct wire_domain_get_disk_errors_args args = { .dom = vmgr__remote_domain(dom) };
    int r = 0;

    for (int round = 0; r == 0 && round < 2; round++) {
        struct wire_domain_get_disk_errors_ret out = { 0 };
        struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;

        r = vmgr__remote_call(remote, WIRE_DOMAIN_GET_DISK_ERRORS, &args, &out, &reply, err);
        for (uint32_t i = 0; r == 0 && round && i < out.errors.n; i++) {
            const struct vmgr_disk_error e = { g_strdup(out.errors.v[i].disk),
                                               out.errors.v[i].error };

            g_array_append_val(ret, e);
        }
        args.maxerrors = r == 0 && out.nerrors > 0 ? MIN((uint32_t)out.nerrors, 256) : 0;
        vmgr__remote_reply_clear(&reply);
        if (!args.maxerrors)
            break;
    }
    return r;
}

static int set_threshold(struct vmgr_domain *dom, const char *disk, uint64_t threshold,
                         struct vmgr_error **err)
{
    return SEND(dom, WIRE_DOMAIN_SET_BLOCK_THRESHOLD, wire_domain_set_block_threshold_args,
                .dev = (char *)disk, .threshold = threshold);
}

const struct vmgr__block_ops vmgr__remote_block = {
    .get_job = get_job,
    .abort_job = abort_job,
    .set_job_speed = set_job_speed,
    .rebase = rebase,
    .pull = pull,
    .commit = commit,
    .copy = copy,
    .resize = resize,
    .get_errors = get_errors,
    .set_threshold = set_threshold,
};
