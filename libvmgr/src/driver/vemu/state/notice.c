/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Knowing that nothing has changed without looking at every file.
 *
 * Theory of operation. A connection that looks often asks the kernel to tell of changes (inotify).
 * What changes a file is in the queue before the change's caller goes on, so reading the queue
 * before a question is as good as looking at the files: a record about which nothing was told since
 * it was compared with its files still agrees with them. Order matters: first the watch, then the
 * queue, then the files; what comes between is told at the next look.
 *
 * Where that cannot work the files are looked at as ever: file systems that others change behind
 * the kernel's back, no descriptors or watches left, directories that are not there yet or were
 * moved. What is not noticed: a change through another name (hard link) of a definition's file.
 */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../vemu.h"
#include "cache.h"
#include "notice.h"
#include "paths.h"

/* Looks at single domains before it is worth the effort: a short-lived program never gets there. */
#define LOOKS_BEFORE 200

#define ANY_CHANGE                                                                                 \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)
#define SELF_GONE (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

#define ZFS_MAGIC 0x2fc12fc1

enum state { UNUSED = 0, WORKING, GIVEN_UP };

struct vemu_notice {
    enum state state;
    unsigned looks;
    int fd;
    int config_wd, autostart_wd, run_wd;
    GHashTable *runs;      /* watch -> name of the domain */
    bool set_known;        /* all names that have files were looked at, but for the strangers */
    GHashTable *strangers; /* names that have come since */
};

static struct vemu_notice *notice_of(struct vemu *d)
{
    if (!d->notice) {
        d->notice = g_new0(struct vemu_notice, 1);
        d->notice->fd = -1;
    }
    return d->notice;
}

static void give_up(struct vemu_notice *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
    n->state = GIVEN_UP;
    n->set_known = false;
    g_clear_pointer(&n->runs, g_hash_table_unref);
    g_clear_pointer(&n->strangers, g_hash_table_unref);
}

void vmgr__vemu_notice_fini(struct vemu *d)
{
    if (!d->notice)
        return;
    give_up(d->notice);
    g_clear_pointer(&d->notice, g_free);
}

/* Whether every change on it is this kernel's. */
static bool is_local(const char *dir)
{
    static const unsigned long local[] = { EXT4_SUPER_MAGIC,  XFS_SUPER_MAGIC,
                                           BTRFS_SUPER_MAGIC, TMPFS_MAGIC,
                                           ZFS_MAGIC,         F2FS_SUPER_MAGIC,
                                           RAMFS_MAGIC,       OVERLAYFS_SUPER_MAGIC };
    struct statfs fs;

    if (statfs(dir, &fs) < 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(local); i++) {
        if ((unsigned long)fs.f_type == local[i])
            return true;
    }
    return false;
}

static int watch_dir(const struct vemu_notice *n, const char *dir)
{
    if (!is_local(dir))
        return -1;
    return inotify_add_watch(n->fd, dir, ANY_CHANGE | SELF_GONE | IN_ONLYDIR);
}

static void begin(struct vemu *d, struct vemu_notice *n)
{
    n->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (n->fd >= 0) {
        n->config_wd = watch_dir(n, d->config_dir);
        n->autostart_wd = watch_dir(n, d->autostart_dir);
        n->run_wd = watch_dir(n, d->run_dir);
    }
    if (n->fd < 0 || n->config_wd < 0 || n->autostart_wd < 0 || n->run_wd < 0) {
        give_up(n);
        return;
    }
    n->runs = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    n->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    n->state = WORKING;
}

void vmgr__vemu_notice_doubt(struct vemu *d, const char *name)
{
    struct vmgr__domobj *obj = vmgr__domlist_by_name(&d->list, name);

    if (obj)
        vmgr__vemu_obj_doubt(d, obj);
    else if (notice_of(d)->strangers)
        g_hash_table_add(d->notice->strangers, g_strdup(name));
}

