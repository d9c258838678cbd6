/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segmentation in long mode: loads, local descriptor table, far returns, compatibility mode.
 */
#include "runtime.h"

static uint64_t ldt[4];

__asm__(".text\n"
        "compat: .code32\n mov $0x10, %eax; mov %eax, %ds; lea 1(%eax, %eax, 2), %eax\n"
        " push %eax; pop %ecx; mov %cs, %edx; dec %edx\n" /* 4A: DEC in 32 bits, a prefix in 64 */
        " ljmp $8, $compat_back\n .code64\n"
        "compat_back: ret\n");
extern uint8_t compat[];

unsigned payload(void)
{
    uint16_t selector;
    gdt[FREE / 8] = descriptor(0, 0xfffff, 0x12, 12); /* 0x48: not present */
    gdt[0x50 / 8] = descriptor((uint32_t)(unsigned long)ldt, sizeof(ldt) - 1, 0x82, 0);
    gdt[0x58 / 8] = 0;
    gdt[0x60 / 8] = descriptor(0, 0xfffff, 0x9a, 14); /* code with L and D: not allowed */
    gdt[0x68 / 8] = descriptor(0, 0xfffff, 0x92, 12);
    ldt[1] = descriptor(0x1234, 0xfffff, 0x92, 12);
    ldt[2] = descriptor(0, 0xfffff, 0x9a, 10);

    TRY_REPORT("mov %0, %%ds", "r"(0));
    TRY_REPORT("mov (%%rsp), %%rax"); /* a null DS does no harm */
    TRY_REPORT("mov %0, %%ds", "r"(0x48));
    TRY_REPORT("mov %0, %%ss", "r"(0x48));
    TRY_REPORT("mov %0, %%es", "r"(0x80));
    TRY_REPORT("mov %0, %%ss", "r"(8));
    TRY_REPORT("mov %0, %%es", "r"(0x0c)); /* in the LDT, of which there is none */
    TRY_REPORT("lldt %w0", "r"(0x10));
    TRY_REPORT("lldt %w0", "r"(0x50));
    __asm__ volatile("sldt %0" : "=m"(selector));
    say("ldt %x\n", selector);
    TRY_REPORT("mov %0, %%fs", "r"(0x0c));
    say("fs base %lx\n", (unsigned long)rdmsr(0xc0000100));
    TRY_REPORT("mov %0, %%fs", "r"(0x24)); /* past the LDT's end */
    TRY_REPORT("push $0x14; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:");
    __asm__ volatile("mov %%cs, %0" : "=r"(selector));
    say("cs %x\n", selector);
    TRY_REPORT("push $8; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:");
    TRY_STACK("push $0x60; push $0; lretq");
    report("lretq to L and D");
    TRY_STACK("push $0x10; push $0; lretq");
    report("lretq to data");
    TRY_STACK("push $0; push $0; lretq");
    report("lretq to null");
    TRY_REPORT("lldt %w0", "r"(0));
    TRY_REPORT("mov %0, %%fs", "r"(0x0c));
    __asm__ volatile("str %0" : "=m"(selector));
    say("tr %x\n", selector);
    TRY_REPORT("ltr %w0", "r"(TSS));
    TRY_REPORT("ltr %w0", "r"(0));
    TRY_REPORT("lgdt (%0)", "r"(1ul << 62));

    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr, idtr;
    __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdtr), "=m"(idtr));
    check("gdt", gdtr.base, (unsigned long)gdt);
    say("limits %x %x\n", gdtr.limit, idtr.limit);

    /* compatibility mode and back */
    unsigned long a, c, d;
    __asm__ volatile("lea 1f(%%rip), %%rax; push %%rax; push $0x40; push $compat; lretq; 1:"
                     : "=a"(a), "=c"(c), "=d"(d)
                     :
                     : "memory");
    say("compat eax %lx ecx %lx edx %lx\n", a, c, d);
    return 0;
}
