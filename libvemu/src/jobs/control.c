/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of <vemu/job.h>.
 */
#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "jobs/job.h"

/* --- names ------------------------------------------------------------------------------------ */

const char *vemu_job_kind_name(uint32_t kind)
{
    static const char *const names[] = { NULL, "backup", "mirror", "commit", "stream" };

    return kind < G_N_ELEMENTS(names) ? names[kind] : NULL;
}

const char *vemu_job_status_name(uint32_t status)
{
    static const char *const names[] = {
        NULL,      "created", "running",  "paused",    "ready", "standby",
        "waiting", "pending", "aborting", "concluded", "null",
    };

    return status < G_N_ELEMENTS(names) ? names[status] : NULL;
}

/* --- starting --------------------------------------------------------------------------------- */

static int do_start(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    return vemu__job_start(vm, data, err);
}

int vemu_vm_start_job(struct vemu_vm *vm, const struct vemu_job_options *options,
                      struct vemu_error **err)
{
    struct vemu_job_options copy = VEMU_JOB_OPTIONS_INIT;

    memcpy(&copy, options, MIN(options->size, sizeof(copy)));
    return vemu__vm_control(vm, do_start, &copy, err);
}

/* --- commands --------------------------------------------------------------------------------- */

struct command {
    int (*fn)(struct vemu_job *job, const struct command *command, struct vemu_error **err);
    const char *id;
    uint32_t flags;
    uint64_t speed;
};

static int do_command(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct command *command = data;
    struct vemu_job *job = vemu__job_find(vm, command->id, err);

    return job ? command->fn(job, command, err) : -ENOENT;
}

static int call(struct vemu_vm *vm, struct command *command, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_command, command, err);
}

static int not_now(const struct vemu_job *job, const char *verb, struct vemu_error **err)
{
    return vemu__error_set(err, EINVAL, "Job '%s' in state '%s' cannot accept command verb '%s'",
                           job->id, vemu_job_status_name(job->status), verb);
}

static bool is_over(const struct vemu_job *job)
{
    return job->status >= VEMU_JOB_ABORTING;
}

static int cancel(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    bool waits;

    pthread_mutex_lock(&job->lock);
    if (is_over(job)) {
        pthread_mutex_unlock(&job->lock);
        return not_now(job, "cancel", err);
    }
    if (job->ready && !(command->flags & VEMU_JOB_CANCEL_FORCE))
        job->soft_cancelled = true;
    else
        job->cancelled = true;
    job->complete = job->complete && !job->soft_cancelled;
    job->pause = job->failed_io = job->nospace = false;
    job->wake = true;
    pthread_cond_broadcast(&job->cond);
    waits = job->status == VEMU_JOB_WAITING || job->status == VEMU_JOB_PENDING;
    pthread_mutex_unlock(&job->lock);
    if (waits)
        vemu__job_abort(job);
    return 0;
}

int vemu_vm_cancel_job(struct vemu_vm *vm, const char *id, uint32_t flags, struct vemu_error **err)
{
    struct command command = { cancel, id, flags, 0 };

    if (flags & ~VEMU_JOB_CANCEL_FORCE)
        return vemu__error_set(err, EINVAL, "unknown flags");
    return call(vm, &command, err);
}

static int pause_job(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    int r = 0;

    pthread_mutex_lock(&job->lock);
    if (job->status > VEMU_JOB_STANDBY)
        r = not_now(job, "pause", err);
    else if (job->pause)
        r = vemu__error_set(err, EINVAL, "Job '%s' is already paused", job->id);
    else
        job->pause = true;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->lock);
    return r;
}

int vemu_vm_pause_job(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    struct command command = { pause_job, id, 0, 0 };

    return call(vm, &command, err);
}

static int resume_job(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    int r = 0;

    pthread_mutex_lock(&job->lock);
    if (!job->pause)
        r = vemu__error_set(err, EINVAL, "Can't resume job '%s' that was not paused", job->id);
    job->pause = job->failed_io = job->nospace = false;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->lock);
    return r;
}

int vemu_vm_resume_job(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    struct command command = { resume_job, id, 0, 0 };

    return call(vm, &command, err);
}

static int set_speed(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    int r = 0;

    pthread_mutex_lock(&job->lock);
    if (is_over(job))
        r = not_now(job, "set-speed", err);
    else
        job->speed = command->speed;
    job->slice_ns = 0;
    job->slice_bytes = 0;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->lock);
    return r;
}

int vemu_vm_set_job_speed(struct vemu_vm *vm, const char *id, uint64_t speed,
                          struct vemu_error **err)
{
    struct command command = { set_speed, id, 0, speed };

    return call(vm, &command, err);
}

static int complete(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    int r = 0;

    pthread_mutex_lock(&job->lock);
    if (!job->ops->completes || !job->ready || job->soft_cancelled || job->pause ||
        job->status != VEMU_JOB_READY)
        r = vemu__error_set(err, EINVAL, "The active block job '%s' cannot be completed", job->id);
    else
        job->complete = job->wake = true;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->lock);
    return r;
}

int vemu_vm_complete_job(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    struct command command = { complete, id, 0, 0 };

    return call(vm, &command, err);
}

static int finalize(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    return job->status == VEMU_JOB_PENDING ? vemu__job_finalize(job, err)
                                           : not_now(job, "finalize", err);
}

int vemu_vm_finalize_job(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    struct command command = { finalize, id, 0, 0 };

    return call(vm, &command, err);
}

static int dismiss(struct vemu_job *job, const struct command *command, struct vemu_error **err)
{
    if (job->status != VEMU_JOB_CONCLUDED)
        return not_now(job, "dismiss", err);
    vemu__job_dismiss(job);
    return 0;
}

int vemu_vm_dismiss_job(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    struct command command = { dismiss, id, 0, 0 };

    return call(vm, &command, err);
}

/* --- looking ---------------------------------------------------------------------------------- */

struct list {
    int (*each)(void *data, const struct vemu_job_info *info);
    void *data;
};

static void describe(struct vemu_job *job, struct vemu_job_info *ret, char **ret_error)
{
    pthread_mutex_lock(&job->lock);
    *ret_error = g_strdup(job->error);
    *ret = (struct vemu_job_info){
        .size = sizeof(*ret),
        .kind = job->ops->kind,
        .status = job->status,
        .flags = (job->pause ? VEMU_JOB_INFO_PAUSED : 0) | (job->ready ? VEMU_JOB_INFO_READY : 0) |
                 (job->failed_io ? VEMU_JOB_INFO_FAILED : 0) |
                 (job->nospace ? VEMU_JOB_INFO_NOSPACE : 0) |
                 (job->cancelled ? VEMU_JOB_INFO_CANCELLED : 0),
        .job_flags = job->flags,
        .result = job->result,
        .id = job->id,
        .node = job->node,
        .error = *ret_error,
        .done = job->done,
        .total = job->total,
        .speed = job->speed,
    };
    pthread_mutex_unlock(&job->lock);
}

static int do_list(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct list *list = data;
    int r = 0;

    for (guint i = 0; i < vm->jobs->len && !r; i++) {
        g_autofree char *error = NULL;
        struct vemu_job_info info;

        describe(vm->jobs->pdata[i], &info, &error);
        r = list->each(list->data, &info);
    }
    return r;
}

int vemu_vm_list_jobs(struct vemu_vm *vm, int (*each)(void *data, const struct vemu_job_info *info),
                      void *data)
{
    struct list list = { each, data };

    return vemu__vm_control(vm, do_list, &list, NULL);
}
