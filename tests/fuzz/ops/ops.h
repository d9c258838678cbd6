/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fuzz target provides whose input is a list of operations, of one or two words of 8 bytes
 * each. With libFuzzer it is called with inputs; otherwise ops.c makes them from a seed, or replays
 * a file.
 */
#ifndef TESTS_FUZZ_OPS_H
#define TESTS_FUZZ_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Most targets' operation; `kind` modulo the number of kinds says what it is. */
struct fuzz_op {
    uint8_t kind, what;
    uint16_t small;
    uint32_t value;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_target {
    const char *name;
    unsigned words; /* of an input */
    unsigned count; /* of inputs, unless the command line says */
    /* Makes an operation of a random word, and of more that it may take. NULL: the word is one. */
    void (*make)(uint64_t word, uint64_t *state, void *op);
};
extern const struct fuzz_target fuzz_target;

/* The next random word. */
static inline uint64_t fuzz_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The upper half of a word; often one bit of it alone. */
static inline uint32_t fuzz_value(uint64_t word)
{
    return word >> 62 ? (uint32_t)(word >> 32) : 1u << (word >> 32) % 32;
}

/* The input's next operation of so many bytes; false: there is none. */
static inline bool fuzz_take_op(const uint8_t **data, size_t *size, void *op, size_t op_size)
{
    if (*size < op_size)
        return false;
    memcpy(op, *data, op_size);
    *data += op_size;
    *size -= op_size;
    return true;
}

/* For fuzz_target.make: any kind, and a value that is often one bit. */
static inline void fuzz_make_op(uint64_t word, uint64_t *state, void *op)
{
    struct fuzz_op *o = op;

    *o = (struct fuzz_op){ (uint8_t)word, (uint8_t)(word >> 8), (uint16_t)(word >> 16),
                           fuzz_value(word) };
}

#endif
