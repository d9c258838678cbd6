/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* String instructions of the software CPU: repeats, faults within them, short addresses. */
#include "accel/soft/int/flags.h"
#include "code-test.h"

START_TEST(rep_fault_is_precise)
{
    CODE("\xf3\x48\xa5"); /* rep movsq into a missing page */
    protect(0);
    R(SI) = DATA;
    R(DI) = BOUNDARY - 36; /* four and a half elements */
    R(CX) = 10;
    for (unsigned n = 0; n < 10; n++)
        put(DATA + n * 8, 8, n + 1);
    put(BOUNDARY - 4, 4, 0x99);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(R(CX), 6);
    ck_assert_uint_eq(R(SI), DATA + 32);
    ck_assert_uint_eq(R(DI), BOUNDARY - 4);
    ck_assert_uint_eq(get(BOUNDARY - 12, 8), 4);
    ck_assert_uint_eq(get(BOUNDARY - 4, 4), 0x99);
    ck_assert_uint_eq(c->cr2, BOUNDARY);

    CODE("\xf3\xa6"); /* repe cmpsb: a fault restores the flags */
    R(SI) = DATA + 0x100;
    R(DI) = BOUNDARY - 16;
    R(CX) = 100;
    memset(h->ram + DATA + 0x100, 0, 64);
    memset(h->ram + BOUNDARY - 16, 0, 16);
    sc_flags_set_arith(c, SC_CF | SC_SF);
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(R(CX), 84);
    ck_assert_uint_eq(get(R(SP) + 24, 8) & SC_ARITH, SC_CF | SC_SF);
}
END_TEST

/* REP MOVS against a model that moves element by element. */
START_TEST(rep_movs_overlap)
{
    enum { AREA = 0x4000 };
    static const char *const code[4] = { "\xf3\xa4\x90" EXIT, "\x66\xf3\xa5" EXIT,
                                         "\xf3\xa5\x90" EXIT, "\xf3\x48\xa5" EXIT };
    uint8_t *model = malloc(AREA);

    for (unsigned round = 0; round < 400; round++) {
        const unsigned s = draw(4), size = 1u << s, n = draw(round & 1 ? 40 : 1200) + 1;
        const bool down = draw(2);
        const int dist = (int)draw(64) - 32;
        const unsigned len = n * size;
        unsigned si = draw(AREA - len - 128) + 64, di;
        if (round & 2)
            si = si / 8 * 8;
        di = (unsigned)((int)si + dist * (draw(2) ? 1 : (int)size));
        if (di + len > AREA || (int)di < 0)
            di = si + 1;
        if (down) {
            si += len - size;
            di += len - size;
        }
        load(code[s], 5);
        c->eflags = 2 | (down ? SC_DF : 0);
        R(SI) = DATA + si;
        R(DI) = DATA + di;
        R(CX) = n;
        for (unsigned k = 0; k < AREA; k++)
            model[k] = h->ram[DATA + k] = (uint8_t)draw(256);
        for (unsigned k = 0; k < n; k++) {
            const int at = down ? -(int)(k * size) : (int)(k * size);
            uint64_t v;
            memcpy(&v, model + (int)si + at, size);
            memcpy(model + (int)di + at, &v, size);
        }
        run();
        ck_assert_msg(!memcmp(model, h->ram + DATA, AREA), "size %u n %u down %d si %u di %u", size,
                      n, down, si, di);
        ck_assert_uint_eq(R(CX), 0);
        ck_assert_uint_eq(R(DI), down ? DATA + di - len : DATA + di + len);
    }
    free(model);
}
END_TEST

