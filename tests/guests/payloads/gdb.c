/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of the gdb server (tests/integration/gdb.sh): functions to stop in, variables to watch,
 * user mode, interrupts that a single step must not end in, and the guest's own debug registers,
 * which a debugger leaves alone.
 */
#include "runtime.h"

volatile uint64_t gdb_counter = 0x1122334455667788;
volatile uint64_t gdb_ticks, gdb_traps;

__attribute__((noinline)) void gdb_work(uint64_t n)
{
    gdb_counter = n;
    __asm__ volatile("" ::: "memory");
}

/* The bytes of these instructions are what the test steps through. */
__asm__(".text; .globl gdb_steps; gdb_steps:\n"
        "mov $1, %eax; add $2, %eax; nop; xchg %eax, %ecx; ret");
extern void gdb_steps(void);

/* Runs at CPL 3, at the address in gdb_user_at. */
__asm__(".text; u_gdb: mov $0x1234, %ebx; inc %rbx; mov %rbx, %rdi; ud2");
extern uint8_t u_gdb[];
uint8_t *volatile gdb_user_at;

static void on_debug(struct frame *f)
{
    gdb_traps++;
    f->rflags |= 0x10000; /* RF */
}

static void on_tick(struct frame *f)
{
    (void)f;
    gdb_ticks++;
    lapic_write(LAPIC_EOI, 0);
}

__attribute__((noinline)) void gdb_last(void)
{
    __asm__ volatile("" ::: "memory");
}

unsigned payload(void)
{
    cli();
    lapic_enable();
    handlers[33] = on_tick;
    lapic_write(LAPIC_DIVIDE, 0x3);
    lapic_write(LAPIC_TIMER, 0x20000 | 33);
    lapic_write(LAPIC_INITIAL, 150000);
    sti();
    for (uint64_t n = 0; n < 5; n++)
        gdb_work(n);
    __asm__ volatile("call gdb_steps" ::: "rax", "rcx", "memory");
    cli();
    lapic_write(LAPIC_INITIAL, 0);
    /* its own breakpoint */
    handlers[1] = on_debug;
    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(gdb_last), "r"(0x402ul));
    gdb_user_at = user_code(u_gdb);
    gdb_last();
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul));
    user_run(gdb_user_at, (void *)USER_STACK, 0);
    report("user");
    say("counter %u, traps %u, rdi %lx\n", (unsigned)gdb_counter, (unsigned)gdb_traps, fault.rdi);
    return 0;
}
