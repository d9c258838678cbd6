/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE and SSE2 shuffles by an immediate. The host's instructions want it as a constant, so the
 * general handlers pick the elements one by one out of memory.
 */
#include "accel/soft/fp/sse.h"

typedef int32_t i32a __attribute__((may_alias, aligned(1)));
typedef int16_t i16a __attribute__((may_alias, aligned(1)));

/* Where an element of the source is read: the source register, or the scratch slot that a memory
 * operand was copied to. */
SC_INLINE int word_at(const uint8_t *s, unsigned n)
{
    return ((const i16a *)s)[n & 3];
}
SC_INLINE int dword_at(const uint8_t *s, unsigned n)
{
    return ((const i32a *)s)[n & 3];
}

SC_INLINE const uint8_t *source(struct sc_cpu *c, __m128i v)
{
    _mm_store_si128((__m128i *)c->fpu.scratch, v);
    return c->fpu.scratch;
}

SC_INLINE __m128i pshufd(const uint8_t *s, unsigned imm)
{
    return _mm_set_epi32(dword_at(s, imm >> 6), dword_at(s, imm >> 4), dword_at(s, imm >> 2),
                         dword_at(s, imm));
}
/* Four words out of the four at s, in the low half. */
SC_INLINE __m128i words(const uint8_t *s, unsigned imm)
{
    uint64_t v = (uint16_t)word_at(s, imm) | (uint64_t)(uint16_t)word_at(s, imm >> 2) << 16 |
                 (uint64_t)(uint16_t)word_at(s, imm >> 4) << 32 |
                 (uint64_t)(uint16_t)word_at(s, imm >> 6) << 48;
    return _mm_cvtsi64_si128((long long)v);
}
SC_INLINE __m128i pshuflw(const uint8_t *s, unsigned imm)
{
    return sc_merge64(_mm_load_si128((const __m128i *)s), words(s, imm));
}
SC_INLINE __m128i pshufhw(const uint8_t *s, unsigned imm)
{
    return _mm_unpacklo_epi64(_mm_load_si128((const __m128i *)s), words(s + 8, imm));
}
SC_INLINE __m128i shufps(const uint8_t *d, const uint8_t *s, unsigned imm)
{
    return _mm_set_epi32(dword_at(s, imm >> 6), dword_at(s, imm >> 4), dword_at(d, imm >> 2),
                         dword_at(d, imm));
}
SC_INLINE __m128i shufpd(const uint8_t *d, const uint8_t *s, unsigned imm)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(d + 8 * (imm & 1))),
                              _mm_loadl_epi64((const __m128i *)(s + 8 * (imm >> 1 & 1))));
}

#define DEFINE_1(name)                                                                             \
    SC_OP_GLOBAL(sc_op_##name##_xx)                                                                \
    {                                                                                              \
        sc_setx(c, i->dst, name(c->fpu.xmm[i->src], (uint8_t)i->imm));                             \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_xm)                                                                \
    {                                                                                              \
        const uint8_t *s = source(c, sc_ldx(c, i));                                                \
        sc_setx(c, i->dst, name(s, (uint8_t)i->imm));                                              \
        SC_NEXT;                                                                                   \
    }
#define DEFINE_2(name)                                                                             \
    SC_OP_GLOBAL(sc_op_##name##_xx)                                                                \
    {                                                                                              \
        sc_setx(c, i->dst, name(c->fpu.xmm[i->dst], c->fpu.xmm[i->src], (uint8_t)i->imm));         \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_xm)                                                                \
    {                                                                                              \
        const uint8_t *s = source(c, sc_ldx(c, i));                                                \
        sc_setx(c, i->dst, name(c->fpu.xmm[i->dst], s, (uint8_t)i->imm));                          \
        SC_NEXT;                                                                                   \
    }
DEFINE_1(pshufd)
DEFINE_1(pshuflw)
DEFINE_1(pshufhw)
DEFINE_2(shufps)
DEFINE_2(shufpd)
