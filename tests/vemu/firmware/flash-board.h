/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A board with two flash devices and nothing else, for tests and fuzzing. No CPU runs.
 */
#ifndef TESTS_VEMU_FIRMWARE_FLASH_BOARD_H
#define TESTS_VEMU_FIRMWARE_FLASH_BOARD_H

#include "core/vm.h"
#include "devices/pflash-cfi01/pflash.h"

#define FLASH_CODE 0x10000u                                   /* unit 0, read only */
#define FLASH_VARS 0x8000u                                    /* unit 1 */
#define FLASH_BASE (0x100000000ull - FLASH_CODE - FLASH_VARS) /* of unit 1 */

struct flash_board {
    struct vemu_vm *vm;
    char code[32], vars[32]; /* files: 00, 01, ... 0xff, 00 ...; and all ones */
    struct pflash *flash;    /* unit 1 */
};

void flash_init(struct flash_board *board);
/* Begins again with the files as they are. */
void flash_restart(struct flash_board *board);
void flash_fini(struct flash_board *board);

/* As a guest on an accelerator: what is shown is read as memory. Offsets count from unit 1's
 * beginning; unit 0 follows. */
uint64_t flash_read(struct flash_board *board, uint32_t offset, unsigned size);
void flash_write(struct flash_board *board, uint32_t offset, unsigned size, uint64_t value);
/* Is the unit memory to the accelerator? */
bool flash_shown(struct flash_board *board, unsigned unit);
/* A byte of unit 1's file. */
uint8_t flash_stored(struct flash_board *board, uint32_t offset);
/* Writes to files behind this place fail from now on; UINT64_MAX: nowhere. */
void flash_fail_behind(uint64_t offset);
/* mem_slot() fails so many times. */
void flash_fail_slots(unsigned count);

#endif
