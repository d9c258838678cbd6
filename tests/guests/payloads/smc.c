/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Self-modifying code: in the same block, the same page, other pages, through an alias, after
 * remapping.
 */
#include "runtime.h"

/* mov $IMM, %eax; ret */
static void plant(uint8_t *at, uint32_t value)
{
    at[0] = 0xb8;
    __builtin_memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
}

static unsigned run(const void *at)
{
    unsigned value;
    __asm__ volatile("call *%1" : "=a"(value) : "r"(at) : "memory", "cc", "rcx", "rdx");
    return value;
}

/* Writes the immediate of the instruction right behind it. */
__asm__(".data; .balign 64\n"
        "next_insn: movl $0x2222, 1f+1(%rip); 1: mov $0x1111, %eax; ret\n"
        /* a loop that changes its own body: adds 1, then 3 */
        "loop_body: mov $4, %ecx; xor %eax, %eax\n"
        "1: add $1, %eax; cmp $3, %ecx; jne 3f; movb $3, 1b+2(%rip); 3: dec %ecx; jnz 1b; ret\n"
        /* overwrites instructions that follow with one string instruction */
        "string_self: lea 4f(%rip), %rdi; mov $0x90, %al; mov $5, %ecx; rep stosb\n"
        "mov $7, %eax; jmp 4f\n"
        "4: mov $9, %eax; ret\n"
        ".previous");
extern uint8_t next_insn[], loop_body[], string_self[];

unsigned payload(void)
{
    uint8_t *page = page_alloc(), *other = page_alloc();

    plant(page, 1);
    say("first: %u\n", run(page));
    plant(page, 2);
    say("changed: %u\n", run(page));
    for (unsigned i = 3; i < 8; i++) {
        plant(page, i);
        say("%u ", run(page));
    }
    say("\n");
    say("next instruction: %x\n", run(next_insn));
    say("loop: %u\n", run(loop_body));
    say("string: %u\n", run(string_self));

    /* a write elsewhere in a page of code, of one byte, of data next to it */
    plant(page + 100, 50);
    page[200] = 1;
    say("%u ", run(page + 100));
    page[101] = 51;
    say("%u\n", run(page + 100));

    /* through another address */
    map(VIRTUAL, (unsigned long)page, PTE_P | PTE_W);
    say("alias: %u\n", run((void *)VIRTUAL));
    plant(page, 60);
    say("changed below: %u\n", run((void *)VIRTUAL));
    plant((uint8_t *)VIRTUAL, 61);
    say("changed above: %u\n", run(page));

    /* the mapping changes */
    plant(other, 70);
    map(VIRTUAL, (unsigned long)other, PTE_P | PTE_W);
    say("remapped: %u\n", run((void *)VIRTUAL));
    map(VIRTUAL, (unsigned long)page, PTE_P | PTE_W);
    say("and back: %u\n", run((void *)VIRTUAL));

    /* an instruction across two pages, either part changed */
    map(VIRTUAL, (unsigned long)page, PTE_P | PTE_W);
    map(VIRTUAL + PAGE, (unsigned long)other, PTE_P | PTE_W);
    uint8_t *across = (uint8_t *)VIRTUAL + PAGE - 3;
    plant(across, 0x01020304);
    say("across: %x\n", run(across));
    other[0] = 5;
    say("second page: %x\n", run(across));
    page[PAGE - 1] = 6;
    say("first page: %x\n", run(across));

    /* a jump from one page to another that is changed in between */
    page[0] = 0xe9; /* jmp to VIRTUAL + PAGE + 64 */
    *(uint32_t *)(page + 1) = PAGE + 64 - 5;
    plant(other + 64, 80);
    say("jump: %u\n", run((void *)VIRTUAL));
    plant(other + 64, 81);
    say("target changed: %u\n", run((void *)VIRTUAL));
    *(uint32_t *)(page + 1) = PAGE + 128 - 5;
    plant(other + 128, 82);
    say("jump changed: %u\n", run((void *)VIRTUAL));

    /* code copied by string instructions and read from a port */
    plant(other, 90);
    __builtin_memcpy(page, other, 16);
    say("copied: %u\n", run(page));
    void *to = page + 1;
    unsigned long count = 2;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0xe9) : "memory");
    say("from a port: %x\n", run(page));

    /* the same by a program in user mode, on its own page */
    static const uint8_t self[] = { 0xc7, 0x05, 1,    0, 0, 0,    0x44,
                                    0x33, 0x22, 0x11,                     /* movl .., 1(%rip) */
                                    0xbf, 0,    0,    0, 0, 0x0f, 0x0b }; /* mov, ud2 */
    __builtin_memcpy(page, self, sizeof(self));
    map(VIRTUAL, (unsigned long)page, PTE_P | PTE_W | PTE_U);
    user_run((void *)VIRTUAL, NULL, 0);
    report("user mode");
    say("%lx\n", fault.rdi);
    return 0;
}
