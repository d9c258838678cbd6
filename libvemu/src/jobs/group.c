/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs that end together: those of a transaction whose completion mode is "grouped".
 *
 * Theory of operation: a job that is done stays waiting until all are. When one fails or is
 * cancelled the group is dissolved first, so that nothing comes back to it, and then each of the
 * others is cancelled: those that run end by themselves, those that wait end here.
 */
#include "jobs/job.h"

#include <glib.h>

static enum vemu_job_status status_of(struct vemu_job *job)
{
    enum vemu_job_status status;

    pthread_mutex_lock(&job->lock);
    status = job->status;
    pthread_mutex_unlock(&job->lock);
    return status;
}

void vemu__job_group(GPtrArray *jobs)
{
    struct job_group *group;

    if (jobs->len < 2)
        return;
    group = g_new0(struct job_group, 1);
    group->jobs = g_ptr_array_new();
    for (guint i = 0; i < jobs->len; i++) {
        struct vemu_job *job = jobs->pdata[i];

        g_ptr_array_add(group->jobs, job);
        job->group = group;
    }
}

void vemu__job_group_leave(struct vemu_job *job)
{
    struct job_group *group = job->group;

    job->group = NULL;
    if (!group)
        return;
    g_ptr_array_remove(group->jobs, job);
    if (group->jobs->len)
        return;
    g_ptr_array_free(group->jobs, TRUE);
    g_free(group);
}

GPtrArray *vemu__job_group_members(const struct vemu_job *job)
{
    GPtrArray *members = g_ptr_array_new();

    if (!job->group)
        g_ptr_array_add(members, (gpointer)(uintptr_t)job);
    for (guint i = 0; job->group && i < job->group->jobs->len; i++) {
        struct vemu_job *each = job->group->jobs->pdata[i];

        if (each == job || status_of(each) < VEMU_JOB_ABORTING)
            g_ptr_array_add(members, each);
    }
    return members;
}

bool vemu__job_group_is_done(const struct vemu_job *job)
{
    for (guint i = 0; job->group && i < job->group->jobs->len; i++) {
        if (status_of(job->group->jobs->pdata[i]) < VEMU_JOB_WAITING)
            return false;
    }
    return true;
}

static void cancel(struct vemu_job *job)
{
    if (!job->has_thread) {
        vemu__job_abort(job);
        return;
    }
    pthread_mutex_lock(&job->lock);
    job->cancelled = job->wake = true;
    job->pause = job->failed_io = job->nospace = false;
    pthread_cond_broadcast(&job->cond);
    pthread_mutex_unlock(&job->lock);
}

void vemu__job_group_cancel(struct vemu_job *job)
{
    g_autoptr(GPtrArray) members = vemu__job_group_members(job);

    for (guint i = 0; i < members->len; i++)
        vemu__job_group_leave(members->pdata[i]);
    for (guint i = 0; i < members->len; i++)
        if (members->pdata[i] != job)
            cancel(members->pdata[i]);
}
