/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exceptions at CPL 0 in long mode without IST: vectors, error codes, CR2, stack alignment, RF.
 */
#include "runtime.h"

extern uint8_t stubs[];

unsigned payload(void)
{
    static uint8_t ist[1024] __attribute__((aligned(16)));
    uint64_t *pte = map(VIRTUAL, 0, 0);
    TRY_REPORT("xor %%eax, %%eax; xor %%edx, %%edx; div %%eax");
    TRY_REPORT("mov $-1, %%edx; mov $1, %%eax; div %%eax");
    TRY_REPORT("mov $0x80000000, %%eax; cltd; idivl %0", "r"(-1));
    TRY_REPORT("ud2");
    TRY_REPORT("mov %0, %%ds", "r"(0x90));
    TRY_REPORT("mov %0, %%ss", "r"(0));
    TRY_REPORT("mov %0, %%cr4", "r"(1ul << 40));
    TRY_REPORT("mov %0, %%cr0", "r"(read_cr0() & ~1ul)); /* PE off with PG on */
    TRY_REPORT("mov %0, %%cr3", "r"(1ul << 60));
    TRY_REPORT("mov %0, %%cr8", "r"(16ul));
    TRY_REPORT("mov (%0), %%rax", "r"(VIRTUAL));
    TRY_REPORT("mov %%rax, 8(%0)", "r"(VIRTUAL));
    TRY_REPORT("incl 16(%0)", "r"(VIRTUAL));
    TRY_REPORT("jmp *%0", "r"(VIRTUAL + 24));
    TRY_REPORT("mov (%0), %%rax", "r"(1ul << 63 >> 1));
    TRY_REPORT("jmp *%0", "r"(1ul << 62));
    set_gate(12, stubs + 16 * 12, 0x8e, 1);
    set_stack(1, ist + sizeof(ist));
    TRY_STACK("mov %0, %%rsp; push %%rax", "r"(1ul << 62));
    report("push on a non-canonical stack");
    *pte = 0x1000 | PTE_P | 1ull << 51; /* more physical bits than there are */
    TRY_REPORT("mov (%0), %%rax", "r"(VIRTUAL));
    *pte = 0;

    /* the frame is pushed at a multiple of 16 whatever RSP was */
    for (unsigned i = 0; i < 16; i += 5) {
        TRY_STACK("sub %0, %%rsp; xor %%eax, %%eax; div %%eax", "r"((unsigned long)i));
        say("frame & 15: %lu\n", (fault.handler_rsp + sizeof(struct frame)) & 15);
    }
    TRY("stc; ud2");
    say("flags in the frame: %lx\n", fault.rflags & 0x10001);
    return 0;
}
