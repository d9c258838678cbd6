/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SYSCALL of a machine with several vCPUs whose user mode has used an instruction that the software
 * CPU does not know (AVX-512): from then on KVM has user mode, and the kernel between.
 */
#include "runtime.h"

__asm__(".text\n"
        "u_beyond: .byte 0x62, 0xf1, 0x7d, 0x48, 0xef, 0xc0; syscall\n" /* vpxord zmm0, ... */
        "u_loop: mov $3, %ebx; 1: mov %ebx, %edi; mov %ebx, %eax; syscall; dec %ebx; jnz 1b\n"
        " mov %r11, %rdi; mov $99, %eax; syscall\n");
extern uint8_t u_beyond[], u_loop[];

void syscall_hook(void)
{
    if (syscall_frame[4])
        say("syscall %lu\n", (unsigned long)syscall_frame[4]);
}

unsigned payload(void)
{
    user_run(user_code(u_beyond), (void *)USER_STACK, 0); /* a call, or #UD */
    for (unsigned round = 0; round < 3; round++) {
        void *at = user_code(u_loop);
        syscall_returns = 3;
        user_run(at, (void *)USER_STACK, 0);
        if (fault.vector != 256)
            report("loop");
        else
            say("loop: rax %lx rcx +%lx\n", (unsigned long)syscall_frame[3],
                (unsigned long)syscall_frame[1] - (unsigned long)at);
    }
    return 0;
}
