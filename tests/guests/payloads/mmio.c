/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory-mapped I/O of every width, aligned or not, across pages, by many instructions.
 */
#include "runtime.h"

#define HOLE  0xd0000000ul /* nothing is there */
#define CROSS (VIRTUAL + PAGE)

static unsigned long read_width(unsigned long at, unsigned width)
{
    unsigned long value = 0;
    switch (width) {
    case 1: __asm__ volatile("movb (%1), %b0" : "+r"(value) : "r"(at)); break;
    case 2: __asm__ volatile("movw (%1), %w0" : "+r"(value) : "r"(at)); break;
    case 4: __asm__ volatile("movl (%1), %k0" : "+r"(value) : "r"(at)); break;
    default: __asm__ volatile("movq (%1), %0" : "+r"(value) : "r"(at)); break;
    }
    return value;
}

static void write_width(unsigned long at, unsigned width, unsigned long value)
{
    switch (width) {
    case 1: __asm__ volatile("movb %b0, (%1)" : : "r"(value), "r"(at)); break;
    case 2: __asm__ volatile("movw %w0, (%1)" : : "r"(value), "r"(at)); break;
    case 4: __asm__ volatile("movl %k0, (%1)" : : "r"(value), "r"(at)); break;
    default: __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(at)); break;
    }
}

unsigned payload(void)
{
    static const uint8_t offsets[] = { 0, 1, 3, 4, 7 };
    unsigned long value, other;

    for (unsigned width = 1; width <= 8; width *= 2)
        for (unsigned i = 0; i < sizeof(offsets); i++) {
            write_width(HOLE + offsets[i], width, 0x1122334455667788);
            value = read_width(HOLE + offsets[i], width);
            if (value != (width == 8 ? ~0ul : (1ul << width * 8) - 1))
                say("width %u offset %u: %lx\n", width, offsets[i], value);
        }
    say("widths done\n");

    /* I/O APIC: 32-bit registers; narrower reads show a part */
    *(volatile uint32_t *)IOAPIC = 1;
    say("version %lx\n", read_width(IOAPIC + 0x10, 4));
    say("byte %lx, word %lx, byte 2 %lx\n", read_width(IOAPIC + 0x10, 1),
        read_width(IOAPIC + 0x10, 2), read_width(IOAPIC + 0x12, 1));
    say("quad %lx\n", read_width(IOAPIC + 0x10, 8));
    write_width(IOAPIC, 4, 0x17);
    say("select %lx\n", read_width(IOAPIC, 4));

    /* instructions that read, modify and write */
    write_width(IOAPIC, 4, 0x10);
    *(volatile uint32_t *)(IOAPIC + 0x10) = 0x10030;
    __asm__ volatile("orl $1, (%0)" : : "r"(IOAPIC + 0x10) : "memory");
    say("or %lx\n", read_width(IOAPIC + 0x10, 4));
    __asm__ volatile("addl $2, (%0)" : : "r"(IOAPIC + 0x10) : "memory");
    say("add %lx\n", read_width(IOAPIC + 0x10, 4));
    value = 0x10077;
    __asm__ volatile("xchgl %k0, (%1)" : "+r"(value) : "r"(IOAPIC + 0x10) : "memory");
    say("xchg %lx %lx\n", value, read_width(IOAPIC + 0x10, 4));
    __asm__ volatile("lock; btsl $3, (%1); setc %b0"
                     : "=&q"(value)
                     : "r"(IOAPIC + 0x10)
                     : "memory");
    say("bts %lx\n", read_width(IOAPIC + 0x10, 4));
    __asm__ volatile("push %1; pop (%0)" : : "r"(HOLE), "r"(5ul) : "memory");
    __asm__ volatile("push (%1); pop %0" : "=r"(value) : "r"(HOLE));
    say("push %lx\n", value);
    __asm__ volatile("movzbl (%2), %k0; movswl (%2), %k1" : "=&r"(value), "=&r"(other) : "r"(HOLE));
    say("movzx %lx movsx %lx\n", value, other);
    __asm__ volatile("cmpl $-1, (%1); sete %b0; movzbl %b0, %k0" : "=&q"(value) : "r"(HOLE));
    say("cmp %lx\n", value);
    __asm__ volatile("testb $0x80, (%1); setnz %b0; movzbl %b0, %k0" : "=&q"(value) : "r"(HOLE));
    say("test %lx\n", value);

    /* strings: memory to registers and back, registers to registers */
    static uint32_t words[4];
    const void *from = (void *)HOLE;
    void *to = words;
    unsigned long count = 2;
    __asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    say("movs %x %x\n", words[0], words[3]);
    words[0] = 0x10021;
    from = words;
    to = (void *)(IOAPIC + 0x10);
    __asm__ volatile("movsl" : "+S"(from), "+D"(to) : : "memory");
    say("to the register %lx\n", read_width(IOAPIC + 0x10, 4));
    to = (void *)HOLE;
    count = 8;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
    from = (void *)HOLE;
    to = (void *)(HOLE + 64);
    count = 3;
    __asm__ volatile("rep movsl" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    check("from hole to hole", count, 0);

    /* a page of memory, then the hole */
    map(VIRTUAL, (unsigned long)page_alloc(), PTE_P | PTE_W);
    map(CROSS, HOLE, PTE_P | PTE_W);
    for (unsigned width = 2; width <= 8; width *= 2) {
        write_width(CROSS - width / 2, width, 0);
        say("memory and hole, %u: %lx\n", width, read_width(CROSS - width / 2, width));
    }
    /* the hole, then memory; the local APIC's page end and the hole */
    map(VIRTUAL, HOLE, PTE_P | PTE_W);
    map(CROSS, (unsigned long)page_alloc(), PTE_P | PTE_W);
    write_width(CROSS - 3, 8, 0x8877665544332211);
    say("hole and memory: %lx, memory %lx\n", read_width(CROSS - 3, 8), read_width(CROSS, 8));
    map(CROSS, HOLE + PAGE, PTE_P | PTE_W);
    say("hole and hole: %lx\n", read_width(CROSS - 1, 4));
    map(CROSS, 0, 0);
    TRY_REPORT("movq %%rax, (%0)", "r"(CROSS - 2));
    TRY_REPORT("movq (%0), %%rax", "r"(CROSS - 2));
    return 0;
}
