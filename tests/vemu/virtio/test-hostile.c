/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guests that break rules: the device needs a reset, is told so once, works again after it, and
 * nothing else happens.
 */
#include <check.h>
#include <string.h>

#include "../core/test-main.h"
#include "echo.h"
#include "guest.h"

#define ALL (VEMU_VIRTIO_F_INDIRECT_DESC | VEMU_VIRTIO_F_EVENT_IDX)
#define F_NEXT     1u
#define F_WRITE    2u
#define F_INDIRECT 4u

static uint16_t *avail(struct guest *g)
{
    return guest_ptr(g, g->queues[0].area[1]);
}

static uint8_t *descs(struct guest *g)
{
    return guest_ptr(g, g->queues[0].area[0]);
}

static struct guest_buffer buffer(struct guest *g)
{
    return (struct guest_buffer){ guest_alloc(g, 64, 8), 64, false };
}

/* --- what a guest may think of ---------------------------------------------------------------- */

static void raw(struct guest *g, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    guest_add_raw(g, &g->queues[0], addr, len, flags, next);
}

static void do_hole(struct guest *g) { raw(g, GUEST_HOLE, 64, 0, 0); }
static void do_wrap(struct guest *g) { raw(g, UINT64_MAX - 8, 64, 0, 0); }
static void do_beyond(struct guest *g) { raw(g, GUEST_RAM - 8, 64, F_WRITE, 0); }
static void do_zero(struct guest *g) { raw(g, buffer(g).gpa, 0, 0, 0); }
static void do_huge(struct guest *g) { raw(g, 0x1000, UINT32_MAX, F_WRITE, 0); }
static void do_registers(struct guest *g) { raw(g, g->base, 64, F_WRITE, 0); }

static void do_sum(struct guest *g)
{
    struct guest_buffer b[2] = { buffer(g), buffer(g) };

    b[0].len = b[1].len = 0x80000000u;
    guest_add(g, &g->queues[0], b, 2);
}

static void do_order(struct guest *g)
{
    struct guest_buffer b[2] = { buffer(g), buffer(g) };

    b[0].write = true;
    guest_add(g, &g->queues[0], b, 2);
}

static void do_indirect_zero(struct guest *g) { raw(g, buffer(g).gpa, 0, F_INDIRECT, 0); }
static void do_indirect_odd(struct guest *g) { raw(g, buffer(g).gpa, 17, F_INDIRECT, 0); }
static void do_indirect_hole(struct guest *g) { raw(g, GUEST_HOLE, 16, F_INDIRECT, 0); }
static void do_indirect_next(struct guest *g) { raw(g, buffer(g).gpa, 16, F_INDIRECT | F_NEXT, 0); }

static void do_indirect_nested(struct guest *g)
{
    uint64_t table = guest_alloc(g, 32, 16);
    uint8_t *at = guest_ptr(g, table);
    bool packed = g->queues[0].packed;

    memset(at, 0, 32);
    memcpy(at, &table, 8);
    at[8] = 16;
    at[packed ? 14 : 12] = F_INDIRECT;
    raw(g, table, 32, F_INDIRECT, 0);
}

static void do_indirect_long(struct guest *g)
{
    struct guest_buffer b[40];

    for (unsigned i = 0; i < 40; i++)
        b[i] = buffer(g);
    guest_add_indirect(g, &g->queues[0], b, 40);
}

/* Split rings. */
static void do_loop(struct guest *g)
{
    uint64_t gpa = buffer(g).gpa;

    for (unsigned i = 0; i < g->queues[0].size; i++) {
        const uint16_t half[2] = { F_NEXT, (uint16_t)((i + 1) % g->queues[0].size) };
        const uint32_t len = 8;

        memcpy(descs(g) + 16 * i, &gpa, 8);
        memcpy(descs(g) + 16 * i + 8, &len, 4);
        memcpy(descs(g) + 16 * i + 12, half, 4);
    }
    avail(g)[2] = 0;
    avail(g)[1] = 1;
}

static void do_next(struct guest *g) { raw(g, buffer(g).gpa, 8, F_NEXT, 0xffff); }

static void do_head(struct guest *g)
{
    avail(g)[2] = g->queues[0].size;
    avail(g)[1] = 1;
}

static void do_jump(struct guest *g) { avail(g)[1] = (uint16_t)(g->queues[0].size + 1); }
static void do_back(struct guest *g) { avail(g)[1] = 0xffff; }

/* The same descriptors again and again while the device holds them. */
static void do_reuse(struct guest *g)
{
    struct echo *echo = (struct echo *)g->vdev;
    struct guest_buffer b = buffer(g);

    echo->hold = true;
    for (unsigned i = 0; i <= g->queues[0].size; i++) {
        guest_add(g, &g->queues[0], &b, 1);
        g->t->notify(g, 0);
    }
}

