/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest code for test-trace.c. Each payload is loaded at the harness's start address, which is page
 * aligned in 64- and 32-bit mode, so offsets here are page offsets.
 */
    .section .rodata

    .macro payload name
    .balign 16
    .globl payload_\name
    .globl payload_\name\()_end
payload_\name:
    .endm
    .macro end_payload name
payload_\name\()_end:
    .endm

    .code64

/* Sum 1..1000 through a call in another page, with every kind of near branch. eax = 500500. */
payload branches64
0:  xor %eax, %eax
    mov $1000, %ecx
    lea 9f(%rip), %rbx
    lea 8f(%rip), %rdx
    mov %rdx, -64(%rsp)
1:  call 7f                  /* another page */
    call *%rbx
    call *-64(%rsp)
    jmp 2f
    ud2
2:  loop 1b
    jrcxz 3f
    ud2
3:  push $0
    lea 4f(%rip), %rdx
    push %rdx
    ret $8
    ud2
4:  cmp $500500, %eax
    jne 5f
    hlt
5:  ud2
    .skip 4096 + 0x80 - (. - 0b)
7:  add %ecx, %eax
    ret
8:  dec %eax
    ret
9:  inc %eax
    ret
end_payload branches64

/* A loop whose body changes its own immediate and its first byte. eax counts 0+1+..+99. */
payload smc_loop
    xor %eax, %eax
    xor %ecx, %ecx
1:  .byte 0x05               /* add $imm32, %eax */
2:  .long 0
    inc %ecx
    mov %ecx, 2b(%rip)
    cmp $100, %ecx
    jne 1b
    hlt
end_payload smc_loop

/* Overwrites the very next instruction: ud2 becomes two nops. */
payload smc_next
    mov $7, %eax
    movw $0x9090, 1f(%rip)
1:  ud2
    inc %eax
    hlt
end_payload smc_next

/* Stores beside the code, in its page and its 64-byte line, must not disturb. eax = 1000. */
payload smc_data
    mov $1000, %ecx
    xor %eax, %eax
1:  incl 2f(%rip)
    mov %ecx, 3f(%rip)
    dec %ecx
    jnz 1b
    mov 2f(%rip), %eax
    hlt
2:  .long 0
    .balign 64
3:  .long 0
end_payload smc_data

/* Patches a function in the same page, but another line, between calls: eax = 1 + 2. */
payload smc_function
0:  xor %eax, %eax
    call 2f
    movl $2, 3f(%rip)
    call 2f
    hlt
    .skip 0x200 - (. - 0b)
2:  .byte 0x05               /* add $imm32, %eax */
3:  .long 1
    ret
end_payload smc_function

/* An instruction across the end of the page; its tail is patched, too. eax = 0x11 + 0x22. */
payload cross
0:  xor %ebx, %ebx
    mov $2, %ecx
    jmp 1f
    .skip 4093 - (. - 0b)
1:  .byte 0x81, 0xc3         /* add $imm32, %ebx: 2 + 1 bytes here, 3 there */
    .byte 0x11
2:  .byte 0, 0, 0
    dec %ecx
    jz 3f
    movb $0x11, 2b(%rip)     /* 0x1111 the second time */
    jmp 1b
3:  mov %ebx, %eax
    hlt
end_payload cross

/* The page after the instruction's first is remapped: 0x1000 -> second copy. rsi: its PTE, set up by
 * the test. eax = first + second. */
payload cross_remap
0:  xor %ebx, %ebx
    mov $2, %ecx
    jmp 1f
    .skip 4094 - (. - 0b)
1:  .byte 0x81, 0xc3, 0x05, 0x00, 0x00, 0x00
    dec %ecx
    jz 3f
    mov %rdi, (%rsi)
    invlpg 0b + 0x1000(%rip)
    jmp 1b
3:  mov %ebx, %eax
    hlt
end_payload cross_remap

/* Calls, jumps and branches to the next page three times before and after it is remapped, so that far
 * links exist. eax = 3 * (1 + 1 + 1) + 3 * (16 + 16 + 16) when the second copy's additions are 16. */
payload far_remap
0:  xor %eax, %eax
    mov $6, %ecx
1:  call 7f
    test %ecx, %ecx
    jnz 8f
2:  jmp 9f
3:  dec %ecx
    jz 5f
    cmp $3, %ecx
    jne 1b
    mov %rdi, (%rsi)
    invlpg 0b + 0x1000(%rip)
    jmp 1b
5:  hlt
    .skip 4096 - (. - 0b)
7:  add $1, %eax
    ret
8:  add $1, %eax
    jmp 2b
9:  add $1, %eax
    jmp 3b
end_payload far_remap

/* Counts in rax for ever. */
payload count
1:  inc %rax
    mov %rax, (%rdi)
    jmp 1b
end_payload count

/* A bit of everything: compares of all widths with all conditions. The checksum depends on each. */
payload mix
    mov $3000, %ecx
    mov $0x9e3779b97f4a7c15, %rbx
    xor %eax, %eax
    lea -256(%rsp), %rsi
