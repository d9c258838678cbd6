/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A board that is memory and nothing else.
 */
#include "board.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "machines/machine.h"

#define MIB ((uint64_t)1 << 20)

void board_init(struct board *board, uint64_t size)
{
    *board = (struct board){ 0 };
    board->memory.size = size;
    board->memory.ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (board->memory.ram == MAP_FAILED) {
        abort();
    }
    vemu__e820_add(&board->e820, 0, 0x9fc00, VEMU_E820_RAM);
    vemu__e820_add(&board->e820, 0x9fc00, 0x400, VEMU_E820_RESERVED);
    vemu__e820_add(&board->e820, 0xe0000, 0x20000, VEMU_E820_RESERVED);
    vemu__e820_add(&board->e820, MIB, size - MIB, VEMU_E820_RAM);
    board->boot = (struct vemu_boot_board){
        .memory = &board->memory,
        .e820 = &board->e820,
        .ram_low = size,
        .ram_total = size,
        .rsdp = 0xe0000,
    };
}

void board_clear(struct board *board)
{
    madvise(board->memory.ram, board->memory.size, MADV_DONTNEED);
}

void board_fini(struct board *board)
{
    munmap(board->memory.ram, board->memory.size);
}

uint64_t board_resident(const struct board *board)
{
    size_t pages = board->memory.size / 4096;
    unsigned char *map = malloc(pages);
    uint64_t n = 0;

    mincore(board->memory.ram, board->memory.size, map);
    for (size_t i = 0; i < pages; i++) {
        n += map[i] & 1;
    }
    free(map);
    return n * 4096;
}

void *vemu__memory_ptr(struct vemu_memory *mem, uint64_t gpa, uint64_t size, bool write)
{
    if (gpa > mem->size || size > mem->size - gpa) {
        return NULL;
    }
    return mem->ram + gpa;
}

const struct vemu_accel_ops *vemu__vm_accel(struct vemu_vm *vm, struct vemu_accel_vm **ret_accel_vm)
{
    *ret_accel_vm = NULL;
    return NULL;
}

void vemu_vm_log(struct vemu_vm *vm, int level, const char *format, ...) {}
