/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities: names, requiring several at once, a snapshot of all.
 *
 * What /dev/kvm answers is what some VM could have; what a VM answers is what this one has, and
 * differs (types of VM, an irqchip). Ask the VM where there is one.
 */
#ifndef VKVM_CAP_H
#define VKVM_CAP_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/system.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_vm;

/** "KVM_CAP_USER_MEMORY" for 3; NULL when libvkvm has no name for it. Those of all architectures up
 * to Linux 6.19. Borrowed, static. Since 0.1 */
const char *vkvm_cap_name(uint32_t cap);
/** The number of a name with or without "KVM_CAP_", or -ENOENT. Since 0.1 */
int vkvm_cap_number(const char *name);
/** One more than the highest capability libvkvm has a name for. Since 0.1 */
uint32_t vkvm_cap_limit(void);

/**
 * vkvm_require_caps(), vkvm_vm_require_caps() - checks several capabilities
 * @caps, @count: what is needed
 * @ret_missing: receives the missing ones (at most `count`); may be NULL
 * Returns the number of missing ones (0: all there), or -errno. Since 0.1
 */
int vkvm_require_caps(struct vkvm *kvm, const uint32_t *caps, size_t count, uint32_t *ret_missing);
int vkvm_vm_require_caps(struct vkvm_vm *vm, const uint32_t *caps, size_t count,
                         uint32_t *ret_missing);

/** A snapshot: ret_values[n] is what KVM_CHECK_EXTENSION [4.4] says of capability n, for all
 * n < count. A system call each. Errors: those of the ioctl. Since 0.1 */
int vkvm_read_caps(struct vkvm *kvm, int32_t *ret_values, size_t count);
int vkvm_vm_read_caps(struct vkvm_vm *vm, int32_t *ret_values, size_t count);

/** "KVM_CAP_IRQFD, KVM_CAP_SPLIT_IRQCHIP" for a message. Writes at most `size` bytes with the
 * terminating NUL, returns the length all of it has, as snprintf(3). Since 0.1 */
int vkvm_caps_format(const uint32_t *caps, size_t count, char *buffer, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
