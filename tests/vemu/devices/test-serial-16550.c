/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 16550A: registers, FIFOs, interrupt priorities, loop-back, back-pressure.
 */
#include <stdlib.h>
#include <string.h>

#include "devices/devices.h"
#include "devices/serial-16550/serial.h"
#include "mock.h"
#include "suite.h"

#define COM1 0x3f8
#define IRQ  4

static struct vemu_device *serial_new(struct vemu_vm *vm)
{
    return mock_add(vm, &vemu__device_serial_16550, "chardev=mock");
}

static void input(struct vemu_vm *vm, const char *text)
{
    size_t taken;

    mock_input(vm, text, strlen(text), &taken);
    ck_assert_uint_eq(taken, strlen(text));
}

START_TEST(test_output)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    outb(vm, COM1, 'H');
    outb(vm, COM1, 'i');
    ck_assert_uint_eq(vm->output_size, 2);
    ck_assert_mem_eq(vm->output, "Hi", 2);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    ck_assert_uint_eq(vm->irqs[IRQ].rises, 0);
    mock_free(vm);
}
END_TEST

START_TEST(test_divisor_and_scratch)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 3, 0x83);
    outb(vm, COM1, 0x34);
    outb(vm, COM1 + 1, 0x12);
    ck_assert_uint_eq(mock_in(vm, COM1, 2), 0x1234);
    outb(vm, COM1 + 3, 0x03);
    ck_assert_uint_eq(inb(vm, COM1 + 1), 0); /* IER was not touched */
    ck_assert_uint_eq(vm->output_size, 0);
    outb(vm, COM1 + 7, 0xa5);
    ck_assert_uint_eq(inb(vm, COM1 + 7), 0xa5);
    outb(vm, COM1 + 5, 0xff); /* read-only */
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    outb(vm, COM1 + 1, 0xff);
    ck_assert_uint_eq(inb(vm, COM1 + 1), 0x0f);
    outb(vm, COM1 + 4, 0xff);
    ck_assert_uint_eq(inb(vm, COM1 + 4), 0x1f);
    mock_free(vm);
}
END_TEST

START_TEST(test_fifo_detection)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x01);
    outb(vm, COM1 + 2, 0x01);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xc1);
    outb(vm, COM1 + 2, 0x00);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x01);
    mock_free(vm);
}
END_TEST

START_TEST(test_thre_interrupt)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 1, 0x02); /* THR is empty: interrupt at once */
    ck_assert(vm->irqs[IRQ].level);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x02);
    ck_assert(!vm->irqs[IRQ].level); /* reading IIR acknowledges */
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x01);
    for (unsigned i = 0; i < 3; i++) {
        unsigned rises = vm->irqs[IRQ].rises;

        outb(vm, COM1, 'x'); /* each byte makes an edge of its own */
        ck_assert_uint_eq(vm->irqs[IRQ].rises, rises + 1);
    }
    outb(vm, COM1 + 1, 0x00);
    ck_assert(!vm->irqs[IRQ].level);
    mock_free(vm);
}
END_TEST

START_TEST(test_out2_gates)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 4, 0x03);
    outb(vm, COM1 + 1, 0x02);
    ck_assert(!vm->irqs[IRQ].level);
    ck_assert_uint_eq(inb(vm, COM1 + 4), 0x03);
    outb(vm, COM1 + 4, 0x0b);
    ck_assert(vm->irqs[IRQ].level);
    mock_free(vm);
}
END_TEST

START_TEST(test_receive_single)
{
    struct vemu_vm *vm = mock_new();
    size_t taken;

    serial_new(vm);
    outb(vm, COM1 + 1, 0x01);
    mock_input(vm, "ab", 2, &taken);
    ck_assert_uint_eq(taken, 1); /* without FIFO there is room for one byte */
    ck_assert(vm->irqs[IRQ].level);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x04);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x61);
    ck_assert_uint_eq(inb(vm, COM1), 'a');
    ck_assert(!vm->irqs[IRQ].level);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    mock_free(vm);
}
END_TEST

