/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MMX, SSE and SSE2: operands, and the list of handlers that sse_emit.c chooses from.
 *
 * Operand conventions. `dst` is the register that ModRM.reg names and `src` the one that ModRM.r/m
 * names; stores to a register are emitted with the two swapped. In memory forms the register
 * operand is always `dst`. An immediate byte is in `imm`. Suffixes of handlers: _xx both registers
 * XMM, _xm XMM and memory, _mx memory and XMM (a store); p is an MMX register, r a general one
 * (r64: REX.W).
 */
#ifndef SC_SSE_H
#define SC_SSE_H

#include <emmintrin.h>

#include "accel/soft/cpu.h"
#include "accel/soft/fp/fpu.h"
#include "accel/soft/mem/mem.h"

/* --- XMM registers --------------------------------------------------------------------------- */
SC_INLINE __m128i sc_x(const struct sc_cpu *c, unsigned n)
{
    return _mm_load_si128((const __m128i *)c->fpu.xmm[n]);
}
/* Always 16 bytes at a time: a narrow store would make the next full load wait for the store
 * buffer. */
SC_INLINE void sc_setx(struct sc_cpu *c, unsigned n, __m128i v)
{
    _mm_store_si128((__m128i *)c->fpu.xmm[n], v);
}
SC_INLINE __m128i sc_x_low64(const struct sc_cpu *c, unsigned n)
{
    return _mm_loadl_epi64((const __m128i *)c->fpu.xmm[n]);
}
SC_INLINE uint64_t sc_x64(const struct sc_cpu *c, unsigned n, unsigned half)
{
    return *(const sc_u64a *)(c->fpu.xmm[n] + 8 * half);
}
SC_INLINE uint32_t sc_x32(const struct sc_cpu *c, unsigned n)
{
    return *(const sc_u32a *)c->fpu.xmm[n];
}

/* --- memory operands ------------------------------------------------------------------------- */
/* 16 bytes that must be aligned: #GP(0) (SDM Vol. 2, 2.4, exception type 4 for legacy SSE). */
SC_INLINE uint64_t sc_ea_aligned(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i);
    if (SC_UNLIKELY(va & 15))
        sc_raise(c, i, SC_GP, 0);
    return va;
}
SC_INLINE __m128i sc_ldx(struct sc_cpu *c, const struct sc_insn *i)
{
    return (__m128i)sc_ld128(c, i, sc_ea_aligned(c, i));
}
SC_INLINE __m128i sc_ldx_unaligned(struct sc_cpu *c, const struct sc_insn *i)
{
    return (__m128i)sc_ld128(c, i, sc_ea(c, i));
}
SC_INLINE __m128i sc_ldx64(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i);
    const struct sc_tlbe *t = sc_tlbe(c, va);
    if (SC_LIKELY(((va + 7) & SC_PAGE_MASK) == t->rtag))
        return _mm_loadl_epi64((const __m128i *)(va + t->addend));
    return _mm_cvtsi64_si128((long long)sc_ld_slow(c, i, va, 8));
}
SC_INLINE __m128i sc_ldx32(struct sc_cpu *c, const struct sc_insn *i)
{
    return _mm_cvtsi32_si128((int)sc_ld32(c, i, sc_ea(c, i)));
}
#define SC_LOAD_16  sc_ldx
#define SC_LOAD_16u sc_ldx_unaligned
#define SC_LOAD_8   sc_ldx64
#define SC_LOAD_4   sc_ldx32
#define SC_LOAD_2(c, i) _mm_cvtsi32_si128((int)sc_ld16(c, i, sc_ea(c, i)))

/*
 * Handlers of memory forms come in two: the TLB hit, which calls nothing and so needs no stack
 * frame, and the rest in a second function. `statement` may use a, the destination's old value, and
 * b, the memory operand: 16 bytes (16u: no alignment needed), 8, 4 or 2.
 */
