/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: the time-stamp counter; kvmclock is in vkvm/vm.h.
 */
#ifndef VKVM_X86_CLOCK_H
#define VKVM_X86_CLOCK_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_GET_TSC_KHZ [4.56]: the TSC's frequency, kHz. -EIO: the host's TSC is not stable.
 * Capability: KVM_CAP_GET_TSC_KHZ. Since 0.1 */
int vkvm_vcpu_get_tsc_khz(struct vkvm_vcpu *vcpu);
/** KVM_SET_TSC_KHZ [4.55]; 0: the host's. Without KVM_CAP_TSC_CONTROL only frequencies near the
 * host's (250 ppm) or above, which KVM then catches up with, slowly. -EINVAL: it cannot be had. */
int vkvm_vcpu_set_tsc_khz(struct vkvm_vcpu *vcpu, uint32_t khz);
/** The frequency vCPUs will be made with [4.55, 4.56], Linux 5.18. -EOPNOTSUPP: no
 * KVM_CAP_VM_TSC_CONTROL; -EINVAL: vCPUs are there already, or it cannot be had. */
int vkvm_vm_get_tsc_khz(struct vkvm_vm *vm);
int vkvm_vm_set_tsc_khz(struct vkvm_vm *vm, uint32_t khz);
/** KVM_VCPU_TSC_OFFSET (Documentation/virt/kvm/devices/vcpu.rst 4.1), Linux 5.16: guest TSC -
 * scaled host TSC. Moves a VM without the error of reading and writing the TSC itself. -ENXIO:
 * the kernel lacks it. */
int vkvm_vcpu_get_tsc_offset(struct vkvm_vcpu *vcpu, uint64_t *ret);
int vkvm_vcpu_set_tsc_offset(struct vkvm_vcpu *vcpu, uint64_t offset);
/** KVM_KVMCLOCK_CTRL [4.70]: tells the guest that it was stopped on purpose. -EINVAL: it does not
 * use kvmclock. Capability: KVM_CAP_KVMCLOCK_CTRL. */
int vkvm_vcpu_kvmclock_ctrl(struct vkvm_vcpu *vcpu);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
