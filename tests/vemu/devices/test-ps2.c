/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PS/2 keyboard and mouse behind the keyboard controller: commands, scan codes, packets, queues
 * that are full.
 */
#include <linux/input-event-codes.h>
#include <stdarg.h>
#include <string.h>

#include "devices/devices.h"
#include "mock.h"
#include "suite.h"

static struct vemu_vm *vm;
static struct vemu_device *dev;

static void start(void)
{
    vm = mock_new();
    dev = mock_add(vm, &vemu__device_i8042, "keyboard=on,mouse=on");
}

static void control(uint8_t value)
{
    outb(vm, 0x64, 0x60);
    outb(vm, 0x60, value);
}

/* Reads what waits; fails unless it is these bytes, with that source. */
static void expect(bool from_mouse, unsigned count, ...)
{
    va_list ap;

    va_start(ap, count);
    for (unsigned i = 0; i < count; i++) {
        unsigned want = va_arg(ap, unsigned);

        ck_assert_msg(inb(vm, 0x64) & 1, "byte %u is missing", i);
        ck_assert_msg(!!(inb(vm, 0x64) & 0x20) == from_mouse, "byte %u: wrong device", i);
        ck_assert_uint_eq(inb(vm, 0x60), want);
    }
    va_end(ap);
    ck_assert_msg(!(inb(vm, 0x64) & 1), "more bytes");
}

static void mouse(uint8_t value)
{
    outb(vm, 0x64, 0xd4);
    outb(vm, 0x60, value);
}

static void key(unsigned code, bool down)
{
    mock_event(vm, VEMU_INPUT_KEY, code, down);
}

START_TEST(test_controller)
{
    start();
    outb(vm, 0x64, 0xa9);
    expect(false, 1, 0u);
    outb(vm, 0x64, 0xab);
    expect(false, 1, 0u);
    outb(vm, 0x64, 0xd3); /* the loop test of the second port */
    outb(vm, 0x60, 0x5a);
    expect(true, 1, 0x5au);
    /* A key waits while the keyboard is held, and is told when it is let go. */
    control(0x45 | 0x10);
    key(KEY_A, true);
    ck_assert_uint_eq(inb(vm, 0x64) & 1, 0);
    outb(vm, 0x64, 0xae);
    ck_assert(vm->irqs[1].level);
    expect(false, 1, 0x1eu);
    ck_assert(!vm->irqs[1].level);
    /* Each byte is an edge; an answer of the controller comes before the next one. */
    vm->irqs[1].rises = 0;
    key(KEY_RIGHT, true);
    outb(vm, 0x64, 0x20);
    ck_assert_uint_eq(inb(vm, 0x60), 0xe0);
    ck_assert_uint_eq(inb(vm, 0x60), 0x45);
    expect(false, 1, 0x4du);
    ck_assert_uint_eq(vm->irqs[1].rises, 3);
    mock_free(vm);
}
END_TEST

