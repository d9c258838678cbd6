/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Jobs on the disks of a run that go on, and the size of disks: the operations.
 */
#include <string.h>

#include "../../block.h"
#include "block-work.h"
#include "../device/parts.h"
#include "../run/qmp.h"
#include "../state/status.h"

#define POLL_US 20000 /* between looks at a job that is to end */

/* ---- a job that runs ---- */

static int no_job(const struct vemu_block_work *w, struct vmgr_error **err)
{
    return vemu_error(err, VMGR_ERR_INVALID_ARG, "disk %s does not have an active block job",
                      w->dev->target);
}

static int steer(struct vemu_block_work *w, const struct vemu_blockjob *job, const char *command,
                 bool force, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();
    g_autofree char *id = vmgr__blockjob_id(job);

    vmgr__vemu_set(args, "device", id);
    if (force)
        vmgr__vemu_set_bool(args, "force", true);
    return vmgr__qmp_execute(w->q, command, args, NULL, err);
}

static int check_pivot(const struct vemu_block_work *w, const struct vemu_blockjob *job,
                       struct vmgr_error **err)
{
    if (job->type != VMGR_BLOCK_JOB_COPY && job->type != VMGR_BLOCK_JOB_ACTIVE_COMMIT)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "job type '%s' does not support pivot",
                          job->type == VMGR_BLOCK_JOB_PULL     ? "pull"
                          : job->type == VMGR_BLOCK_JOB_COMMIT ? "commit"
                                                               : "backup");
    if (job->state != VEMU_JOB_READY)
        return vemu_error(err, VMGR_ERR_BLOCK_COPY_ACTIVE,
                          "block job on disk '%s' not ready for pivot yet", w->dev->target);
    return 0;
}

static int ask_to_end(struct vemu_block_work *w, uint32_t flags, uint32_t *ret_serial,
                      struct vmgr_error **err)
{
    struct vemu_blockjob *job = vmgr__blockjob_of(w->c.status.jobs, w->dev->target);
    const bool pivot = flags & VMGR_BLOCK_JOB_ABORT_PIVOT;
    enum vemu_blockjob_state before;

    if (!job)
        return no_job(w, err);
    *ret_serial = job->serial;
    if (job->state == VEMU_JOB_CANCELING || job->state == VEMU_JOB_PIVOTING)
        return vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                          "block job on disk '%s' is still being ended", w->dev->target);
    if (pivot && check_pivot(w, job, err) < 0)
        return -1;
    before = job->state;
    job->state = pivot ? VEMU_JOB_PIVOTING : VEMU_JOB_CANCELING;
    if (vmgr__vemu_status_save(w->c.d, w->c.name, &w->c.status, err) == 0 &&
        steer(w, job, pivot ? "block-job-complete" : "block-job-cancel",
              !pivot && before != VEMU_JOB_READY, err) == 0)
        return 0;
    job->state = before;
    vmgr__vemu_status_save(w->c.d, w->c.name, &w->c.status, NULL);
    return -1;
}

/* 1: it has ended, 0: not yet. */
static int look(struct vmgr_domain *dom, const char *target, uint32_t serial, bool pivot,
                struct vmgr_error **err)
{
    struct vemu_block_work w;
    int r = 1;

    if (vmgr__block_begin(&w, dom, target, err) < 0)
        return -1;
    for (guint i = 0; w.c.status.jobs && i < w.c.status.jobs->len; i++) {
        const struct vemu_blockjob *job = w.c.status.jobs->pdata[i];

        if (strcmp(job->disk, target) != 0 || job->serial != serial)
            continue;
        r = job->state >= VEMU_JOB_COMPLETED;
        if (r && pivot && job->state != VEMU_JOB_COMPLETED)
            r = vemu_error(err, VMGR_ERR_OPERATION_FAILED, "block job on disk '%s' failed: %s",
                           target, job->error ? job->error : "it was canceled");
    }
    return vmgr__block_end(&w, r);
}

static int abort_job(struct vmgr_domain *dom, const char *disk, uint32_t flags,
                     struct vmgr_error **err)
{
    g_autofree char *target = NULL;
    uint32_t serial = 0;
    struct vemu_block_work w;
    int r;

