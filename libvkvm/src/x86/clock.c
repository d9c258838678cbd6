/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The time-stamp counter of vCPUs, and telling a guest that it was stopped.
 */
#include <vkvm/vcpu.h>

#include "../vcpu.h"
#include "../vm.h"

int vkvm_vcpu_get_tsc_khz(struct vkvm_vcpu *vcpu)
{
    return vkvm__vcpu_ioctl_int(vcpu, KVM_GET_TSC_KHZ, 0);
}

int vkvm_vcpu_set_tsc_khz(struct vkvm_vcpu *vcpu, uint32_t khz)
{
    return vkvm__vcpu_ioctl_int(vcpu, KVM_SET_TSC_KHZ, khz);
}

int vkvm_vm_get_tsc_khz(struct vkvm_vm *vm)
{
    int r = vkvm__need_cap(&vm->h, KVM_CAP_VM_TSC_CONTROL, KVM_GET_TSC_KHZ);
    return r < 0 ? r : vkvm__ioctl_int(&vm->h, KVM_GET_TSC_KHZ, 0);
}

int vkvm_vm_set_tsc_khz(struct vkvm_vm *vm, uint32_t khz)
{
    int r = vkvm__need_cap(&vm->h, KVM_CAP_VM_TSC_CONTROL, KVM_SET_TSC_KHZ);
    return r < 0 ? r : vkvm__ioctl_int(&vm->h, KVM_SET_TSC_KHZ, khz);
}

static int tsc_offset(struct vkvm_vcpu *vcpu, unsigned long request, const uint64_t *value)
{
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)value,
    };
    return vkvm__vcpu_ioctl(vcpu, request, &attr);
}

int vkvm_vcpu_get_tsc_offset(struct vkvm_vcpu *vcpu, uint64_t *ret)
{
    return tsc_offset(vcpu, KVM_GET_DEVICE_ATTR, ret);
}

int vkvm_vcpu_set_tsc_offset(struct vkvm_vcpu *vcpu, uint64_t offset)
{
    return tsc_offset(vcpu, KVM_SET_DEVICE_ATTR, &offset);
}

int vkvm_vcpu_kvmclock_ctrl(struct vkvm_vcpu *vcpu)
{
    return vkvm__vcpu_ioctl_int(vcpu, KVM_KVMCLOCK_CTRL, 0);
}
