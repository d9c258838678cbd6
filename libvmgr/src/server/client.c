/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients: from accept to close, and what comes in between.
 *
 * A client that may use the socket is pending until its AUTH_LIST is answered; one that may not
 * stays pending. Pending clients are few, have little time and small packets; when there are too
 * many the oldest goes, so that stalled connections never keep a working client out.
 *
 * Reading from a client stops while enough of its calls wait, and goes on when they move: what a
 * client can make the server keep is bounded.
 *
 * Descriptors come from those alone who may change something, over a unix socket, once they are
 * through authentication; anybody else who sends one is gone.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "internal.h"

struct vmgr__client *vmgr__client_ref(struct vmgr__client *c)
{
    g_atomic_int_inc(&c->refs);
    return c;
}

void vmgr__client_unref(struct vmgr__client *c)
{
    struct vmgr__rpc_out *out;

    if (!g_atomic_int_dec_and_test(&c->refs))
        return;
    while ((out = g_queue_pop_head(&c->out)))
        vmgr__rpc_out_free(out);
    g_ptr_array_unref(c->streams);
    g_ptr_array_unref(c->transfers);
    vmgr__rpc_reader_fini(&c->reader);
    vmgr__sasl_free(c->sasl);
    vmgr__layer_free(c->layer);
    g_free(c->address);
    g_free(c->subject);
    close(c->fd);
    g_mutex_clear(&c->lock);
    g_free(c);
}

void vmgr__client_settled(struct vmgr__client *c)
{
    g_mutex_lock(&c->lock);
    c->pending = false;
    c->authenticated = true;
    g_mutex_unlock(&c->lock);
}

void vmgr__client_close(struct vmgr__client *c, const char *why)
{
    struct vmgr__server *s = c->server;
    struct vmgr__call *call;

    if (c->closed)
        return;
    c->closed = true;
    if (s->recent == c)
        s->recent = NULL;
    epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    g_mutex_lock(&c->lock);
    c->dead = true;
    if (c->event_close)
        why = "does not take its events";
    g_mutex_unlock(&c->lock);
    while ((call = g_queue_pop_head(&c->held)))
        vmgr__call_free(call);
    vmgr__subscriptions_drop(s, c);
    vmgr__streams_close(c);
    vmgr__autodestroy_run(c);
    vmgr__associations_drop(s, c);
    vmgr__log(s, VMGR__LOG_INFO, "client gone", "client=%u reason=\"%s\"", c->id, why);
    g_hash_table_remove(s->clients, c);
    g_ptr_array_add(s->graveyard, c);
}

static bool is_pending(struct vmgr__client *c)
{
    bool pending;

    g_mutex_lock(&c->lock);
    pending = c->pending;
    g_mutex_unlock(&c->lock);
    return pending;
}

/* Calls of a client that has to prove who it is come one at a time, so that what it (or somebody
 * between it and us) sends behind the proof is not taken for what was sent under its protection.
 * True: the next may be taken. */
static bool is_its_turn_locked(struct vmgr__client *c)
{
    return c->proven || (c->running == 0 && c->held.length == 0);
}

/* Its calls are over for now. False: what it has sent came without the layer that is there now. */
static bool prove(struct vmgr__client *c, bool authenticated, bool layer)
{
    if (c->proven || !authenticated)
        return true;
    c->proven = true;
    return !layer || c->reader.covered || vmgr__rpc_reader_is_empty(&c->reader);
}

/* Only as they are on a unix socket: a layer carries bytes. */
static bool sends_fds_locked(const struct vmgr__client *c)
{
    return !c->address && !c->layer && !c->pending && !c->read_only;
}

bool vmgr__client_sends_fds(struct vmgr__client *c)
{
    bool may;

    g_mutex_lock(&c->lock);
    may = sends_fds_locked(c);
    g_mutex_unlock(&c->lock);
    return may;
}

/* What may come in one packet, as far as the client has got. */
static void bound_reader_locked(struct vmgr__client *c)
{
    c->reader.packet_max = c->pending     ? CLIENT_PENDING_PACKET
                           : c->read_only ? CLIENT_READ_ONLY_PACKET
                                          : VMGR__WIRE_PACKET_MAX;
    c->reader.fds_max = sends_fds_locked(c) ? VMGR__RPC_FDS_MAX : 0;
}

