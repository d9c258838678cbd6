/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Process-context identifiers: CR4.PCIDE, MOV to CR3, INVPCID (SDM 3A.4.10, Vol. 2 INVPCID).
 */
#include "runtime.h"

#define PGE    0x80ul
#define PCIDE  0x20000ul
#define KEEP   (1ul << 63)
#define A      VIRTUAL

static volatile uint64_t *const at_a = (volatile uint64_t *)A;

struct descriptor {
    uint64_t pcid, address;
};

#define INVPCID(type, pcid_, address_)                                                             \
    do {                                                                                           \
        struct descriptor d_ = { pcid_, address_ };                                                \
        TRY("invpcid %1, %0", "r"((unsigned long)(type)), "m"(d_));                                \
        report("invpcid " #type " " #pcid_ " " #address_);                                         \
    } while (0)

__asm__(".text\n"
        "user_invpcid: xor %eax, %eax; invpcid (%rsp), %rax\n");
extern uint8_t user_invpcid[];

unsigned payload(void)
{
    volatile uint64_t *one = page_alloc(), *two = page_alloc(), *other = page_alloc();
    volatile uint64_t *pte = map(A, (unsigned long)one, PTE_P);
    unsigned long cr3 = read_cr3();
    uint32_t leaf[4];

    *one = 1;
    *two = 2;
    cpuid(1, 0, leaf);
    check("pcid", leaf[2] >> 17 & 1, 1);
    cpuid(7, 0, leaf);
    check("invpcid", leaf[1] >> 10 & 1, 1);

    /* without CR4.PCIDE: bit 63 is reserved, only PCID 0 can be named */
    TRY("mov %0, %%cr3", "r"(cr3 | KEEP));
    report("cr3 bit 63");
    INVPCID(0, 0, A);
    INVPCID(1, 5, 0);
    INVPCID(2, 5, 0);
    INVPCID(3, 0, 0);
    INVPCID(4, 0, 0);
    INVPCID(0, 0x1000, A);
    INVPCID(0, 0, 0x800000000000);
    TRY("invpcid (%1), %0", "r"(0ul), "r"(0x800000000000ul));
    report("operand not canonical");
    TRY("invpcid (%1), %0", "r"(0ul), "r"(A + PAGE));
    report("operand not mapped");
    user_run(user_code(user_invpcid), (void *)(unsigned long)USER_STACK - 64, 0);
    report("user invpcid");

    /* turning it on and off */
    write_cr3(cr3 | 8); /* PWT, which would be PCID 8 */
    TRY("mov %0, %%cr4", "r"(read_cr4() | PCIDE));
    report("pcide with cr3[11:0]");
    write_cr3(cr3);
    TRY("mov %0, %%cr4", "r"(read_cr4() | PCIDE));
    report("pcide");
    TRY("mov %0, %%cr0", "r"(read_cr0() & ~(1ul << 31)));
    report("paging off");

    /* address spaces: the same tables under two numbers, and other ones */
    write_cr3(cr3 | 1);
    check("cr3", read_cr3() == (cr3 | 1), 1);
    check("in 1", *at_a, 1);
    write_cr3(cr3 | 2);
    check("in 2", *at_a, 1);
    *pte = (unsigned long)two | PTE_P;
    INVPCID(0, 2, A);
    check("in 2", *at_a, 2);
    INVPCID(0, 1, A);
    write_cr3(cr3 | 1 | KEEP);
    check("cr3", read_cr3() == (cr3 | 1), 1);
    check("in 1", *at_a, 2);
    *pte = (unsigned long)one | PTE_P;
    INVPCID(1, 1, 0);
    check("one context", *at_a, 1);
    *pte = (unsigned long)two | PTE_P;
    INVPCID(3, 0, 0);
    check("all contexts", *at_a, 2);
    write_cr4(read_cr4() | PGE);
    *pte = (unsigned long)one | PTE_P | PTE_G;
    INVPCID(2, 0, 0);
    check("global", *at_a, 1);
    *pte = (unsigned long)two | PTE_P | PTE_G;
    INVPCID(2, 0, 0);
    check("with global", *at_a, 2);
    /* MOV to CR3 without bit 63 forgets its own PCID */
    *pte = (unsigned long)one | PTE_P;
    INVPCID(2, 0, 0);
    check("not global", *at_a, 1);
    *pte = (unsigned long)two | PTE_P;
    write_cr3(cr3 | 1);
    check("mov cr3", *at_a, 2);
    /* bit 63 with other tables: what was forgotten stays forgotten */
    for (unsigned n = 0; n < 512; n++)
        other[n] = ((volatile uint64_t *)pml4)[n];
    write_cr3((unsigned long)other | 3 | KEEP);
    check("other tables", *at_a, 2);
    TRY("mov %0, %%cr3", "r"(cr3 | 1ul << 62));
    report("cr3 bit 62");
    write_cr3(cr3);
    write_cr4(read_cr4() & ~PCIDE);
    INVPCID(1, 1, 0);
    return 0;
}
