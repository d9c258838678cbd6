/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions of the host's interfaces, and their life: what iface-store.c keeps, and the
 * operations on it.
 */
#ifndef VMGR_SRC_HOSTDEV_IFACE_STORE_H
#define VMGR_SRC_HOSTDEV_IFACE_STORE_H

#include <vmgr/interface.h>

#include "../conf/iface.h"

struct vemu;

/* ---- iface-store.c ---- */
int vmgr__iface_lock(const struct vemu *d, struct vmgr_error **err);
/* The definition of a name; NULL: there is none. */
struct vmgr__iface_def *vmgr__iface_load(const struct vemu *d, const char *name);
/* All of them, struct vmgr__iface_def *, in order of name. For g_ptr_array_unref(). */
GPtrArray *vmgr__iface_load_all(const struct vemu *d);
/* It is there and set up, by us or by others. */
bool vmgr__iface_is_up(const char *name);
/* The lock is held for these. */
int vmgr__iface_save(const struct vemu *d, const struct vmgr__iface_def *def,
                     struct vmgr_error **err);
int vmgr__iface_remove(const struct vemu *d, const char *name, struct vmgr_error **err);
/* Changes have begun: what was is kept. */
bool vmgr__iface_has_begun(const struct vemu *d);
int vmgr__iface_begun_save(const struct vemu *d, struct vmgr_error **err);
/* The definitions of then, and the names of those that were active, for g_strfreev(). */
GPtrArray *vmgr__iface_begun_load(const struct vemu *d, char ***ret_active);
void vmgr__iface_begun_forget(const struct vemu *d);

/* ---- iface-change.c: operations ---- */
int vmgr__iface_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                       struct vmgr_interface **ret, struct vmgr_error **err);
int vmgr__iface_undefine(struct vmgr_interface *iface, struct vmgr_error **err);
int vmgr__iface_start(struct vmgr_interface *iface, struct vmgr_error **err);
int vmgr__iface_destroy(struct vmgr_interface *iface, struct vmgr_error **err);
int vmgr__iface_change_begin(struct vmgr_conn *conn, struct vmgr_error **err);
int vmgr__iface_change_commit(struct vmgr_conn *conn, struct vmgr_error **err);
int vmgr__iface_change_rollback(struct vmgr_conn *conn, struct vmgr_error **err);

#endif
