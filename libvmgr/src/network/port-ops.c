/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vemu driver's operations on ports of networks.
 */
#include "../driver/network-port.h"

#include "../driver/guestnet.h"
#include "../driver/vemu/state/lock.h"
#include "port.h"

static struct vemu *driver_of(struct vmgr_network *net)
{
    return vmgr_network_get_conn(net)->driver_data;
}

/* The network of a handle in a list, and that it runs; NULL and *err. */
static const struct vmgr__network_def *find_live(struct vmgr_network *net, const GPtrArray *list,
                                                 struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];
    const struct vmgr__netobj *obj;

    vmgr_network_get_uuid(net, uuid);
    obj = vmgr__netobj_find(list, uuid, NULL);
    if (!obj)
        vmgr__netobj_not_found(vmgr_network_get_conn(net), uuid, vmgr_network_get_name(net), err);
    else if (!obj->live)
        hostnet_error(err, VMGR_ERR_OPERATION_INVALID, "network '%s' is not active",
                      obj->config->name);
    return obj ? obj->live : NULL;
}

static int find(struct vmgr_network *net, const uint8_t uuid[VMGR_UUID_SIZE],
                struct vmgr__network_port *ret, struct vmgr_error **err)
{
    char text[VMGR_UUID_STRING_SIZE];

    if (vmgr__hostnet_port_find(driver_of(net), vmgr_network_get_name(net), uuid, ret) == 0)
        return 0;
    vmgr__uuid_format(uuid, text);
    return hostnet_error(err, VMGR_ERR_NO_NETWORK_PORT, "Network port with UUID %s does not exist",
                         text);
}

/* The port of a handle, for vmgr__network_port_clear(). */
static int find_of(struct vmgr_network_port *port, struct vmgr__network_port *ret,
                   struct vmgr_error **err)
{
    uint8_t uuid[VMGR_UUID_SIZE];

    vmgr_network_port_get_uuid(port, uuid);
    return find(vmgr_network_port_get_network(port), uuid, ret, err);
}

static int op_lookup(struct vmgr_network *net, const uint8_t uuid[VMGR_UUID_SIZE],
                     struct vmgr_network_port **ret, struct vmgr_error **err)
{
    struct vmgr__network_port port;

    if (find(net, uuid, &port, err) < 0)
        return -1;
    *ret = vmgr__network_port_new(net, uuid);
    vmgr__network_port_clear(&port);
    return 0;
}

static int op_list(struct vmgr_network *net, GPtrArray *ret, struct vmgr_error **err G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) list = vmgr__hostnet_ports(driver_of(net), vmgr_network_get_name(net));

    for (guint i = 0; i < list->len; i++) {
        const struct vmgr__network_port *port = list->pdata[i];

        g_ptr_array_add(ret, vmgr__network_port_new(net, port->uuid));
    }
    return 0;
}

/* Plugs a port into a network that runs. The lock is held. */
static int plug(struct vemu *d, const struct vmgr__network_def *def,
                struct vmgr__network_port *port, struct vmgr_error **err)
{
    struct vmgr__network_port same;
    char text[VMGR_UUID_STRING_SIZE];

    if (vmgr__hostnet_port_find(d, def->name, port->uuid, &same) == 0) {
        vmgr__network_port_clear(&same);
        vmgr__uuid_format(port->uuid, text);
        return hostnet_error(err, VMGR_ERR_NETWORK_PORT_EXIST, "%s", text);
    }
    if (vmgr__network_def_is_direct(def))
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "network '%s' has no bridge, and ports for guests of its own alone",
                             def->name);
    if (port->dev)
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "a port of network '%s' is plugged into its bridge '%s', not '%s'",
                             def->name, def->bridge, port->dev);
    if (port->bridge && g_strcmp0(port->bridge, def->bridge) != 0)
        return hostnet_error(err, VMGR_ERR_CONFIG_UNSUPPORTED,
                             "a port of network '%s' is plugged into its bridge '%s', not '%s'",
                             def->name, def->bridge, port->bridge);
    if (vmgr__portgroup_limits(def, port->group, &port->bandwidth, err) < 0)
        return -1;
    if (!port->bridge)
        port->bridge = g_strdup(def->bridge);
    g_clear_pointer(&port->interface, g_free); /* is for us to know */
    return vmgr__hostnet_port_save(d, def->name, port, err);
}

