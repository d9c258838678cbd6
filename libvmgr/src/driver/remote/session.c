/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of a connection: reading, sending what had to wait, signs of life, what a program that
 * carries the bytes has to say, and the end.
 *
 * Streams have no flow control of their own in the protocol: what a server sends comes over the one
 * socket. So when much has come that nobody takes, reading stops, and goes on as long as a call
 * waits for its reply, because who takes the data may be the one who waits. While nothing is read
 * the peer's silence means nothing, and it is told that we live.
 *
 * Lending. `lent` is set by the thread alone, before it waits for something else than input; while
 * it is set a caller may take `lent_now` and read. It is cleared by the thread when no call was
 * made for LENT_MS, and by a caller that leaves when somebody else still waits for input: other
 * calls, streams, events. So a packet that nobody waits for, a PING or the end, may lie that long.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmgr/connect.h>

#include "remote.h"

#define OUT_HIGH    (1u << 20) /* streams wait */
#define UNREAD_HIGH (4u << 20) /* nothing is read, unless a call waits */
#define LENT_MS     20         /* without a call, and the thread reads again */

void vmgr__remote_session_init(struct vmgr__remote *r)
{
    g_mutex_init(&r->lock);
    r->fd = r->kick_fd = r->child_err_fd = -1;
    r->words = g_string_new(NULL);
    r->lent_serial = r->next_serial - 1; /* the calls that open the connection come at once */
    r->waiters = g_hash_table_new(NULL, NULL);
    r->streams = g_hash_table_new_full(NULL, NULL, NULL, vmgr__remote_stream_unref);
    g_queue_init(&r->out);
    vmgr__rpc_reader_init(&r->reader);
    vmgr__spin_init(&r->spin);
    for (size_t i = 0; i < G_N_ELEMENTS(r->callback_ids); i++)
        r->callback_ids[i] = VMGR__REMOTE_UNASKED;
}

void vmgr__remote_kick(struct vmgr__remote *r)
{
    static const uint64_t one = 1;

    if (write(r->kick_fd, &one, sizeof(one)) < 0)
        g_assert(errno == EAGAIN); /* it is full, so it is readable */
}

int vmgr__remote_failed_locked(struct vmgr__remote *r, struct vmgr_error **err)
{
    return vmgr__error_set_plain(err, vmgr_error_get_code(r->failure),
                                 vmgr_error_get_domain(r->failure),
                                 vmgr_error_get_message(r->failure));
}

void vmgr__remote_fail_locked(struct vmgr__remote *r, int reason, const char *format, ...)
{
    g_autofree char *what = NULL, *words = NULL, *sentence = NULL;
    GHashTableIter iter;
    void *value;
    va_list ap;

    if (r->failure)
        return;
    va_start(ap, format);
    what = g_strdup_vprintf(format, ap);
    va_end(ap);
    words = vmgr__remote_last_words_locked(r);
    sentence = g_strdup_printf("%s: %s%s%s", r->opened ? "connection lost" : "cannot connect", what,
                               words ? ": " : "", words ? words : "");
    vmgr__error_set_plain(&r->failure, VMGR_ERR_RPC, VMGR_FROM_RPC, sentence);
    shutdown(r->fd, SHUT_RDWR);
    g_hash_table_iter_init(&iter, r->waiters);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct vmgr__remote_waiter *w = value;

        w->done = true;
        g_cond_signal(&w->cond);
    }
    g_hash_table_remove_all(r->waiters);
    vmgr__remote_streams_update_locked(r);
    if (r->opened)
        vmgr__conn_lost(r->conn, reason);
    vmgr__remote_kick(r);
}

