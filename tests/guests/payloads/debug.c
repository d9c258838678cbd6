/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debug registers and single steps in user mode.
 */
#include "runtime.h"

static unsigned steps;
static volatile bool stepping;

static unsigned long dr6(void)
{
    unsigned long value;
    __asm__ volatile("mov %%dr6, %0; mov %1, %%dr6" : "=&r"(value) : "r"(0xffff0ff0ul));
    return value;
}

static void on_debug(struct frame *f)
{
    if (stepping) {
        steps++;
        dr6();
        return;
    }
    say("#DB dr6 %lx\n", dr6());
    f->rflags |= 0x10000; /* RF */
}

__asm__(".text; u_step: pushf; orl $0x100, (%rsp); popf; nop; nop; mov $1, %eax; pushf\n"
        " andl $~0x100, (%rsp); popf; nop; ud2\n"
        "u_icebp: .byte 0xf1; ud2\n");
extern uint8_t u_step[], u_icebp[];

unsigned payload(void)
{
    unsigned long value;
    handlers[1] = on_debug;
    __asm__ volatile("mov %1, %%dr0; mov %%dr0, %0" : "=r"(value) : "r"(0x123456789abcul));
    say("dr0 %lx\n", value);
    __asm__ volatile("mov %%dr7, %0" : "=r"(value));
    say("dr7 %lx\n", value);
    TRY_REPORT("mov %0, %%dr7", "r"(1ul << 32));
    TRY_REPORT("mov %0, %%dr6", "r"(1ul << 32));
    dr6();

    /* single steps in user mode */
    stepping = true;
    user_run(user_code(u_step), (void *)USER_STACK, 0);
    stepping = false;
    report("after the steps");
    say("steps %u\n", steps);

    user_run(user_code(u_icebp), (void *)USER_STACK, 0);
    report("after icebp");
    return 0;
}
