/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watchdogs: the action that all watchdog devices of a machine share.
 */
#include "core/watchdog.h"

#include <errno.h>
#include <string.h>

#include "core/lifecycle.h"

static const char *const names[] = {
    [VEMU_WATCHDOG_RESET] = "reset", [VEMU_WATCHDOG_SHUTDOWN] = "shutdown",
    [VEMU_WATCHDOG_POWEROFF] = "poweroff", [VEMU_WATCHDOG_PAUSE] = "pause",
    [VEMU_WATCHDOG_DEBUG] = "debug", [VEMU_WATCHDOG_NONE] = "none",
    [VEMU_WATCHDOG_INJECT_NMI] = "inject-nmi",
};

int vemu__watchdog_action(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (!name || strcmp(names[i], name) == 0)
            return (int)i;
    return -EINVAL;
}

void vemu__watchdog_set_action(struct vemu_vm *vm, enum vemu_watchdog_action action)
{
    atomic_store(&vm->watchdog_action, (int)action);
}

static void on_fire(void *data)
{
    struct vemu_vm *vm = data;
    int action = atomic_load(&vm->watchdog_action);

    if (vm->stopping || atomic_load(&vm->state) != VEMU_VM_RUNNING)
        return;
    vemu__events_emit(vm->events, VEMU_EVENT_WATCHDOG, VEMU_CAUSE_NONE, 0, names[action]);
    switch (action) {
    case VEMU_WATCHDOG_RESET: vemu_vm_request_reset(vm, VEMU_CAUSE_GUEST_RESET); break;
    case VEMU_WATCHDOG_SHUTDOWN: vemu_vm_powerdown(vm, NULL); break;
    case VEMU_WATCHDOG_POWEROFF: vemu_vm_request_shutdown(vm, VEMU_CAUSE_HOST_QUIT, 0); break;
    case VEMU_WATCHDOG_PAUSE: vemu__life_pause(vm); break;
    case VEMU_WATCHDOG_INJECT_NMI: vemu__vcpus_nmi(vm); break;
    case VEMU_WATCHDOG_DEBUG:
        vemu_vm_log(vm, VEMU_LOG_WARNING, "watchdog: the guest has not fed it in time");
        break;
    default: break;
    }
    vemu__events_flush(vm->events);
}

void vemu__watchdog_fire(struct vemu_vm *vm)
{
    vemu__loop_post(vm->loop, on_fire, vm, NULL);
}
