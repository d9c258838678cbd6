/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile guest: random descriptors into every segment register, LDTR and TR. (LLDT and LTR of
 * selectors of the local table are left out: Linux KVM gives an error code of 0 there, processors
 * the selector.)
 */
#include "runtime.h"

static unsigned counts[33];

static void count(void)
{
    counts[fault.vector < 0 || fault.vector > 31 ? 32 : fault.vector]++;
}

unsigned payload(void)
{
    static uint64_t ldt[16];
    cli();
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 9; i < 16; i++)
            gdt[i] = random_next() | (uint64_t)random_next() << 32;
        for (unsigned i = 0; i < 16; i++)
            ldt[i] = random_next() | (uint64_t)random_next() << 32;
        gdt[9] = descriptor((uint32_t)(unsigned long)ldt, sizeof(ldt) - 1, 0x82, 0);
        gdt[10] = 0; /* its upper half */
        TRY("lldt %w0", "r"(0x48));
        count();
        TRY("mov %0, %%ds", "r"(random_next() & 0x7f));
        count();
        TRY("mov %0, %%es", "r"(random_next() & 0x7f));
        count();
        TRY("mov %0, %%fs", "r"(random_next() & 0xffff));
        count();
        TRY("mov %0, %%gs", "r"(random_next() & 0x7f));
        count();
        TRY("mov %0, %%ss", "r"(random_next() & 0x7f));
        count();
        TRY("mov %0, %%ss", "r"(0x10));
        TRY("lldt %w0", "r"((random_next() & 0x7b) | 0x48));
        count();
        TRY("ltr %w0", "r"((random_next() & 0x7b) | 0x48));
        count();
        gdt[TSS / 8] &= ~(2ull << 40); /* back to a good one */
        TRY("ltr %w0", "r"(TSS));
    }
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(DATA));
    for (unsigned i = 0; i < 33; i++)
        if (counts[i])
            say("%s%u: %u\n", i < 32 ? "vector " : "none ", i, counts[i]);
    return 0;
}