/* Packed rings: a chain without end. */
static void do_endless(struct guest *g)
{
    uint64_t gpa = buffer(g).gpa;

    for (unsigned i = 0; i < g->queues[0].size; i++) {
        const uint16_t half[2] = { 0, F_NEXT | 1u << 7 };
        const uint32_t len = 8;

        memcpy(descs(g) + 16 * i, &gpa, 8);
        memcpy(descs(g) + 16 * i + 8, &len, 4);
        memcpy(descs(g) + 16 * i + 12, half, 4);
    }
}

#define SPLIT  1u
#define PACKED 2u
static const struct {
    const char *name;
    void (*fn)(struct guest *g);
    unsigned layouts;
} cases[] = {
    { "hole", do_hole, SPLIT | PACKED },
    { "wrap", do_wrap, SPLIT | PACKED },
    { "beyond", do_beyond, SPLIT | PACKED },
    { "zero", do_zero, SPLIT | PACKED },
    { "huge", do_huge, SPLIT | PACKED },
    { "registers", do_registers, SPLIT | PACKED },
    { "sum", do_sum, SPLIT | PACKED },
    { "order", do_order, SPLIT | PACKED },
    { "indirect zero", do_indirect_zero, SPLIT | PACKED },
    { "indirect odd", do_indirect_odd, SPLIT | PACKED },
    { "indirect hole", do_indirect_hole, SPLIT | PACKED },
    { "indirect next", do_indirect_next, SPLIT | PACKED },
    { "indirect nested", do_indirect_nested, SPLIT | PACKED },
    { "indirect long", do_indirect_long, SPLIT | PACKED },
    { "reuse", do_reuse, SPLIT | PACKED },
    { "loop", do_loop, SPLIT },
    { "next", do_next, SPLIT },
    { "head", do_head, SPLIT },
    { "jump", do_jump, SPLIT },
    { "back", do_back, SPLIT },
    { "endless", do_endless, PACKED },
};

static void run(int n, uint64_t layout)
{
    struct guest *g = guest_new("test-echo", "packed", "on", NULL);
    struct guest_buffer b;

    guest_start(g, ALL | layout, 2);
    g->t->config_interrupt(g);
    cases[n].fn(g);
    g->t->notify(g, 0);
    ck_assert_msg(guest_broken(g), "%s: not noticed", cases[n].name);
    ck_assert(g->t->config_interrupt(g));
    ck_assert_uint_eq(g->vdev->stats.broken, 1);
    /* It stands still, and says nothing more. */
    b = buffer(g);
    guest_add(g, &g->queues[1], &b, 1);
    g->t->notify(g, 0);
    g->t->notify(g, 1);
    ck_assert(!g->t->config_interrupt(g));
    ck_assert_uint_eq(g->vdev->stats.broken, 1);
    ((struct echo *)g->vdev)->hold = false;
    /* A reset makes it a new device. */
    guest_start(g, ALL | layout, 2);
    for (unsigned i = 0; i < 20; i++)
        guest_request(g, &g->queues[0], &b, 1);
    ck_assert(!guest_broken(g));
    guest_free(g);
}

START_TEST(test_split)
{
    if (cases[_i].layouts & SPLIT)
        run(_i, 0);
}
END_TEST

START_TEST(test_packed)
{
    if (cases[_i].layouts & PACKED)
        run(_i, VEMU_VIRTIO_F_RING_PACKED);
}
END_TEST

/* --- registers -------------------------------------------------------------------------------- */

static void setup(struct guest *g, uint16_t size, uint64_t desc, uint64_t driver, uint64_t device)
{
    const uint64_t areas[3] = { desc, driver, device };

    ck_assert(guest_negotiate(g, ALL));
    g->t->queue_setup(g, 0, size, areas);
    g->t->queue_enable(g, 0);
    guest_driver_ok(g);
}

