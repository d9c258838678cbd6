/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers through the run page instead of ioctls [KVM_CAP_SYNC_REGS, 6.74].
 *
 * Theory of operation. The kernel can copy registers into kvm_run on the way out of KVM_RUN
 * (kvm_valid_regs says which groups) and take them from there on the way in (kvm_dirty_regs). The
 * getters and setters of x86/registers.c use that without their callers noticing anything but
 * fewer ioctls. What keeps it invisible:
 *
 * - A group is asked for only when the caller read it since the last run. Copying costs the kernel
 *   dozens of reads of the VMCS; a loop that never looks at registers pays nothing.
 * - Whether this kernel does it is not asked but seen: before a run each asked group gets a mark
 *   that no kernel stores, and only a group whose mark is gone is valid. So it works for
 *   descriptors from elsewhere, for runs that fail before the copy, and for VMs whose state is
 *   protected (the kernel skips the copy and the ioctl says why). A kernel that refuses the request
 *   with EINVAL is asked once more without, and then never again.
 * - Only the general registers are ever handed in late, because that cannot fail: the kernel takes
 *   any value. Special registers and events are validated, so setting them stays an ioctl and its
 *   error is reported where it was made. Setting special registers to what they already are is
 *   nothing to do.
 * - Late means at the next KVM_RUN, or before any request that could see the difference or whose
 *   order matters: sync_effect() lists those that cannot, everything else flushes. It also lists
 *   what a request leaves as it is; everything else makes the copies invalid. vkvm__vcpu_ioctl() is
 *   the one way to the kernel.
 * - A vCPU in KVM_MP_STATE_UNINITIALIZED waits inside KVM_RUN without taking the page, and then
 *   overwrites it. So nothing is deferred until a run has ended with an exit, nor after
 *   KVM_SET_MP_STATE; and what is deferred is kept in the handle, not only in the page, until the
 *   kernel has cleared the dirty bit.
 * - KVM_RUN that ends at once because of immediate_exit takes and copies like any other.
 * - Events can change while the vCPU is out of KVM_RUN, by an NMI or SMI from another vCPU, so that
 *   their copy may be old. It is used only when the caller says so: vkvm_vcpu_set_sync().
 * - Once the descriptor is given out nobody knows who else sets registers: that ends all of it.
 */
#include <errno.h>
#include <string.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"

#define RFLAGS_FIXED  0x2u  /* always one in what the kernel stores; ignored in what it takes */
#define NO_TYPE       0xffu /* a segment type has four bits */
#define NO_EVENT_FLAG UINT32_MAX

#define ALL_GROUPS ((uint8_t)KVM_SYNC_X86_VALID_FIELDS)
#define FLUSH      0x10u /* the request may depend on the general registers, or the order counts */
#define STOP       0x20u /* the next run may not take what is deferred */

/* What a request needs and does: FLUSH, STOP, and the groups it may change. */
static unsigned sync_effect(unsigned long request)
{
    switch (request) {
    case KVM_GET_FPU:
    case KVM_SET_FPU:
    case KVM_GET_XSAVE:
    case KVM_GET_XSAVE2:
    case KVM_SET_XSAVE:
    case KVM_GET_XCRS:
    case KVM_SET_XCRS:
    case KVM_GET_DEBUGREGS:
    case KVM_SET_DEBUGREGS:
    case KVM_GET_SREGS:
    case KVM_GET_SREGS2:
    case KVM_GET_MSRS:
    case KVM_GET_LAPIC:
    case KVM_GET_CPUID2:
    case KVM_GET_TSC_KHZ:
    case KVM_SET_TSC_KHZ:
    case KVM_KVMCLOCK_CTRL:
    case KVM_SET_SIGNAL_MASK:
    case KVM_GET_STATS_FD: return 0;
    case KVM_GET_REGS:
    case KVM_GET_VCPU_EVENTS: /* setting registers drops a pending exception */
    case KVM_TRANSLATE: /* EFLAGS.AC decides under SMAP */ return FLUSH;
    case KVM_NMI:
    case KVM_SMI: return KVM_SYNC_X86_EVENTS;
    case KVM_INTERRUPT: return FLUSH | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    case KVM_SET_REGS:
    case KVM_X86_SET_MCE: return FLUSH | KVM_SYNC_X86_REGS | KVM_SYNC_X86_EVENTS;
    case KVM_SET_SREGS: /* at the reset vector it also wakes the boot CPU: looks at RIP */
    case KVM_SET_SREGS2:
    case KVM_SET_MSRS:
    case KVM_SET_LAPIC:
    case KVM_SET_CPUID2:
    case KVM_SET_VCPU_EVENTS:
    case KVM_SET_GUEST_DEBUG: /* remembers RIP, changes EFLAGS.TF */
    case KVM_GET_MP_STATE: /* acts on an INIT that has come */ return FLUSH | ALL_GROUPS;
    default: return FLUSH | STOP | ALL_GROUPS;
    }
}

