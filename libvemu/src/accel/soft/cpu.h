/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The software x86-64 CPU: state of one vCPU and of the virtual machine it belongs to.
 *
 * Section references in this folder are to the Intel SDM (volume.section) unless said otherwise.
 *
 * Files:  decode.c bytes -> struct sc_dec        trace.c  trace building, cache
 *         smc.c    invalidation by writes        address.c memory operands
 *         branch.c near branches, links          fuse.c   compare and branch in one
 *         loop.c   run loop, async events        sync.c   vCPUs stopping, sleeping, waking
 *         int_*.c  integer handlers              string.c string instructions
 *         mmu.c    paging, TLB, slow accesses    seg.c    descriptors, far transfers
 *         event.c  exceptions and interrupts     sys.c    CR, DR, port I/O, misc   msr.c  cpuid.c
 *         lapic.c  local APIC                    sse*.c mmx.c x87.c fpu.c
 *         soft.c   the accelerator interface (accel.h)
 *         assist.c vex.c native*.c xsave.c   running another accelerator's vCPU
 * Nothing here uses GLib: the folder builds as a library of its own for tests and fuzzers.
 */
#ifndef SC_CPU_H
#define SC_CPU_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/accel.h"
#include "accel/soft/trace/insn.h"

#define SC_LIKELY(x) __builtin_expect(!!(x), 1)
#define SC_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SC_NOINLINE __attribute__((noinline))
#define SC_COLD __attribute__((noinline, cold))
#define SC_INLINE static inline __attribute__((always_inline))

#define SC_PAGE_BITS 12
#define SC_PAGE_SIZE 4096ull
#define SC_PAGE_MASK (~(SC_PAGE_SIZE - 1))

/* RFLAGS */
#define SC_CF 0x1u
#define SC_PF 0x4u
#define SC_AF 0x10u
#define SC_ZF 0x40u
#define SC_SF 0x80u
#define SC_TF 0x100u
#define SC_IF 0x200u
#define SC_DF 0x400u
#define SC_OF 0x800u
#define SC_IOPL 0x3000u
#define SC_NT 0x4000u
#define SC_RF 0x10000u
#define SC_VM 0x20000u
#define SC_AC 0x40000u
#define SC_VIF 0x80000u
#define SC_VIP 0x100000u
#define SC_ID 0x200000u
#define SC_ARITH (SC_CF | SC_PF | SC_AF | SC_ZF | SC_SF | SC_OF)

/* Control registers and EFER */
#define SC_CR0_PE 0x1u
#define SC_CR0_MP 0x2u
#define SC_CR0_EM 0x4u
#define SC_CR0_TS 0x8u
#define SC_CR0_ET 0x10u
#define SC_CR0_NE 0x20u
#define SC_CR0_WP 0x10000u
#define SC_CR0_AM 0x40000u
#define SC_CR0_NW 0x20000000u
#define SC_CR0_CD 0x40000000u
#define SC_CR0_PG 0x80000000u
#define SC_CR3_KEEP (1ull << 63) /* with PCIDs: do not flush */
#define SC_CR4_VME 0x1u
#define SC_CR4_PVI 0x2u
#define SC_CR4_TSD 0x4u
#define SC_CR4_DE 0x8u
#define SC_CR4_PSE 0x10u
#define SC_CR4_PAE 0x20u
#define SC_CR4_MCE 0x40u
#define SC_CR4_PGE 0x80u
#define SC_CR4_PCE 0x100u
#define SC_CR4_OSFXSR 0x200u
#define SC_CR4_OSXMMEXCPT 0x400u
#define SC_CR4_UMIP 0x800u
#define SC_CR4_FSGSBASE 0x10000u
#define SC_CR4_PCIDE 0x20000u
#define SC_CR4_OSXSAVE 0x40000u
#define SC_CR4_SMEP 0x100000u
#define SC_CR4_SMAP 0x200000u
#define SC_EFER_SCE 0x1u
#define SC_EFER_LME 0x100u
#define SC_EFER_LMA 0x400u
#define SC_EFER_NXE 0x800u

