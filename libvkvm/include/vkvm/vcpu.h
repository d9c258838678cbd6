/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual CPU: registers, running, kicking.
 *
 * The kernel wants all vCPU calls on one thread at a time; calls from another thread wait while the
 * vCPU runs. Only vkvm_vcpu_kick() is for other threads.
 */
#ifndef VKVM_VCPU_H
#define VKVM_VCPU_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/exit.h>
#include <vkvm/vm.h>
#include <vkvm/x86.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Wraps a vCPU descriptor and maps its kvm_run; the handle owns both, fd also on failure. Since
 * 0.1 */
int vkvm_vcpu_from_fd(const struct vkvm_syscalls *syscalls, int fd, size_t mmap_size,
                      struct vkvm_vcpu **ret_vcpu);
struct vkvm_vcpu *vkvm_vcpu_close(struct vkvm_vcpu *vcpu);
int vkvm_vcpu_get_fd(const struct vkvm_vcpu *vcpu);
/** The shared page, borrowed. */
struct kvm_run *vkvm_vcpu_get_run(struct vkvm_vcpu *vcpu);
int vkvm_vcpu_enable_cap(struct vkvm_vcpu *vcpu, uint32_t cap, const uint64_t args[4]);
int vkvm_vcpu_ioctl(struct vkvm_vcpu *vcpu, unsigned long request, void *argument);

/**
 * vkvm_vcpu_run() - KVM_RUN [4.10] until the next exit
 * @ret_exit: what happened; pointers in it stay valid until the next run
 *
 * EINTR (a signal, or a kick) and EAGAIN (a vCPU that waits for SIPI was woken) are not errors:
 * they come back as VKVM_EXIT_INTR. The result of an IO or MMIO read is written through the exit's
 * data pointer before the next run. Errors: -ENOEXEC, -EPERM, -EFAULT: the vCPU cannot run.
 */
int vkvm_vcpu_run(struct vkvm_vcpu *vcpu, struct vkvm_exit *ret_exit);

/**
 * vkvm_vcpu_kick() - makes a running or the next vkvm_vcpu_run() return VKVM_EXIT_INTR
 *
 * Sets immediate_exit and, when a signal was set, sends it to the thread that is inside
 * vkvm_vcpu_run(). Without a signal a kick is only seen before the guest is entered. Context: any.
 */
void vkvm_vcpu_kick(struct vkvm_vcpu *vcpu);
/** The signal kicks use; the application installs a handler for it (an empty one does), without
 * SA_RESTART. 0: none. */
void vkvm_vcpu_set_kick_signal(struct vkvm_vcpu *vcpu, int signal_number);

/**
 * KVM_SET_SIGNAL_MASK [4.31]: the signals blocked while the guest runs, bit n - 1 for signal n;
 * NULL: as outside. With a kick signal blocked in the thread and not in this mask, kicks work
 * without any signal handler: the signal ends KVM_RUN and stays pending until the thread takes it
 * with sigtimedwait(2).
 */
int vkvm_vcpu_set_signal_mask(struct vkvm_vcpu *vcpu, const uint64_t *mask);

