/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of flash memory: a guest that writes commands, halves of commands and anything else, in
 * all sizes, with a file that fails now and then and an accelerator that refuses memory. What must
 * hold at the end: the array is read again after a reset, reads as memory and as a device agree,
 * unit 0 has not changed, and the file holds what unit 1 reads as if no write to it failed.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and
 * runs as a test: pflash [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "../ops/ops.h"
#include "flash-board.h"

#define OPS_MAX 400
#define TOTAL   (FLASH_CODE + FLASH_VARS)

enum { WRITE, COMMAND, READ, RESET, LIMIT, SLOTS, RESTORED, BUFFER, KINDS = 16 };

static const uint8_t commands[] = { 0x10, 0x40, 0x20, 0xd0, 0x50, 0x60, 0x70, 0x90,
                                    0x98, 0xe8, 0xff, 0xf0, 0x00, 0xb0, 0x01, 0x80 };

static void reset(struct flash_board *board)
{
    struct vemu_error *err = NULL;

    if (vemu_vm_reset(board->vm, &err) < 0) {
        fprintf(stderr, "pflash: %s\n", vemu_error_message(err));
        abort();
    }
}

static void restore(struct pflash *s, const struct fuzz_op *op)
{
    pthread_mutex_lock(&s->dev.lock);
    s->mode = op->what & 7;
    s->cycle = op->what >> 3 & 7;
    s->left = op->small;
    s->window = op->value;
    s->dev.class_->ops->restored(&s->dev);
    pthread_mutex_unlock(&s->dev.lock);
}

/* True: the file may not hold all that was programmed. */
static bool play(struct flash_board *board, const struct fuzz_op *op)
{
    uint32_t at = (op->small & 0x8000 ? op->small & 0xff : op->small * 2u) % (TOTAL - 8);

    switch (op->kind % KINDS) {
    case WRITE: flash_write(board, at, 1u << op->what % 4, op->value); break;
    case READ: flash_read(board, at, 1u << op->what % 4); break;
    case RESET: reset(board); break;
    case LIMIT:
        flash_fail_behind(op->what & 1 ? op->value % FLASH_VARS : UINT64_MAX);
        return op->what & 1;
    case SLOTS: flash_fail_slots(op->what % 4); break;
    case RESTORED: restore(board->flash, op); break;
    case BUFFER:
        flash_write(board, at, 1, 0xe8);
        flash_write(board, at, 1, op->what % 8);
        for (unsigned i = 0; i <= op->what % 8u; i++)
            flash_write(board, (at & ~7u) + i, 1, op->value >> i);
        flash_write(board, at, 1, op->what & 0x80 ? 0xd0 : op->value);
        break;
    default: flash_write(board, at, 1, commands[op->what % sizeof(commands)]); break;
    }
    return false;
}

static void check(struct flash_board *board, bool failed)
{
    flash_fail_behind(UINT64_MAX);
    flash_fail_slots(0);
    reset(board);
    if (!flash_shown(board, 0) || !flash_shown(board, 1))
        abort();
    for (uint32_t at = 0; at < TOTAL; at += 97) {
        uint8_t byte = (uint8_t)flash_read(board, at, 1);

        if (byte != vemu__memory_read(board->vm->memory, VEMU_SPACE_MEMORY, FLASH_BASE + at, 1))
            abort();
        if (at >= FLASH_VARS && byte != (uint8_t)(at - FLASH_VARS))
            abort();
        if (at < FLASH_VARS && !failed && byte != flash_stored(board, at))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flash_board board;
    bool failed = false;
    struct fuzz_op op;

    flash_init(&board);
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        failed |= play(&board, &op);
    }
    check(&board, failed);
    flash_fini(&board);
    return 0;
}

static void make(uint64_t word, uint64_t *state, void *op)
{
    struct fuzz_op *o = op;

    *o = (struct fuzz_op){ (uint8_t)word, (uint8_t)(word >> 8), (uint16_t)(word >> 16),
                           (uint32_t)(word >> 32) };
    /* resets and nonsense from outside rarely */
    if ((o->kind % KINDS == RESET || o->kind % KINDS == RESTORED || o->kind % KINDS == LIMIT) &&
        word >> 60)
        o->kind = COMMAND;
}

const struct fuzz_target fuzz_target = { "pflash", OPS_MAX, 60, make };
