/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Consoles: the host's end of a serial port, for one client at a time (session.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "../state/cache.h"
#include "../state/paths.h"
#include "../state/status.h"
#include "console.h"
#include "session.h"

/* A pty passes bytes on as they are. */
static int open_pty(const char *path, struct vmgr_error **err)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios raw;

    if (fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "unable to open tty %s", path);
    if (tcgetattr(fd, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
    }
    return fd;
}

static int open_unix(const char *path, struct vmgr_error **err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path))
        return vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "UNIX socket path '%s' too long", path);
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_VEMU, "unable to connect to console socket %s",
                              path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* A guest that broke out of its emulator may tell of another guest's terminal, or put a link to its
 * socket in the place of its own: what is opened has to be of the run's user. */
static bool is_of_user(int fd, int type, uid_t uid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    struct stat st;

    if (type == VMGR__CHARDEV_PTY)
        return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_uid == uid;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == uid;
}

static int open_target(const char *path, int type, uid_t uid, struct vmgr_error **err)
{
    int fd = type == VMGR__CHARDEV_PTY ? open_pty(path, err) : open_unix(path, err);

    if (fd < 0 || !uid || is_of_user(fd, type, uid))
        return fd;
    close(fd);
    return vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                      "console %s is not of the guest's user (uid %u)", path, uid);
}

/* The one that a name means; NULL: the first. */
static const struct vmgr__chardev *find_in(const GPtrArray *list, guint from, const char *prefix,
                                           const char *device)
{
    for (guint i = from; i < list->len; i++) {
        const struct vmgr__chardev *c = list->pdata[i];
        g_autofree char *usual = g_strdup_printf("%s%u", prefix, i);

        if (!device || strcmp(device, usual) == 0 || g_strcmp0(device, c->alias) == 0)
            return c;
    }
    return NULL;
}

/* The serial port or console a name means; the first console may be another name of the first
 * serial port. */
static const struct vmgr__chardev *find_device(const struct vmgr__domain_def *def,
                                               const char *device)
{
    const struct vmgr__chardev *c = find_in(def->serials, 0, "serial", device);

    if (!c && device && strcmp(device, "console0") == 0 && def->console_is_serial)
        return def->serials->pdata[0];
    return c ? c : find_in(def->consoles, def->console_is_serial ? 1 : 0, "console", device);
}

/* What must be known of the domain, copied while the cache is locked. */
struct target {
    char *name;
    char *path;
    int type;
    char *lock; /* a file in the run's directory */
};

static int find_target(struct vmgr_domain *dom, const char *device, struct target *ret,
                       struct vmgr_error **err)
{
    struct vemu *d = vmgr_domain_get_conn(dom)->driver_data;
    const struct vmgr__chardev *c = NULL;
    struct vmgr__domobj *obj;
    int r = -1;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj && vmgr__domobj_need_active(obj, err) == 0) {
        c = find_device(obj->live, device);
        if (!c) {
            vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "cannot find character device %s",
                       device ? device : "<null>");
        } else if (!c->path || (c->type != VMGR__CHARDEV_PTY &&
                                !(c->type == VMGR__CHARDEV_UNIX && c->mode == 2))) {
            vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                       "character device %s is not using a PTY or a listening UNIX socket",
                       device ? device : c->alias);
        } else {
            const bool virtio = strcmp(c->target_type, "virtio") == 0;

            *ret = (struct target){ g_strdup(vmgr__domobj_name(obj)), g_strdup(c->path), c->type,
                                    g_strdup_printf("%sconsole%d.lock", virtio ? "virt" : "",
                                                    c->port) };
            r = 0;
        }
    }
    g_mutex_unlock(&d->lock);
    return r;
}

int vmgr__vemu_open_console(struct vmgr_domain *dom, const char *device, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(dom);
    g_autofree char *name = NULL, *path = NULL, *lock_path = NULL, *file = NULL;
    struct vemu_status status = { 0 };
    struct vemu_session *session;
    struct target t;
    uid_t uid;

    if (find_target(dom, device, &t, err) < 0)
        return -1;
    name = t.name;
    path = t.path;
    file = t.lock;
    if (vmgr__vemu_status_load(conn->driver_data, name, &status, err) < 0)
        return -1;
    uid = status.uid;
    vmgr__vemu_status_clear(&status);
    lock_path = vmgr__vemu_run_path(conn->driver_data, name, file);
    session =
        vmgr__session_open(lock_path, flags & VMGR_DOMAIN_CONSOLE_FORCE, "console session", err);
    return session ? vmgr__session_stream(conn, session, lock_path,
                                          open_target(path, t.type, uid, err), ret, err)
                   : -1;
}
