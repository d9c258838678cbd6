/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks: handles, and the public calls, which check and pass on to the driver.
 *
 * Function names in messages are those of the libvirt interface: administrators search for them.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/network.h>

#include "../conf/def.h"
#include "../driver/network.h"
#include "give.h"
#include "operation.h"

struct vmgr_network {
    gint refs;
    struct vmgr_conn *conn;
    char *name;
    uint8_t uuid[VMGR_UUID_SIZE];
    char uuid_string[VMGR_UUID_STRING_SIZE];
};

struct vmgr_network *vmgr__network_new(struct vmgr_conn *conn, const char *name,
                                       const uint8_t uuid[VMGR_UUID_SIZE])
{
    struct vmgr_network *net = g_new0(struct vmgr_network, 1);

    net->refs = 1;
    net->conn = vmgr_conn_ref(conn);
    net->name = g_strdup(name);
    memcpy(net->uuid, uuid, VMGR_UUID_SIZE);
    vmgr__uuid_format(uuid, net->uuid_string);
    return net;
}

struct vmgr_network *vmgr_network_ref(struct vmgr_network *network)
{
    g_atomic_int_inc(&network->refs);
    return network;
}

struct vmgr_network *vmgr_network_unref(struct vmgr_network *network)
{
    if (network && g_atomic_int_dec_and_test(&network->refs)) {
        vmgr_conn_unref(network->conn);
        g_free(network->name);
        g_free(network);
    }
    return NULL;
}

struct vmgr_network **vmgr_network_list_free(struct vmgr_network **networks)
{
    for (struct vmgr_network **n = networks; n && *n; n++)
        vmgr_network_unref(*n);
    free(networks);
    return NULL;
}

const char *vmgr_network_get_name(struct vmgr_network *network)
{
    return network->name;
}

void vmgr_network_get_uuid(struct vmgr_network *network, uint8_t ret_uuid[VMGR_UUID_SIZE])
{
    memcpy(ret_uuid, network->uuid, VMGR_UUID_SIZE);
}

const char *vmgr_network_get_uuid_string(struct vmgr_network *network)
{
    return network->uuid_string;
}

struct vmgr_conn *vmgr_network_get_conn(struct vmgr_network *network)
{
    return network->conn;
}

/* ---- checks ---- */

#define NEED_WRITE(conn, op, name) NEED_WRITE_IN(conn, network, op, VMGR_FROM_NETWORK, name)

static int no_schema(uint32_t flags, uint32_t known, const char *function, struct vmgr_error **err)
{
    if (vmgr__check_flags(flags, known, function, err) < 0)
        return -1;
    if (flags)
        return vmgr__error_set(err, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_NETWORK,
                               "validation against a schema is not available");
    return 0;
}

/* ---- finding ---- */

int vmgr_network_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                struct vmgr_network **ret_network, struct vmgr_error **err)
{
    NEED_IN(conn, network, lookup, "virNetworkLookupByName");
    if (!name)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK, "no name given");
    return conn->driver->network->lookup(conn, NULL, name, ret_network, err);
}

int vmgr_network_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                                struct vmgr_network **ret_network, struct vmgr_error **err)
{
    NEED_IN(conn, network, lookup, "virNetworkLookupByUUID");
    return conn->driver->network->lookup(conn, uuid, NULL, ret_network, err);
}

int vmgr_network_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                       struct vmgr_network **ret_network, struct vmgr_error **err)
{
    uint8_t bytes[VMGR_UUID_SIZE];

    if (!uuid || !vmgr__uuid_parse(uuid, bytes))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK,
                               "uuidstr in virNetworkLookupByUUIDString must be a valid UUID");
    return vmgr_network_lookup_by_uuid(conn, bytes, ret_network, err);
}

static void network_drop(void *network)
{
    vmgr_network_unref(network);
}

int vmgr_network_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_network ***ret_networks,
                      struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(network_drop);

    NEED_IN(conn, network, list, "virConnectListAllNetworks");
    if (vmgr__check_flags(flags,
                          VMGR_NETWORK_LIST_INACTIVE | VMGR_NETWORK_LIST_ACTIVE |
                              VMGR_NETWORK_LIST_PERSISTENT | VMGR_NETWORK_LIST_TRANSIENT |
                              VMGR_NETWORK_LIST_AUTOSTART | VMGR_NETWORK_LIST_NO_AUTOSTART,
                          "virConnectListAllNetworks", err) < 0 ||
        conn->driver->network->list(conn, flags, list, err) < 0)
        return -1;
    return ret_networks ? vmgr__give_array(list, ret_networks, err) : (int)list->len;
}

/* ---- defining and running ---- */

int vmgr_network_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_network **ret_network, struct vmgr_error **err)
{
    NEED_WRITE(conn, define, "virNetworkDefineXML");
    if (no_schema(flags, VMGR_NETWORK_DEFINE_VALIDATE, "virNetworkDefineXMLFlags", err) < 0)
        return -1;
    return conn->driver->network->define(conn, xml, ret_network, err);
}

int vmgr_network_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_network **ret_network, struct vmgr_error **err)
{
    NEED_WRITE(conn, create, "virNetworkCreateXML");
    if (no_schema(flags, VMGR_NETWORK_CREATE_VALIDATE, "virNetworkCreateXMLFlags", err) < 0)
        return -1;
    return conn->driver->network->create(conn, xml, ret_network, err);
}

int vmgr_network_undefine(struct vmgr_network *network, struct vmgr_error **err)
{
    NEED_WRITE(network->conn, undefine, "virNetworkUndefine");
    return network->conn->driver->network->undefine(network, err);
}

