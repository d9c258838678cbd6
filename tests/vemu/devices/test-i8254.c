/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 8254 and port 0x61: modes, latches, BCD, gate, interrupt.
 */
#include <string.h>

#include "devices/devices.h"
#include "mock.h"
#include "suite.h"

#define HZ       1193182ll
#define NS       1000000000ll
#define TICKS(n) (((n)*NS + HZ - 1) / HZ)

static void program(struct vemu_vm *vm, unsigned channel, uint8_t control, unsigned count)
{
    outb(vm, 0x43, channel << 6 | control);
    if ((control >> 4 & 3) != 2) {
        outb(vm, 0x40 + channel, count & 0xff);
    }
    if ((control >> 4 & 3) != 1) {
        outb(vm, 0x40 + channel, count >> 8);
    }
}

static unsigned latch(struct vemu_vm *vm, unsigned channel)
{
    unsigned low;

    outb(vm, 0x43, channel << 6);
    low = inb(vm, 0x40 + channel);
    return low | inb(vm, 0x40 + channel) << 8;
}

static unsigned status(struct vemu_vm *vm, unsigned channel)
{
    outb(vm, 0x43, 0xe0 | 2u << channel);
    return inb(vm, 0x40 + channel);
}

START_TEST(test_rate_generator)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    program(vm, 0, 0x34, 11932); /* 100 Hz */
    mock_advance(vm, NS + 1000);
    ck_assert_uint_ge(vm->irqs[0].rises, 99);
    ck_assert_uint_le(vm->irqs[0].rises, 100);
    mock_advance(vm, TICKS(11932 / 2));
    ck_assert_uint_lt(latch(vm, 0), 11932);
    ck_assert_uint_eq(status(vm, 0), 0xb4);
    program(vm, 0, 0x30, 0); /* one shot: ends the ticks */
    mock_advance(vm, TICKS(65536) + 10);
    ck_assert_uint_le(vm->irqs[0].rises, 102);
    ck_assert(!mock_timer_armed(vm));
    mock_free(vm);
}
END_TEST

START_TEST(test_terminal_count)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    program(vm, 0, 0x30, 1000);
    ck_assert_uint_eq(status(vm, 0) & 0x80, 0);
    mock_advance(vm, TICKS(400));
    ck_assert_uint_eq(latch(vm, 0), 600);
    ck_assert_uint_eq(vm->irqs[0].rises, 0);
    mock_advance(vm, TICKS(600));
    ck_assert_uint_eq(vm->irqs[0].rises, 1);
    ck_assert_uint_eq(status(vm, 0) & 0x80, 0x80);
    mock_advance(vm, TICKS(10)); /* counts on through 65535 */
    ck_assert_uint_gt(latch(vm, 0), 65520);
    ck_assert_uint_eq(vm->irqs[0].rises, 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_strobe)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    program(vm, 0, 0x38, 5000); /* what Linux uses for one-shot events */
    mock_advance(vm, TICKS(5002));
    ck_assert_uint_eq(vm->irqs[0].rises, 1);
    mock_advance(vm, NS);
    ck_assert_uint_eq(vm->irqs[0].rises, 1);
    outb(vm, 0x40, 100); /* a new count starts it again */
    outb(vm, 0x40, 0);
    mock_advance(vm, TICKS(102));
    ck_assert_uint_eq(vm->irqs[0].rises, 2);
    mock_free(vm);
}
END_TEST

START_TEST(test_square_wave_and_bcd)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    outb(vm, 0x61, 1);
    program(vm, 2, 0x36, 1000);
    mock_advance(vm, TICKS(100));
    ck_assert_uint_eq(latch(vm, 2), 800); /* counts by two */
    ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0x20);
    mock_advance(vm, TICKS(500));
    ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0);
    program(vm, 2, 0x31, 0x2500); /* BCD */
    mock_advance(vm, TICKS(1));
    ck_assert_uint_eq(latch(vm, 2), 0x2499);
    program(vm, 2, 0x31, 0); /* 10000 */
    mock_advance(vm, TICKS(1));
    ck_assert_uint_eq(latch(vm, 2), 0x9999);
    mock_free(vm);
}
END_TEST

