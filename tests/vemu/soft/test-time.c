/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guest time: start, pause, offsets, deadlines, no wake-ups when nothing is armed. */
#include <check.h>
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "accel/soft/sys/sys.h"
#include "harness.h"

static struct sc_harness *h;
static struct sc_cpu *c;

static void setup(void)
{
    h = sc_harness_new_smp(SC_HARNESS_64, 1, 2);
    c = h->cpu;
}
static void teardown(void)
{
    sc_harness_free(h);
}

static uint64_t host(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

START_TEST(rate)
{
    uint64_t h0 = host(), t0 = sc_time_tsc(c), h1, t1;

    usleep(20000);
    t1 = sc_time_tsc(c);
    h1 = host();
    ck_assert_uint_ge(t1 - t0, 20000000);
    ck_assert_uint_le(t1 - t0, h1 - h0);
    ck_assert_uint_le(t1, sc_time_tsc(h->vm.cpus[1])); /* all vCPUs agree */
}
END_TEST

START_TEST(starts_with_the_first_run)
{
    struct sc_vm vm = { .config = { .vcpus = 1 } };

    ck_assert_int_eq(sc_time_init(&vm), 0);
    ck_assert_uint_eq(sc_time_now(&vm), 0);
    usleep(2000);
    ck_assert_uint_eq(sc_time_now(&vm), 0);
    sc_time_start(&vm);
    usleep(1000);
    ck_assert_uint_gt(sc_time_now(&vm), 0);
    ck_assert_uint_lt(sc_time_now(&vm), 1000000000);
    sc_time_fini(&vm);
}
END_TEST

START_TEST(stands_still)
{
    uint64_t a, b;

    sc_time_paused(&h->vm, true);
    a = sc_time_tsc(c);
    usleep(10000);
    ck_assert_uint_eq(sc_time_tsc(c), a);
    sc_time_paused(&h->vm, true); /* twice is the same */
    sc_time_paused(&h->vm, false);
    b = sc_time_tsc(c);
    ck_assert_uint_ge(b, a);
    ck_assert_uint_lt(b - a, 9000000);
    sc_time_paused(&h->vm, false);
    ck_assert_uint_lt(sc_time_tsc(c) - a, 9000000000ull);
}
END_TEST

/* Arms through the LAPIC as guests do: the deadline only counts when it is the LAPIC's. */
static void arm(uint64_t ns)
{
    sc_lapic_write(c, 0xf0, 0x1ff);
    sc_lapic_write(c, 0x320, 0x40000 | 0x55);
    ck_assert_int_eq(sc_lapic_wrmsr(c, 0x6e0, sc_time_tsc(c) + ns), 0);
    atomic_store(&c->async, 0);
}

static bool fired_within(unsigned ms)
{
    for (unsigned n = 0; n < ms; n++) {
        if (atomic_load(&c->async) & SC_A_INTR)
            return true;
        usleep(1000);
    }
    return false;
}

START_TEST(deadline_and_pause)
{
    arm(10000000);
    sc_time_paused(&h->vm, true);
    ck_assert(!fired_within(40)); /* guest time stands still */
    sc_time_paused(&h->vm, false);
    ck_assert(fired_within(3000));
    ck_assert_int_eq(sc_lapic_pending(c), 0x55);
}
END_TEST

START_TEST(earlier_and_later)
{
    arm(3600ull * 1000000000u);
    ck_assert(!fired_within(5));
    arm(1000000); /* earlier than what the timer is set to */
    ck_assert(fired_within(3000));
    sc_lapic_ack(c);
    sc_lapic_write(c, 0xb0, 0);
    arm(20000000);
    arm(3600ull * 1000000000u); /* later: the old expiry must not count */
    fired_within(60);
    ck_assert_int_eq(sc_lapic_pending(c), -1);
    arm(UINT64_MAX / 2); /* never */
    arm(UINT64_MAX - sc_time_tsc(c));
    ck_assert(!fired_within(5));
    ck_assert_int_eq(sc_lapic_wrmsr(c, 0x6e0, 0), 0);
}
END_TEST

static unsigned threads(void)
{
    DIR *d = opendir("/proc/self/task");
    unsigned n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

START_TEST(lazy_thread)
{
    unsigned before = threads(), after;

    arm(3600ull * 1000000000u);
    after = threads(); /* a sanitizer may add one of its own */
    ck_assert_uint_gt(after, before);
    ck_assert_int_eq(sc_lapic_wrmsr(c, 0x6e0, 0), 0);
    arm(3600ull * 1000000000u);
    ck_assert_uint_eq(threads(), after);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("soft-time");
    TCase *t = tcase_create("time");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, rate);
    tcase_add_test(t, starts_with_the_first_run);
    tcase_add_test(t, stands_still);
    tcase_add_test(t, deadline_and_pause);
    tcase_add_test(t, earlier_and_later);
    tcase_add_test(t, lazy_thread);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
