/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over the connection: data in packets with the serial number of the call that opened them.
 *
 * Two eventfds stand for what a socket would say: one is readable while recv() has something to
 * say, the other's counter is full, so that it is not writable, while send() would have to wait.
 * Streams of volumes wait in the call instead, as those of the other drivers do; their holes come
 * and go as packets of a type of their own.
 *
 * The end is agreed on: finish and abort wait for the server's word, which is where a failure of
 * what was sent is reported. Finishing may take as long as the server's storage; nothing hangs on
 * the word that an abort waits for, so that is given up after a while.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote.h"

#define OUT_HIGH   (1u << 20)
#define IN_COST    128 /* bytes that a packet takes beside what it carries, about */
#define ABORT_US   (10 * G_TIME_SPAN_SECOND)
#define UNREAD_MAX (256u << 20) /* that a server may send while a call keeps reading open */

struct vmgr__remote_stream {
    gint refs;
    struct vmgr__remote *remote; /* the handle keeps its connection */
    int32_t procedure;
    enum vmgr__remote_stream_kind kind;
    bool sparse; /* holes come as such */
    int read_fd, write_fd;
    /* by remote->lock */
    uint32_t serial;
    GQueue in;        /* struct vmgr__rpc_packet */
    uint64_t in_head; /* taken of the first: bytes, of data or of a hole */
    size_t in_bytes; /* of memory */
    bool readable, full; /* what the eventfds say */
    bool eof;            /* the server has sent all */
    bool ending;         /* finish or abort is under way, or was */
    bool acked;          /* and the server has agreed */
    struct vmgr_error *error;
    GCond cond;
};

struct vmgr__remote_stream *vmgr__remote_stream_new(struct vmgr__remote *r, int32_t procedure,
                                                    enum vmgr__remote_stream_kind kind, bool sparse,
                                                    struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = g_new0(struct vmgr__remote_stream, 1);

    st->refs = 1;
    st->remote = r;
    st->procedure = procedure;
    st->kind = kind;
    st->sparse = sparse;
    g_queue_init(&st->in);
    g_cond_init(&st->cond);
    st->read_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    st->write_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (st->read_fd < 0 || st->write_fd < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot make an event descriptor");
        vmgr__remote_stream_unref(st);
        return NULL;
    }
    return st;
}

static void drop_unread(struct vmgr__remote_stream *st)
{
    struct vmgr__rpc_packet *packet;

    while ((packet = g_queue_pop_head(&st->in)))
        vmgr__rpc_packet_free(packet);
    st->remote->unread_bytes -= st->in_bytes;
    st->in_bytes = st->in_head = 0;
}

/* Nobody else has it any more. */
void vmgr__remote_stream_unref(void *stream)
{
    struct vmgr__remote_stream *st = stream;

    if (!g_atomic_int_dec_and_test(&st->refs))
        return;
    g_assert(st->in.length == 0);
    if (st->read_fd >= 0)
        close(st->read_fd);
    if (st->write_fd >= 0)
        close(st->write_fd);
    vmgr_error_free(st->error);
    g_cond_clear(&st->cond);
    g_free(st);
}

void vmgr__remote_stream_add_locked(struct vmgr__remote *r, struct vmgr__remote_stream *st,
                                    uint32_t serial)
{
    st->serial = serial;
    g_atomic_int_inc(&st->refs);
    g_hash_table_insert(r->streams, GUINT_TO_POINTER(serial), st);
}

void vmgr__remote_stream_drop(struct vmgr__remote *r, struct vmgr__remote_stream *st)
{
    g_mutex_lock(&r->lock);
    drop_unread(st);
    if (g_hash_table_lookup(r->streams, GUINT_TO_POINTER(st->serial)) == st)
        g_hash_table_remove(r->streams, GUINT_TO_POINTER(st->serial));
    g_mutex_unlock(&r->lock);
    vmgr__remote_kick(r); /* it may read again */
}

/* ---- what polls ---- */

static void set_counter(int fd, bool *state, bool on, uint64_t value)
{
    uint64_t count;

    if (*state == on)
        return;
    *state = on;
    if ((on ? write(fd, &value, sizeof(value)) : read(fd, &count, sizeof(count))) < 0)
        g_assert_not_reached(); /* the state says what is in it */
}

