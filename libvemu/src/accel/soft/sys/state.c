/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saved state: between struct sc_cpu and the groups of accel/state.h.
 *
 * Values come from files and other hosts. What the CPU could not get into by itself is refused with
 * -EINVAL; nothing here can make it do worse than misbehave as a guest. Guest memory may be
 * restored later than the registers, so what has to look at it waits for sc_state_settle().
 */
#include <errno.h>
#include <string.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/sys.h"

#define FLAGS_KEPT                                                                                 \
    (SC_TF | SC_IF | SC_DF | SC_IOPL | SC_NT | SC_RF | SC_VM | SC_AC | SC_VIF | SC_VIP | SC_ID)

/* --- get ------------------------------------------------------------------------------------ */

static void get_regs(struct sc_cpu *c, struct vemu_regs *r)
{
    memcpy(r->gpr, c->gpr, sizeof(r->gpr));
    r->rip = c->rip;
    r->rflags = sc_rflags(c);
}

static void get_sregs(struct sc_cpu *c, struct vemu_sregs *s)
{
    memcpy(s->seg, c->seg, sizeof(s->seg));
    s->tr = c->tr;
    s->ldt = c->ldt;
    s->gdt = c->gdt;
    s->idt = c->idt;
    s->cr0 = c->cr0;
    s->cr2 = c->cr2;
    s->cr3 = c->cr3;
    s->cr4 = c->cr4;
    s->cr8 = sc_lapic_tpr(c);
    s->efer = c->efer;
    s->apic_base = c->apic_base;
}

static void get_msrs(struct sc_cpu *c, struct vemu_cpu_state *state)
{
    uint32_t count = 0;

    for (unsigned n = 0; n < sc_saved_msr_count; n++) {
        uint64_t v;

        /* Those that this vCPU's CPUID hides are not part of it. */
        if (sc_rdmsr(c, sc_saved_msrs[n], &v) == 0)
            state->msrs[count++] = (struct vemu_msr){.index = sc_saved_msrs[n], .value = v};
    }
    state->msr_count = count;
}

static void get_events(struct sc_cpu *c, struct vemu_vcpu_events *e)
{
    memset(e, 0, sizeof(*e));
    if (c->exc_pending) {
        e->exception_injected = 1;
        e->exception_nr = c->exc_vector;
        e->exception_has_error_code = c->exc_has_error;
        e->exception_error_code = c->exc_error;
    }
    e->interrupt_shadow = c->shadow;
    e->nmi_pending = c->nmi_pending || (atomic_load(&c->async) & SC_A_NMI);
    e->nmi_masked = c->nmi_masked;
    e->sipi_vector = c->sipi_vector;
}

int sc_get_state(struct sc_cpu *c, uint32_t groups, struct vemu_cpu_state *state)
{
    uint32_t async = atomic_load(&c->async);

    /* INIT and SIPI on their way have no place in the state: they happen now. */
    if (async & SC_A_INIT)
        sc_accept_init(c);
    if (async & SC_A_SIPI)
        sc_accept_sipi(c);
    if (groups & VEMU_STATE_REGS)
        get_regs(c, &state->regs);
    if (groups & VEMU_STATE_SREGS)
        get_sregs(c, &state->sregs);
    if (groups & VEMU_STATE_FPU)
        sc_fpu_get(c, &state->fpu);
    if (groups & VEMU_STATE_XCRS)
        state->xcr0 = 1; /* x87 only: there is no XSAVE */
    if (groups & VEMU_STATE_MSRS)
        get_msrs(c, state);
    if (groups & VEMU_STATE_DEBUGREGS) {
        memcpy(state->debugregs.dr, c->dr, sizeof(c->dr));
        state->debugregs.dr6 = c->dr6;
        state->debugregs.dr7 = c->dr7;
    }
    if (groups & VEMU_STATE_LAPIC)
        sc_lapic_get(c, state->lapic);
    if (groups & VEMU_STATE_EVENTS)
        get_events(c, &state->events);
    if (groups & VEMU_STATE_MP)
        state->mp_state = c->halted ? VEMU_MP_HALTED : c->mp_state;
    if (groups & VEMU_STATE_TSC)
        state->tsc = sc_time_tsc(c);
    return 0;
}

