/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of objects other than domains: what all their kinds have in common.
 */
#include "../driver/driver.h"
#include "events.h"

static const struct vmgr__event_kind *const kinds[VMGR__EVENT_OBJECTS] = {
    [VMGR__EVENTS_NETWORK] = &vmgr__network_events,
    [VMGR__EVENTS_NODEDEV] = &vmgr__nodedev_events,
    [VMGR__EVENTS_POOL] = &vmgr__pool_events,
    [VMGR__EVENTS_SECRET] = &vmgr__secret_events,
};

void vmgr__object_events_init(struct vmgr__events *ev)
{
    for (int i = 0; i < VMGR__EVENT_OBJECTS; i++)
        vmgr__listeners_init(&ev->objects[i], &kinds[i]->listener);
}

void vmgr__object_events_fini(struct vmgr__events *ev)
{
    for (int i = 0; i < VMGR__EVENT_OBJECTS; i++)
        vmgr__listeners_fini(&ev->objects[i]);
}

int vmgr__object_events_dispatch(struct vmgr_conn *conn)
{
    struct vmgr__events *ev = conn->events;
    int n = 0;

    for (int i = 0; i < VMGR__EVENT_OBJECTS; i++) {
        const struct vmgr__event_source source = kinds[i]->source(conn);

        if (source.poll && vmgr__events_watched(ev, &ev->objects_watched[i]))
            source.poll(conn);
        n += vmgr__listeners_dispatch(&ev->objects[i], conn);
    }
    return n;
}

void vmgr__object_emit(struct vmgr_conn *conn, enum vmgr__event_object object, const char *name,
                       const uint8_t *uuid, int id, const void *event, size_t size)
{
    struct vmgr__listeners *ls = &conn->events->objects[object];

    if (!vmgr__listeners_want(ls, name, uuid, id))
        return;
    vmgr__listeners_push(ls, name, uuid, id, g_memdup2(event, size));
    vmgr__events_wake(conn->events);
}

int vmgr__object_event_add(struct vmgr_conn *conn, enum vmgr__event_object object, const char *name,
                           const uint8_t *uuid, int id, vmgr__callback_fn fn, void *data,
                           void (*free_fn)(void *data), struct vmgr_error **err)
{
    struct vmgr__events *ev = conn->events;
    const struct vmgr__event_source source = kinds[object]->source(conn);
    int r = 0;

    if (!source.has)
        r = vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain, "%s",
                            kinds[object]->function);
    else if (id < 0 || id >= kinds[object]->events)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
    else if (!fn)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
    if (r < 0 || vmgr_conn_get_event_fd(conn, err) < 0 ||
        vmgr__events_watch(conn, &ev->objects_watched[object], source.watch, err) < 0) {
        if (free_fn)
            free_fn(data);
        return -1;
    }
    return vmgr__listeners_add(&ev->objects[object], name, uuid, id, fn, data, free_fn);
}

int vmgr__object_event_remove(struct vmgr_conn *conn, enum vmgr__event_object object,
                              int callback_id, struct vmgr_error **err)
{
    return vmgr__listeners_remove(&conn->events->objects[object], callback_id, err);
}
