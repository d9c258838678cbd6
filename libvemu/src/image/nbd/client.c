/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to an export, shared by any number of threads.
 *
 * Theory of operation: a thread takes a slot (its number is in the request's cookie), sends its
 * request under `send_lock`, and waits. Of the threads that wait one is the receiver: it reads
 * replies, puts data where the request it belongs to wants it, and wakes that one's thread, until
 * its own request is answered; then it hands over to another. So a thread alone never waits for
 * another thread, and the number of threads that use the connection does not matter.
 *
 * When the connection breaks (end of file, error, a reply that cannot be, silence), whoever notices
 * shuts the socket down; only the receiver then gives the requests up (`NBD_LOST`), since only it
 * may be writing into their buffers. Their threads connect anew, one for all, and send their
 * requests again, until `reconnect_ms` have passed since the break. Requests are the same when done
 * twice: that is the nature of a disk.
 *
 * Lock order: send_lock, lock.
 */
#include "image/nbd/client.h"

#include <errno.h>
#include <glib.h>
#include <sys/socket.h>

#include "core/iov.h"
#include "core/thread.h"
#include "image/nbd/proto.h"
#include "image/nbd/reply.h"

#define SLOTS          128u
#define SECOND_US      G_GINT64_CONSTANT(1000000)
#define FIRST_PAUSE_US (SECOND_US / 20)
#define HANDSHAKE_MS   10000
#define EXTRA_MS       2000u /* a further connection, that one can do without */

enum state { CONNECTED, BROKEN, CONNECTING };

struct nbd_client {
    const struct nbd_address *address;
    struct nbd_client_options options;
    struct nbd_export export;

    pthread_mutex_t send_lock; /* sending; the stream is replaced with both held */
    struct nbd_handshake connection;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a slot is free, or the state is another */
    enum state state;
    bool receiving;
    uint32_t generation; /* of connections */
    int64_t broken_us, tried_us, pause_us;
    struct nbd_request *slots[SLOTS];
    unsigned used;
    atomic_uint load;
};

/* --- connecting ------------------------------------------------------------------------------- */

static int check_same(const struct nbd_export *now, const struct nbd_export *before,
                      struct vemu_error **err)
{
    uint32_t lost = before->flags & ~now->flags & ~NBD_FLAG_READ_ONLY;

    if (now->size != before->size || now->min_block > before->min_block ||
        now->max_block < before->max_block || lost ||
        (now->flags & ~before->flags & NBD_FLAG_READ_ONLY) ||
        (before->has_allocation && !now->has_allocation))
        return vemu__error_set(err, ESTALE, "the export is not what it was before");
    return 0;
}

static int open_connection(struct nbd_client *client, const struct nbd_export *expected,
                           unsigned timeout_ms, struct nbd_handshake *ret,
                           struct nbd_export *ret_export, struct vemu_error **err)
{
    int r = vemu__nbd_handshake_start(ret, client->address, timeout_ms, err);

    if (r < 0)
        return r;
    r = vemu__nbd_handshake_go(ret, client->address->export, ret_export, err);
    if (r >= 0 && expected)
        r = check_same(ret_export, expected, err);
    if (r >= 0)
        return 0;
    vemu__nbd_handshake_end(ret, false);
    return r;
}

/* The one thread that connects anew. Called with `lock` held, which it gives up meanwhile. */
static void reconnect_locked(struct nbd_client *client)
{
    int64_t left_ms = client->options.reconnect_ms -
                      (g_get_monotonic_time() - client->broken_us) * 1000 / SECOND_US;
    struct nbd_handshake connection;
    struct nbd_export export = { 0 };
    int r;

    client->state = CONNECTING;
    pthread_mutex_unlock(&client->lock);
    r = open_connection(client, &client->export, (unsigned)CLAMP(left_ms, 1000, HANDSHAKE_MS),
                        &connection, &export, NULL);
    pthread_mutex_lock(&client->send_lock);
    pthread_mutex_lock(&client->lock);
    client->tried_us = g_get_monotonic_time();
    client->pause_us = MIN(client->pause_us * 2, 2 * SECOND_US);
    client->state = r < 0 ? BROKEN : CONNECTED;
    if (r >= 0) {
        vemu__nbd_handshake_end(&client->connection, false);
        client->connection = connection;
        /* contexts may have other numbers now */
        client->export.structured = export.structured;
        client->export.allocation_id = export.allocation_id;
        client->generation++;
    }
    pthread_mutex_unlock(&client->send_lock);
    pthread_cond_broadcast(&client->changed);
    vemu__nbd_export_clear(&export);
}

static void wait_until_locked(struct nbd_client *client, int64_t until_us)
{
    struct timespec until = { until_us / SECOND_US, until_us % SECOND_US * 1000 };

    pthread_cond_timedwait(&client->changed, &client->lock, &until);
}

/* Returns with the connection up, or -EIO. */
static int connect_locked(struct nbd_client *client)
{
    while (client->state != CONNECTED) {
        int64_t now = g_get_monotonic_time();
        int64_t give_up = client->broken_us + client->options.reconnect_ms * SECOND_US / 1000;
        bool late = now >= give_up;

        if (client->state == CONNECTING || client->receiving)
            pthread_cond_wait(&client->changed, &client->lock);
        else if (now >= client->tried_us + (late ? SECOND_US : client->pause_us))
            reconnect_locked(client);
        else if (late)
            return -EIO;
        else
            wait_until_locked(client, client->tried_us + client->pause_us);
    }
    return 0;
}

/* --- breaking --------------------------------------------------------------------------------- */

static void break_locked(struct nbd_client *client, uint32_t generation)
{
    if (client->state != CONNECTED || client->generation != generation)
        return;
    shutdown(client->connection.stream.fd, SHUT_RDWR);
    client->state = BROKEN;
    client->broken_us = g_get_monotonic_time();
    client->tried_us = 0;
    client->pause_us = FIRST_PAUSE_US;
    if (client->options.reconnect_ms == 0)
        client->tried_us = client->broken_us; /* the next request tries, a second from now */
}

/* By the receiver, or when there is none. */
static void lose_all_locked(struct nbd_client *client)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct nbd_request *request = client->slots[i];

        if (request && request->state == NBD_WAITING) {
            request->state = NBD_LOST;
            pthread_cond_signal(&request->cond);
        }
    }
    pthread_cond_broadcast(&client->changed);
}

