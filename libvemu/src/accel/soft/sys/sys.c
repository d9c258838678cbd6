/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control registers, EFER and RFLAGS with all the checks of the SDM (3.2.5, Vol. 2 MOV CR), and
 * reset.
 */
#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/sys.h"

#define CR0_KNOWN                                                                                  \
    (SC_CR0_PE | SC_CR0_MP | SC_CR0_EM | SC_CR0_TS | SC_CR0_NE | SC_CR0_WP | SC_CR0_AM |           \
     SC_CR0_NW | SC_CR0_CD | SC_CR0_PG)

/* --- RFLAGS --------------------------------------------------------------------------------- */

void sc_intr_recheck(struct sc_cpu *c)
{
    const bool asked = c->assist && atomic_load(&c->assist->irq_due);

    /* With interrupts off, too: IRET does not ask again. */
    if (asked || sc_lapic_pending(c) != -1)
        atomic_fetch_or_explicit(&c->async, SC_A_INTR, memory_order_relaxed);
}

void sc_set_rflags(struct sc_cpu *c, uint64_t v, uint32_t mask)
{
    uint32_t old = c->eflags, set = (uint32_t)v & mask;

    if (mask & SC_ARITH)
        sc_flags_set_arith(c, (sc_flags_arith(c) & ~mask) | (set & SC_ARITH));
    mask &= ~SC_ARITH;
    c->eflags = (old & ~mask) | (set & mask);
    if ((old ^ c->eflags) & (SC_TF | SC_AC | SC_VM))
        sc_update_mode(c);
    if (c->eflags & ~old & SC_IF)
        sc_intr_recheck(c);
}

/* --- control registers ------------------------------------------------------------------------ */

/* PAE paging outside long mode keeps the four page-directory pointers in registers. */
static bool uses_pdptes(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & SC_CR0_PG) && (cr4 & SC_CR4_PAE) && !(efer & SC_EFER_LMA);
}

int sc_write_cr0(struct sc_cpu *c, uint64_t v)
{
    uint64_t old = c->cr0, efer = c->efer;
    bool pg = v & SC_CR0_PG;

    if (v >> 32)
        return -1;
    v = (v & CR0_KNOWN) | SC_CR0_ET;
    if ((pg && !(v & SC_CR0_PE)) || ((v & SC_CR0_NW) && !(v & SC_CR0_CD)))
        return -1;
    if (pg && !(old & SC_CR0_PG) && (efer & SC_EFER_LME)) {
        if (!(c->cr4 & SC_CR4_PAE) || c->seg[VEMU_CS].l)
            return -1;
        efer |= SC_EFER_LMA;
    }
    if (!pg && (old & SC_CR0_PG)) {
        if ((c->mode & SC_M_64) || (c->cr4 & SC_CR4_PCIDE))
            return -1;
        efer &= ~(uint64_t)SC_EFER_LMA;
    }
    if (((old ^ v) & (SC_CR0_PG | SC_CR0_CD | SC_CR0_NW)) && uses_pdptes(v, c->cr4, efer) &&
        sc_load_pdptes(c, c->cr3))
        return -1;
    c->cr0 = v;
    c->efer = efer;
    if ((old ^ v) & (SC_CR0_PG | SC_CR0_PE | SC_CR0_WP))
        sc_tlb_flush_all(c);
    sc_update_mode(c);
    return 0;
}

int sc_write_cr3(struct sc_cpu *c, uint64_t v)
{
    if (c->efer & SC_EFER_LMA) {
        if (c->cr4 & SC_CR4_PCIDE)
            v &= ~SC_CR3_KEEP; /* nothing is kept, which is allowed */
        if (v & ~sc_phys_mask(c))
            return -1;
    } else {
        v &= UINT32_MAX;
        if (uses_pdptes(c->cr0, c->cr4, c->efer) && sc_load_pdptes(c, v))
            return -1;
    }
    c->cr3 = v;
    sc_tlb_flush_nonglobal(c);
    return 0;
}

