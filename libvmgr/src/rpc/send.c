/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that go out.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet.h"

static struct vmgr__rpc_out *out_begin(const struct vmgr__rpc_header *h)
{
    const uint32_t words[] = {
        0,         h->program,         h->version, (uint32_t)h->procedure, (uint32_t)h->type,
        h->serial, (uint32_t)h->status
    };
    struct vmgr__rpc_out *out = g_new0(struct vmgr__rpc_out, 1);

    out->bytes = g_byte_array_sized_new(256);
    g_byte_array_set_size(out->bytes, sizeof(words));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        vmgr__put32(out->bytes->data + 4 * i, words[i]);
    return out;
}

static struct vmgr__rpc_out *out_end(struct vmgr__rpc_out *out)
{
    if (out->bytes->len > VMGR__WIRE_PACKET_MAX + 4)
        return vmgr__rpc_out_free(out);
    vmgr__put32(out->bytes->data, out->bytes->len);
    return out;
}

struct vmgr__rpc_out *vmgr__rpc_out_new(const struct vmgr__rpc_header *header,
                                        const struct vmgr__wire_layout *layout, const void *from,
                                        const int *fds, uint32_t n_fds)
{
    const bool with_fds = header->type == RPC_CALL_WITH_FDS || header->type == RPC_REPLY_WITH_FDS;
    struct vmgr__rpc_out *out;

    if (n_fds > VMGR__RPC_FDS_MAX || (n_fds && !with_fds))
        return NULL;
    out = out_begin(header);
    if (with_fds) {
        uint8_t bytes[4];

        vmgr__put32(bytes, n_fds);
        g_byte_array_append(out->bytes, bytes, sizeof(bytes));
    }
    for (uint32_t i = 0; i < n_fds; i++) {
        out->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
        if (out->fds[i] < 0)
            return vmgr__rpc_out_free(out);
        out->n_fds++;
    }
    if (layout && vmgr__wire_encode(layout, from, out->bytes) < 0)
        return vmgr__rpc_out_free(out);
    return out_end(out);
}

struct vmgr__rpc_out *vmgr__rpc_out_raw(const struct vmgr__rpc_header *header, const void *payload,
                                        size_t size)
{
    struct vmgr__rpc_out *out;

    if (size > VMGR__WIRE_PACKET_MAX)
        return NULL;
    out = out_begin(header);
    if (size)
        g_byte_array_append(out->bytes, payload, (guint)size);
    return out_end(out);
}

struct vmgr__rpc_out *vmgr__rpc_out_bytes(const void *bytes, size_t size)
{
    struct vmgr__rpc_out *out = g_new0(struct vmgr__rpc_out, 1);

    out->bytes = g_byte_array_sized_new((guint)size);
    g_byte_array_append(out->bytes, bytes, (guint)size);
    return out;
}

struct vmgr__rpc_out *vmgr__rpc_out_free(struct vmgr__rpc_out *out)
{
    if (out) {
        for (uint32_t i = 0; i < out->n_fds; i++)
            close(out->fds[i]);
        g_byte_array_unref(out->bytes);
        g_free(out);
    }
    return NULL;
}

static int send_fd(int fd, int passed)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char byte = 0;
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof(control.room) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    ssize_t n;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &passed, sizeof(int));
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 1;
}

int vmgr__rpc_out_send(struct vmgr__rpc_out *out, int fd)
{
    while (out->sent < out->bytes->len) {
        const ssize_t n = send(fd, out->bytes->data + out->sent, out->bytes->len - out->sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        out->sent += (size_t)n;
    }
    while (out->fds_sent < out->n_fds) {
        const int r = send_fd(fd, out->fds[out->fds_sent]);

        if (r < 0)
            return r == -EAGAIN ? 0 : r;
        out->fds_sent++;
    }
    return 1;
}
