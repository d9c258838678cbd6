/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces of the host: its network cards, bridges, VLANs and bonds, as they are now and as they
 * are defined.
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

/* ---- changing ----
 * All of these may also fail with VMGR_ERR_OPERATION_DENIED (read-only connection),
 * VMGR_ERR_OPERATION_TIMEOUT (another change did not end) and VMGR_ERR_SYSTEM_ERROR. */

/** Checks the document against the schema first. */
#define VMGR_INTERFACE_DEFINE_VALIDATE (1u << 0)

/**
 * vmgr_interface_define_xml() - stores what an interface is to be, in place of what is stored
 * @xml: an <interface> document, at most 8 MiB; entities and document types are refused
 *
 * Nothing is put in force. Interfaces that are part of it (of a bridge, a bond) have no definitions
 * of their own any more. Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR (its
 * content), VMGR_ERR_CONFIG_UNSUPPORTED (what it asks for), VMGR_ERR_OPERATION_INVALID (it is part
 * of another), VMGR_ERR_ARGUMENT_UNSUPPORTED (validation).
 */
int vmgr_interface_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                              struct vmgr_interface **ret_iface, struct vmgr_error **err);
/** Removes a definition; what is in force stays. Errors: VMGR_ERR_OPERATION_INVALID (there is
 * none). */
int vmgr_interface_undefine(struct vmgr_interface *iface, struct vmgr_error **err);
/** Puts a definition in force. flags: none yet. Errors: VMGR_ERR_OPERATION_INVALID (there is none,
 * or it is active), VMGR_ERR_OPERATION_FAILED (what it is made of is not there),
 * VMGR_ERR_CONFIG_UNSUPPORTED (a capability or a program is missing). */
int vmgr_interface_start(struct vmgr_interface *iface, uint32_t flags, struct vmgr_error **err);
/** Takes one out of force: cards are set down, others are removed. flags: none yet. Errors:
 * VMGR_ERR_OPERATION_INVALID (it has no definition, or is not active). */
int vmgr_interface_destroy(struct vmgr_interface *iface, uint32_t flags, struct vmgr_error **err);
/** Notes all definitions and what is active, until vmgr_interface_change_commit() or
 * vmgr_interface_change_rollback(), by whomever. flags: none yet. Errors:
 * VMGR_ERR_OPERATION_INVALID (that was done before). */
int vmgr_interface_change_begin(struct vmgr_conn *conn, uint32_t flags, struct vmgr_error **err);
/** Forgets what was noted. Errors: VMGR_ERR_OPERATION_INVALID (nothing was). */
int vmgr_interface_change_commit(struct vmgr_conn *conn, uint32_t flags, struct vmgr_error **err);
/** Brings back what was noted: the definitions, and what was active of them. The same errors. */
int vmgr_interface_change_rollback(struct vmgr_conn *conn, uint32_t flags, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