static void flush_locked(struct vmgr__remote *r)
{
    const bool was_high = r->out_bytes > OUT_HIGH;
    struct vmgr__rpc_out *out;
    bool wait = false;

    while (!wait && (out = g_queue_peek_head(&r->out))) {
        const int n = vmgr__layer_send(r->layer, out, r->fd);

        if (n < 0) {
            vmgr__remote_fail_locked(r, VMGR_CONN_CLOSE_ERROR, "cannot send: %s", g_strerror(-n));
            return;
        }
        wait = n == 0;
        if (n > 0) {
            r->out_bytes -= out->bytes->len;
            if (out == r->pong)
                r->pong = NULL;
            vmgr__rpc_out_free(g_queue_pop_head(&r->out));
        }
    }
    if (wait && !r->out_waits)
        vmgr__remote_kick(r); /* the thread has to wait for the socket */
    r->out_waits = wait;
    if (was_high != (r->out_bytes > OUT_HIGH))
        vmgr__remote_streams_update_locked(r);
}

bool vmgr__remote_send_locked(struct vmgr__remote *r, struct vmgr__rpc_out *out)
{
    if (!out || r->failure) {
        vmgr__rpc_out_free(out);
        return false;
    }
    r->out_bytes += out->bytes->len;
    g_queue_push_tail(&r->out, out);
    if (!r->out_waits)
        flush_locked(r);
    if (r->out_bytes > OUT_HIGH)
        vmgr__remote_streams_update_locked(r);
    return !r->failure;
}

/* ---- what comes in ---- */

static void take_reply(struct vmgr__remote *r, struct vmgr__rpc_packet *packet)
{
    const struct vmgr__rpc_header *h = &packet->header;
    struct vmgr__remote_waiter *w;

    g_mutex_lock(&r->lock);
    w = g_hash_table_lookup(r->waiters, GUINT_TO_POINTER(h->serial));
    if (w && (w->procedure != h->procedure || h->program != w->program)) {
        vmgr__remote_fail_locked(r, VMGR_CONN_CLOSE_ERROR,
                                 "the server answered call %u of procedure %d as procedure %d",
                                 h->serial, w->procedure, h->procedure);
        w = NULL;
    }
    if (w) {
        g_hash_table_remove(r->waiters, GUINT_TO_POINTER(h->serial));
        w->packet = g_steal_pointer(&packet);
        w->done = true;
        g_cond_signal(&w->cond);
    }
    g_mutex_unlock(&r->lock);
    vmgr__rpc_packet_free(packet); /* of a call that nobody made */
}

/* One sign of life that waits to go out is enough for a server that reads none. */
static void send_pong(struct vmgr__remote *r, struct vmgr__rpc_out *pong)
{
    g_mutex_lock(&r->lock);
    if (r->pong) {
        vmgr__rpc_out_free(pong);
    } else {
        r->pong = pong;
        vmgr__remote_send_locked(r, pong);
    }
    g_mutex_unlock(&r->lock);
}

static void take_packet(struct vmgr__remote *r, struct vmgr__rpc_packet *packet)
{
    struct vmgr__rpc_out *answer;

    if (vmgr__keepalive_take(&packet->header, &answer)) {
        vmgr__rpc_packet_free(packet);
        if (answer)
            send_pong(r, answer);
        return;
    }
    switch (packet->header.type) {
    case RPC_REPLY:
    case RPC_REPLY_WITH_FDS: take_reply(r, packet); break;
    case RPC_MESSAGE: vmgr__remote_event_packet(r, packet); break;
    case RPC_STREAM:
    case RPC_STREAM_HOLE: vmgr__remote_stream_packet(r, packet); break;
    default: vmgr__rpc_packet_free(packet); /* not for a client */
    }
}

static void give_up(struct vmgr__remote *r, int reason, const char *why)
{
    g_mutex_lock(&r->lock);
    vmgr__remote_fail_locked(r, reason, "%s", why);
    g_mutex_unlock(&r->lock);
}

