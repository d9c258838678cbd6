/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP sockets by numeric address. No resolver: it would need threads' stacks, files and plugins
 * that a statically linked program does not have.
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

int vemu__inet_listen(const char *host, const char *port, char **ret_name, struct vemu_error **err)
{
    const int on = 1;
    union address address;
    socklen_t size = 0;
    int fd, r = address_parse(host, port, &address, &size, err);

    if (r < 0)
        return r;
    fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vemu__error_set(err, errno, "cannot make a socket: %s", strerror(errno));
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

void vemu__inet_no_delay(int fd)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}