START_TEST(test_queue_registers)
{
    static const struct {
        uint16_t size;
        uint64_t desc, driver, device;
        bool good;
    } rows[] = {
        { 16, 0x10000, 0x11000, 0x12000, true },
        { 0, 0x10000, 0x11000, 0x12000, false },
        { 3, 0x10000, 0x11000, 0x12000, false },
        { 32, 0x10000, 0x11000, 0x12000, false }, /* more than the device offers */
        { 0x8000, 0x10000, 0x11000, 0x12000, false },
        { 16, 0x10008, 0x11000, 0x12000, false },
        { 16, 0x10000, 0x11001, 0x12000, false },
        { 16, 0x10000, 0x11000, 0x12002, false },
        { 16, GUEST_HOLE, 0x11000, 0x12000, false },
        { 16, 0x10000, GUEST_HOLE, 0x12000, false },
        { 16, 0x10000, 0x11000, GUEST_HOLE, false },
        { 16, GUEST_RAM - 16, 0x11000, 0x12000, false },
        { 16, 0xfffffffffffffff0u, 0x11000, 0x12000, false },
        { 16, 0x10000, 0x11000, 0xfffffffffffffffcu, false },
        { 16, GUEST_BLOCK - 16, 0x11000, 0x12000, false }, /* in two blocks */
    };
    struct guest *g = guest_new("test-echo", NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        setup(g, rows[i].size, rows[i].desc, rows[i].driver, rows[i].device);
        ck_assert_msg(guest_broken(g) == !rows[i].good, "row %zu", i);
        ck_assert_int_eq(g->t->queue_enabled(g, 0), rows[i].good);
        g->t->notify(g, 0);
    }
    guest_free(g);
}
END_TEST

START_TEST(test_status)
{
    struct guest *g = guest_new("test-echo", NULL);
    struct echo *echo = (struct echo *)g->vdev;

    /* DRIVER_OK without FEATURES_OK */
    g->t->set_status(g, 0);
    g->t->set_status(g, 7);
    ck_assert_uint_eq(g->t->get_status(g), 3);
    /* no VERSION_1 */
    g->t->set_status(g, 0);
    g->t->set_status(g, 3);
    g->t->set_features(g, 0, 0);
    g->t->set_features(g, 1, 0);
    g->t->set_status(g, 11);
    ck_assert_uint_eq(g->t->get_status(g), 3);
    /* what was not offered */
    g->t->set_features(g, 1, 1);
    g->t->set_features(g, 0, 1u << 1);
    g->t->set_status(g, 11);
    ck_assert_uint_eq(g->t->get_status(g), 3);
    /* what the device does not like */
    g->t->set_features(g, 0, 1u << 3);
    g->t->set_status(g, 15);
    ck_assert_uint_eq(g->t->get_status(g), 3);
    ck_assert_uint_eq(echo->starts, 0);
    /* half 2 and above do not exist */
    ck_assert_uint_eq(g->t->get_features(g, 2), 0);
    ck_assert_uint_eq(g->t->get_features(g, UINT32_MAX), 0);
    g->t->set_features(g, 2, UINT32_MAX);
    /* features are fixed from FEATURES_OK on */
    ck_assert(guest_negotiate(g, ALL));
    g->t->set_features(g, 0, UINT32_MAX);
    guest_driver_ok(g);
    ck_assert_uint_eq(g->vdev->driver_features, g->features);
    ck_assert_uint_eq(echo->starts, 1);
    g->t->set_status(g, 15); /* again */
    ck_assert_uint_eq(echo->starts, 1);
    /* the driver cannot say NEEDS_RESET, or take bits away */
    g->t->set_status(g, 0x40);
    ck_assert_uint_eq(g->t->get_status(g), 15);
    guest_free(g);
}
END_TEST

START_TEST(test_config)
{
    struct guest *g = guest_new("test-echo", NULL);

    g->t->config_write(g, 0, 4, 0x44332211);
    g->t->config_write(g, 6, 2, 0x8877);
    g->t->config_write(g, 8, 4, 0xffff);
    ck_assert_uint_eq(g->t->config_read(g, 0, 8), 0x8877000044332211u);
    ck_assert_uint_eq(g->t->config_read(g, 1, 1), 0x22);
    ck_assert_uint_eq(g->t->config_read(g, 8, 4), 0);
    ck_assert_uint_eq(g->t->config_read(g, 0xe0, 4), 0);
    guest_free(g);
}
END_TEST

START_TEST(test_doorbells)
{
    struct guest *g = guest_new("test-echo", NULL);

    guest_start(g, ALL, 1);
    g->t->notify(g, 1); /* not enabled */
    g->t->notify(g, 2); /* not there */
    g->t->notify(g, UINT16_MAX);
    ck_assert_uint_eq(g->t->queue_max(g, 2), 0);
    ck_assert_uint_eq(g->t->queue_max(g, UINT16_MAX), 0);
    ck_assert(!guest_broken(g));
    ck_assert_uint_eq(((struct echo *)g->vdev)->notifies, 1); /* at DRIVER_OK */
    guest_free(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_queue_registers, test_status, test_config, test_doorbells };
    Suite *suite = suite_create("virtio-hostile");
    TCase *tcase = tcase_create("rules");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, test_split, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_loop_test(tcase, test_packed, 0, sizeof(cases) / sizeof(cases[0]));
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
