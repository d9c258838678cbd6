/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * States and steps of a machine's life, for the files that take them. Context: loop, unless said.
 */
#ifndef VEMU_CORE_LIFECYCLE_H
#define VEMU_CORE_LIFECYCLE_H

#include "core/vm.h"

#define VEMU_STATE_BIT(state) (1u << (state))

/* The only function that writes the state; asserts that the step is legal. */
void vemu__state_set(struct vemu_vm *vm, int to);
/* -EINVAL and "cannot <verb>: the machine is <state>" unless the state is in `mask`. */
int vemu__state_check(struct vemu_vm *vm, uint32_t mask, const char *verb,
                      struct vemu_error **err);
const char *vemu__state_name(int state); /* any */

/* vCPUs, devices and time go on, or stand. The state is the caller's matter. */
void vemu__machine_go(struct vemu_vm *vm);
void vemu__machine_halt(struct vemu_vm *vm);

/* The ways the machine's inside changes its state; each notes the event. */
void vemu__life_error(struct vemu_vm *vm, const char *message);
void vemu__life_pause(struct vemu_vm *vm);
void vemu__life_panic(struct vemu_vm *vm, const char *message);
void vemu__life_shutdown(struct vemu_vm *vm, enum vemu_cause cause, uint32_t code);
/* A failure leaves the machine in ERROR. */
int vemu__life_reset(struct vemu_vm *vm, enum vemu_cause cause, struct vemu_error **err);

/* realize.c: everything between CREATED and PRELAUNCH, and loading again on reset. */
int vemu__realize(struct vemu_vm *vm, struct vemu_error **err);
int vemu__machine_load(struct vemu_vm *vm, struct vemu_error **err);

/* Presses the power button; the power-off that the guest answers with becomes a reset (a reboot
 * that the guest takes part in). Errors as vemu_vm_powerdown(). Context: any. */
int vemu__vm_powerdown_reset(struct vemu_vm *vm, struct vemu_error **err);

#endif
