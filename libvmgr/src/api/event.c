/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: callbacks, the queue, delivery.
 *
 * Theory of operation. Drivers call vmgr__conn_emit() from any thread, under any of their locks: it
 * appends to a queue and writes an eventfd. vmgr_conn_dispatch() takes one event after the other
 * and runs the callbacks that stood registered when it looked, without a lock: a callback may
 * remove itself or others, whose records stay until no delivery uses them. The queue is bounded;
 * when nobody dispatches, the oldest events go.
 *
 * What embedders poll is an epoll descriptor, so that a driver can add sources of its own.
 */
#include "events.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vmgr/event.h>

#include "../driver/driver.h"

#define QUEUE_MAX 4096

struct callback {
    int id;
    gint refs; /* registration + deliveries under way */
    bool removed;
    bool any_domain;
    uint8_t uuid[VMGR_UUID_SIZE];
    int event_id;
    vmgr_domain_event_fn fn;
    void *data;
    void (*free_fn)(void *data);
};

struct queued {
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    struct vmgr_domain_event event;
};

struct vmgr__events {
    GMutex lock; /* leaf: nothing is called with it held */
    GPtrArray *callbacks;
    GQueue queue;
    int next_id;
    int event_fd;
    int epoll_fd;
    bool watched;
};

struct vmgr__events *vmgr__events_new(void)
{
    struct vmgr__events *ev = g_new0(struct vmgr__events, 1);

    g_mutex_init(&ev->lock);
    ev->callbacks = g_ptr_array_new();
    g_queue_init(&ev->queue);
    ev->event_fd = ev->epoll_fd = -1;
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

    g_free((char *)q->event.device);
    g_free((char *)q->event.path);
    g_free((char *)q->event.old_path);
    g_free((char *)q->event.text);
    g_free(q->name);
    g_free(q);
}

void vmgr__events_free(struct vmgr__events *ev)
{
    if (!ev)
        return;
    for (guint i = 0; i < ev->callbacks->len; i++)
        callback_unref(ev->callbacks->pdata[i]);
    g_ptr_array_unref(ev->callbacks);
    g_queue_clear_full(&ev->queue, queued_free);
    if (ev->event_fd >= 0)
        close(ev->event_fd);
    if (ev->epoll_fd >= 0)
        close(ev->epoll_fd);
    g_mutex_clear(&ev->lock);
    g_free(ev);
}

void vmgr__conn_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type, int detail)
{
    const struct vmgr_domain_event event = { .id = id, .type = type, .detail = detail };

    vmgr__conn_emit_event(conn, name, uuid, &event);
}

void vmgr__conn_emit_event(struct vmgr_conn *conn, const char *name, const uint8_t *uuid,
                           const struct vmgr_domain_event *event)
{
    struct vmgr__events *ev = conn->events;
    static const uint64_t one = 1;
    struct queued *q;
    bool wanted = false;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->callbacks->len && !wanted; i++) {
        const struct callback *cb = ev->callbacks->pdata[i];

        wanted = cb->event_id == event->id &&
                 (cb->any_domain || memcmp(cb->uuid, uuid, VMGR_UUID_SIZE) == 0);
    }
    if (wanted) {
        if (ev->queue.length >= QUEUE_MAX)
            queued_free(g_queue_pop_head(&ev->queue));
        q = g_new0(struct queued, 1);
        q->name = g_strdup(name);
        memcpy(q->uuid, uuid, VMGR_UUID_SIZE);
        q->event = *event;
        q->event.size = sizeof(q->event);
        q->event.device = g_strdup(event->device);
        q->event.path = g_strdup(event->path);
        q->event.old_path = g_strdup(event->old_path);
        q->event.text = g_strdup(event->text);
        g_queue_push_tail(&ev->queue, q);
        if (write(ev->event_fd, &one, sizeof(one)) < 0)
            g_assert(errno == EAGAIN); /* it is full, so it is readable */
    }
    g_mutex_unlock(&ev->lock);
}

void vmgr__events_wake(struct vmgr__events *ev)
{
    static const uint64_t one = 1;

    g_mutex_lock(&ev->lock);
    if (ev->event_fd >= 0 && write(ev->event_fd, &one, sizeof(one)) < 0)
        g_assert(errno == EAGAIN); /* it is full, so it is readable */
    g_mutex_unlock(&ev->lock);
}

/* Makes the descriptors and asks the driver to add its own, once. */
static int events_open(struct vmgr_conn *conn, struct vmgr_error **err)
{
    struct vmgr__events *ev = conn->events;
    struct epoll_event e = { .events = EPOLLIN };
    bool watch = false;
    int r = 0;

    g_mutex_lock(&ev->lock);
    if (ev->event_fd < 0)
        ev->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ev->epoll_fd < 0 && ev->event_fd >= 0) {
        ev->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (ev->epoll_fd >= 0 && epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, ev->event_fd, &e) < 0) {
            close(ev->epoll_fd);
            ev->epoll_fd = -1;
        }
    }
    if (ev->epoll_fd < 0) {
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_EVENT, "cannot make an event descriptor");
    } else if (!ev->watched) {
        ev->watched = true;
        watch = true;
    }
    g_mutex_unlock(&ev->lock);
    if (r == 0 && watch && conn->driver->watch)
        r = conn->driver->watch(conn, ev->epoll_fd, err);
    return r;
}

