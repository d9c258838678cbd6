/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In-kernel devices made by KVM_CREATE_DEVICE, and their attributes [4.79, 4.80].
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

int vkvm_device_from_fd(const struct vkvm_syscalls *syscalls, int fd,
                        struct vkvm_device **ret_device);
struct vkvm_device *vkvm_device_close(struct vkvm_device *device);
int vkvm_device_get_fd(const struct vkvm_device *device);
/** 0: the attribute exists; -ENXIO: it does not. Since 0.1 */
int vkvm_device_has_attr(struct vkvm_device *device, uint32_t group, uint64_t attr);
/** `value` points to what the attribute's documentation says. */
int vkvm_device_get_attr(struct vkvm_device *device, uint32_t group, uint64_t attr, void *value);
int vkvm_device_set_attr(struct vkvm_device *device, uint32_t group, uint64_t attr,
                         const void *value);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
