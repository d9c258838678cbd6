/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on the disks of a machine, while its guest goes on: backup, mirror, commit, stream.
 *
 * A job has a thread of its own. It goes through the states of QEMU's jobs, each of which is told
 * as an event VEMU_EVENT_JOB_*. A job that fails or is cancelled leaves the disk as it was.
 */
#ifndef VEMU_JOB_H
#define VEMU_JOB_H

#include <stdint.h>

#include <vemu/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum vemu_job_kind {
    VEMU_JOB_BACKUP = 1, /* the disk as it was when the job began, to the target */
    VEMU_JOB_MIRROR = 2, /* the target follows the disk, and can take its place */
    VEMU_JOB_COMMIT = 3, /* what a part of the chain has goes down into an image below */
    VEMU_JOB_STREAM = 4, /* what the images below have comes up into the disk's own */
};

enum vemu_job_status {
    VEMU_JOB_CREATED = 1,
    VEMU_JOB_RUNNING = 2,
    VEMU_JOB_PAUSED = 3,
    VEMU_JOB_READY = 4,   /* the target has all; goes on until it is completed or cancelled */
    VEMU_JOB_STANDBY = 5, /* paused when it was ready */
    VEMU_JOB_WAITING = 6,
    VEMU_JOB_PENDING = 7, /* waits for vemu_vm_finalize_job() */
    VEMU_JOB_ABORTING = 8,
    VEMU_JOB_CONCLUDED = 9, /* waits for vemu_vm_dismiss_job() */
    VEMU_JOB_NULL = 10,     /* is gone */
};

enum vemu_job_sync {
    VEMU_JOB_SYNC_FULL = 0,        /* all */
    VEMU_JOB_SYNC_TOP = 1,         /* what the disk's own image has, not those below */
    VEMU_JOB_SYNC_NONE = 2,        /* backup: what is about to be overwritten; mirror: new writes */
    VEMU_JOB_SYNC_INCREMENTAL = 3, /* backup: what the bitmap has, which is cleared on success */
    VEMU_JOB_SYNC_BITMAP = 4,      /* the same as `bitmap_mode` says */
};

enum vemu_job_bitmap_mode {
    VEMU_JOB_BITMAP_ON_SUCCESS = 0, /* cleared if the job succeeds */
    VEMU_JOB_BITMAP_NEVER = 1,
    VEMU_JOB_BITMAP_ALWAYS = 2, /* of what was copied, also if the job fails */
};

enum vemu_job_on_error {
    VEMU_JOB_ON_ERROR_REPORT = 0, /* the job fails */
    VEMU_JOB_ON_ERROR_IGNORE = 1, /* it is tried again later; stream: it fails in the end */
    VEMU_JOB_ON_ERROR_STOP = 2,   /* the job pauses until it is resumed */
    VEMU_JOB_ON_ERROR_ENOSPC = 3, /* no space: stop, else report */
};

/** In the end the job waits for vemu_vm_finalize_job(). */
#define VEMU_JOB_MANUAL_FINALIZE (1u << 0)
/** When it is over it stays until vemu_vm_dismiss_job(). */
#define VEMU_JOB_MANUAL_DISMISS (1u << 1)
/** Backup: written compressed. */
#define VEMU_JOB_COMPRESS (1u << 2)
/** Mirror: each write of the guest is done when the target has it too. */
#define VEMU_JOB_WRITE_BLOCKING (1u << 3)
/** Mirror: parts that read as zeros are written out, not made into holes. */
#define VEMU_JOB_NO_UNMAP (1u << 4)

/**
 * struct vemu_job_options - what a job is to do
 * @size: sizeof(struct vemu_job_options)
 * @kind: enum vemu_job_kind
 * @flags: VEMU_JOB_*
 * @sync: enum vemu_job_sync: backup, mirror
 * @id: name of the job; NULL: that of the node
 * @node: block node that it works on: one that is not part of another. Commit: the active one
 * @target: backup, mirror: node to write to, used by nobody; NULL: `target_image`
 * @target_image: an image that was opened for writing; the caller keeps its reference
 * @target_node: mirror to an image: the node's name when the image takes its place; NULL: stays
 * @base: commit: node or filename of the image to write to, NULL: the lowest; stream: of the image
 *        that stays below, NULL: none
 * @top: commit: of the highest image whose contents go down; NULL: the active one
 * @backing_file: commit, stream: what is recorded as the new backing file's name; NULL: found out
 * @bitmap: backup: dirty bitmap of the node
 * @bitmap_mode: enum vemu_job_bitmap_mode
 * @on_source_error, @on_target_error: enum vemu_job_on_error, for reading and writing
 * @granularity: mirror: bytes, a power of two from 4 KiB to 64 MiB; 0: the target's clusters, at
 *               least 64 KiB
 * @speed: bytes in a second; 0: as fast as it goes
 */
