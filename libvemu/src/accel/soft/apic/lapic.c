/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local APIC: registers through the xAPIC page and the x2APIC MSRs, priorities, EOI, the
 * virtual wire to the 8259 (SDM 3.11).
 *
 * Delivery sets a bit in IRR from any thread and SC_A_INTR in the target's async word. The run loop
 * then asks sc_lapic_pending() and, when the interrupt can be taken, sc_lapic_ack(). Whatever may
 * make a held-back interrupt deliverable (EOI, TPR, the interrupt flag) ends in sc_intr_recheck().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/sys/io.h"
#include "accel/soft/apic/lapic.h"
#include "accel/soft/mem/mem.h"

#define VERSION 0x00050014u /* six LVT entries, an integrated APIC */

static const uint32_t lvt_writable[LVT_COUNT] = {
    [LVT_TIMER] = 0x700ff,  [LVT_THERMAL] = 0x107ff, [LVT_PERF] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff,  [LVT_LINT1] = 0x1a7ff,   [LVT_ERROR] = 0x100ff,
};

/* --- bit vectors ----------------------------------------------------------------------------- */

static int highest_atomic(_Atomic uint64_t bits[4])
{
    for (int n = 3; n >= 0; n--) {
        uint64_t v = atomic_load_explicit(&bits[n], memory_order_acquire);

        if (v)
            return n * 64 + 63 - __builtin_clzll(v);
    }
    return -1;
}

static int highest_isr(const struct sc_lapic *l)
{
    for (int n = 3; n >= 0; n--)
        if (l->isr[n])
            return n * 64 + 63 - __builtin_clzll(l->isr[n]);
    return -1;
}

static unsigned processor_priority(const struct sc_lapic *l)
{
    int isr = highest_isr(l);
    unsigned tpr = l->tpr;

    return isr >= 0 && ((unsigned)isr & 0xf0) > (tpr & 0xf0) ? (unsigned)isr & 0xf0 : tpr;
}

/* --- accepting ------------------------------------------------------------------------------ */

void sc_lapic_error(struct sc_cpu *target, uint32_t bit)
{
    struct sc_lapic *l = target->lapic;
    uint32_t lvt = l->lvt[LVT_ERROR];

    atomic_fetch_or(&l->esr_pending, bit);
    if (!(lvt & LVT_MASKED) && (lvt & 0xff) >= 16 && sc_lapic_accept(target, (uint8_t)lvt, false))
        sc_async_set(target, SC_A_INTR);
}

bool sc_lapic_accept(struct sc_cpu *target, uint8_t vector, bool level)
{
    struct sc_lapic *l = target->lapic;
    uint64_t bit = 1ull << (vector & 63);

    if (vector < 16) {
        sc_lapic_error(target, ESR_RECV_ILLEGAL);
        return false;
    }
    if (level)
        atomic_fetch_or(&l->tmr[vector >> 6], bit);
    else
        atomic_fetch_and(&l->tmr[vector >> 6], ~bit);
    return !(atomic_fetch_or(&l->irr[vector >> 6], bit) & bit);
}

/* The PIC's INTR reaches vCPU 0 through LINT0, or directly when the LAPIC is off. */
static bool extint_pending(const struct sc_cpu *c)
{
    const struct sc_lapic *l = c->lapic;
    uint32_t lint0;

    if (l->extint)
        return true;
    if (c->id || !atomic_load_explicit(&c->vm->extint, memory_order_acquire))
        return false;
    if (l->mode == SC_APIC_OFF)
        return true;
    lint0 = l->lvt[LVT_LINT0];
    return !(lint0 & LVT_MASKED) && LVT_MODE(lint0) == DM_EXTINT;
}

int sc_lapic_pending(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;
    int vector;

    if (SC_UNLIKELY(!l))
        return -1;
    sc_lapic_timer_sync(c);
    if (SC_UNLIKELY(l->inject >= 0))
        return l->inject;
    if (extint_pending(c))
        return -2;
    if (l->mode == SC_APIC_OFF)
        return -1;
    vector = highest_atomic(l->irr);
    if (vector < 0 || (unsigned)vector >> 4 <= processor_priority(l) >> 4)
        return -1;
    return vector;
}

