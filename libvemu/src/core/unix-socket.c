/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unix sockets by path: binding over leftovers, connecting, descriptors that were handed in.
 */
#include "core/unix-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/property.h"

static int address_set(const char *path, struct sockaddr_un *address, struct vemu_error **err)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(address->sun_path))
        return vemu__error_set(err, ENAMETOOLONG, "socket path '%s' is longer than %zu bytes", path,
                               sizeof(address->sun_path) - 1);
    strcpy(address->sun_path, path);
    return 0;
}

static int new_socket(int type, struct vemu_error **err)
{
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd >= 0 ? fd : vemu__error_set(err, errno, "cannot make a socket: %s", strerror(errno));
}

/* A socket file that nobody listens on is a leftover of a process that died. */
static int remove_stale(const struct sockaddr_un *address, int type)
{
    struct stat st;
    int fd, r;

    if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    fd = new_socket(type, NULL);
    if (fd < 0)
        return fd;
    r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    close(fd);
    if (r != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_fd(int fd, const char *path, int type, struct vemu_unix_file *file,
                   struct vemu_error **err)
{
    struct sockaddr_un address;
    struct stat st;
    int r = address_set(path, &address, err);

    if (r < 0)
        return r;
    r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    if (r == -EADDRINUSE) {
        r = remove_stale(&address, type);
        if (r >= 0)
            r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    }
    if (r < 0)
        return vemu__error_set(err, -r, "cannot bind to '%s': %s", path, strerror(-r));
    if (lstat(path, &st) == 0)
        *file = (struct vemu_unix_file){ true, st.st_dev, st.st_ino };
    if (type == SOCK_STREAM && listen(fd, 1) < 0)
        return vemu__error_set(err, errno, "cannot listen on '%s': %s", path, strerror(errno));
    return 0;
}

int vemu__unix_bind(const char *path, int type, struct vemu_unix_file *file,
                    struct vemu_error **err)
{
    int fd = new_socket(type, err), r;

    if (fd < 0)
        return fd;
    r = bind_fd(fd, path, type, file, err);
    if (r >= 0)
        return fd;
    close(fd);
    return r;
}

void vemu__unix_unbind(const char *path, struct vemu_unix_file *file)
{
    struct stat st;

    if (file->bound && lstat(path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino)
        unlink(path);
    file->bound = false;
}

int vemu__unix_connect_fd(int fd, const char *path, struct vemu_error **err)
{
    struct sockaddr_un address;
    int r = address_set(path, &address, err);

    /* Connecting to a Unix socket does not take time: it fails at once when the backlog is full. */
    if (r >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        r = vemu__error_set(err, errno, "cannot connect to '%s': %s", path, strerror(errno));
    return r;
}

int vemu__unix_connect(const char *path, int type, struct vemu_error **err)
{
    int fd = new_socket(type, err), r;

    if (fd < 0)
        return fd;
    r = vemu__unix_connect_fd(fd, path, err);
    if (r >= 0)
        return fd;
    close(fd);
    return r;
}

int vemu__unix_use_fd(const char *text, int type, bool listens, struct vemu_error **err)
{
    socklen_t length = sizeof(int);
    uint64_t number;
    int fd, flags, is = 0, is_listening = 0;

    if (!vemu__parse_number(text, INT32_MAX, &number))
        return vemu__error_set(err, EINVAL, "property 'fd': '%s' is not a descriptor", text);
    fd = (int)number;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &length) < 0)
        return vemu__error_set(err, errno, "property 'fd': %d: %s", fd, strerror(errno));
    if (is != type)
        return vemu__error_set(err, EINVAL, "property 'fd': %d is not a %s socket", fd,
                               type == SOCK_STREAM ? "stream" : "datagram");
    length = sizeof(int);
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length);
    if (!is_listening != !listens)
        return vemu__error_set(err, EINVAL, "property 'fd': %d %s", fd,
                               listens ? "does not listen, but server=on was given"
                                       : "listens, but server=on was not given");
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return vemu__error_set(err, errno, "property 'fd': %d: %s", fd, strerror(errno));
    return fd;
}
