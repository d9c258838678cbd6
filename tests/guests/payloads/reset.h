/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A payload that resets the machine twice by RESET and compares what it finds each time.
 */
#include "runtime.h"

static unsigned counter; /* the image is loaded anew */

unsigned payload(void)
{
    unsigned long dr7;
    __asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
    outb(0x70, 0x50);
    uint8_t round = inb(0x71) - 0x10; /* 0x10 is put there by the first round */
    if (round > 2) {
        round = 0;
        say("start\n");
    }
    say("round %u counter %u cr4 %lx dr7 %lx lapic svr %x lint0 %x timer %x ioapic %x\n", round,
        counter++, read_cr4(), dr7,
        lapic_read(LAPIC_SVR), lapic_read(LAPIC_LINT0) & 0x10000, lapic_read(LAPIC_TIMER),
        ioapic_read(0x14));
    say("fs base %lx kernel gs %lx deadline %lx apic base %lx cr8 %lx lstar %lx pic mask %x\n",
        (unsigned long)rdmsr(0xc0000100), (unsigned long)rdmsr(0xc0000102),
        (unsigned long)rdmsr(0x6e0), (unsigned long)rdmsr(0x1b), read_cr8(),
        (unsigned long)rdmsr(0xc0000083), inb(0x21));
    flush();
    outb(0x70, 0x50);
    outb(0x71, (uint8_t)(round + 0x11));
    if (round == 2)
        return 5;

    /* leave things behind that a reset has to clear */
    lapic_enable();
    lapic_write(LAPIC_TIMER, 0x40000 | 33);
    wrmsr(0x6e0, rdtsc() + (1ull << 45));
    lapic_write(LAPIC_ICR, 0x40000 | 34); /* pending: interrupts are off */
    ioapic_route(2, 0x22);
    write_cr4(read_cr4() | 0x80);
    write_cr8(3);
    wrmsr(0xc0000100, 0x1000);
    wrmsr(0xc0000102, 0x2000);
    wrmsr(0xc0000083, 0x3000);
    outb(0x21, 0x55);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x401ul));
    RESET;
    for (;;)
        __asm__ volatile("hlt");
}
