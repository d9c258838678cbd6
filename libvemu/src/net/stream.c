/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames over a stream socket.
 *
 * A frame that the socket takes in part is sent; the rest is kept, and the next frame waits until
 * it has gone. Input is read in large pieces and cut into frames; while the front end has no room
 * nothing is read, and the peer's writes find the socket full.
 */
#include "net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/vm.h"

#define PREFIX   4u
#define IN_SIZE  (256u << 10)
#define OUT_SIZE (VEMU_NET_FRAME_MAX + PREFIX)
#define TURN     4u /* reads; other descriptors want theirs */

static void update(struct vemu_net_stream *s)
{
    if (s->watch)
        vemu__watch_set(s->watch, (s->held ? 0u : (uint32_t)POLLIN) |
                                      (s->wants_room || s->out_to ? (uint32_t)POLLOUT : 0u));
}

/* --- input ------------------------------------------------------------------------------------ */

/* Delivers the frames that are complete. False: what follows is no frame. */
static bool deliver(struct vemu_net_stream *s)
{
    static const struct virtio_net_hdr_v1 hdr;

    s->held = false;
    while (s->in_to - s->in_from >= PREFIX) {
        uint8_t *at = s->in + s->in_from;
        uint32_t size;
        struct iovec iov;
        struct vemu_net_frame frame;

        memcpy(&size, at, PREFIX);
        size = ntohl(size);
        if (size > VEMU_NET_FRAME_MAX)
            return false;
        if (s->in_to - s->in_from - PREFIX < size)
            break;
        iov = (struct iovec){ at + PREFIX, size };
        frame = (struct vemu_net_frame){ &hdr, &iov, 1, size };
        if (size && !vemu__net_receive(s->net, 0, &frame)) {
            s->held = true;
            return true;
        }
        s->in_from += PREFIX + size;
    }
    s->in_to -= s->in_from;
    memmove(s->in, s->in + s->in_from, s->in_to);
    s->in_from = 0;
    return true;
}

/* NULL, or why the stream is at its end. */
static const char *read_turn(struct vemu_net_stream *s)
{
    for (unsigned i = 0; i < TURN && !s->held; i++) {
        size_t room = IN_SIZE - s->in_to;
        ssize_t n = read(s->fd, s->in + s->in_to, room);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? NULL : strerror(errno);
        if (n == 0)
            return "the peer has closed the connection";
        s->in_to += (size_t)n;
        if (!deliver(s))
            return "the peer sent a frame that is too long";
        if ((size_t)n < room)
            break;
    }
    return NULL;
}

/* --- output ----------------------------------------------------------------------------------- */

static ssize_t send_some(struct vemu_net_stream *s, struct iovec *iov, unsigned count)
{
    const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
    ssize_t n;

    do
        n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : -errno;
    return n;
}

static void keep_rest(struct vemu_net_stream *s, const struct iovec *iov, unsigned count,
                      size_t sent)
{
    s->out_from = s->out_to = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t skip = MIN(sent, iov[i].iov_len);

        memcpy(s->out + s->out_to, (const uint8_t *)iov[i].iov_base + skip, iov[i].iov_len - skip);
        s->out_to += iov[i].iov_len - skip;
        sent -= skip;
    }
}

int vemu__net_stream_send(struct vemu_net_stream *s, const struct vemu_net_frame *frame)
{
    struct iovec iov[VEMU_NET_IOV_MAX + 1];
    uint32_t prefix = htonl((uint32_t)frame->size);
    ssize_t n = 0;

    if (s->fd < 0)
        return -ENOTCONN;
    if (frame->size > VEMU_NET_FRAME_MAX)
        return -EMSGSIZE;
    if (!s->out_to) {
        iov[0] = (struct iovec){ &prefix, PREFIX };
        memcpy(iov + 1, frame->iov, frame->count * sizeof(*iov));
        n = send_some(s, iov, frame->count + 1);
        if (n < 0)
            return (int)n;
    }
    if (n == 0) {
        s->wants_room = true;
        update(s);
        return 0;
    }
    if ((size_t)n < PREFIX + frame->size) {
        keep_rest(s, iov, frame->count + 1, (size_t)n);
        update(s);
    }
    return 1;
}

/* False: the peer is gone. */
static bool flush(struct vemu_net_stream *s)
{
    struct iovec rest = { s->out + s->out_from, s->out_to - s->out_from };
    ssize_t n = s->out_to ? send_some(s, &rest, 1) : 0;

    if (n < 0)
        return false;
    s->out_from += (size_t)n;
    if (s->out_from < s->out_to)
        return true;
    s->out_from = s->out_to = 0;
    if (s->wants_room) {
        s->wants_room = false;
        vemu__net_writable(s->net, 0);
    }
    return true;
}

/* --- both ------------------------------------------------------------------------------------- */

static void on_fd(void *data, uint32_t revents)
{
    struct vemu_net_stream *s = data;
    struct vemu_net *net = s->net;
    const char *why = NULL;

    vemu__net_enter(net);
    if (!s->held && revents & ~(uint32_t)POLLOUT) {
        why = read_turn(s);
        vemu__net_received(net, 0);
    }
    if (!why && revents & (POLLOUT | POLLERR | POLLHUP) && !flush(s))
        why = "the peer has closed the connection";
    if (why)
        vemu__net_stream_stop(s);
    update(s);
    vemu__net_leave(net);
    if (why)
        s->lost(net, why);
}

static void on_ready(void *data)
{
    struct vemu_net_stream *s = data;
    struct vemu_net *net = s->net;
    bool ok = true;

    vemu__net_enter(net);
    s->posted = false;
    if (s->held && s->fd >= 0) {
        ok = deliver(s);
        vemu__net_received(net, 0);
    }
    if (!ok)
        vemu__net_stream_stop(s);
    update(s);
    vemu__net_leave(net);
    if (!ok)
        s->lost(net, "the peer sent a frame that is too long");
}

void vemu__net_stream_ready(struct vemu_net_stream *s)
{
    if (!s->held || s->posted)
        return;
    s->posted = true;
    vemu__loop_post(s->net->vm->loop, on_ready, s, NULL);
}

void vemu__net_stream_start(struct vemu_net_stream *s, int fd)
{
    vemu__net_enter(s->net);
    s->fd = fd;
    s->in = g_malloc(IN_SIZE);
    s->out = g_malloc(OUT_SIZE);
    s->in_from = s->in_to = s->out_from = s->out_to = 0;
    s->held = s->wants_room = false;
    s->watch = vemu__watch_new(s->net->vm->loop, fd, POLLIN, on_fd, s);
    vemu__net_set_connected(s->net, true);
    vemu__net_leave(s->net);
}

void vemu__net_stream_stop(struct vemu_net_stream *s)
{
    if (s->fd < 0)
        return;
    vemu__watch_free(s->watch);
    s->watch = NULL;
    close(s->fd);
    s->fd = -1;
    s->held = false;
    g_clear_pointer(&s->in, g_free);
    g_clear_pointer(&s->out, g_free);
    s->out_from = s->out_to = s->in_from = s->in_to = 0;
    vemu__net_set_connected(s->net, false);
}
