/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMEP and SMAP: the kernel and user pages, STAC and CLAC, implicit accesses (SDM 3A.4.6).
 */
#include "runtime.h"

#define SMEP 0x100000ul
#define SMAP 0x200000ul
#define U    (VIRTUAL + 0x40000)

__asm__(".text\n"
        "user_stac: stac\n"
        "user_clac: clac\n");
extern uint8_t user_stac[], user_clac[];

static unsigned long flags(void)
{
    unsigned long v;

    __asm__ volatile("pushf; pop %0" : "=r"(v));
    return v;
}

unsigned payload(void)
{
    uint8_t *page = page_alloc();
    volatile uint64_t *pte = map(U, (unsigned long)page, PTE_P | PTE_W | PTE_U);
    uint32_t leaf[4];

    cpuid(7, 0, leaf);
    check("smep", leaf[1] >> 7 & 1, 1);
    check("smap", leaf[1] >> 20 & 1, 1);
    page[0] = 0xc3;
    TRY_REPORT("call *%0", "r"(U));

    write_cr4(read_cr4() | SMEP);
    TRY_REPORT("call *%0", "r"(U));
    __asm__ volatile("add $8, %%rsp" : : : "memory");
    *pte = (unsigned long)page | PTE_P | PTE_W; /* a page of the kernel again */
    invlpg(U);
    TRY_REPORT("call *%0", "r"(U));
    *pte = (unsigned long)page | PTE_P | PTE_W | PTE_U;
    invlpg(U);
    write_cr4(read_cr4() & ~SMEP);
    TRY_REPORT("call *%0", "r"(U));

    /* without SMAP and with it; what was in the TLB must not help */
    TRY_REPORT("mov (%0), %%eax", "r"(U));
    write_cr4(read_cr4() | SMAP);
    TRY_REPORT("mov (%0), %%eax", "r"(U));
    TRY_REPORT("mov %%al, (%0)", "r"(U));
    TRY_REPORT("lock incl (%0)", "r"(U));
    TRY_REPORT("stac; mov (%0), %%eax; clac", "r"(U));
    TRY_REPORT("mov (%0), %%eax", "r"(U));
    TRY_REPORT("stac; incl (%0); clac", "r"(U));
    TRY_REPORT("mov %%al, (%0)", "r"(U));
    __asm__ volatile("stac");
    check("AC set", flags() >> 18 & 1, 1);
    __asm__ volatile("clac");
    check("AC clear", flags() >> 18 & 1, 0);
    /* POPF does it, too; an interrupt gate's handler is entered without AC, which comes back */
    TRY_REPORT("pushf; orl $0x40000, (%%rsp); popf; mov (%0), %%eax; pushf; andl $~0x40000, "
               "(%%rsp); popf",
               "r"(U));
    TRY_FULL("mov %0, %%rsi; mov %1, %%rdi; mov $1, %%ecx; rep movsb", LIST(),
             LIST("r"(U), "r"(page)), "eax", "ecx", "edx", "rsi", "rdi");
    report("rep movsb");
    /* user mode itself is not concerned, and has neither instruction */
    user_run(user_code(user_stac), (void *)(unsigned long)USER_STACK, 0);
    report("user stac");
    user_run(user_code(user_clac), (void *)(unsigned long)USER_STACK, 0);
    report("user clac");

    write_cr4(read_cr4() & ~SMAP);
    TRY_REPORT("mov (%0), %%eax", "r"(U));
    /* STAC and CLAC exist without CR4.SMAP (Vol. 2, STAC) */
    TRY_REPORT("stac; clac");
    return 0;
}
