/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: a vCPU's local APIC and what is injected into it.
 */
#ifndef VKVM_X86_LAPIC_H
#define VKVM_X86_LAPIC_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_GET_LAPIC, KVM_SET_LAPIC [4.57, 4.58]: the APIC page of an in-kernel local APIC. The id
 * register holds 8 bits, or 32 after vkvm_vm_enable_x2apic_api(). Capability: KVM_CAP_IRQCHIP.
 * -EINVAL: the APIC is not in the kernel. Since 0.1 */
int vkvm_vcpu_get_lapic(struct vkvm_vcpu *vcpu, struct kvm_lapic_state *ret);
int vkvm_vcpu_set_lapic(struct vkvm_vcpu *vcpu, const struct kvm_lapic_state *lapic);

/** KVM_INTERRUPT [4.16]: injects a vector where no in-kernel PIC does; one that has not been
 * delivered yet is replaced. -EEXIST: with a split irqchip, one is pending; -EINVAL: vector above
 * 255; -ENXIO: the PIC is in the kernel. */
int vkvm_vcpu_interrupt(struct vkvm_vcpu *vcpu, uint32_t vector);
/** KVM_NMI [4.64]: queues a non-maskable interrupt. Capability: KVM_CAP_USER_NMI; without,
 * -ENOTTY. */
int vkvm_vcpu_nmi(struct vkvm_vcpu *vcpu);
/** KVM_SMI [4.96], Linux 4.2: queues a system management interrupt. Capability: KVM_CAP_X86_SMM;
 * without, -EINVAL, or -ENOTTY from kernels built without SMM. */
int vkvm_vcpu_smi(struct vkvm_vcpu *vcpu);

/**
 * KVM_TPR_ACCESS_REPORTING - exits for accesses to the task priority register
 *
 * VKVM_EXIT_TPR_ACCESS shows them to a VMM that patches old guests to use vkvm_vcpu_set_vapic().
 * Capability: KVM_CAP_VAPIC (Linux 2.6.25). -EINVAL: the APIC is not in the kernel.
 */
int vkvm_vcpu_set_tpr_reporting(struct vkvm_vcpu *vcpu, bool enable);
/** KVM_SET_VAPIC_ADDR: the guest-physical address (4-byte aligned) of a word that mirrors the TPR.
 * 0: none. Capability as above. -EINVAL: the APIC is not in the kernel, no memory there. */
int vkvm_vcpu_set_vapic(struct vkvm_vcpu *vcpu, uint64_t gpa);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
