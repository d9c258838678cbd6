/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87, MMX and SSE state: availability by CR0 and CR4, pending and unmasked exceptions, formats,
 * saved state, and what the host's own units look like afterwards. (What the instructions compute
 * is the business of tests/fuzz/insn.)
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "accel/soft/fp/fpu.h"
#include "accel/soft/mem/mem.h"
#include "harness.h"

#define HANDLERS 0x30000u
#define NONE     (-1)

static struct sc_harness *h;
static struct sc_cpu *c;

static void start(enum sc_harness_mode mode)
{
    h = sc_harness_new(mode, 4);
    c = h->cpu;
    for (unsigned v = 0; v < 32; v++) { /* mov $v, %al; out %al, $0xf4; hlt */
        const uint8_t code[5] = {0xb0, (uint8_t)v, 0xe6, 0xf4, 0xf4};
        sc_harness_load(h, HANDLERS + 16 * v, code, sizeof code);
    }
}
static void setup(void)
{
    start(SC_HARNESS_64);
}
static void teardown(void)
{
    sc_harness_free(h);
}

/* Runs code (a HLT follows) with CR0 and CR4 bits changed; the exception it raises, or NONE. */
static int run(const void *code, size_t size, uint32_t cr0, uint32_t cr4_off)
{
    uint8_t hlt = 0xf4;
    uint32_t at = h->mode >= SC_HARNESS_16P ? SC_HARNESS_CODE16 : SC_HARNESS_CODE;

    sc_harness_load(h, at, code, size);
    sc_harness_load(h, at + size, &hlt, 1);
    sc_harness_reset(h, c);
    if (h->mode != SC_HARNESS_16)
        sc_harness_idt(h, HANDLERS);
    c->cr0 = (c->cr0 & ~(uint64_t)(SC_CR0_MP | SC_CR0_EM | SC_CR0_TS)) | cr0;
    c->cr4 &= ~(uint64_t)cr4_off;
    sc_x87_init(c); /* at reset the stack is full and everything unmasked */
    sc_traces_flush(c);
    sc_update_mode(c);
    h->exited = false;
    switch (sc_harness_run(h)) {
    case SC_HARNESS_HALT: return NONE;
    case SC_HARNESS_EXIT: return (int)(uint8_t)h->exit_code;
    default: return -2;
    }
}
#define RUN(code, cr0, cr4_off) run(code, sizeof(code) - 1, cr0, cr4_off)

#define ADDPS   "\x0f\x58\xc1"
#define FLD1    "\xd9\xe8"
#define FLDZ    "\xd9\xee"
#define PADDB   "\x0f\xfc\xc1" /* mm0, mm1 */
#define MOVQ2DQ "\xf3\x0f\xd6\xc1"
#define EMMS    "\x0f\x77"
#define FWAIT   "\x9b"
#define FXSAVE  "\x0f\xae\x04\x25\x00\x00\x02\x00" /* [0x20000] */
#define LDMXCSR "\x0f\xae\x14\x25\x00\x00\x02\x00"
#define FNSTCW  "\xd9\x3c\x25\x00\x00\x02\x00"
#define FLDCW   "\xd9\x2c\x25\x00\x00\x02\x00"

/* SDM Vol. 3, tables 2-2 and 2-3. */
START_TEST(test_available)
{
    ck_assert_int_eq(RUN(ADDPS FLD1 PADDB MOVQ2DQ EMMS FWAIT FXSAVE, SC_CR0_MP, 0), NONE);

    ck_assert_int_eq(RUN(FLD1, SC_CR0_TS, 0), SC_NM);
    ck_assert_int_eq(RUN(FNSTCW, SC_CR0_TS, 0), SC_NM);
    ck_assert_int_eq(RUN(ADDPS, SC_CR0_TS, 0), SC_NM);
    ck_assert_int_eq(RUN(PADDB, SC_CR0_TS, 0), SC_NM);
    ck_assert_int_eq(RUN(EMMS, SC_CR0_TS, 0), SC_NM);
    ck_assert_int_eq(RUN(FXSAVE, SC_CR0_TS, 0), SC_NM);

    ck_assert_int_eq(RUN(FLD1, SC_CR0_EM, 0), SC_NM);
    ck_assert_int_eq(RUN(ADDPS, SC_CR0_EM, 0), SC_UD);
    ck_assert_int_eq(RUN(PADDB, SC_CR0_EM, 0), SC_UD);
    ck_assert_int_eq(RUN(FXSAVE, SC_CR0_EM, 0), SC_NM);
    ck_assert_int_eq(RUN(ADDPS, SC_CR0_EM | SC_CR0_TS, 0), SC_UD);

    ck_assert_int_eq(RUN(FWAIT, SC_CR0_TS, 0), NONE);
    ck_assert_int_eq(RUN(FWAIT, SC_CR0_MP, 0), NONE);
    ck_assert_int_eq(RUN(FWAIT, SC_CR0_EM, 0), NONE);
    ck_assert_int_eq(RUN(FWAIT, SC_CR0_TS | SC_CR0_MP, 0), SC_NM);

    ck_assert_int_eq(RUN(ADDPS, 0, SC_CR4_OSFXSR), SC_UD);
    ck_assert_int_eq(RUN(ADDPS, SC_CR0_TS, SC_CR4_OSFXSR), SC_UD);
    ck_assert_int_eq(RUN(LDMXCSR, 0, SC_CR4_OSFXSR), SC_UD);
    ck_assert_int_eq(RUN(MOVQ2DQ, 0, SC_CR4_OSFXSR), SC_UD);
    ck_assert_int_eq(RUN(PADDB, 0, SC_CR4_OSFXSR), NONE);
    ck_assert_int_eq(RUN(FXSAVE, 0, SC_CR4_OSFXSR), NONE);
}
END_TEST

