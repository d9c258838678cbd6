/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE3 to SSE4.2 in the kernel: results, alignment, page faults, and what CR0 and CR4 forbid.
 */
#include "runtime.h"

#define TS     0x8ul
#define EM     0x4ul
#define OSFXSR 0x200ul

static uint8_t data[64] __attribute__((aligned(16)));
static uint8_t result[16] __attribute__((aligned(16)));

static void show(const char *what)
{
    say("%s:", what);
    for (unsigned n = 0; n < 16; n++)
        say(" %x", result[n]);
    say("\n");
}

#define RUN(text)                                                                                  \
    do {                                                                                           \
        __asm__ volatile("movdqa (%0), %%xmm1; movdqa 16(%0), %%xmm2\n\t" text                     \
                         "\n\tmovdqa %%xmm1, (%1)"                                                 \
                         :                                                                         \
                         : "r"(data), "r"(result)                                                  \
                         : "memory", "cc", "rax", "rcx", "rdx");                                   \
        show(text);                                                                                \
    } while (0)
#define FAULTS(text, at)                                                                           \
    do {                                                                                           \
        TRY(text, "r"(at));                                                                        \
        report(text);                                                                              \
    } while (0)

unsigned payload(void)
{
    static const unsigned bits[] = { 0, 9, 19, 20, 23 };
    uint8_t *page = page_alloc();
    uint32_t leaf[4];
    unsigned long index, cf;

    write_cr4(read_cr4() | OSFXSR);
    map(VIRTUAL, (unsigned long)page, PTE_P);
    cpuid(1, 0, leaf);
    for (unsigned n = 0; n < sizeof(bits) / sizeof(bits[0]); n++)
        check("cpuid", leaf[2] >> bits[n] & 1, 1);
    for (unsigned n = 0; n < sizeof(data); n++)
        data[n] = (uint8_t)(n * 37 + 11);

    RUN("haddps %%xmm2, %%xmm1");
    RUN("movshdup %%xmm2, %%xmm1");
    RUN("pshufb %%xmm2, %%xmm1");
    RUN("palignr $5, %%xmm2, %%xmm1");
    RUN("phaddsw %%xmm2, %%xmm1");
    RUN("pmulld %%xmm2, %%xmm1");
    RUN("pblendw $0x5a, %%xmm2, %%xmm1");
    RUN("pmovzxbw %%xmm2, %%xmm1");
    RUN("pinsrd $2, 4(%0), %%xmm1");
    RUN("mpsadbw $5, %%xmm2, %%xmm1");
    RUN("pcmpgtq %%xmm2, %%xmm1");
    RUN("lddqu 3(%0), %%xmm1");
    RUN("mov $0x1234, %%eax; crc32l (%0), %%eax; movd %%eax, %%xmm1");
    RUN("popcntq (%0), %%rax; movq %%rax, %%xmm1");
    __asm__ volatile("movdqa (%2), %%xmm1; pcmpistri $0x0c, 1(%2), %%xmm1; setc %%al; movzbl %%al, "
                     "%%eax"
                     : "=c"(index), "=a"(cf)
                     : "r"(data)
                     : "cc");
    say("pcmpistri %lu cf %lu\n", index, cf);

    FAULTS("pshufb 1(%0), %%xmm1", data);
    FAULTS("lddqu 1(%0), %%xmm1", data);
    FAULTS("pcmpistrm $0, 1(%0), %%xmm1", data);
    FAULTS("pmovsxbq 1(%0), %%xmm1", data);
    FAULTS("phaddd (%0), %%xmm1", VIRTUAL + PAGE);
    FAULTS("pcmpistrm $0, 4088(%0), %%xmm1", VIRTUAL);
    FAULTS("pextrb $1, %%xmm1, (%0)", VIRTUAL);
    FAULTS("pextrd $1, %%xmm1, 4094(%0)", VIRTUAL);
    FAULTS("pextrq $1, %%xmm1, (%0)", 0x800000000000ul);
    FAULTS("crc32b 4096(%0), %%eax", VIRTUAL);
    FAULTS("movbew %%ax, (%0)", VIRTUAL);

    write_cr0(read_cr0() | TS);
    FAULTS("pabsb (%0), %%xmm1", data);
    FAULTS("pabsb 4096(%0), %%mm1", VIRTUAL);
    FAULTS("fisttpl (%0)", data);
    FAULTS("crc32b (%0), %%eax", data); /* has nothing to do with it */
    FAULTS("popcnt (%0), %%eax", data);
    write_cr0((read_cr0() & ~TS) | EM);
    FAULTS("pabsb (%0), %%xmm1", data);
    FAULTS("pabsb (%0), %%mm1", data);
    FAULTS("crc32b (%0), %%eax", data);
    write_cr0(read_cr0() & ~EM);
    write_cr4(read_cr4() & ~OSFXSR);
    FAULTS("pabsb (%0), %%xmm1", data);
    FAULTS("pabsb (%0), %%mm1; emms", data);
    FAULTS("crc32b (%0), %%eax", data);
    write_cr4(read_cr4() | OSFXSR);
    FAULTS("pabsb (%0), %%xmm1", data);
    return 0;
}
