/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's segments: loads, far transfers, gates, returns, system calls. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"
#include "accel/soft/seg/query.h"
#include "bare-cpu.h"

static struct bare *b;
static struct sc_cpu *c;

static void setup(void)
{
    b = bare_new();
    c = b->c;
}

static void teardown(void)
{
    bare_free(b);
}

static void long_mode(unsigned cpl)
{
    bare_paging(b, BARE_LONG, 0);
    for (uint64_t va = 0; va < BARE_RAM; va += 0x200000)
        bare_map(b, va, va, 21, P_P | P_W | P_U);
    bare_tables(b, cpl);
}

static void protected_mode(unsigned cpl)
{
    bare_paging(b, BARE_NOPAGING, 0);
    bare_tables(b, cpl);
}

#define ck_fault(expr, vector, error)                                                              \
    do {                                                                                           \
        ck_assert_int_eq(CATCH(b, expr), vector);                                                  \
        ck_assert_uint_eq(c->exc_error, error);                                                    \
    } while (0)
#define ck_ok(expr) ck_assert_int_eq(CATCH(b, expr), -1)

static const uint8_t out_f4[] = { 0xe6, 0xf4 };

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

/* --- system calls ----------------------------------------------------------------------------- */

START_TEST(syscall_sysret)
{
    long_mode(3);
    c->star = (uint64_t)SEL_UC32 << 48 | (uint64_t)SEL_C64 << 32;
    c->lstar = 0xffffffff81000000;
    c->cstar = 0x9000;
    c->sfmask = SC_IF | SC_DF | SC_ZF | SC_TF;
    sc_flags_set_arith(c, SC_ZF | SC_CF);
    c->eflags = SC_IF | SC_ID;
    ck_ok(sc_syscall(c, 0x5002));
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->rip, 0xffffffff81000000);
    ck_assert_uint_eq(c->gpr[VEMU_RCX], 0x5002);
    ck_assert_uint_eq(c->gpr[VEMU_R11], 2 | SC_IF | SC_ID | SC_ZF | SC_CF);
    ck_assert_uint_eq(sc_rflags(c), 2 | SC_ID | SC_CF);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_C64);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_D0);
    ck_ok(sc_sysret(c, 8));
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->rip, 0x5002);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_UC64);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_UD);
    ck_assert_uint_eq(sc_rflags(c), 2 | SC_IF | SC_ID | SC_ZF | SC_CF);
    ck_fault(sc_sysret(c, 8), SC_GP, 0); /* ring 3 */
    bare_cpl(b, 0);
    c->gpr[VEMU_RCX] = 0x800000000000;
    ck_fault(sc_sysret(c, 8), SC_GP, 0);
    ck_assert_uint_eq(c->cpl, 0);
    /* To compatibility mode and back through CSTAR. */
    c->gpr[VEMU_RCX] = 0x1234567890;
    ck_ok(sc_sysret(c, 4));
    ck_assert_uint_eq(c->rip, 0x34567890);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, SEL_UC32);
    ck_assert(!(c->mode & SC_M_64));
    ck_ok(sc_syscall(c, 0x5002));
    ck_assert_uint_eq(c->rip, 0x9000);
    ck_assert(c->mode & SC_M_64);
    c->efer &= ~(uint64_t)SC_EFER_SCE;
    ck_fault(sc_syscall(c, 0), SC_UD, 0);
    ck_fault(sc_sysret(c, 8), SC_UD, 0);
}
END_TEST