1:  imul $0x19660d, %rbx, %rbx
    add $0x3c6ef35f, %rbx
    mov %rbx, %rdx
    shr $13, %rdx
    mov %edx, (%rsi)
    .irp cc, a, ae, b, be, e, ne, g, ge, l, le, s, ns, o, no, p, np
    cmp %edx, %ebx
    j\cc 2f
    lea 1(%rax,%rax), %eax
2:  cmp $0x40, %bl
    j\cc 2f
    add $3, %eax
2:  test $0x88, %dl
    j\cc 2f
    xor $5, %eax
2:  test %rbx, %rdx
    j\cc 2f
    rol $3, %eax
2:  cmp %edx, 4(%rsi)
    j\cc 2f
    add $7, %eax
2:  cmpl $0x4000000, (%rsi)
    j\cc 2f
    add $11, %eax
2:  cmp (%rsi), %rbx
    j\cc 2f
    adc $13, %eax
2:  cmpb $-7, (%rsi)
    j\cc 2f
    sbb $17, %eax
2:  testb $0x90, 1(%rsi)
    j\cc 2f
    add $19, %eax
2:  mov %ebx, %edi
    sub %edx, %edi
    j\cc 2f
    adc %edi, %eax
2:  and $0xf0f0, %edi
    j\cc 2f
    adc $1, %eax
2:  add %edx, %edi
    j\cc 2f
    sbb %edi, %eax
2:  inc %edi
    j\cc 2f
    adc $2, %eax
2:  dec %rdi
    j\cc 2f
    adc $4, %eax
2:  sub $0x1234, %rdi
    j\cc 2f
    rcl $1, %eax
2:  cmp %bh, %dl
    j\cc 2f
    add $23, %eax
2:
    .endr
    dec %ecx
    jnz 1b
    pushf
    pop %rdx
    hlt
end_payload mix

/* Sets TF with POPF, executes four instructions under it, clears it. The handler at 0x30000 + 16
 * counts in r8. */
payload step
    xor %r8, %r8
    pushf
    orl $0x100, (%rsp)
    popf
    nop
    mov $3, %ecx
1:  dec %ecx
    jnz 1b
    pushf
    andl $~0x100, (%rsp)
    popf
    nop
    hlt
end_payload step
payload step_handler
    inc %r8
    iretq
end_payload step_handler

/* The handler of an instruction breakpoint sets RF (SDM Vol. 3, 17.3.1.1: the CPU does not). */
payload breakpoint_handler
    inc %r8
    orl $0x10000, 16(%rsp)
    iretq
end_payload breakpoint_handler

/* HLT with interrupts on; the handler of vector 0x40 ends it. */
payload wait
    sti
1:  hlt
    cmp $1, %r8
    jne 1b
    cli
    mov $42, %eax
    hlt
end_payload wait
payload wait_handler
    inc %r8
    iretq
end_payload wait_handler

/* Two vCPUs. The first rewrites the function the second calls until the second has seen it. */
payload smp_writer
    mov $0x20000, %edi
    mov $1, %ecx
1:  mov %ecx, 0x101(%rdi)    /* immediate of the function's mov */
    mov %ecx, (%rdi)         /* tell */
2:  pause
    cmp %ecx, 4(%rdi)        /* seen? */
    jne 2b
    inc %ecx
    cmp $2000, %ecx
    jne 1b
    mov $1, %al
    out %al, $0xf4
1:  jmp 1b
end_payload smp_writer
payload smp_reader
    mov $0x20000, %edi
    lea 0x100(%rdi), %rbx
    mov $1, %ecx
1:  pause
    cmp %ecx, (%rdi)
    jne 1b
    call *%rbx
    mov %eax, 4(%rdi)        /* what the function returned must be what we were told */
    cmp %ecx, %eax
    jne 2f
    inc %ecx
    jmp 1b
2:  mov $2, %al
    out %al, $0xf4
1:  jmp 1b
end_payload smp_reader
payload smp_function
    mov $0, %eax
    ret
end_payload smp_function

    .code32
payload branches32
0:  xor %eax, %eax
    mov $100, %ecx
1:  call 7f
    mov $8f - 0b + 0x10000, %edx
    call *%edx
    cmp $1000, %ecx
    jge 5f
    loop 1b
    jecxz 3f
5:  ud2
3:  push $4f - 0b + 0x10000
    ret
    ud2
4:  cmp $5150, %eax
    jne 5b
    hlt
    .skip 4096 + 0x80 - (. - 0b)
7:  add %ecx, %eax
    ret
8:  inc %eax
    ret
end_payload branches32

    .code16
payload branches16
0:  xor %ax, %ax
    mov $100, %cx
1:  call 7f
    cmp $50, %cx
    jb 2f
    inc %bx
2:  loop 1b
    jcxz 3f
    ud2
3:  mov $4f - 0b + 0x7c00, %dx
    jmp *%dx
    ud2
4:  hlt
7:  add %cx, %ax
    ret
end_payload branches16

    .section .note.GNU-stack, "", @progbits
