/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP and UDP sockets by numeric address. No resolver: it would need threads' stacks, files and
 * plugins that a statically linked program does not have.
 */
#include "core/inet-socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int address_parse(const char *host, const char *port, union address *ret, socklen_t *size,
                         struct vemu_error **err)
{
    guint64 number;

    if (!host || !*host || !strcmp(host, "localhost"))
        host = "127.0.0.1";
    if (!g_ascii_string_to_unsigned(port, 10, 0, 65535, &number, NULL))
        return vemu__error_set(err, EINVAL, "'%s' is not a port number", port);
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons((uint16_t)number);
        *size = sizeof(ret->v4);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons((uint16_t)number);
        *size = sizeof(ret->v6);
        return 0;
    }
    return vemu__error_set(err, EINVAL, "'%s' is not a numeric address or localhost", host);
}

static char *address_name(int fd)
{
    union address address = { 0 };
    socklen_t size = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "";

    if (getsockname(fd, &address.any, &size) < 0)
        return g_strdup("");
    if (address.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof(host));
        return g_strdup_printf("[%s]:%u", host, ntohs(address.v6.sin6_port));
    }
    inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof(host));
    return g_strdup_printf("%s:%u", host, ntohs(address.v4.sin_port));
}

/* A socket of the address's family. */
static int make_socket(const char *host, const char *port, union address *ret, socklen_t *ret_size,
                       struct vemu_error **err)
{
    int fd, r = address_parse(host, port, ret, ret_size, err);

    if (r < 0)
        return r;
    fd = socket(ret->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? vemu__error_set(err, errno, "cannot make a socket: %s", strerror(errno)) : fd;
}

int vemu__inet_listen(const char *host, const char *port, char **ret_name, struct vemu_error **err)
{
    const int on = 1;
    union address address;
    socklen_t size = 0;
    int r, fd = make_socket(host, port, &address, &size, err);

    if (fd < 0)
        return fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, &address.any, size) < 0 || listen(fd, 1) < 0) {
        r = vemu__error_set(err, errno, "cannot listen on port %s of %s: %s", port,
                            host && *host ? host : "the loopback", strerror(errno));
        close(fd);
        return r;
    }
    *ret_name = address_name(fd);
    return fd;
}

int vemu__inet_connect(const char *host, const char *port, struct vemu_error **err)
{
    union address address;
    socklen_t size = 0;
    int r, fd = make_socket(host, port, &address, &size, err);

    if (fd < 0)
        return fd;
    if (connect(fd, &address.any, size) < 0 && errno != EINPROGRESS) {
        r = vemu__error_set(err, errno, "cannot connect to port %s of %s: %s", port,
                            host && *host ? host : "the loopback", strerror(errno));
        close(fd);
        return r;
    }
    return fd;
}

int vemu__inet_connected(int fd)
{
    socklen_t size = sizeof(int);
    int error = 0;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -errno : -error;
}

/* The address that stands for all of a family. */
static const char *any_of(const union address *like)
{
    return like->any.sa_family == AF_INET6 ? "::" : "0.0.0.0";
}

int vemu__inet_udp(const char *host, const char *port, const char *local_host,
                   const char *local_port, struct vemu_error **err)
{
    union address peer, own;
    socklen_t peer_size = 0, own_size = 0;
    int fd, r = address_parse(host, port, &peer, &peer_size, err);

    if (r == 0)
        r = address_parse(local_host && *local_host ? local_host : any_of(&peer),
                          local_port ? local_port : "0", &own, &own_size, err);
    if (r < 0)
        return r;
    if (own.any.sa_family != peer.any.sa_family)
        return vemu__error_set(err, EINVAL, "'%s' and '%s' are of different families", host,
                               local_host);
    fd = socket(peer.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vemu__error_set(err, errno, "cannot make a socket: %s", strerror(errno));
    if (bind(fd, &own.any, own_size) < 0)
        r = vemu__error_set(err, errno, "cannot use port %s: %s", local_port ? local_port : "0",
                            strerror(errno));
    else if (connect(fd, &peer.any, peer_size) < 0)
        r = vemu__error_set(err, errno, "cannot reach port %s of %s: %s", port,
                            host && *host ? host : "the loopback", strerror(errno));
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

void vemu__inet_no_delay(int fd)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}