START_TEST(test_keyboard)
{
    start();
    control(0x01); /* no translation */
    outb(vm, 0x60, 0xff);
    expect(false, 2, 0xfau, 0xaau);
    outb(vm, 0x60, 0xf2);
    expect(false, 3, 0xfau, 0xabu, 0x83u);
    outb(vm, 0x60, 0xee);
    expect(false, 1, 0xeeu);
    outb(vm, 0x60, 0xfe);
    expect(false, 1, 0xeeu); /* again */
    outb(vm, 0x60, 0xed);
    expect(false, 1, 0xfau);
    outb(vm, 0x60, 0x07);
    expect(false, 1, 0xfau);
    outb(vm, 0x60, 0xf0);
    outb(vm, 0x60, 0x00);
    expect(false, 3, 0xfau, 0xfau, 2u);
    outb(vm, 0x60, 0xf0);
    outb(vm, 0x60, 0x03); /* set 3 */
    expect(false, 2, 0xfau, 0xfeu);
    outb(vm, 0x60, 0x12); /* no such command */
    expect(false, 1, 0xfeu);
    key(KEY_A, true);
    key(KEY_A, false);
    expect(false, 3, 0x1cu, 0xf0u, 0x1cu);
    key(KEY_F7, true);
    expect(false, 1, 0x83u);
    key(KEY_UP, true);
    key(KEY_UP, false);
    expect(false, 5, 0xe0u, 0x75u, 0xe0u, 0xf0u, 0x75u);
    key(KEY_PAUSE, true);
    key(KEY_PAUSE, false);
    expect(false, 8, 0xe1u, 0x14u, 0x77u, 0xe1u, 0xf0u, 0x14u, 0xf0u, 0x77u);
    outb(vm, 0x60, 0xf0);
    outb(vm, 0x60, 0x01);
    expect(false, 2, 0xfau, 0xfau);
    key(KEY_A, true);
    key(KEY_A, false);
    key(KEY_DELETE, false);
    expect(false, 4, 0x1eu, 0x9eu, 0xe0u, 0xd3u);
    outb(vm, 0x60, 0xf5); /* silent */
    expect(false, 1, 0xfau);
    key(KEY_A, true);
    expect(false, 0);
    outb(vm, 0x60, 0xf4);
    expect(false, 1, 0xfau);
    key(KEY_B, true);
    expect(false, 1, 0x32u); /* set 2 again */
    mock_free(vm);
}
END_TEST

START_TEST(test_translation)
{
    start();
    control(0x41);
    outb(vm, 0x60, 0xf2);
    expect(false, 3, 0xfau, 0xabu, 0x41u);
    /* All keys that have a code come out as it, pressed and released. */
    for (size_t i = 0; i < vemu__key_count; i++) {
        const struct vemu_key *k = &vemu__keys[i];
        unsigned code = k->set1 & 0xff;

        if (!k->set1 || k->code == KEY_PAUSE)
            continue;
        key(k->code, true);
        key(k->code, false);
        k = vemu__key_by_code(k->code);
        if (k->set1 >> 8)
            expect(false, 4, 0xe0u, code, 0xe0u, code | 0x80);
        else
            expect(false, 2, code, code | 0x80);
    }
    /* Names are sorted, and found. */
    for (size_t i = 0; i < vemu__key_count; i++) {
        ck_assert(!i || strcmp(vemu__keys[i - 1].name, vemu__keys[i].name) < 0);
        ck_assert_ptr_eq(vemu__key_find(vemu__keys[i].name), &vemu__keys[i]);
    }
    ck_assert_ptr_null(vemu__key_find("no-such"));
    ck_assert_uint_eq(vemu__key_by_number(0x1e)->code, KEY_A);
    ck_assert_uint_eq(vemu__key_by_number(0xcd)->code, KEY_RIGHT);
    ck_assert_ptr_null(vemu__key_by_number(0x1000));
    mock_free(vm);
}
END_TEST

START_TEST(test_overrun)
{
    unsigned codes = 0, overruns = 0;

    start();
    control(0x10); /* nobody reads */
    for (int i = 0; i < 100; i++)
        key(KEY_A, true);
    outb(vm, 0x64, 0xae);
    while (inb(vm, 0x64) & 1) {
        uint8_t byte = (uint8_t)inb(vm, 0x60);

        codes += byte == 0x1c;
        overruns += byte == 0x00;
    }
    ck_assert_uint_ge(codes, 16);
    ck_assert_uint_eq(overruns, 1);
    key(KEY_B, true);
    expect(false, 1, 0x32u);
    mock_free(vm);
}
END_TEST

