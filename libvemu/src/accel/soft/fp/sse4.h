/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE3, SSSE3, SSE4.1 and SSE4.2: the handlers that sse4_emit.c chooses from.
 *
 * The conventions are those of sse.h. The host executes them, too, so CPUID offers these extensions
 * only on a host that has them (sc_host_sse()).
 */
#ifndef SC_SSE4_H
#define SC_SSE4_H

#include "accel/soft/trace/decode.h"
#include "accel/soft/sys/host.h"
#include "accel/soft/fp/sse.h"

/* What an encoding does: sse_emit.c turns it into records. */
struct sc_sse_op {
    sc_fn *reg, *mem; /* NULL: no such form */
    uint8_t size;     /* bytes of the memory operand */
    uint8_t aux;      /* the handler's own (sc_insn.aux) */
    uint16_t flags;   /* SC_SSE_* */
};
#define SC_SSE_XMM   (1u << 0) /* needs CR4.OSFXSR; without it the instruction is MMX's */
#define SC_SSE_MREG  (1u << 1) /* ModRM.reg is an MMX register */
#define SC_SSE_MRM   (1u << 2) /* ModRM.r/m, when a register, is an MMX register */
#define SC_SSE_STORE (1u << 3) /* ModRM.r/m is the destination */
#define SC_SSE_FP    (1u << 4) /* raises SIMD floating-point exceptions */
#define SC_SSE_W     (1u << 5) /* REX.W: the _w handlers; a memory operand doubles */
#define SC_SSE_UE(lanes) ((unsigned)(lanes) << 8)
#define SC_SSE_MMX   (SC_SSE_MREG | SC_SSE_MRM)

/* Handlers of an encoding. False: these extensions do not have it, or the guest or the host does
 * not have the extension. */
bool sc_sse4_find(const struct sc_cpu *c, const struct sc_dec *d, unsigned prefix,
                  struct sc_sse_op *ret);

/*
 * SSSE3 on XMM and MMX registers: X(name, opcode, MMX result). The latter comes from the XMM
 * instruction on the low halves; horizontal ones get both operands in one register.
 */
#define SC_JOINED _mm_unpacklo_epi64(a, b)
#define SC_SSSE3_BOTH(X)                                                                           \
    X(pshufb, 0x00, sc_host_pshufb(a, _mm_and_si128(b, _mm_set1_epi8((char)0x87))))                \
    X(phaddw, 0x01, sc_host_phaddw(SC_JOINED, SC_JOINED))                                          \
    X(phaddd, 0x02, sc_host_phaddd(SC_JOINED, SC_JOINED))                                          \
    X(phaddsw, 0x03, sc_host_phaddsw(SC_JOINED, SC_JOINED))                                        \
    X(pmaddubsw, 0x04, sc_host_pmaddubsw(a, b))                                                    \
    X(phsubw, 0x05, sc_host_phsubw(SC_JOINED, SC_JOINED))                                          \
    X(phsubd, 0x06, sc_host_phsubd(SC_JOINED, SC_JOINED))                                          \
    X(phsubsw, 0x07, sc_host_phsubsw(SC_JOINED, SC_JOINED))                                        \
    X(psignb, 0x08, sc_host_psignb(a, b))                                                          \
    X(psignw, 0x09, sc_host_psignw(a, b))                                                          \
    X(psignd, 0x0a, sc_host_psignd(a, b))                                                          \
    X(pmulhrsw, 0x0b, sc_host_pmulhrsw(a, b))                                                      \
    X(pabsb, 0x1c, sc_host_pabsb(a, b))                                                            \
    X(pabsw, 0x1d, sc_host_pabsw(a, b))                                                            \
    X(pabsd, 0x1e, sc_host_pabsd(a, b))

