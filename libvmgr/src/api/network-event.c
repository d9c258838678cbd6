/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events of networks.
 */
#include <vmgr/network.h>

#include "../driver/network.h"
#include "events.h"

static void *network_object(struct vmgr_conn *conn, const char *name, const uint8_t *uuid)
{
    return vmgr__network_new(conn, name, uuid);
}

static void network_call(struct vmgr_conn *conn, void *object, const void *event,
                         vmgr__callback_fn fn, void *data)
{
    ((vmgr_network_event_fn)fn)(conn, object, event, data);
}

static void network_unref(void *object)
{
    vmgr_network_unref(object);
}

static struct vmgr__event_source network_source(const struct vmgr_conn *conn)
{
    const struct vmgr__network_ops *ops = conn->driver->network;

    return ops ? (struct vmgr__event_source){ true, ops->watch, ops->poll_events }
               : (struct vmgr__event_source){ .has = false };
}

const struct vmgr__event_kind vmgr__network_events = {
    .listener = { network_object, network_call, network_unref, g_free },
    .function = "virConnectNetworkEventRegisterAny",
    .events = VMGR_NETWORK_EVENT_LIFECYCLE + 1,
    .source = network_source,
};

void vmgr__network_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int type)
{
    const struct vmgr_network_event event = { sizeof(event), VMGR_NETWORK_EVENT_LIFECYCLE, type,
                                              0 };

    vmgr__object_emit(conn, VMGR__EVENTS_NETWORK, name, uuid, event.id, &event, sizeof(event));
}

int vmgr_conn_add_network_event(struct vmgr_conn *conn, struct vmgr_network *network, int id,
                                vmgr_network_event_fn fn, void *data, void (*free_fn)(void *data),
                                struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];

    if (network)
        vmgr_network_get_uuid(network, uuid);
    return vmgr__object_event_add(conn, VMGR__EVENTS_NETWORK, NULL, network ? uuid : NULL, id,
                                  (vmgr__callback_fn)fn, data, free_fn, err);
}

int vmgr_conn_remove_network_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__object_event_remove(conn, VMGR__EVENTS_NETWORK, callback_id, err);
}

const char *vmgr_network_event_type_name(int event_type)
{
    static const char *const names[] = { "Defined", "Undefined", "Started", "Stopped" };

    return event_type >= 0 && (size_t)event_type < G_N_ELEMENTS(names) ? names[event_type]
                                                                       : "unknown";
}
