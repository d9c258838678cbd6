/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time: the TSC goes forward, in step with the timer chip; the ACPI timer, too.
 */
#include "runtime.h"

unsigned payload(void)
{
    uint64_t last = rdtsc(), start;
    bool forward = true;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t now = rdtsc();
        forward &= now > last;
        last = now;
    }
    check("forward", forward, 1);

    /* some 5 ms of the timer chip (counter 2, mode 0) in TSC cycles: plausible frequencies only */
    outb(0x61, (uint8_t)((inb(0x61) & ~2) | 1));
    outb(0x43, 0xb0);
    outb(0x42, 5966 & 0xff);
    outb(0x42, 5966 >> 8);
    start = rdtsc();
    uint32_t pm = inl(0x608);
    while (!(inb(0x61) & 0x20))
        if (rdtsc() - start > 100000000000ull)
            break;
    uint64_t cycles = rdtsc() - start;
    uint32_t pm_ticks = (inl(0x608) - pm) & 0xffffff;
    check("cycles", cycles > 1000000 && cycles < 20000000000ull, 1);
    check("acpi timer", pm_ticks > 15000 && pm_ticks < 10000000, 1);
    TRY_REPORT("rdtsc");
    write_cr4(read_cr4() | 4); /* TSD: only CPL 0 may */
    TRY_REPORT("rdtsc");
    return 0;
}
