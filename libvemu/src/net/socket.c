/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * -netdev socket: frames to another process over a Unix socket, TCP or UDP.
 *
 * A stream carries them as QEMU's "stream" netdev and passt do, so that two machines, or a machine
 * and a network in another program, can be joined. A server takes one peer at a time; further ones
 * wait in the backlog. With reconnect=N a client comes back. Without a peer the link is down.
 *
 * A datagram is a frame. It needs the path of each side; the peer may come later and go, and the
 * link is always up. So it is with UDP, which needs both addresses; nobody else is listened to.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/inet-socket.h"
#include "core/unix-socket.h"
#include "core/vm.h"
#include "net/packet.h"
#include "net/stream.h"

struct net_socket {
    struct vemu_net net;
    char *type, *path, *local, *fd;
    char *listen, *connect, *udp, *localaddr; /* HOST:PORT */
    bool server;
    uint32_t reconnect;

    bool dgram;
    struct vemu_net_stream stream;
    struct vemu_net_packet packet;
    bool joined; /* dgram: connected to the peer's socket */
    int listener;
    struct vemu_watch *listen_watch;
    struct vemu_delay *retry;
    int pending; /* a connection that is under way; -1: none */
    struct vemu_watch *pending_watch;
    struct vemu_unix_file file;
};

static struct net_socket *socket_of(struct vemu_net *net)
{
    return (struct net_socket *)net;
}

/* --- addresses -------------------------------------------------------------------------------- */

/* "127.0.0.1:80", "[::1]:80", ":80"; both for g_free(). */
static int split(const char *prop, const char *text, char **ret_host, char **ret_port,
                 struct vemu_error **err)
{
    const char *colon = strrchr(text, ':'), *from = text, *to = colon;

    if (!colon)
        return vemu__error_set(err, EINVAL, "property '%s': '%s' is not HOST:PORT", prop, text);
    if (*from == '[' && to > from + 1 && to[-1] == ']') {
        from++;
        to--;
    }
    *ret_host = g_strndup(from, (gsize)(to - from));
    *ret_port = g_strdup(colon + 1);
    return 0;
}

/* --- server ----------------------------------------------------------------------------------- */

static void on_listen_again(void *data)
{
    struct net_socket *sock = data;

    if (sock->stream.fd < 0)
        vemu__watch_set(sock->listen_watch, POLLIN);
}

