/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other side of an NBD connection, byte by byte, for tests of client and server.
 */
#ifndef TESTS_VEMU_NBD_PEER_H
#define TESTS_VEMU_NBD_PEER_H

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vemu/image.h>
#include <vemu/nbd.h>

#include "../core/test-main.h"
#include "image/nbd/proto.h"

static inline void put(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* the other side has seen enough */
        at += n;
        size -= (size_t)n;
    }
}

/* False: the connection has ended. */
static inline bool get(int fd, void *data, size_t size)
{
    uint8_t *at = data;

    while (size) {
        ssize_t n = recv(fd, at, size, 0);

        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static inline void put16(int fd, uint32_t value)
{
    uint8_t data[2];

    be_put16(data, value);
    put(fd, data, sizeof(data));
}

static inline void put32(int fd, uint32_t value)
{
    uint8_t data[4];

    be_put32(data, value);
    put(fd, data, sizeof(data));
}

static inline void put64(int fd, uint64_t value)
{
    uint8_t data[8];

    be_put64(data, value);
    put(fd, data, sizeof(data));
}

/* A new path below /tmp. */
static inline char *socket_path(void)
{
    static int count;

    return g_strdup_printf("/tmp/vemu-nbd-test-%d-%d.sock", (int)getpid(), count++);
}

static inline int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    unlink(path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

static inline int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

#endif