START_TEST(sysenter_sysexit)
{
    protected_mode(3);
    ck_fault(sc_sysenter(c), SC_GP, 0);
    c->sysenter_cs = 0x100;
    c->sysenter_esp = 0x123456789;
    c->sysenter_eip = 0x7000;
    c->eflags = SC_IF;
    ck_ok(sc_sysenter(c));
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, 0x100);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, 0x108);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x23456789);
    ck_assert_uint_eq(c->eflags & SC_IF, 0);
    c->gpr[VEMU_RCX] = 0x4444;
    c->gpr[VEMU_RDX] = 0x5555;
    ck_ok(sc_sysexit(c, 4));
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, 0x113);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, 0x11b);
    ck_assert_uint_eq(c->rip, 0x5555);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x4444);
    ck_fault(sc_sysexit(c, 4), SC_GP, 0);
    long_mode(3);
    ck_ok(sc_sysenter(c));
    ck_assert(c->mode & SC_M_64);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], 0x123456789);
    c->gpr[VEMU_RDX] = 0x800000000000;
    ck_fault(sc_sysexit(c, 8), SC_GP, 0);
    c->gpr[VEMU_RDX] = 0x5555;
    ck_ok(sc_sysexit(c, 8));
    ck_assert_uint_eq(c->seg[VEMU_CS].selector, 0x123);
    ck_assert(c->mode & SC_M_64);
}
END_TEST

/* --- descriptor questions, task register ------------------------------------------------------ */

START_TEST(tables)
{
    long_mode(0);
    bare_desc(b, BARE_GDT, SEL_TSS, bare_segment(BARE_TSS, 0xfff, 0x89));
    bare_desc(b, BARE_GDT, SEL_TSS + 8, 0xffff8000);
    ck_ok(sc_ltr(c, SEL_TSS));
    ck_assert_uint_eq(c->tr.base, 0xffff800000000000ull | BARE_TSS);
    ck_assert_uint_eq(c->tr.type, 11);
    ck_assert_uint_eq(bare_get(b, BARE_GDT + SEL_TSS + 5, 1), 0x8b);
    ck_fault(sc_ltr(c, SEL_TSS), SC_GP, SEL_TSS); /* busy */
    ck_fault(sc_ltr(c, 0), SC_GP, 0);
    ck_fault(sc_ltr(c, SEL_D0), SC_GP, SEL_D0);
    ck_fault(sc_ltr(c, SEL_TSS | 4), SC_GP, SEL_TSS | 4);
    ck_fault(sc_ltr(c, SEL_D16), SC_GP, SEL_D16);
    bare_desc(b, BARE_GDT, SEL_TSS, bare_segment(BARE_TSS, 0xfff, 0x09));
    ck_fault(sc_ltr(c, SEL_TSS), SC_NP, SEL_TSS);
    bare_desc(b, BARE_GDT, SEL_TSS, bare_segment(0x6000, 0xf, 0x82));
    bare_desc(b, BARE_GDT, SEL_TSS + 8, 0);
    ck_ok(sc_lldt(c, SEL_TSS));
    ck_assert_uint_eq(c->ldt.base, 0x6000);
    ck_ok(sc_lldt(c, 0));
    ck_assert(c->ldt.unusable);
}
END_TEST

START_TEST(questions)
{
    uint32_t v;
    protected_mode(3);
    ck_assert(sc_lsl(c, SEL_UD, &v));
    ck_assert_uint_eq(v, ~0u);
    ck_assert(!sc_lsl(c, SEL_D0, &v));
    ck_assert(!sc_lsl(c, 0, &v));
    ck_assert(!sc_lsl(c, 0x1003, &v));
    ck_assert(sc_lar(c, SEL_UD, &v));
    ck_assert_uint_eq(v, 0x00c0f300);
    ck_assert(sc_lar(c, SEL_CONF, &v)); /* conforming: visible to all */
    ck_assert(sc_verify(c, SEL_UD, true));
    ck_assert(!sc_verify(c, SEL_UC32, true));
    ck_assert(sc_verify(c, SEL_UC32, false));
    ck_assert(!sc_verify(c, SEL_D0, false));
    bare_cpl(b, 0);
    ck_assert(sc_lsl(c, SEL_TSS, &v));
    ck_assert_uint_eq(v, 0xfff);
    ck_assert(!sc_lsl(c, SEL_GATE & ~3, &v));
    ck_assert(sc_lar(c, SEL_GATE & ~3, &v));
    ck_assert(!sc_verify(c, SEL_TSS, false));
    ck_assert(!sc_verify(c, SEL_RO, true));
}
END_TEST

