/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start through the multiboot header: registers, and what the information structure says.
 */
    .section .head, "a"
    .balign 4
    .long 0x1badb002, 3, -(0x1badb002 + 3)
    .text
    .globl _start
_start:
    mov $0x2badb002, %ecx
    cmp %ecx, %eax
    mov $'!', %al
    jne 1f
    mov $'M', %al
1:  out %al, $0xe9
    testl $0x40, (%ebx)         /* memory map */
    mov $'!', %al
    je 1f
    mov $'m', %al
1:  out %al, $0xe9
    mov %cr0, %eax
    and $0x80000001, %eax
    add $'0', %al
    out %al, $0xe9
    mov $'\n', %al
    out %al, $0xe9
    mov 16(%ebx), %esi          /* command line: the image's path, a space and the text */
1:  lodsb
    test %al, %al
    je 2f
    cmp $' ', %al
    jne 1b
    mov $5, %ecx
    mov $0xe9, %edx
    rep outsb
    out %al, $0xe9
2:  mov $7, %eax
    out %eax, $0xf4
3:  hlt
    jmp 3b
    .section .note.GNU-stack, "", @progbits
