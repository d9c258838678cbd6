/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rings: every layout and feature, wrap-around, suppression, order, resets, saved state.
 */
#include <check.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "../core/test-main.h"
#include "echo.h"
#include "guest.h"
#include "virtio/virtq.h"

/* Each loop test runs once for each. */
static const uint64_t layouts[] = {
    0,
    VEMU_VIRTIO_F_EVENT_IDX,
    VEMU_VIRTIO_F_RING_PACKED,
    VEMU_VIRTIO_F_RING_PACKED | VEMU_VIRTIO_F_EVENT_IDX,
    VEMU_VIRTIO_F_IN_ORDER | VEMU_VIRTIO_F_EVENT_IDX,
    VEMU_VIRTIO_F_IN_ORDER | VEMU_VIRTIO_F_RING_PACKED,
};
#define EXTRA (VEMU_VIRTIO_F_INDIRECT_DESC | VEMU_VIRTIO_F_RING_RESET)

static struct guest *start(int layout)
{
    struct guest *g = guest_new("test-echo", "packed", "on", "in_order", "on", NULL);

    guest_start(g, layouts[layout] | EXTRA, 2);
    return g;
}

static struct echo *echo_of(struct guest *g)
{
    return (struct echo *)g->vdev;
}

/* Cuts [gpa, gpa + size) into up to `max` pieces. */
static unsigned cut(struct guest_buffer *buffers, unsigned max, uint64_t gpa, uint32_t size,
                    bool write)
{
    unsigned n = 0;

    while (size && n < max) {
        uint32_t len = n + 1 == max ? size : 1 + (uint32_t)rand() % size;

        buffers[n++] = (struct guest_buffer){ gpa, len, write };
        gpa += len;
        size -= len;
    }
    return n;
}

START_TEST(test_round_trips)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    /* Across the end of the first block of RAM. */
    const uint64_t from = GUEST_BLOCK - 1500, to = GUEST_RAM - 5000;

    srand(7);
    for (unsigned round = 0; round < 500; round++) {
        uint32_t size = 1 + (uint32_t)rand() % 3000, len = 0;
        struct guest_buffer buffers[12];
        uint8_t in[3000], out[3000];
        unsigned count = cut(buffers, 1 + (unsigned)rand() % 6, from, size, false);
        uint64_t heap = g->heap;
        int id;

        count += cut(buffers + count, 1 + (unsigned)rand() % 6, to, size, true);
        memset(in, (int)round, size);
        in[rand() % (int)size] ^= 0x5a;
        ck_assert_int_eq(vemu_dma_write(g->vm, from, in, size), 0);
        id = round & 1 ? guest_add_indirect(g, q, buffers, count)
                       : guest_add(g, q, buffers, count);
        g->t->notify(g, 0);
        ck_assert_int_eq(guest_take(g, q, &len), id);
        ck_assert_uint_eq(len, size);
        ck_assert_int_eq(vemu_dma_read(g->vm, to, out, size), 0);
        ck_assert_mem_eq(in, out, size);
        g->heap = heap;
    }
    ck_assert_uint_eq(g->vdev->stats.completions, 500);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

static struct guest_buffer one(struct guest *g)
{
    return (struct guest_buffer){ guest_alloc(g, 8, 8), 8, false };
}

START_TEST(test_interrupts)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[1];
    struct guest_buffer b = one(g);

    for (unsigned i = 0; i < 70; i++) { /* past the end of the ring several times */
        bool want = i % 3 != 2;

        guest_want_interrupt(g, q, want);
        guest_request(g, q, &b, 1);
        ck_assert_int_eq(g->t->queue_interrupt(g, 1), want);
    }
    ck_assert_uint_eq(g->vdev->stats.suppressed, 23);
    guest_free(g);
}
END_TEST

/* A driver that sleeps until the third of five is used gets one interrupt. */
START_TEST(test_event_batch)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct echo *echo = echo_of(g);
    struct guest_buffer b = one(g);
    uint16_t *driver = guest_ptr(g, q->area[1]);

    if (!(g->features & VEMU_VIRTIO_F_EVENT_IDX)) {
        guest_free(g);
        return;
    }
    echo->hold = true;
    for (unsigned i = 0; i < 5; i++)
        guest_add(g, q, &b, 1);
    g->t->notify(g, 0);
    ck_assert_uint_eq(echo->held_count, 5);
    g->t->queue_interrupt(g, 0);
    if (q->packed) {
        driver[0] = 2 | 0x8000;
        driver[1] = 2;
    } else {
        driver[2 + q->size] = 2;
    }
    echo_release(echo, 0); /* the first decision knows no earlier one, and interrupts */
    g->t->queue_interrupt(g, 0);
    for (unsigned i = 1; i < 5; i++) {
        echo_release(echo, 0);
        ck_assert_int_eq(g->t->queue_interrupt(g, 0), i == 2);
    }
    guest_free(g);
}
END_TEST

