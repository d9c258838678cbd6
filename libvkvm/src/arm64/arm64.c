/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ioctls only arm64 has.
 */
#include <errno.h>

#include <vkvm/arm64.h>

#include "../vcpu.h"
#include "../vm.h"

int vkvm_vm_arm_preferred_target(struct vkvm_vm *vm, struct kvm_vcpu_init *ret_init)
{
    *ret_init = (struct kvm_vcpu_init){ 0 };
    return vkvm__ioctl(&vm->h, KVM_ARM_PREFERRED_TARGET, ret_init);
}

int vkvm_vm_arm_set_device_addr(struct vkvm_vm *vm, uint64_t id, uint64_t gpa)
{
    const struct kvm_arm_device_addr addr = { .id = id, .addr = gpa };
    return vkvm__ioctl(&vm->h, KVM_ARM_SET_DEVICE_ADDR, &addr);
}

int vkvm_vm_arm_copy_mte_tags(struct vkvm_vm *vm, uint64_t gpa, uint64_t length, void *tags,
                              bool to_guest)
{
    const struct kvm_arm_copy_mte_tags copy = {
        .guest_ipa = gpa,
        .length = length,
        .addr = tags,
        .flags = to_guest ? KVM_ARM_TAGS_TO_GUEST : KVM_ARM_TAGS_FROM_GUEST,
    };
    /* the result is an int */
    if (length > INT32_MAX)
        return vkvm__failed(&vm->h, KVM_ARM_MTE_COPY_TAGS, &copy, -EINVAL);
    return vkvm__ioctl(&vm->h, KVM_ARM_MTE_COPY_TAGS, &copy);
}

int vkvm_vm_arm_set_counter_offset(struct vkvm_vm *vm, uint64_t offset)
{
    const struct kvm_arm_counter_offset set = { .counter_offset = offset };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_COUNTER_OFFSET, KVM_ARM_SET_COUNTER_OFFSET);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_ARM_SET_COUNTER_OFFSET, &set);
}

int vkvm_vm_arm_get_writable_masks(struct vkvm_vm *vm, uint64_t *masks)
{
    /* range 0 is KVM_ARM_FEATURE_ID_RANGE, the only one there is */
    const struct reg_mask_range range = { .addr = (uintptr_t)masks };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES,
                           KVM_ARM_GET_REG_WRITABLE_MASKS);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_ARM_GET_REG_WRITABLE_MASKS, &range);
}

int vkvm_vcpu_arm_init(struct vkvm_vcpu *vcpu, const struct kvm_vcpu_init *init)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, init);
}

int vkvm_vcpu_arm_finalize(struct vkvm_vcpu *vcpu, int feature)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &feature);
}
