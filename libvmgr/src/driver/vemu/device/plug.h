/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that come to a guest that runs, and leave it.
 *
 * Theory of operation. A device is several things in the emulator, and some on the host, made and
 * taken away by one command each. Before the first, a record of it is in the status; it goes with
 * the status that has the device, or has it no more. So a caller that dies leaves a record, and
 * whoever changes the domain next settles it, as does a connection that looks at jobs on disks: a
 * device that has come is taken into the run's definition, of one that has not all parts go. The
 * same goes for a medium that a drive gets (medium.h). A device that the guest has not let go yet
 * keeps its record, and its place in the definition, until somebody asks again: the record knows
 * the disk's node, which a job may have given another name.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_PLUG_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_PLUG_H

#include "../../../conf/device.h"
#include "../change.h"
#include "../run/qmp.h"
#include "parts.h"

/* Brings to an end what somebody died over. What fails is left for the next: a monitor that does
 * not answer, a medium that cannot be opened. The domain's lock is held. */
void vmgr__vemu_plugs_settle(struct vemu_change *c);

/* Gives the guest a device, which has its address and alias, and takes it over into the definition
 * of the run, which is saved. On failure nothing is left of it, and it is the caller's still. */
int vmgr__vemu_plug(struct vemu_change *c, struct vmgr__device *dev, struct vmgr_error **err);
/* Asks the guest to let one go, and waits a while. When it has, the device is freed and no more in
 * the definition of the run; else it is there still, and that is no error. The caller saves the
 * status. */
int vmgr__vemu_unplug(struct vemu_change *c, struct vmgr__device *dev, struct vmgr_error **err);

/* Lets the emulator open what parts name, beside descriptors that it is given (run/files.h). */
int vmgr__vemu_plug_rights(struct vemu_change *c, const GArray *files,
                           const struct vemu_parts *parts, struct vmgr_error **err);
/* Gives the emulator a device's descriptors and parts; on failure nothing is left of either. */
int vmgr__vemu_plug_parts(const struct vmgr__device *dev, const GArray *files,
                          const struct vemu_parts *parts, struct vemu_qmp *q,
                          struct vmgr_error **err);
/* Puts an interface's cable where its document says. */
int vmgr__vemu_set_link(struct vemu_qmp *q, const struct vmgr__device *dev,
                        struct vmgr_error **err);
/* Pulls the cables of interfaces whose link is down. */
int vmgr__vemu_set_links(struct vemu_qmp *q, const struct vmgr__domain_def *def,
                         struct vmgr_error **err);

#endif
