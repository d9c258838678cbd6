/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interrupts in service: priorities, nesting, end of interrupt.
 */
#include "runtime.h"

static volatile bool nest;

static void show_isr(const char *what)
{
    say("%s: isr %x irr %x ppr %x\n", what, lapic_read(LAPIC_ISR + 0x10),
        lapic_read(LAPIC_IRR + 0x10), lapic_read(LAPIC_PPR));
}

static void on_interrupt(struct frame *f)
{
    say("vector %lu isr %x ppr %x\n", f->vector, lapic_read(LAPIC_ISR + 0x10),
        lapic_read(LAPIC_PPR));
    if (nest && f->vector == 0x22) {
        lapic_write(LAPIC_ICR, 0x40000 | 0x21); /* of the same class: waits */
        lapic_write(LAPIC_ICR, 0x40000 | 0x30); /* of a higher one: now */
        show_isr("nested");
        window();
        show_isr("after the higher");
    }
    lapic_write(LAPIC_EOI, 0);
}

unsigned payload(void)
{
    cli();
    lapic_enable();
    for (unsigned i = 32; i < 63; i++)
        handlers[i] = on_interrupt;
    lapic_write(LAPIC_ICR, 0x40000 | 0x22);
    show_isr("requested");
    window();
    show_isr("ended");
    nest = true;
    lapic_write(LAPIC_ICR, 0x40000 | 0x22);
    window();
    nest = false;

    show_isr("all ended");
    return 0;
}
