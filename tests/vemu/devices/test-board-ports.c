/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The small ports of a board: keyboard controller, resets, debug exit and console, POST, pvpanic,
 * ACPI.
 */
#include <stdlib.h>
#include <string.h>

#include "devices/acpi-pm/acpi-pm.h"
#include "devices/devices.h"
#include "devices/pvpanic/pvpanic.h"
#include "mock.h"
#include "suite.h"

#define NS 1000000000ll

START_TEST(test_i8042)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_i8042, NULL);

    ck_assert_uint_eq(inb(vm, 0x64) & 0x03, 0);
    outb(vm, 0x64, 0xaa);
    ck_assert_uint_eq(inb(vm, 0x64) & 0x01, 1);
    ck_assert_uint_eq(inb(vm, 0x60), 0x55);
    ck_assert_uint_eq(inb(vm, 0x64) & 0x01, 0);
    outb(vm, 0x64, 0x60);
    outb(vm, 0x60, 0x47);
    outb(vm, 0x64, 0x20);
    ck_assert_uint_eq(inb(vm, 0x60), 0x47);
    outb(vm, 0x64, 0xab);
    ck_assert_uint_eq(inb(vm, 0x60), 0x01); /* a keyboard line that is stuck */
    outb(vm, 0x60, 0xf2);                   /* nobody answers: time-out, with an interrupt */
    ck_assert(vm->irqs[1].level);
    ck_assert_uint_eq(inb(vm, 0x64) & 0x61, 0x41);
    ck_assert_uint_eq(inb(vm, 0x60), 0xfe);
    ck_assert(!vm->irqs[1].level);
    outb(vm, 0x64, 0xd4);
    outb(vm, 0x60, 0xf2);
    ck_assert(vm->irqs[12].level);
    ck_assert_uint_eq(inb(vm, 0x64) & 0x61, 0x61);
    ck_assert_uint_eq(inb(vm, 0x60), 0xfe);
    outb(vm, 0x64, 0xd3); /* no second port: the loop byte comes from the first */
    outb(vm, 0x60, 0x5a);
    ck_assert_uint_eq(inb(vm, 0x64) & 0x21, 0x01);
    ck_assert_uint_eq(inb(vm, 0x60), 0x5a);
    outb(vm, 0x64, 0x65);
    outb(vm, 0x60, 0x99);
    outb(vm, 0x64, 0x25);
    ck_assert_uint_eq(inb(vm, 0x60), 0x99);
    outb(vm, 0x64, 0xdd);
    outb(vm, 0x64, 0xd0);
    ck_assert_uint_eq(inb(vm, 0x60), 0x01);
    outb(vm, 0x64, 0xdf);
    outb(vm, 0x64, 0xd0);
    mock_save_restore(dev);
    ck_assert_uint_eq(inb(vm, 0x60), 0x03);
    ck_assert_uint_eq(vm->resets, 0);
    outb(vm, 0x64, 0xff);
    ck_assert_uint_eq(vm->resets, 0);
    outb(vm, 0x64, 0xfe);
    ck_assert_uint_eq(vm->resets, 1);
    ck_assert_int_eq(vm->reset_cause, VEMU_CAUSE_GUEST_RESET);
    outb(vm, 0x64, 0xd1);
    outb(vm, 0x60, 0x02);
    ck_assert_uint_eq(vm->resets, 2);
    for (unsigned command = 0; command < 0xfe; command++) {
        if (command < 0xf0) {
            outb(vm, 0x64, command);
            outb(vm, 0x60, 0xff);
            inb(vm, 0x60);
        }
    }
    ck_assert_uint_eq(vm->resets, 2);
    mock_free(vm);
}
END_TEST

