/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine of jobs: their life from start to end.
 */
#include "jobs/job.h"

#include <errno.h>
#include <string.h>

#include "core/thread.h"
#include "core/vm.h"
#include "jobs/graph.h"

static void *job_main(void *data);

/* --- making and freeing ----------------------------------------------------------------------- */

static void job_free(struct vemu_job *job)
{
    vemu__job_group_leave(job);
    pthread_cond_destroy(&job->cond);
    pthread_mutex_destroy(&job->lock);
    g_free(job->error);
    g_free(job->node);
    g_free(job->id);
    g_free(job);
}

/* The active image is no backing image: it is committed in another way. */
static bool commits_active(struct vemu_vm *vm, const struct vemu_job_options *options)
{
    const struct vemu_block *block = vemu__vm_find_block(vm, options->node);

    return !options->top || !block ||
           vemu__graph_is_named(vm, vemu__graph_image(block), NULL, options->top);
}

static const struct vemu_job_ops *find_ops(struct vemu_vm *vm,
                                           const struct vemu_job_options *options)
{
    switch (options->kind) {
    case VEMU_JOB_BACKUP: return &vemu__job_backup;
    case VEMU_JOB_MIRROR: return &vemu__job_mirror;
    case VEMU_JOB_COMMIT:
        return commits_active(vm, options) ? &vemu__job_commit_active : &vemu__job_commit;
    case VEMU_JOB_STREAM: return &vemu__job_stream;
    default: return NULL;
    }
}

struct vemu_job *vemu__job_find(struct vemu_vm *vm, const char *id, struct vemu_error **err)
{
    for (guint i = 0; id && i < vm->jobs->len; i++) {
        struct vemu_job *job = vm->jobs->pdata[i];

        if (!strcmp(job->id, id))
            return job;
    }
    vemu__error_set(err, ENOENT, "Job '%s' not found", id ? id : "");
    return NULL;
}

static int check_options(struct vemu_vm *vm, const struct vemu_job_options *options,
                         struct vemu_error **err)
{
    const uint32_t known = VEMU_JOB_MANUAL_FINALIZE | VEMU_JOB_MANUAL_DISMISS | VEMU_JOB_COMPRESS |
                           VEMU_JOB_WRITE_BLOCKING | VEMU_JOB_NO_UNMAP;
    const char *id = options->id ? options->id : options->node;
    const struct vemu_block *block = vemu__vm_find_block(vm, options->node);
    const struct vemu_block *parent = block ? vemu__block_parent(block) : NULL;
    int r = vemu__config_check_id(id, err);

    if (r < 0)
        return r;
    if (options->flags & ~known || options->sync > VEMU_JOB_SYNC_BITMAP ||
        options->bitmap_mode > VEMU_JOB_BITMAP_ALWAYS ||
        options->on_source_error > VEMU_JOB_ON_ERROR_ENOSPC ||
        options->on_target_error > VEMU_JOB_ON_ERROR_ENOSPC)
        return vemu__error_set(err, EINVAL, "a flag or number of the job is not known");
    if (vemu__job_find(vm, id, NULL))
        return vemu__error_set(err, EEXIST, "Job ID '%s' already in use", id);
    if (!block)
        return vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'",
                               options->node, options->node);
    if (parent)
        return vemu__error_set(err, EBUSY, "Node '%s' is part of '%s': name that", block->id,
                               parent->id);
    if (block->job || block->claimed)
        return vemu__error_set(err, EBUSY, "Node '%s' is busy: job '%s'", block->id,
                               block->job ? block->job->id : block->claimed);
    return 0;
}

int vemu__job_make(struct vemu_vm *vm, const struct vemu_job_options *options,
                   struct vemu_job **ret, struct vemu_error **err)
{
    const struct vemu_job_ops *ops = options->node ? find_ops(vm, options) : NULL;
    struct vemu_job *job;
    int r;

