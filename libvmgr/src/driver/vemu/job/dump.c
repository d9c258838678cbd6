/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dumps of a guest's memory, for crash and gdb.
 *
 * The file is made here, by the caller's rights, and its descriptor is handed to the emulator: the
 * guest's user can open no path. The emulator writes by itself (dump-guest-memory, detached); the
 * record (domain-job.h) says what becomes of the guest afterwards. The caller who asked looks until
 * it is over, without the domain's lock in between.
 */
#include "dump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "domain-job.h"
#include "../device/parts.h"
#include "../run/qmp.h"
#include "../state/status.h"

#define POLL_US 50000
#define FD_NAME "vmgr-dump"

/* What query-dump says; NULL and *err. For json_object_put(). */
static const char *ask(struct vemu_qmp *q, struct json_object **ret, struct vmgr_error **err)
{
    struct json_object *status = NULL;

    *ret = NULL;
    if (vmgr__qmp_execute(q, "query-dump", NULL, ret, err) < 0)
        return NULL;
    if (json_object_is_type(*ret, json_type_object) &&
        json_object_object_get_ex(*ret, "status", &status) &&
        json_object_is_type(status, json_type_string))
        return json_object_get_string(status);
    vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "query-dump tells no status");
    return NULL;
}

static uint64_t number(struct json_object *o, const char *key)
{
    struct json_object *value;
    const int64_t n = json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : 0;

    return n > 0 ? (uint64_t)n : 0;
}

static int figures(const struct vemu_status *s, struct vemu_qmp *q,
                   struct vemu_domain_job_figures *ret, struct vmgr_error **err)
{
    struct json_object *info;
    const bool ok = ask(q, &info, err);

    (void)s;
    if (ok) {
        ret->memory_total = number(info, "total");
        ret->memory_done = number(info, "completed");
    }
    json_object_put(info);
    return ok ? 0 : -1;
}

static int abort_job(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    (void)c;
    return vmgr__qmp_execute(q, "dump-guest-memory-cancel", NULL, NULL, err);
}

