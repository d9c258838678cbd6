/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: memory encryption (AMD SEV, SEV-ES, SEV-SNP; Intel TDX through the raw form).
 */
#ifndef VKVM_X86_SEV_H
#define VKVM_X86_SEV_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vkvm_vm_sev_command() - KVM_MEMORY_ENCRYPT_OP [4.110] with a SEV command
 * @sev_fd: /dev/sev, or -1 for commands that do without
 * @command: KVM_SEV_*
 * @data: the structure of the command (struct kvm_sev_launch_start, ...), in and out; may be NULL
 * @ret_fw_error: receives the firmware's status, SEV_RET_* of <linux/psp-sev.h>; 0: it was not the
 *                firmware that refused; may be NULL
 *
 * The commands are in the kernel's Documentation/virt/kvm/x86/amd-memory-encryption.rst. Errors:
 * -ENOTTY (the host has no SEV, or this is no SEV machine type), -EIO (the firmware refused: see
 * *ret_fw_error), -EINVAL, -EPERM. Linux 4.16. Since 0.1
 */
int vkvm_vm_sev_command(struct vkvm_vm *vm, int sev_fd, uint32_t command, void *data,
                        uint32_t *ret_fw_error);
/** KVM_MEMORY_ENCRYPT_OP [4.110] with an argument of another platform. argument NULL: asks
 * whether there is one (0: yes). -ENOTTY: none. */
int vkvm_vm_encrypt_op(struct vkvm_vm *vm, void *argument);
/** KVM_MEMORY_ENCRYPT_REG_REGION, _UNREG_REGION [4.111, 4.112]: pins memory that will hold
 * encrypted data. hva: page aligned. Errors: -ENOTTY (no SEV), -ENOMEM (RLIMIT_MEMLOCK), -EINVAL
 * (unknown region). */
int vkvm_vm_add_encrypted_region(struct vkvm_vm *vm, const void *hva, uint64_t size);
int vkvm_vm_remove_encrypted_region(struct vkvm_vm *vm, const void *hva, uint64_t size);
/** KVM_CAP_VM_COPY_ENC_CONTEXT_FROM [7.24], Linux 5.13: a helper VM in the same encryption context.
 * Errors: -ENOTTY, -EINVAL. */
int vkvm_vm_copy_encryption_from(struct vkvm_vm *vm, const struct vkvm_vm *source);
/** KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM [7.29], Linux 5.16: takes the context over, vCPU states
 * included, for exchanging the VMM under a guest. Errors: -EINVAL. */
int vkvm_vm_move_encryption_from(struct vkvm_vm *vm, const struct vkvm_vm *source);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
