/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of guests behind a server.
 */
#include "../guestnet.h"

#include <string.h>

#include "limits.h"
#include "remote.h"

static struct vmgr__remote *remote_of(struct vmgr_domain *dom)
{
    return vmgr_domain_get_conn(dom)->driver_data;
}

static int get_addresses(struct vmgr_domain *dom, unsigned source, GPtrArray *ret,
                         struct vmgr_error **err)
{
    const struct wire_domain_interface_addresses_args args = { .dom = vmgr__remote_domain(dom),
                                                               .source = source };
    struct wire_domain_interface_addresses_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_INTERFACE_ADDRESSES, &args,
                                         &out, &reply, err);

    for (uint32_t i = 0; result == 0 && i < out.ifaces.n; i++) {
        const struct wire_domain_interface *wire = &out.ifaces.v[i];
        struct vmgr_domain_interface *to = vmgr__guest_interface_new(wire->name, wire->hwaddr);

        for (uint32_t k = 0; k < wire->addrs.n; k++)
            vmgr__guest_interface_add(to, wire->addrs.v[k].type, wire->addrs.v[k].addr,
                                      wire->addrs.v[k].prefix);
        g_ptr_array_add(ret, to);
    }
    vmgr__remote_reply_clear(&reply);
    return result;
}

void vmgr__remote_limits_read(const struct wire_typed_param *params, uint32_t n,
                              uint32_t ret[VMGR_LIMIT_COUNT])
{
    for (uint32_t i = 0; i < n; i++) {
        for (int k = 0; k < VMGR_LIMIT_COUNT; k++) {
            if (params[i].value.type == WIRE_VALUE_UINT &&
                strcmp(params[i].field, vmgr_interface_limit_name(k)) == 0)
                ret[k] = params[i].value.ui;
        }
    }
}

uint32_t vmgr__remote_limits_write(unsigned directions, const uint32_t limits[VMGR_LIMIT_COUNT],
                                   struct wire_typed_param ret[VMGR_LIMIT_COUNT])
{
    uint32_t n = 0;

    for (int k = 0; k < VMGR_LIMIT_COUNT; k++) {
        const bool in = k <= VMGR_LIMIT_IN_FLOOR;
        const bool average = k == VMGR_LIMIT_IN_AVERAGE || k == VMGR_LIMIT_OUT_AVERAGE;

        if (!(directions & (in ? VMGR_LIMIT_IN : VMGR_LIMIT_OUT)) || (!average && !limits[k]))
            continue;
        ret[n].field = (char *)vmgr_interface_limit_name(k);
        ret[n].value.type = WIRE_VALUE_UINT;
        ret[n++].value.ui = limits[k];
    }
    return n;
}

static int get_limits(struct vmgr_domain *dom, const char *interface, uint32_t flags,
                      uint32_t ret[VMGR_LIMIT_COUNT], struct vmgr_error **err)
{
    const struct wire_domain_get_interface_parameters_args args = {
        .dom = vmgr__remote_domain(dom),
        .device = (char *)interface,
        .nparams = VMGR_LIMIT_COUNT,
        .flags = flags,
    };
    struct wire_domain_get_interface_parameters_ret out = { 0 };
    struct vmgr__remote_reply reply = VMGR__REMOTE_REPLY_INIT;
    const int result = vmgr__remote_call(remote_of(dom), WIRE_DOMAIN_GET_INTERFACE_PARAMETERS,
                                         &args, &out, &reply, err);

    if (result == 0)
        vmgr__remote_limits_read(out.params.v, out.params.n, ret);
    vmgr__remote_reply_clear(&reply);
    return result;
}

static int set_limits(struct vmgr_domain *dom, const char *interface, unsigned directions,
                      const uint32_t limits[VMGR_LIMIT_COUNT], uint32_t flags,
                      struct vmgr_error **err)
{
    struct wire_typed_param params[VMGR_LIMIT_COUNT] = { 0 };
    struct wire_domain_set_interface_parameters_args args = { .dom = vmgr__remote_domain(dom),
                                                              .device = (char *)interface,
                                                              .params = { .v = params },
                                                              .flags = flags };

    args.params.n = vmgr__remote_limits_write(directions, limits, params);
    return vmgr__remote_do(remote_of(dom), WIRE_DOMAIN_SET_INTERFACE_PARAMETERS, &args, err);
}

const struct vmgr__guestnet_ops vmgr__remote_guestnet = {
    .get_addresses = get_addresses,
    .get_limits = get_limits,
    .set_limits = set_limits,
};
