/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Unix stream socket or a TCP socket: a server that takes one client at a time, or a client.
 *
 * A server listens while it has no client; further ones wait in the backlog. A client that hangs up
 * while the guest does not take its last input keeps its place only until the next one calls. A
 * client connects when it is made and, with reconnect=N, again every N seconds after the connection
 * ended. Over TCP that may take a while: a client without reconnect waits for it when it is made,
 * and fails if it has to wait too long.
 */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/backend.h"
#include "core/inet-socket.h"
#include "core/unix-socket.h"
#include "core/vm.h"

#define CONNECT_MS 5000

struct socket {
    struct vemu_chardev chr;
    char *path, *fd, *host, *port;
    bool server, wait;
    uint32_t reconnect;

    int listener, peer, pending; /* -1: none */
    struct vemu_watch *listen_watch, *pending_watch;
    struct vemu_delay *retry;
    struct vemu_unix_file file;
};

/* --- the peer --------------------------------------------------------------------------------- */

static void retry_later(struct socket *sock);

static void peer_start(struct socket *sock, int fd)
{
    sock->peer = fd;
    if (sock->listen_watch)
        vemu__watch_set(sock->listen_watch, 0);
    vemu__chardev_stream_start(&sock->chr, fd, fd);
}

static void peer_stop(struct socket *sock)
{
    if (sock->peer < 0)
        return;
    vemu__chardev_stream_stop(&sock->chr);
    close(sock->peer);
    sock->peer = -1;
}

static void socket_lost(struct vemu_chardev *chr)
{
    struct socket *sock = (struct socket *)chr;

    peer_stop(sock);
    if (sock->listen_watch)
        vemu__watch_set(sock->listen_watch, POLLIN);
    else
        retry_later(sock);
}

static void socket_hung_up(struct vemu_chardev *chr)
{
    struct socket *sock = (struct socket *)chr;

    if (sock->listen_watch)
        vemu__watch_set(sock->listen_watch, POLLIN);
}

/* --- server ----------------------------------------------------------------------------------- */

static void on_listen_again(void *data)
{
    struct socket *sock = data;

    if (sock->peer < 0 || sock->chr.hup)
        vemu__watch_set(sock->listen_watch, POLLIN);
}

static void on_listener(void *data, uint32_t revents)
{
    struct socket *sock = data;
    int fd = accept4(sock->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        /* No descriptors or memory: the client stays in the backlog, and poll(2) would not rest. */
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            vemu__watch_set(sock->listen_watch, 0);
            vemu__delay_free(sock->retry);
            sock->retry = vemu__delay_new(sock->chr.vm->loop, 1000, on_listen_again, sock);
        }
        return;
    }
    if (sock->port)
        vemu__inet_no_delay(fd);
    peer_stop(sock);
    peer_start(sock, fd);
}

static void serve(struct socket *sock)
{
    sock->listen_watch =
        vemu__watch_new(sock->chr.vm->loop, sock->listener, POLLIN, on_listener, sock);
    pthread_mutex_lock(&sock->chr.lock);
    sock->chr.wait_connected = sock->wait;
    pthread_mutex_unlock(&sock->chr.lock);
}

/* --- client ----------------------------------------------------------------------------------- */

static int connect_to_path(struct socket *sock, struct vemu_error **err)
{
    int fd = vemu__unix_connect(sock->path, SOCK_STREAM, err);

    if (fd < 0)
        return fd;
    peer_start(sock, fd);
    return 0;
}

/* The attempt under way is over; its descriptor. */
static int pending_end(struct socket *sock)
{
    int fd = sock->pending;

    vemu__watch_free(sock->pending_watch);
    sock->pending_watch = NULL;
    sock->pending = -1;
    return fd;
}

static int pending_finish(struct socket *sock)
{
    int fd = pending_end(sock), r = vemu__inet_connected(fd);

    if (r < 0) {
        close(fd);
        return r;
    }
    vemu__inet_no_delay(fd);
    peer_start(sock, fd);
    return 0;
}

