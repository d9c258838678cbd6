/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network filters: rules for the frames of guests' interfaces, which refer to them by name
 * (<filterref>).
 *
 * A handle (struct vmgr_nwfilter) is a name and a UUID; it keeps no state: calls fail with
 * VMGR_ERR_NO_NWFILTER when the filter went away. Some filters are always there: clean-traffic,
 * no-mac-spoofing, no-ip-spoofing, no-arp-spoofing, allow-dhcp ...
 *
 * Unless a function says otherwise: Returns 0, or -1 and *err. Context: any. Since 0.1.
 * Any of them may fail with VMGR_ERR_NO_NWFILTER and VMGR_ERR_NO_SUPPORT (not by this driver);
 * those that change something with VMGR_ERR_OPERATION_DENIED (read-only connection) and
 * VMGR_ERR_OPERATION_TIMEOUT (another change did not end).
 */
#ifndef VMGR_NWFILTER_H
#define VMGR_NWFILTER_H

#include <stdint.h>

#include <vmgr/connect.h>
#include <vmgr/domain.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vmgr_nwfilter;

/** Takes a reference. Returns filter. */
struct vmgr_nwfilter *vmgr_nwfilter_ref(struct vmgr_nwfilter *filter);
/** Drops a reference; the filter itself is not touched. NULL is fine. Returns NULL. */
struct vmgr_nwfilter *vmgr_nwfilter_unref(struct vmgr_nwfilter *filter);
/** Drops every reference in a NULL-terminated array and frees it. NULL is fine. Returns NULL. */
struct vmgr_nwfilter **vmgr_nwfilter_list_free(struct vmgr_nwfilter **filters);
/** Borrowed. */
const char *vmgr_nwfilter_get_name(struct vmgr_nwfilter *filter);
/** The 16 bytes of the UUID. */
void vmgr_nwfilter_get_uuid(struct vmgr_nwfilter *filter, uint8_t ret_uuid[VMGR_UUID_SIZE]);
/** "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx". Borrowed. */
const char *vmgr_nwfilter_get_uuid_string(struct vmgr_nwfilter *filter);
/** Borrowed from the filter. */
struct vmgr_conn *vmgr_nwfilter_get_conn(struct vmgr_nwfilter *filter);

/** Errors: VMGR_ERR_NO_NWFILTER ("Network filter not found: no nwfilter with matching ..."). */
int vmgr_nwfilter_lookup_by_name(struct vmgr_conn *conn, const char *name,
                                 struct vmgr_nwfilter **ret_filter, struct vmgr_error **err);
int vmgr_nwfilter_lookup_by_uuid(struct vmgr_conn *conn, const uint8_t uuid[VMGR_UUID_SIZE],
                                 struct vmgr_nwfilter **ret_filter, struct vmgr_error **err);
/** Errors also: VMGR_ERR_INVALID_ARG (not a UUID). */
int vmgr_nwfilter_lookup_by_uuid_string(struct vmgr_conn *conn, const char *uuid,
                                        struct vmgr_nwfilter **ret_filter, struct vmgr_error **err);
/**
 * vmgr_nwfilter_list() - all filters, in no particular order
 * @flags: 0
 * @ret_filters: a NULL-terminated array for vmgr_nwfilter_list_free(); NULL: only count
 * Returns how many, or -1 and *err.
 */
int vmgr_nwfilter_list(struct vmgr_conn *conn, uint32_t flags, struct vmgr_nwfilter ***ret_filters,
                       struct vmgr_error **err);

/** Checks the document against the schema first. */
#define VMGR_NWFILTER_DEFINE_VALIDATE (1u << 0)

/**
 * vmgr_nwfilter_define_xml() - makes or replaces a filter; interfaces that use it follow at once
 * @xml: a <filter> document, at most 8 MiB; entities and document types are refused
 *
 * What is not understood is refused: a rule that is left out would let through what it was to stop.
 * Errors: VMGR_ERR_XML_DETAIL (not well formed), VMGR_ERR_XML_ERROR, VMGR_ERR_CONFIG_UNSUPPORTED
 * and others for its content, VMGR_ERR_OPERATION_FAILED (name or UUID taken, or it would use
 * itself), VMGR_ERR_INTERNAL_ERROR (nft refused the rules of an interface: all is as it was),
 * VMGR_ERR_SYSTEM_ERROR (cannot be stored).
 */
int vmgr_nwfilter_define_xml(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                             struct vmgr_nwfilter **ret_filter, struct vmgr_error **err);
/** Removes a filter. Errors: VMGR_ERR_OPERATION_INVALID (an interface or another filter uses it; it
 * is always there). */
int vmgr_nwfilter_undefine(struct vmgr_nwfilter *filter, struct vmgr_error **err);
/** The document, for free(). @flags: 0 */
int vmgr_nwfilter_get_xml(struct vmgr_nwfilter *filter, uint32_t flags, char **ret_xml,
                          struct vmgr_error **err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
