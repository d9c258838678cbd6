/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: the register groups of a vCPU.
 *
 * Every getter fills the whole structure and every setter writes it whole. Unless said otherwise:
 * the groups are there on every KVM, the result is 0 or -errno, and the errors are the kernel's:
 * -EINVAL (a value the CPU would refuse; a vCPU whose state is encrypted), -EFAULT. Context: the
 * vCPU's thread; a call from another thread waits while the vCPU runs.
 *
 * Where the kernel can pass general and special registers through the run page
 * [KVM_CAP_SYNC_REGS 6.74, Linux 4.17], the library does so by itself: after a run, registers that
 * were also read after the run before come without a system call, and general registers that are
 * set go in with the next run, or before any request that could notice. Values and errors are the
 * same as without.
 */
#ifndef VKVM_X86_REGISTERS_H
#define VKVM_X86_REGISTERS_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** KVM_GET_REGS [4.11]: general registers, RIP, RFLAGS. Since 0.1 */
int vkvm_vcpu_get_regs(struct vkvm_vcpu *vcpu, struct kvm_regs *ret);
/** KVM_SET_REGS [4.12]. A pending exception is dropped. */
int vkvm_vcpu_set_regs(struct vkvm_vcpu *vcpu, const struct kvm_regs *regs);
/** KVM_GET_SREGS [4.13]: segments, tables, control registers, EFER, APIC base, and the vector that
 * is being injected. */
int vkvm_vcpu_get_sregs(struct vkvm_vcpu *vcpu, struct kvm_sregs *ret);
/** KVM_SET_SREGS [4.14]. -EINVAL: a combination of CR0, CR4, EFER and CS that cannot be, or bits
 * the CPUID does not have. Loads the PDPTEs from memory where paging uses them. */
int vkvm_vcpu_set_sregs(struct vkvm_vcpu *vcpu, const struct kvm_sregs *sregs);
/**
 * KVM_GET_SREGS2, KVM_SET_SREGS2 [4.131, 4.132] - special registers with the PDPTEs themselves
 *
 * For saving a vCPU that uses PAE paging: KVM_SET_SREGS would read the PDPTEs from memory, which
 * may hold others by then. Capability: KVM_CAP_SREGS2 (Linux 5.14); without, -EINVAL.
 */
int vkvm_vcpu_get_sregs2(struct vkvm_vcpu *vcpu, struct kvm_sregs2 *ret);
int vkvm_vcpu_set_sregs2(struct vkvm_vcpu *vcpu, const struct kvm_sregs2 *sregs);

/** KVM_GET_FPU, KVM_SET_FPU [4.22, 4.23]: x87 and SSE. What AVX adds is in xsave.h. */
int vkvm_vcpu_get_fpu(struct vkvm_vcpu *vcpu, struct kvm_fpu *ret);
int vkvm_vcpu_set_fpu(struct vkvm_vcpu *vcpu, const struct kvm_fpu *fpu);
/** KVM_GET_XCRS, KVM_SET_XCRS [4.44, 4.45]: XCR0. Capability: KVM_CAP_XCRS (2.6.36); without,
 * -EINVAL, as when a bit of XCR0 is not in the CPUID. */
int vkvm_vcpu_get_xcrs(struct vkvm_vcpu *vcpu, struct kvm_xcrs *ret);
int vkvm_vcpu_set_xcrs(struct vkvm_vcpu *vcpu, const struct kvm_xcrs *xcrs);
/** KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS [4.33, 4.34]: DR0-3, DR6, DR7 as the guest has them.
 * Capability: KVM_CAP_DEBUGREGS (2.6.35). -EINVAL: flags not 0, upper halves of DR6 or DR7. */
int vkvm_vcpu_get_debugregs(struct vkvm_vcpu *vcpu, struct kvm_debugregs *ret);
int vkvm_vcpu_set_debugregs(struct vkvm_vcpu *vcpu, const struct kvm_debugregs *regs);
/**
 * KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS [4.31, 4.32]: exceptions, interrupts, NMIs under way
 *
 * Capability: KVM_CAP_VCPU_EVENTS (2.6.33). The setter's `flags` say which optional members count
 * (KVM_VCPUEVENT_VALID_*); KVM_VCPUEVENT_VALID_PAYLOAD wants vkvm_vm_enable_exception_payload() and
 * _TRIPLE_FAULT vkvm_vm_enable_triple_fault_event(), else -EINVAL.
 */
int vkvm_vcpu_get_events(struct vkvm_vcpu *vcpu, struct kvm_vcpu_events *ret);
int vkvm_vcpu_set_events(struct vkvm_vcpu *vcpu, const struct kvm_vcpu_events *events);

/** KVM_TRANSLATE [4.15]: guest-virtual to guest-physical by the tables in force. -EFAULT when the
 * address is not mapped. */
int vkvm_vcpu_translate(struct vkvm_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa);

/**
 * vkvm_vcpu_set_sync() - which groups may come and go through the run page
 * @groups: KVM_SYNC_X86_REGS | _SREGS | _EVENTS; 0: none
 *
 * Regs and sregs are on from the start. Events are not, for they can change between runs when
 * another vCPU sends an NMI or an SMI: with them on, vkvm_vcpu_get_events() may tell what was at
 * the last exit. With 0, kvm_valid_regs and kvm_dirty_regs of the run page are the caller's. After
 * vkvm_vcpu_get_fd() the library uses none. Errors: -EINVAL (unknown bits), and what KVM_SET_REGS
 * can fail with.
 */
int vkvm_vcpu_set_sync(struct vkvm_vcpu *vcpu, uint32_t groups);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