void vkvm__sync_init(struct vkvm_vcpu *vcpu)
{
    vcpu->sync.allowed = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

int vkvm__sync_flush(struct vkvm_vcpu *vcpu)
{
    struct vkvm_sync *s = &vcpu->sync;
    if (!s->dirty)
        return 0;
    int r = vkvm__ioctl(&vcpu->h, KVM_SET_REGS, &s->pending);
    if (r < 0)
        return r;
    s->dirty = false;
    vcpu->run->kvm_dirty_regs = 0;
    return 0;
}

int vkvm__sync_before(struct vkvm_vcpu *vcpu, unsigned long request)
{
    struct vkvm_sync *s = &vcpu->sync;
    unsigned effect = sync_effect(request);
    int r = effect & FLUSH ? vkvm__sync_flush(vcpu) : 0;
    if (r < 0)
        return r;
    s->valid &= (uint8_t)~effect;
    if (effect & STOP)
        s->ran = false;
    return 0;
}

void vkvm__sync_enter(struct vkvm_vcpu *vcpu)
{
    struct vkvm_sync *s = &vcpu->sync;
    struct kvm_run *run = vcpu->run;
    if (!(s->wanted | s->asked | s->valid | s->dirty))
        return;
    s->asked = s->wanted;
    s->wanted = 0;
    s->valid = 0;
    run->kvm_valid_regs = s->asked;
    run->kvm_dirty_regs = s->dirty ? KVM_SYNC_X86_REGS : 0;
    if (s->dirty)
        run->s.regs.regs = s->pending;
    if (s->asked & KVM_SYNC_X86_REGS)
        run->s.regs.regs.rflags &= ~(uint64_t)RFLAGS_FIXED;
    if (s->asked & KVM_SYNC_X86_SREGS)
        run->s.regs.sregs.cs.type = NO_TYPE;
    if (s->asked & KVM_SYNC_X86_EVENTS)
        run->s.regs.events.flags = NO_EVENT_FLAG;
}

void vkvm__sync_leave(struct vkvm_vcpu *vcpu, int result)
{
    struct vkvm_sync *s = &vcpu->sync;
    const struct kvm_run *run = vcpu->run;
    if (result >= 0)
        s->ran = true;
    else if (result != -EINTR)
        s->ran = false;
    if (s->dirty && !(run->kvm_dirty_regs & KVM_SYNC_X86_REGS))
        s->dirty = false;
    if (!s->asked)
        return;
    uint8_t got = 0;
    if ((s->asked & KVM_SYNC_X86_REGS) && (run->s.regs.regs.rflags & RFLAGS_FIXED))
        got |= KVM_SYNC_X86_REGS;
    if ((s->asked & KVM_SYNC_X86_SREGS) && run->s.regs.sregs.cs.type != NO_TYPE)
        got |= KVM_SYNC_X86_SREGS;
    if ((s->asked & KVM_SYNC_X86_EVENTS) && run->s.regs.events.flags != NO_EVENT_FLAG)
        got |= KVM_SYNC_X86_EVENTS;
    s->valid = got;
    s->known |= got;
    if (result >= 0) /* it had the opportunity */
        s->allowed &= (uint8_t) ~(s->asked & ~got);
}

void vkvm__sync_off(struct vkvm_vcpu *vcpu)
{
    if (vcpu->sync.allowed)
        vkvm_vcpu_set_sync(vcpu, 0); /* when that fails, the next run or request takes it */
}

bool vkvm__sync_refused(struct vkvm_vcpu *vcpu)
{
    struct vkvm_sync *s = &vcpu->sync;
    if (!s->asked && !s->dirty)
        return false;
    vkvm_vcpu_set_sync(vcpu, 0);
    return !s->dirty;
}

int vkvm_vcpu_set_sync(struct vkvm_vcpu *vcpu, uint32_t groups)
{
    struct vkvm_sync *s = &vcpu->sync;
    if (groups & ~(uint32_t)KVM_SYNC_X86_VALID_FIELDS)
        return -EINVAL;
    s->allowed = (uint8_t)groups;
    s->valid = s->wanted = s->asked = 0;
    vcpu->run->kvm_valid_regs = 0;
    return vkvm__sync_flush(vcpu);
}
