/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start of a 64-bit ELF image without a PVH note: long mode with the first GiBs mapped, RSI =
 * boot_params.
 */
    .text
    .globl _start
_start:
    mov $'!', %al
    testb $1, 0x1ef(%rsi)       /* nothing in particular; the page can be read */
    cmpl $0x53726448, 0x202(%rsi) /* "HdrS" */
    jne 1f
    mov $'H', %al
1:  out %al, $0xe9
    mov $0xc0000080, %ecx
    rdmsr
    shr $10, %eax               /* LMA */
    and $1, %eax
    add $'0', %al
    out %al, $0xe9
    mov $0x200000, %r8
    mov (%r8), %rax             /* mapped */
    movabs $0x1122334455667788, %rax
    bswap %rax
    cmp $0x11, %al
    sete %al
    add $'0', %al
    out %al, $0xe9
    mov $'\n', %al
    out %al, $0xe9
    mov $7, %eax
    out %eax, $0xf4
1:  hlt
    jmp 1b
    .section .note.GNU-stack, "", @progbits