START_TEST(test_port92)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_port92, NULL);
    ck_assert_uint_eq(inb(vm, 0x92), 0x02);
    outb(vm, 0x92, 0x00);
    ck_assert_uint_eq(inb(vm, 0x92), 0x00);
    outb(vm, 0x92, 0x03);
    outb(vm, 0x92, 0x03);
    ck_assert_uint_eq(vm->resets, 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_reset_port)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_reset_port, NULL);
    outb(vm, 0xcf9, 0x02);
    ck_assert_uint_eq(vm->resets, 0);
    ck_assert_uint_eq(inb(vm, 0xcf9), 0x02);
    outb(vm, 0xcf9, 0x06);
    ck_assert_uint_eq(vm->resets, 1);
    ck_assert_int_eq(vm->reset_cause, VEMU_CAUSE_GUEST_RESET);
    mock_free(vm);
}
END_TEST

START_TEST(test_post_port)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_post_port, NULL);
    outb(vm, 0x80, 0x42);
    ck_assert_uint_eq(inb(vm, 0x80), 0x42);
    ck_assert_uint_eq(vm->progress, 0x42);
    mock_free(vm);
}
END_TEST

START_TEST(test_debug_exit)
{
    struct vemu_vm *vm = mock_new();
    char *message;

    mock_add(vm, &vemu__device_debug_exit, NULL);
    mock_out(vm, 0xf4, 4, 0x12345678);
    ck_assert_uint_eq(vm->shutdowns, 1);
    ck_assert_int_eq(vm->shutdown_cause, VEMU_CAUSE_GUEST_DEBUG_EXIT);
    ck_assert_uint_eq(vm->shutdown_code, 0x12345678);
    outb(vm, 0xf4, 0x31);
    ck_assert_uint_eq(vm->shutdown_code, 0x31);
    ck_assert_uint_eq(inb(vm, 0xf4), 0);
    mock_add(vm, &vemu__device_debug_exit, "iobase=0x501,iosize=2");
    outb(vm, 0x501, 7);
    ck_assert_uint_eq(vm->shutdown_code, 7);
    mock_add_failing(vm, &vemu__device_debug_exit, "iobase=0x600,iosize=3", &message);
    ck_assert_ptr_nonnull(strstr(message, "iosize is 3"));
    free(message);
    mock_free(vm);
}
END_TEST

START_TEST(test_debugcon)
{
    struct vemu_vm *vm = mock_new();
    size_t taken;

    mock_add(vm, &vemu__device_debugcon, "chardev=mock");
    ck_assert_uint_eq(inb(vm, 0xe9), 0xe9);
    outb(vm, 0xe9, 'x');
    ck_assert_mem_eq(vm->output, "x", 1);
    vm->output_room = 0;
    outb(vm, 0xe9, 'y');
    ck_assert_uint_eq(vm->output_size, 1);
    mock_input(vm, "abc", 3, &taken);
    ck_assert_uint_eq(taken, 3);
    mock_free(vm);
}
END_TEST

START_TEST(test_pvpanic)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_pvpanic, NULL);

    ck_assert_uint_eq(vemu__pvpanic_get_port(dev), 0x505);
    ck_assert_uint_eq(inb(vm, 0x505), 0x03);
    outb(vm, 0x505, 0xfc);
    outb(vm, 0x505, 0x02); /* a crash kernel runs: not the end */
    ck_assert_uint_eq(vm->panics, 0);
    outb(vm, 0x505, 0x01);
    ck_assert_uint_eq(vm->panics, 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_acpi_power)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_acpi_pm, NULL);

    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_CONTROL, 2), 1); /* SCI_EN */
    mock_powerdown(vm);
    ck_assert(!vm->irqs[9].level);
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 2) & 0x100, 0x100);
    mock_out(vm, VEMU_ACPI_PM1_EVENT + 2, 2, 0x120);
    ck_assert(vm->irqs[9].level);
    mock_save_restore(dev);
    ck_assert(vm->irqs[9].level);
    mock_out(vm, VEMU_ACPI_PM1_EVENT, 2, 0x100);
    ck_assert(!vm->irqs[9].level);
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 4) >> 16, 0x120);
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 0x2000 | 3 << 10);
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 0x2000 | VEMU_ACPI_S3_TYPE << 10); /* not there */
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 5 << 10);          /* type without enable */
    ck_assert_uint_eq(vm->shutdowns, 0);
    ck_assert_uint_eq(vm->sleeps, 0);
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 0x2000 | VEMU_ACPI_S5_TYPE << 10);
    ck_assert_uint_eq(vm->shutdowns, 1);
    ck_assert_int_eq(vm->shutdown_cause, VEMU_CAUSE_GUEST_SHUTDOWN);
    mock_free(vm);
}
END_TEST

