/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <on_poweroff>, <on_reboot>, <on_crash>.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_LIFECYCLE_ACTION_H
#define VMGR_SRC_DRIVER_VEMU_RUN_LIFECYCLE_ACTION_H

#include "../vemu.h"

/* Fails if one of them is none that the driver does. */
int vmgr__vemu_check_actions(const struct vmgr__domain_def *def, struct vmgr_error **err);
int vmgr__vemu_set_lifecycle_action(struct vmgr_domain *dom, uint32_t type, uint32_t action,
                                    uint32_t flags, struct vmgr_error **err);

#endif
