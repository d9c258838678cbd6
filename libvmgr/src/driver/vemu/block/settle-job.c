/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What became of jobs on disks: the emulator's list, and the records of the run.
 */
#include <string.h>
#include <unistd.h>

#include "../backup/backup.h"
#include "blockjob.h"
#include "../job/domain-job.h"
#include "../device/parts.h"
#include "../define.h"
#include "../run/qmp.h"
#include "../state/paths.h"
#include "../state/status.h"

#define LOOK_TIMEOUT_MS 1000 /* for a monitor that nobody waits for */

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? json_object_get_string(value)
               : NULL;
}

static struct json_object *find(struct json_object *list, const char *id)
{
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (g_strcmp0(text_of(o, "device"), id) == 0)
            return o;
    }
    return NULL;
}

static xmlNode *add_mirror(xmlNode *root)
{
    xmlNode *old = vmgr__xml_child(root, "mirror"), *node;
    xmlNode *store = vmgr__xml_child(root, "backingStore");

    if (old) {
        xmlUnlinkNode(old);
        xmlFreeNode(old);
    }
    node = xmlNewDocNode(root->doc, NULL, BAD_CAST "mirror", NULL);
    return xmlAddNextSibling(store ? store : vmgr__device_child(root, "source"), node);
}

void vmgr__blockjob_set_mirror(struct vmgr__device *dev, int type, const char *path,
                               const char *format, bool ready)
{
    const bool copy = type == VMGR_BLOCK_JOB_COPY;
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *mirror = add_mirror(xmlDocGetRootElement(doc)), *node;
    struct stat st;
    const bool block = stat(path, &st) == 0 && S_ISBLK(st.st_mode);

    xmlNewProp(mirror, BAD_CAST "type", BAD_CAST(block ? "block" : "file"));
    if (copy && !block) { /* as it was written before there were types */
        xmlNewProp(mirror, BAD_CAST "file", BAD_CAST path);
        xmlNewProp(mirror, BAD_CAST "format", BAD_CAST format);
    }
    xmlNewProp(mirror, BAD_CAST "job", BAD_CAST(copy ? "copy" : "active-commit"));
    if (ready)
        xmlNewProp(mirror, BAD_CAST "ready", BAD_CAST "yes");
    node = xmlNewChild(mirror, NULL, BAD_CAST "format", NULL);
    xmlNewProp(node, BAD_CAST "type", BAD_CAST format);
    node = xmlNewChild(mirror, NULL, BAD_CAST "source", NULL);
    xmlNewProp(node, BAD_CAST(block ? "dev" : "file"), BAD_CAST path);
    vmgr__device_set_doc(dev, doc);
}

static void change_mirror(struct vmgr__device *dev, bool over)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *mirror = vmgr__xml_child(xmlDocGetRootElement(doc), "mirror");

    if (mirror && over) {
        xmlUnlinkNode(mirror);
        xmlFreeNode(mirror);
    } else if (mirror) {
        xmlSetProp(mirror, BAD_CAST "ready", BAD_CAST "yes");
    }
    vmgr__device_set_doc(dev, doc);
}

/* ---- the end of a job ---- */

static void remove_files(const char *files)
{
    g_auto(GStrv) list = g_strsplit(files, "\n", -1);

    for (char **path = list; *path; path++) {
        if (g_path_is_absolute(*path))
            unlink(*path);
    }
}

/* The node that the disk had is nobody's when another has taken its place. */
static void drop_node(struct vemu_qmp *q, const struct vemu_blockjob *job, const char *alias)
{
    g_autofree char *now = vmgr__vemu_disk_node(q, alias);
    struct json_object *args;

    if (!now || !job->node || strcmp(now, job->node) == 0)
        return;
    args = json_object_new_object();
    vmgr__vemu_set(args, "node-name", job->node);
    vmgr__qmp_execute(q, "blockdev-del", args, NULL, NULL); /* it may be gone already */
}

static int take_over(struct vemu_change *c, struct vemu_qmp *q, struct vemu_blockjob *job,
                     struct vmgr_error **err)
{
    struct vmgr__device *dev = vmgr__disk_find(c->status.def, job->disk);
    g_autofree char *alias = dev ? vmgr__device_alias(dev) : NULL;
    g_autofree char *source = dev ? g_strdup(dev->source) : NULL;
    struct json_object *blocks = NULL;
    int r;

    if (!dev || job->type == VMGR_BLOCK_JOB_BACKUP)
        return 0;
    r = vmgr__qmp_execute(q, "query-block", NULL, &blocks, err);
    if (r == 0) {
        change_mirror(dev, true);
        r = vmgr__vemu_chain_update(dev, blocks, false, err);
    }
    json_object_put(blocks);
    if (r < 0)
        return -1;
    drop_node(q, job, alias);
    if (c->config && vmgr__vemu_chain_store(c->config, dev, source))
        r = vmgr__vemu_config_save(c->d, c->config, err);
    if (r == 0 && job->state == VEMU_JOB_COMPLETED && job->files)
        remove_files(job->files);
    return r;
}