int sc_lapic_ack(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;
    int vector = sc_lapic_pending(c);

    if (vector == -1)
        return -1;
    if (l->inject >= 0) {
        l->inject = -1;
        return vector;
    }
    if (vector == -2) {
        atomic_store(&l->extint, false);
        if (!c->vm->config.callbacks.pic_ack)
            return -1;
        SC_CALLBACK(c, vector = c->vm->config.callbacks.pic_ack(c->vm->config.callbacks.data));
        return vector;
    }
    atomic_fetch_and(&l->irr[vector >> 6], ~(1ull << (vector & 63)));
    l->isr[vector >> 6] |= 1ull << (vector & 63);
    return vector;
}

void sc_lapic_inject(struct sc_cpu *c, int vector)
{
    if (!c->lapic)
        return;
    c->lapic->inject = vector;
    if (vector >= 0)
        sc_async_set(c, SC_A_INTR);
}

static void end_of_interrupt(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;
    const struct vemu_accel_callbacks *cb = &c->vm->config.callbacks;
    int vector = highest_isr(l);
    uint64_t bit;

    if (vector < 0)
        return;
    bit = 1ull << (vector & 63);
    l->isr[vector >> 6] &= ~bit;
    if ((l->tmr[vector >> 6] & bit) && cb->ioapic_eoi) {
        SC_CALLBACK(c, cb->ioapic_eoi(cb->data, (uint8_t)vector));
    }
    sc_intr_recheck(c);
}

/* --- mode and base address -------------------------------------------------------------------- */

static void clear_registers(struct sc_cpu *c)
{
    struct sc_lapic *l = c->lapic;

    for (int n = 0; n < 4; n++) {
        l->irr[n] = 0;
        l->tmr[n] = 0;
        l->isr[n] = 0;
    }
    l->ldr = l->mode == SC_APIC_X2APIC ? sc_lapic_x2_ldr(l->id) : 0;
    l->dfr = DFR_FLAT;
    l->svr = 0xff;
    l->tpr = 0;
    for (int n = 0; n < LVT_COUNT; n++)
        l->lvt[n] = LVT_MASKED;
    l->esr = 0;
    l->esr_pending = 0;
    l->icr = 0;
    l->extint = false;
    l->divide = 0;
    l->initial = 0;
    sc_lapic_timer_stop(c);
}

static void set_mode(struct sc_cpu *c, unsigned mode)
{
    struct sc_lapic *l = c->lapic;

    if (l->mode == mode)
        return;
    l->id = mode == SC_APIC_X2APIC ? c->id : c->id & 0xff;
    l->mode = (uint8_t)mode;
    if (mode == SC_APIC_OFF)
        clear_registers(c);
    else if (mode == SC_APIC_X2APIC)
        l->ldr = sc_lapic_x2_ldr(c->id);
}

static int base_mode(uint64_t base)
{
    switch (base & (APIC_BASE_ENABLE | APIC_BASE_EXTD)) {
    case 0: return SC_APIC_OFF;
    case APIC_BASE_ENABLE: return SC_APIC_XAPIC;
    case APIC_BASE_ENABLE | APIC_BASE_EXTD: return SC_APIC_X2APIC;
    default: return -1; /* EXTD without EN */
    }
}

static bool base_reserved(const struct sc_cpu *c, uint64_t v)
{
    uint64_t address = ((1ull << (c->phys_bits ? c->phys_bits : 40)) - 1) & SC_PAGE_MASK;

    return v & ~(address | APIC_BASE_BSP | APIC_BASE_ENABLE | APIC_BASE_EXTD);
}

static void apply_base(struct sc_cpu *c, uint64_t v, int mode)
{
    bool moved = (c->apic_base ^ v) & ~(uint64_t)APIC_BASE_BSP;

    c->apic_base = v;
    set_mode(c, (unsigned)mode);
    if (moved) /* the page under the registers is seen or hidden now */
        sc_tlb_flush_all(c);
}

/* SDM 3.11.12.5, figure 11-27: x2APIC is entered from xAPIC and left by switching off. */
static int write_base(struct sc_cpu *c, uint64_t v)
{
    int mode = base_mode(v), old = c->lapic->mode;

    if (base_reserved(c, v) || mode < 0)
        return -1;
    if (mode == SC_APIC_X2APIC && !sc_has(c, SC_CPUID_1_ECX, 21))
        return -1;
    if ((old == SC_APIC_OFF && mode == SC_APIC_X2APIC) ||
        (old == SC_APIC_X2APIC && mode == SC_APIC_XAPIC))
        return -1;
    apply_base(c, v, mode);
    sc_intr_recheck(c);
    return 0;
}

