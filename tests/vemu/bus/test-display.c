/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bochs-display on a PCI board: memory that moves, registers, modes, views; EDID; files.
 */
#include <stdlib.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <zlib.h>

#include "../devices/suite.h"
#include "board.h"
#include "display/display.h"
#include "fake-accel.h"

#define VGA    (6u << 3)
#define MEMORY 0xd0000000u
#define REGS   0xd8000000u
#define DISPI  (REGS + 0x500)

static struct board board;
static struct vemu_display_view *view;

static void add(struct vemu_vm *vm, void *data)
{
    const struct vemu_property props[] = {
        { "addr", "6" }, { "vgamem", "1M" }, { "xres", "1600" }, { "yres", "900" }
    };
    struct vemu_error *err = NULL;

    ck_assert_int_eq(vemu_vm_add_device(vm, "bochs-display", "vga", props, 4, &err), 0);
}

static void place(uint32_t memory, uint32_t regs)
{
    board_config_write(&board, VGA, PCI_BASE_ADDRESS_0, 4, memory);
    board_config_write(&board, VGA, PCI_BASE_ADDRESS_2, 4, regs);
    board_config_write(&board, VGA, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

static void setup(void)
{
    board_init_with(&board, add, NULL);
    place(MEMORY, REGS);
    ck_assert_int_eq(vemu_display_view_new(board.vm, "vga", &view, NULL), 0);
}

static void teardown(void)
{
    view = vemu_display_view_free(view);
    board_fini(&board);
}

static void mode(unsigned width, unsigned height, unsigned bits)
{
    board_write(&board, DISPI + 2, 2, width);
    board_write(&board, DISPI + 4, 2, height);
    board_write(&board, DISPI + 6, 2, bits);
    board_write(&board, DISPI + 8, 2, 0x41);
}

static int update(struct vemu_display_frame *frame)
{
    *frame = (struct vemu_display_frame)VEMU_DISPLAY_FRAME_INIT;
    return vemu_display_view_update(view, frame);
}

START_TEST(test_memory)
{
    unsigned slots;

    setup();
    ck_assert_uint_eq(board_config_read(&board, VGA, PCI_VENDOR_ID, 4), 0x11111234);
    slots = atomic_load(&fake.slots);
    board_write(&board, MEMORY + 8, 8, 0x1122334455667788);
    ck_assert_uint_eq(board_read(&board, MEMORY + 8, 4), 0x55667788);
    /* Elsewhere, with what is in it. The accelerator is told that it goes and that it comes. */
    place(MEMORY + (1 << 20), REGS);
    ck_assert_uint_eq(atomic_load(&fake.slots), slots + 2);
    ck_assert_uint_eq(board_read(&board, MEMORY + 8, 4), 0xffffffff);
    ck_assert_uint_eq(board_read(&board, MEMORY + (1 << 20) + 8, 4), 0x55667788);
    /* Devices reach it as well. */
    ck_assert_int_eq(vemu_dma_write(board.vm, MEMORY + (1 << 20) + 8, "abcd", 4), 0);
    ck_assert_uint_eq(board_read(&board, MEMORY + (1 << 20) + 8, 4), 0x64636261);
    /* Over RAM it is hidden. */
    place(0, REGS);
    place(0x00000000 | 8, REGS);
    ck_assert_int_eq(vemu_dma_read(board.vm, MEMORY + (1 << 20), &slots, 4), -EFAULT);
    /* An accelerator without a slot: the same by accesses. */
    fake.fail_mem_slot = ENOSPC;
    place(MEMORY, REGS);
    ck_assert_uint_eq(board_read(&board, MEMORY + 8, 4), 0x64636261);
    board_write(&board, MEMORY + 8, 1, 'x');
    ck_assert_uint_eq(board_read(&board, MEMORY + 8, 4), 0x64636278);
    fake.fail_mem_slot = 0;
    teardown();
}
END_TEST

START_TEST(test_registers)
{
    setup();
    ck_assert_uint_eq(board_read(&board, DISPI, 2), 0xb0c5);
    ck_assert_uint_eq(board_read(&board, DISPI + 20, 2), 16); /* of 64 KiB */
    board_write(&board, DISPI, 2, 0);
    board_write(&board, DISPI + 20, 2, 0);
    board_write(&board, DISPI + 22, 2, 0xffff); /* behind the last */
    ck_assert_uint_eq(board_read(&board, DISPI, 2), 0xb0c5);
    ck_assert_uint_eq(board_read(&board, DISPI + 20, 4), 16);
    board_write(&board, DISPI + 2, 4, 0x02580320); /* two at a time */
    ck_assert_uint_eq(board_read(&board, DISPI + 2, 2), 800);
    ck_assert_uint_eq(board_read(&board, DISPI + 4, 2), 600);
    ck_assert_uint_eq(board_read(&board, DISPI + 3, 1), 3);
    ck_assert_uint_eq(board_read(&board, REGS + 0x600, 4), 8);
    ck_assert_uint_eq(board_read(&board, REGS + 0x604, 4), 0x1e1e1e1e);
    board_write(&board, REGS + 0x604, 4, 0xbebebebe);
    ck_assert_uint_eq(board_read(&board, REGS + 0x604, 4), 0xbebebebe);
    board_write(&board, REGS + 0x604, 4, 1);
    ck_assert_uint_eq(board_read(&board, REGS + 0x604, 4), 0xbebebebe);
    for (unsigned at = 0; at < 0x1000; at += 4) {
        board_write(&board, REGS + at, 4, 0xffffffff);
        board_read(&board, REGS + at, 4);
    }
    ck_assert_int_eq(vemu_vm_reset(board.vm, NULL), 0);
    place(MEMORY, REGS);
    ck_assert_uint_eq(board_read(&board, DISPI + 2, 4), 0);
    ck_assert_uint_eq(board_read(&board, REGS + 0x604, 4), 0x1e1e1e1e);
    teardown();
}
END_TEST

START_TEST(test_modes)
{
    struct vemu_display_info info = VEMU_DISPLAY_INFO_INIT;
    struct vemu_display_frame f;

    setup();
    ck_assert_int_eq(vemu_vm_get_display(board.vm, 1, &info), -ENOENT);
    ck_assert_int_eq(vemu_vm_get_display(board.vm, 0, &info), 0);
    ck_assert_str_eq(info.id, "vga");
    ck_assert_uint_eq(info.active, 0);
    ck_assert_int_eq(update(&f), 1);
    ck_assert_uint_eq(f.width * f.height, 640 * 480);
    ck_assert_int_eq(update(&f), 0);
    mode(64, 64, 32);
    ck_assert_int_eq(vemu_vm_get_display(board.vm, 0, &info), 0);
    ck_assert_uint_eq(info.active * info.width, 64);
    board_write(&board, MEMORY + 4 * (64 * 3 + 5), 4, 0xff123456);
    ck_assert_int_eq(update(&f), 1);
    ck_assert_uint_eq(f.dirty_count, 64); /* all is new */
    ck_assert_uint_eq(f.pixels[64 * 3 + 5], 0x123456);
    board_write(&board, MEMORY + 4 * (64 * 10), 4, 0xffffff);
    board_write(&board, MEMORY + 4 * (64 * 12), 4, 0xffffff);
    board_write(&board, MEMORY + 4 * (64 * 14), 4, 0xff000000); /* cannot be seen */
    ck_assert_int_eq(update(&f), 1);
    ck_assert_uint_eq(f.first_dirty, 10);
    ck_assert_uint_eq(f.dirty_count, 3);
    ck_assert_uint_eq(f.dirty[11], 0);
    ck_assert_int_eq(update(&f), 0);
    /* Other formats. */
    mode(64, 64, 16);
    board_write(&board, MEMORY, 2, 0xf81f);
    update(&f);
    ck_assert_uint_eq(f.pixels[0], 0xff00ff);
    mode(64, 64, 15);
    board_write(&board, MEMORY, 2, 0x83e0);
    update(&f);
    ck_assert_uint_eq(f.pixels[0], 0x00ff00);
    mode(64, 64, 24);
    board_write(&board, MEMORY, 4, 0x00563412);
    update(&f);
    ck_assert_uint_eq(f.pixels[0], 0x563412);
    mode(64, 64, 32);
    board_write(&board, REGS + 0x604, 4, 0xbebebebe);
    board_write(&board, MEMORY, 4, 0x78563412);
    update(&f);
    ck_assert_uint_eq(f.pixels[0], 0x345678);
    board_write(&board, REGS + 0x604, 4, 0x1e1e1e1e);
    /* A wider picture behind the window, which begins somewhere. */
    board_write(&board, DISPI + 12, 2, 128);
    board_write(&board, DISPI + 16, 2, 7);
    board_write(&board, DISPI + 18, 2, 9);
    board_write(&board, MEMORY + 4 * (128 * 10 + 8), 4, 0xabcdef);
    update(&f);
    ck_assert_uint_eq(f.pixels[64 + 1], 0xabcdef);
    teardown();
}
END_TEST

/* Modes that do not fit into 1 MiB, or are none. */
START_TEST(test_bad_modes)
{
    static const struct {
        uint16_t width, height, bits, virtual_width, x, y;
    } rows[] = {
        { 512, 513, 32, 0, 0, 0 },       { 512, 512, 32, 513, 0, 0 },
        { 512, 512, 32, 0, 1, 0 },       { 512, 512, 32, 0, 0, 1 },
        { 65535, 65535, 32, 0, 0, 0 },   { 65535, 64, 32, 65535, 65535, 65535 },
        { 64, 64, 8, 0, 0, 0 },          { 64, 64, 0, 0, 0, 0 },
        { 63, 64, 32, 0, 0, 0 },         { 64, 0, 32, 0, 0, 0 },
        { 64, 64, 32, 65535, 0, 65535 }, { 64, 64, 65535, 0, 0, 0 },
    };
    struct vemu_display_frame f;

    setup();
    mode(512, 512, 32);
    update(&f);
    ck_assert_uint_eq(f.width, 512);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_write(&board, DISPI + 12, 2, rows[i].virtual_width);
        board_write(&board, DISPI + 16, 2, rows[i].x);
        board_write(&board, DISPI + 18, 2, rows[i].y);
        mode(rows[i].width, rows[i].height, rows[i].bits);
        ck_assert_int_ge(update(&f), 0);
        ck_assert_msg(f.width == 640 && f.height == 480, "mode %u: %u by %u", i, f.width, f.height);
    }
    vemu_vm_stop(board.vm, NULL);
    ck_assert_int_eq(update(&f), -ESHUTDOWN);
    teardown();
}
END_TEST

START_TEST(test_edid)
{
    static const uint32_t sizes[][2] = { { 64, 64 }, { 1280, 800 }, { 16384, 16384 } };
    uint8_t edid[VEMU_EDID_SIZE];

    setup();
    ck_assert_uint_eq(board_read(&board, REGS, 4), 0xffffff00);
    ck_assert_uint_eq(board_read(&board, REGS + 56, 1), 1600 & 0xff);
    ck_assert_uint_eq(board_read(&board, REGS + 58, 1) >> 4, 1600 >> 8);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t sum = 0;

        vemu__edid_build(sizes[i][0], sizes[i][1], edid);
        for (unsigned k = 0; k < sizeof(edid); k++)
            sum = (uint8_t)(sum + edid[k]);
        ck_assert_uint_eq(sum, 0);
    }
    teardown();
}
END_TEST

