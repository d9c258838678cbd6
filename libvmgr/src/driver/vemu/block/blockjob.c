/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of jobs on disks: in the status file, and what events follow from them.
 */
#include "../state/status.h"
#include "blockjob.h"

#include <string.h>

#define JOBS_MAX 4096 /* of one status file */

static const char *const states[] = { "starting",  "running", "ready",    "pivoting", "canceling",
                                      "completed", "failed",  "canceled", NULL };
static const char *const types[] = { "unknown",       "pull",   "copy", "commit",
                                     "active-commit", "backup", NULL };

void vmgr__blockjob_free(void *data)
{
    struct vemu_blockjob *job = data;

    g_free(job->disk);
    g_free(job->node);
    g_free(job->files);
    g_free(job->error);
    g_free(job);
}

static GPtrArray *new_list(void)
{
    return g_ptr_array_new_with_free_func(vmgr__blockjob_free);
}

GPtrArray *vmgr__blockjobs_read(const xmlNode *root)
{
    GPtrArray *jobs = NULL;

    for (xmlNode *n = vmgr__xml_child(root, "blockjob"); n; n = vmgr__xml_next(n, "blockjob")) {
        g_autofree char *type = vmgr__xml_attr(n, "type"), *state = vmgr__xml_attr(n, "state");
        g_autofree char *serial = vmgr__xml_attr(n, "serial");
        g_autofree char *disk = vmgr__xml_attr(n, "disk"), *kept = vmgr__xml_attr(n, "kept");
        struct vemu_blockjob *job;
        uint32_t number;

        if (vmgr__name_index(types, type) < 0 || vmgr__name_index(states, state) < 0 || !disk ||
            !vmgr__parse_u32(serial, &number) || (jobs && jobs->len >= JOBS_MAX))
            continue;
        job = g_new0(struct vemu_blockjob, 1);
        job->disk = g_steal_pointer(&disk);
        job->type = vmgr__name_index(types, type);
        job->state = (enum vemu_blockjob_state)vmgr__name_index(states, state);
        job->kept = g_strcmp0(kept, "yes") == 0;
        job->serial = number;
        job->node = vmgr__xml_attr(n, "node");
        job->files = vmgr__xml_attr(n, "files");
        job->error = vmgr__xml_attr(n, "error");
        if (!jobs)
            jobs = new_list();
        g_ptr_array_add(jobs, job);
    }
    return jobs;
}

void vmgr__blockjobs_write(const GPtrArray *jobs, struct vmgr__xml_writer *w)
{
    for (guint i = 0; jobs && i < jobs->len; i++) {
        const struct vemu_blockjob *job = jobs->pdata[i];

        vmgr__xw_begin(w, "blockjob");
        vmgr__xw_attr(w, "disk", job->disk);
        vmgr__xw_attr(w, "type", types[job->type]);
        vmgr__xw_attr(w, "state", states[job->state]);
        vmgr__xw_attr(w, "kept", job->kept ? "yes" : NULL);
        vmgr__xw_attrf(w, "serial", "%u", job->serial);
        vmgr__xw_attr(w, "node", job->node);
        vmgr__xw_attr(w, "files", job->files);
        vmgr__xw_attr(w, "error", job->error);
        vmgr__xw_end(w, "blockjob");
    }
}

static bool is_over(const struct vemu_blockjob *job)
{
    return job->state >= VEMU_JOB_COMPLETED;
}

static struct vemu_blockjob *record_of(const GPtrArray *jobs, const char *disk)
{
    for (guint i = 0; jobs && i < jobs->len; i++) {
        struct vemu_blockjob *job = jobs->pdata[i];

        if (strcmp(job->disk, disk) == 0)
            return job;
    }
    return NULL;
}

struct vemu_blockjob *vmgr__blockjob_of(const GPtrArray *jobs, const char *disk)
{
    struct vemu_blockjob *job = record_of(jobs, disk);

    return job && !is_over(job) ? job : NULL;
}

bool vmgr__blockjobs_active(const GPtrArray *jobs)
{
    for (guint i = 0; jobs && i < jobs->len; i++) {
        const struct vemu_blockjob *job = jobs->pdata[i];

        if (!is_over(job) || job->kept)
            return true;
    }
    return false;
}

struct vemu_blockjob *vmgr__blockjob_add(struct vemu_status *s, const char *disk, int type)
{
    struct vemu_blockjob *job = g_new0(struct vemu_blockjob, 1);
    struct vemu_blockjob *before = record_of(s->jobs, disk);

    if (!s->jobs)
        s->jobs = new_list();
    for (guint i = 0; i < s->jobs->len; i++)
        job->serial = MAX(job->serial, ((struct vemu_blockjob *)s->jobs->pdata[i])->serial);
    job->serial++;
    job->disk = g_strdup(disk);
    job->type = type;
    if (before)
        g_ptr_array_remove(s->jobs, before);
    g_ptr_array_add(s->jobs, job);
    return job;
}

void vmgr__blockjob_remove(struct vemu_status *s, struct vemu_blockjob *job)
{
    g_ptr_array_remove(s->jobs, job);
}

char *vmgr__blockjob_id(const struct vemu_blockjob *job)
{
    const bool commit = job->type == VMGR_BLOCK_JOB_ACTIVE_COMMIT;

    return g_strdup_printf("%s-%s", types[commit ? VMGR_BLOCK_JOB_COMMIT : job->type], job->disk);
}

int vmgr__blockjob_check_none(const struct vemu_status *s, const char *disk,
                              struct vmgr_error **err)
{
    if (!vmgr__blockjob_of(s->jobs, disk))
        return 0;
    return vemu_error(err, VMGR_ERR_BLOCK_COPY_ACTIVE, "disk '%s' already in active block job",
                      disk);
}

static int told_as(const struct vemu_blockjob *job)
{
    switch (job->state) {
    case VEMU_JOB_READY: return VMGR_BLOCK_JOB_READY;
    case VEMU_JOB_COMPLETED: return VMGR_BLOCK_JOB_COMPLETED;
    case VEMU_JOB_FAILED: return VMGR_BLOCK_JOB_FAILED;
    case VEMU_JOB_CANCELED: return VMGR_BLOCK_JOB_CANCELED;
    default: return -1;
    }
}

void vmgr__blockjobs_emit(struct vemu *d, const struct vmgr__domain_def *def, const GPtrArray *old,
                          const GPtrArray *now)
{
    for (guint i = 0; now && i < now->len; i++) {
        const struct vemu_blockjob *job = now->pdata[i], *was = record_of(old, job->disk);
        const struct vmgr__device *dev = vmgr__disk_find(def, job->disk);
        struct vmgr_domain_event event = { .id = VMGR_DOMAIN_EVENT_BLOCK_JOB,
                                           .type = job->type,
                                           .detail = told_as(job) };

        if (event.detail < 0 || (was && was->serial == job->serial && was->state == job->state))
            continue;
        event.path = dev ? dev->source : NULL;
        if (event.path)
            vmgr__conn_emit_event(d->conn, def->name, def->uuid, &event);
        event.id = VMGR_DOMAIN_EVENT_BLOCK_JOB_2;
        event.path = NULL;
        event.device = job->disk;
        vmgr__conn_emit_event(d->conn, def->name, def->uuid, &event);
    }
}
