/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local APIC's registers, shared by lapic.c (registers, priorities), apic/ipi.c (routing) and
 * apic/timer.c.
 *
 * Other threads deliver interrupts: they set IRR and TMR bits and read what decides about the
 * destination (mode, id, ldr, dfr, svr, tpr, lvt). These are atomic. All else belongs to the vCPU's
 * thread.
 */
#ifndef SC_LAPIC_H
#define SC_LAPIC_H

#include "accel/soft/sys/sys.h"

/* Register offsets in the xAPIC page (SDM 3.11.4.1); x2APIC MSR = 0x800 + offset / 16. */
enum {
    APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_APR = 0x90, APIC_PPR = 0xa0,
    APIC_EOI = 0xb0, APIC_RRD = 0xc0, APIC_LDR = 0xd0, APIC_DFR = 0xe0, APIC_SVR = 0xf0,
    APIC_ISR = 0x100, APIC_TMR = 0x180, APIC_IRR = 0x200, APIC_ESR = 0x280, APIC_ICR = 0x300,
    APIC_ICR2 = 0x310, APIC_LVT_TIMER = 0x320, APIC_LVT_THERMAL = 0x330, APIC_LVT_PERF = 0x340,
    APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380, APIC_TIMER_CURRENT = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
    APIC_SELF_IPI = 0x3f0,
};

enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
#define LVT_MASKED 0x10000u
#define LVT_MODE(lvt) (((lvt) >> 8) & 7)
#define TIMER_MODE(lvt) (((lvt) >> 17) & 3)
enum { TIMER_ONESHOT, TIMER_PERIODIC, TIMER_DEADLINE };

/* Delivery modes */
enum { DM_FIXED, DM_LOWEST, DM_SMI, DM_RESERVED, DM_NMI, DM_INIT, DM_SIPI, DM_EXTINT };

#define ESR_SEND_ILLEGAL 0x20u
#define ESR_RECV_ILLEGAL 0x40u
#define ESR_REGISTER 0x80u

#define SVR_ENABLE 0x100u
#define DFR_FLAT 0xffffffffu

#define APIC_BASE_BSP 0x100u
#define APIC_BASE_EXTD 0x400u
#define APIC_BASE_ENABLE 0x800u

struct sc_lapic {
    _Atomic uint64_t irr[4], tmr[4];
    _Atomic uint32_t id; /* 8 bits in xAPIC mode */
    _Atomic uint32_t ldr, dfr, svr;
    _Atomic uint32_t lvt[LVT_COUNT];
    _Atomic uint32_t esr_pending; /* errors since the last write to ESR */
    _Atomic uint8_t mode;         /* enum sc_lapic_mode */
    _Atomic uint8_t tpr;
    _Atomic bool timer_due; /* a deadline passed; the vCPU's thread has not looked yet */
    _Atomic bool extint;    /* an ExtINT message arrived (IOAPIC pin in that mode) */
    bool offline;           /* the vCPU was destroyed */
    uint64_t isr[4];
    uint32_t esr;
    uint64_t icr; /* destination in the high half, as x2APIC has it */
    int inject;   /* see sc_lapic_inject() */
    /* Timer. In count modes `expiry` is the guest time of the next one, SC_NEVER when stopped. */
    uint32_t initial, divide;
    uint64_t expiry;
    uint64_t tsc_deadline; /* 0: disarmed */
};

/* --- lapic.c -------------------------------------------------------------------------------- */
/* Puts a vector into the target's IRR. False: it was there already, or is no legal vector. Does not
 * look at the software enable. Context: any. */
bool sc_lapic_accept(struct sc_cpu *target, uint8_t vector, bool level);
void sc_lapic_error(struct sc_cpu *target, uint32_t bit); /* any thread */

/* --- apic/ipi.c ----------------------------------------------------------------------------- */
void sc_lapic_send(struct sc_cpu *c); /* the ICR was written */
uint32_t sc_lapic_x2_ldr(uint32_t id);

/* --- apic/timer.c --------------------------------------------------------------------------- */
void sc_lapic_timer_sync(struct sc_cpu *c); /* takes note of an expiry */
uint32_t sc_lapic_timer_current(struct sc_cpu *c);
void sc_lapic_timer_start(struct sc_cpu *c, uint32_t initial, uint32_t remaining);
void sc_lapic_timer_divide(struct sc_cpu *c, uint32_t v);
void sc_lapic_timer_lvt(struct sc_cpu *c, uint32_t old, uint32_t v);
void sc_lapic_timer_stop(struct sc_cpu *c);
uint64_t sc_lapic_deadline(struct sc_cpu *c); /* IA32_TSC_DEADLINE */
void sc_lapic_set_deadline(struct sc_cpu *c, uint64_t v);

#endif
