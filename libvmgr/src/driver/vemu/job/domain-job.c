/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job that a whole domain has: records of it.
 */
#include "domain-job.h"

#include <string.h>

#include "../../stats.h"
#include "../run/qmp.h"
#include "../state/status.h"

/* One line a kind. */
static const struct vemu_domain_job_ops *const kinds[VEMU_DOMAIN_JOB_KINDS] = {
    [VEMU_DOMAIN_JOB_DUMP] = &vmgr__dump_job,
    [VEMU_DOMAIN_JOB_BACKUP] = &vmgr__backup_job,
};

static const char *const states[] = { "starting", "running",  "canceling", "completed",
                                      "failed",   "canceled", NULL };

/* The figures of a record, as attributes. */
static const struct {
    const char *name;
    size_t offset;
} figures[] = {
    { "memory-total", offsetof(struct vemu_domain_job_figures, memory_total) },
    { "memory-done", offsetof(struct vemu_domain_job_figures, memory_done) },
    { "disk-total", offsetof(struct vemu_domain_job_figures, disk_total) },
    { "disk-done", offsetof(struct vemu_domain_job_figures, disk_done) },
    { "temp-total", offsetof(struct vemu_domain_job_figures, temp_total) },
    { "temp-used", offsetof(struct vemu_domain_job_figures, temp_used) },
};

struct vemu_domain_job *vmgr__domain_job_free(struct vemu_domain_job *job)
{
    if (job) {
        g_free(job->path);
        g_free(job->error);
        g_free(job);
    }
    return NULL;
}

const struct vemu_domain_job_ops *vmgr__domain_job_ops(const struct vemu_domain_job *job)
{
    return kinds[job->kind];
}

static bool is_over(const struct vemu_domain_job *job)
{
    return job->state >= VEMU_DOMAIN_JOB_COMPLETED;
}

static int kind_named(const char *name)
{
    for (int i = 0; i < VEMU_DOMAIN_JOB_KINDS; i++) {
        if (kinds[i] && g_strcmp0(kinds[i]->name, name) == 0)
            return i;
    }
    return -1;
}

static uint64_t *figure(struct vemu_domain_job *job, size_t i)
{
    return (uint64_t *)(void *)((char *)&job->figures + figures[i].offset);
}

static struct vemu_domain_job *read_one(const xmlNode *n)
{
    g_autofree char *kind = vmgr__xml_attr(n, "kind"), *state = vmgr__xml_attr(n, "state");
    g_autofree char *serial = vmgr__xml_attr(n, "serial"), *then = vmgr__xml_attr(n, "then");
    g_autofree char *started = vmgr__xml_attr(n, "started");
    g_autofree char *elapsed = vmgr__xml_attr(n, "elapsed");
    g_autofree char *resume = vmgr__xml_attr(n, "resume"), *told = vmgr__xml_attr(n, "told");
    struct vemu_domain_job *job;
    uint32_t number, after = 0;
    uint64_t since = 0;

    if (kind_named(kind) < 0 || vmgr__name_index(states, state) < 0 ||
        !vmgr__parse_u32(serial, &number) || !vmgr__parse_u64(started, &since) ||
        since > INT64_MAX || (then && (!vmgr__parse_u32(then, &after) || after > INT32_MAX)))
        return NULL;
    job = g_new0(struct vemu_domain_job, 1);
    job->kind = (enum vemu_domain_job_kind)kind_named(kind);
    job->state = (enum vemu_domain_job_state)vmgr__name_index(states, state);
    job->serial = number;
    job->started_us = (int64_t)since;
    job->then = (int)after;
    job->resume = g_strcmp0(resume, "yes") == 0;
    job->told = g_strcmp0(told, "yes") == 0;
    if (!vmgr__parse_u64(elapsed, &job->elapsed_ms))
        job->elapsed_ms = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        g_autofree char *text = vmgr__xml_attr(n, figures[i].name);