/* A job that was cancelled has no error. */
static void set_outcome(struct vemu_blockjob *job, struct json_object *info)
{
    const char *error = info ? text_of(info, "error") : "the emulator has no such job any more";
    struct json_object *done, *total;
    const bool whole = info && json_object_object_get_ex(info, "offset", &done) &&
                       json_object_object_get_ex(info, "len", &total) &&
                       json_object_get_int64(done) >= json_object_get_int64(total);

    job->state = error                                        ? VEMU_JOB_FAILED
                 : job->state == VEMU_JOB_CANCELING || !whole ? VEMU_JOB_CANCELED
                                                              : VEMU_JOB_COMPLETED;
    job->error = g_strdup(error);
}

/* Who decided that it is to end may have died before the emulator was told. To tell it twice does
 * no harm. */
static void end_again(struct vemu_qmp *q, const struct vemu_blockjob *job, bool ready)
{
    struct json_object *args = json_object_new_object();
    g_autofree char *id = vmgr__blockjob_id(job);
    const bool pivot = job->state == VEMU_JOB_PIVOTING;

    vmgr__vemu_set(args, "device", id);
    if (!pivot && !ready)
        vmgr__vemu_set_bool(args, "force", true);
    vmgr__qmp_execute(q, pivot ? "block-job-complete" : "block-job-cancel", args, NULL, NULL);
}

/* Always 1: something changed. */
static int dismiss(struct vemu_qmp *q, struct vemu_blockjob *job)
{
    g_autofree char *id = vmgr__blockjob_id(job);
    struct json_object *args;

    if (job->kept) {
        args = json_object_new_object();
        vmgr__vemu_set(args, "id", id);
        vmgr__qmp_execute(q, "block-job-dismiss", args, NULL, NULL); /* it may have been */
    }
    job->kept = false;
    return 1;
}

/* One record and what the emulator says about it (NULL: nothing). 1: something changed. */
static int settle(struct vemu_change *c, struct vemu_qmp *q, struct vemu_blockjob *job,
                  struct json_object *info, struct vmgr_error **err)
{
    const enum vemu_blockjob_state before = job->state;
    struct vmgr__device *dev = vmgr__disk_find(c->status.def, job->disk);
    const char *status = text_of(info, "status");
    const bool ready = g_strcmp0(text_of(info, "ready"), "true") == 0;

    if (!info && before == VEMU_JOB_STARTING) { /* it never began */
        vmgr__blockjob_remove(&c->status, job);
        return 1;
    }
    if (!info || g_strcmp0(status, "concluded") == 0) {
        set_outcome(job, info);
        if (take_over(c, q, job, err) < 0) {
            job->state = before;
            return -1;
        }
        /* First the files, then the emulator's memory of it. */
        job->kept = info != NULL;
        if (vmgr__vemu_status_save(c->d, c->name, &c->status, err) < 0)
            return -1;
        return dismiss(q, job);
    }
    if (before == VEMU_JOB_STARTING)
        job->state = VEMU_JOB_RUNNING;
    if (before == VEMU_JOB_CANCELING || before == VEMU_JOB_PIVOTING)
        end_again(q, job, ready);
    if (job->state == VEMU_JOB_RUNNING && ready) {
        job->state = VEMU_JOB_READY;
        if (dev)
            change_mirror(dev, false);
    }
    return job->state != before;
}

int vmgr__blockjobs_settle(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    struct vemu_qmp *own = NULL;
    struct json_object *list = NULL;
    bool changed = false;
    int r;

    if (c->status.phase != VEMU_ACTIVE ||
        (!vmgr__blockjobs_active(c->status.jobs) && !c->status.backup))
        return 0;
    if (!q)
        q = own = vmgr__vemu_change_monitor(c, err);
    r = q ? vmgr__qmp_execute(q, "query-block-jobs", NULL, &list, err) : -1;
    for (guint i = c->status.jobs ? c->status.jobs->len : 0; r == 0 && i-- > 0;) {
        struct vemu_blockjob *job = c->status.jobs->pdata[i];
        g_autofree char *id = vmgr__blockjob_id(job);

        if (job->state >= VEMU_JOB_COMPLETED && !job->kept)
            continue;
        r = job->kept ? dismiss(q, job) : settle(c, q, job, find(list, id), err);
        changed = changed || r > 0;
        r = MIN(r, 0);
    }
    if (r == 0 && vmgr__backup_settle(c, q, list))
        changed = true;
    json_object_put(list);
    vmgr__qmp_close(own);
    if (changed && vmgr__vemu_status_save(c->d, c->name, &c->status, r < 0 ? NULL : err) < 0)
        r = -1;
    return r;
}

void vmgr__blockjobs_look(struct vemu *d, const char *name)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    struct vemu_change c;
    struct vemu_qmp *q;

    if (d->read_only || vmgr__vemu_change_try_name(&c, d, name) < 0)
        return;
    if (c.status.phase == VEMU_ACTIVE &&
        (vmgr__blockjobs_active(c.status.jobs) || c.status.backup || c.status.job)) {
        q = vmgr__qmp_open(dir, -1, LOOK_TIMEOUT_MS, NULL);
        if (q && vmgr__blockjobs_settle(&c, q, NULL) == 0)
            vmgr__domain_job_settle(&c, q, NULL);
        vmgr__qmp_close(q);
    }
    vmgr__vemu_change_end(&c, 0);
}
