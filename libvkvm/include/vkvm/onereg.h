/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers one at a time, by a 64-bit id that holds architecture and size [4.68, 4.69, 4.84].
 *
 * The way to all registers on arm64, RISC-V and PowerPC; on x86 only since Linux 6.18, and for few.
 */
#ifndef VKVM_ONEREG_H
#define VKVM_ONEREG_H

#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Bytes of the register with this id: 1 to 256, a power of two; 0: no such size. Since 0.1 */
size_t vkvm_reg_size(uint64_t id);

/**
 * vkvm_vcpu_get_reg() - KVM_GET_ONE_REG [4.69], KVM_CAP_ONE_REG
 * @id: KVM_REG_*
 * @value, @size: where it goes; `size` is what vkvm_reg_size() says
 *
 * Errors: -EINVAL: another size, or the vCPU lacks what the register belongs to; -ENOENT: no such
 * register; -EPERM: the vCPU is not finalised (arm64); -ENOTTY: the host has no such call.
 * Context: the vCPU's thread. Since 0.1
 */
int vkvm_vcpu_get_reg(struct vkvm_vcpu *vcpu, uint64_t id, void *value, size_t size);
/** KVM_SET_ONE_REG [4.68]. Errors: the same; -EBUSY: the vCPU has run already; -EINVAL also: not
 * this value. Since 0.1 */
int vkvm_vcpu_set_reg(struct vkvm_vcpu *vcpu, uint64_t id, const void *value, size_t size);
/** The same for registers of at most 64 bits, zero-extended. Since 0.1 */
int vkvm_vcpu_get_reg64(struct vkvm_vcpu *vcpu, uint64_t id, uint64_t *ret_value);
/** -ERANGE: the register is too small for the value. Since 0.1 */
int vkvm_vcpu_set_reg64(struct vkvm_vcpu *vcpu, uint64_t id, uint64_t value);

/** KVM_GET_REG_LIST [4.84]: the ids of all registers there are. *ret_ids: free with free(). Errors:
 * -ENOMEM, -EPROTO: the kernel tells nonsense, -ENOTTY. Since 0.1 */
int vkvm_vcpu_get_reg_list(struct vkvm_vcpu *vcpu, uint64_t **ret_ids, size_t *ret_count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
