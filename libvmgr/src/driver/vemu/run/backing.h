/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that guests' memory is in: <source type='file'/> of <memoryBacking>.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_BACKING_H
#define VMGR_SRC_DRIVER_VEMU_RUN_BACKING_H

#include "../state/status.h"

/* Where the emulator, which lives in the run's directory, finds what is called so. */
#define VEMU_BACKING(name) "ram/" name

/* Makes the directory of a run that is about to start, whose user is chosen, and removes those that
 * nobody removed. Context: the domain's lock is held. */
int vmgr__vemu_backing_begin(struct vemu *d, const char *name, const struct vemu_status *s,
                             struct vmgr_error **err);
/* Removes the file of a memory device that has gone; of others there is none. */
void vmgr__vemu_backing_drop(const struct vemu *d, const char *name,
                             const struct vmgr__device *dev);
/* The run is over, however it ended: nothing is left. */
void vmgr__vemu_backing_end(const struct vemu *d, const char *name);

#endif
