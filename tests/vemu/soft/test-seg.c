/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's segments: loads, far transfers, gates, returns. */
#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"
#include "bare-test.h"

/* --- loads ---------------------------------------------------------------------------------- */

START_TEST(load_data)
{
    if (_i)
        long_mode(3);
    else
        protected_mode(3);
    ck_ok(sc_load_seg(c, VEMU_DS, SEL_UD));
    ck_fault(sc_load_seg(c, VEMU_DS, SEL_D0), SC_GP, SEL_D0);
    ck_fault(sc_load_seg(c, VEMU_DS, SEL_D0 | 3), SC_GP, SEL_D0);
    ck_fault(sc_load_seg(c, VEMU_ES, SEL_TSS), SC_GP, SEL_TSS);
    ck_fault(sc_load_seg(c, VEMU_ES, 0x80), SC_GP, 0x80); /* beyond the table */
    ck_fault(sc_load_seg(c, VEMU_ES, 0x7c), SC_GP, 0x7c); /* no LDT */
    ck_ok(sc_load_seg(c, VEMU_ES, SEL_CONF | 3)); /* conforming: any privilege */
    ck_assert_uint_eq(c->seg[VEMU_ES].selector, SEL_CONF | 3);
    ck_ok(sc_load_seg(c, VEMU_FS, 3));
    ck_assert(c->seg[VEMU_FS].unusable);
    ck_assert_uint_eq(c->seg[VEMU_FS].selector, 3);
    bare_cpl(b, 0);
    ck_fault(sc_load_seg(c, VEMU_DS, SEL_NP), SC_NP, SEL_NP);
    ck_ok(sc_load_seg(c, VEMU_DS, SEL_UD));
    ck_ok(sc_load_seg(c, VEMU_DS, SEL_RO));
    ck_ok(sc_load_seg(c, VEMU_DS, SEL_C32));
    bare_desc(b, BARE_GDT, SEL_C32, bare_segment(0, 0xfffff, 0xc99)); /* execute-only */
    ck_fault(sc_load_seg(c, VEMU_DS, SEL_C32), SC_GP, SEL_C32);
    /* The accessed bit is set in memory. */
    bare_desc(b, BARE_GDT, SEL_RO, bare_segment(0x123456, 0x789ab, 0x490));
    ck_ok(sc_load_seg(c, VEMU_GS, SEL_RO));
    ck_assert_uint_eq(bare_get(b, BARE_GDT + SEL_RO + 5, 1), 0x91);
    ck_assert_uint_eq(c->seg[VEMU_GS].base, 0x123456);
    ck_assert_uint_eq(c->seg[VEMU_GS].limit, 0x789ab);
    /* From an LDT. */
    bare_set(b, 0x6008, 8, bare_segment(0x777000, 0xfff, 0x493));
    c->ldt = (struct vemu_segment){ .base = 0x6000, .limit = 0xf, .present = 1, .type = 2 };
    ck_ok(sc_load_seg(c, VEMU_GS, 0xc));
    ck_assert_uint_eq(c->seg[VEMU_GS].base, 0x777000);
    ck_fault(sc_load_seg(c, VEMU_GS, 0x14), SC_GP, 0x14);
}
END_TEST

START_TEST(load_stack)
{
    protected_mode(0);
    ck_ok(sc_load_seg(c, VEMU_SS, SEL_D16));
    ck_assert(!(c->mode & SC_M_SS32));
    ck_ok(sc_load_seg(c, VEMU_SS, SEL_D0));
    ck_assert(c->mode & SC_M_SS32);
    ck_fault(sc_load_seg(c, VEMU_SS, 0), SC_GP, 0);
    ck_fault(sc_load_seg(c, VEMU_SS, SEL_UD), SC_GP, SEL_UD & ~3u);
    ck_fault(sc_load_seg(c, VEMU_SS, SEL_D0 | 1), SC_GP, SEL_D0);
    ck_fault(sc_load_seg(c, VEMU_SS, SEL_RO), SC_GP, SEL_RO);
    ck_fault(sc_load_seg(c, VEMU_SS, SEL_C32), SC_GP, SEL_C32);
    ck_fault(sc_load_seg(c, VEMU_SS, SEL_NP), SC_SS, SEL_NP);
    long_mode(0);
    ck_ok(sc_load_seg(c, VEMU_SS, 0));
    ck_fault(sc_load_seg(c, VEMU_SS, 3), SC_GP, 0);
    bare_cpl(b, 3);
    ck_fault(sc_load_seg(c, VEMU_SS, 3), SC_GP, 0);
}
END_TEST

