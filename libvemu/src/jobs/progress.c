/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a job's thread calls while it works: progress, limit, pauses, errors; and what is told.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/events.h"
#include "core/vm.h"
#include "jobs/job.h"

#define SLICE_NS 100000000 /* the limit holds over so long */
#define RETRY_MS 100       /* before something that failed is tried again */

/* --- events ----------------------------------------------------------------------------------- */

static void tell(struct vemu_job *job, int type, const char *text, uint64_t value)
{
    g_autofree char *message = g_strdup_printf("%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %s",
                                               job->id, vemu_job_kind_name(job->ops->kind),
                                               job->done, job->total, job->speed, text ? text : "");

    vemu__events_post(job->vm, type, message, value);
}

void vemu__job_tell_locked(struct vemu_job *job, int type, const char *text)
{
    tell(job, type, text, 0);
}

static void set_status_locked(struct vemu_job *job, enum vemu_job_status status)
{
    if (job->status == status)
        return;
    job->status = status;
    vemu__events_post(job->vm, VEMU_EVENT_JOB_STATUS, job->id, status);
}

void vemu__job_set_status(struct vemu_job *job, enum vemu_job_status status)
{
    pthread_mutex_lock(&job->lock);
    set_status_locked(job, status);
    pthread_mutex_unlock(&job->lock);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Until something is new, or `ns`. */
static void wait_locked(struct vemu_job *job, int64_t ns)
{
    int64_t end = now_ns() + ns;
    struct timespec at = { .tv_sec = end / 1000000000, .tv_nsec = end % 1000000000 };

    pthread_cond_timedwait(&job->cond, &job->lock, &at);
}

bool vemu__job_go_on(struct vemu_job *job)
{
    bool cancelled;

    pthread_mutex_lock(&job->lock);
    if (job->pause && !job->cancelled) {
        set_status_locked(job, job->ready ? VEMU_JOB_STANDBY : VEMU_JOB_PAUSED);
        while (job->pause && !job->cancelled)
            pthread_cond_wait(&job->cond, &job->lock);
        set_status_locked(job, job->ready ? VEMU_JOB_READY : VEMU_JOB_RUNNING);
    }
    cancelled = job->cancelled;
    pthread_mutex_unlock(&job->lock);
    return !cancelled;
}

void vemu__job_wait(struct vemu_job *job, unsigned ms)
{
    pthread_mutex_lock(&job->lock);
    if (!job->wake && !job->cancelled && !job->pause)
        wait_locked(job, (int64_t)ms * 1000000);
    job->wake = false;
    pthread_mutex_unlock(&job->lock);
}

void vemu__job_wake(struct vemu_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->wake = true;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->lock);
}

bool vemu__job_is_cancelled(struct vemu_job *job)
{
    bool cancelled;

    pthread_mutex_lock(&job->lock);
    cancelled = job->cancelled;
    pthread_mutex_unlock(&job->lock);
    return cancelled;
}

bool vemu__job_is_ending(struct vemu_job *job)
{
    bool ending;

    pthread_mutex_lock(&job->lock);
    ending = job->complete || job->soft_cancelled;
    pthread_mutex_unlock(&job->lock);
    return ending;
}

/* --- progress --------------------------------------------------------------------------------- */

/* Bytes over the limit of the current slice are waited for, until somebody changes something. A
 * job that is about to end has no limit: the guest waits with it. */
static void limit_locked(struct vemu_job *job)
{
    while (job->speed && !job->cancelled && !job->pause && !job->complete && !job->soft_cancelled) {
        double ns = (double)job->slice_bytes * 1e9 / (double)job->speed;
        int64_t until = job->slice_ns + (int64_t)MIN(ns, 1e15), now = now_ns();

        if (now >= until) {
            if (now - job->slice_ns > SLICE_NS) {
                job->slice_ns = now;
                job->slice_bytes = 0;
            }
            return;
        }
        wait_locked(job, until - now);
    }
}

void vemu__job_did(struct vemu_job *job, uint64_t bytes)
{
    pthread_mutex_lock(&job->lock);
    job->done += bytes;
    job->total = MAX(job->total, job->done);
    if (job->speed && !job->slice_ns)
        job->slice_ns = now_ns();
    job->slice_bytes += bytes;
    limit_locked(job);
    pthread_mutex_unlock(&job->lock);
}

void vemu__job_set_total(struct vemu_job *job, uint64_t total)
{
    pthread_mutex_lock(&job->lock);
    job->total = total;
    pthread_mutex_unlock(&job->lock);
}

void vemu__job_set_left(struct vemu_job *job, uint64_t left)
{
    pthread_mutex_lock(&job->lock);
    job->total = job->done + left;
    pthread_mutex_unlock(&job->lock);
}

void vemu__job_set_ready(struct vemu_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->ready = true;
    set_status_locked(job, VEMU_JOB_READY);
    tell(job, VEMU_EVENT_JOB_READY, NULL, 0);
    pthread_mutex_unlock(&job->lock);
}

/* --- errors ----------------------------------------------------------------------------------- */

bool vemu__job_error(struct vemu_job *job, bool reading, int error)
{
    enum vemu_job_on_error what = (enum vemu_job_on_error)job->on_error[!reading];
    bool nospace = error == -ENOSPC || error == -EDQUOT;

    if (what == VEMU_JOB_ON_ERROR_ENOSPC)
        what = nospace ? VEMU_JOB_ON_ERROR_STOP : VEMU_JOB_ON_ERROR_REPORT;
    pthread_mutex_lock(&job->lock);
    tell(job, VEMU_EVENT_JOB_ERROR, strerror(-error),
         (reading ? 0 : 1) | (what == VEMU_JOB_ON_ERROR_STOP ? 2 : 0) |
             (what == VEMU_JOB_ON_ERROR_IGNORE ? 4 : 0));
    if (what == VEMU_JOB_ON_ERROR_STOP) {
        job->pause = job->failed_io = true;
        job->nospace = nospace;
    } else if (what == VEMU_JOB_ON_ERROR_IGNORE && !job->cancelled) {
        wait_locked(job, (int64_t)RETRY_MS * 1000000);
    }
    pthread_mutex_unlock(&job->lock);
    if (what == VEMU_JOB_ON_ERROR_REPORT)
        vemu__job_fail(job, "%s: %s", reading ? "reading" : "writing", strerror(-error));
    return what != VEMU_JOB_ON_ERROR_REPORT;
}

void vemu__job_fail(struct vemu_job *job, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    pthread_mutex_lock(&job->lock);
    if (!job->error)
        job->error = g_strdup_vprintf(format, ap);
    pthread_mutex_unlock(&job->lock);
    va_end(ap);
}
