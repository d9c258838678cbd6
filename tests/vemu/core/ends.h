/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other ends of character back-ends.
 */
#ifndef TESTS_VEMU_CORE_ENDS_H
#define TESTS_VEMU_CORE_ENDS_H

#include <check.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

/* The next that comes is this text, however many pieces it comes in. */
static inline void reads(int fd, const char *text)
{
    char buf[256];
    size_t done = 0;

    ck_assert_uint_le(strlen(text), sizeof(buf));
    while (done < strlen(text)) {
        ssize_t n = read(fd, buf + done, strlen(text) - done);

        ck_assert_int_gt(n, 0);
        done += (size_t)n;
    }
    ck_assert_mem_eq(buf, text, done);
}

static inline void file_is(const char *path, const char *contents)
{
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    ck_assert_str_eq(text, contents);
}

#endif
