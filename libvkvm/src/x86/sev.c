/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory encryption.
 */
#include <vkvm/x86/sev.h>

#include "../vm.h"
#include "cpuid.h"

int vkvm_vm_sev_command(struct vkvm_vm *vm, int sev_fd, uint32_t command, void *data,
                        uint32_t *ret_fw_error)
{
    struct kvm_sev_cmd request = {
        .id = command,
        .data = (uintptr_t)data,
        .sev_fd = (uint32_t)sev_fd,
    };
    /* the request's number says unsigned long, but the kernel wants this structure */
    int r = vkvm__ioctl(&vm->h, KVM_MEMORY_ENCRYPT_OP, &request);
    if (ret_fw_error)
        *ret_fw_error = request.error;
    return r;
}

int vkvm_vm_encrypt_op(struct vkvm_vm *vm, void *argument)
{
    return vkvm__ioctl_raw(&vm->h, KVM_MEMORY_ENCRYPT_OP, argument);
}

static int encrypted_region(struct vkvm_vm *vm, unsigned long request, const void *hva,
                            uint64_t size)
{
    struct kvm_enc_region region = { .addr = (uintptr_t)hva, .size = size };
    return vkvm__ioctl(&vm->h, request, &region);
}

int vkvm_vm_add_encrypted_region(struct vkvm_vm *vm, const void *hva, uint64_t size)
{
    return encrypted_region(vm, KVM_MEMORY_ENCRYPT_REG_REGION, hva, size);
}

int vkvm_vm_remove_encrypted_region(struct vkvm_vm *vm, const void *hva, uint64_t size)
{
    return encrypted_region(vm, KVM_MEMORY_ENCRYPT_UNREG_REGION, hva, size);
}

int vkvm_vm_copy_encryption_from(struct vkvm_vm *vm, const struct vkvm_vm *source)
{
    const uint64_t args[4] = { (uint64_t)source->h.fd };
    return vkvm_vm_enable_cap(vm, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM, args);
}

int vkvm_vm_move_encryption_from(struct vkvm_vm *vm, const struct vkvm_vm *source)
{
    const uint64_t args[4] = { (uint64_t)source->h.fd };
    return vkvm_vm_enable_cap(vm, KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM, args);
}
