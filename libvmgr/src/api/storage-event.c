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

static struct vmgr__event_source pool_source(const struct vmgr_conn *conn)
{
    const struct vmgr__storage_ops *ops = conn->driver->storage;

    return ops ? (struct vmgr__event_source){ true, ops->watch, ops->poll_events }
               : (struct vmgr__event_source){ .has = false };
}

const struct vmgr__event_kind vmgr__pool_events = {
    .listener = { pool_object, pool_call, pool_unref, g_free },
    .function = "virConnectStoragePoolEventRegisterAny",
    .events = VMGR_POOL_EVENT_REFRESH + 1,
    .source = pool_source,
};

void vmgr__pool_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int id,
                     int type)
{
    const struct vmgr_pool_event event = { sizeof(event), id, type, 0 };

    vmgr__object_emit(conn, VMGR__EVENTS_POOL, name, uuid, id, &event, sizeof(event));
}

int vmgr_conn_add_pool_event(struct vmgr_conn *conn, struct vmgr_pool *pool, int id,
                             vmgr_pool_event_fn fn, void *data, void (*free_fn)(void *data),
                             struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];

    if (pool)
        vmgr_pool_get_uuid(pool, uuid);
    return vmgr__object_event_add(conn, VMGR__EVENTS_POOL, NULL, pool ? uuid : NULL, id,
                                  (vmgr__callback_fn)fn, data, free_fn, err);
}

int vmgr_conn_remove_pool_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__object_event_remove(conn, VMGR__EVENTS_POOL, callback_id, err);
}

const char *vmgr_pool_event_type_name(int type)
{
    static const char *const names[] = { "Defined", "Undefined", "Started",
                                         "Stopped", "Created",   "Deleted" };

    return type >= 0 && (size_t)type < G_N_ELEMENTS(names) ? names[type] : "unknown";
}