/* Takes apart what has been read. False: the client is closed. */
static bool process(struct vmgr__client *c)
{
    struct vmgr__rpc_packet *packet;
    int r = 0;

    for (;;) {
        struct vmgr__rpc_out *answer;
        bool paused, authenticated, layer;

        g_mutex_lock(&c->lock);
        paused = c->held.length >= CLIENT_HELD_MAX || c->held_bytes > CLIENT_HELD_BYTES ||
                 c->fds >= CLIENT_FDS_HIGH || c->out_bytes > CLIENT_OUT_HIGH ||
                 vmgr__streams_full_locked(c) || !is_its_turn_locked(c);
        if (paused != c->paused) {
            c->paused = paused;
            vmgr__client_update_locked(c);
        }
        bound_reader_locked(c);
        authenticated = c->authenticated;
        layer = c->layer != NULL;
        g_mutex_unlock(&c->lock);
        if (paused)
            return true;
        if (!prove(c, authenticated, layer)) {
            vmgr__client_close(c, "bytes without protection behind its authentication");
            return false;
        }
        r = vmgr__rpc_reader_next(&c->reader, &packet);
        if (r <= 0)
            break;
        if (vmgr__keepalive_take(&packet->header, &answer)) {
            vmgr__rpc_packet_free(packet);
            vmgr__client_send(c, answer);
            continue;
        }
        switch (packet->header.type) {
        case RPC_CALL:
        case RPC_CALL_WITH_FDS: vmgr__call_begin(c, packet); break;
        case RPC_STREAM:
        case RPC_STREAM_HOLE: vmgr__stream_packet(c, packet); break;
        default: vmgr__rpc_packet_free(packet); /* not for a server; nobody waits for an answer */
        }
    }
    if (r < 0)
        vmgr__client_close(c, r == -ENOMEM ? "out of memory" : "malformed packet");
    return r == 0;
}

void vmgr__client_resume(struct vmgr__client *c)
{
    if (c->closed || !process(c))
        return;
    vmgr__calls_pump(c);
    vmgr__streams_resume(c);
}

/* False: there is nothing to read yet, or nobody any more. */
static bool shake_hands(struct vmgr__client *c)
{
    g_autofree char *why = NULL;
    const int r = vmgr__handshake_step(c, &why);

    if (r < 0) {
        vmgr__log(c->server, VMGR__LOG_WARNING, "client refused",
                  "client=%u address=%s subject=\"%s\" reason=\"%s\"", c->id, c->address,
                  c->subject ? c->subject : "", why);
        vmgr__client_close(c, why);
    }
    return r > 0;
}

static ssize_t read_some(struct vmgr__client *c)
{
    struct vmgr__layer *layer;

    g_mutex_lock(&c->lock);
    layer = c->layer;
    bound_reader_locked(c);
    g_mutex_unlock(&c->lock);
    return vmgr__layer_fill(layer, &c->reader, c->fd);
}

/* Reads and serves what has come. False: nothing has. */
static bool take_input(struct vmgr__client *c)
{
    const ssize_t n = read_some(c);

    if (n == -EAGAIN)
        return false;
    if (n <= 0) {
        vmgr__client_close(c, n == 0         ? "it has closed"
                              : n == -EPROTO ? "more descriptors than it may send"
                                             : g_strerror((int)-n));
        return true;
    }
    g_mutex_lock(&c->lock);
    vmgr__keepalive_alive(&c->keepalive, g_get_monotonic_time());
    g_mutex_unlock(&c->lock);
    process(c);
    c->server->recent = c->closed ? NULL : c;
    return true;
}

bool vmgr__client_look(struct vmgr__client *c)
{
    bool readable;

    if (c->handshaking)
        return false;
    g_mutex_lock(&c->lock);
    readable = !c->dead && !c->paused;
    g_mutex_unlock(&c->lock);
    return readable && take_input(c);
}

static void client_ready(struct source *source, uint32_t events)
{
    struct vmgr__client *c = (struct vmgr__client *)source;

    if (c->closed)
        return;
    if (c->handshaking) {
        if (!shake_hands(c))
            return;
        events = EPOLLIN; /* what the handshake has read too much of */
    }
    if (events & EPOLLOUT)
        vmgr__client_flush(c);
    if (c->closed)
        return;
    if (events & EPOLLIN)
        take_input(c);
    else if (events & (EPOLLHUP | EPOLLERR))
        vmgr__client_close(c, "it has closed");
}

