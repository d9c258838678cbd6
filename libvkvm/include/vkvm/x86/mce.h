/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: machine checks.
 */
#ifndef VKVM_X86_MCE_H
#define VKVM_X86_MCE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_X86_GET_MCE_CAP_SUPPORTED [4.104]: bits of IA32_MCG_CAP a vCPU may have. -EOPNOTSUPP: no
 * KVM_CAP_MCE (Linux 2.6.31). vkvm_check_cap(kvm, KVM_CAP_MCE) is the number of banks. Since 0.1 */
int vkvm_get_mce_cap(struct vkvm *kvm, uint64_t *ret);
/** KVM_X86_SETUP_MCE [4.105]: IA32_MCG_CAP, bits 7:0 the number of banks. KVM_CAP_MCE. -EINVAL: too
 * many banks, bits that are not supported. */
int vkvm_vcpu_setup_mce(struct vkvm_vcpu *vcpu, uint64_t mcg_cap);
/** KVM_X86_SET_MCE [4.106]: an error into a bank; an uncorrected one is also delivered as #MC. A
 * second one while the guest handles the first shuts it down. KVM_CAP_MCE. -EINVAL: bank, VAL
 * bit not set. */
int vkvm_vcpu_inject_mce(struct vkvm_vcpu *vcpu, const struct kvm_x86_mce *mce);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