    if (vmgr__block_begin(&w, dom, disk, err) < 0)
        return -1;
    target = g_strdup(w.dev->target);
    r = vmgr__block_end(&w, ask_to_end(&w, flags, &serial, err));
    if (r < 0 || (flags & VMGR_BLOCK_JOB_ABORT_ASYNC))
        return r;
    while ((r = look(dom, target, serial, flags & VMGR_BLOCK_JOB_ABORT_PIVOT, err)) == 0)
        g_usleep(POLL_US);
    return MIN(r, 0);
}

static int set_job_speed(struct vmgr_domain *dom, const char *disk, uint64_t bandwidth,
                         uint32_t flags, struct vmgr_error **err)
{
    const struct vemu_blockjob *job;
    struct json_object *args;
    g_autofree char *id = NULL;
    struct vemu_block_work w;
    uint64_t speed = 0;

    if (vmgr__block_to_bytes(bandwidth, flags & VMGR_BLOCK_JOB_SPEED_BANDWIDTH_BYTES, &speed, err) <
            0 ||
        vmgr__block_begin(&w, dom, disk, err) < 0)
        return -1;
    job = vmgr__blockjob_of(w.c.status.jobs, w.dev->target);
    if (!job)
        return vmgr__block_end(&w, no_job(&w, err));
    id = vmgr__blockjob_id(job);
    args = json_object_new_object();
    vmgr__vemu_set(args, "device", id);
    vmgr__vemu_set_int(args, "speed", (int64_t)speed);
    return vmgr__block_end(&w, vmgr__qmp_execute(w.q, "block-job-set-speed", args, NULL, err));
}

static uint64_t number(struct json_object *o, const char *key)
{
    struct json_object *value;
    int64_t n = json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : 0;

    return n > 0 ? (uint64_t)n : 0;
}

/* The emulator's figures of one job; 0: it has none of that name. */
static int ask_figures(struct vemu_block_work *w, const struct vemu_blockjob *job,
                       struct vmgr_block_job *ret, struct vmgr_error **err)
{
    g_autofree char *id = vmgr__blockjob_id(job);
    struct json_object *list = NULL, *name;
    int r = 0;

    if (vmgr__qmp_execute(w->q, "query-block-jobs", NULL, &list, err) < 0)
        return -1;
    for (size_t i = 0;
         json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        if (!json_object_is_type(o, json_type_object) ||
            !json_object_object_get_ex(o, "device", &name) ||
            g_strcmp0(json_object_get_string(name), id) != 0)
            continue;
        ret->bandwidth = number(o, "speed");
        ret->current = number(o, "offset");
        ret->end = number(o, "len");
        r = 1;
    }
    json_object_put(list);
    return r;
}

static int get_job(struct vmgr_domain *dom, const char *disk, uint32_t flags,
                   struct vmgr_block_job *ret, struct vmgr_error **err)
{
    const struct vemu_blockjob *job;
    struct vemu_block_work w;
    bool ready;
    int r;

    if (vmgr__block_begin(&w, dom, disk, err) < 0)
        return -1;
    job = vmgr__blockjob_of(w.c.status.jobs, w.dev->target);
    r = job ? ask_figures(&w, job, ret, err) : 0;
    if (r > 0) {
        ret->type = job->type;
        ready = job->state == VEMU_JOB_READY || job->state == VEMU_JOB_PIVOTING;
        /* Equal figures mean "done", so only a job that is may have them. */
        if (ready && !ret->end)
            ret->current = ret->end = 1;
        else if (!ready && !ret->end)
            ret->end = 1;
        else if (!ready && ret->current >= ret->end)
            ret->current = ret->end - 1;
        if (!(flags & VMGR_BLOCK_JOB_INFO_BANDWIDTH_BYTES))
            ret->bandwidth = (ret->bandwidth + (1u << 20) - 1) >> 20;
    }
    return vmgr__block_end(&w, r);
}

/* ---- size ---- */

static int block_resize(struct vmgr_domain *dom, const char *disk, uint64_t size, uint32_t flags,
                        struct vmgr_error **err)
{
    const bool is_bytes = flags & VMGR_BLOCK_RESIZE_BYTES;
    g_autofree char *format = NULL;
    struct json_object *args;
    struct vemu_block_work w;

