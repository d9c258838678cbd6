/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile guest: random bytes executed in user mode; the local APIC's timer ends each run.
 */
#include "runtime.h"

unsigned payload(void)
{
    unsigned long code = (unsigned long)page_alloc(), data = (unsigned long)page_alloc();
    unsigned ended = 0;
    lapic_enable();
    lapic_write(LAPIC_DIVIDE, 0xb);
    map(VIRTUAL, code, PTE_P | PTE_W | PTE_U);
    map(VIRTUAL + PAGE, data, PTE_P | PTE_W | PTE_U);
    for (unsigned round = 0; round < 150; round++) {
        uint32_t *bytes = (uint32_t *)code;
        for (unsigned i = 0; i < 64; i++)
            bytes[i] = random_next();
        lapic_write(LAPIC_TIMER, 33);
        lapic_write(LAPIC_INITIAL, 20000);
        fault.vector = 256;
        user_call((void *)VIRTUAL, (void *)(VIRTUAL + 2 * PAGE - 64), 0x202, VIRTUAL + PAGE);
        lapic_write(LAPIC_INITIAL, 0);
        if (fault.vector == 33)
            lapic_write(LAPIC_EOI, 0);
        ended++;
    }
    say("%u runs ended\n", ended);
    return 0;
}