static void on_listener(void *data, uint32_t revents)
{
    struct net_socket *sock = data;
    int fd = accept4(sock->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
        return;
    vemu__watch_set(sock->listen_watch, 0);
    if (fd >= 0) {
        if (sock->listen)
            vemu__inet_no_delay(fd);
        vemu__net_stream_start(&sock->stream, fd);
        return;
    }
    /* No descriptors or memory: the peer stays in the backlog, and poll(2) would not rest. */
    vemu__delay_free(sock->retry);
    sock->retry = vemu__delay_new(sock->net.vm->loop, 1000, on_listen_again, sock);
}

static void serve(struct net_socket *sock)
{
    sock->listen_watch =
        vemu__watch_new(sock->net.vm->loop, sock->listener, POLLIN, on_listener, sock);
}

/* As QEMU: without a host at all of this host's addresses. */
static int listen_inet(const struct net_socket *sock, struct vemu_error **err)
{
    g_autofree char *host = NULL, *port = NULL, *name = NULL;
    int r = split("listen", sock->listen, &host, &port, err);

    return r < 0 ? r : vemu__inet_listen(*host ? host : "0.0.0.0", port, &name, err);
}

/* --- client ----------------------------------------------------------------------------------- */

static void retry_later(struct net_socket *sock);

static void end_pending(struct net_socket *sock)
{
    vemu__watch_free(sock->pending_watch);
    sock->pending_watch = NULL;
    sock->pending = -1;
}

static void on_pending(void *data, uint32_t revents)
{
    struct net_socket *sock = data;
    int fd = sock->pending, r = vemu__inet_connected(fd);

    end_pending(sock);
    if (r == 0) {
        vemu__inet_no_delay(fd);
        vemu__net_stream_start(&sock->stream, fd);
        return;
    }
    close(fd);
    vemu_vm_log(sock->net.vm, sock->reconnect ? VEMU_LOG_INFO : VEMU_LOG_WARNING,
                "netdev '%s': cannot connect to %s: %s", sock->net.id, sock->connect, strerror(-r));
    if (sock->reconnect)
        retry_later(sock);
}

static int join_inet(struct net_socket *sock, struct vemu_error **err)
{
    g_autofree char *host = NULL, *port = NULL;
    int r = split("connect", sock->connect, &host, &port, err);

    if (r >= 0)
        r = vemu__inet_connect(host, port, err);
    if (r < 0)
        return r;
    sock->pending = r;
    sock->pending_watch = vemu__watch_new(sock->net.vm->loop, r, POLLOUT, on_pending, sock);
    return 0;
}

static int join(struct net_socket *sock, struct vemu_error **err)
{
    int fd;

    if (sock->connect)
        return join_inet(sock, err);
    fd = vemu__unix_connect(sock->path, SOCK_STREAM, err);
    if (fd < 0)
        return fd;
    vemu__net_stream_start(&sock->stream, fd);
    return 0;
}

static void on_retry(void *data)
{
    struct net_socket *sock = data;

    if (join(sock, NULL) < 0)
        retry_later(sock);
}

static void retry_later(struct net_socket *sock)
{
    vemu__delay_free(sock->retry);
    sock->retry = vemu__delay_new(sock->net.vm->loop, sock->reconnect * 1000, on_retry, sock);
}

static void socket_lost(struct vemu_net *net, const char *why)
{
    struct net_socket *sock = socket_of(net);

    vemu_vm_log(net->vm, VEMU_LOG_INFO, "netdev '%s': %s", net->id, why);
    if (sock->listen_watch)
        vemu__watch_set(sock->listen_watch, POLLIN);
    else if (sock->reconnect)
        retry_later(sock);
}

/* --- datagrams -------------------------------------------------------------------------------- */

static int open_udp(const struct net_socket *sock, struct vemu_error **err)
{
    g_autofree char *host = NULL, *port = NULL, *own_host = NULL, *own_port = NULL;
    int r = split("udp", sock->udp, &host, &port, err);

    if (r == 0)
        r = split("localaddr", sock->localaddr, &own_host, &own_port, err);
    return r < 0 ? r : vemu__inet_udp(host, port, own_host, own_port, err);
}

static int open_dgram(struct net_socket *sock, struct vemu_error **err)
{
    int fd = sock->udp  ? open_udp(sock, err)
             : sock->fd ? vemu__unix_use_fd(sock->fd, SOCK_DGRAM, false, err)
                        : vemu__unix_bind(sock->local, SOCK_DGRAM, &sock->file, err);

    if (fd < 0)
        return fd;
    sock->packet.fd = fd;
    sock->joined = !sock->path;
    vemu__net_packet_start(&sock->packet);
    vemu__net_set_connected(&sock->net, true);
    return 0;
}

/* The socket is connected because only then poll(2) says when the peer has room. */
static int send_dgram(struct net_socket *sock, const struct vemu_net_frame *frame)
{
    int r;

    if (!sock->joined) {
        r = vemu__unix_connect_fd(sock->packet.fd, sock->path, NULL);
        if (r < 0)
            return r;
        sock->joined = true;
    }
    r = vemu__net_packet_send(&sock->packet, frame);
    if (r == -ECONNREFUSED || r == -ENOTCONN)
        sock->joined = !sock->path;
    return r;
}

/* --- class ------------------------------------------------------------------------------------ */

/* One of them says where the other side is. */
static int check_place(const struct net_socket *sock, struct vemu_error **err)
{
    const struct {
        const char *prop, *value;
    } places[] = { { "path", sock->path },
                   { "fd", sock->fd },
                   { "listen", sock->listen },
                   { "connect", sock->connect },
                   { "udp", sock->udp } };
    const char *found = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        if (places[i].value && found)
            return vemu__error_set(err, EINVAL, "'%s' and '%s' exclude each other", found,
                                   places[i].prop);
        if (places[i].value)
            found = places[i].prop;
    }
    if (!found)
        return vemu__error_set(err, EINVAL, "none of path=, fd=, listen=, connect=, udp= is given");
    return 0;
}

static int check_inet(const struct net_socket *sock, struct vemu_error **err)
{
    if (sock->server || sock->local)
        return vemu__error_set(err, EINVAL, "property '%s' is for sockets with a path",
                               sock->server ? "server" : "local");
    if (sock->dgram && !sock->udp)
        return vemu__error_set(err, EINVAL, "property '%s' is for type=stream",
                               sock->listen ? "listen" : "connect");
    if (!sock->localaddr != !sock->udp)
        return vemu__error_set(err, EINVAL,
                               sock->udp ? "property 'localaddr' is missing"
                                         : "property 'localaddr' is for udp");
    if (sock->reconnect && !sock->connect)
        return vemu__error_set(err, EINVAL, "property 'reconnect' is for clients");
    return 0;
}

static int check(struct net_socket *sock, struct vemu_error **err)
{
    sock->dgram = strcmp(sock->type, "dgram") == 0;
    if (!sock->dgram && strcmp(sock->type, "stream") != 0)
        return vemu__error_set(err, EINVAL, "type '%s' is neither stream nor dgram", sock->type);
    if (sock->reconnect > 86400)
        return vemu__error_set(err, EINVAL, "property 'reconnect': more than a day");
    if (check_place(sock, err) < 0)
        return -EINVAL;
    if (sock->localaddr || (!sock->path && !sock->fd)) {
        int r = check_inet(sock, err);

        sock->dgram = sock->udp;
        return r;
    }
    if (sock->dgram && (sock->server || sock->reconnect))
        return vemu__error_set(err, EINVAL, "property '%s' is for type=stream",
                               sock->server ? "server" : "reconnect");
    if (!sock->local != (!sock->dgram || sock->fd))
        return vemu__error_set(err, EINVAL,
                               sock->local ? "property 'local' is for type=dgram with path"
                                           : "type=dgram: property 'local' is missing");
    if (sock->reconnect && (sock->server || sock->fd))
        return vemu__error_set(err, EINVAL, "property 'reconnect' is for clients with a path");
    return 0;
}