static void on_pending(void *data, uint32_t revents)
{
    struct socket *sock = data;

    if (pending_finish(sock) < 0)
        retry_later(sock);
}

/* Waits here unless there will be other attempts. */
static int connect_to_port(struct socket *sock, struct vemu_error **err)
{
    struct pollfd poll_fd = { .events = POLLOUT };
    int r;

    sock->pending = vemu__inet_connect(sock->host, sock->port, err);
    if (sock->pending < 0)
        return sock->pending;
    if (sock->reconnect) {
        sock->pending_watch =
            vemu__watch_new(sock->chr.vm->loop, sock->pending, POLLOUT, on_pending, sock);
        return 0;
    }
    poll_fd.fd = sock->pending;
    do
        r = poll(&poll_fd, 1, CONNECT_MS);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        close(pending_end(sock));
    r = r == 0 ? -ETIMEDOUT : pending_finish(sock);
    return r < 0 ? vemu__error_set(err, -r, "cannot connect to port %s of %s: %s", sock->port,
                                   sock->host && *sock->host ? sock->host : "the loopback",
                                   strerror(-r))
                 : 0;
}

static int dial(struct socket *sock, struct vemu_error **err)
{
    return sock->port ? connect_to_port(sock, err) : connect_to_path(sock, err);
}

static void on_retry(void *data)
{
    struct socket *sock = data;

    if (dial(sock, NULL) < 0)
        retry_later(sock);
}

static void retry_later(struct socket *sock)
{
    vemu__delay_free(sock->retry);
    sock->retry = NULL;
    if (sock->reconnect)
        sock->retry = vemu__delay_new(sock->chr.vm->loop, sock->reconnect * 1000, on_retry, sock);
}

/* --- both ------------------------------------------------------------------------------------- */

/* A descriptor that the application opened; it is ours from now on. */
static int use_fd(struct socket *sock, struct vemu_error **err)
{
    int fd = vemu__unix_use_fd(sock->fd, SOCK_STREAM, sock->server, err);

    if (fd < 0)
        return fd;
    if (sock->server) {
        sock->listener = fd;
        serve(sock);
    } else {
        peer_start(sock, fd);
    }
    vemu__chardev_set_filename(&sock->chr, "fd:%d%s", fd, sock->server ? ",server=on" : "");
    return 0;
}

static int listen_on_port(struct socket *sock, struct vemu_error **err)
{
    g_autofree char *name = NULL;
    int fd = vemu__inet_listen(sock->host, sock->port, &name, err);

    if (fd < 0)
        return fd;
    sock->listener = fd;
    serve(sock);
    vemu__chardev_set_filename(&sock->chr, "tcp:%s,server=on", name);
    return 0;
}

/* An address that cannot ever be one is an error, whatever is tried again. */
static int start_client(struct socket *sock, struct vemu_error **err)
{
    struct vemu_error *why = NULL;
    int r = dial(sock, &why);

    if (r < 0 && (!sock->reconnect || r == -ENAMETOOLONG || r == -EINVAL)) {
        vemu__error_set(err, -r, "%s", vemu_error_message(why));
        vemu_error_free(why);
        return r;
    }
    vemu_error_free(why);
    if (r < 0)
        retry_later(sock);
    return 0;
}

static int check(const struct socket *sock, struct vemu_error **err)
{
    if (sock->host && !sock->port)
        return vemu__error_set(err, EINVAL, "property 'host' needs 'port'");
    if (sock->port && (sock->path || sock->fd))
        return vemu__error_set(err, EINVAL, "'port' and '%s' exclude each other",
                               sock->path ? "path" : "fd");
    if (!sock->port && !sock->path == !sock->fd)
        return vemu__error_set(err, EINVAL,
                               sock->path ? "'path' and 'fd' exclude each other"
                                          : "property 'path' is missing");
    if (sock->reconnect && sock->server)
        return vemu__error_set(err, EINVAL, "property 'reconnect' is for clients, not server=on");
    if (sock->reconnect && sock->fd)
        return vemu__error_set(err, EINVAL, "property 'reconnect' needs 'path' or 'port'");
    if (sock->reconnect > 86400)
        return vemu__error_set(err, EINVAL, "property 'reconnect': more than a day");
    return 0;
}

