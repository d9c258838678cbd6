/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MC146818: time formats, setting, update in progress, interrupts, CMOS memory.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "devices/devices.h"
#include "mock.h"
#include "suite.h"

#define NS  1000000000ll
#define IRQ 8

static unsigned get(struct vemu_vm *vm, unsigned index)
{
    outb(vm, 0x70, index);
    return inb(vm, 0x71);
}

static void set(struct vemu_vm *vm, unsigned index, unsigned value)
{
    outb(vm, 0x70, index);
    outb(vm, 0x71, value);
}

/* Stops, sets 2026-02-28 23:59:58, starts. */
static void set_time(struct vemu_vm *vm)
{
    set(vm, 11, 0x82);
    set(vm, 0, 0x58);
    set(vm, 2, 0x59);
    set(vm, 4, 0x23);
    set(vm, 7, 0x28);
    set(vm, 8, 0x02);
    set(vm, 9, 0x26);
    set(vm, 0x32, 0x20);
    set(vm, 11, 0x02);
}

START_TEST(test_host_time)
{
    struct vemu_vm *vm = mock_new();
    time_t before = time(NULL), now;
    struct tm tm = { 0 };

    mock_add(vm, &vemu__device_rtc, NULL);
    set(vm, 11, 0x06); /* binary */
    tm.tm_sec = (int)get(vm, 0);
    tm.tm_min = (int)get(vm, 2);
    tm.tm_hour = (int)get(vm, 4);
    tm.tm_mday = (int)get(vm, 7);
    tm.tm_mon = (int)get(vm, 8) - 1;
    tm.tm_year = (int)get(vm, 9) + 100;
    ck_assert_uint_eq(get(vm, 0x32), 0x20);
    now = timegm(&tm);
    ck_assert(now >= before && now <= time(NULL) + 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_rollover)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    ck_assert_uint_eq(get(vm, 0), 0x58);
    mock_advance(vm, 2 * NS + 1);
    ck_assert_uint_eq(get(vm, 0), 0x00);
    ck_assert_uint_eq(get(vm, 2), 0x00);
    ck_assert_uint_eq(get(vm, 4), 0x00);
    ck_assert_uint_eq(get(vm, 7), 0x01);
    ck_assert_uint_eq(get(vm, 8), 0x03);
    ck_assert_uint_eq(get(vm, 6), 0x01); /* a Sunday */
    ck_assert_uint_eq(get(vm, 9), 0x26);
    mock_free(vm);
}
END_TEST

START_TEST(test_formats)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    set(vm, 11, 0x00); /* BCD, 12 hours */
    ck_assert_uint_eq(get(vm, 4), 0x91);
    set(vm, 11, 0x04); /* binary, 12 hours */
    ck_assert_uint_eq(get(vm, 4), 0x8b);
    set(vm, 11, 0x06); /* binary, 24 hours */
    ck_assert_uint_eq(get(vm, 4), 23);
    ck_assert_uint_eq(get(vm, 0), 58);
    set(vm, 11, 0x80); /* 12 hours: 12 at night is 0 */
    set(vm, 4, 0x12);
    set(vm, 11, 0x00);
    set(vm, 11, 0x02);
    ck_assert_uint_eq(get(vm, 4), 0x00);
    mock_free(vm);
}
END_TEST

START_TEST(test_set_freezes)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    set(vm, 11, 0x82);
    mock_advance(vm, 10 * NS);
    ck_assert_uint_eq(get(vm, 0), 0x58);
    ck_assert_uint_eq(get(vm, 10) & 0x80, 0);
    set(vm, 11, 0x02);
    mock_advance(vm, NS);
    ck_assert_uint_eq(get(vm, 0), 0x59);
    mock_free(vm);
}
END_TEST

START_TEST(test_update_in_progress)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    mock_advance(vm, NS / 2);
    ck_assert_uint_eq(get(vm, 10), 0x26);
    mock_advance(vm, NS / 2 - 100000);
    ck_assert_uint_eq(get(vm, 10), 0xa6);
    mock_advance(vm, 100000);
    ck_assert_uint_eq(get(vm, 10), 0x26);
    mock_free(vm);
}
END_TEST

START_TEST(test_update_interrupt)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    get(vm, 12);
    set(vm, 11, 0x12);
    ck_assert(!vm->irqs[IRQ].level);
    mock_advance(vm, NS);
    ck_assert(vm->irqs[IRQ].level);
    ck_assert_uint_eq(get(vm, 12) & 0x90, 0x90);
    ck_assert(!vm->irqs[IRQ].level);
    ck_assert_uint_eq(get(vm, 12), 0);
    mock_advance(vm, NS);
    ck_assert_uint_eq(vm->irqs[IRQ].rises, 2);
    set(vm, 11, 0x02);
    get(vm, 12);
    ck_assert(!mock_timer_armed(vm));
    mock_advance(vm, NS);
    ck_assert_uint_eq(get(vm, 12) & 0x90, 0x10); /* the flag alone */
    mock_free(vm);
}
END_TEST

