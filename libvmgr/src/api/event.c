/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: the descriptor, and those of domains.
 *
 * Drivers call vmgr__conn_emit() and its relatives from any thread, under any of their locks: what
 * somebody listens to is queued (listeners.h), and an eventfd written. What embedders poll is an
 * epoll descriptor, so that a driver can add sources of its own.
 */
#include "events.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vmgr/event.h>

#include "../driver/driver.h"
#include "../driver/stats.h"

/* ---- domains ---- */

static void *domain_object(struct vmgr_conn *conn, const char *name, const uint8_t *uuid)
{
    return vmgr__domain_new(conn, name, uuid);
}

static void domain_call(struct vmgr_conn *conn, void *object, const void *event,
                        vmgr__callback_fn fn, void *data)
{
    ((vmgr_domain_event_fn)fn)(conn, object, event, data);
}

static void domain_unref(void *object)
{
    vmgr_domain_unref(object);
}

static void domain_event_free(void *data)
{
    struct vmgr_domain_event *event = data;

    g_free((char *)event->device);
    g_free((char *)event->path);
    g_free((char *)event->old_path);
    g_free((char *)event->text);
    vmgr_stats_free((struct vmgr_stat *)event->stats);
    g_free(event);
}

static const struct vmgr__listener_kind domain_listeners = {
    .object = domain_object,
    .call = domain_call,
    .unref = domain_unref,
    .event_free = domain_event_free,
};

void vmgr__conn_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type, int detail)
{
    const struct vmgr_domain_event event = { .id = id, .type = type, .detail = detail };

    vmgr__conn_emit_event(conn, name, uuid, &event);
}

void vmgr__conn_emit_event(struct vmgr_conn *conn, const char *name, const uint8_t *uuid,
                           const struct vmgr_domain_event *event)
{
    struct vmgr_domain_event *copy;

    if (!vmgr__listeners_want(&conn->events->domains, name, uuid, event->id))
        return;
    copy = g_new(struct vmgr_domain_event, 1);
    *copy = *event;
    copy->size = sizeof(*copy);
    copy->device = g_strdup(event->device);
    copy->path = g_strdup(event->path);
    copy->old_path = g_strdup(event->old_path);
    copy->text = g_strdup(event->text);
    copy->stats = vmgr__stats_copy(event->stats);
    vmgr__listeners_push(&conn->events->domains, name, uuid, event->id, copy);
    vmgr__events_wake(conn->events);
}

/* ---- the descriptor ---- */

struct vmgr__events *vmgr__events_new(void)
{
    struct vmgr__events *ev = g_new0(struct vmgr__events, 1);

    vmgr__listeners_init(&ev->domains, &domain_listeners);
    vmgr__object_events_init(ev);
    g_mutex_init(&ev->lock);
    ev->event_fd = ev->epoll_fd = -1;
    return ev;
}

void vmgr__events_free(struct vmgr__events *ev)
{
    if (!ev)
        return;
    vmgr__listeners_fini(&ev->domains);
    vmgr__object_events_fini(ev);
    if (ev->event_fd >= 0)
        close(ev->event_fd);
    if (ev->epoll_fd >= 0)
        close(ev->epoll_fd);
    g_mutex_clear(&ev->lock);
    g_free(ev);
}

void vmgr__events_wake(struct vmgr__events *ev)
{
    static const uint64_t one = 1;

    g_mutex_lock(&ev->lock);
    if (ev->event_fd >= 0 && write(ev->event_fd, &one, sizeof(one)) < 0)
        g_assert(errno == EAGAIN); /* it is full, so it is readable */
    g_mutex_unlock(&ev->lock);
}

/* Makes the descriptors, once. */
static int events_open(struct vmgr__events *ev, struct vmgr_error **err)
{
    struct epoll_event e = { .events = EPOLLIN };
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
    if (ev->epoll_fd < 0)
        r = vmgr__error_set_errno(err, errno, VMGR_FROM_EVENT, "cannot make an event descriptor");
    g_mutex_unlock(&ev->lock);
    return r;
}

int vmgr__events_watch(struct vmgr_conn *conn, bool *done,
                       int (*watch)(struct vmgr_conn *conn, int epoll_fd, struct vmgr_error **err),
                       struct vmgr_error **err)
{
    struct vmgr__events *ev = conn->events;
    bool first;

    if (events_open(ev, err) < 0)
        return -1;
    g_mutex_lock(&ev->lock);
    first = !*done;
    *done = true;
    g_mutex_unlock(&ev->lock);
    if (!first || !watch || watch(conn, ev->epoll_fd, err) == 0)
        return 0;
    g_mutex_lock(&ev->lock);
    *done = false; /* the next callback asks again */
    g_mutex_unlock(&ev->lock);
    return -1;
}

bool vmgr__events_watched(struct vmgr__events *ev, const bool *done)
{
    bool r;

    g_mutex_lock(&ev->lock);
    r = *done;
    g_mutex_unlock(&ev->lock);
    return r;
}

static int watch_domains(struct vmgr_conn *conn, struct vmgr_error **err)
{
    return vmgr__events_watch(conn, &conn->events->watched, conn->driver->watch, err);
}

/* ---- the interface ---- */

int vmgr_conn_add_domain_event(struct vmgr_conn *conn, struct vmgr_domain *domain, int id,
                               vmgr_domain_event_fn fn, void *data, void (*free_fn)(void *data),
                               struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];
    int r = 0;

    if (id < 0 || id >= VMGR_DOMAIN_EVENT_KINDS)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
    else if (!fn)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
    if (r < 0 || watch_domains(conn, err) < 0 ||
        (conn->driver->subscribe && conn->driver->subscribe(conn, id, err) < 0)) {
        if (free_fn)
            free_fn(data);
        return -1;
    }
    if (domain)
        vmgr_domain_get_uuid(domain, uuid);
    return vmgr__listeners_add(&conn->events->domains, NULL, domain ? uuid : NULL, id,
                               (vmgr__callback_fn)fn, data, free_fn);
}

int vmgr_conn_remove_domain_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__listeners_remove(&conn->events->domains, callback_id, err);
}

int vmgr_conn_get_event_fd(struct vmgr_conn *conn, struct vmgr_error **err)
{
    return watch_domains(conn, err) < 0 ? -1 : conn->events->epoll_fd;
}

int vmgr_conn_dispatch(struct vmgr_conn *conn, struct vmgr_error **err)
{
    uint64_t count;
    int n;

    if (watch_domains(conn, err) < 0)
        return -1;
    /* A callback may drop the last reference of its own. */
    vmgr_conn_ref(conn);
    if (conn->driver->poll_events)
        conn->driver->poll_events(conn);
    if (read(conn->events->event_fd, &count, sizeof(count)) < 0)
        count = 0; /* nothing was queued, as is found out below */
    n = vmgr__listeners_dispatch(&conn->events->domains, conn);
    vmgr__close_deliver(conn);
    n += vmgr__object_events_dispatch(conn);
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