/* A dump that is not whole is none. */
static void remove_file(const char *path)
{
    struct stat st;

    if (path && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        unlink(path);
}

static void set_end(struct vemu_domain_job *job, const char *status, struct json_object *info)
{
    struct json_object *why = NULL;

    job->figures.memory_total = number(info, "total");
    job->figures.memory_done = number(info, "completed");
    if (job->state == VEMU_DOMAIN_JOB_STARTING) {
        /* What the emulator tells may be of the dump before. */
        job->state = VEMU_DOMAIN_JOB_FAILED;
        job->error = g_strdup("who asked for the dump ended before it began");
    } else if (strcmp(status, "completed") == 0) {
        job->state = VEMU_DOMAIN_JOB_COMPLETED;
    } else if (job->state == VEMU_DOMAIN_JOB_CANCELING) {
        job->state = VEMU_DOMAIN_JOB_CANCELED;
    } else {
        job->state = VEMU_DOMAIN_JOB_FAILED;
        json_object_object_get_ex(info, "error", &why);
        job->error =
            g_strdup(why ? json_object_get_string(why) : "the emulator knows of no dump any more");
    }
    if (job->state != VEMU_DOMAIN_JOB_COMPLETED)
        remove_file(job->path);
}

static int settle(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    struct vemu_domain_job *job = c->status.job;
    struct json_object *info;
    const char *status = ask(q, &info, err);
    int r = -1;

    if (status) {
        r = strcmp(status, "active") != 0;
        if (r)
            set_end(job, status, info);
        else if (job->state == VEMU_DOMAIN_JOB_STARTING)
            job->state = VEMU_DOMAIN_JOB_RUNNING;
        else if (job->state == VEMU_DOMAIN_JOB_CANCELING) /* who decided that may have died */
            abort_job(c, q, NULL);
    }
    json_object_put(info);
    return r;
}

static int after(struct vemu_change *c, struct vemu_qmp *q, int then, struct vmgr_error **err)
{
    if (then == VEMU_DUMP_THEN_DESTROY)
        return vmgr__vemu_end_locked(c, VMGR_DOMAIN_SHUTOFF_CRASHED, err);
    if (then == VEMU_DUMP_THEN_RESUME)
        return 0;
    if (vmgr__qmp_execute(q, "system_reset", NULL, NULL, err) < 0)
        return -1;
    if (c->status.state == VMGR_DOMAIN_CRASHED) {
        /* It stands still where it panicked. */
        c->status.state = VMGR_DOMAIN_PAUSED;
        c->status.reason = VMGR_DOMAIN_PAUSED_CRASHED;
    }
    return 0;
}

const struct vemu_domain_job_ops vmgr__dump_job = {
    .name = "dump",
    .operation = VMGR_DOMAIN_JOB_OPERATION_DUMP,
    .figures = figures,
    .abort = abort_job,
    .settle = settle,
    .after = after,
};

/* ---- beginning ---- */

static int send_command(struct vemu_qmp *q, int fd, struct vmgr_error **err)
{
    struct json_object *args = json_object_new_object();

    vmgr__vemu_set_bool(args, "paging", false);
    vmgr__vemu_set_bool(args, "detach", true);
    vmgr__vemu_set(args, "protocol", "fd:" FD_NAME);
    vmgr__vemu_set(args, "format", "elf");
    if (vmgr__qmp_send_fd(q, FD_NAME, fd, err) < 0) {
        json_object_put(args);
        return -1;
    }
    return vmgr__qmp_execute(q, "dump-guest-memory", args, NULL, err);
}

static int pause_guest(struct vemu_change *c, struct vemu_qmp *q, struct vmgr_error **err)
{
    if (c->status.state != VMGR_DOMAIN_RUNNING || !c->status.job->resume)
        return 0;
    if (vmgr__qmp_execute(q, "stop", NULL, NULL, err) < 0)
        return -1;
    c->status.state = VMGR_DOMAIN_PAUSED;
    c->status.reason = VMGR_DOMAIN_PAUSED_DUMP;
    return 0;
}

/* The record is there; what fails is undone. */
static int start(struct vemu_change *c, struct vemu_qmp *q, int fd, struct vmgr_error **err)
{
    struct vemu_status *s = &c->status;

    if (vmgr__vemu_status_save(c->d, c->name, s, err) == 0 && pause_guest(c, q, err) == 0 &&
        send_command(q, fd, err) == 0) {
        s->job->state = VEMU_DOMAIN_JOB_RUNNING;
        return vmgr__vemu_status_save(c->d, c->name, s, err);
    }
    if (s->job->resume && s->state == VMGR_DOMAIN_PAUSED && s->reason == VMGR_DOMAIN_PAUSED_DUMP &&
        vmgr__qmp_execute(q, "cont", NULL, NULL, NULL) == 0) {
        s->state = VMGR_DOMAIN_RUNNING;
        s->reason = VMGR_DOMAIN_RUNNING_UNPAUSED;
    }
    remove_file(s->job->path);
    vmgr__domain_job_remove(c);
    vmgr__vemu_status_save(c->d, c->name, s, NULL);
    return -1;
}

int vmgr__dump_begin(struct vemu_change *c, const char *path, int then, bool live, int *ret_fd,
                     struct vmgr_error **err)
{
    struct vemu_qmp *q = vmgr__vemu_change_monitor(c, err);
    struct vemu_domain_job *job;
    int fd = -1, r = -1;

    if (q && vmgr__domain_job_settle(c, q, err) == 0 &&
        vmgr__vemu_change_need_active(c, err) == 0 && vmgr__domain_job_check_none(c, err) == 0) {
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0)
            vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "failed to create file '%s'", path);
    }
    if (fd >= 0) {
        job = vmgr__domain_job_add(c, VEMU_DOMAIN_JOB_DUMP);
        job->path = g_strdup(path);
        job->then = then;
        job->resume = (!live && c->status.state == VMGR_DOMAIN_RUNNING) ||
                      (then == VEMU_DUMP_THEN_RESET && c->status.state == VMGR_DOMAIN_CRASHED) ||
                      then == VEMU_DUMP_THEN_RESUME;
        r = start(c, q, fd, err);
    }
    vmgr__qmp_close(q);
    if (r == 0 && ret_fd)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return r;
}

