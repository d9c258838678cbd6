/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A lent vCPU: taking the state over and giving it back, leaving, MSRs, time.
 *
 * Theory of operation: libvemu/docs/assist.md.
 */
#include "accel/soft/lent/assist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/fp/fpu.h"
#include "accel/soft/apic/lapic.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/lent/native.h"
#include "accel/soft/sys/msr.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"
#include "accel/soft/lent/xsave.h"

#define FLAGS_KEPT                                                                                 \
    (SC_TF | SC_IF | SC_DF | SC_IOPL | SC_NT | SC_RF | SC_VM | SC_AC | SC_VIF | SC_VIP | SC_ID)
#define XSAVE_HEADER 512u
#define XSAVE_YMMH   576u

uint64_t sc_host_tsc(void)
{
    return __rdtsc();
}

int sc_assist_attach(struct sc_cpu *c, const struct sc_assist_owner *owner)
{
    struct sc_assist *a = aligned_alloc(64, (sizeof(*a) + 63) & ~(size_t)63);

    if (!a)
        return -ENOMEM;
    memset(a, 0, sizeof(*a));
    a->owner = *owner;
    c->assist = a;
    return 0;
}

void sc_assist_detach(struct sc_cpu *c)
{
    if (!c->assist)
        return;
    sc_native_free(c->assist->native);
    free(c->assist);
    c->assist = NULL;
}

/* --- state ---------------------------------------------------------------------------------- */

/* What the page walker and the mode logic do not have: five levels, protection keys, shadow stacks,
 * PCID. */
#define CR4_FOREIGN (~(uint64_t)(SC_CR4_VME | SC_CR4_PVI | SC_CR4_TSD | SC_CR4_DE | SC_CR4_PSE |   \
                                 SC_CR4_PAE | SC_CR4_MCE | SC_CR4_PGE | SC_CR4_PCE |               \
                                 SC_CR4_OSFXSR | SC_CR4_OSXMMEXCPT | SC_CR4_UMIP |                 \
                                 SC_CR4_FSGSBASE | SC_CR4_OSXSAVE | SC_CR4_SMEP | SC_CR4_SMAP))
#define EFER_KNOWN (SC_EFER_SCE | SC_EFER_LME | SC_EFER_LMA | SC_EFER_NXE)

static void load_events(struct sc_cpu *c, const struct vemu_vcpu_events *e)
{
    c->exc_pending = e->exception_injected || e->exception_pending;
    c->exc_vector = e->exception_nr & 31;
    c->exc_has_error = e->exception_has_error_code != 0;
    c->exc_error = e->exception_error_code;
    c->exc_soft = 0;
    c->shadow = e->interrupt_shadow & 2 ? 2 : e->interrupt_shadow & 1;
    c->nmi_masked = e->nmi_masked && !e->nmi_injected;
    c->nmi_pending = e->nmi_injected; /* one that is only pending stays the owner's */
    sc_lapic_inject(c, e->interrupt_injected && !e->interrupt_soft ? e->interrupt_nr : -1);
}

