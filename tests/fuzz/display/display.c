/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of displays and of the keyboard controller: a guest that writes the registers of
 * bochs-display, moves its BARs, describes pictures to ramfb, and talks to a PS/2 keyboard and
 * mouse, while somebody looks at the screens, types and pushes the mouse. What must hold at the
 * end: after a reset the display shows a mode that is right, and the keyboard tests well.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and
 * runs as a test: display [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <linux/input-event-codes.h>
#include <linux/pci_regs.h>

#include <vemu/display.h>
#include <vemu/input.h>

#include "../ops/ops.h"
#include "board.h"

#define OPS_MAX 300
#define VGA     (6u << 3)
#define MEMORY  0xd0000000u
#define REGS    0xd8000000u
#define COMMAND 0x1000u /* of fw_cfg, in guest memory */
#define CONFIG  0x2000u

enum {
    DISPI,
    REGISTER,
    READ,
    PICTURE,
    BAR,
    FW_CFG,
    RAMFB,
    LOOK,
    KBD_COMMAND,
    KBD_DATA,
    KBD_READ,
    KEY,
    MOVE,
    MODE,
    KINDS
};

struct screen {
    struct board board;
    struct vemu_display_view *views[2];
};

static void must(int r, struct vemu_error *err)
{
    if (r < 0) {
        fprintf(stderr, "display: %s\n", vemu_error_message(err));
        abort();
    }
}

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property vga[] = { { "addr", "6" }, { "vgamem", "1M" } };
    const struct vemu_property ramfb[] = { { "romfile", "" } };
    struct vemu_error *err = NULL;

    must(vemu_vm_add_device(vm, "bochs-display", "vga", vga, 2, &err), err);
    must(vemu_vm_add_device(vm, "ramfb", "ramfb", ramfb, 1, &err), err);
}

