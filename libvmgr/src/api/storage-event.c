/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of pools: callbacks, the queue, delivery.
 *
 * The rules are those of event.c, whose descriptor and dispatch call these share.
 */
#include <string.h>
#include <vmgr/storage.h>

#include "../driver/storage.h"
#include "events.h"

#define QUEUE_MAX 4096

struct callback {
    int id;
    gint refs; /* registration + deliveries under way */
    bool removed;
    bool any_pool;
    uint8_t uuid[VMGR_UUID_SIZE];
    int event_id;
    vmgr_pool_event_fn fn;
    void *data;
    void (*free_fn)(void *data);
};

struct queued {
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct vmgr_pool_event event;
};

struct vmgr__pool_events {
    GMutex lock; /* leaf: nothing is called with it held */
    GPtrArray *callbacks;
    GQueue queue;
    int next_id;
    bool watched;
};

struct vmgr__pool_events *vmgr__pool_events_new(void)
{
    struct vmgr__pool_events *ev = g_new0(struct vmgr__pool_events, 1);

    g_mutex_init(&ev->lock);
    ev->callbacks = g_ptr_array_new();
    g_queue_init(&ev->queue);
    return ev;
}

static void callback_unref(struct callback *cb)
{
    if (!g_atomic_int_dec_and_test(&cb->refs))
        return;
    if (cb->free_fn)
        cb->free_fn(cb->data);
    g_free(cb);
}

static void queued_free(void *data)
{
    struct queued *q = data;

    g_free(q->name);
    g_free(q);
}

void vmgr__pool_events_free(struct vmgr__pool_events *ev)
{
    for (guint i = 0; i < ev->callbacks->len; i++)
        callback_unref(ev->callbacks->pdata[i]);
    g_ptr_array_unref(ev->callbacks);
    g_queue_clear_full(&ev->queue, queued_free);
    g_mutex_clear(&ev->lock);
    g_free(ev);
}

static bool wants(const struct callback *cb, const uint8_t *uuid, int id)
{
    return cb->event_id == id && (cb->any_pool || memcmp(cb->uuid, uuid, VMGR_UUID_SIZE) == 0);
}

void vmgr__pool_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type)
{
    struct vmgr__pool_events *ev = conn->pool_events;
    struct queued *q;
    bool wanted = false;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->callbacks->len && !wanted; i++)
        wanted = wants(ev->callbacks->pdata[i], uuid, id);
    if (wanted) {
        if (ev->queue.length >= QUEUE_MAX)
            queued_free(g_queue_pop_head(&ev->queue));
        q = g_new0(struct queued, 1);
        q->name = g_strdup(name);
        memcpy(q->uuid, uuid, VMGR_UUID_SIZE);
        q->event = (struct vmgr_pool_event){ sizeof(q->event), id, type, 0 };
        g_queue_push_tail(&ev->queue, q);
    }
    g_mutex_unlock(&ev->lock);
    if (wanted)
        vmgr__events_wake(conn->events);
}

/* Asks the driver, once, to look for what others do. */
static int watch(struct vmgr_conn *conn, struct vmgr_error **err)
{
    struct vmgr__pool_events *ev = conn->pool_events;
    int fd = vmgr_conn_get_event_fd(conn, err);
    bool first;

    if (fd < 0)
        return -1;
    g_mutex_lock(&ev->lock);
    first = !ev->watched;
    ev->watched = true;
    g_mutex_unlock(&ev->lock);
    if (!first || !conn->driver->storage || !conn->driver->storage->watch)
        return 0;
    return conn->driver->storage->watch(conn, fd, err);
}

int vmgr_conn_add_pool_event(struct vmgr_conn *conn, struct vmgr_pool *pool, int id,
                             vmgr_pool_event_fn fn, void *data, void (*free_fn)(void *data),
                             struct vmgr_error **err)
{
    struct vmgr__pool_events *ev = conn->pool_events;
    struct callback *cb;
    int callback_id;

    if (id != VMGR_POOL_EVENT_LIFECYCLE && id != VMGR_POOL_EVENT_REFRESH) {
        vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
        goto fail;
    }
    if (!fn) {
        vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
        goto fail;
    }
    if (!conn->driver->storage) {
        vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain,
                        "virConnectStoragePoolEventRegisterAny");
        goto fail;
    }
    if (watch(conn, err) < 0)
        goto fail;
    cb = g_new0(struct callback, 1);
    cb->refs = 1;
    cb->any_pool = !pool;
    if (pool)
        vmgr_pool_get_uuid(pool, cb->uuid);
    cb->event_id = id;
    cb->fn = fn;
    cb->data = data;
    cb->free_fn = free_fn;
    g_mutex_lock(&ev->lock);
    callback_id = cb->id = ev->next_id++;
    g_ptr_array_add(ev->callbacks, cb);
    g_mutex_unlock(&ev->lock);
    return callback_id;

fail:
    if (free_fn)
        free_fn(data);
    return -1;
}

int vmgr_conn_remove_pool_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    struct vmgr__pool_events *ev = conn->pool_events;
    struct callback *cb = NULL;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->callbacks->len && !cb; i++) {
        struct callback *c = ev->callbacks->pdata[i];

        if (c->id == callback_id) {
            cb = g_ptr_array_remove_index(ev->callbacks, i);
            cb->removed = true;
        }
    }
    g_mutex_unlock(&ev->lock);
    if (!cb)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT,
                               "could not find event callback %d for deletion", callback_id);
    callback_unref(cb);
    return 0;
}

static void deliver(struct vmgr_conn *conn, const struct queued *q)
{
    struct vmgr__pool_events *ev = conn->pool_events;
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    struct vmgr_pool *pool;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->callbacks->len; i++) {
        struct callback *cb = ev->callbacks->pdata[i];

        if (wants(cb, q->uuid, q->event.id)) {
            g_atomic_int_inc(&cb->refs);
            g_ptr_array_add(chosen, cb);
        }
    }
    g_mutex_unlock(&ev->lock);
    pool = vmgr__pool_new(conn, q->name, q->uuid);
    for (guint i = 0; i < chosen->len; i++) {
        struct callback *cb = chosen->pdata[i];
        bool removed;

        g_mutex_lock(&ev->lock);
        removed = cb->removed;
        g_mutex_unlock(&ev->lock);
        if (!removed)
            cb->fn(conn, pool, &q->event, cb->data);
        callback_unref(cb);
    }
    vmgr_pool_unref(pool);
}

int vmgr__pool_events_dispatch(struct vmgr_conn *conn)
{
    struct vmgr__pool_events *ev = conn->pool_events;
    struct queued *q;
    int n = 0;

    if (conn->driver->storage && conn->driver->storage->poll_events)
        conn->driver->storage->poll_events(conn);
    for (;; n++) {
        g_mutex_lock(&ev->lock);
        q = g_queue_pop_head(&ev->queue);
        g_mutex_unlock(&ev->lock);
        if (!q)
            return n;
        deliver(conn, q);
        queued_free(q);
    }
}

const char *vmgr_pool_event_type_name(int type)
{
    static const char *const names[] = { "Defined", "Undefined", "Started",
                                         "Stopped", "Created",   "Deleted" };

    return type >= 0 && (size_t)type < G_N_ELEMENTS(names) ? names[type] : "unknown";
}
