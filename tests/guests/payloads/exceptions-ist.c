/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exceptions on stacks of the interrupt stack table; double faults.
 */
#include "runtime.h"

static uint8_t stack1[1024] __attribute__((aligned(16))), stack2[1024] __attribute__((aligned(16)));
extern uint8_t stubs[];
__asm__(".text; u_ud2: ud2; u_div: xor %ecx, %ecx; div %ecx");
extern uint8_t u_ud2[], u_div[];

static void where(void)
{
    unsigned long at = fault.handler_rsp, frame = sizeof(struct frame);
    if (at == (unsigned long)stack1 + sizeof(stack1) - frame)
        say("  on IST 1\n");
    else if (at == (unsigned long)stack2 + sizeof(stack2) - frame)
        say("  on IST 2\n");
    else if (at < (unsigned long)stack_top && at > (unsigned long)stack_top - 16384)
        say("  on the stack of the program\n");
    else
        say("  elsewhere\n");
}

#define AND_WHERE(text, ...)                                                                       \
    do {                                                                                           \
        TRY_REPORT(text, ##__VA_ARGS__);                                                           \
        where();                                                                                   \
    } while (0)

unsigned payload(void)
{
    set_stack(1, stack1 + sizeof(stack1));
    set_stack(2, stack2 + sizeof(stack2));
    AND_WHERE("ud2");
    set_gate(6, stubs + 16 * 6, 0x8e, 1);
    set_gate(14, stubs + 16 * 14, 0x8e, 2);
    AND_WHERE("ud2");
    AND_WHERE("mov (%0), %%eax", "r"(VIRTUAL));
    AND_WHERE("xor %%eax, %%eax; div %%eax");
    user_run(user_code(u_ud2), (void *)USER_STACK, 0);
    report("ud2 in user mode");
    where();

    /* #GP not present: #NP is contributory, two of that kind are a double fault */
    set_gate(8, stubs + 16 * 8, 0x8e, 1);
    gate_present(13, false);
    AND_WHERE("mov %0, %%ds", "r"(0x90));
    /* #PF while delivering #PF: the stack is not there */
    set_gate(14, stubs + 16 * 14, 0x8e, 0);
    TRY_STACK("mov %0, %%rsp; push %%rax", "r"(VIRTUAL + 4096));
    report("push on a stack that is not there");
    where();
    /* #DE (contributory) with a gate that is not present: #NP, then #DF */
    gate_present(13, true);
    gate_present(0, false);
    AND_WHERE("xor %%eax, %%eax; div %%eax");
    return 0;
}
