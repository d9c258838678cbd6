/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flash memory: commands in and out of order, what reaches the file and when, errors of the file.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include <vemu/block.h>

#include "devices/suite.h"
#include "fake-accel.h"
#include "flash-board.h"
#include "machines/flash.h"

static struct flash_board board;

#define READ(offset)         ((uint8_t)flash_read(&board, offset, 1))
#define WRITE(offset, value) flash_write(&board, offset, 1, value)

static uint8_t status(void)
{
    WRITE(0, 0x70);
    return READ(0);
}

START_TEST(test_array)
{
    flash_init(&board);
    ck_assert(flash_shown(&board, 0) && flash_shown(&board, 1));
    ck_assert_uint_eq(flash_read(&board, FLASH_VARS + 4, 4), 0x07060504);
    ck_assert_uint_eq(flash_read(&board, 0, 8), UINT64_MAX);
    /* Its end is below 1 MiB as well. */
    ck_assert_uint_eq(vemu__memory_read(board.vm->memory, VEMU_SPACE_MEMORY, 0xffff0, 4),
                      0xf3f2f1f0);
    ck_assert_uint_eq(READ(0), 0xff);
    WRITE(5, 0x70);
    ck_assert(!flash_shown(&board, 1) && flash_shown(&board, 0));
    ck_assert_uint_eq(READ(77), PFLASH_READY);
    WRITE(5, 0xff);
    ck_assert(flash_shown(&board, 1));
    flash_fini(&board);
}
END_TEST

/* What OVMF does to tell flash from ROM and RAM. */
START_TEST(test_probe)
{
    flash_init(&board);
    WRITE(0, 0x50);
    ck_assert_uint_eq(READ(0), 0xff);
    WRITE(0, 0x70);
    ck_assert_uint_eq(READ(0), 0);
    WRITE(0, 0xff);
    ck_assert_uint_eq(READ(0), 0xff);
    flash_fini(&board);
}
END_TEST

START_TEST(test_query)
{
    static const uint8_t geometry[] = { 15, 0, 0, 8, 0, 1, FLASH_VARS / 4096 - 1, 0, 16, 0 };

    flash_init(&board);
    WRITE(0x55, 0x98);
    ck_assert_uint_eq(flash_read(&board, 0x10, 4), 0x01595251);
    for (unsigned i = 1; i < sizeof(geometry) - 1; i++) /* from 0x27 on, less what is zero */
        if (i != 1)
            ck_assert_uint_eq(READ(0x27 + i), i == 2 ? 0 : geometry[i]);
    ck_assert_uint_eq(READ(0x27), 15);
    ck_assert_uint_eq(READ(0x110), 'Q'); /* as often as there is room */
    ck_assert_uint_eq(flash_read(&board, 0x31, 4) & 0xffffff, 0x495250);
    WRITE(0, 0x90);
    ck_assert_uint_eq(flash_read(&board, 0, 2), 0x1889);
    ck_assert_uint_eq(READ(0x1002), 0);
    WRITE(0, 0xff);
    ck_assert_uint_eq(READ(0x10), 0xff);
    flash_fini(&board);
}
END_TEST

START_TEST(test_program)
{
    flash_init(&board);
    WRITE(0x100, 0x40);
    ck_assert(!flash_shown(&board, 1));
    WRITE(0x100, 0xa5);
    WRITE(0x101, 0x10);
    WRITE(0x101, 0x5a);
    ck_assert_uint_eq(flash_stored(&board, 0x100), 0xff); /* not yet */
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    ck_assert_uint_eq(flash_stored(&board, 0x100), 0xa5);
    ck_assert_uint_eq(flash_stored(&board, 0x101), 0x5a);
    WRITE(0, 0xff);
    ck_assert_uint_eq(flash_read(&board, 0x100, 2), 0x5aa5);
    /* Bits are cleared, never set. */
    WRITE(0x100, 0x40);
    WRITE(0x100, 0x0f);
    WRITE(0x4000, 0x40); /* elsewhere: the first goes out */
    ck_assert_uint_eq(flash_stored(&board, 0x100), 0xa5);
    WRITE(0x4000, 0x00);
    ck_assert_uint_eq(flash_stored(&board, 0x100), 0x05);
    WRITE(0, 0xff);
    ck_assert_uint_eq(flash_stored(&board, 0x4000), 0);
    ck_assert_uint_eq(READ(0x100), 0x05);
    /* Erasing sets those of the sector. */
    WRITE(0x4000, 0x20);
    WRITE(0x4abc, 0xd0);
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    ck_assert_uint_eq(flash_stored(&board, 0x4000), 0xff);
    ck_assert_uint_eq(flash_stored(&board, 0x100), 0x05);
    flash_restart(&board);
    ck_assert_uint_eq(READ(0x100), 0x05);
    ck_assert_uint_eq(READ(0x4000), 0xff);
    flash_fini(&board);
}
END_TEST