int sc_assist_load(struct sc_cpu *c, const struct sc_assist_state *s)
{
    struct sc_assist *a = c->assist;

    if ((s->sregs.cr4 & CR4_FOREIGN) || (s->sregs.efer & ~(uint64_t)EFER_KNOWN) ||
        (s->sregs.cr0 >> 32))
        return -ENOTSUP;
    memcpy(c->gpr, s->regs.gpr, sizeof(s->regs.gpr));
    c->rip = s->regs.rip;
    sc_flags_set_arith(c, (uint32_t)s->regs.rflags);
    c->eflags = (uint32_t)s->regs.rflags & FLAGS_KEPT;
    c->link_from = NULL;
    memcpy(c->seg, s->sregs.seg, sizeof(c->seg));
    c->tr = s->sregs.tr;
    c->ldt = s->sregs.ldt;
    c->gdt = s->sregs.gdt;
    c->idt = s->sregs.idt;
    c->cr0 = s->sregs.cr0;
    c->cr2 = s->sregs.cr2;
    c->cr3 = s->sregs.cr3;
    c->cr4 = s->sregs.cr4;
    c->efer = s->sregs.efer;
    c->apic_base = s->sregs.apic_base;
    a->cr8 = s->sregs.cr8;
    memcpy(c->dr, s->debugregs.dr, sizeof(c->dr));
    c->dr6 = (s->debugregs.dr6 & 0xe00f) | SC_DR6_FIXED;
    c->dr7 = (s->debugregs.dr7 & 0xffff23ff) | 0x400;
    c->star = s->star;
    c->lstar = s->lstar;
    c->cstar = s->cstar;
    c->sfmask = s->sfmask;
    c->kernel_gs_base = s->kernel_gs_base;
    c->tsc_aux = s->tsc_aux;
    c->sysenter_cs = s->sysenter_cs;
    c->sysenter_esp = s->sysenter_esp;
    c->sysenter_eip = s->sysenter_eip;
    load_events(c, &s->events);
    c->mp_state = VEMU_MP_RUNNABLE;
    c->halted = 0;
    c->stale = 0;
    a->fpu_loaded = false;
    a->leave = SC_LEAVE_KICK;
    a->why = NULL;
    if (++a->epoch == 0)
        sc_traces_flush(c);
    sc_tlb_flush_all(c); /* and the jump cache */
    if ((c->cr0 & SC_CR0_PG) && (c->cr4 & SC_CR4_PAE) && !(c->efer & SC_EFER_LMA) &&
        sc_load_pdptes(c, c->cr3))
        return -ENOTSUP;
    if (!(c->cr0 & SC_CR0_PE))
        sc_set_cpl(c, 0);
    else
        sc_set_cpl(c, c->eflags & SC_VM ? 3 : c->seg[VEMU_SS].dpl & 3);
    return 0;
}

void sc_assist_take(struct sc_cpu *c, const struct vemu_vcpu_events *e)
{
    if (e->interrupt_injected)
        sc_lapic_inject(c, e->interrupt_nr);
    if (e->nmi_injected)
        c->nmi_pending = true;
}

static void put_fpu(struct sc_cpu *c)
{
    struct sc_assist *a = c->assist;
    uint8_t *area = a->fpu.area;
    uint64_t components = 3 | a->opaque;

    memset(area, 0, XSAVE_HEADER + 64);
    sc_fxsave_image(c, area, true, 16);
    if (a->xcr0 & SC_YMM_SAVED) {
        components |= SC_YMM_SAVED;
        memcpy(area + XSAVE_YMMH, a->ymmh, sizeof(a->ymmh));
    }
    memcpy(area + XSAVE_HEADER, &components, sizeof(components));
    a->fpu.xsave_size = VEMU_XSAVE_MAX;
}

bool sc_assist_store(struct sc_cpu *c, struct sc_assist_state *s)
{
    struct sc_assist *a = c->assist;
    struct vemu_vcpu_events *e = &s->events;

    memcpy(s->regs.gpr, c->gpr, sizeof(s->regs.gpr));
    s->regs.rip = c->rip;
    s->regs.rflags = sc_rflags(c);
    memcpy(s->sregs.seg, c->seg, sizeof(c->seg));
    s->sregs.tr = c->tr;
    s->sregs.ldt = c->ldt;
    s->sregs.gdt = c->gdt;
    s->sregs.idt = c->idt;
    s->sregs.cr0 = c->cr0;
    s->sregs.cr2 = c->cr2;
    s->sregs.cr3 = c->cr3;
    s->sregs.cr4 = c->cr4;
    s->sregs.efer = c->efer;
    memcpy(s->debugregs.dr, c->dr, sizeof(c->dr));
    s->debugregs.dr6 = c->dr6;
    s->debugregs.dr7 = c->dr7;
    s->star = c->star;
    s->lstar = c->lstar;
    s->cstar = c->cstar;
    s->sfmask = c->sfmask;
    s->kernel_gs_base = c->kernel_gs_base;
    s->tsc_aux = c->tsc_aux;
    s->sysenter_cs = c->sysenter_cs;
    s->sysenter_esp = c->sysenter_esp;
    s->sysenter_eip = c->sysenter_eip;
    e->exception_pending = 0;
    e->exception_injected = c->exc_pending;
    e->exception_nr = c->exc_pending ? c->exc_vector : 0;
    e->exception_has_error_code = c->exc_pending && c->exc_has_error;
    e->exception_error_code = c->exc_pending ? c->exc_error : 0;
    e->interrupt_injected = c->lapic->inject >= 0;
    e->interrupt_nr = c->lapic->inject >= 0 ? (uint8_t)c->lapic->inject : 0;
    e->interrupt_soft = 0;
    e->interrupt_shadow = c->shadow;
    e->nmi_injected = 0;
    e->nmi_pending = 0;
    e->nmi_masked = c->nmi_masked;
    if (a->fpu_loaded)
        put_fpu(c);
    return a->fpu_loaded;
}