/* --- set ------------------------------------------------------------------------------------ */

static int check_sregs(struct sc_cpu *c, const struct vemu_sregs *s)
{
    bool pg = s->cr0 & SC_CR0_PG, lme = s->efer & SC_EFER_LME, lma = s->efer & SC_EFER_LMA;

    if (s->cr0 >> 32 || (pg && !(s->cr0 & SC_CR0_PE)))
        return -EINVAL;
    if ((s->cr4 & ~sc_cr4_allowed(c)) || (s->efer & ~sc_efer_allowed(c)))
        return -EINVAL;
    if (lma != (lme && pg) || (lma && !(s->cr4 & SC_CR4_PAE)))
        return -EINVAL;
    if ((lma && (s->cr3 & ~sc_phys_mask(c))) || (!lma && (s->cr4 & SC_CR4_PCIDE)))
        return -EINVAL;
    if (s->cr8 > 15 || !sc_canonical(s->gdt.base) || !sc_canonical(s->idt.base) ||
        !sc_canonical(s->tr.base) || !sc_canonical(s->ldt.base))
        return -EINVAL;
    for (unsigned n = 0; n < VEMU_SEG_COUNT; n++) {
        const struct vemu_segment *g = &s->seg[n];

        if (!sc_canonical(g->base) || g->type > 15 || g->dpl > 3 || g->s > 1 || g->l > 1 ||
            g->db > 1 || g->g > 1 || g->present > 1 || g->avl > 1 || g->unusable > 1)
            return -EINVAL;
    }
    return 0;
}

static int set_sregs(struct sc_cpu *c, const struct vemu_sregs *s)
{
    int r = check_sregs(c, s);

    if (r < 0)
        return r;
    if (sc_lapic_restore_base(c, s->apic_base))
        return -EINVAL;
    memcpy(c->seg, s->seg, sizeof(c->seg));
    c->tr = s->tr;
    c->ldt = s->ldt;
    c->gdt = s->gdt;
    c->idt = s->idt;
    c->cr0 = s->cr0 | SC_CR0_ET;
    c->cr2 = s->cr2;
    c->cr3 = s->cr3;
    c->cr4 = s->cr4;
    c->efer = s->efer;
    sc_lapic_set_tpr(c, (uint8_t)s->cr8);
    if ((c->cr0 & SC_CR0_PG) && (c->cr4 & SC_CR4_PAE) && !(c->efer & SC_EFER_LMA))
        c->stale |= SC_STALE_PDPTE;
    return 0;
}

static void set_regs(struct sc_cpu *c, const struct vemu_regs *r)
{
    memcpy(c->gpr, r->gpr, sizeof(r->gpr));
    c->rip = r->rip;
    sc_flags_set_arith(c, (uint32_t)r->rflags);
    c->eflags = (uint32_t)r->rflags & FLAGS_KEPT;
    c->link_from = NULL;
}

static int set_events(struct sc_cpu *c, const struct vemu_vcpu_events *e)
{
    if (e->interrupt_shadow > 2 || e->exception_nr > 31 || e->sipi_vector > 0xff)
        return -EINVAL;
    c->exc_pending = e->exception_injected || e->exception_pending;
    c->exc_vector = e->exception_nr;
    c->exc_has_error = e->exception_has_error_code != 0;
    c->exc_error = e->exception_error_code;
    c->exc_soft = 0;
    c->shadow = e->interrupt_shadow;
    /* An NMI that was being delivered did not get far: it is pending again. */
    c->nmi_masked = e->nmi_masked && !e->nmi_injected;
    c->nmi_pending = false;
    atomic_fetch_and(&c->async, ~SC_A_NMI);
    if (e->nmi_pending || e->nmi_injected)
        sc_async_set(c, SC_A_NMI);
    /* The interrupt was acknowledged already. A software interrupt is simply executed again: RIP
     * still points at it. */
    sc_lapic_inject(c, e->interrupt_injected && !e->interrupt_soft ? e->interrupt_nr : -1);
    c->sipi_vector = (uint8_t)e->sipi_vector;
    return 0;
}

