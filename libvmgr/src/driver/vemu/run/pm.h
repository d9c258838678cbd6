/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that sleep.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_PM_H
#define VMGR_SRC_DRIVER_VEMU_RUN_PM_H

#include "../vemu.h"

int vmgr__vemu_pm_suspend(struct vmgr_domain *dom, uint32_t target, uint64_t duration,
                          struct vmgr_error **err);
int vmgr__vemu_pm_wakeup(struct vmgr_domain *dom, struct vmgr_error **err);
/* Whether the emulator can do what <pm> asks for; *err says what it cannot. */
int vmgr__vemu_pm_check(const struct vmgr__domain_def *def, struct vmgr_error **err);

#endif
