/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs inside: the engine, and what a kind of job implements.
 *
 * Theory of operation: a job is made, ended and freed on the VM's loop; in between its `run` is at
 * work on a thread of its own, which touches images and its own state, never the graph of nodes.
 * When `run` returns, the loop joins the thread and goes through the last states: waiting, pending
 * (unless it may finalize by itself), `prepare`, which changes the graph and can still fail, and
 * concluded; or aborting. `clean` comes last in any case.
 *
 * `lock` guards what both sides look at. Nothing is called with it held but posting events.
 */
#ifndef VEMU_JOBS_JOB_H
#define VEMU_JOBS_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include <vemu/job.h>

#include "block/backend.h"
#include "core/error.h"

struct vemu_job;

struct vemu_job_ops {
    enum vemu_job_kind kind;
    size_t size; /* of a struct whose first member is struct vemu_job */
    /* Claims what it needs and changes the graph. On failure nothing is changed; `clean` is not
     * called. Context: loop. */
    int (*start)(struct vemu_job *, const struct vemu_job_options *, struct vemu_error **);
    /* The work: 0 or -errno. Context: the job's thread. */
    int (*run)(struct vemu_job *);
    /* It has all been done. On failure the job fails. NULL: nothing to do. Context: loop. */
    int (*prepare)(struct vemu_job *, struct vemu_error **);
    /* Lets go of everything; `failed`: also when it was cancelled. Context: loop. */
    void (*clean)(struct vemu_job *, bool failed);
    bool completes; /* it gets ready, and waits to be completed */
};

/* Jobs of one transaction that end together (group.c). */
struct job_group {
    GPtrArray *jobs; /* borrowed; those that were not freed yet */
};

struct vemu_job {
    const struct vemu_job_ops *ops;
    struct vemu_vm *vm;
    char *id;
    struct vemu_block *block; /* the node */
    char *node;               /* its name when the job began */
    uint32_t flags;           /* VEMU_JOB_* */
    uint32_t on_error[2];     /* enum vemu_job_on_error: of reading, of writing */
    pthread_t thread;
    bool has_thread; /* loop */
    struct job_group *group; /* loop; NULL: it is alone */
    atomic_bool thread_done;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    /* under the lock */
    enum vemu_job_status status;
    bool cancelled;      /* ends as soon as it can, as failed */
    bool soft_cancelled; /* was ready: ends without the target taking over */
    bool complete;       /* asked to */
    bool pause, failed_io, nospace, ready, wake;
    int result;
    char *error;
    uint64_t done, total, speed;
    int64_t slice_ns; /* the limit: when the current slice began, and what was done in it */
    uint64_t slice_bytes;
};

/* --- for the job's thread --------------------------------------------------------------------- */

/* Waits while the job is paused; false: it is cancelled. */
bool vemu__job_go_on(struct vemu_job *job);
/* So much was done; waits for the limit's sake. */
void vemu__job_did(struct vemu_job *job, uint64_t bytes);
void vemu__job_set_total(struct vemu_job *job, uint64_t total);
/* done + left */
void vemu__job_set_left(struct vemu_job *job, uint64_t left);
/* Something failed (-errno): true: it has to be tried again, or, for streams with IGNORE, passed
 * over; false: the job ends with it. Tells event and waits a moment. */
bool vemu__job_error(struct vemu_job *job, bool reading, int error);
/* All has been done once. */
void vemu__job_set_ready(struct vemu_job *job);
/* Whether the job is to complete, with or without the target taking over. */
bool vemu__job_is_ending(struct vemu_job *job);
/* Waits until something is new: a command, or vemu__job_wake(). At most `ms`. */
void vemu__job_wait(struct vemu_job *job, unsigned ms);
/* Context: any. */
void vemu__job_wake(struct vemu_job *job);
bool vemu__job_is_cancelled(struct vemu_job *job);
/* The message of the failure that comes; the first one stays. Context: any. */
void vemu__job_fail(struct vemu_job *job, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- job.c: context: loop --------------------------------------------------------------------- */

int vemu__job_start(struct vemu_vm *vm, const struct vemu_job_options *options,
                    struct vemu_error **err);
/* The two halves of starting: claims what it needs, and changes the graph; nothing is told. Then it
 * is let go, or it has never been there. */
int vemu__job_make(struct vemu_vm *vm, const struct vemu_job_options *options,
                   struct vemu_job **ret, struct vemu_error **err);
void vemu__job_go(struct vemu_job *job);
void vemu__job_unmake(struct vemu_job *job);
struct vemu_job *vemu__job_find(struct vemu_vm *vm, const char *id, struct vemu_error **err);
/* The thread has ended, or is about to. */
void vemu__job_finish(struct vemu_job *job);
/* Ends a pending job as cancelled. */
void vemu__job_abort(struct vemu_job *job);
int vemu__job_finalize(struct vemu_job *job, struct vemu_error **err);
void vemu__job_dismiss(struct vemu_job *job);
void vemu__job_set_status(struct vemu_job *job, enum vemu_job_status status);
/* Cancels all and waits. Also after the loop has ended. */
void vemu__jobs_stop(struct vemu_vm *vm);

/* --- group.c: context: loop ------------------------------------------------------------------- */

/* They end together: none before all are done, and none succeeds when one fails. */
void vemu__job_group(GPtrArray *jobs);
/* It is being freed. */
void vemu__job_group_leave(struct vemu_job *job);
/* Jobs that end together with this one, itself among them, without those that are over. Caller
 * frees. */
GPtrArray *vemu__job_group_members(const struct vemu_job *job);
/* All of them are done: wait for each other no more. */
bool vemu__job_group_is_done(const struct vemu_job *job);
/* One has failed: the others are cancelled. */
void vemu__job_group_cancel(struct vemu_job *job);

/* VEMU_EVENT_JOB_*: with the job's name and figures. The lock is held. */
void vemu__job_tell_locked(struct vemu_job *job, int type, const char *text);

/* --- kinds ------------------------------------------------------------------------------------ */
extern const struct vemu_job_ops vemu__job_backup, vemu__job_mirror, vemu__job_commit,
    vemu__job_commit_active, vemu__job_stream;

#endif