/* A file of a directory that holds one entry for each domain. */
static void take_entry(struct vemu *d, const struct inotify_event *e, const char *suffix)
{
    g_autofree char *name = NULL;

    if (!e->len || !g_str_has_suffix(e->name, suffix))
        return; /* a file on its way to its place */
    name = g_strndup(e->name, strlen(e->name) - strlen(suffix));
    vmgr__vemu_notice_doubt(d, name);
}

static void take(struct vemu *d, struct vemu_notice *n, const struct inotify_event *e)
{
    const char *name;

    if (e->mask & IN_IGNORED) {
        g_hash_table_remove(n->runs, GINT_TO_POINTER(e->wd));
        return;
    }
    if (e->wd == n->config_wd || e->wd == n->autostart_wd) {
        take_entry(d, e, ".xml");
    } else if (e->wd == n->run_wd) {
        take_entry(d, e, ".d");
    } else if (!e->len || strcmp(e->name, "status.xml") == 0) {
        name = g_hash_table_lookup(n->runs, GINT_TO_POINTER(e->wd));
        if (name)
            vmgr__vemu_notice_doubt(d, name);
        return;
    }
    /* Events of the directory itself. Who moves it has to live with a slower library. */
    if (e->mask & SELF_GONE)
        give_up(n);
}

static void doubt_all(struct vemu *d)
{
    GHashTableIter iter;
    void *obj;

    g_hash_table_iter_init(&iter, d->list.by_name);
    while (g_hash_table_iter_next(&iter, NULL, &obj))
        vmgr__vemu_obj_doubt(d, obj);
    d->notice->set_known = false;
}

bool vmgr__vemu_notice_look(struct vemu *d)
{
    struct vemu_notice *n = notice_of(d);
    union {
        struct inotify_event align;
        char bytes[4096];
    } buf;
    ssize_t got;

    if (n->state == UNUSED && ++n->looks > LOOKS_BEFORE)
        begin(d, n);
    if (n->state != WORKING)
        return false;
    while (n->state == WORKING && (got = read(n->fd, buf.bytes, sizeof(buf.bytes))) > 0) {
        for (char *at = buf.bytes; at < buf.bytes + got && n->state == WORKING;) {
            const struct inotify_event *e = (const struct inotify_event *)(void *)at;

            if (e->mask & IN_Q_OVERFLOW)
                doubt_all(d);
            else
                take(d, n, e);
            at += sizeof(*e) + e->len;
        }
    }
    return n->state == WORKING;
}

void vmgr__vemu_notice_count(struct vemu *d, unsigned looks)
{
    struct vemu_notice *n = notice_of(d);

    n->looks = MIN(n->looks + MIN(looks, LOOKS_BEFORE), LOOKS_BEFORE);
}

bool vmgr__vemu_notice_run(struct vemu *d, const char *name)
{
    struct vemu_notice *n = notice_of(d);
    g_autofree char *dir = NULL;
    int wd;

    if (n->state != WORKING)
        return false;
    dir = vmgr__vemu_run_path(d, name, NULL);
    wd = inotify_add_watch(n->fd, dir, ANY_CHANGE | IN_ONLYDIR);
    if (wd < 0)
        return errno == ENOENT; /* that it comes is told by the directory above */
    g_hash_table_replace(n->runs, GINT_TO_POINTER(wd), g_strdup(name));
    return true;
}

void vmgr__vemu_notice_seen(struct vemu *d, const char *name)
{
    if (notice_of(d)->strangers)
        g_hash_table_remove(d->notice->strangers, name);
}

void vmgr__vemu_notice_strangers(struct vemu *d, GPtrArray *ret)
{
    GHashTableIter iter;
    void *name;

    if (!notice_of(d)->strangers)
        return;
    g_hash_table_iter_init(&iter, d->notice->strangers);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        g_ptr_array_add(ret, g_strdup(name));
}

bool vmgr__vemu_notice_set_known(struct vemu *d)
{
    return notice_of(d)->set_known;
}

void vmgr__vemu_notice_set(struct vemu *d, bool known)
{
    struct vemu_notice *n = notice_of(d);

    n->set_known = known && n->state == WORKING;
}
