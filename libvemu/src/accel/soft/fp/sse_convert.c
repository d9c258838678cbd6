/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE and SSE2 conversions between floating point and general or MMX registers. (Those between XMM
 * registers are in sse_float.c.)
 */
#include "accel/soft/fp/sse.h"

/* --- to a general register; out of range gives the integer indefinite, as on the host
 * ------------- */
#define TO_GPR(name, suffix, bits, form, operand)                                                  \
    SC_OP_GLOBAL(sc_op_##name##_##form)                                                            \
    {                                                                                              \
        __m128i b = (operand);                                                                     \
        uint##bits##_t r;                                                                          \
        __asm__ volatile(#name suffix " %1, %0" : "=r"(r) : "x"(b));                               \
        sc_set##bits(c, i->dst, r);                                                                \
        SC_NEXT;                                                                                   \
    }
#define DEFINE_TO_GPR(name, load)                                                                  \
    TO_GPR(name, "l", 32, rx, sc_x(c, i->src))                                                     \
    TO_GPR(name, "q", 64, r64x, sc_x(c, i->src))                                                   \
    TO_GPR(name, "l", 32, rm, load(c, i))                                                          \
    TO_GPR(name, "q", 64, r64m, load(c, i))
DEFINE_TO_GPR(cvtss2si, sc_ldx32)
DEFINE_TO_GPR(cvtsd2si, sc_ldx64)
DEFINE_TO_GPR(cvttss2si, sc_ldx32)
DEFINE_TO_GPR(cvttsd2si, sc_ldx64)

/* --- from a general register or an integer in memory: the rest of the destination stays ----------
 */
#define FROM_GPR(name, form, insn, operand)                                                        \
    SC_OP_GLOBAL(sc_op_##name##_##form)                                                            \
    {                                                                                              \
        uint64_t b = (operand);                                                                    \
        __m128i a = sc_x(c, i->dst);                                                               \
        __asm__ volatile(insn ", %0" : "+x"(a) : "r"(b));                                          \
        sc_setx(c, i->dst, a);                                                                     \
        SC_NEXT;                                                                                   \
    }
#define DEFINE_FROM_GPR(name)                                                                      \
    FROM_GPR(name, xr, #name "l %k1", sc_get32(c, i->src))                                         \
    FROM_GPR(name, xr64, #name "q %q1", sc_get64(c, i->src))                                       \
    FROM_GPR(name, xm, #name "l %k1", sc_ld32(c, i, sc_ea(c, i)))                                  \
    FROM_GPR(name, xm64, #name "q %q1", sc_ld64(c, i, sc_ea(c, i)))
DEFINE_FROM_GPR(cvtsi2ss)
DEFINE_FROM_GPR(cvtsi2sd)

/* --- MMX ------------------------------------------------------------------------------------ */
/*
 * The host's XMM forms do the work, with zeros in the lanes that MMX does not have: they convert
 * exactly and raise nothing. From memory no MMX register takes part, and the x87 state stays as it
 * is.
 */
#define FROM_MMX(name, insn, merge)                                                                \
    SC_OP_GLOBAL(sc_op_##name##_xp)                                                                \
    {                                                                                              \
        __m128i b, r;                                                                              \
        sc_mmx_prepare(c, i);                                                                      \
        sc_mmx_touch(c);                                                                           \
        b = sc_mm(c, i->src);                                                                      \
        __asm__ volatile(insn " %1, %0" : "=x"(r) : "x"(b));                                       \
        sc_setx(c, i->dst, merge);                                                                 \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_xm)                                                                \
    {                                                                                              \
        __m128i b = sc_ldx64(c, i), r;                                                             \
        __asm__ volatile(insn " %1, %0" : "=x"(r) : "x"(b));                                       \
        sc_setx(c, i->dst, merge);                                                                 \
        SC_NEXT;                                                                                   \
    }
FROM_MMX(cvtpi2ps, "cvtdq2ps", sc_merge64(sc_x(c, i->dst), r))
FROM_MMX(cvtpi2pd, "cvtdq2pd", r)

#define TO_MMX(name, insn, from_register, from_memory)                                             \
    SC_OP_GLOBAL(sc_op_##name##_px)                                                                \
    {                                                                                              \
        __m128i b, r;                                                                              \
        sc_mmx_prepare(c, i);                                                                      \
        b = from_register(c, i->src);                                                              \
        __asm__ volatile(insn " %1, %0" : "=x"(r) : "x"(b));                                       \
        sc_setmm(c, i->dst, r);                                                                    \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_pm)                                                                \
    {                                                                                              \
        __m128i b, r;                                                                              \
        sc_mmx_prepare(c, i);                                                                      \
        b = from_memory(c, i);                                                                     \
        __asm__ volatile(insn " %1, %0" : "=x"(r) : "x"(b));                                       \
        sc_setmm(c, i->dst, r);                                                                    \
        SC_NEXT;                                                                                   \
    }
TO_MMX(cvtps2pi, "cvtps2dq", sc_x_low64, sc_ldx64)
TO_MMX(cvttps2pi, "cvttps2dq", sc_x_low64, sc_ldx64)
TO_MMX(cvtpd2pi, "cvtpd2dq", sc_x, sc_ldx)
TO_MMX(cvttpd2pi, "cvttpd2dq", sc_x, sc_ldx)