int sc_lapic_restore_base(struct sc_cpu *c, uint64_t v)
{
    int mode = base_mode(v);

    if (base_reserved(c, v) || mode < 0)
        return -1;
    if (c->lapic)
        apply_base(c, v, mode);
    return 0;
}

bool sc_lapic_covers(struct sc_cpu *c, uint64_t gpa)
{
    if (c->assist) /* the owner has it: sc_assist_mmio() */
        return false;
    return c->lapic && c->lapic->mode == SC_APIC_XAPIC &&
           (gpa & SC_PAGE_MASK) == (c->apic_base & SC_PAGE_MASK);
}

int sc_lapic_init(struct sc_cpu *c)
{
    c->lapic = calloc(1, sizeof(*c->lapic));
    if (!c->lapic)
        return -ENOMEM;
    c->lapic->expiry = SC_NEVER;
    c->lapic->inject = -1;
    sc_lapic_reset(c, false);
    return 0;
}

void sc_lapic_fini(struct sc_cpu *c)
{
    free(c->lapic);
    c->lapic = NULL;
}

void sc_lapic_set_offline(struct sc_cpu *c)
{
    set_mode(c, SC_APIC_OFF);
}

void sc_lapic_reset(struct sc_cpu *c, bool init)
{
    struct sc_lapic *l = c->lapic;

    if (!l)
        return;
    if (!init) {
        l->mode = SC_APIC_XAPIC;
        l->id = c->id & 0xff;
        l->inject = -1;
        c->apic_base = 0xfee00000u | APIC_BASE_ENABLE | (c->id ? 0 : APIC_BASE_BSP);
    }
    clear_registers(c);
    /* Firmware leaves the boot processor in virtual-wire mode, and kernels loaded without firmware
     * rely on it; so does KVM. */
    if (!init && c->id == 0)
        l->lvt[LVT_LINT0] = DM_EXTINT << 8;
}

/* --- registers ------------------------------------------------------------------------------ */

static uint32_t half(uint64_t v, unsigned n)
{
    return (uint32_t)(v >> (n & 1) * 32);
}

/* False: no such register. */
static bool read_reg(struct sc_cpu *c, unsigned offset, uint32_t *ret)
{
    struct sc_lapic *l = c->lapic;
    unsigned n = (offset >> 4) & 7;

    switch (offset) {
    case APIC_ID: *ret = l->mode == SC_APIC_X2APIC ? l->id : l->id << 24; break;
    case APIC_VERSION: *ret = VERSION; break;
    case APIC_TPR: *ret = l->tpr; break;
    case APIC_PPR: *ret = processor_priority(l); break;
    case APIC_APR:
    case APIC_RRD:
    case APIC_EOI: *ret = 0; break;
    case APIC_LDR: *ret = l->ldr; break;
    case APIC_DFR: *ret = l->dfr; break;
    case APIC_SVR: *ret = l->svr; break;
    case APIC_ISR ... APIC_ISR + 0x70: *ret = half(l->isr[n / 2], n); break;
    case APIC_TMR ... APIC_TMR + 0x70: *ret = half(l->tmr[n / 2], n); break;
    case APIC_IRR ... APIC_IRR + 0x70:
        sc_lapic_timer_sync(c);
        *ret = half(l->irr[n / 2], n);
        break;
    case APIC_ESR: *ret = l->esr; break;
    case APIC_ICR: *ret = (uint32_t)l->icr; break;
    case APIC_ICR2: *ret = (uint32_t)(l->icr >> 32); break;
    case APIC_LVT_TIMER ... APIC_LVT_ERROR: *ret = l->lvt[(offset - APIC_LVT_TIMER) >> 4]; break;
    case APIC_TIMER_INITIAL: *ret = l->initial; break;
    case APIC_TIMER_CURRENT: *ret = sc_lapic_timer_current(c); break;
    case APIC_TIMER_DIVIDE: *ret = l->divide; break;
    default: return false;
    }
    return !(offset & 15);
}

static void write_lvt(struct sc_cpu *c, unsigned n, uint32_t v)
{
    struct sc_lapic *l = c->lapic;
    uint32_t old = l->lvt[n];

    v &= lvt_writable[n];
    if (!(l->svr & SVR_ENABLE))
        v |= LVT_MASKED; /* SDM 3.11.4.7.2: entries of a disabled APIC stay masked */
    if (n == LVT_TIMER) {
        sc_lapic_timer_sync(c);
        l->lvt[n] = v;
        sc_lapic_timer_lvt(c, old, v);
    } else {
        l->lvt[n] = v;
    }
    if (n == LVT_LINT0)
        sc_intr_recheck(c);
}

