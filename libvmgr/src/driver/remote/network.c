/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks behind a server. As of domains, older procedures are used where there are no flags.
 */
#include "../network-port.h"

#include <string.h>

#include "limits.h"
#include "remote.h"

#define FEATURE_UPDATE_ORDER 16

/* Arguments of every procedure that takes a network, or a network and a number. */
struct network_args {
    struct wire_network net;
    uint32_t number;
};

struct wire_network vmgr__remote_network_of(struct vmgr_network *net)
{
    struct wire_network wire = { .name = (char *)vmgr_network_get_name(net) };

    vmgr_network_get_uuid(net, wire.uuid);
    return wire;
}

static struct vmgr__remote *remote_of(struct vmgr_network *net)
{
    return vmgr_network_get_conn(net)->driver_data;
}

static int act(struct vmgr_network *net, int32_t procedure, uint32_t number,
               struct vmgr_error **err)
{
    const struct network_args args = { vmgr__remote_network_of(net), number };

    return vmgr__remote_do(remote_of(net), procedure, &args, err);
}

static int ask_number(struct vmgr_network *net, int32_t procedure, struct vmgr_error **err)
{
    const struct network_args args = { vmgr__remote_network_of(net), 0 };

    return vmgr__remote_number(remote_of(net), procedure, &args, err);
}

static int ask_text(struct vmgr_network *net, int32_t procedure, uint32_t flags, char **ret,
                    struct vmgr_error **err)
{
    const struct network_args args = { vmgr__remote_network_of(net), flags };

    return vmgr__remote_text(remote_of(net), procedure, &args, ret, err);
}

static void make(struct vmgr_conn *conn, const char *name, const uint8_t *uuid, void *ret)
{
    *(struct vmgr_network **)ret = vmgr__network_new(conn, name, uuid);
}

static int lookup(struct vmgr_conn *conn, const uint8_t *uuid, const char *name,
                  struct vmgr_network **ret, struct vmgr_error **err)
{
    static const struct vmgr__remote_lookup procedures = { .by_uuid = WIRE_NETWORK_LOOKUP_BY_UUID,
                                                           .by_name = WIRE_NETWORK_LOOKUP_BY_NAME,
                                                           .make = make };

    return vmgr__remote_lookup_named(conn, &procedures, uuid, name, ret, err);
}

