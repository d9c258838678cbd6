/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's events: gates of long mode, nested faults, and all of it in the run loop. */
#include "event-test.h"

/* --- long mode -------------------------------------------------------------------------------- */

START_TEST(long_user_fault)
{
    long_mode(3);
    c->gpr[VEMU_RSP] = 0xb123;
    sc_flags_set_arith(c, SC_CF | SC_ZF);
    c->eflags |= SC_TF | SC_NT;
    raise_(SC_GP, 0x1234);
    uint64_t sp = c->gpr[VEMU_RSP];
    ck_assert_uint_eq(sp, BARE_STACK0 - 48);
    ck_assert_uint_eq(q(sp), 0x1234);
    ck_assert_uint_eq(q(sp + 8), 0x5000);
    ck_assert_uint_eq(q(sp + 16), SEL_UC64);
    ck_assert_uint_eq(q(sp + 24), 2 | SC_CF | SC_ZF | SC_IF | SC_TF | SC_NT | SC_RF);
    ck_assert_uint_eq(q(sp + 32), 0xb123);
    ck_assert_uint_eq(q(sp + 40), SEL_UD);
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_C64);
    ck_assert(c->mode & SC_M_64);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, 0);
    ck_assert_uint_eq(sc_rflags(c), 2 | SC_CF | SC_ZF);
    ck_assert_ptr_eq(c->tlb, c->tlbs[0]);

    /* And back. */
    c->gpr[VEMU_RSP] += 8;
    ck_assert_int_eq(CATCH(b, sc_iret(c, 8)), -1);
    ck_assert_uint_eq(c->rip, 0x5000);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0xb123);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_UD);
    ck_assert_ptr_eq(c->tlb, c->tlbs[1]);
    ck_assert(c->eflags & SC_RF);
}
END_TEST

START_TEST(long_same_level)
{
    long_mode(0);
    c->gpr[VEMU_RSP] = 0x8ffd; /* aligned down before the push */
    raise_(SC_UD, -1);
    uint64_t sp = c->gpr[VEMU_RSP];
    ck_assert_uint_eq(sp, 0x8ff0 - 40);
    ck_assert_uint_eq(q(sp), 0x5000);
    ck_assert_uint_eq(q(sp + 24), 0x8ffd);
    ck_assert_uint_eq(q(sp + 32), SEL_D0);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_D0);
}
END_TEST

START_TEST(long_ist)
{
    long_mode(0);
    bare_set(b, BARE_IDT + SC_GP * 16, 8, bare_gate(SEL_C64, BARE_HANDLER(SC_GP), 0xf, 0, 1));
    raise_(SC_GP, 0);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_IST1 - 48);
    ck_assert(c->eflags & SC_IF); /* a trap gate */
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_D0);
    /* An IST entry beyond the TSS: #TS with TR's selector. */
    c->tr.limit = 0x30;
    bare_set(b, BARE_IDT + SC_GP * 16, 8, bare_gate(SEL_C64, BARE_HANDLER(SC_GP), 0xf, 0, 3));
    c->gpr[VEMU_RSP] = BARE_STACK0;
    interrupt(SC_GP);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_TS));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), SEL_TSS | 1);
}
END_TEST

START_TEST(long_external)
{
    long_mode(3);
    c->shadow = 1;
    interrupt(0x55);
    uint64_t sp = c->gpr[VEMU_RSP];
    ck_assert_uint_eq(sp, BARE_STACK0 - 40);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(0x55));
    ck_assert_uint_eq(q(sp + 16) & SC_RF, 0);
    ck_assert_uint_eq(c->shadow, 0);
    ck_assert(!(c->eflags & SC_IF));
}
END_TEST

