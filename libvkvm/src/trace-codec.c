/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encoding and decoding of recorded sessions: numbers, mostly-zero bytes, differences.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "trace-format.h"

uint32_t trace__arch(void)
{
#if defined(__x86_64__)
    return EM_X86_64;
#elif defined(__aarch64__)
    return EM_AARCH64;
#else
    return EM_NONE;
#endif
}

/* CRC-32C (Castagnoli), four bits at a time: the table fits a cache line. */
uint32_t trace__crc(uint32_t crc, const void *bytes, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *p = bytes;
    crc = ~crc;
    while (size--) {
        crc ^= *p++;
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

/* --- writing --- */

void trace__buf_fini(struct trace_buf *b)
{
    free(b->data);
    memset(b, 0, sizeof(*b));
}

static bool buf_reserve(struct trace_buf *b, size_t more)
{
    if (b->failed)
        return false;
    if (more <= b->capacity - b->size)
        return true;
    size_t capacity = b->capacity ? b->capacity : 256;
    while (capacity - b->size < more)
        capacity *= 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void trace__put(struct trace_buf *b, const void *bytes, size_t size)
{
    if (!size || !buf_reserve(b, size))
        return;
    memcpy(b->data + b->size, bytes, size);
    b->size += size;
}

void trace__put_number(struct trace_buf *b, uint64_t value)
{
    if (!buf_reserve(b, 10))
        return;
    while (value >= 0x80) {
        b->data[b->size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    b->data[b->size++] = (uint8_t)value;
}

void trace__put_signed(struct trace_buf *b, int64_t value)
{
    trace__put_number(b, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

#define ZEROS_WORTH 4 /* a shorter run of zeros is cheaper as literals */

void trace__put_sparse(struct trace_buf *b, const uint8_t *bytes, size_t size)
{
    trace__put_number(b, size);
    for (size_t at = 0; at < size;) {
        size_t zeros = at;
        while (zeros < size && !bytes[zeros])
            zeros++;
        size_t end = zeros, run = 0; /* literals end before a run of zeros, or with the bytes */
        while (end < size && run < ZEROS_WORTH)
            run = bytes[end++] ? 0 : run + 1;
        end -= run;
        trace__put_number(b, zeros - at);
        trace__put_number(b, end - zeros);
        trace__put(b, bytes + zeros, end - zeros);
        at = end;
    }
}

/* The first position from `at` on where the two differ. */
static size_t differs(const uint8_t *old, const uint8_t *new, size_t at, size_t size, size_t skip)
{
    while (at < size) {
        if (old && at % 64 == 0 && size - at >= 64 && (skip < at || skip >= at + 64) &&
            !memcmp(old + at, new + at, 64)) {
            at += 64;
            continue;
        }
        if (at != skip && (old ? old[at] : 0) != new[at])
            return at;
        at++;
    }
    return size;
}

size_t trace__put_patch(struct trace_buf *b, uint8_t *old, const uint8_t *new, size_t size,
                        size_t skip)
{
    size_t pieces = 0, from = 0;
    for (;;) {
        size_t at = differs(old, new, from, size, skip);
        if (at >= size)
            break;
        size_t end = at + 1, same = 0;
        while (end < size && end != skip && same < ZEROS_WORTH) {
            same = (old ? old[end] : 0) == new[end] ? same + 1 : 0;
            end++;
        }
        end -= same;
        const uint8_t *bytes = new + at;
        if (old) /* through the copy: others may be writing to `new` */
            bytes = memcpy(old + at, new + at, end - at);
        trace__put_number(b, end - at);
        trace__put_number(b, at - from);
        trace__put(b, bytes, end - at);
        pieces++;
        from = end;
    }
    trace__put_number(b, 0);
    return pieces;
}

void trace__put_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

/* --- reading --- */

uint32_t trace__get_u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t trace__get_number(struct trace_cur *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->bad || c->p == c->end)
            break;
        uint8_t byte = *c->p++;
        if (shift == 63 && byte > 1)
            break; /* does not fit, or goes on */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    c->bad = true;
    return 0;
}

int64_t trace__get_signed(struct trace_cur *c)
{
    uint64_t value = trace__get_number(c);
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

const uint8_t *trace__get(struct trace_cur *c, size_t size)
{
    if (c->bad || (size_t)(c->end - c->p) < size) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += size;
    return p;
}

size_t trace__get_sparse(struct trace_cur *c, uint8_t *buffer, size_t capacity)
{
    uint64_t size = trace__get_number(c);
    if (size > TRACE_MAX_PART)
        c->bad = true;
    if (c->bad)
        return 0;
    if (size > capacity)
        buffer = NULL;
    for (uint64_t at = 0; at < size && !c->bad;) {
        uint64_t zeros = trace__get_number(c);
        uint64_t literals = trace__get_number(c);
        if (zeros > size - at || literals > size - at - zeros || zeros + literals == 0) {
            c->bad = true;
            break;
        }
        const uint8_t *p = trace__get(c, literals);
        if (buffer && p) {
            memset(buffer + at, 0, zeros);
            memcpy(buffer + at + zeros, p, literals);
        }
        at += zeros + literals;
    }
    return c->bad ? 0 : size;
}

size_t trace__get_patch(struct trace_cur *c, uint8_t *target, size_t size)
{
    size_t pieces = 0;
    for (uint64_t at = 0;; pieces++) {
        uint64_t length = trace__get_number(c);
        if (!length)
            return c->bad ? 0 : pieces;
        uint64_t same = trace__get_number(c);
        if (same > size - at || length > size - at - same)
            c->bad = true;
        const uint8_t *p = trace__get(c, length);
        if (!p)
            return 0;
        if (target)
            memcpy(target + at + same, p, length);
        at += same + length;
    }
}
