/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE2 integer and bitwise instructions on XMM registers.
 */
#include "accel/soft/fp/sse.h"

#define DEFINE_XMM(name, opcode, expression, ...)                                                  \
    SC_OP_GLOBAL(sc_op_##name##_xx)                                                                \
    {                                                                                              \
        __m128i a = sc_x(c, i->dst), b = sc_x(c, i->src);                                          \
        sc_setx(c, i->dst, (expression));                                                          \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_DEFINE_XM(name, 16, sc_setx(c, i->dst, (expression)))
#define DEFINE_XMM_PREFIX(name, prefix, opcode, expression) DEFINE_XMM(name, opcode, expression)

SC_SIMD_BOTH(DEFINE_XMM)
SC_SIMD_PACK(DEFINE_XMM)
SC_SIMD_UNPACK_LOW(DEFINE_XMM)
SC_SIMD_XMM(DEFINE_XMM_PREFIX)

/* Shift counts beyond the element's width give zero (or the sign): so do the host's. */
#define DEFINE_SHIFT(name, fn)                                                                     \
    SC_OP_GLOBAL(sc_op_##name##_xi)                                                                \
    {                                                                                              \
        sc_setx(c, i->src, fn(sc_x(c, i->src), _mm_cvtsi32_si128((uint8_t)i->imm)));               \
        SC_NEXT;                                                                                   \
    }
SC_SHIFT_IMM(DEFINE_SHIFT)

/* The host wants the byte count as an immediate. */
#define BYTE_SHIFT(name, fn, n)                                                                    \
    SC_OP(name##_##n)                                                                              \
    {                                                                                              \
        sc_setx(c, i->src, fn(sc_x(c, i->src), n));                                                \
        SC_NEXT;                                                                                   \
    }
#define BYTE_SHIFTS(name, fn)                                                                      \
    BYTE_SHIFT(name, fn, 0)                                                                        \
    BYTE_SHIFT(name, fn, 1)                                                                        \
    BYTE_SHIFT(name, fn, 2)                                                                        \
    BYTE_SHIFT(name, fn, 3)                                                                        \
    BYTE_SHIFT(name, fn, 4)                                                                        \
    BYTE_SHIFT(name, fn, 5)                                                                        \
    BYTE_SHIFT(name, fn, 6)                                                                        \
    BYTE_SHIFT(name, fn, 7)                                                                        \
    BYTE_SHIFT(name, fn, 8)                                                                        \
    BYTE_SHIFT(name, fn, 9)                                                                        \
    BYTE_SHIFT(name, fn, 10)                                                                       \
    BYTE_SHIFT(name, fn, 11)                                                                       \
    BYTE_SHIFT(name, fn, 12)                                                                       \
    BYTE_SHIFT(name, fn, 13)                                                                       \
    BYTE_SHIFT(name, fn, 14)                                                                       \
    BYTE_SHIFT(name, fn, 15)                                                                       \
    BYTE_SHIFT(name, fn, 16)
BYTE_SHIFTS(pslldq, _mm_slli_si128)
BYTE_SHIFTS(psrldq, _mm_srli_si128)
#define BYTES(n)                                                                                   \
    case n: return left ? pslldq_##n : psrldq_##n;
sc_fn *sc_sse_byte_shift(bool left, unsigned n)
{
    switch (n) {
        BYTES(0)
        BYTES(1)
        BYTES(2)
        BYTES(3)
        BYTES(4)
        BYTES(5)
        BYTES(6)
        BYTES(7)
        BYTES(8)
        BYTES(9)
        BYTES(10)
        BYTES(11)
        BYTES(12)
        BYTES(13)
        BYTES(14)
        BYTES(15)
    default: return left ? pslldq_16 : psrldq_16;
    }
}

SC_OP_GLOBAL(sc_op_pmovmskb_rx)
{
    sc_set32(c, i->dst, (uint32_t)_mm_movemask_epi8(sc_x(c, i->src)));
    SC_NEXT;
}

/* The register's word is inserted in place: rare enough for a narrow store. */
SC_OP_GLOBAL(sc_op_pinsrw_xr)
{
    *(sc_u16a *)(c->fpu.xmm[i->dst] + 2 * (i->imm & 7)) = sc_get16(c, i->src);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_pinsrw_xm)
{
    *(sc_u16a *)(c->fpu.xmm[i->dst] + 2 * (i->imm & 7)) = sc_ld16(c, i, sc_ea(c, i));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_pextrw_rx)
{
    sc_set32(c, i->dst, *(const sc_u16a *)(c->fpu.xmm[i->src] + 2 * (i->imm & 7)));
    SC_NEXT;
}