/* False: there was nothing. */
static bool read_some(struct vmgr__remote *r)
{
    struct vmgr__rpc_packet *packet;
    struct vmgr__layer *layer;
    ssize_t n;
    int got;

    g_mutex_lock(&r->lock);
    layer = r->layer;
    g_mutex_unlock(&r->lock);
    n = vmgr__layer_fill(layer, &r->reader, r->fd);
    if (n == -EAGAIN)
        return false;
    if (n <= 0) {
        give_up(r, n == 0 ? VMGR_CONN_CLOSE_EOF : VMGR_CONN_CLOSE_ERROR,
                n == 0 ? "the server has closed the connection" : g_strerror((int)-n));
        return true;
    }
    g_mutex_lock(&r->lock);
    vmgr__keepalive_alive(&r->keepalive, g_get_monotonic_time());
    g_mutex_unlock(&r->lock);
    while ((got = vmgr__rpc_reader_next(&r->reader, &packet)) > 0)
        take_packet(r, packet);
    if (got < 0)
        give_up(r, VMGR_CONN_CLOSE_ERROR,
                got == -ENOMEM ? "out of memory" : "the server sent a malformed packet");
    return true;
}

/* ---- waiting ---- */

/* Whether somebody waits for input who does not read himself. */
static bool is_awaited_locked(const struct vmgr__remote *r)
{
    if (g_hash_table_size(r->waiters) || g_hash_table_size(r->streams))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(r->callback_ids); i++) {
        if (r->callback_ids[i] != VMGR__REMOTE_UNASKED)
            return true;
    }
    return false;
}

/* A caller: waits for input, up to a moment (0: for ever), and takes it. */
static void read_or_sleep(struct vmgr__remote *r, int64_t until_us)
{
    struct pollfd p = { .fd = r->fd, .events = POLLIN };
    const int64_t now_us = g_get_monotonic_time();
    const int timeout_ms = until_us ? (int)MAX((until_us - now_us) / 1000 + 1, 0) : -1;
    bool got = false;

    while (!got && vmgr__spin_wanted(&r->spin, g_get_monotonic_time() - now_us))
        got = read_some(r);
    if (!got && poll(&p, 1, timeout_ms) > 0)
        read_some(r);
    vmgr__spin_waited(&r->spin, g_get_monotonic_time() - now_us);
}

/* Reads, for all, until the caller's own reply is there. */
static void read_for_all_locked(struct vmgr__remote *r, struct vmgr__remote_waiter *w)
{
    r->lent_now = true;
    while (!w->done && !r->failure) {
        const int64_t until_us = r->deadline_us;

        g_mutex_unlock(&r->lock);
        read_or_sleep(r, until_us);
        g_mutex_lock(&r->lock);
        if (!w->done && until_us && g_get_monotonic_time() >= until_us)
            vmgr__remote_fail_locked(r, VMGR_CONN_CLOSE_ERROR, "the server does not answer");
    }
    r->lent_now = false;
    if (is_awaited_locked(r))
        r->lent = false;
    if (r->rests || !r->lent)
        vmgr__remote_kick(r);
    r->rests = false;
}

void vmgr__remote_await_locked(struct vmgr__remote *r, struct vmgr__remote_waiter *w)
{
    while (!w->done && !r->failure) {
        if (r->lent && !r->lent_now)
            read_for_all_locked(r, w);
        else if (!r->deadline_us)
            g_cond_wait(&w->cond, &r->lock);
        else if (!g_cond_wait_until(&w->cond, &r->lock, r->deadline_us))
            vmgr__remote_fail_locked(r, VMGR_CONN_CLOSE_ERROR, "the server does not answer");
    }
}

/* The thread: whether it leaves the reading to callers for another while. */
static bool lend_locked(struct vmgr__remote *r)
{
    const bool called = r->next_serial != r->lent_serial;

    r->lent_serial = r->next_serial;
    r->lent = r->lent_now || (called && !is_awaited_locked(r));
    return r->lent;
}

/* ---- the loop ---- */

static bool is_paused_locked(struct vmgr__remote *r)
{
    return r->unread_bytes > UNREAD_HIGH && g_hash_table_size(r->waiters) == 0 && !r->stream_waits;
}

