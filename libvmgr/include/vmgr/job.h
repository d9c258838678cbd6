/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on a whole domain: dumps of its memory, backups of its disks.
 *
 * A domain has one at a time. It goes on while the caller that began it is away; how far it is,
 * anybody may ask, and ending it needs no lock that it has. The numbers are those of the libvirt
 * protocol.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1. Errors
 * also: VMGR_ERR_OPERATION_INVALID (the domain does not run), and those of domain.h.
 */
#ifndef VMGR_JOB_H
#define VMGR_JOB_H

#include <vmgr/domain.h>
#include <vmgr/stats.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vmgr_domain_job_type {
    VMGR_DOMAIN_JOB_NONE = 0,
    VMGR_DOMAIN_JOB_BOUNDED = 1,
    VMGR_DOMAIN_JOB_UNBOUNDED = 2, /* it is under way */
    VMGR_DOMAIN_JOB_COMPLETED = 3,
    VMGR_DOMAIN_JOB_FAILED = 4,
    VMGR_DOMAIN_JOB_CANCELLED = 5,
};
/** What it does: parameter "operation". Those without a driver that has them are libvirt's. */
enum vmgr_domain_job_operation {
    VMGR_DOMAIN_JOB_OPERATION_UNKNOWN = 0,
    VMGR_DOMAIN_JOB_OPERATION_START = 1,
    VMGR_DOMAIN_JOB_OPERATION_SAVE = 2,
    VMGR_DOMAIN_JOB_OPERATION_RESTORE = 3,
    VMGR_DOMAIN_JOB_OPERATION_MIGRATION_IN = 4,
    VMGR_DOMAIN_JOB_OPERATION_MIGRATION_OUT = 5,
    VMGR_DOMAIN_JOB_OPERATION_SNAPSHOT = 6,
    VMGR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT = 7,
    VMGR_DOMAIN_JOB_OPERATION_DUMP = 8,
    VMGR_DOMAIN_JOB_OPERATION_BACKUP = 9,
    VMGR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE = 10,
};

/**
 * struct vmgr_domain_job - how far a job is
 * @size: sizeof(struct vmgr_domain_job), see VMGR_DOMAIN_JOB_INIT
 * @type: enum vmgr_domain_job_type; the rest is 0 if that is VMGR_DOMAIN_JOB_NONE
 * @time_elapsed, @time_remaining: milliseconds; 0: unknown
 * @data_total, ...: bytes: @mem of memory, @file of disks, @data of both
 */
struct vmgr_domain_job {
    uint32_t size;
    int32_t type;
    uint64_t time_elapsed, time_remaining;
    uint64_t data_total, data_processed, data_remaining;
    uint64_t mem_total, mem_processed, mem_remaining;
    uint64_t file_total, file_processed, file_remaining;
};
/** Sets size; the rest is 0. */
#define VMGR_DOMAIN_JOB_INIT                                                                       \
    {                                                                                              \
        .size = sizeof(struct vmgr_domain_job)                                                     \
    }

/** vmgr_domain_get_job_info() - the job that the domain has now; *ret: of VMGR_DOMAIN_JOB_INIT */
int vmgr_domain_get_job_info(struct vmgr_domain *domain, struct vmgr_domain_job *ret,
                             struct vmgr_error **err);

#define VMGR_DOMAIN_JOB_STATS_COMPLETED      (1u << 0) /* of the last one */
#define VMGR_DOMAIN_JOB_STATS_KEEP_COMPLETED (1u << 1) /* which the next caller may see too */

/**
 * vmgr_domain_get_job_stats() - all that is known of a job
 * @flags: VMGR_DOMAIN_JOB_STATS_*; without KEEP the last job's are told once
 * @ret_type: enum vmgr_domain_job_type
 * @ret_stats: an array that ends with a NULL name, for vmgr_stats_free(): "operation",
 *             "time_elapsed" (ms), "memory_total", "memory_processed", "memory_remaining",
 *             "disk_total" ... (bytes), "disk_temp_used", "disk_temp_total", "success", "errmsg"
 *
 * Returns how many, or -1 and *err. A connection for reading only does not count as telling.
 */
int vmgr_domain_get_job_stats(struct vmgr_domain *domain, uint32_t flags, int *ret_type,
                              struct vmgr_stat **ret_stats, struct vmgr_error **err);

