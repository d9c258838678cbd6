/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The job that a whole domain has: the operations.
 */
#include "../../job.h"

#include "../run/qmp.h"
#include "../state/cache.h"
#include "../state/lock.h"
#include "../state/paths.h"
#include "../state/status.h"
#include "domain-job.h"
#include "dump.h"

#define ASK_TIMEOUT_MS   1000 /* for how far it is; nobody waits longer for that */
#define GREET_TIMEOUT_MS 250  /* for whether it answers at all, asked beside quick questions */
#define LOCK_TRIES       10   /* 10 ms apart: longer than a question holds the lock */
#define LOCK_PAUSE_US    10000

static const int types[] = {
    [VEMU_DOMAIN_JOB_STARTING] = VMGR_DOMAIN_JOB_UNBOUNDED,
    [VEMU_DOMAIN_JOB_RUNNING] = VMGR_DOMAIN_JOB_UNBOUNDED,
    [VEMU_DOMAIN_JOB_CANCELING] = VMGR_DOMAIN_JOB_UNBOUNDED,
    [VEMU_DOMAIN_JOB_COMPLETED] = VMGR_DOMAIN_JOB_COMPLETED,
    [VEMU_DOMAIN_JOB_FAILED] = VMGR_DOMAIN_JOB_FAILED,
    [VEMU_DOMAIN_JOB_CANCELED] = VMGR_DOMAIN_JOB_CANCELLED,
};

/* The status of a run as it stands in the file; without any lock. */
static int load(struct vmgr_domain *dom, char **ret_name, struct vemu_status *ret,
                struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;

    *ret = (struct vemu_status){ .state = VMGR_DOMAIN_SHUTOFF };
    *ret_name = vmgr__vemu_name_of(d, dom, err);
    return *ret_name ? vmgr__vemu_status_settled(d, *ret_name, ret, err) : -1;
}

static int need_active(const struct vemu_status *s, struct vmgr_error **err)
{
    return s->phase != VEMU_OFF
               ? 0
               : vemu_error(err, VMGR_ERR_OPERATION_INVALID, "domain is not running");
}

/* The next who asks is not told again. */
static void mark_told(struct vmgr_domain *dom, uint32_t serial)
{
    struct vemu_change c;

    if (vmgr__vemu_change_begin(&c, dom, NULL) < 0)
        return;
    if (c.status.last_job && c.status.last_job->serial == serial && !c.status.last_job->told) {
        c.status.last_job->told = true;
        vmgr__vemu_status_save(c.d, c.name, &c.status, NULL);
    }
    vmgr__vemu_change_end(&c, 0);
}

/* Asks the emulator. One that is busy or broken leaves the figures unknown. */
static void ask_figures(const struct vemu *d, const char *name, const struct vemu_status *s,
                        struct vemu_domain_job_figures *ret)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);
    struct vemu_qmp *q = vmgr__qmp_open(dir, -1, ASK_TIMEOUT_MS, NULL);

    if (q)
        vmgr__domain_job_ops(s->job)->figures(s, q, ret, NULL);
    vmgr__qmp_close(q);
}

/* Brings the record up to date where the caller may, and nobody else is at it. */
static void settle_now(struct vmgr_domain *dom)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *name = d->read_only ? NULL : vmgr__vemu_name_of(d, dom, NULL);
    struct vemu_change c;

    if (!name || vmgr__vemu_change_try_name(&c, d, name) < 0)
        return;
    if (c.status.phase == VEMU_ACTIVE)
        vmgr__domain_job_settle(&c, NULL, NULL);
    vmgr__vemu_change_end(&c, 0);
}