/* Debug registers */
#define SC_DR6_FIXED 0xffff0ff0u
#define SC_DR6_BD 0x2000u
#define SC_DR6_BS 0x4000u
#define SC_DR6_BT 0x8000u
#define SC_DR7_ENABLE 0xffu /* L0 G0 .. L3 G3 */
#define SC_DR7_GD 0x2000u

/* Exception vectors */
enum {
    SC_DE = 0, SC_DB = 1, SC_NMI = 2, SC_BP = 3, SC_OVF = 4, SC_BR = 5, SC_UD = 6, SC_NM = 7,
    SC_DFV = 8, SC_TS = 10, SC_NP = 11, SC_SS = 12, SC_GP = 13, SC_PFV = 14, SC_MF = 16,
    SC_ACV = 17, SC_MC = 18, SC_XM = 19,
};

/*
 * Mode bits: part of a trace's key, so that emitters can decide at build time. Recomputed by
 * sc_update_mode() whenever CS, SS, CPL, CR0, CR4, EFER, EFLAGS.TF/AC, DR7 or MXCSR masks change.
 */
#define SC_M_64 (1u << 0)     /* 64-bit code (LMA && CS.L) */
#define SC_M_32 (1u << 1)     /* CS.D: 32-bit default operand and address size */
#define SC_M_SS32 (1u << 2)   /* SS.B: ESP is the stack pointer (not in 64-bit code) */
#define SC_M_STEP (1u << 3)   /* one-instruction traces: TF or an armed DR7 */
#define SC_M_NOX87 (1u << 4)  /* x87/MMX instructions raise #NM or (EM) #NM/#UD: look at CR0 */
#define SC_M_NOSSE (1u << 5)  /* SSE instructions raise #UD or #NM: look at CR0/CR4 */
#define SC_M_XM (1u << 6)     /* an SSE exception is unmasked: use the exact, slow handlers */
#define SC_M_REAL  (1u << 7) /* real-address mode or virtual-8086 (segment loads unprotected) */
#define SC_M_V86 (1u << 8)

/* Bits of sc_cpu.async: something to do at the next trace edge. */
#define SC_A_EXIT (1u << 0)      /* leave vcpu_run() */
#define SC_A_INTR (1u << 1)      /* the LAPIC or the PIC may have an interrupt */
#define SC_A_NMI (1u << 2)
#define SC_A_INIT (1u << 3)
#define SC_A_SIPI (1u << 4)
#define SC_A_EXCLUSIVE (1u << 5) /* another vCPU wants everybody stopped */
#define SC_A_FLUSH (1u << 6)     /* drop TLBs (memory slots changed) */
#define SC_A_SMC (1u << 7)       /* DMA wrote to a page with traces */

/* Lazy flag state: what the last flag-setting instruction was. See flags.h. */
enum sc_flag_kind {
    SC_F_RAW,   /* fa holds the six arithmetic flags in their EFLAGS positions */
    SC_F_LOGIC, /* fr result; CF = OF = AF = 0 */
    SC_F_ADD,   /* fr = fa + fb */
    SC_F_ADC,   /* fr = fa + fb + 1 (ADC with carry in; without it is SC_F_ADD) */
    SC_F_SUB,   /* fr = fa - fb (also CMP, NEG, CMPXCHG) */
    SC_F_SBB,   /* fr = fa - fb - 1 */
    SC_F_INC,   /* fr = fa + 1, CF in fb */
    SC_F_DEC,   /* fr = fa - 1, CF in fb */
    SC_F_CO,    /* fr result for SF, ZF, PF; fb bit 0 CF, bit 1 OF, bit 4 AF (shifts, multiplies) */
};

