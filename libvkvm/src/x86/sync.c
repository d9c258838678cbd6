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
 *   order matters: vkvm__sync_effect() lists those that cannot, everything else flushes. It also
 *   lists what a request leaves as it is; everything else makes the copies invalid.
 *   vkvm__vcpu_ioctl() is the one way to the kernel.
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

int vkvm__sync_apply(struct vkvm_vcpu *vcpu, unsigned effect)
{
    struct vkvm_sync *s = &vcpu->sync;
    int r = effect & VKVM__SYNC_FLUSH ? vkvm__sync_flush(vcpu) : 0;
    if (r < 0)
        return r;
    s->valid &= (uint8_t)~effect;
    if (effect & VKVM__SYNC_STOP)
        s->ran = false;
    return 0;
}

void vkvm__sync_prepare(struct vkvm_vcpu *vcpu)
{
    struct vkvm_sync *s = &vcpu->sync;
    struct kvm_run *run = vcpu->run;
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

void vkvm__sync_collect(struct vkvm_vcpu *vcpu, int result)
{
    struct vkvm_sync *s = &vcpu->sync;
    const struct kvm_run *run = vcpu->run;
    if (s->dirty && !(run->kvm_dirty_regs & KVM_SYNC_X86_REGS))
        s->dirty = false;
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
