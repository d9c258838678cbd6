/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A management server that says what a test wants, for what clients must survive.
 */
#ifndef TESTS_VMGR_FAKE_SERVER_H
#define TESTS_VMGR_FAKE_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

enum { CALL, REPLY, MESSAGE, STREAM, CALL_FDS, REPLY_FDS, HOLE };
enum { STATUS_OK, STATUS_ERROR, STATUS_CONTINUE };
enum {
    P_OPEN = 1,
    P_CLOSE = 2,
    P_GET_TYPE = 3,
    P_LOOKUP_BY_NAME = 23,
    P_NETWORK_LOOKUP_BY_NAME = 46,
    P_GET_HOSTNAME = 59,
    P_FEATURE = 60,
    P_AUTH_LIST = 66,
    P_VOL_LOOKUP_BY_PATH = 97,
    P_IS_PERSISTENT = 151,
    P_OPEN_CONSOLE = 201,
    P_VOL_UPLOAD = 208,
    P_VOL_DOWNLOAD = 209,
    P_LIST_ALL = 273,
    P_GET_SECURITY_LABEL_LIST = 278,
    P_NETWORK_UPDATE = 291,
    P_NETWORK_REGISTER_ANY = 313,
    P_NETWORK_EVENT = 315,
    P_REGISTER_ANY = 316,
    P_EVENT_LIFECYCLE = 318,
    P_GET_ALL_STATS = 344,
    P_EVENT_DEVICE_ADDED = 354,
    P_POOL_REGISTER_ANY = 368,
    P_POOL_EVENT = 370,
    P_POOL_EVENT_REFRESH = 373,
};
#define REMOTE_PROGRAM    0x20008086u
#define KEEPALIVE_PROGRAM 0x6b656570u

struct packet {
    uint32_t program, version;
    int32_t procedure, type;
    uint32_t serial;
    int32_t status;
    size_t size;
    unsigned char payload[65536];
};

struct fake {
    char dir[64], path[100], uri[200];
    int listen_fd;
    int features; /* what FEATURE calls are answered */
    bool asked;   /* what a test of its own wants to know */
    pthread_t thread;
    void (*serve)(struct fake *f, int fd);
};

static inline bool take_bytes(int fd, void *to, size_t n)
{
    for (size_t got = 0; got < n;) {
        const ssize_t r = recv(fd, (char *)to + got, n - got, 0);

        if (r <= 0)
            return false;
        got += (size_t)r;
    }
    return true;
}

/* False: the client is gone. */
static inline bool take(int fd, struct packet *p)
{
    uint32_t words[7];

    if (!take_bytes(fd, words, sizeof(words)))
        return false;
    for (int i = 0; i < 7; i++)
        words[i] = ntohl(words[i]);
    p->program = words[1];
    p->version = words[2];
    p->procedure = (int32_t)words[3];
    p->type = (int32_t)words[4];
    p->serial = words[5];
    p->status = (int32_t)words[6];
    p->size = words[0] - sizeof(words);
    return p->size <= sizeof(p->payload) && take_bytes(fd, p->payload, p->size);
}

static inline void put_bytes(int fd, const void *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t r = send(fd, bytes, n, MSG_NOSIGNAL);

        if (r <= 0)
            return;
        bytes = (const char *)bytes + r;
        n -= (size_t)r;
    }
}

static inline void put(int fd, uint32_t program, int procedure, int type, uint32_t serial,
                       int status, const void *payload, size_t size)
{
    uint32_t words[7] = { (uint32_t)(28 + size), program,        1,
                          (uint32_t)procedure,   (uint32_t)type, serial,
                          (uint32_t)status };

    for (int i = 0; i < 7; i++)
        words[i] = htonl(words[i]);
    put_bytes(fd, words, sizeof(words));
    put_bytes(fd, payload, size);
}

static inline void answer(int fd, const struct packet *p, int status, const void *payload,
                          size_t size)
{
    put(fd, p->program, p->procedure, REPLY, p->serial, status, payload, size);
}

static inline void answer_words(int fd, const struct packet *p, const uint32_t *words, size_t n)
{
    uint32_t swapped[64];

    for (size_t i = 0; i < n; i++)
        swapped[i] = htonl(words[i]);
    answer(fd, p, STATUS_OK, swapped, n * 4);
}

/* Answers what opens a connection; true with the first call that does not. */
static inline bool take_opened(struct fake *f, int fd, struct packet *p)
{
    while (take(fd, p)) {
        if (p->type == MESSAGE)
            continue;
        if (p->procedure == P_AUTH_LIST)
            answer_words(fd, p, (uint32_t[]){ 1, 0 }, 2);
        else if (p->procedure == P_FEATURE)
            answer_words(fd, p, (uint32_t[]){ (uint32_t)f->features }, 1);
        else if (p->procedure == P_OPEN || p->procedure == P_CLOSE)
            answer(fd, p, STATUS_OK, NULL, 0);
        else
            return true;
    }
    return false;
}

static inline void *fake_thread(void *data)
{
    struct fake *f = data;
    const int fd = accept(f->listen_fd, NULL, NULL);

    if (fd >= 0) {
        f->serve(f, fd);
        close(fd);
    }
    return NULL;
}

static inline void fake_start(struct fake *f, void (*serve)(struct fake *f, int fd))
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    memset(f, 0, sizeof(*f));
    strcpy(f->dir, "/tmp/vmgr-remote-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
    snprintf(f->uri, sizeof(f->uri), "test+unix:///default?socket=%s", f->path);
    strcpy(addr.sun_path, f->path);
    f->listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(f->listen_fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    ck_assert_int_eq(listen(f->listen_fd, 5), 0);
    f->features = 1;
    f->serve = serve;
    ck_assert_int_eq(pthread_create(&f->thread, NULL, fake_thread, f), 0);
}

/* Waits until it has served. */
static inline void fake_join(struct fake *f)
{
    pthread_join(f->thread, NULL);
}

static inline void fake_remove(struct fake *f)
{
    close(f->listen_fd);
    unlink(f->path);
    rmdir(f->dir);
}

static inline void fake_end(struct fake *f)
{
    fake_join(f);
    fake_remove(f);
}

/* ---- the one of a test, and a connection to it ---- */

static struct fake fake;

static inline struct vmgr_conn *open_fake(void (*serve)(struct fake *f, int fd))
{
    struct vmgr_conn *conn = NULL;

    fake_start(&fake, serve);
    OK(vmgr_conn_open(fake.uri, 0, &conn, &err));
    return conn;
}

static inline void close_fake(struct vmgr_conn *conn)
{
    vmgr_conn_unref(conn);
    fake_end(&fake);
}

/* The call fails with a sentence that has `part` in it. */
#define FAILS_WITH(call, part)                                                                     \
    do {                                                                                           \
        struct vmgr_error *err = NULL;                                                             \
        ck_assert_int_eq((call), -1);                                                              \
        ck_assert_ptr_nonnull(err);                                                                \
        ck_assert_msg(strstr(vmgr_error_get_message(err), part) != NULL, "'%s' in '%s'", part,     \
                      vmgr_error_get_message(err));                                                \
        vmgr_error_free(err);                                                                      \
    } while (0)

#endif
