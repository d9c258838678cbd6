/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arm64: what a VM and its vCPUs need there besides ONE_REG (onereg.h), device attributes
 * (device.h: GIC, timer, PMU) and the generic calls.
 *
 * Order: vkvm_vm_arm_preferred_target(), the features set in it, vkvm_vcpu_arm_init(), with SVE or
 * pointer authentication vkvm_vcpu_arm_finalize(), then registers. Compiles to nothing elsewhere.
 */
#ifndef VKVM_ARM64_H
#define VKVM_ARM64_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/uapi.h>
#include <vkvm/vm.h>

#if defined(__aarch64__)
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_ARM_PREFERRED_TARGET [4.83]: the host's own CPU, no features set. -ENODEV: none. Since 0.1
 * */
int vkvm_vm_arm_preferred_target(struct vkvm_vm *vm, struct kvm_vcpu_init *ret_init);
/** KVM_ARM_SET_DEVICE_ADDR [4.85]: where an in-kernel GICv2 answers; `id` KVM_ARM_DEVICE_*. Newer
 * controllers: attributes. -ENODEV, -ENXIO, -EEXIST: set already, -E2BIG: outside. Since 0.1 */
int vkvm_vm_arm_set_device_addr(struct vkvm_vm *vm, uint64_t id, uint64_t gpa);
/**
 * vkvm_vm_arm_copy_mte_tags() - KVM_ARM_MTE_COPY_TAGS [4.130], KVM_CAP_ARM_MTE, Linux 5.14
 * @gpa, @length: bytes, page aligned
 * @tags: a byte a 16-byte granule
 * @to_guest: direction
 *
 * Returns how many bytes of guest memory were done; fewer than `length` when the rest failed.
 * Errors, when none was: -EINVAL, -EFAULT. Since 0.1
 */
int vkvm_vm_arm_copy_mte_tags(struct vkvm_vm *vm, uint64_t gpa, uint64_t length, void *tags,
                              bool to_guest);
/** KVM_ARM_SET_COUNTER_OFFSET [4.138], KVM_CAP_COUNTER_OFFSET, Linux 6.4: of both counters.
 * -EBUSY: a vCPU runs. Since 0.1 */
int vkvm_vm_arm_set_counter_offset(struct vkvm_vm *vm, uint64_t offset);
/** KVM_ARM_GET_REG_WRITABLE_MASKS [4.139], Linux 6.7: which bits of ID registers may be set;
 * `masks` has room for KVM_ARM_FEATURE_ID_RANGE_SIZE (192). -ENOTTY: an older kernel. Since 0.1 */
int vkvm_vm_arm_get_writable_masks(struct vkvm_vm *vm, uint64_t *masks);

/** KVM_ARM_VCPU_INIT [4.82]: resets all registers; again later only with the same target and
 * features. -EINVAL: a target or feature the host lacks; -ENOENT. Context: the vCPU's thread. Since
 * 0.1 */
int vkvm_vcpu_arm_init(struct vkvm_vcpu *vcpu, const struct kvm_vcpu_init *init);
/** KVM_ARM_VCPU_FINALIZE [4.119]; feature KVM_ARM_VCPU_SVE. -EPERM: done already, -EINVAL. Since
 * 0.1 */
int vkvm_vcpu_arm_finalize(struct vkvm_vcpu *vcpu, int feature);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif /* __aarch64__ */
#endif