static int open_client(struct net_socket *sock, struct vemu_error **err)
{
    struct vemu_error *why = NULL;
    int r = join(sock, &why);

    if (r < 0 && (!sock->reconnect || r == -ENAMETOOLONG)) {
        vemu__error_set(err, -r, "%s", vemu_error_message(why));
    } else if (r < 0) {
        retry_later(sock);
        r = 0;
    }
    vemu_error_free(why);
    return r;
}

static int socket_open(struct vemu_net *net, struct vemu_error **err)
{
    struct net_socket *sock = socket_of(net);
    int r = check(sock, err);

    sock->listener = sock->packet.fd = sock->stream.fd = sock->pending = -1;
    sock->stream.net = sock->packet.net = net;
    sock->stream.lost = socket_lost;
    sock->packet.is_socket = true;
    if (r < 0)
        return r;
    if (sock->dgram)
        return open_dgram(sock, err);
    if (!sock->server && !sock->fd && !sock->listen)
        return open_client(sock, err);
    r = sock->listen ? listen_inet(sock, err)
        : sock->fd   ? vemu__unix_use_fd(sock->fd, SOCK_STREAM, sock->server, err)
                     : vemu__unix_bind(sock->path, SOCK_STREAM, &sock->file, err);
    if (r < 0)
        return r;
    if (sock->server || sock->listen) {
        sock->listener = r;
        serve(sock);
    } else {
        vemu__net_stream_start(&sock->stream, r);
    }
    return 0;
}

static void socket_close(struct vemu_net *net)
{
    struct net_socket *sock = socket_of(net);

    vemu__delay_free(sock->retry);
    vemu__watch_free(sock->listen_watch);
    if (sock->pending >= 0)
        close(sock->pending);
    end_pending(sock);
    vemu__net_stream_stop(&sock->stream);
    vemu__net_packet_stop(&sock->packet);
    if (sock->listener >= 0)
        close(sock->listener);
    if (sock->packet.fd >= 0)
        close(sock->packet.fd);
    if (sock->dgram ? sock->local : sock->path)
        vemu__unix_unbind(sock->dgram ? sock->local : sock->path, &sock->file);
}

static int socket_send(struct vemu_net *net, unsigned queue, const struct vemu_net_frame *frame)
{
    struct net_socket *sock = socket_of(net);

    return sock->dgram ? send_dgram(sock, frame) : vemu__net_stream_send(&sock->stream, frame);
}

static void socket_ready(struct vemu_net *net, unsigned queue)
{
    struct net_socket *sock = socket_of(net);

    if (sock->dgram)
        vemu__net_packet_ready(&sock->packet);
    else
        vemu__net_stream_ready(&sock->stream);
}

static const struct vemu_prop socket_props[] = {
    VEMU_PROP(struct net_socket, type, "type", STRING, "stream", "stream or dgram"),
    VEMU_PROP(struct net_socket, path, "path", STRING, NULL,
              "path of the socket; type=dgram: of the peer's"),
    VEMU_PROP(struct net_socket, local, "local", STRING, NULL, "type=dgram: path of our socket"),
    VEMU_PROP(struct net_socket, fd, "fd", STRING, NULL,
              "number of an open socket, instead of path"),
    VEMU_PROP(struct net_socket, listen, "listen", STRING, NULL,
              "HOST:PORT of this host, instead of path: a TCP server; without HOST: all addresses"),
    VEMU_PROP(struct net_socket, connect, "connect", STRING, NULL,
              "HOST:PORT, instead of path: a TCP client"),
    VEMU_PROP(struct net_socket, udp, "udp", STRING, NULL,
              "HOST:PORT of the peer, instead of path: UDP"),
    VEMU_PROP(struct net_socket, localaddr, "localaddr", STRING, NULL,
              "udp: HOST:PORT of this host; without HOST: any address"),
    VEMU_PROP(struct net_socket, server, "server", BOOL, "off", "listen instead of connecting"),
    VEMU_PROP(struct net_socket, reconnect, "reconnect", U32, "0",
              "client: seconds between attempts to connect, 0: one attempt"),
    VEMU_PROP_END,
};

const struct vemu_net_class vemu__net_socket = {
    .base = {
        .name = "socket",
        .summary = "Another process, over a Unix socket (stream or datagrams), TCP or UDP",
        .instance_size = sizeof(struct net_socket),
        .props = socket_props,
    },
    .open = socket_open,
    .close = socket_close,
    .send = socket_send,
    .ready = socket_ready,
};
