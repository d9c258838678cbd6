/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over the connection: data in packets with the serial number of the call that opened them.
 *
 * Two eventfds stand for what a socket would say: one is readable while recv() has something to
 * say, the other's counter is full, so that it is not writable, while send() would have to wait.
 * The end is agreed on: finish and abort wait for the server's word, which is where a failure of
 * what was sent is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote.h"

#define OUT_HIGH   (1u << 20)
#define UNREAD_MAX (256u << 20) /* that a server may send while a call keeps reading open */

struct vmgr__remote_stream {
    gint refs;
    struct vmgr__remote *remote; /* the handle keeps its connection */
    int32_t procedure;
    int read_fd, write_fd;
    /* by remote->lock */
    uint32_t serial;
    GQueue in;      /* struct vmgr__rpc_packet */
    size_t in_head; /* taken of the first */
    size_t in_bytes;
    bool readable, full; /* what the eventfds say */
    bool eof;            /* the server has sent all */
    bool ending;         /* finish or abort is under way, or was */
    bool acked;          /* and the server has agreed */
    struct vmgr_error *error;
    GCond cond;
};

struct vmgr__remote_stream *vmgr__remote_stream_new(struct vmgr__remote *r, int32_t procedure,
                                                    struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = g_new0(struct vmgr__remote_stream, 1);

    st->refs = 1;
    st->remote = r;
    st->procedure = procedure;
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
    if (over)
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

static void take_data(struct vmgr__remote_stream *st, struct vmgr__rpc_packet *packet)
{
    struct vmgr__remote *r = st->remote;

    if (packet->size == 0) {
        st->eof = true;
    } else if (!st->ending && !st->eof) {
        if (r->unread_bytes > UNREAD_MAX) {
            vmgr__error_set(&st->error, VMGR_ERR_RPC, VMGR_FROM_STREAMS,
                            "more than %u MiB came and were not read", UNREAD_MAX >> 20);
        } else {
            st->in_bytes += packet->size;
            r->unread_bytes += packet->size;
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
        vmgr__remote_error_from(packet, "stream", &st->error);
        vmgr__rpc_packet_free(packet);
        update_locked(st);
    } else if (packet->header.type == RPC_STREAM_HOLE) {
        vmgr__error_set(&st->error, VMGR_ERR_RPC, VMGR_FROM_STREAMS,
                        "the server sent a hole in a stream that was not opened as sparse");
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

static size_t take_locked(struct vmgr__remote_stream *st, char *buf, size_t size)
{
    struct vmgr__rpc_packet *packet;
    size_t taken = 0;

    while (taken < size && (packet = g_queue_peek_head(&st->in))) {
        const size_t n = MIN(size - taken, packet->size - st->in_head);

        memcpy(buf + taken, packet->payload + st->in_head, n);
        taken += n;
        st->in_head += n;
        if (st->in_head == packet->size) {
            vmgr__rpc_packet_free(g_queue_pop_head(&st->in));
            st->in_head = 0;
        }
    }
    st->in_bytes -= taken;
    st->remote->unread_bytes -= taken;
    return taken;
}

/* Holes are not asked for when a stream is opened, so none come. */
static ssize_t stream_recv(void *data, void *buf, size_t size, bool stop_at_hole,
                           struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    ssize_t n = VMGR_STREAM_AGAIN;
    bool low;

    g_mutex_lock(&r->lock);
    if (st->in.length)
        n = (ssize_t)take_locked(st, buf, size);
    else if (st->error || (r->failure && !st->eof))
        n = error_locked(st, err);
    else if (st->eof)
        n = 0;
    low = r->unread_bytes < UNREAD_MAX;
    update_locked(st);
    g_mutex_unlock(&r->lock);
    if (n > 0 && low)
        vmgr__remote_kick(r);
    return n;
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

static ssize_t stream_send(void *data, const void *buf, size_t size, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    const size_t n = MIN(size, VMGR__RPC_STREAM_MAX);
    ssize_t result;

    g_mutex_lock(&r->lock);
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

static int stream_end(void *data, bool aborted, struct vmgr_error **err)
{
    struct vmgr__remote_stream *st = data;
    struct vmgr__remote *r = st->remote;
    int result = 0;

    g_mutex_lock(&r->lock);
    st->ending = true;
    drop_unread(st);
    if (!st->error)
        send_status_locked(st, aborted ? RPC_ERROR : RPC_OK, NULL, 0);
    vmgr__remote_kick(r);
    while (!st->acked && !st->error && !r->failure)
        g_cond_wait(&st->cond, &r->lock);
    if (!st->acked && (!aborted || !st->error))
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
    const int read_fd = fcntl(st->read_fd, F_DUPFD_CLOEXEC, 0);
    const int write_fd = fcntl(st->write_fd, F_DUPFD_CLOEXEC, 0);

    if (read_fd < 0 || write_fd < 0) {
        vmgr__error_set_errno(err, errno, VMGR_FROM_STREAMS, "cannot open a stream");
        if (read_fd >= 0)
            close(read_fd);
        stream_closed(st);
        return NULL;
    }
    return vmgr__stream_new(r->conn, read_fd, write_fd, -1, &ops, st, err);
}