    if (!ops)
        return vemu__error_set(err, EINVAL, "the job's %s",
                               options->node ? "kind is not known" : "node is missing");
    if (vm->stopping)
        return vemu__error_set(err, EBUSY, "the machine is being stopped");
    r = check_options(vm, options, err);
    if (r < 0)
        return r;
    job = g_malloc0(ops->size);
    job->ops = ops;
    job->vm = vm;
    job->id = g_strdup(options->id ? options->id : options->node);
    job->node = g_strdup(options->node);
    job->block = vemu__vm_find_block(vm, options->node);
    job->flags = options->flags;
    job->on_error[0] = options->on_source_error;
    job->on_error[1] = options->on_target_error;
    job->speed = options->speed;
    pthread_mutex_init(&job->lock, NULL);
    vemu__cond_init(&job->cond);
    r = ops->start(job, options, err);
    if (r < 0) {
        job_free(job);
        return r;
    }
    job->block->job = job;
    g_ptr_array_add(vm->jobs, job);
    *ret = job;
    return 0;
}

void vemu__job_unmake(struct vemu_job *job)
{
    job->ops->clean(job, true);
    job->block->job = NULL;
    g_ptr_array_remove(job->vm->jobs, job);
    job_free(job);
}

void vemu__job_go(struct vemu_job *job)
{
    int r;

    vemu__job_set_status(job, VEMU_JOB_CREATED);
    vemu__job_set_status(job, VEMU_JOB_RUNNING);
    r = vemu__thread_start(job->vm, "vemu-job", job_main, job, &job->thread);
    job->has_thread = r >= 0;
    if (r >= 0)
        return;
    job->result = r; /* it is over before it began, as any that fails */
    vemu__job_fail(job, "no thread: %s", strerror(-r));
    vemu__job_finish(job);
}

int vemu__job_start(struct vemu_vm *vm, const struct vemu_job_options *options,
                    struct vemu_error **err)
{
    struct vemu_job *job = NULL;
    int r = vemu__job_make(vm, options, &job, err);