/* When to look again, in milliseconds. */
static int keep_alive_locked(struct vmgr__remote *r)
{
    const int64_t now_us = g_get_monotonic_time();
    enum vmgr__keepalive_due due;

    if (!r->keepalive.interval_us)
        return -1;
    due = vmgr__keepalive_check(&r->keepalive, now_us);
    if (due != VMGR__KEEPALIVE_NOTHING && is_paused_locked(r)) {
        vmgr__keepalive_alive(&r->keepalive, now_us);
        due = VMGR__KEEPALIVE_ASK;
    }
    if (due == VMGR__KEEPALIVE_DEAD)
        vmgr__remote_fail_locked(r, VMGR_CONN_CLOSE_KEEPALIVE, "the server gives no sign of life");
    else if (due == VMGR__KEEPALIVE_ASK)
        vmgr__remote_send_locked(r, vmgr__keepalive_packet(VMGR__KEEPALIVE_PING));
    return (int)MAX((r->keepalive.next_us - now_us) / 1000 + 1, 1);
}

static gpointer session_thread(gpointer data)
{
    struct vmgr__remote *r = data;
    uint64_t count;

    for (;;) {
        struct pollfd fds[3] = { { .fd = r->fd }, { .fd = r->kick_fd, .events = POLLIN } };
        int timeout_ms;
        bool end, lent;

        g_mutex_lock(&r->lock);
        timeout_ms = keep_alive_locked(r);
        end = r->closing || r->failure;
        lent = lend_locked(r);
        fds[0].events = (short)((lent || is_paused_locked(r) ? 0 : POLLIN) |
                                (r->out_waits ? POLLOUT : 0));
        if (lent && !r->out_waits)
            fds[0].fd = -1; /* that the other end is gone is seen by who reads */
        fds[2] = (struct pollfd){ .fd = r->child_err_fd, .events = POLLIN };
        r->rests = lent && r->lent_now;
        if (lent && !r->rests)
            timeout_ms = timeout_ms < 0 ? LENT_MS : MIN(timeout_ms, LENT_MS);
        g_mutex_unlock(&r->lock);
        if (end)
            return NULL;
        if (poll(fds, G_N_ELEMENTS(fds), timeout_ms) < 0)
            continue;
        if (fds[1].revents && read(r->kick_fd, &count, sizeof(count)) < 0)
            g_assert(errno == EAGAIN);
        if (fds[2].revents) {
            g_mutex_lock(&r->lock);
            vmgr__remote_hear_locked(r);
            g_mutex_unlock(&r->lock);
        }
        if (fds[0].revents & (lent ? ~POLLIN : POLLOUT)) {
            g_mutex_lock(&r->lock);
            if (!r->failure)
                flush_locked(r);
            g_mutex_unlock(&r->lock);
        }
        if (!lent && fds[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
            read_some(r);
    }
}

int vmgr__remote_session_start(struct vmgr__remote *r, struct vmgr_error **err)
{
    g_autoptr(GError) cause = NULL;

    r->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->kick_fd < 0)
        return vmgr__error_set_errno(err, errno, VMGR_FROM_RPC, "cannot make an event descriptor");
    r->thread = g_thread_try_new("vmgr-remote", session_thread, r, &cause);
    if (!r->thread)
        return vmgr__error_set(err, VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_RPC,
                               "cannot start a thread: %s", cause->message);
    return 0;
}

void vmgr__remote_session_fini(struct vmgr__remote *r)
{
    struct vmgr__rpc_out *out;

    if (r->thread) {
        g_mutex_lock(&r->lock);
        r->closing = true;
        g_mutex_unlock(&r->lock);
        vmgr__remote_kick(r);
        g_thread_join(r->thread);
    }
    while ((out = g_queue_pop_head(&r->out)))
        vmgr__rpc_out_free(out);
    g_hash_table_unref(r->waiters);
    g_hash_table_unref(r->streams);
    vmgr__rpc_reader_fini(&r->reader);
    vmgr__layer_free(r->layer);
    vmgr_error_free(r->failure);
    if (r->fd >= 0)
        close(r->fd);
    if (r->kick_fd >= 0)
        close(r->kick_fd);
    if (r->child_err_fd >= 0)
        close(r->child_err_fd);
    g_string_free(r->words, TRUE);
    g_mutex_clear(&r->lock);
}
