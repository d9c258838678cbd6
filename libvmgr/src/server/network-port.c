/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about ports of networks.
 */
#include <stdlib.h>
#include <string.h>
#include <vmgr/network-port.h>

#include "internal.h"
#include "params.h"

#define PORTS_MAX   16384     /* of the protocol, in one reply */
#define STRING_OKAY (1u << 2) /* VIR_TYPED_PARAM_STRING_OKAY; there are none */

static void drop(void *port)
{
    vmgr_network_port_unref(port);
}

static struct vmgr_network_port *call_port(struct vmgr__call *call,
                                           const struct wire_network_port *wire)
{
    struct vmgr_network *net = vmgr__call_network(call, &wire->net);
    struct vmgr_network_port *port = NULL;

    if (!net || vmgr_network_port_lookup_by_uuid(net, wire->uuid, &port, &call->err) < 0)
        return NULL;
    return vmgr__arena_adopt(&call->arena, port, drop);
}

/* Puts a port, which lives as long as the call, into a result. */
static void put(struct vmgr_network_port *port, struct wire_network_port *ret)
{
    struct vmgr_network *net = vmgr_network_port_get_network(port);

    ret->net.name = (char *)vmgr_network_get_name(net);
    vmgr_network_get_uuid(net, ret->net.uuid);
    vmgr_network_port_get_uuid(port, ret->uuid);
}

static int lookup_by_uuid(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_port_lookup_by_uuid_args *a = args;
    struct wire_network_port_lookup_by_uuid_ret *r = ret;
    struct wire_network_port wire = { .net = a->network };
    struct vmgr_network_port *port;

    memcpy(wire.uuid, a->uuid, VMGR_UUID_SIZE);
    port = call_port(call, &wire);
    if (!port)
        return -1;
    put(port, &r->port);
    return 0;
}

static int create_xml(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_port_create_xml_args *a = args;
    struct wire_network_port_create_xml_ret *r = ret;
    struct vmgr_network *net = vmgr__call_network(call, &a->network);
    struct vmgr_network_port *port = NULL;

    if (!net || vmgr_network_port_create_xml(net, a->xml, a->flags, &port, &call->err) < 0)
        return -1;
    put(vmgr__arena_adopt(&call->arena, port, drop), &r->port);
    return 0;
}

static int delete_port(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_port_delete_args *a = args;
    struct vmgr_network_port *port = call_port(call, &a->port);

    (void)ret;
    if (a->flags)
        return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_NETWORK,
                               "unsupported flags (0x%x) in function virNetworkPortDelete",
                               a->flags);
    return port ? vmgr_network_port_delete(port, &call->err) : -1;
}

static int get_xml_desc(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_port_get_xml_desc_args *a = args;
    struct wire_network_port_get_xml_desc_ret *r = ret;
    struct vmgr_network_port *port = call_port(call, &a->port);

    if (!port || vmgr_network_port_get_xml(port, a->flags, &r->xml, &call->err) < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, r->xml, free);
    return 0;
}

static void list_free(void *ports)
{
    vmgr_network_port_list_free(ports);
}

static int list_all(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_list_all_ports_args *a = args;
    struct wire_network_list_all_ports_ret *r = ret;
    struct vmgr_network *net = vmgr__call_network(call, &a->network);
    struct vmgr_network_port **list;
    int n;

    if (!net)
        return -1;
    n = vmgr_network_port_list(net, a->flags, &list, &call->err);
    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, list, list_free);
    r->ret = (uint32_t)n;
    if (!a->need_results)
        return 0;
    n = MIN(n, PORTS_MAX);
    r->ports.v = vmgr__arena_adopt(&call->arena, g_new0(struct wire_network_port, n + 1), g_free);
    for (; (int)r->ports.n < n; r->ports.n++)
        put(list[r->ports.n], &r->ports.v[r->ports.n]);
    return 0;
}

/* All of them: clients look there for what can be set. */
static int get_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_port_get_parameters_args *a = args;
    struct wire_network_port_get_parameters_ret *r = ret;
    struct vmgr_network_port *port = call_port(call, &a->port);
    uint32_t limits[VMGR_LIMIT_COUNT];
    struct vmgr__params params;

    if (!port ||
        vmgr_network_port_get_limits(port, a->flags & ~STRING_OKAY, limits, &call->err) < 0)
        return -1;
    vmgr__params_init(&params, &call->arena);
    for (int i = 0; i < VMGR_LIMIT_COUNT; i++)
        vmgr__params_add_uint(&params, limits[i], "%s", vmgr_interface_limit_name(i));
    r->params.v = vmgr__params_end(&params, &r->params.n);
    r->nparams = (int32_t)r->params.n;
    return 0;
}

static int set_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_network_port_set_parameters_args *a = args;
    struct vmgr_network_port *port = call_port(call, &a->port);
    uint32_t limits[VMGR_LIMIT_COUNT] = { 0 };
    unsigned directions = 0;

    (void)ret;
    if (!port || vmgr__call_read_limits(call, a->params.v, a->params.n, limits, &directions) < 0)
        return -1;
    return vmgr_network_port_set_limits(port, directions, limits, a->flags & ~STRING_OKAY,
                                        &call->err);
}

const struct vmgr__handler vmgr__handlers_network_port[] = {
    { WIRE_NETWORK_LIST_ALL_PORTS, list_all, 0 },
    { WIRE_NETWORK_PORT_LOOKUP_BY_UUID, lookup_by_uuid, 0 },
    { WIRE_NETWORK_PORT_CREATE_XML, create_xml, 0 },
    { WIRE_NETWORK_PORT_DELETE, delete_port, 0 },
    { WIRE_NETWORK_PORT_GET_XML_DESC, get_xml_desc, 0 },
    { WIRE_NETWORK_PORT_GET_PARAMETERS, get_parameters, 0 },
    { WIRE_NETWORK_PORT_SET_PARAMETERS, set_parameters, 0 },
    { 0, NULL, 0 },
};
