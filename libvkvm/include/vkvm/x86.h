/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: CPUID and MSR containers, what the host supports.
 */
#ifndef VKVM_X86_H
#define VKVM_X86_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/system.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** An owned, growing table of CPUID leaves. Context: one thread at a time. */
struct vkvm_cpuid;
int vkvm_cpuid_new(struct vkvm_cpuid **ret_cpuid);
struct vkvm_cpuid *vkvm_cpuid_free(struct vkvm_cpuid *cpuid);
/** The entries, borrowed, writable in place. *ret_count receives their number. */
struct kvm_cpuid_entry2 *vkvm_cpuid_entries(struct vkvm_cpuid *cpuid, size_t *ret_count);
/** Appends a copy. -ENOMEM, -E2BIG (more than 4096). */
int vkvm_cpuid_add(struct vkvm_cpuid *cpuid, const struct kvm_cpuid_entry2 *entry);
/** The entry for a leaf (index compared where the leaf is indexed), borrowed, or NULL. */
struct kvm_cpuid_entry2 *vkvm_cpuid_find(struct vkvm_cpuid *cpuid, uint32_t function,
                                         uint32_t index);
/** KVM_GET_SUPPORTED_CPUID [4.46]; grows until it fits. *ret_cpuid is new. */
int vkvm_get_supported_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid);

/** An owned list of MSRs with values. */
struct vkvm_msrs;
int vkvm_msrs_new(size_t capacity, struct vkvm_msrs **ret_msrs);
struct vkvm_msrs *vkvm_msrs_free(struct vkvm_msrs *msrs);
void vkvm_msrs_clear(struct vkvm_msrs *msrs);
/** -ENOSPC when the capacity is used up. */
int vkvm_msrs_add(struct vkvm_msrs *msrs, uint32_t index, uint64_t value);
struct kvm_msr_entry *vkvm_msrs_entries(struct vkvm_msrs *msrs, size_t *ret_count);
/** KVM_GET_MSRS on /dev/kvm [4.18]: feature MSRs. Returns how many were read, see vcpu.h. */
int vkvm_get_feature_msrs(struct vkvm *kvm, struct vkvm_msrs *msrs);

/** KVM_GET_MSR_INDEX_LIST [4.3]: the MSRs a vCPU's state consists of. *ret_list: free with free().
 * */
int vkvm_get_msr_index_list(struct vkvm *kvm, uint32_t **ret_list, size_t *ret_count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
