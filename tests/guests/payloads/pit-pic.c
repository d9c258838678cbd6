/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The 8254 timer through the 8259 pair and LINT0 as ExtINT (virtual wire).
 */
#include "runtime.h"

static volatile unsigned ticks, spurious;
static bool special;

static void on_tick(struct frame *f)
{
    (void)f;
    ticks++;
    if (special) {
        outb(0x20, 0x0b); /* read the in-service register */
        say("isr %x\n", inb(0x20));
        special = false;
    }
    outb(0x20, 0x20);
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
    handlers[0x20] = on_tick;
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 0x04);
    outb(0x21, 0x01);
    outb(0xa0, 0x11);
    outb(0xa1, 0x28);
    outb(0xa1, 0x02);
    outb(0xa1, 0x01);
    outb(0x21, 0xfe);
    outb(0xa1, 0xff);
    lapic_write(LAPIC_SVR, 0x100 | 63);
    lapic_write(LAPIC_LINT0, 0x700);

    pit(2, 2000);
    check("periodic", wait_for(&ticks, 3), 1);
    pit(0, 1000);
    ticks = 0;
    special = true;
    check("one-shot", wait_for(&ticks, 1), 1);

    /* requested but masked in the controller, then let through */
    outb(0x21, 0xff);
    ticks = 0;
    pit(0, 100);
    for (unsigned i = 0; i < 100000; i++) {
        outb(0x20, 0x0a);
        if (inb(0x20) & 1)
            break;
    }
    outb(0x20, 0x0a);
    say("irr %x\n", inb(0x20) & 1);
    window();
    check("masked", ticks, 0);
    outb(0x21, 0xfe);
    check("unmasked", wait_for(&ticks, 1), 1);

    /* LINT0 masked */
    lapic_write(LAPIC_LINT0, 0x10700);
    ticks = 0;
    pit(0, 100);
    for (unsigned i = 0; i < 100000; i++) {
        outb(0x20, 0x0a);
        if (inb(0x20) & 1)
            break;
    }
    window();
    check("LINT0 masked", ticks, 0);
    lapic_write(LAPIC_LINT0, 0x700);
    check("LINT0 unmasked", wait_for(&ticks, 1), 1);
    return 0;
}