/* 66 0F 38, XMM only: X(name, opcode, bytes of the memory operand, CPUID bit) */
#define SC_SSE4_INT(X)                                                                             \
    X(pmovsxbw, 0x20, 8, SC_BIT_SSE41)                                                             \
    X(pmovsxbd, 0x21, 4, SC_BIT_SSE41)                                                             \
    X(pmovsxbq, 0x22, 2, SC_BIT_SSE41)                                                             \
    X(pmovsxwd, 0x23, 8, SC_BIT_SSE41)                                                             \
    X(pmovsxwq, 0x24, 4, SC_BIT_SSE41)                                                             \
    X(pmovsxdq, 0x25, 8, SC_BIT_SSE41)                                                             \
    X(pmuldq, 0x28, 16, SC_BIT_SSE41)                                                              \
    X(pcmpeqq, 0x29, 16, SC_BIT_SSE41)                                                             \
    X(packusdw, 0x2b, 16, SC_BIT_SSE41)                                                            \
    X(pmovzxbw, 0x30, 8, SC_BIT_SSE41)                                                             \
    X(pmovzxbd, 0x31, 4, SC_BIT_SSE41)                                                             \
    X(pmovzxbq, 0x32, 2, SC_BIT_SSE41)                                                             \
    X(pmovzxwd, 0x33, 8, SC_BIT_SSE41)                                                             \
    X(pmovzxwq, 0x34, 4, SC_BIT_SSE41)                                                             \
    X(pmovzxdq, 0x35, 8, SC_BIT_SSE41)                                                             \
    X(pcmpgtq, 0x37, 16, SC_BIT_SSE42)                                                             \
    X(pminsb, 0x38, 16, SC_BIT_SSE41)                                                              \
    X(pminsd, 0x39, 16, SC_BIT_SSE41)                                                              \
    X(pminuw, 0x3a, 16, SC_BIT_SSE41)                                                              \
    X(pminud, 0x3b, 16, SC_BIT_SSE41)                                                              \
    X(pmaxsb, 0x3c, 16, SC_BIT_SSE41)                                                              \
    X(pmaxsd, 0x3d, 16, SC_BIT_SSE41)                                                              \
    X(pmaxuw, 0x3e, 16, SC_BIT_SSE41)                                                              \
    X(pmaxud, 0x3f, 16, SC_BIT_SSE41)                                                              \
    X(pmulld, 0x40, 16, SC_BIT_SSE41)                                                              \
    X(phminposuw, 0x41, 16, SC_BIT_SSE41)

/* SSE3 arithmetic: X(name, prefix, opcode, kind of result for exact underflow) */
#define SC_SSE3_FP(X)                                                                              \
    X(addsubpd, SC_P66, 0xd0, SC_UE_PD)                                                            \
    X(addsubps, SC_PF2, 0xd0, SC_UE_PS)                                                            \
    X(haddpd, SC_P66, 0x7c, SC_UE_PD)                                                              \
    X(haddps, SC_PF2, 0x7c, SC_UE_PS)                                                              \
    X(hsubpd, SC_P66, 0x7d, SC_UE_PD)                                                              \
    X(hsubps, SC_PF2, 0x7d, SC_UE_PS)

/* 66 0F 3A with an immediate: X(name, opcode, bytes, flags) */
#define SC_SSE41_IMM(X)                                                                            \
    X(roundps, 0x08, 16, SC_SSE_FP)                                                                \
    X(roundpd, 0x09, 16, SC_SSE_FP)                                                                \
    X(roundss, 0x0a, 4, SC_SSE_FP)                                                                 \
    X(roundsd, 0x0b, 8, SC_SSE_FP)                                                                 \
    X(blendps, 0x0c, 16, 0)                                                                        \
    X(blendpd, 0x0d, 16, 0)                                                                        \
    X(pblendw, 0x0e, 16, 0)                                                                        \
    X(insertps, 0x21, 4, 0)                                                                        \
    X(dpps, 0x40, 16, SC_SSE_FP)                                                                   \
    X(dppd, 0x41, 16, SC_SSE_FP)                                                                   \
    X(mpsadbw, 0x42, 16, 0)

SC_SSSE3_BOTH(SC_DECLARE_BOTH)
SC_SSE4_INT(SC_DECLARE_XMM)
SC_SSE3_FP(SC_DECLARE_XMM)
SC_SSE41_IMM(SC_DECLARE_XMM)
/* DPPS, DPPD with an exception unmasked (sse_exact.c); aux: DPPD */
SC_DECLARE_XMM(xm_dot)
SC_DECLARE_BOTH(palignr)
SC_DECLARE_XMM(movddup)
SC_DECLARE_XMM(movsldup)
SC_DECLARE_XMM(movshdup)
SC_DECLARE_XMM(pblendvb)
SC_DECLARE_XMM(blendvps)
SC_DECLARE_XMM(blendvpd)
SC_DECLARE_XMM(ptest)
/* aux: opcode - 0x60; SC_STRING_WIDE: lengths in 64-bit registers */
#define SC_STRING_WIDE 4u
SC_DECLARE_XMM(pcmpstr)
SC_DECLARE2(pinsrb_xr, pinsrb_xm)
SC_DECLARE2(pinsrd_xr, pinsrd_xm)
SC_DECLARE2(pinsrq_xr, pinsrq_xm)
SC_DECLARE2(pextrb_rx, pextrb_mx)
SC_DECLARE2(pextrw_r32x, pextrw_mx)
SC_DECLARE2(pextrd_rx, pextrd_mx)
SC_DECLARE2(pextrq_rx, pextrq_mx)

#endif
