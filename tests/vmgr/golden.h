/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Golden files, in the folders of GOLDEN_DIR, which the build sets.
 */
#ifndef TESTS_VMGR_GOLDEN_H
#define TESTS_VMGR_GOLDEN_H

#include <check.h>
#include <glib.h>
#include <string.h>

/* For g_free(). */
static inline char *read_golden(const char *dir, const char *file)
{
    g_autofree char *path = g_build_filename(GOLDEN_DIR, dir, file, NULL);
    char *text;

    ck_assert_msg(g_file_get_contents(path, &text, NULL, NULL), "cannot read %s", path);
    return text;
}

/* Compares with a golden file, or rewrites it where VMGR_UPDATE_GOLDEN is set. */
static inline void expect_golden(const char *dir, const char *file, const char *actual)
{
    g_autofree char *path = g_build_filename(GOLDEN_DIR, dir, file, NULL);
    g_autofree char *expected = NULL;

    if (g_getenv("VMGR_UPDATE_GOLDEN")) {
        ck_assert(g_file_set_contents(path, actual, -1, NULL));
        return;
    }
    expected = read_golden(dir, file);
    ck_assert_msg(strcmp(expected, actual) == 0, "%s\n--- expected\n%.2000s--- is\n%.2000s", path,
                  expected, actual);
}

#endif