START_TEST(load_real)
{
    c->seg[VEMU_DS].limit = ~0u; /* unreal mode */
    ck_ok(sc_load_seg(c, VEMU_DS, 0x1234));
    ck_assert_uint_eq(c->seg[VEMU_DS].base, 0x12340);
    ck_assert_uint_eq(c->seg[VEMU_DS].limit, ~0u);
    c->seg[VEMU_ES].unusable = 1;
    ck_ok(sc_load_seg(c, VEMU_ES, 1));
    ck_assert(!c->seg[VEMU_ES].unusable);
    ck_assert_uint_eq(c->seg[VEMU_ES].limit, 0xffff);
}
END_TEST

/* --- far transfers ---------------------------------------------------------------------------- */

START_TEST(jump_checks)
{
    long_mode(3);
    ck_fault(sc_far_jump(c, 3, 0x1000, 4), SC_GP, 0);
    ck_fault(sc_far_jump(c, SEL_C64, 0x1000, 4), SC_GP, SEL_C64);
    ck_fault(sc_far_jump(c, SEL_UD, 0x1000, 4), SC_GP, SEL_UD & ~3u);
    ck_fault(sc_far_jump(c, SEL_TSS, 0x1000, 4), SC_GP, SEL_TSS);
    ck_fault(sc_far_jump(c, 0x1000, 0, 4), SC_GP, 0x1000);
    ck_fault(sc_far_jump(c, SEL_UC64, 0x800000000000, 8), SC_GP, 0);
    ck_assert_uint_eq(c->rip, 0x5000);
    ck_ok(sc_far_jump(c, SEL_CONF, 0x7000, 4));
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_CONF | 3);
    ck_ok(sc_far_jump(c, SEL_UC32, 0x7000, 4));
    ck_assert(!(c->mode & SC_M_64));
    ck_assert(c->mode & SC_M_32);
    ck_ok(sc_far_jump(c, SEL_UC64 & ~3, 0xffff7000, 2));
    ck_assert_uint_eq(c->rip, 0x7000);
    ck_assert(c->mode & SC_M_64);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_UC64);
    bare_desc(b, BARE_GDT, SEL_UC64, bare_segment(0, 0xfffff, 0xefb)); /* L and D */
    ck_fault(sc_far_jump(c, SEL_UC64, 0, 4), SC_GP, SEL_UC64 & ~3u);
    bare_desc(b, BARE_GDT, SEL_UC64, bare_segment(0, 0xfffff, 0xa7b));
    ck_fault(sc_far_jump(c, SEL_UC64, 0, 4), SC_NP, SEL_UC64 & ~3u);
    protected_mode(0);
    ck_fault(sc_far_jump(c, SEL_C16, 0x10000, 4), SC_GP, 0);
    ck_ok(sc_far_jump(c, SEL_C16, 0xffff, 4));
    ck_assert(!(c->mode & SC_M_32));
}
END_TEST

START_TEST(no_task_switch)
{
    protected_mode(0);
    bare_desc(b, BARE_GDT, SEL_TSS, bare_segment(BARE_TSS, 0xfff, 0x89));
    ck_assert_int_eq(CATCH(b, sc_far_jump(c, SEL_TSS, 0, 4)), -2);
    ck_assert_int_eq(b->exit.reason, VEMU_EXIT_INTERNAL_ERROR);
    ck_assert_ptr_nonnull(strstr(b->message, "hardware task switch"));
    ck_assert_uint_eq(b->exit.internal.insn_size, 15);
    c->eflags |= SC_NT;
    ck_assert_int_eq(CATCH(b, sc_iret(c, 4)), -2);
}
END_TEST

