/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Four-level page tables: rights, accessed and dirty bits, large pages, TLB maintenance.
 */
#include "runtime.h"

#define A     VIRTUAL
#define LARGE (VIRTUAL + (1ul << 30))

static volatile uint64_t *const at_a = (volatile uint64_t *)A;

static void bits(const char *what, uint64_t pte)
{
    say("%s:%s%s\n", what, pte & PTE_A ? " A" : "", pte & PTE_D ? " D" : "");
}

static volatile uint64_t *const top = pml4;

unsigned payload(void)
{
    volatile uint64_t *one = page_alloc(), *two = page_alloc(), *pd;
    volatile uint64_t *pte = map(A, (unsigned long)one, PTE_P | PTE_W);
    *one = 1;
    *two = 2;

    bits("untouched", *pte);
    (void)*at_a;
    bits("read", *pte);
    *at_a = 1;
    bits("written", *pte);
    *pte = (unsigned long)one | PTE_P | PTE_W;
    invlpg(A);
    __asm__ volatile("lock; cmpxchgq %1, (%0)" : : "r"(A), "r"(9ul), "a"(5ul) : "memory", "cc");
    bits("compared, not equal", *pte & (PTE_A | PTE_D));
    bits("upper levels", top[A >> 39 & 511] & (PTE_A | PTE_D));

    /* rights */
    *pte = (unsigned long)one | PTE_P;
    invlpg(A);
    TRY_REPORT("movb $1, (%0)", "r"(A));
    write_cr0(read_cr0() & ~(1ul << 16)); /* WP off */
    TRY_REPORT("movb $3, (%0)", "r"(A));
    write_cr0(read_cr0() | 1ul << 16);
    TRY_REPORT("movb $1, (%0)", "r"(A));
    check("written with WP off", *one & 0xff, 3);
    *one = 0xc3; /* ret */
    *pte = (unsigned long)one | PTE_P | PTE_NX;
    invlpg(A);
    TRY_REPORT("mov (%0), %%eax", "r"(A));
    TRY_REPORT("call *%0", "r"(A)); /* pushes the return address: balanced by the next line */
    __asm__ volatile("add $8, %%rsp" : : : "memory");
    *pte = (unsigned long)one | PTE_P;
    invlpg(A);
    TRY_REPORT("call *%0", "r"(A));
    wrmsr(0xc0000080, rdmsr(0xc0000080) & ~(1ull << 11)); /* NXE off: the bit is reserved */
    *pte = (unsigned long)one | PTE_P | PTE_NX;
    invlpg(A);
    TRY_REPORT("mov (%0), %%eax", "r"(A));
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 1ull << 11);

    /* new mappings are seen after INVLPG, after a load of CR3, and global ones after CR4.PGE */
    *pte = (unsigned long)one | PTE_P;
    *one = 1;
    invlpg(A);
    (void)*at_a;
    *pte = (unsigned long)two | PTE_P;
    invlpg(A);
    check("invlpg", *at_a, 2);
    *pte = (unsigned long)one | PTE_P;
    write_cr3(read_cr3());
    check("cr3", *at_a, 1);
    write_cr4(read_cr4() | 0x80);
    *pte = (unsigned long)two | PTE_P | PTE_G;
    invlpg(A);
    check("global", *at_a, 2);
    *pte = (unsigned long)one | PTE_P | PTE_G;
    write_cr4(read_cr4() & ~0x80ul);
    check("cr4.pge", *at_a, 1);
    *pte = (unsigned long)two | PTE_P | PTE_W;
    invlpg(A);
    *at_a = 0x22;
    check("written through", *two, 0x22);

    /* 2 MiB pages */
    map(LARGE, (unsigned long)one, PTE_P);
    pd = (uint64_t *)(((volatile uint64_t *)(top[LARGE >> 39 & 511] &
                                             0xffffffffff000))[LARGE >> 30 & 511] &
                      0xffffffffff000);
    pd[1] = 0 | PTE_P | PTE_W | 0x80;
    pd[2] = 0x2000 | PTE_P | PTE_W | 0x80; /* a reserved bit */
    pd[3] = 0 | PTE_P | 0x80;
    check("2 MiB page", *(uint64_t *)(LARGE + (2 << 20) + (unsigned long)two), 0x22);
    *(volatile uint64_t *)(LARGE + (2 << 20) + (unsigned long)two) = 0x23;
    bits("2 MiB entry", pd[1]);
    check("its write", *two, 0x23);
    TRY_REPORT("mov (%0), %%eax", "r"(LARGE + (4 << 20)));
    TRY_REPORT("movb $1, (%0)", "r"(LARGE + (6 << 20)));
    /* rights are the intersection over the levels */
    top[A >> 39 & 511] &= ~PTE_W;
    write_cr3(read_cr3());
    TRY_REPORT("movb $1, (%0)", "r"(A));
    top[A >> 39 & 511] |= PTE_W | PTE_NX;
    write_cr3(read_cr3());
    TRY_REPORT("call *%0", "r"(A));
    __asm__ volatile("add $8, %%rsp" : : : "memory");
    top[A >> 39 & 511] = 0;
    write_cr3(read_cr3());
    TRY_REPORT("mov (%0), %%eax", "r"(A));
    /* a page table that maps itself */
    pml4[511] = (unsigned long)pml4 | PTE_P | PTE_W;
    __asm__ volatile("" : : : "memory");
    check("recursive", *(volatile uint64_t *)(0xfffffffffffff000 + 511 * 8) & ~(PTE_A | PTE_D),
          (unsigned long)pml4 | PTE_P | PTE_W);
    pml4[511] = 0;
    return 0;
}
