/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of stored secrets, whoever brought them about: the directory is watched, and what it holds
 * is compared with the last look. Registering the first callback makes the present the baseline.
 *
 * A file that was replaced is another file with another time: a document that is written again was
 * defined again, a value that is written again has changed. Nothing is read of a value.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../conf/def.h"
#include "secret.h"

/* Which file it is; all zero: there is none. */
struct stamp {
    ino_t inode;
    struct timespec time;
};

struct seen {
    struct vmgr__secret_def *def;
    struct stamp document, value;
};

struct vmgr__secret_watch {
    GMutex lock; /* leaf, but for queues of events */
    char *dir;
    int fd;
    GHashTable *seen; /* UUID as text -> struct seen */
};

static void seen_free(void *data)
{
    struct seen *s = data;

    vmgr__secret_def_free(s->def);
    g_free(s);
}

static struct stamp stamp_of(const char *dir, const char *uuid, const char *end)
{
    g_autofree char *path = g_strdup_printf("%s/%s.%s", dir, uuid, end);
    struct stat info;

    if (stat(path, &info) < 0)
        return (struct stamp){ 0 };
    return (struct stamp){ info.st_ino, info.st_mtim };
}

static bool stamps_equal(const struct stamp *a, const struct stamp *b)
{
    return a->inode == b->inode && a->time.tv_sec == b->time.tv_sec &&
           a->time.tv_nsec == b->time.tv_nsec;
}

static GHashTable *look(const char *dir)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_free);
    g_autoptr(GPtrArray) list = g_ptr_array_new();

    vmgr__secret_documents_load(dir, list);
    for (guint i = 0; i < list->len; i++) {
        struct seen *s = g_new0(struct seen, 1);
        char uuid[VMGR_UUID_STRING_SIZE];

        s->def = list->pdata[i];
        vmgr__uuid_format(s->def->uuid, uuid);
        s->document = stamp_of(dir, uuid, "xml");
        s->value = stamp_of(dir, uuid, "base64");
        g_hash_table_replace(table, g_strdup(uuid), s);
    }
    return table;
}

static void emit(struct vmgr_conn *conn, const struct seen *s, int id, int type)
{
    vmgr__secret_emit(conn, s->def->uuid, s->def->usage, s->def->usage_id, id, type);
}

/* before NULL: it is new. */
static void compare(struct vmgr_conn *conn, const struct seen *before, const struct seen *now)
{
    static const struct stamp none;

    if (!before || !stamps_equal(&before->document, &now->document))
        emit(conn, now, VMGR_SECRET_EVENT_LIFECYCLE, VMGR_SECRET_EVENT_DEFINED);
    if (!stamps_equal(before ? &before->value : &none, &now->value) && now->value.inode)
        emit(conn, now, VMGR_SECRET_EVENT_VALUE_CHANGED, 0);
}

void vmgr__secret_watch_look(struct vmgr__secret_watch *w, struct vmgr_conn *conn)
{
    GHashTable *now;
    GHashTableIter iter;
    void *uuid, *value;

    g_mutex_lock(&w->lock);
    now = look(w->dir);
    g_hash_table_iter_init(&iter, w->seen);
    while (g_hash_table_iter_next(&iter, &uuid, &value)) {
        if (!g_hash_table_contains(now, uuid))
            emit(conn, value, VMGR_SECRET_EVENT_LIFECYCLE, VMGR_SECRET_EVENT_UNDEFINED);
    }
    g_hash_table_iter_init(&iter, now);
    while (g_hash_table_iter_next(&iter, &uuid, &value))
        compare(conn, g_hash_table_lookup(w->seen, uuid), value);
    g_hash_table_unref(w->seen);
    w->seen = now;
    g_mutex_unlock(&w->lock);
}

void vmgr__secret_watch_poll(struct vmgr__secret_watch *w, struct vmgr_conn *conn)
{
    char buf[4096];
    bool any = false;

    while (read(w->fd, buf, sizeof(buf)) > 0)
        any = true;
    if (any)
        vmgr__secret_watch_look(w, conn);
}

void vmgr__secret_watch_forget(struct vmgr__secret_watch *w, const uint8_t *uuid)
{
    char text[VMGR_UUID_STRING_SIZE];

    vmgr__uuid_format(uuid, text);
    g_mutex_lock(&w->lock);
    g_hash_table_remove(w->seen, text);
    g_mutex_unlock(&w->lock);
}

struct vmgr__secret_watch *vmgr__secret_watch_new(const char *dir, int epoll_fd,
                                                  struct vmgr_error **err)
{
    struct vmgr__secret_watch *w = g_new0(struct vmgr__secret_watch, 1);
    struct epoll_event e = { .events = EPOLLIN };

    g_mutex_init(&w->lock);
    w->dir = g_strdup(dir);
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, w->fd, &e) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_SECRET, "cannot watch the secrets");
        return vmgr__secret_watch_free(w);
    }
    /* So that there is something to watch; who may not read it sees what this connection does. */
    g_mkdir_with_parents(dir, 0700);
    inotify_add_watch(w->fd, dir, IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
    w->seen = look(dir);
    return w;
}

struct vmgr__secret_watch *vmgr__secret_watch_free(struct vmgr__secret_watch *w)
{
    if (!w)
        return NULL;
    if (w->fd >= 0)
        close(w->fd);
    g_clear_pointer(&w->seen, g_hash_table_unref);
    g_mutex_clear(&w->lock);
    g_free(w->dir);
    g_free(w);
    return NULL;
}
