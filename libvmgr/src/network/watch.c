/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of networks, whoever brought them about: the directories are watched, and what they hold
 * is compared with the last look.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "network.h"

struct vemu_net_watch {
    GMutex lock;
    int inotify_fd;
    GHashTable *seen; /* name -> struct seen */
};

struct seen {
    uint8_t uuid[VMGR_UUID_SIZE];
    bool active;
    char *config; /* the document; NULL: transient */
};

static void seen_free(void *data)
{
    struct seen *s = data;

    g_free(s->config);
    g_free(s);
}

static GHashTable *look(struct vemu *d)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
    g_autoptr(GPtrArray) list = vmgr__hostnet_load(d);

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__netobj *obj = list->pdata[i];
        const struct vmgr__network_def *def = vmgr__netobj_current(obj);
        struct seen *s = g_new0(struct seen, 1);

        memcpy(s->uuid, def->uuid, VMGR_UUID_SIZE);
        s->active = obj->live != NULL;
        s->config = obj->config ? vmgr__network_def_format(obj->config) : NULL;
        g_hash_table_insert(table, g_strdup(def->name), s);
    }
    return table;
}

/* before or now may be NULL: it is new, or gone. */
static void compare(struct vmgr_conn *conn, const char *name, const uint8_t *uuid,
                    const struct seen *before, const struct seen *now)
{
    const char *old = before ? before->config : NULL, *fresh = now ? now->config : NULL;
    const bool was = before && before->active, is = now && now->active;

    if (was && !is)
        vmgr__network_emit(conn, name, uuid, VMGR_NETWORK_EVENT_STOPPED);
    if (old && !fresh)
        vmgr__network_emit(conn, name, uuid, VMGR_NETWORK_EVENT_UNDEFINED);
    if (fresh && g_strcmp0(old, fresh) != 0)
        vmgr__network_emit(conn, name, uuid, VMGR_NETWORK_EVENT_DEFINED);
    if (is && !was)
        vmgr__network_emit(conn, name, uuid, VMGR_NETWORK_EVENT_STARTED);
}

void vmgr__hostnet_poll_events(struct vmgr_conn *conn)
{
    struct vemu *d = conn->driver_data;
    struct vemu_net_watch *w = d->net_watch;
    char buf[4096];
    GHashTable *now;
    GHashTableIter iter;
    void *name, *value;

    if (!w)
        return;
    g_mutex_lock(&w->lock);
    while (read(w->inotify_fd, buf, sizeof(buf)) > 0)
        ;
    now = look(d);
    g_hash_table_iter_init(&iter, w->seen);
    while (g_hash_table_iter_next(&iter, &name, &value))
        compare(conn, name, ((struct seen *)value)->uuid, value, g_hash_table_lookup(now, name));
    g_hash_table_iter_init(&iter, now);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        if (!g_hash_table_contains(w->seen, name))
            compare(conn, name, ((struct seen *)value)->uuid, NULL, value);
    }
    g_hash_table_unref(w->seen);
    w->seen = now;
    g_mutex_unlock(&w->lock);
}

int vmgr__hostnet_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err)
{
    struct vemu *d = conn->driver_data;
    struct vemu_net_watch *w = g_new0(struct vemu_net_watch, 1);
    const uint32_t what = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM;
    struct epoll_event e = { .events = EPOLLIN };

    g_mkdir_with_parents(d->net_config_dir, 0700);
    g_mkdir_with_parents(d->net_run_dir, 0755);
    g_mutex_init(&w->lock);
    w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->inotify_fd < 0 || inotify_add_watch(w->inotify_fd, d->net_config_dir, what) < 0 ||
        inotify_add_watch(w->inotify_fd, d->net_run_dir, what) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->inotify_fd, &e) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_NETWORK, "cannot watch the networks");
        if (w->inotify_fd >= 0)
            close(w->inotify_fd);
        g_mutex_clear(&w->lock);
        g_free(w);
        return -1;
    }
    w->seen = look(d);
    d->net_watch = w;
    return 0;
}

void vmgr__hostnet_watch_fini(struct vemu *d)
{
    struct vemu_net_watch *w = d->net_watch;

    if (!w)
        return;
    close(w->inotify_fd);
    g_hash_table_unref(w->seen);
    g_mutex_clear(&w->lock);
    g_free(w);
    d->net_watch = NULL;
}
