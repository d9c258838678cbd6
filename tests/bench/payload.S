/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The smallest guest: writes 3 to the debug-exit port (exit status 7), then halts. An ELF with a PVH note, so that both vemu
 * and QEMU's microvm start it with -kernel. With -DIDLE it halts without ever ending.
 */
    .section .note.pvh, "a", @note
    .long 4, 4, 18              /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start
    .text
    .code32
    .globl start
start:
#ifndef IDLE
    mov $3, %eax
    mov $0xf4, %edx
    out %eax, %dx
#endif
1:  cli
    hlt
    jmp 1b
