/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtual networks: bridges with addresses, DHCP and DNS, that guests' interfaces attach to.
 *
 * A network is *persistent* when it has a definition that outlives its run, and *active* while its
 * bridge exists. A handle (struct vmgr_network) is a name and a UUID; it keeps no state and stays
 * valid when the network goes away: calls then fail with VMGR_ERR_NO_NETWORK.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_NETWORK; those that change something with
 * VMGR_ERR_OPERATION_DENIED (read-only connection) and VMGR_ERR_OPERATION_TIMEOUT (another change
 * of the networks did not end); all with VMGR_ERR_NO_SUPPORT (not a thing this driver does).
 */
#ifndef VMGR_NETWORK_H
#define VMGR_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include <vmgr/connect.h>
#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_network;

/* ---- handles ---- */

/** Takes a reference. Returns network. */
struct vmgr_network *vmgr_network_ref(struct vmgr_network *network);
/** Drops a reference; the network itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_network *vmgr_network_unref(struct vmgr_network *network);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_network **vmgr_network_list_free(struct vmgr_network **networks);
/** Borrowed. */
const char *vmgr_network_get_name(struct vmgr_network *network);
/** The 16 bytes of the UUID. */
void vmgr_network_get_uuid(struct vmgr_network *network, uint8_t ret_uuid[VMGR_UUID_SIZE]);
/** "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx". Borrowed. */
const char *vmgr_network_get_uuid_string(struct vmgr_network *network);
/** Borrowed from the network. */
struct vmgr_conn *vmgr_network_get_conn(struct vmgr_network *network);

/* ---- finding ---- */

/** Errors: VMGR_ERR_NO_NETWORK ("Network not found: no network with matching ..."). */
int vmgr_network_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                struct vmgr_network **ret_network, struct vmgr_error **err);
int vmgr_network_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                                struct vmgr_network **ret_network, struct vmgr_error **err);
/** Errors also: VMGR_ERR_INVALID_ARG (not a UUID). */
int vmgr_network_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                       struct vmgr_network **ret_network, struct vmgr_error **err);

/* Filters of vmgr_network_list(). Bits of one group are alternatives, groups restrict each other.
 * Numbers of the libvirt protocol. */
#define VMGR_NETWORK_LIST_INACTIVE     (1u << 0)
#define VMGR_NETWORK_LIST_ACTIVE       (1u << 1)
#define VMGR_NETWORK_LIST_PERSISTENT   (1u << 2)
#define VMGR_NETWORK_LIST_TRANSIENT    (1u << 3)
#define VMGR_NETWORK_LIST_AUTOSTART    (1u << 4)
#define VMGR_NETWORK_LIST_NO_AUTOSTART (1u << 5)

/**
 * vmgr_network_list() - the networks that pass the filters, in no particular order
 * @ret_networks: a NULL-terminated array for vmgr_network_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_network_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_network ***ret_networks,
                      struct vmgr_error **err);

/* ---- defining ---- */

/** Checks the document against the schema first. */
#define VMGR_NETWORK_DEFINE_VALIDATE (1u << 0)
#define VMGR_NETWORK_CREATE_VALIDATE (1u << 0)

/**
 * vmgr_network_define_xml() - makes or replaces a persistent definition
 * @xml: a <network> document, at most 8 MiB; entities and document types are refused
 *
 * What vmgr does not know is kept as it is: see vmgr_network_get_messages().
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR, VMGR_ERR_CONFIG_UNSUPPORTED,
 * VMGR_ERR_NO_NAME and others for its content, VMGR_ERR_OPERATION_FAILED (name or UUID taken),
 * VMGR_ERR_SYSTEM_ERROR (cannot be stored).
 */
int vmgr_network_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_network **ret_network, struct vmgr_error **err);
/** Starts a transient network. Errors: of vmgr_network_define_xml() and vmgr_network_start(). */
int vmgr_network_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                            struct vmgr_network **ret_network, struct vmgr_error **err);
/** Removes the persistent definition; an active network becomes transient. */
int vmgr_network_undefine(struct vmgr_network *network, struct vmgr_error **err);

/* ---- life cycle ---- */

