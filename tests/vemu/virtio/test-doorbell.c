/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Doorbells: which come by descriptor and which as register writes.
 */
#include <check.h>
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "../core/test-main.h"
#include "echo.h"
#include "guest.h"
#include "virtio/virtq.h"

#define MANY 1000u /* doorbells after which something should have changed */

/* What the accelerator knows: an eventfd, or none. */
static struct {
    atomic_int fd;
    uint64_t address, match;
    unsigned size;
    bool use_match;
    atomic_uint adds, removes;
    int fail; /* errno */
} event;

static int set_event(struct vemu_accel_vm *vm, bool add, bool pio, uint64_t address, unsigned size,
                     bool use_match, uint64_t match, int fd)
{
    if (event.fail)
        return -event.fail;
    ck_assert(!pio);
    ck_assert_int_eq(atomic_load(&event.fd), add ? -1 : fd);
    if (!add) {
        ck_assert_uint_eq(event.address, address);
        ck_assert_uint_eq(event.match, match);
        ck_assert_uint_eq(event.size, size);
        ck_assert_int_eq(event.use_match, use_match);
    }
    event.address = address;
    event.match = match;
    event.size = size;
    event.use_match = use_match;
    atomic_fetch_add(add ? &event.adds : &event.removes, 1);
    atomic_store(&event.fd, add ? fd : -1);
    return 0;
}

static const struct vemu_virtq_doorbell place = {
    .address = 0xfeb00050, .size = 4, .use_match = true, .match = 0
};

static struct vemu_virtq *queue_of(struct guest *g)
{
    return vemu__virtio_queue(g->vdev, 0);
}

/* A device whose first doorbell the accelerator has. */
static struct guest *start(void)
{
    static struct vemu_accel_ops ops;
    struct guest *g = guest_new("test-echo", NULL);

    atomic_store(&event.fd, -1);
    ops = *g->vm->accel;
    ops.ioeventfd = set_event;
    g->vm->accel = &ops;
    ck_assert_int_eq(vemu__virtq_hook(queue_of(g), &place), -EBADF); /* no notifier yet */
    ck_assert_int_ge(guest_notifier(g, 0), 0);
    ck_assert_int_eq(vemu__virtq_hook(queue_of(g), &place), 0);
    ck_assert_int_ge(atomic_load(&event.fd), 0);
    guest_start(g, VEMU_VIRTIO_F_EVENT_IDX, 1);
    queue_of(g)->quick_ns = INT64_MAX; /* however slow the machine is */
    return g;
}

/* As the guest's store would do it. */
static void ring(struct guest *g)
{
    static const uint64_t once = 1;
    int fd = atomic_load(&event.fd);

    if (fd < 0)
        g->t->notify(g, 0);
    else
        ck_assert_int_eq(write(fd, &once, sizeof(once)), sizeof(once));
}

static void request(struct guest *g, bool want_interrupt)
{
    const struct guest_buffer b = { guest_alloc(g, 16, 16), 16, true };
    uint32_t len;

    g->heap -= 16;
    guest_want_interrupt(g, &g->queues[0], want_interrupt);
    guest_add(g, &g->queues[0], &b, 1);
    ring(g);
    ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    fake_sync(g->vm); /* the loop is out of the queue: the next one needs a doorbell */
    ck_assert(g->t->queue_interrupt(g, 0) || !want_interrupt);
}

/* How many requests until the doorbell changes its way; MANY: it does not. */
static unsigned until_changed(struct guest *g, bool want_interrupt, unsigned many)
{
    const bool before = atomic_load(&event.fd) >= 0;
    unsigned n;

    for (n = 0; n < many && before == (atomic_load(&event.fd) >= 0); n++)
        request(g, want_interrupt);
    return n;
}

