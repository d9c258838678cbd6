/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests' interfaces of type 'ethernet': whose they are, and their scripts.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_ETHERNET_H
#define VMGR_SRC_DRIVER_VEMU_RUN_ETHERNET_H

#include "../../../conf/device.h"
#include "../state/status.h"

/* Somebody else made the host's end: <target managed='no'/>. */
bool vmgr__vemu_ethernet_is_foreign(const struct vmgr__device *dev);
/* Whether the document makes sense; fine for any other device. */
int vmgr__vemu_ethernet_check(const struct vmgr__device *dev, struct vmgr_error **err);
/* Of two interfaces: they are made and left in the same way. */
bool vmgr__vemu_ethernet_same(const struct vmgr__device *a, const struct vmgr__device *b);
/* The host's end is there, and is called this: runs its script, if it has one. */
int vmgr__vemu_ethernet_up(const struct vmgr__device *dev, const char *name,
                           struct vmgr_error **err);
/* The guest has let it go: runs its other script, and takes its limits away if it stays. What fails
 * is noted in the guest's log. */
void vmgr__vemu_ethernet_down(const struct vemu *d, const struct vmgr__domain_def *def,
                              const struct vmgr__device *dev);
/* The same for a run that is over, for all that it had. */
void vmgr__vemu_ethernets_down(const struct vemu *d, const struct vemu_status *s);

#endif
