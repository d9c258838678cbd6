/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The local APIC: registers, priorities, IPIs, MSIs, timer, mode transitions, ExtINT. */
#include <check.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "accel/soft/apic/lapic.h"
#include "harness.h"

static struct sc_harness *h;
static struct sc_cpu *c0, *c1;
static int eois, last_eoi, pic_vector;

static void on_eoi(void *data, uint8_t vector)
{
    eois++;
    last_eoi = vector;
}
static int on_ack(void *data)
{
    int v = pic_vector;

    pic_vector = -1;
    h->vm.extint = false;
    return v;
}

static void setup(void)
{
    h = sc_harness_new_smp(SC_HARNESS_64, 1, 4);
    h->vm.config.callbacks.ioapic_eoi = on_eoi;
    h->vm.config.callbacks.pic_ack = on_ack;
    eois = 0;
    last_eoi = pic_vector = -1;
    c0 = h->vm.cpus[0];
    c1 = h->vm.cpus[1];
    for (unsigned n = 0; n < 4; n++)
        sc_lapic_write(h->vm.cpus[n], APIC_SVR, 0x1ff);
    atomic_store(&c0->async, 0);
    atomic_store(&c1->async, 0);
}
static void teardown(void)
{
    sc_harness_free(h);
}

static bool in_irr(struct sc_cpu *c, unsigned vector)
{
    return c->lapic->irr[vector >> 6] >> (vector & 63) & 1;
}

START_TEST(reset_values)
{
    struct sc_cpu *c = c1;

    sc_lapic_reset(c, false);
    ck_assert_uint_eq(sc_lapic_read(c, APIC_ID), 1u << 24);
    ck_assert_uint_eq(sc_lapic_read(c, APIC_VERSION), 0x50014);
    ck_assert_uint_eq(sc_lapic_read(c, APIC_SVR), 0xff);
    ck_assert_uint_eq(sc_lapic_read(c, APIC_DFR), 0xffffffff);
    ck_assert_uint_eq(sc_lapic_read(c, APIC_LVT_LINT0), LVT_MASKED);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_LVT_LINT1), LVT_MASKED);
    ck_assert(sc_lapic_covers(c, 0xfee00300));
    ck_assert(!sc_lapic_covers(c, 0xfee01000));
    ck_assert_uint_eq(c0->apic_base, 0xfee00900);
    ck_assert_uint_eq(c1->apic_base, 0xfee00800);
}
END_TEST

START_TEST(priorities)
{
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
    ck_assert(sc_lapic_accept(c0, 0x31, false));
    ck_assert(!sc_lapic_accept(c0, 0x31, false)); /* coalesced */
    ck_assert(sc_lapic_accept(c0, 0x42, false));
    ck_assert_int_eq(sc_lapic_pending(c0), 0x42);
    sc_lapic_write(c0, APIC_TPR, 0x40);
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
    ck_assert_uint_eq(sc_lapic_tpr(c0), 4);
    sc_lapic_set_tpr(c0, 3);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_TPR), 0x30);
    ck_assert_int_eq(sc_lapic_ack(c0), 0x42);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_PPR), 0x40);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_ISR + 0x20), 4);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_IRR + 0x10), 1u << 17);
    sc_lapic_set_tpr(c0, 0);
    ck_assert_int_eq(sc_lapic_pending(c0), -1); /* 0x31 is below 0x42 in service */
    ck_assert(sc_lapic_accept(c0, 0x51, false));
    ck_assert_int_eq(sc_lapic_ack(c0), 0x51); /* nested */
    sc_lapic_write(c0, APIC_EOI, 0);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_PPR), 0x40);
    c0->eflags |= SC_IF;
    atomic_store(&c0->async, 0);
    sc_lapic_write(c0, APIC_EOI, 0);
    ck_assert_uint_eq(c0->async & SC_A_INTR, SC_A_INTR); /* 0x31 can come now */
    ck_assert_int_eq(sc_lapic_ack(c0), 0x31);
    ck_assert_int_eq(eois, 0); /* all edge */
}
END_TEST

START_TEST(level_eoi)
{
    ck_assert_int_eq(sc_lapic_msi(&h->vm, 0xfee00000, 0x8000 | 0x4000 | 0x61), 1);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_TMR + 0x30), 2);
    ck_assert_int_eq(sc_lapic_ack(c0), 0x61);
    sc_lapic_write(c0, APIC_EOI, 0);
    ck_assert_int_eq(eois, 1);
    ck_assert_int_eq(last_eoi, 0x61);
    /* the same vector as edge clears TMR */
    ck_assert_int_eq(sc_lapic_msi(&h->vm, 0xfee00000, 0x61), 1);
    ck_assert_int_eq(sc_lapic_ack(c0), 0x61);
    sc_lapic_write(c0, APIC_EOI, 0);
    ck_assert_int_eq(eois, 1);
    sc_lapic_write(c0, APIC_EOI, 0); /* nothing in service: ignored */
    ck_assert_int_eq(eois, 1);
}
END_TEST

