/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random numbers, interesting values, and register states made of them. */
#include "values.h"

#include <string.h>

/* --- random numbers (splitmix64) ------------------------------------------------------------- */
uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->s += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
unsigned rng_below(struct rng *r, unsigned n)
{
    return (unsigned)((rng_next(r) >> 32) * n >> 32);
}
bool rng_chance(struct rng *r, unsigned percent)
{
    return rng_below(r, 100) < percent;
}

/* --- interesting values ---------------------------------------------------------------------- */
uint64_t random_integer(struct rng *r)
{
    uint64_t v = rng_next(r);

    switch (rng_below(r, 8)) {
    case 0: return v;
    case 1: return v & 0xff;
    case 2: return (uint64_t) - (int64_t)(v & 0xff);
    case 3: return 1ull << (v & 63);
    case 4: return (1ull << (v & 63)) - 1;
    case 5: return (uint64_t)(int64_t)(int32_t)v;
    case 6: { /* borders of each width */
        static const uint64_t borders[] = {0,
                                           1,
                                           0x7f,
                                           0x80,
                                           0xff,
                                           0x7fff,
                                           0x8000,
                                           0xffff,
                                           0x7fffffff,
                                           0x80000000,
                                           0xffffffff,
                                           0x7fffffffffffffff,
                                           0x8000000000000000,
                                           0xffffffffffffffff};
        return borders[v % (sizeof borders / sizeof borders[0])];
    }
    default: return v >> (v & 63);
    }
}

/* A number with `mant` fraction bits (no integer bit) and `expo` exponent bits. */
static uint64_t fp_bits(struct rng *r, unsigned expo, unsigned mant)
{
    uint64_t max = (1ull << expo) - 1, bias = max >> 1, fraction, exponent;
    uint64_t v = rng_next(r), sign = (v & 1) << (expo + mant), one = 1ull << mant;

    switch (rng_below(r, 6)) {
    case 0: fraction = 0; break;
    case 1: fraction = one - 1; break;
    case 2: fraction = 1ull << rng_below(r, mant); break;
    case 3: fraction = (rng_next(r) & (one - 1)) & ~((1ull << rng_below(r, mant)) - 1); break;
    default: fraction = rng_next(r) & (one - 1); break;
    }
    switch (rng_below(r, 12)) {
    case 0: exponent = 0; break;
    case 1: exponent = max; break;
    case 2: exponent = 1 + rng_below(r, 4); break;
    case 3: exponent = max - 1 - rng_below(r, 4); break;
    case 4:
    case 5: exponent = bias + rng_below(r, 70); break; /* integers, conversion limits */
    case 6: exponent = (bias >> 1) + rng_below(r, 64); break;
    case 7: exponent = bias + (bias >> 1) + rng_below(r, 64); break;
    case 8:
    case 9: exponent = bias - 4 + rng_below(r, 8); break;
    default: exponent = rng_next(r) & max; break;
    }
    return sign | exponent << mant | fraction;
}
static uint32_t fp32(struct rng *r)
{
    return (uint32_t)fp_bits(r, 8, 23);
}
static uint64_t fp64(struct rng *r)
{
    return fp_bits(r, 11, 52);
}
static void fp80(struct rng *r, uint8_t out[10])
{
    uint64_t small = fp_bits(r, 11, 52), mantissa = small << 11 & ~(1ull << 63);
    uint16_t sign = (uint16_t)(small >> 63 << 15), exponent = small >> 52 & 0x7ff;
    uint16_t wide;

    if (rng_chance(r, 30))
        mantissa |= rng_next(r) & 0x7ff;
    if (rng_chance(r, 25))
        wide = (uint16_t)fp_bits(r, 15, 48) & 0x7fff;
    else
        wide = exponent == 0x7ff ? 0x7fff : exponent == 0 ? 0 : (uint16_t)(exponent - 1023 + 16383);
    if (rng_chance(r, 10))
        wide = rng_below(r, 2) ? rng_below(r, 80) : 0x7ffe - rng_below(r, 80);
    if (wide && !rng_chance(r, 4)) /* otherwise an unnormal, pseudo-infinity or pseudo-NaN */
        mantissa |= 1ull << 63;
    else if (!wide && rng_chance(r, 20))
        mantissa |= 1ull << 63; /* pseudo-denormal */
    wide |= sign;
    memcpy(out, &mantissa, 8);
    memcpy(out + 8, &wide, 2);
}