#define VMGR_DOMAIN_ABORT_JOB_POSTCOPY (1u << 0) /* of migrations in their second phase */

/** vmgr_domain_abort_job() - ends the job; it is over when the event or a question says so.
 * @flags: VMGR_DOMAIN_ABORT_JOB_POSTCOPY. Errors also: VMGR_ERR_OPERATION_INVALID (there is none,
 * or it cannot be ended). */
int vmgr_domain_abort_job(struct vmgr_domain *domain, uint32_t flags, struct vmgr_error **err);

enum vmgr_domain_control_state {
    VMGR_DOMAIN_CONTROL_OK = 0,
    VMGR_DOMAIN_CONTROL_JOB = 1,      /* it has a job, but answers */
    VMGR_DOMAIN_CONTROL_OCCUPIED = 2, /* somebody changes it this moment */
    VMGR_DOMAIN_CONTROL_ERROR = 3,
};
enum vmgr_domain_control_reason {
    VMGR_DOMAIN_CONTROL_REASON_NONE = 0,
    VMGR_DOMAIN_CONTROL_REASON_UNKNOWN = 1,
    VMGR_DOMAIN_CONTROL_REASON_MONITOR = 2, /* the emulator's monitor is broken */
    VMGR_DOMAIN_CONTROL_REASON_INTERNAL = 3,
};
/**
 * struct vmgr_domain_control - whether the emulator of a guest can be spoken to
 * @size: sizeof(struct vmgr_domain_control), see VMGR_DOMAIN_CONTROL_INIT
 * @state: enum vmgr_domain_control_state
 * @reason: of ERROR: enum vmgr_domain_control_reason
 * @state_time: milliseconds in this state; 0: unknown
 */
struct vmgr_domain_control {
    uint32_t size;
    uint32_t state;
    uint32_t reason;
    uint32_t reserved;
    uint64_t state_time;
};
#define VMGR_DOMAIN_CONTROL_INIT                                                                   \
    {                                                                                              \
        .size = sizeof(struct vmgr_domain_control)                                                 \
    }
/** vmgr_domain_get_control_info() - waits for nobody. @flags: none yet. */
int vmgr_domain_get_control_info(struct vmgr_domain *domain, uint32_t flags,
                                 struct vmgr_domain_control *ret, struct vmgr_error **err);

/* ---- dumps ---- */

enum vmgr_domain_dump_format {
    VMGR_DOMAIN_DUMP_FORMAT_RAW = 0, /* ELF */
    VMGR_DOMAIN_DUMP_FORMAT_KDUMP_ZLIB = 1,
    VMGR_DOMAIN_DUMP_FORMAT_KDUMP_LZO = 2,
    VMGR_DOMAIN_DUMP_FORMAT_KDUMP_SNAPPY = 3,
    VMGR_DOMAIN_DUMP_FORMAT_WIN_DMP = 4,
};
#define VMGR_DOMAIN_DUMP_CRASH        (1u << 0) /* the guest ends afterwards */
#define VMGR_DOMAIN_DUMP_LIVE         (1u << 1) /* the guest is not paused by us */
#define VMGR_DOMAIN_DUMP_BYPASS_CACHE (1u << 2) /* the file leaves the host's cache alone */
#define VMGR_DOMAIN_DUMP_RESET        (1u << 3) /* the guest is reset afterwards */
#define VMGR_DOMAIN_DUMP_MEMORY_ONLY  (1u << 4) /* what crash and gdb read */

/**
 * vmgr_domain_core_dump() - writes the guest's memory to a file, and waits until that is done
 * @path: on the host where the guest runs, seen from the caller's directory; made by who runs the
 *        driver, mode 0600
 * @format: enum vmgr_domain_dump_format; others than RAW with MEMORY_ONLY only
 * @flags: VMGR_DOMAIN_DUMP_*; CRASH excludes LIVE and RESET, LIVE excludes RESET
 *
 * A caller that goes away meanwhile lets the dump go on. Errors also: VMGR_ERR_OPERATION_INVALID
 * (it has a job), VMGR_ERR_OPERATION_UNSUPPORTED (format; without MEMORY_ONLY),
 * VMGR_ERR_OPERATION_FAILED (it failed or was aborted), VMGR_ERR_SYSTEM_ERROR (the file).
 */
int vmgr_domain_core_dump(struct vmgr_domain *domain, const char *path, uint32_t format,
                          uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
