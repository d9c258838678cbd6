/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every test program of the core begins and ends with.
 */
#ifndef TESTS_VEMU_CORE_TEST_MAIN_H
#define TESTS_VEMU_CORE_TEST_MAIN_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-accel.h"

/* The call fails with -code and a message that contains `words`; the error is freed. */
#define FAILS(call, code, words)                                                                   \
    do {                                                                                           \
        struct vemu_error *err = NULL;                                                             \
        int r_ = (call);                                                                           \
        ck_assert_int_eq(r_, -(code));                                                             \
        ck_assert_msg(err, "no error set");                                                        \
        ck_assert_int_eq(vemu_error_code(err), code);                                              \
        ck_assert_msg(strstr(vemu_error_message(err), words), "'%s' lacks '%s'",                   \
                      vemu_error_message(err), words);                                             \
        vemu_error_free(err);                                                                      \
    } while (0)
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct vemu_error *err = NULL;                                                             \
        fake_ok((call), err);                                                                      \
    } while (0)

static inline int run_tests(const char *name, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 30);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