START_TEST(msi_destinations)
{
    struct sc_vm *vm = &h->vm;

    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee01000, 0x30), 1);
    ck_assert(in_irr(c1, 0x30) && !in_irr(c0, 0x30));
    ck_assert_uint_eq(c1->async & SC_A_INTR, SC_A_INTR);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee09000, 0x31), 0); /* nobody */
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfeeff000, 0x32), 1); /* broadcast */
    for (unsigned n = 0; n < 4; n++)
        ck_assert(in_irr(vm->cpus[n], 0x32));
    /* flat logical */
    sc_lapic_write(c0, APIC_LDR, 1u << 24);
    sc_lapic_write(c1, APIC_LDR, 2u << 24);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee02004, 0x33), 1);
    ck_assert(in_irr(c1, 0x33) && !in_irr(c0, 0x33));
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee03004, 0x34), 1);
    ck_assert(in_irr(c1, 0x34) && in_irr(c0, 0x34));
    /* cluster logical: cluster 1, member 2 */
    sc_lapic_write(c1, APIC_DFR, 0x0fffffff);
    sc_lapic_write(c1, APIC_LDR, 0x12u << 24);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee12004, 0x35), 1);
    ck_assert(in_irr(c1, 0x35));
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee14004, 0x36), 0);
    /* lowest priority: the one with the lower TPR only */
    sc_lapic_write(c1, APIC_DFR, 0xffffffff);
    sc_lapic_write(c1, APIC_LDR, 2u << 24);
    sc_lapic_write(c0, APIC_TPR, 0x20);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee0300c, 0x137), 1);
    ck_assert(in_irr(c1, 0x37) && !in_irr(c0, 0x37));
    /* NMI; reserved modes; not an interrupt address */
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee01000, 0x400), 1);
    ck_assert_uint_eq(c1->async & SC_A_NMI, SC_A_NMI);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee01000, 0x630), 0);
    ck_assert_int_lt(sc_lapic_msi(vm, 0xfed00000, 0x30), 0);
    /* a software-disabled APIC takes no fixed interrupts, but NMI */
    sc_lapic_write(c1, APIC_SVR, 0xff);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee01000, 0x38), 0);
    ck_assert_int_eq(sc_lapic_msi(vm, 0xfee01000, 0x400), 1);
}
END_TEST

START_TEST(ipis)
{
    sc_lapic_write(c0, APIC_ICR2, 1u << 24);
    sc_lapic_write(c0, APIC_ICR, 0x40);
    ck_assert(in_irr(c1, 0x40) && !in_irr(c0, 0x40));
    sc_lapic_write(c0, APIC_ICR, 0x40000 | 0x41); /* self */
    ck_assert(in_irr(c0, 0x41) && !in_irr(c1, 0x41));
    sc_lapic_write(c0, APIC_ICR, 0x80000 | 0x42); /* all */
    ck_assert(in_irr(c0, 0x42) && in_irr(c1, 0x42));
    sc_lapic_write(c0, APIC_ICR, 0xc0000 | 0x43); /* others */
    ck_assert(!in_irr(c0, 0x43) && in_irr(c1, 0x43) && in_irr(h->vm.cpus[3], 0x43));
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_ICR), 0xc0043);
    /* INIT, SIPI */
    sc_lapic_write(c0, APIC_ICR, 0x4500);
    ck_assert_uint_eq(c1->async & SC_A_INIT, SC_A_INIT);
    sc_lapic_write(c0, APIC_ICR, 0x8500); /* de-assert: nothing */
    ck_assert_uint_eq(c1->async & SC_A_SIPI, 0);
    sc_accept_init(c1);
    ck_assert_int_eq(c1->mp_state, VEMU_MP_INIT_RECEIVED);
    sc_lapic_write(c0, APIC_ICR, 0x4600 | 0x9a);
    ck_assert_uint_eq(c1->async & SC_A_SIPI, SC_A_SIPI);
    sc_accept_sipi(c1);
    ck_assert_int_eq(c1->mp_state, VEMU_MP_RUNNABLE);
    ck_assert_uint_eq(c1->seg[VEMU_CS].base, 0x9a000);
    ck_assert_uint_eq(c1->seg[VEMU_CS].selector, 0x9a00);
    ck_assert_uint_eq(c1->rip, 0);
    /* a second SIPI is ignored */
    c1->rip = 0x123;
    sc_lapic_write(c0, APIC_ICR, 0x4600 | 0x11);
    sc_accept_sipi(c1);
    ck_assert_uint_eq(c1->rip, 0x123);
}
END_TEST

