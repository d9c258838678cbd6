/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The architectural state of one x86-64 vCPU, in groups.
 *
 * Both accelerators read and write these structures, so that a saved vCPU can move between them.
 * The groups follow KVM's (regs, sregs, fpu, xcrs, msrs, debugregs, lapic, events, mp_state), but
 * the layout is our own: it does not depend on <linux/kvm.h>.
 */
#ifndef VEMU_ACCEL_STATE_H
#define VEMU_ACCEL_STATE_H

#include <stdint.h>

/* Hardware encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. */
enum vemu_gpr {
    VEMU_RAX, VEMU_RCX, VEMU_RDX, VEMU_RBX, VEMU_RSP, VEMU_RBP, VEMU_RSI, VEMU_RDI,
    VEMU_R8, VEMU_R9, VEMU_R10, VEMU_R11, VEMU_R12, VEMU_R13, VEMU_R14, VEMU_R15,
};

/* Hardware encoding order of segment registers. */
enum vemu_seg_reg { VEMU_ES, VEMU_CS, VEMU_SS, VEMU_DS, VEMU_FS, VEMU_GS, VEMU_SEG_COUNT };

struct vemu_regs {
    uint64_t gpr[16]; /* indexed by enum vemu_gpr */
    uint64_t rip;
    uint64_t rflags;
};

/*
 * A segment register with its descriptor cache. `limit` is in bytes, already scaled by G.
 * `type` is the 4-bit descriptor type, `s` is 0 for system segments.
 */
struct vemu_segment {
    uint64_t base;
    uint32_t limit;
    uint16_t selector;
    uint8_t type, s, dpl, present, avl, l, db, g;
    uint8_t unusable; /* null selector: any use faults */
};

struct vemu_dtable {
    uint64_t base;
    uint16_t limit;
};

struct vemu_sregs {
    struct vemu_segment seg[VEMU_SEG_COUNT];
    struct vemu_segment tr, ldt;
    struct vemu_dtable gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t efer;
    uint64_t apic_base;
};

/*
 * x87/SSE state as the 512-byte FXSAVE64 image (Intel SDM Vol. 1, 10.5.1), followed by the
 * XSAVE header and extended area where an accelerator has one (xsave_size > 512).
 */
#define VEMU_XSAVE_MAX 4096
struct vemu_fpu {
    uint32_t xsave_size; /* bytes of `area` in use: 512 (fxsave) or more (standard-format xsave) */
    _Alignas(64) uint8_t area[VEMU_XSAVE_MAX];
};

struct vemu_debugregs {
    uint64_t dr[4];
    uint64_t dr6, dr7;
};

struct vemu_msr {
    uint32_t index;
    uint64_t value;
};
#define VEMU_MSR_MAX 64

/* Pending and blocked events; the fields mean what KVM_GET_VCPU_EVENTS' do. */
struct vemu_vcpu_events {
    uint8_t exception_injected, exception_nr, exception_has_error_code, exception_pending;
    uint32_t exception_error_code;
    uint8_t interrupt_injected, interrupt_nr, interrupt_soft;
    uint8_t interrupt_shadow; /* 1: STI, 2: MOV SS */
    uint8_t nmi_injected, nmi_pending, nmi_masked;
    uint32_t sipi_vector;
};

enum vemu_mp_state {
    VEMU_MP_RUNNABLE = 0,
    VEMU_MP_UNINITIALIZED = 1, /* an AP waiting for INIT */
    VEMU_MP_INIT_RECEIVED = 2, /* waiting for SIPI */
    VEMU_MP_HALTED = 3,
};

/* Which groups a get_state/set_state call means. */
#define VEMU_STATE_REGS (1u << 0)
#define VEMU_STATE_SREGS (1u << 1)
#define VEMU_STATE_FPU (1u << 2)
#define VEMU_STATE_XCRS (1u << 3)
#define VEMU_STATE_MSRS (1u << 4)
#define VEMU_STATE_DEBUGREGS (1u << 5)
#define VEMU_STATE_LAPIC (1u << 6)
#define VEMU_STATE_EVENTS (1u << 7)
#define VEMU_STATE_MP (1u << 8)
#define VEMU_STATE_TSC (1u << 9)
#define VEMU_STATE_ALL 0x3ffu

struct vemu_cpu_state {
    struct vemu_regs regs;
    struct vemu_sregs sregs;
    struct vemu_fpu fpu;
    uint64_t xcr0;
    /* get: filled with every MSR the accelerator keeps; set: the first msr_count are written. */
    uint32_t msr_count;
    struct vemu_msr msrs[VEMU_MSR_MAX];
    struct vemu_debugregs debugregs;
    uint8_t lapic[1024]; /* register page image, xAPIC layout (SDM Vol. 3, table 11-1) */
    struct vemu_vcpu_events events;
    enum vemu_mp_state mp_state;
    uint64_t tsc;
};

#endif