void vmgr__client_drop_oldest_pending(struct vmgr__server *s)
{
    struct vmgr__client *oldest = NULL;
    GHashTableIter iter;
    void *client;

    g_hash_table_iter_init(&iter, s->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL)) {
        struct vmgr__client *c = client;

        if (is_pending(c) && (!oldest || c->since_us < oldest->since_us))
            oldest = c;
    }
    if (oldest)
        vmgr__client_close(oldest, "too many clients wait for authentication");
}

static unsigned count_pending(struct vmgr__server *s)
{
    GHashTableIter iter;
    unsigned n = 0;
    void *client;

    g_hash_table_iter_init(&iter, s->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL))
        n += is_pending(client);
    return n;
}

void vmgr__client_accept(struct vmgr__server *s, int fd, enum vmgr__server_way way)
{
    const bool read_only = way == VMGR__SERVER_UNIX_READ_ONLY;
    const struct vmgr__server_limits limits = vmgr__server_limits(s);
    struct vmgr__client *c;
    struct epoll_event e;
    g_autofree char *why = NULL;

    if (g_hash_table_size(s->clients) >= limits.clients)
        vmgr__client_drop_oldest_pending(s);
    if (g_hash_table_size(s->clients) >= limits.clients) {
        vmgr__log(s, VMGR__LOG_WARNING, "client refused", "reason=\"%u clients are connected\"",
                  limits.clients);
        close(fd);
        return;
    }
    /* Counting is for the case that there are many; few need none. */
    if (g_hash_table_size(s->clients) >= limits.pending && count_pending(s) >= limits.pending)
        vmgr__client_drop_oldest_pending(s);
    c = g_new0(struct vmgr__client, 1);
    c->source.ready = client_ready;
    c->refs = 1;
    c->server = s;
    c->id = ++s->next_client;
    c->fd = fd;
    c->way = way;
    c->read_only_socket = c->read_only = read_only;
    c->pending = true;
    c->since_us = g_get_monotonic_time();
    g_mutex_init(&c->lock);
    g_queue_init(&c->out);
    g_queue_init(&c->held);
    c->streams = g_ptr_array_new();
    c->transfers = g_ptr_array_new();
    vmgr__rpc_reader_init(&c->reader);
    vmgr__peer_check(c);
    /* It still has to ask, but need not prove anything, unless it came over the network. */
    c->authenticated = c->allowed && !c->needs_sasl && way != VMGR__SERVER_TLS;
    c->proven = !c->needs_sasl;
    g_hash_table_add(s->clients, c);
    e = (struct epoll_event){ .events = EPOLLIN, .data.ptr = c };
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0) {
        vmgr__client_close(c, g_strerror(errno));
        return;
    }
    if (c->address)
        vmgr__log(s, VMGR__LOG_INFO, "client", "client=%u address=%s tls=%d", c->id, c->address,
                  way == VMGR__SERVER_TLS);
    else
        vmgr__log(s, VMGR__LOG_INFO, "client",
                  "client=%u uid=%d gid=%d pid=%d read_only=%d allowed=%d", c->id, (int)c->uid,
                  (int)c->gid, (int)c->pid, read_only, c->allowed);
    if (!vmgr__handshake_begin(c, &why))
        vmgr__client_close(c, why);
}

void vmgr__client_tick(struct vmgr__client *c, int64_t now_us)
{
    const struct vmgr__server_limits limits = vmgr__server_limits(c->server);
    enum vmgr__keepalive_due due;
    bool pending;

    if (c->closed)
        return;
    g_mutex_lock(&c->lock);
    due = vmgr__keepalive_check(&c->keepalive, now_us);
    pending = c->pending;
    g_mutex_unlock(&c->lock);
    if (pending && now_us - c->since_us > (int64_t)limits.pending_seconds * 1000000)
        vmgr__client_close(c, "authentication took too long");
    else if (due == VMGR__KEEPALIVE_DEAD)
        vmgr__client_close(c, "no sign of life");
    else if (due == VMGR__KEEPALIVE_ASK)
        vmgr__client_send(c, vmgr__keepalive_packet(VMGR__KEEPALIVE_PING));
}
