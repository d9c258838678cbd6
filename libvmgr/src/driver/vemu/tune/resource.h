/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of the host guests may use: what starting and plugging do about it.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_TUNE_RESOURCE_H
#define VMGR_SRC_DRIVER_VEMU_TUNE_RESOURCE_H

#include "../device/parts.h"
#include "../run/qmp.h"
#include "../state/status.h"

/* Fails if the definition asks for what a guest cannot get here. */
int vmgr__vemu_tune_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* Pins, limits of control groups and of disks, before the guest runs. */
int vmgr__vemu_tune_start(const struct vemu *d, const char *name, struct vemu_status *s,
                          struct vemu_qmp *q, struct vmgr_error **err);
/* Limits of a disk that has come later, or has another medium. */
int vmgr__vemu_tune_disk(struct vemu_qmp *q, const struct vmgr__device *dev,
                         struct vmgr_error **err);

#endif
