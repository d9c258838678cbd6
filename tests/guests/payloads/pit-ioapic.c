/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The 8254 timer through the I/O APIC: periodic and one-shot; masking; destinations.
 */
#include "runtime.h"

static volatile unsigned ticks, others;

static void on_tick(struct frame *f)
{
    (void)f;
    ticks++;
    lapic_write(LAPIC_EOI, 0);
}

static void on_other(struct frame *f)
{
    (void)f;
    others++;
    lapic_write(LAPIC_EOI, 0);
}

static void pit(unsigned mode, unsigned count)
{
    outb(0x43, (uint8_t)(0x30 | mode << 1));
    outb(0x40, (uint8_t)count);
    outb(0x40, (uint8_t)(count >> 8));
}

unsigned payload(void)
{
    cli();
    pic_mask_all();
    lapic_enable();
    handlers[0x22] = on_tick;
    handlers[0x23] = on_other;
    say("version %x id %x\n", ioapic_read(1), ioapic_read(0));
    check("reset value", ioapic_read(0x14), 0x10000);

    ioapic_route(2, 0x22);
    pit(2, 2000); /* some 600 Hz */
    check("periodic", wait_for(&ticks, 3), 1);
    ioapic_route(2, 0x10000 | 0x22);
    window(); /* one may be on its way */
    check("entry", ioapic_read(0x14), 0x10022);
    outb(0x20, 0x11); /* the 8259 sees the same line: initialized, it forgets past edges */
    outb(0x21, 0x20);
    outb(0x21, 0x04);
    outb(0x21, 0x01);
    outb(0x21, 0xff);
    pit(0, 100); /* output goes up while masked: lost */
    for (unsigned i = 0; i < 100000 && !(inb(0x20) & 1); i++)
        ;
    settle();
    ticks = 0;
    ioapic_route(2, 0x22);
    window();
    check("edge while masked", ticks, 0);
    pit(0, 1000);
    check("one-shot", wait_for(&ticks, 1), 1);

    /* logical destination, lowest priority */
    lapic_write(LAPIC_LDR, 0x01000000);
    lapic_write(LAPIC_DFR, 0xffffffff);
    ioapic_route(2, 0x01ull << 56 | 0x900 | 0x23);
    pit(0, 1000);
    check("logical, lowest priority", wait_for(&others, 1), 1);
    check("ticks", ticks, 1);
    return 0;
}