START_TEST(io_bitmap)
{
    static const struct sc_insn rec;
    long_mode(3);
    c->gpr[SC_R_PAGE] = 0x5000;
    bare_set(b, BARE_TSS + 0x68 + 0x3f8 / 8, 2, 0x00f0);
    ck_ok(sc_check_io(c, &rec, 0x3f8, 4));
    ck_fault(sc_check_io(c, &rec, 0x3f9, 4), SC_GP, 0);
    ck_fault(sc_check_io(c, &rec, 0x3fc, 1), SC_GP, 0);
    c->eflags |= SC_IOPL;
    ck_ok(sc_check_io(c, &rec, 0x3fc, 1));
    c->eflags &= ~SC_IOPL;
    c->tr.limit = 0x68 + 0x3f8 / 8;
    ck_fault(sc_check_io(c, &rec, 0x3f8, 1), SC_GP, 0); /* two bytes are read */
    c->tr.limit++;
    ck_ok(sc_check_io(c, &rec, 0x3f8, 1));
    bare_cpl(b, 0);
    ck_ok(sc_check_io(c, &rec, 0x3fc, 1));
}
END_TEST

/* --- instructions --------------------------------------------------------------------------- */

/* Runs code that ends with `out %al,$0xf4` by itself. */
static void run(const void *code, unsigned size)
{
    uint8_t all[64];
    memcpy(all, code, size);
    memcpy(all + size, out_f4, 2);
    c->rip = 0x5000;
    ck_assert_int_eq(bare_run(b, all, size + 2), VEMU_EXIT_INTR);
    ck_assert(b->exited);
}

START_TEST(insn_moves)
{
    long_mode(0);
    c->gpr[VEMU_RAX] = SEL_UD;
    c->gpr[VEMU_RBX] = ~0ull;
    c->gpr[VEMU_RCX] = ~0ull;
    c->gpr[VEMU_RDX] = ~0ull;
    /* mov %eax,%ds; mov %ds,%ebx; mov %ds,%cx; mov %ds,%rdx; mov %ds,0x6000; push %fs; pop %gs */
    static const uint8_t code[] = { 0x8e, 0xd8, 0x8c, 0xdb, 0x66, 0x8c, 0xd9, 0x48, 0x8c, 0xda,
                                    0x8c, 0x1c, 0x25, 0, 0x60, 0, 0, 0x0f, 0xa0, 0x0f, 0xa9 };
    bare_set(b, 0x6000, 8, ~0ull);
    run(code, sizeof(code));
    ck_assert_uint_eq(c->seg[VEMU_DS].selector, SEL_UD);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], SEL_UD);
    ck_assert_uint_eq(c->gpr[VEMU_RCX], 0xffffffffffff0000ull | SEL_UD);
    ck_assert_uint_eq(c->gpr[VEMU_RDX], SEL_UD);
    ck_assert_uint_eq(bare_get(b, 0x6000, 8), 0xffffffffffff0000ull | SEL_UD);
    ck_assert_uint_eq(c->seg[VEMU_GS].selector, c->seg[VEMU_FS].selector);
    ck_assert_uint_eq(c->gpr[VEMU_RSP], BARE_STACK0);
    ck_assert_uint_eq(bare_get(b, BARE_STACK0 - 8, 8), SEL_D0);
}
END_TEST

START_TEST(insn_lss_lds)
{
    protected_mode(0);
    bare_set(b, 0x6000, 8, 0x11223344 | (uint64_t)SEL_D16 << 32);
    /* lss 0x6000,%esp; mov %esp,%eax; lds 0x6010,%bx */
    static const uint8_t code[] = { 0x0f, 0xb2, 0x25, 0, 0x60, 0, 0, 0x89, 0xe0,
                                    0x66, 0xc5, 0x1d, 0x10, 0x60, 0, 0 };
    bare_set(b, 0x6010, 4, 0x8899 | SEL_UD << 16);
    c->gpr[VEMU_RBX] = 0;
    run(code, sizeof(code));
    ck_assert_uint_eq(c->gpr[VEMU_RAX], 0x11223344);
    ck_assert_uint_eq(c->seg[VEMU_SS].selector, SEL_D16);
    ck_assert_uint_eq(c->seg[VEMU_DS].selector, SEL_UD);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 0x8899);
}
END_TEST