    if (r < 0)
        return r;
    if (vm->held_jobs)
        g_ptr_array_add(vm->held_jobs, job);
    else
        vemu__job_go(job);
    return 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void collect(void *data)
{
    struct vemu_vm *vm = data;

    for (guint i = 0; i < vm->jobs->len;) {
        struct vemu_job *job = vm->jobs->pdata[i++];

        if (job->has_thread && atomic_load(&job->thread_done)) {
            vemu__job_finish(job);
            i = 0; /* any of them may be gone */
        }
    }
}

static void *job_main(void *data)
{
    struct vemu_job *job = data;
    struct vemu_vm *vm = job->vm;
    int r = job->ops->run(job);

    pthread_mutex_lock(&job->lock);
    job->result = job->cancelled ? -ECANCELED : r;
    pthread_mutex_unlock(&job->lock);
    atomic_store(&job->thread_done, true); /* the loop may free it as soon as it has joined us */
    vemu__loop_post(vm->loop, collect, vm, NULL);
    return NULL;
}

/* --- the last states -------------------------------------------------------------------------- */

void vemu__job_dismiss(struct vemu_job *job)
{
    vemu__job_set_status(job, VEMU_JOB_NULL);
    g_ptr_array_remove(job->vm->jobs, job);
    job_free(job);
}

static void conclude(struct vemu_job *job, bool failed)
{
    if (failed)
        vemu__job_set_status(job, VEMU_JOB_ABORTING);
    job->ops->clean(job, failed);
    job->block->job = NULL;
    pthread_mutex_lock(&job->lock);
    if (failed && !job->error && job->result != -ECANCELED)
        job->error = g_strdup(strerror(-job->result));
    vemu__job_tell_locked(
        job, job->result == -ECANCELED ? VEMU_EVENT_JOB_CANCELLED : VEMU_EVENT_JOB_COMPLETED,
        job->result == -ECANCELED ? NULL : job->error);
    pthread_mutex_unlock(&job->lock);
    vemu__job_set_status(job, VEMU_JOB_CONCLUDED);
    if (!(job->flags & VEMU_JOB_MANUAL_DISMISS))
        vemu__job_dismiss(job);
}

/* What a job still has to do may fail. */
static int prepare(struct vemu_job *job, struct vemu_error **err)
{
    struct vemu_error *error = NULL;
    int r = job->ops->prepare ? job->ops->prepare(job, &error) : 0;

    if (r < 0) {
        vemu__job_fail(job, "%s", error ? vemu_error_message(error) : strerror(-r));
        vemu__error_set(err, -r, "%s", error ? vemu_error_message(error) : strerror(-r));
        pthread_mutex_lock(&job->lock);
        job->result = r;
        pthread_mutex_unlock(&job->lock);
    }
    vemu_error_free(error);
    return r;
}

int vemu__job_finalize(struct vemu_job *job, struct vemu_error **err)
{
    g_autoptr(GPtrArray) members = vemu__job_group_members(job);
    int r = 0;

    for (guint i = 0; i < members->len && r >= 0; i++)
        r = prepare(members->pdata[i], err);
    for (guint i = 0; i < members->len; i++) {
        struct vemu_job *each = members->pdata[i];

        pthread_mutex_lock(&each->lock);
        if (r < 0 && each->result >= 0)
            each->result = -ECANCELED;
        pthread_mutex_unlock(&each->lock);
        conclude(each, r < 0);
    }
    return r;
}

/* All that end together are done. */
static void become_pending(struct vemu_job *job)
{
    g_autoptr(GPtrArray) members = vemu__job_group_members(job);
    bool manual = false;

    for (guint i = 0; i < members->len; i++) {
        struct vemu_job *each = members->pdata[i];

        vemu__job_set_status(each, VEMU_JOB_PENDING);
        manual = manual || each->flags & VEMU_JOB_MANUAL_FINALIZE;
    }
    if (!manual) {
        vemu__job_finalize(job, NULL);
        return;
    }
    for (guint i = 0; i < members->len; i++) {
        struct vemu_job *each = members->pdata[i];

        pthread_mutex_lock(&each->lock);
        vemu__job_tell_locked(each, VEMU_EVENT_JOB_PENDING, NULL);
        pthread_mutex_unlock(&each->lock);
    }
}

void vemu__job_finish(struct vemu_job *job)
{
    bool failed;

    if (job->has_thread)
        pthread_join(job->thread, NULL);
    job->has_thread = false;
    pthread_mutex_lock(&job->lock);
    if (job->cancelled)
        job->result = -ECANCELED;
    failed = job->result < 0;
    pthread_mutex_unlock(&job->lock);
    if (failed) {
        vemu__job_group_cancel(job);
        conclude(job, true);
        return;
    }
    vemu__job_set_status(job, VEMU_JOB_WAITING);
    if (vemu__job_group_is_done(job))
        become_pending(job);
}

/* A job that waits for others, to be cancelled or finalized. */
void vemu__job_abort(struct vemu_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->result = -ECANCELED;
    pthread_mutex_unlock(&job->lock);
    vemu__job_group_cancel(job);
    conclude(job, true);
}

void vemu__jobs_stop(struct vemu_vm *vm)
{
    while (vm->jobs->len) {
        struct vemu_job *job = vm->jobs->pdata[0];

        job->flags &= ~VEMU_JOB_MANUAL_DISMISS;
        pthread_mutex_lock(&job->lock);
        if (job->status != VEMU_JOB_CONCLUDED)
            job->cancelled = true;
        pthread_cond_broadcast(&job->cond);
        pthread_mutex_unlock(&job->lock);
        if (job->has_thread)
            vemu__job_finish(job);
        else if (job->status == VEMU_JOB_CONCLUDED)
            vemu__job_dismiss(job);
        else
            vemu__job_abort(job);
    }
}