START_TEST(call_and_return)
{
    protected_mode(0);
    ck_ok(sc_far_call(c, SEL_C32, 0x7000, 4, 0x5007));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0 - 8);
    ck_assert_uint_eq(bare_get(b, BARE_STACK0 - 8, 4), 0x5007);
    ck_assert_uint_eq(bare_get(b, BARE_STACK0 - 4, 4), SEL_C32);
    ck_ok(sc_far_return(c, 4, 0));
    ck_assert_uint_eq(c->rip, 0x5007);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0);
    /* A fault leaves RSP. */
    ck_fault(sc_far_call(c, SEL_C16, 0x10000, 4, 0x5007), SC_GP, 0);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0);
    /* 64-bit operands and RET n */
    long_mode(0);
    ck_ok(sc_far_call(c, SEL_C64, 0x123456789a, 8, 0x5007));
    ck_assert_uint_eq(c->rip, 0x123456789a);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0 - 16);
    ck_ok(sc_far_return(c, 8, 0x20));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0 + 0x20);
}
END_TEST

START_TEST(return_checks)
{
    static const struct {
        uint16_t cs, ss;
        unsigned vector, error;
    } t[] = {
        { 0, SEL_D0, SC_GP, 0 },
        { SEL_D0, SEL_D0, SC_GP, SEL_D0 },
        { SEL_UC32 & ~3, SEL_D0, SC_GP, SEL_UC32 & ~3 },
        { SEL_UC32, SEL_D0, SC_GP, SEL_D0 },
        { SEL_UC32, 0, SC_GP, 0 },
        { SEL_UC64, 0, SC_GP, 0 },
        { 0x1003, SEL_UD, SC_GP, 0x1000 },
        { SEL_UC32, SEL_UC32, SC_GP, SEL_UC32 & ~3 },
    };
    long_mode(0);
    uint64_t sp = BARE_STACK0 - 32, frame[4] = { 0x7000, t[_i].cs, 0x8888, t[_i].ss };
    memcpy(b->ram + sp, frame, sizeof(frame));
    c->gpr[VEMU_RSP] = sp;
    ck_fault(sc_far_return(c, 8, 0), (int)t[_i].vector, t[_i].error);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], sp);
    ck_assert_uint_eq(c->rip, 0x5000);
    ck_assert_uint_eq(c->cpl, 0);
}
END_TEST

START_TEST(return_outer)
{
    protected_mode(0);
    uint32_t frame[] = { 0x7000, SEL_UC32, 0xaa, 0xbb, 0x8888, SEL_UD };
    memcpy(b->ram + 0x8000, frame, sizeof(frame));
    c->gpr[VEMU_RSP] = 0x8000;
    ck_ok(sc_load_seg(c, VEMU_DS, SEL_D0));
    ck_ok(sc_load_seg(c, VEMU_ES, SEL_UD));
    ck_ok(sc_load_seg(c, VEMU_FS, SEL_CONF));
    ck_ok(sc_far_return(c, 4, 8));
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x8890); /* the parameters go from both stacks */
    ck_assert(c->seg[VEMU_DS].unusable);
    ck_assert_uint_eq(c->seg[VEMU_DS].selector, 0);
    ck_assert_uint_eq(c->seg[VEMU_ES].selector, SEL_UD);
    ck_assert_uint_eq(c->seg[VEMU_FS].selector, SEL_CONF);
}
END_TEST