/* --- floating point --------------------------------------------------------------------------- */

void sc_assist_fetch_fpu(struct sc_cpu *c)
{
    struct sc_assist *a = c->assist;
    uint64_t components;

    if (a->fpu_loaded)
        return;
    if (a->owner.get_fpu(a->owner.data, &a->fpu, &a->xcr0) < 0) {
        sc_log(c->vm, SC_LOG_ERROR, "vCPU %u: the FPU state cannot be read", c->id);
        sc_internal_error(c, "the FPU state cannot be read");
    }
    memcpy(&components, a->fpu.area + XSAVE_HEADER, sizeof(components));
    if (!(components & 1)) { /* in its initial state: the image does not say it */
        memset(a->fpu.area, 0, 24);
        memset(a->fpu.area + 32, 0, 128);
        a->fpu.area[0] = 0x7f;
        a->fpu.area[1] = 0x03;
    }
    if (!(components & 2))
        memset(a->fpu.area + 160, 0, 256);
    sc_fxrstor_image(c, a->fpu.area, true, 16);
    if (components & SC_YMM_SAVED)
        memcpy(a->ymmh, a->fpu.area + XSAVE_YMMH, sizeof(a->ymmh));
    else
        memset(a->ymmh, 0, sizeof(a->ymmh));
    a->opaque = components & ~7ull;
    a->fpu_loaded = true;
    sc_update_mode(c);
}

/* The instruction starts anew, be it the only one. */
static _Noreturn void again(struct sc_cpu *c, const struct sc_insn *i)
{
    c->rip = sc_rip(c, i);
    c->want_exit = false;
    longjmp(c->fault, 1);
}

void sc_assist_need_fpu(struct sc_cpu *c, const struct sc_insn *i)
{
    if (c->assist->fpu_loaded)
        return;
    sc_assist_fetch_fpu(c);
    again(c, i);
}

/* --- leaving -------------------------------------------------------------------------------- */

void sc_assist_stop(struct sc_cpu *c, enum sc_leave leave)
{
    c->assist->leave = leave;
    c->exit->reason = VEMU_EXIT_INTR;
    c->want_exit = true;
}

void sc_assist_leave(struct sc_cpu *c, const struct sc_insn *i, const char *why)
{
    if (i)
        c->rip = sc_rip(c, i);
    /* Inside the delivery of an event: that event comes again when the owner looks. */
    if (c->delivering)
        sc_internal_error(c, "a stack or table of the CPU lies in the local APIC's page");
    c->assist->why = why;
    sc_assist_stop(c, SC_LEAVE_OWNER);
    longjmp(c->fault, 1);
}

/* No slot was free for the host's version: all start anew, and so does the instruction. */
static SC_COLD _Noreturn void renew(struct sc_cpu *c, const struct sc_insn *i)
{
    const struct sc_insn copy = *i; /* it goes with the traces */

    sc_traces_flush(c);
    sc_native_reset(c->assist->native);
    again(c, &copy);
}

SC_OP(op_leave)
{
    if (c->assist->native && sc_native_full(c->assist->native))
        renew(c, i);
    sc_assist_leave(c, i, "not known to the software CPU");
}

void sc_assist_emit_leave(struct sc_tb *tb, const struct sc_dec *d)
{
    sc_tb_add(tb, d, op_leave);
    tb->end = true;
}

bool sc_assist_emit(struct sc_tb *tb, const struct sc_dec *d)
{
    return sc_emit_xsave(tb, d) || sc_native_emit(tb, d);
}

void sc_assist_notify(struct sc_cpu *c, bool nmi)
{
    if (!c->assist)
        return;
    if (nmi)
        atomic_store(&c->assist->nmi_due, true);
    atomic_store(&c->assist->irq_due, true);
    /* INIT comes whatever the interrupt flag is. */
    sc_async_set(c, SC_A_INTR | (c->vm->config.vcpus > 1 ? SC_A_EXIT : 0));
}

