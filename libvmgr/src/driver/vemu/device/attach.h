/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations on devices of a guest.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_ATTACH_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_ATTACH_H

#include "../vemu.h"

/* ---- attach.c: likewise ---- */
int vmgr__vemu_attach(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err);
int vmgr__vemu_detach(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err);
int vmgr__vemu_detach_alias(struct vmgr_domain *dom, const char *alias, uint32_t flags,
                            struct vmgr_error **err);
int vmgr__vemu_update(struct vmgr_domain *dom, const char *xml, uint32_t flags,
                      struct vmgr_error **err);

#endif
