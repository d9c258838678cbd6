/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on disks of domains, and their size: the public calls, which check and pass on to the
 * driver.
 */
#include <string.h>
#include <vmgr/block.h>

#include "../driver/block.h"
#include "operation.h"

/* The operations of a connection, or NULL and *err. */
static const struct vmgr__block_ops *check(struct vmgr_domain *domain, const char *disk, bool write,
                                           uint32_t flags, uint32_t known, const char *function,
                                           struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    if (!conn->driver->block) {
        vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s", function);
        return NULL;
    }
    if ((write && vmgr__need_write(conn, function, err) < 0) ||
        vmgr__check_flags(flags, known, function, err) < 0)
        return NULL;
    if (!disk || !*disk) {
        vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no disk given in %s", function);
        return NULL;
    }
    return conn->driver->block;
}

int vmgr_domain_get_block_job(struct vmgr_domain *domain, const char *disk, uint32_t flags,
                              struct vmgr_block_job *ret, struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, false, flags, VMGR_BLOCK_JOB_INFO_BANDWIDTH_BYTES,
              "virDomainGetBlockJobInfo", err);
    struct vmgr_block_job job = VMGR_BLOCK_JOB_INIT;
    int r = ops ? ops->get_job(domain, disk, flags, &job, err) : -1;

    if (r > 0) {
        const uint32_t size = MIN(ret->size, job.size);

        memcpy(ret, &job, size);
        ret->size = size;
    }
    return r;
}

int vmgr_domain_abort_block_job(struct vmgr_domain *domain, const char *disk, uint32_t flags,
                                struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags, VMGR_BLOCK_JOB_ABORT_ASYNC | VMGR_BLOCK_JOB_ABORT_PIVOT,
              "virDomainBlockJobAbort", err);

    return ops ? ops->abort_job(domain, disk, flags, err) : -1;
}

int vmgr_domain_set_block_job_speed(struct vmgr_domain *domain, const char *disk,
                                    uint64_t bandwidth, uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags, VMGR_BLOCK_JOB_SPEED_BANDWIDTH_BYTES,
              "virDomainBlockJobSetSpeed", err);

    return ops ? ops->set_job_speed(domain, disk, bandwidth, flags, err) : -1;
}

int vmgr_domain_block_rebase(struct vmgr_domain *domain, const char *disk, const char *base,
                             uint64_t bandwidth, uint32_t flags, struct vmgr_error **err)
{
    const uint32_t of_copies = VMGR_BLOCK_REBASE_SHALLOW | VMGR_BLOCK_REBASE_REUSE_EXT |
                               VMGR_BLOCK_REBASE_COPY_RAW | VMGR_BLOCK_REBASE_COPY_DEV;
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags,
              of_copies | VMGR_BLOCK_REBASE_COPY | VMGR_BLOCK_REBASE_RELATIVE |
                  VMGR_BLOCK_REBASE_BANDWIDTH_BYTES,
              "virDomainBlockRebase", err);

    if (!ops)
        return -1;
    if ((flags & VMGR_BLOCK_REBASE_COPY) && !base)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "base in virDomainBlockRebase must not be NULL");
    if ((flags & VMGR_BLOCK_REBASE_COPY) && (flags & VMGR_BLOCK_REBASE_RELATIVE))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "Flags 'VIR_DOMAIN_BLOCK_REBASE_COPY' and "
                               "'VIR_DOMAIN_BLOCK_REBASE_RELATIVE' are mutually exclusive");
    if (!(flags & VMGR_BLOCK_REBASE_COPY) && (flags & of_copies))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "use of flags in virDomainBlockRebase requires a copy job");
    return ops->rebase(domain, disk, base, bandwidth, flags, err);
}

int vmgr_domain_block_pull(struct vmgr_domain *domain, const char *disk, uint64_t bandwidth,
                           uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops = check(
        domain, disk, true, flags, VMGR_BLOCK_PULL_BANDWIDTH_BYTES, "virDomainBlockPull", err);

    return ops ? ops->pull(domain, disk, bandwidth, flags, err) : -1;
}

int vmgr_domain_block_commit(struct vmgr_domain *domain, const char *disk, const char *base,
                             const char *top, uint64_t bandwidth, uint32_t flags,
                             struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags,
              VMGR_BLOCK_COMMIT_SHALLOW | VMGR_BLOCK_COMMIT_DELETE | VMGR_BLOCK_COMMIT_ACTIVE |
                  VMGR_BLOCK_COMMIT_RELATIVE | VMGR_BLOCK_COMMIT_BANDWIDTH_BYTES,
              "virDomainBlockCommit", err);

    return ops ? ops->commit(domain, disk, base, top, bandwidth, flags, err) : -1;
}

int vmgr_domain_block_copy(struct vmgr_domain *domain, const char *disk, const char *xml,
                           const struct vmgr_block_copy_params *params, uint32_t flags,
                           struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags,
              VMGR_BLOCK_COPY_SHALLOW | VMGR_BLOCK_COPY_REUSE_EXT | VMGR_BLOCK_COPY_TRANSIENT_JOB |
                  VMGR_BLOCK_COPY_SYNCHRONOUS_WRITES,
              "virDomainBlockCopy", err);
    struct vmgr_block_copy_params all = VMGR_BLOCK_COPY_PARAMS_INIT;

    if (!ops)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "destxml in virDomainBlockCopy must not be NULL");
    if (params)
        memcpy(&all, params, MIN(params->size, all.size));
    return ops->copy(domain, disk, xml, &all, flags, err);
}

int vmgr_domain_block_resize(struct vmgr_domain *domain, const char *disk, uint64_t size,
                             uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags, VMGR_BLOCK_RESIZE_BYTES, "virDomainBlockResize", err);

    return ops ? ops->resize(domain, disk, size, flags, err) : -1;
}

int vmgr_domain_get_disk_errors(struct vmgr_domain *domain, uint32_t flags,
                                struct vmgr_disk_error **ret, struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, "all of them", false, flags, 0, "virDomainGetDiskErrors", err);
    GArray *list;
    int r;

    if (!ops)
        return -1;
    list = g_array_new(TRUE, TRUE, sizeof(struct vmgr_disk_error));
    r = ops->get_errors(domain, list, err);
    if (r == 0)
        r = (int)list->len;
    *ret = (struct vmgr_disk_error *)(void *)g_array_free(list, FALSE);
    if (r < 0)
        *ret = vmgr_disk_errors_free(*ret, 0);
    return r;
}

struct vmgr_disk_error *vmgr_disk_errors_free(struct vmgr_disk_error *errors, size_t count)
{
    for (size_t i = 0; errors && i < count; i++)
        g_free(errors[i].disk);
    g_free(errors);
    return NULL;
}

int vmgr_domain_set_block_threshold(struct vmgr_domain *domain, const char *disk,
                                    uint64_t threshold, uint32_t flags, struct vmgr_error **err)
{
    const struct vmgr__block_ops *ops =
        check(domain, disk, true, flags, 0, "virDomainSetBlockThreshold", err);

    if (!ops)
        return -1;
    if (threshold > INT64_MAX)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "the threshold is out of range");
    return ops->set_threshold(domain, disk, threshold, err);
}
