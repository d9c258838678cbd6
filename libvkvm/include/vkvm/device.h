/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In-kernel devices made by KVM_CREATE_DEVICE, and attributes: of devices, and of the other kinds
 * of handle [4.79 to 4.81].
 *
 * An attribute is a (group, number) pair with a value whose type its documentation gives
 * (Documentation/virt/kvm/devices/). All attribute calls: -ENXIO: no such group or attribute;
 * -EPERM: it exists but not in this direction; -EBUSY: it can be set once; -EFAULT; -ENOTTY: this
 * kind of handle has no attributes on this host. Context: any, vCPU calls: the vCPU's thread.
 */
#ifndef VKVM_DEVICE_H
#define VKVM_DEVICE_H

#include <linux/kvm.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Wraps a device descriptor; the handle owns it from now on, also on failure. NULL syscalls: the
 * real ones. Errors: -ENOMEM, -EINVAL (fd). Since 0.1 */
int vkvm_device_from_fd(const struct vkvm_syscalls *syscalls, int fd,
                        struct vkvm_device **ret_device);
/** Closes. The device lives as long as its VM. NULL is fine. Returns NULL. Since 0.1 */
struct vkvm_device *vkvm_device_close(struct vkvm_device *device);
/** The descriptor, borrowed. Since 0.1 */
int vkvm_device_get_fd(const struct vkvm_device *device);
/** Any other ioctl on the descriptor. argument: pointer or integer as the request wants it. Since
 * 0.1 */
int vkvm_device_ioctl(struct vkvm_device *device, unsigned long request, void *argument);

/** 0: the attribute exists; -ENXIO: it does not. Since 0.1 */
int vkvm_device_has_attr(struct vkvm_device *device, uint32_t group, uint64_t attr);
/** `value` points to what the attribute's documentation says. Since 0.1 */
int vkvm_device_get_attr(struct vkvm_device *device, uint32_t group, uint64_t attr, void *value);
/** The same; some attributes have no value: NULL. Since 0.1 */
int vkvm_device_set_attr(struct vkvm_device *device, uint32_t group, uint64_t attr,
                         const void *value);

/** Attributes of /dev/kvm (KVM_CAP_SYS_ATTRIBUTES, Linux 5.18), which can only be read. On x86:
 * group 0, KVM_X86_XCOMP_GUEST_SUPP. Since 0.1 */
int vkvm_has_attr(struct vkvm *kvm, uint32_t group, uint64_t attr);
int vkvm_get_attr(struct vkvm *kvm, uint32_t group, uint64_t attr, void *value);

/** Attributes of a VM (KVM_CAP_VM_ATTRIBUTES). s390, and arm64's SMCCC filter. Since 0.1 */
int vkvm_vm_has_attr(struct vkvm_vm *vm, uint32_t group, uint64_t attr);
int vkvm_vm_get_attr(struct vkvm_vm *vm, uint32_t group, uint64_t attr, void *value);
int vkvm_vm_set_attr(struct vkvm_vm *vm, uint32_t group, uint64_t attr, const void *value);

/** Attributes of a vCPU (KVM_CAP_VCPU_ATTRIBUTES, Linux 4.8): arm64's PMU, timer and stolen time;
 * x86: KVM_VCPU_TSC_CTRL (Linux 5.16). Since 0.1 */
int vkvm_vcpu_has_attr(struct vkvm_vcpu *vcpu, uint32_t group, uint64_t attr);
int vkvm_vcpu_get_attr(struct vkvm_vcpu *vcpu, uint32_t group, uint64_t attr, void *value);
int vkvm_vcpu_set_attr(struct vkvm_vcpu *vcpu, uint32_t group, uint64_t attr, const void *value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