START_TEST(insn_tables)
{
    long_mode(0);
    /* sgdt 0x6000; sidt 0x6010; lgdt 0x6020; str %eax; sldt %bx; str 0x6030 */
    static const uint8_t code[] = { 0x0f, 0x01, 0x04, 0x25, 0, 0x60, 0, 0, 0x0f, 0x01, 0x0c, 0x25,
                                    0x10, 0x60, 0, 0, 0x0f, 0x01, 0x14, 0x25, 0x20, 0x60, 0, 0,
                                    0x0f, 0x00, 0xc8, 0x66, 0x0f, 0x00, 0xc3, 0x0f, 0x00, 0x0c,
                                    0x25, 0x30, 0x60, 0, 0 };
    c->ldt.selector = 0x1238;
    c->gpr[VEMU_RAX] = ~0ull;
    c->gpr[VEMU_RBX] = 0;
    bare_set(b, 0x6020, 2, 0x77);
    bare_set(b, 0x6022, 8, 0xffff800000123000);
    run(code, sizeof(code));
    ck_assert_uint_eq(bare_get(b, 0x6000, 2), 0x7f);
    ck_assert_uint_eq(bare_get(b, 0x6002, 8), BARE_GDT);
    ck_assert_uint_eq(bare_get(b, 0x6010, 2), 0xfff);
    ck_assert_uint_eq(bare_get(b, 0x6012, 8), BARE_IDT);
    ck_assert_uint_eq(c->gdt.limit, 0x77);
    ck_assert_uint_eq(c->gdt.base, 0xffff800000123000);
    ck_assert_uint_eq(c->gpr[VEMU_RAX], SEL_TSS);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 0x1238);
    ck_assert_uint_eq(bare_get(b, 0x6030, 4), SEL_TSS);
}
END_TEST

START_TEST(insn_bases)
{
    long_mode(0);
    c->seg[VEMU_GS].base = 0x1111;
    c->kernel_gs_base = 0x2222;
    c->cr4 |= SC_CR4_FSGSBASE;
    c->gpr[VEMU_RCX] = 0xffff888800000000;
    c->gpr[VEMU_RBX] = ~0ull;
    /* swapgs; rdgsbase %rax; wrfsbase %rcx; rdfsbase %ebx */
    static const uint8_t code[] = { 0x0f, 0x01, 0xf8, 0xf3, 0x48, 0x0f, 0xae, 0xc8,
                                    0xf3, 0x48, 0x0f, 0xae, 0xd1, 0xf3, 0x0f, 0xae, 0xc3 };
    run(code, sizeof(code));
    ck_assert_uint_eq(c->gpr[VEMU_RAX], 0x2222);
    ck_assert_uint_eq(c->kernel_gs_base, 0x1111);
    ck_assert_uint_eq(c->seg[VEMU_FS].base, 0xffff888800000000);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 0);
    /* Without CR4.FSGSBASE: #UD. */
    c->cr4 &= ~(uint64_t)SC_CR4_FSGSBASE;
    memcpy(b->ram + BARE_HANDLER(SC_UD), out_f4, 2);
    static const uint8_t rd[] = { 0xf3, 0x48, 0x0f, 0xae, 0xc0 };
    c->rip = 0x5000;
    bare_run(b, rd, sizeof(rd));
    ck_assert_uint_eq(bare_get(b, c->gpr[VEMU_RSP], 8), 0x5000);
}
END_TEST

