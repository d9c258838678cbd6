/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sleeping machines (ACPI S3): falling asleep and waking up. Context: loop, unless said.
 */
#ifndef VEMU_CORE_SLEEP_H
#define VEMU_CORE_SLEEP_H

#include "core/vm.h"

/* RUNNING or PAUSED -> SUSPENDED; `wakes` says what may wake the machine (VEMU_WAKE_BIT). */
void vemu__life_sleep(struct vemu_vm *vm, uint32_t wakes);
/* SUSPENDED -> RUNNING, if the cause may wake it; a failure leaves the machine in ERROR. */
void vemu__life_wake(struct vemu_vm *vm, enum vemu_wake cause);
/* The machine leaves SUSPENDED in another way: nothing wakes it any more. Fine in any state. */
void vemu__sleep_end(struct vemu_vm *vm);

#endif
