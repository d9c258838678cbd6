/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Noticing what other programs and guests do, for connections that want events, and for a daemon,
 * which hears its guests whether or not a client does.
 *
 * inotify tells of changed files, pidfds of ended processes, listeners (news.c) of what guests do;
 * all sit in an epoll instance inside the connection's. What files and processes say is only "look
 * again": the events come out of the comparison in cache.c. A guest that does nothing costs two
 * descriptors and no time.
 *
 * Definitions of domains that are off are read whole only once somebody wants to hear what changes
 * in them (METADATA_CHANGE): thousands of them need not be parsed to hear the few that run.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../block/blockjob.h"
#include "../define.h"
#include "../run/news.h"
#include "../run/process.h"
#include "cache.h"
#include "paths.h"
#include "watch.h"

int vmgr__vemu_watch_process(struct vemu *d, const struct vemu_process *p)
{
    /*
     * Edge-triggered: an ended process stays readable, and its record may have to wait for a lock.
     */
    struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u64 = VEMU_WAKE_PROCESS };
    int fd = vmgr__process_open(p);

    if (fd >= 0 && epoll_ctl(d->watch_epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void vmgr__vemu_watch_run(struct vemu *d, const char *name)
{
    g_autofree char *dir = vmgr__vemu_run_path(d, name, NULL);

    /* Adding a directory twice is one watch; one that is gone needs none. */
    inotify_add_watch(d->inotify_fd, dir, IN_MOVED_TO | IN_ONLYDIR);
}

#define JOBS_LOOK_NS 200000000 /* between looks at jobs on disks */

void vmgr__vemu_watch_jobs(struct vemu *d)
{
    const struct itimerspec soon = { .it_value = { .tv_nsec = JOBS_LOOK_NS } };

    if (d->watching)
        timerfd_settime(d->job_timer, 0, &soon, NULL);
}

/* Asks the emulators whose disks have jobs. Their answers become differences between files. */
static void look_at_jobs(struct vemu *d)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    void *name;

    g_mutex_lock(&d->lock);
    g_hash_table_iter_init(&iter, d->job_names);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(names, g_strdup(name));
    g_mutex_unlock(&d->lock);
    for (guint i = 0; i < names->len; i++)
        vmgr__blockjobs_look(d, names->pdata[i]);
    g_mutex_lock(&d->lock);
    if (g_hash_table_size(d->job_names))
        vmgr__vemu_watch_jobs(d);
    g_mutex_unlock(&d->lock);
}

int vmgr__vemu_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err)
{
    struct epoll_event e = { .events = EPOLLIN }, files = { .events = EPOLLIN },
                       jobs = { .events = EPOLLIN };
    struct vemu *d = conn->driver_data;
    int r = 0;

    vmgr__vemu_config_sweep(d);
    g_mutex_lock(&d->lock);
    vmgr__vemu_refresh_all_locked(d); /* the baseline */
    d->watch_epoll = epoll_create1(EPOLL_CLOEXEC);
    d->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    d->job_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    files.data.u64 = VEMU_WAKE_FILES;
    jobs.data.u64 = VEMU_WAKE_JOBS;
    if (d->watch_epoll < 0 || d->inotify_fd < 0 || d->job_timer < 0 ||
        epoll_ctl(d->watch_epoll, EPOLL_CTL_ADD, d->job_timer, &jobs) < 0 ||
        epoll_ctl(d->watch_epoll, EPOLL_CTL_ADD, d->inotify_fd, &files) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, d->watch_epoll, &e) < 0) {
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "cannot watch for events");
        vmgr__vemu_watch_fini(d);
    } else {
        GHashTableIter iter;
        void *obj;

        /* Directories that are not there yet (a reader came first) stay unwatched. */
        inotify_add_watch(d->inotify_fd, d->config_dir,
                          IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
        inotify_add_watch(d->inotify_fd, d->run_dir, IN_CREATE | IN_DELETE | IN_ONLYDIR);
        d->watching = true;
        g_hash_table_iter_init(&iter, d->list.by_name);
        while (g_hash_table_iter_next(&iter, NULL, &obj)) {
            vmgr__vemu_watch_run(d, vmgr__domobj_name(obj));
            vmgr__vemu_watch_obj(d, obj);
        }
        if (g_hash_table_size(d->job_names))
            vmgr__vemu_watch_jobs(d);
    }
    g_mutex_unlock(&d->lock);
    return r;
}

int vmgr__vemu_subscribe(struct vmgr_conn *conn, int event_id,
                         struct vmgr_error **err G_GNUC_UNUSED)
{
    struct vemu *d = conn->driver_data;
    GHashTableIter iter;
    void *obj;

    if (event_id != VMGR_DOMAIN_EVENT_METADATA_CHANGE)
        return 0;
    g_mutex_lock(&d->lock);
    d->whole = true;
    g_hash_table_iter_init(&iter, d->list.by_name);
    while (g_hash_table_iter_next(&iter, NULL, &obj))
        vmgr__vemu_obj_load(d, obj, NULL); /* what becomes of it is compared with it */
    g_mutex_unlock(&d->lock);
    return 0;
}

/* What happened to files and processes, and what listeners heard; true: it is time to look at
 * jobs. */
static bool take_wakes_locked(struct vemu *d)
{
    struct epoll_event events[64];
    uint64_t heard[G_N_ELEMENTS(events)], ticks;
    const int n = epoll_wait(d->watch_epoll, events, G_N_ELEMENTS(events), 0);
    const bool jobs = read(d->job_timer, &ticks, sizeof(ticks)) > 0;
    size_t listeners = 0;
    char buf[16384];
    bool look = jobs;

    /* Read whether or not it is among the first of many that are ready. */
    while (read(d->inotify_fd, buf, sizeof(buf)) > 0)
        look = true;
    for (int i = 0; i < n; i++) {
        if (events[i].data.u64 >= VEMU_WAKE_LISTENER)
            heard[listeners++] = events[i].data.u64;
        else
            look = true;
    }
    if (look)
        vmgr__vemu_refresh_all_locked(d);
    if (listeners)
        vmgr__vemu_listen_locked(d, heard, listeners);
    return jobs;
}

void vmgr__vemu_poll_events(struct vmgr_conn *conn)
{
    struct vemu *d = conn->driver_data;
    bool jobs = false, news;

    g_mutex_lock(&d->lock);
    if (d->watching)
        jobs = take_wakes_locked(d);
    news = d->news->len > 0;
    g_mutex_unlock(&d->lock);
    if (jobs)
        look_at_jobs(d);
    if (news)
        vmgr__vemu_apply_news(d);
}

void vmgr__vemu_watch_fini(struct vemu *d)
{
    if (d->watch_epoll >= 0)
        close(d->watch_epoll);
    if (d->inotify_fd >= 0)
        close(d->inotify_fd);
    if (d->job_timer >= 0)
        close(d->job_timer);
    d->watch_epoll = d->inotify_fd = d->job_timer = -1;
    d->watching = false;
}