START_TEST(insn_legacy)
{
    protected_mode(0);
    /* arpl %cx,%ax; setz %dl; bound %ebx,0x6000; push %es; pop %ds; verr %ax; setz %dh */
    static const uint8_t code[] = { 0x63, 0xc8, 0x0f, 0x94, 0xc2, 0x62, 0x1d, 0, 0x60, 0, 0,
                                    0x06, 0x1f, 0x0f, 0x00, 0xe0, 0x0f, 0x94, 0xc6 };
    c->gpr[VEMU_RAX] = SEL_UD & ~3;
    c->gpr[VEMU_RCX] = 3;
    c->gpr[VEMU_RBX] = (uint32_t)-5;
    bare_set(b, 0x6000, 4, (uint32_t)-5);
    bare_set(b, 0x6004, 4, 10);
    run(code, sizeof(code));
    ck_assert_uint_eq(c->gpr[VEMU_RAX], SEL_UD);
    ck_assert_uint_eq(c->gpr[VEMU_RDX] & 0xffff, 0x0101);
    /* out of bounds: #BR at the instruction */
    memcpy(b->ram + BARE_HANDLER(SC_BR), out_f4, 2);
    c->gpr[VEMU_RBX] = 11;
    c->rip = 0x5000;
    bare_run(b, code + 5, 6);
    ck_assert_uint_eq(bare_get(b, c->gpr[VEMU_RSP], 4), 0x5000);
    ck_assert_uint_eq(c->rip, BARE_HANDLER(SC_BR) + 2);
}
END_TEST

/* ring 3 does a system call; ring 0 comes back with SYSRET; ring 3 sees its flags. */
START_TEST(insn_syscall)
{
    long_mode(3);
    c->star = (uint64_t)SEL_UC32 << 48 | (uint64_t)SEL_C64 << 32;
    c->lstar = 0x7000;
    c->sfmask = SC_IF | SC_CF;
    static const uint8_t kernel[] = {
        0x83, 0xd3, 0x05, 0x48, 0x0f, 0x07
    }; /* adc $5,%ebx; sysretq */
    memcpy(b->ram + 0x7000, kernel, sizeof(kernel));
    memcpy(b->ram + BARE_HANDLER(SC_GP), out_f4, 2);
    /* stc; syscall; adc $1,%ebx; hlt */
    static const uint8_t code[] = { 0xf9, 0x0f, 0x05, 0x83, 0xd3, 0x01, 0xf4 };
    c->gpr[VEMU_RBX] = 0;
    bare_run(b, code, sizeof(code));
    ck_assert(b->exited);
    ck_assert_uint_eq(c->gpr[VEMU_RBX], 7);
    ck_assert_uint_eq(bare_get(b, c->gpr[VEMU_RSP] + 8, 8), 0x5006);
}
END_TEST

/* An interrupt waits for the instruction after MOV SS; here a single-step trap does. */
START_TEST(insn_shadow)
{
    long_mode(0);
    memcpy(b->ram + BARE_HANDLER(SC_DB), out_f4, 2);
    c->eflags = SC_TF;
    sc_update_mode(c);
    c->gpr[VEMU_RAX] = SEL_D0;
    static const uint8_t code[] = { 0x8e, 0xd0, 0x90, 0x90 }; /* mov %eax,%ss; nop; nop */
    bare_run(b, code, sizeof(code));
    ck_assert_uint_eq(bare_get(b, c->gpr[VEMU_RSP], 8), 0x5003);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-seg");
    TCase *t = tcase_create("seg");
    tcase_add_checked_fixture(t, setup, teardown);
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
    tcase_add_test(t, syscall_sysret);
    tcase_add_test(t, sysenter_sysexit);
    tcase_add_test(t, tables);
    tcase_add_test(t, questions);
    tcase_add_test(t, io_bitmap);
    tcase_add_test(t, insn_moves);
    tcase_add_test(t, insn_lss_lds);
    tcase_add_test(t, insn_tables);
    tcase_add_test(t, insn_bases);
    tcase_add_test(t, insn_legacy);
    tcase_add_test(t, insn_syscall);
    tcase_add_test(t, insn_shadow);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