START_TEST(test_receive_fifo)
{
    struct vemu_vm *vm = mock_new();
    size_t taken;

    serial_new(vm);
    outb(vm, COM1 + 2, 0x81); /* trigger at 8 */
    outb(vm, COM1 + 1, 0x01);
    input(vm, "1234567");
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xcc); /* time-out */
    input(vm, "8");
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xc4); /* trigger level */
    mock_input(vm, "9abcdefghij", 11, &taken);
    ck_assert_uint_eq(taken, 8);
    for (unsigned i = 0; i < 16; i++) {
        ck_assert_uint_eq(inb(vm, COM1 + 5), 0x61);
        ck_assert_uint_eq(inb(vm, COM1), (unsigned)"123456789abcdefg"[i]);
    }
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    ck_assert(!vm->irqs[IRQ].level);
    /* An emptied FIFO reads as 0 and changes nothing. */
    ck_assert_uint_eq(inb(vm, COM1), 0);
    input(vm, "xyz");
    outb(vm, COM1 + 2, 0x83); /* receiver reset */
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    mock_free(vm);
}
END_TEST

START_TEST(test_break)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 2, 0x01);
    outb(vm, COM1 + 1, 0x05);
    input(vm, "a");
    mock_break(vm);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0xe1); /* an error somewhere in the FIFO */
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xc4); /* trigger 1: data before the error */
    ck_assert_uint_eq(inb(vm, COM1), 'a');
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xc6); /* line status comes first */
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0xf9);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x61); /* cleared by reading */
    ck_assert_uint_eq(inb(vm, COM1), 0);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xc1);
    mock_free(vm);
}
END_TEST

START_TEST(test_priorities)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 1, 0x0f);
    outb(vm, COM1 + 4, 0x18); /* loop-back with OUT2: the modem inputs change */
    outb(vm, COM1, 'a');
    outb(vm, COM1, 'b'); /* overrun: there is no FIFO */
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x06);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x63);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x04);
    ck_assert_uint_eq(inb(vm, COM1), 'b');
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x02);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x00);
    ck_assert_uint_eq(inb(vm, COM1 + 6) & 0x0f, 0x03); /* CTS and DSR fell, DCD is OUT2 */
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0x01);
    ck_assert(!vm->irqs[IRQ].level);
    mock_free(vm);
}
END_TEST

START_TEST(test_loopback)
{
    struct vemu_vm *vm = mock_new();
    size_t taken;

    serial_new(vm);
    ck_assert_uint_eq(inb(vm, COM1 + 6), 0xb0);
    outb(vm, COM1 + 4, 0x10);
    ck_assert_uint_eq(inb(vm, COM1 + 6), 0x0b);
    outb(vm, COM1 + 4, 0x1f);
    ck_assert_uint_eq(inb(vm, COM1 + 6), 0xfb);
    outb(vm, COM1 + 4, 0x1b);
    ck_assert_uint_eq(inb(vm, COM1 + 6), 0xb4); /* RI fell: trailing edge */
    outb(vm, COM1, 'z');
    ck_assert_uint_eq(vm->output_size, 0);
    ck_assert_uint_eq(inb(vm, COM1), 'z');
    mock_input(vm, "q", 1, &taken);
    ck_assert_uint_eq(taken, 0); /* the line is cut off */
    outb(vm, COM1 + 3, 0x40);    /* break comes back */
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x79);
    outb(vm, COM1 + 3, 0x00);
    outb(vm, COM1 + 4, 0x0b);
    ck_assert_uint_eq(inb(vm, COM1 + 6) & 0xf0, 0xb0);
    mock_free(vm);
}
END_TEST

