/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks of guests that run: jobs that copy or merge their images, and their size.
 *
 * A disk is named by its target ("vda") or by the path of its source; an image below it by its path
 * or, as the definition of the run numbers them, "vda[2]". A disk has one job at a time. What a job
 * changes of a disk is changed in the definition of the run, and, where the disk's own image became
 * another one, in the stored definition as well. The numbers are those of the libvirt protocol.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1. Errors
 * also: VMGR_ERR_OPERATION_INVALID (the domain does not run), VMGR_ERR_INVALID_ARG (no such disk or
 * image), VMGR_ERR_BLOCK_COPY_ACTIVE (the disk has a job), and those of domain.h.
 */
#ifndef VMGR_BLOCK_H
#define VMGR_BLOCK_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vmgr_block_job_type {
    VMGR_BLOCK_JOB_UNKNOWN = 0,
    VMGR_BLOCK_JOB_PULL = 1,
    VMGR_BLOCK_JOB_COPY = 2,
    VMGR_BLOCK_JOB_COMMIT = 3,
    VMGR_BLOCK_JOB_ACTIVE_COMMIT = 4,
    VMGR_BLOCK_JOB_BACKUP = 5,
};
/** What events of the kinds BLOCK_JOB and BLOCK_JOB_2 tell. */
enum vmgr_block_job_status {
    VMGR_BLOCK_JOB_COMPLETED = 0,
    VMGR_BLOCK_JOB_FAILED = 1,
    VMGR_BLOCK_JOB_CANCELED = 2,
    VMGR_BLOCK_JOB_READY = 3, /* the copy is as the disk; it can take its place */
};

/**
 * struct vmgr_block_job - how far a job is
 * @size: sizeof(struct vmgr_block_job), see VMGR_BLOCK_JOB_INIT
 * @type: enum vmgr_block_job_type
 * @bandwidth: its limit in MiB/s, or bytes/s as asked; 0: none
 * @current, @end: bytes; they are equal when it is done or ready
 */
struct vmgr_block_job {
    uint32_t size;
    int32_t type;
    uint64_t bandwidth;
    uint64_t current;
    uint64_t end;
};
/** Sets size; the rest is 0. */
#define VMGR_BLOCK_JOB_INIT                                                                        \
    {                                                                                              \
        .size = sizeof(struct vmgr_block_job)                                                      \
    }

#define VMGR_BLOCK_JOB_INFO_BANDWIDTH_BYTES  (1u << 0)
#define VMGR_BLOCK_JOB_ABORT_ASYNC           (1u << 0) /* do not wait for its end */
#define VMGR_BLOCK_JOB_ABORT_PIVOT           (1u << 1) /* the copy takes the disk's place */
#define VMGR_BLOCK_JOB_SPEED_BANDWIDTH_BYTES (1u << 0)

#define VMGR_BLOCK_PULL_BANDWIDTH_BYTES (1u << 6)

#define VMGR_BLOCK_REBASE_SHALLOW         (1u << 0)
#define VMGR_BLOCK_REBASE_REUSE_EXT       (1u << 1)
#define VMGR_BLOCK_REBASE_COPY_RAW        (1u << 2)
#define VMGR_BLOCK_REBASE_COPY            (1u << 3)
#define VMGR_BLOCK_REBASE_RELATIVE        (1u << 4)
#define VMGR_BLOCK_REBASE_COPY_DEV        (1u << 5)
#define VMGR_BLOCK_REBASE_BANDWIDTH_BYTES (1u << 6)

#define VMGR_BLOCK_COMMIT_SHALLOW         (1u << 0) /* into what is right below */
#define VMGR_BLOCK_COMMIT_DELETE          (1u << 1) /* remove the files that are not needed then */
#define VMGR_BLOCK_COMMIT_ACTIVE          (1u << 2) /* top is the disk's own image */
#define VMGR_BLOCK_COMMIT_RELATIVE        (1u << 3)
#define VMGR_BLOCK_COMMIT_BANDWIDTH_BYTES (1u << 4)

#define VMGR_BLOCK_COPY_SHALLOW            (1u << 0) /* the copy stands on what the disk does */
#define VMGR_BLOCK_COPY_REUSE_EXT          (1u << 1) /* the target exists */
#define VMGR_BLOCK_COPY_TRANSIENT_JOB      (1u << 2)
#define VMGR_BLOCK_COPY_SYNCHRONOUS_WRITES (1u << 3)

#define VMGR_BLOCK_RESIZE_BYTES (1u << 0)

/** vmgr_domain_get_block_job() - 1 and *ret; 0: the disk has no job; -1 and *err. @flags:
 * VMGR_BLOCK_JOB_INFO_BANDWIDTH_BYTES */
int vmgr_domain_get_block_job(struct vmgr_domain *domain, const char *disk, uint32_t flags,
                              struct vmgr_block_job *ret, struct vmgr_error **err);
/**
 * vmgr_domain_abort_block_job() - ends a job
 * @flags: VMGR_BLOCK_JOB_ABORT_*
 *
 * A copy that is ready and is not to take the disk's place stays behind as the disk was at this
 * moment. Without ASYNC it returns when the job has ended. Errors also: VMGR_ERR_INVALID_ARG (there
 * is no job), VMGR_ERR_BLOCK_COPY_ACTIVE (PIVOT of what is not ready),
 * VMGR_ERR_OPERATION_INVALID (PIVOT of what has nothing to take the place),
 * VMGR_ERR_OPERATION_FAILED.
 */