/* --- requests --------------------------------------------------------------------------------- */

static unsigned take_slot_locked(struct nbd_client *client, struct nbd_request *request)
{
    unsigned i = 0;

    while (client->slots[i])
        i++;
    client->slots[i] = request;
    client->used++;
    return i;
}

static int send_request(struct nbd_client *client, const struct nbd_request *request, unsigned slot,
                        uint32_t generation)
{
    uint8_t head[NBD_REQUEST_SIZE], *p = be_put32(head, NBD_REQUEST_MAGIC);
    uint32_t payload = request->type == NBD_CMD_WRITE ? request->bytes : 0;
    struct nbd_stream *stream = &client->connection.stream;
    int r;

    p = be_put16(p, request->flags);
    p = be_put16(p, request->type);
    p = be_put64(p, (uint64_t)generation << 32 | slot);
    p = be_put64(p, request->offset);
    be_put32(p, request->bytes);
    pthread_mutex_lock(&client->send_lock);
    if (client->options.timeout_ms)
        stream->send_deadline_us = vemu__nbd_deadline_us(client->options.timeout_ms);
    /* given up meanwhile, and this is another connection */
    r = client->generation != generation
            ? -ENOTCONN
            : vemu__nbd_stream_write(stream, head, sizeof(head), request->iov, request->iov_count,
                                     request->iov_offset, payload);
    pthread_mutex_unlock(&client->send_lock);
    return r;
}

static struct nbd_request *find_request(void *data, uint64_t cookie)
{
    struct nbd_client *client = data;
    uint32_t slot = (uint32_t)cookie;
    struct nbd_request *request = NULL;

    pthread_mutex_lock(&client->lock);
    if (slot < SLOTS && cookie >> 32 == client->generation)
        request = client->slots[slot];
    if (request && request->state != NBD_WAITING)
        request = NULL;
    pthread_mutex_unlock(&client->lock);
    return request;
}

/* Somebody has to listen: the receiver is done with its own request. */
static void hand_over_locked(struct nbd_client *client)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (client->slots[i] && client->slots[i]->asleep &&
            client->slots[i]->state == NBD_WAITING) {
            pthread_cond_signal(&client->slots[i]->cond);
            return;
        }
}

