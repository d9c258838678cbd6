/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Level-triggered inputs of the I/O APIC, driven by a serial port in loopback: end of interrupt,
 * masking.
 */
#include "runtime.h"

#define PORT 0x3f8

static volatile unsigned count;
static volatile uint8_t ids[16], bytes[16];
static bool lazy;

static void on_serial(struct frame *f)
{
    (void)f;
    uint8_t id = inb(PORT + 2);
    ids[count & 15] = id & 0xf;
    if (lazy && count < 2) {
        /* the cause stays: a level-triggered pin comes again after the EOI */
    } else if ((id & 0xf) == 4 || (id & 0xf) == 0xc) {
        bytes[count & 15] = inb(PORT);
    } else if ((id & 0xf) == 2) {
        outb(PORT + 1, 0);
    }
    count++;
    lapic_write(LAPIC_EOI, 0);
}

static void show(const char *what)
{
    say("%s: %u", what, count);
    for (unsigned i = 0; i < count && i < 16; i++)
        say(" %x/%x", ids[i], bytes[i]);
    say("\n");
    count = 0;
}

unsigned payload(void)
{
    cli();
    pic_mask_all();
    lapic_enable();
    handlers[0x24] = on_serial;
    outb(PORT + 3, 0x03);
    outb(PORT + 4, 0x1b); /* loopback, OUT2, RTS, DTR */
    /* level: asserted until served */
    ioapic_route(4, 0x8024);
    lazy = true;
    outb(PORT + 1, 1);
    outb(PORT, 0x43);
    check("level", wait_for(&count, 3), 1);
    show("level, served the third time");
    window();
    check("quiet", count, 0);
    lazy = false;
    /* while masked nothing comes; unmasking brings it */
    ioapic_route(4, 0x18024);
    outb(PORT, 0x44);
    for (unsigned i = 0; i < 1000 && !(inb(PORT + 5) & 1); i++)
        ;
    window();
    check("masked", count, 0);
    ioapic_route(4, 0x8024);
    check("unmasked", wait_for(&count, 1), 1);
    show("level");
    settle();
    say("entry %x\n", ioapic_read(0x18));
    /* remote IRR while in service */
    outb(PORT, 0x45);
    for (unsigned i = 0; i < 1000 && !(inb(PORT + 5) & 1); i++)
        ;
    say("entry %x\n", ioapic_read(0x18));
    check("level again", wait_for(&count, 1), 1);
    settle();
    say("entry %x\n", ioapic_read(0x18));

    /* masked between delivery and EOI: the EOI still ends it */
    outb(PORT, 0x46);
    for (unsigned i = 0; i < 1000 && !(inb(PORT + 5) & 1); i++)
        ;
    ioapic_route(4, 0x18024);
    check("masked in service", wait_for(&count, 2), 1);
    settle();
    say("entry %x\n", ioapic_read(0x18));
    return 0;
}
