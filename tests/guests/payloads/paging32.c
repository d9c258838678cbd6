/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page tables of protected mode: two levels with 4 MiB pages, then three levels (PAE).
 */
#include "runtime.h"

#define VA 0x40000000u

static volatile uint32_t *const at_va = (volatile uint32_t *)VA;

static void two_levels(volatile uint32_t *one, volatile uint32_t *two)
{
    volatile uint32_t *directory = page_alloc(), *table = page_alloc();
    directory[0] = 0x83; /* 4 MiB */
    directory[VA >> 22] = (uint32_t)table | 7;
    table[0] = (uint32_t)one | 3;
    write_cr4(read_cr4() | 0x10);
    write_cr3((uint32_t)directory);
    write_cr0(read_cr0() | 0x80010000);
    check("mapped", *at_va, 1);
    *at_va = 11;
    check("written", *one, 11);
    say("entries %x %x\n", directory[VA >> 22] & 0xfff, table[0] & 0xfff);
    TRY_REPORT("mov (%0), %%eax", "r"(VA + 4096));
    table[0] = (uint32_t)two | 1;
    invlpg(VA);
    check("remapped", *at_va, 2);
    TRY_REPORT("movb $1, (%0)", "r"(VA));
    directory[(VA >> 22) + 1] = 0x200083; /* bit 21 is reserved */
    TRY_REPORT("mov (%0), %%eax", "r"(VA + (4 << 20)));
    TRY_REPORT("mov (%0), %%eax", "r"(0x80000000));
    write_cr0(read_cr0() & 0x7fffffff);
}

static void three_levels(volatile uint32_t *one)
{
    volatile uint64_t *pointers = page_alloc(), *low = page_alloc(), *high = page_alloc(),
                      *table = page_alloc();
    pointers[0] = (uint32_t)low | 1;
    pointers[1] = (uint32_t)high | 1;
    low[0] = 0x83; /* 2 MiB */
    low[1] = 0x200083;
    high[0] = (uint32_t)table | 3;
    table[0] = (uint32_t)one | 3 | PTE_NX;
    write_cr3((uint32_t)pointers);
    write_cr4((read_cr4() & ~0x10ul) | 0x20);
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800);
    write_cr0(read_cr0() | 0x80000000);
    check("pae", *at_va, 11);
    *at_va = 12;
    check("written", *one, 12);
    say("entries %x %x\n", (uint32_t)high[0] & 0xfff, (uint32_t)table[0] & 0xfff);
    TRY_STACK("jmp *%0", "r"(VA));
    report("no-execute page");
    TRY_REPORT("mov (%0), %%eax", "r"(0x80000000));
    pointers[2] = 0x1e7; /* reserved bits: refused when CR3 is loaded */
    TRY_REPORT("mov %0, %%cr3", "r"(pointers));
    pointers[2] = 0;
    write_cr0(read_cr0() & 0x7fffffff);
}

unsigned payload(void)
{
    volatile uint32_t *one = page_alloc(), *two = page_alloc();
    *one = 1;
    *two = 2;
    two_levels(one, two);
    three_levels(one);
    return 0;
}
