/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's events in protected, real and virtual-8086 mode. */
#include "event-test.h"

START_TEST(protected_inner)
{
    protected_mode(3);
    raise_(SC_GP, 0x44);
    uint32_t sp = (uint32_t)c->gpr[VEMU_RSP];
    ck_assert_uint_eq(sp, BARE_STACK0 - 24);
    ck_assert_uint_eq(d(sp), 0x44);
    ck_assert_uint_eq(d(sp + 4), 0x5000);
    ck_assert_uint_eq(d(sp + 8), SEL_UC32);
    ck_assert_uint_eq(d(sp + 12), 2 | SC_IF | SC_RF);
    ck_assert_uint_eq(d(sp + 16), BARE_STACK3);
    ck_assert_uint_eq(d(sp + 20), SEL_UD);
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_D0);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert(!(c->eflags & SC_IF));
    c->gpr[VEMU_RSP] += 4;
    ck_assert_int_eq(CATCH(b, sc_iret(c, 4)), -1);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK3);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_UD);
}
END_TEST

START_TEST(protected_same)
{
    protected_mode(0);
    interrupt(0x60);
    uint32_t sp = (uint32_t)c->gpr[VEMU_RSP];
    ck_assert_uint_eq(sp, BARE_STACK0 - 12);
    ck_assert_uint_eq(d(sp), 0x5000);
    /* A 16-bit gate pushes words and takes a 16-bit offset. */
    protected_mode(0);
    bare_set(b, BARE_IDT + 0x60 * 8, 8, bare_gate(SEL_C16, 0xffff1230, 0x7, 0, 0));
    interrupt(0x60);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0 - 6);
    ck_assert_uint_eq(bare_get(b, BARE_STACK0 - 6, 2), 0x5000);
    ck_assert_uint_eq(c->rip, 0x1230);
    ck_assert(c->eflags & SC_IF);
    ck_assert(!(c->mode & SC_M_32));
    /* Beyond the code segment's limit. */
    protected_mode(0);
    bare_set(b, BARE_IDT + 0x60 * 8, 8, bare_gate(SEL_C16, 0x12345, 0xe, 0, 0));
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert_uint_eq(d((uint32_t)c->gpr[VEMU_RSP]), 1);
}
END_TEST

/* What the TSS says about the inner stack. */
START_TEST(protected_bad_stack)
{
    static const struct {
        uint16_t ss;
        unsigned vector, error;
    } t[] = {
        { 0, SC_TS, 1 },
        { SEL_UD, SC_TS, (SEL_UD & ~3) | 1 },
        { SEL_RO, SC_TS, SEL_RO | 1 },
        { SEL_C32, SC_TS, SEL_C32 | 1 },
        { SEL_NP, SC_SS, SEL_NP | 1 },
        { 0x1000, SC_TS, 0x1000 | 1 },
    };
    protected_mode(3);
    bare_set(b, BARE_TSS + 8, 2, t[_i].ss);
    /* The handlers of the consequences run at ring 3, so that they need no stack switch. */
    bare_set(b, BARE_IDT + SC_TS * 8, 8, bare_gate(SEL_UC32, BARE_HANDLER(SC_TS), 0xe, 0, 0));
    bare_set(b, BARE_IDT + SC_SS * 8, 8, bare_gate(SEL_UC32, BARE_HANDLER(SC_SS), 0xe, 0, 0));
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(t[_i].vector));
    ck_assert_uint_eq(d((uint32_t)c->gpr[VEMU_RSP]), t[_i].error);
    ck_assert_uint_eq(c->cpl, 3);
}
END_TEST

START_TEST(stack_limit)
{
    protected_mode(0);
    bare_set(b, BARE_IDT + SC_DFV * 8, 8, 0);
    c->seg[VEMU_SS].limit = 0x8fff;
    c->gpr[VEMU_RSP] = 0x9004;
    interrupt(0x60); /* #SS, whose delivery fails the same: #DF, then shutdown */
    ck_assert(c->want_exit);
    ck_assert_int_eq(b->exit.reason, VEMU_EXIT_SHUTDOWN);
}
END_TEST

START_TEST(task_gate)
{
    protected_mode(0);
    bare_set(b, BARE_IDT + SC_DFV * 8, 8, bare_gate(SEL_TSS, 0, 5, 0, 0));
    raise_(SC_DFV, 0);
    ck_assert(c->want_exit);
    ck_assert_int_eq(b->exit.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_ptr_nonnull(strstr(b->message, "hardware task switch is not implemented"));
    ck_assert_uint_eq(c->rip, 0x5000);
}
END_TEST

START_TEST(real_mode)
{
    c->cr0 &= ~SC_CR0_PE;
    for (unsigned k = 0; k < VEMU_SEG_COUNT; k++)
        sc_set_seg_raw(c, k, 0x100, 0x1000, 0xffff, 0x93);
    c->cpl = 0;
    c->idt = (struct vemu_dtable){ 0, 0x3ff };
    bare_set(b, 0x21 * 4, 4, 0x12345678);
    c->rip = 0x55;
    c->gpr[VEMU_RSP] = 0xffff0000ull + 2; /* SP wraps: only its 16 bits count */
    c->eflags = SC_IF | SC_TF;
    sc_flags_set_arith(c, SC_CF);
    sc_update_mode(c);
    software(0x21, false);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, 0x1234);
    ck_assert_uint_eq(c->seg[VEMU_CS].base, 0x12340);
    ck_assert_uint_eq(c->rip, 0x5678);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0xfffffffcull);
    ck_assert_uint_eq(bare_get(b, 0x1000, 2), 2 | SC_IF | SC_TF | SC_CF);
    ck_assert_uint_eq(bare_get(b, 0x1000 + 0xfffe, 2), 0x100);
    ck_assert_uint_eq(bare_get(b, 0x1000 + 0xfffc, 2), 0x57);
    ck_assert_uint_eq(c->eflags & (SC_IF | SC_TF), 0);
    /* IRET restores it. */
    ck_assert_int_eq(CATCH(b, sc_iret(c, 2)), -1);
    ck_assert_uint_eq(c->rip, 0x57);
    ck_assert_uint_eq(c->seg[VEMU_CS].base, 0x1000);
    ck_assert_uint_eq(c->eflags & (SC_IF | SC_TF), SC_IF | SC_TF);
    /* No error codes in real mode; a short IVT ends in a shutdown. */
    c->gpr[VEMU_RSP] = 0x800;
    bare_set(b, SC_GP * 4, 4, 0x00500020);
    raise_(SC_GP, 0);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x7fa);
    ck_assert_uint_eq(c->seg[VEMU_CS].base + c->rip, 0x520);
    c->idt.limit = 0x10;
    raise_(SC_GP, 0);
    ck_assert(c->want_exit);
}
END_TEST