START_TEST(test_buffer)
{
    flash_init(&board);
    WRITE(0x200, 0xe8);
    ck_assert_uint_eq(READ(0x200), PFLASH_READY);
    WRITE(0x200, 3); /* four bytes, in any order */
    WRITE(0x2ff, 0x11);
    WRITE(0x200, 0x22);
    WRITE(0x280, 0x33);
    WRITE(0x281, 0x44);
    WRITE(0x200, 0xd0);
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    WRITE(0, 0xff);
    ck_assert_uint_eq(READ(0x200), 0x22);
    ck_assert_uint_eq(READ(0x201), 0xff);
    ck_assert_uint_eq(flash_read(&board, 0x280, 2), 0x4433);
    ck_assert_uint_eq(READ(0x2ff), 0x11);
    ck_assert_uint_eq(flash_stored(&board, 0x2ff), 0x11);
    /* Outside of the window; no confirmation; wide writes count as bytes. */
    WRITE(0x300, 0xe8);
    WRITE(0x300, 1);
    WRITE(0x300, 0);
    WRITE(0x400, 0);
    ck_assert_uint_eq(status(), PFLASH_READY | PFLASH_SEQUENCE);
    WRITE(0, 0x50);
    WRITE(0x300, 0xe8);
    WRITE(0x300, 0);
    WRITE(0x300, 0);
    WRITE(0x300, 0xff);
    ck_assert_uint_eq(status(), PFLASH_READY | PFLASH_SEQUENCE);
    WRITE(0, 0x50);
    WRITE(0x300, 0xe8);
    WRITE(0x300, 3);
    flash_write(&board, 0x304, 4, 0x04030201);
    WRITE(0x300, 0xd0);
    ck_assert_uint_eq(status(), PFLASH_READY);
    WRITE(0, 0xff);
    ck_assert_uint_eq(flash_read(&board, 0x300, 8), 0x04030201ffffffff);
    flash_fini(&board);
}
END_TEST

START_TEST(test_sequences)
{
    flash_init(&board);
    WRITE(0, 0x20); /* an erase that is not confirmed */
    WRITE(0, 0xff);
    ck_assert_uint_eq(READ(0), PFLASH_READY | PFLASH_SEQUENCE);
    WRITE(0, 0x50);
    ck_assert(flash_shown(&board, 1));
    ck_assert_uint_eq(status(), 0);
    WRITE(0, 0x60); /* locks: nothing happens */
    WRITE(0, 0x01);
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    WRITE(0, 0x60);
    WRITE(0, 0xd0);
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    WRITE(0, 0x60);
    WRITE(0, 0x2f);
    ck_assert_uint_eq(READ(0), PFLASH_READY | PFLASH_SEQUENCE);
    for (unsigned command = 0; command < 256; command++) { /* nothing that writes */
        if (command == 0x10 || command == 0x40 || command == 0x20 || command == 0x60 ||
            command == 0xe8)
            continue;
        WRITE(0x123, command);
    }
    WRITE(0, 0xff);
    ck_assert_uint_eq(READ(0x123), 0xff);
    flash_fini(&board);
}
END_TEST

START_TEST(test_read_only)
{
    struct vemu_error *err = NULL;

    flash_init(&board);
    WRITE(FLASH_VARS + 3, 0x40);
    ck_assert(!flash_shown(&board, 0) && flash_shown(&board, 1));
    WRITE(FLASH_VARS + 3, 0);
    ck_assert_uint_eq(READ(FLASH_VARS), PFLASH_READY | PFLASH_PROGRAM_ERROR | PFLASH_LOCKED);
    WRITE(FLASH_VARS, 0x50);
    WRITE(FLASH_VARS, 0x20);
    WRITE(FLASH_VARS, 0xd0);
    ck_assert_uint_eq(READ(FLASH_VARS), PFLASH_READY | PFLASH_ERASE_ERROR | PFLASH_LOCKED);
    /* A reset brings the array back. */
    fake_ok(vemu_vm_reset(board.vm, &err), err);
    ck_assert(flash_shown(&board, 0));
    ck_assert_uint_eq(READ(FLASH_VARS + 3), 3);
    flash_fini(&board);
}
END_TEST

/* The file cannot be written: the status register says so, once it is asked. */
START_TEST(test_errors)
{
    flash_init(&board);
    flash_fail_behind(0x1000);
    WRITE(0x10, 0x40);
    WRITE(0x10, 0x12);
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    WRITE(0x1010, 0x40);
    WRITE(0x1010, 0x34);
    ck_assert_uint_eq(READ(0), PFLASH_READY | PFLASH_PROGRAM_ERROR);
    WRITE(0, 0x50);
    WRITE(0x1010, 0x20);
    WRITE(0x1010, 0xd0);
    ck_assert_uint_eq(READ(0), PFLASH_READY | PFLASH_ERASE_ERROR);
    WRITE(0, 0x50);
    ck_assert_uint_eq(READ(0x1010), 0x34); /* not erased */
    /* An error that nobody asked for stays until it is cleared. */
    WRITE(0x1020, 0x40);
    WRITE(0x1020, 0);
    WRITE(0, 0xff);
    ck_assert_uint_eq(status(), PFLASH_READY | PFLASH_PROGRAM_ERROR);
    flash_fail_behind(UINT64_MAX);
    WRITE(0, 0x50);
    WRITE(0x1010, 0x20);
    WRITE(0x1010, 0xd0);
    ck_assert_uint_eq(READ(0), PFLASH_READY);
    flash_fini(&board);
}
END_TEST