static int socket_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct socket *sock = (struct socket *)chr;
    int r;

    sock->listener = sock->peer = sock->pending = -1;
    r = check(sock, err);
    if (r < 0)
        return r;
    if (sock->fd)
        return use_fd(sock, err);
    if (sock->port && sock->server)
        return listen_on_port(sock, err);
    if (sock->server) {
        r = sock->listener = vemu__unix_bind(sock->path, SOCK_STREAM, &sock->file, err);
        if (r < 0)
            return r;
        serve(sock);
    } else {
        r = start_client(sock, err);
        if (r < 0)
            return r;
    }
    if (sock->port)
        vemu__chardev_set_filename(chr, "tcp:%s:%s", sock->host ? sock->host : "", sock->port);
    else
        vemu__chardev_set_filename(chr, "unix:%s%s", sock->path, sock->server ? ",server=on" : "");
    return 0;
}

static void socket_close(struct vemu_chardev *chr)
{
    struct socket *sock = (struct socket *)chr;

    vemu__chardev_stream_drain(chr, chr->class_->drain_ms);
    peer_stop(sock);
    if (sock->pending >= 0)
        close(pending_end(sock));
    vemu__watch_free(sock->listen_watch);
    vemu__delay_free(sock->retry);
    sock->listen_watch = NULL;
    sock->retry = NULL;
    if (sock->path)
        vemu__unix_unbind(sock->path, &sock->file);
    if (sock->listener >= 0)
        close(sock->listener);
    sock->listener = -1;
}

static ssize_t socket_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    ssize_t n;

    do
        n = send(chr->out_fd, buf, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    return n;
}

/* What a client sends beyond the one descriptor is closed by us, beyond DESCRIPTORS_MAX by the
 * kernel. Unix sockets alone carry them. */
#define DESCRIPTORS_MAX 4
static ssize_t socket_read(struct vemu_chardev *chr, void *buf, size_t size, int *ret_fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { buf, size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (!ret_fd)
        return recv(chr->in_fd, buf, size, MSG_DONTWAIT);
    *ret_fd = -1;
    msg.msg_control = control.bytes;
    msg.msg_controllen = sizeof(control.bytes);
    n = recvmsg(chr->in_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            if (*ret_fd >= 0)
                close(*ret_fd);
            memcpy(ret_fd, CMSG_DATA(c) + at, sizeof(int));
        }
    }
    return n;
}

static const struct vemu_prop socket_props[] = {
    VEMU_PROP(struct socket, path, "path", STRING, NULL, "path of the Unix socket"),
    VEMU_PROP(struct socket, fd, "fd", STRING, NULL, "number of an open socket, instead of path"),
    VEMU_PROP(struct socket, host, "host", STRING, NULL,
              "TCP: numeric address, the loopback unless given"),
    VEMU_PROP(struct socket, port, "port", STRING, NULL, "TCP: port, instead of path"),
    VEMU_PROP(struct socket, server, "server", BOOL, "off", "listen instead of connecting"),
    VEMU_PROP(struct socket, wait, "wait", BOOL, "on",
              "server: adding the chardev waits for the first client"),
    VEMU_PROP(struct socket, reconnect, "reconnect", U32, "0",
              "client: seconds between attempts to connect, 0: one attempt"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_socket = {
    .base = {
        .name = "socket",
        .summary = "A Unix stream socket or a TCP socket, server or client",
        .instance_size = sizeof(struct socket),
        .props = socket_props,
    },
    .drain_ms = 200,
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .read = socket_read,
    .lost = socket_lost,
    .hung_up = socket_hung_up,
};
