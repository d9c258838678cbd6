/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-balloon: pages go and come back, statistics, free page reporting.
 */
#include <check.h>
#include <linux/virtio_balloon.h>
#include <string.h>

#include "../core/test-main.h"
#include "devices/virtio-balloon/balloon.h"
#include "guest.h"

#define STATS  (1ull << VIRTIO_BALLOON_F_STATS_VQ)
#define REPORT (1ull << VIRTIO_BALLOON_F_REPORTING)

static uint8_t *page(struct guest *g, uint32_t pfn)
{
    return guest_ptr(g, (uint64_t)pfn << 12);
}

START_TEST(test_inflate)
{
    struct guest *g = guest_new("virtio-balloon", NULL);
    /* in order, backwards, across the blocks of RAM, and what is no memory */
    const uint32_t pfns[] = { 0x80, 0x81, 0x82, 0x90, 0x8f, 0xff, 0x100, 0x80000000, 0xffffffff };
    struct guest_buffer b = { 0x1000, sizeof(pfns), false };
    struct vemu_balloon_info info;

    for (uint32_t i = 0x7f; i < 0x102; i++)
        memset(page(g, i), 0x11, 4096);
    guest_start(g, 0, 2);
    ck_assert_int_eq(vemu__balloon_set_size(g->dev, GUEST_RAM - 7 * 4096), 0);
    ck_assert(g->t->config_interrupt(g));
    ck_assert_uint_eq(g->t->config_read(g, 0, 4), 7);
    memcpy(guest_ptr(g, b.gpa), pfns, sizeof(pfns));
    ck_assert_uint_eq(guest_request(g, &g->queues[0], &b, 1), 0);
    for (size_t i = 0; i < 7; i++)
        ck_assert_uint_eq(page(g, pfns[i])[100], 0);
    ck_assert_uint_eq(page(g, 0x7f)[0], 0x11);
    ck_assert_uint_eq(page(g, 0x83)[0], 0x11);
    ck_assert_uint_eq(page(g, 0x101)[0], 0x11);
    g->t->config_write(g, 4, 4, 7);
    g->t->config_write(g, 0, 4, 99); /* not the driver's */
    vemu__balloon_get(g->dev, &info);
    ck_assert_uint_eq(info.wanted_bytes, 7 * 4096);
    ck_assert_uint_eq(info.actual_bytes, 7 * 4096);
    ck_assert_uint_eq(info.given_back_bytes, 7 * 4096);
    ck_assert_uint_eq(guest_request(g, &g->queues[1], &b, 1), 0); /* deflate */
    memset(page(g, 0x80), 0x22, 4096);
    ck_assert_uint_eq(page(g, 0x80)[1], 0x22);
    ck_assert_int_eq(vemu__balloon_set_size(g->dev, 0), -EINVAL);
    ck_assert_int_eq(vemu__balloon_ask(g->dev), -ENOTSUP);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

START_TEST(test_statistics)
{
    struct guest *g = guest_new("virtio-balloon", NULL);
    struct virtio_balloon_stat stats[] = {
        { VIRTIO_BALLOON_S_MEMFREE, 1234 },
        { VIRTIO_BALLOON_S_MEMTOT, 5678 },
        { 77, 1 },
    };
    struct guest_buffer b = { 0x1000, sizeof(stats), false };
    struct vemu_balloon_info info;
    uint32_t len;

    guest_start(g, STATS, 3);
    memcpy(guest_ptr(g, b.gpa), stats, sizeof(stats));
    guest_add(g, &g->queues[2], &b, 1);
    g->t->notify(g, 2);
    ck_assert_int_eq(guest_take(g, &g->queues[2], &len), -1); /* held */
    vemu__balloon_get(g->dev, &info);
    ck_assert_uint_eq(info.stats[VIRTIO_BALLOON_S_MEMFREE], 1234);
    ck_assert_uint_eq(info.stats[VIRTIO_BALLOON_S_MEMTOT], 5678);
    ck_assert_uint_eq(info.stats[VIRTIO_BALLOON_S_AVAIL], UINT64_MAX);
    for (unsigned i = 0; i < 5; i++) {
        OK(i ? vemu_vm_resume(g->vm, &err) : vemu_vm_start(g->vm, &err));
        OK(vemu_vm_pause(g->vm, &err)); /* the element goes back, and is taken again */
        OK(vemu_vm_resume(g->vm, &err));
        ck_assert_int_eq(vemu__balloon_ask(g->dev), 0);
        ck_assert_int_ge(guest_take(g, &g->queues[2], &len), 0);
        ((struct virtio_balloon_stat *)guest_ptr(g, b.gpa))->val = i;
        guest_add(g, &g->queues[2], &b, 1);
        g->t->notify(g, 2);
        vemu__balloon_get(g->dev, &info);
        ck_assert_uint_eq(info.stats[VIRTIO_BALLOON_S_MEMFREE], i);
        OK(vemu_vm_pause(g->vm, &err));
    }
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* The reporting queue is the next number behind those that were negotiated. */
START_TEST(test_reporting)
{
    struct guest *g = guest_new("virtio-balloon", "free-page-reporting", "on", NULL);
    const struct guest_buffer b[2] = { { 0x80000, 0x4000, true },
                                       { GUEST_BLOCK - 0x2000, 0x4000, true } };
    unsigned queue = _i ? 3 : 2;

    memset(guest_ptr(g, 0x80000), 0x11, 0x5000);
    memset(guest_ptr(g, GUEST_BLOCK), 0x11, 0x3000);
    guest_start(g, REPORT | (_i ? STATS : 0), queue + 1);
    ck_assert_uint_eq(guest_request(g, &g->queues[queue], b, 2), 0);
    ck_assert_uint_eq(*(uint8_t *)guest_ptr(g, 0x83fff), 0);
    ck_assert_uint_eq(*(uint8_t *)guest_ptr(g, 0x84000), 0x11);
    ck_assert_uint_eq(*(uint8_t *)guest_ptr(g, GUEST_BLOCK + 0x1fff), 0);
    ck_assert_uint_eq(*(uint8_t *)guest_ptr(g, GUEST_BLOCK + 0x2000), 0x11);
    guest_free(g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("virtio-balloon");
    TCase *tcase = tcase_create("balloon");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_inflate);
    tcase_add_test(tcase, test_statistics);
    tcase_add_loop_test(tcase, test_reporting, 0, 2);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
