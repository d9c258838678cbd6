/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is injected into a vCPU, and its task priority.
 */
#include <vkvm/vcpu.h>

#include "../vcpu.h"

int vkvm_vcpu_get_lapic(struct vkvm_vcpu *vcpu, struct kvm_lapic_state *ret)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_GET_LAPIC, ret);
}

int vkvm_vcpu_set_lapic(struct vkvm_vcpu *vcpu, const struct kvm_lapic_state *lapic)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_LAPIC, lapic);
}

int vkvm_vcpu_interrupt(struct vkvm_vcpu *vcpu, uint32_t vector)
{
    struct kvm_interrupt interrupt = { .irq = vector };
    return vkvm__vcpu_ioctl(vcpu, KVM_INTERRUPT, &interrupt);
}

int vkvm_vcpu_nmi(struct vkvm_vcpu *vcpu)
{
    return vkvm__vcpu_ioctl_int(vcpu, KVM_NMI, 0);
}

int vkvm_vcpu_smi(struct vkvm_vcpu *vcpu)
{
    return vkvm__vcpu_ioctl_int(vcpu, KVM_SMI, 0);
}

int vkvm_vcpu_set_tpr_reporting(struct vkvm_vcpu *vcpu, bool enable)
{
    struct kvm_tpr_access_ctl control = { .enabled = enable };
    return vkvm__vcpu_ioctl(vcpu, KVM_TPR_ACCESS_REPORTING, &control);
}

int vkvm_vcpu_set_vapic(struct vkvm_vcpu *vcpu, uint64_t gpa)
{
    struct kvm_vapic_addr address = { .vapic_addr = gpa };
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_VAPIC_ADDR, &address);
}
