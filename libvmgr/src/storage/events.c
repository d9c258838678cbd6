/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of pools, derived from what their files say now and said before: the same whoever changed
 * them. Registering the first callback makes the present the baseline.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage.h"

/* What was known of a pool. */
struct known {
    uint8_t uuid[VMGR_UUID_SIZE];
    bool persistent, active;
    ino_t inode; /* of its definition: a replaced one is another file */
    uint32_t builds, deletes, refreshes;
};

static struct known see(const struct vmgr__storage *st, const struct vmgr__pool_record *r)
{
    g_autofree char *path = g_strdup_printf("%s/%s.xml", st->config_dir, r->name);
    struct known k = { .persistent = r->config,
                       .active = r->live,
                       .builds = r->builds,
                       .deletes = r->deletes,
                       .refreshes = r->refreshes };
    struct stat info;

    memcpy(k.uuid, vmgr__pool_record_def(r)->uuid, VMGR_UUID_SIZE);
    if (stat(path, &info) == 0)
        k.inode = info.st_ino;
    return k;
}

static void lifecycle(struct vmgr__storage *st, const char *name, const struct known *k, int type)
{
    vmgr__pool_emit(st->conn, name, k->uuid, VMGR_POOL_EVENT_LIFECYCLE, type);
}

/* What lies between two looks, in the order in which it can only have happened. */
static void emit(struct vmgr__storage *st, const char *name, const struct known *old,
                 const struct known *now)
{
    static const struct known nothing;
    const struct known *o = old ? old : &nothing, *n = now ? now : &nothing;
    const struct known *who = now ? now : old;

    if (n->persistent && (!o->persistent || o->inode != n->inode))
        lifecycle(st, name, who, VMGR_POOL_EVENT_DEFINED);
    if (n->builds > o->builds)
        lifecycle(st, name, who, VMGR_POOL_EVENT_CREATED);
    if (n->active && !o->active)
        lifecycle(st, name, who, VMGR_POOL_EVENT_STARTED);
    if (n->refreshes > o->refreshes)
        vmgr__pool_emit(st->conn, name, who->uuid, VMGR_POOL_EVENT_REFRESH, 0);
    if (o->active && !n->active)
        lifecycle(st, name, who, VMGR_POOL_EVENT_STOPPED);
    if (n->deletes > o->deletes)
        lifecycle(st, name, who, VMGR_POOL_EVENT_DELETED);
    if (o->persistent && !n->persistent)
        lifecycle(st, name, who, VMGR_POOL_EVENT_UNDEFINED);
}

static void update_locked(struct vmgr__storage *st, const char *name, bool quiet)
{
    const struct known *old = g_hash_table_lookup(st->known, name);
    struct vmgr__pool_record record;
    int r = vmgr__pool_record_load(st, name, &record, NULL);
    struct known now;

    if (r < 0)
        return; /* files nobody can read: what is known stays */
    if (r == 0) {
        if (old && !quiet)
            emit(st, name, old, NULL);
        g_hash_table_remove(st->known, name);
        return;
    }
    now = see(st, &record);
    vmgr__pool_record_clear(&record);
    if (!quiet)
        emit(st, name, old, &now);
    g_hash_table_insert(st->known, g_strdup(name), g_memdup2(&now, sizeof(now)));
}

static void update_all_locked(struct vmgr__storage *st, bool quiet)
{
    g_autoptr(GPtrArray) names = vmgr__pool_record_names(st);
    GHashTableIter iter;
    void *name;

    g_hash_table_iter_init(&iter, st->known);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(name));
    }
    for (guint i = 0; i < names->len; i++)
        update_locked(st, names->pdata[i], quiet);
}

void vmgr__storage_changed(struct vmgr__storage *st, const char *name)
{
    g_mutex_lock(&st->lock);
    if (st->watching)
        update_locked(st, name, false);
    g_mutex_unlock(&st->lock);
}

int vmgr__storage_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err)
{
    const uint32_t mask = IN_MOVED_TO | IN_DELETE | IN_ONLYDIR;
    struct epoll_event e = { .events = EPOLLIN };
    struct vmgr__storage *st = conn->storage;
    int r = 0;

    g_mutex_lock(&st->lock);
    /* So that there is something to watch; a reader may not be able to, and sees only the rest. */
    g_mkdir_with_parents(st->config_dir, 0700);
    g_mkdir_with_parents(st->run_dir, 0700);
    st->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (st->inotify_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, st->inotify_fd, &e) < 0) {
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_STORAGE, "cannot watch for events");
    } else {
        inotify_add_watch(st->inotify_fd, st->config_dir, mask);
        inotify_add_watch(st->inotify_fd, st->run_dir, mask);
        st->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        st->watching = true;
        update_all_locked(st, true);
    }
    g_mutex_unlock(&st->lock);
    return r;
}

void vmgr__storage_poll_events(struct vmgr_conn *conn)
{
    struct vmgr__storage *st = conn->storage;
    char buf[16384];
    bool any = false;

    g_mutex_lock(&st->lock);
    while (st->watching && read(st->inotify_fd, buf, sizeof(buf)) > 0)
        any = true;
    if (any)
        update_all_locked(st, false);
    g_mutex_unlock(&st->lock);
}