int vmgr_domain_abort_block_job(struct vmgr_domain *domain, const char *disk, uint32_t flags,
                                struct vmgr_error **err);
/** vmgr_domain_set_block_job_speed() - at most so many MiB/s (0: no limit). @flags:
 * VMGR_BLOCK_JOB_SPEED_BANDWIDTH_BYTES: bytes/s */
int vmgr_domain_set_block_job_speed(struct vmgr_domain *domain, const char *disk,
                                    uint64_t bandwidth, uint32_t flags, struct vmgr_error **err);
/**
 * vmgr_domain_block_rebase() - gets what images below have up into the disk's own
 * @base: the image that the disk stands on then; NULL: none. With COPY: the path of a copy
 * @bandwidth: MiB/s; 0: no limit
 * @flags: VMGR_BLOCK_REBASE_*; all but BANDWIDTH_BYTES and RELATIVE with COPY only
 *
 * Errors also: VMGR_ERR_OPERATION_UNSUPPORTED (RELATIVE).
 */
int vmgr_domain_block_rebase(struct vmgr_domain *domain, const char *disk, const char *base,
                             uint64_t bandwidth, uint32_t flags, struct vmgr_error **err);
/** vmgr_domain_block_pull() - gets all that the images below have. @bandwidth: MiB/s. @flags:
 * VMGR_BLOCK_PULL_BANDWIDTH_BYTES */
int vmgr_domain_block_pull(struct vmgr_domain *domain, const char *disk, uint64_t bandwidth,
                           uint32_t flags, struct vmgr_error **err);
/**
 * vmgr_domain_block_commit() - puts what images have into one below them
 * @base: it; NULL: the lowest, with SHALLOW the one below @top
 * @top: the highest that is merged; NULL: the disk's own
 * @flags: VMGR_BLOCK_COMMIT_*
 *
 * The disk's own image (ACTIVE) is followed until vmgr_domain_abort_block_job(), which with PIVOT
 * lets @base take its place. Errors also: VMGR_ERR_OPERATION_UNSUPPORTED (RELATIVE).
 */
int vmgr_domain_block_commit(struct vmgr_domain *domain, const char *disk, const char *base,
                             const char *top, uint64_t bandwidth, uint32_t flags,
                             struct vmgr_error **err);
/**
 * struct vmgr_block_copy_params - how to copy
 * @size: sizeof(struct vmgr_block_copy_params), see VMGR_BLOCK_COPY_PARAMS_INIT
 * @granularity: bytes, a power of two; 0: usual
 * @bandwidth: bytes/s; 0: no limit
 * @buf_size: bytes; the vemu driver refuses all but 0
 */
struct vmgr_block_copy_params {
    uint32_t size;
    uint32_t granularity;
    uint64_t bandwidth;
    uint64_t buf_size;
};
/** Sets size; the rest is 0. */
#define VMGR_BLOCK_COPY_PARAMS_INIT                                                                \
    {                                                                                              \
        .size = sizeof(struct vmgr_block_copy_params)                                              \
    }
/**
 * vmgr_domain_block_copy() - copies a disk and follows it, until vmgr_domain_abort_block_job()
 * @xml: a <disk> whose type, <source> and <driver type=''> say where to and in which format
 * @params: NULL: as usual
 * @flags: VMGR_BLOCK_COPY_*
 *
 * The job does not outlive the run, with or without TRANSIENT_JOB.
 */
int vmgr_domain_block_copy(struct vmgr_domain *domain, const char *disk, const char *xml,
                           const struct vmgr_block_copy_params *params, uint32_t flags,
                           struct vmgr_error **err);
/** vmgr_domain_block_resize() - gives a disk of a running guest another size, in KiB. @flags:
 * VMGR_BLOCK_RESIZE_BYTES. qcow2 images are rounded up to 512 bytes. */
int vmgr_domain_block_resize(struct vmgr_domain *domain, const char *disk, uint64_t size,
                             uint32_t flags, struct vmgr_error **err);

enum vmgr_disk_error_kind {
    VMGR_DISK_ERROR_NONE = 0,
    VMGR_DISK_ERROR_UNSPEC = 1,
    VMGR_DISK_ERROR_NO_SPACE = 2,
};
/** struct vmgr_disk_error - a disk whose last request failed and stopped the guest */
struct vmgr_disk_error {
    char *disk;    /* its target, "vda" */
    int32_t error; /* enum vmgr_disk_error_kind */
};
/**
 * vmgr_domain_get_disk_errors() - disks with errors
 * @flags: none yet
 * @ret: a list, for vmgr_disk_errors_free()
 *
 * Returns how many there are, or -1 and *err.
 */
int vmgr_domain_get_disk_errors(struct vmgr_domain *domain, uint32_t flags,
                                struct vmgr_disk_error **ret, struct vmgr_error **err);
/** NULL is fine. Returns NULL. */
struct vmgr_disk_error *vmgr_disk_errors_free(struct vmgr_disk_error *errors, size_t count);
/**
 * vmgr_domain_set_block_threshold() - asks for one event BLOCK_THRESHOLD (event.h)
 * @threshold: bytes: when something is written behind them in the disk's image; 0: no more
 * @flags: none yet
 *
 * The event comes once; after it there is no threshold.
 */
int vmgr_domain_set_block_threshold(struct vmgr_domain *domain, const char *disk,
                                    uint64_t threshold, uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
