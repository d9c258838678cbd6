/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The software CPU on loan: it runs the vCPU of another accelerator for a while.
 *
 * The owner (accel/kvm) keeps the vCPU's home: local APIC, time, MSRs, and the state whenever the
 * software CPU does not run. For each stretch it hands the state over (sc_assist_load), lets the
 * software CPU run, and takes the state back (sc_assist_store). The software CPU leaves before an
 * instruction that only the owner can do (struct sc_assist.leave says why), and what it does not
 * know of the processor (YMM registers, XSAVE, BMI, AVX...) it runs on the host (native.h).
 *
 * What is cached from one stretch to the next must be looked at again, since the guest's code and
 * page tables may have been changed by what the owner ran meanwhile: TLBs are emptied, and a page
 * of translated code is compared with what it was made from when it is entered first.
 */
#ifndef SC_ASSIST_H
#define SC_ASSIST_H

#include "accel/soft/cpu.h"
#include "accel/soft/trace/decode.h"

/* Why the software CPU stopped. */
enum sc_leave {
    SC_LEAVE_KICK,  /* vcpu_kick() */
    SC_LEAVE_OWNER, /* the instruction at RIP is the owner's to execute, `why` says why */
    SC_LEAVE_IRQ,   /* the owner should look for an interrupt: one can be taken now */
    SC_LEAVE_HALT,  /* HLT was executed */
    SC_LEAVE_ONE,   /* `single` was set: one instruction is done */
};

struct sc_assist_owner {
    void *data;
    /* The whole x87/SSE/AVX state in XSAVE standard format, and XCR0. */
    int (*get_fpu)(void *data, struct vemu_fpu *fpu, uint64_t *xcr0);
    /* MSRs of the local APIC in x2APIC mode and IA32_TSC_DEADLINE. Not 0: refused. */
    int (*rdmsr)(void *data, uint32_t index, uint64_t *value);
    int (*wrmsr)(void *data, uint32_t index, uint64_t value);
};

#define SC_YMM_SAVED 4u /* XCR0 bit of the upper halves */

struct sc_native;
struct sc_assist {
    struct sc_assist_owner owner;
    enum sc_leave leave;
    const char *why;
    bool single;           /* one instruction, then leave */
    bool fpu_loaded;       /* c->fpu, ymmh and xcr0 hold this vCPU's state */
    _Atomic bool irq_due;  /* an interrupt may be waiting at the owner's local APIC */
    _Atomic bool nmi_due;  /* the owner may hold an NMI */
    uint64_t xcr0;
    uint64_t tsc_offset;   /* guest's TSC - host's */
    uint64_t cr8;
    uint32_t epoch;        /* counts stretches: code pages verified in this one have it */
    _Alignas(16) uint8_t ymmh[16][16];
    struct sc_native *_Atomic native; /* made when something is for the host first */
    bool native_failed;    /* this host does not let us */
    uint64_t opaque;       /* later components in use; they stay in */
    struct vemu_fpu fpu;   /* the image of the transfer, standard format */
};

/* The state that moves at every stretch; the FPU's moves when an instruction needs it. */
struct sc_assist_state {
    struct vemu_regs regs;
    struct vemu_sregs sregs;
    struct vemu_vcpu_events events;
    struct vemu_debugregs debugregs;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
};

/* c becomes a lent vCPU. Context: vcpu, not running. */
int sc_assist_attach(struct sc_cpu *c, const struct sc_assist_owner *owner);
void sc_assist_detach(struct sc_cpu *c);
/* Begins a stretch. -ENOTSUP: a mode that the software CPU does not have. */
int sc_assist_load(struct sc_cpu *c, const struct sc_assist_state *state);
/* Ends it. True: the FPU state was in use and a->fpu has it. */
bool sc_assist_store(struct sc_cpu *c, struct sc_assist_state *state);
/* Something may be pending at the owner's local APIC, or (`nmi`) even an NMI. Context: any. */
void sc_assist_notify(struct sc_cpu *c, bool nmi);
/* Events that the owner took from its interrupt controller during a stretch. */
void sc_assist_take(struct sc_cpu *c, const struct vemu_vcpu_events *events);
/* Asks for SC_LEAVE_IRQ in `ns` nanoseconds at the latest; replaces what was asked before. */
void sc_assist_wake_in(struct sc_cpu *c, uint64_t ns);
/* Where the vector's 64-bit gate leads, 0: nowhere. Only during a stretch. */
uint64_t sc_assist_handler(struct sc_cpu *c, unsigned vector);
/* Reads RAM at a linear address, without rights. False: not mapped. Only during a stretch. */
bool sc_assist_read(struct sc_cpu *c, uint64_t va, void *buf, unsigned size);
/* The host's time stamp counter. */
uint64_t sc_host_tsc(void);

/* --- for the rest of the folder: only with c->assist set -------------------------------------- */
/* Leaves before the instruction of record i (NULL: c->rip is set). */
_Noreturn void sc_assist_leave(struct sc_cpu *c, const struct sc_insn *i, const char *why);
/* The run loop stops at the next chance, for this reason. */
void sc_assist_stop(struct sc_cpu *c, enum sc_leave leave);
/* Not there: fetches the FPU state, and the instruction starts anew. There: returns. */
void sc_assist_need_fpu(struct sc_cpu *c, const struct sc_insn *i);
/* The same from a handler's middle, without starting anew. */
void sc_assist_fetch_fpu(struct sc_cpu *c);
/* MSRs. 0, or -1: #GP. May leave. */
int sc_assist_rdmsr(struct sc_cpu *c, uint32_t index, uint64_t *v);
int sc_assist_wrmsr(struct sc_cpu *c, uint32_t index, uint64_t v);
uint64_t sc_assist_tsc(const struct sc_cpu *c);
/* What CPUID says that depends on state, and what kernels must not see since this CPU lacks it. */
void sc_assist_cpuid(struct sc_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* Physical address `pa` is not RAM: leaves if it is the local APIC's. */
void sc_assist_mmio(struct sc_cpu *c, const struct sc_insn *i, uint64_t pa);
/* Records for what the software CPU lacks (native_emit.c, xsave.c). False: nothing. */
bool sc_assist_emit(struct sc_tb *tb, const struct sc_dec *d);
/* The record for what nobody here can do: leaves to the owner. */
void sc_assist_emit_leave(struct sc_tb *tb, const struct sc_dec *d);
/* A VEX-encoded instruction; as sc_decode(). -SC_UD: it is not one. */
int sc_vex_decode(struct sc_dec *d, const uint8_t *bytes, unsigned avail, uint32_t mode,
                  uint16_t pgoff);

#endif