START_TEST(software_interrupts)
{
    long_mode(3);
    software(0x80, false);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(0x80));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x5002);
    /* DPL 0: #GP with IDT bit, without EXT, RIP at the instruction. */
    long_mode(3);
    software(0x81, false);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x81 * 8 + 2);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x5000);
    /* The same vector as a hardware interrupt is fine. */
    long_mode(3);
    interrupt(0x81);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(0x81));
    long_mode(3);
    software(3, true);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(3));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 16) & SC_RF, 0);
}
END_TEST

START_TEST(bad_gates)
{
    /* type; expected vector of an external interrupt through it; its error code */
    static const struct {
        uint64_t gate;
        unsigned vector, error;
    } t[] = {
        { 0, SC_GP, 0x60 * 8 + 3 },
        { 0x00008e0000080000ull & ~(1ull << 47), SC_NP, 0x60 * 8 + 3 },
        { 0x00008600 * 0x100000000ull | SEL_C64 << 16, SC_GP, 0x60 * 8 + 3 }, /* 16-bit gate */
        { 0x00008500 * 0x100000000ull, SC_GP, 0x60 * 8 + 3 },                 /* task gate */
        { 0x8e00 * 0x100000000ull, SC_GP, 1 },                                /* null selector */
        { 0x8e00 * 0x100000000ull | SEL_D0 << 16, SC_GP, SEL_D0 | 1 },
        { 0x8e00 * 0x100000000ull | SEL_C32 << 16, SC_GP, SEL_C32 | 1 },
        { 0x8e00 * 0x100000000ull | SEL_UC64 << 16, SC_GP, (SEL_UC64 & ~3) | 1 },
        { 0x8e00 * 0x100000000ull | 0x1008 << 16, SC_GP, 0x1008 | 1 },
        { 0x8e00 * 0x100000000ull | 0x84 << 16, SC_GP, 0x84 | 1 }, /* no LDT */
    };
    long_mode(0);
    bare_set(b, BARE_IDT + 0x60 * 16, 8, t[_i].gate);
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(t[_i].vector));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), t[_i].error);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x5000);
}
END_TEST

START_TEST(not_canonical)
{
    long_mode(0);
    bare_set(b, BARE_IDT + 0x60 * 16 + 8, 8, 0x00008000);
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 1);
    /* The handler's stack: #SS(EXT) on a good one. */
    long_mode(0);
    bare_set(b, BARE_IDT + SC_SS * 16, 8, bare_gate(SEL_C64, BARE_HANDLER(SC_SS), 0xe, 0, 1));
    c->gpr[VEMU_RSP] = 0x8000000000000000ull;
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_SS));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 1);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 32), 0x8000000000000000ull);
}
END_TEST

START_TEST(idt_limit)
{
    long_mode(0);
    c->idt.limit = 0x60 * 16 + 14;
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x60 * 8 + 3);
}
END_TEST

/* From compatibility mode: the frame is a 64-bit one. */
START_TEST(from_compat)
{
    long_mode(3);
    sc_set_seg_raw(c, VEMU_CS, SEL_UC32, 0, ~0u, 0xcfb);
    sc_update_mode(c);
    ck_assert(!(c->mode & SC_M_64));
    interrupt(0x60);
    ck_assert(c->mode & SC_M_64);
    uint64_t sp = c->gpr[VEMU_RSP];
    ck_assert_uint_eq(q(sp + 8), SEL_UC32);
    ck_assert_uint_eq(q(sp + 32), SEL_UD);
    ck_assert_int_eq(CATCH(b, sc_iret(c, 8)), -1);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_UC32);
    ck_assert(!(c->mode & SC_M_64));
    ck_assert(c->mode & SC_M_32);
}
END_TEST

START_TEST(conforming_handler)
{
    long_mode(3);
    bare_set(b, BARE_IDT + 0x60 * 16, 8, bare_gate(SEL_CONF, BARE_HANDLER(0x60), 0xe, 0, 0));
    interrupt(0x60);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_CONF | 3);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK3 - 40);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(0x60));
}
END_TEST

/* --- nested faults ---------------------------------------------------------------------------- */