/**
 * vmgr_network_start() - makes the bridge, its addresses, rules and servers
 * Errors: VMGR_ERR_OPERATION_INVALID (already active), VMGR_ERR_CONFIG_UNSUPPORTED (the definition
 * asks for what the driver cannot give, or this process may not make bridges: the message names
 * it), VMGR_ERR_INTERNAL_ERROR (a helper program failed: the message ends with its last words),
 * VMGR_ERR_SYSTEM_ERROR. After a failure nothing of the network is left.
 */
int vmgr_network_start(struct vmgr_network *network, struct vmgr_error **err);
/** Takes all of it away; guests lose their link. Errors: VMGR_ERR_OPERATION_INVALID (inactive). */
int vmgr_network_destroy(struct vmgr_network *network, struct vmgr_error **err);

/** Numbers of the libvirt protocol. */
enum vmgr_network_update_command {
    VMGR_NETWORK_UPDATE_NONE = 0,
    VMGR_NETWORK_UPDATE_MODIFY = 1,
    VMGR_NETWORK_UPDATE_DELETE = 2,
    VMGR_NETWORK_UPDATE_ADD_LAST = 3,
    VMGR_NETWORK_UPDATE_ADD_FIRST = 4,
};
enum vmgr_network_update_section {
    VMGR_NETWORK_SECTION_NONE = 0,
    VMGR_NETWORK_SECTION_BRIDGE = 1,
    VMGR_NETWORK_SECTION_DOMAIN = 2,
    VMGR_NETWORK_SECTION_IP = 3,
    VMGR_NETWORK_SECTION_IP_DHCP_HOST = 4,
    VMGR_NETWORK_SECTION_IP_DHCP_RANGE = 5,
    VMGR_NETWORK_SECTION_FORWARD = 6,
    VMGR_NETWORK_SECTION_FORWARD_INTERFACE = 7,
    VMGR_NETWORK_SECTION_FORWARD_PF = 8,
    VMGR_NETWORK_SECTION_PORTGROUP = 9,
    VMGR_NETWORK_SECTION_DNS_HOST = 10,
    VMGR_NETWORK_SECTION_DNS_TXT = 11,
    VMGR_NETWORK_SECTION_DNS_SRV = 12,
};
#define VMGR_NETWORK_UPDATE_AFFECT_CURRENT 0u /* LIVE if active, else CONFIG */
#define VMGR_NETWORK_UPDATE_AFFECT_LIVE    (1u << 0)
#define VMGR_NETWORK_UPDATE_AFFECT_CONFIG  (1u << 1)

/**
 * vmgr_network_update() - adds, deletes or modifies one entry of a definition
 * @command: enum vmgr_network_update_command
 * @section: enum vmgr_network_update_section
 * @parent_index: which <ip> a DHCP entry belongs to; -1: the one that serves DHCP
 * @xml: the entry, "<host mac='...' ip='...'/>"
 * @flags: VMGR_NETWORK_UPDATE_AFFECT_*
 * Errors: VMGR_ERR_OPERATION_INVALID (there already, not there, inactive),
 * VMGR_ERR_OPERATION_UNSUPPORTED (a section that cannot be changed by itself), those of a bad
 * document.
 */
int vmgr_network_update(struct vmgr_network *network, int command, int section, int parent_index,
                        const char *xml, uint32_t flags, struct vmgr_error **err);

/* ---- looking ---- */

/** The definition that the next start uses, rather than the active one. */
#define VMGR_NETWORK_XML_INACTIVE (1u << 0)
/** To be freed with free(). */
int vmgr_network_get_xml(struct vmgr_network *network, uint32_t flags, char **ret_xml,
                         struct vmgr_error **err);
/** Name of the bridge. To be freed with free(). Errors: VMGR_ERR_INTERNAL_ERROR (has none). */
int vmgr_network_get_bridge(struct vmgr_network *network, char **ret_bridge,
                            struct vmgr_error **err);
/** 1, 0, or -1 and *err. */
int vmgr_network_is_active(struct vmgr_network *network, struct vmgr_error **err);
int vmgr_network_is_persistent(struct vmgr_network *network, struct vmgr_error **err);
int vmgr_network_get_autostart(struct vmgr_network *network, struct vmgr_error **err);
/** Errors: VMGR_ERR_OPERATION_INVALID (transient). */
int vmgr_network_set_autostart(struct vmgr_network *network, int autostart,
                               struct vmgr_error **err);
