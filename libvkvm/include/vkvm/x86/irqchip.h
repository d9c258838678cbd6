/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: the interrupt controllers and the timer in the kernel, beyond making them (vkvm/vm.h).
 */
#ifndef VKVM_X86_IRQCHIP_H
#define VKVM_X86_IRQCHIP_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * KVM_GET_IRQCHIP, KVM_SET_IRQCHIP [4.26, 4.27]: a PIC or the IOAPIC of a full in-kernel irqchip
 * @chip: KVM_IRQCHIP_PIC_MASTER, _PIC_SLAVE, _IOAPIC
 *
 * The setter takes the chip from state->chip_id. Capability: KVM_CAP_IRQCHIP. Errors: -ENXIO (no
 * full irqchip), -EINVAL (chip).
 * Since 0.1
 */
int vkvm_vm_get_irqchip(struct vkvm_vm *vm, uint32_t chip, struct kvm_irqchip *ret);
int vkvm_vm_set_irqchip(struct vkvm_vm *vm, const struct kvm_irqchip *state);
/** KVM_GET_PIT2, KVM_SET_PIT2 [4.72, 4.73]: the i8254. Capability: KVM_CAP_PIT_STATE2 (2.6.32).
 * -ENXIO: there is none in the kernel. */
int vkvm_vm_get_pit(struct vkvm_vm *vm, struct kvm_pit_state2 *ret);
int vkvm_vm_set_pit(struct vkvm_vm *vm, const struct kvm_pit_state2 *state);
/** KVM_REINJECT_CONTROL [4.99]: whether ticks the guest was too slow for are made up for.
 * Capability: KVM_CAP_REINJECT_CONTROL. -ENXIO: no PIT in the kernel. */
int vkvm_vm_set_pit_reinject(struct vkvm_vm *vm, bool reinject);

/**
 * KVM_IRQ_LINE_STATUS [4.25] - vkvm_vm_set_irq_line() that tells what became of it
 * @ret_status: > 0: delivered, to so many vCPUs; 0: coalesced with one that is pending; < 0: masked
 *
 * For timers that make up for lost ticks. Errors: -EOPNOTSUPP (no KVM_CAP_IRQ_INJECT_STATUS, Linux
 * 2.6.30), -ENXIO (no irqchip).
 */
int vkvm_vm_set_irq_line_status(struct vkvm_vm *vm, uint32_t gsi, bool level, int32_t *ret_status);

/** KVM_SET_BOOT_CPU_ID [4.41]: the vCPU that starts; before the first vCPU is made, else -EBUSY.
 * Errors: -EOPNOTSUPP (no KVM_CAP_SET_BOOT_CPU_ID), and on newer kernels -EINVAL (an id that cannot
 * be). */
int vkvm_vm_set_boot_cpu(struct vkvm_vm *vm, uint32_t id);
/** KVM_CAP_MAX_VCPU_ID [7.32], Linux 6.1: vCPU ids will be below this, which saves memory. Before
 * the first vCPU and once, else -EINVAL. */
int vkvm_vm_set_max_vcpu_id(struct vkvm_vm *vm, uint32_t limit);
/** KVM_CAP_X2APIC_API [7.7], Linux 4.8; KVM_X2APIC_API_USE_32BIT_IDS | _DISABLE_BROADCAST_QUIRK.
 * Needed for more than 255 vCPUs. Errors: -EOPNOTSUPP, -EINVAL (flags). */
int vkvm_vm_enable_x2apic_api(struct vkvm_vm *vm, uint64_t flags);
/** KVM_CAP_X86_APIC_BUS_CYCLES_NS, Linux 6.11: the period of the APIC timer's clock; 1 when not
 * set. After the irqchip and before the first vCPU, else -ENXIO, -EINVAL; 0 is -EINVAL.
 * -EOPNOTSUPP. */
int vkvm_vm_set_apic_bus_ns(struct vkvm_vm *vm, uint64_t nanoseconds);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
