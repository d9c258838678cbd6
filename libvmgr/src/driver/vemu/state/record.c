/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of each domain beside its definitions: which files it was read from, its process,
 * its jobs, and who listens to it.
 */
#include "record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../block/blockjob.h"
#include "../device/plug-note.h"
#include "../define.h"
#include "../job/domain-job.h"
#include "../run/console.h"
#include "../run/news.h"
#include "cache.h"
#include "status.h"
#include "watch.h"

bool vmgr__vemu_read_key(const char *path, struct vemu_file_key *ret)
{
    struct stat st;

    *ret = (struct vemu_file_key){ 0 };
    if (stat(path, &st) < 0)
        return errno != ENOENT && errno != ENOTDIR;
    *ret = (struct vemu_file_key){ .dev = st.st_dev,
                                   .ino = st.st_ino,
                                   .size = st.st_size,
                                   .mtime = st.st_mtim,
                                   .ctime = st.st_ctim };
    return true;
}

bool vmgr__vemu_key_equal(const struct vemu_file_key *a, const struct vemu_file_key *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
           a->ctime.tv_sec == b->ctime.tv_sec && a->ctime.tv_nsec == b->ctime.tv_nsec;
}

static void record_free(void *data)
{
    struct vemu_record *r = data;

    vmgr__vemu_listener_free(r->listener);
    if (r->pidfd >= 0)
        close(r->pidfd);
    if (r->jobs)
        g_ptr_array_unref(r->jobs);
    vmgr__domain_job_free(r->last_job);
    g_free(r);
}

void vmgr__vemu_record_add(struct vmgr__domobj *obj)
{
    struct vemu_record *r = g_new0(struct vemu_record, 1);

    r->pidfd = -1;
    obj->priv = r;
    obj->priv_free = record_free;
}

void vmgr__vemu_obj_doubt(const struct vemu *d, struct vmgr__domobj *obj)
{
    obj->certain = false;
    g_hash_table_add(d->unsettled, obj);
}

int vmgr__vemu_obj_load(const struct vemu *d, struct vmgr__domobj *obj, struct vmgr_error **err)
{
    struct vemu_record *r = vmgr__vemu_record_of(obj);
    struct vmgr__domain_def *whole = NULL;
    const char *name = vmgr__domobj_name(obj);
    int found;

    if (!r->outline)
        return 0;
    found = vmgr__vemu_config_load(d, name, &whole, err);
    if (found == 0)
        vemu_error(err, VMGR_ERR_NO_DOMAIN, "no domain with matching name '%s'", name);
    if (found <= 0)
        return -1;
    if (memcmp(whole->uuid, obj->config->uuid, VMGR_UUID_SIZE) != 0) {
        /* Replaced this moment by another domain's, which the next look finds. */
        vmgr__domain_def_free(whole);
        vmgr__vemu_obj_doubt(d, obj);
        return vemu_error(err, VMGR_ERR_NO_DOMAIN, "no domain with matching name '%s'", name);
    }
    vmgr__domain_def_free(obj->config);
    obj->config = whole;
    r->outline = false;
    return 0;
}

int vmgr__vemu_obj_check(const struct vmgr__domobj *obj, struct vmgr_error **err)
{
    if (!obj->unreadable)
        return 0;
    return vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                      "the status file of domain '%s' cannot be read; it may run",
                      vmgr__domobj_name(obj));
}

struct vemu_process vmgr__vemu_obj_process(const struct vmgr__domobj *obj)
{
    return vmgr__vemu_record_of(obj)->process;
}

void vmgr__vemu_record_set_process(struct vemu *d, const char *name, struct vemu_record *r,
                                   const struct vemu_process *process)
{
    if (r->pidfd >= 0 &&
        (r->process.pid != process->pid || r->process.start_time != process->start_time)) {
        close(r->pidfd);
        r->pidfd = -1;
        r->listener = vmgr__vemu_listener_free(r->listener);
    }
    r->process = *process;
    if (d->watching && process->pid && r->pidfd < 0) {
        r->pidfd = vmgr__vemu_watch_process(d, process);
        vmgr__vemu_watch_run(d, name);
    }
    if (d->watching && r->pidfd >= 0 && !r->listener)
        r->listener = vmgr__vemu_listener_new(d, name);
}

void vmgr__vemu_watch_obj(struct vemu *d, struct vmgr__domobj *obj)
{
    struct vemu_record *r = vmgr__vemu_record_of(obj);
    struct vemu_process same = r->process;

    vmgr__vemu_record_set_process(d, vmgr__domobj_name(obj), r, &same);
    if (r->listener)
        vmgr__vemu_ask_soon(d, vmgr__domobj_name(obj));
}

void vmgr__vemu_listen_locked(struct vemu *d, const uint64_t *numbers, size_t n)
{
    GHashTableIter iter;
    void *obj;

    g_hash_table_iter_init(&iter, d->list.by_name);
    while (g_hash_table_iter_next(&iter, NULL, &obj)) {
        struct vemu_listener *l = vmgr__vemu_record_of(obj)->listener;

        if (l && ((struct vmgr__domobj *)obj)->live && vmgr__vemu_listener_is(l, numbers, n))
            vmgr__vemu_listener_read(d, obj, l);
    }
}

void vmgr__vemu_record_take_jobs(struct vemu *d, struct vmgr__domobj *obj, struct vemu_status *s,
                                 bool same_run)
{
    GPtrArray *jobs = g_steal_pointer(&s->jobs);
    const char *name = vmgr__domobj_name(obj);
    struct vemu_record *r = vmgr__vemu_record_of(obj);

    if (d->watching && same_run)
        vmgr__blockjobs_emit(d, obj->live, r->jobs, jobs);
    if (d->watching && same_run)
        vmgr__domain_job_emit(d, obj->live, r->last_job, s->last_job);
    if (r->jobs)
        g_ptr_array_unref(r->jobs);
    r->jobs = jobs;
    vmgr__domain_job_free(r->last_job);
    r->last_job = g_steal_pointer(&s->last_job);
    if (obj->live &&
        (vmgr__blockjobs_active(jobs) || s->job || vmgr__vemu_plugs_torn(s->plugs))) {
        g_hash_table_add(d->job_names, g_strdup(name));
        vmgr__vemu_watch_jobs(d);
    } else {
        g_hash_table_remove(d->job_names, name);
    }
}
