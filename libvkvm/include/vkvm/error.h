/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What went wrong last on a handle, in words; names of ioctls.
 *
 * A call returns -errno and no more. KVM uses few numbers for many mistakes, so each handle also
 * remembers the last ioctl that failed on it: which one, with what, and what that errno means
 * there. Nothing is formatted before somebody asks. Calls that succeed leave the record alone.
 * Mistakes the library finds before the kernel is asked are recorded as the ioctl that was meant.
 */
#ifndef VKVM_ERROR_H
#define VKVM_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/system.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vkvm_device;
struct vkvm_vcpu;
struct vkvm_vm;

/**
 * struct vkvm_error - the last failure on a handle
 * @size: sizeof(struct vkvm_error), set by the caller (VKVM_ERROR_INIT)
 * @error: -errno; 0: nothing failed yet
 * @request: the ioctl's number
 * @name: "KVM_CREATE_VCPU"; NULL when libvkvm has no name for it. Borrowed, static
 * @hint: what this errno means for this ioctl; NULL: no more than its name says. Borrowed, static
 * @argument: the argument in short, "slot 3 gpa 0x1000 size 0x2000 flags 0x1"; "" when unknown
 */
struct vkvm_error {
    uint32_t size;
    int32_t error;
    uint64_t request;
    const char *name;
    const char *hint;
    char argument[128];
};
/* clang-format off */
#define VKVM_ERROR_INIT { .size = sizeof(struct vkvm_error) }
/* clang-format on */

/**
 * vkvm_last_error() and its siblings - reads the record of a handle
 *
 * Returns 0; -ENODATA: nothing failed on this handle yet; -EINVAL: ret_error->size is too small.
 * The record is of the handle, not of the thread: with several threads on one handle it is the last
 * failure of any of them. Context: any. Since 0.1
 */
int vkvm_last_error(struct vkvm *kvm, struct vkvm_error *ret_error);
int vkvm_vm_last_error(struct vkvm_vm *vm, struct vkvm_error *ret_error);
int vkvm_vcpu_last_error(struct vkvm_vcpu *vcpu, struct vkvm_error *ret_error);
int vkvm_device_last_error(struct vkvm_device *device, struct vkvm_error *ret_error);

/**
 * vkvm_error_format() - one line for a person
 * @buffer, @size: receives at most `size` bytes with the terminating NUL
 *
 * "KVM_CREATE_VCPU(7): File exists: this id is taken". Returns the length the whole line has, as
 * snprintf(3). Context: any. Since 0.1
 */
int vkvm_error_format(const struct vkvm_error *error, char *buffer, size_t size);

/**
 * vkvm_ioctl_name() - "KVM_RUN" for its number
 *
 * Knows every request of <linux/kvm.h>, those of other architectures and the newer ones included.
 * NULL: not one of KVM's. Borrowed, static. Context: any. Since 0.1
 */
const char *vkvm_ioctl_name(uint64_t request);
/** The number of a name with or without "KVM_"; *ret_request receives it. -ENOENT. Since 0.1 */
int vkvm_ioctl_number(const char *name, uint64_t *ret_request);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