/**
 * vmgr_network_get_messages() - what was not understood of the definition
 * @ret_messages: NULL-terminated, for vmgr_strings_free()
 * Returns how many, or -1 and *err.
 */
int vmgr_network_get_messages(struct vmgr_network *network, char ***ret_messages,
                              struct vmgr_error **err);

/** Numbers of the libvirt protocol. */
enum vmgr_ip_addr_type {
    VMGR_IP_ADDR_TYPE_IPV4 = 0,
    VMGR_IP_ADDR_TYPE_IPV6 = 1,
};
/**
 * struct vmgr_network_dhcp_lease - an address that a guest has
 * @size: sizeof(struct vmgr_network_dhcp_lease) of the library
 * @type: enum vmgr_ip_addr_type
 * @expiry_s: seconds since 1970; 0: never
 * @prefix: length in bits
 * @interface: the bridge; @iaid: IPv6, may be NULL; @hostname, @client_id, @mac: may be NULL
 */
struct vmgr_network_dhcp_lease {
    uint32_t size;
    int32_t type;
    int64_t expiry_s;
    uint32_t prefix;
    uint32_t reserved;
    char *interface;
    char *mac;
    char *iaid;
    char *address;
    char *hostname;
    char *client_id;
};
/**
 * vmgr_network_get_dhcp_leases() - the leases of an active network
 * @mac: only those of this address; NULL: all
 * @flags: none yet
 * @ret_leases: a NULL-terminated array for vmgr_network_dhcp_leases_free(); NULL: only count
 * Returns how many, or -1 and *err: VMGR_ERR_OPERATION_INVALID (inactive).
 */
int vmgr_network_get_dhcp_leases(struct vmgr_network *network, const char *mac, uint32_t flags,
                                 struct vmgr_network_dhcp_lease ***ret_leases,
                                 struct vmgr_error **err);
/** NULL is fine. Returns NULL. */
struct vmgr_network_dhcp_lease **
vmgr_network_dhcp_leases_free(struct vmgr_network_dhcp_lease **leases);

/* ---- events ---- */

/** Kinds of events. Numbers of the libvirt protocol. */
enum vmgr_network_event_id {
    VMGR_NETWORK_EVENT_LIFECYCLE = 0,
};
enum vmgr_network_event_type {
    VMGR_NETWORK_EVENT_DEFINED = 0,
    VMGR_NETWORK_EVENT_UNDEFINED = 1,
    VMGR_NETWORK_EVENT_STARTED = 2,
    VMGR_NETWORK_EVENT_STOPPED = 3,
};
/** struct vmgr_network_event - one event. @id: enum vmgr_network_event_id. @type: of LIFECYCLE */
struct vmgr_network_event {
    uint32_t size;
    int32_t id;
    int32_t type;
    int32_t detail;
};
/** Called by vmgr_conn_dispatch() (event.h). `network` is borrowed. */
typedef void (*vmgr_network_event_fn)(struct vmgr_conn *conn, struct vmgr_network *network,
                                      const struct vmgr_network_event *event, void *data);
/**
 * vmgr_conn_add_network_event() - registers a callback; see vmgr_conn_add_domain_event()
 * @network: only events of this one; NULL: of all
 * @id: enum vmgr_network_event_id
 * Returns an id for vmgr_conn_remove_network_event() (>= 0), or -1 and *err: VMGR_ERR_INVALID_ARG.
 */
int vmgr_conn_add_network_event(struct vmgr_conn *conn, struct vmgr_network *network, int id,
                                vmgr_network_event_fn fn, void *data, void (*free_fn)(void *data),
                                struct vmgr_error **err);
/** Returns 0, or -1 and *err: VMGR_ERR_INVALID_ARG (no such callback). */
int vmgr_conn_remove_network_event(struct vmgr_conn *conn, int callback_id,
                                   struct vmgr_error **err);
/** "Defined", "Started" ...; "unknown" for a number it does not know. Static. */
const char *vmgr_network_event_type_name(int event_type);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
