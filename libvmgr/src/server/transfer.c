/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Uploads and downloads of volumes: streams whose other end is a disk.
 *
 * A disk can keep a thread waiting, so each transfer has one of its own. The I/O thread gives it
 * what comes from the client, in a bounded queue; what goes to the client it sends itself, as long
 * as the client takes it. A transfer that has failed tells so and takes nothing more.
 */
#include <string.h>

#include "internal.h"

#define TRANSFERS_MAX 16 /* of one client */
#define QUEUE_MAX     (1u << 20)
#define ITEM_COST     256u    /* what an item takes besides its bytes: holes have none */
#define CHUNK         262120u /* as libvirtd's: a packet's payload of 256 KiB less its header */

enum item_kind { ITEM_DATA, ITEM_HOLE, ITEM_FINISH };
struct item {
    enum item_kind kind;
    struct vmgr__rpc_packet *packet; /* of DATA */
    uint64_t bytes;                  /* of HOLE */
};

struct vmgr__transfer {
    gint refs;
    struct vmgr__client *client; /* a reference */
    struct vmgr_stream *stream;
    struct vmgr__rpc_header header; /* of its packets */
    bool upload, sparse;

    GMutex lock; /* of what follows; a leaf */
    GCond cond;
    GQueue queue; /* struct item */
    size_t queued;
    bool closed; /* nobody wants it any more */
    bool over;   /* its thread has told how it ended */
};

static void item_free(void *data)
{
    struct item *i = data;

    if (i->packet)
        vmgr__rpc_packet_free(i->packet);
    g_free(i);
}

static size_t item_size(const struct item *i)
{
    return ITEM_COST + (i->packet ? i->packet->size : 0);
}

void vmgr__transfer_unref(struct vmgr__transfer *t)
{
    if (!g_atomic_int_dec_and_test(&t->refs))
        return;
    vmgr_stream_unref(t->stream);
    g_queue_clear_full(&t->queue, item_free);
    g_cond_clear(&t->cond);
    g_mutex_clear(&t->lock);
    vmgr__client_unref(t->client);
    g_free(t);
}

/* ---- its thread ---- */

static void tell(struct vmgr__transfer *t, int status, const void *data, size_t n)
{
    struct vmgr__rpc_header h = t->header;

    h.status = status;
    vmgr__client_send(t->client, vmgr__rpc_out_raw(&h, data, n));
}

static void tell_error(struct vmgr__transfer *t, const struct wire_error *e)
{
    struct vmgr__rpc_header h = t->header;

    h.status = RPC_ERROR;
    vmgr__client_send(t->client, vmgr__rpc_out_new(&h, &vmgr__wire_layout_error, e, NULL, 0));
}

static void tell_hole(struct vmgr__transfer *t, uint64_t bytes)
{
    const struct wire_stream_hole hole = { .length = (int64_t)bytes };
    struct vmgr__rpc_header h = t->header;

    h.type = RPC_STREAM_HOLE;
    h.status = RPC_CONTINUE;
    vmgr__client_send(t->client,
                      vmgr__rpc_out_new(&h, &vmgr__wire_layout_stream_hole, &hole, NULL, 0));
}

/* The next item; NULL: it was closed. For item_free(). */
static struct item *wait_item(struct vmgr__transfer *t)
{
    struct item *i = NULL;

    g_mutex_lock(&t->lock);
    while (!t->closed && !(i = g_queue_pop_head(&t->queue)))
        g_cond_wait(&t->cond, &t->lock);
    if (i)
        t->queued -= item_size(i);
    g_mutex_unlock(&t->lock);
    return i;
}

static bool client_takes(struct vmgr__client *c)
{
    bool takes;

    g_mutex_lock(&c->lock);
    takes = c->out_bytes <= CLIENT_OUT_HIGH || c->dead;
    g_mutex_unlock(&c->lock);
    return takes;
}

/* False: closed, or the client has something to say. */
static bool wait_room(struct vmgr__transfer *t)
{
    bool go, over;

    do {
        /* Without the own lock: that is taken after the client's. */
        go = client_takes(t->client);
        g_mutex_lock(&t->lock);
        /* A client that takes its data wakes the I/O thread, not this one: look again soon. */
        if (!go && !t->closed && !t->queue.length)
            g_cond_wait_until(&t->cond, &t->lock, g_get_monotonic_time() + 2000);
        over = t->closed || t->queue.length;
        g_mutex_unlock(&t->lock);
    } while (!go && !over);
    return !over;
}

