/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: the state of a guest that is itself a hypervisor.
 */
#ifndef VKVM_X86_NESTED_H
#define VKVM_X86_NESTED_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A nested state with the bytes that belong to it. Context: one thread at a time. */
struct vkvm_nested_state;
struct vkvm_nested_state *vkvm_nested_state_free(struct vkvm_nested_state *state);
/** From bytes that vkvm_nested_state_bytes() gave, on another host perhaps. -EINVAL: shorter than
 * the header, or than its `size` says; -E2BIG: more than 1 MiB; -ENOMEM. Since 0.1 */
int vkvm_nested_state_from_bytes(const void *bytes, size_t size,
                                 struct vkvm_nested_state **ret_state);
/** The header, borrowed; `size` in it counts header and data, which is *ret_size. */
const struct kvm_nested_state *vkvm_nested_state_bytes(const struct vkvm_nested_state *state,
                                                       size_t *ret_size);
/** KVM_GET_NESTED_STATE [4.114], Linux 4.19; grows until it fits. *ret_state is new. Capability:
 * KVM_CAP_NESTED_STATE; without, -EINVAL. Errors: -ENOMEM, -EPROTO (a size that cannot be). */
int vkvm_vcpu_get_nested_state(struct vkvm_vcpu *vcpu, struct vkvm_nested_state **ret_state);
/** KVM_SET_NESTED_STATE [4.115], KVM_CAP_NESTED_STATE: after CPUID, MSRs and special registers.
 * -EINVAL: not consistent with those, or no capability. */
int vkvm_vcpu_set_nested_state(struct vkvm_vcpu *vcpu, const struct vkvm_nested_state *state);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
