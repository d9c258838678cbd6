/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serial port in loopback: data, FIFO, modem lines, interrupts through the I/O APIC.
 */
#include "runtime.h"

#define PORT 0x3f8

static volatile unsigned count;
static volatile uint8_t ids[16], bytes[16];

static void on_serial(struct frame *f)
{
    (void)f;
    uint8_t id = inb(PORT + 2);
    ids[count & 15] = id & 0xf;
    if ((id & 0xf) == 4 || (id & 0xf) == 0xc) {
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
    say("msr %x\n", inb(PORT + 6) & 0xf0);
    outb(PORT + 4, 0x18);
    say("msr %x, again %x\n", inb(PORT + 6), inb(PORT + 6));
    outb(PORT, 0x41);
    for (unsigned i = 0; i < 1000 && !(inb(PORT + 5) & 1); i++)
        ;
    say("lsr %x data %x\n", inb(PORT + 5) & 1, inb(PORT));
    say("scratch %x\n", (outb(PORT + 7, 0x5a), inb(PORT + 7)));

    /* edge */
    ioapic_route(4, 0x24);
    outb(PORT + 1, 1);
    outb(PORT, 0x42);
    check("received", wait_for(&count, 1), 1);
    show("edge, received");
    outb(PORT + 1, 2);
    check("transmitter empty", wait_for(&count, 1), 1);
    show("edge, empty");
    ioapic_route(4, 0x10000 | 0x24);

    return 0;
}