START_TEST(errors)
{
    sc_lapic_write(c0, APIC_LVT_ERROR, 0x50);
    sc_lapic_write(c0, APIC_ICR2, 1u << 24);
    sc_lapic_write(c0, APIC_ICR, 0x05); /* vector below 16 */
    ck_assert(in_irr(c0, 0x50));
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_ESR), 0); /* latched by a write only */
    sc_lapic_write(c0, APIC_ESR, 0);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_ESR), ESR_SEND_ILLEGAL);
    sc_lapic_msi(&h->vm, 0xfee00000, 0x07);
    sc_lapic_read(c0, 0x3f0);
    sc_lapic_write(c0, APIC_ESR, 0);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_ESR), ESR_RECV_ILLEGAL | ESR_REGISTER);
    sc_lapic_write(c0, APIC_ESR, 0);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_ESR), 0);
}
END_TEST

START_TEST(disable_masks_lvt)
{
    sc_lapic_write(c0, APIC_LVT_PERF, 0x66);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_LVT_PERF), 0x66);
    sc_lapic_write(c0, APIC_SVR, 0xff);
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_LVT_PERF), LVT_MASKED | 0x66);
    sc_lapic_write(c0, APIC_LVT_PERF, 0x67); /* stays masked */
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_LVT_PERF), LVT_MASKED | 0x67);
}
END_TEST

START_TEST(extint)
{
    pic_vector = 0x20;
    h->vm.extint = true;
    /* virtual wire from reset on, so that kernels loaded without firmware see the PIC */
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_LVT_LINT0), DM_EXTINT << 8);
    ck_assert_int_eq(sc_lapic_pending(c0), -2);
    ck_assert_int_eq(sc_lapic_pending(c1), -1); /* wired to vCPU 0 only */
    sc_lapic_write(c0, APIC_LVT_LINT0, LVT_MASKED | 0x700);
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
    /* hardware-disabled: INTR goes straight to the processor */
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x1b, 0xfee00100), 0);
    ck_assert_int_eq(sc_lapic_pending(c0), -2);
    ck_assert_int_eq(sc_lapic_ack(c0), 0x20);
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
    ck_assert_int_eq(sc_lapic_ack(c0), -1);
    ck_assert(!sc_lapic_covers(c0, 0xfee00000));
}
END_TEST

START_TEST(modes)
{
    uint64_t v;

    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x1b, 0xfee00500), -1);          /* EXTD without EN */
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x1b, 0xfee00900 | 1), -1);      /* reserved */
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x1b, 0xfee00900 | 1ull << 45), -1);
    ck_assert_int_eq(sc_lapic_rdmsr(c0, 0x802, &v), -1);                 /* not in x2APIC mode */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x1b, 0xfee00c00), 0);
    ck_assert(!sc_lapic_covers(c1, 0xfee00000));
    ck_assert_int_eq(sc_lapic_rdmsr(c1, 0x802, &v), 0);
    ck_assert_uint_eq(v, 1);
    ck_assert_int_eq(sc_lapic_rdmsr(c1, 0x80d, &v), 0);
    ck_assert_uint_eq(v, 2); /* cluster 0, bit 1 */
    ck_assert_int_eq(sc_lapic_rdmsr(c1, 0x80e, &v), -1);                 /* no DFR */
    ck_assert_int_eq(sc_lapic_rdmsr(c1, 0x80b, &v), -1);                 /* EOI is write-only */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x80b, 1), -1);
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x80b, 0), 0);
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x802, 1), -1);                  /* read-only */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x808, 0x100), -1);              /* reserved TPR bits */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x832, 1ull << 32), -1);
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x83f, 0x44), 0);                /* self IPI */
    ck_assert(in_irr(c1, 0x44));
    /* a 32-bit destination in the one-write ICR; an IPI to an xAPIC */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x830, 0x45), 0);
    ck_assert(in_irr(c0, 0x45));
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x830, 0xffffffffull << 32 | 0x46), 0);
    ck_assert(in_irr(c0, 0x46) && in_irr(c1, 0x46));
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x1b, 0xfee00800), -1);          /* x2APIC -> xAPIC */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x1b, 0xfee00000), 0);
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x1b, 0xfee00c00), -1);          /* off -> x2APIC */
    ck_assert_int_eq(sc_lapic_wrmsr(c1, 0x1b, 0xfed00800), 0);
    ck_assert(sc_lapic_covers(c1, 0xfed00000));
    ck_assert_uint_eq(sc_lapic_read(c1, APIC_SVR), 0xff); /* reset by switching off */
}
END_TEST

