/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A backup as the job of a whole domain: how far it is, ending it, how it ended.
 */
#include <string.h>
#include <sys/stat.h>

#include "backup.h"
#include "../job/domain-job.h"
#include "../run/qmp.h"
#include "../state/status.h"

/* The record of the disk's latest backup; NULL: it never began. */
static const struct vemu_blockjob *record_of(const struct vemu_status *s,
                                             const struct vmgr__backup_disk *disk)
{
    for (guint i = s->jobs && disk->backup == 1 ? s->jobs->len : 0; i-- > 0;) {
        const struct vemu_blockjob *job = s->jobs->pdata[i];

        if (job->type == VMGR_BLOCK_JOB_BACKUP && strcmp(job->disk, disk->name) == 0)
            return job;
    }
    return NULL;
}

static uint64_t number_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_object_get_ex(o, key, &value)
               ? (uint64_t)MAX(json_object_get_int64(value), 0)
               : 0;
}

static void add_job(struct json_object *list, const struct vemu_blockjob *job,
                    struct vemu_domain_job_figures *f)
{
    g_autofree char *id = vmgr__blockjob_id(job);

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i), *device;

        if (!json_object_object_get_ex(o, "device", &device) ||
            g_strcmp0(json_object_get_string(device), id) != 0)
            continue;
        f->disk_total += number_of(o, "len");
        f->disk_done += number_of(o, "offset");
    }
}

void vmgr__backup_figures(const struct vemu_status *s, struct json_object *list,
                          struct vemu_domain_job_figures *ret)
{
    const struct vmgr__backup *b = s->backup;
    struct vemu_domain_job_figures f = { 0 };
    struct stat st;

    if (!json_object_is_type(list, json_type_array))
        return;
    for (guint i = 0; i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];
        const struct vemu_blockjob *job = record_of(s, disk);

        if (job)
            add_job(list, job, &f);
        if (job && b->pull && stat(disk->store, &st) == 0)
            f.temp_used += (uint64_t)st.st_blocks * 512;
    }
    if (b->pull) { /* it is somebody else who copies */
        f.temp_total = f.disk_total;
        f.disk_total = f.disk_done = 0;
    }
    *ret = f;
}

void vmgr__backup_job_end(struct vemu_change *c)
{
    const struct vmgr__backup *b = c->status.backup;
    struct vemu_domain_job *job = c->status.job;
    bool cancelled;

    if (!job || job->kind != VEMU_DOMAIN_JOB_BACKUP)
        return;
    cancelled = job->state == VEMU_DOMAIN_JOB_CANCELING;
    for (guint i = 0; i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];
        const struct vemu_blockjob *its = record_of(&c->status, disk);

        if (disk->backup != 1)
            continue;
        cancelled = cancelled || (its && its->state == VEMU_JOB_CANCELED);
        if (!job->error && (!its || its->state == VEMU_JOB_FAILED))
            job->error = g_strdup_printf("disk '%s': %s", disk->name,
                                         its && its->error ? its->error : "it never began");
    }
    if (cancelled)
        g_clear_pointer(&job->error, g_free);
    job->state = cancelled    ? VEMU_DOMAIN_JOB_CANCELED
                 : job->error ? VEMU_DOMAIN_JOB_FAILED
                              : VEMU_DOMAIN_JOB_COMPLETED;
    vmgr__domain_job_close(c);
}

/* ---- operations ---- */

static int figures(const struct vemu_status *s, struct vemu_qmp *q,
                   struct vemu_domain_job_figures *ret, struct vmgr_error **err)
{
    struct json_object *list = NULL;

    if (!s->backup || vmgr__qmp_execute(q, "query-block-jobs", NULL, &list, err) < 0)
        return -1;
    vmgr__backup_figures(s, list, ret);
    json_object_put(list);
    return 0;
}

static int cancel(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    vmgr__backup_cancel(c, q);
    return vmgr__vemu_status_save(c->d, c->name, &c->status, err);
}

/* With the last of its disks' jobs the record is closed, see vmgr__backup_job_end(). */
static int settle(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    if (vmgr__blockjobs_settle(c, q, err) < 0)
        return -1;
    return c->status.job ? 0 : 2;
}

const struct vemu_domain_job_ops vmgr__backup_job = {
    .name = "backup",
    .operation = VMGR_DOMAIN_JOB_OPERATION_BACKUP,
    .figures = figures,
    .abort = cancel,
    .settle = settle,
};