START_TEST(call_gate_32)
{
    protected_mode(3);
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C32, 0x123450, 0xc, 3, 0) | 2ull << 32);
    bare_set(b, BARE_STACK3, 4, 0x1111);
    bare_set(b, BARE_STACK3 + 4, 4, 0x2222);
    ck_ok(sc_far_call(c, SEL_GATE, 0xdead, 4, 0x5007));
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->rip, 0x123450);
    uint64_t sp = BARE_STACK0 - 24;
    ck_assert_uint_eq(c->gpr[VEMU_RSP], sp);
    uint32_t want[] = { 0x5007, SEL_UC32, 0x1111, 0x2222, BARE_STACK3, SEL_UD };
    ck_assert_mem_eq(b->ram + sp, want, sizeof(want));
    ck_ok(sc_far_return(c, 4, 8));
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK3 + 8);
    /* JMP through a gate cannot raise the privilege. */
    ck_fault(sc_far_jump(c, SEL_GATE, 0, 4), SC_GP, SEL_C32);
    /* The gate's own privilege. */
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C32, 0x123450, 0xc, 0, 0));
    ck_fault(sc_far_call(c, SEL_GATE, 0, 4, 0), SC_GP, SEL_GATE & ~3u);
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C32, 0x123450, 0xc, 3, 0) & ~(1ull << 47));
    ck_fault(sc_far_call(c, SEL_GATE, 0, 4, 0), SC_NP, SEL_GATE & ~3u);
    /* Same level; 16-bit gate. */
    protected_mode(0);
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C32, 0x123450, 0x4, 3, 0));
    ck_ok(sc_far_call(c, SEL_GATE, 0, 4, 0x5007));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0 - 4);
    ck_assert_uint_eq(c->rip, 0x3450);
}
END_TEST

START_TEST(call_gate_64)
{
    long_mode(3);
    ck_ok(sc_far_call(c, SEL_GATE, 0, 4, 0x5007));
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->rip, 0x123450);
    uint64_t sp = BARE_STACK0 - 32, want[] = { 0x5007, SEL_UC64, BARE_STACK3, SEL_UD };
    ck_assert_uint_eq(c->gpr[VEMU_RSP], sp);
    ck_assert_mem_eq(b->ram + sp, want, sizeof(want));
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, 0);
    ck_ok(sc_far_return(c, 8, 0));
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK3);
    /* Only 64-bit code behind it; type bits of the upper half are zero. */
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C32, 0x123450, 0xc, 3, 0));
    ck_fault(sc_far_call(c, SEL_GATE, 0, 4, 0), SC_GP, SEL_C32);
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C64, 0x123450, 0xc, 3, 0));
    bare_desc(b, BARE_GDT, SEL_GATE + 8, 1ull << 40);
    ck_fault(sc_far_call(c, SEL_GATE, 0, 4, 0), SC_GP, SEL_GATE & ~3u);
    bare_desc(b, BARE_GDT, SEL_GATE + 8, 0x8000);
    ck_fault(sc_far_call(c, SEL_GATE, 0, 4, 0), SC_GP, 0);
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(SEL_C64, 0x123450, 0x4, 3, 0)); /* 16-bit gate */
    ck_fault(sc_far_call(c, SEL_GATE, 0, 4, 0), SC_GP, SEL_GATE & ~3u);
}
END_TEST

/* --- IRET ----------------------------------------------------------------------------------- */

static void iret_frame(uint64_t rip, uint64_t cs, uint64_t flags, uint64_t rsp, uint64_t ss)
{
    uint64_t f[5] = { rip, cs, flags, rsp, ss };
    c->gpr[VEMU_RSP] = 0x8000;
    memcpy(b->ram + 0x8000, f, sizeof(f));
}