/* Only what is implemented; CPUID may show less, in which case the bit is reserved. */
uint64_t sc_cr4_allowed(struct sc_cpu *c)
{
    static const struct {
        uint32_t cr4;
        uint8_t word, bit;
    } needs[] = {
        {SC_CR4_TSD, SC_CPUID_1_EDX, 4},       {SC_CR4_DE, SC_CPUID_1_EDX, 2},
        {SC_CR4_PSE, SC_CPUID_1_EDX, 3},       {SC_CR4_PAE, SC_CPUID_1_EDX, 6},
        {SC_CR4_MCE, SC_CPUID_1_EDX, 7},       {SC_CR4_PGE, SC_CPUID_1_EDX, 13},
        {SC_CR4_OSFXSR, SC_CPUID_1_EDX, 24},   {SC_CR4_OSXMMEXCPT, SC_CPUID_1_EDX, 25},
        {SC_CR4_UMIP, SC_CPUID_7_ECX, 2},      {SC_CR4_FSGSBASE, SC_CPUID_7_EBX, 0},
        {SC_CR4_SMEP, SC_CPUID_7_EBX, 7},      {SC_CR4_SMAP, SC_CPUID_7_EBX, 20},
        {SC_CR4_PCIDE, SC_CPUID_1_ECX, 17},
    };
    uint64_t allowed = SC_CR4_PCE;

    for (unsigned n = 0; n < sizeof(needs) / sizeof(needs[0]); n++)
        if (sc_has(c, (enum sc_feature_word)needs[n].word, needs[n].bit))
            allowed |= needs[n].cr4;
    if (c->assist && sc_has(c, SC_CPUID_1_ECX, 26))
        allowed |= c->cr4 & SC_CR4_OSXSAVE; /* stays; a change is the owner's business */
    return allowed;
}

int sc_write_cr4(struct sc_cpu *c, uint64_t v)
{
    uint64_t old = c->cr4;

    if (v & ~sc_cr4_allowed(c))
        return -1;
    if ((c->efer & SC_EFER_LMA) && !(v & SC_CR4_PAE))
        return -1;
    if ((v & ~old & SC_CR4_PCIDE) && (!(c->efer & SC_EFER_LMA) || (c->cr3 & 0xfff)))
        return -1;
    if (((old ^ v) & (SC_CR4_PAE | SC_CR4_PGE | SC_CR4_PSE | SC_CR4_SMEP)) &&
        uses_pdptes(c->cr0, v, c->efer) && sc_load_pdptes(c, c->cr3))
        return -1;
    c->cr4 = v;
    if ((old ^ v) & (SC_CR4_PAE | SC_CR4_PGE | SC_CR4_PSE | SC_CR4_SMEP | SC_CR4_SMAP |
                     SC_CR4_PCIDE))
        sc_tlb_flush_all(c);
    sc_update_mode(c);
    return 0;
}

uint64_t sc_efer_allowed(struct sc_cpu *c)
{
    uint64_t allowed = 0;

    if (sc_has(c, SC_CPUID_81_EDX, 11))
        allowed |= SC_EFER_SCE;
    if (sc_has(c, SC_CPUID_81_EDX, 20))
        allowed |= SC_EFER_NXE;
    if (sc_has(c, SC_CPUID_81_EDX, 29))
        allowed |= SC_EFER_LME | SC_EFER_LMA;
    return allowed;
}

int sc_write_efer(struct sc_cpu *c, uint64_t v)
{
    uint64_t old = c->efer;

    if (v & ~sc_efer_allowed(c))
        return -1;
    if (((old ^ v) & SC_EFER_LME) && (c->cr0 & SC_CR0_PG))
        return -1;
    c->efer = (v & ~(uint64_t)SC_EFER_LMA) | (old & SC_EFER_LMA); /* LMA cannot be written */
    if ((old ^ v) & SC_EFER_NXE)
        sc_tlb_flush_all(c);
    sc_update_mode(c);
    return 0;
}

