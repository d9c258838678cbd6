/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SOCK_SEQPACKET over virtio-vsock (virtio 1.2, 5.10.6.6.1): messages keep their ends.
 *
 * The host's end is a Unix socket of that type. A message of the guest comes in pieces and is kept
 * until the last one (SEQ_EOM), since the socket takes it at once or not at all; so the guest's
 * credit is what a socket takes at least. A message for the guest is read at once and handed out as
 * the guest has buffers and credit; one for which it will never have enough ends the connection.
 *
 * A message without bytes cannot be told from the end of the connection on a Unix socket: from the
 * guest it is dropped. Ends of records (SEQ_EOR) are not passed on: such sockets know none.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "devices/virtio-vsock/vsock.h"

#define PREFIX 4u

/* --- guest to socket -------------------------------------------------------------------------- */

void vemu__vsock_message_drop(struct vsock_conn *c)
{
    if (c->messages)
        g_byte_array_unref(c->messages);
    c->messages = NULL;
    c->message_at = c->pieces = 0;
    c->in_pieces = false;
}

static void begin(struct vsock_conn *c)
{
    static const uint8_t prefix[PREFIX];

    if (!c->messages)
        c->messages = g_byte_array_new();
    if (!c->in_pieces)
        g_byte_array_append(c->messages, prefix, PREFIX);
    c->in_pieces = true;
}

static void complete(struct vsock_conn *c)
{
    guint at = c->messages->len - c->pieces - PREFIX;

    memcpy(c->messages->data + at, &c->pieces, PREFIX);
    if (!c->pieces)
        g_byte_array_set_size(c->messages, at);
    c->buf_used += c->pieces;
    c->pieces = 0;
    c->in_pieces = false;
}

void vemu__vsock_message_put(struct vsock_conn *c, const void *data, uint32_t size)
{
    begin(c);
    g_byte_array_append(c->messages, data, size);
    c->pieces += size;
    complete(c);
}

void vemu__vsock_message_write(struct vsock_conn *c, const struct vemu_virtq_elem *elem,
                               size_t offset, uint32_t size, bool last)
{
    guint at;

    if (c->shut & VIRTIO_VSOCK_SHUTDOWN_RCV) {
        vemu__vsock_conn_forwarded(c, size);
        return;
    }
    begin(c);
    at = c->messages->len;
    g_byte_array_set_size(c->messages, at + size);
    vemu__virtq_elem_read(elem, offset, c->messages->data + at, size);
    c->pieces += size;
    if (!last)
        return;
    complete(c);
    vemu__vsock_conn_flush(c);
}

/* What has gone makes room: all at once when nothing is left, else when it is most of it. */
static void shrink(struct vsock_conn *c)
{
    if (c->message_at == c->messages->len) {
        vemu__vsock_message_drop(c);
    } else if (c->message_at > c->messages->len / 2) {
        g_byte_array_remove_range(c->messages, 0, c->message_at);
        c->message_at = 0;
    }
}

void vemu__vsock_message_flush(struct vsock_conn *c)
{
    while (c->buf_used) {
        uint32_t size;
        ssize_t n;

        memcpy(&size, c->messages->data + c->message_at, PREFIX);
        n = send(c->fd, c->messages->data + c->message_at + PREFIX, size,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            vemu__vsock_conn_failed(c);
            return;
        }
        c->message_at += PREFIX + size;
        c->buf_used -= size;
        vemu__vsock_conn_forwarded(c, size);
        if (c->state == VSOCK_LINGER)
            vemu__vsock_conn_set_deadline(c, VSOCK_LINGER_S);
    }
    if (c->messages)
        shrink(c);
}

/* --- socket to guest -------------------------------------------------------------------------- */

/* Reads the next message; false: there is none now. */
static bool fetch(struct vsock_conn *c)
{
    ssize_t n;

    do
        n = recv(c->fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    c->readable = n > 0;
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        vemu__vsock_conn_ended(c);
        return false;
    }
    if (n > c->peer_buf_alloc) {
        vemu__vsock_conn_say(c, VSOCK_SAY_RESET);
        return false;
    }
    c->in = g_malloc((size_t)n);
    c->in_at = 0;
    c->in_size = (uint32_t)n;
    n = recv(c->fd, c->in, c->in_size, MSG_DONTWAIT);
    if (n == (ssize_t)c->in_size)
        return true;
    g_clear_pointer(&c->in, g_free); /* somebody else reads the socket too */
    c->readable = false;
    return false;
}

uint32_t vemu__vsock_message_read(struct vsock_conn *c, struct vemu_virtq_elem *elem,
                                  uint32_t limit, bool *ret_last)
{
    uint32_t n;

    if (!c->in && !fetch(c))
        return 0;
    n = MIN(limit, c->in_size - c->in_at);
    vemu__virtq_elem_write(elem, VSOCK_HDR, c->in + c->in_at, n);
    c->in_at += n;
    *ret_last = c->in_at == c->in_size;
    if (*ret_last)
        g_clear_pointer(&c->in, g_free);
    return n;
}
