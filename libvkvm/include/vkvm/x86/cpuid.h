/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: CPUID tables, what the host supports, what a vCPU has.
 */
#ifndef VKVM_X86_CPUID_H
#define VKVM_X86_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** An owned, growing table of CPUID leaves. Context: one thread at a time. */
struct vkvm_cpuid;
/** Empty. -ENOMEM. */
int vkvm_cpuid_new(struct vkvm_cpuid **ret_cpuid);
struct vkvm_cpuid *vkvm_cpuid_free(struct vkvm_cpuid *cpuid);
/** The entries, borrowed, writable in place. *ret_count receives their number. */
struct kvm_cpuid_entry2 *vkvm_cpuid_entries(struct vkvm_cpuid *cpuid, size_t *ret_count);
/** Appends a copy. -ENOMEM, -E2BIG (more than 4096). */
int vkvm_cpuid_add(struct vkvm_cpuid *cpuid, const struct kvm_cpuid_entry2 *entry);
/** The entry for a leaf (index compared where the leaf is indexed), borrowed, or NULL. */
struct kvm_cpuid_entry2 *vkvm_cpuid_find(struct vkvm_cpuid *cpuid, uint32_t function,
                                         uint32_t index);

/** One register of one leaf that differs: bits of `wanted` and `effective`. */
struct vkvm_cpuid_delta {
    uint32_t function, index;
    uint32_t reg; /* 0 EAX, 1 EBX, 2 ECX, 3 EDX */
    uint32_t wanted, effective;
};
/** Compares; fills at most `max` deltas and returns how many there are in all. */
size_t vkvm_cpuid_diff(struct vkvm_cpuid *wanted, struct vkvm_cpuid *effective,
                       struct vkvm_cpuid_delta *ret, size_t max);

/** KVM_GET_SUPPORTED_CPUID [4.46]: what a guest may be given; grows until it fits. *ret_cpuid is
 * new. Capability: KVM_CAP_EXT_CPUID. Errors: -ENOMEM, -E2BIG (more than 4096 leaves), -EPROTO (an
 * answer longer than asked for). Since 0.1 */
int vkvm_get_supported_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid);
/** KVM_GET_EMULATED_CPUID [4.88]: features KVM interprets although the CPU lacks them; slow. Errors
 * as above; -EOPNOTSUPP: no KVM_CAP_EXT_EMUL_CPUID (Linux 3.13). */
int vkvm_get_emulated_cpuid(struct vkvm *kvm, struct vkvm_cpuid **ret_cpuid);

/**
 * KVM_SET_CPUID2 [4.20]. The kernel may change what it was given: read back with
 * vkvm_vcpu_get_cpuid() and compare with vkvm_cpuid_diff(). Errors: -E2BIG (more than 256 leaves),
 * -EINVAL (an address width or XCR0 the host cannot have; different from before once the vCPU ran).
 */
int vkvm_vcpu_set_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid *cpuid);
/** KVM_GET_CPUID2: what the guest sees. *ret_cpuid is new. -ENOMEM, -E2BIG, -EPROTO. */
int vkvm_vcpu_get_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid **ret_cpuid);

/** KVM_CAP_ENFORCE_PV_FEATURE_CPUID [8.28], Linux 5.10: paravirtual features that leaf 0x40000001
 * does not show do not work either. -EINVAL: the kernel lacks it. */
int vkvm_vcpu_enforce_pv_cpuid(struct vkvm_vcpu *vcpu, bool enforce);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