/* What is collected goes out when the machine pauses, is reset or ends. */
START_TEST(test_life)
{
    struct vemu_error *err = NULL;

    flash_init(&board);
    WRITE(1, 0x40);
    WRITE(1, 0x77);
    fake_ok(vemu_vm_reset(board.vm, &err), err);
    ck_assert_uint_eq(flash_stored(&board, 1), 0x77);
    fake_ok(vemu_vm_start(board.vm, &err), err);
    WRITE(2, 0x40);
    WRITE(2, 0x66);
    fake_ok(vemu_vm_pause(board.vm, &err), err);
    ck_assert_uint_eq(flash_stored(&board, 2), 0x66);
    WRITE(3, 0x40);
    WRITE(3, 0x55);
    fake_ok(vemu_vm_stop(board.vm, &err), err);
    ck_assert_uint_eq(flash_stored(&board, 3), 0x55);
    ck_assert(!flash_shown(&board, 1));
    flash_fini(&board);
}
END_TEST

/* Memory that cannot be shown is answered by the device. */
START_TEST(test_slots)
{
    flash_init(&board);
    WRITE(0, 0x70);
    flash_fail_slots(1);
    WRITE(0, 0xff);
    ck_assert(!flash_shown(&board, 1));
    ck_assert_uint_eq(flash_read(&board, 0, 8), UINT64_MAX);
    WRITE(0, 0x70);
    WRITE(0, 0xff);
    ck_assert(flash_shown(&board, 1));
    flash_fini(&board);
}
END_TEST

/* A saved state of nonsense. */
START_TEST(test_restored)
{
    flash_init(&board);
    for (unsigned byte = 0; byte < 256; byte++) {
        struct pflash *s = board.flash;

        pthread_mutex_lock(&s->dev.lock);
        s->mode = s->cycle = s->status = (uint8_t)byte;
        s->left = (uint16_t)(byte << 8 | byte);
        s->window = byte << 24 | byte;
        s->dev.class_->ops->restored(&s->dev);
        pthread_mutex_unlock(&s->dev.lock);
        for (unsigned i = 0; i < 4; i++)
            WRITE(0x7fff, 0xd0);
        WRITE(0, 0xff);
    }
    flash_fini(&board);
}
END_TEST

static int add(struct vemu_vm *vm, const char *id, const char *path, struct vemu_error **err)
{
    const struct vemu_property props[] = { { "filename", path } };

    return vemu_vm_add_block(vm, "file", id, props, 1, err);
}

#define FAILS(call, code, words)                                                                   \
    do {                                                                                           \
        struct vemu_error *err = NULL;                                                             \
        ck_assert_int_eq(call, -(code));                                                           \
        ck_assert_msg(strstr(vemu_error_message(err), words), "%s", vemu_error_message(err));      \
        vemu_error_free(err);                                                                      \
    } while (0)

START_TEST(test_refused)
{
    const struct vemu_property odd[] = { { "drive", "odd" }, { "address", "0x40000000" } };
    const struct vemu_property none_at_all[] = { { "address", "0x40000000" } };
    char none[] = "none", big[] = "big";
    char *const missing[2] = { none, NULL }, *const alone[2] = { NULL, none };
    char *const large[2] = { big, NULL };
    char path[] = "/tmp/vemu-flash-XXXXXX", odd_path[] = "/tmp/vemu-flash-XXXXXX";
    struct vemu_machine *machine;
    struct vemu_error *e = NULL;

    flash_init(&board);
    machine = board.vm->machine;
    ck_assert_int_eq(ftruncate(mkstemp(path), 9 << 20), 0);
    ck_assert_int_eq(ftruncate(mkstemp(odd_path), 6 << 10), 0);
    fake_ok(add(board.vm, "big", path, &e), e);
    fake_ok(add(board.vm, "odd", odd_path, &e), e);
    FAILS(vemu__flash_add(machine, missing, &err), ENOENT, "no drive 'none'");
    FAILS(vemu__flash_add(machine, alone, &err), EINVAL, "no pflash0");
    FAILS(vemu__flash_add(machine, large, &err), EINVAL, "8 MiB");
    board.vm->board_open = true;
    FAILS(vemu__vm_add_board_device(board.vm, "cfi.pflash01", "x", odd, 2, &err) ? 0 : -EINVAL,
          EINVAL, "multiple of 4 KiB");
    FAILS(vemu__vm_add_board_device(board.vm, "cfi.pflash01", "y", none_at_all, 1, &err) ? 0
                                                                                         : -EINVAL,
          EINVAL, "'drive' is missing");
    board.vm->board_open = false;
    unlink(path);
    unlink(odd_path);
    flash_fini(&board);
}
END_TEST

SUITE_MAIN("pflash", test_array, test_probe, test_query, test_program, test_buffer, test_sequences,
           test_read_only, test_errors, test_life, test_slots, test_restored, test_refused)