/*
 * Data TLB entry. An access of `size` bytes at linear address va hits when
 * ((va + size - 1) & SC_PAGE_MASK) equals the tag: this also rejects page-crossing accesses. The
 * tag of a page that needs the slow path (MMIO, ROM, code pages for writing, dirty logging,
 * watchpoint) never matches. An empty entry has both tags SC_TLB_EMPTY,
 * one that was never used also 0 (see init() in tlb.c).
 */
struct sc_tlbe {
    uint64_t rtag, wtag;
    uintptr_t addend; /* host address = va + addend */
    uint64_t pa;      /* physical page address | SC_TLB_* */
};
#define SC_TLB_EMPTY 1ull /* never equal to a page address */
#define SC_TLB_GLOBAL 1ull
#define SC_TLB_LISTED_G 2ull /* the entry is on the list of global / non-global entries in use */
#define SC_TLB_LISTED_N 4ull
#define SC_TLB_LARGE 8ull  /* part of a page larger than 4 KiB */
#define SC_TLB_W        16ull /* writes allowed; wtag is withheld for code or dirty logging */
#define SC_TLB_BITS 10
#define SC_TLB_SIZE (1u << SC_TLB_BITS)

/* Code TLB: linear page -> physical page and host address of instruction bytes. */
struct sc_ctlbe {
    uint64_t tag; /* linear page | SC_CTLB_USER, or SC_TLB_EMPTY */
    uint64_t pa;  /* physical page | SC_TLB_GLOBAL, SC_TLB_LISTED_* */
    const uint8_t *hva; /* NULL: not RAM (fetch goes through MMIO) */
};
#define SC_CTLB_SIZE 256u
#define SC_CTLB_USER 2ull /* fetched with CPL 3 rights */

/* What makes TLB flushes cheap: which entries are in use. tlb.c. */
struct sc_tlb_use {
    bool ready;           /* false: never initialised */
    uint16_t count[2][2]; /* [set][0 non-global, 1 global] */
    uint16_t list[2][2][SC_TLB_SIZE];
    uint64_t large_lo[2], large_hi[2]; /* linear range with large pages, per half of the space */
    uint16_t ccount[2]; /* the same for the code TLB */
    uint16_t clist[2][SC_CTLB_SIZE];
    uint64_t code_seen[64]; /* hash of code pages used since the jump cache was flushed */
};

/* Jump cache: (linear address, mode) -> trace. tag is address ^ generation; see trace.h. */
struct sc_jce {
    uint64_t tag;
    struct sc_insn *first;
};
#define SC_JC_SIZE 4096u

struct sc_vm;
struct sc_traces; /* trace.c */
struct sc_lapic;  /* lapic.c */

/* x87/MMX/SSE state. See fpu.h. */
struct sc_fpu {
    _Alignas(16) uint8_t xmm[16][16];
    _Alignas(16) uint8_t st[8][16]; /* physical registers R0..R7, 80 bits each; MMX aliases */
    uint16_t fcw, fsw, ftag;        /* ftag: abridged, one bit a *physical* register, 1 = valid */
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr;
    /* fpu.c's own: while the vCPU runs, parts of the state live in the host's registers. */
    uint32_t host_mxcsr; /* the embedder's, put back by sc_fpu_leave() */
    uint8_t running;     /* between sc_fpu_enter() and sc_fpu_leave() */
    uint8_t live;        /* enum sc_x87_live */
    _Alignas(16) uint8_t scratch[16]; /* x87 memory operand in flight */
    struct { /* what an instruction that raises #XM must not have changed */
        _Alignas(16) uint8_t xmm[16];
        uint8_t st[16];
        uint64_t gpr;
        int64_t fr, fa, fb;
        uint32_t ft;
        uint16_t fsw, ftag;
    } undo;
};

