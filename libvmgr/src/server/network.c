/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about networks.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/network.h>

#include "internal.h"

#define NETWORKS_MAX 16384 /* of the protocol, in one reply */
#define LEASES_MAX   65536

static void drop(void *net)
{
    vmgr_network_unref(net);
}

static struct vmgr_network *keep(struct vmgr__call *call, struct vmgr_network *net)
{
    return net ? vmgr__arena_adopt(&call->arena, net, drop) : NULL;
}

struct vmgr_network *vmgr__call_network(struct vmgr__call *call, const struct wire_network *wire)
{
    struct vmgr_network *net = NULL;

    vmgr_network_lookup_by_uuid(call->conn, wire->uuid, &net, &call->err);
    return keep(call, net);
}

/* Puts a fresh reference into a result; r: how it was got. */
static int put(struct vmgr__call *call, int r, struct vmgr_network **net, struct wire_network *ret)
{
    if (r < 0)
        return -1;
    keep(call, *net);
    ret->name = (char *)vmgr_network_get_name(*net);
    vmgr_network_get_uuid(*net, ret->uuid);
    return 0;
}

static int lookup_by_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_lookup_by_name_args *a = args;
    struct wire_network_lookup_by_name_ret *r = ret;
    struct vmgr_network *net = NULL;

    return put(call, vmgr_network_lookup_by_name(call->conn, a->name, &net, &call->err), &net,
               &r->net);
}

static int lookup_by_uuid(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_lookup_by_uuid_args *a = args;
    struct wire_network_lookup_by_uuid_ret *r = ret;
    struct vmgr_network *net = NULL;

    return put(call, vmgr_network_lookup_by_uuid(call->conn, a->uuid, &net, &call->err), &net,
               &r->net);
}

/* Documents that make a network, with and without flags. */
#define FROM_XML(procedure, function, flags_)                                                      \
    static int procedure(struct vmgr__call *call, const void *args, void *ret)                     \
    {                                                                                              \
        const struct wire_network_##procedure##_args *a = args;                                    \
        struct wire_network_##procedure##_ret *r = ret;                                            \
        struct vmgr_network *net = NULL;                                                           \
                                                                                                   \
        return put(call, function(call->conn, a->xml, flags_, &net, &call->err), &net, &r->net);   \
    }

FROM_XML(define_xml, vmgr_network_define_xml, 0)
FROM_XML(define_xml_flags, vmgr_network_define_xml, a->flags)
FROM_XML(create_xml, vmgr_network_create_xml, 0)
FROM_XML(create_xml_flags, vmgr_network_create_xml, a->flags)

/* Changes without a result. */
#define CHANGE(procedure, change)                                                                  \
    static int net_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_network_##procedure##_args *a = args;                                    \
        struct vmgr_network *net = vmgr__call_network(call, &a->net);                              \
                                                                                                   \
        (void)ret;                                                                                 \
        return net ? (change) : -1;                                                                \
    }

CHANGE(create, vmgr_network_start(net, &call->err))
CHANGE(destroy, vmgr_network_destroy(net, &call->err))
CHANGE(undefine, vmgr_network_undefine(net, &call->err))
CHANGE(set_autostart, vmgr_network_set_autostart(net, a->autostart, &call->err))
CHANGE(update, vmgr_network_update(net, (int)a->command, (int)a->section, a->parent_index, a->xml,
                                   a->flags, &call->err))

/* Questions whose answer is one number. */
#define ASK(procedure, field)                                                                      \
    static int ask_##procedure(struct vmgr__call *call, const void *args, void *ret)               \
    {                                                                                              \
        const struct wire_network_##procedure##_args *a = args;                                    \
        struct wire_network_##procedure##_ret *r = ret;                                            \
        struct vmgr_network *net = vmgr__call_network(call, &a->net);                              \
                                                                                                   \
        r->field = net ? vmgr_network_##procedure(net, &call->err) : -1;                           \
        return r->field < 0 ? -1 : 0;                                                              \
    }

ASK(is_active, active)
ASK(is_persistent, persistent)
ASK(get_autostart, autostart)

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_get_xml_desc_args *a = args;
    struct wire_network_get_xml_desc_ret *r = ret;
    struct vmgr_network *net = vmgr__call_network(call, &a->net);

    if (!net || vmgr_network_get_xml(net, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static int get_bridge_name(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_get_bridge_name_args *a = args;
    struct wire_network_get_bridge_name_ret *r = ret;
    struct vmgr_network *net = vmgr__call_network(call, &a->net);

    if (!net || vmgr_network_get_bridge(net, &r->name, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->name, free);
    return 0;
}

/* ---- lists ---- */

static void list_free(void *list)
{
    vmgr_network_list_free(list);
}

/* The networks that pass, at most NETWORKS_MAX. Returns how many, or -1. */
static int list_networks(struct vmgr__call *call, uint32_t flags, struct vmgr_network ***ret)
{
    const int n = vmgr_network_list(call->conn, flags, ret, &call->err);

    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, *ret, list_free);
    if (n > NETWORKS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "%d networks are more than the %d that fit into a reply", n,
                               NETWORKS_MAX);
    return n;
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_all_networks_args *a = args;
    struct wire_connect_list_all_networks_ret *r = ret;
    struct vmgr_network **list;
    const int n = list_networks(call, a->flags, &list);

    if (n < 0)
        return -1;
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    r->nets.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_network, n + 1), g_free);
    for (; (int)r->nets.n < n; r->nets.n++) {
        r->nets.v[r->nets.n].name = (char *)vmgr_network_get_name(list[r->nets.n]);
        vmgr_network_get_uuid(list[r->nets.n], r->nets.v[r->nets.n].uuid);
    }
    return 0;
}

