/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protected mode: call gates, from CPL 0 and from CPL 3 with a new stack and a copied argument.
 */
#include "runtime.h"

static uint8_t stack[2048] __attribute__((aligned(16)));
static uint8_t ring0[512] __attribute__((aligned(16)));
extern volatile uint32_t gate_cs, gate_stack, gate_argument, gate_old_ss;

__asm__(".data; .globl gate_cs, gate_stack, gate_argument, gate_old_ss\n"
        "gate_cs: .long 0; gate_stack: .long 0; gate_argument: .long 0; gate_old_ss: .long 0\n"
        ".text\n"
        "user_gate: push $0x1234; lcall $0x50, $0; ud2\n"
        "user_gate_dpl0: lcall $0x58, $0; ud2\n"
        "gate_entry: mov %cs, %eax; mov %eax, %ss:gate_cs; mov %esp, %ss:gate_stack\n"
        " mov 8(%esp), %eax; mov %eax, %ss:gate_argument\n"
        " mov 16(%esp), %eax; mov %eax, %ss:gate_old_ss\n"
        " jmp user_return\n"
        "same_entry: mov 4(%esp), %eax; mov %eax, gate_cs; lret\n");
extern uint8_t user_gate[], user_gate_dpl0[], gate_entry[], same_entry[];

static uint64_t gate(void *entry, unsigned count, unsigned access)
{
    uint32_t at = (uint32_t)entry;
    return (at & 0xffff) | (uint64_t)CODE << 16 | (uint64_t)count << 32 | (uint64_t)access << 40 |
           (uint64_t)(at >> 16) << 48;
}

unsigned payload(void)
{
    void *top = stack + sizeof(stack);
    set_stack(0, ring0 + sizeof(ring0));
    gdt[0x50 / 8] = gate(gate_entry, 1, 0xec);
    gdt[0x58 / 8] = gate(same_entry, 0, 0x8c);
    gdt[0x60 / 8] = gate(same_entry, 0, 0x0c);

    TRY_REPORT("lcall $0x58, $0");
    say("return cs %lx\n", (unsigned long)gate_cs);
    TRY_REPORT("lcall $0x60, $0");
    user_run(user_gate_dpl0, top, 0);
    report("gate of DPL 0 from user mode");
    fault.vector = 256;
    user_run(user_gate, top, 0);
    report("gate of DPL 3 from user mode");
    say("cs %lx argument %lx old ss %lx pushed %lx\n", (unsigned long)gate_cs,
        (unsigned long)gate_argument, (unsigned long)gate_old_ss,
        (unsigned long)(ring0 + sizeof(ring0)) - gate_stack);
    return 0;
}