void random_fp(struct rng *r, unsigned kind, uint8_t *p, unsigned room)
{
    uint32_t v32;
    uint64_t v64;
    uint8_t v80[10];

    switch (kind) {
    case FP_F32:
        for (unsigned n = 0; n + 4 <= room && n < 16; n += 4) {
            v32 = fp32(r);
            memcpy(p + n, &v32, 4);
        }
        break;
    case FP_F64:
        for (unsigned n = 0; n + 8 <= room && n < 16; n += 8) {
            v64 = fp64(r);
            memcpy(p + n, &v64, 8);
        }
        break;
    case FP_F80:
        fp80(r, v80);
        memcpy(p, v80, room < 10 ? room : 10);
        break;
    case FP_BCD:
        for (unsigned n = 0; n < 10 && n < room; n++)
            p[n] = (uint8_t)(rng_below(r, 10) | rng_below(r, 10) << 4);
        break;
    case FP_TEXT:
        for (unsigned n = 0, letters = 1 + rng_below(r, 4); n < 16 && n < room; n++)
            p[n] = rng_chance(r, 6) ? (uint8_t)rng_next(r) : (uint8_t)rng_below(r, letters + 1);
        break;
    default:
        v64 = random_integer(r);
        memcpy(p, &v64, room < 8 ? room : 8);
        break;
    }
}

const uint8_t *random_pool(void)
{
    static uint8_t bytes[POOL_SIZE + ARENA_SIZE + 8];
    static bool done;
    struct rng r = {1};

    for (unsigned n = 0; !done && n < POOL_SIZE + ARENA_SIZE; n += 8) {
        uint64_t v = rng_next(&r);
        memcpy(bytes + n, &v, 8);
    }
    done = true;
    return bytes;
}

/* --- state ----------------------------------------------------------------------------------- */
void random_fx(struct rng *r, const struct form *f, struct state *s)
{
    uint16_t fcw = 0x037f, fsw = 0;
    uint32_t mxcsr = 0x1f80, mask = 0xffff;
    uint8_t tag;

    memset(s->fx, 0, sizeof s->fx);
    if (rng_chance(r, 70))
        fcw = (uint16_t)((fcw & ~0xc00) | rng_below(r, 4) << 10);
    if (rng_chance(r, 30))
        fcw = (uint16_t)((fcw & ~0x300) | rng_below(r, 4) << 8);
    if (rng_chance(r, 25))
        fcw = (uint16_t)((fcw & ~0x3f) | rng_below(r, 64));
    if (rng_chance(r, 5))
        fcw ^= 0x1000;
    fsw =
        (uint16_t)(rng_below(r, 8) << 11 | (rng_below(r, 16) << 8 & 0x700) | rng_below(r, 2) << 14);
    if (rng_chance(r, 40))
        fsw |= (uint16_t)rng_below(r, 128);
    if (!rng_chance(r, 5)) /* rarely with an exception pending */
        fsw &= (uint16_t)(~0x3f | fcw);
    if (fsw & ~fcw & 0x3f)
        fsw |= 0x8080;
    if (rng_chance(r, 50))
        mxcsr = (mxcsr & ~0x6000u) | rng_below(r, 4) << 13;
    if (rng_chance(r, 25))
        mxcsr ^= 0x8000;
    if (rng_chance(r, 25))
        mxcsr ^= 0x40;
    if (rng_chance(r, 30))
        mxcsr |= rng_below(r, 64);
    if (rng_chance(r, 15))
        mxcsr &= ~(rng_below(r, 64) << 7);
    tag = rng_chance(r, 75) ? 0xff : (uint8_t)rng_next(r);

    memcpy(s->fx, &fcw, 2);
    memcpy(s->fx + 2, &fsw, 2);
    s->fx[4] = tag;
    memcpy(s->fx + 24, &mxcsr, 4);
    memcpy(s->fx + 28, &mask, 4);
    for (unsigned n = 0; n < 8; n++) {
        if (f->flags & F_MMX && rng_chance(r, 80)) {
            uint64_t v = rng_chance(r, 60) ? rng_next(r) : random_integer(r);
            memcpy(s->fx + 32 + 16 * n, &v, 8);
            memset(s->fx + 40 + 16 * n, 0xff, 2);
        } else {
            fp80(r, s->fx + 32 + 16 * n);
        }
    }
    for (unsigned n = 0; n < 16; n++) {
        uint8_t *x = s->fx + 160 + 16 * n;
        if (f->fp == FP_F32 || f->fp == FP_F64) {
            random_fp(r, rng_chance(r, 90) ? f->fp : FP_F32 + FP_F64 - f->fp, x, 16);
        } else if (f->fp == FP_TEXT && rng_chance(r, 90)) {
            random_fp(r, FP_TEXT, x, 16);
        } else {
            uint64_t v[2] = {rng_next(r), rng_chance(r, 50) ? rng_next(r) : random_integer(r)};
            if (rng_chance(r, 30))
                v[0] = random_integer(r);
            memcpy(x, v, 16);
        }
    }
}