START_TEST(test_acpi_sleep)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_acpi_pm, "s3=on");

    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, VEMU_ACPI_S3_TYPE << 10); /* type without enable */
    ck_assert_uint_eq(vm->sleeps, 0);
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 0x2000 | VEMU_ACPI_S3_TYPE << 10);
    ck_assert_uint_eq(vm->sleeps, 1);
    ck_assert_uint_eq(vm->sleep_wakes, 0);
    mock_out(vm, VEMU_ACPI_PM1_EVENT + 2, 2, 0x400); /* RTC_EN */
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 0x2000 | VEMU_ACPI_S3_TYPE << 10);
    ck_assert_uint_eq(vm->sleep_wakes, VEMU_WAKE_BIT(VEMU_WAKE_RTC));
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 2) & 0x8700, 0);
    mock_reset(dev);
    vemu__device_acpi_pm.ops->woken(dev, VEMU_WAKE_RTC);
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 2) & 0x8700, 0x8400);
    ck_assert(!vm->irqs[9].level); /* nothing is enabled yet */
    mock_out(vm, VEMU_ACPI_PM1_EVENT, 2, 0x8400);
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 2) & 0x8700, 0);
    mock_reset(dev);
    vemu__device_acpi_pm.ops->woken(dev, VEMU_WAKE_BUTTON);
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 2) & 0x8700, 0x8100);
    mock_out(vm, VEMU_ACPI_PM1_CONTROL, 2, 0x2000 | VEMU_ACPI_S5_TYPE << 10);
    ck_assert_uint_eq(vm->shutdowns, 1);
    mock_free(vm);
}
END_TEST

START_TEST(test_acpi_timer)
{
    struct vemu_vm *vm = mock_new();
    uint32_t before;

    mock_add(vm, &vemu__device_acpi_pm, NULL);
    before = mock_in(vm, VEMU_ACPI_PM_TIMER, 4);
    mock_advance(vm, NS / 10);
    ck_assert_uint_eq((mock_in(vm, VEMU_ACPI_PM_TIMER, 4) - before) & 0xffffff, 357954);
    mock_out(vm, VEMU_ACPI_PM1_EVENT, 2, 1);
    mock_out(vm, VEMU_ACPI_PM1_EVENT + 2, 2, 1);
    mock_advance(vm, 3 * NS); /* bit 23 changes every 2.34 s */
    ck_assert(vm->irqs[9].level);
    ck_assert_uint_eq(mock_in(vm, VEMU_ACPI_PM1_EVENT, 2) & 1, 1);
    mock_out(vm, VEMU_ACPI_PM1_EVENT, 2, 1);
    ck_assert(!vm->irqs[9].level);
    mock_advance(vm, 3 * NS);
    ck_assert(vm->irqs[9].level);
    mock_out(vm, VEMU_ACPI_PM1_EVENT + 2, 2, 0);
    ck_assert(!mock_timer_armed(vm));
    mock_free(vm);
}
END_TEST

SUITE_MAIN("board-ports", test_i8042, test_port92, test_reset_port, test_post_port, test_debug_exit,
           test_debugcon, test_pvpanic, test_acpi_power, test_acpi_sleep, test_acpi_timer)
