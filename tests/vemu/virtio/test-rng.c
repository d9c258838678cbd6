/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-rng: bytes that differ, limits.
 */
#include <check.h>
#include <string.h>

#include "../core/test-main.h"
#include "guest.h"

START_TEST(test_bytes)
{
    struct guest *g = guest_new("virtio-rng", NULL);
    struct guest_buffer b[2] = { { 0x1000, 64, true }, { GUEST_BLOCK - 8, 16, true } };
    static const uint8_t zeros[16];
    uint8_t first[64];

    guest_start(g, 0, 1);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], b, 2), 80);
    memcpy(first, guest_ptr(g, 0x1000), 64);
    ck_assert_mem_ne(guest_ptr(g, GUEST_BLOCK), zeros, 8);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], b, 2), 80);
    ck_assert_mem_ne(first, guest_ptr(g, 0x1000), 64);
    /* A large wish is answered in part. */
    b[0] = (struct guest_buffer){ 0x20000, 0x80000, true };
    ck_assert_uint_eq(guest_request(g, &g->queues[0], b, 1), 65536);
    /* Nothing to write to is an answer of nothing. */
    b[0] = (struct guest_buffer){ 0x1000, 8, false };
    ck_assert_uint_eq(guest_request(g, &g->queues[0], b, 1), 0);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

START_TEST(test_limit)
{
    struct guest *g = guest_new("virtio-rng", "max-bytes", "100", "period", "50", NULL);
    struct guest_buffer b = { 0x1000, 64, true };
    uint32_t len;

    OK(vemu_vm_start(g->vm, &err)); /* time passes */
    guest_start(g, 0, 1);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], &b, 1), 64);
    ck_assert_uint_eq(guest_request(g, &g->queues[0], &b, 1), 36);
    guest_add(g, &g->queues[0], &b, 1);
    g->t->notify(g, 0);
    ck_assert_int_eq(guest_take(g, &g->queues[0], &len), -1);
    ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    ck_assert_uint_eq(len, 64);
    guest_free(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_bytes, test_limit, NULL };

    return run_tests("virtio-rng", tests);
}