void sc_assist_wake_in(struct sc_cpu *c, uint64_t ns)
{
    sc_time_arm_at(c, sc_time_now(c->vm) + ns);
}

void sc_assist_mmio(struct sc_cpu *c, const struct sc_insn *i, uint64_t pa)
{
    const uint64_t mask = ~(uint64_t)0xfff & sc_phys_mask(c);

    if ((c->apic_base & (APIC_BASE_ENABLE | APIC_BASE_EXTD)) == APIC_BASE_ENABLE &&
        (pa & mask) == (c->apic_base & mask))
        sc_assist_leave(c, i, "local APIC page");
}

/* --- MSRs and time ---------------------------------------------------------------------------- */

uint64_t sc_assist_tsc(const struct sc_cpu *c)
{
    return __rdtsc() + c->assist->tsc_offset;
}

static bool is_apic_msr(const struct sc_cpu *c, uint32_t index)
{
    if (index == MSR_TSC_DEADLINE)
        return true;
    return index >= MSR_X2APIC && index <= MSR_X2APIC_LAST &&
           (c->apic_base & (APIC_BASE_ENABLE | APIC_BASE_EXTD)) ==
               (APIC_BASE_ENABLE | APIC_BASE_EXTD);
}

/* The MSRs that the software CPU itself works with. NULL: none of them. */
static uint64_t *own_msr(struct sc_cpu *c, uint32_t index, bool *canonical)
{
    *canonical = false;
    switch (index) {
    case MSR_STAR: return &c->star;
    case MSR_SFMASK: return &c->sfmask;
    case MSR_SYSENTER_CS: return &c->sysenter_cs;
    default: break;
    }
    *canonical = true;
    switch (index) {
    case MSR_LSTAR: return &c->lstar;
    case MSR_CSTAR: return &c->cstar;
    case MSR_FS_BASE: return &c->seg[VEMU_FS].base;
    case MSR_GS_BASE: return &c->seg[VEMU_GS].base;
    case MSR_KERNEL_GS_BASE: return &c->kernel_gs_base;
    case MSR_SYSENTER_ESP: return &c->sysenter_esp;
    case MSR_SYSENTER_EIP: return &c->sysenter_eip;
    default: return NULL;
    }
}

int sc_assist_rdmsr(struct sc_cpu *c, uint32_t index, uint64_t *v)
{
    struct sc_assist *a = c->assist;
    bool canonical;
    uint64_t *own = own_msr(c, index, &canonical);

    if (own) {
        *v = *own;
        return 0;
    }
    if (index == MSR_EFER) {
        *v = c->efer;
        return 0;
    }
    if (index == MSR_TSC) {
        *v = sc_assist_tsc(c);
        return 0;
    }
    if (is_apic_msr(c, index) && a->owner.rdmsr(a->owner.data, index, v) == 0)
        return 0;
    return 1;
}

int sc_assist_wrmsr(struct sc_cpu *c, uint32_t index, uint64_t v)
{
    struct sc_assist *a = c->assist;
    bool canonical;
    uint64_t *own = own_msr(c, index, &canonical);

    if (own) {
        if ((canonical && !sc_canonical(v)) || (index == MSR_SFMASK && v >> 32))
            return -1;
        *own = index == MSR_SYSENTER_CS ? (uint32_t)v : v;
        return 0;
    }
    if (index == MSR_EFER) /* bits that are not known here: the owner may know them */
        return sc_write_efer(c, v) ? 1 : 0;
    if (sc_msr_illegal(index, v)) /* not every owner looks */
        return -1;
    if (is_apic_msr(c, index) && a->owner.wrmsr(a->owner.data, index, v) == 0) {
        sc_assist_notify(c, false); /* an EOI or a lower priority lets others through */
        return 0;
    }
    return 1;
}

uint64_t sc_assist_handler(struct sc_cpu *c, unsigned vector)
{
    uint64_t at = c->idt.base + vector * 16ull, pa, low, high;

    if (!(c->efer & SC_EFER_LMA) || vector * 16u + 15 > c->idt.limit || !sc_translate(c, at, &pa) ||
        !sc_slot_find(c->vm, pa) || (pa & ~SC_PAGE_MASK) > SC_PAGE_SIZE - 16)
        return 0;
    low = sc_phys_ld(c, pa, 8);
    high = sc_phys_ld(c, pa + 8, 8);
    return (low & 0xffff) | (low >> 32 & 0xffff0000) | high << 32;
}

