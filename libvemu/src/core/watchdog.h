/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens when a watchdog device has not been fed.
 */
#ifndef VEMU_CORE_WATCHDOG_H
#define VEMU_CORE_WATCHDOG_H

struct vemu_vm;

enum vemu_watchdog_action {
    VEMU_WATCHDOG_RESET,
    VEMU_WATCHDOG_SHUTDOWN, /* the power button */
    VEMU_WATCHDOG_POWEROFF, /* the machine ends */
    VEMU_WATCHDOG_PAUSE,
    VEMU_WATCHDOG_DEBUG, /* a line for the log */
    VEMU_WATCHDOG_NONE,
    VEMU_WATCHDOG_INJECT_NMI,
};

/* By name; NULL: reset. -EINVAL: there is no such action. */
int vemu__watchdog_action(const char *name);
/* Takes the place of what the configuration says. Context: any. */
void vemu__watchdog_set_action(struct vemu_vm *vm, enum vemu_watchdog_action action);
/* A device was not fed: the event, and the action. Soon, on the loop. Context: any, also with locks
 * held. */
void vemu__watchdog_fire(struct vemu_vm *vm);

#endif
