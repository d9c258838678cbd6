/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INS and OUTS: sizes, directions, page ends, faults in the middle.
 */
#include "runtime.h"

static uint8_t buffer[64];

static void show(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        say(" %x", buffer[i]);
    say("\n");
}

unsigned payload(void)
{
    static const char hello[] = "rep outsb\n";
    const char *from = hello;
    unsigned long count = sizeof(hello) - 1, rest;
    void *to;

    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(0xe9) : "memory");
    check("count", count, 0);
    check("source", (unsigned long)(from - hello), sizeof(hello) - 1);
    from = "!olleh\n" + 5;
    count = 6;
    __asm__ volatile("std; rep outsb; cld" : "+S"(from), "+c"(count) : "d"(0xe9) : "memory");
    outb(0xe9, '\n');

    to = buffer; /* the debug console reads as e9 */
    count = 5;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0xe9) : "memory");
    show(6);
    to = buffer; /* words: e9 and nothing behind it */
    count = 3;
    __asm__ volatile("rep insw" : "+D"(to), "+c"(count) : "d"(0xe9) : "memory");
    show(7);
    to = buffer;
    count = 2;
    __asm__ volatile("rep insl" : "+D"(to), "+c"(count) : "d"(0xe8) : "memory");
    show(9);
    to = buffer + 8;
    count = 4;
    __asm__ volatile("std; rep insw; cld" : "+D"(to), "+c"(count) : "d"(0xe000) : "memory");
    show(11);
    count = 0;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0xe9) : "memory");
    check("no repetition", (unsigned long)to, (unsigned long)buffer);

    /* the second page is not there: what fits arrives, then the fault */
    map(VIRTUAL, (unsigned long)page_alloc(), PTE_P | PTE_W);
    map(VIRTUAL + PAGE, 0, 0);
    to = (void *)(VIRTUAL + PAGE - 5);
    count = 20;
    TRY_FULL("rep insb", LIST("+D"(to), "+c"(count)), LIST("d"(0xe9)));
    report("rep insb over a page end");
    rest = count;
    say("left %lu, at %lx, last byte %x\n", rest, (unsigned long)to,
        *(volatile uint8_t *)(VIRTUAL + PAGE - 1));
    from = (const char *)(VIRTUAL + PAGE - 3);
    __asm__ volatile("movw $0x6261, (%0); movb $'\n', 2(%0)" : : "r"(from) : "memory");
    flush();
    count = 20;
    TRY_FULL("rep outsb", LIST("+S"(from), "+c"(count)), LIST("d"(0xe9)));
    report("rep outsb over a page end");
    say("left %lu, at %lx\n", count, (unsigned long)from);
    to = (void *)(VIRTUAL + PAGE - 3);
    count = 20;
    TRY_FULL("rep insl", LIST("+D"(to), "+c"(count)), LIST("d"(0xe9)));
    report("insl across a page end");
    say("left %lu, at %lx\n", count, (unsigned long)to);

    /* MMIO to memory and memory to ports */
    to = buffer;
    from = (const char *)(LAPIC + LAPIC_SVR);
    count = 1;
    __asm__ volatile("rep movsl" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    show(4);
    return 0;
}
