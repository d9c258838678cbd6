/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network filters of this host: definitions in files, and what guests' interfaces are bound to.
 *
 * Theory of operation. There is no daemon: every caller reads and writes the same files under one
 * lock (the domain's comes first).
 *
 *   CONFIG/nwfilter/NAME.xml     a definition; those of standard.c are there without one
 *   RUN/nwfilter/IF.xml          a binding: whose interface it is, and its <filterref>
 *
 * A binding's filters become one table of nft's bridge family, "vmgr_filter_IF" (rules.c). The
 * binding is written before the table is made and removed after it went; a table goes with the run
 * that its binding names, or when another run gets an interface of the same name. Redefining a
 * filter makes the tables of the bindings anew that use it, each in one transaction.
 */
#ifndef VMGR_SRC_NWFILTER_NWFILTER_H
#define VMGR_SRC_NWFILTER_NWFILTER_H

#include "../conf/def.h"
#include "../conf/nwfilter.h"
#include "../driver/nwfilter.h"
#include "../driver/vemu/vemu.h"

/* ---- store.c ---- */
/* The documents of a filter's name; NULL and *err: VMGR_ERR_NO_NWFILTER, or one nobody can read. */
struct vmgr__nwfilter_def *vmgr__nwfilter_load(const struct vemu *d, const char *name,
                                               struct vmgr_error **err);
/* All, struct vmgr__nwfilter_def *. For g_ptr_array_unref(). */
GPtrArray *vmgr__nwfilter_load_all(const struct vemu *d);

/* ---- standard.c ---- */
/* The document of a filter that is always there, or NULL. */
const char *vmgr__nwfilter_standard(const char *name);
const char *vmgr__nwfilter_standard_name(size_t i); /* NULL: no more */

/* ---- rules.c ---- */
/* What takes the interface's table away, and makes it anew. NULL and *err. For g_free(). */
char *vmgr__nwfilter_script(const struct vemu *d, const struct vmgr__nwfilter_binding *b,
                            struct vmgr_error **err);
/* Whether a filter uses another, itself or by others. */
bool vmgr__nwfilter_uses(const struct vemu *d, const char *name, const char *other);

/* ---- binding.c ---- */
/* Makes an interface's rules; without a filter takes away what another run left. */
int vmgr__nwfilter_bind(struct vemu *d, const struct vmgr__nwfilter_binding *b,
                        struct vmgr_error **err);
/* Takes them away, if they are this domain's. On failure they may be in force still, and the
 * binding stays: who binds or unbinds the interface next tries again. */
int vmgr__nwfilter_unbind(struct vemu *d, const uint8_t uuid[VMGR_UUID_SIZE], const char *interface,
                          struct vmgr_error **err);
/* The same of all its interfaces, whether or not its definition knows of them. *err: the first. */
int vmgr__nwfilter_unbind_all(struct vemu *d, const uint8_t uuid[VMGR_UUID_SIZE],
                              struct vmgr_error **err);
/* Makes the rules of all bindings that use a filter anew. The lock is held. */
int vmgr__nwfilter_rebuild(struct vemu *d, const char *name, struct vmgr_error **err);
/* A binding uses it. */
bool vmgr__nwfilter_is_bound(const struct vemu *d, const char *name);
int vmgr__nwfilter_lock(const struct vemu *d, struct vmgr_error **err);
/* An interface's binding. False: there is none, or nobody can read it. */
bool vmgr__nwfilter_binding_load(const struct vemu *d, const char *interface,
                                 struct vmgr__nwfilter_binding *ret);
/* The names of the interfaces that have bindings. For g_ptr_array_unref(). */
GPtrArray *vmgr__nwfilter_binding_names(const struct vemu *d);
/* Makes one that was not there; on failure nothing of it is left. The lock is held. */
int vmgr__nwfilter_binding_make(struct vemu *d, const struct vmgr__nwfilter_binding *b,
                                struct vmgr_error **err);
/* Takes one away, whosoever it is; on failure it stays. The lock is held. */
int vmgr__nwfilter_binding_remove(struct vemu *d, const char *interface, struct vmgr_error **err);

/* ---- binding-ops.c: the driver's operations ---- */
int vmgr__nwfilter_op_lookup(struct vmgr_conn *conn, const char *port_dev,
                             struct vmgr_nwfilter_binding **ret, struct vmgr_error **err);
int vmgr__nwfilter_op_list(struct vmgr_conn *conn, GPtrArray *ret, struct vmgr_error **err);
int vmgr__nwfilter_op_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                             struct vmgr_nwfilter_binding **ret, struct vmgr_error **err);
int vmgr__nwfilter_op_delete(struct vmgr_nwfilter_binding *binding, struct vmgr_error **err);
int vmgr__nwfilter_op_get_xml(struct vmgr_nwfilter_binding *binding, char **ret,
                              struct vmgr_error **err);

#endif
