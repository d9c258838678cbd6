/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities: requiring several, and all of them at once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vkvm/cap.h>
#include <vkvm/uapi.h>
#include <vkvm/vm.h>

#include "vm.h"

static int require(struct vkvm_handle *h, const uint32_t *wanted, size_t count,
                   uint32_t *ret_missing)
{
    int missing = 0;
    for (size_t i = 0; i < count; i++) {
        int r = vkvm__ioctl_int(h, KVM_CHECK_EXTENSION, wanted[i]);
        if (r < 0)
            return r;
        if (r == 0) {
            if (ret_missing)
                ret_missing[missing] = wanted[i];
            missing++;
        }
    }
    return missing;
}

int vkvm_require_caps(struct vkvm *kvm, const uint32_t *wanted, size_t count, uint32_t *ret_missing)
{
    return require(&kvm->h, wanted, count, ret_missing);
}

int vkvm_vm_require_caps(struct vkvm_vm *vm, const uint32_t *wanted, size_t count,
                         uint32_t *ret_missing)
{
    return require(&vm->h, wanted, count, ret_missing);
}

static int read_all(struct vkvm_handle *h, int32_t *ret_values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = vkvm__ioctl_int(h, KVM_CHECK_EXTENSION, i);
        if (r < 0)
            return r;
        ret_values[i] = r;
    }
    return 0;
}

int vkvm_read_caps(struct vkvm *kvm, int32_t *ret_values, size_t count)
{
    return read_all(&kvm->h, ret_values, count);
}

int vkvm_vm_read_caps(struct vkvm_vm *vm, int32_t *ret_values, size_t count)
{
    return read_all(&vm->h, ret_values, count);
}

int vkvm_caps_format(const uint32_t *caps, size_t count, char *buffer, size_t size)
{
    size_t length = 0;
    if (size)
        buffer[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *name = vkvm_cap_name(caps[i]);
        char number[16];
        snprintf(number, sizeof(number), "%u", caps[i]);
        size_t at = length < size ? length : size;
        length += (size_t)snprintf(size ? buffer + at : NULL, size - at, "%s%s", i ? ", " : "",
                                   name ? name : number);
    }
    return (int)length;
}