    if (size > (uint64_t)INT64_MAX >> (is_bytes ? 0 : 10))
        return vemu_error(err, VMGR_ERR_OVERFLOW, "size must be less than %llu",
                          (unsigned long long)((uint64_t)INT64_MAX >> (is_bytes ? 0 : 10)));
    size = is_bytes ? size : size * 1024;
    if (vmgr__block_begin_job(&w, dom, disk, err) < 0)
        return -1;
    format = vmgr__device_get(w.dev, "driver", "type");
    if (g_strcmp0(format, "qcow2") == 0)
        size = (size + 511) & ~(uint64_t)511;
    args = json_object_new_object();
    vmgr__vemu_set(args, "device", w.alias);
    vmgr__vemu_set_int(args, "size", (int64_t)size);
    return vmgr__block_end(&w, vmgr__qmp_execute(w.q, "block_resize", args, NULL, err));
}

/* ---- what the emulator knows of disks ---- */

static const char *string_of(struct json_object *o, const char *key)
{
    struct json_object *value;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &value)
               ? json_object_get_string(value)
               : NULL;
}

/* The disk of an entry of query-block: by the name of its device. */
static const struct vmgr__device *disk_of(const struct vmgr__domain_def *def, const char *qdev)
{
    const char *slash = qdev ? strrchr(qdev, '/') : NULL;
    const struct vmgr__device *dev =
        qdev ? vmgr__device_by_alias(def, slash ? slash + 1 : qdev) : NULL;

    return dev && strcmp(dev->name, "disk") == 0 ? dev : NULL;
}

static int get_errors(struct vmgr_domain *dom, GArray *ret, struct vmgr_error **err)
{
    struct json_object *list = NULL;
    struct vemu_change c;
    struct vemu_qmp *q;
    int r;

    q = vmgr__vemu_change_begin_monitor(&c, dom, err);
    if (!q)
        return -1;
    r = vmgr__qmp_execute(q, "query-block", NULL, &list, err);
    for (size_t i = 0;
         r == 0 && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
         i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *status = string_of(o, "io-status");
        const struct vmgr__device *dev = disk_of(c.status.def, string_of(o, "qdev"));
        struct vmgr_disk_error e = { NULL, VMGR_DISK_ERROR_UNSPEC };

        if (!dev || !status || strcmp(status, "ok") == 0)
            continue;
        if (strcmp(status, "nospace") == 0)
            e.error = VMGR_DISK_ERROR_NO_SPACE;
        e.disk = g_strdup(dev->target);
        g_array_append_val(ret, e);
    }
    json_object_put(list);
    vmgr__qmp_close(q);
    return vmgr__vemu_change_end(&c, r);
}

static int send_threshold(struct vemu_qmp *q, const char *node, uint64_t threshold,
                          struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set(args, "node-name", node);
    vmgr__vemu_set_int(args, "write-threshold", (int64_t)threshold);
    return vmgr__qmp_execute(q, "block-set-write-threshold", args, NULL, err);
}

/* What grows is the file below a format; a node without one is that file. */
static int set_threshold(struct vmgr_domain *dom, const char *disk, uint64_t threshold,
                         struct vmgr_error **err)
{
    g_autofree char *node = NULL, *file = NULL;
    struct vemu_block_work w;
    int r;

    if (vmgr__block_begin(&w, dom, disk, err) < 0)
        return -1;
    if (!w.dev->source)
        return vmgr__block_end(
            &w, vemu_error(err, VMGR_ERR_INVALID_ARG, "disk '%s' has no medium", w.dev->target));
    node = vmgr__vemu_node_name(w.dev);
    file = g_strconcat(node, ".file", NULL);
    r = send_threshold(w.q, file, threshold, NULL);
    if (r < 0)
        r = send_threshold(w.q, node, threshold, err);
    return vmgr__block_end(&w, r);
}

const struct vmgr__block_ops vmgr__vemu_block = {
    .get_job = get_job,
    .abort_job = abort_job,
    .set_job_speed = set_job_speed,
    .rebase = vmgr__vemu_block_rebase,
    .pull = vmgr__vemu_block_pull,
    .commit = vmgr__vemu_block_commit,
    .copy = vmgr__vemu_block_copy,
    .resize = block_resize,
    .get_errors = get_errors,
    .set_threshold = set_threshold,
};