static int send_all(struct vmgr__transfer *t, const uint8_t *data, size_t size,
                    struct vmgr_error **err)
{
    while (size) {
        const ssize_t n = vmgr_stream_send(t->stream, data, size, err);

        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Sends until the end of the volume. -1: failed, *err. */
static int send_volume(struct vmgr__transfer *t, struct vmgr_error **err)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    uint64_t hole;
    ssize_t n = 1;

    while (n != 0 && wait_room(t)) {
        n = vmgr_stream_recv_flags(t->stream, buf, CHUNK, t->sparse ? VMGR_STREAM_STOP_AT_HOLE : 0,
                                   err);
        if (n == VMGR_STREAM_AT_HOLE) {
            if (vmgr_stream_recv_hole(t->stream, &hole, err) < 0)
                return -1;
            tell_hole(t, hole);
        } else if (n < 0) {
            return -1;
        } else {
            tell(t, RPC_CONTINUE, buf, (size_t)n);
        }
    }
    return 0;
}

/* Takes what the client sends until it finishes (1) or is gone (0). -1: failed, *err. */
static int take_items(struct vmgr__transfer *t, struct vmgr_error **err)
{
    struct item *i;
    int r = 0;

    while (r == 0 && (i = wait_item(t))) {
        if (i->kind == ITEM_FINISH)
            r = vmgr_stream_finish(t->stream, err) < 0 ? -1 : 1;
        else if (i->kind == ITEM_HOLE)
            r = vmgr_stream_send_hole(t->stream, i->bytes, err);
        else
            r = send_all(t, i->packet->payload, i->packet->size, err);
        item_free(i);
        vmgr__server_kick(t->client->server, t->client);
    }
    return r;
}

static gpointer run(gpointer data)
{
    struct vmgr__transfer *t = data;
    struct vmgr__server *s = t->client->server;
    struct vmgr_error *err = NULL;
    int r = t->upload ? 0 : send_volume(t, &err);

    if (r == 0)
        r = take_items(t, &err);
    if (r < 0) {
        const struct wire_error e = vmgr__rpc_error_from(err);

        tell_error(t, &e);
        vmgr_error_free(err);
    } else if (r > 0) {
        tell(t, RPC_OK, NULL, 0);
    }
    if (r <= 0)
        vmgr_stream_abort(t->stream, NULL);
    g_mutex_lock(&t->lock);
    t->over = true;
    g_mutex_unlock(&t->lock);
    vmgr__server_kick(s, t->client);
    vmgr__transfer_unref(t);
    g_atomic_int_dec_and_test(&s->transfers);
    return NULL;
}

/* ---- the I/O thread and calls ---- */

int vmgr__transfer_add(struct vmgr__call *call, struct vmgr_stream *stream, bool upload,
                       bool sparse)
{
    struct vmgr__transfer *t = g_new0(struct vmgr__transfer, 1);
    struct vmgr__client *c = call->client;
    bool room;

    t->refs = 2; /* the client's and the call's, which becomes the thread's */
    t->client = vmgr__client_ref(c);
    t->stream = stream;
    t->header = call->packet->header;
    t->header.type = RPC_STREAM;
    t->upload = upload;
    t->sparse = sparse;
    g_mutex_init(&t->lock);
    g_cond_init(&t->cond);
    g_queue_init(&t->queue);
    g_mutex_lock(&c->lock);
    room = !c->dead && c->transfers->len < TRANSFERS_MAX;
    if (room)
        g_ptr_array_add(c->transfers, t);
    g_mutex_unlock(&c->lock);
    if (room) {
        call->transfer = t;
        return 0;
    }
    vmgr__transfer_unref(t);
    vmgr__transfer_unref(t);
    return vmgr__call_fail(call, VMGR_ERR_OPERATION_FAILED, VMGR_FROM_STREAMS,
                           "operation failed: more than %d transfers of one client", TRANSFERS_MAX);
}

void vmgr__transfer_start(struct vmgr__transfer *t)
{
    const struct wire_error e = vmgr__rpc_error(VMGR_ERR_SYSTEM_ERROR, VMGR_FROM_STREAMS,
                                                "system call error: cannot start a transfer");
    struct vmgr__server *s = t->client->server;
    GThread *thread;

    g_atomic_int_inc(&s->transfers);
    thread = g_thread_try_new("vmgrd-transfer", run, t, NULL);
    if (thread) {
        g_thread_unref(thread);
        return;
    }
    tell_error(t, &e);
    t->over = true;
    g_atomic_int_dec_and_test(&s->transfers);
    vmgr__transfer_unref(t);
}

static struct vmgr__transfer *find(struct vmgr__client *c, const struct vmgr__rpc_header *h)
{
    struct vmgr__transfer *found = NULL;