/* The same trace under another CR0: what it raises is decided when it runs. */
START_TEST(test_available_again)
{
    ck_assert_int_eq(RUN(PADDB, SC_CR0_TS, 0), SC_NM);
    sc_harness_reset(h, c);
    sc_harness_idt(h, HANDLERS);
    c->cr0 |= SC_CR0_EM;
    sc_update_mode(c);
    h->exited = false;
    ck_assert_int_eq(sc_harness_run(h), SC_HARNESS_EXIT);
    ck_assert_uint_eq((uint8_t)h->exit_code, SC_UD);
}
END_TEST

/* An unmasked exception shows at the next waiting instruction; FNSTSW and the like do not wait. */
START_TEST(test_pending)
{
    const uint16_t unmask_ze = 0x037b;

    sc_harness_load(h, SC_HARNESS_DATA, &unmask_ze, 2);
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9", 0, 0), NONE); /* fdivrp: pending */
    ck_assert_uint_eq(c->fpu.fsw & (SC_FSW_ES | SC_FSW_B | 4), SC_FSW_ES | SC_FSW_B | 4);
    ck_assert_uint_eq(c->fpu.fop, 0x6f9);
    ck_assert_uint_eq(c->fpu.fip, SC_HARNESS_CODE + 7 + 4);
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9\xdf\xe0\xdb\xe2" FLD1, 0, 0), NONE); /* fnclex */
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9" FLD1, 0, 0), SC_MF);
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9" FWAIT, 0, 0), SC_MF);
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9" PADDB, 0, 0), SC_MF);
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9" EMMS, 0, 0), SC_MF);
    ck_assert_int_eq(RUN(FLDCW FLD1 FLDZ "\xde\xf9" ADDPS, 0, 0), NONE);
}
END_TEST

#define DIVSS "\xf3\x0f\x5e\xc0" /* 0 / 0 */
START_TEST(test_simd_exception)
{
    uint32_t mxcsr = 0x1f80 & ~0x80u; /* invalid unmasked */

    sc_harness_load(h, SC_HARNESS_DATA, &mxcsr, 4);
    ck_assert_int_eq(RUN(DIVSS, 0, 0), NONE);
    ck_assert_uint_eq(c->fpu.mxcsr, 0x1f81);
    ck_assert_int_eq(RUN(LDMXCSR DIVSS, 0, 0), SC_XM);
    ck_assert_uint_eq(c->fpu.mxcsr, 0x1f01);
    ck_assert_uint_eq(*(uint32_t *)c->fpu.xmm[0], 0); /* not written */
    ck_assert_int_eq(RUN(LDMXCSR DIVSS, 0, SC_CR4_OSXMMEXCPT), SC_UD);
    mxcsr = 0x10000;
    sc_harness_load(h, SC_HARNESS_DATA, &mxcsr, 4);
    ck_assert_int_eq(RUN(LDMXCSR, 0, 0), SC_GP);
}
END_TEST

/* State that lives in the host's unit comes out, goes in, and survives a device access. */
START_TEST(test_saved)
{
    static struct vemu_fpu image;
    uint16_t exponent;
    uint64_t mantissa;

    ck_assert_int_eq(RUN("\xd9\xeb" FLD1 "\xb0\x21\xe6\xe9", 0, 0), NONE); /* fldpi, fld1, out */
    sc_fpu_get(c, &image);
    ck_assert_uint_eq(image.xsave_size, 512);
    ck_assert_uint_eq(image.area[4], 0xc0);
    memcpy(&exponent, image.area + 40, 2);
    ck_assert_uint_eq(exponent, 0x3fff);
    memcpy(&mantissa, image.area + 48, 8);
    ck_assert(mantissa == 0xc90fdaa22168c235);

    memset(image.area + 160, 0x5a, 16);
    sc_harness_reset(h, c);
    ck_assert_int_eq(sc_fpu_set(c, &image), 0);
    ck_assert_uint_eq(c->fpu.xmm[0][3], 0x5a);
    ck_assert_uint_eq((c->fpu.fsw & SC_FSW_TOP) >> 11, 6);
    ck_assert_uint_eq(c->fpu.ftag, 0xc0);

    image.xsave_size = 832; /* an XSAVE image: x87 in its initial state */
    memset(image.area + 512, 0, 64);
    image.area[512] = 2;
    ck_assert_int_eq(sc_fpu_set(c, &image), 0);
    ck_assert_uint_eq(c->fpu.ftag, 0);
    ck_assert_uint_eq(c->fpu.xmm[0][3], 0x5a);
    image.area[512] = 7; /* and AVX, which this CPU does not have */
    ck_assert_int_eq(sc_fpu_set(c, &image), -EINVAL);
    image.area[512] = 3;
    image.area[27] = 1; /* a reserved MXCSR bit */
    ck_assert_int_eq(sc_fpu_set(c, &image), -EINVAL);
    image.xsave_size = 100;
    ck_assert_int_eq(sc_fpu_set(c, &image), -EINVAL);
}
END_TEST

