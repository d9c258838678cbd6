/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A board that is memory and nothing else: what the boot code needs of a VM.
 */
#ifndef TESTS_VEMU_BOOT_BOARD_H
#define TESTS_VEMU_BOOT_BOARD_H

#include "boot/boot.h"

struct vemu_memory {
    uint8_t *ram;
    uint64_t size;
};

struct board {
    struct vemu_memory memory;
    struct vemu_e820 e820;
    struct vemu_boot_board boot;
};

/* RAM from 0 on with a PC's hole, as microvm has it. */
void board_init(struct board *board, uint64_t size);
void board_clear(struct board *board); /* back to untouched zero pages */
void board_fini(struct board *board);
/* Bytes of RAM that were touched, from the page tables. */
uint64_t board_resident(const struct board *board);

#endif