static void write_svr(struct sc_cpu *c, uint32_t v)
{
    struct sc_lapic *l = c->lapic;

    l->svr = v & 0x1ff;
    if (!(v & SVR_ENABLE))
        for (int n = 0; n < LVT_COUNT; n++)
            atomic_fetch_or(&l->lvt[n], LVT_MASKED);
}

/* False: no such register, or not writable. */
static bool write_reg(struct sc_cpu *c, unsigned offset, uint32_t v)
{
    struct sc_lapic *l = c->lapic;

    switch (offset) {
    case APIC_TPR:
        l->tpr = (uint8_t)v;
        sc_intr_recheck(c);
        return true;
    case APIC_EOI: end_of_interrupt(c); return true;
    case APIC_LDR: l->ldr = v & 0xff000000u; return true;
    case APIC_DFR: l->dfr = v | 0x0fffffffu; return true;
    case APIC_SVR: write_svr(c, v); return true;
    case APIC_ESR: l->esr = atomic_exchange(&l->esr_pending, 0); return true;
    case APIC_ICR:
        l->icr = (l->icr & 0xffffffff00000000u) | (v & 0x000ccfffu);
        sc_lapic_send(c);
        return true;
    case APIC_ICR2: l->icr = (uint64_t)v << 32 | (uint32_t)l->icr; return true;
    case APIC_LVT_TIMER: case APIC_LVT_THERMAL: case APIC_LVT_PERF:
    case APIC_LVT_LINT0: case APIC_LVT_LINT1: case APIC_LVT_ERROR:
        write_lvt(c, (offset - APIC_LVT_TIMER) >> 4, v);
        return true;
    case APIC_TIMER_INITIAL: sc_lapic_timer_start(c, v, v); return true;
    case APIC_TIMER_DIVIDE: sc_lapic_timer_divide(c, v); return true;
    case APIC_ID: /* read-only since the Xeon 7500; old code writes its own id */
    case APIC_VERSION: return true;
    default: return false;
    }
}

uint32_t sc_lapic_read(struct sc_cpu *c, unsigned offset)
{
    uint32_t v = 0;

    if (!read_reg(c, offset & 0xff0, &v))
        sc_lapic_error(c, ESR_REGISTER);
    return v;
}

void sc_lapic_write(struct sc_cpu *c, unsigned offset, uint32_t v)
{
    if (!write_reg(c, offset & 0xff0, v))
        sc_lapic_error(c, ESR_REGISTER);
}

uint8_t sc_lapic_tpr(struct sc_cpu *c)
{
    return c->lapic ? c->lapic->tpr >> 4 : 0;
}

void sc_lapic_set_tpr(struct sc_cpu *c, uint8_t v)
{
    if (!c->lapic)
        return;
    c->lapic->tpr = (uint8_t)(v << 4);
    sc_intr_recheck(c);
}

/* --- MSRs ----------------------------------------------------------------------------------- */

#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u

int sc_lapic_rdmsr(struct sc_cpu *c, uint32_t index, uint64_t *v)
{
    unsigned offset = (index - 0x800) << 4;
    uint32_t v32;

    if (!c->lapic)
        return -1;
    if (index == MSR_APIC_BASE) {
        *v = c->apic_base;
        return 0;
    }
    if (index == MSR_TSC_DEADLINE) {
        if (!sc_has(c, SC_CPUID_1_ECX, 24))
            return -1;
        *v = sc_lapic_deadline(c);
        return 0;
    }
    if (index < 0x800 || index > 0x8ff || c->lapic->mode != SC_APIC_X2APIC)
        return -1;
    switch (offset) {
    case APIC_APR: case APIC_RRD: case APIC_EOI: case APIC_DFR: case APIC_ICR2:
        return -1; /* not in x2APIC mode, or write-only */
    case APIC_ICR: *v = c->lapic->icr; return 0;
    default: break;
    }
    if (!read_reg(c, offset, &v32))
        return -1;
    *v = v32;
    return 0;
}