START_TEST(test_mouse)
{
    start();
    control(0x47);
    mock_event(vm, VEMU_INPUT_REL, REL_X, 5); /* not asked to report */
    mouse(0xff);
    expect(true, 3, 0xfau, 0xaau, 0u);
    mouse(0xf2);
    expect(true, 2, 0xfau, 0u);
    mouse(0xf4);
    expect(true, 1, 0xfau);
    ck_assert(!vm->irqs[12].level);
    mock_event(vm, VEMU_INPUT_REL, REL_X, 5);
    ck_assert(vm->irqs[12].level);
    expect(true, 3, 0x08u, 5u, 0u);
    mock_event(vm, VEMU_INPUT_REL, REL_Y, 3); /* down is negative */
    expect(true, 3, 0x28u, 0u, 0xfdu);
    mock_event(vm, VEMU_INPUT_BUTTON, BTN_RIGHT, 1);
    expect(true, 3, 0x0au, 0u, 0u);
    mock_event(vm, VEMU_INPUT_REL, REL_X, -300); /* two packets */
    expect(true, 6, 0x1au, 0x01u, 0u, 0x1au, 0xd3u, 0u);
    mouse(0xe9);
    expect(true, 4, 0xfau, 0x21u, 2u, 100u);
    /* The wheel, for who knocks. */
    for (const char *rate = "\310\144\120"; *rate; rate++) { /* 200, 100, 80 */
        mouse(0xf3);
        mouse((uint8_t)*rate);
        expect(true, 2, 0xfau, 0xfau);
    }
    mouse(0xf2);
    expect(true, 2, 0xfau, 3u);
    mock_event(vm, VEMU_INPUT_REL, REL_WHEEL, 1);
    expect(true, 4, 0x0au, 0u, 0u, 0xffu);
    for (const char *rate = "\310\310\120"; *rate; rate++) {
        mouse(0xf3);
        mouse((uint8_t)*rate);
        expect(true, 2, 0xfau, 0xfau);
    }
    mock_event(vm, VEMU_INPUT_BUTTON, BTN_SIDE, 1);
    expect(true, 4, 0x0au, 0u, 0u, 0x10u);
    /* On demand, and echoing. */
    mouse(0xf0);
    mouse(0xeb);
    expect(true, 6, 0xfau, 0xfau, 0x0au, 0u, 0u, 0x10u);
    mouse(0xee);
    mouse(0x55);
    expect(true, 2, 0xfau, 0x55u);
    mouse(0xec);
    expect(true, 1, 0xfau);
    mouse(0x01);
    expect(true, 1, 0xfeu);
    mock_free(vm);
}
END_TEST

START_TEST(test_mouse_waits)
{
    int total = 0;

    start();
    control(0x40);
    mouse(0xf4);
    inb(vm, 0x60);
    for (int i = 0; i < 1000; i++)
        mock_event(vm, VEMU_INPUT_REL, REL_X, 20);
    while (inb(vm, 0x64) & 1) { /* all of it comes in the end */
        uint8_t head = (uint8_t)inb(vm, 0x60);

        ck_assert_uint_eq(head, 0x08);
        total += (int)inb(vm, 0x60);
        ck_assert_uint_eq(inb(vm, 0x60), 0);
    }
    ck_assert_int_eq(total, 20000);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    start();
    control(0x41);
    key(KEY_A, true);
    key(KEY_UP, true);
    mock_save_restore(dev);
    expect(false, 3, 0x1eu, 0xe0u, 0x48u);
    for (unsigned byte = 0; byte < 256; byte++) {
        mock_restore_garbage(dev, (uint8_t)byte);
        key(KEY_A, true);
        mock_event(vm, VEMU_INPUT_REL, REL_Y, -1);
        for (int i = 0; i < 200; i++)
            inb(vm, 0x60);
        mouse(0xe9);
        outb(vm, 0x60, (uint8_t)byte);
    }
    mock_reset(dev);
    expect(false, 0);
    mock_free(vm);
}
END_TEST

SUITE_MAIN("ps2", test_controller, test_keyboard, test_translation, test_overrun, test_mouse,
           test_mouse_waits, test_state)
