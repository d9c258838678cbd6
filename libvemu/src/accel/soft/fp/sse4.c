/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE3, SSSE3, SSE4.1 and SSE4.2 instructions, executed by the host's of the same name.
 *
 * Where the host wants an immediate as a constant there is either a short way around it, or one
 * stub of host code for each value: it works on XMM2 (destination) and XMM1 and jumps back to the
 * address in R11 (a call would write below the stack pointer, where gcc may have data).
 */
#include "accel/soft/fp/sse4.h"

#include "accel/soft/int/flags.h"

#define STUB_SIZE 16u
#define STUB_ROUND 0u /* 08..0B, 16 immediates each */
#define STUB_SADBW (STUB_ROUND + 4 * 16) /* 42, 8 immediates */
#define STUB_STRING (STUB_SADBW + 8) /* 60..63, 128 immediates each */

#define STUBS(opcodes, first, immediates)                                                          \
    ".set sc_opcode, " #first "\n"                                                                 \
    ".rept " #opcodes "\n"                                                                         \
    "  .set sc_immediate, 0\n"                                                                     \
    "  .rept " #immediates "\n"                                                                    \
    "    .byte 0x66, 0x0f, 0x3a, sc_opcode, 0xd1, sc_immediate\n"                                  \
    "    jmp *%r11\n"                                                                              \
    "    .balign 16, 0xcc\n"                                                                       \
    "    .set sc_immediate, sc_immediate + 1\n"                                                    \
    "  .endr\n"                                                                                    \
    "  .set sc_opcode, sc_opcode + 1\n"                                                            \
    ".endr\n"
__asm__(".pushsection .text.sc_sse4_stubs, \"ax\", @progbits\n"
        ".balign 16\n"
        "sc_sse4_stubs:\n" STUBS(4, 0x08, 16) STUBS(1, 0x42, 8) STUBS(4, 0x60, 128)
        ".popsection\n");
extern const uint8_t sc_sse4_stubs[];
#define CALL_STUB "lea 1f(%%rip), %%r11\n\tjmp *%[stub]\n1:"

SC_INLINE const uint8_t *stub_at(unsigned n)
{
    return sc_sse4_stubs + (size_t)n * STUB_SIZE;
}
SC_INLINE __m128i run_stub(unsigned n, __m128i a, __m128i b)
{
    register __m128i source __asm__("xmm1") = b, destination __asm__("xmm2") = a;

    __asm__ volatile(CALL_STUB
                     : "+x"(destination)
                     : "x"(source), [stub] "r"(stub_at(n))
                     : "r11", "cc");
    return destination;
}