    g_mutex_lock(&c->lock);
    for (guint i = 0; i < c->transfers->len && !found; i++) {
        struct vmgr__transfer *t = c->transfers->pdata[i];

        if (t->header.procedure == h->procedure && t->header.serial == h->serial &&
            t->header.program == h->program)
            found = t;
    }
    g_mutex_unlock(&c->lock);
    return found;
}

static void push(struct vmgr__transfer *t, enum item_kind kind, struct vmgr__rpc_packet *packet,
                 uint64_t bytes)
{
    struct item *i = g_new0(struct item, 1);

    i->kind = kind;
    i->packet = packet;
    i->bytes = bytes;
    g_mutex_lock(&t->lock);
    if (t->over) {
        item_free(i);
    } else {
        g_queue_push_tail(&t->queue, i);
        t->queued += item_size(i);
        g_cond_signal(&t->cond);
    }
    g_mutex_unlock(&t->lock);
}

static void close_transfer(struct vmgr__transfer *t)
{
    g_mutex_lock(&t->lock);
    t->closed = true;
    g_cond_signal(&t->cond);
    g_mutex_unlock(&t->lock);
}

static void take_hole(struct vmgr__transfer *t, struct vmgr__rpc_packet *packet)
{
    struct wire_stream_hole hole = { 0 };
    struct vmgr__arena arena = { 0 };
    const bool good = t->upload && t->sparse &&
                      vmgr__wire_decode(&vmgr__wire_layout_stream_hole, packet->payload,
                                        packet->size, &arena, &hole) >= 0 &&
                      hole.length >= 0 && hole.flags == 0;

    vmgr__arena_clear(&arena);
    vmgr__rpc_packet_free(packet);
    if (good) {
        push(t, ITEM_HOLE, NULL, (uint64_t)hole.length);
    } else {
        const struct wire_error e =
            vmgr__rpc_error(VMGR_ERR_RPC, VMGR_FROM_STREAMS,
                            "a hole that is malformed, or in a stream that is not a sparse one");

        tell_error(t, &e);
        close_transfer(t);
    }
}

bool vmgr__transfer_packet(struct vmgr__client *c, struct vmgr__rpc_packet *packet)
{
    const struct vmgr__rpc_header *h = &packet->header;
    struct vmgr__transfer *t = find(c, h);

    if (!t)
        return false;
    if (h->status == RPC_CONTINUE && h->type == RPC_STREAM_HOLE) {
        take_hole(t, packet);
        return true;
    }
    if (h->status == RPC_CONTINUE && t->upload) {
        push(t, ITEM_DATA, packet, 0);
        return true;
    }
    if (h->status == RPC_OK) {
        push(t, ITEM_FINISH, NULL, 0);
    } else {
        if (h->status == RPC_ERROR)
            tell(t, RPC_OK, NULL, 0); /* the client gives up */
        close_transfer(t);
    }
    vmgr__rpc_packet_free(packet);
    return true;
}

bool vmgr__transfers_full_locked(struct vmgr__client *c)
{
    bool full = false;

    for (guint i = 0; i < c->transfers->len && !full; i++) {
        struct vmgr__transfer *t = c->transfers->pdata[i];

        g_mutex_lock(&t->lock);
        full = t->queued > QUEUE_MAX && !t->over;
        g_mutex_unlock(&t->lock);
    }
    return full;
}

/* Takes one that is over (all: any) off the client's list; NULL: there is none. */
static struct vmgr__transfer *steal(struct vmgr__client *c, bool all)
{
    struct vmgr__transfer *found = NULL;

    g_mutex_lock(&c->lock);
    for (guint i = 0; i < c->transfers->len && !found; i++) {
        struct vmgr__transfer *t = c->transfers->pdata[i];
        bool over;

        g_mutex_lock(&t->lock);
        over = t->over;
        g_mutex_unlock(&t->lock);
        if (over || all) {
            found = t;
            g_ptr_array_remove_index(c->transfers, i);
        }
    }
    g_mutex_unlock(&c->lock);
    return found;
}

void vmgr__transfers_sweep(struct vmgr__client *c, bool all)
{
    struct vmgr__transfer *t;

    while ((t = steal(c, all))) {
        close_transfer(t);
        vmgr__transfer_unref(t);
    }
}

void vmgr__transfers_wait(struct vmgr__server *s)
{
    /* Closed ones end after the chunk they are at. */
    while (g_atomic_int_get(&s->transfers) > 0)
        g_usleep(1000);
}
