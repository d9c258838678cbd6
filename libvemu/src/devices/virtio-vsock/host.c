/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's side of virtio-vsock: Unix sockets.
 *
 * A program that wants a port of the guest connects to the device's socket, writes "CONNECT port\n"
 * and reads "OK port\n", its own port; then the connection is the guest's. If the guest refuses,
 * the socket is closed. A guest that wants port P of the host gets what listens at PATH_P.
 *
 * Nothing is read from a socket that the guest has no room for, and the guest gets no more credit
 * than fits into a connection's buffer: who does not read makes the other side wait.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/property.h"
#include "core/vm.h"
#include "devices/virtio-vsock/vsock.h"

#define ASK_S      20u /* a guest has to answer a request */
#define IOV_PIECES 64u

/* --- connecting ------------------------------------------------------------------------------- */

static int socket_type(uint16_t type)
{
    return type == VIRTIO_VSOCK_TYPE_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM;
}

int vemu__vsock_dial(struct vsock *v, uint32_t port, uint16_t type)
{
    g_autofree char *path = g_strdup_printf("%s_%u", v->path, port);
    struct vemu_error *why = NULL;
    int fd = vemu__unix_connect(path, socket_type(type), &why);

    vemu_error_free(why); /* nobody listens: the guest hears it, and that is all */
    return fd;
}

/* A port nobody uses towards this one of the guest. */
static bool name_it(struct vsock_conn *c, uint32_t guest_port)
{
    struct vsock *v = c->vsock;

    for (unsigned i = 0; i <= VSOCK_CONNS; i++) {
        uint32_t port = v->next_port++;

        if (v->next_port >= 2 * VSOCK_PORT_FIRST)
            v->next_port = VSOCK_PORT_FIRST;
        if (vemu__vsock_conn_name(c, port, guest_port))
            return true;
    }
    return false;
}

/* The port of "CONNECT 1234\n". */
static bool parse_hello(const char *text, size_t size, uint32_t *ret_port)
{
    static const char word[] = "CONNECT ";
    const size_t length = sizeof(word) - 1;
    char number[VSOCK_HELLO_MAX] = { 0 };
    uint64_t port;

    if (size <= length + 1 || memcmp(text, word, length) != 0 || text[size - 1] != '\n')
        return false;
    memcpy(number, text + length, size - 1 - length);
    if (!g_ascii_isdigit(number[0]) || !vemu__parse_number(number, UINT32_MAX, &port))
        return false;
    *ret_port = (uint32_t)port;
    return true;
}

/* Takes the line out of the socket and nothing that follows it. 1: it is there; 0: not yet; -1: it
 * never will be. */
