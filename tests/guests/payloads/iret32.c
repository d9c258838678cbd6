/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protected mode: IRET to the same level, to CPL 3, and its faults.
 */
#include "runtime.h"

static uint8_t stack[1024] __attribute__((aligned(16)));
__asm__(".text; user_code: mov %cs, %eax; mov %ss, %edx; ud2");
extern uint8_t user_code[];

static void user_trap(struct frame *f)
{
    say("user: cs %lx ss %lx eax %lx edx %lx\n", (unsigned long)f->cs, (unsigned long)f->ss,
        (unsigned long)f->rax, (unsigned long)f->rdx);
    finish(9);
}

unsigned payload(void)
{
    uint32_t flags;
    TRY_FULL("pushf; orl $0x41, (%%esp); push %%cs; push $1f; iret; ud2; 1: pushf; pop %0",
             LIST("=r"(flags)), LIST());
    report("iret");
    say("flags %lx\n", (unsigned long)(flags & 0xfff));
    TRY("mov %%esp, %%edx; pushf; push $0x10; push $0; iret");
    report("iret to data");
    TRY("pushf; push $0x80; push $0; iret");
    report("iret outside of the table");
    handlers[6] = user_trap;
    __asm__ volatile("push $0x23; push %0; pushf; push $0x1b; push $user_code; iret"
                     :
                     : "r"(stack + sizeof(stack))
                     : "memory");
    return 1;
}
