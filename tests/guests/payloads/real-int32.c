/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real mode: interrupts through the vector table: INT n, INT3, INTO, faults, hardware interrupts.
 */
#include "runtime.h"

#define RESULTS ((volatile uint16_t *)0x40000)

__asm__(
    ".text\n"
    "real_begin: .code16\n"
    " mov %cr0, %eax; and $~1, %eax; mov %eax, %cr0\n"
    " ljmp $0x3000, $real_start - real_begin\n"
    "real_start: mov $0x4000, %ax; mov %ax, %ds; mov $0x5000, %ax; mov %ax, %ss\n"
    " mov $0x800, %sp; xor %bx, %bx; lidtl %cs:real_idt - real_begin\n"
    /* faults: the address pushed is that of the instruction; the handler skips two bytes */
    "real_div: xor %cx, %cx; mov $5, %ax; mov $0x1111, %dx; div %cx; mov %bx, (%bx)\n"
    " mov $0xffff, %si; mov (%si), %ax\n" /* a word across the limit: vector 13, no error code */
    " mov %sp, 2(%bx)\n"
    " int $0x60; mov %ax, 4(%bx)\n"
    " int3\n"
    " mov $0x7f, %al; add $1, %al; into\n"
    " pushf; pop %ax; mov %ax, 6(%bx); mov %sp, 8(%bx)\n"
    " mov %cr0, %eax; or $1, %eax; mov %eax, %cr0; ljmpl $8, $real_back\n"
    "real_idt: .word 0x3ff; .long 0\n"
    /* one handler each: number to the log, and for faults past the instruction of two bytes */
    "h0: push $0; jmp fault_common\n"
    "h13: push $13; jmp fault_common\n"
    "h3: push $3; jmp log_common\n"
    "h4: push $4; jmp log_common\n"
    "h60: push $0x60; call log; add $2, %sp; mov $0x6060, %ax; iret\n"
    "log_common: call log; add $2, %sp; iret\n"
    "fault_common: call log; add $2, %sp; push %bp; mov %sp, %bp; addw $2, 2(%bp); pop %bp; iret\n"
    "log: push %bp; mov %sp, %bp; push %ax; push %di; mov 0x100, %di; mov 4(%bp), %ax\n"
    " mov %ax, 0x102(%di); mov 6(%bp), %ax; sub $real_div - real_begin, %ax; mov %ax, 0x104(%di)\n"
    " mov 8(%bp), %ax; mov %ax, 0x106(%di); add $6, %di; mov %di, 0x100; pop %di; pop %ax; pop "
    "%bp\n"
    " ret\n"
    "real_end: .code32\n"
    "real_back: mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
    " mov real_esp, %esp; lidt saved_idt; popa; ret\n"
    "enter_real: pusha; sidt saved_idt; mov %esp, real_esp; mov $0x48, %eax; mov %eax, %ds\n"
    " mov %eax, %es; mov %eax, %ss; ljmp $0x50, $0\n"
    ".data; real_esp: .long 0; saved_idt: .skip 8; .text\n");
extern uint8_t real_begin[], real_end[], h0[], h13[], h3[], h4[], h60[];
void enter_real(void);

static void vector(unsigned n, uint8_t *handler)
{
    uint32_t value = 0x30000000 | (uint32_t)(handler - real_begin);
    __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(n * 4) : "memory");
}

unsigned payload(void)
{
    gdt[0x50 / 8] = descriptor(0x30000, 0xffff, 0x9a, 0);
    __builtin_memcpy((void *)0x30000, real_begin, (size_t)(real_end - real_begin));
    vector(0, h0);
    vector(3, h3);
    vector(4, h4);
    vector(13, h13);
    vector(0x60, h60);
    RESULTS[0x80] = 0;
    enter_real();
    for (unsigned i = 0; i < RESULTS[0x80] / 2; i += 3)
        say("vector %x at +%x cs %x\n", RESULTS[0x81 + i], RESULTS[0x82 + i], RESULTS[0x83 + i]);
    say("sp %x, int gave %x, flags %x, sp %x\n", RESULTS[1], RESULTS[2], RESULTS[3], RESULTS[4]);
    return 0;
}
