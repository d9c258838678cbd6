/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accesses and instructions across page ends: contents, faults, nothing half done.
 */
#include "runtime.h"

#define CROSS (VIRTUAL + PAGE)

__asm__(".text\n"
        "u_store: movl $0, (%rdi); ud2\n"
        "u_add: lock; addl $0x11111111, (%rdi); ud2\n"
        "u_push: lea 7(%rdi), %rsp; push $0; ud2\n"
        "u_stos: mov $5, %ecx; xor %eax, %eax; sub $4, %rdi; rep stosw; ud2\n");
extern uint8_t u_store[], u_add[], u_push[], u_stos[];

static void store(const char *what, uint8_t *label)
{
    volatile uint32_t *at = (volatile uint32_t *)(CROSS - 4);
    *at = 0x77777777;
    user_run(user_code(label), (void *)USER_STACK, CROSS - 1);
    report(what);
    say("first page %x\n", *at);
}

unsigned payload(void)
{
    unsigned long first = (unsigned long)page_alloc();
    page_alloc(); /* so that the two are not neighbours */
    unsigned long second = (unsigned long)page_alloc(), value;
    volatile uint64_t *pte;

    map(VIRTUAL, first, PTE_P | PTE_W);
    pte = map(CROSS, second, PTE_P | PTE_W);
    for (int i = 1; i < 8; i++) {
        uint64_t *at = (uint64_t *)(CROSS - (unsigned long)i);
        *at = 0x8877665544332211;
        if (*at != 0x8877665544332211)
            say("%d: %lx\n", i, *at);
    }
    say("second page: %lx\n", *(uint64_t *)second);
    __asm__ volatile("movw $0xabcd, (%0)" : : "r"(CROSS - 1) : "memory");
    say("word: %x %x\n", *(uint8_t *)(first + PAGE - 1), *(uint8_t *)second);
    __asm__ volatile("addl $0x01010101, (%0)" : : "r"(CROSS - 2) : "memory");
    say("add: %x\n", *(uint32_t *)(CROSS - 2));
    __asm__ volatile("lock; incl (%0)" : : "r"(CROSS - 2) : "memory");
    say("locked: %x\n", *(uint32_t *)(CROSS - 2));
    value = 1;
    __asm__ volatile("xchgq %0, (%1)" : "+r"(value) : "r"(CROSS - 4) : "memory");
    say("xchg: %lx\n", value);
    TRY_STACK("mov %0, %%rsp; push %1; pop %%rax", "r"(CROSS + 4), "r"(0x55ul));
    report("push");
    say("pushed: %lx\n", *(uint64_t *)(CROSS - 4));

    /* the second page is not there */
    *pte = 0;
    invlpg(CROSS);
    *(uint8_t *)(first + PAGE - 1) = 0x77;
    TRY_REPORT("movl %%eax, (%0)", "r"(CROSS - 1));
    TRY_REPORT("movl (%0), %%eax", "r"(CROSS - 1));
    TRY_REPORT("movq %%rax, (%0)", "r"(CROSS - 7));
    TRY_REPORT("incw (%0)", "r"(CROSS - 1));
    TRY_REPORT("lock; incl (%0)", "r"(CROSS - 1));
    TRY_STACK("mov %0, %%rsp; pop %%rax", "r"(CROSS - 1));
    report("pop");
    /* in user mode; the second page cannot be written */
    *pte = second | PTE_P | PTE_U;
    map(VIRTUAL, first, PTE_P | PTE_W | PTE_U);
    invlpg(CROSS);
    store("store", u_store);
    store("add", u_add);
    store("push", u_push);
    store("rep stosw", u_stos);
    say("rdi %lx\n", fault.rdi);
    TRY_REPORT("movl (%0), %%eax", "r"(CROSS - 1));
    map(VIRTUAL, first, PTE_P | PTE_W);
    *pte = second | PTE_P;
    invlpg(CROSS);

    /* an instruction across: mov $0x11223344, %eax; jmp *%rdx */
    static const uint8_t code[] = { 0xb8, 0x44, 0x33, 0x22, 0x11, 0xff, 0xe2 };
    for (unsigned i = 0; i < sizeof(code); i++)
        *(uint8_t *)(i < 3 ? first + PAGE - 3 + i : second + i - 3) = code[i];
    __asm__ volatile("lea 1f(%%rip), %%rdx; jmp *%1; 1:" : "=a"(value) : "r"(CROSS - 3) : "rdx");
    say("executed: %lx\n", value);
    *pte = 0;
    invlpg(CROSS);
    TRY_REPORT("lea 1f(%%rip), %%rdx; jmp *%0; 1:", "r"(CROSS - 3));
    check("rip", fault.rip, CROSS - 3);
    *pte = second | PTE_P | PTE_NX;
    invlpg(CROSS);
    TRY_REPORT("lea 1f(%%rip), %%rdx; jmp *%0; 1:", "r"(CROSS - 3));
    return 0;
}
