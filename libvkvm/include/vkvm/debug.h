/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: debugging a guest from outside: breakpoints, watchpoints, single steps.
 *
 * A struct kvm_guest_debug says what a vCPU's debugger wants; the functions here fill it, and
 * vkvm_vcpu_set_guest_debug() (vkvm/vcpu.h) puts it in force. While it is, the guest's own debug
 * registers do not work. What happens comes as VKVM_EXIT_DEBUG and is told apart by
 * vkvm_debug_decode(). Exceptions the debugger did not ask for are the guest's own: give them back
 * with vkvm_debug_inject().
 */
#ifndef VKVM_DEBUG_H
#define VKVM_DEBUG_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/exit.h>
#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** What a hardware breakpoint is about: the R/W field of DR7 (Intel SDM volume 3, 18.2.4). */
enum vkvm_debug_access {
    VKVM_DEBUG_EXECUTE = 0,
    VKVM_DEBUG_WRITE = 1,
    VKVM_DEBUG_READ_WRITE = 3,
};

/** What stopped a vCPU. */
enum vkvm_debug_cause {
    VKVM_DEBUG_CAUSE_NONE = 0,       /* nothing that was asked for: the guest's own #DB or #BP */
    VKVM_DEBUG_CAUSE_SOFTWARE = 1,   /* an INT3; `address` is its own */
    VKVM_DEBUG_CAUSE_BREAKPOINT = 2, /* a hardware breakpoint, before the instruction */
    VKVM_DEBUG_CAUSE_WATCHPOINT = 3, /* an access to data, after the instruction */
    VKVM_DEBUG_CAUSE_STEP = 4,       /* the instruction is done */
};

/** struct vkvm_debug_event - one debug exit. For break- and watchpoints: slot, address and length
 * as they were added; else `address` is the instruction pointer. */
struct vkvm_debug_event {
    uint32_t cause; /* enum vkvm_debug_cause */
    uint32_t slot;
    uint64_t address;
    uint32_t length;
    uint32_t access; /* enum vkvm_debug_access */
};

/** The KVM_GUESTDBG_* this VM takes: KVM_CAP_SET_GUEST_DEBUG2 (Linux 5.14), or what every x86 KVM
 * takes. -EOPNOTSUPP: no KVM_CAP_SET_GUEST_DEBUG. Since 0.1 */
int vkvm_vm_get_debug_controls(struct vkvm_vm *vm);

/** Debugging on, nothing asked for yet. `controls` as vkvm_vm_get_debug_controls() says. For off,
 * set a structure of zeros. */
void vkvm_debug_init(struct kvm_guest_debug *debug);
/** One instruction a run. */
void vkvm_debug_set_step(struct kvm_guest_debug *debug, bool on);
/** INT3 in the guest stops it. The debugger writes them into memory itself. */
void vkvm_debug_set_software(struct kvm_guest_debug *debug, bool on);
/** No interrupts, NMIs and SMIs while stepping (KVM_GUESTDBG_BLOCKIRQ). -EOPNOTSUPP: `controls`
 * does not have it. */
int vkvm_debug_block_irq(struct kvm_guest_debug *debug, uint32_t controls, bool on);
/**
 * vkvm_debug_add() - a hardware break- or watchpoint
 * @access: enum vkvm_debug_access
 * @address: guest-virtual, aligned to the length
 * @length: 1, 2, 4 or 8 bytes; 1 for VKVM_DEBUG_EXECUTE
 *
 * Returns the slot, 0 to 3. Errors: -EINVAL, -EEXIST (the same is there), -ENOSPC (four are).
 */
int vkvm_debug_add(struct kvm_guest_debug *debug, uint32_t access, uint64_t address,
                   uint32_t length);
/** -ENOENT: there is no such one. */
int vkvm_debug_remove(struct kvm_guest_debug *debug, uint32_t access, uint64_t address,
                      uint32_t length);
/** Also gives the guest an exception when set: vector 1 (#DB) or 3 (#BP), else -EINVAL. Once: not
 * to be kept in the structure; use a copy. */
int vkvm_debug_inject(struct kvm_guest_debug *debug, uint32_t vector);
/** Tells what an exit of kind VKVM_EXIT_DEBUG under `debug` was. Breakpoints come before steps,
 * lower slots before higher. */
void vkvm_debug_decode(const struct kvm_guest_debug *debug, const struct vkvm_exit *exit,
                       struct vkvm_debug_event *ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
