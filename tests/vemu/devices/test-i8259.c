/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 8259A pair: initialization, priorities, EOI forms, cascade, ELCR, poll, spurious interrupts.
 */
#include "devices/devices.h"
#include "devices/i8259/i8259.h"
#include "mock.h"
#include "suite.h"

static struct vemu_device *pic_new(struct vemu_vm *vm, uint8_t icw4)
{
    struct vemu_device *dev = mock_add(vm, &vemu__device_i8259, NULL);

    outb(vm, 0x20, 0x11);
    outb(vm, 0x21, 0x30);
    outb(vm, 0x21, 0x04);
    outb(vm, 0x21, icw4);
    outb(vm, 0xa0, 0x11);
    outb(vm, 0xa1, 0x38);
    outb(vm, 0xa1, 0x02);
    outb(vm, 0xa1, icw4);
    return dev;
}

static void pulse(struct vemu_device *dev, unsigned n)
{
    vemu__i8259_set_irq(dev, n, true);
    vemu__i8259_set_irq(dev, n, false);
}

START_TEST(test_edge_and_eoi)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    ck_assert(!vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), -1);
    pulse(dev, 4);
    ck_assert(vm->extint);
    ck_assert_uint_eq(inb(vm, 0x20), 0x10); /* IRR */
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x34);
    ck_assert(!vm->extint);
    outb(vm, 0x20, 0x0b);
    ck_assert_uint_eq(inb(vm, 0x20), 0x10); /* ISR */
    pulse(dev, 6);                          /* lower: waits */
    ck_assert(!vm->extint);
    pulse(dev, 1); /* higher: nests */
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x31);
    outb(vm, 0x20, 0x20); /* non-specific EOI: ends 1 */
    ck_assert_uint_eq(inb(vm, 0x20), 0x10);
    outb(vm, 0x20, 0x64); /* specific EOI of 4 */
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x36);
    mock_free(vm);
}
END_TEST

START_TEST(test_mask)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    outb(vm, 0x21, 0xff);
    ck_assert_uint_eq(inb(vm, 0x21), 0xff);
    vemu__i8259_set_irq(dev, 3, true);
    ck_assert(!vm->extint);
    outb(vm, 0x21, 0xf7);
    ck_assert(vm->extint);
    outb(vm, 0x21, 0xff); /* gone before the acknowledge */
    ck_assert(!vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), -1);
    mock_free(vm);
}
END_TEST

START_TEST(test_cascade)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    pulse(dev, 8);
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x38);
    pulse(dev, 12); /* lower on the slave: waits for its EOI */
    ck_assert(!vm->extint);
    outb(vm, 0xa0, 0x20);
    ck_assert(!vm->extint); /* the master still serves the cascade */
    outb(vm, 0x20, 0x20);
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x3c);
    outb(vm, 0xa0, 0x0b);
    ck_assert_uint_eq(inb(vm, 0xa0), 0x10);
    outb(vm, 0x20, 0x0b);
    ck_assert_uint_eq(inb(vm, 0x20), 0x04);
    vemu__i8259_set_irq(dev, 2, true); /* the cascade is not for devices */
    vemu__i8259_set_irq(dev, 16, true);
    ck_assert(!vm->extint);
    mock_free(vm);
}
END_TEST

START_TEST(test_two_slaves_pending)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    pulse(dev, 9);
    pulse(dev, 14);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x39);
    outb(vm, 0xa0, 0x61);
    outb(vm, 0x20, 0x62);
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x3e);
    outb(vm, 0xa0, 0x66);
    outb(vm, 0x20, 0x62);
    ck_assert(!vm->extint);
    mock_free(vm);
}
END_TEST

START_TEST(test_spurious_15)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    vemu__i8259_set_irq(dev, 10, true);
    ck_assert(vm->extint);
    outb(vm, 0xa1, 0xff); /* the request vanishes on the slave; the master has latched it */
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x3f);
    outb(vm, 0xa0, 0x0b);
    ck_assert_uint_eq(inb(vm, 0xa0), 0); /* no in-service bit */
    outb(vm, 0x20, 0x0b);
    ck_assert_uint_eq(inb(vm, 0x20), 0x04);
    mock_free(vm);
}
END_TEST

