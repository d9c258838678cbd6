/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of storage pools.
 */
#include <vmgr/storage.h>

#include "../driver/storage.h"
#include "events.h"

static void *pool_object(struct vmgr_conn *conn, const char *name, const uint8_t *uuid)
{
    return vmgr__pool_new(conn, name, uuid);
}

static void pool_call(struct vmgr_conn *conn, void *object, const void *event, vmgr__callback_fn fn,
                      void *data)
{
    ((vmgr_pool_event_fn)fn)(conn, object, event, data);
}

static void pool_unref(void *object)
{
    vmgr_pool_unref(object);
}

const struct vmgr__listener_kind vmgr__pool_listeners = {
    .object = pool_object,
    .call = pool_call,
    .unref = pool_unref,
    .event_free = g_free,
};

void vmgr__pool_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type)
{
    struct vmgr_pool_event *event;

    if (!vmgr__listeners_want(&conn->events->pools, uuid, id))
        return;
    event = g_new(struct vmgr_pool_event, 1);
    *event = (struct vmgr_pool_event){ sizeof(*event), id, type, 0 };
    vmgr__listeners_push(&conn->events->pools, name, uuid, id, event);
    vmgr__events_wake(conn->events);
}

int vmgr_conn_add_pool_event(struct vmgr_conn *conn, struct vmgr_pool *pool, int id,
                             vmgr_pool_event_fn fn, void *data, void (*free_fn)(void *data),
                             struct vmgr_error **err)
{
    const struct vmgr__storage_ops *ops = conn->driver->storage;
    uint8_t uuid[VMGR_UUID_SIZE];
    int r = 0;

    if (id != VMGR_POOL_EVENT_LIFECYCLE && id != VMGR_POOL_EVENT_REFRESH)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
    else if (!fn)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
    else if (!ops)
        r = vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain,
                            "virConnectStoragePoolEventRegisterAny");
    if (r < 0 || vmgr_conn_get_event_fd(conn, err) < 0 ||
        vmgr__events_watch(conn, &conn->events->pools_watched, ops->watch, err) < 0) {
        if (free_fn)
            free_fn(data);
        return -1;
    }
    if (pool)
        vmgr_pool_get_uuid(pool, uuid);
    return vmgr__listeners_add(&conn->events->pools, pool ? uuid : NULL, id, (vmgr__callback_fn)fn,
                               data, free_fn);
}

int vmgr_conn_remove_pool_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__listeners_remove(&conn->events->pools, callback_id, err);
}

int vmgr__pool_events_dispatch(struct vmgr_conn *conn)
{
    const struct vmgr__storage_ops *ops = conn->driver->storage;

    if (conn->events->pools_watched && ops && ops->poll_events)
        ops->poll_events(conn);
    return vmgr__listeners_dispatch(&conn->events->pools, conn);
}

const char *vmgr_pool_event_type_name(int type)
{
    static const char *const names[] = { "Defined", "Undefined", "Started",
                                         "Stopped", "Created",   "Deleted" };

    return type >= 0 && (size_t)type < G_N_ELEMENTS(names) ? names[type] : "unknown";
}
