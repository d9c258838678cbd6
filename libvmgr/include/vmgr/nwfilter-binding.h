/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bindings of network filters: which interface of the host has which filter, with which parameters.
 *
 * Guests' interfaces with a <filterref> have bindings for as long as they are there; others can be
 * bound by hand. A handle (struct vmgr_nwfilter_binding) is the interface's name and the filter's;
 * it keeps no state: calls fail with VMGR_ERR_NO_NWFILTER_BINDING when the binding went away.
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_NWFILTER_BINDING and VMGR_ERR_NO_SUPPORT (not by this
 * driver); those that change something with VMGR_ERR_OPERATION_DENIED (read-only connection) and
 * VMGR_ERR_OPERATION_TIMEOUT (another change did not end).
 */
#ifndef VMGR_NWFILTER_BINDING_H
#define VMGR_NWFILTER_BINDING_H

#include <stdint.h>

#include <vmgr/connect.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_nwfilter_binding;

/** Takes a reference. Returns binding. */
struct vmgr_nwfilter_binding *vmgr_nwfilter_binding_ref(struct vmgr_nwfilter_binding *binding);
/** Drops a reference; the binding itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_nwfilter_binding *vmgr_nwfilter_binding_unref(struct vmgr_nwfilter_binding *binding);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_nwfilter_binding **
vmgr_nwfilter_binding_list_free(struct vmgr_nwfilter_binding **bindings);
/** The interface's name, "vnet0". Borrowed. */
const char *vmgr_nwfilter_binding_get_port_dev(struct vmgr_nwfilter_binding *binding);
/** Borrowed. */
const char *vmgr_nwfilter_binding_get_filter_name(struct vmgr_nwfilter_binding *binding);
/** Borrowed from the binding. */
struct vmgr_conn *vmgr_nwfilter_binding_get_conn(struct vmgr_nwfilter_binding *binding);

/** Errors: VMGR_ERR_NO_NWFILTER_BINDING ("... no nwfilter binding for port dev 'vnet0'"). */
int vmgr_nwfilter_binding_lookup_by_port_dev(struct vmgr_conn *conn, const char *port_dev,
                                             struct vmgr_nwfilter_binding **ret_binding,
                                             struct vmgr_error **err);
/**
 * vmgr_nwfilter_binding_list() - all bindings, in no particular order
 * @flags: 0
 * @ret_bindings: a NULL-terminated array for vmgr_nwfilter_binding_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_nwfilter_binding_list(struct vmgr_conn *conn, uint32_t flags,
                               struct vmgr_nwfilter_binding ***ret_bindings,
                               struct vmgr_error **err);

/** Checks the document against the schema first. */
#define VMGR_NWFILTER_BINDING_CREATE_VALIDATE (1u << 0)

/**
 * vmgr_nwfilter_binding_create_xml() - puts a filter in force on an interface
 * @xml: a <filterbinding> document, at most 8 MiB; entities and document types are refused
 *
 * The binding stays until it is deleted or the host is switched off. One whose owner is a domain of
 * the connection goes with that domain's run.
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR and VMGR_ERR_INTERNAL_ERROR
 * (its content; nft refused the rules), VMGR_ERR_OPERATION_FAILED (the interface has a binding),
 * VMGR_ERR_NO_NWFILTER, VMGR_ERR_CONFIG_UNSUPPORTED (a name that rules cannot have),
 * VMGR_ERR_ARGUMENT_UNSUPPORTED (validation), VMGR_ERR_SYSTEM_ERROR (there is no such interface;
 * the binding cannot be stored). Then all is as it was.
 */
int vmgr_nwfilter_binding_create_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                                     struct vmgr_nwfilter_binding **ret_binding,
                                     struct vmgr_error **err);
/** Takes the rules of an interface away, a guest's too. */
int vmgr_nwfilter_binding_delete(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err);
/** The document, for free(). @flags: 0 */
int vmgr_nwfilter_binding_get_xml(struct vmgr_nwfilter_binding *binding, uint32_t flags,
                                  char **ret_xml, struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