static int read_line(struct vsock_conn *c)
{
    char *at = c->hello + c->hello_used, *end;
    ssize_t n = recv(c->fd, at, sizeof(c->hello) - c->hello_used, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (n == 0)
        return -1;
    end = memchr(at, '\n', (size_t)n);
    if (vsock_has_messages(c) && end != at + n - 1) /* the line is a message */
        return -1;
    if (end)
        n = end + 1 - at;
    if (recv(c->fd, at, (size_t)n, MSG_DONTWAIT) != n)
        return -1;
    c->hello_used += (unsigned)n;
    return end ? 1 : c->hello_used < sizeof(c->hello) ? 0 : -1;
}

static void hear_hello(struct vsock_conn *c)
{
    uint32_t port;
    int r = read_line(c);

    if (r == 0)
        return;
    if (r < 0 || !parse_hello(c->hello, c->hello_used, &port) ||
        !vemu__virtio_live(&c->vsock->vdev) || !name_it(c, port)) {
        c->vsock->counters.refused++;
        vemu__vsock_conn_kill(c);
        return;
    }
    c->state = VSOCK_ASKING;
    vemu__vsock_conn_set_deadline(c, ASK_S);
    vemu__vsock_conn_say(c, VSOCK_SAY_REQUEST);
}

/* --- guest to socket -------------------------------------------------------------------------- */

static void append(struct vsock_conn *c, const void *data, uint32_t size)
{
    uint32_t room = VSOCK_BUF + VSOCK_HELLO_MAX;
    uint32_t at, first;

    if (!c->buf)
        c->buf = g_malloc(room);
    at = (c->buf_start + c->buf_used) % room;
    first = MIN(size, room - at);
    memcpy(c->buf + at, data, first);
    memcpy(c->buf, (const uint8_t *)data + first, size - first);
    c->buf_used += size;
}

void vemu__vsock_conn_forwarded(struct vsock_conn *c, uint32_t size)
{
    uint32_t own = MIN(c->own, size);

    c->own -= own;
    c->fwd_cnt += size - own;
    if (c->state == VSOCK_OPEN && c->fwd_cnt - c->fwd_told >= c->buf_alloc / 4)
        c->say |= VSOCK_SAY_CREDIT;
}

void vemu__vsock_conn_failed(struct vsock_conn *c)
{
    vemu__vsock_conn_forwarded(c, c->buf_used + c->pieces);
    vemu__vsock_message_drop(c);
    c->buf_used = 0;
    c->shut |= VIRTIO_VSOCK_SHUTDOWN_RCV;
}

/* After the last byte of a guest that will send no more. */
static void write_ended(struct vsock_conn *c)
{
    if (c->buf_used)
        return;
    if (c->state == VSOCK_LINGER) {
        vemu__vsock_conn_kill(c);
    } else if (c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_SEND && !c->shut_done) {
        c->shut_done = true;
        shutdown(c->fd, SHUT_WR);
    }
}

static void flush_bytes(struct vsock_conn *c)
{
    const uint32_t room = VSOCK_BUF + VSOCK_HELLO_MAX;

    while (c->buf_used) {
        uint32_t piece = MIN(c->buf_used, room - c->buf_start);
        ssize_t n = send(c->fd, c->buf + c->buf_start, piece, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                vemu__vsock_conn_failed(c);
            break;
        }
        c->buf_start = (c->buf_start + (uint32_t)n) % room;
        c->buf_used -= (uint32_t)n;
        vemu__vsock_conn_forwarded(c, (uint32_t)n);
        if (c->state == VSOCK_LINGER)
            vemu__vsock_conn_set_deadline(c, VSOCK_LINGER_S);
    }
    if (!c->buf_used && c->buf) { /* an idle connection holds no memory */
        g_clear_pointer(&c->buf, g_free);
        c->buf_start = 0;
    }
}

void vemu__vsock_conn_flush(struct vsock_conn *c)
{
    if (vsock_has_messages(c))
        vemu__vsock_message_flush(c);
    else
        flush_bytes(c);
    write_ended(c);
}

void vemu__vsock_conn_write(struct vsock_conn *c, const struct vemu_virtq_elem *elem, size_t offset,
                            uint32_t size)
{
    if (c->shut & VIRTIO_VSOCK_SHUTDOWN_RCV) {
        vemu__vsock_conn_forwarded(c, size);
        return;
    }
    /* As long as nothing waits, straight from the guest's memory. */
    for (unsigned i = 0; i < elem->out_count && size; i++) {
        const struct iovec *iov = &elem->out[i];
        const uint8_t *at;
        uint32_t piece;

        if (offset >= iov->iov_len) {
            offset -= iov->iov_len;
            continue;
        }
        at = (const uint8_t *)iov->iov_base + offset;
        piece = (uint32_t)MIN(size, iov->iov_len - offset);
        offset = 0;
        size -= piece;
        if (!c->buf_used) {
            ssize_t n = send(c->fd, at, piece, MSG_DONTWAIT | MSG_NOSIGNAL);

            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                vemu__vsock_conn_forwarded(c, piece + size);
                vemu__vsock_conn_failed(c);
                return;
            }
            n = MAX(n, 0);
            vemu__vsock_conn_forwarded(c, (uint32_t)n);
            at += n;
            piece -= (uint32_t)n;
        }
        if (piece)
            append(c, at, piece);
    }
}

void vemu__vsock_conn_greet(struct vsock_conn *c)
{
    char text[VSOCK_HELLO_MAX];
    int n = g_snprintf(text, sizeof(text), "OK %u\n", c->host_port);

    c->own = (uint32_t)n;
    if (vsock_has_messages(c))
        vemu__vsock_message_put(c, text, (uint32_t)n);
    else
        append(c, text, (uint32_t)n);
    vemu__vsock_conn_flush(c);
}

/* --- socket to guest -------------------------------------------------------------------------- */

