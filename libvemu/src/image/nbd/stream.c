/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connected socket: whole messages in and out, with a deadline.
 *
 * The socket is a blocking one, so that a thread which has no deadline waits in one system call.
 * With a deadline it asks without blocking and polls. Receiving ahead gets the header of a request
 * and a small payload in one call, and often those of the next requests too; what is longer than
 * the buffer goes straight to its place.
 */
#include "image/nbd/stream.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/iov.h"

#define BUFFER_SIZE (64u << 10)
#define DIRECT_MIN  (16u << 10) /* not through the buffer */
#define SLICE_MAX   64u

void vemu__nbd_stream_init(struct nbd_stream *stream, int fd)
{
    *stream = (struct nbd_stream){ .fd = fd };
}

void vemu__nbd_stream_fini(struct nbd_stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    g_free(stream->buf);
    *stream = (struct nbd_stream){ .fd = -1 };
}

int64_t vemu__nbd_deadline_us(unsigned from_now_ms)
{
    return g_get_monotonic_time() + from_now_ms * G_GINT64_CONSTANT(1000);
}

static int wait_for(int fd, short events, int64_t deadline_us)
{
    struct pollfd poll_fd = { .fd = fd, .events = events };
    int64_t left = (deadline_us - g_get_monotonic_time() + 999) / 1000;

    if (left <= 0)
        return -ETIMEDOUT;
    if (poll(&poll_fd, 1, (int)MIN(left, 60000)) < 0 && errno != EINTR)
        return -errno;
    return 0;
}

/* At least one byte. */
static ssize_t receive(struct nbd_stream *stream, struct iovec *iov, unsigned count)
{
    for (;;) {
        struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
        ssize_t n = recvmsg(stream->fd, &message, stream->deadline_us ? MSG_DONTWAIT : 0);
        int r = 0;

        if (n > 0)
            return n;
        if (n == 0)
            return -ENOTCONN;
        if (errno == EAGAIN && stream->deadline_us)
            r = wait_for(stream->fd, POLLIN, stream->deadline_us);
        else if (errno != EINTR)
            r = errno == ECONNRESET || errno == EPIPE ? -ENOTCONN : -errno;
        if (r < 0)
            return r;
    }
}

static int fill(struct nbd_stream *stream)
{
    struct iovec iov;
    ssize_t n;

    if (!stream->buf)
        stream->buf = g_malloc(BUFFER_SIZE);
    iov = (struct iovec){ stream->buf, BUFFER_SIZE };
    n = receive(stream, &iov, 1);
    if (n < 0)
        return (int)n;
    stream->from = 0;
    stream->to = (size_t)n;
    return 0;
}

int vemu__nbd_stream_readv(struct nbd_stream *stream, const struct iovec *iov, unsigned count,
                           uint64_t offset, uint64_t bytes)
{
    while (bytes) {
        size_t have = MIN(stream->to - stream->from, bytes);
        struct iovec part[SLICE_MAX];
        unsigned parts;
        ssize_t n;

        if (have) {
            vemu__iov_write(iov, count, offset, stream->buf + stream->from, have);
            stream->from += have;
            offset += have;
            bytes -= have;
            continue;
        }
        if (stream->buffered && bytes < DIRECT_MIN) {
            int r = fill(stream);

            if (r < 0)
                return r;
            continue;
        }
        parts = vemu__iov_slice(iov, count, offset, bytes, part, SLICE_MAX);
        n = receive(stream, part, parts);
        if (n < 0)
            return (int)n;
        offset += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return 0;
}

int vemu__nbd_stream_read(struct nbd_stream *stream, void *buf, size_t size)
{
    struct iovec iov = { buf, size };

    return vemu__nbd_stream_readv(stream, &iov, 1, 0, size);
}

int vemu__nbd_stream_skip(struct nbd_stream *stream, uint64_t bytes)
{
    uint8_t scratch[4096];

    while (bytes) {
        size_t piece = MIN(bytes, sizeof(scratch));
        int r = vemu__nbd_stream_read(stream, scratch, piece);

        if (r < 0)
            return r;
        bytes -= piece;
    }
    return 0;
}

/* Some of it; how much. */
static ssize_t send_some(struct nbd_stream *stream, struct iovec *iov, unsigned count)
{
    for (;;) {
        struct msghdr message = { .msg_iov = iov, .msg_iovlen = count };
        ssize_t n = sendmsg(stream->fd, &message,
                            MSG_NOSIGNAL | (stream->send_deadline_us ? MSG_DONTWAIT : 0));
        int r = 0;

        if (n >= 0)
            return n;
        if (errno == EAGAIN && stream->send_deadline_us)
            r = wait_for(stream->fd, POLLOUT, stream->send_deadline_us);
        else if (errno != EINTR)
            r = errno == ECONNRESET || errno == EPIPE ? -ENOTCONN : -errno;
        if (r < 0)
            return r;
    }
}

int vemu__nbd_stream_write(struct nbd_stream *stream, const void *head, size_t head_size,
                           const struct iovec *iov, unsigned count, uint64_t offset, uint64_t bytes)
{
    uint64_t done = 0;

    while (done < head_size + bytes) {
        struct iovec part[SLICE_MAX + 1];
        unsigned parts = 0;
        uint64_t from = done > head_size ? done - head_size : 0;
        ssize_t n;

        if (done < head_size)
            part[parts++] = (struct iovec){ (uint8_t *)head + done, head_size - (size_t)done };
        if (from < bytes)
            parts +=
                vemu__iov_slice(iov, count, offset + from, bytes - from, part + parts, SLICE_MAX);
        n = send_some(stream, part, parts);
        if (n < 0)
            return (int)n;
        done += (uint64_t)n;
    }
    return 0;
}

bool vemu__nbd_stream_ready(const struct nbd_stream *stream)
{
    struct pollfd poll_fd = { .fd = stream->fd, .events = POLLIN };

    return stream->to > stream->from || poll(&poll_fd, 1, 0) > 0;
}