int vmgr_network_start(struct vmgr_network *network, struct vmgr_error **err)
{
    NEED_WRITE(network->conn, start, "virNetworkCreate");
    return network->conn->driver->network->start(network, err);
}

int vmgr_network_destroy(struct vmgr_network *network, struct vmgr_error **err)
{
    NEED_WRITE(network->conn, destroy, "virNetworkDestroy");
    return network->conn->driver->network->destroy(network, err);
}

int vmgr_network_update(struct vmgr_network *network, int command, int section, int parent_index,
                        const char *xml, uint32_t flags, struct vmgr_error **err)
{
    NEED_WRITE(network->conn, update, "virNetworkUpdate");
    if (vmgr__check_flags(flags,
                          VMGR_NETWORK_UPDATE_AFFECT_LIVE | VMGR_NETWORK_UPDATE_AFFECT_CONFIG,
                          "virNetworkUpdate", err) < 0)
        return -1;
    if (!xml)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK, "no document given");
    return network->conn->driver->network->update(network, command, section, parent_index, xml,
                                                  flags, err);
}

int vmgr_network_set_autostart(struct vmgr_network *network, int autostart, struct vmgr_error **err)
{
    NEED_WRITE(network->conn, set_autostart, "virNetworkSetAutostart");
    return network->conn->driver->network->set_autostart(network, autostart != 0, err);
}

/* ---- looking ---- */

int vmgr_network_get_xml(struct vmgr_network *network, uint32_t flags, char **ret_xml,
                         struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED_IN(network->conn, network, get_xml, "virNetworkGetXMLDesc");
    if (vmgr__check_flags(flags, VMGR_NETWORK_XML_INACTIVE, "virNetworkGetXMLDesc", err) < 0)
        return -1;
    r = network->conn->driver->network->get_xml(network, flags, &text, err);
    return vmgr__give_text(text, r, ret_xml, err);
}

int vmgr_network_get_bridge(struct vmgr_network *network, char **ret_bridge,
                            struct vmgr_error **err)
{
    char *text = NULL;
    int r;

    NEED_IN(network->conn, network, get_bridge, "virNetworkGetBridgeName");
    r = network->conn->driver->network->get_bridge(network, &text, err);
    return vmgr__give_text(text, r, ret_bridge, err);
}

int vmgr_network_is_active(struct vmgr_network *network, struct vmgr_error **err)
{
    NEED_IN(network->conn, network, is_active, "virNetworkIsActive");
    return network->conn->driver->network->is_active(network, err);
}

int vmgr_network_is_persistent(struct vmgr_network *network, struct vmgr_error **err)
{
    NEED_IN(network->conn, network, is_persistent, "virNetworkIsPersistent");
    return network->conn->driver->network->is_persistent(network, err);
}

int vmgr_network_get_autostart(struct vmgr_network *network, struct vmgr_error **err)
{
    NEED_IN(network->conn, network, get_autostart, "virNetworkGetAutostart");
    return network->conn->driver->network->get_autostart(network, err);
}

int vmgr_network_get_messages(struct vmgr_network *network, char ***ret_messages,
                              struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);

    NEED_IN(network->conn, network, get_messages, "virNetworkGetMessages");
    if (network->conn->driver->network->get_messages(network, list, err) < 0)
        return -1;
    for (guint i = 0; i < list->len; i++) { /* to stand on malloc() */
        char *copy = strdup(list->pdata[i]);

        if (!copy)
            return vmgr__error_set(err, VMGR_ERR_NO_MEMORY, VMGR_FROM_NONE, NULL);
        g_free(list->pdata[i]);
        list->pdata[i] = copy;
    }
    return vmgr__give_array(list, ret_messages, err);
}

/* ---- leases ---- */

struct vmgr_network_dhcp_lease *vmgr__lease_new(void)
{
    struct vmgr_network_dhcp_lease *lease = calloc(1, sizeof(*lease));

    g_assert(lease);
    lease->size = sizeof(*lease);
    return lease;
}

void vmgr__lease_free(void *data)
{
    struct vmgr_network_dhcp_lease *lease = data;

    free(lease->interface);
    free(lease->mac);
    free(lease->iaid);
    free(lease->address);
    free(lease->hostname);
    free(lease->client_id);
    free(lease);
}

struct vmgr_network_dhcp_lease **
vmgr_network_dhcp_leases_free(struct vmgr_network_dhcp_lease **leases)
{
    for (struct vmgr_network_dhcp_lease **l = leases; l && *l; l++)
        vmgr__lease_free(*l);
    free(leases);
    return NULL;
}

int vmgr_network_get_dhcp_leases(struct vmgr_network *network, const char *mac, uint32_t flags,
                                 struct vmgr_network_dhcp_lease ***ret_leases,
                                 struct vmgr_error **err)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(vmgr__lease_free);
    uint8_t bytes[6];

    NEED_IN(network->conn, network, get_leases, "virNetworkGetDHCPLeases");
    if (vmgr__check_flags(flags, 0, "virNetworkGetDHCPLeases", err) < 0)
        return -1;
    if (mac && !vmgr__mac_parse(mac, bytes))
        return vmgr__error_set(err, VMGR_ERR_INVALID_MAC, VMGR_FROM_NETWORK, "%s", mac);
    if (network->conn->driver->network->get_leases(network, mac, list, err) < 0)
        return -1;
    return ret_leases ? vmgr__give_array(list, ret_leases, err) : (int)list->len;
}