bool sc_assist_read(struct sc_cpu *c, uint64_t va, void *buf, unsigned size)
{
    uint8_t *b = buf;

    for (unsigned n = 0; n < size; n++) {
        uint64_t pa;
        struct sc_slot *s;

        if (!sc_translate(c, va + n, &pa) || !(s = sc_slot_find(c->vm, pa)))
            return false;
        b[n] = *sc_slot_host(s, pa);
    }
    return true;
}

/* --- CPUID ---------------------------------------------------------------------------------- */

/*
 * Kernel code with these would end at an instruction that nobody here can execute; in user mode it
 * would be the owner's turn each time. What user mode sees at the owner's may be the hardware's
 * CPUID. So with one vCPU AVX512F stays: a kernel must know that there is more to save. Leaf,
 * subleaf, and the bits to hide of EAX to EDX.
 */
static const struct {
    uint32_t leaf, subleaf, hide[4];
} hidden[] = {
    { 1, 0, { 0, 0, 1u << 3 /* MONITOR */, 0 } },
    { 7, 0, { 0, 1u << 10 | 1u << 11 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 |
                     1u << 30 | 1u << 31 /* INVPCID, RTM, AVX512 DQ IFMA PF ER CD BW VL */,
              /* AVX512_VBMI, PKU, OSPKE, WAITPKG, AVX512_VBMI2, SHSTK, GFNI, VNNI, BITALG, TME,
               * VPOPCNTDQ, LA57, KL, MOVDIRI, MOVDIR64B, ENQCMD */
              1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 11 |
                  1u << 12 | 1u << 13 | 1u << 14 | 1u << 16 | 1u << 23 | 1u << 27 | 1u << 28 |
                  1u << 29,
              /* 4VNNIW, 4FMAPS, UINTR, VP2INTERSECT, SERIALIZE, TSXLDTRK, PCONFIG, IBT, AMX,
               * AVX512_FP16 */
              1u << 2 | 1u << 3 | 1u << 5 | 1u << 8 | 1u << 14 | 1u << 16 | 1u << 18 | 1u << 20 |
                  1u << 22 | 1u << 23 | 1u << 24 | 1u << 25 } },
    { 7, 1, { 1u << 4 | 1u << 5 | 1u << 7 | 1u << 17 | 1u << 21 | 1u << 23 | 1u << 26, 0, 0,
              ~0u /* AVX-VNNI and later */ } },
    { 0xd, 0, { 0xfffffd18 /* components but x87, SSE, AVX, AVX-512, PKRU */, 0, 0, ~0u } },
    { 0xd, 1, { 1u << 3 | 1u << 4 /* XSAVES, XFD */, 0, 0, 0 } },
    { 0x80000001, 0, { 0, 0, 1u << 6 | 1u << 11 | 1u << 15 | 1u << 16 | 1u << 21 | 1u << 29,
                       1u << 25 | 1u << 30 | 1u << 31 /* FFXSR, 3DNow! */ } },
    { 0x80000008, 0, { 0, 1u << 0 | 1u << 4 | 1u << 8 /* CLZERO, RDPRU, MCOMMIT */, 0, 0 } },
};

/* With several vCPUs user mode stays here (docs/assist.md), and C libraries use what they see. */
static void hide_avx512(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    if (leaf == 7 && subleaf == 0)
        out[1] &= ~(1u << 16); /* AVX512F */
    if (leaf == 0xd && subleaf == 0)
        out[0] &= ~(7u << 5); /* opmask, upper halves of ZMM0 to 15, ZMM16 to 31 */
}

void sc_assist_cpuid(struct sc_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const uint64_t xcr0 = c->assist->xcr0;

    for (unsigned n = 0; n < sizeof(hidden) / sizeof(hidden[0]); n++)
        if (hidden[n].leaf == leaf && hidden[n].subleaf == subleaf)
            for (unsigned k = 0; k < 4; k++)
                out[k] &= ~hidden[n].hide[k];
    if (c->vm->config.vcpus > 1)
        hide_avx512(leaf, subleaf, out);
    if (leaf == 0xd && subleaf == 0)
        out[1] = sc_xsave_size(c, xcr0, false);
    else if (leaf == 0xd && subleaf == 1)
        out[1] = sc_xsave_size(c, xcr0, true);
}