static int list_names(struct vmgr__call *call, uint32_t flags, int most, char ***ret_names,
                      uint32_t *ret_n)
{
    struct vmgr_network **list;
    int n;

    if (most < 0 || most > NETWORKS_MAX)
        return vmgr__call_fail(call, VMGR_ERR_RPC, VMGR_FROM_RPC,
                               "a list of %d networks is asked for, between 0 and %d is possible",
                               most, NETWORKS_MAX);
    n = list_networks(call, flags, &list);
    if (n < 0)
        return -1;
    *ret_names = vmgr__arena_adopt(&call->arena, g_new0(char *, n + 1), g_free);
    for (*ret_n = 0; (int)*ret_n < MIN(n, most); (*ret_n)++)
        (*ret_names)[*ret_n] = (char *)vmgr_network_get_name(list[*ret_n]);
    return 0;
}

static int list_active(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_networks_args *a = args;
    struct wire_connect_list_networks_ret *r = ret;

    return list_names(call, VMGR_NETWORK_LIST_ACTIVE, a->maxnames, &r->names.v, &r->names.n);
}

static int list_defined(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_connect_list_defined_networks_args *a = args;
    struct wire_connect_list_defined_networks_ret *r = ret;

    return list_names(call, VMGR_NETWORK_LIST_INACTIVE, a->maxnames, &r->names.v, &r->names.n);
}

static int num_of_active(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_networks_ret *r = ret;

    (void)args;
    r->num = vmgr_network_list(call->conn, VMGR_NETWORK_LIST_ACTIVE, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

static int num_of_defined(struct vmgr__call *call, const void *args, void *ret)
{
    struct wire_connect_num_of_defined_networks_ret *r = ret;

    (void)args;
    r->num = vmgr_network_list(call->conn, VMGR_NETWORK_LIST_INACTIVE, NULL, &call->err);
    return r->num < 0 ? -1 : 0;
}

/* ---- leases ---- */

static void leases_free(void *leases)
{
    vmgr_network_dhcp_leases_free(leases);
}

static int get_dhcp_leases(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_get_dhcp_leases_args *a = args;
    struct wire_network_get_dhcp_leases_ret *r = ret;
    struct vmgr_network *net = vmgr__call_network(call, &a->net);
    struct vmgr_network_dhcp_lease **list;
    int n;

    if (!net)
        return -1;
    n = vmgr_network_get_dhcp_leases(net, a->mac, a->flags, &list, &call->err);
    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, list, leases_free);
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    n = MIN(n, LEASES_MAX);
    r->leases.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_network_dhcp_lease, n + 1), g_free);
    for (; (int)r->leases.n < n; r->leases.n++) {
        const struct vmgr_network_dhcp_lease *lease = list[r->leases.n];

        r->leases.v[r->leases.n] = (struct wire_network_dhcp_lease){
            .iface = lease->interface,
            .expirytime = lease->expiry_s,
            .type = lease->type,
            .mac = lease->mac,
            .iaid = lease->iaid,
            .ipaddr = lease->address,
            .prefix = lease->prefix,
            .hostname = lease->hostname,
            .clientid = lease->client_id,
        };
    }
    return 0;
}

const struct vmgr__handler vmgr__handlers_network[] = {
    { WIRE_NETWORK_LOOKUP_BY_NAME, lookup_by_name, 0 },
    { WIRE_NETWORK_LOOKUP_BY_UUID, lookup_by_uuid, 0 },
    { WIRE_NETWORK_DEFINE_XML, define_xml, 0 },
    { WIRE_NETWORK_DEFINE_XML_FLAGS, define_xml_flags, 0 },
    { WIRE_NETWORK_CREATE_XML, create_xml, 0 },
    { WIRE_NETWORK_CREATE_XML_FLAGS, create_xml_flags, 0 },
    { WIRE_NETWORK_CREATE, net_create, 0 },
    { WIRE_NETWORK_DESTROY, net_destroy, 0 },
    { WIRE_NETWORK_UNDEFINE, net_undefine, 0 },
    { WIRE_NETWORK_SET_AUTOSTART, net_set_autostart, 0 },
    { WIRE_NETWORK_UPDATE, net_update, 0 },
    { WIRE_NETWORK_IS_ACTIVE, ask_is_active, 0 },
    { WIRE_NETWORK_IS_PERSISTENT, ask_is_persistent, 0 },
    { WIRE_NETWORK_GET_AUTOSTART, ask_get_autostart, 0 },
    { WIRE_NETWORK_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_NETWORK_GET_BRIDGE_NAME, get_bridge_name, 0 },
    { WIRE_CONNECT_LIST_ALL_NETWORKS, list_all, 0 },
    { WIRE_CONNECT_LIST_NETWORKS, list_active, 0 },
    { WIRE_CONNECT_LIST_DEFINED_NETWORKS, list_defined, 0 },
    { WIRE_CONNECT_NUM_OF_NETWORKS, num_of_active, 0 },
    { WIRE_CONNECT_NUM_OF_DEFINED_NETWORKS, num_of_defined, 0 },
    { WIRE_NETWORK_GET_DHCP_LEASES, get_dhcp_leases, 0 },
    { 0, NULL, 0 },
};