int vmgr_conn_add_domain_event(struct vmgr_conn *conn, struct vmgr_domain *domain, int id,
                               vmgr_domain_event_fn fn, void *data, void (*free_fn)(void *data),
                               struct vmgr_error **err)
{
    struct vmgr__events *ev = conn->events;
    struct callback *cb;
    int callback_id;

    if (id < 0 || id >= VMGR_DOMAIN_EVENT_KINDS) {
        vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
        goto fail;
    }
    if (!fn) {
        vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
        goto fail;
    }
    if (events_open(conn, err) < 0 ||
        (conn->driver->subscribe && conn->driver->subscribe(conn, id, err) < 0))
        goto fail;
    cb = g_new0(struct callback, 1);
    cb->refs = 1;
    cb->any_domain = !domain;
    if (domain)
        vmgr_domain_get_uuid(domain, cb->uuid);
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

int vmgr_conn_remove_domain_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    struct vmgr__events *ev = conn->events;
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

int vmgr_conn_get_event_fd(struct vmgr_conn *conn, struct vmgr_error **err)
{
    if (events_open(conn, err) < 0)
        return -1;
    return conn->events->epoll_fd;
}

static void deliver(struct vmgr_conn *conn, const struct queued *q)
{
    struct vmgr__events *ev = conn->events;
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    struct vmgr_domain *domain;

    g_mutex_lock(&ev->lock);
    for (guint i = 0; i < ev->callbacks->len; i++) {
        struct callback *cb = ev->callbacks->pdata[i];

        if (cb->event_id == q->event.id &&
            (cb->any_domain || memcmp(cb->uuid, q->uuid, VMGR_UUID_SIZE) == 0)) {
            g_atomic_int_inc(&cb->refs);
            g_ptr_array_add(chosen, cb);
        }
    }
    g_mutex_unlock(&ev->lock);
    if (!chosen->len)
        return;
    domain = vmgr__domain_new(conn, q->name, q->uuid);
    for (guint i = 0; i < chosen->len; i++) {
        struct callback *cb = chosen->pdata[i];
        bool removed;

        g_mutex_lock(&ev->lock);
        removed = cb->removed;
        g_mutex_unlock(&ev->lock);
        if (!removed)
            cb->fn(conn, domain, &q->event, cb->data);
        callback_unref(cb);
    }
    vmgr_domain_unref(domain);
}

int vmgr_conn_dispatch(struct vmgr_conn *conn, struct vmgr_error **err)
{
    struct vmgr__events *ev = conn->events;
    struct queued *q;
    uint64_t count;
    int n = 0;

    if (events_open(conn, err) < 0)
        return -1;
    /* A callback may drop the last reference of its own. */
    vmgr_conn_ref(conn);
    if (conn->driver->poll_events)
        conn->driver->poll_events(conn);
    if (read(ev->event_fd, &count, sizeof(count)) < 0)
        count = 0; /* nothing was queued: the loop below finds that out */
    for (;;) {
        g_mutex_lock(&ev->lock);
        q = g_queue_pop_head(&ev->queue);
        g_mutex_unlock(&ev->lock);
        if (!q)
            break;
        deliver(conn, q);
        queued_free(q);
        n++;
    }
    vmgr__close_deliver(conn);
    n += vmgr__pool_events_dispatch(conn);
    n += vmgr__network_events_dispatch(conn);
    vmgr_conn_unref(conn);
    return n;
}

static const char *const type_names[] = { "Defined",   "Undefined",   "Started",
                                          "Suspended", "Resumed",     "Stopped",
                                          "Shutdown",  "PMSuspended", "Crashed" };
static const char *const detail_names[][10] = {
    { "Added", "Updated", "Renamed", "Snapshot" },
    { "Removed", "Renamed" },
    { "Booted", "Migrated", "Restored", "Snapshot", "Event wakeup" },
    { "Paused", "Migrated", "I/O Error", "Watchdog", "Restored", "Snapshot", "API error",
      "Post-copy", "Post-copy Error" },
    { "Unpaused", "Migrated", "Snapshot", "Post-copy", "Post-copy Error" },
    { "Shutdown", "Destroyed", "Crashed", "Migrated", "Saved", "Failed", "Snapshot" },
    { "Finished", "Finished after guest request", "Finished after host request" },
    { "Memory", "Disk" },
    { "Panicked", "Crashloaded" },
};

const char *vmgr_domain_event_type_name(int type)
{
    return type >= 0 && (size_t)type < G_N_ELEMENTS(type_names) ? type_names[type] : "unknown";
}

const char *vmgr_domain_event_detail_name(int type, int detail)
{
    if (type < 0 || (size_t)type >= G_N_ELEMENTS(detail_names) || detail < 0 ||
        (size_t)detail >= G_N_ELEMENTS(detail_names[0]) || !detail_names[type][detail])
        return "unknown";
    return detail_names[type][detail];
}
