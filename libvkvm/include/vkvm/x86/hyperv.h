/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: Hyper-V's paravirtual interfaces for Windows guests.
 */
#ifndef VKVM_X86_HYPERV_H
#define VKVM_X86_HYPERV_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/x86/cpuid.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_GET_SUPPORTED_HV_CPUID [4.118] on /dev/kvm, Linux 5.11: leaves 0x40000000 and up as
 * Hyper-V has them. *ret_cpuid is new. Errors: -EOPNOTSUPP (no KVM_CAP_SYS_HYPERV_CPUID,
 * which KVM_CAP_HYPERV_CPUID does not bring), -ENOMEM. Since 0.1 */
int vkvm_get_supported_hv_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid);
/** The same of a vCPU, for kernels from 5.0 on (KVM_CAP_HYPERV_CPUID) that lack the other; shows
 * less before enlightenments are enabled. -EINVAL: the kernel lacks it. */
int vkvm_vcpu_get_supported_hv_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid **ret_cpuid);

/**
 * KVM_HYPERV_EVENTFD [4.113] - a SIGNAL_EVENT hypercall that signals a descriptor, without an exit
 * @connection: at most 24 bits
 * Errors: -EOPNOTSUPP (no KVM_CAP_HYPERV_EVENTFD, Linux 4.17), -EINVAL, -EEXIST, -EBADF; removing:
 * -ENOENT.
 */
int vkvm_vm_add_hyperv_eventfd(struct vkvm_vm *vm, uint32_t connection, int fd);
int vkvm_vm_remove_hyperv_eventfd(struct vkvm_vm *vm, uint32_t connection);

/** KVM_CAP_HYPERV_SYNIC2 [8.11], Linux 4.13: the synthetic interrupt controller; needs a local
 * APIC in the kernel. -EINVAL: not there. */
int vkvm_vcpu_enable_synic(struct vkvm_vcpu *vcpu);
/** KVM_CAP_HYPERV_ENLIGHTENED_VMCS, Linux 4.20: *ret_version: the versions, low byte lowest, high
 * byte highest. -ENOTTY, -EINVAL: not on this host (AMD, no nesting). */
int vkvm_vcpu_enable_evmcs(struct vkvm_vcpu *vcpu, uint16_t *ret_version);
/** KVM_CAP_HYPERV_DIRECT_TLBFLUSH [8.21], Linux 5.4: only where KVM itself runs on Hyper-V.
 * -ENOTTY, -EINVAL. */
int vkvm_vcpu_enable_direct_tlbflush(struct vkvm_vcpu *vcpu);
/** KVM_CAP_HYPERV_ENFORCE_CPUID [8.33], Linux 5.14: only what the Hyper-V leaves show works.
 * -EINVAL. */
int vkvm_vcpu_enforce_hyperv_cpuid(struct vkvm_vcpu *vcpu, bool enforce);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
