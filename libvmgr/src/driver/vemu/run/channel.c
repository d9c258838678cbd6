/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channels: the host's end of a virtio port, a socket that the emulator listens on. One client at a
 * time has it (session.h); that of the guest's agent is shared with agent.c, under its lock.
 */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../conf/device.h"
#include "../state/cache.h"
#include "../state/paths.h"
#include "agent.h"
#include "qmp.h"
#include "session.h"

#define CONNECT_TRIES 50

void vmgr__vemu_channel_path(const struct vemu *d, const struct vmgr__domain_def *def,
                             struct vmgr__device *dev)
{
    g_autofree char *type = NULL, *path = NULL, *alias = NULL, *file = NULL, *fresh = NULL;
    xmlNode *source;
    xmlDoc *doc;

    if (strcmp(dev->name, "channel") != 0)
        return;
    type = vmgr__device_get(dev, NULL, "type");
    path = vmgr__device_get(dev, "source", "path");
    alias = vmgr__device_alias(dev);
    if (g_strcmp0(type, "unix") != 0 || path || !alias)
        return;
    file = g_strdup_printf("%s.sock", alias);
    fresh = vmgr__vemu_run_path(d, def->name, file);
    if (strlen(fresh) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return;
    doc = vmgr__device_doc(dev);
    source = vmgr__device_child(xmlDocGetRootElement(doc), "source");
    xmlSetProp(source, BAD_CAST "mode", BAD_CAST "bind");
    xmlSetProp(source, BAD_CAST "path", BAD_CAST fresh);
    vmgr__device_set_doc(dev, doc);
}

bool vmgr__vemu_channel_set_open(struct vmgr__device *dev, bool open)
{
    const char *state = open ? "connected" : "disconnected";
    g_autofree char *written = vmgr__device_get(dev, "target", "state");
    xmlDoc *doc;

    if (g_strcmp0(written, state) == 0)
        return false;
    doc = vmgr__device_doc(dev);
    xmlSetProp(vmgr__device_child(xmlDocGetRootElement(doc), "target"), BAD_CAST "state",
               BAD_CAST state);
    vmgr__device_set_doc(dev, doc);
    return true;
}

char *vmgr__vemu_channel_socket(const struct vmgr__device *dev)
{
    g_autofree char *alias = NULL;
    char *path = vmgr__device_get(dev, "source", "path");

    if (path)
        return path;
    alias = vmgr__device_alias(dev);
    return g_strdup_printf("%s.sock", alias ? alias : "channel");
}

int vmgr__vemu_channel_connect(const char *run_path, const char *path, int code, const char *what,
                               struct vmgr_error **err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int dir = open(run_path, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1, saved = errno, n;

    if (g_path_is_absolute(path))
        n = g_snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    else
        n = g_snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dir, path);
    if ((size_t)n >= sizeof(addr.sun_path)) {
        vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "UNIX socket path '%s' too long", path);
    } else if (dir >= 0) {
        /* Not to wait for an emulator that accepts nobody. */
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        for (int i = 0; fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0; i++) {
            saved = errno;
            if ((saved != EAGAIN && saved != EINTR) || i == CONNECT_TRIES) {
                close(fd);
                fd = -1;
                break;
            }
            g_usleep(10000);
        }
        if (fd >= 0 && !vmgr__socket_is_of(fd, dir, path)) {
            saved = ECONNREFUSED;
            close(fd);
            fd = -1;
        }
        if (fd < 0)
            vemu_error(err, code, "%s: %s", what, g_strerror(saved));
    } else {
        vmgr__error_set_errno(err, saved, VMGR_FROM_VEMU, "cannot open directory '%s'", run_path);
    }
    if (dir >= 0)
        close(dir);
    return fd;
}

/* What must be known of a channel, copied while the cache is locked. */
struct target {
    char *run_path, *socket, *lock_path;
};

static void target_clear(struct target *t)
{
    g_free(t->run_path);
    g_free(t->socket);
    g_free(t->lock_path);
}

static int read_target(const struct vmgr__domobj *obj, const char *name, struct target *t,
                       struct vmgr_error **err)
{
    const struct vmgr__device *dev = vmgr__channel_find(obj->live, name);
    g_autofree char *type = NULL, *mode = NULL, *alias = NULL, *safe = NULL;

    if (!dev)
        return vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "cannot find channel %s",
                          name ? name : "<null>");
    type = vmgr__device_get(dev, NULL, "type");
    mode = vmgr__device_get(dev, "source", "mode");
    alias = vmgr__device_alias(dev);
    if (g_strcmp0(type, "unix") != 0 || g_strcmp0(mode, "connect") == 0)
        return vemu_error(err, VMGR_ERR_INTERNAL_ERROR,
                          "channel %s is not using a listening UNIX socket",
                          name    ? name
                          : alias ? alias
                                  : "<null>");
    t->socket = vmgr__vemu_channel_socket(dev);
    if (dev == vmgr__vemu_agent_channel(obj->live)) {
        t->lock_path = g_strconcat(t->run_path, VEMU_AGENT_LOCK, NULL);
        return 0;
    }
    safe = g_uri_escape_string(alias ? alias : "", NULL, FALSE);
    t->lock_path = g_strdup_printf("%s/channel-%s.lock", t->run_path, safe);
    return 0;
}

int vmgr__vemu_open_channel(struct vmgr_domain *dom, const char *name, uint32_t flags,
                            struct vmgr_stream **ret, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(dom);
    struct vemu *d = conn->driver_data;
    struct vemu_session *session = NULL;
    struct target t = { NULL };
    struct vmgr__domobj *obj;
    int r = -1;

    g_mutex_lock(&d->lock);
    obj = vmgr__vemu_find_locked(d, dom, err);
    if (obj && vmgr__domobj_need_active(obj, err) == 0) {
        t.run_path = vmgr__vemu_run_path(d, vmgr__domobj_name(obj), NULL);
        r = read_target(obj, name, &t, err);
    }
    g_mutex_unlock(&d->lock);
    if (r == 0)
        session = vmgr__session_open(t.lock_path, flags & VMGR_DOMAIN_CHANNEL_FORCE,
                                     "channel stream", err);
    r = session ? vmgr__session_stream(
                      conn, session, t.lock_path,
                      vmgr__vemu_channel_connect(t.run_path, t.socket, VMGR_ERR_OPERATION_FAILED,
                                                 "cannot connect to the channel's socket", err),
                      ret, err)
                : -1;
    target_clear(&t);
    return r;
}
