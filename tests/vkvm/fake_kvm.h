/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fake KVM: enough of the kernel's side to test libvkvm with no /dev/kvm, and to make any call
 * fail.
 */
#ifndef TESTS_FAKE_KVM_H
#define TESTS_FAKE_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <vkvm/vkvm.h>

#define FAKE_MAX_FDS 64
#define FAKE_MAX_SCRIPT 32
#define FAKE_MMAP_SIZE 12288

/* One scripted result of KVM_RUN: what the kernel would leave in kvm_run. */
struct fake_exit {
    int result; /* of the ioctl: 0 or -errno */
    void (*fill)(struct kvm_run *run);
};

struct fake_kvm {
    struct vkvm_syscalls sys; /* give this to vkvm_open_with() */
    /* Descriptors: 'k' system, 'v' VM, 'c' vCPU, 'd' device, 0 closed. Numbers start at 1000. */
    char kind[FAKE_MAX_FDS];
    int open_fds;
    int mapped;

    /* Injection: the nth call (0: off, counted from 1) of this request fails with `error`. */
    unsigned long fail_request;
    int fail_nth, fail_error;
    bool fail_open, fail_mmap;
    int api_version;

    /* What calls left behind. */
    unsigned long last_request;
    int calls;
    struct kvm_userspace_memory_region last_region;
    struct kvm_irqfd last_irqfd;
    struct kvm_ioeventfd last_ioeventfd;
    struct kvm_msi last_msi;
    struct kvm_enable_cap last_cap;
    struct kvm_irq_level last_line;
    uint32_t last_routing_count;
    uint64_t last_int; /* argument of number-valued requests */
    int last_signal, last_signal_thread;

    struct kvm_run *run;
    struct fake_exit script[FAKE_MAX_SCRIPT];
    int script_len, script_pos;

    /* State groups, stored as given. */
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_fpu fpu;
    struct kvm_xsave xsave;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp;
    struct kvm_clock_data clock;
    struct kvm_cpuid_entry2 cpuid[200];
    uint32_t cpuid_count;
    uint32_t supported_count; /* entries KVM_GET_SUPPORTED_CPUID has */
    uint32_t force_ecx1;      /* bits SET_CPUID2 forces on in leaf 1 ECX, like a PVM host */
    uint32_t msr_refused;     /* index the kernel refuses */
    uint64_t attr_value;
    uint64_t signal_mask;
};

void fake_kvm_init(struct fake_kvm *fake);

#endif