static int get_stats(struct vmgr_domain *dom, uint32_t flags, int *ret_type, GArray *ret,
                     struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const bool completed = flags & VMGR_DOMAIN_JOB_STATS_COMPLETED;
    struct vemu_domain_job_figures now = { 0 };
    const struct vemu_domain_job *job;
    g_autofree char *name = NULL;
    struct vemu_status s;
    int r;

    settle_now(dom);
    r = load(dom, &name, &s, err);
    if (r >= 0 && !completed)
        r = need_active(&s, err);
    job = completed ? s.last_job : s.job;
    if (r >= 0 && job && !(completed && job->told)) {
        if (!completed)
            ask_figures(d, name, &s, &now);
        *ret_type = types[job->state];
        vmgr__domain_job_stats(job, &now, ret);
        if (completed && !(flags & VMGR_DOMAIN_JOB_STATS_KEEP_COMPLETED) && !d->read_only)
            mark_told(dom, job->serial);
    }
    vmgr__vemu_status_clear(&s);
    return MIN(r, 0);
}

static int abort_job(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err)
{
    struct vemu_qmp *q = NULL;
    struct vemu_change c;
    int r = 0;

    if (vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    if (flags & VMGR_DOMAIN_ABORT_JOB_POSTCOPY)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID,
                       "current job is not outgoing migration in post-copy mode");
    if (r == 0)
        r = (q = vmgr__vemu_change_monitor(&c, err)) ? vmgr__domain_job_settle(&c, q, err) : -1;
    if (r == 0 && !c.status.job)
        r = vemu_error(err, VMGR_ERR_OPERATION_INVALID, "no job is active on the domain");
    if (r == 0) { /* again, if it is to end already */
        c.status.job->state = VEMU_DOMAIN_JOB_CANCELING;
        r = vmgr__vemu_status_save(c.d, c.name, &c.status, err);
        if (r == 0)
            r = vmgr__domain_job_ops(c.status.job)->abort(&c, q, err);
    }
    vmgr__qmp_close(q);
    return vmgr__vemu_change_end(&c, r);
}

/* The lock, if nobody keeps it for longer than a question does; or -1. */
static int lock_soon(const struct vemu *d, const char *name)
{
    int lock = vmgr__vemu_try_lock(d, name);

    for (unsigned i = 1; lock < 0 && i < LOCK_TRIES; i++) {
        g_usleep(LOCK_PAUSE_US);
        lock = vmgr__vemu_try_lock(d, name);
    }
    return lock;
}

/* Somebody holds the lock: a change is under way. A monitor that does not greet is an error. */
static int get_control(struct vmgr_domain *dom, struct vmgr_domain_control *ret,
                       struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    g_autofree char *name = NULL, *dir = NULL;
    struct vemu_qmp *q = NULL;
    struct vemu_status s;
    int lock = -1, r = load(dom, &name, &s, err);

    if (r >= 0)
        r = need_active(&s, err);
    if (r >= 0) {
        lock = d->read_only ? -1 : lock_soon(d, name);
        dir = vmgr__vemu_run_path(d, name, NULL);
        if (lock >= 0)
            q = vmgr__qmp_open(dir, -1, GREET_TIMEOUT_MS, NULL);
        if (s.job) {
            ret->state = VMGR_DOMAIN_CONTROL_JOB;
            ret->state_time = (uint64_t)MAX((g_get_monotonic_time() - s.job->started_us) / 1000, 0);
        } else if (lock < 0 && !d->read_only) {
            ret->state = VMGR_DOMAIN_CONTROL_OCCUPIED;
        }
        if (lock >= 0 && !q) {
            ret->state = VMGR_DOMAIN_CONTROL_ERROR;
            ret->reason = VMGR_DOMAIN_CONTROL_REASON_MONITOR;
        }
    }
    vmgr__qmp_close(q);
    vmgr__vemu_unlock(lock);
    if (lock >= 0) /* it may have ended meanwhile */
        vmgr__vemu_changed(d, name, VMGR_DOMAIN_SHUTOFF_UNKNOWN);
    vmgr__vemu_status_clear(&s);
    return MIN(r, 0);
}

const struct vmgr__job_ops vmgr__vemu_job = {
    .get_stats = get_stats,
    .abort = abort_job,
    .get_control = get_control,
    .core_dump = vmgr__vemu_core_dump,
};
