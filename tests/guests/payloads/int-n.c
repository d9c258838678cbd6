/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INT n and INT3 in long mode, from CPL 0 and CPL 3.
 */
#include "runtime.h"

__asm__(".text; u_int32: int $32; ud2; u_int33: int $33; ud2; u_int3: int3; ud2");
extern uint8_t u_int32[], u_int33[], u_int3[];

static void run(const char *what, uint8_t *entry)
{
    void *at = user_code(entry);
    user_run(at, (void *)USER_STACK, 0);
    report(what);
    say("  error %lx, rip +%lu\n", fault.error, fault.rip - (unsigned long)at);
}

extern uint8_t stubs[];

unsigned payload(void)
{
    set_gate(32, stubs + 16 * 32, 0xee, 0);
    set_gate(3, stubs + 16 * 3, 0xee, 0);
    TRY_REPORT("int $33");
    TRY_REPORT("int3");
    TRY_REPORT("int $200");
    run("int of DPL 3 from user mode", u_int32);
    run("int of DPL 0 from user mode", u_int33);
    run("int3 from user mode", u_int3);
    return 0;
}
