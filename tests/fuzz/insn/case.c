/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A case's code and memory at their addresses.
 */
#include <string.h>

#include "insn.h"

/* JMP [RIP + 0] and the address; in 32-bit code JMP rel32. */
static unsigned put_exit(const struct fuzz_case *k, uint8_t *p, uint64_t at, unsigned n)
{
    static const uint8_t jump[6] = {0xff, 0x25};
    uint64_t to = exit_address(k, n);
    uint32_t relative = (uint32_t)(to - (at + EXIT_SIZE_32));

    if (k->compat) {
        *p = 0xe9;
        memcpy(p + 1, &relative, 4);
        return EXIT_SIZE_32;
    }
    memcpy(p, jump, 6);
    memcpy(p + 6, &to, 8);
    return EXIT_SIZE_64;
}

void case_place(const struct fuzz_case *k)
{
    uint8_t *p = code_write + (k->address - CODE_BASE);
    unsigned size;

    memcpy(p, k->code, k->length);
    p += k->length;
    size = put_exit(k, p, k->address + k->length, 0);
    put_exit(k, p + size, k->address + k->length + size, 1);
}

static uint8_t *data(uint64_t va)
{
    return ram_view + CODE_PAGES * 4096 + (va - DATA_BASE);
}

void arena_load(const uint8_t *memory)
{
    memcpy(data(ARENA_A), memory, ARENA_A_SIZE);
    memcpy(data(ARENA_B), memory + ARENA_A_SIZE, ARENA_B_SIZE);
}

void arena_store(uint8_t *memory)
{
    memcpy(memory, data(ARENA_A), ARENA_A_SIZE);
    memcpy(memory + ARENA_A_SIZE, data(ARENA_B), ARENA_B_SIZE);
}