START_TEST(test_notify_suppression)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct guest_buffer b = one(g);

    guest_add(g, q, &b, 1);
    ck_assert(!guest_may_skip_notify(g, q));
    g->t->notify(g, 0);
    guest_add(g, q, &b, 1);
    ck_assert(!guest_may_skip_notify(g, q));
    guest_free(g);
}
END_TEST

START_TEST(test_order)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct echo *echo = echo_of(g);
    struct guest_buffer b = one(g);
    bool in_order = g->features & VEMU_VIRTIO_F_IN_ORDER;
    int ids[3];
    uint32_t len;

    echo->hold = true;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 3; i++)
            ids[i] = guest_add(g, q, &b, 1);
        g->t->notify(g, 0);
        echo_release(echo, 2);
        ck_assert_int_eq(guest_take(g, q, &len), in_order ? -1 : ids[2]);
        echo_release(echo, 1);
        ck_assert_int_eq(guest_take(g, q, &len), in_order ? -1 : ids[1]);
        echo_release(echo, 0);
        ck_assert_int_eq(guest_take(g, q, &len), ids[0]);
        for (unsigned i = 1; i < 3 && in_order; i++)
            ck_assert_int_eq(guest_take(g, q, &len), ids[i]);
        ck_assert_int_eq(guest_take(g, q, &len), -1);
    }
    guest_free(g);
}
END_TEST

START_TEST(test_unpop)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct echo *echo = echo_of(g);
    struct guest_buffer b[2] = { one(g), one(g) };
    uint32_t len;

    for (unsigned i = 0; i < 30; i++) {
        int id = guest_add(g, q, b, 2);

        echo->hold = true;
        g->t->notify(g, 0);
        ck_assert_uint_eq(echo->held_count, 1);
        echo_unpop(echo);
        echo->hold = false;
        ck_assert_int_eq(guest_take(g, q, &len), -1);
        g->t->notify(g, 0);
        ck_assert_int_eq(guest_take(g, q, &len), id);
    }
    guest_free(g);
}
END_TEST

START_TEST(test_queue_reset)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct echo *echo = echo_of(g);
    struct guest_buffer b = one(g);

    echo->hold = true;
    guest_add(g, q, &b, 1);
    guest_add(g, &g->queues[1], &b, 1);
    g->t->notify(g, 0);
    g->t->notify(g, 1);
    ck_assert_uint_eq(echo->held_count, 2);
    g->t->queue_reset(g, 0);
    ck_assert_uint_eq(echo->held_count, 1);
    ck_assert(!g->t->queue_enabled(g, 0));
    ck_assert(g->t->queue_enabled(g, 1));
    g->t->notify(g, 0); /* nothing happens */
    echo->hold = false;
    echo_release(echo, 0);
    q = guest_setup_queue(g, 0, 8);
    ck_assert_uint_eq(echo->enables, 1);
    for (unsigned i = 0; i < 20; i++)
        guest_request(g, q, &b, 1);
    ck_assert(!guest_broken(g));
    guest_free(g);
}
END_TEST

/* Buffers that were there before DRIVER_OK are looked at then, and not before. */
START_TEST(test_before_driver_ok)
{
    struct guest *g = guest_new("test-echo", "packed", "on", NULL);
    struct guest_queue *q;
    struct guest_buffer b;
    uint32_t len;
    int id;

    ck_assert(guest_negotiate(g, layouts[_i]));
    q = guest_setup_queue(g, 0, 0);
    b = one(g);
    id = guest_add(g, q, &b, 1);
    g->t->notify(g, 0);
    ck_assert_int_eq(guest_take(g, q, &len), -1);
    guest_driver_ok(g);
    ck_assert_int_eq(guest_take(g, q, &len), id);
    guest_free(g);
}
END_TEST

