/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * passt for a guest's interface.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_PASST_H
#define VMGR_SRC_DRIVER_VEMU_RUN_PASST_H

#include "../device/usernet.h"
#include "../state/status.h"

/* Starts passt for a device that wants it, as the run's user. The emulator's end of its socket,
 * close-on-exec and 3 or above; passt ends when that is closed. -1 and *err. */
int vmgr__vemu_passt_open(struct vemu *d, const struct vemu_status *s,
                          const struct vmgr__device *dev, struct vmgr_error **err);

#endif
