/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of node devices: the kernel says that something changed, and the list is compared.
 *
 * What comes is only taken as a hint: anybody who may write to the socket could make it up, and it
 * comes before udev has given a device its name. What is compared is the name and the kernel's own
 * properties; a device that says "change" of itself is an update.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../driver/vemu/vemu.h"
#include "hostdev.h"

#define GROUP_KERNEL 1
#define MESSAGE_MAX  8192

struct vmgr__hostdev_monitor {
    GMutex lock;
    int fd;
    GHashTable *seen; /* name -> its path */
};

static GHashTable *look(const struct vmgr__hostdev *h)
{
    g_autoptr(GPtrArray) list = vmgr__hostdev_scan(h);
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    for (guint i = 0; i < list->len; i++) {
        const struct nodedev *dev = list->pdata[i];

        g_hash_table_insert(table, g_strdup(dev->name), g_strdup(dev->path ? dev->path : ""));
    }
    return table;
}

int vmgr__hostdev_watch(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err)
{
    struct vmgr__hostdev *h = ((struct vemu *)conn->driver_data)->hostdev;
    const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL };
    struct epoll_event e = { .events = EPOLLIN };
    struct vmgr__hostdev_monitor *m = g_new0(struct vmgr__hostdev_monitor, 1);

    g_mutex_init(&m->lock);
    m->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    if (m->fd < 0 || bind(m->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, m->fd, &e) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_NODEDEV, "cannot watch the devices");
        vmgr__hostdev_monitor_free(m);
        return -1;
    }
    m->seen = look(h);
    h->monitor = m;
    return 0;
}

void vmgr__hostdev_monitor_free(struct vmgr__hostdev_monitor *m)
{
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    g_clear_pointer(&m->seen, g_hash_table_unref);
    g_mutex_clear(&m->lock);
    g_free(m);
}

/* Reads all that waits; the paths that changed are added. True: there was something. */
static bool drain(struct vmgr__hostdev_monitor *m, GPtrArray *changed)
{
    char buf[MESSAGE_MAX];
    bool any = false;
    ssize_t n;

    while ((n = recv(m->fd, buf, sizeof(buf) - 1, 0)) >= 0 || errno == ENOBUFS) {
        any = true;
        if (n <= 0)
            continue;
        buf[n] = '\0';
        /* "change@/devices/..." */
        if (g_str_has_prefix(buf, "change@/"))
            g_ptr_array_add(changed, g_strconcat("/sys", buf + strlen("change@"), NULL));
    }
    return any;
}

/* Those of `a` that `b` does not have, or has elsewhere. */
static void emit_missing(struct vmgr_conn *conn, GHashTable *a, GHashTable *b, int type)
{
    GHashTableIter iter;
    void *name, *path;

    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &name, &path)) {
        if (g_strcmp0(g_hash_table_lookup(b, name), path) != 0)
            vmgr__nodedev_emit(conn, name, VMGR_NODEDEV_EVENT_LIFECYCLE, type);
    }
}

static void emit_updates(struct vmgr_conn *conn, GHashTable *before, GHashTable *now,
                         const GPtrArray *changed)
{
    GHashTableIter iter;
    void *name, *path;

    g_hash_table_iter_init(&iter, now);
    while (changed->len && g_hash_table_iter_next(&iter, &name, &path)) {
        if (g_strcmp0(g_hash_table_lookup(before, name), path) != 0)
            continue; /* it is new */
        for (guint i = 0; i < changed->len; i++) {
            if (strcmp(changed->pdata[i], path) == 0) {
                vmgr__nodedev_emit(conn, name, VMGR_NODEDEV_EVENT_UPDATE, 0);
                break;
            }
        }
    }
}

void vmgr__hostdev_poll(struct vmgr_conn *conn)
{
    struct vmgr__hostdev *h = ((struct vemu *)conn->driver_data)->hostdev;
    struct vmgr__hostdev_monitor *m = h->monitor;
    g_autoptr(GPtrArray) changed = g_ptr_array_new_with_free_func(g_free);
    GHashTable *now;

    if (!m)
        return;
    g_mutex_lock(&m->lock);
    if (drain(m, changed)) {
        now = look(h);
        emit_missing(conn, m->seen, now, VMGR_NODEDEV_EVENT_DELETED);
        emit_missing(conn, now, m->seen, VMGR_NODEDEV_EVENT_CREATED);
        emit_updates(conn, m->seen, now, changed);
        g_hash_table_unref(m->seen);
        m->seen = now;
    }
    g_mutex_unlock(&m->lock);
}
