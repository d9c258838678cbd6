/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of networks: callbacks, the queue, delivery.
 *
 * The rules are those of event.c, whose descriptor and dispatch call these share.
 */
#include <string.h>
#include <vmgr/network.h>

#include "../driver/network.h"
#include "events.h"

#define QUEUE_MAX 4096

struct listener {
    gint refs; /* registration + deliveries under way */
    int id;
    gint removed;
    bool all;
    uint8_t only[VMGR_UUID_SIZE];
    vmgr_network_event_fn fn;
    void *data;
    void (*free_fn)(void *data);
};

struct happened {
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    int type;
};

struct vmgr__network_events {
    GMutex lock; /* leaf: nothing is called with it held */
    GPtrArray *listeners;
    GQueue queue; /* struct happened */
    int next_id;
    bool watched;
};

struct vmgr__network_events *vmgr__network_events_new(void)
{
    struct vmgr__network_events *ev = g_new0(struct vmgr__network_events, 1);

    g_mutex_init(&ev->lock);
    ev->listeners = g_ptr_array_new();
    g_queue_init(&ev->queue);
    return ev;
}

static void listener_unref(void *data)
{
    struct listener *l = data;

    if (!g_atomic_int_dec_and_test(&l->refs))
        return;
    if (l->free_fn)
        l->free_fn(l->data);
    g_free(l);
}

static void happened_free(void *data)
{
    struct happened *h = data;

    g_free(h->name);
    g_free(h);
}

void vmgr__network_events_free(struct vmgr__network_events *ev)
{
    g_ptr_array_set_free_func(ev->listeners, listener_unref);
    g_ptr_array_unref(ev->listeners);
    g_queue_clear_full(&ev->queue, happened_free);
    g_mutex_clear(&ev->lock);
    g_free(ev);
}

static bool listens(const struct listener *l, const uint8_t *uuid)
{
    return l->all || memcmp(l->only, uuid, VMGR_UUID_SIZE) == 0;
}

bool vmgr__network_events_wanted(struct vmgr_conn *conn)
{
    struct vmgr__network_events *ev = conn->network_events;
    bool wanted;

    g_mutex_lock(&ev->lock);
    wanted = ev->listeners->len > 0;
    g_mutex_unlock(&ev->lock);
    return wanted;
}

void vmgr__network_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int type)
{
    struct vmgr__network_events *ev = conn->network_events;
    struct happened *h;
    bool wanted = false;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->listeners->len && !wanted; i++)
        wanted = listens(ev->listeners->pdata[i], uuid);
    if (wanted) {
        if (ev->queue.length >= QUEUE_MAX)
            happened_free(g_queue_pop_head(&ev->queue));
        h = g_new0(struct happened, 1);
        h->name = g_strdup(name);
        memcpy(h->uuid, uuid, VMGR_UUID_SIZE);
        h->type = type;
        g_queue_push_tail(&ev->queue, h);
    }
    g_mutex_unlock(&ev->lock);
    if (wanted)
        vmgr__events_wake(conn->events);
}

/* The first listener makes the driver look for what others do. */
static int watch_once(struct vmgr_conn *conn, struct vmgr_error **err)
{
    struct vmgr__network_events *ev = conn->network_events;
    const int fd = vmgr_conn_get_event_fd(conn, err);
    bool watched;

    if (fd < 0)
        return -1;
    g_mutex_lock(&ev->lock);
    watched = ev->watched;
    ev->watched = true;
    g_mutex_unlock(&ev->lock);
    return watched || !conn->driver->network->watch ? 0
                                                    : conn->driver->network->watch(conn, fd, err);
}

int vmgr_conn_add_network_event(struct vmgr_conn *conn, struct vmgr_network *network, int id,
                                vmgr_network_event_fn fn, void *data, void (*free_fn)(void *data),
                                struct vmgr_error **err)
{
    struct vmgr__network_events *ev = conn->network_events;
    struct listener *l;
    int number, r = 0;

    if (!conn->driver->network)
        r = vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain,
                            "virConnectNetworkEventRegisterAny");
    else if (id != VMGR_NETWORK_EVENT_LIFECYCLE)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
    else if (!fn)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
    if (r < 0 || watch_once(conn, err) < 0) {
        if (free_fn)
            free_fn(data);
        return -1;
    }
    l = g_new0(struct listener, 1);
    l->refs = 1;
    l->all = !network;
    if (network)
        vmgr_network_get_uuid(network, l->only);
    l->fn = fn;
    l->data = data;
    l->free_fn = free_fn;
    g_mutex_lock(&ev->lock);
    number = l->id = ev->next_id++;
    g_ptr_array_add(ev->listeners, l);
    g_mutex_unlock(&ev->lock);
    return number;
}

int vmgr_conn_remove_network_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    struct vmgr__network_events *ev = conn->network_events;
    struct listener *found = NULL;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->listeners->len && !found; i++) {
        struct listener *l = ev->listeners->pdata[i];

        if (l->id == callback_id)
            found = g_ptr_array_remove_index(ev->listeners, i);
    }
    g_mutex_unlock(&ev->lock);
    if (!found)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT,
                               "could not find event callback %d for deletion", callback_id);
    g_atomic_int_set(&found->removed, 1);
    listener_unref(found);
    return 0;
}

static void deliver(struct vmgr_conn *conn, const struct happened *h)
{
    struct vmgr__network_events *ev = conn->network_events;
    g_autoptr(GPtrArray) chosen = g_ptr_array_new_with_free_func(listener_unref);
    struct vmgr_network *network;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->listeners->len; i++) {
        struct listener *l = ev->listeners->pdata[i];

        if (listens(l, h->uuid)) {
            g_atomic_int_inc(&l->refs);
            g_ptr_array_add(chosen, l);
        }
    }
    g_mutex_unlock(&ev->lock);
    network = vmgr__network_new(conn, h->name, h->uuid);
    for (guint i = 0; i < chosen->len; i++) {
        const struct listener *l = chosen->pdata[i];

        if (!g_atomic_int_get(&l->removed))
            l->fn(conn, network, h->type, l->data);
    }
    vmgr_network_unref(network);
}

int vmgr__network_events_dispatch(struct vmgr_conn *conn)
{
    struct vmgr__network_events *ev = conn->network_events;
    struct happened *h;
    int n = 0;

    if (ev->watched && conn->driver->network->poll_events)
        conn->driver->network->poll_events(conn);
    for (;; n++) {
        g_mutex_lock(&ev->lock);
        h = g_queue_pop_head(&ev->queue);
        g_mutex_unlock(&ev->lock);
        if (!h)
            return n;
        deliver(conn, h);
        happened_free(h);
    }
}

const char *vmgr_network_event_type_name(int event_type)
{
    static const char *const names[] = { "Defined", "Undefined", "Started", "Stopped" };

    return event_type >= 0 && (size_t)event_type < G_N_ELEMENTS(names) ? names[event_type]
                                                                       : "unknown";
}
