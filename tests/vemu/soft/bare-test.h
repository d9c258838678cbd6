/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests of a bare software CPU begin and end with: a new one for each test.
 */
#ifndef BARE_TEST_H
#define BARE_TEST_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bare-cpu.h"

static struct bare *b;
static struct sc_cpu *c;

/* The expression ends in that exception, or in none. */
#define ck_fault(expr, vector, error)                                                              \
    do {                                                                                           \
        ck_assert_int_eq(CATCH(b, expr), vector);                                                  \
        ck_assert_uint_eq(c->exc_error, error);                                                    \
    } while (0)
#define ck_ok(expr) ck_assert_int_eq(CATCH(b, expr), -1)

/* Long mode with everything below 16 MiB mapped 1:1, user accessible, large. */
static inline void long_mode(unsigned cpl)
{
    bare_paging(b, BARE_LONG, 0);
    for (uint64_t va = 0; va < BARE_RAM; va += 0x200000)
        bare_map(b, va, va, 21, P_P | P_W | P_U);
    bare_tables(b, cpl);
}

static inline void protected_mode(unsigned cpl)
{
    bare_paging(b, BARE_NOPAGING, 0);
    bare_tables(b, cpl);
}

static void setup(void)
{
    b = bare_new();
    c = b->c;
}

static void teardown(void)
{
    bare_free(b);
}

/* main(): runs what `add` adds; the program's exit status. */
static inline int run_bare_tests(const char *name, void (*add)(TCase *t))
{
    Suite *s = suite_create(name);
    TCase *t = tcase_create(name);
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    add(t);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
