/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams: non-blocking descriptors with an end that both sides respect.
 *
 * What callers poll is an epoll descriptor over the data and, for consoles, the sign that another
 * client took over.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmgr/stream.h>

#include "../driver/driver.h"

struct vmgr_stream {
    gint refs;
    GMutex lock;
    struct vmgr_conn *conn;
    int recv_fd;
    int send_fd;
    int watch_fd;
    int poll_fd;
    bool ended; /* finished or aborted */
    bool taken;
    bool synchronous; /* its operations do all the work in the call, and never have to wait */
    const struct vmgr__stream_ops *ops;
    void *data;
};

static void stream_close(struct vmgr_stream *st)
{
    if (st->send_fd >= 0 && st->send_fd != st->recv_fd)
        close(st->send_fd);
    if (st->recv_fd >= 0)
        close(st->recv_fd);
    if (st->watch_fd >= 0)
        close(st->watch_fd);
    st->send_fd = st->recv_fd = st->watch_fd = -1;
    if (st->ops && st->ops->closed)
        st->ops->closed(st->data);
    st->ops = NULL;
}

struct vmgr_stream *vmgr__stream_new(struct vmgr_conn *conn, int recv_fd, int send_fd, int watch_fd,
                                     const struct vmgr__stream_ops *ops, void *data,
                                     struct vmgr_error **err)
{
    struct epoll_event e = { .events = EPOLLIN };
    struct vmgr_stream *st = g_new0(struct vmgr_stream, 1);

    st->refs = 1;
    g_mutex_init(&st->lock);
    st->conn = vmgr_conn_ref(conn);
    st->recv_fd = recv_fd;
    st->send_fd = send_fd;
    st->watch_fd = watch_fd;
    st->ops = ops;
    st->data = data;
    st->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (st->poll_fd < 0 || epoll_ctl(st->poll_fd, EPOLL_CTL_ADD, recv_fd, &e) < 0 ||
        (watch_fd >= 0 && epoll_ctl(st->poll_fd, EPOLL_CTL_ADD, watch_fd, &e) < 0)) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot poll a stream");
        return vmgr_stream_unref(st);
    }
    return st;
}

struct vmgr_stream *vmgr__stream_new_sync(struct vmgr_conn *conn,
                                          const struct vmgr__stream_ops *ops, void *data,
                                          struct vmgr_error **err)
{
    struct vmgr_stream *st;
    int ready = eventfd(1, EFD_CLOEXEC);

    if (ready < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot make a stream");
        ops->closed(data);
        return NULL;
    }
    st = vmgr__stream_new(conn, ready, ready, -1, ops, data, err);
    if (st)
        st->synchronous = true;
    return st;
}

struct vmgr_stream *vmgr_stream_ref(struct vmgr_stream *stream)
{
    g_atomic_int_inc(&stream->refs);
    return stream;
}

struct vmgr_stream *vmgr_stream_unref(struct vmgr_stream *stream)
{
    if (stream && g_atomic_int_dec_and_test(&stream->refs)) {
        if (!stream->ended)
            stream_close(stream);
        if (stream->poll_fd >= 0)
            close(stream->poll_fd);
        vmgr_conn_unref(stream->conn);
        g_mutex_clear(&stream->lock);
        g_free(stream);
    }
    return NULL;
}

static bool was_taken(struct vmgr_stream *st)
{
    if (!st->taken && st->ops && st->ops->taken)
        st->taken = st->ops->taken(st->data);
    return st->taken;
}

static int ended_error(struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_STREAMS, "stream is not open");
}

/* Whether the bytes come from operations rather than from the descriptors. */
static bool has_operations(const struct vmgr_stream *st)
{
    return st->ops && (st->ops->recv || st->ops->send);
}

static ssize_t recv_fd(struct vmgr_stream *st, void *buf, size_t size, struct vmgr_error **err)
{
    ssize_t n;

    do
        n = read(st->recv_fd, buf, size);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EAGAIN)
        return VMGR_STREAM_AGAIN;
    if (errno == EIO || errno == ECONNRESET)
        return 0; /* a pty or socket whose other end has closed */
    return vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot read from stream");
}

ssize_t vmgr_stream_recv_flags(struct vmgr_stream *stream, void *buf, size_t size, uint32_t flags,
                               struct vmgr_error **err)
{
    ssize_t n = -1;

