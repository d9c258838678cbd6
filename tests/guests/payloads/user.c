/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * User mode in long mode: IRETQ to it, faults back, arithmetic there.
 */
#include "runtime.h"

#define CODE_VA   VIRTUAL
#define DATA_VA   (VIRTUAL + 0x10000)
#define STACK_TOP (DATA_VA + PAGE)

__asm__(".text; .balign 4096\n user_text:\n"
        "u_ud2: ud2\n"
        "u_cli: cli\n"
        "u_hlt: hlt\n"
        "u_cr3: mov %cr3, %rax\n"
        "u_rdmsr: mov $0xc0000080, %ecx; rdmsr\n"
        "u_in: in $0x80, %al\n"
        "u_lgdt: lgdt 0\n"
        "u_invlpg: invlpg 0\n"
        "u_div: xor %ecx, %ecx; div %ecx\n"
        "u_kernel: mov 0x100000, %al\n"
        "u_kernel_w: mov %al, 0x100000\n"
        "u_none: movabs $0x8000020000, %rax; mov (%rax), %al\n"
        "u_ro: mov %al, user_text(%rip)\n"
        "u_exec: mov $0x100000, %eax; jmp *%rax\n"
        "u_nx: movabs $0x8000010000, %rax; jmp *%rax\n"
        "u_gs: mov $0x10, %eax; mov %eax, %gs\n"
        "u_sysret: sysretq\n"
        "u_ac: pushf; orl $0x40000, (%rsp); popf; mov -5(%rsp), %eax\n"
        "u_sse: mov $3, %eax; cvtsi2sd %eax, %xmm0; sqrtsd %xmm0, %xmm1; mulsd %xmm0, %xmm1\n"
        " movq %xmm1, %rdi; ud2\n"
        "u_x87: fninit; fldpi; fmul %st(0), %st; push %rax; fstpl (%rsp); pop %rdi; ud2\n"
        "u_rep: movabs $0x8000010000, %rdi; mov %rdi, %rsi; mov $0x5a, %eax; mov $4096, %ecx\n"
        " rep stosb; mov $512, %ecx; xor %edx, %edx; 1: lodsq; add %rax, %rdx; loop 1b\n"
        " mov %rdx, %rdi; ud2\n");
extern uint8_t user_text[], u_ud2[], u_cli[], u_hlt[], u_cr3[], u_rdmsr[], u_in[], u_lgdt[],
    u_invlpg[], u_div[], u_kernel[], u_kernel_w[], u_none[], u_ro[], u_exec[], u_nx[], u_gs[],
    u_sysret[], u_ac[], u_sse[], u_x87[], u_rep[];

static void *user(uint8_t *label)
{
    return (void *)(CODE_VA + (unsigned long)(label - user_text));
}

static void run(const char *what, uint8_t *label)
{
    user_run(user(label), (void *)STACK_TOP, 0);
    report(what);
    if (fault.vector != 256 && fault.cs != USER_CODE64)
        say("at %lx:%lx\n", fault.cs, fault.rip);
}

static void run_value(const char *what, uint8_t *label)
{
    run(what, label);
    say("  rdi %lx\n", fault.rdi);
}

unsigned payload(void)
{
    static uint8_t ring0[2048] __attribute__((aligned(16)));
    map(CODE_VA, (unsigned long)user_text, PTE_P | PTE_U);
    map(DATA_VA, (unsigned long)page_alloc(), PTE_P | PTE_W | PTE_U | PTE_NX);
    map(VIRTUAL + 0x20000, 0, 0);
    set_stack(0, ring0 + sizeof(ring0));
    write_cr0(read_cr0() | 1ul << 18);          /* AM */
    write_cr4(read_cr4() | 1ul << 9 | 1 << 10); /* OSFXSR, OSXMMEXCPT */

    run("ud2", u_ud2);
    say("cs %lx rsp %lx\n", fault.cs, fault.rsp);
    check("stack of the handler", fault.handler_rsp,
          (unsigned long)ring0 + sizeof(ring0) - sizeof(struct frame));
    run("cli", u_cli);
    run("hlt", u_hlt);
    run("mov cr3", u_cr3);
    run("rdmsr", u_rdmsr);
    run("in", u_in);
    run("lgdt", u_lgdt);
    run("invlpg", u_invlpg);
    run("div by 0", u_div);
    run("read of the kernel", u_kernel);
    run("write of the kernel", u_kernel_w);
    run("read of nothing", u_none);
    run("write of a read-only page", u_ro);
    run("jump into the kernel", u_exec);
    run("jump to a no-execute page", u_nx);
    run("kernel selector", u_gs);
    run("sysret", u_sysret);
    run("alignment check", u_ac);
    run_value("sse2", u_sse);
    run_value("x87", u_x87);
    run_value("string instructions", u_rep);
    return 0;
}
