/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of pieces of memory.
 */
#include "core/iov.h"

#include <string.h>

#include "test-main.h"

static uint8_t bytes[40];
static struct iovec list[4]; /* of 3, 0, 10 and 7 bytes */

static void lay_out(void)
{
    static const size_t lengths[4] = { 3, 0, 10, 7 };
    size_t at = 0;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    for (int i = 0; i < 4; i++) {
        list[i] = (struct iovec){ bytes + at, lengths[i] };
        at += lengths[i];
    }
}

START_TEST(part_of_a_list)
{
    struct iovec part[4];
    uint8_t out[8];

    lay_out();
    ck_assert_uint_eq(vemu__iov_slice(list, 4, 2, 8, part, 4), 2);
    ck_assert_ptr_eq(part[0].iov_base, bytes + 2);
    ck_assert_uint_eq(part[0].iov_len, 1);
    ck_assert_ptr_eq(part[1].iov_base, bytes + 3);
    ck_assert_uint_eq(part[1].iov_len, 7);
    ck_assert_uint_eq(vemu__iov_read(part, 2, 0, out, 8), 8);
    ck_assert_mem_eq(out, bytes + 2, 8);
    /* as much as fits, and as there is */
    ck_assert_uint_eq(vemu__iov_slice(list, 4, 0, 20, part, 1), 1);
    ck_assert_uint_eq(vemu__iov_slice(list, 4, 15, 100, part, 4), 1);
    ck_assert_uint_eq(part[0].iov_len, 5);
    ck_assert_uint_eq(vemu__iov_slice(list, 4, 20, 1, part, 4), 0);
}
END_TEST

START_TEST(filled)
{
    lay_out();
    vemu__iov_fill(list, 4, 2, 0xaa, 12);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        ck_assert_uint_eq(bytes[i], i >= 2 && i < 14 ? 0xaa : i);
    vemu__iov_fill(list, 4, 19, 0xbb, 100); /* not behind the list */
    ck_assert_uint_eq(bytes[19], 0xbb);
    ck_assert_uint_eq(bytes[20], 20);
}
END_TEST

START_TEST(zeros)
{
    memset(bytes, 0, sizeof(bytes));
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        ck_assert(vemu__is_zero(bytes, size));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 1;
            ck_assert(!vemu__is_zero(bytes, size));
            bytes[i] = 0;
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { part_of_a_list, filled, zeros, NULL };

    return run_tests("iov", tests);
}
