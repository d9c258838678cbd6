/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams of a client: bytes between its packets and a struct vmgr_stream.
 *
 * Flow control has no packets of its own. Towards the client: while much of what was sent waits in
 * the socket, nothing more is taken from the far end. From the client: while the far end takes
 * nothing, a bounded amount is kept, then nothing more is read from the client.
 *
 * A stream lives until the client finishes or aborts it, or is gone. The far end's own end is told
 * by a data packet without data.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "internal.h"

#define INPUT_MAX (1u << 20)
#define RECV_SIZE 65536u

void vmgr__stream_unref(struct vmgr__server_stream *st)
{
    if (!g_atomic_int_dec_and_test(&st->refs))
        return;
    vmgr_stream_unref(st->stream);
    g_byte_array_unref(st->input);
    g_free(st);
}

static void unwatch(struct vmgr__server_stream *st)
{
    const int epoll_fd = st->client->server->epoll_fd;

    if (st->recv_watched)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, vmgr_stream_get_fd(st->stream), NULL);
    if (st->send_watched)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, vmgr_stream_get_send_fd(st->stream), NULL);
    st->recv_watched = st->send_watched = false;
}

/* Takes it away from its client; ends it in good order, or not. */
static void stream_end(struct vmgr__server_stream *st, bool finish)
{
    struct vmgr__client *c = st->client;

    unwatch(st);
    st->closed = true;
    if (finish)
        vmgr_stream_finish(st->stream, NULL);
    else
        vmgr_stream_abort(st->stream, NULL);
    g_mutex_lock(&c->lock);
    g_ptr_array_remove(c->streams, st);
    g_mutex_unlock(&c->lock);
    g_ptr_array_add(c->server->dead_streams, st);
}

static void send_data(struct vmgr__server_stream *st, int status, const void *data, size_t n)
{
    struct vmgr__rpc_header h = st->header;

    h.status = status;
    vmgr__client_send(st->client, vmgr__rpc_out_raw(&h, data, n));
}

/* Tells the client and ends it. Frees cause. */
static void stream_fail(struct vmgr__server_stream *st, struct vmgr_error *cause)
{
    const struct wire_error e = vmgr__rpc_error_from(cause);
    struct vmgr__rpc_header h = st->header;

    h.status = RPC_ERROR;
    vmgr__client_send(st->client, vmgr__rpc_out_new(&h, &vmgr__wire_layout_error, &e, NULL, 0));
    vmgr_error_free(cause);
    stream_end(st, false);
}

static bool client_is_full(struct vmgr__client *c)
{
    bool full;

    g_mutex_lock(&c->lock);
    full = c->out_bytes > CLIENT_OUT_HIGH;
    g_mutex_unlock(&c->lock);
    return full;
}

static void watch_recv(struct vmgr__server_stream *st, bool on)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = &st->recv };
    const int epoll_fd = st->client->server->epoll_fd;

    if (on != st->recv_watched)
        epoll_ctl(epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, vmgr_stream_get_fd(st->stream), &e);
    st->recv_watched = on;
}

static void recv_ready(struct source *source, uint32_t events)
{
    struct vmgr__server_stream *st = (struct vmgr__server_stream *)source;
    struct vmgr_error *cause = NULL;
    char data[RECV_SIZE];
    ssize_t n;

    (void)events;
    if (st->closed || st->ended || !st->recv_watched)
        return;
    if (client_is_full(st->client)) {
        st->recv_paused = true;
        watch_recv(st, false);
        return;
    }
    n = vmgr_stream_recv(st->stream, data, sizeof(data), &cause);
    if (n == VMGR_STREAM_AGAIN)
        return;
    if (n < 0) {
        stream_fail(st, cause);
        return;
    }
    send_data(st, RPC_CONTINUE, data, (size_t)n);
    if (n == 0) {
        st->ended = true;
        watch_recv(st, false);
    }
}

static void watch_send(struct vmgr__server_stream *st, bool on)
{
    struct epoll_event e = { .events = EPOLLOUT, .data.ptr = &st->send };
    const int epoll_fd = st->client->server->epoll_fd;

    if (on != st->send_watched)
        epoll_ctl(epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, vmgr_stream_get_send_fd(st->stream),
                  &e);
    st->send_watched = on;
}

/* Passes on what waits. False: the stream is no more. */
static bool push_input(struct vmgr__server_stream *st)
{
    struct vmgr_error *cause = NULL;

    while (st->input->len) {
        const ssize_t n = vmgr_stream_send(st->stream, st->input->data, st->input->len, &cause);

        if (n == VMGR_STREAM_AGAIN)
            break;
        if (n < 0) {
            stream_fail(st, cause);
            return false;
        }
        g_mutex_lock(&st->client->lock);
        g_byte_array_remove_range(st->input, 0, (guint)n);
        g_mutex_unlock(&st->client->lock);
    }
    watch_send(st, st->input->len > 0);
    return true;
}