START_TEST(test_back_pressure)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 2, 0x01);
    outb(vm, COM1 + 1, 0x02);
    inb(vm, COM1 + 2);
    vm->output_room = 3;
    for (unsigned i = 0; i < 8; i++) {
        outb(vm, COM1, 'a' + i);
    }
    ck_assert_uint_eq(vm->output_size, 3);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x00); /* wait */
    inb(vm, COM1 + 2);
    ck_assert(!vm->irqs[IRQ].level);
    mock_writable(vm, 2);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x00);
    mock_writable(vm, 100);
    ck_assert_uint_eq(inb(vm, COM1 + 5), 0x60);
    ck_assert(vm->irqs[IRQ].level); /* THRE */
    ck_assert_uint_eq(vm->output_size, 8);
    ck_assert_mem_eq(vm->output, "abcdefgh", 8);
    mock_free(vm);
}
END_TEST

START_TEST(test_overfull_transmitter)
{
    struct vemu_vm *vm = mock_new();

    serial_new(vm);
    outb(vm, COM1 + 2, 0x01);
    vm->output_room = 0;
    for (unsigned i = 0; i < 40; i++) {
        outb(vm, COM1, 'a' + i % 26);
    }
    mock_writable(vm, 100);
    ck_assert_uint_eq(vm->output_size, 16); /* the FIFO's depth */
    mock_free(vm);
}
END_TEST

START_TEST(test_ports)
{
    struct vemu_vm *vm = mock_new();
    uint16_t iobase;
    unsigned irq;
    char *message;

    mock_add(vm, &vemu__device_serial_16550, NULL);
    vemu__serial_get_resources(mock_add(vm, &vemu__device_serial_16550, NULL), &iobase, &irq);
    ck_assert_uint_eq(iobase, 0x2f8);
    ck_assert_uint_eq(irq, 3);
    vemu__serial_get_resources(mock_add(vm, &vemu__device_serial_16550, "index=3"), &iobase, &irq);
    ck_assert_uint_eq(iobase, 0x2e8);
    vemu__serial_get_resources(mock_add(vm, &vemu__device_serial_16550, "iobase=0x1000,irq=5"),
                               &iobase, &irq);
    ck_assert_uint_eq(iobase, 0x1000);
    ck_assert_uint_eq(irq, 5);
    mock_add(vm, &vemu__device_serial_16550, NULL); /* COM3 */
    mock_add_failing(vm, &vemu__device_serial_16550, NULL, &message);
    ck_assert_ptr_nonnull(strstr(message, "all taken"));
    free(message);
    mock_add_failing(vm, &vemu__device_serial_16550, "index=4", &message);
    ck_assert_ptr_nonnull(strstr(message, "index is 4"));
    free(message);
    outb(vm, 0x3f8, 'x'); /* without a chardev bytes vanish and THRE stays */
    ck_assert_uint_eq(inb(vm, 0x3fd), 0x60);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = serial_new(vm);

    outb(vm, COM1 + 2, 0x81);
    outb(vm, COM1 + 1, 0x01);
    outb(vm, COM1 + 7, 0x77);
    input(vm, "abc");
    vm->output_room = 0;
    outb(vm, COM1, 'T');
    mock_save_restore(dev);
    ck_assert(vm->irqs[IRQ].level);
    ck_assert_uint_eq(inb(vm, COM1 + 7), 0x77);
    ck_assert_uint_eq(inb(vm, COM1 + 2), 0xcc);
    ck_assert_uint_eq(inb(vm, COM1), 'a');
    mock_writable(vm, 10);
    ck_assert_mem_eq(vm->output, "T", 1);
    for (unsigned byte = 0; byte < 256; byte++) {
        mock_restore_garbage(dev, (uint8_t)byte);
        for (unsigned reg = 0; reg < 8; reg++) {
            inb(vm, COM1 + reg);
        }
        vm->output_size = 0;
    }
    mock_free(vm);
}
END_TEST

SUITE_MAIN("serial-16550", test_output, test_divisor_and_scratch, test_fifo_detection,
           test_thre_interrupt, test_out2_gates, test_receive_single, test_receive_fifo, test_break,
           test_priorities, test_loopback, test_back_pressure, test_overfull_transmitter,
           test_ports, test_state)
