/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile guest: page tables that contain themselves on every level, and random ones.
 */
#include "runtime.h"

unsigned payload(void)
{
    volatile uint64_t *top = pml4, *table = page_alloc();
    unsigned faults = 0, none = 0;
    cli();

    /* one page is its own table on all levels, in many slots */
    for (unsigned i = 0; i < 512; i += 8)
        table[i] = (unsigned long)table | 7;
    top[256] = (unsigned long)table | 7;
    for (unsigned i = 0; i < 100; i++) {
        unsigned long at = 0xffff800000000000ul | (unsigned long)(random_next() & 0x1ff) << 30 |
                           (unsigned long)(random_next() & 0x1f8) << 21 |
                           (random_next() & 0x1ff) << 12;
        TRY("mov (%0), %%rax", "r"(at));
        fault.vector == 14 ? faults++ : none++;
    }
    say("recursive: %u faults, %u without\n", faults, none);
    /* written through itself: the table changes under the walk */
    for (unsigned i = 0; i < 50; i++) {
        unsigned long at = 0xffff800000000000ul | (random_next() & 0xff8);
        TRY("lock; btcl $1, (%0)", "r"(at));
        invlpg(at);
    }
    say("self-written\n");

    /* random entries; only reads, physical addresses below 64 GiB */
    faults = none = 0;
    for (unsigned i = 0; i < 512; i++)
        table[i] = ((uint64_t)(random_next() & 0xffffff) << 12 | (random_next() & 0x1e7)) &
                   (random_next() & 1 ? ~0ull : ~0x80ull);
    for (unsigned round = 0; round < 5; round++) {
        top[256 + round] = (unsigned long)table | 7;
        write_cr3(read_cr3());
        for (unsigned i = 0; i < 100; i++) {
            unsigned long at = 0xffff800000000000ul | (unsigned long)round << 39 |
                               (unsigned long)(random_next() & 0x1ff) << 30 |
                               (unsigned long)(random_next() & 0x3ffff) << 12 |
                               (random_next() & 0xff8);
            TRY("mov (%0), %%rax", "r"(at));
            fault.vector == 14 ? faults++ : none++;
        }
    }
    say("random: %s\n", faults + none == 500 ? "done" : "lost some");
    /* the stack and the code stay mapped, so we can say so */
    for (unsigned i = 256; i < 261; i++)
        top[i] = 0;
    write_cr3(read_cr3());
    return 0;
}