static void place(struct screen *s)
{
    board_config_write(&s->board, VGA, PCI_BASE_ADDRESS_0, 4, MEMORY);
    board_config_write(&s->board, VGA, PCI_BASE_ADDRESS_2, 4, REGS);
    board_config_write(&s->board, VGA, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static void look(struct screen *s, unsigned n)
{
    struct vemu_display_frame frame = VEMU_DISPLAY_FRAME_INIT;

    if (vemu_display_view_update(s->views[n & 1], &frame) < 0 || !frame.width || !frame.height)
        abort();
    if (frame.first_dirty + frame.dirty_count > frame.height)
        abort();
}

/* A command block of the firmware configuration. */
static void fw_cfg(struct screen *s, uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t words[2] = { GUINT32_TO_BE(control), GUINT32_TO_BE(length) };

    address = GUINT64_TO_BE(address);
    vemu_dma_write(s->board.vm, COMMAND, words, 8);
    vemu_dma_write(s->board.vm, COMMAND + 8, &address, 8);
    board_out(&s->board, 0x514, 4, 0);
    board_out(&s->board, 0x518, 4, GUINT32_TO_BE(COMMAND));
}

/* A picture: mostly one that can be, with one thing wrong. */
static void ramfb(struct screen *s, const struct fuzz_op *op)
{
    static const char fourccs[][5] = { "XR24", "AR24", "XB24", "RG24", "RG16", "XR15", "nope" };
    struct {
        uint64_t address;
        uint32_t fourcc, flags, width, height, stride;
    } __attribute__((packed)) config;
    uint32_t fourcc;

    memcpy(&fourcc, fourccs[op->what % G_N_ELEMENTS(fourccs)], 4);
    config.address = GUINT64_TO_BE(op->small & 0x8000 ? op->value : op->small * 16u);
    config.fourcc = GUINT32_TO_BE(fourcc);
    config.flags = 0;
    config.width = GUINT32_TO_BE(op->value % 200);
    config.height = GUINT32_TO_BE(op->value >> 8 & 0xff);
    config.stride = GUINT32_TO_BE(op->small & 0x4000 ? op->value : 0);
    if (op->what & 0x80)
        memcpy((char *)&config + op->small % 24, &op->value, 4);
    vemu_dma_write(s->board.vm, CONFIG, &config, sizeof(config));
    fw_cfg(s, 0x20u << 16 | 0x18, sizeof(config), CONFIG);
}

static void input(struct screen *s, const struct fuzz_op *op, uint32_t type)
{
    static const uint16_t codes[] = { REL_X, REL_Y, REL_WHEEL, BTN_LEFT, BTN_EXTRA };
    struct vemu_input_event event = { type, op->small % 256, op->value & 1 };

    if (type == VEMU_INPUT_REL) {
        event.code = codes[op->what % G_N_ELEMENTS(codes)];
        event.type = event.code >= BTN_LEFT ? VEMU_INPUT_BUTTON : VEMU_INPUT_REL;
        event.value = event.code >= BTN_LEFT ? event.value : (int16_t)op->small;
    }
    vemu_vm_send_input(s->board.vm, NULL, &event, 1, NULL);
}

static void mode(struct screen *s, const struct fuzz_op *op)
{
    static const uint8_t bits[] = { 15, 16, 24, 32, 8 };

    board_write(&s->board, REGS + 0x502, 2, op->value % 600);
    board_write(&s->board, REGS + 0x504, 2, op->value >> 16 & 0x1ff);
    board_write(&s->board, REGS + 0x506, 2, bits[op->what % G_N_ELEMENTS(bits)]);
    board_write(&s->board, REGS + 0x508, 2, 0x41);
    look(s, 0);
}

static void play(struct screen *s, const struct fuzz_op *op)
{
    struct board *b = &s->board;

    switch (op->kind % KINDS) {
    case DISPI: board_write(b, REGS + 0x500 + (op->small & 0x1e), 2, op->value); break;
    case REGISTER: board_write(b, REGS + (op->small & 0xfff), 1u << op->what % 4, op->value); break;
    case READ: board_read(b, REGS + (op->small & 0xfff), 1u << op->what % 4); break;
    case PICTURE:
        board_write(b, MEMORY + op->value % (2u << 20), 1u << op->what % 4, op->value);
        break;
    case BAR:
        board_config_write(b, VGA, 0x10 + (op->what & 0xc), 4, op->value);
        if (op->what & 0x70)
            place(s);
        break;
    case FW_CFG:
        fw_cfg(s, (uint32_t)(op->what & 0x3f) << 16 | (op->small & 0x1f), op->value % 100,
               op->small);
        break;
    case RAMFB: ramfb(s, op); break;
    case LOOK: look(s, op->what); break;
    case KBD_COMMAND: board_out(b, 0x64, 1, (op->what & 0xf0) == 0xf0 ? 0xd4 : op->what); break;
    case KBD_DATA: board_out(b, 0x60, 1, op->small & 1 ? 0xe6 + op->what % 0x1a : op->what); break;
    case KBD_READ:
        for (unsigned n = op->what % 64; n; n--)
            board_in(b, n & 1 ? 0x60 : 0x64, 1);
        break;
    case KEY: input(s, op, VEMU_INPUT_KEY); break;
    case MOVE: input(s, op, VEMU_INPUT_REL); break;
    default: mode(s, op); break;
    }
}

static void check_end(struct screen *s)
{
    struct vemu_display_info info = VEMU_DISPLAY_INFO_INIT;
    const struct fuzz_op op = { .what = 3, .value = 100u << 16 | 300 };

    must(vemu_vm_reset(s->board.vm, NULL), NULL);
    place(s);
    mode(s, &op);
    if (vemu_vm_get_display(s->board.vm, 0, &info) < 0 || !info.active || info.width != 100)
        abort();
    while (board_in(&s->board, 0x64, 1) & 1)
        board_in(&s->board, 0x60, 1);
    board_out(&s->board, 0x60, 1, 0xff);
    if (board_in(&s->board, 0x60, 1) != 0xfa || board_in(&s->board, 0x60, 1) != 0xaa)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vemu_error *err = NULL;
    struct screen s;
    struct fuzz_op op;

    board_init_full(&s.board, add, NULL);
    must(vemu_vm_start(s.board.vm, &err), err);
    must(vemu_display_view_new(s.board.vm, "vga", &s.views[0], &err), err);
    must(vemu_display_view_new(s.board.vm, "ramfb", &s.views[1], &err), err);
    place(&s);
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&s, &op);
    }
    check_end(&s);
    vemu_display_view_free(s.views[0]);
    vemu_display_view_free(s.views[1]);
    board_fini(&s.board);
    return 0;
}

const struct fuzz_target fuzz_target = { "display", OPS_MAX, 60, fuzz_make_op };
