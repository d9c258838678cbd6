/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to objects other than domains (networks, storage pools, node devices, secrets), as
 * packets.
 *
 * An object's part is three functions and its lines in two tables; subscription.c does the rest.
 */
#include <vmgr/network.h>
#include <vmgr/nodedev.h>
#include <vmgr/secret.h>
#include <vmgr/storage.h>

#include "internal.h"

static const struct vmgr__event_kind networks, nodedevs, pools, secrets;

/* ---- networks ---- */

static void on_network(struct vmgr_conn *conn, struct vmgr_network *network,
                       const struct vmgr_network_event *event, void *data)
{
    struct wire_network_event_lifecycle_msg msg = { .net.name =
                                                        (char *)vmgr_network_get_name(network),
                                                    .event = event->type,
                                                    .detail = event->detail };

    (void)conn;
    vmgr_network_get_uuid(network, msg.net.uuid);
    vmgr__subscriptions_emit(data, &networks, event->id, msg.net.name, msg.net.uuid,
                             WIRE_NETWORK_EVENT_LIFECYCLE, &msg);
}

static int listen_networks(struct vmgr__server *s, int event_id, struct vmgr_error **err)
{
    return vmgr_conn_add_network_event(s->conn, NULL, event_id, on_network, s, NULL, err);
}

static const struct vmgr__event_kind networks = { VMGR__EVENTS_NETWORK, "network", "network ", 1,
                                                  listen_networks };

/* ---- storage pools ---- */

static void on_pool(struct vmgr_conn *conn, struct vmgr_pool *pool,
                    const struct vmgr_pool_event *event, void *data)
{
    struct wire_storage_pool wire = { .name = (char *)vmgr_pool_get_name(pool) };
    struct wire_storage_pool_event_lifecycle_msg lifecycle = { .event = event->type,
                                                               .detail = event->detail };
    struct wire_storage_pool_event_refresh_msg refresh = { 0 };

    (void)conn;
    vmgr_pool_get_uuid(pool, wire.uuid);
    lifecycle.pool = refresh.pool = wire;
    if (event->id == VMGR_POOL_EVENT_REFRESH)
        vmgr__subscriptions_emit(data, &pools, event->id, wire.name, wire.uuid,
                                 WIRE_STORAGE_POOL_EVENT_REFRESH, &refresh);
    else
        vmgr__subscriptions_emit(data, &pools, event->id, wire.name, wire.uuid,
                                 WIRE_STORAGE_POOL_EVENT_LIFECYCLE, &lifecycle);
}

static int listen_pools(struct vmgr__server *s, int event_id, struct vmgr_error **err)
{
    return vmgr_conn_add_pool_event(s->conn, NULL, event_id, on_pool, s, NULL, err);
}

static const struct vmgr__event_kind pools = { VMGR__EVENTS_POOL, "storage pool", "storage pool ",
                                               2, listen_pools };

/* ---- node devices ---- */

static void on_nodedev(struct vmgr_conn *conn, struct vmgr_nodedev *dev,
                       const struct vmgr_nodedev_event *event, void *data)
{
    const struct wire_node_device wire = { .name = (char *)vmgr_nodedev_get_name(dev) };
    struct wire_node_device_event_lifecycle_msg lifecycle = { .dev = wire,
                                                              .event = event->type,
                                                              .detail = event->detail };
    struct wire_node_device_event_update_msg update = { .dev = wire };

    (void)conn;
    if (event->id == VMGR_NODEDEV_EVENT_UPDATE)
        vmgr__subscriptions_emit(data, &nodedevs, event->id, wire.name, NULL,
                                 WIRE_NODE_DEVICE_EVENT_UPDATE, &update);
    else
        vmgr__subscriptions_emit(data, &nodedevs, event->id, wire.name, NULL,
                                 WIRE_NODE_DEVICE_EVENT_LIFECYCLE, &lifecycle);
}

