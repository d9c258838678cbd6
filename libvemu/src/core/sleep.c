/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sleeping machines (ACPI S3): falling asleep and waking up.
 *
 * A machine that sleeps has memory and a clock with a battery, and nothing else: its vCPUs are
 * parked and the VM's time stands. What woke it resets all devices and vCPUs; memory stays, and the
 * board says where the guest goes on: firmware at the reset vector, or, when there is none, the
 * guest at the address that it left in the FACS (machine class's wake, ACPI 6.4, 5.2.10).
 *
 * The alarm of the clock cannot be a timer of the device's, since these stand. So the device tells
 * how far it is when the machine falls asleep, and the loop waits for it.
 */
#include "core/sleep.h"

#include <errno.h>
#include <string.h>

#include "core/lifecycle.h"

#define NS_PER_MS 1000000

static void on_alarm(void *data)
{
    struct vemu_vm *vm = data;

    vemu_vm_request_wake(vm, VEMU_WAKE_RTC);
}

void vemu__sleep_end(struct vemu_vm *vm)
{
    vemu__delay_free(vm->alarm);
    vm->alarm = NULL;
    vm->wakes = 0;
}

void vemu__life_sleep(struct vemu_vm *vm, uint32_t wakes)
{
    int64_t alarm;

    if (atomic_load(&vm->state) == VEMU_VM_RUNNING)
        vemu__machine_halt(vm);
    alarm = vemu__devices_sleep(vm);
    vm->wakes = wakes | VEMU_WAKE_BIT(VEMU_WAKE_BUTTON) | VEMU_WAKE_BIT(VEMU_WAKE_OTHER);
    /* A clock that alarms too far ahead for the loop to wait for does not alarm. */
    if (wakes & VEMU_WAKE_BIT(VEMU_WAKE_RTC) && alarm / NS_PER_MS < INT32_MAX)
        vm->alarm = vemu__delay_new(vm->loop, (unsigned)((alarm + NS_PER_MS - 1) / NS_PER_MS),
                                    on_alarm, vm);
    vemu__state_set(vm, VEMU_VM_SUSPENDED);
    vemu__events_emit(vm->events, VEMU_EVENT_SUSPENDED, VEMU_CAUSE_NONE, 0, NULL);
}

static int machine_wake(struct vemu_vm *vm, enum vemu_wake cause, struct vemu_error **err)
{
    int r;

    vemu__times_reset(vm);
    vemu__devices_wake(vm, cause);
    r = vm->machine->class_->wake(vm->machine, err);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot go on: %s", strerror(-r));
    return vemu__vcpus_reset(vm, err);
}

void vemu__life_wake(struct vemu_vm *vm, enum vemu_wake cause)
{
    struct vemu_error *why = NULL;
    int r;

    if (!(vm->wakes & VEMU_WAKE_BIT(cause)))
        return;
    vemu__sleep_end(vm);
    r = machine_wake(vm, cause, &why);
    if (r < 0) {
        vemu__error_prefix(&why, "wake-up");
        vemu__life_error(vm, vemu_error_message(why));
        vemu_error_free(why);
        return;
    }
    vemu__state_set(vm, VEMU_VM_RUNNING);
    vemu__machine_go(vm);
    vemu__events_emit(vm->events, VEMU_EVENT_WOKEN, VEMU_CAUSE_NONE, 0, NULL);
}

static int do_wakeup(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    if (!vm->machine->can_sleep)
        return vemu__error_set(err, ENOTSUP, "wake-up from suspend is not supported by this guest");
    if (atomic_load(&vm->state) != VEMU_VM_SUSPENDED)
        return vemu__error_set(err, EINVAL, "Unable to wake up: guest is not in suspended state");
    vemu__life_wake(vm, VEMU_WAKE_OTHER);
    return 0;
}

int vemu_vm_wakeup(struct vemu_vm *vm, struct vemu_error **err)
{
    return vemu__vm_control(vm, do_wakeup, NULL, err);
}
