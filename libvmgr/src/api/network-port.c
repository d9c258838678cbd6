/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of networks: handles, and the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <stdlib.h>
#include <string.h>

#include "../conf/def.h"
#include "../driver/network-port.h"
#include "give.h"
#include "operation.h"

struct vmgr_network_port {
    gint refs;
    struct vmgr_network *net;
    uint8_t uuid[VMGR_UUID_SIZE];
    char uuid_string[VMGR_UUID_STRING_SIZE];
};

struct vmgr_network_port *vmgr__network_port_new(struct vmgr_network *net,
                                                 const uint8_t uuid[VMGR_UUID_SIZE])
{
    struct vmgr_network_port *port = g_new0(struct vmgr_network_port, 1);

    port->refs = 1;
    port->net = vmgr_network_ref(net);
    memcpy(port->uuid, uuid, VMGR_UUID_SIZE);
    vmgr__uuid_format(uuid, port->uuid_string);
    return port;
}

struct vmgr_network_port *vmgr_network_port_ref(struct vmgr_network_port *port)
{
    g_atomic_int_inc(&port->refs);
    return port;
}

struct vmgr_network_port *vmgr_network_port_unref(struct vmgr_network_port *port)
{
    if (port && g_atomic_int_dec_and_test(&port->refs)) {
        vmgr_network_unref(port->net);
        g_free(port);
    }
    return NULL;
}

static void drop(void *port)
{
    vmgr_network_port_unref(port);
}

struct vmgr_network_port **vmgr_network_port_list_free(struct vmgr_network_port **ports)
{
    for (struct vmgr_network_port **p = ports; p && *p; p++)
        vmgr_network_port_unref(*p);
    free(ports);
    return NULL;
}

void vmgr_network_port_get_uuid(struct vmgr_network_port *port, uint8_t ret_uuid[VMGR_UUID_SIZE])
{
    memcpy(ret_uuid, port->uuid, VMGR_UUID_SIZE);
}

const char *vmgr_network_port_get_uuid_string(struct vmgr_network_port *port)
{
    return port->uuid_string;
}

struct vmgr_network *vmgr_network_port_get_network(struct vmgr_network_port *port)
{
    return port->net;
}

/* ---- calls ---- */

#define OPS(conn) ((conn)->driver->network->ports)
#define NEED_PORTS(conn, name)                                                                     \
    do {                                                                                           \
        NEED(conn, network, name);                                                                 \
        NEED(conn, network->ports, name);                                                          \
    } while (0)

int vmgr_network_port_lookup_by_uuid(struct vmgr_network *network,
                                     const uint8_t uuid[VMGR_UUID_SIZE],
                                     struct vmgr_network_port **ret_port, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(network);

    NEED_PORTS(conn, "virNetworkPortLookupByUUID");
    return OPS(conn)->lookup(network, uuid, ret_port, err);
}

int vmgr_network_port_lookup_by_uuid_string(struct vmgr_network *network, const char *uuid,
                                            struct vmgr_network_port **ret_port,
                                            struct vmgr_error **err)
{
    uint8_t bytes[VMGR_UUID_SIZE];

    if (!uuid || !vmgr__uuid_parse(uuid, bytes))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK,
                               "uuidstr in virNetworkPortLookupByUUIDString must be a valid UUID");
    return vmgr_network_port_lookup_by_uuid(network, bytes, ret_port, err);
}

int vmgr_network_port_list(struct vmgr_network *network, uint32_t flags,
                           struct vmgr_network_port ***ret_ports, struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(drop);
    struct vmgr_conn *conn = vmgr_network_get_conn(network);

    NEED_PORTS(conn, "virNetworkListAllPorts");
    if (vmgr__check_flags(flags, 0, "virNetworkListAllPorts", err) < 0 ||
        OPS(conn)->list(network, list, err) < 0)
        return -1;
    return ret_ports ? vmgr__give_array(list, ret_ports, err) : (int)list->len;
}

int vmgr_network_port_create_xml(struct vmgr_network *network, const char *xml, uint32_t flags,
                                 struct vmgr_network_port **ret_port, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(network);

    NEED_PORTS(conn, "virNetworkPortCreateXML");
    if (vmgr__need_write(conn, "virNetworkPortCreateXML", err) < 0 ||
        vmgr__check_flags(flags, VMGR_NETWORK_PORT_CREATE_VALIDATE, "virNetworkPortCreateXML",
                          err) < 0)
        return -1;
    if (flags)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_NETWORK,
                               "validation against a schema is not available");
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK, "no document given");
    return OPS(conn)->create(network, xml, ret_port, err);
}

int vmgr_network_port_delete(struct vmgr_network_port *port, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(port->net);

    NEED_PORTS(conn, "virNetworkPortDelete");
    if (vmgr__need_write(conn, "virNetworkPortDelete", err) < 0)
        return -1;
    return OPS(conn)->remove(port, err);
}

int vmgr_network_port_get_xml(struct vmgr_network_port *port, uint32_t flags, char **ret_xml,
                              struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(port->net);
    char *text = NULL;
    int r;

    NEED_PORTS(conn, "virNetworkPortGetXMLDesc");
    if (vmgr__check_flags(flags, 0, "virNetworkPortGetXMLDesc", err) < 0)
        return -1;
    r = OPS(conn)->get_xml(port, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}

int vmgr_network_port_get_limits(struct vmgr_network_port *port, uint32_t flags,
                                 uint32_t ret_limits[VMGR_LIMIT_COUNT], struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(port->net);

    NEED_PORTS(conn, "virNetworkPortGetParameters");
    if (vmgr__check_flags(flags, 0, "virNetworkPortGetParameters", err) < 0)
        return -1;
    memset(ret_limits, 0, VMGR_LIMIT_COUNT * sizeof(*ret_limits));
    return OPS(conn)->get_limits(port, ret_limits, err);
}

int vmgr_network_port_set_limits(struct vmgr_network_port *port, unsigned directions,
                                 const uint32_t limits[VMGR_LIMIT_COUNT], uint32_t flags,
                                 struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_network_get_conn(port->net);

    NEED_PORTS(conn, "virNetworkPortSetParameters");
    if (vmgr__need_write(conn, "virNetworkPortSetParameters", err) < 0 ||
        vmgr__check_flags(flags, 0, "virNetworkPortSetParameters", err) < 0)
        return -1;
    if (!directions || directions & ~(VMGR_LIMIT_IN | VMGR_LIMIT_OUT))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK,
                               "0x%x are not directions of a network port", directions);
    return OPS(conn)->set_limits(port, directions, limits, err);
}