static size_t copy_state(struct vemu_device *dev, const struct vemu_state_field *f, size_t base,
                         uint8_t *stream, bool save)
{
    size_t at = 0;

    for (; f->name; f++) {
        uint8_t *field = (uint8_t *)dev + base + f->offset;

        if (f->group) {
            at += copy_state(dev, f->group, base + f->offset, stream + at, save);
            continue;
        }
        memcpy(save ? stream + at : field, save ? field : stream + at, f->size);
        at += f->size;
    }
    return at;
}

/* What was saved in the middle of a ring goes on there in a device that was reset. */
START_TEST(test_saved_state)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct guest_buffer b = one(g);
    g_autofree uint8_t *stream = g_malloc0(65536);
    size_t size;

    for (unsigned i = 0; i < 21; i++)
        guest_request(g, q, &b, 1);
    pthread_mutex_lock(&g->dev->lock);
    size = copy_state(g->dev, g->dev->class_->state, 0, stream, true);
    g->dev->class_->ops->reset(g->dev);
    ck_assert_uint_eq(copy_state(g->dev, g->dev->class_->state, 0, stream, false), size);
    g->dev->class_->ops->restored(g->dev);
    pthread_mutex_unlock(&g->dev->lock);
    for (unsigned i = 0; i < 21; i++)
        guest_request(g, q, &b, 1);
    ck_assert(!guest_broken(g));
    /* Any bytes at all. */
    for (unsigned i = 0; i < 200; i++) {
        for (size_t j = 0; j < size; j++)
            stream[j] ^= (uint8_t)(rand() % 8 ? 0 : rand());
        pthread_mutex_lock(&g->dev->lock);
        copy_state(g->dev, g->dev->class_->state, 0, stream, false);
        g->dev->class_->ops->restored(g->dev);
        pthread_mutex_unlock(&g->dev->lock);
        g->t->notify(g, 0);
        g->t->notify(g, 1);
    }
    guest_free(g);
}
END_TEST

static void add_late(void *data)
{
    struct guest *g = data;
    const struct guest_buffer b = one(g);

    guest_add(g, &g->queues[0], &b, 1);
}

/* A doorbell for which there is nothing (its chain was served with the one before), and a chain
 * that comes behind the look but before the device's new wish: its driver saw the old wish. */
START_TEST(test_late_chain)
{
    struct guest *g = start(_i);
    const struct guest_buffer b = one(g);
    uint32_t len;

    for (unsigned i = 0; i < 4; i++) {
        echo_of(g)->late = add_late;
        echo_of(g)->late_data = g;
        if (i & 1)
            guest_add(g, &g->queues[0], &b, 1);
        g->t->notify(g, 0);
        for (unsigned n = 0; n < 1 + (i & 1); n++)
            ck_assert_int_ge(guest_take(g, &g->queues[0], &len), 0);
    }
    guest_free(g);
}
END_TEST

#define ENDLESS_AT (GUEST_BLOCK + 0x1000) /* its buffer */

/* A driver, maybe on another vCPU, that adds a chain for each one that is taken. */
struct endless {
    struct guest *g;
    pthread_t ringer;
    atomic_uint left, by_ringer;
};

static void add_next(void *data)
{
    struct endless *e = data;
    const struct guest_buffer b = { ENDLESS_AT, 16, true };

    if (pthread_equal(pthread_self(), e->ringer))
        atomic_fetch_add(&e->by_ringer, 1);
    if (atomic_fetch_sub(&e->left, 1) > 1)
        guest_add(e->g, &e->g->queues[0], &b, 1);
}

static void begin_endless(struct endless *e)
{
    const struct guest_buffer b = { ENDLESS_AT, 16, true };

    ck_assert_uint_lt(e->g->heap, b.gpa);
    pthread_mutex_lock(&e->g->dev->lock);
    echo_of(e->g)->each = add_next;
    echo_of(e->g)->each_data = e;
    pthread_mutex_unlock(&e->g->dev->lock);
    guest_add(e->g, &e->g->queues[0], &b, 1);
    e->g->t->notify(e->g, 0);
}