/* ---- waiting ---- */

/* 1: the job with this number is over; *ret_state. A run that has ended by it is fine. */
static int look(struct vmgr_domain *dom, uint32_t serial, int id, bool ends, char **ret_error,
                struct vmgr_error **err)
{
    const struct vemu_domain_job *last;
    struct vemu_change c;
    int r = 1;

    if (vmgr__vemu_change_begin(&c, dom, err) < 0) {
        if (ends && *err && vmgr_error_get_code(*err) == VMGR_ERR_NO_DOMAIN) {
            *err = vmgr_error_free(*err); /* a transient one */
            return 1;
        }
        return -1;
    }
    if (vmgr__domain_job_settle(&c, NULL, err) < 0)
        return vmgr__vemu_change_end(&c, -1);
    last = c.status.last_job;
    if (!vmgr__vemu_change_is_active(&c) || c.status.def->id != id) {
        if (!ends || c.status.reason != VMGR_DOMAIN_SHUTOFF_CRASHED)
            *ret_error = g_strdup("the guest ended");
    } else if (c.status.job && c.status.job->serial == serial) {
        r = 0;
    } else if (last && last->serial == serial && last->state != VEMU_DOMAIN_JOB_COMPLETED) {
        *ret_error = g_strdup(last->error ? last->error : "canceled by client");
    }
    return vmgr__vemu_change_end(&c, r);
}

/* What is written leaves the host's cache. */
static void drop_cache(int fd)
{
    if (fdatasync(fd) == 0)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int check_flags(uint32_t format, uint32_t flags, struct vmgr_error **err)
{
    static const char *const formats[] = { "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy",
                                           "win-dmp" };

    if (!(flags & VMGR_DOMAIN_DUMP_MEMORY_ONLY))
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "dumps of the state of all devices are not supported by the vemu driver, "
                          "only memory-only ones");
    if (format != VMGR_DOMAIN_DUMP_FORMAT_RAW)
        return vemu_error(err, VMGR_ERR_OPERATION_UNSUPPORTED,
                          "unsupported dumpformat '%s' for this QEMU binary", formats[format]);
    return 0;
}

int vmgr__vemu_core_dump(struct vmgr_domain *dom, const char *path, uint32_t format, uint32_t flags,
                         struct vmgr_error **err)
{
    const int then = flags & VMGR_DOMAIN_DUMP_CRASH   ? VEMU_DUMP_THEN_DESTROY
                     : flags & VMGR_DOMAIN_DUMP_RESET ? VEMU_DUMP_THEN_RESET
                                                      : 0;
    g_autofree char *why = NULL;
    struct vmgr_error *own = NULL;
    struct vemu_change c;
    uint32_t serial = 0;
    int fd = -1, id = 0, r;

    if (check_flags(format, flags, err) < 0 || vmgr__vemu_change_begin_active(&c, dom, err) < 0)
        return -1;
    r = vmgr__dump_begin(&c, path, then, flags & VMGR_DOMAIN_DUMP_LIVE, &fd, err);
    if (r == 0) {
        serial = c.status.job->serial;
        id = c.status.def->id;
    }
    vmgr__vemu_change_end(&c, r);
    if (r < 0)
        return -1;
    while ((r = look(dom, serial, id, then == VEMU_DUMP_THEN_DESTROY, &why, &own)) == 0) {
        if (flags & VMGR_DOMAIN_DUMP_BYPASS_CACHE)
            drop_cache(fd);
        g_usleep(POLL_US);
    }
    if (fsync(fd) < 0 && errno != EINVAL && r > 0 && !why)
        why = g_strdup(g_strerror(errno));
    if (flags & VMGR_DOMAIN_DUMP_BYPASS_CACHE)
        drop_cache(fd);
    close(fd);
    if (r < 0)
        vmgr__error_move(err, own);
    if (r > 0 && why)
        r = vemu_error(err, VMGR_ERR_OPERATION_FAILED, "dump of domain '%s' failed: %s",
                       vmgr_domain_get_name(dom), why);
    return MIN(r, 0);
}