static void receive_locked(struct nbd_client *client, const struct nbd_request *own)
{
    uint32_t generation = client->generation;

    client->receiving = true;
    while (own->state == NBD_WAITING) {
        struct nbd_request *request = NULL;
        struct nbd_stream *stream = &client->connection.stream;
        int r = -ENOTCONN;

        if (client->state == CONNECTED) {
            pthread_mutex_unlock(&client->lock);
            if (client->options.timeout_ms)
                stream->deadline_us = vemu__nbd_deadline_us(client->options.timeout_ms);
            r = vemu__nbd_reply_read(stream, &client->export, find_request, client, &request);
            pthread_mutex_lock(&client->lock);
        }
        if (r < 0) {
            break_locked(client, generation);
            lose_all_locked(client);
        } else if (r == 1) {
            request->state = NBD_DONE;
            if (request != own)
                pthread_cond_signal(&request->cond);
        }
    }
    client->receiving = false;
    if (client->state != CONNECTED)
        pthread_cond_broadcast(&client->changed);
    hand_over_locked(client);
}

static void wait_locked(struct nbd_client *client, struct nbd_request *request)
{
    while (request->state == NBD_WAITING) {
        if (!client->receiving) {
            receive_locked(client, request);
            continue;
        }
        request->asleep = true;
        pthread_cond_wait(&request->cond, &client->lock);
        request->asleep = false;
    }
}

/* Once over the connection that is there. */
static void try_locked(struct nbd_client *client, struct nbd_request *request)
{
    uint32_t generation = client->generation;
    unsigned slot;
    int r;

    request->state = NBD_WAITING;
    request->asleep = false;
    request->result = 0;
    request->received = 0;
    request->extent_bytes = 0;
    slot = take_slot_locked(client, request);
    pthread_mutex_unlock(&client->lock);
    r = send_request(client, request, slot, generation);
    pthread_mutex_lock(&client->lock);
    if (r < 0)
        break_locked(client, generation);
    wait_locked(client, request);
    client->slots[slot] = NULL;
    if (client->used-- == SLOTS)
        pthread_cond_broadcast(&client->changed);
}

int vemu__nbd_client_do(struct nbd_client *client, struct nbd_request *request)
{
    int r = 0;

    pthread_cond_init(&request->cond, NULL);
    atomic_fetch_add(&client->load, 1);
    pthread_mutex_lock(&client->lock);
    for (;;) {
        r = connect_locked(client);
        if (r < 0)
            break;
        if (client->used == SLOTS) {
            pthread_cond_wait(&client->changed, &client->lock);
            continue;
        }
        try_locked(client, request);
        if (request->state == NBD_DONE) {
            r = request->result;
            break;
        }
        if (!client->options.reconnect_ms) {
            r = -EIO;
            break;
        }
    }
    pthread_mutex_unlock(&client->lock);
    atomic_fetch_sub(&client->load, 1);
    pthread_cond_destroy(&request->cond);
    return r;
}

/* --- making and ending ------------------------------------------------------------------------ */

static int connect_first(struct nbd_client *client, const struct nbd_export *expected,
                         struct vemu_error **err)
{
    int64_t end_us = vemu__nbd_deadline_us(client->options.open_ms);

    for (;;) {
        struct vemu_error *error = NULL;
        int r = open_connection(client, expected, expected ? EXTRA_MS : HANDSHAKE_MS,
                                &client->connection, &client->export, &error);

        if (r >= 0)
            return 0;
        if (g_get_monotonic_time() >= end_us) {
            vemu__error_set(err, -r, "%s", vemu_error_message(error));
            vemu_error_free(error);
            return r;
        }
        vemu_error_free(error);
        g_usleep(SECOND_US / 10);
    }
}

int vemu__nbd_client_new(const struct nbd_address *address,
                         const struct nbd_client_options *options,
                         const struct nbd_export *expected, struct nbd_client **ret,
                         struct vemu_error **err)
{
    struct nbd_client *client = g_new0(struct nbd_client, 1);
    int r;

    client->address = address;
    client->options = *options;
    client->connection.stream.fd = -1;
    pthread_mutex_init(&client->send_lock, NULL);
    pthread_mutex_init(&client->lock, NULL);
    vemu__cond_init(&client->changed);
    r = connect_first(client, expected, err);
    if (r < 0) {
        client->connection.stream.fd = -1;
        vemu__nbd_client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

void vemu__nbd_client_free(struct nbd_client *client)
{
    if (!client)
        return;
    vemu__nbd_handshake_end(&client->connection, client->state == CONNECTED);
    vemu__nbd_export_clear(&client->export);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    pthread_mutex_destroy(&client->send_lock);
    g_free(client);
}

const struct nbd_export *vemu__nbd_client_export(const struct nbd_client *client)
{
    return &client->export;
}

unsigned vemu__nbd_client_load(const struct nbd_client *client)
{
    return atomic_load(&client->load);
}
