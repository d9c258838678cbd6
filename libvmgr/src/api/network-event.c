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

/* The event is its type. */
static void network_call(struct vmgr_conn *conn, void *object, const void *event,
                         vmgr__callback_fn fn, void *data)
{
    ((vmgr_network_event_fn)fn)(conn, object, *(const int *)event, data);
}

static void network_unref(void *object)
{
    vmgr_network_unref(object);
}

const struct vmgr__listener_kind vmgr__network_listeners = {
    .object = network_object,
    .call = network_call,
    .unref = network_unref,
    .event_free = g_free,
};

void vmgr__network_emit(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, int type)
{
    struct vmgr__listeners *networks = &conn->events->networks;
    int *event;

    if (!vmgr__listeners_want(networks, uuid, VMGR_NETWORK_EVENT_LIFECYCLE))
        return;
    event = g_new(int, 1);
    *event = type;
    vmgr__listeners_push(networks, name, uuid, VMGR_NETWORK_EVENT_LIFECYCLE, event);
    vmgr__events_wake(conn->events);
}

int vmgr_conn_add_network_event(struct vmgr_conn *conn, struct vmgr_network *network, int id,
                                vmgr_network_event_fn fn, void *data, void (*free_fn)(void *data),
                                struct vmgr_error **err)
{
    const struct vmgr__network_ops *ops = conn->driver->network;
    uint8_t uuid[VMGR_UUID_SIZE];
    int r = 0;

    if (!ops)
        r = vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, conn->driver->error_domain,
                            "virConnectNetworkEventRegisterAny");
    else if (id != VMGR_NETWORK_EVENT_LIFECYCLE)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "unknown event id %d", id);
    else if (!fn)
        r = vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_EVENT, "no callback given");
    if (r < 0 || vmgr_conn_get_event_fd(conn, err) < 0 ||
        vmgr__events_watch(conn, &conn->events->networks_watched, ops->watch, err) < 0) {
        if (free_fn)
            free_fn(data);
        return -1;
    }
    if (network)
        vmgr_network_get_uuid(network, uuid);
    return vmgr__listeners_add(&conn->events->networks, network ? uuid : NULL, id,
                               (vmgr__callback_fn)fn, data, free_fn);
}

int vmgr_conn_remove_network_event(struct vmgr_conn *conn, int callback_id, struct vmgr_error **err)
{
    return vmgr__listeners_remove(&conn->events->networks, callback_id, err);
}

int vmgr__network_events_dispatch(struct vmgr_conn *conn)
{
    const struct vmgr__network_ops *ops = conn->driver->network;

    if (conn->events->networks_watched && ops && ops->poll_events)
        ops->poll_events(conn);
    return vmgr__listeners_dispatch(&conn->events->networks, conn);
}

const char *vmgr_network_event_type_name(int event_type)
{
    static const char *const names[] = { "Defined", "Undefined", "Started", "Stopped" };

    return event_type >= 0 && (size_t)event_type < G_N_ELEMENTS(names) ? names[event_type]
                                                                       : "unknown";
}
