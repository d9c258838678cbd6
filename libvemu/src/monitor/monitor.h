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
/* fn is called when the peer hangs up; it must not free the monitor. Context: loop. */
void vemu__monitor_on_close(struct vemu_monitor *monitor, void (*fn)(void *data), void *data);
/* Detaches from the chardev and the events. Context: loop (on stop), after the last event. */
void vemu__monitor_free(struct vemu_monitor *monitor);

/* --- server.c --------------------------------------------------------------------------------- */
struct vemu_monitor_server;
const char *vemu__monitor_server_id(const struct vemu_monitor_server *server);
const char *vemu__monitor_server_path(const struct vemu_monitor_server *server);
/* Stops listening; the clients' monitors go as above. NULL is fine. */
void vemu__monitor_server_free(struct vemu_monitor_server *server);

#endif