/* Whoever rings gets away, the loop goes on with the rest and does other work in between. */
START_TEST(test_endless)
{
    for (unsigned notifier = 0; notifier < 2; notifier++) {
        struct guest *g = start(_i);
        struct endless e = { .g = g, .ringer = pthread_self(), .left = 20000 };
        unsigned most = 16 * g->queues[0].size + 1;

        ck_assert_uint_lt(most, 20000);
        if (notifier)
            ck_assert_int_ge(guest_notifier(g, 0), 0);
        begin_endless(&e);
        ck_assert_uint_le(atomic_load(&e.by_ringer), most);
        ck_assert_uint_ge(atomic_load(&e.by_ringer), g->queues[0].size);
        for (unsigned i = 0; i < 25000 && atomic_load(&e.left); i++) {
            fake_sync(g->vm);
            g_usleep(1000);
        }
        ck_assert_uint_eq(atomic_load(&e.left), 0);
        ck_assert(!guest_broken(g));
        guest_free(g);
    }
}
END_TEST

/* It is reset, or goes, while the loop is still to look. */
START_TEST(test_endless_reset)
{
    for (unsigned gone = 0; gone < 2; gone++) {
        struct guest *g = start(_i);
        struct endless e = { .g = g, .ringer = pthread_self(), .left = 1u << 30 };

        begin_endless(&e);
        if (!gone) {
            g->t->set_status(g, 0);
            fake_sync(g->vm);
            ck_assert_uint_gt(atomic_load(&e.left), 1);
        }
        guest_free(g);
    }
}
END_TEST

/* The next doorbell that comes by descriptor makes the device wait so long for another chain. */
static void set_linger(struct guest *g, struct vemu_virtq *q, int64_t ns)
{
    pthread_mutex_lock(&g->dev->lock);
    q->linger_ns = 2 * ns; /* doorbells have been rare: half of it */
    pthread_mutex_unlock(&g->dev->lock);
}

static void ring_by_descriptor(int fd)
{
    static const uint64_t once = 1;

    ck_assert_int_eq(write(fd, &once, sizeof(once)), sizeof(once));
}

/* A chain that comes soon after another one needs no doorbell; nobody waits for the lock meanwhile,
 * and a reset finds the device out of the queue. */
START_TEST(test_linger)
{
    struct guest *g = start(_i);
    struct guest_queue *q = &g->queues[0];
    struct vemu_virtq *vq = vemu__virtio_queue(g->vdev, 0);
    const struct guest_buffer b = one(g);
    int fd = guest_notifier(g, 0);
    bool caught = false;
    uint32_t len;

    ck_assert_int_ge(fd, 0);
    for (unsigned tries = 0; tries < 20 && !caught; tries++) { /* on a busy machine it may end */
        set_linger(g, vq, 300000000);
        guest_add(g, q, &b, 1);
        ring_by_descriptor(fd);
        ck_assert_int_ge(guest_wait(g, q, &len), 0);
        ck_assert(!guest_broken(g));
        guest_add(g, q, &b, 1);
        for (unsigned i = 0; i < 1000 && !caught; i++) {
            g_usleep(100);
            caught = guest_take(g, q, &len) >= 0;
        }
        if (!caught) {
            ring_by_descriptor(fd);
            ck_assert_int_ge(guest_wait(g, q, &len), 0);
        }
        fake_sync(g->vm);
        ck_assert(!guest_may_skip_notify(g, q) || layouts[_i] & VEMU_VIRTIO_F_EVENT_IDX);
    }
    ck_assert(caught || sysconf(_SC_NPROCESSORS_ONLN) < 2);

    set_linger(g, vq, 100000000);
    guest_add(g, q, &b, 1);
    ring_by_descriptor(fd);
    ck_assert_int_ge(guest_wait(g, q, &len), 0);
    g->t->set_status(g, 0);
    memset(guest_ptr(g, q->area[2]), 0x77, 64);
    guest_add(g, q, &b, 1); /* seen, but the queue is not the device's any more */
    fake_sync(g->vm);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_uint_eq(((uint8_t *)guest_ptr(g, q->area[2]))[i], 0x77);
    guest_free(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_round_trips, test_interrupts, test_event_batch, test_notify_suppression,
        test_order,       test_unpop,      test_queue_reset, test_before_driver_ok,
        test_saved_state, test_late_chain, test_endless,     test_endless_reset,
        test_linger
    };
    Suite *suite = suite_create("virtio-ring");
    TCase *tcase = tcase_create("layouts");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 30);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_loop_test(tcase, tests[i], 0, G_N_ELEMENTS(layouts));
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
