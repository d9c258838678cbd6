/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program that a fuzzer's input is: what it does next, and with what, is drawn from it. An
 * ended program is all zeros.
 */
#ifndef TESTS_FUZZ_VIRTIO_PROGRAM_H
#define TESTS_FUZZ_VIRTIO_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

struct program {
    const uint8_t *data;
    size_t size; /* left */
};

static inline uint8_t program_byte(struct program *p)
{
    if (!p->size)
        return 0;
    p->size--;
    return *p->data++;
}

static inline uint32_t program_word(struct program *p)
{
    uint32_t value = program_byte(p);

    value |= (uint32_t)program_byte(p) << 8;
    value |= (uint32_t)program_byte(p) << 16;
    return value | (uint32_t)program_byte(p) << 24;
}

/* Mostly small, now and then anything. */
static inline uint64_t program_number(struct program *p)
{
    const uint8_t how = program_byte(p);
    uint64_t value = program_byte(p);

    for (unsigned i = 1; how >= 240 && i < 8; i++)
        value |= (uint64_t)program_byte(p) << (8 * i);
    return how & 1 ? value << 7 : value;
}

/* One in `rarely` draws. */
static inline int program_once(struct program *p, uint8_t rarely)
{
    return program_byte(p) % rarely == rarely - 1;
}

#endif