static void send_ready(struct source *source, uint32_t events)
{
    struct vmgr__server_stream *st =
        (struct vmgr__server_stream *)((char *)source - offsetof(struct vmgr__server_stream, send));
    struct vmgr__client *c = st->client;

    (void)events;
    if (st->closed)
        return;
    push_input(st);
    vmgr__client_resume(c);
}

int vmgr__stream_add(struct vmgr__call *call, struct vmgr_stream *stream)
{
    struct vmgr__client *c = call->client;
    struct vmgr__server_stream *st = g_new0(struct vmgr__server_stream, 1);
    bool dead;

    st->recv.ready = recv_ready;
    st->send.ready = send_ready;
    st->refs = 2; /* the client's and the call's */
    st->client = c;
    st->stream = stream;
    st->header = call->packet->header;
    st->header.type = RPC_STREAM;
    st->input = g_byte_array_new();
    g_mutex_lock(&c->lock);
    dead = c->dead;
    if (!dead)
        g_ptr_array_add(c->streams, st);
    g_mutex_unlock(&c->lock);
    if (dead) {
        vmgr__stream_unref(st);
        vmgr__stream_unref(st);
        return vmgr__call_fail(call, VMGR_ERR_INTERNAL_ERROR, VMGR_FROM_STREAMS,
                               "internal error: the client is gone");
    }
    call->stream = st;
    return 0;
}

void vmgr__stream_start(struct vmgr__server_stream *st)
{
    struct vmgr__client *c = st->client;

    /* The I/O thread begins, when it looks at the client next: a stream that waits there counts as
     * paused. */
    g_mutex_lock(&c->lock);
    st->recv_paused = true;
    g_mutex_unlock(&c->lock);
    vmgr__server_kick(c->server, c);
    vmgr__stream_unref(st);
}

static struct vmgr__server_stream *find_stream(struct vmgr__client *c,
                                               const struct vmgr__rpc_header *h)
{
    struct vmgr__server_stream *found = NULL;

    g_mutex_lock(&c->lock);
    for (guint i = 0; i < c->streams->len && !found; i++) {
        struct vmgr__server_stream *st = c->streams->pdata[i];

        if (st->header.program == h->program && st->header.procedure == h->procedure &&
            st->header.serial == h->serial)
            found = st;
    }
    g_mutex_unlock(&c->lock);
    return found;
}

static void stream_data(struct vmgr__server_stream *st, const struct vmgr__rpc_packet *packet)
{
    g_mutex_lock(&st->client->lock);
    g_byte_array_append(st->input, packet->payload, packet->size);
    g_mutex_unlock(&st->client->lock);
    push_input(st);
}

void vmgr__stream_packet(struct vmgr__client *c, struct vmgr__rpc_packet *packet)
{
    const struct vmgr__rpc_header *h = &packet->header;
    struct vmgr__server_stream *st = find_stream(c, h);

    if (!st && vmgr__transfer_packet(c, packet))
        return;
    if (!st) {
        /* ended already, or never was */
    } else if (h->status == RPC_ERROR || h->status == RPC_OK) {
        send_data(st, RPC_OK, NULL, 0);
        stream_end(st, h->status == RPC_OK);
    } else if (h->type == RPC_STREAM_HOLE || h->status != RPC_CONTINUE) {
        const struct wire_error e =
            vmgr__rpc_error(VMGR_ERR_RPC, VMGR_FROM_STREAMS,
                            h->type == RPC_STREAM_HOLE ? "this stream is not a sparse one"
                                                       : "unexpected status of a stream packet");
        struct vmgr__rpc_header failed = st->header;

        failed.status = RPC_ERROR;
        vmgr__client_send(c, vmgr__rpc_out_new(&failed, &vmgr__wire_layout_error, &e, NULL, 0));
        stream_end(st, false);
    } else if (packet->size) {
        stream_data(st, packet);
    }
    vmgr__rpc_packet_free(packet);
}

bool vmgr__streams_full_locked(struct vmgr__client *c)
{
    for (guint i = 0; i < c->streams->len; i++) {
        const struct vmgr__server_stream *st = c->streams->pdata[i];

        if (st->input->len > INPUT_MAX)
            return true;
    }
    return vmgr__transfers_full_locked(c);
}

void vmgr__streams_resume(struct vmgr__client *c)
{
    vmgr__transfers_sweep(c, false);
    if (c->closed || client_is_full(c))
        return;
    g_mutex_lock(&c->lock);
    for (guint i = 0; i < c->streams->len; i++) {
        struct vmgr__server_stream *st = c->streams->pdata[i];

        if (st->recv_paused && !st->ended) {
            st->recv_paused = false;
            watch_recv(st, true);
        }
    }
    g_mutex_unlock(&c->lock);
}

void vmgr__streams_close(struct vmgr__client *c)
{
    struct vmgr__server_stream *st;

    vmgr__transfers_sweep(c, true);
    for (;;) {
        g_mutex_lock(&c->lock);
        st = c->streams->len ? c->streams->pdata[0] : NULL;
        g_mutex_unlock(&c->lock);
        if (!st)
            return;
        stream_end(st, false);
    }
}