START_TEST(iret_long)
{
    long_mode(0);
    /* The same level pops SS:RSP as well. */
    iret_frame(0x7000, SEL_C64, 0x202 | SC_ZF, 0x4444, SEL_D0);
    ck_ok(sc_iret(c, 8));
    ck_assert_uint_eq(c->rip, 0x7000);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x4444);
    ck_assert_uint_eq(sc_rflags(c), 0x202 | SC_ZF);
    iret_frame(0x7000, SEL_C64, 2, 0x4444, 0);
    ck_ok(sc_iret(c, 8));
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, 0);
    iret_frame(0x7000, SEL_UC64, 2, 0x4444, 3);
    ck_fault(sc_iret(c, 8), SC_GP, 0);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x8000);
    iret_frame(0x800000000000, SEL_C64, 2, 0x4444, SEL_D0);
    ck_fault(sc_iret(c, 8), SC_GP, 0);
    iret_frame(0x7000, SEL_C64, 2, 0x4444, SEL_UD);
    ck_fault(sc_iret(c, 8), SC_GP, SEL_UD & ~3u);
    c->eflags |= SC_NT;
    iret_frame(0x7000, SEL_C64, 2, 0x4444, SEL_D0);
    ck_fault(sc_iret(c, 8), SC_GP, 0);
    c->eflags &= ~SC_NT;
    c->gpr[VEMU_RSP] = 0x7ffffffffff0;
    ck_fault(sc_iret(c, 8), SC_SS, 0);
    /* To ring 3: IOPL and all may be set by ring 0. */
    iret_frame(0x7000, SEL_UC64, 0xffffffff, 0x4444, SEL_UD);
    c->gpr[VEMU_RSP] = 0x8000;
    ck_ok(sc_iret(c, 8));
    ck_assert_uint_eq(c->eflags & SC_IOPL, SC_IOPL);
    ck_assert_uint_eq(c->eflags & SC_VM, 0);
    ck_assert_uint_eq(c->cpl, 3);
    /* Ring 3 with IOPL 0 changes neither IOPL nor IF. */
    c->eflags = SC_IF;
    sc_update_mode(c);
    iret_frame(0x7001, SEL_UC64, SC_IOPL | SC_DF | 2, 0x4444, SEL_UD);
    ck_ok(sc_iret(c, 8));
    ck_assert_uint_eq(sc_rflags(c), 2 | SC_IF | SC_DF);
    /* A more privileged CS. */
    iret_frame(0x7001, SEL_C64, 2, 0x4444, SEL_D0);
    ck_fault(sc_iret(c, 8), SC_GP, SEL_C64);
    /* 16- and 32-bit frames in 64-bit mode have five words, too. */
    uint16_t f16[] = { 0x7777, SEL_UC64, SC_IF, 0x3333, SEL_UD };
    memcpy(b->ram + 0x8000, f16, sizeof(f16));
    c->gpr[VEMU_RSP] = 0x8000;
    ck_ok(sc_iret(c, 2));
    ck_assert_uint_eq(c->rip, 0x7777);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x3333);
}
END_TEST

START_TEST(iret_protected)
{
    protected_mode(0);
    uint32_t f[] = { 0x7000, SEL_C32, SC_ID | SC_AC | SC_IF | 2, 0x4444, SEL_UD };
    memcpy(b->ram + 0x8000, f, sizeof(f));
    c->gpr[VEMU_RSP] = 0x8000;
    ck_ok(sc_iret(c, 4));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x800c);
    ck_assert_uint_eq(sc_rflags(c), SC_ID | SC_AC | SC_IF | 2);
    f[1] = SEL_UC32;
    memcpy(b->ram + 0x8000, f, sizeof(f));
    c->gpr[VEMU_RSP] = 0x8000;
    ck_ok(sc_iret(c, 4));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x4444);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert(c->seg[VEMU_DS].unusable);
    /* A 16-bit stack takes only SP. */
    protected_mode(0);
    f[1] = SEL_UC32;
    f[3] = 0x12348888;
    bare_desc(b, BARE_GDT, SEL_UD, bare_segment(0, 0xffff, 0xf3));
    memcpy(b->ram + 0x8000, f, sizeof(f));
    c->gpr[VEMU_RSP] = 0x8000;
    ck_ok(sc_iret(c, 4));
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x8888);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, load_data, 0, 2);
    tcase_add_test(t, load_stack);
    tcase_add_test(t, load_real);
    tcase_add_test(t, jump_checks);
    tcase_add_test(t, no_task_switch);
    tcase_add_test(t, call_and_return);
    tcase_add_loop_test(t, return_checks, 0, 8);
    tcase_add_test(t, return_outer);
    tcase_add_test(t, call_gate_32);
    tcase_add_test(t, call_gate_64);
    tcase_add_test(t, iret_long);
    tcase_add_test(t, iret_protected);
}

int main(void)
{
    return run_bare_tests("soft-seg", add);
}
