/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_memfd, memory attributes, and faulting memory in ahead.
 */
#include <errno.h>

#include <vkvm/memory.h>

#include "vcpu.h"
#include "vm.h"

int vkvm_vm_create_guest_memfd(struct vkvm_vm *vm, uint64_t size, uint64_t flags)
{
    struct kvm_create_guest_memfd create = { .size = size, .flags = flags };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_GUEST_MEMFD, KVM_CREATE_GUEST_MEMFD);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_CREATE_GUEST_MEMFD, &create);
}

int vkvm_vm_set_memory_attributes(struct vkvm_vm *vm, uint64_t gpa, uint64_t size,
                                  uint64_t attributes)
{
    struct kvm_memory_attributes set = { .address = gpa, .size = size, .attributes = attributes };
    int r = vkvm__need_cap(&vm->h, KVM_CAP_MEMORY_ATTRIBUTES, KVM_SET_MEMORY_ATTRIBUTES);
    return r < 0 ? r : vkvm__ioctl(&vm->h, KVM_SET_MEMORY_ATTRIBUTES, &set);
}

int vkvm_vcpu_pre_fault(struct vkvm_vcpu *vcpu, uint64_t gpa, uint64_t size, uint64_t *ret_done)
{
    struct kvm_pre_fault_memory fault = { .gpa = gpa, .size = size };
    int r;
    do {
        uint64_t left = fault.size;
        r = vkvm__vcpu_ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &fault);
        if (r >= 0 && (fault.size > left || (fault.size && fault.size == left)))
            r = -EIO; /* no progress: would go on forever */
    } while (r >= 0 && fault.size);
    if (ret_done)
        *ret_done = size - (fault.size < size ? fault.size : size);
    return r < 0 ? r : 0;
}
