/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Media of drives of guests that run.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_MEDIUM_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_MEDIUM_H

#include "../change.h"

/* Gives the drive of the run's definition another medium, or none: what `fresh` has. On failure it
 * has the one it had. flags: VMGR_DOMAIN_DEVICE_MODIFY_FORCE opens a tray that the guest has
 * locked. */
int vmgr__vemu_change_medium(struct vemu_change *c, const struct vmgr__device *old,
                             const struct vmgr__device *fresh, uint32_t flags,
                             struct vmgr_error **err);

/* What the drive of that alias has, whose caller died while it got the medium of `fresh`: the
 * definition says so afterwards, and nothing is left of the other one. False: the emulator does not
 * answer, or neither can be opened. The caller saves the status. */
bool vmgr__vemu_medium_settle(struct vemu_change *c, struct vemu_qmp *q, const char *alias,
                              const struct vmgr__device *fresh);

#endif
