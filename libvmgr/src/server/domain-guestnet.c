/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Procedures about interfaces of guests: their addresses and limits.
 */
#include <string.h>
#include <vmgr/guestnet.h>

#include "internal.h"
#include "params.h"

#define STRING_OKAY   (1u << 2) /* VIR_TYPED_PARAM_STRING_OKAY; there are none */
#define ADDRESSES_MAX 2048      /* of the protocol, per interface; and interfaces */

static void interfaces_free(void *interfaces)
{
    vmgr_domain_interfaces_free(interfaces);
}

static int interface_addresses(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_interface_addresses_args *a = args;
    struct wire_domain_interface_addresses_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    struct vmgr_domain_interface **list;
    int n;

    if (!dom)
        return -1;
    /* It runs a command in the guest. */
    if (a->source == VMGR_ADDRESS_SOURCE_AGENT &&
        vmgr__call_need_write(call, "read only access prevents virDomainInterfaceAddresses") < 0)
        return -1;
    n = vmgr_domain_get_interface_addresses(dom, a->source, a->flags, &list, &call->err);
    if (n < 0)
        return -1;
    vmgr__arena_adopt(&call->arena, list, interfaces_free);
    n = MIN(n, ADDRESSES_MAX);
    r->ifaces.v =
        vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_interface, n + 1), g_free);
    for (; (int)r->ifaces.n < n; r->ifaces.n++) {
        const struct vmgr_domain_interface *from = list[r->ifaces.n];
        struct wire_domain_interface *to = &r->ifaces.v[r->ifaces.n];
        const uint32_t count = (uint32_t)MIN(from->address_count, ADDRESSES_MAX);

        to->name = from->name;
        to->hwaddr = from->mac;
        to->addrs.v =
            vmgr__arena_adopt(&call->arena, g_new0(struct wire_domain_ip_addr, count + 1), g_free);
        for (; to->addrs.n < count; to->addrs.n++)
            to->addrs.v[to->addrs.n] =
                (struct wire_domain_ip_addr){ .type = from->addresses[to->addrs.n].type,
                                              .addr = from->addresses[to->addrs.n].address,
                                              .prefix = from->addresses[to->addrs.n].prefix };
    }
    return 0;
}

/* A client asks for the number first, then for the values. */
static int get_interface_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_get_interface_parameters_args *a = args;
    struct wire_domain_get_interface_parameters_ret *r = ret;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    uint32_t limits[VMGR_LIMIT_COUNT];
    struct vmgr__params params;

    if (!dom)
        return -1;
    r->nparams = VMGR_LIMIT_COUNT;
    if (a->nparams == 0)
        return 0;
    if (vmgr_domain_get_interface_limits(dom, a->device, a->flags & ~STRING_OKAY, limits,
                                         &call->err) < 0)
        return -1;
    vmgr__params_init(&params, &call->arena);
    for (int i = 0; i < MIN(a->nparams, VMGR_LIMIT_COUNT); i++)
        vmgr__params_add_uint(&params, limits[i], "%s", vmgr_interface_limit_name(i));
    r->params.v = vmgr__params_end(&params, &r->params.n);
    return 0;
}

static int take_limit(struct vmgr__call *call, const struct wire_typed_param *p,
                      uint32_t limits[VMGR_LIMIT_COUNT], unsigned *directions)
{
    for (int i = 0; i < VMGR_LIMIT_COUNT; i++) {
        if (strcmp(p->field, vmgr_interface_limit_name(i)) != 0)
            continue;
        if (p->value.type != WIRE_VALUE_UINT)
            return vmgr__call_fail(call, VMGR_ERR_INVALID_ARG, VMGR_FROM_NONE,
                                   "invalid argument: invalid type for parameter '%s', expected "
                                   "'uint'",
                                   p->field);
        limits[i] = p->value.ui;
        *directions |= i <= VMGR_LIMIT_IN_FLOOR ? VMGR_LIMIT_IN : VMGR_LIMIT_OUT;
        return 0;
    }
    return vmgr__call_fail(call, VMGR_ERR_ARGUMENT_UNSUPPORTED, VMGR_FROM_NONE,
                           "argument unsupported: parameter '%s' not supported", p->field);
}

int vmgr__call_read_limits(struct vmgr__call *call, const struct wire_typed_param *params,
                           uint32_t n, uint32_t *ret_limits, unsigned *ret_directions)
{
    for (uint32_t i = 0; i < n; i++) {
        if (take_limit(call, &params[i], ret_limits, ret_directions) < 0)
            return -1;
    }
    return 0;
}

static int set_interface_parameters(struct vmgr__call *call, const void *args, void *ret)
{
    const struct wire_domain_set_interface_parameters_args *a = args;
    struct vmgr_domain *dom = vmgr__call_domain(call, &a->dom);
    uint32_t limits[VMGR_LIMIT_COUNT] = { 0 };
    unsigned directions = 0;

    (void)ret;
    if (!dom || vmgr__call_read_limits(call, a->params.v, a->params.n, limits, &directions) < 0)
        return -1;
    return vmgr_domain_set_interface_limits(dom, a->device, directions, limits, a->flags,
                                            &call->err);
}

const struct vmgr__handler vmgr__handlers_domain_guestnet[] = {
    { WIRE_DOMAIN_INTERFACE_ADDRESSES, interface_addresses, 0 },
    { WIRE_DOMAIN_GET_INTERFACE_PARAMETERS, get_interface_parameters, 0 },
    { WIRE_DOMAIN_SET_INTERFACE_PARAMETERS, set_interface_parameters, 0 },
    { 0, NULL, 0 },
};
