/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry of the long-mode payloads: PVH (32-bit, no paging) to 64-bit, exception stubs, user mode
 * and back.
 *
 * Mapped: the first GiB and the last GiB below 4 GiB (local APIC, I/O APIC), identity, 2 MiB pages,
 * supervisor only.
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
    mov %cr4, %eax
    or $0x20, %eax              /* PAE */
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx       /* EFER: SCE, LME, NXE */
    rdmsr
    or $0x901, %eax
    wrmsr
    mov $0x80010033, %eax       /* PG, WP, NE, ET, MP, PE */
    mov %eax, %cr0
    ljmp $8, $start64

    .code64
start64:
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %fs
    mov %eax, %gs
    xor %ebp, %ebp
    call runtime_init
    call payload
    mov %eax, %edi
    call finish
1:  hlt
    jmp 1b

/* Stub n is at stubs + 16 * n. */
    .balign 16
    .globl stubs
stubs:
    .set n, 0
    .rept 64
    .balign 16
    /* pushed by the processor: 8, 10-14, 17, 21, 29, 30 */
    .if !((n == 8) || ((n >= 10) && (n <= 14)) || (n == 17) || (n == 21))
    push $0
    .endif
    push $n
    jmp common
    .set n, n + 1
    .endr

common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    cld
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap
    mov %rbx, %rsp
    .globl trap_return
trap_return:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

/* void user_call(entry, stack, rflags, argument): at CPL 3 until a trap leads to user_return. */
    .globl user_call
user_call:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, user_kernel_rsp
    push $0x23
    push %rsi
    push %rdx
    push $0x2b
    push %rdi
    mov %rcx, %rdi
    iretq
    .globl user_return
user_return:
    mov user_kernel_rsp, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

/* LSTAR: notes what came and ends user_call(), or goes back with SYSRET (syscall_returns). */
    .globl syscall_entry
syscall_entry:
    mov %rsp, syscall_frame
    mov %rcx, syscall_frame + 8
    mov %r11, syscall_frame + 16
    mov %rax, syscall_frame + 24
    mov %rdi, syscall_frame + 32
    mov user_kernel_rsp, %rsp
    cmpl $0, syscall_returns
    je user_return
    decl syscall_returns
    push %rcx
    push %r11
    call syscall_hook
    pop %r11
    pop %rcx
    mov syscall_frame, %rsp
    sysretq

    .data
    .balign 16
    .globl gdt, gdt_pointer
gdt:
    .quad 0
    .quad 0x00af9b000000ffff    /* 0x08 code, 64 bits */
    .quad 0x00cf93000000ffff    /* 0x10 data */
    .quad 0x00cffb000000ffff    /* 0x18 user code, 32 bits */
    .quad 0x00cff3000000ffff    /* 0x20 user data */
    .quad 0x00affb000000ffff    /* 0x28 user code, 64 bits */
    .quad 0, 0                  /* 0x30 task-state segment, filled in */
    .quad 0x00cf9b000000ffff    /* 0x40 code, 32 bits */
    .quad 0, 0, 0, 0, 0, 0, 0   /* 0x48 ... 0x78: for the payload */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
    .balign 8
    .globl syscall_frame, syscall_returns, user_kernel_rsp, boot_info
syscall_frame:   .quad 0, 0, 0, 0, 0
user_kernel_rsp: .quad 0
syscall_returns: .long 0
boot_info:       .long 0

    .balign 4096
    .globl pml4, pdpt, pd_low
pml4:
    .quad pdpt + 7
    .fill 511, 8, 0
pdpt:
    .quad pd_low + 7, 0, 0, pd_high + 7
    .fill 508, 8, 0
pd_low:
    .set n, 0
    .rept 512
    .quad (n << 21) + 0x83
    .set n, n + 1
    .endr
pd_high:
    .set n, 0
    .rept 512
    .quad 0xc0000000 + (n << 21) + 0x93
    .set n, n + 1
    .endr

    .bss
    .balign 4096
    .skip 16384
    .globl stack_top
stack_top:
    .section .note.GNU-stack, "", @progbits
