/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that come in.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet.h"

#define CHUNK 65536u

void vmgr__rpc_reader_init(struct vmgr__rpc_reader *r)
{
    memset(r, 0, sizeof(*r));
    r->bytes = g_byte_array_new();
    r->packet_max = VMGR__WIRE_PACKET_MAX;
    r->fds_max = VMGR__RPC_FDS_MAX;
}

void vmgr__rpc_reader_fini(struct vmgr__rpc_reader *r)
{
    for (uint32_t i = 0; i < r->n_fds; i++)
        close(r->fds[i]);
    r->n_fds = 0;
    g_clear_pointer(&r->bytes, g_byte_array_unref);
}

void vmgr__rpc_packet_close_fds(struct vmgr__rpc_packet *p)
{
    for (uint32_t i = 0; i < p->n_fds; i++) {
        if (p->fds[i] >= 0)
            close(p->fds[i]);
    }
    p->n_fds = 0;
}

struct vmgr__rpc_packet *vmgr__rpc_packet_free(struct vmgr__rpc_packet *p)
{
    if (p) {
        vmgr__rpc_packet_close_fds(p);
        g_free(p->fds);
        g_free(p);
    }
    return NULL;
}

static int take_fds(struct vmgr__rpc_reader *r, struct msghdr *msg)
{
    int result = msg->msg_flags & MSG_CTRUNC ? -EPROTO : 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (r->n_fds < r->fds_max) {
                r->fds[r->n_fds++] = fd;
            } else {
                close(fd);
                result = -EPROTO;
            }
        }
    }
    return result;
}

/* Makes room at the front once what was taken is the larger part. */
static void compact(struct vmgr__rpc_reader *r)
{
    if (r->start == r->bytes->len) {
        r->dropped += r->start;
        /* A large packet's room is not kept for an idle peer. */
        if (r->bytes->len > 4 * CHUNK) {
            g_byte_array_unref(r->bytes);
            r->bytes = g_byte_array_new();
        }
        g_byte_array_set_size(r->bytes, 0);
        r->start = 0;
    } else if (r->start > CHUNK && r->start > r->bytes->len / 2) {
        g_byte_array_remove_range(r->bytes, 0, (guint)r->start);
        r->dropped += r->start;
        r->start = 0;
    }
}

ssize_t vmgr__rpc_reader_fill(struct vmgr__rpc_reader *r, int fd)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * VMGR__RPC_FDS_MAX)];
    } control;
    char chunk[CHUNK];
    struct iovec iov = { chunk, sizeof(chunk) };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof(control.room) };
    const uint32_t had = r->n_fds;
    ssize_t n;

    do
        n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if (take_fds(r, &msg) < 0)
        return -EPROTO;
    compact(r);
    g_byte_array_append(r->bytes, (const guint8 *)chunk, (guint)n);
    for (uint32_t i = had; i < r->n_fds; i++)
        r->fd_ends[i] = r->dropped + r->bytes->len;
    return n;
}

void vmgr__rpc_reader_feed(struct vmgr__rpc_reader *r, const void *bytes, size_t n)
{
    compact(r);
    g_byte_array_append(r->bytes, bytes, (guint)n);
}

bool vmgr__rpc_reader_is_empty(const struct vmgr__rpc_reader *r)
{
    return r->start == r->bytes->len && r->n_fds == 0;
}

static void parse_header(const uint8_t *p, struct vmgr__rpc_header *h)
{
    h->program = vmgr__get32(p);
    h->version = vmgr__get32(p + 4);
    h->procedure = (int32_t)vmgr__get32(p + 8);
    h->type = (int32_t)vmgr__get32(p + 12);
    h->serial = vmgr__get32(p + 16);
    h->status = (int32_t)vmgr__get32(p + 20);
}

/* How many descriptors follow this packet, whose bytes have all come. */
static int count_fds(const struct vmgr__rpc_reader *r, const struct vmgr__rpc_header *h,
                     const uint8_t *payload, size_t size, uint32_t *ret)
{
    *ret = 0;
    if (h->type != RPC_CALL_WITH_FDS && h->type != RPC_REPLY_WITH_FDS)
        return 0;
    if (size < 4)
        return -EBADMSG;
    *ret = vmgr__get32(payload);
    return *ret > r->fds_max ? -EBADMSG : 4;
}

/* How many descriptors came with the bytes up to `end`, counted from the first that is kept. */
static uint32_t fds_until(const struct vmgr__rpc_reader *r, size_t end)
{
    uint32_t n = 0;

    while (n < r->n_fds && r->fd_ends[n] <= r->dropped + end)
        n++;
    return n;
}

static void take_first_fds(struct vmgr__rpc_reader *r, struct vmgr__rpc_packet *p, uint32_t n)
{
    p->n_fds = n;
    p->fds = g_memdup2(r->fds, n * sizeof(*r->fds));
    r->n_fds -= n;
    memmove(r->fds, r->fds + n, r->n_fds * sizeof(*r->fds));
    memmove(r->fd_ends, r->fd_ends + n, r->n_fds * sizeof(*r->fd_ends));
}

int vmgr__rpc_reader_next(struct vmgr__rpc_reader *r, struct vmgr__rpc_packet **ret)
{
    const size_t have = r->bytes->len - r->start;
    struct vmgr__rpc_header header;
    struct vmgr__rpc_packet *p;
    uint32_t length, n_fds;
    const uint8_t *at;
    int skip;

    if (have < 4)
        return 0;
    at = r->bytes->data + r->start;
    length = vmgr__get32(at);
    if (length < 4 + VMGR__WIRE_HEADER_SIZE || length > 4 + r->packet_max)
        return -EBADMSG;
    if (have < length)
        return 0;
    parse_header(at + 4, &header);
    at += 4 + VMGR__WIRE_HEADER_SIZE;
    skip = count_fds(r, &header, at, length - 4 - VMGR__WIRE_HEADER_SIZE, &n_fds);
    if (skip < 0)
        return skip;
    if (have < length + n_fds)
        return 0;
    if (fds_until(r, r->start + length + n_fds) != n_fds)
        return -EBADMSG; /* the bytes came, what they were to carry did not, or more did */
    p = g_try_malloc(sizeof(*p) + length);
    if (!p)
        return -ENOMEM;
    p->header = header;
    p->size = length - 4 - VMGR__WIRE_HEADER_SIZE - (uint32_t)skip;
    p->payload = (uint8_t *)(p + 1);
    memcpy(p->payload, at + skip, p->size);
    take_first_fds(r, p, n_fds);
    r->start += length + n_fds;
    *ret = p;
    return 1;
}
