/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile guest: reads and writes all over the physical address space, and into device registers.
 */
#include "runtime.h"

static void poke(unsigned long at)
{
    switch (random_next() & 3) {
    case 0:
        *(volatile uint8_t *)at;
        *(volatile uint8_t *)at = (uint8_t)random_next();
        break;
    case 1:
        *(volatile uint16_t *)at;
        *(volatile uint16_t *)at = (uint16_t)random_next();
        break;
    case 2:
        *(volatile uint32_t *)at;
        *(volatile uint32_t *)at = random_next();
        break;
    default:
        *(volatile uint64_t *)at;
        *(volatile uint64_t *)at = random_next();
        break;
    }
}

unsigned payload(void)
{
    uint64_t sum = 0;
    cli();
    /* holes: above the memory, far away, next to the APICs */
    for (unsigned i = 0; i < 200; i++) {
        unsigned long pa = (0x40000000ul + ((unsigned long)random_next() << 3)) & 0xfffffff000ul;
        if (pa >= IOAPIC && pa < 0x100000000ul)
            continue;
        map(VIRTUAL, pa, PTE_P | PTE_W);
        unsigned long at = VIRTUAL + (random_next() & 0xff7);
        sum |= ~*(volatile uint64_t *)at;
        poke(at);
    }
    say("holes %lx\n", (unsigned long)sum);
    /* registers of the I/O APIC and around it */
    for (unsigned i = 0; i < 300; i++)
        poke(IOAPIC + (random_next() & 0x3ff) % 0x60);
    for (unsigned i = 0; i < 50; i++)
        poke(IOAPIC + (random_next() & 0xffff));
    /* the local APIC: any register but ICR (a self-INIT is legal) */
    for (unsigned i = 0; i < 300; i++) {
        unsigned long at = LAPIC + (random_next() & 0xff0);
        if ((at & 0xff0) == LAPIC_ICR || (at & 0xff0) == LAPIC_ICR2)
            continue;
        *(volatile uint32_t *)at;
        *(volatile uint32_t *)at = random_next();
    }
    say("still here\n");
    return 0;
}
