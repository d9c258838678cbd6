/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's clock and timers.
 */
#include "test-main.h"

#define MS 1000000ll

static struct fake_device *device;
static struct vemu_vm *make(void)
{
    struct vemu_vm *vm = fake_vm(NULL);

    device = fake_add_device(vm, "dev", NULL);
    OK(vemu_vm_realize(vm, &err));
    return vm;
}

static void set(int64_t deadline)
{
    pthread_mutex_lock(&device->dev.lock);
    vemu_timer_set(device->timer, deadline);
    pthread_mutex_unlock(&device->dev.lock);
}

static unsigned fires(void)
{
    unsigned n;

    pthread_mutex_lock(&device->dev.lock);
    n = device->fires;
    pthread_mutex_unlock(&device->dev.lock);
    return n;
}

START_TEST(clock_stands)
{
    struct vemu_vm *vm = make();
    int64_t now;

    ck_assert_int_eq(vemu_clock_ns(vm), 0);
    OK(vemu_vm_start(vm, &err));
    fake_until(vemu_clock_ns(vm) > 2 * MS);
    OK(vemu_vm_pause(vm, &err));
    now = vemu_clock_ns(vm);
    g_usleep(5000);
    ck_assert_int_eq(vemu_clock_ns(vm), now);
    OK(vemu_vm_resume(vm, &err));
    ck_assert_int_ge(vemu_clock_ns(vm), now);
    ck_assert_int_lt(vemu_clock_ns(vm), now + 1000 * MS);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(fires_once)
{
    struct vemu_vm *vm = make();
    int64_t now;

    OK(vemu_vm_start(vm, &err));
    ck_assert(!vemu_timer_armed(device->timer));
    now = vemu_clock_ns(vm);
    set(now + 20 * MS);
    ck_assert(vemu_timer_armed(device->timer));
    fake_until(fires() == 1);
    ck_assert_int_ge(device->fired_at, now + 20 * MS);
    ck_assert(!vemu_timer_armed(device->timer));
    g_usleep(5000);
    ck_assert_uint_eq(fires(), 1);
    set(0); /* long past */
    fake_until(fires() == 2);
    set(vemu_clock_ns(vm) + 10 * MS);
    set(INT64_MAX);
    ck_assert(!vemu_timer_armed(device->timer));
    g_usleep(20000);
    ck_assert_uint_eq(fires(), 2);
    set(vemu_clock_ns(vm) + 1000 * MS);
    set(vemu_clock_ns(vm) + 1 * MS); /* earlier */
    fake_until(fires() == 3);
    set(INT64_MAX - 1); /* no overflow */
    set(INT64_MIN);
    fake_until(fires() == 4);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(waits_for_the_machine)
{
    struct vemu_vm *vm = make();

    set(0);
    g_usleep(5000);
    ck_assert_uint_eq(fires(), 0); /* not started yet */
    OK(vemu_vm_start(vm, &err));
    fake_until(fires() == 1);
    set(vemu_clock_ns(vm) + 30 * MS);
    OK(vemu_vm_pause(vm, &err));
    g_usleep(50000);
    ck_assert_uint_eq(fires(), 1);
    ck_assert(vemu_timer_armed(device->timer));
    OK(vemu_vm_resume(vm, &err));
    fake_until(fires() == 2);
    set(vemu_clock_ns(vm) + 1000 * MS);
    OK(vemu_vm_stop(vm, &err)); /* armed */
    vemu_vm_unref(vm);
}
END_TEST

static void again(struct fake_device *dev)
{
    if (dev->fires < 50)
        vemu_timer_set(dev->timer, dev->fired_at + MS / 10);
}

START_TEST(periodic)
{
    struct vemu_vm *vm = make();

    device->on_timer = again;
    OK(vemu_vm_start(vm, &err));
    set(0);
    fake_until(fires() == 50);
    vemu_vm_unref(vm);
}
END_TEST

/* Its time has always come. */
static void at_once(struct fake_device *dev)
{
    vemu_timer_set(dev->timer, 0);
}

static void note(void *data)
{
    atomic_store((atomic_bool *)data, true);
}

/* The loop gets to everything else while a timer expires again whenever it has fired. */
START_TEST(keeps_no_loop)
{
    struct vemu_vm *vm = make();
    atomic_bool called = false;

    device->on_timer = at_once;
    OK(vemu_vm_start(vm, &err));
    set(0);
    fake_until(fires() > 10);
    vemu__loop_post(vm->loop, note, &called, NULL);
    fake_until(atomic_load(&called));
    OK(vemu_vm_pause(vm, &err));
    vemu_vm_unref(vm);
}
END_TEST

static int64_t order[100];
static atomic_uint order_count;

static void note_order(struct fake_device *dev)
{
    order[atomic_load(&order_count)] = (int64_t)dev->u64;
    atomic_fetch_add(&order_count, 1);
}

/* Many timers fire in the order of their deadlines, whatever the order they were set in. */
START_TEST(many)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct fake_device *devices[100];
    char id[16], value[16];
    int i;

    for (i = 0; i < 100; i++) {
        snprintf(id, sizeof(id), "d%d", i);
        snprintf(value, sizeof(value), "%d", i);
        devices[i] = fake_add_device(vm, id, "u64", value, NULL);
        devices[i]->on_timer = note_order;
    }
    OK(vemu_vm_realize(vm, &err));
    for (i = 0; i < 100; i++)
        vemu_timer_set(devices[i * 37 % 100]->timer, (i * 37 % 100) * MS / 10);
    for (i = 0; i < 100; i += 3)
        vemu_timer_set(devices[i]->timer, INT64_MAX);
    OK(vemu_vm_start(vm, &err));
    fake_until(atomic_load(&order_count) == 66);
    for (i = 1; i < 66; i++)
        ck_assert_int_gt(order[i], order[i - 1]);
    vemu_vm_unref(vm);
}
END_TEST

static void *keep_setting(void *data)
{
    struct vemu_vm *vm = data;
    int i;

    for (i = 0; i < 3000; i++)
        set(i % 3 == 0 ? INT64_MAX : vemu_clock_ns(vm) + i % 7 * MS / 20);
    return NULL;
}

START_TEST(set_while_firing)
{
    struct vemu_vm *vm = make();
    pthread_t threads[2];
    int i;

    OK(vemu_vm_start(vm, &err));
    for (i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_setting, vm), 0);
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    set(INT64_MAX);
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { clock_stands,  fires_once, waits_for_the_machine, periodic,
                                   keeps_no_loop, many,       set_while_firing,      NULL };

    return run_tests("timer", tests);
}