static void update_locked(struct vmgr__remote_stream *st)
{
    const struct vmgr__remote *r = st->remote;
    const bool over = st->error || r->failure || st->acked;

    set_counter(st->read_fd, &st->readable, st->in.length > 0 || st->eof || over, 1);
    set_counter(st->write_fd, &st->full, r->out_bytes > OUT_HIGH && !over, UINT64_MAX - 1);
    g_cond_broadcast(&st->cond);
}

void vmgr__remote_streams_update_locked(struct vmgr__remote *r)
{
    GHashTableIter iter;
    void *stream;

    g_hash_table_iter_init(&iter, r->streams);
    while (g_hash_table_iter_next(&iter, NULL, &stream))
        update_locked(stream);
}

/* ---- what comes in ---- */

/* What it stands for; -1: that is no length. */
static int64_t hole_length(const struct vmgr__rpc_packet *packet)
{
    struct vmgr__arena arena = VMGR__ARENA_INIT;
    struct wire_stream_hole hole = { 0 };
    const bool good = vmgr__wire_decode(&vmgr__wire_layout_stream_hole, packet->payload,
                                        packet->size, &arena, &hole) >= 0 &&
                      hole.length >= 0 && hole.flags == 0;

    vmgr__arena_clear(&arena);
    return good ? hole.length : -1;
}

static bool is_hole(const struct vmgr__rpc_packet *packet)
{
    return packet->header.type == RPC_STREAM_HOLE;
}

/* Why a packet with contents cannot be; NULL: it can. */
static const char *refusal(const struct vmgr__remote_stream *st,
                           const struct vmgr__rpc_packet *packet)
{
    if (st->kind == REMOTE_STREAM_UPLOAD)
        return "the server sent data in an upload";
    if (!is_hole(packet))
        return NULL;
    if (!st->sparse)
        return "the server sent a hole in a stream that was not opened as sparse";
    return hole_length(packet) < 0 ? "the server sent a hole that cannot be" : NULL;
}

static void take_data(struct vmgr__remote_stream *st, struct vmgr__rpc_packet *packet)
{
    struct vmgr__remote *r = st->remote;
    const char *why;

    if (packet->size == 0 && !is_hole(packet)) {
        st->eof = true;
    } else if (!st->ending && !st->eof && !st->error) {
        why = refusal(st, packet);
        if (why) {
            vmgr__error_set_plain(&st->error, VMGR_ERR_RPC, VMGR_FROM_STREAMS, why);
        } else if (r->unread_bytes > UNREAD_MAX) {
            vmgr__error_set(&st->error, VMGR_ERR_RPC, VMGR_FROM_STREAMS,
                            "more than %u MiB came and were not read", UNREAD_MAX >> 20);
        } else {
            st->in_bytes += packet->size + IN_COST;
            r->unread_bytes += packet->size + IN_COST;
            g_queue_push_tail(&st->in, packet);
            return;
        }
    }
    vmgr__rpc_packet_free(packet);
}

void vmgr__remote_stream_packet(struct vmgr__remote *r, struct vmgr__rpc_packet *packet)
{
    struct vmgr__remote_stream *st;

    g_mutex_lock(&r->lock);
    st = packet->header.program == WIRE_REMOTE_PROGRAM
             ? g_hash_table_lookup(r->streams, GUINT_TO_POINTER(packet->header.serial))
             : NULL;
    if (!st || st->procedure != packet->header.procedure) {
        vmgr__rpc_packet_free(packet); /* of one that has ended */
    } else if (packet->header.status == RPC_ERROR) {
        if (!st->error)
            vmgr__remote_error_from(packet, "stream", &st->error);
        vmgr__rpc_packet_free(packet);
        update_locked(st);
    } else if (packet->header.status == RPC_OK) {
        st->acked = st->ending; /* before that it has no meaning */
        vmgr__rpc_packet_free(packet);
        update_locked(st);
    } else {
        take_data(st, packet);
        update_locked(st);
    }
    g_mutex_unlock(&r->lock);
}

/* ---- the handle ---- */

static int error_locked(struct vmgr__remote_stream *st, struct vmgr_error **err)
{
    if (!st->error)
        return vmgr__remote_failed_locked(st->remote, err);
    return vmgr__error_set_plain(err, vmgr_error_get_code(st->error),
                                 vmgr_error_get_domain(st->error),
                                 vmgr_error_get_message(st->error));
}