        if (!vmgr__parse_u64(text, figure(job, i)))
            *figure(job, i) = 0;
    }
    job->path = vmgr__xml_attr(n, "path");
    job->error = vmgr__xml_attr(n, "error");
    return job;
}

void vmgr__domain_jobs_read(const xmlNode *root, struct vemu_status *s)
{
    for (xmlNode *n = vmgr__xml_child(root, "job"); n; n = vmgr__xml_next(n, "job")) {
        struct vemu_domain_job *job = read_one(n);
        struct vemu_domain_job **place = job && is_over(job) ? &s->last_job : &s->job;

        if (!job)
            continue;
        vmgr__domain_job_free(*place);
        *place = job;
    }
}

static void write_one(const struct vemu_domain_job *job, struct vmgr__xml_writer *w)
{
    vmgr__xw_begin(w, "job");
    vmgr__xw_attr(w, "kind", vmgr__domain_job_ops(job)->name);
    vmgr__xw_attr(w, "state", states[job->state]);
    vmgr__xw_attrf(w, "serial", "%u", job->serial);
    vmgr__xw_attrf(w, "started", "%" G_GINT64_FORMAT, job->started_us);
    if (job->then)
        vmgr__xw_attrf(w, "then", "%d", job->then);
    vmgr__xw_attr(w, "resume", job->resume ? "yes" : NULL);
    vmgr__xw_attr(w, "told", job->told ? "yes" : NULL);
    if (is_over(job))
        vmgr__xw_attrf(w, "elapsed", "%" G_GUINT64_FORMAT, job->elapsed_ms);
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        const uint64_t number = *figure((struct vemu_domain_job *)job, i);

        if (number)
            vmgr__xw_attrf(w, figures[i].name, "%" G_GUINT64_FORMAT, number);
    }
    vmgr__xw_attr(w, "path", job->path);
    vmgr__xw_attr(w, "error", job->error);
    vmgr__xw_end(w, "job");
}

void vmgr__domain_jobs_write(const struct vemu_status *s, struct vmgr__xml_writer *w)
{
    if (s->last_job)
        write_one(s->last_job, w);
    if (s->job)
        write_one(s->job, w);
}

/* Names of libvirt's parameters. What is unknown (0 of 0) is left out. */
static void add_amount(GArray *ret, const char *what, uint64_t total, uint64_t done)
{
    if (!total)
        return;
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, total, "%s_total", what);
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, MIN(done, total), "%s_processed", what);
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, total - MIN(done, total), "%s_remaining", what);
}

void vmgr__domain_job_stats(const struct vemu_domain_job *job,
                            const struct vemu_domain_job_figures *now, GArray *ret)
{
    const struct vemu_domain_job_figures *f = is_over(job) ? &job->figures : now;
    const int64_t since = (g_get_monotonic_time() - job->started_us) / 1000;

    vmgr__stat_add(ret, VMGR_STAT_INT, (uint64_t)vmgr__domain_job_ops(job)->operation, "operation");
    vmgr__stat_add(ret, VMGR_STAT_ULLONG, is_over(job) ? job->elapsed_ms : (uint64_t)MAX(since, 0),
                   "time_elapsed");
    add_amount(ret, "memory", f->memory_total, f->memory_done);
    add_amount(ret, "disk", f->disk_total, f->disk_done);
    if (f->temp_total || f->temp_used) {
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, f->temp_used, "disk_temp_used");
        vmgr__stat_add(ret, VMGR_STAT_ULLONG, f->temp_total, "disk_temp_total");
    }
    if (is_over(job))
        vmgr__stat_add(ret, VMGR_STAT_BOOLEAN, job->state == VEMU_DOMAIN_JOB_COMPLETED, "success");
    if (job->error)
        vmgr__stat_add_text(ret, job->error, "errmsg");
}

/* ---- the job of a domain ---- */

