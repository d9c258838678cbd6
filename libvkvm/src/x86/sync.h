/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What requests on a vCPU have to do with registers that wait in the run page: see sync.c. Inline,
 * so that a constant request costs nothing but what it needs.
 */
#ifndef VKVM_SRC_X86_SYNC_H
#define VKVM_SRC_X86_SYNC_H

#include <linux/kvm.h>
#include <stdint.h>

#define VKVM__SYNC_ALL ((uint8_t)KVM_SYNC_X86_VALID_FIELDS)
#define VKVM__SYNC_FLUSH                                                                           \
    0x10u /* the request may depend on the general registers, or the order counts */
#define VKVM__SYNC_STOP 0x20u /* the next run may not take what is deferred */

/* What a request needs and does: _FLUSH, _STOP, and the groups it may change. */
static inline unsigned vkvm__sync_effect(unsigned long request)
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
    case KVM_TRANSLATE: /* EFLAGS.AC decides under SMAP */ return VKVM__SYNC_FLUSH;
    case KVM_NMI:
    case KVM_SMI: return KVM_SYNC_X86_EVENTS;
    case KVM_INTERRUPT: return VKVM__SYNC_FLUSH | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
    case KVM_SET_REGS:
    case KVM_X86_SET_MCE: return VKVM__SYNC_FLUSH | KVM_SYNC_X86_REGS | KVM_SYNC_X86_EVENTS;
    case KVM_SET_SREGS: /* at the reset vector it also wakes the boot CPU: looks at RIP */
    case KVM_SET_SREGS2:
    case KVM_SET_MSRS:
    case KVM_SET_LAPIC:
    case KVM_SET_CPUID2:
    case KVM_SET_VCPU_EVENTS:
    case KVM_SET_GUEST_DEBUG: /* remembers RIP, changes EFLAGS.TF */
    case KVM_GET_MP_STATE:    /* acts on an INIT that has come */
        return VKVM__SYNC_FLUSH | VKVM__SYNC_ALL;
    default: return VKVM__SYNC_FLUSH | VKVM__SYNC_STOP | VKVM__SYNC_ALL;
    }
}

#endif