START_TEST(test_files)
{
    static const uint32_t pixels[] = { 0x010203, 0x040506, 0x070809, 0x0a0b0c };
    const struct vemu_display_frame frame = {
        .size = sizeof(frame),
        .width = 2,
        .height = 2,
        .stride = 2,
        .pixels = pixels,
    };
    char path[] = "/tmp/vemu-display-XXXXXX";
    struct vemu_error *err = NULL;
    uint8_t rows[14];
    uLongf rows_size = sizeof(rows);
    gchar *text;
    gsize size;

    close(mkstemp(path));
    ck_assert_int_eq(vemu__image_write(&frame, VEMU_IMAGE_PPM, path, &err), 0);
    ck_assert(g_file_get_contents(path, &text, &size, NULL));
    ck_assert_uint_eq(size, 23);
    ck_assert_mem_eq(text, "P6\n2 2\n255\n\1\2\3\4\5\6\7\10\11\12\13\14", 23);
    g_free(text);
    ck_assert_int_eq(vemu__image_write(&frame, VEMU_IMAGE_PNG, path, &err), 0);
    ck_assert(g_file_get_contents(path, &text, &size, NULL));
    ck_assert_mem_eq(text, "\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\2\0\0\0\2\10\2\0\0\0", 29);
    ck_assert_mem_eq(text + 37, "IDAT", 4);
    ck_assert_int_eq(uncompress(rows, &rows_size, (const Bytef *)text + 41, size - 41 - 16), Z_OK);
    ck_assert_mem_eq(rows, "\0\1\2\3\4\5\6\0\7\10\11\12\13\14", 14);
    ck_assert_mem_eq(text + size - 12, "\0\0\0\0IEND\256B`\202", 12);
    g_free(text);
    unlink(path);
    ck_assert_int_lt(vemu__image_write(&frame, VEMU_IMAGE_PPM, "/no/such/place", &err), 0);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "/no/such/place"));
    vemu_error_free(err);
}
END_TEST

SUITE_MAIN("display", test_memory, test_registers, test_modes, test_bad_modes, test_edid,
           test_files)
