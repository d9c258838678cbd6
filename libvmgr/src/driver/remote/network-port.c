/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of networks behind a server.
 */
#include "../network-port.h"

#include <string.h>

#include "limits.h"
#include "remote.h"

static struct vmgr__remote *remote_of(struct vmgr_network *net)
{
    return vmgr_network_get_conn(net)->driver_data;
}

static struct vmgr__remote *remote_of_port(struct vmgr_network_port *port)
{
    return remote_of(vmgr_network_port_get_network(port));
}

static struct wire_network_port wire_of(struct vmgr_network_port *port)
{
    struct wire_network_port wire = { .net = vmgr__remote_network_of(
                                          vmgr_network_port_get_network(port)) };

    vmgr_network_port_get_uuid(port, wire.uuid);
    return wire;
}

/* For procedures that give a port and nothing else. */
static int get_one(struct vmgr_network *net, int32_t procedure, const void *args,
                   struct vmgr_network_port **ret, struct vmgr_error **err)
{
    struct wire_network_port_create_xml_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(remote_of(net), procedure, args, &out, &reply, err);

    if (r == 0 && ret)
        *ret = vmgr__network_port_new(net, out.port.uuid);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int lookup(struct vmgr_network *net, const uint8_t uuid[VMGR_UUID_SIZE],
                  struct vmgr_network_port **ret, struct vmgr_error **err)
{
    struct wire_network_port_lookup_by_uuid_args args = { .network = vmgr__remote_network_of(net) };

    memcpy(args.uuid, uuid, VMGR_UUID_SIZE);
    return get_one(net, WIRE_NETWORK_PORT_LOOKUP_BY_UUID, &args, ret, err);
}

static int create(struct vmgr_network *net, const char *xml, struct vmgr_network_port **ret,
                  struct vmgr_error **err)
{
    const struct wire_network_port_create_xml_args args = { .network = vmgr__remote_network_of(net),
                                                            .xml = (char *)xml };

    return get_one(net, WIRE_NETWORK_PORT_CREATE_XML, &args, ret, err);
}

static int list(struct vmgr_network *net, GPtrArray *ret, struct vmgr_error **err)
{
    const struct wire_network_list_all_ports_args args = { .network = vmgr__remote_network_of(net),
                                                           .need_results = 1 };
    struct wire_network_list_all_ports_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r =
        vmgr__remote_call(remote_of(net), WIRE_NETWORK_LIST_ALL_PORTS, &args, &out, &reply, err);

    for (uint32_t i = 0; r == 0 && i < out.ports.n; i++)
        g_ptr_array_add(ret, vmgr__network_port_new(net, out.ports.v[i].uuid));
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int remove_port(struct vmgr_network_port *port, struct vmgr_error **err)
{
    const struct wire_network_port_delete_args args = { .port = wire_of(port) };

    return vmgr__remote_do(remote_of_port(port), WIRE_NETWORK_PORT_DELETE, &args, err);
}

static int get_xml(struct vmgr_network_port *port, char **ret, struct vmgr_error **err)
{
    const struct wire_network_port_get_xml_desc_args args = { .port = wire_of(port) };

    return vmgr__remote_text(remote_of_port(port), WIRE_NETWORK_PORT_GET_XML_DESC, &args, ret, err);
}

static int get_limits(struct vmgr_network_port *port, uint32_t ret[VMGR_LIMIT_COUNT],
                      struct vmgr_error **err)
{
    const struct wire_network_port_get_parameters_args args = { .port = wire_of(port),
                                                                .nparams = VMGR_LIMIT_COUNT };
    struct wire_network_port_get_parameters_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int r = vmgr__remote_call(remote_of_port(port), WIRE_NETWORK_PORT_GET_PARAMETERS, &args,
                                    &out, &reply, err);

    if (r == 0)
        vmgr__remote_limits_read(out.params.v, out.params.n, ret);
    vmgr__remote_reply_clear(&reply);
    return r;
}

static int set_limits(struct vmgr_network_port *port, unsigned directions,
                      const uint32_t limits[VMGR_LIMIT_COUNT], struct vmgr_error **err)
{
    struct wire_typed_param params[VMGR_LIMIT_COUNT] = { 0 };
    const struct wire_network_port_set_parameters_args args = {
        .port = wire_of(port),
        .params = { .n = vmgr__remote_limits_write(directions, limits, params), .v = params },
    };

    return vmgr__remote_do(remote_of_port(port), WIRE_NETWORK_PORT_SET_PARAMETERS, &args, err);
}

const struct vmgr__network_port_ops vmgr__remote_network_port = {
    .lookup = lookup,
    .list = list,
    .create = create,
    .remove = remove_port,
    .get_xml = get_xml,
    .get_limits = get_limits,
    .set_limits = set_limits,
};
