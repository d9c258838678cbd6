/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Machine checks.
 */
#include <vkvm/vcpu.h>

#include "../vcpu.h"

int vkvm_get_mce_cap(struct vkvm *kvm, uint64_t *ret)
{
    int r = vkvm__need_cap(&kvm->h, KVM_CAP_MCE, KVM_X86_GET_MCE_CAP_SUPPORTED);
    return r < 0 ? r : vkvm__ioctl(&kvm->h, KVM_X86_GET_MCE_CAP_SUPPORTED, ret);
}

int vkvm_vcpu_setup_mce(struct vkvm_vcpu *vcpu, uint64_t mcg_cap)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_X86_SETUP_MCE, &mcg_cap);
}

int vkvm_vcpu_inject_mce(struct vkvm_vcpu *vcpu, const struct kvm_x86_mce *mce)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_X86_SET_MCE, mce);
}
