/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protected mode: CPL 3 by SYSEXIT, back by faults.
 */
#include "runtime.h"

static uint8_t stack[2048] __attribute__((aligned(16)));
static void *const top = stack + sizeof(stack);

#define USER(name, text)                                                                           \
    __asm__(".text; .globl " #name "\n" #name ": " text "\n ud2");                                 \
    extern uint8_t name[]

USER(u_ud2, "ud2");
USER(u_cli, "cli");
USER(u_hlt, "hlt");
USER(u_cr0, "mov %cr0, %eax");
USER(u_in, "in $0x60, %al");
USER(u_div, "xor %ecx, %ecx; div %ecx");
USER(u_ss, "mov $0x10, %eax; mov %eax, %ss");
USER(u_ds, "mov $0x10, %eax; mov %eax, %ds");
USER(u_far, "lcall $8, $0");
USER(u_lgdt, "lgdt 0x100000");
USER(u_popf,
     "pushf; pop %eax; xor $0x3200, %eax; push %eax; popf; pushf; pop %edx; xor %edx, %eax; "
     "and $0x3200, %eax; cmp $0x3200, %eax; je 1f; hlt; 1:");

static void run(const char *what, void *entry)
{
    user_run(entry, top, 0);
    report(what);
    if (fault.cs != 0x1b)
        say("cs %lx\n", fault.cs);
}

unsigned payload(void)
{
    static uint8_t ring0[512] __attribute__((aligned(16)));
    set_stack(0, ring0 + sizeof(ring0));

    run("ud2", u_ud2);
    check("user stack", fault.rsp, (unsigned long)top);
    check("handler stack", fault.handler_rsp, (unsigned long)(ring0 + sizeof(ring0)) - 64);
    run("cli", u_cli);
    run("hlt", u_hlt);
    run("mov cr0", u_cr0);
    run("in", u_in);
    run("div by 0", u_div);
    run("load kernel ss", u_ss);
    run("load kernel ds", u_ds);
    run("far call to the kernel", u_far);
    run("lgdt", u_lgdt);
    run("popf keeps IF and IOPL", u_popf);
    return 0;
}