/* --- timer: host time, so with generous limits ------------------------------------------------ */

static bool wait_pending(struct sc_cpu *c, int vector, unsigned ms)
{
    for (unsigned n = 0; n < ms; n++) {
        if (sc_lapic_pending(c) == vector)
            return true;
        usleep(1000);
    }
    return false;
}

START_TEST(timer_oneshot)
{
    uint32_t a, b;

    sc_lapic_write(c0, APIC_TIMER_DIVIDE, 0xb); /* by 1: 40 ns */
    sc_lapic_write(c0, APIC_LVT_TIMER, 0x70);
    sc_lapic_write(c0, APIC_TIMER_INITIAL, 50000000); /* 2 s */
    a = sc_lapic_read(c0, APIC_TIMER_CURRENT);
    usleep(2000);
    b = sc_lapic_read(c0, APIC_TIMER_CURRENT);
    ck_assert_uint_le(a, 50000000);
    ck_assert_uint_lt(b, a);
    ck_assert_uint_ge(a - b, 50000); /* 2 ms */
    sc_lapic_write(c0, APIC_TIMER_DIVIDE, 0x0); /* by 2: the count stays, its speed halves */
    a = sc_lapic_read(c0, APIC_TIMER_CURRENT);
    ck_assert_uint_le(a, b);
    sc_lapic_write(c0, APIC_TIMER_INITIAL, 0); /* stops */
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_TIMER_CURRENT), 0);
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
    atomic_store(&c0->async, 0);
    sc_lapic_write(c0, APIC_TIMER_INITIAL, 12500); /* 1 ms */
    ck_assert(wait_pending(c0, 0x70, 2000));
    ck_assert_uint_eq(c0->async & SC_A_INTR, SC_A_INTR); /* would have woken a halted vCPU */
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_TIMER_CURRENT), 0);
    ck_assert_int_eq(sc_lapic_ack(c0), 0x70);
    sc_lapic_write(c0, APIC_EOI, 0);
    usleep(5000);
    ck_assert_int_eq(sc_lapic_pending(c0), -1); /* once */
}
END_TEST

START_TEST(timer_periodic)
{
    sc_lapic_write(c0, APIC_TIMER_DIVIDE, 0xb);
    sc_lapic_write(c0, APIC_LVT_TIMER, 0x20000 | 0x71);
    sc_lapic_write(c0, APIC_TIMER_INITIAL, 25000); /* 1 ms */
    for (unsigned n = 0; n < 5; n++) {
        ck_assert(wait_pending(c0, 0x71, 2000));
        ck_assert_int_eq(sc_lapic_ack(c0), 0x71);
        sc_lapic_write(c0, APIC_EOI, 0);
        uint32_t count = sc_lapic_read(c0, APIC_TIMER_CURRENT);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(count, 25000);
    }
    sc_lapic_write(c0, APIC_LVT_TIMER, 0x20000 | LVT_MASKED | 0x71);
    usleep(5000);
    sc_lapic_ack(c0);
    sc_lapic_write(c0, APIC_EOI, 0);
    usleep(3000);
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
    /* a period no host could keep up with still gives a count in range */
    sc_lapic_write(c0, APIC_TIMER_INITIAL, 1);
    for (unsigned n = 0; n < 100; n++)
        ck_assert_uint_eq(sc_lapic_read(c0, APIC_TIMER_CURRENT), 1);
}
END_TEST