/* Takes n of what the first packet stands for. */
static void consume_locked(struct vmgr__remote_stream *st, uint64_t n, uint64_t of)
{
    const struct vmgr__rpc_packet *packet = g_queue_peek_head(&st->in);
    size_t freed = is_hole(packet) ? 0 : (size_t)n;

    st->in_head += n;
    if (st->in_head == of) {
        freed += (is_hole(packet) ? packet->size : 0) + IN_COST;
        vmgr__rpc_packet_free(g_queue_pop_head(&st->in));
        st->in_head = 0;
    }
    st->in_bytes -= freed;
    st->remote->unread_bytes -= freed;
}

/* Bytes, holes as zeros; or VMGR_STREAM_AT_HOLE. */
static ssize_t take_locked(struct vmgr__remote_stream *st, char *buf, size_t size,
                           bool stop_at_hole)
{
    const struct vmgr__rpc_packet *packet;
    size_t taken = 0;

    while (taken < size && (packet = g_queue_peek_head(&st->in))) {
        const uint64_t all = is_hole(packet) ? (uint64_t)hole_length(packet) : packet->size;
        const size_t n = (size_t)MIN(size - taken, all - st->in_head);

        if (is_hole(packet) && stop_at_hole)
            return taken ? (ssize_t)taken : VMGR_STREAM_AT_HOLE;
        if (is_hole(packet))
            memset(buf + taken, 0, n);
        else
            memcpy(buf + taken, packet->payload + st->in_head, n);
        taken += n;
        consume_locked(st, n, all);
    }
    return (ssize_t)taken;
}

/* A stream of a volume: until there is something to take, or nothing more comes. */
static void wait_readable_locked(struct vmgr__remote_stream *st)
{
    struct vmgr__remote *r = st->remote;

    r->stream_waits++; /* other streams' data do not keep ours from being read */
    if (r->unread_bytes)
        vmgr__remote_kick(r);
    while (!st->in.length && !st->error && !r->failure && !st->eof)
        g_cond_wait(&st->cond, &r->lock);
    r->stream_waits--;
}

static ssize_t stream_recv(void *data, void *buf, size_t size, bool stop_at_hole,
                           struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    ssize_t n;

    g_mutex_lock(&r->lock);
    do {
        n = 0;
        if (st->kind == REMOTE_STREAM_DOWNLOAD)
            wait_readable_locked(st);
        if (st->in.length)
            n = take_locked(st, buf, size, stop_at_hole);
        else if (st->error || (r->failure && !st->eof))
            n = error_locked(st, err);
        else if (st->eof)
            break;
        else if (st->kind == REMOTE_STREAM_CONSOLE)
            n = VMGR_STREAM_AGAIN;
        /* A hole of no length is nothing, and not the end. */
    } while (n == 0 && size);
    update_locked(st);
    g_mutex_unlock(&r->lock);
    if (n > 0)
        vmgr__remote_kick(r);
    return n;
}

static int stream_recv_hole(void *data, uint64_t *ret_bytes, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    const struct vmgr__rpc_packet *packet;
    int result = 0;

    *ret_bytes = 0;
    g_mutex_lock(&r->lock);
    wait_readable_locked(st);
    packet = g_queue_peek_head(&st->in);
    if (packet && is_hole(packet)) {
        const uint64_t all = (uint64_t)hole_length(packet);

        *ret_bytes = all - st->in_head;
        consume_locked(st, *ret_bytes, all);
    } else if (!packet && (st->error || (r->failure && !st->eof))) {
        result = error_locked(st, err);
    }
    update_locked(st);
    g_mutex_unlock(&r->lock);
    return result;
}

static bool send_status_locked(struct vmgr__remote_stream *st, int status, const void *buf,
                               size_t size)
{
    const struct vmgr__rpc_header h = { .program = WIRE_REMOTE_PROGRAM,
                                        .version = WIRE_REMOTE_VERSION,
                                        .procedure = st->procedure,
                                        .type = RPC_STREAM,
                                        .serial = st->serial,
                                        .status = status };

    return vmgr__remote_send_locked(st->remote, vmgr__rpc_out_raw(&h, buf, size));
}

/* A stream of a volume: until there is room, or nothing can be sent. */
static void wait_writable_locked(struct vmgr__remote_stream *st)
{
    while (st->remote->out_bytes > OUT_HIGH && !st->error && !st->remote->failure)
        g_cond_wait(&st->cond, &st->remote->lock);
}