    if (vmgr__check_flags(flags, VMGR_STREAM_STOP_AT_HOLE, "virStreamRecvFlags", err) < 0)
        return -1;
    g_mutex_lock(&stream->lock);
    if (stream->ended)
        ended_error(err);
    else if (was_taken(stream))
        n = 0;
    else if (!has_operations(stream))
        n = recv_fd(stream, buf, size, err);
    else if (!stream->ops->recv)
        vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_STREAMS,
                        "this stream is for sending");
    else
        n = stream->ops->recv(stream->data, buf, size, flags & VMGR_STREAM_STOP_AT_HOLE, err);
    g_mutex_unlock(&stream->lock);
    return n;
}

ssize_t vmgr_stream_recv(struct vmgr_stream *stream, void *buf, size_t size,
                         struct vmgr_error **err)
{
    return vmgr_stream_recv_flags(stream, buf, size, 0, err);
}

static int no_holes(const char *function, struct vmgr_error **err)
{
    return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, VMGR_FROM_STREAMS, "%s", function);
}

int vmgr_stream_recv_hole(struct vmgr_stream *stream, uint64_t *ret_bytes, struct vmgr_error **err)
{
    int r = -1;

    g_mutex_lock(&stream->lock);
    if (stream->ended)
        ended_error(err);
    else if (!stream->ops || !stream->ops->recv_hole)
        no_holes("virStreamRecvHole", err);
    else
        r = stream->ops->recv_hole(stream->data, ret_bytes, err);
    g_mutex_unlock(&stream->lock);
    return r;
}

int vmgr_stream_send_hole(struct vmgr_stream *stream, uint64_t bytes, struct vmgr_error **err)
{
    int r = -1;

    g_mutex_lock(&stream->lock);
    if (stream->ended)
        ended_error(err);
    else if (!stream->ops || !stream->ops->send_hole)
        no_holes("virStreamSendHole", err);
    else
        r = stream->ops->send_hole(stream->data, bytes, err);
    g_mutex_unlock(&stream->lock);
    return r;
}

int vmgr_stream_is_blocking(struct vmgr_stream *stream)
{
    return stream->synchronous;
}

ssize_t vmgr_stream_send(struct vmgr_stream *stream, const void *buf, size_t size,
                         struct vmgr_error **err)
{
    ssize_t n = -1;

    g_mutex_lock(&stream->lock);
    if (stream->ended) {
        ended_error(err);
    } else if (was_taken(stream)) {
        vmgr__error_set(err, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_STREAMS,
                        "another client took the console over");
    } else if (has_operations(stream)) {
        if (stream->ops->send)
            n = stream->ops->send(stream->data, buf, size, err);
        else
            vmgr__error_set(err, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_STREAMS,
                            "this stream is for receiving");
    } else {
        /* MSG_NOSIGNAL where it exists: a library takes no SIGPIPE without asking. */
        do {
            n = send(stream->send_fd, buf, size, MSG_NOSIGNAL);
            if (n < 0 && errno == ENOTSOCK)
                n = write(stream->send_fd, buf, size);
        } while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
            n = VMGR_STREAM_AGAIN;
        else if (n < 0)
            vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot write to stream");
    }
    g_mutex_unlock(&stream->lock);
    return n;
}

int vmgr_stream_get_fd(struct vmgr_stream *stream)
{
    return stream->poll_fd;
}

int vmgr_stream_get_send_fd(struct vmgr_stream *stream)
{
    return stream->send_fd;
}

static int end(struct vmgr_stream *stream, bool aborted, struct vmgr_error **err)
{
    int r = 0;

    g_mutex_lock(&stream->lock);
    if (stream->ended) {
        r = ended_error(err);
    } else {
        if (stream->ops && stream->ops->end)
            r = stream->ops->end(stream->data, aborted, err);
        stream_close(stream);
    }
    stream->ended = true;
    g_mutex_unlock(&stream->lock);
    return r;
}

int vmgr_stream_finish(struct vmgr_stream *stream, struct vmgr_error **err)
{
    return end(stream, false, err);
}

int vmgr_stream_abort(struct vmgr_stream *stream, struct vmgr_error **err)
{
    return end(stream, true, err);
}