START_TEST(virtual_8086)
{
    protected_mode(0);
    /* IRET into it. */
    uint32_t frame[9] = { 0x10, 0x2000, SC_VM | SC_IF | 2, 0x800, 0x3000, 0x11, 0x22, 0x33, 0x44 };
    memcpy(b->ram + 0x8000, frame, sizeof(frame));
    c->gpr[VEMU_RSP] = 0x8000;
    ck_assert_int_eq(CATCH(b, sc_iret(c, 4)), -1);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert(c->mode & SC_M_V86);
    ck_assert_uint_eq(c->seg[VEMU_CS].base, 0x20000);
    ck_assert_uint_eq(c->seg[VEMU_SS].base, 0x30000);
    ck_assert_uint_eq(c->seg[VEMU_ES].selector, 0x11);
    ck_assert_uint_eq(c->seg[VEMU_GS].selector, 0x44);
    ck_assert_uint_eq(c->rip, 0x10);
    /* INT n with IOPL 0 is #GP(0), through the protected-mode IDT. */
    software(0x21, false);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    uint32_t sp = (uint32_t)c->gpr[VEMU_RSP];
    ck_assert_uint_eq(sp, BARE_STACK0 - 40);
    ck_assert_uint_eq(d(sp), 0);
    ck_assert_uint_eq(d(sp + 4), 0x10);
    ck_assert_uint_eq(d(sp + 8), 0x2000);
    ck_assert_uint_eq(d(sp + 12), SC_VM | SC_IF | SC_RF | 2);
    ck_assert_uint_eq(d(sp + 16), 0x800);
    ck_assert_uint_eq(d(sp + 20), 0x3000);
    ck_assert_uint_eq(d(sp + 24), 0x11); /* ES DS FS GS */
    ck_assert_uint_eq(d(sp + 28), 0x22);
    ck_assert_uint_eq(d(sp + 36), 0x44);
    ck_assert(!(c->mode & SC_M_REAL));
    ck_assert_uint_eq(c->seg[VEMU_DS].selector, 0);
    ck_assert(c->seg[VEMU_DS].unusable);
    ck_assert_uint_eq(c->cpl, 0);
    /* And back again. */
    c->gpr[VEMU_RSP] += 4;
    ck_assert_int_eq(CATCH(b, sc_iret(c, 4)), -1);
    ck_assert(c->mode & SC_M_V86);
    /* IRET with IOPL 0 is sensitive. */
    ck_assert_int_eq(CATCH(b, sc_iret(c, 2)), SC_GP);
    /* A handler outside ring 0 is refused. */
    bare_set(b, BARE_IDT + 0x60 * 8, 8, bare_gate(SEL_UC32, 0x1000, 0xe, 0, 0));
    interrupt(0x60);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_GP));
    ck_assert_uint_eq(d((uint32_t)c->gpr[VEMU_RSP]), (SEL_UC32 & ~3) | 1);
}
END_TEST

/* INTO through the run loop: taken with OF alone, and then nothing behind it is done. */
START_TEST(run_into)
{
    static const uint8_t stop[] = { 0xe6, 0xf4 };

    for (unsigned taken = 0; taken < 2; taken++) {
        /* mov, add $1 to %al; into; inc %ecx; out %al to 0xf4 */
        uint8_t code[] = { 0xb0, taken ? 0x7f : 0x7e, 0x04, 0x01, 0xce, 0x41, 0xe6, 0xf4 };

        protected_mode(0);
        c->gpr[VEMU_RCX] = 0;
        memcpy(b->ram + BARE_HANDLER(SC_OVF), stop, sizeof(stop));
        ck_assert_int_eq(bare_run(b, code, sizeof(code)), VEMU_EXIT_INTR);
        ck_assert(b->exited);
        ck_assert_uint_eq(c->gpr[VEMU_RCX], !taken);
        ck_assert_uint_eq(c->gpr[VEMU_RSP], taken ? BARE_STACK0 - 12 : BARE_STACK0);
        if (taken)
            ck_assert_uint_eq(d((uint32_t)c->gpr[VEMU_RSP]), 0x5005);
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, protected_inner);
    tcase_add_test(t, protected_same);
    tcase_add_loop_test(t, protected_bad_stack, 0, 6);
    tcase_add_test(t, stack_limit);
    tcase_add_test(t, task_gate);
    tcase_add_test(t, real_mode);
    tcase_add_test(t, virtual_8086);
    tcase_add_test(t, run_into);
}

int main(void)
{
    return run_bare_tests("soft-event-legacy", add);
}
