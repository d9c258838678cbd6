/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software CPU's segments: system calls, questions about descriptors, and instructions. */
#include "accel/soft/int/flags.h"
#include "accel/soft/seg/query.h"
#include "accel/soft/seg/seg.h"
#include "bare-test.h"

static const uint8_t out_f4[] = { 0xe6, 0xf4 };

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

static void add(TCase *t)
{
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
}

int main(void)
{
    return run_bare_tests("soft-seg-insn", add);
}