START_TEST(test_alarm)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    set(vm, 1, 0x01);
    set(vm, 3, 0xff);
    set(vm, 5, 0xff);
    set(vm, 11, 0x22);
    mock_advance(vm, 2 * NS + NS / 2);
    ck_assert(!vm->irqs[IRQ].level);
    mock_advance(vm, NS);
    ck_assert(vm->irqs[IRQ].level);
    ck_assert_uint_eq(get(vm, 12) & 0xa0, 0xa0);
    mock_advance(vm, 60 * NS); /* every minute */
    ck_assert_uint_eq(vm->irqs[IRQ].rises, 2);
    set(vm, 0x0b, 0x82);
    set(vm, 1, 0x00); /* 00:01:00, two seconds and a minute after the time set */
    set(vm, 3, 0x01);
    set(vm, 5, 0x00);
    set_time(vm);
    get(vm, 12);
    set(vm, 11, 0x22);
    mock_advance(vm, 62 * NS - 1000);
    ck_assert(!vm->irqs[IRQ].level);
    mock_advance(vm, 2000);
    ck_assert(vm->irqs[IRQ].level);
    set(vm, 5, 0x77); /* matches no hour */
    get(vm, 12);
    ck_assert(!mock_timer_armed(vm));
    mock_free(vm);
}
END_TEST

/* What the clock says when the machine falls asleep: when it wakes it, and to firmware, why. */
START_TEST(test_sleep)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_rtc, NULL);
    int64_t ns;

    ck_assert_int_eq(vemu__device_rtc.ops->sleep(dev), INT64_MAX);
    ck_assert_uint_eq(get(vm, 15), 0xfe);
    mock_reset(dev); /* a boot after all */
    ck_assert_uint_eq(get(vm, 15), 0);
    set(vm, 1, 0xff);
    set(vm, 3, 0xff);
    set(vm, 5, 0xff);
    set(vm, 11, 0x22); /* each second */
    ns = vemu__device_rtc.ops->sleep(dev);
    ck_assert_msg(ns > 0 && ns <= NS, "%lld", (long long)ns);
    mock_advance(vm, 2 * NS); /* it came */
    ck_assert_int_eq(vemu__device_rtc.ops->sleep(dev), 0);
    dev->waking = true;
    mock_reset(dev);
    ck_assert_uint_eq(get(vm, 15), 0xfe);
    set(vm, 15, 0x0a); /* a guest's own words stay */
    dev->waking = false;
    mock_reset(dev);
    ck_assert_uint_eq(get(vm, 15), 0x0a);
    set(vm, 5, 0x77); /* no hour */
    set(vm, 11, 0x22);
    ck_assert_int_eq(vemu__device_rtc.ops->sleep(dev), INT64_MAX);
    mock_free(vm);
}
END_TEST

/* An alarm at a second that no minute has costs no more than another: at a second's look at each
 * of a day these would take hours. */
START_TEST(test_alarm_never)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, NULL);
    set_time(vm);
    set(vm, 5, 0xff);
    set(vm, 3, 0xff);
    set(vm, 11, 0x22);
    for (unsigned i = 0; i < 1000000; i++) {
        set(vm, 1, 0x60 + i % 0x60);
    }
    mock_advance(vm, 86401 * NS);
    ck_assert_uint_eq(vm->irqs[IRQ].rises, 0);
    set(vm, 1, 0x59);
    mock_advance(vm, 61 * NS);
    ck_assert_uint_eq(vm->irqs[IRQ].rises, 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_periodic)
{
    struct vemu_vm *vm = mock_new();
    unsigned count = 0;

    mock_add(vm, &vemu__device_rtc, NULL);
    set(vm, 11, 0x42); /* 1024 Hz */
    for (unsigned i = 0; i < 10000; i++) {
        mock_advance(vm, 100000);
        if (vm->irqs[IRQ].level) {
            ck_assert_uint_eq(get(vm, 12) & 0xc0, 0xc0);
            count++;
        }
    }
    ck_assert_uint_ge(count, 1022);
    ck_assert_uint_le(count, 1025);
    set(vm, 10, 0x20); /* rate 0: none */
    get(vm, 12);
    ck_assert(!mock_timer_armed(vm));
    mock_free(vm);
}
END_TEST

/* The number of events about the clock so far, which must say that it is this far ahead of
 * `base`. */
static unsigned told(struct vemu_vm *vm, time_t base, const char *time_set)
{
    struct tm tm = { 0 };
    uint64_t value;
    int type;
    unsigned n = mock_posted(vm, &type, &value);

    ck_assert_ptr_nonnull(strptime(time_set, "%Y-%m-%dT%H:%M:%S", &tm));
    ck_assert_int_eq(type, VEMU_EVENT_RTC_CHANGED);
    /* the host's clock goes on meanwhile */
    ck_assert_int_le((int64_t)value, timegm(&tm) - base + 1);
    ck_assert_int_ge((int64_t)value, timegm(&tm) - base - 60);
    return n;
}