START_TEST(test_access_modes)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    program(vm, 1, 0x14, 18); /* low byte only */
    ck_assert_uint_eq(inb(vm, 0x41), 18);
    ck_assert_uint_eq(inb(vm, 0x41), 18);
    program(vm, 1, 0x24, 0x1200); /* high byte only */
    ck_assert_uint_eq(inb(vm, 0x41), 0x12);
    program(vm, 1, 0x34, 0x1234);
    ck_assert_uint_eq(inb(vm, 0x41), 0x34);
    ck_assert_uint_eq(inb(vm, 0x41), 0x12);
    ck_assert_uint_eq(inb(vm, 0x43), 0xff);
    /* Read-back of status and count together: status first. */
    outb(vm, 0x43, 0xc4);
    ck_assert_uint_eq(inb(vm, 0x41), 0xb4);
    ck_assert_uint_eq(inb(vm, 0x41), 0x34);
    ck_assert_uint_eq(inb(vm, 0x41), 0x12);
    /* A latched count stays although time passes, and a second latch changes nothing. */
    outb(vm, 0x43, 0x40);
    mock_advance(vm, TICKS(100));
    outb(vm, 0x43, 0x40);
    ck_assert_uint_eq(inb(vm, 0x41), 0x34);
    ck_assert_uint_eq(inb(vm, 0x41), 0x12);
    /* Null count until both bytes are written. */
    outb(vm, 0x43, 0x70);
    ck_assert_uint_eq(status(vm, 1), 0x70);
    outb(vm, 0x41, 1);
    ck_assert_uint_eq(status(vm, 1) & 0x40, 0x40);
    outb(vm, 0x41, 1);
    ck_assert_uint_eq(status(vm, 1) & 0x40, 0);
    mock_free(vm);
}
END_TEST

START_TEST(test_gate)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    program(vm, 2, 0x30, 1000); /* gate is low: stands still */
    mock_advance(vm, TICKS(500));
    ck_assert_uint_eq(latch(vm, 2), 1000);
    outb(vm, 0x61, 1);
    mock_advance(vm, TICKS(500));
    ck_assert_uint_eq(latch(vm, 2), 500);
    outb(vm, 0x61, 0);
    mock_advance(vm, TICKS(5000));
    ck_assert_uint_eq(latch(vm, 2), 500);
    ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0);
    outb(vm, 0x61, 3);
    mock_advance(vm, TICKS(501));
    ck_assert_uint_eq(inb(vm, 0x61) & 0x23, 0x23);
    /* Hardware-triggered one-shot. */
    outb(vm, 0x61, 0);
    program(vm, 2, 0x32, 1000);
    ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0x20);
    outb(vm, 0x61, 1);
    ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0);
    mock_advance(vm, TICKS(1000));
    ck_assert_uint_eq(inb(vm, 0x61) & 0x20, 0x20);
    mock_free(vm);
}
END_TEST

START_TEST(test_refresh_toggles)
{
    struct vemu_vm *vm = mock_new();
    unsigned toggles = 0, last;

    mock_add(vm, &vemu__device_i8254, NULL);
    last = inb(vm, 0x61) & 0x10;
    for (unsigned i = 0; i < 1000; i++) {
        mock_advance(vm, 1000);
        if ((inb(vm, 0x61) & 0x10) != last) {
            last ^= 0x10;
            toggles++;
        }
    }
    ck_assert_uint_ge(toggles, 65); /* a millisecond has 66 refresh requests */
    ck_assert_uint_le(toggles, 67);
    mock_free(vm);
}
END_TEST

START_TEST(test_fast_rates_are_limited)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_i8254, NULL);
    program(vm, 0, 0x34, 2);
    mock_advance(vm, NS / 10);
    ck_assert_uint_le(vm->irqs[0].rises, 501);
    ck_assert_uint_ge(vm->irqs[0].rises, 400);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_i8254, NULL);

    program(vm, 0, 0x34, 11932);
    mock_advance(vm, TICKS(1000));
    mock_save_restore(dev);
    ck_assert_uint_eq(latch(vm, 0), 10932);
    mock_advance(vm, TICKS(11000));
    ck_assert_uint_eq(vm->irqs[0].rises, 1);
    for (unsigned byte = 0; byte < 256; byte++) {
        mock_restore_garbage(dev, (uint8_t)byte);
        for (unsigned port = 0x40; port < 0x44; port++) {
            inb(vm, port);
            inb(vm, port);
        }
        inb(vm, 0x61);
        mock_reset(dev);
    }
    mock_free(vm);
}
END_TEST

/* A count that was loaded long before the machine was made, or will be: no tick is always due. */
START_TEST(test_state_times)
{
    static const int64_t times[] = { INT64_MIN, -1, NS, INT64_MAX };
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_i8254, NULL);
    const struct vemu_state_field *start = dev->class_->state;

    while (strcmp(start->name, "channels[0].start_ns") != 0) {
        start++;
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        mock_reset(dev);
        program(vm, 0, 0x34, 11932);
        mock_advance(vm, 0);
        vm->irqs[0].rises = 0;
        memcpy((char *)dev + start->offset, &times[i], sizeof(times[i]));
        dev->class_->ops->restored(dev);
        mock_advance(vm, NS / 10);
        ck_assert_uint_ge(vm->irqs[0].rises, 9);
        ck_assert_uint_le(vm->irqs[0].rises, 11);
    }
    mock_free(vm);
}
END_TEST

SUITE_MAIN("i8254", test_rate_generator, test_terminal_count, test_strobe, test_square_wave_and_bcd,
           test_access_modes, test_gate, test_refresh_toggles, test_fast_rates_are_limited,
           test_state, test_state_times)