void vemu__vsock_conn_ended(struct vsock_conn *c)
{
    struct pollfd pfd = { .fd = c->fd };

    c->shut |= VIRTIO_VSOCK_SHUTDOWN_SEND;

    /* A peer that closed its socket neither sends nor reads. */
    if (poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLHUP | POLLERR)) {
        c->hung_up = true;
        c->shut |= VSOCK_SHUT_ALL;
    }
}

uint32_t vemu__vsock_conn_read(struct vsock_conn *c, struct vemu_virtq_elem *elem, uint32_t limit)
{
    struct iovec iov[IOV_PIECES];
    struct msghdr msg = { .msg_iov = iov };
    size_t room = 0;
    ssize_t n;

    msg.msg_iovlen = vemu__virtq_slice(elem->in, elem->in_count, VSOCK_HDR, limit, iov, IOV_PIECES);
    for (size_t i = 0; i < msg.msg_iovlen; i++)
        room += iov[i].iov_len;
    do
        n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        c->readable = (size_t)n == room;
        return (uint32_t)n;
    }
    c->readable = false;
    if (n < 0 && errno == EAGAIN)
        return 0;
    vemu__vsock_conn_ended(c);
    return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

void vemu__vsock_on_conn(void *data, uint32_t revents)
{
    struct vsock_conn *c = data;
    struct vsock *v = c->vsock;
    pthread_mutex_t *lock = &v->vdev.dev->lock;

    pthread_mutex_lock(lock);
    if (c->state == VSOCK_HELLO) {
        hear_hello(c);
    } else if (c->state != VSOCK_DEAD) {
        if (revents & (POLLHUP | POLLERR)) {
            c->hung_up = true;
            /* What it sent before is read first; where nothing is, it is over at once. */
            if (c->state == VSOCK_OPEN && (c->shut & VIRTIO_VSOCK_SHUTDOWN_SEND ||
                                           c->guest_shut & VIRTIO_VSOCK_SHUTDOWN_RCV)) {
                c->shut |= VSOCK_SHUT_ALL;
                vemu__vsock_conn_failed(c);
            }
        }
        if (revents & (POLLIN | POLLHUP | POLLERR) && c->state == VSOCK_OPEN)
            c->readable = true;
        if (revents & (POLLOUT | POLLHUP | POLLERR) && c->state != VSOCK_ASKING)
            vemu__vsock_conn_flush(c);
        vemu__vsock_conn_update(c);
    }
    vemu__vsock_tell(v);
    vemu__vsock_tidy(v);
    pthread_mutex_unlock(lock);
}

static void stop_listening(struct vsock *v)
{
    v->listen_off = true;
    for (unsigned i = 0; i < VSOCK_LISTENERS; i++)
        if (v->listeners[i].watch)
            vemu__watch_set(v->listeners[i].watch, 0);
}

void vemu__vsock_on_listener(void *data, uint32_t revents)
{
    struct vsock_listener *listener = data;
    struct vsock *v = listener->vsock;
    pthread_mutex_t *lock = &v->vdev.dev->lock;
    struct vsock_conn *c;
    int fd;

    pthread_mutex_lock(lock);
    if (v->conns->len >= VSOCK_CONNS) { /* they wait in the backlog */
        stop_listening(v);
    } else {
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            c = vemu__vsock_conn_new(v, fd, listener->type, VSOCK_HELLO);
            vemu__vsock_conn_set_deadline(c, ASK_S);
            vemu__vsock_tidy(v);
        } else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            /* No descriptors or memory: once more in a moment, since poll(2) would not rest. */
            stop_listening(v);
            vemu__vsock_set_timer(v, vemu_clock_ns(v->vdev.dev->vm) + 1000000000);
        }
    }
    pthread_mutex_unlock(lock);
}

void vemu__vsock_on_kick(void *data, uint32_t revents)
{
    struct vsock *v = data;
    pthread_mutex_t *lock = &v->vdev.dev->lock;
    uint64_t count;
    ssize_t n = read(v->kick, &count, sizeof(count));

    (void)n; /* what it counts is of no interest */
    pthread_mutex_lock(lock);
    vemu__vsock_hear(v);
    vemu__vsock_tell(v);
    vemu__vsock_tidy(v);
    pthread_mutex_unlock(lock);
}