struct sc_cpu {
    /* --- hot: what handlers touch ------------------------------------------------------------ */
    uint64_t gpr[SC_R_COUNT];
    int64_t fr, fa, fb; /* lazy flags, each sign-extended from the operand size to 64 bits */
    uint32_t ft;        /* enum sc_flag_kind */
    _Atomic uint32_t async;
    struct sc_tlbe
        *tlb; /* data TLB of the current privilege (tlbs[0] kernel, [1] user, [2] none) */
    uint64_t rip;        /* valid in the run loop, after sc_sync(), and after SC_EXIT */
    uint32_t eflags;     /* everything but SC_ARITH, which is lazy */
    uint32_t mode;       /* SC_M_* */
    uint8_t cpl;
    uint8_t halted;
    uint8_t shadow;       /* interrupt shadow: 1 STI, 2 MOV SS; the next instruction clears it */
    uint8_t nmi_masked;
    uint64_t jc_gen; /* XORed into jump cache tags. Bits 48..57: mode and privilege, exchanged by
                             sc_update_mode(); 58..63 and 0..11 count sc_jump_cache_flush() */
    struct sc_insn *link_from; /* record that wants to be linked to the trace the loop finds next */

    /* --- architectural ----------------------------------------------------------------------- */
    struct vemu_segment seg[VEMU_SEG_COUNT]; /* base of ES, CS, SS, DS reads 0 in 64-bit mode only
                                                through sc_seg_base() */
    struct vemu_segment tr, ldt;
    struct vemu_dtable gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint64_t pdpte[4]; /* PAE paging */
    uint64_t dr[4], dr6, dr7;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, apic_base, tsc_aux, tsc_adjust, misc_enable, spec_ctrl;
    uint64_t mtrr_def, kvmclock_msr, kvm_wall_msr;
    uint64_t mtrr_fixed[11], mtrr_var[16], mcg_status; /* stored; they have no effect */
    struct sc_fpu fpu;

    /* --- events ------------------------------------------------------------------------------ */
    jmp_buf fault;        /* set by the run loop; sc_raise() jumps here */
    uint8_t exc_vector, exc_has_error, exc_soft; /* the exception being raised, or */
    uint32_t exc_error;                          /* (after set_state) to be delivered first */
    bool exc_pending;
    uint8_t delivering;  /* event.c: 0, or what is being delivered when another fault comes */
    uint8_t dlv_vector;  /* its vector */
    bool exc_triple;     /* a fault during #DF: sc_deliver_exception() shuts down */
    uint32_t
        db_hits; /* DR6 bits of data breakpoints the current instruction met; the loop raises the
                            #DB trap after it (only in SC_M_STEP mode), see sc_debug_trap() */
    bool nmi_pending;
    enum vemu_mp_state mp_state;
    uint8_t sipi_vector;
    uint8_t stale;      /* SC_STALE_*: what set_state left to do before the next run, state.c */
    uint32_t pauses;    /* PAUSEs since the last yield */
    struct vemu_exit *exit; /* filled by whoever makes the run loop return */
    bool want_exit;         /* run loop: return to the caller after this trace edge */

    /* --- connections ------------------------------------------------------------------------- */
    struct sc_vm *vm;
    uint32_t id; /* APIC id, index in vm->cpus */
    struct sc_traces *traces;
    struct sc_lapic *lapic;
    struct sc_debug *debug;   /* what a debugger asks for, debug.c; NULL: nothing */
    struct sc_assist *assist; /* this vCPU belongs to another accelerator, see assist.h; or NULL */
    struct vemu_cpuid cpuid;
    uint32_t phys_bits;

    /* --- caches, large; no entry lies in two of the host's cache lines ------------------------ */
    struct sc_tlb_use tlb_use;
    struct sc_ctlbe ctlb[SC_CTLB_SIZE];
    _Alignas(64) struct sc_jce jc[SC_JC_SIZE];
    _Alignas(64) struct sc_tlbe tlbs[3][SC_TLB_SIZE]; /* kernel, user, always empty (AC checks,
                                                         watchpoints) */
};
_Static_assert(sizeof(struct sc_tlbe) == 32 && sizeof(struct sc_jce) == 16, "parts of a line");