/* The stack of ring 0 is not mapped; #DF has one of its own. */
static void broken_stack(void)
{
    long_mode(3);
    bare_set(b, BARE_TSS + 4, 8, 0x40000000);
    bare_set(b, BARE_IDT + SC_DFV * 16, 8, bare_gate(SEL_C64, BARE_HANDLER(SC_DFV), 0xe, 0, 1));
}

START_TEST(double_fault)
{
    static const uint8_t first[] = { SC_PFV, SC_GP, SC_DE, SC_TS, SC_NP, SC_SS };
    broken_stack();
    c->cr2 = 1;
    /* A #PF during a contributory one is handled serially, and then fails as a #PF during #PF. */
    raise_(first[_i], _i == 2 ? -1 : 5);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_DFV));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_IST1 - 48);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x5000);
    ck_assert_uint_eq(c->cr2, 0x40000000 - (_i == 2 ? 48 : 48));
    ck_assert_uint_eq(c->delivering, 0);
}
END_TEST

START_TEST(contributory_pairs)
{
    /* #NP's gate is not present: #NP + #NP = #DF; #UD (benign) + #NP = #NP. */
    long_mode(0);
    uint64_t gate = bare_gate(SEL_C64, BARE_HANDLER(SC_GP), 0xe, 0, 0) & ~(1ull << 47);
    bare_set(b, BARE_IDT + SC_GP * 16, 8, gate);
    raise_(SC_GP, 0);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_DFV));
    long_mode(0);
    bare_set(b, BARE_IDT + SC_UD * 16, 8, gate);
    raise_(SC_UD, -1);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_NP));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), SC_UD * 8 + 3);
    /* #PF + #NP = #DF. */
    long_mode(0);
    bare_set(b, BARE_IDT + SC_PFV * 16, 8, gate);
    raise_(SC_PFV, 2);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_DFV));
    /* #GP + #PF: the #PF is delivered (the GDT is not mapped, the IDT is, #PF's segment is the
     * same, so that ends in #DF and then a shutdown). */
    long_mode(0);
    c->gdt.base = 0x40000000;
    raise_(SC_GP, 0);
    ck_assert(c->want_exit);
    ck_assert_int_eq(b->exit.reason, VEMU_EXIT_SHUTDOWN);
}
END_TEST

START_TEST(triple_fault)
{
    long_mode(3);
    c->idt.limit = 0;
    raise_(SC_UD, -1);
    ck_assert(c->want_exit);
    ck_assert_int_eq(b->exit.reason, VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(c->rip, 0x5000);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert(!c->exc_pending);
    ck_assert(!c->exc_triple);
}
END_TEST

/* Faults while an interrupt is delivered are simple faults. */
START_TEST(fault_in_interrupt)
{
    long_mode(3);
    bare_set(b, BARE_TSS + 4, 8, 0x40000000);
    bare_set(b, BARE_IDT + SC_PFV * 16, 8, bare_gate(SEL_C64, BARE_HANDLER(SC_PFV), 0xe, 0, 1));
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_PFV));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 2);
    ck_assert_uint_eq(c->cr2, 0x40000000 - 40);
}
END_TEST

START_TEST(nmi)
{
    long_mode(3);
    c->nmi_pending = true;
    if (setjmp(c->fault) == 0)
        sc_deliver_nmi(c);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_NMI));
    ck_assert(c->nmi_masked && !c->nmi_pending);
    ck_assert_int_eq(CATCH(b, sc_iret(c, 8)), -1);
    ck_assert(!c->nmi_masked);
}
END_TEST

START_TEST(debug_trap)
{
    long_mode(0);
    c->dr6 = SC_DR6_FIXED | 8;
    c->dr7 = 0x400 | SC_DR7_GD;
    if (setjmp(c->fault) == 0)
        sc_debug_trap(c, SC_DR6_BS);
    settle();
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_DB));
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 16) & SC_RF, 0);
    ck_assert_uint_eq(c->dr6, SC_DR6_FIXED | SC_DR6_BS);
    ck_assert_uint_eq(c->dr7, 0x400);
}
END_TEST

