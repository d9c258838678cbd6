/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of inputs that know a little of what an image is made of.
 *
 * Images are tables of numbers: places in the file, counts, flags. A change picks a number that is
 * not zero (or one beside it), and gives it the value of another, an offset of a part of the file,
 * one near to what it was, or one at the edge of something.
 */
#include "fuzz.h"

#include <string.h>

#define TRIES 64u

/* --- checksums -------------------------------------------------------------------------------- */

static uint32_t crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;

    while (size--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void mend_vhdx(uint8_t *file, uint64_t size, uint64_t at, uint64_t bytes)
{
    uint32_t sum;

    if (at + bytes > size)
        return;
    memset(file + at + 4, 0, 4);
    sum = GUINT32_TO_LE(crc32c(file + at, bytes));
    memcpy(file + at + 4, &sum, 4);
}

static void mend_vpc(uint8_t *footer)
{
    uint32_t sum = 0;

    memset(footer + 64, 0, 4);
    for (unsigned i = 0; i < FUZZ_SECTOR; i++)
        sum += footer[i];
    sum = GUINT32_TO_BE(~sum);
    memcpy(footer + 64, &sum, 4);
}

void fuzz_mend(enum fuzz_format format, uint8_t *file, uint64_t size)
{
    if (format == FUZZ_VHDX) {
        mend_vhdx(file, size, 64 << 10, 4096);
        mend_vhdx(file, size, 128 << 10, 4096);
        mend_vhdx(file, size, 192 << 10, 65536);
        mend_vhdx(file, size, 256 << 10, 65536);
    } else if (format == FUZZ_VPC && size >= FUZZ_SECTOR) {
        mend_vpc(file);
        mend_vpc(file + size - FUZZ_SECTOR);
    }
}

/* --- numbers ---------------------------------------------------------------------------------- */

static uint64_t number_get(const uint8_t *at, unsigned width, bool big)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)at[big ? width - 1 - i : i] << 8 * i;
    return value;
}

static void number_put(uint8_t *at, unsigned width, bool big, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        at[big ? width - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* The place of a number in the file's part of the input, best one that is not zero. */
static size_t number_find(const uint8_t *data, size_t from, size_t size, unsigned width,
                          uint64_t *random)
{
    size_t at = from;

    for (unsigned i = 0; i < TRIES; i++) {
        at = from + fuzz_random(random, (size - from) / width) * width;
        if (number_get(data + at, width, false))
            break;
    }
    if (fuzz_random(random, 4) == 0 && at + 2 * width <= size)
        at += width;
    return at;
}

static uint64_t number_new(const uint8_t *data, size_t from, size_t size, unsigned width, bool big,
                           uint64_t old, uint64_t *random)
{
    static const uint64_t edges[] = { 0,
                                      1,
                                      2,
                                      511,
                                      512,
                                      513,
                                      4096,
                                      65536,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0x100000000,
                                      INT64_MAX,
                                      INT64_MAX - 511,
                                      UINT64_MAX,
                                      UINT64_C(1) << 63,
                                      UINT64_C(1) << 62,
                                      UINT64_C(3) << 62,
                                      UINT64_C(0xfffffffffffe00),
                                      UINT64_C(1) << 40 };
    static const uint64_t steps[] = { 1, 8, 512, 1024, 2048, 4096, 16384, 65536, 1 << 20 };

    switch (fuzz_random(random, 7)) {
    case 0: return edges[fuzz_random(random, G_N_ELEMENTS(edges))];
    case 1: return old + steps[fuzz_random(random, G_N_ELEMENTS(steps))];
    case 2: return old - steps[fuzz_random(random, G_N_ELEMENTS(steps))];
    case 3: return old ^ UINT64_C(1) << fuzz_random(random, 8 * width);
    case 4: /* a place in the file, with the flags that were there */
        return (old & (UINT64_C(3) << 62)) | 512 * fuzz_random(random, 256)
                                                 << (fuzz_random(random, 2) ? 0 : 3);
    case 5: return old << fuzz_random(random, 16);
    default: return number_get(data + number_find(data, from, size, width, random), width, big);
    }
}

size_t fuzz_mutate(uint8_t *data, size_t size, uint64_t *random)
{
    static const unsigned widths[] = { 8, 8, 8, 4, 4, 2, 1 };
    size_t ops = sizeof(struct fuzz_header), from;
    struct fuzz_header header;
    unsigned width = widths[fuzz_random(random, G_N_ELEMENTS(widths))];

    if (size < sizeof(header) + 64)
        return size;
    memcpy(&header, data, sizeof(header));
    from = ops + header.op_count % (FUZZ_OPS_MAX + 1) * sizeof(struct fuzz_op);
    if (from + 64 > size)
        return size;
    if (fuzz_random(random, 6) == 0 && from > ops) { /* another request */
        struct fuzz_op op = { (uint8_t)fuzz_random(random, 256), (uint8_t)fuzz_random(random, 256),
                              (uint16_t)fuzz_random(random, 2048),
                              (uint32_t)fuzz_random(random, 131072) };

        memcpy(data + ops + fuzz_random(random, (from - ops) / sizeof(op)) * sizeof(op), &op,
               sizeof(op));
        return size;
    }
    if (fuzz_random(random, 40) == 0) {
        header.flags ^= (uint8_t)(1u << fuzz_random(random, 3));
        header.size = (uint32_t)(fuzz_random(random, 2) ? header.size / 2 : header.size + 64);
        memcpy(data, &header, sizeof(header));
        return size;
    }
    for (uint64_t n = 1 + fuzz_random(random, 3); n; n--) {
        bool big =
            header.format % FUZZ_FORMATS == FUZZ_QCOW2 || header.format % FUZZ_FORMATS == FUZZ_VPC;
        /* tables are in front, mostly */
        size_t end = fuzz_random(random, 2) ? size : from + MIN(size - from, 2048);
        size_t at = number_find(data, from, end, width, random);
        uint64_t old;

        if (at + width > size)
            continue;
        old = number_get(data + at, width, big);
        number_put(data + at, width, big, number_new(data, from, size, width, big, old, random));
    }
    return size;
}
