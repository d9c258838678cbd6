/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of secrets. A secret has no name: what it is for goes in its place, behind the number of
 * its kind.
 */
#include <stdlib.h>
#include <string.h>

#include "../driver/secret.h"
#include "events.h"

static void *secret_object(struct vmgr_conn *conn, const char *name, const uint8_t *uuid)
{
    return vmgr__secret_new(conn, uuid, atoi(name), strchr(name, ' ') + 1);
}

static void secret_call(struct vmgr_conn *conn, void *object, const void *event,
                        vmgr__callback_fn fn, void *data)
{
    ((vmgr_secret_event_fn)fn)(conn, object, event, data);
}

static void secret_unref(void *object)
{
    vmgr_secret_unref(object);
}

static struct vmgr__event_source secret_source(const struct vmgr_conn *conn)
{
    const struct vmgr__secret_ops *ops = conn->driver->secret;

    return (struct vmgr__event_source){ .has = ops != NULL,
                                        .watch = ops ? ops->watch : NULL,
                                        .poll = ops ? ops->poll_events : NULL };
}

const struct vmgr__event_kind vmgr__secret_events = {
    .listener = { secret_object, secret_call, secret_unref, g_free },
    .function = "virConnectSecretEventRegisterAny",
    .events = VMGR_SECRET_EVENT_VALUE_CHANGED + 1,
    .source = secret_source,
};

void vmgr__secret_emit(struct vmgr_conn *conn, const uint8_t *uuid, int usage_type,
                       const char *usage_id, int id, int type)
{
    g_autofree char *name = g_strdup_printf("%d %s", usage_type, usage_id ? usage_id : "");
    const struct vmgr_secret_event event = { sizeof(event), id, type, 0 };

    vmgr__object_emit(conn, VMGR__EVENTS_SECRET, name, uuid, id, &event, sizeof(event));
}

int vmgr_conn_add_secret_event(struct vmgr_conn *conn, struct vmgr_secret *secret, int id,
                               vmgr_secret_event_fn fn, void *data, void (*free_fn)(void *data),
                               struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];

    if (secret)
        vmgr_secret_get_uuid(secret, uuid);
    return vmgr__object_event_add(conn, VMGR__EVENTS_SECRET, NULL, secret ? uuid : NULL, id,
                                  (vmgr__callback_fn)fn, data, free_fn, err);
}

int vmgr_conn_remove_secret_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__object_event_remove(conn, VMGR__EVENTS_SECRET, callback_id, err);
}

const char *vmgr_secret_event_type_name(int type)
{
    static const char *const names[] = { "Defined", "Undefined" };

    return type >= 0 && (size_t)type < G_N_ELEMENTS(names) ? names[type] : "unknown";
}
