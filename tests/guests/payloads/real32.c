/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Real mode, entered from protected mode: segment arithmetic, 16-bit strings, far calls, I/O.
 *
 * The 16-bit code is copied to 3000:0000; it stores what it finds at 4000:0000, and the 32-bit part
 * tells.
 */
#include "runtime.h"

#define RESULTS ((volatile uint16_t *)0x40020)

__asm__(
    ".text\n"
    "real_begin: .code16\n"
    /* 16-bit protected mode, CS 0x50 with base 0x30000 */
    " mov %cr0, %eax; and $~1, %eax; mov %eax, %cr0\n"
    " ljmp $0x3000, $real_start - real_begin\n"
    "real_start: mov $0x4000, %ax; mov %ax, %ds; mov $0x5000, %ax; mov %ax, %ss\n"
    " mov $0x800, %sp; mov $0x20, %bx\n"
    /* 0: segment arithmetic: 1234:0010 is 12350, also 1235:0000 */
    " mov $0x1234, %ax; mov %ax, %es; movw $0xbeef, %es:0x10\n"
    " mov $0x1235, %ax; mov %ax, %es; mov %es:0, %ax; mov %ax, (%bx)\n"
    /* 2: FFFF:0010 is 1 MiB, where A20 is on: the same as 32-bit code sees there */
    " mov $0xffff, %ax; mov %ax, %es; mov %es:0x10, %ax; mov %ax, 2(%bx)\n"
    /* 4: string copy with SI and DI that wrap at 64 KiB */
    " push %ds; pop %es; mov $0x100, %di; mov $0x1111, %ax; mov $8, %cx; cld; rep stosw\n"
    " mov $0x100, %si; mov $0xfff8, %di; mov $8, %cx; rep movsw; mov %di, 4(%bx)\n"
    " mov 6, %ax; mov %ax, 6(%bx)\n"
    /* 8: backwards, bytes */
    " std; mov $0x10f, %si; mov $0x20f, %di; mov $16, %cx; rep movsb; cld; mov %si, 8(%bx)\n"
    " mov 0x200, %ax; mov %ax, 10(%bx)\n"
    /* 12: sum by LODSW and LOOP, compare by REPE CMPSW */
    " mov $0x100, %si; mov $8, %cx; xor %dx, %dx; 1: lodsw; add %ax, %dx; loop 1b\n"
    " mov %dx, 12(%bx); mov $0x100, %si; mov $0x200, %di; mov $9, %cx; repe cmpsw\n"
    " mov %cx, 14(%bx)\n"
    /* 16: far call and return, near call through memory */
    " push %cs; call real_far; mov %ax, 16(%bx); lcall $0x3000, $real_far - real_begin\n"
    " mov %dx, 18(%bx); mov %sp, 20(%bx)\n"
    /* 22: 32-bit operands and addresses within the 64 KiB limit */
    " mov $0x12345678, %eax; rol $8, %eax; mov %eax, 22(%bx)\n"
    " mov $0xe0, %esi; movl (%esi, %ebx, 1), %eax; mov %eax, 26(%bx)\n"
    /* 30: stack: PUSHA, POPA, ENTER, LEAVE, PUSHF */
    " mov $1, %ax; mov $2, %cx; mov $3, %dx; pusha; xor %ax, %ax; mov %sp, 30(%bx); popa\n"
    " mov %ax, 32(%bx); enter $8, $0; mov %bp, 34(%bx); leave; mov %sp, 36(%bx)\n"
    " stc; pushf; pop %ax; mov %ax, 38(%bx)\n"
    /* 40: I/O by strings: bytes from the debug console's port */
    " mov $0x300, %di; mov $4, %cx; mov $0xe9, %dx; rep insb; mov 0x300, %eax; mov %eax, 40(%bx)\n"
    " push %ds; push %cs; pop %ds; mov $real_text - real_begin, %si; mov $5, %cx; rep outsb\n"
    " pop %ds; smsw %ax; mov %ax, 44(%bx); lea 46(%bx), %si; mov %si, 46(%bx)\n"
    /* 48: LDS, segment override, XLAT, SGDT keeps working */
    " movl $0x30000100, 0x310; lds 0x310, %si; mov %ds, %ax; mov $0x4000, %cx; mov %cx, %ds\n"
    " mov %ax, 48(%bx); mov %si, 50(%bx)\n"
    /* back to protected mode */
    " mov %cr0, %eax; or $1, %eax; mov %eax, %cr0; ljmpl $8, $real_back\n"
    "real_far: mov $0x77, %ax; mov $0x78, %dx; lret\n"
    "real_text: .ascii \"real\\n\"\n"
    "real_end: .code32\n"
    "real_back: mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
    " mov real_esp, %esp; popa; ret\n"
    "enter_real: pusha; mov %esp, real_esp; mov $0x48, %eax; mov %eax, %ds; mov %eax, %es\n"
    " mov %eax, %ss; ljmp $0x50, $0\n"
    ".data; real_esp: .long 0; .text\n");
extern uint8_t real_begin[], real_end[];
void enter_real(void);

unsigned payload(void)
{
    static const struct {
        const char *name;
        uint8_t at, words;
    } rows[] = {
        { "segment arithmetic", 0, 1 },
        { "di after a copy that wraps", 4, 1 },
        { "wrapped", 6, 1 },
        { "si after a copy backwards", 8, 1 },
        { "copied", 10, 1 },
        { "sum", 12, 1 },
        { "cmpsw left", 14, 1 },
        { "far return", 16, 2 },
        { "sp", 20, 1 },
        { "rol", 22, 2 },
        { "32-bit address", 26, 2 },
        { "sp in pusha", 30, 1 },
        { "popa", 32, 1 },
        { "enter", 34, 1 },
        { "leave", 36, 1 },
        { "flags", 38, 1 },
        { "insb", 40, 2 },
        { "lea", 46, 1 },
        { "lds", 48, 2 },
    };
    gdt[0x50 / 8] = descriptor(0x30000, 0xffff, 0x9a, 0);
    __builtin_memcpy((void *)0x30000, real_begin, (size_t)(real_end - real_begin));
    flush();
    enter_real();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        say("%s:", rows[i].name);
        for (unsigned j = rows[i].words; j > 0; j--)
            say(" %x", RESULTS[rows[i].at / 2 + j - 1]);
        say("\n");
    }
    check("ffff:0010", RESULTS[1], *(volatile uint16_t *)0x100000);
    check("protection bit", RESULTS[22] & 1, 0);
    return 0;
}
