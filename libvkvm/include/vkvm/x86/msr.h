/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: model-specific registers: lists with values, which there are, and who answers for them.
 */
#ifndef VKVM_X86_MSR_H
#define VKVM_X86_MSR_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** An owned list of MSRs with values. Context: one thread at a time. */
struct vkvm_msrs;
/** `capacity` is 1 to 256, the most the kernel takes at once; else -EINVAL. -ENOMEM. Since 0.1 */
int vkvm_msrs_new(size_t capacity, struct vkvm_msrs **ret_msrs);
struct vkvm_msrs *vkvm_msrs_free(struct vkvm_msrs *msrs);
void vkvm_msrs_clear(struct vkvm_msrs *msrs);
/** -ENOSPC when the capacity is used up. */
int vkvm_msrs_add(struct vkvm_msrs *msrs, uint32_t index, uint64_t value);
/** The entries, borrowed, writable in place. */
struct kvm_msr_entry *vkvm_msrs_entries(struct vkvm_msrs *msrs, size_t *ret_count);

/**
 * KVM_GET_MSRS / KVM_SET_MSRS [4.18, 4.19]. The kernel stops at the first MSR it refuses: the
 * result is the number done, and when that is less than the list's length, entry [result] is the
 * one refused. Always there. Errors: -E2BIG (more than 256), -ENOMEM.
 */
int vkvm_vcpu_get_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs);
int vkvm_vcpu_set_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs);
/** KVM_GET_MSRS on /dev/kvm [4.18]: what the host can give (IA32_ARCH_CAPABILITIES, VMX
 * capabilities, ...). Returns how many were read, as above. Capability: KVM_CAP_GET_MSR_FEATURES
 * (Linux 4.17); without, -ENOTTY. */
int vkvm_get_feature_msrs(struct vkvm *kvm, struct vkvm_msrs *msrs);

/** KVM_GET_MSR_INDEX_LIST [4.3]: the MSRs a vCPU's state consists of. *ret_list: free with free().
 * Errors: -ENOMEM, -EPROTO (an answer longer than asked for). */
int vkvm_get_msr_index_list(struct vkvm *kvm, uint32_t **ret_list, size_t *ret_count);
/** KVM_GET_MSR_FEATURE_INDEX_LIST [4.3]: those vkvm_get_feature_msrs() can read. Errors as above;
 * -EOPNOTSUPP: no KVM_CAP_GET_MSR_FEATURES. */
int vkvm_get_feature_msr_index_list(struct vkvm *kvm, uint32_t **ret_list, size_t *ret_count);

/**
 * vkvm_vm_enable_msr_exits() - KVM_CAP_X86_USER_SPACE_MSR [7.21], Linux 5.10
 * @reasons: KVM_MSR_EXIT_REASON_INVAL | _UNKNOWN | _FILTER; 0: none
 *
 * RDMSR and WRMSR that would make #GP for one of the reasons come as VKVM_EXIT_RDMSR and
 * VKVM_EXIT_WRMSR instead. Errors: -EOPNOTSUPP, -EINVAL (reasons).
 */
int vkvm_vm_enable_msr_exits(struct vkvm_vm *vm, uint32_t reasons);

/* --- filter ----------------------------------------------------------------------------------- */
/**
 * An MSR filter: up to 16 ranges with a bit for each MSR, and what holds outside of them. A refused
 * access is #GP in the guest, or an exit with KVM_MSR_EXIT_REASON_FILTER. x2APIC registers (0x800
 * to 0x8ff) are never filtered.
 */
struct vkvm_msr_filter;
/** `default_deny`: what no range covers is refused. -ENOMEM. */
int vkvm_msr_filter_new(bool default_deny, struct vkvm_msr_filter **ret_filter);
struct vkvm_msr_filter *vkvm_msr_filter_free(struct vkvm_msr_filter *filter);
/**
 * vkvm_msr_filter_add_range() - a range with one answer for all of it
 * @access: KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE: the accesses it is about
 * @base, @count: MSRs; at most 12288
 *
 * Errors: -EINVAL (access, count, past 0xffffffff), -EEXIST (overlaps a range about one of the
 * accesses: only the first would count), -ENOSPC (16 ranges), -ENOMEM.
 */
int vkvm_msr_filter_add_range(struct vkvm_msr_filter *filter, uint32_t access, uint32_t base,
                              uint32_t count, bool allow);
/** Changes the answer for one MSR in the ranges about `access`. -ENOENT: no range covers one of the
 * accesses; -EINVAL: access. Nothing is changed then. */
int vkvm_msr_filter_set(struct vkvm_msr_filter *filter, uint32_t access, uint32_t index,
                        bool allow);
/** KVM_X86_SET_MSR_FILTER [4.97], Linux 5.10. The filter is copied. NULL: none. Running vCPUs see
 * the old or the new one. Errors: -EOPNOTSUPP (no KVM_CAP_X86_MSR_FILTER), -EINVAL
 * (default_deny without ranges), -ENOMEM. */
int vkvm_vm_set_msr_filter(struct vkvm_vm *vm, const struct vkvm_msr_filter *filter);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
