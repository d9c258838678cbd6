/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protected mode: segments with bases, limits and rights.
 */
#include "runtime.h"

static uint8_t area[64] __attribute__((aligned(16))) = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 };

unsigned payload(void)
{
    uint32_t base = (uint32_t)area, value;

    gdt[0x50 / 8] = descriptor(base, 15, 0x92, 4);    /* 16 bytes, writable */
    gdt[0x58 / 8] = descriptor(base, 15, 0x90, 4);    /* read only */
    gdt[0x60 / 8] = descriptor(base, 15, 0x96, 4);    /* expand down: above 15 */
    gdt[0x68 / 8] = descriptor(base, 15, 0x12, 4);    /* not present */
    gdt[0x70 / 8] = descriptor(0, 0xfffff, 0x98, 12); /* execute only */
    gdt[0x78 / 8] = descriptor(0, 0xfffff, 0x82, 0);  /* a local descriptor table, really data */

    __asm__ volatile("mov %1, %%fs; mov %%fs:4, %0" : "=r"(value) : "r"(0x50));
    say("base: %lx\n", (unsigned long)value);
    TRY_REPORT("mov %%fs:12, %%eax");
    TRY_REPORT("mov %%fs:13, %%eax");
    TRY_REPORT("movb %%fs:15, %%al");
    TRY_REPORT("movb %%fs:16, %%al");
    TRY_REPORT("movb $9, %%fs:8");
    check("written", area[8], 9);
    say("accessed bit: %lx\n", (unsigned long)(gdt[0x50 / 8] >> 40 & 0xff));

    TRY_REPORT("mov %0, %%gs; movb $1, %%gs:0", "r"(0x58));
    TRY_REPORT("movb %%gs:0, %%al");
    TRY_REPORT("mov %0, %%gs; movb %%gs:15, %%al", "r"(0x60));
    TRY_REPORT("movb %%gs:16, %%al");
    TRY_REPORT("mov %0, %%gs", "r"(0x68));
    TRY_REPORT("mov %0, %%gs", "r"(0x70));
    TRY_REPORT("mov %0, %%gs", "r"(0x80));
    TRY_REPORT("mov %0, %%gs", "r"(0x82));
    TRY_REPORT("mov %0, %%gs; movb %%gs:0, %%al", "r"(0));
    TRY_REPORT("mov %0, %%gs", "r"(0x33));
    TRY_REPORT("mov %0, %%ss", "r"(0));
    TRY_REPORT("mov %0, %%ss", "r"(0x58));
    TRY_REPORT("mov %0, %%ss", "r"(0x53));
    gdt[0x68 / 8] = descriptor(0, 0xfffff, 0x12, 12);
    TRY_REPORT("mov %0, %%ss", "r"(0x68));
    TRY_REPORT("movb %%cs:0x100000, %%al");
    TRY_REPORT("movb %%al, %%cs:0x100000");
    TRY_REPORT("ljmp $0x10, $0");
    TRY_REPORT("ljmp $0x80, $0");
    TRY_REPORT("ljmp $0x18, $0");
    TRY_REPORT("lldt %w0", "r"(0x10));
    TRY_REPORT("ltr %w0", "r"(0x33 & ~3)); /* busy */

    /* a stack segment of 64 bytes: #SS above it */
    gdt[0x58 / 8] = descriptor(base, 63, 0x92, 4);
    TRY("mov %%esp, %%edx; mov %%ss, %%eax; mov %0, %%ss; movl $64, %%esp; "
        "push $1; pop %%ebx; mov %%eax, %%ss; mov %%edx, %%esp",
        "r"(0x58));
    report("push in a small stack");
    check("pushed", area[60], 1);
    return 0;
}