static int set_mp(struct sc_cpu *c, enum vemu_mp_state mp)
{
    switch (mp) {
    case VEMU_MP_RUNNABLE:
    case VEMU_MP_UNINITIALIZED:
    case VEMU_MP_INIT_RECEIVED:
        c->mp_state = mp;
        c->halted = 0;
        return 0;
    case VEMU_MP_HALTED:
        c->mp_state = VEMU_MP_RUNNABLE;
        c->halted = 1;
        return 0;
    default: return -EINVAL;
    }
}

static int set_msrs(struct sc_cpu *c, const struct vemu_cpu_state *state)
{
    if (state->msr_count > VEMU_MSR_MAX)
        return -EINVAL;
    for (uint32_t n = 0; n < state->msr_count; n++) {
        int r = sc_msr_restore(c, state->msrs[n].index, state->msrs[n].value);

        if (r < 0) {
            sc_log(c->vm, SC_LOG_ERROR, "vCPU %u: saved MSR 0x%x = 0x%llx is refused", c->id,
                   state->msrs[n].index, (unsigned long long)state->msrs[n].value);
            return r;
        }
    }
    return 0;
}

/* The privilege level is not a field of its own. */
static unsigned implied_cpl(const struct sc_cpu *c)
{
    if (!(c->cr0 & SC_CR0_PE))
        return 0;
    return c->eflags & SC_VM ? 3 : c->seg[VEMU_SS].dpl;
}

int sc_set_state(struct sc_cpu *c, uint32_t groups, const struct vemu_cpu_state *state)
{
    int r = 0;

    if (groups & ~VEMU_STATE_ALL)
        return -EINVAL;
    if ((groups & VEMU_STATE_XCRS) && state->xcr0 > 1)
        return -EINVAL;
    if ((groups & VEMU_STATE_DEBUGREGS) &&
        (state->debugregs.dr6 >> 32 || state->debugregs.dr7 >> 32))
        return -EINVAL;
    /* APIC_BASE first, it decides how the LAPIC page is read; time before deadlines. */
    if (groups & VEMU_STATE_SREGS)
        r = set_sregs(c, &state->sregs);
    if (!r && (groups & VEMU_STATE_REGS))
        set_regs(c, &state->regs);
    if (!r && (groups & VEMU_STATE_FPU))
        r = sc_fpu_set(c, &state->fpu);
    if (!r && (groups & VEMU_STATE_DEBUGREGS)) {
        memcpy(c->dr, state->debugregs.dr, sizeof(c->dr));
        c->dr6 = (state->debugregs.dr6 & 0xe00f) | SC_DR6_FIXED;
        c->dr7 = (state->debugregs.dr7 & 0xffff23ff) | 0x400;
    }
    if (!r && (groups & VEMU_STATE_TSC))
        sc_time_restore_tsc(c, state->tsc);
    if (!r && (groups & VEMU_STATE_LAPIC))
        r = sc_lapic_set(c, state->lapic);
    if (!r && (groups & VEMU_STATE_MSRS))
        r = set_msrs(c, state);
    if (!r && (groups & VEMU_STATE_EVENTS))
        r = set_events(c, &state->events);
    if (!r && (groups & VEMU_STATE_MP))
        r = set_mp(c, state->mp_state);
    if (groups & (VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_FPU | VEMU_STATE_DEBUGREGS)) {
        if (groups & VEMU_STATE_SREGS)
            sc_tlb_flush_all(c);
        sc_set_cpl(c, implied_cpl(c));
    }
    sc_async_set(c, SC_A_INTR);
    return r;
}

void sc_state_settle(struct sc_cpu *c)
{
    unsigned stale = c->stale;

    if (SC_LIKELY(!stale))
        return;
    c->stale = 0;
    if ((stale & SC_STALE_PDPTE) && sc_load_pdptes(c, c->cr3))
        sc_log(c->vm, SC_LOG_WARNING, "vCPU %u: the restored CR3 points to reserved bits", c->id);
    if (stale & SC_STALE_CLOCK)
        sc_kvmclock_update(c);
}