START_TEST(test_reset)
{
    sc_harness_reset(h, c);
    ck_assert_uint_eq(c->fpu.fcw, 0x40); /* SDM Vol. 3, table 10-1 */
    ck_assert_uint_eq(sc_x87_tag_word(&c->fpu), 0x5555);
    ck_assert_uint_eq(c->fpu.mxcsr, 0x1f80);
    ck_assert_int_eq(RUN(FLD1, 0, 0), NONE);
    sc_fpu_reset(c, true); /* INIT changes nothing */
    ck_assert_uint_eq(c->fpu.ftag, 0x80);
}
END_TEST

/* The embedder's rounding modes are its own. */
START_TEST(test_host_untouched)
{
    const uint32_t guest = 0x1f80 | 0x6000, mine = 0x1f80 | 0x2000;
    uint16_t fcw, fsw;

    sc_harness_load(h, SC_HARNESS_DATA, &guest, 4);
    sc_host_set_mxcsr(mine);
    ck_assert_int_eq(RUN(LDMXCSR "\xdb\xe3" FLD1 FLD1, 0, 0), NONE);
    ck_assert_uint_eq(sc_host_mxcsr(), mine);
    sc_host_set_mxcsr(0x1f80);
    ck_assert_uint_eq(c->fpu.mxcsr, guest);
    __asm__ volatile("fnstcw %0" : "=m"(fcw));
    __asm__ volatile("fnstsw %0" : "=m"(fsw));
    ck_assert_uint_eq(fcw, 0x37f);
    ck_assert_uint_eq(fsw & (SC_FSW_TOP | SC_FSW_ES), 0);
}
END_TEST

/* SDM Vol. 1, figures 8-11 and 8-12: linear addresses, and the opcode. */
START_TEST(test_real_environment)
{
    uint16_t env[7];
    uint32_t wide[7];
    /* fninit; fldcw with ZE unmasked; fld1; fdiv word [0x1000]... (DE /6, zero); fnstenv [0x2000]
     */
    static const char code[] = "\xdb\xe3\xd9\x2e\x00\x11" FLD1 "\xde\x36\x00\x10\xd9\x36\x00\x20";
    static const char code32[] =
        "\xdb\xe3\xd9\x2e\x00\x11" FLD1 "\xde\x36\x00\x10\x66\xd9\x36\x00\x20";
    const uint16_t fcw = 0x037b, zero = 0;

    teardown();
    start(SC_HARNESS_16);
    sc_harness_load(h, 0x1100, &fcw, 2);
    sc_harness_load(h, 0x1000, &zero, 2);
    ck_assert_int_eq(RUN(code, 0, 0), NONE);
    memcpy(env, h->ram + 0x2000, sizeof env);
    ck_assert_uint_eq(env[0], fcw);
    ck_assert_uint_eq(env[1] & (SC_FSW_ES | 4), SC_FSW_ES | 4);
    ck_assert_uint_eq(env[2], 0x3fff); /* R7 valid */
    ck_assert_uint_eq(env[3], SC_HARNESS_CODE16 + 8);
    ck_assert_uint_eq(env[4], 0x0636);
    ck_assert_uint_eq(env[5], 0x1000);
    ck_assert_uint_eq(env[6], 0);
    ck_assert_uint_eq(c->fpu.fcw, fcw | 0x3f); /* masked now */

    ck_assert_int_eq(RUN(code32, 0, 0), NONE);
    memcpy(wide, h->ram + 0x2000, sizeof wide);
    ck_assert_uint_eq(wide[0], 0xffff0000u | fcw);
    ck_assert_uint_eq(wide[3], 0xffff0000u | (SC_HARNESS_CODE16 + 8));
    ck_assert_uint_eq(wide[4], 0x0636);
    ck_assert_uint_eq(wide[5], 0xffff1000u);
    ck_assert_uint_eq(wide[6], 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-fpu");
    TCase *t = tcase_create("fpu");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, test_available);
    tcase_add_test(t, test_available_again);
    tcase_add_test(t, test_pending);
    tcase_add_test(t, test_simd_exception);
    tcase_add_test(t, test_saved);
    tcase_add_test(t, test_reset);
    tcase_add_test(t, test_host_untouched);
    tcase_add_test(t, test_real_environment);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