/* --- two operands ----------------------------------------------------------------------------- */
#define HOST_INT(name, ...)                                                                        \
    SC_INLINE __m128i sc_host_##name(__m128i a, __m128i b)                                         \
    {                                                                                              \
        __asm__(#name " %1, %0" : "+x"(a) : "x"(b));                                               \
        return a;                                                                                  \
    }
/* Whose only effect may be a flag of MXCSR. */
#define HOST_FP(name, ...)                                                                         \
    SC_INLINE __m128i sc_host_##name(__m128i a, __m128i b)                                         \
    {                                                                                              \
        __asm__ volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                      \
        return a;                                                                                  \
    }
SC_SSSE3_BOTH(HOST_INT)
SC_SSE4_INT(HOST_INT)
SC_SSE3_FP(HOST_FP)

#define DEFINE(name, bytes, expression)                                                            \
    SC_OP_GLOBAL(sc_op_##name##_xx)                                                                \
    {                                                                                              \
        __m128i a = sc_x(c, i->dst), b = sc_x(c, i->src);                                          \
        (void)a;                                                                                   \
        sc_setx(c, i->dst, (expression));                                                          \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_DEFINE_XM(name, bytes, sc_setx(c, i->dst, (expression)))

#define DEFINE_SSSE3(name, opcode, mmx)                                                            \
    DEFINE(name, 16, sc_host_##name(a, b)) SC_DEFINE_MMX(name, mmx, sc_ldx64)
#define DEFINE_SSE4(name, opcode, bytes, bit) DEFINE(name, bytes, sc_host_##name(a, b))
#define DEFINE_SSE3(name, prefix, opcode, ue) DEFINE(name, 16, sc_host_##name(a, b))
SC_SSSE3_BOTH(DEFINE_SSSE3)
SC_SSE4_INT(DEFINE_SSE4)
SC_SSE3_FP(DEFINE_SSE3)

DEFINE(movddup, 8, _mm_unpacklo_epi64(b, b))
DEFINE(movsldup, 16, _mm_shuffle_epi32(b, 0xa0))
DEFINE(movshdup, 16, _mm_shuffle_epi32(b, 0xf5))

/* The third operand is XMM0. */
#define DEFINE_BLENDV(name)                                                                        \
    SC_INLINE __m128i host_##name(__m128i a, __m128i b, __m128i mask)                              \
    {                                                                                              \
        __asm__(#name " %%xmm0, %1, %0" : "+x"(a) : "x"(b), "Yz"(mask));                           \
        return a;                                                                                  \
    }                                                                                              \
    DEFINE(name, 16, host_##name(a, b, sc_x(c, 0)))
DEFINE_BLENDV(pblendvb)
DEFINE_BLENDV(blendvps)
DEFINE_BLENDV(blendvpd)

SC_INLINE void ptest(struct sc_cpu *c, __m128i a, __m128i b)
{
    bool zf, cf;

    __asm__("ptest %3, %2" : "=@ccz"(zf), "=@ccc"(cf) : "x"(a), "x"(b));
    c->fa = (uint32_t)cf | (uint32_t)zf << 6;
    c->ft = SC_F_RAW;
}
SC_OP_GLOBAL(sc_op_ptest_xx)
{
    ptest(c, sc_x(c, i->dst), sc_x(c, i->src));
    SC_NEXT;
}
SC_DEFINE_XM(ptest, 16, ptest(c, a, b))

/* --- with an immediate ------------------------------------------------------------------------ */
#define IMM ((unsigned)i->imm)

DEFINE(roundps, 16, run_stub(STUB_ROUND + 0 * 16 + (IMM & 15), a, b))
DEFINE(roundpd, 16, run_stub(STUB_ROUND + 1 * 16 + (IMM & 15), a, b))
DEFINE(roundss, 4, run_stub(STUB_ROUND + 2 * 16 + (IMM & 15), a, b))
DEFINE(roundsd, 8, run_stub(STUB_ROUND + 3 * 16 + (IMM & 15), a, b))
DEFINE(mpsadbw, 16, run_stub(STUB_SADBW + (IMM & 7), a, b))

/* All bits of the lanes whose bit is set in n. */
SC_INLINE __m128i lanes16(unsigned n)
{
    const __m128i bits = _mm_set_epi16(128, 64, 32, 16, 8, 4, 2, 1);
    return _mm_cmpeq_epi16(_mm_and_si128(_mm_set1_epi16((short)n), bits), bits);
}
SC_INLINE __m128i lanes32(unsigned n)
{
    const __m128i bits = _mm_set_epi32(8, 4, 2, 1);
    return _mm_cmpeq_epi32(_mm_and_si128(_mm_set1_epi32((int)n), bits), bits);
}
SC_INLINE __m128i lanes64(unsigned n)
{
    return lanes32((n & 1) * 3 | (n & 2) * 6);
}
SC_INLINE __m128i blend(__m128i a, __m128i b, __m128i mask)
{
    return _mm_or_si128(_mm_andnot_si128(mask, a), _mm_and_si128(mask, b));
}
DEFINE(blendps, 16, blend(a, b, lanes32(IMM)))
DEFINE(blendpd, 16, blend(a, b, lanes64(IMM)))
DEFINE(pblendw, 16, blend(a, b, lanes16(IMM)))

/* Products that the immediate does not select are +0.0, and so are the results (SDM Vol. 2, DPPS);
 * 0.0 * 0.0 is +0.0 and raises nothing. */
#define DEFINE_DOT(name, lanes)                                                                    \
    SC_INLINE __m128i name(__m128i a, __m128i b, unsigned imm)                                     \
    {                                                                                              \
        const __m128i in = lanes(imm >> 4);                                                        \
        a = _mm_and_si128(a, in);                                                                  \
        b = _mm_and_si128(b, in);                                                                  \
        __asm__ volatile(#name " $0xff, %1, %0" : "+x"(a) : "x"(b));                               \
        return _mm_and_si128(a, lanes(imm));                                                       \
    }                                                                                              \
    DEFINE(name, 16, name(a, b, IMM))
DEFINE_DOT(dpps, lanes32)
DEFINE_DOT(dppd, lanes64)

/* b: the element, in all lanes. */
SC_INLINE __m128i insertps(__m128i a, __m128i b, unsigned imm)
{
    return _mm_andnot_si128(lanes32(imm), blend(a, b, lanes32(1u << (imm >> 4 & 3))));
}
SC_OP_GLOBAL(sc_op_insertps_xx)
{
    const uint32_t element = *(const sc_u32a *)(c->fpu.xmm[i->src] + 4 * (IMM >> 6 & 3));

    sc_setx(c, i->dst, insertps(sc_x(c, i->dst), _mm_set1_epi32((int)element), IMM));
    SC_NEXT;
}
SC_DEFINE_XM(insertps, 4, sc_setx(c, i->dst, insertps(a, _mm_shuffle_epi32(b, 0), IMM)))

/*
 * PALIGNR by PSHUFB, whose indices with bit 7 set give zeros: `shift_window + n` for n = 0..32
 * moves bytes to the right by n - 16, to the left if that is negative.
 */
static const uint8_t shift_window[64] = {
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
};
SC_INLINE __m128i shifted(__m128i v, unsigned n)
{
    return sc_host_pshufb(v, _mm_loadu_si128((const __m128i *)(shift_window + n)));
}
SC_INLINE __m128i palignr(__m128i a, __m128i b, unsigned imm)
{
    const unsigned n = imm < 32 ? imm : 32;
    return _mm_or_si128(shifted(b, n + 16), shifted(a, n));
}
SC_INLINE __m128i palignr_mmx(__m128i a, __m128i b, unsigned imm)
{
    return shifted(_mm_unpacklo_epi64(b, a), (imm < 16 ? imm : 16) + 16);
}
DEFINE(palignr, 16, palignr(a, b, (uint8_t)IMM))
SC_DEFINE_MMX(palignr, palignr_mmx(a, b, (uint8_t)IMM), sc_ldx64)

/* --- elements ------------------------------------------------------------------------------- */
#define ELEMENT(reg, type, bytes) ((type *)(c->fpu.xmm[reg] + (bytes) * (IMM & (16 / (bytes) - 1))))
#define DEFINE_INSERT(name, type, bits, value)                                                     \
    SC_OP_GLOBAL(sc_op_##name##_xr)                                                                \
    {                                                                                              \
        *ELEMENT(i->dst, type, (bits) / 8) = (value);                                              \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_xm)                                                                \
    {                                                                                              \
        *ELEMENT(i->dst, type, (bits) / 8) = sc_ld##bits(c, i, sc_ea(c, i));                       \
        SC_NEXT;                                                                                   \
    }
DEFINE_INSERT(pinsrb, uint8_t, 8, (uint8_t)sc_get32(c, i->src))
DEFINE_INSERT(pinsrd, sc_u32a, 32, sc_get32(c, i->src))
DEFINE_INSERT(pinsrq, sc_u64a, 64, sc_get64(c, i->src))
/* Into a register the element is zero-extended; dst is then the general register. */
#define DEFINE_EXTRACT(name, form, type, bits)                                                     \
    SC_OP_GLOBAL(sc_op_##name##_##form)                                                            \
    {                                                                                              \
        sc_set64(c, i->dst, *ELEMENT(i->src, const type, (bits) / 8));                             \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_GLOBAL(sc_op_##name##_mx)                                                                \
    {                                                                                              \
        sc_st##bits(c, i, sc_ea(c, i), *ELEMENT(i->dst, const type, (bits) / 8));                  \
        SC_NEXT;                                                                                   \
    }
DEFINE_EXTRACT(pextrb, rx, uint8_t, 8)
DEFINE_EXTRACT(pextrw, r32x, sc_u16a, 16)
DEFINE_EXTRACT(pextrd, rx, sc_u32a, 32)
DEFINE_EXTRACT(pextrq, rx, sc_u64a, 64)

/* --- PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI ----------------------------------------------- */
/* A length's absolute value saturates at 16 (SDM Vol. 2, 4.1.1): it does so here at both ends, and
 * one host instruction serves 32- and 64-bit lengths. */
static uint32_t string_length(const struct sc_cpu *c, const struct sc_insn *i, unsigned r)
{
    int64_t v = i->aux & SC_STRING_WIDE ? (int64_t)sc_get64(c, r) : (int32_t)sc_get32(c, r);

    return (uint32_t)(v > 16 ? 16 : v < -16 ? -16 : v);
}

static SC_NOINLINE void pcmpstr(struct sc_cpu *c, const struct sc_insn *i, __m128i b)
{
    const unsigned n = STUB_STRING + (i->aux & 3) * 128u + (IMM & 127);
    const uint32_t rax = string_length(c, i, VEMU_RAX), rdx = string_length(c, i, VEMU_RDX);
    register __m128i source __asm__("xmm1") = b, first __asm__("xmm2") = sc_x(c, i->dst);
    register __m128i mask __asm__("xmm0");
    uint32_t index;
    bool cf, zf, sf, of;

    __asm__ volatile(CALL_STUB
                     : "=x"(mask), "=c"(index), "=@ccc"(cf), "=@ccz"(zf), "=@ccs"(sf), "=@cco"(of)
                     : "x"(source), "x"(first), "a"(rax), "d"(rdx), [stub] "r"(stub_at(n))
                     : "r11");
    if (i->aux & 1)
        sc_set32(c, VEMU_RCX, index);
    else
        sc_setx(c, 0, mask);
    c->fa = (uint32_t)cf | (uint32_t)zf << 6 | (uint32_t)sf << 7 | (uint32_t)of << 11;
    c->ft = SC_F_RAW;
}
SC_OP_GLOBAL(sc_op_pcmpstr_xx)
{
    pcmpstr(c, i, sc_x(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_pcmpstr_xm)
{
    pcmpstr(c, i, sc_ldx_unaligned(c, i));
    SC_NEXT;
}
