/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts the CPU sends to itself: destinations, order, task priority, NMI.
 */
#include "runtime.h"

static volatile unsigned count[64];

static void on_interrupt(struct frame *f)
{
    say("vector %lu\n", f->vector);
    count[f->vector]++;
    lapic_write(LAPIC_EOI, 0);
}

static void on_nmi(struct frame *f)
{
    say("nmi, IF %lu\n", f->rflags >> 9 & 1);
    count[2]++;
}

unsigned payload(void)
{
    cli();
    lapic_enable();
    for (unsigned i = 32; i < 63; i++)
        handlers[i] = on_interrupt;
    handlers[2] = on_nmi;
    say("id %x version %x\n", lapic_read(LAPIC_ID), lapic_read(LAPIC_VERSION) & 0xff);

    lapic_write(LAPIC_ICR, 0x40000 | 0x22); /* self */
    say("requested %x\n", lapic_read(LAPIC_IRR + 0x10));
    window();
    lapic_write(LAPIC_ICR2, 0);
    lapic_write(LAPIC_ICR, 0x4000 | 0x23); /* physical, APIC id 0 */
    window();
    lapic_write(LAPIC_LDR, 0x02000000);
    lapic_write(LAPIC_DFR, 0xffffffff);
    lapic_write(LAPIC_ICR2, 0x02000000);
    lapic_write(LAPIC_ICR, 0x4800 | 0x24); /* logical, flat */
    window();
    lapic_write(LAPIC_ICR2, 0x04000000); /* nobody */
    lapic_write(LAPIC_ICR, 0x4800 | 0x25);
    window();
    check("other destination", count[0x25], 0);
    lapic_write(LAPIC_ICR, 0x80000 | 0x26); /* all */
    window();
    lapic_write(LAPIC_ICR, 0xc0000 | 0x27); /* all but self */
    window();
    check("all but self", count[0x27], 0);

    /* the highest first */
    lapic_write(LAPIC_ICR, 0x40000 | 0x28);
    lapic_write(LAPIC_ICR, 0x40000 | 0x38);
    lapic_write(LAPIC_ICR, 0x40000 | 0x29);
    window();
    /* task priority: CR8 and TPR are one register */
    write_cr8(2);
    say("tpr %x ppr %x\n", lapic_read(LAPIC_TPR), lapic_read(LAPIC_PPR));
    lapic_write(LAPIC_ICR, 0x40000 | 0x2a);
    lapic_write(LAPIC_ICR, 0x40000 | 0x3a);
    window();
    check("held back", count[0x2a], 0);
    lapic_write(LAPIC_TPR, 0x10);
    say("cr8 %lx\n", read_cr8());
    window();
    lapic_write(LAPIC_TPR, 0);

    lapic_write(LAPIC_ICR2, 0);
    lapic_write(LAPIC_ICR, 0x4400);
    settle();
    say("nmis %u\n", count[2]);

    /* software-disabled: nothing comes; local vectors are masked */
    lapic_write(LAPIC_TIMER, 0x20);
    lapic_write(LAPIC_SVR, 63);
    say("timer entry %x\n", lapic_read(LAPIC_TIMER));
    lapic_write(LAPIC_ICR, 0x40000 | 0x2b);
    window();
    check("software-disabled", count[0x2b], 0);
    return 0;
}