static int op_create(struct vmgr_network *net, const char *xml, struct vmgr_network_port **ret,
                     struct vmgr_error **err)
{
    struct vemu *d = driver_of(net);
    const struct vmgr__network_def *def;
    g_autoptr(GPtrArray) list = NULL;
    struct vmgr__network_port port;
    int lock, r = -1;

    if (vmgr__network_port_parse(xml, &port, err) < 0)
        return -1;
    lock = vmgr__hostnet_lock(d, err);
    if (lock >= 0) {
        list = vmgr__hostnet_load_locked(d);
        def = find_live(net, list, err);
        r = def ? plug(d, def, &port, err) : -1;
        vmgr__vemu_unlock(lock);
    }
    if (r == 0 && ret)
        *ret = vmgr__network_port_new(net, port.uuid);
    vmgr__network_port_clear(&port);
    return r;
}

static int op_remove(struct vmgr_network_port *handle, struct vmgr_error **err)
{
    struct vmgr_network *net = vmgr_network_port_get_network(handle);
    struct vemu *d = driver_of(net);
    struct vmgr__network_port port = { .owner = NULL };
    int lock = vmgr__hostnet_lock(d, err), r;

    if (lock < 0)
        return -1;
    r = find_of(handle, &port, err);
    if (r == 0 && port.interface)
        r = hostnet_error(err, VMGR_ERR_OPERATION_INVALID,
                          "port '%s' is of interface '%s' of domain '%s', with which it goes",
                          vmgr_network_port_get_uuid_string(handle), port.interface, port.owner);
    else if (r == 0)
        r = vmgr__hostnet_port_remove(d, vmgr_network_get_name(net), &port, err);
    vmgr__vemu_unlock(lock);
    vmgr__network_port_clear(&port);
    return r;
}

static int op_get_xml(struct vmgr_network_port *handle, char **ret, struct vmgr_error **err)
{
    struct vmgr__network_port port;

    if (find_of(handle, &port, err) < 0)
        return -1;
    *ret = vmgr__network_port_format(&port, false);
    vmgr__network_port_clear(&port);
    return 0;
}

static int op_get_limits(struct vmgr_network_port *handle, uint32_t ret[VMGR_LIMIT_COUNT],
                         struct vmgr_error **err)
{
    struct vmgr__network_port port;

    if (find_of(handle, &port, err) < 0)
        return -1;
    vmgr__bandwidth_get(&port.bandwidth, ret);
    vmgr__network_port_clear(&port);
    return 0;
}

static int limit_client(struct vmgr_network_port *handle, unsigned directions,
                        const uint32_t *limits, struct vmgr_error **err)
{
    struct vmgr_network *net = vmgr_network_port_get_network(handle);
    struct vemu *d = driver_of(net);
    struct vmgr__network_port port = { .owner = NULL };
    int lock = vmgr__hostnet_lock(d, err), r;

    if (lock < 0)
        return -1;
    r = find_of(handle, &port, err);
    if (r == 0)
        r = vmgr__bandwidth_merge(&port.bandwidth, directions, limits, err);
    if (r == 0)
        r = vmgr__hostnet_port_save(d, vmgr_network_get_name(net), &port, err);
    vmgr__vemu_unlock(lock);
    vmgr__network_port_clear(&port);
    return r;
}

/* A guest's port is its interface: what is changed there is noted here. */
static int op_set_limits(struct vmgr_network_port *handle, unsigned directions,
                         const uint32_t limits[VMGR_LIMIT_COUNT], struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(vmgr_network_port_get_network(handle));
    struct vmgr__network_port port;
    struct vmgr_domain *dom;
    int r;

    if (find_of(handle, &port, err) < 0)
        return -1;
    if (port.interface) {
        dom = vmgr__domain_new(conn, port.owner, port.owner_uuid);
        r = vmgr__vemu_guestnet.set_limits(dom, port.interface, directions, limits,
                                           VMGR_DOMAIN_AFFECT_LIVE, err);
        vmgr_domain_unref(dom);
    } else {
        r = limit_client(handle, directions, limits, err);
    }
    vmgr__network_port_clear(&port);
    return r;
}

const struct vmgr__network_port_ops vmgr__vemu_network_port = {
    .lookup = op_lookup,
    .list = op_list,
    .create = op_create,
    .remove = op_remove,
    .get_xml = op_get_xml,
    .get_limits = op_get_limits,
    .set_limits = op_set_limits,
};