struct vemu_job_options {
    uint32_t size;
    uint32_t kind;
    uint32_t flags;
    uint32_t sync;
    const char *id;
    const char *node;
    const char *target;
    struct vemu_image *target_image;
    const char *target_node;
    const char *base;
    const char *top;
    const char *backing_file;
    const char *bitmap;
    uint32_t bitmap_mode;
    uint32_t on_source_error;
    uint32_t on_target_error;
    uint32_t granularity;
    uint64_t speed;
};
#define VEMU_JOB_OPTIONS_INIT                                                                      \
    {                                                                                              \
        .size = sizeof(struct vemu_job_options)                                                    \
    }

/**
 * vemu_vm_start_job() - starts a job; the point in time of a backup is inside of this call
 * Errors: EINVAL (options), ENOENT (node, image, bitmap), EEXIST (a job of that name), EBUSY (node
 * or target in use, another job has the node), EROFS, ENOTSUP, ENOMEM, and of opening images for
 * writing. Context: any. Since 0.1
 */
int vemu_vm_start_job(struct vemu_vm *vm, const struct vemu_job_options *options,
                      struct vemu_error **err);

/** Also a mirror or commit that is ready ends at once, without its target having all. */
#define VEMU_JOB_CANCEL_FORCE (1u << 0)
/**
 * vemu_vm_cancel_job() - asks a job to end. A mirror or commit that is ready completes, without the
 * target taking the disk's place, unless VEMU_JOB_CANCEL_FORCE
 * Errors: ENOENT (no such job), EINVAL (flags, the job is over). Context: any. Since 0.1
 */
int vemu_vm_cancel_job(struct vemu_vm *vm, const char *id, uint32_t flags, struct vemu_error **err);
/** Pauses. Errors: ENOENT, EINVAL (it is paused, or over). Context: any. Since 0.1 */
int vemu_vm_pause_job(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/** Goes on, also after an error. Errors: ENOENT, EINVAL (not paused). Since 0.1 */
int vemu_vm_resume_job(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/** Bytes in a second; 0: no limit. Errors: ENOENT. Since 0.1 */
int vemu_vm_set_job_speed(struct vemu_vm *vm, const char *id, uint64_t speed,
                          struct vemu_error **err);
/** A mirror or commit that is ready: the target takes the disk's place. Errors: ENOENT, EINVAL (not
 * ready). Since 0.1 */
int vemu_vm_complete_job(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/** Ends a job that is pending. Errors: ENOENT, EINVAL (not pending), and of the work itself, which
 * makes the job fail. Since 0.1 */
int vemu_vm_finalize_job(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/** Forgets a job that is concluded. Errors: ENOENT, EINVAL (not concluded). Since 0.1 */
int vemu_vm_dismiss_job(struct vemu_vm *vm, const char *id, struct vemu_error **err);

#define VEMU_JOB_INFO_PAUSED    (1u << 0) /* is to pause, or does */
#define VEMU_JOB_INFO_READY     (1u << 1)
#define VEMU_JOB_INFO_FAILED    (1u << 2) /* paused because of an error */
#define VEMU_JOB_INFO_NOSPACE   (1u << 3) /* which was that there is no space */
#define VEMU_JOB_INFO_CANCELLED (1u << 4)

/**
 * struct vemu_job_info - a job at a glance; strings are borrowed for the call
 * @done, @total: bytes; the total may grow
 * @result: 0 or -errno, of a job that is concluded
 * @error: why it failed; NULL: it did not
 */
struct vemu_job_info {
    uint32_t size;
    uint32_t kind;      /* enum vemu_job_kind */
    uint32_t status;    /* enum vemu_job_status */
    uint32_t flags;     /* VEMU_JOB_INFO_* */
    uint32_t job_flags; /* VEMU_JOB_MANUAL_* ... as given */
    int32_t result;
    const char *id;
    const char *node;
    const char *error;
    uint64_t done, total, speed;
};

/** Calls `each` for every job, oldest first, on the VM's loop, until it returns something else than
 * 0; returns that. Errors: those of calling the loop. Since 0.1 */
int vemu_vm_list_jobs(struct vemu_vm *vm, int (*each)(void *data, const struct vemu_job_info *info),
                      void *data);

/** "backup" ... and "running" ..., as QMP has them; NULL: no such number. Static. Since 0.1 */
const char *vemu_job_kind_name(uint32_t kind);
const char *vemu_job_status_name(uint32_t status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
