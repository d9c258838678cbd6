/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Definitions at rest, and the operations on them.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEFINE_H
#define VMGR_SRC_DRIVER_VEMU_DEFINE_H

#include "vemu.h"

/* ---- define.c: likewise ---- */
int vmgr__vemu_define(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__vemu_undefine(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_rename(struct vmgr_domain *dom, const char *new_name, struct vmgr_error **err);
int vmgr__vemu_set_autostart(struct vmgr_domain *dom, bool on, struct vmgr_error **err);
int vmgr__vemu_set_metadata(struct vmgr_domain *dom, int type, const char *text, const char *key,
                            const char *uri, uint32_t flags, struct vmgr_error **err);
/* Reads a definition. 1, 0 (none), -1 and *err. */
int vmgr__vemu_config_load(const struct vemu *d, const char *name, struct vmgr__domain_def **ret,
                           struct vmgr_error **err);
int vmgr__vemu_config_save(const struct vemu *d, const struct vmgr__domain_def *def,
                           struct vmgr_error **err);
/* Removes what writers left that were killed before their definition was whole; what somebody is at
 * stays. */
void vmgr__vemu_config_sweep(const struct vemu *d);

#endif
