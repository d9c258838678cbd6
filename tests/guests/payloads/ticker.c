/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the life cycle: says "start", then a dot for each timer interrupt, for ever. The
 * command line chooses what it does in between: "halt", "spin", "user" (spins in user mode),
 * "ports" (one long REP INSB).
 */
#include "runtime.h"

__asm__(".text; u_spin: 1: inc %rax; jmp 1b");
extern uint8_t u_spin[];

static void on_tick(struct frame *f)
{
    (void)f;
    outb(0xe9, '.');
    lapic_write(LAPIC_EOI, 0);
}

unsigned payload(void)
{
    static uint8_t ring0[2048] __attribute__((aligned(16)));
    static uint8_t byte;
    set_stack(0, ring0 + sizeof(ring0));
    say("start\n");
    flush();
    cli();
    lapic_enable();
    handlers[33] = on_tick;
    lapic_write(LAPIC_DIVIDE, 0x3); /* 16 */
    lapic_write(LAPIC_TIMER, 0x20000 | 33);
    lapic_write(LAPIC_INITIAL, 15000); /* about 10 ms at 24 MHz, less where it is faster */
    if (option("user"))
        user_call(user_code(u_spin), (void *)USER_STACK, 0x202, 0);
    sti();
    for (;;) {
        unsigned long count = ~0ul;
        void *to = &byte;
        if (option("halt"))
            __asm__ volatile("hlt");
        else if (option("ports")) /* all at one place: the page stays, the count does not end */
            __asm__ volatile(
                "1: mov $1000000, %%ecx; mov %2, %0; rep insb (%%dx), %%es:(%%rdi); jmp 1b"
                : "+D"(to), "+c"(count)
                : "r"((void *)0x200000), "d"(0x300)
                : "memory");
    }
}
