/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Local APIC timer: one-shot, periodic, TSC-deadline; waiting in HLT.
 */
#include "runtime.h"

static volatile unsigned ticks;

static void on_timer(struct frame *f)
{
    (void)f;
    ticks++;
    lapic_write(LAPIC_EOI, 0);
}

unsigned payload(void)
{
    uint32_t id[4];
    cli();
    lapic_enable();
    handlers[33] = on_timer;
    lapic_write(LAPIC_DIVIDE, 0xb); /* 1 */

    lapic_write(LAPIC_TIMER, 33);
    lapic_write(LAPIC_INITIAL, 100000);
    check("one-shot", wait_for(&ticks, 1), 1);
    check("expired", lapic_read(LAPIC_CURRENT), 0);
    check("pending", lapic_read(LAPIC_IRR + 0x10), 0);

    ticks = 0;
    lapic_write(LAPIC_TIMER, 0x20000 | 33);
    lapic_write(LAPIC_INITIAL, 300000);
    check("periodic", wait_for(&ticks, 3), 1);
    lapic_write(LAPIC_TIMER, 0x30000 | 33);
    lapic_write(LAPIC_INITIAL, 0);
    window(); /* one more may have been due */

    /* masked: counts down, tells nobody */
    ticks = 0;
    lapic_write(LAPIC_TIMER, 0x10000 | 33);
    lapic_write(LAPIC_INITIAL, 1000);
    for (unsigned i = 0; i < 100000 && lapic_read(LAPIC_CURRENT); i++)
        ;
    window();
    check("masked", ticks, 0);

    cpuid(1, 0, id);
    if (id[2] >> 24 & 1) {
        lapic_write(LAPIC_TIMER, 0x40000 | 33);
        lapic_write(LAPIC_INITIAL, 5);
        check("initial count in deadline mode", lapic_read(LAPIC_CURRENT), 0);
        wrmsr(0x6e0, rdtsc() + 1000000);
        check("deadline", wait_for(&ticks, 1), 1);
        check("disarmed", rdmsr(0x6e0), 0);
        wrmsr(0x6e0, 1); /* long ago */
        check("deadline in the past", wait_for(&ticks, 2), 1);
        wrmsr(0x6e0, rdtsc() + (1ull << 40));
        wrmsr(0x6e0, 0);
        check("cancelled", rdmsr(0x6e0), 0);
    }

    /* raised while interrupts are off, taken after the instruction behind STI */
    ticks = 0;
    lapic_write(LAPIC_TIMER, 33);
    lapic_write(LAPIC_INITIAL, 1);
    for (unsigned i = 0; i < 100000 && !(lapic_read(LAPIC_IRR + 0x10) & 2); i++)
        ;
    check("requested", lapic_read(LAPIC_IRR + 0x10), 2);
    check("not taken", ticks, 0);
    unsigned long shadow;
    __asm__ volatile("sti; movl ticks, %k0; outb %%al, $0x80; outb %%al, $0x80; cli"
                     : "=b"(shadow)
                     : "a"(0)
                     : "memory");
    check("not right after STI", (uint32_t)shadow, 0);
    check("taken", ticks, 1);
    unsigned long flags;
    __asm__ volatile("sti; sti; pushf; cli; pop %0" : "=r"(flags) : : "memory");
    check("STI twice", flags >> 9 & 1, 1);
    return 0;
}