/* --- through the run loop --------------------------------------------------------------------- */

START_TEST(run_faults)
{
    /* ring 3: ud2; the handler reports through port 0xf4 */
    static const uint8_t code[] = { 0x0f, 0x0b }, stop[] = { 0xe6, 0xf4 };
    long_mode(3);
    memcpy(b->ram + BARE_HANDLER(SC_UD), stop, 2);
    ck_assert_int_eq(bare_run(b, code, sizeof(code)), VEMU_EXIT_INTR);
    ck_assert(b->exited);
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x5000);
    /* int $0x80 and back, then hlt in ring 3: #GP */
    static const uint8_t code2[] = { 0xcd, 0x80, 0xf4 }, back[] = { 0xff, 0xc0, 0x48, 0xcf };
    long_mode(3);
    c->gpr[VEMU_RAX] = 41;
    memcpy(b->ram + BARE_HANDLER(0x80), back, sizeof(back));
    memcpy(b->ram + BARE_HANDLER(SC_GP), stop, 2);
    ck_assert_int_eq(bare_run(b, code2, sizeof(code2)), VEMU_EXIT_INTR);
    ck_assert_uint_eq(c->gpr[VEMU_RAX], 42);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x5002);
    /* No IDT at all. */
    long_mode(3);
    c->idt.limit = 0;
    ck_assert_int_eq(bare_run(b, code, sizeof(code)), VEMU_EXIT_SHUTDOWN);
    ck_assert_uint_eq(c->rip, 0x5000);
}
END_TEST

/* mov %eax,(%rbx) on a page that is not there: the exact #PF, registers untouched. */
START_TEST(run_page_fault)
{
    static const uint8_t code[] = { 0xff, 0xc1, 0x89, 0x03 }, stop[] = { 0xe6, 0xf4 };
    long_mode(3);
    c->gpr[VEMU_RBX] = 0x7654321000;
    memcpy(b->ram + BARE_HANDLER(SC_PFV), stop, 2);
    ck_assert_int_eq(bare_run(b, code, sizeof(code)), VEMU_EXIT_INTR);
    ck_assert_uint_eq(c->cr2, 0x7654321000);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 6);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x5002);
    ck_assert_uint_eq(c->gpr[VEMU_RCX], 1);
    /* jump into the void: the fetch faults at the target */
    static const uint8_t jump[] = { 0xff, 0xe3 };
    long_mode(3);
    c->gpr[VEMU_RBX] = 0x7654321000;
    memcpy(b->ram + BARE_HANDLER(SC_PFV), stop, 2);
    ck_assert_int_eq(bare_run(b, jump, sizeof(jump)), VEMU_EXIT_INTR);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x14);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x7654321000);
}
END_TEST