START_TEST(test_level_triggered)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    outb(vm, 0x4d0, 0xff);
    outb(vm, 0x4d1, 0xff);
    ck_assert_uint_eq(mock_in(vm, 0x4d0, 2), 0xdef8); /* some inputs are always edge */
    vemu__i8259_set_irq(dev, 5, true);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x35);
    outb(vm, 0x20, 0x20);
    ck_assert(vm->extint); /* still asserted */
    vemu__i8259_set_irq(dev, 5, false);
    ck_assert(!vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), -1);
    mock_free(vm);
}
END_TEST

START_TEST(test_auto_eoi_and_rotation)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x03);

    outb(vm, 0x20, 0x80); /* rotate in automatic EOI mode */
    pulse(dev, 3);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x33);
    outb(vm, 0x20, 0x0b);
    ck_assert_uint_eq(inb(vm, 0x20), 0);
    pulse(dev, 1);
    pulse(dev, 4); /* 3 is lowest now, 4 is highest */
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x34);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x31);
    outb(vm, 0x20, 0xc7); /* set priority: 7 lowest again */
    pulse(dev, 4);
    pulse(dev, 1);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x31);
    mock_free(vm);
}
END_TEST

START_TEST(test_rotate_on_eoi)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    pulse(dev, 0);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x30);
    outb(vm, 0x20, 0xa0); /* rotate on non-specific EOI */
    pulse(dev, 0);
    pulse(dev, 7);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x37);
    outb(vm, 0x20, 0xe7); /* rotate on specific EOI */
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x30);
    mock_free(vm);
}
END_TEST

START_TEST(test_special_mask)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    pulse(dev, 1);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x31);
    pulse(dev, 5);
    ck_assert(!vm->extint);
    outb(vm, 0x21, 0x02);
    outb(vm, 0x20, 0x68); /* special mask mode: a masked level does not block */
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x35);
    outb(vm, 0x20, 0x48);
    mock_free(vm);
}
END_TEST

START_TEST(test_special_fully_nested)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x11);

    pulse(dev, 12);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x3c);
    pulse(dev, 8); /* higher on the same slave */
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x38);
    mock_free(vm);
}
END_TEST

START_TEST(test_poll)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    outb(vm, 0x20, 0x0c);
    ck_assert_uint_eq(inb(vm, 0x20), 0x00);
    pulse(dev, 6);
    outb(vm, 0x20, 0x0c);
    ck_assert_uint_eq(inb(vm, 0x20), 0x86);
    ck_assert(!vm->extint);
    outb(vm, 0x20, 0x0b);
    ck_assert_uint_eq(inb(vm, 0x20), 0x40);
    outb(vm, 0x20, 0x20);
    pulse(dev, 11);
    outb(vm, 0xa0, 0x0c);
    ck_assert_uint_eq(inb(vm, 0xa0), 0x83);
    ck_assert(!vm->extint);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = pic_new(vm, 0x01);

    pulse(dev, 4);
    vm->extint = false;
    mock_save_restore(dev);
    ck_assert(vm->extint);
    ck_assert_int_eq(vemu__i8259_ack(dev), 0x34);
    for (unsigned byte = 0; byte < 256; byte++) {
        mock_restore_garbage(dev, (uint8_t)byte);
        vemu__i8259_ack(dev);
        inb(vm, 0x20);
    }
    mock_free(vm);
}
END_TEST

SUITE_MAIN("i8259", test_edge_and_eoi, test_mask, test_cascade, test_two_slaves_pending,
           test_spurious_15, test_level_triggered, test_auto_eoi_and_rotation, test_rotate_on_eoi,
           test_special_mask, test_special_fully_nested, test_poll, test_state)