#define SC_BYTES_16           16u
#define SC_BYTES_16u          16u
#define SC_BYTES_8            8u
#define SC_BYTES_4            4u
#define SC_BYTES_2            2u
#define SC_MISALIGNED_16(va)  ((va)&15)
#define SC_MISALIGNED_16u(va) 0
#define SC_MISALIGNED_8(va)   0
#define SC_MISALIGNED_4(va)   0
#define SC_MISALIGNED_2(va)   0
#define SC_DIRECT_16(hva)     _mm_load_si128((const __m128i *)(hva))
#define SC_DIRECT_16u(hva)    _mm_loadu_si128((const __m128i *)(hva))
#define SC_DIRECT_8(hva)      _mm_loadl_epi64((const __m128i *)(hva))
#define SC_DIRECT_4(hva)      _mm_cvtsi32_si128((int)*(const sc_u32a *)(hva))
#define SC_DIRECT_2(hva)      _mm_cvtsi32_si128((int)*(const sc_u16a *)(hva))
#define SC_DEFINE_XM(name, size, statement)                                                        \
    SC_NOINLINE SC_OP(name##_xm_slow)                                                              \
    {                                                                                              \
        __m128i b = SC_LOAD_##size(c, i), a = sc_x(c, i->dst);                                     \
        (void)a;                                                                                   \
        statement;                                                                                 \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_xm)                                                                \
    {                                                                                              \
        uint64_t va = sc_ea(c, i);                                                                 \
        const struct sc_tlbe *t = sc_tlbe(c, va);                                                  \
        if (SC_LIKELY(((va + SC_BYTES_##size - 1) & SC_PAGE_MASK) == t->rtag &&                    \
                      !SC_MISALIGNED_##size(va))) {                                                \
            __m128i b = SC_DIRECT_##size(va + t->addend), a = sc_x(c, i->dst);                     \
            (void)a;                                                                               \
            statement;                                                                             \
            SC_NEXT;                                                                               \
        }                                                                                          \
        SC_SLOW(name##_xm_slow);                                                                   \
    }
/* Stores: `direct` puts the register at the host address p, `general` is the whole store at va. */
#define SC_DEFINE_MX(name, size, direct, general)                                                  \
    SC_NOINLINE SC_OP(name##_mx_slow)                                                              \
    {                                                                                              \
        general;                                                                                   \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_mx)                                                                \
    {                                                                                              \
        uint64_t va = sc_ea(c, i);                                                                 \
        const struct sc_tlbe *t = sc_tlbe(c, va);                                                  \
        if (SC_LIKELY(((va + SC_BYTES_##size - 1) & SC_PAGE_MASK) == t->wtag &&                    \
                      !SC_MISALIGNED_##size(va))) {                                                \
            uintptr_t p = va + t->addend;                                                          \
            direct;                                                                                \
            SC_NEXT;                                                                               \
        }                                                                                          \
        SC_SLOW(name##_mx_slow);                                                                   \
    }
#ifdef SC_PORTABLE
#define SC_SLOW(handler) return handler(c, i)
#else
#define SC_SLOW(handler) SC_TAIL handler(c, i)
#endif

/* dst with its low 64 (32) bits from v. */
SC_INLINE __m128i sc_merge64(__m128i dst, __m128i v)
{
    return (__m128i)_mm_move_sd((__m128d)dst, (__m128d)v);
}
SC_INLINE __m128i sc_merge32(__m128i dst, __m128i v)
{
    return (__m128i)_mm_move_ss((__m128)dst, (__m128)v);
}

/* --- MMX registers (in memory, see fpu.h) ---------------------------------------------------- */
/* Brings the x87 state to memory; a pending x87 exception is #MF. */
void sc_mmx_prepare_slow(struct sc_cpu *c, const struct sc_insn *i);
SC_INLINE void sc_mmx_prepare(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(c->fpu.live || (c->fpu.fsw & SC_FSW_ES)))
        sc_mmx_prepare_slow(c, i);
}
/*
 * Every MMX instruction but EMMS leaves TOP = 0 and all registers valid (SDM Vol. 1, 9.5.1). On
 * CPUs also one that raises #XM does so, one whose load faults does not, and one whose store faults
 * has cleared TOP only.
 */
SC_INLINE void sc_mmx_clear_top(struct sc_cpu *c)
{
    c->fpu.fsw &= (uint16_t)~SC_FSW_TOP;
}
SC_INLINE void sc_mmx_touch(struct sc_cpu *c)
{
    sc_mmx_clear_top(c);
    c->fpu.ftag = 0xff;
}
SC_INLINE __m128i sc_mm(const struct sc_cpu *c, unsigned n)
{
    return _mm_loadl_epi64((const __m128i *)c->fpu.st[n]);
}
SC_INLINE void sc_setmm(struct sc_cpu *c, unsigned n, __m128i v)
{
    sc_mmx_touch(c);
    _mm_storel_epi64((__m128i *)c->fpu.st[n], v);
    *(sc_u16a *)(c->fpu.st[n] + 8) = 0xffff;
}

/* Both forms with an MMX destination: `expression` of a, its old value, and b, the source. */
#define SC_DEFINE_MMX(name, expression, load)                                                      \
    SC_OP_GLOBAL(sc_op_##name##_pp)                                                                \
    {                                                                                              \
        __m128i a, b;                                                                              \
        sc_mmx_prepare(c, i);                                                                      \
        a = sc_mm(c, i->dst);                                                                      \
        b = sc_mm(c, i->src);                                                                      \
        sc_setmm(c, i->dst, (expression));                                                         \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_pm)                                                                \
    {                                                                                              \
        __m128i a, b;                                                                              \
        sc_mmx_prepare(c, i);                                                                      \
        b = load(c, i);                                                                            \
        a = sc_mm(c, i->dst);                                                                      \
        sc_setmm(c, i->dst, (expression));                                                         \
        SC_NEXT;                                                                                   \
    }

/* --- instructions whose XMM and MMX forms do the same, element by element ----------------------
 */
/* X(name, opcode, value of the new destination from destination a and source b) */
#define SC_SIMD_BOTH(X)                                                                            \
    X(paddb, 0xfc, _mm_add_epi8(a, b))                                                             \
    X(paddw, 0xfd, _mm_add_epi16(a, b))                                                            \
    X(paddd, 0xfe, _mm_add_epi32(a, b))                                                            \
    X(paddq, 0xd4, _mm_add_epi64(a, b))                                                            \
    X(psubb, 0xf8, _mm_sub_epi8(a, b))                                                             \
    X(psubw, 0xf9, _mm_sub_epi16(a, b))                                                            \
    X(psubd, 0xfa, _mm_sub_epi32(a, b))                                                            \
    X(psubq, 0xfb, _mm_sub_epi64(a, b))                                                            \
    X(paddsb, 0xec, _mm_adds_epi8(a, b))                                                           \
    X(paddsw, 0xed, _mm_adds_epi16(a, b))                                                          \
    X(paddusb, 0xdc, _mm_adds_epu8(a, b))                                                          \
    X(paddusw, 0xdd, _mm_adds_epu16(a, b))                                                         \
    X(psubsb, 0xe8, _mm_subs_epi8(a, b))                                                           \
    X(psubsw, 0xe9, _mm_subs_epi16(a, b))                                                          \
    X(psubusb, 0xd8, _mm_subs_epu8(a, b))                                                          \
    X(psubusw, 0xd9, _mm_subs_epu16(a, b))                                                         \
    X(pminub, 0xda, _mm_min_epu8(a, b))                                                            \
    X(pmaxub, 0xde, _mm_max_epu8(a, b))                                                            \
    X(pminsw, 0xea, _mm_min_epi16(a, b))                                                           \
    X(pmaxsw, 0xee, _mm_max_epi16(a, b))                                                           \
    X(pavgb, 0xe0, _mm_avg_epu8(a, b))                                                             \
    X(pavgw, 0xe3, _mm_avg_epu16(a, b))                                                            \
    X(pand, 0xdb, _mm_and_si128(a, b))                                                             \
    X(pandn, 0xdf, _mm_andnot_si128(a, b))                                                         \
    X(por, 0xeb, _mm_or_si128(a, b))                                                               \
    X(pxor, 0xef, _mm_xor_si128(a, b))                                                             \
    X(pcmpeqb, 0x74, _mm_cmpeq_epi8(a, b))                                                         \
    X(pcmpeqw, 0x75, _mm_cmpeq_epi16(a, b))                                                        \
    X(pcmpeqd, 0x76, _mm_cmpeq_epi32(a, b))                                                        \
    X(pcmpgtb, 0x64, _mm_cmpgt_epi8(a, b))                                                         \
    X(pcmpgtw, 0x65, _mm_cmpgt_epi16(a, b))                                                        \
    X(pcmpgtd, 0x66, _mm_cmpgt_epi32(a, b))                                                        \
    X(pmullw, 0xd5, _mm_mullo_epi16(a, b))                                                         \
    X(pmulhw, 0xe5, _mm_mulhi_epi16(a, b))                                                         \
    X(pmulhuw, 0xe4, _mm_mulhi_epu16(a, b))                                                        \
    X(pmuludq, 0xf4, _mm_mul_epu32(a, b))                                                          \
    X(pmaddwd, 0xf5, _mm_madd_epi16(a, b))                                                         \
    X(psadbw, 0xf6, _mm_sad_epu8(a, b))                                                            \
    X(psllw, 0xf1, _mm_sll_epi16(a, b))                                                            \
    X(pslld, 0xf2, _mm_sll_epi32(a, b))                                                            \
    X(psllq, 0xf3, _mm_sll_epi64(a, b))                                                            \
    X(psrlw, 0xd1, _mm_srl_epi16(a, b))                                                            \
    X(psrld, 0xd2, _mm_srl_epi32(a, b))                                                            \
    X(psrlq, 0xd3, _mm_srl_epi64(a, b))                                                            \
    X(psraw, 0xe1, _mm_sra_epi16(a, b))                                                            \
    X(psrad, 0xe2, _mm_sra_epi32(a, b))

/* Pack and unpack: an expression for XMM and one for MMX (operands in the low halves). The low MMX
 * unpacks read 32 bits of memory. X(name, opcode, XMM, MMX) */
#define SC_SIMD_PACK(X)                                                                            \
    X(packsswb, 0x63, _mm_packs_epi16(a, b), _mm_packs_epi16(_mm_unpacklo_epi64(a, b), a))         \
    X(packuswb, 0x67, _mm_packus_epi16(a, b), _mm_packus_epi16(_mm_unpacklo_epi64(a, b), a))       \
    X(packssdw, 0x6b, _mm_packs_epi32(a, b), _mm_packs_epi32(_mm_unpacklo_epi64(a, b), a))         \
    X(punpckhbw, 0x68, _mm_unpackhi_epi8(a, b), _mm_srli_si128(_mm_unpacklo_epi8(a, b), 8))        \
    X(punpckhwd, 0x69, _mm_unpackhi_epi16(a, b), _mm_srli_si128(_mm_unpacklo_epi16(a, b), 8))      \
    X(punpckhdq, 0x6a, _mm_unpackhi_epi32(a, b), _mm_srli_si128(_mm_unpacklo_epi32(a, b), 8))
#define SC_SIMD_UNPACK_LOW(X)                                                                      \
    X(punpcklbw, 0x60, _mm_unpacklo_epi8(a, b))                                                    \
    X(punpcklwd, 0x61, _mm_unpacklo_epi16(a, b))                                                   \
    X(punpckldq, 0x62, _mm_unpacklo_epi32(a, b))
/* XMM only, no prefix or 66: X(name, prefix, opcode, expression) */
#define SC_SIMD_XMM(X)                                                                             \
    X(punpcklqdq, SC_P66, 0x6c, _mm_unpacklo_epi64(a, b))                                          \
    X(punpckhqdq, SC_P66, 0x6d, _mm_unpackhi_epi64(a, b))                                          \
    X(unpcklps, SC_PNP, 0x14, _mm_unpacklo_epi32(a, b))                                            \
    X(unpckhps, SC_PNP, 0x15, _mm_unpackhi_epi32(a, b))                                            \
    X(unpcklpd, SC_P66, 0x14, _mm_unpacklo_epi64(a, b))                                            \
    X(unpckhpd, SC_P66, 0x15, _mm_unpackhi_epi64(a, b))                                            \
    X(andps, SC_PNP, 0x54, _mm_and_si128(a, b))                                                    \
    X(andpd, SC_P66, 0x54, _mm_and_si128(a, b))                                                    \
    X(andnps, SC_PNP, 0x55, _mm_andnot_si128(a, b))                                                \
    X(andnpd, SC_P66, 0x55, _mm_andnot_si128(a, b))                                                \
    X(orps, SC_PNP, 0x56, _mm_or_si128(a, b))                                                      \
    X(orpd, SC_P66, 0x56, _mm_or_si128(a, b))                                                      \
    X(xorps, SC_PNP, 0x57, _mm_xor_si128(a, b))                                                    \
    X(xorpd, SC_P66, 0x57, _mm_xor_si128(a, b))

/* --- arithmetic, executed by the host's instruction of the same name -------------------------- */
/* X(name, prefix, opcode, bytes of the memory operand, kind of result for exact underflow) */
#define SC_FP_ARITH_4(X, op, opcode)                                                               \
    X(op##ps, SC_PNP, opcode, 16, SC_UE_PS)                                                        \
    X(op##pd, SC_P66, opcode, 16, SC_UE_PD)                                                        \
    X(op##ss, SC_PF3, opcode, 4, SC_UE_SS)                                                         \
    X(op##sd, SC_PF2, opcode, 8, SC_UE_SD)
#define SC_FP_OPS(X)                                                                               \
    SC_FP_ARITH_4(X, add, 0x58)                                                                    \
    SC_FP_ARITH_4(X, mul, 0x59)                                                                    \
    SC_FP_ARITH_4(X, sub, 0x5c)                                                                    \
    SC_FP_ARITH_4(X, div, 0x5e)                                                                    \
    X(minps, SC_PNP, 0x5d, 16, SC_UE_NONE)                                                         \
    X(minpd, SC_P66, 0x5d, 16, SC_UE_NONE)                                                         \
    X(minss, SC_PF3, 0x5d, 4, SC_UE_NONE)                                                          \
    X(minsd, SC_PF2, 0x5d, 8, SC_UE_NONE)                                                          \
    X(maxps, SC_PNP, 0x5f, 16, SC_UE_NONE)                                                         \
    X(maxpd, SC_P66, 0x5f, 16, SC_UE_NONE)                                                         \
    X(maxss, SC_PF3, 0x5f, 4, SC_UE_NONE)                                                          \
    X(maxsd, SC_PF2, 0x5f, 8, SC_UE_NONE)                                                          \
    X(sqrtps, SC_PNP, 0x51, 16, SC_UE_NONE)                                                        \
    X(sqrtpd, SC_P66, 0x51, 16, SC_UE_NONE)                                                        \
    X(sqrtss, SC_PF3, 0x51, 4, SC_UE_NONE)                                                         \
    X(sqrtsd, SC_PF2, 0x51, 8, SC_UE_NONE)                                                         \
    X(rsqrtps, SC_PNP, 0x52, 16, SC_UE_NONE)                                                       \
    X(rsqrtss, SC_PF3, 0x52, 4, SC_UE_NONE)                                                        \
    X(rcpps, SC_PNP, 0x53, 16, SC_UE_NONE)                                                         \
    X(rcpss, SC_PF3, 0x53, 4, SC_UE_NONE)                                                          \
    X(cvtps2pd, SC_PNP, 0x5a, 8, SC_UE_NONE)                                                       \
    X(cvtpd2ps, SC_P66, 0x5a, 16, SC_UE_PS)                                                        \
    X(cvtss2sd, SC_PF3, 0x5a, 4, SC_UE_NONE)                                                       \
    X(cvtsd2ss, SC_PF2, 0x5a, 8, SC_UE_SS)                                                         \
    X(cvtdq2ps, SC_PNP, 0x5b, 16, SC_UE_NONE)                                                      \
    X(cvtps2dq, SC_P66, 0x5b, 16, SC_UE_NONE)                                                      \
    X(cvttps2dq, SC_PF3, 0x5b, 16, SC_UE_NONE)                                                     \
    X(cvttpd2dq, SC_P66, 0xe6, 16, SC_UE_NONE)                                                     \
    X(cvtdq2pd, SC_PF3, 0xe6, 8, SC_UE_NONE)                                                       \
    X(cvtpd2dq, SC_PF2, 0xe6, 16, SC_UE_NONE)

/* --- declarations --------------------------------------------------------------------------- */
#define SC_DECLARE2(a, b)                                                                          \
    SC_OP_GLOBAL(sc_op_##a);                                                                       \
    SC_OP_GLOBAL(sc_op_##b);
#define SC_DECLARE_BOTH(name, ...)                                                                 \
    SC_DECLARE2(name##_xx, name##_xm)                                                              \
    SC_DECLARE2(name##_pp, name##_pm)
#define SC_DECLARE_XMM(name, ...) SC_DECLARE2(name##_xx, name##_xm)
SC_SIMD_BOTH(SC_DECLARE_BOTH)
SC_SIMD_PACK(SC_DECLARE_BOTH)
SC_SIMD_UNPACK_LOW(SC_DECLARE_BOTH)
SC_SIMD_XMM(SC_DECLARE_XMM)
SC_FP_OPS(SC_DECLARE_XMM)

/* sse_int.c */
SC_DECLARE2(pmovmskb_rx, pinsrw_xr)
SC_DECLARE2(pinsrw_xm, pextrw_rx)
/* Shifts by an immediate. */
#define SC_SHIFT_IMM(X)                                                                            \
    X(psrlw, _mm_srl_epi16)                                                                        \
    X(psraw, _mm_sra_epi16)                                                                        \
    X(psllw, _mm_sll_epi16)                                                                        \
    X(psrld, _mm_srl_epi32)                                                                        \
    X(psrad, _mm_sra_epi32)                                                                        \
    X(pslld, _mm_sll_epi32)                                                                        \
    X(psrlq, _mm_srl_epi64)                                                                        \
    X(psllq, _mm_sll_epi64)
#define SC_DECLARE_SHIFT(name, fn) SC_DECLARE2(name##_xi, name##_pi)
SC_SHIFT_IMM(SC_DECLARE_SHIFT)
/* PSLLDQ, PSRLDQ by `n` bytes. */
sc_fn *sc_sse_byte_shift(bool left, unsigned n);

/* sse_move.c */
SC_DECLARE2(mov_xx, mova_xm)
SC_DECLARE2(mova_mx, movu_xm)
SC_DECLARE2(movu_mx, movss_xx)
SC_DECLARE2(movss_xm, movss_mx)
SC_DECLARE2(movsd_xx, movsd_xm)
SC_DECLARE2(movq_xx, movlow_xm)
SC_DECLARE2(movlow_mx, movhigh_xm)
SC_DECLARE2(movhigh_mx, movhlps_xx)
SC_DECLARE2(movlhps_xx, movd_xr)
SC_DECLARE2(movd_xr64, movd_rx)
SC_DECLARE2(movd_rx64, movmskps_rx)
SC_DECLARE2(movmskpd_rx, maskmovdqu)

/* sse_shuffle.c */
SC_DECLARE2(pshufd_xx, pshufd_xm)
SC_DECLARE2(pshufhw_xx, pshufhw_xm)
SC_DECLARE2(pshuflw_xx, pshuflw_xm)
SC_DECLARE2(shufps_xx, shufps_xm)
SC_DECLARE2(shufpd_xx, shufpd_xm)

/* sse_float.c; compares by predicate 0..7 */
SC_DECLARE2(ucomiss_xx, ucomiss_xm)
SC_DECLARE2(ucomisd_xx, ucomisd_xm)
SC_DECLARE2(comiss_xx, comiss_xm)
SC_DECLARE2(comisd_xx, comisd_xm)
sc_fn *sc_sse_compare(unsigned prefix, unsigned predicate, bool memory);

/* sse_exact.c: brackets of an instruction when exceptions are unmasked. dst the register it writes,
 * aux2 whether MMX registers take part; in xm_end aux SC_UE_*, aux3 the opcode, and the source: its
 * record's src, or its address and in imm the size. */
SC_DECLARE2(xm_begin, xm_end)

/* sse_convert.c */
#define SC_DECLARE_GPR(name)                                                                       \
    SC_DECLARE2(name##_rx, name##_rm)                                                              \
    SC_DECLARE2(name##_r64x, name##_r64m)
SC_DECLARE_GPR(cvtss2si)
SC_DECLARE_GPR(cvtsd2si)
SC_DECLARE_GPR(cvttss2si)
SC_DECLARE_GPR(cvttsd2si)
SC_DECLARE2(cvtsi2ss_xr, cvtsi2ss_xm)
SC_DECLARE2(cvtsi2ss_xr64, cvtsi2ss_xm64)
SC_DECLARE2(cvtsi2sd_xr, cvtsi2sd_xm)
SC_DECLARE2(cvtsi2sd_xr64, cvtsi2sd_xm64)
SC_DECLARE2(cvtpi2ps_xp, cvtpi2ps_xm)
SC_DECLARE2(cvtpi2pd_xp, cvtpi2pd_xm)
SC_DECLARE2(cvtps2pi_px, cvtps2pi_pm)
SC_DECLARE2(cvttps2pi_px, cvttps2pi_pm)
SC_DECLARE2(cvtpd2pi_px, cvtpd2pi_pm)
SC_DECLARE2(cvttpd2pi_px, cvttpd2pi_pm)

/* mmx.c */
SC_DECLARE2(movq_pp, movq_pm)
SC_DECLARE2(movq_mp, movd_pr)
SC_DECLARE2(movd_pr64, movd_pm)
SC_DECLARE2(movd_rp, movd_rp64)
SC_DECLARE2(movd_mp, pmovmskb_rp)
SC_DECLARE2(pinsrw_pr, pinsrw_pm)
SC_DECLARE2(pextrw_rp, pshufw_pp)
SC_DECLARE2(pshufw_pm, movq2dq)
SC_DECLARE2(movdq2q, maskmovq)
SC_OP_GLOBAL(sc_op_emms);

/* sse_state.c */
SC_DECLARE2(fxsave, fxrstor)
SC_DECLARE2(ldmxcsr, stmxcsr)

/* Mandatory prefix, index into tables. */
enum { SC_PNP, SC_P66, SC_PF3, SC_PF2 };

/* Which lanes of the result may be tiny though exact (SDM Vol. 1, 4.9.1.5), for unmasked underflow.
 */
enum { SC_UE_NONE, SC_UE_PS, SC_UE_PD, SC_UE_SS, SC_UE_SD };

#endif
