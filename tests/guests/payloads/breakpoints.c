/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Breakpoints of the debug registers in user mode: a write, an instruction.
 */
#include "runtime.h"

static unsigned long dr6(void)
{
    unsigned long value;
    __asm__ volatile("mov %%dr6, %0; mov %1, %%dr6" : "=&r"(value) : "r"(0xffff0ff0ul));
    return value;
}

static void on_debug(struct frame *f)
{
    say("#DB dr6 %lx\n", dr6());
    f->rflags |= 0x10000; /* RF */
}

__asm__(".text\n"
        "u_watch: movb $1, (%rdi); nop; mov (%rdi), %al; nop; nop; u_break: nop; ud2\n");
extern uint8_t u_watch[], u_break[];

unsigned payload(void)
{
    handlers[1] = on_debug;
    void *data = (void *)(VIRTUAL + 0x300000);
    map((unsigned long)data, (unsigned long)page_alloc(), PTE_P | PTE_W | PTE_U);
    uint8_t *watch = user_code(u_watch);
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr7"
                     :
                     : "r"(data), "r"(watch + (u_break - u_watch)),
                       "r"(0x0001040aul | 0x1ul << 16));
    user_run(watch, (void *)USER_STACK, (unsigned long)data);
    report("after the breakpoints");
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul));
    return 0;
}
