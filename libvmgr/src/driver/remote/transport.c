/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ways to a daemon: unix socket, TCP, and a program that carries bytes (ssh).
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib-unix.h>

#include "remote.h"

#define CONNECT_SECONDS 30
#define PORT_TCP        "16509"
#define PORT_TLS        "16514"
#define STARTED_MS      5000 /* that another's daemon may take to listen */

static int unix_connect(const char *path)
{
    const struct timeval limit = { .tv_sec = CONNECT_SECONDS };
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* A full queue of connections makes it wait, that long (unix(7), SO_SNDTIMEO). */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
        const int e = errno;

        close(fd);
        return -e;
    }
    return fd;
}

static int dial_unix(struct vmgr__remote *r, bool read_only, struct vmgr_error **err)
{
    g_autofree char *path = vmgr__remote_uri_socket(&r->uri, read_only);
    struct vmgr_error *why = NULL;

    r->fd = unix_connect(path);
    if ((r->fd == -ENOENT || r->fd == -ECONNREFUSED) && vmgr__remote_may_start(&r->uri)) {
        /* Another client may be starting one at this moment: then ours ends, and theirs comes. */
        int left_ms = vmgr__remote_start_daemon(&r->uri, &why) == 0 ? STARTED_MS : STARTED_MS / 5;

        while ((r->fd = unix_connect(path)) < 0 && left_ms > 0) {
            g_usleep(10000);
            left_ms -= 10;
        }
        if (r->fd < 0 && why) {
            vmgr__error_move(err, why);
            return -1;
        }
        vmgr_error_free(why);
    }
    if (r->fd < 0) {
        g_autofree char *sentence =
            g_strdup_printf("Failed to connect socket to '%s': %s", path, g_strerror(-r->fd));

        return vmgr__error_set_plain(err, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC, sentence);
    }
    return 0;
}

static int tcp_connect(const struct addrinfo *a, int64_t deadline_us)
{
    const int fd =
        socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    const int one = 1;
    int e = 0;
    socklen_t size = sizeof(e);

    if (fd < 0)
        return -errno;
    if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS) {
        e = errno;
    } else {
        const int64_t left_us = deadline_us - g_get_monotonic_time();

        if (poll(&p, 1, (int)MAX(left_us / 1000, 0)) == 0)
            e = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0)
            e = errno;
    }
    if (e) {
        close(fd);
        return -e;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    return fd;
}

static int dial_tcp(struct vmgr__remote *r, const char *default_port, struct vmgr_error **err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    const char *port = r->uri.port ? r->uri.port : default_port;
    const int64_t deadline_us = g_get_monotonic_time() + CONNECT_SECONDS * G_USEC_PER_SEC;
    struct addrinfo *all = NULL;
    const int n = getaddrinfo(r->uri.host, port, &hints, &all);

    if (n != 0)
        return vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC,
                               "unable to resolve address '%s' service '%s': %s", r->uri.host, port,
                               gai_strerror(n));
    r->fd = -EHOSTUNREACH;
    for (const struct addrinfo *a = all; a && r->fd < 0; a = a->ai_next)
        r->fd = tcp_connect(a, deadline_us);
    freeaddrinfo(all);
    if (r->fd < 0)
        return vmgr__error_set_errno(err, -r->fd, VMGR_FROM_RPC,
                                     "unable to connect to server at '%s:%s'", r->uri.host, port);
    return 0;
}

static int dial_ssh(struct vmgr__remote *r, bool read_only, struct vmgr_error **err)
{
    g_auto(GStrv) argv = vmgr__remote_ssh_argv(&r->uri, read_only);

    return vmgr__remote_spawn(r, argv, err);
}

static int dial_ext(struct vmgr__remote *r, struct vmgr_error **err)
{
    char *argv[] = { r->uri.command, NULL };

    return vmgr__remote_spawn(r, argv, err);
}

int vmgr__remote_dial(struct vmgr__remote *r, bool read_only, struct vmgr_error **err)
{
    int result = -1;

    switch (r->uri.transport) {
    case REMOTE_UNIX: result = dial_unix(r, read_only, err); break;
    case REMOTE_TCP: result = dial_tcp(r, PORT_TCP, err); break;
    case REMOTE_TLS: result = dial_tcp(r, PORT_TLS, err); break;
    case REMOTE_SSH: result = dial_ssh(r, read_only, err); break;
    case REMOTE_EXT: result = dial_ext(r, err); break;
    }
    if (result == 0 && !g_unix_set_fd_nonblocking(r->fd, TRUE, NULL))
        result = vmgr__error_set_errno(err, errno, VMGR_FROM_RPC, "cannot use a socket");
    if (result < 0 && r->fd < 0)
        r->fd = -1;
    return result;
}
