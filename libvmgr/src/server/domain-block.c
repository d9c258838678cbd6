/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about jobs on disks of domains.
 */
#include <string.h>
#include <vmgr/block.h>

#include "internal.h"

/* Their arguments begin with the domain; nothing comes back. */
#define BLOCK(procedure, change)                                                                   \
    static int block_##procedure(struct vmgr__call *call, const void *args, void *ret)             \
    {                                                                                              \
        const struct wire_domain_##procedure##_args *a = args;                                     \
        struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);                                \
                                                                                                   \
        (void)ret;                                                                                 \
        return dom ? change : -1;                                                                  \
    }

BLOCK(block_job_abort, vmgr_domain_abort_block_job(dom, a->path, a->flags, &call->err))
BLOCK(block_job_set_speed,
      vmgr_domain_set_block_job_speed(dom, a->path, a->bandwidth, a->flags, &call->err))
BLOCK(block_pull, vmgr_domain_block_pull(dom, a->path, a->bandwidth, a->flags, &call->err))
BLOCK(block_rebase,
      vmgr_domain_block_rebase(dom, a->path, a->base, a->bandwidth, a->flags, &call->err))
BLOCK(block_commit,
      vmgr_domain_block_commit(dom, a->disk, a->base, a->top, a->bandwidth, a->flags, &call->err))
BLOCK(set_block_threshold,
      vmgr_domain_set_block_threshold(dom, a->dev, a->threshold, a->flags, &call->err))
BLOCK(block_resize, vmgr_domain_block_resize(dom, a->disk, a->size, a->flags, &call->err))

static int get_block_job_info(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_block_job_info_args *a = args;
    struct wire_domain_get_block_job_info_ret *out = ret;
    struct vmgr_block_job job = VMGR_BLOCK_JOB_INIT;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    const int found =
        dom ? vmgr_domain_get_block_job(dom, a->path, a->flags, &job, &call->err) : -1;

    if (found < 0)
        return -1;
    out->found = found;
    out->type = job.type;
    out->bandwidth = job.bandwidth;
    out->cur = job.current;
    out->end = job.end;
    return 0;
}

/* A client that gives no room asks how much it needs. */
static int get_disk_errors(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_disk_errors_args *a = args;
    struct wire_domain_get_disk_errors_ret *out = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_disk_error *list = NULL;
    const int n = dom ? vmgr_domain_get_disk_errors(dom, a->flags, &list, &call->err) : -1;

    if (n < 0)
        return -1;
    out->nerrors = n;
    if (a->maxerrors) {
        const uint32_t count = MIN(MIN((uint32_t)n, a->maxerrors), 256);

        out->nerrors = (int)count;
        out->errors.n = count;
        out->errors.v = vmgr__arena_adopt(
            &call->arena, g_new0(struct wire_domain_disk_error, (gsize)count + 1), g_free);
        for (uint32_t i = 0; i < count; i++) {
            out->errors.v[i].disk = vmgr__arena_strdup(&call->arena, list[i].disk);
            out->errors.v[i].error = list[i].error;
        }
    }
    vmgr_disk_errors_free(list, (size_t)n);
    return 0;
}

static int bad_param(struct vmgr__call *call, const char *field)
{
    return vmgr__call_fail(
        call, VMGR_ERR_INVALID_ARG, VMGR_FROM_RPC,
        "invalid argument: parameter '%s' is not known here, or has another type", field);
}

static int read_param(struct vmgr__call *call, const struct wire_typed_param *p,
                      struct vmgr_block_copy_params *params)
{
    if (strcmp(p->field, "bandwidth") == 0 && p->value.type == WIRE_VALUE_ULLONG)
        params->bandwidth = p->value.ul;
    else if (strcmp(p->field, "granularity") == 0 && p->value.type == WIRE_VALUE_UINT)
        params->granularity = p->value.ui;
    else if (strcmp(p->field, "buf-size") == 0 && p->value.type == WIRE_VALUE_ULLONG)
        params->buf_size = p->value.ul;
    else
        return bad_param(call, p->field);
    return 0;
}

static int block_copy(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_block_copy_args *a = args;
    struct vmgr_block_copy_params params = VMGR_BLOCK_COPY_PARAMS_INIT;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);

    (void)ret;
    if (!dom)
        return -1;
    for (uint32_t i = 0; i < a->params.n; i++) {
        if (read_param(call, &a->params.v[i], &params) < 0)
            return -1;
    }
    return vmgr_domain_block_copy(dom, a->path, a->destxml, &params, a->flags, &call->err);
}

const struct vmgr__handler vmgr__handlers_domain_block[] = {
    { WIRE_DOMAIN_BLOCK_JOB_ABORT, block_block_job_abort, 0 },
    { WIRE_DOMAIN_GET_BLOCK_JOB_INFO, get_block_job_info, 0 },
    { WIRE_DOMAIN_BLOCK_JOB_SET_SPEED, block_block_job_set_speed, 0 },
    { WIRE_DOMAIN_BLOCK_PULL, block_block_pull, 0 },
    { WIRE_DOMAIN_BLOCK_REBASE, block_block_rebase, 0 },
    { WIRE_DOMAIN_BLOCK_COMMIT, block_block_commit, 0 },
    { WIRE_DOMAIN_BLOCK_COPY, block_copy, 0 },
    { WIRE_DOMAIN_BLOCK_RESIZE, block_block_resize, 0 },
    { WIRE_DOMAIN_GET_DISK_ERRORS, get_disk_errors, 0 },
    { WIRE_DOMAIN_SET_BLOCK_THRESHOLD, block_set_block_threshold, 0 },
    { 0, NULL, 0 },
};
