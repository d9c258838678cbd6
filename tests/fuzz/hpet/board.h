/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an HPET needs around it, and no more: a clock that a fuzzer turns, alarms, lines.
 */
#ifndef TESTS_FUZZ_HPET_BOARD_H
#define TESTS_FUZZ_HPET_BOARD_H

#include "devices/devices.h"
#include "devices/hpet/hpet.h"

#define BOARD_LINES  24u
#define BOARD_ALARMS 3u

struct board {
    int64_t now_ns;
    bool level[BOARD_LINES];
    unsigned rises[BOARD_LINES];
    int64_t deadline[BOARD_ALARMS];
    vemu_timer_fn alarm[BOARD_ALARMS];
    unsigned alarms;
    const struct vemu_region_ops *ops;
    struct vemu_device *hpet;
};

/* Lines 0 and 1 are those of legacy replacement, 2 is high meanwhile. */
void board_init(struct board *b);
void board_fini(struct board *b);
void board_reset(struct board *b);
uint64_t board_read(struct board *b, uint64_t offset, unsigned size);
void board_write(struct board *b, uint64_t offset, unsigned size, uint64_t value);
/* Alarms ring in order, at their time. */
void board_advance(struct board *b, int64_t ns);
bool board_is_armed(const struct board *b);
/* A saved state that follows from the seed. */
void board_garbage(struct board *b, uint64_t seed);

#endif
