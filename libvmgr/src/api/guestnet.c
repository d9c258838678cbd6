/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of guests: the public calls, which check and pass on to the driver.
 */
#include "../driver/guestnet.h"

#include <string.h>

#include "operation.h"

#define AFFECT (VMGR_DOMAIN_AFFECT_LIVE | VMGR_DOMAIN_AFFECT_CONFIG)

/* Fails the function that uses it when the driver has no such operation. */

struct vmgr_domain_interface *vmgr__guest_interface_new(const char *name, const char *mac)
{
    struct vmgr_domain_interface *i = g_new0(struct vmgr_domain_interface, 1);

    i->name = g_strdup(name);
    i->mac = g_strdup(mac);
    return i;
}

void vmgr__guest_interface_add(struct vmgr_domain_interface *i, int type, const char *address,
                               unsigned prefix)
{
    i->addresses = g_renew(struct vmgr_interface_address, i->addresses, i->address_count + 1);
    i->addresses[i->address_count++] = (struct vmgr_interface_address){
        .type = type, .prefix = prefix, .address = g_strdup(address)
    };
}

void vmgr__guest_interface_free(void *interface)
{
    struct vmgr_domain_interface *i = interface;

    for (size_t n = 0; n < i->address_count; n++)
        g_free(i->addresses[n].address);
    g_free(i->addresses);
    g_free(i->name);
    g_free(i->mac);
    g_free(i);
}

struct vmgr_domain_interface **
vmgr_domain_interfaces_free(struct vmgr_domain_interface **interfaces)
{
    for (struct vmgr_domain_interface **i = interfaces; i && *i; i++)
        vmgr__guest_interface_free(*i);
    g_free(interfaces);
    return NULL;
}

int vmgr_domain_get_interface_addresses(struct vmgr_domain *domain, unsigned source, uint32_t flags,
                                        struct vmgr_domain_interface ***ret_interfaces,
                                        struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(vmgr__guest_interface_free);
    int n;

    NEED_IN(conn, guestnet, get_addresses, "virDomainInterfaceAddresses");
    if (vmgr__check_flags(flags, 0, "virDomainInterfaceAddresses", err) < 0)
        return -1;
    /* It runs a command in the guest. */
    if (source == VMGR_ADDRESS_SOURCE_AGENT &&
        vmgr__need_write(conn, "virDomainInterfaceAddresses", err) < 0)
        return -1;
    if (conn->driver->guestnet->get_addresses(domain, source, list, err) < 0)
        return -1;
    n = (int)list->len;
    g_ptr_array_add(list, NULL);
    g_ptr_array_set_free_func(list, NULL);
    *ret_interfaces =
        (struct vmgr_domain_interface **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
    return n;
}

const char *vmgr_interface_limit_name(int limit)
{
    static const char *const names[VMGR_LIMIT_COUNT] = {
        [VMGR_LIMIT_IN_AVERAGE] = "inbound.average",   [VMGR_LIMIT_IN_PEAK] = "inbound.peak",
        [VMGR_LIMIT_IN_BURST] = "inbound.burst",       [VMGR_LIMIT_IN_FLOOR] = "inbound.floor",
        [VMGR_LIMIT_OUT_AVERAGE] = "outbound.average", [VMGR_LIMIT_OUT_PEAK] = "outbound.peak",
        [VMGR_LIMIT_OUT_BURST] = "outbound.burst",
    };

    return limit >= 0 && limit < VMGR_LIMIT_COUNT ? names[limit] : NULL;
}

int vmgr_domain_get_interface_limits(struct vmgr_domain *domain, const char *interface,
                                     uint32_t flags, uint32_t ret_limits[VMGR_LIMIT_COUNT],
                                     struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED_IN(conn, guestnet, get_limits, "virDomainGetInterfaceParameters");
    if (vmgr__check_flags(flags, AFFECT, "virDomainGetInterfaceParameters", err) < 0)
        return -1;
    if (flags == AFFECT)
        return vmgr__error_set_plain(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                                     "Flags 'VIR_DOMAIN_AFFECT_LIVE' and "
                                     "'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive");
    if (!interface)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no interface given");
    memset(ret_limits, 0, VMGR_LIMIT_COUNT * sizeof(*ret_limits));
    return conn->driver->guestnet->get_limits(domain, interface, flags, ret_limits, err);
}

int vmgr_domain_set_interface_limits(struct vmgr_domain *domain, const char *interface,
                                     unsigned directions, const uint32_t limits[VMGR_LIMIT_COUNT],
                                     uint32_t flags, struct vmgr_error **err)
{
    struct vmgr_conn *conn = vmgr_domain_get_conn(domain);

    NEED_IN(conn, guestnet, set_limits, "virDomainSetInterfaceParameters");
    if (vmgr__need_write(conn, "virDomainSetInterfaceParameters", err) < 0 ||
        vmgr__check_flags(flags, AFFECT, "virDomainSetInterfaceParameters", err) < 0)
        return -1;
    if (!interface)
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM, "no interface given");
    if (!directions || directions & ~(VMGR_LIMIT_IN | VMGR_LIMIT_OUT))
        return vmgr__error_set(err, VMGR_ERR_INVALID_ARG, VMGR_FROM_DOM,
                               "0x%x are not directions of an interface", directions);
    return conn->driver->guestnet->set_limits(domain, interface, directions, limits, flags, err);
}
