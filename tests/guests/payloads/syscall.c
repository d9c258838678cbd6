/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SYSCALL from user mode and SYSRET back.
 */
#include "runtime.h"

__asm__(".text\n"
        "u_ids: mov %cs, %eax; mov %ss, %edi; stc; syscall\n"
        "u_loop: mov $3, %ebx; 1: mov %ebx, %edi; mov %ebx, %eax; syscall; dec %ebx; jnz 1b\n"
        " mov %r11, %rdi; mov $99, %eax; syscall\n"
        "u_masked: xor %eax, %eax; xor %edi, %edi; pushf; orl $0x400, (%rsp); popf; syscall\n");
extern uint8_t u_ids[], u_loop[], u_masked[];

void syscall_hook(void)
{
    unsigned long flags;
    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    say("syscall %lu, flags %lx\n", (unsigned long)syscall_frame[4], flags & 0x700);
}

static void run(const char *what, uint8_t *label)
{
    void *at = user_code(label);
    user_run(at, (void *)USER_STACK, 0);
    if (fault.vector != 256)
        report(what);
    else
        say("%s: rdi %lx rax %lx rcx +%lx r11 %lx\n", what, (unsigned long)syscall_frame[4],
            (unsigned long)syscall_frame[3], (unsigned long)syscall_frame[1] - (unsigned long)at,
            (unsigned long)syscall_frame[2]);
}

unsigned payload(void)
{
    run("selectors", u_ids);
    syscall_returns = 3;
    run("loop", u_loop);
    run("masked direction flag", u_masked);
    return 0;
}