START_TEST(test_told)
{
    struct vemu_vm *vm = mock_new();
    time_t now = time(NULL);
    uint64_t value;
    int type;

    mock_add(vm, &vemu__device_rtc, NULL);
    for (unsigned index = 0; index < 14; index++)
        get(vm, index);
    set(vm, 11, 0x12); /* no time is set by that, or by an alarm */
    set(vm, 1, 0x30);
    ck_assert_uint_eq(mock_posted(vm, &type, &value), 0);
    set_time(vm);
    ck_assert_uint_eq(told(vm, now, "2026-02-28T23:59:58"), 1);
    /* the second time within a second is told when that has passed, however often it is set */
    for (unsigned i = 0; i < 100; i++)
        set_time(vm);
    ck_assert_uint_eq(told(vm, now, "2026-02-28T23:59:58"), 1);
    set(vm, 9, 0x27); /* while it runs: a byte at once */
    mock_advance(vm, NS);
    ck_assert_uint_eq(told(vm, now, "2027-02-28T23:59:58"), 2);
    mock_advance(vm, 10 * NS);
    ck_assert_uint_eq(told(vm, now, "2027-02-28T23:59:58"), 2);
    set_time(vm);
    ck_assert_uint_eq(told(vm, now, "2026-02-28T23:59:58"), 3);
    mock_free(vm);
}
END_TEST

/* What the host gave it, and not UTC, is what it is compared with. */
START_TEST(test_told_base)
{
    struct vemu_vm *vm = mock_new();
    struct tm tm = { .tm_year = 100, .tm_mday = 1 };

    mock_add(vm, &vemu__device_rtc, "base=2000-01-01");
    set_time(vm);
    ck_assert_uint_eq(told(vm, timegm(&tm), "2026-02-28T23:59:58"), 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_base)
{
    struct vemu_vm *vm = mock_new();
    char *message;

    mock_add_failing(vm, &vemu__device_rtc, "base=yesterday", &message);
    ck_assert_ptr_nonnull(strstr(message, "yesterday"));
    free(message);
    mock_add_failing(vm, &vemu__device_rtc, "base=2300-01-01", &message);
    ck_assert_ptr_nonnull(strstr(message, "2106"));
    free(message);
    mock_add(vm, &vemu__device_rtc, "base=1999-12-31T23:59:00");
    ck_assert_uint_eq(get(vm, 0x32), 0x19);
    ck_assert_uint_eq(get(vm, 9), 0x99);
    mock_advance(vm, 61 * NS);
    ck_assert_uint_eq(get(vm, 0x32), 0x20);
    ck_assert_uint_eq(get(vm, 9), 0x00);
    mock_free(vm);
}
END_TEST

START_TEST(test_nvram)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_rtc, "ram-below-4g=0x10000000,ram-above-4g=0x40000000,vcpus=4");
    ck_assert_uint_eq(get(vm, 0x15) | get(vm, 0x16) << 8, 640);
    ck_assert_uint_eq(get(vm, 0x30) | get(vm, 0x31) << 8, 0xffff); /* more than 64 MiB */
    ck_assert_uint_eq(get(vm, 0x34) | get(vm, 0x35) << 8, (256 - 16) * 16);
    ck_assert_uint_eq(get(vm, 0x5b) | get(vm, 0x5c) << 8 | get(vm, 0x5d) << 16, 0x4000);
    ck_assert_uint_eq(get(vm, 0x5f), 3);
    ck_assert_uint_eq(get(vm, 13), 0x80);
    set(vm, 0x40, 0x5a);
    ck_assert_uint_eq(get(vm, 0x40), 0x5a);
    ck_assert_uint_eq(get(vm, 0xc0), 0x5a); /* bit 7 is not part of the index */
    ck_assert_uint_eq(inb(vm, 0x70), 0xff);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_rtc, NULL);

    set_time(vm);
    set(vm, 0x40, 0x5a);
    mock_save_restore(dev);
    ck_assert_uint_eq(get(vm, 0x40), 0x5a);
    ck_assert_uint_eq(get(vm, 9), 0x26);
    for (unsigned byte = 0; byte < 256; byte++) {
        mock_restore_garbage(dev, (uint8_t)byte);
        for (unsigned i = 0; i < 128; i++) {
            get(vm, i);
            set(vm, i, byte);
        }
        mock_advance(vm, NS / 100);
    }
    mock_free(vm);
}
END_TEST

SUITE_MAIN("rtc-mc146818", test_host_time, test_rollover, test_formats, test_set_freezes,
           test_update_in_progress, test_update_interrupt, test_alarm, test_alarm_never, test_sleep,
           test_periodic, test_told, test_told_base, test_base, test_nvram, test_state)