/* A memory slot, and per page what the soft CPU must know. */
#define SC_PAGE_CODE 1u  /* traces were built from this page: no write TLB entry anywhere */
#define SC_PAGE_DIRTY 2u /* written since the last dirty_get (only with SLOT_LOG_DIRTY) */
struct sc_slot {
    uint64_t gpa, size;
    uint8_t *hva;
    uint32_t id, flags;
    _Atomic uint8_t *pages; /* SC_PAGE_*, one byte a page */
};

#define SC_SLOT_MAX 512
struct sc_vm {
    struct vemu_accel_config config;
    uint32_t slot_count;
    /* Sorted by gpa; changed only while no vCPU runs, and with slot_lock held, which readers hold
     * that are no vCPUs: devices that have written memory. */
    struct sc_slot slots[SC_SLOT_MAX];
    pthread_rwlock_t slot_lock;
    uint32_t cpu_count;
    struct sc_cpu **cpus; /* config.vcpus entries */
    _Atomic bool extint;  /* the PIC's output */
    struct sc_sync *sync; /* exclusive sections, loop.c */
    struct sc_time *time; /* TSC and deadlines, time.c */
    struct sc_bus *bus;   /* ioeventfds, IOAPIC routes, soft.c */
};

/* --- register access ------------------------------------------------------------------------- */
SC_INLINE uint64_t sc_get64(const struct sc_cpu *c, unsigned r) { return c->gpr[r]; }
SC_INLINE uint32_t sc_get32(const struct sc_cpu *c, unsigned r) { return (uint32_t)c->gpr[r]; }
SC_INLINE uint16_t sc_get16(const struct sc_cpu *c, unsigned r) { return (uint16_t)c->gpr[r]; }
/* `off` is a byte offset into the register file, see struct sc_insn. */
SC_INLINE uint8_t sc_get8(const struct sc_cpu *c, unsigned off)
{
    return ((const uint8_t *)c->gpr)[off];
}
SC_INLINE void sc_set64(struct sc_cpu *c, unsigned r, uint64_t v) { c->gpr[r] = v; }
SC_INLINE void sc_set32(struct sc_cpu *c, unsigned r, uint32_t v) { c->gpr[r] = v; }
SC_INLINE void sc_set16(struct sc_cpu *c, unsigned r, uint16_t v)
{
    __builtin_memcpy(&c->gpr[r], &v, 2);
}
SC_INLINE void sc_set8(struct sc_cpu *c, unsigned off, uint8_t v) { ((uint8_t *)c->gpr)[off] = v; }

/* Linear address of the memory operand. */
SC_INLINE uint64_t sc_ea(const struct sc_cpu *c, const struct sc_insn *i)
{
    return c->gpr[i->base] + (c->gpr[i->index] << i->scale) + (uint64_t)(int64_t)i->disp;
}

SC_INLINE uint64_t sc_seg_base(const struct sc_cpu *c, unsigned seg)
{
    return (c->mode & SC_M_64) && seg < VEMU_FS ? 0 : c->seg[seg].base;
}

/* RIP of record i, and of the instruction after it. */
SC_INLINE uint64_t sc_rip(const struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t lin = c->gpr[SC_R_PAGE] + i->pgoff;
    return c->mode & SC_M_64 ? lin : (uint32_t)(lin - c->seg[VEMU_CS].base);
}
SC_INLINE uint64_t sc_next_rip(const struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t lin = c->gpr[SC_R_PAGE] + i->pgoff + i->len;
    return c->mode & SC_M_64 ? lin : (uint32_t)(lin - c->seg[VEMU_CS].base);
}

/* --- exceptions (event.c) -------------------------------------------------------------------- */
/* Raises a fault at record i (RIP of the instruction) by longjmp to the run loop. `error` < 0: the
 * vector has no error code. */
