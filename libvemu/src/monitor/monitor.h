/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the core needs of the QMP monitor.
 *
 * A monitor attaches to its chardev, listens to events (vemu__events_listen) and steers the machine
 * with the calls of <vemu/vm.h>, all on the loop thread.
 */
#ifndef VEMU_MONITOR_MONITOR_H
#define VEMU_MONITOR_MONITOR_H

struct vemu_vm;
struct vemu_chardev;
struct vemu_error;
struct vemu_monitor;

/* Context: loop. Errors: -EBUSY when the chardev has a front end. */
int vemu__monitor_new(struct vemu_vm *vm, struct vemu_chardev *chr, struct vemu_monitor **ret,
                      struct vemu_error **err);
/* Detaches from the chardev and the events. Context: loop (on stop), after the last event. */
void vemu__monitor_free(struct vemu_monitor *monitor);

#endif
