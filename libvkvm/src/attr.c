/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes: three requests that four kinds of descriptor understand.
 */
#include <vkvm/device.h>

#include "device.h"
#include "vcpu.h"
#include "vm.h"

static struct kvm_device_attr attr_request(uint32_t group, uint64_t attr, const void *value)
{
    return (struct kvm_device_attr){ .group = group, .attr = attr, .addr = (uintptr_t)value };
}

static int attr_ioctl(const struct vkvm_handle *h, unsigned long request, uint32_t group,
                      uint64_t attr, const void *value)
{
    const struct kvm_device_attr argument = attr_request(group, attr, value);
    return vkvm__ioctl(h, request, &argument);
}

int vkvm_device_has_attr(struct vkvm_device *device, uint32_t group, uint64_t attr)
{
    return attr_ioctl(&device->h, KVM_HAS_DEVICE_ATTR, group, attr, NULL);
}

int vkvm_device_get_attr(struct vkvm_device *device, uint32_t group, uint64_t attr, void *value)
{
    return attr_ioctl(&device->h, KVM_GET_DEVICE_ATTR, group, attr, value);
}

int vkvm_device_set_attr(struct vkvm_device *device, uint32_t group, uint64_t attr,
                         const void *value)
{
    return attr_ioctl(&device->h, KVM_SET_DEVICE_ATTR, group, attr, value);
}

int vkvm_has_attr(struct vkvm *kvm, uint32_t group, uint64_t attr)
{
    return attr_ioctl(&kvm->h, KVM_HAS_DEVICE_ATTR, group, attr, NULL);
}

int vkvm_get_attr(struct vkvm *kvm, uint32_t group, uint64_t attr, void *value)
{
    return attr_ioctl(&kvm->h, KVM_GET_DEVICE_ATTR, group, attr, value);
}

int vkvm_vm_has_attr(struct vkvm_vm *vm, uint32_t group, uint64_t attr)
{
    return attr_ioctl(&vm->h, KVM_HAS_DEVICE_ATTR, group, attr, NULL);
}

int vkvm_vm_get_attr(struct vkvm_vm *vm, uint32_t group, uint64_t attr, void *value)
{
    return attr_ioctl(&vm->h, KVM_GET_DEVICE_ATTR, group, attr, value);
}

int vkvm_vm_set_attr(struct vkvm_vm *vm, uint32_t group, uint64_t attr, const void *value)
{
    return attr_ioctl(&vm->h, KVM_SET_DEVICE_ATTR, group, attr, value);
}

static int vcpu_attr(struct vkvm_vcpu *vcpu, unsigned long request, uint32_t group, uint64_t attr,
                     const void *value)
{
    const struct kvm_device_attr argument = attr_request(group, attr, value);
    return vkvm__vcpu_ioctl(vcpu, request, &argument);
}

int vkvm_vcpu_has_attr(struct vkvm_vcpu *vcpu, uint32_t group, uint64_t attr)
{
    return vcpu_attr(vcpu, KVM_HAS_DEVICE_ATTR, group, attr, NULL);
}

int vkvm_vcpu_get_attr(struct vkvm_vcpu *vcpu, uint32_t group, uint64_t attr, void *value)
{
    return vcpu_attr(vcpu, KVM_GET_DEVICE_ATTR, group, attr, value);
}

int vkvm_vcpu_set_attr(struct vkvm_vcpu *vcpu, uint32_t group, uint64_t attr, const void *value)
{
    return vcpu_attr(vcpu, KVM_SET_DEVICE_ATTR, group, attr, value);
}
