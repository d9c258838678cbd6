/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the HPET: registers, time that passes, saved states that are not its own. What must
 * hold: a timer does not fire more often than the device lets it, the counter does not go back
 * while it runs, and nothing is high once it is reset.
 *
 * Input: operations of 16 bytes each (struct op). Built plainly it makes inputs from a seed and
 * runs as a test: fuzz-hpet [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "../ops/ops.h"
#include "board.h"

#define OPS_MAX 300

enum { WRITE, READ, PASS, TIMER, ENABLE, RESTORE, RESET, KINDS };

struct op {
    uint8_t kind, what;
    uint16_t offset;
    uint32_t time;
    uint64_t value;
};

static unsigned rises(const struct board *b)
{
    unsigned sum = 0;

    for (unsigned n = 0; n < BOARD_LINES; n++)
        sum += b->rises[n];
    return sum;
}

/* At most one rise of each timer in 20 us, and three that were due. */
static void pass(struct board *b, uint32_t ns)
{
    const unsigned before = rises(b);

    board_advance(b, ns);
    if (rises(b) - before > 3 * (ns / 20000 + 2))
        abort();
}

static uint64_t counter(struct board *b)
{
    return board_read(b, 0xf0, 8);
}

static void play(struct board *b, const struct op *op)
{
    const unsigned size = op->what & 1 ? 8 : 4;
    const uint64_t at = op->offset % VEMU_HPET_SIZE / size * size;
    uint64_t before;

    switch (op->kind % KINDS) {
    case WRITE: board_write(b, at, size, op->value); break;
    case READ: board_read(b, at, size); break;
    case PASS:
        before = counter(b);
        pass(b, op->time % 3000000);
        if (counter(b) - before > 300000)
            abort();
        break;
    case TIMER: /* one that comes soon */
        board_write(b, 0x100 + op->offset % 3 * 0x20, 8, op->value & 0x3f4e);
        board_write(b, 0x108 + op->offset % 3 * 0x20, 8, counter(b) + op->time % 100000);
        break;
    case ENABLE: board_write(b, 0x10, 4, op->value & 3); break;
    case RESTORE: board_garbage(b, op->value); break;
    default: board_reset(b); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board board;
    struct op op;

    board_init(&board);
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&board, &op);
    }
    board_reset(&board);
    for (unsigned n = 0; n < BOARD_LINES; n++)
        if (board.level[n])
            abort();
    if (board_is_armed(&board))
        abort();
    board_fini(&board);
    return 0;
}

const struct fuzz_target fuzz_target = { "hpet", 2 * OPS_MAX, 500, NULL };
