/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backups that go on, and that are over.
 *
 * Everything here may be done twice: what is there already, or is gone already, is passed over.
 */
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "../device/parts.h"
#include "../run/qmp.h"

static int export_disk(const struct vmgr__backup_disk *disk, struct vemu_qmp *q,
                       struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object(), *list;
    g_autofree char *node = g_strdup_printf("backup-%s", disk->name);

    vmgr__vemu_set(args, "type", "nbd");
    vmgr__vemu_set(args, "id", node);
    vmgr__vemu_set(args, "node-name", node);
    vmgr__vemu_set(args, "name", disk->export_name);
    if (disk->export_bitmap) {
        list = json_object_new_array();
        json_object_array_add(list, json_object_new_string(disk->export_bitmap));
        json_object_object_add(args, "bitmaps", list);
    }
    return vmgr__qmp_execute(q, "block-export-add", args, NULL, err);
}

static bool has_export(struct json_object *list, const struct vmgr__backup_disk *disk)
{
    g_autofree char *id = g_strdup_printf("backup-%s", disk->name);
    struct json_object *value;

    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        if (json_object_object_get_ex(json_object_array_get_idx(list, i), "id", &value) &&
            g_strcmp0(json_object_get_string(value), id) == 0)
            return true;
    }
    return false;
}

int vmgr__backup_export(const struct vmgr__backup *b, struct vemu_qmp *q, struct vmgr_error **err)
{
    struct json_object *list = NULL;
    int r = vmgr__qmp_execute(q, "query-block-exports", NULL, &list, err);

    for (guint i = 0; r == 0 && i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];

        if (disk->backup == 1 && !has_export(list, disk))
            r = export_disk(disk, q, err);
    }
    json_object_put(list);
    return r;
}

static void drop_bitmap(const struct vemu_change *c, struct vemu_qmp *q,
                        const struct vmgr__backup_disk *disk)
{
    const struct vmgr__device *dev = vmgr__disk_find(c->status.def, disk->name);
    g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;
    g_autofree char *name = g_strdup_printf("backup-%s", disk->name);
    struct json_object *args;

    if (!alias)
        return;
    args = json_object_new_object();
    vmgr__vemu_set(args, "node", alias);
    vmgr__vemu_set(args, "name", disk->export_bitmap ? disk->export_bitmap : name);
    vmgr__qmp_execute(q, "block-dirty-bitmap-remove", args, NULL, NULL);
}

static void drop_node(struct vemu_qmp *q, const struct vmgr__backup_disk *disk)
{
    struct json_object *args = json_object_new_object();
    g_autofree char *node = g_strdup_printf("backup-%s", disk->name);

    vmgr__vemu_set(args, "node-name", node);
    vmgr__qmp_execute(q, "blockdev-del", args, NULL, NULL);
}

/* A checkpoint whose backup never began has no bitmaps, so there was none. */
static void drop_checkpoint(const struct vemu_change *c, struct vemu_qmp *q)
{
    const struct vmgr__backup *b = c->status.backup;
    g_autoptr(GPtrArray) list = vmgr__vemu_checkpoints_load(c->d, c->name);
    const struct vmgr__checkpoint *cp = vmgr__checkpoints_find(list, b->checkpoint);
    struct json_object *blocks = NULL;
    bool has_any = false, usable;

    if (!cp || vmgr__qmp_execute(q, "query-block", NULL, &blocks, NULL) < 0)
        return;
    for (guint i = 0; i < cp->disks->len; i++) {
        const struct vmgr__checkpoint_disk *disk = cp->disks->pdata[i];
        const struct vmgr__device *dev = vmgr__disk_find(c->status.def, disk->name);
        g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;

        has_any = has_any || (alias && disk->bitmap &&
                              vmgr__bitmap_find(blocks, alias, disk->bitmap, &usable));
    }
    json_object_put(blocks);
    if (!has_any)
        vmgr__vemu_checkpoint_forget(c->d, c->name, b->checkpoint, NULL);
}

void vmgr__backup_forget(const struct vmgr__backup *b)
{
    for (guint i = 0; b && b->pull && i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];

        if (disk->made && disk->store)
            unlink(disk->store);
    }
}

static bool goes_on(const struct vemu_change *c)
{
    const struct vmgr__backup *b = c->status.backup;

    for (guint i = 0; i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];
        const struct vemu_blockjob *job = vmgr__blockjob_of(c->status.jobs, disk->name);

        if (disk->backup == 1 && job && job->type == VMGR_BLOCK_JOB_BACKUP)
            return true;
    }
    return false;
}

void vmgr__backup_cancel(struct vemu_change *c, struct vemu_qmp *q)
{
    const struct vmgr__backup *b = c->status.backup;

    for (guint i = 0; b && i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];
        struct vemu_blockjob *job = vmgr__blockjob_of(c->status.jobs, disk->name);
        struct json_object *args;
        g_autofree char *id = NULL;

        if (disk->backup != 1 || !job || job->type != VMGR_BLOCK_JOB_BACKUP)
            continue;
        job->state = VEMU_JOB_CANCELING;
        id = vmgr__blockjob_id(job);
        args = json_object_new_object();
        vmgr__vemu_set(args, "device", id);
        vmgr__qmp_execute(q, "block-job-cancel", args, NULL, NULL); /* it may be over already */
    }
}

bool vmgr__backup_settle(struct vemu_change *c, struct vemu_qmp *q, struct json_object *list)
{
    struct vmgr__backup *b = c->status.backup;
    struct vemu_domain_job *job = c->status.job;

    if (!b)
        return false;
    if (job && job->kind == VEMU_DOMAIN_JOB_BACKUP)
        vmgr__backup_figures(&c->status, list, &job->figures);
    if (goes_on(c)) {
        if (job && job->state == VEMU_DOMAIN_JOB_CANCELING) /* who decided that may have died */
            vmgr__backup_cancel(c, q);
        if (b->running || (b->pull && vmgr__backup_export(b, q, NULL) < 0))
            return false;
        b->running = true;
        if (job && job->state == VEMU_DOMAIN_JOB_STARTING)
            job->state = VEMU_DOMAIN_JOB_RUNNING;
        return true;
    }
    if (b->pull)
        vmgr__qmp_execute(q, "nbd-server-stop", NULL, NULL, NULL);
    if (!b->running && b->checkpoint)
        drop_checkpoint(c, q);
    for (guint i = 0; i < b->disks->len; i++) {
        const struct vmgr__backup_disk *disk = b->disks->pdata[i];

        if (disk->backup != 1)
            continue;
        drop_node(q, disk);
        if (disk->incremental)
            drop_bitmap(c, q, disk);
    }
    vmgr__backup_job_end(c);
    vmgr__backup_forget(b);
    vmgr__backup_free(b);
    c->status.backup = NULL;
    return true;
}