START_TEST(timer_deadline)
{
    uint64_t v;

    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x6e0, 1), 0); /* not the mode: ignored */
    ck_assert_int_eq(sc_lapic_rdmsr(c0, 0x6e0, &v), 0);
    ck_assert_uint_eq(v, 0);
    sc_lapic_write(c0, APIC_LVT_TIMER, 0x40000 | 0x72);
    sc_lapic_write(c0, APIC_TIMER_INITIAL, 1000); /* ignored in this mode */
    ck_assert_uint_eq(sc_lapic_read(c0, APIC_TIMER_CURRENT), 0);
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x6e0, sc_time_tsc(c0) + 100000000), 0);
    ck_assert_int_eq(sc_lapic_rdmsr(c0, 0x6e0, &v), 0);
    ck_assert_uint_ne(v, 0);
    ck_assert(wait_pending(c0, 0x72, 2000));
    ck_assert_int_eq(sc_lapic_rdmsr(c0, 0x6e0, &v), 0);
    ck_assert_uint_eq(v, 0); /* disarmed by firing */
    ck_assert_int_eq(sc_lapic_ack(c0), 0x72);
    sc_lapic_write(c0, APIC_EOI, 0);
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x6e0, 1), 0); /* long past: at once */
    ck_assert_int_eq(sc_lapic_pending(c0), 0x72);
    sc_lapic_ack(c0);
    sc_lapic_write(c0, APIC_EOI, 0);
    /* moving the TSC moves the deadline */
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x6e0, sc_time_tsc(c0) + 3600ull * SC_TSC_HZ), 0);
    sc_time_set_tsc(c0, sc_time_tsc(c0) + 3601ull * SC_TSC_HZ);
    ck_assert(wait_pending(c0, 0x72, 2000));
    sc_lapic_ack(c0);
    sc_lapic_write(c0, APIC_EOI, 0);
    /* leaving the mode disarms */
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x6e0, sc_time_tsc(c0) + 100000000), 0);
    sc_lapic_write(c0, APIC_LVT_TIMER, 0x72);
    usleep(120000);
    ck_assert_int_eq(sc_lapic_pending(c0), -1);
}
END_TEST

/* A guest that halts until its own timer interrupt. 0xfee00000 is mapped in the harness's 4 GiB. */
START_TEST(timer_wakes_hlt)
{
    static const uint8_t code[] = {
        0xfb,                   /* sti */
        0xf4,                   /* hlt */
        0xb0, 0x01, 0xe6, 0xf4, /* mov $1, %al; out %al, $0xf4: not reached if the handler exits */
    };
    static const uint8_t handler[] = { 0xb0, 0x07, 0xe6, 0xf4, 0xf4 }; /* mov $7, %al; out; hlt */

    sc_harness_load(h, SC_HARNESS_CODE, code, sizeof(code));
    sc_harness_idt(h, 0x40000);
    sc_harness_load(h, 0x40000 + 0x73 * 16, handler, sizeof(handler));
    sc_lapic_write(c0, APIC_LVT_TIMER, 0x40000 | 0x73);
    ck_assert_int_eq(sc_lapic_wrmsr(c0, 0x6e0, sc_time_tsc(c0) + 5000000), 0);
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_EXIT);
    ck_assert_uint_eq(h->exit_code, 7);
}
END_TEST

START_TEST(page_round_trip)
{
    uint8_t page[1024], again[1024];

    sc_lapic_write(c0, APIC_LDR, 0x04000000);
    sc_lapic_write(c0, APIC_TPR, 0x13);
    sc_lapic_write(c0, APIC_LVT_PERF, 0x432);
    sc_lapic_write(c0, APIC_TIMER_DIVIDE, 0xa);
    sc_lapic_write(c0, APIC_ICR2, 0x03000000);
    sc_lapic_accept(c0, 0x31, true);
    sc_lapic_accept(c0, 0x92, false);
    ck_assert_int_eq(sc_lapic_ack(c0), 0x92);
    sc_lapic_get(c0, page);
    sc_lapic_reset(c0, false);
    ck_assert_int_eq(sc_lapic_set(c0, page), 0);
    sc_lapic_get(c0, again);
    ck_assert_mem_eq(page, again, sizeof(page));
    /* any bytes at all can be given */
    for (unsigned n = 0; n < 200; n++) {
        for (unsigned k = 0; k < sizeof(page); k++)
            page[k] = (uint8_t)random();
        ck_assert_int_eq(sc_lapic_set(c0, page), 0);
        sc_lapic_pending(c0);
        sc_lapic_get(c0, again);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-lapic");
    TCase *t = tcase_create("lapic");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, reset_values);
    tcase_add_test(t, priorities);
    tcase_add_test(t, level_eoi);
    tcase_add_test(t, msi_destinations);
    tcase_add_test(t, ipis);
    tcase_add_test(t, errors);
    tcase_add_test(t, disable_masks_lvt);
    tcase_add_test(t, extint);
    tcase_add_test(t, modes);
    tcase_add_test(t, timer_oneshot);
    tcase_add_test(t, timer_periodic);
    tcase_add_test(t, timer_deadline);
    tcase_add_test(t, timer_wakes_hlt);
    tcase_add_test(t, page_round_trip);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
