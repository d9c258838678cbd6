/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Register groups of an x86 vCPU. Those that may come through the run page: see sync.c.
 */
#include <errno.h>
#include <string.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"

/* A pair of calls that copy a fixed-size structure. */
#define GET_GROUP(name, type, GET)                                                                 \
    int vkvm_vcpu_get_##name(struct vkvm_vcpu *vcpu, struct type *ret)                             \
    {                                                                                              \
        return vkvm__vcpu_ioctl(vcpu, GET, ret);                                                   \
    }
#define SET_GROUP(name, type, SET)                                                                 \
    int vkvm_vcpu_set_##name(struct vkvm_vcpu *vcpu, const struct type *value)                     \
    {                                                                                              \
        return vkvm__vcpu_ioctl(vcpu, SET, value);                                                 \
    }
#define GROUP(name, type, GET, SET) GET_GROUP(name, type, GET) SET_GROUP(name, type, SET)

GROUP(sregs2, kvm_sregs2, KVM_GET_SREGS2, KVM_SET_SREGS2)
GROUP(fpu, kvm_fpu, KVM_GET_FPU, KVM_SET_FPU)
GROUP(xcrs, kvm_xcrs, KVM_GET_XCRS, KVM_SET_XCRS)
GROUP(debugregs, kvm_debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS)
SET_GROUP(events, kvm_vcpu_events, KVM_SET_VCPU_EVENTS)

/* --- general registers --- */

int vkvm_vcpu_get_regs(struct vkvm_vcpu *vcpu, struct kvm_regs *ret)
{
    struct vkvm_sync *s = &vcpu->sync;
    s->wanted |= s->allowed & KVM_SYNC_X86_REGS;
    if (s->dirty)
        *ret = s->pending;
    else if (s->valid & KVM_SYNC_X86_REGS)
        *ret = vcpu->run->s.regs.regs;
    else
        return vkvm__vcpu_ioctl(vcpu, KVM_GET_REGS, ret);
    return 0;
}

int vkvm_vcpu_set_regs(struct vkvm_vcpu *vcpu, const struct kvm_regs *regs)
{
    struct vkvm_sync *s = &vcpu->sync;
    if (!s->ran || !(s->known & s->allowed & KVM_SYNC_X86_REGS)) {
        if (!(s->known & KVM_SYNC_X86_REGS))
            s->wanted |= s->allowed & KVM_SYNC_X86_REGS; /* to learn whether it can be deferred */
        return vkvm__vcpu_ioctl(vcpu, KVM_SET_REGS, regs);
    }
    s->pending = *regs;
    s->pending.rflags |= 2; /* as it reads back */
    s->dirty = true;
    s->valid &= (uint8_t) ~(KVM_SYNC_X86_REGS | KVM_SYNC_X86_EVENTS);
    return 0;
}

/* --- special registers --- */

int vkvm_vcpu_get_sregs(struct vkvm_vcpu *vcpu, struct kvm_sregs *ret)
{
    struct vkvm_sync *s = &vcpu->sync;
    s->wanted |= s->allowed & KVM_SYNC_X86_SREGS;
    if (!(s->valid & KVM_SYNC_X86_SREGS))
        return vkvm__vcpu_ioctl(vcpu, KVM_GET_SREGS, ret);
    *ret = vcpu->run->s.regs.sregs;
    return 0;
}

/* True when setting these does nothing: they are what the vCPU has, and neither of the two side
 * effects of KVM_SET_SREGS is near: queueing an interrupt, waking the boot CPU at the reset vector.
 */
static bool sregs_same(const struct vkvm_vcpu *vcpu, const struct kvm_sregs *sregs)
{
    static const uint64_t none[sizeof(sregs->interrupt_bitmap) / 8];
    return (vcpu->sync.valid & KVM_SYNC_X86_SREGS) &&
           !memcmp(sregs, &vcpu->run->s.regs.sregs, sizeof(*sregs)) &&
           !memcmp(sregs->interrupt_bitmap, none, sizeof(none)) && sregs->cs.base != 0xffff0000;
}

int vkvm_vcpu_set_sregs(struct vkvm_vcpu *vcpu, const struct kvm_sregs *sregs)
{
    if (sregs_same(vcpu, sregs))
        return 0;
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_SREGS, sregs);
}

/* --- events --- */

int vkvm_vcpu_get_events(struct vkvm_vcpu *vcpu, struct kvm_vcpu_events *ret)
{
    struct vkvm_sync *s = &vcpu->sync;
    s->wanted |= s->allowed & KVM_SYNC_X86_EVENTS;
    if (!(s->valid & KVM_SYNC_X86_EVENTS))
        return vkvm__vcpu_ioctl(vcpu, KVM_GET_VCPU_EVENTS, ret);
    *ret = vcpu->run->s.regs.events;
    return 0;
}

/* --- translation --- */

int vkvm_vcpu_translate(struct vkvm_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa)
{
    struct kvm_translation translation = { .linear_address = gva };
    int r = vkvm__vcpu_ioctl(vcpu, KVM_TRANSLATE, &translation);
    if (r < 0)
        return r;
    if (!translation.valid)
        return -EFAULT;
    *ret_gpa = translation.physical_address;
    return 0;
}