_Noreturn void sc_raise(struct sc_cpu *c, const struct sc_insn *i, unsigned vector, int64_t error);
/* The same with c->rip already set to the RIP to report. */
_Noreturn void sc_raise_at_rip(struct sc_cpu *c, unsigned vector, int64_t error);
/* Delivers c->exc_* (run loop, after the longjmp), with #DF and triple-fault rules. */
void sc_deliver_exception(struct sc_cpu *c);
/* Delivers an external interrupt / NMI / software interrupt (INT n: next_rip is pushed). */
void sc_deliver_interrupt(struct sc_cpu *c, uint8_t vector);
void sc_deliver_nmi(struct sc_cpu *c);
void sc_software_interrupt(struct sc_cpu *c, uint8_t vector, uint64_t next_rip, bool int3_or_into);
/* Triple fault: fills c->exit with VEMU_EXIT_SHUTDOWN and makes the loop return. */
void sc_triple_fault(struct sc_cpu *c);
/* Gives up with VEMU_EXIT_INTERNAL_ERROR, the state being that before the instruction; logs why. */
_Noreturn void sc_internal_error(struct sc_cpu *c, const char *why);

/* --- debug registers (debug.c) ---------------------------------------------------------------- */
/* DR6 bits of enabled instruction breakpoints at linear address va (0: none, or RF is set). */
uint32_t sc_debug_code(const struct sc_cpu *c, uint64_t va);
/* #DB trap after an instruction: sets `dr6` bits (SC_DR6_*) and raises it at c->rip. */
_Noreturn void sc_debug_trap(struct sc_cpu *c, uint32_t dr6);

/* A debugger outside of the guest (accel.h: set_debug). */
struct sc_debug {
    bool step;    /* one instruction, then report */
    bool watch;   /* there are data points */
    bool armed;   /* the instruction of the step has begun */
    bool hit;     /* the current instruction met data point `point` */
    uint32_t point;
    uint32_t count;
    struct vemu_debug_point points[];
};
int sc_debug_set(struct sc_cpu *c, const struct vemu_debug *debug);
void sc_debug_clear(struct sc_cpu *c);
/* Is there a breakpoint at this offset of some page? */
bool sc_debug_wants(const struct sc_debug *d, unsigned pgoff);
/* An access to data, in SC_M_STEP mode. */
void sc_debug_data(struct sc_cpu *c, uint64_t va, unsigned size, bool write);
/* Record i stands before an instruction with sc_debug_wants(). True: stop there; c->exit says so.
 */
bool sc_debug_break(struct sc_cpu *c, const struct sc_insn *i);
/* An instruction was executed, or a breakpoint kept it from that. True: stop. */
bool sc_debug_done(struct sc_cpu *c);
/* It raised a fault, or began anew. */
void sc_debug_faulted(struct sc_cpu *c);

/* --- mode ----------------------------------------------------------------------------------- */
/* Recomputes mode, tlb and jc_gen after a change of CS, SS, CPL, CRx, EFER, TF, AC, DR7, MXCSR. */
void sc_update_mode(struct sc_cpu *c);
void sc_set_cpl(struct sc_cpu *c, unsigned cpl);

/* --- run loop (loop.c) ----------------------------------------------------------------------- */
int sc_run(struct sc_cpu *c, struct vemu_exit *exit);
/* Sets async bits and wakes a halted vCPU. Context: any. */
void sc_async_set(struct sc_cpu *c, uint32_t bits);
/* Stops all other vCPUs of the VM at a trace edge until _end. Cheap with one vCPU. Must not be
 * called with other locks held; may be nested. Context: vcpu (c) or, with c NULL, any other thread.
 * */
void sc_exclusive_begin(struct sc_vm *vm, struct sc_cpu *c);
void sc_exclusive_end(struct sc_vm *vm, struct sc_cpu *c);

#endif
