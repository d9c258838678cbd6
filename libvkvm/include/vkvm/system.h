/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev/kvm itself: version, capabilities, what the host supports, making virtual machines.
 *
 * All of libvkvm: a call returns >= 0 or -errno, nothing is logged, errno is not used. A handle may
 * be used by several threads where the kernel allows it (documented per call); handles are closed
 * in any order. Numbers in brackets are sections of the kernel's Documentation/virt/kvm/api.rst.
 */
#ifndef VKVM_SYSTEM_H
#define VKVM_SYSTEM_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/syscalls.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm;
struct vkvm_vm;

/**
 * vkvm_open() - opens /dev/kvm and checks that the API is version 12
 * @ret_kvm: receives the handle; close with vkvm_close()
 *
 * Errors: -ENOENT, -EACCES and the like from open(2); -EPROTO: the API version is not 12; -ENOMEM.
 * Context: any. Since 0.1
 */
int vkvm_open(struct vkvm **ret_kvm);
/** The same through other system calls and another path (NULL: /dev/kvm). */
int vkvm_open_with(const struct vkvm_syscalls *syscalls, const char *path, struct vkvm **ret_kvm);
/** Wraps a descriptor somebody else opened; the handle owns it from now on, also on failure.
 * syscalls NULL: the real ones. */
int vkvm_from_fd(const struct vkvm_syscalls *syscalls, int fd, struct vkvm **ret_kvm);
/** Closes. NULL is fine. Returns NULL. */
struct vkvm *vkvm_close(struct vkvm *kvm);
/** The descriptor, borrowed. */
int vkvm_get_fd(const struct vkvm *kvm);

/** KVM_GET_API_VERSION [4.1]. */
int vkvm_get_api_version(struct vkvm *kvm);
/** KVM_CHECK_EXTENSION [4.4]: 0 not there, > 0 there (often a number with a meaning). VM-level
 * answers can differ: vkvm_vm_check_cap(). Context: any. */
int vkvm_check_cap(struct vkvm *kvm, uint32_t cap);
/** KVM_GET_VCPU_MMAP_SIZE [4.5], bytes. */
int vkvm_get_vcpu_mmap_size(struct vkvm *kvm);
/**
 * vkvm_create_vm() - KVM_CREATE_VM [4.2]
 * @type: machine type, 0 on x86
 * Retries on EINTR. Errors: -EINVAL (type), -ENOMEM, -EMFILE.
 */
int vkvm_create_vm(struct vkvm *kvm, uint32_t type, struct vkvm_vm **ret_vm);
/** Any other ioctl on the descriptor. argument: pointer or integer as the request wants it. */
int vkvm_ioctl(struct vkvm *kvm, unsigned long request, void *argument);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