/* Register groups. */
int vkvm_vcpu_get_regs(struct vkvm_vcpu *vcpu, struct kvm_regs *ret);
int vkvm_vcpu_set_regs(struct vkvm_vcpu *vcpu, const struct kvm_regs *regs);
int vkvm_vcpu_get_sregs(struct vkvm_vcpu *vcpu, struct kvm_sregs *ret);
int vkvm_vcpu_set_sregs(struct vkvm_vcpu *vcpu, const struct kvm_sregs *sregs);
int vkvm_vcpu_get_fpu(struct vkvm_vcpu *vcpu, struct kvm_fpu *ret);
int vkvm_vcpu_set_fpu(struct vkvm_vcpu *vcpu, const struct kvm_fpu *fpu);
int vkvm_vcpu_get_xsave(struct vkvm_vcpu *vcpu, struct kvm_xsave *ret);
int vkvm_vcpu_set_xsave(struct vkvm_vcpu *vcpu, const struct kvm_xsave *xsave);
int vkvm_vcpu_get_xcrs(struct vkvm_vcpu *vcpu, struct kvm_xcrs *ret);
int vkvm_vcpu_set_xcrs(struct vkvm_vcpu *vcpu, const struct kvm_xcrs *xcrs);
int vkvm_vcpu_get_debugregs(struct vkvm_vcpu *vcpu, struct kvm_debugregs *ret);
int vkvm_vcpu_set_debugregs(struct vkvm_vcpu *vcpu, const struct kvm_debugregs *regs);
int vkvm_vcpu_get_events(struct vkvm_vcpu *vcpu, struct kvm_vcpu_events *ret);
int vkvm_vcpu_set_events(struct vkvm_vcpu *vcpu, const struct kvm_vcpu_events *events);
int vkvm_vcpu_get_lapic(struct vkvm_vcpu *vcpu, struct kvm_lapic_state *ret);
int vkvm_vcpu_set_lapic(struct vkvm_vcpu *vcpu, const struct kvm_lapic_state *lapic);
/** KVM_MP_STATE_* */
int vkvm_vcpu_get_mp_state(struct vkvm_vcpu *vcpu, uint32_t *ret);
int vkvm_vcpu_set_mp_state(struct vkvm_vcpu *vcpu, uint32_t state);

/**
 * KVM_SET_CPUID2 [4.20]. The kernel may change what it was given: read back with
 * vkvm_vcpu_get_cpuid() and compare with vkvm_cpuid_diff().
 */
int vkvm_vcpu_set_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid *cpuid);
/** KVM_GET_CPUID2: what the guest sees. *ret_cpuid is new. */
int vkvm_vcpu_get_cpuid(struct vkvm_vcpu *vcpu, struct vkvm_cpuid **ret_cpuid);

/** One register of one leaf that differs: bits of `wanted` and `effective`. */
struct vkvm_cpuid_delta {
    uint32_t function, index;
    uint32_t reg; /* 0 EAX, 1 EBX, 2 ECX, 3 EDX */
    uint32_t wanted, effective;
};
/** Compares; fills at most `max` deltas and returns how many there are in all. */
size_t vkvm_cpuid_diff(struct vkvm_cpuid *wanted, struct vkvm_cpuid *effective,
                       struct vkvm_cpuid_delta *ret, size_t max);

/**
 * KVM_GET_MSRS / KVM_SET_MSRS [4.18, 4.19]. The kernel stops at the first MSR it refuses: the
 * result is the number done, and when that is less than the list's length, entry [result] is the
 * one refused.
 */
int vkvm_vcpu_get_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs);
int vkvm_vcpu_set_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs);

/** KVM_INTERRUPT [4.11]: injects a vector where no in-kernel controller does. -EEXIST: one is
 * pending. */
int vkvm_vcpu_interrupt(struct vkvm_vcpu *vcpu, uint32_t vector);
int vkvm_vcpu_nmi(struct vkvm_vcpu *vcpu);
/** KVM_TRANSLATE [4.12]. -EFAULT when the address is not mapped. */
int vkvm_vcpu_translate(struct vkvm_vcpu *vcpu, uint64_t gva, uint64_t *ret_gpa);
int vkvm_vcpu_set_guest_debug(struct vkvm_vcpu *vcpu, const struct kvm_guest_debug *debug);
int vkvm_vcpu_get_tsc_khz(struct vkvm_vcpu *vcpu);
int vkvm_vcpu_set_tsc_khz(struct vkvm_vcpu *vcpu, uint32_t khz);
/** KVM_KVMCLOCK_CTRL [4.85]: tells the guest that it was stopped on purpose. -EINVAL: no kvmclock.
 * */
int vkvm_vcpu_kvmclock_ctrl(struct vkvm_vcpu *vcpu);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
