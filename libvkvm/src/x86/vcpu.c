/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Register groups and events of an x86 vCPU.
 */
#include <errno.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"
#include "cpuid.h"

/* A pair of calls that copy a fixed-size structure. */
#define GROUP(name, type, GET, SET)                                                                \
    int vkvm_vcpu_get_##name(struct vkvm_vcpu *vcpu, struct type *ret)                             \
    {                                                                                              \
        return vkvm__ioctl(&vcpu->h, GET, ret);                                                    \
    }                                                                                              \
    int vkvm_vcpu_set_##name(struct vkvm_vcpu *vcpu, const struct type *value)                     \
    {                                                                                              \
        return vkvm__ioctl(&vcpu->h, SET, value);                                                  \
    }

GROUP(regs, kvm_regs, KVM_GET_REGS, KVM_SET_REGS)
GROUP(sregs, kvm_sregs, KVM_GET_SREGS, KVM_SET_SREGS)
GROUP(fpu, kvm_fpu, KVM_GET_FPU, KVM_SET_FPU)
GROUP(xsave, kvm_xsave, KVM_GET_XSAVE, KVM_SET_XSAVE)
GROUP(xcrs, kvm_xcrs, KVM_GET_XCRS, KVM_SET_XCRS)
GROUP(debugregs, kvm_debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS)
GROUP(events, kvm_vcpu_events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS)
GROUP(lapic, kvm_lapic_state, KVM_GET_LAPIC, KVM_SET_LAPIC)

int vkvm_vcpu_get_mp_state(struct vkvm_vcpu *vcpu, uint32_t *ret)
{
    struct kvm_mp_state state = { 0 };
    int r = vkvm__ioctl(&vcpu->h, KVM_GET_MP_STATE, &state);
    if (r >= 0)
        *ret = state.mp_state;
    return r;
}

int vkvm_vcpu_set_mp_state(struct vkvm_vcpu *vcpu, uint32_t state)
{
    struct kvm_mp_state mp = { .mp_state = state };
    return vkvm__ioctl(&vcpu->h, KVM_SET_MP_STATE, &mp);
}

int vkvm_vcpu_set_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid *cpuid)
{
    return vkvm__ioctl(&vcpu->h, KVM_SET_CPUID2, cpuid->table);
}

int vkvm_vcpu_get_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid **ret_cpuid)
{
    return vkvm__cpuid_fetch(&vcpu->h, KVM_GET_CPUID2, ret_cpuid);
}

int vkvm_vcpu_get_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs)
{
    return vkvm__ioctl(&vcpu->h, KVM_GET_MSRS, &msrs->table);
}

int vkvm_vcpu_set_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs)
{
    return vkvm__ioctl(&vcpu->h, KVM_SET_MSRS, &msrs->table);
}

int vkvm_vcpu_interrupt(struct vkvm_vcpu *vcpu, uint32_t vector)
{
    struct kvm_interrupt interrupt = { .irq = vector };
    return vkvm__ioctl(&vcpu->h, KVM_INTERRUPT, &interrupt);
}

int vkvm_vcpu_nmi(struct vkvm_vcpu *vcpu)
{
    return vkvm__ioctl_int(&vcpu->h, KVM_NMI, 0);
}

int vkvm_vcpu_translate(struct vkvm_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa)
{
    struct kvm_translation translation = { .linear_address = gva };
    int r = vkvm__ioctl(&vcpu->h, KVM_TRANSLATE, &translation);
    if (r < 0)
        return r;
    if (!translation.valid)
        return -EFAULT;
    *ret_gpa = translation.physical_address;
    return 0;
}

int vkvm_vcpu_set_guest_debug(struct vkvm_vcpu *vcpu, const struct kvm_guest_debug *debug)
{
    return vkvm__ioctl(&vcpu->h, KVM_SET_GUEST_DEBUG, debug);
}

int vkvm_vcpu_get_tsc_khz(struct vkvm_vcpu *vcpu)
{
    return vkvm__ioctl_int(&vcpu->h, KVM_GET_TSC_KHZ, 0);
}

int vkvm_vcpu_set_tsc_khz(struct vkvm_vcpu *vcpu, uint32_t khz)
{
    return vkvm__ioctl_int(&vcpu->h, KVM_SET_TSC_KHZ, khz);
}

int vkvm_vcpu_kvmclock_ctrl(struct vkvm_vcpu *vcpu)
{
    return vkvm__ioctl_int(&vcpu->h, KVM_KVMCLOCK_CTRL, 0);
}