static ssize_t stream_send(void *data, const void *buf, size_t size, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    const size_t n = MIN(size, VMGR__RPC_STREAM_MAX);
    ssize_t result;

    g_mutex_lock(&r->lock);
    if (st->kind == REMOTE_STREAM_UPLOAD)
        wait_writable_locked(st);
    if (st->error || r->failure)
        result = error_locked(st, err);
    else if (r->out_bytes > OUT_HIGH)
        result = VMGR_STREAM_AGAIN;
    else if (n == 0) /* no data would mean the end */
        result = 0;
    else
        result = send_status_locked(st, RPC_CONTINUE, buf, n) ? (ssize_t)n : error_locked(st, err);
    g_mutex_unlock(&r->lock);
    return result;
}

static int stream_send_hole(void *data, uint64_t bytes, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    const struct vmgr__rpc_header h = { .program = WIRE_REMOTE_PROGRAM,
                                        .version = WIRE_REMOTE_VERSION,
                                        .procedure = st->procedure,
                                        .type = RPC_STREAM_HOLE,
                                        .serial = st->serial,
                                        .status = RPC_CONTINUE };
    const struct wire_stream_hole hole = { .length = (int64_t)bytes };
    int result = 0;

    if (!st->sparse)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_STREAMS,
                               "a hole for a stream that was not opened as sparse");
    if (bytes > INT64_MAX)
        return vmgr__error_set(err, VMGR_ERR_OVERFLOW, VMGR_FROM_STREAMS, "a hole of %" PRIu64,
                               bytes);
    g_mutex_lock(&r->lock);
    wait_writable_locked(st);
    if (st->error || r->failure ||
        !vmgr__remote_send_locked(
            r, vmgr__rpc_out_new(&h, &vmgr__wire_layout_stream_hole, &hole, NULL, 0)))
        result = error_locked(st, err);
    g_mutex_unlock(&r->lock);
    return result;
}

static int stream_end(void *data, bool aborted, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    const gint64 deadline_us = g_get_monotonic_time() + ABORT_US;
    bool in_time = true;
    int result = 0;

    g_mutex_lock(&r->lock);
    st->ending = true;
    drop_unread(st);
    if (!st->error)
        send_status_locked(st, aborted ? RPC_ERROR : RPC_OK, NULL, 0);
    vmgr__remote_kick(r);
    r->stream_waits++;
    while (!st->acked && !st->error && !r->failure && in_time) {
        if (aborted)
            in_time = g_cond_wait_until(&st->cond, &r->lock, deadline_us);
        else
            g_cond_wait(&st->cond, &r->lock);
    }
    r->stream_waits--;
    if (!st->acked && !st->error && !r->failure)
        result = vmgr__error_set(err, VMGR_ERR_OPERATION_TIMEOUT, VMGR_FROM_STREAMS,
                                 "the server does not confirm the end of the stream");
    else if (!st->acked && (!aborted || !st->error))
        result = error_locked(st, err);
    g_mutex_unlock(&r->lock);
    return result;
}

static void stream_closed(void *data)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;

    g_mutex_lock(&r->lock);
    if (!st->ending && !st->error)
        send_status_locked(st, RPC_ERROR, NULL, 0); /* its answer finds no stream */
    g_mutex_unlock(&r->lock);
    vmgr__remote_stream_drop(r, st);
    vmgr__remote_stream_unref(st);
}

struct vmgr_stream *vmgr__remote_stream_handle(struct vmgr__remote *r,
                                               struct vmgr__remote_stream *st,
                                               struct vmgr_error **err)
{
    static const struct vmgr__stream_ops ops = {
        .recv = stream_recv, .send = stream_send, .end = stream_end, .closed = stream_closed
    };
    static const struct vmgr__stream_ops upload = { .send = stream_send,
                                                    .send_hole = stream_send_hole,
                                                    .end = stream_end,
                                                    .closed = stream_closed };
    static const struct vmgr__stream_ops download = { .recv = stream_recv,
                                                      .recv_hole = stream_recv_hole,
                                                      .end = stream_end,
                                                      .closed = stream_closed };
    int read_fd, write_fd;

    if (st->kind != REMOTE_STREAM_CONSOLE)
        return vmgr__stream_new_sync(
            r->conn, st->kind == REMOTE_STREAM_UPLOAD ? &upload : &download, st, err);
    read_fd = fcntl(st->read_fd, F_DUPFD_CLOEXEC, 0);
    write_fd = fcntl(st->write_fd, F_DUPFD_CLOEXEC, 0);

    if (read_fd < 0 || write_fd < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot open a stream");
        if (read_fd >= 0)
            close(read_fd);
        stream_closed(st);
        return NULL;
    }
    return vmgr__stream_new(r->conn, read_fd, write_fd, -1, &ops, st, err);
}
