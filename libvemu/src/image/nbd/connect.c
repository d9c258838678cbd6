/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connecting to an NBD server.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/inet-socket.h"
#include "core/unix-socket.h"
#include "image/nbd/address.h"

#define BACKLOG_POLL_US 10000

static int set_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

/* The library's own sockets do not wait; here a full backlog is worth it. */
static int connect_unix(const char *path, gint64 end_us, struct vemu_error **err)
{
    for (;;) {
        struct vemu_error *error = NULL;
        int fd = vemu__unix_connect(path, SOCK_STREAM, &error);

        if (fd == -EAGAIN && g_get_monotonic_time() < end_us) {
            vemu_error_free(error);
            g_usleep(BACKLOG_POLL_US);
            continue;
        }
        if (fd < 0) {
            vemu__error_set(err, -fd, "%s", vemu_error_message(error));
            vemu_error_free(error);
        }
        return fd;
    }
}

static int connect_one(const struct addrinfo *info, gint64 end_us)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r = 0, failure = 0;
    socklen_t size = sizeof(failure);

    if (fd < 0)
        return -errno;
    if (connect(fd, info->ai_addr, info->ai_addrlen) < 0)
        r = -errno;
    while (r == -EINPROGRESS || r == -EINTR) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
        gint64 left = (end_us - g_get_monotonic_time()) / 1000;

        if (left <= 0)
            r = -ETIMEDOUT;
        else if (poll(&poll_fd, 1, (int)MIN(left, 60000)) > 0)
            r = getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0 ? -errno : -failure;
    }
    if (r >= 0)
        return fd;
    close(fd);
    return r;
}

static int lookup(const char *host, const char *port, struct addrinfo **ret,
                  struct vemu_error **err)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
    };
    int r = getaddrinfo(host, port, &hints, ret);

    if (r == EAI_NONAME) {
        hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
        r = getaddrinfo(host, port, &hints, ret);
    }
    if (r)
        return vemu__error_set(err, r == EAI_SYSTEM ? errno : ENOENT,
                               "cannot find the address of '%s': %s", host, gai_strerror(r));
    return 0;
}

static int connect_inet(const char *host, const char *port, gint64 end_us, struct vemu_error **err)
{
    const int on = 1;
    struct addrinfo *list = NULL;
    int fd = -ENOENT, r = lookup(host, port, &list, err);

    if (r < 0)
        return r;
    for (const struct addrinfo *info = list; info && fd < 0; info = info->ai_next)
        fd = connect_one(info, end_us);
    freeaddrinfo(list);
    if (fd < 0)
        return vemu__error_set(err, -fd, "cannot connect to port %s of %s: %s", port, host,
                               strerror(-fd));
    vemu__inet_no_delay(fd);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    return fd;
}

int vemu__nbd_connect(const struct nbd_address *address, unsigned timeout_ms,
                      struct vemu_error **err)
{
    gint64 end_us = g_get_monotonic_time() + timeout_ms * G_GINT64_CONSTANT(1000);
    int fd = address->path ? connect_unix(address->path, end_us, err)
                           : connect_inet(address->host, address->port, end_us, err);
    int r = fd;

    if (fd >= 0)
        r = set_blocking(fd);
    if (fd >= 0 && r < 0) {
        close(fd);
        return vemu__error_set(err, -r, "cannot use a socket: %s", strerror(-r));
    }
    return fd;
}