/* POP to memory: the stack is read before the destination's address is checked. */
START_TEST(run_pop_order)
{
    /* popl %cs:0x6000, which can never be written */
    static const uint8_t pop_cs[] = { 0x2e, 0x8f, 0x05, 0x00, 0x60, 0x00, 0x00 };
    /* popl -2(%esp): the address has the new ESP */
    static const uint8_t pop_esp[] = { 0x8f, 0x44, 0x24, 0xfe }, stop[] = { 0xe6, 0xf4 };

    for (unsigned mapped = 0; mapped < 2; mapped++) {
        long_mode(3);
        sc_set_seg_raw(c, VEMU_CS, SEL_UC32, 0, ~0u, 0xcfb);
        sc_update_mode(c);
        c->gpr[VEMU_RSP] = mapped ? BARE_STACK3 : 0x76543210;
        memcpy(b->ram + BARE_HANDLER(SC_PFV), stop, 2);
        memcpy(b->ram + BARE_HANDLER(SC_GP), stop, 2);
        ck_assert_int_eq(bare_run(b, pop_cs, sizeof(pop_cs)), VEMU_EXIT_INTR);
        ck_assert_uint_eq(c->rip & ~15ull, BARE_HANDLER(mapped ? SC_GP : SC_PFV));
        ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), mapped ? 0 : 4);
        ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 8), 0x5000);
        ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 32), mapped ? BARE_STACK3 : 0x76543210);
        if (!mapped)
            ck_assert_uint_eq(c->cr2, 0x76543210);
    }
    /* A 16-bit stack pointer wraps, and only its 16 bits count up. */
    long_mode(3);
    sc_set_seg_raw(c, VEMU_CS, SEL_UC32, 0, ~0u, 0xcfb);
    sc_set_seg_raw(c, VEMU_SS, SEL_UD, 0, ~0u, 0x8f3);
    sc_update_mode(c);
    memcpy(b->ram + BARE_HANDLER(SC_UD), stop, 2);
    bare_set(b, 0x5004, 2, 0x0b0f); /* UD2 ends it */
    c->gpr[VEMU_RSP] = 0x1fffc;
    bare_set(b, 0xfffc, 4, 0x11223344);
    ck_assert_int_eq(bare_run(b, pop_esp, sizeof(pop_esp)), VEMU_EXIT_INTR);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP] + 24), 0x10000);
    ck_assert_uint_eq(bare_get(b, 0xfffe, 4), 0x11223344);
}
END_TEST

START_TEST(run_single_step)
{
    /* nop; nop with TF: the trap comes after the first instruction */
    static const uint8_t code[] = { 0x90, 0x90, 0x90 }, stop[] = { 0xe6, 0xf4 };
    long_mode(3);
    memcpy(b->ram + BARE_HANDLER(SC_DB), stop, 2);
    c->eflags |= SC_TF;
    sc_update_mode(c);
    ck_assert_int_eq(bare_run(b, code, sizeof(code)), VEMU_EXIT_INTR);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x5001);
    ck_assert(c->dr6 & SC_DR6_BS);
    /* A data breakpoint. */
    static const uint8_t store[] = { 0x90, 0x89, 0x03, 0x90 };
    long_mode(3);
    memcpy(b->ram + BARE_HANDLER(SC_DB), stop, 2);
    c->gpr[VEMU_RBX] = 0x6000;
    c->dr[1] = 0x6000;
    c->dr7 = 0x400 | 1 << 2 | 0xdu << 20;
    c->dr6 = SC_DR6_FIXED;
    sc_update_mode(c);
    ck_assert_int_eq(bare_run(b, store, sizeof(store)), VEMU_EXIT_INTR);
    ck_assert_uint_eq(q(c->gpr[VEMU_RSP]), 0x5003);
    ck_assert_uint_eq(c->dr6, SC_DR6_FIXED | 2);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, long_user_fault);
    tcase_add_test(t, long_same_level);
    tcase_add_test(t, long_ist);
    tcase_add_test(t, long_external);
    tcase_add_test(t, software_interrupts);
    tcase_add_loop_test(t, bad_gates, 0, 10);
    tcase_add_test(t, not_canonical);
    tcase_add_test(t, idt_limit);
    tcase_add_test(t, from_compat);
    tcase_add_test(t, conforming_handler);
    tcase_add_loop_test(t, double_fault, 0, 6);
    tcase_add_test(t, contributory_pairs);
    tcase_add_test(t, triple_fault);
    tcase_add_test(t, fault_in_interrupt);
    tcase_add_test(t, nmi);
    tcase_add_test(t, debug_trap);
    tcase_add_test(t, run_faults);
    tcase_add_test(t, run_page_fault);
    tcase_add_test(t, run_pop_order);
    tcase_add_test(t, run_single_step);
}

int main(void)
{
    return run_bare_tests("soft-event", add);
}