int vmgr__domain_job_check_none(const struct vemu_change *c, struct vmgr_error **err)
{
    if (!c->status.job)
        return 0;
    return vemu_error(err, VMGR_ERR_OPERATION_INVALID, "another job is active on the domain: %s",
                      vmgr__domain_job_ops(c->status.job)->name);
}

struct vemu_domain_job *vmgr__domain_job_add(struct vemu_change *c, enum vemu_domain_job_kind kind)
{
    struct vemu_domain_job *job = g_new0(struct vemu_domain_job, 1);

    g_assert(!c->status.job && kinds[kind]);
    job->kind = kind;
    job->started_us = g_get_monotonic_time();
    job->serial = c->status.last_job ? c->status.last_job->serial + 1 : 1;
    c->status.job = job;
    return job;
}

void vmgr__domain_job_remove(struct vemu_change *c)
{
    c->status.job = vmgr__domain_job_free(c->status.job);
}

void vmgr__domain_job_close(struct vemu_change *c)
{
    struct vemu_domain_job *job = c->status.job;

    job->elapsed_ms = (uint64_t)MAX((g_get_monotonic_time() - job->started_us) / 1000, 0);
    vmgr__domain_job_free(c->status.last_job);
    c->status.last_job = g_steal_pointer(&c->status.job);
}

/* The guest runs again, where it ran before. */
static int wake(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    if (!c->status.job->resume || c->status.state != VMGR_DOMAIN_PAUSED)
        return 0;
    if (vmgr__qmp_execute(q, "cont", NULL, NULL, err) < 0)
        return -1;
    c->status.state = VMGR_DOMAIN_RUNNING;
    c->status.reason = VMGR_DOMAIN_RUNNING_UNPAUSED;
    return 0;
}

/* What is to be done afterwards; then its record becomes that of the last one. */
static int conclude(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    struct vemu_domain_job *job = c->status.job;
    const int then = job->state == VEMU_DOMAIN_JOB_COMPLETED ? job->then : 0;
    int r = 0;

    if (then)
        r = vmgr__domain_job_ops(job)->after(c, q, then, err);
    if (c->status.phase != VEMU_ACTIVE)
        return r;
    /* A guest that does not wake is left as it is: its owner sees that it is paused. */
    wake(c, q, NULL);
    vmgr__domain_job_close(c);
    if (vmgr__vemu_status_save(c->d, c->name, &c->status, r < 0 ? NULL : err) < 0)
        r = -1;
    return r;
}

int vmgr__domain_job_settle(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    enum vemu_domain_job_state before;
    struct vemu_qmp *own = NULL;
    int r;

    if (c->status.phase != VEMU_ACTIVE || !c->status.job)
        return 0;
    before = c->status.job->state;
    if (!q)
        q = own = vmgr__vemu_change_monitor(c, err);
    r = q ? vmgr__domain_job_ops(c->status.job)->settle(c, q, err) : -1;
    if (r == 1)
        r = conclude(c, q, err);
    else if (r == 0 && c->status.job->state != before)
        r = vmgr__vemu_status_save(c->d, c->name, &c->status, err);
    vmgr__qmp_close(own);
    return MIN(r, 0);
}

/* ---- events ---- */

void vmgr__domain_job_emit(struct vemu *d, const struct vmgr__domain_def *def,
                           const struct vemu_domain_job *old, const struct vemu_domain_job *now)
{
    struct vmgr_domain_event event = { .id = VMGR_DOMAIN_EVENT_JOB_COMPLETED };
    GArray *stats;

    if (!now || (old && old->serial == now->serial))
        return;
    stats = g_array_new(TRUE, TRUE, sizeof(struct vmgr_stat));
    vmgr__domain_job_stats(now, NULL, stats);
    event.stats = (const struct vmgr_stat *)(const void *)stats->data;
    vmgr__conn_emit_event(d->conn, def->name, def->uuid, &event);
    vmgr_stats_free((struct vmgr_stat *)(void *)g_array_free(stats, FALSE));
}
