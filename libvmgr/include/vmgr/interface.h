/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the host: its network cards, bridges, VLANs and bonds, as they are now.
 *
 * A handle (struct vmgr_interface) is a name and a MAC address; it keeps no state and stays valid
 * when the interface goes away: calls then fail with VMGR_ERR_NO_INTERFACE.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_INTERFACE, and with VMGR_ERR_NO_SUPPORT (not a thing this
 * driver does).
 */
#ifndef VMGR_INTERFACE_H
#define VMGR_INTERFACE_H

#include <stdint.h>

#include <vmgr/connect.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_interface;

/* ---- handles ---- */

/** Takes a reference. Returns iface. */
struct vmgr_interface *vmgr_interface_ref(struct vmgr_interface *iface);
/** Drops a reference; the interface itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_interface *vmgr_interface_unref(struct vmgr_interface *iface);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_interface **vmgr_interface_list_free(struct vmgr_interface **ifaces);
/** Borrowed. */
const char *vmgr_interface_get_name(struct vmgr_interface *iface);
/** "52:54:00:12:34:56"; "" if it has none. Borrowed. */
const char *vmgr_interface_get_mac(struct vmgr_interface *iface);
/** Borrowed from the interface. */
struct vmgr_conn *vmgr_interface_get_conn(struct vmgr_interface *iface);

/* ---- finding ---- */

/** Errors: VMGR_ERR_NO_INTERFACE ("Interface not found: couldn't find interface named ..."). */
int vmgr_interface_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                  struct vmgr_interface **ret_iface, struct vmgr_error **err);
/** Errors: VMGR_ERR_NO_INTERFACE, VMGR_ERR_MULTIPLE_INTERFACES (several have this address). */
int vmgr_interface_lookup_by_mac(struct vmgr_conn *conn, const char *mac,
                                 struct vmgr_interface **ret_iface, struct vmgr_error **err);

/* Filters of vmgr_interface_list(): alternatives. Numbers of the libvirt protocol. */
#define VMGR_INTERFACE_LIST_INACTIVE (1u << 0)
#define VMGR_INTERFACE_LIST_ACTIVE   (1u << 1)

/**
 * vmgr_interface_list() - the interfaces that pass the filters, by name
 * @ret_ifaces: a NULL-terminated array for vmgr_interface_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_interface_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_interface ***ret_ifaces,
                        struct vmgr_error **err);

/* ---- looking ---- */

/** What would be there after a start, rather than what is. */
#define VMGR_INTERFACE_XML_INACTIVE (1u << 0)

/** The <interface> document. flags: VMGR_INTERFACE_XML_*. */
int vmgr_interface_get_xml(struct vmgr_interface *iface, uint32_t flags, char **ret_xml,
                           struct vmgr_error **err);
/** Returns 1: it is up; 0: not; or -1 and *err. */
int vmgr_interface_is_active(struct vmgr_interface *iface, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