/* --- reset, INIT, SIPI ------------------------------------------------------------------------ */

#define ATTR(type, s, p) ((type) | (s) << 4 | (p) << 7)

/* SDM table 10-1: power-on, or INIT, which leaves FPU, MSRs and cache control alone. */
void sc_cpu_reset(struct sc_cpu *c, bool init)
{
    const struct vemu_cpuid_entry *id = sc_cpuid_find(&c->cpuid, 1, 0);

    memset(c->gpr, 0, sizeof(c->gpr));
    c->gpr[SC_R_4K] = 4096;
    c->gpr[VEMU_RDX] = id ? id->eax : 0x600;
    c->eflags = 0;
    sc_flags_set_arith(c, 0);
    c->rip = 0xfff0;
    c->cpl = 0;
    c->cr0 = SC_CR0_ET | (init ? c->cr0 & (SC_CR0_CD | SC_CR0_NW) : SC_CR0_CD | SC_CR0_NW);
    c->cr2 = c->cr3 = c->cr4 = c->efer = 0;
    memset(c->pdpte, 0, sizeof(c->pdpte));
    sc_set_seg_raw(c, VEMU_CS, 0xf000, 0xffff0000u, 0xffff, ATTR(0xb, 1, 1));
    for (unsigned n = 0; n < VEMU_SEG_COUNT; n++)
        if (n != VEMU_CS)
            sc_set_seg_raw(c, n, 0, 0, 0xffff, ATTR(0x3, 1, 1));
    c->ldt = (struct vemu_segment){.limit = 0xffff, .type = 2, .present = 1};
    c->tr = (struct vemu_segment){.limit = 0xffff, .type = 0xb, .present = 1};
    c->gdt = c->idt = (struct vemu_dtable){.limit = 0xffff};
    memset(c->dr, 0, sizeof(c->dr));
    c->dr6 = SC_DR6_FIXED;
    c->dr7 = 0x400;

    c->halted = 0;
    c->shadow = 0;
    c->nmi_masked = 0;
    c->exc_pending = false;
    c->exc_triple = false;
    c->delivering = 0;
    c->db_hits = 0;
    c->nmi_pending = false;
    c->link_from = NULL;
    sc_fpu_reset(c, init);
    sc_lapic_reset(c, init);
    if (!init) {
        atomic_fetch_and(&c->async, ~(SC_A_INTR | SC_A_NMI | SC_A_INIT | SC_A_SIPI));
        c->stale = 0;
        c->pauses = 0;
        sc_msr_reset(c);
        c->mp_state = c->id ? VEMU_MP_UNINITIALIZED : VEMU_MP_RUNNABLE;
    }
    sc_tlb_flush_all(c);
    sc_update_mode(c);
}

/* The boot processor starts at the reset vector, the others wait for a SIPI (SDM 3.9.4). */
void sc_accept_init(struct sc_cpu *c)
{
    atomic_fetch_and(&c->async, ~SC_A_INIT);
    sc_cpu_reset(c, true);
    c->mp_state = c->apic_base & 0x100 ? VEMU_MP_RUNNABLE : VEMU_MP_INIT_RECEIVED;
}

void sc_accept_sipi(struct sc_cpu *c)
{
    uint8_t vector = __atomic_load_n(&c->sipi_vector, __ATOMIC_ACQUIRE);

    atomic_fetch_and(&c->async, ~SC_A_SIPI);
    /* Firmware-less boot has no INIT for processors that never ran: power-on is as good. */
    if (c->mp_state != VEMU_MP_INIT_RECEIVED && c->mp_state != VEMU_MP_UNINITIALIZED)
        return;
    sc_set_seg_raw(c, VEMU_CS, (uint16_t)(vector << 8), (uint64_t)vector << 12, 0xffff,
                   ATTR(0xb, 1, 1));
    c->rip = 0;
    c->halted = 0;
    c->mp_state = VEMU_MP_RUNNABLE;
    sc_update_mode(c);
}
