/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry of the protected-mode payloads (PVH: 32 bits, paging off), exception stubs, user mode and
 * back.
 */
    .section .note.pvh, "a"
    .long 4, 4, 18              /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start32

    .text
    .code32
start32:
    cli
    cld
    mov $stack_top, %esp
    mov %ebx, boot_info
    lgdt gdt_pointer
    ljmp $8, $1f
1:  mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %eax, %fs
    mov %eax, %gs
    xor %ebp, %ebp
    call runtime_init
    call payload
    push %eax
    call finish
2:  hlt
    jmp 2b

/* Stub n is at stubs + 16 * n. */
    .balign 16
    .globl stubs
stubs:
    .set n, 0
    .rept 64
    .balign 16
    .if !((n == 8) || ((n >= 10) && (n <= 14)) || (n == 17) || (n == 21))
    push $0
    .endif
    push $n
    jmp common
    .set n, n + 1
    .endr

common:
    push %eax
    push %ecx
    push %edx
    push %ebx
    push %ebp
    push %esi
    push %edi
    push %ds
    push %es
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    cld
    mov %esp, %eax
    push %eax
    call trap
    add $4, %esp
    pop %es
    pop %ds
    pop %edi
    pop %esi
    pop %ebp
    pop %ebx
    pop %edx
    pop %ecx
    /* back to CPL 0 without IRET: eax, vector, error, eip, cs, eflags become eax ... eflags, eip */
    mov 12(%esp), %eax
    push 20(%esp)
    pop 16(%esp)
    mov %eax, 20(%esp)
    pop %eax
    lea 12(%esp), %esp
    popf
    ret

/*
 * void user_call(entry, stack, eflags, argument): runs at CPL 3 until a trap leads to user_return.
 * By SYSEXIT, so EFLAGS stay as they are; the selectors 0x1b and 0x23 follow from SYSENTER_CS = 8.
 */
    .globl user_call
user_call:
    push %ebx
    push %ebp
    push %esi
    push %edi
    mov %esp, user_kernel_rsp
    mov 20(%esp), %edx
    mov 24(%esp), %ecx
    push 28(%esp)
    mov 36(%esp), %ebx
    mov $0x23, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %ebx, %eax
    popf
    sysexit
    .globl user_return
user_return:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov user_kernel_rsp, %esp
    pop %edi
    pop %esi
    pop %ebp
    pop %ebx
    ret

    .data
    .balign 16
    .globl gdt, gdt_pointer
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 0x08 code */
    .quad 0x00cf93000000ffff    /* 0x10 data */
    .quad 0x00cffb000000ffff    /* 0x18 user code */
    .quad 0x00cff3000000ffff    /* 0x20 user data */
    .quad 0                     /* 0x28 */
    .quad 0, 0                  /* 0x30 task-state segment, filled in */
    .quad 0x00009b000000ffff    /* 0x40 code, 16 bits, base 0 */
    .quad 0x000093000000ffff    /* 0x48 data, 16 bits, base 0 */
    .quad 0, 0, 0, 0, 0, 0      /* 0x50 ... 0x78: for the payload */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
    .balign 8
    .globl user_kernel_rsp, boot_info
user_kernel_rsp: .long 0
boot_info:       .long 0

    .bss
    .balign 4096
    .skip 16384
    .globl stack_top
stack_top:
    .section .note.GNU-stack, "", @progbits