START_TEST(rep_compare)
{
    CODE("\xf2\xae"); /* repne scasb over a page boundary */
    memset(h->ram + DATA, 1, 0x3000);
    h->ram[DATA + 0x1003] = 0;
    R(DI) = DATA + 0xff0;
    R(CX) = 0x1000;
    run();
    ck_assert_uint_eq(R(DI), DATA + 0x1004);
    ck_assert_uint_eq(R(CX), 0x1000 - 0x14);
    ck_assert(sc_harness_rflags(h) & SC_ZF);

    CODE("\xf3\xa7"); /* repe cmpsl: unequal in the second half of eight equal bytes */
    memset(h->ram + DATA, 7, 0x2000);
    put(DATA + 0x1000 + 0x24, 4, 0x08070707);
    R(SI) = DATA;
    R(DI) = DATA + 0x1000;
    R(CX) = 100;
    run();
    ck_assert_uint_eq(R(CX), 100 - 10);
    ck_assert_uint_eq(R(SI), DATA + 40);
    ck_assert((sc_harness_rflags(h) & (SC_ZF | SC_CF)) == SC_CF);

    CODE("\xf3\xa6"); /* a count of 0 leaves the flags alone */
    sc_flags_set_arith(c, SC_CF | SC_ZF);
    run();
    ck_assert_uint_eq(sc_harness_rflags(h) & SC_ARITH, SC_CF | SC_ZF);
}
END_TEST

static void exit_on_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    *value = 0x5a;
    if (gpa & 1)
        sc_async_set(c, SC_A_EXIT);
}

START_TEST(rep_is_interruptible)
{
    h->vm.config.callbacks.mmio_read = exit_on_read;
    CODE("\x90\xf3\xa4"); /* rep movsb from MMIO */
    R(SI) = 0x40000000;
    R(DI) = DATA;
    R(CX) = 6;
    for (unsigned left = 4;; left -= 2) {
        h->exited = false;
        sc_harness_run(h);
        if (h->exited)
            break;
        ck_assert_uint_eq(c->rip, SC_HARNESS_CODE + 1);
        ck_assert_uint_eq(R(CX), left);
        ck_assert_uint_eq(R(SI), 0x40000000 + 6 - left);
    }
    ck_assert_uint_eq(R(CX), 0);
    ck_assert_uint_eq(get(DATA, 6), 0x5a5a5a5a5a5a);
}
END_TEST

static unsigned port_reads;
static void count_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = 0xc0ffee00 + port_reads++;
}

START_TEST(ins_checks_memory_first)
{
    h->vm.config.callbacks.pio_read = count_read;
    CODE("\xf3\x6d"); /* rep insl; the third does not fit */
    protect(0);
    R(DX) = 0x1f0;
    R(DI) = BOUNDARY - 10;
    R(CX) = 4;
    run_fault(SC_PFV, true, SC_HARNESS_CODE);
    ck_assert_uint_eq(port_reads, 2);
    ck_assert_uint_eq(R(CX), 2);
    ck_assert_uint_eq(get(BOUNDARY - 10, 8), 0xc0ffee01c0ffee00);
}
END_TEST

START_TEST(short_addresses)
{
    CODE("\x67\xf3\xa4"); /* addr32 rep movsb */
    R(SI) = HIGH | DATA;
    R(DI) = HIGH | (DATA + 0x100);
    R(CX) = HIGH | 3;
    put(DATA, 4, 0x04030201);
    put(DATA + 0x100, 4, 0);
    run();
    ck_assert_uint_eq(R(SI), DATA + 3);
    ck_assert_uint_eq(R(DI), DATA + 0x103);
    ck_assert_uint_eq(R(CX), 0);
    ck_assert_uint_eq(get(DATA + 0x100, 4), 0x030201);
}
END_TEST

/* Code that overwrites what comes next in its own trace. */
START_TEST(strings_write_code)
{
    CODE("\xf3\xaa\xb8\x01\x00\x00\x00"); /* rep stosb over the mov: becomes nops */
    R(DI) = SC_HARNESS_CODE + 2;
    R(CX) = 5;
    R(AX) = 0x90;
    run();
    ck_assert_uint_eq(R(AX), 0x90);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-string");
    TCase *t = tcase(s, "64", setup64);

    tcase_add_test(t, rep_fault_is_precise);
    tcase_add_test(t, rep_movs_overlap);
    tcase_add_test(t, rep_compare);
    tcase_add_test(t, rep_is_interruptible);
    tcase_add_test(t, ins_checks_memory_first);
    tcase_add_test(t, short_addresses);
    tcase_add_test(t, strings_write_code);
    return run_suite(s);
}
