/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Long mode: what the mode bits say, and what only 64-bit code can do.
 */
#include "runtime.h"

unsigned payload(void)
{
    unsigned long a, b;
    say("cr0 %lx\n", read_cr0());
    say("cr4 %lx\n", read_cr4());
    say("efer %lx\n", (unsigned long)rdmsr(0xc0000080));
    __asm__ volatile("mov $0x1122334455667788, %%r15; lea (%%r15, %%r15), %0; movslq %%r15d, %1"
                     : "=r"(a), "=r"(b)
                     :
                     : "r15");
    say("%lx %lx\n", a, b);
    __asm__ volatile("mov $-1, %0; mov $7, %k0" : "=r"(a)); /* clears the upper half */
    say("%lx\n", a);
    __asm__ volatile("lea 1f(%%rip), %0; 1: lea 1b, %1" : "=r"(a), "=r"(b));
    check("rip-relative", a, b);
    TRY_REPORT("movb (%0), %%al", "r"(0x800000000000));
    TRY_REPORT("pushq (%0)", "r"(0x7fffffffffff));
    TRY_REPORT("push %%rbp; pop %%rbp");
    TRY_REPORT(".byte 0x06"); /* PUSH ES: not there in 64 bits */
    TRY_REPORT(".byte 0xea");
    return 0x2a;
}
