/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <vsock>: sockets between a guest and programs of the host; see docs/devices.md.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_VSOCK_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_VSOCK_H

#include "../../../conf/device.h"
#include "../vemu.h"

/* In the run's directory: leads to the guest's ports; with "_PORT" behind it, where programs listen
 * for the guest; with "_seqpacket", the same for messages. */
#define VEMU_VSOCK_SOCKET "vsock.sock"

/* The one of a definition (NULL: none), or NULL. */
struct vmgr__device *vmgr__vemu_vsock_of(const struct vmgr__domain_def *def);
/* The one of a definition, if it is like this. */
struct vmgr__device *vmgr__vemu_vsock_match(const struct vmgr__domain_def *def,
                                            const struct vmgr__device *like);
/* Gives `dev` (NULL: nothing to do) of domain `name` the first address that no guest has, or sees
 * whether the one it asks for is free: VMGR_ERR_OPERATION_FAILED. The global lock is held, until
 * the address is in the domain's status. */
int vmgr__vemu_vsock_assign_locked(struct vemu *d, const char *name, struct vmgr__device *dev,
                                   struct vmgr_error **err);

#endif
