/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID leaves every processor has, model-specific registers.
 */
#include "runtime.h"

static void feature(const char *name, uint32_t reg, unsigned bit)
{
    say("%s %u\n", name, reg >> bit & 1);
}

static void msr(const char *name, uint32_t index, uint64_t value)
{
    uint64_t old = rdmsr(index);
    wrmsr(index, value);
    check(name, rdmsr(index), value);
    wrmsr(index, old);
}

static void try_wrmsr(uint32_t index, uint32_t low, uint32_t high)
{
    TRY_FULL("wrmsr", LIST(), LIST("c"(index), "a"(low), "d"(high)));
    say("%x ", index);
    report("wrmsr");
}

unsigned payload(void)
{
    uint32_t r[4];
    cpuid(0, 0, r);
    check("leaves", r[0] >= 1, 1);
    check("vendor", r[1] != 0 && r[2] != 0 && r[3] != 0, 1);
    cpuid(1, 0, r);
    say("apic id %x\n", r[1] >> 24);
    feature("fpu", r[3], 0);
    feature("tsc", r[3], 4);
    feature("msr", r[3], 5);
    feature("pae", r[3], 6);
    feature("cx8", r[3], 8);
    feature("apic", r[3], 9);
    feature("pge", r[3], 13);
    feature("cmov", r[3], 15);
    feature("fxsr", r[3], 24);
    feature("sse2", r[3], 26);
    feature("hypervisor", r[2], 31);
    uint32_t before = r[2];
    if (before >> 26 & 1) /* OSXSAVE shows in CPUID, where there is XSAVE */
        write_cr4(read_cr4() | 1ul << 18);
    cpuid(1, 0, r);
    check("osxsave", r[2] >> 27 & 1, before >> 26 & 1);
    write_cr4(read_cr4() & ~(1ul << 18));
    cpuid(0x80000000, 0, r);
    check("extended leaves", r[0] >= 0x80000008, 1);
    cpuid(0x80000001, 0, r);
    feature("syscall", r[3], 11);
    feature("nx", r[3], 20);
    feature("long mode", r[3], 29);
    cpuid(0x80000008, 0, r);
    check("address bits", (r[0] & 0xff) >= 36 && (r[0] >> 8 & 0xff) >= 48, 1);
    cpuid(0x40000000, 0, r);
    check("hypervisor leaf", r[0] >= 0x40000000, 1);
    unsigned long high;
    __asm__ volatile("mov $-1, %%rbx; mov $-1, %%rdx; cpuid; or %%rbx, %%rdx; shr $32, %%rdx"
                     : "=&d"(high)
                     : "a"(0), "c"(0)
                     : "rbx");
    check("upper halves", high, 0);

    say("apic base %lx\n", (unsigned long)rdmsr(0x1b));
    msr("STAR", 0xc0000081, 0x0023001000112233);
    msr("LSTAR", 0xc0000082, 0xffff800012345678);
    msr("CSTAR", 0xc0000083, 0x12345678);
    msr("SFMASK", 0xc0000084, 0x47700);
    msr("FS base", 0xc0000100, 0x7fff12345678);
    msr("GS base", 0xc0000101, 0xffff800000000000);
    msr("kernel GS base", 0xc0000102, 0x1234);
    msr("SYSENTER_EIP", 0x176, 0xffffffff81000000);
    msr("PAT", 0x277, 0x0007010600070106);
    try_wrmsr(0xc0000080, 0x2, 0);
    try_wrmsr(0xc0000080, 0x801, 0); /* LME off under paging */
    TRY_REPORT("rdmsr", "c"(0xc0001234));
    TRY_REPORT("rdmsr", "c"(0x12345678));
    try_wrmsr(0x12345678, 0, 0);
    say("efer %lx\n", (unsigned long)rdmsr(0xc0000080));

    /* FS and GS */
    static uint64_t one = 0x1111, two = 0x2222;
    unsigned long a, b;
    wrmsr(0xc0000100, (uint64_t)&one);
    wrmsr(0xc0000101, (uint64_t)&one);
    wrmsr(0xc0000102, (uint64_t)&two);
    __asm__ volatile("mov %%fs:0, %0; mov %%gs:0, %1" : "=r"(a), "=r"(b));
    say("fs %lx gs %lx\n", a, b);
    __asm__ volatile("swapgs; mov %%gs:0, %0; swapgs; mov %%gs:0, %1" : "=r"(a), "=r"(b));
    say("swapgs %lx %lx\n", a, b);
    __asm__ volatile("mov %0, %%fs" : : "r"(DATA)); /* loads the base from the descriptor */
    check("fs base", rdmsr(0xc0000100), 0);
    return 0;
}