/* Reserved bits of x2APIC registers raise #GP (SDM 3.11.12.1.3). */
static bool x2_reserved(unsigned offset, uint64_t v)
{
    switch (offset) {
    case APIC_TPR: return v > 0xff;
    case APIC_EOI:
    case APIC_ESR: return v != 0;
    case APIC_SVR: return v & ~0x1ffull;
    case APIC_LVT_TIMER ... APIC_LVT_ERROR:
        if (offset & 15)
            return true;
        /* Delivery status (and remote IRR of the pins) may be written, to no effect. */
        return v & ~(uint64_t)(lvt_writable[(offset - APIC_LVT_TIMER) >> 4] | 0x5000);
    case APIC_TIMER_INITIAL: return v >> 32;
    case APIC_TIMER_DIVIDE: return v & ~0xbull;
    default: return true;
    }
}

int sc_lapic_wrmsr(struct sc_cpu *c, uint32_t index, uint64_t v)
{
    unsigned offset = (index - 0x800) << 4;

    if (!c->lapic)
        return -1;
    if (index == MSR_APIC_BASE)
        return write_base(c, v);
    if (index == MSR_TSC_DEADLINE) {
        if (!sc_has(c, SC_CPUID_1_ECX, 24))
            return -1;
        sc_lapic_set_deadline(c, v);
        return 0;
    }
    if (index < 0x800 || index > 0x8ff || c->lapic->mode != SC_APIC_X2APIC)
        return -1;
    if (offset == APIC_ICR) {
        if (v & 0xfff32000u)
            return -1;
        c->lapic->icr = v & ~0x1000ull;
        sc_lapic_send(c);
        return 0;
    }
    if (offset == APIC_SELF_IPI) {
        if (v > 0xff)
            return -1;
        if (sc_lapic_accept(c, (uint8_t)v, false))
            sc_intr_recheck(c);
        return 0;
    }
    if (x2_reserved(offset, v))
        return -1;
    return write_reg(c, offset, (uint32_t)v) ? 0 : -1;
}

/* --- saved state: the register page as KVM_GET_LAPIC has it ----------------------------------- */

static void put32(uint8_t *page, unsigned offset, uint32_t v)
{
    memcpy(page + offset, &v, 4);
}

static uint32_t take32(const uint8_t *page, unsigned offset)
{
    uint32_t v;

    memcpy(&v, page + offset, 4);
    return v;
}

void sc_lapic_get(struct sc_cpu *c, uint8_t page[1024])
{
    uint32_t v;

    memset(page, 0, 1024);
    if (!c->lapic)
        return;
    for (unsigned offset = 0; offset < 1024; offset += 16)
        if (read_reg(c, offset, &v))
            put32(page, offset, v);
}

int sc_lapic_set(struct sc_cpu *c, const uint8_t page[1024])
{
    struct sc_lapic *l = c->lapic;
    uint32_t initial, current;

    if (!l)
        return -EINVAL;
    clear_registers(c);
    l->tpr = (uint8_t)take32(page, APIC_TPR);
    if (l->mode != SC_APIC_X2APIC) {
        l->ldr = take32(page, APIC_LDR) & 0xff000000u;
        l->dfr = take32(page, APIC_DFR) | 0x0fffffffu;
    }
    l->svr = take32(page, APIC_SVR) & 0x1ff;
    for (unsigned n = 0; n < 4; n++) {
        l->isr[n] = take32(page, APIC_ISR + n * 32) |
                    (uint64_t)take32(page, APIC_ISR + n * 32 + 16) << 32;
        l->tmr[n] = take32(page, APIC_TMR + n * 32) |
                    (uint64_t)take32(page, APIC_TMR + n * 32 + 16) << 32;
        l->irr[n] = take32(page, APIC_IRR + n * 32) |
                    (uint64_t)take32(page, APIC_IRR + n * 32 + 16) << 32;
    }
    l->irr[0] &= ~0xffffull; /* vectors 0..15 cannot be there */
    l->isr[0] &= ~0xffffull;
    l->esr = take32(page, APIC_ESR) & 0xff;
    l->icr = (uint64_t)take32(page, APIC_ICR2) << 32 | (take32(page, APIC_ICR) & 0x000ccfffu);
    for (unsigned n = 0; n < LVT_COUNT; n++)
        l->lvt[n] = take32(page, APIC_LVT_TIMER + n * 16) & lvt_writable[n];
    l->divide = take32(page, APIC_TIMER_DIVIDE) & 0xb;
    initial = take32(page, APIC_TIMER_INITIAL);
    current = take32(page, APIC_TIMER_CURRENT);
    if (TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_PERIODIC && !current)
        current = initial;
    if (current > initial)
        current = initial;
    sc_lapic_timer_start(c, initial, current);
    sc_async_set(c, SC_A_INTR);
    return 0;
}
