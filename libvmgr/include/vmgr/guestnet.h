/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of guests: the addresses they have, and how much they may carry.
 *
 * Unless a function says otherwise: Context: any. Since 0.1. Errors also:
 * VMGR_ERR_OPERATION_INVALID (the domain is not active), VMGR_ERR_NO_SUPPORT (not by this driver),
 * and those of domain.h.
 */
#ifndef VMGR_GUESTNET_H
#define VMGR_GUESTNET_H

#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Who is asked for addresses. Numbers of the libvirt protocol. */
enum vmgr_address_source {
    VMGR_ADDRESS_SOURCE_LEASE = 0, /* the DHCP servers of this host's networks */
    VMGR_ADDRESS_SOURCE_AGENT = 1, /* the guest's agent */
    VMGR_ADDRESS_SOURCE_ARP = 2,   /* this host's table of neighbours */
};

/** enum of struct vmgr_interface_address.type; numbers of the libvirt protocol */
enum vmgr_address_type {
    VMGR_ADDRESS_IPV4 = 0,
    VMGR_ADDRESS_IPV6 = 1,
};

struct vmgr_interface_address {
    int type;
    unsigned prefix; /* length; 0: the source does not know it */
    char *address;
};

/** An interface and its addresses. */
struct vmgr_domain_interface {
    char *name; /* on the host, or in the guest by its agent */
    char *mac;  /* NULL: none */
    struct vmgr_interface_address *addresses;
    size_t address_count;
};

/**
 * vmgr_domain_get_interface_addresses() - addresses of the guest's interfaces
 * @source: enum vmgr_address_source
 * @flags: 0
 * @ret_interfaces: those that have any, NULL-terminated, for vmgr_domain_interfaces_free()
 *
 * Returns how many interfaces, or -1 and *err. Errors also: VMGR_ERR_ARGUMENT_UNSUPPORTED (no such
 * source here).
 */
int vmgr_domain_get_interface_addresses(struct vmgr_domain *domain, unsigned source, uint32_t flags,
                                        struct vmgr_domain_interface ***ret_interfaces,
                                        struct vmgr_error **err);
/** Frees them; NULL is fine. Returns NULL. */
struct vmgr_domain_interface **
vmgr_domain_interfaces_free(struct vmgr_domain_interface **interfaces);

/** Limits of an interface, by number. KiB per second; bursts in KiB. 0: none. */
enum vmgr_interface_limit {
    VMGR_LIMIT_IN_AVERAGE, /* what the guest receives */
    VMGR_LIMIT_IN_PEAK,
    VMGR_LIMIT_IN_BURST,
    VMGR_LIMIT_IN_FLOOR,
    VMGR_LIMIT_OUT_AVERAGE, /* what it sends */
    VMGR_LIMIT_OUT_PEAK,
    VMGR_LIMIT_OUT_BURST,
    VMGR_LIMIT_COUNT
};
#define VMGR_LIMIT_IN  (1u << 0)
#define VMGR_LIMIT_OUT (1u << 1)

/** vmgr_interface_limit_name() - "inbound.average" ...: its name in the protocol; NULL: no such
 * number */
const char *vmgr_interface_limit_name(int limit);

/**
 * vmgr_domain_get_interface_limits() - how much an interface may carry
 * @interface: its name on the host, or its MAC address
 * @flags: VMGR_DOMAIN_AFFECT_*, see device.h; one of them
 * @ret_limits: by enum vmgr_interface_limit
 *
 * Returns 0, or -1 and *err. Errors also: VMGR_ERR_INVALID_ARG (no such interface).
 */
int vmgr_domain_get_interface_limits(struct vmgr_domain *domain, const char *interface,
                                     uint32_t flags, uint32_t ret_limits[VMGR_LIMIT_COUNT],
                                     struct vmgr_error **err);
/**
 * vmgr_domain_set_interface_limits() - limits one or both directions
 * @directions: VMGR_LIMIT_IN, VMGR_LIMIT_OUT: which of them take the values of `limits`; an average
 *              of 0 takes the limit away
 * @flags: VMGR_DOMAIN_AFFECT_*
 *
 * Returns 0, or -1 and *err. Errors also: VMGR_ERR_INVALID_ARG (no such interface),
 * VMGR_ERR_CONFIG_UNSUPPORTED (a floor), VMGR_ERR_OPERATION_UNSUPPORTED (an interface that the host
 * does not see), VMGR_ERR_OPERATION_FAILED (the host's kernel cannot).
 */
int vmgr_domain_set_interface_limits(struct vmgr_domain *domain, const char *interface,
                                     unsigned directions, const uint32_t limits[VMGR_LIMIT_COUNT],
                                     uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
