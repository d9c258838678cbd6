/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations that start, change and end runs.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_LIFECYCLE_H
#define VMGR_SRC_DRIVER_VEMU_LIFECYCLE_H

#include "vemu.h"

/* ---- lifecycle.c: the operations; all lock for themselves ---- */
int vmgr__vemu_start(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_create(struct vmgr_conn *conn, const char *xml, uint32_t flags,
                      struct vmgr_domain **ret, struct vmgr_error **err);
int vmgr__vemu_shutdown(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_reboot(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_reset(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__vemu_destroy(struct vmgr_domain *dom, uint32_t flags, struct vmgr_error **err);
int vmgr__vemu_suspend(struct vmgr_domain *dom, struct vmgr_error **err);
int vmgr__vemu_resume(struct vmgr_domain *dom, struct vmgr_error **err);
/* Ends the runs that were started for this connection only. */
void vmgr__vemu_autodestroy(struct vemu *d);

#endif
