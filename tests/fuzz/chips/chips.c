/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of a PC's chips: interrupt controllers, timer, clock, serial port, keyboard controller,
 * ACPI's power management, firmware configuration, and the ports of one register each. They are
 * on one board of tests/vemu/devices/mock.h, and wired: what one does to its line the controllers
 * see. A guest writes and reads them as it likes while time passes or leaps, somebody types, output
 * is not taken, and saved states come that are not theirs. What must hold: no timer rings again
 * and again at the same moment, vectors and messages are such, and after a reset each chip does
 * what it is for.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and runs
 * as a test: fuzz-chips [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <linux/input-event-codes.h>

#include "../ops/ops.h"
#include "devices/acpi-pm/acpi-pm.h"
#include "devices/devices.h"
#include "devices/fw-cfg/fw-cfg.h"
#include "devices/i8259/i8259.h"
#include "devices/ioapic/ioapic.h"
#include "mock.h"

#define OPS_MAX 400
#define RAM     (64u << 10)
#define COMMAND 0x100u /* of fw_cfg, in guest memory */
#define COM1    0x3f8
#define RINGS   16u /* of timers, at one moment */

enum {
    OUT,
    IN,
    CLOCK,
    MOUSE,
    IOAPIC,
    PASS,
    LEAP,
    LINE,
    ACK,
    EOI,
    INPUT,
    BREAK,
    ROOM,
    TYPE,
    POWER,
    FW_CFG,
    RESTORE,
    RESET,
    KINDS
};

static const struct chip {
    const struct vemu_device_class *class_;
    const char *props;
} chips[] = {
    { &vemu__device_i8259, NULL },
    { &vemu__device_ioapic, NULL },
    { &vemu__device_i8254, NULL },
    { &vemu__device_rtc, NULL },
    { &vemu__device_serial_16550, "chardev=mock" },
    { &vemu__device_i8042, "keyboard=on,mouse=on" },
    { &vemu__device_acpi_pm, "s3=on" },
    { &vemu__device_fw_cfg, NULL },
    { &vemu__device_port92, NULL },
    { &vemu__device_reset_port, NULL },
    { &vemu__device_post_port, NULL },
    { &vemu__device_debug_exit, "iobase=0xf4" },
    { &vemu__device_debugcon, "iobase=0xe9,chardev=log" },
    { &vemu__device_pvpanic, NULL },
};
/* Places in the table. */
enum { PIC, APIC, PIT, RTC, SERIAL, KEYBOARD, PM, FW, CHIPS = G_N_ELEMENTS(chips) };

static struct vemu_vm *vm;
static struct vemu_device *devices[CHIPS];
static uint8_t ram[RAM];

/* --- board ------------------------------------------------------------------------------------ */

int vemu_dma_read(struct vemu_vm *v, uint64_t gpa, void *buf, size_t size)
{
    if (gpa > RAM || size > RAM - gpa)
        return -1;
    memcpy(buf, ram + gpa, size);
    return 0;
}

int vemu_dma_write(struct vemu_vm *v, uint64_t gpa, const void *buf, size_t size)
{
    if (gpa > RAM || size > RAM - gpa)
        return -1;
    memcpy(ram + gpa, buf, size);
    return 0;
}

static void line(unsigned n, bool level)
{
    if (n < 16)
        vemu__i8259_set_irq(devices[PIC], n, level);
    vemu__ioapic_set_pin(devices[APIC], n == 0 ? 2 : n, level);
}

static void wire(struct vemu_vm *v, unsigned n, bool level)
{
    line(n, level);
}

static void file_written(void *data, const void *file) {}

static void board_init(void)
{
    vm = mock_new();
    memset(ram, 0, sizeof(ram));
    for (unsigned n = 0; n < CHIPS; n++)
        devices[n] = mock_add(vm, chips[n].class_, chips[n].props);
    vm->wire = wire;
    if (vemu__fw_cfg_set_file(devices[FW], "etc/some", "some text", 9) < 0 ||
        vemu__fw_cfg_add_writable(devices[FW], "etc/mine", 32, file_written, NULL) < 0)
        abort();
}

/* --- guest ------------------------------------------------------------------------------------ */

static uint16_t port_of(const struct fuzz_op *op)
{
    static const uint16_t ports[] = {
        0x20, 0x21, 0xa0, 0xa1,     0x4d0, 0x4d1, 0x40,  0x41,  0x42,  0x43,  0x61,  0x70,  0x71,
        0x70, 0x71, COM1, COM1 + 1, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x60,  0x64,  0x92,  0xcf9,
        0x80, 0xf4, 0xe9, 0x505,    0x600, 0x602, 0x604, 0x608, 0x510, 0x511, 0x514, 0x518,
    };

    return (uint16_t)(ports[op->what % G_N_ELEMENTS(ports)] +
                      (op->small >> 13 ? 0 : op->small % 4));
}

static unsigned size_of(const struct fuzz_op *op)
{
    return op->small & 3 ? 1 : 1u << (op->small >> 2) % 3;
}

/* All that is due now: each timer may have been late for several reasons, but not for ever. */
static void ring(void)
{
    for (unsigned n = 0; mock_fire(vm); n++)
        if (n == RINGS * CHIPS)
            abort();
}

static void leap(const struct fuzz_op *op)
{
    vm->now_ns += (int64_t)op->value << op->what % 16;
    ring();
}

/* Text on its way in: as much as the port takes. */
static void input(const struct fuzz_op *op)
{
    uint8_t text[64];
    size_t taken;

    memset(text, op->what, sizeof(text));
    mock_input(vm, text, op->small % sizeof(text), &taken);
    if (taken > op->small % sizeof(text))
        abort();
}

static void type(const struct fuzz_op *op)
{
    static const uint16_t buttons[] = { BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA };
    static const uint16_t axes[] = { REL_X, REL_Y, REL_WHEEL };

    switch (op->what % 4) {
    case 0:
    case 1: mock_event(vm, VEMU_INPUT_KEY, op->small % 256, op->value & 1); break;
    case 2:
        mock_event(vm, VEMU_INPUT_BUTTON, buttons[op->small % G_N_ELEMENTS(buttons)],
                   op->value & 1);
        break;
    default:
        mock_event(vm, VEMU_INPUT_REL, axes[op->small % G_N_ELEMENTS(axes)], (int16_t)op->value);
        break;
    }
}

/* A command block: reads, skips and writes of items and files, somewhere. */
static void fw_cfg(const struct fuzz_op *op)
{
    const uint32_t words[2] = {
        GUINT32_TO_BE((uint32_t)(op->small & 0x3f) << 16 | (op->what & 0x1f)),
        GUINT32_TO_BE(op->what & 0x80 ? op->value : op->value % 100),
    };
    const uint64_t gpa = GUINT64_TO_BE(op->what & 0x40 ? op->value : op->small);

    memcpy(ram + COMMAND, words, sizeof(words));
    memcpy(ram + COMMAND + sizeof(words), &gpa, sizeof(gpa));
    mock_out(vm, 0x514, 4, op->what & 0x20 ? op->value : 0);
    mock_out(vm, 0x518, 4, GUINT32_TO_BE(op->small & 0x8000 ? op->value : COMMAND));
}

static void ack(void)
{
    const int vector = vemu__i8259_ack(devices[PIC]);

    if (vector < -1 || vector > 255)
        abort();
}

/* Messages go where local APICs are. */
static void check_messages(void)
{
    for (unsigned n = 0; n < vm->msi_count; n++)
        if (vm->msis[n].address >> 20 != 0xfee)
            abort();
}

static void ioapic(const struct fuzz_op *op)
{
    mock_write(vm, VEMU_IOAPIC_ADDRESS, 4, op->what & 0x80 ? op->small : op->small % 0x42);
    if (op->what & 1)
        mock_write(vm, VEMU_IOAPIC_ADDRESS + 0x10, 4, op->value);
    else
        mock_read(vm, VEMU_IOAPIC_ADDRESS + (op->what & 0x7e), 4);
}

static void play(const struct fuzz_op *op)
{
    const unsigned chip = op->what % CHIPS;

    vm->output_size = vm->msi_count = 0;
    vm->output_room = MIN(vm->output_room, sizeof(vm->output));
    switch (op->kind % KINDS) {
    case OUT: mock_out(vm, port_of(op), size_of(op), op->value); break;
    case IN: mock_in(vm, port_of(op), size_of(op)); break;
    case CLOCK: /* one of its registers */
        mock_out(vm, 0x70, 1, op->what);
        mock_out(vm, 0x71, 1, op->value);
        break;
    case MOUSE: /* a command to it */
        outb(vm, 0x64, 0xd4);
        outb(vm, 0x60, op->small & 1 ? 0xe6 + op->what % 0x1a : op->what);
        break;
    case IOAPIC: ioapic(op); break;
    case PASS: mock_advance(vm, op->value % 5000000); break;
    case LEAP: leap(op); break;
    case LINE: line(op->what % 24, op->small & 1); break;
    case ACK: ack(); break;
    case EOI: vemu__ioapic_eoi(devices[APIC], op->what); break;
    case INPUT: input(op); break;
    case BREAK: mock_break(vm); break;
    case ROOM:
        vm->output_room = 0;
        if (op->what & 3)
            mock_writable(vm, op->small % 64);
        break;
    case TYPE: type(op); break;
    case POWER: mock_powerdown(vm); break;
    case FW_CFG: fw_cfg(op); break;
    case RESTORE:
        if (op->what & 0x40)
            mock_save_restore(devices[chip]);
        else
            mock_restore_random(devices[chip], (uint64_t)op->value << 16 | op->small);
        break;
    default: mock_reset(devices[chip]); break;
    }
    check_messages();
}

/* --- end -------------------------------------------------------------------------------------- */

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static void check_serial(void)
{
    outb(vm, COM1 + 3, 0x03);
    outb(vm, COM1 + 2, 0x07);
    outb(vm, COM1 + 4, 0x10);
    while (inb(vm, COM1 + 5) & 1)
        inb(vm, COM1);
    outb(vm, COM1, 0x5a);
    mock_advance(vm, 10000000);
    expect(inb(vm, COM1) == 0x5a);
}

/* The timer's ticks arrive as interrupts. */
static void check_ticks(void)
{
    static const uint8_t words[][2] = {
        { 0x20, 0x11 }, { 0x21, 0x30 }, { 0x21, 4 },    { 0x21, 1 },
        { 0x21, 0xfe }, { 0x43, 0x34 }, { 0x40, 0xa9 }, { 0x40, 4 }
    };
    unsigned ticks = 0;

    for (unsigned n = 0; n < G_N_ELEMENTS(words); n++)
        outb(vm, words[n][0], words[n][1]);
    for (unsigned n = 0; n < 10; n++) {
        mock_advance(vm, 1000000);
        if (vm->extint) {
            ticks += vemu__i8259_ack(devices[PIC]) == 0x30;
            outb(vm, 0x20, 0x20);
        }
    }
    expect(ticks >= 8);
}

static void check_ports(void)
{
    uint32_t before = mock_in(vm, VEMU_ACPI_PM_TIMER, 4);

    mock_advance(vm, 1000000);
    expect(mock_in(vm, VEMU_ACPI_PM_TIMER, 4) != before);
    mock_out(vm, 0x510, 2, 0);
    expect(inb(vm, 0x511) == 'Q' && inb(vm, 0x511) == 'E');
    outb(vm, 0x64, 0xaa);
    expect(inb(vm, 0x60) == 0x55);
    outb(vm, 0x70, 0x0d);
    expect(inb(vm, 0x71) == 0x80);
    mock_write(vm, VEMU_IOAPIC_ADDRESS, 4, 0x10);
    expect(mock_read(vm, VEMU_IOAPIC_ADDRESS + 0x10, 4) & 0x10000);
}

static void check_end(void)
{
    vm->output_room = sizeof(vm->output);
    vm->output_size = vm->msi_count = 0;
    for (unsigned n = 0; n < CHIPS; n++)
        mock_reset(devices[n]);
    for (unsigned n = 0; n < 24; n++)
        line(n, false);
    check_ports();
    check_serial();
    check_ticks();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_op op;

    board_init();
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&op);
    }
    check_end();
    mock_free(vm);
    return 0;
}

const struct fuzz_target fuzz_target = { "chips", OPS_MAX, 300, fuzz_make_op };
