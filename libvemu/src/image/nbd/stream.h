/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connected socket: whole messages in and out, with a deadline.
 */
#ifndef VEMU_IMAGE_NBD_STREAM_H
#define VEMU_IMAGE_NBD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* One thread at a time receives, one at a time sends. */
struct nbd_stream {
    int fd;
    bool buffered;       /* receives ahead; only when nobody else will read the socket */
    int64_t deadline_us; /* of receiving (monotonic); 0: none */
    int64_t send_deadline_us;
    uint8_t *buf;
    size_t from, to;
};

/* Takes over the descriptor. */
void vemu__nbd_stream_init(struct nbd_stream *stream, int fd);
/* Closes it. Fine when the descriptor is -1. */
void vemu__nbd_stream_fini(struct nbd_stream *stream);
int64_t vemu__nbd_deadline_us(unsigned from_now_ms);

/* All return 0, -ENOTCONN (the peer has ended it), -ETIMEDOUT, or -errno. Context: any. */
int vemu__nbd_stream_read(struct nbd_stream *stream, void *buf, size_t size);
/* To a part of a list. */
int vemu__nbd_stream_readv(struct nbd_stream *stream, const struct iovec *iov, unsigned count,
                           uint64_t offset, uint64_t bytes);
/* Reads and forgets. */
int vemu__nbd_stream_skip(struct nbd_stream *stream, uint64_t bytes);
/* `head`, and then `bytes` of a list from `offset` on. */
int vemu__nbd_stream_write(struct nbd_stream *stream, const void *head, size_t head_size,
                           const struct iovec *iov, unsigned count, uint64_t offset,
                           uint64_t bytes);
/* Something can be read without waiting. */
bool vemu__nbd_stream_ready(const struct nbd_stream *stream);

#endif