START_TEST(test_quick)
{
    struct guest *g = start();
    unsigned n = until_changed(g, true, MANY);

    ck_assert_uint_gt(n, 8); /* not at once */
    ck_assert_uint_lt(n, MANY);
    ck_assert_int_eq(atomic_load(&event.fd), -1);
    ck_assert_uint_eq(until_changed(g, true, 100), 100);
    ck_assert_uint_eq(atomic_load(&event.removes), 1);
    guest_free(g);
    ck_assert_uint_eq(atomic_load(&event.adds), 1);
}
END_TEST

/* What is not interrupted for, not answered on the spot, or takes long stays with the loop. */
START_TEST(test_not_quick)
{
    struct guest *g = start();

    ck_assert_uint_eq(until_changed(g, false, 200), 200);
    queue_of(g)->quick_ns = 0;
    ck_assert_uint_eq(until_changed(g, true, 200), 200);
    queue_of(g)->quick_ns = INT64_MAX;
    ck_assert_uint_eq(atomic_load(&event.removes), 0);
    guest_free(g);
    ck_assert_uint_eq(atomic_load(&event.removes), 1); /* with the device */
}
END_TEST

static void set_hold(struct guest *g, bool hold)
{
    pthread_mutex_lock(&g->dev->lock);
    ((struct echo *)g->vdev)->hold = hold;
    pthread_mutex_unlock(&g->dev->lock);
}

static void request_late(struct guest *g)
{
    struct echo *echo = (struct echo *)g->vdev;
    const struct guest_buffer b = { guest_alloc(g, 16, 16), 16, true };
    uint32_t len;

    g->heap -= 16;
    set_hold(g, true);
    guest_add(g, &g->queues[0], &b, 1);
    ring(g);
    for (unsigned tries = 0; tries < 25000; tries++) {
        unsigned held;

        pthread_mutex_lock(&g->dev->lock);
        held = echo->held_count;
        pthread_mutex_unlock(&g->dev->lock);
        if (held)
            break;
        g_usleep(1000);
    }
    echo_release(echo, 0);
    ck_assert_int_ge(guest_wait(g, &g->queues[0], &len), 0);
    fake_sync(g->vm);
    set_hold(g, false);
}

/* There and back, and each time it takes longer to be tried again. */
START_TEST(test_return)
{
    struct guest *g = start();
    unsigned first = until_changed(g, true, MANY), back = 0, second;

    ck_assert_int_eq(atomic_load(&event.fd), -1);
    while (atomic_load(&event.fd) < 0 && back++ < MANY)
        request_late(g);
    ck_assert_uint_lt(back, MANY);
    ck_assert_uint_gt(back, 4);
    second = until_changed(g, true, MANY);
    ck_assert_uint_gt(second, first);
    ck_assert_uint_lt(second, MANY);
    /* As many that are not quick as ones that are: it may stay. */
    for (unsigned n = 0; n < 50; n++) {
        request(g, true);
        request_late(g);
    }
    ck_assert_int_eq(atomic_load(&event.fd), -1);
    guest_free(g);
}
END_TEST

/* An accelerator that cannot: nothing is lost. */
START_TEST(test_refused)
{
    struct guest *g = start();
    struct vemu_virtq *q = queue_of(g);

    event.fail = ENOSPC;
    ck_assert_uint_eq(until_changed(g, true, 100), 100); /* it keeps the doorbell */
    event.fail = 0;
    ck_assert_uint_lt(until_changed(g, true, MANY), MANY);
    event.fail = ENOSPC;
    for (unsigned n = 0; n < 100; n++)
        request_late(g);
    ck_assert_int_eq(atomic_load(&event.fd), -1);
    request(g, true);
    pthread_mutex_lock(&g->dev->lock);
    ck_assert_int_eq(vemu__virtq_hook(q, &place), -ENOSPC);
    pthread_mutex_unlock(&g->dev->lock);
    request(g, true);
    guest_free(g);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_quick, test_not_quick, test_return, test_refused, NULL };

    return run_tests("virtio-doorbell", tests);
}