static int listen_nodedevs(struct vmgr__server *s, int event_id, struct vmgr_error **err)
{
    return vmgr_conn_add_nodedev_event(s->conn, NULL, event_id, on_nodedev, s, NULL, err);
}

static const struct vmgr__event_kind nodedevs = { VMGR__EVENTS_NODEDEV, "node device",
                                                  "node device ", 2, listen_nodedevs };

/* ---- secrets ---- */

static void on_secret(struct vmgr_conn *conn, struct vmgr_secret *secret,
                      const struct vmgr_secret_event *event, void *data)
{
    struct wire_secret wire = { .usage_type = vmgr_secret_get_usage_type(secret),
                                .usage_id = (char *)vmgr_secret_get_usage_id(secret) };
    struct wire_secret_event_lifecycle_msg lifecycle = { .event = event->type,
                                                         .detail = event->detail };
    struct wire_secret_event_value_changed_msg changed = { 0 };

    (void)conn;
    vmgr_secret_get_uuid(secret, wire.uuid);
    lifecycle.secret = changed.secret = wire;
    if (event->id == VMGR_SECRET_EVENT_VALUE_CHANGED)
        vmgr__subscriptions_emit(data, &secrets, event->id, NULL, wire.uuid,
                                 WIRE_SECRET_EVENT_VALUE_CHANGED, &changed);
    else
        vmgr__subscriptions_emit(data, &secrets, event->id, NULL, wire.uuid,
                                 WIRE_SECRET_EVENT_LIFECYCLE, &lifecycle);
}

static int listen_secrets(struct vmgr__server *s, int event_id, struct vmgr_error **err)
{
    return vmgr_conn_add_secret_event(s->conn, NULL, event_id, on_secret, s, NULL, err);
}

static const struct vmgr__event_kind secrets = { VMGR__EVENTS_SECRET, "secret", "secret ", 2,
                                                 listen_secrets };

/* ---- procedures ---- */

/* The pair for objects known by `member` of their structure on the wire, a name or a UUID. */
#define PAIR(kind, object, as_name, as_uuid)                                                       \
    static int register_##kind(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_connect_##object##_event_register_any_args *a = args;                    \
        struct wire_connect_##object##_event_register_any_ret *r = ret;                            \
                                                                                                   \
        return vmgr__subscribe(call, &kind, a->event_id, as_name, as_uuid, &r->callback_id, ret);  \
    }                                                                                              \
                                                                                                   \
    static int deregister_##kind(struct vmgr__call *call, const void *args, void *ret)             \
    {                                                                                              \
        const struct wire_connect_##object##_event_deregister_any_args *a = args;                  \
                                                                                                   \
        (void)ret;                                                                                 \
        return vmgr__unsubscribe(call, &kind, a->callback_id);                                     \
    }

PAIR(networks, network, NULL, a->net ? a->net->uuid : NULL)
PAIR(nodedevs, node_device, a->dev ? a->dev->name : NULL, NULL)
PAIR(pools, storage_pool, NULL, a->pool ? a->pool->uuid : NULL)
PAIR(secrets, secret, NULL, a->secret ? a->secret->uuid : NULL)

const struct vmgr__handler vmgr__handlers_object_event[] = {
    { WIRE_CONNECT_NETWORK_EVENT_REGISTER_ANY, register_networks, 0 },
    { WIRE_CONNECT_NETWORK_EVENT_DEREGISTER_ANY, deregister_networks, 0 },
    { WIRE_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY, register_nodedevs, 0 },
    { WIRE_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY, deregister_nodedevs, 0 },
    { WIRE_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY, register_pools, 0 },
    { WIRE_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY, deregister_pools, 0 },
    { WIRE_CONNECT_SECRET_EVENT_REGISTER_ANY, register_secrets, 0 },
    { WIRE_CONNECT_SECRET_EVENT_DEREGISTER_ANY, deregister_secrets, 0 },
    { 0, NULL, 0 },
};
