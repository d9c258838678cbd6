/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's ends of a guest's interfaces.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_PORT_H
#define VMGR_SRC_DRIVER_VEMU_RUN_PORT_H

#include "../state/status.h"

/* Makes the host's ends of interfaces, and notes them in the definition of the run. For
 * g_array_unref(), which takes away what no emulator has; or NULL and *err. */
GArray *vmgr__vemu_ports_open(struct vemu *d, const struct vemu_status *s, struct vmgr_error **err);
/* The same for one device, which comes to the run; without any if it wants none. */
GArray *vmgr__vemu_port_open(struct vemu *d, const struct vemu_status *s, struct vmgr__device *dev,
                             struct vmgr_error **err);
/* Takes away what a run's interfaces have on the host beside themselves: filters. */
void vmgr__vemu_ports_forget(struct vemu *d, const struct vmgr__domain_def *def);
/* The same for interfaces that are not there: somebody died over them. */
void vmgr__vemu_ports_sweep(struct vemu *d, const struct vmgr__domain_def *def);
size_t vmgr__vemu_ports_count(const GArray *ports);
int vmgr__vemu_ports_fd(const GArray *ports, size_t i);

#endif
