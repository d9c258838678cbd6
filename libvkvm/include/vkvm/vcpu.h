/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual CPU: running, kicking. Its registers are in vkvm/x86.h.
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
#if defined(__x86_64__) || defined(__i386__)
#include <vkvm/x86.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Wraps a vCPU descriptor and maps its kvm_run; the handle owns both, fd also on failure.
 * Errors: -EINVAL (a size below struct kvm_run), -ENOMEM, those of mmap(2). Since 0.1 */
int vkvm_vcpu_from_fd(const struct vkvm_syscalls *syscalls, int fd, size_t mmap_size,
                      struct vkvm_vcpu **ret_vcpu);
/** Closes, after handing over registers that were set. NULL is fine. Returns NULL. */
struct vkvm_vcpu *vkvm_vcpu_close(struct vkvm_vcpu *vcpu);
/** The descriptor, borrowed. From here on somebody else may change registers, so the library stops
 * using the run page for them (vkvm/x86/registers.h). */
int vkvm_vcpu_get_fd(const struct vkvm_vcpu *vcpu);
/** The shared page, borrowed. */
struct kvm_run *vkvm_vcpu_get_run(struct vkvm_vcpu *vcpu);
/** KVM_ENABLE_CAP [4.37], KVM_CAP_ENABLE_CAP, with up to four arguments. Errors: -EINVAL (unknown,
 * or arguments). */
int vkvm_vcpu_enable_cap(struct vkvm_vcpu *vcpu, uint32_t cap, const uint64_t args[4]);
/** Any other ioctl on the descriptor, in order with the calls of this library. -errno: its own. */
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
 * KVM_SET_SIGNAL_MASK [4.21]: the signals blocked while the guest runs, bit n - 1 for signal n;
 * NULL: as outside. With a kick signal blocked in the thread and not in this mask, kicks work
 * without any signal handler: the signal ends KVM_RUN and stays pending until the thread takes it
 * with sigtimedwait(2). Always there; errors: -EFAULT.
 */
int vkvm_vcpu_set_signal_mask(struct vkvm_vcpu *vcpu, const uint64_t *mask);

/** KVM_GET_MP_STATE, KVM_SET_MP_STATE [4.38, 4.39], KVM_CAP_MP_STATE: KVM_MP_STATE_*. Reading it
 * first acts on an INIT or SIPI that has come. -EINVAL: a state this VM's interrupt controller does
 * not have. */
int vkvm_vcpu_get_mp_state(struct vkvm_vcpu *vcpu, uint32_t *ret);
int vkvm_vcpu_set_mp_state(struct vkvm_vcpu *vcpu, uint32_t state);
/** KVM_SET_GUEST_DEBUG [4.87]; capability KVM_CAP_SET_GUEST_DEBUG. vkvm/debug.h builds the
 * argument. -EBUSY (x86): an exception is pending while one is to be injected; -EINVAL: unknown
 * controls. */
int vkvm_vcpu_set_guest_debug(struct vkvm_vcpu *vcpu, const struct kvm_guest_debug *debug);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