static int list(struct vmgr_conn *conn, uint32_t flags, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_connect_list_all_networks_args args = { .need_results = 1, .flags = flags };
    struct wire_connect_list_all_networks_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(conn->driver_data, WIRE_CONNECT_LIST_ALL_NETWORKS, &args,
                                         &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.nets.n; i++)
        g_ptr_array_add(ret, vmgr__network_new(conn, out.nets.v[i].name, out.nets.v[i].uuid));
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int define(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                  struct vmgr_error **err)
{
    const struct wire_network_define_xml_args args = { (char *)xml };

    return vmgr__remote_named(conn, WIRE_NETWORK_DEFINE_XML, &args, make, ret, err);
}

static int create(struct vmgr_conn *conn, const char *xml, struct vmgr_network **ret,
                  struct vmgr_error **err)
{
    const struct wire_network_create_xml_args args = { (char *)xml };

    return vmgr__remote_named(conn, WIRE_NETWORK_CREATE_XML, &args, make, ret, err);
}

static int undefine(struct vmgr_network *net, struct vmgr_error **err)
{
    return act(net, WIRE_NETWORK_UNDEFINE, 0, err);
}

static int start(struct vmgr_network *net, struct vmgr_error **err)
{
    return act(net, WIRE_NETWORK_CREATE, 0, err);
}

static int destroy(struct vmgr_network *net, struct vmgr_error **err)
{
    return act(net, WIRE_NETWORK_DESTROY, 0, err);
}

static int update(struct vmgr_network *net, int command, int section, int parent_index,
                  const char *xml, uint32_t flags, struct vmgr_error **err)
{
    const struct wire_connect_supports_feature_args feature = { FEATURE_UPDATE_ORDER };
    /* Servers without the feature take the two numbers for one another; an error is a no. */
    const bool ordered =
        vmgr__remote_number(remote_of(net), WIRE_CONNECT_SUPPORTS_FEATURE, &feature, NULL) > 0;
    const struct wire_network_update_args args = { .net = vmgr__remote_network_of(net),
                                                   .command =
                                                       (uint32_t)(ordered ? command : section),
                                                   .section =
                                                       (uint32_t)(ordered ? section : command),
                                                   .parent_index = parent_index,
                                                   .xml = (char *)xml,
                                                   .flags = flags };

    return vmgr__remote_do(remote_of(net), WIRE_NETWORK_UPDATE, &args, err);
}

static int get_xml(struct vmgr_network *net, uint32_t flags, char **ret, struct vmgr_error **err)
{
    return ask_text(net, WIRE_NETWORK_GET_XML_DESC, flags, ret, err);
}

static int get_bridge(struct vmgr_network *net, char **ret, struct vmgr_error **err)
{
    return ask_text(net, WIRE_NETWORK_GET_BRIDGE_NAME, 0, ret, err);
}

static int is_active(struct vmgr_network *net, struct vmgr_error **err)
{
    return ask_number(net, WIRE_NETWORK_IS_ACTIVE, err);
}

static int is_persistent(struct vmgr_network *net, struct vmgr_error **err)
{
    return ask_number(net, WIRE_NETWORK_IS_PERSISTENT, err);
}

static int get_autostart(struct vmgr_network *net, struct vmgr_error **err)
{
    return ask_number(net, WIRE_NETWORK_GET_AUTOSTART, err);
}

static int set_autostart(struct vmgr_network *net, bool on, struct vmgr_error **err)
{
    return act(net, WIRE_NETWORK_SET_AUTOSTART, on, err);
}

/* Leases stand on malloc(), see vmgr__lease_new(). */
static char *copy(const char *text)
{
    char *out = text ? strdup(text) : NULL;

    g_assert(out || !text);
    return out;
}

static int get_leases(struct vmgr_network *net, const char *mac, GPtrArray *ret,
                      struct vmgr_error **err)
{
    const struct wire_network_get_dhcp_leases_args args = { .net = vmgr__remote_network_of(net),
                                                            .mac = (char *)mac,
                                                            .need_results = 1 };
    struct wire_network_get_dhcp_leases_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result =
        vmgr__remote_call(remote_of(net), WIRE_NETWORK_GET_DHCP_LEASES, &args, &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.leases.n; i++) {
        const struct wire_network_dhcp_lease *wire = &out.leases.v[i];
        struct vmgr_network_dhcp_lease *lease = vmgr__lease_new();

        lease->type = wire->type;
        lease->expiry_s = wire->expirytime;
        lease->prefix = wire->prefix;
        lease->interface = copy(wire->iface);
        lease->mac = copy(wire->mac);
        lease->iaid = copy(wire->iaid);
        lease->address = copy(wire->ipaddr);
        lease->hostname = copy(wire->hostname);
        lease->client_id = copy(wire->clientid);
        g_ptr_array_add(ret, lease);
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int watch(struct vmgr_conn *conn, int epoll_fd G_GNUC_UNUSED, struct vmgr_error **err)
{
    const struct wire_connect_network_event_register_any_args args = {
        .event_id = VMGR_NETWORK_EVENT_LIFECYCLE
    };

    return vmgr__remote_ask_events(conn, VMGR__REMOTE_NETWORK_LIFECYCLE,
                                   WIRE_CONNECT_NETWORK_EVENT_REGISTER_ANY, &args, err);
}

/* Remarks on documents have no procedure: get_messages stays unsupported. */
const struct vmgr__network_ops vmgr__remote_network = {
    .lookup = lookup,
    .list = list,
    .define = define,
    .create = create,
    .undefine = undefine,
    .start = start,
    .destroy = destroy,
    .update = update,
    .get_xml = get_xml,
    .get_bridge = get_bridge,
    .is_active = is_active,
    .is_persistent = is_persistent,
    .get_autostart = get_autostart,
    .set_autostart = set_autostart,
    .get_leases = get_leases,
    .watch = watch,
    .ports = &vmgr__remote_network_port,
};
