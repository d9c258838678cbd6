/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of virtual networks: who is plugged in.
 *
 * Each interface of a guest that runs on a network has a port, which comes and goes with it; others
 * are made by hand and stay until they are deleted. All of a network's ports go when it stops. A
 * handle (struct vmgr_network_port) is a network and a UUID; it keeps no state: calls fail with
 * VMGR_ERR_NO_NETWORK_PORT when the port went away.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_NETWORK_PORT and the errors of network.h.
 */
#ifndef VMGR_NETWORK_PORT_H
#define VMGR_NETWORK_PORT_H

#include <stdint.h>

#include <vmgr/guestnet.h>
#include <vmgr/network.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_network_port;

/** Takes a reference. Returns port. */
struct vmgr_network_port *vmgr_network_port_ref(struct vmgr_network_port *port);
/** Drops a reference; the port itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_network_port *vmgr_network_port_unref(struct vmgr_network_port *port);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_network_port **vmgr_network_port_list_free(struct vmgr_network_port **ports);
/** The 16 bytes of the UUID. */
void vmgr_network_port_get_uuid(struct vmgr_network_port *port, uint8_t ret_uuid[VMGR_UUID_SIZE]);
/** "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx". Borrowed. */
const char *vmgr_network_port_get_uuid_string(struct vmgr_network_port *port);
/** Borrowed from the port. */
struct vmgr_network *vmgr_network_port_get_network(struct vmgr_network_port *port);

/** Errors: VMGR_ERR_NO_NETWORK_PORT ("... Network port with UUID ... does not exist"). */
int vmgr_network_port_lookup_by_uuid(struct vmgr_network *network,
                                     const uint8_t uuid[VMGR_UUID_SIZE],
                                     struct vmgr_network_port **ret_port, struct vmgr_error **err);
/** Errors also: VMGR_ERR_INVALID_ARG (not a UUID). */
int vmgr_network_port_lookup_by_uuid_string(struct vmgr_network *network, const char *uuid,
                                            struct vmgr_network_port **ret_port,
                                            struct vmgr_error **err);
/**
 * vmgr_network_port_list() - all ports of a network, in no particular order
 * @flags: 0
 * @ret_ports: a NULL-terminated array for vmgr_network_port_list_free(); NULL: only count
 * Returns how many, or -1 and *err. A network that is not active has none.
 */
int vmgr_network_port_list(struct vmgr_network *network, uint32_t flags,
                           struct vmgr_network_port ***ret_ports, struct vmgr_error **err);

/* Number of the libvirt protocol. */
#define VMGR_NETWORK_PORT_CREATE_VALIDATE (1u << 1) /* check against the schema first */

/**
 * vmgr_network_port_create_xml() - notes who is plugged into a network that runs
 * @xml: a <networkport> document, at most 8 MiB; entities and document types are refused
 *
 * The port is plugged into the network's bridge and, unless it says otherwise, has the limits of
 * its port group; no interface is made.
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR and VMGR_ERR_INTERNAL_ERROR
 * (its content), VMGR_ERR_CONFIG_UNSUPPORTED (what networks do not have, by name),
 * VMGR_ERR_NETWORK_PORT_EXIST (its UUID), VMGR_ERR_OPERATION_INVALID (the network is not active, or
 * has no such port group), VMGR_ERR_ARGUMENT_UNSUPPORTED (validation), VMGR_ERR_SYSTEM_ERROR (it
 * cannot be stored).
 */
int vmgr_network_port_create_xml(struct vmgr_network *network, const char *xml, uint32_t flags,
                                 struct vmgr_network_port **ret_port, struct vmgr_error **err);
/**
 * vmgr_network_port_delete() - forgets a port that was made by hand
 * Errors: VMGR_ERR_OPERATION_INVALID (it is of a guest's interface, with which it goes).
 */
int vmgr_network_port_delete(struct vmgr_network_port *port, struct vmgr_error **err);
/** The document, for free(). @flags: 0 */
int vmgr_network_port_get_xml(struct vmgr_network_port *port, uint32_t flags, char **ret_xml,
                              struct vmgr_error **err);
/** vmgr_network_port_get_limits() - how much it may carry. @ret_limits: by enum
 * vmgr_interface_limit. @flags: 0 */
int vmgr_network_port_get_limits(struct vmgr_network_port *port, uint32_t flags,
                                 uint32_t ret_limits[VMGR_LIMIT_COUNT], struct vmgr_error **err);
/**
 * vmgr_network_port_set_limits() - limits one or both directions
 * @directions: as of vmgr_domain_set_interface_limits(), which is what happens to the interface of
 *              a port that is a guest's
 * @flags: 0
 * Errors: VMGR_ERR_CONFIG_UNSUPPORTED (a floor), VMGR_ERR_OPERATION_FAILED (the host's kernel
 * cannot).
 */
int vmgr_network_port_set_limits(struct vmgr_network_port *port, unsigned directions,
                                 const uint32_t limits[VMGR_LIMIT_COUNT], uint32_t flags,
                                 struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
