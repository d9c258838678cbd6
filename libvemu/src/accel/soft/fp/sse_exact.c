/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unmasked SIMD floating-point exceptions (SC_M_XM).
 *
 * sse_emit.c puts xm_begin before and xm_end after an instruction. The first saves what it may
 * change and clears the host's flags; the second looks at the flags that came and, if one is
 * unmasked, puts everything back and raises #XM.
 *
 * The host runs with all exceptions masked, whose flags differ from those of an unmasked exception
 * (SDM Vol. 1, 4.9.1 and E.4):
 *  - an unmasked pre-computation exception (IE, DE, ZE) of any lane keeps the post-computation ones
 *    (OE, UE, PE) from being reported;
 *  - with underflow unmasked a tiny result counts though it is exact, and flush-to-zero does
 * nothing;
 *  - with overflow or underflow unmasked PE says whether the result was inexact with an unbounded
 *    exponent. For this such operations are done again on the x87 unit with the precision of the
 *    destination, whose exponents are wide enough for any result.
 *
 * DPPS and DPPD are three and two operations, of which the first that raises an unmasked exception
 * is the last: they are executed that way, by handlers of their own.
 */
#include <string.h>

#include "accel/soft/fp/sse4.h"

#define FLAG_OE         0x08u
#define FLAG_UE         0x10u
#define FLAG_PE         0x20u
#define PRE_FLAGS       0x07u
#define UNMASKED(mxcsr) (~(mxcsr) >> 7 & SC_MXCSR_FLAGS)

static SC_NOINLINE void begin(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t control;

    if (i->aux2) /* an MMX instruction: the registers must be in memory to be saved */
        sc_mmx_prepare(c, i);
    control = sc_mxcsr(c) & ~SC_MXCSR_FLAGS;
    memcpy(c->fpu.undo.xmm, c->fpu.xmm[i->dst], 16);
    memcpy(c->fpu.undo.st, c->fpu.st[i->dst & 7], 16);
    c->fpu.undo.gpr = c->gpr[i->dst];
    c->fpu.undo.fr = c->fr;
    c->fpu.undo.fa = c->fa;
    c->fpu.undo.fb = c->fb;
    c->fpu.undo.ft = c->ft;
    if (UNMASKED(control) & FLAG_UE)
        control &= ~SC_MXCSR_FTZ;
    sc_host_set_mxcsr(control | SC_MXCSR_MASKS);
}

static void undo(struct sc_cpu *c, const struct sc_insn *i)
{
    memcpy(c->fpu.xmm[i->dst], c->fpu.undo.xmm, 16);
    if (i->aux2)
        memcpy(c->fpu.st[i->dst & 7], c->fpu.undo.st, 16);
    c->gpr[i->dst] = c->fpu.undo.gpr;
    c->fr = c->fpu.undo.fr;
    c->fa = c->fpu.undo.fa;
    c->fb = c->fpu.undo.fb;
    c->ft = c->fpu.undo.ft;
}

/* --- lanes ---------------------------------------------------------------------------------- */
static bool is_double(unsigned lanes)
{
    return lanes == SC_UE_PD || lanes == SC_UE_SD;
}
static unsigned lane_count(unsigned lanes)
{
    return lanes == SC_UE_PS ? 4 : lanes == SC_UE_PD ? 2 : lanes == SC_UE_NONE ? 0 : 1;
}
static uint64_t lane(const uint8_t *x, unsigned n, bool wide)
{
    uint64_t v = 0;
    memcpy(&v, x + (wide ? 8 : 4) * n, wide ? 8 : 4);
    return v;
}
static uint64_t mantissa_mask(bool wide)
{
    return wide ? 0xfffffffffffffull : 0x7fffffull;
}
static bool is_denormal(uint64_t v, bool wide)
{
    uint64_t exponent = wide ? 0x7ffull << 52 : 0xffull << 23;
    return !(v & exponent) && (v & mantissa_mask(wide));
}

/* Is a lane of the result tiny? */
static bool tiny(const struct sc_cpu *c, const struct sc_insn *i)
{
    bool wide = is_double(i->aux);

    for (unsigned n = 0; n < lane_count(i->aux); n++)
        if (is_denormal(lane(c->fpu.xmm[i->dst], n, wide), wide))
            return true;
    return false;
}

/* --- PE of unmasked overflow and underflow --------------------------------------------------- */
struct wide_result {
    uint64_t mantissa;
    uint16_t exponent; /* sign included */
    bool inexact;
};
_Static_assert(offsetof(struct wide_result, exponent) == 8, "stored by FSTP m80");

#define OP_ADD 0x58
#define OP_MUL 0x59
#define OP_CVT 0x5a
#define OP_SUB 0x5c
#define OP_DIV 0x5e
#define OP_HADD   0x7c
#define OP_HSUB   0x7d
#define OP_ADDSUB 0xd0

#define X87(load, operate, result, status, a, b)                                                   \
    __asm__ volatile(load " %2\n\t" operate "\n\tfnstsw %1\n\tfstpt %0"                            \
                     : "=m"(result), "=&a"(status)                                                 \
                     : "m"(a), "m"(b))

static struct wide_result wide_operation(unsigned opcode, bool wide, unsigned rounding, uint64_t a,
                                         uint64_t b)
{
    /* precision of the destination: 24 or 53 bits */
    uint16_t cw = (uint16_t)(0x3f | (wide && opcode != OP_CVT ? 0x200 : 0) | rounding << 10);
    struct wide_result r = {0, 0, false};
    uint16_t status = 0;

    __asm__ volatile("fninit\n\tfldcw %0" : : "m"(cw));
    switch (opcode) {
    case OP_ADD:
        if (wide)
            X87("fldl", "faddl %3", r, status, a, b);
        else
            X87("flds", "fadds %3", r, status, a, b);
        break;
    case OP_SUB:
        if (wide)
            X87("fldl", "fsubl %3", r, status, a, b);
        else
            X87("flds", "fsubs %3", r, status, a, b);
        break;
    case OP_MUL:
        if (wide)
            X87("fldl", "fmull %3", r, status, a, b);
        else
            X87("flds", "fmuls %3", r, status, a, b);
        break;
    case OP_DIV:
        if (wide)
            X87("fldl", "fdivl %3", r, status, a, b);
        else
            X87("flds", "fdivs %3", r, status, a, b);
        break;
    default: /* OP_CVT: b, from double to single precision */
        X87("fld1; fldl", "fmulp", r, status, b, b);
        break;
    }
    __asm__ volatile("fninit");
    r.inexact = status & FLAG_PE;
    return r;
}

/* v as the x87 unit holds it. */
static struct wide_result widen(uint64_t v, bool wide)
{
    struct wide_result r = {0, 0, false};

    if (wide)
        __asm__ volatile("fldl %1; fstpt %0" : "=m"(r) : "m"(v));
    else
        __asm__ volatile("flds %1; fstpt %0" : "=m"(r) : "m"(v));
    return r;
}

/* Operation and operands of lane n of `count`. */
static unsigned operation(const struct sc_cpu *c, const struct sc_insn *i, const uint8_t *source,
                          unsigned n, unsigned count, uint64_t *a, uint64_t *b)
{
    const bool from_wide = is_double(i->aux) || i->aux3 == OP_CVT;
    const uint8_t *x = c->fpu.undo.xmm, *y = source;
    unsigned m = n;

    if (i->aux3 == OP_HADD || i->aux3 == OP_HSUB) { /* neighbours: destination's, then source's */
        x = y = n < count / 2 ? x : y;
        m = n % (count / 2) * 2;
        n = m + 1;
    }
    *a = lane(x, m, from_wide);
    *b = lane(y, n, from_wide);
    switch (i->aux3) {
    case OP_HADD: return OP_ADD;
    case OP_HSUB: return OP_SUB;
    case OP_ADDSUB: return n & 1 ? OP_ADD : OP_SUB;
    default: return i->aux3;
    }
}

/* Is `result` of one lane's operation inexact, with those of overflow and underflow that are
 * unmasked taken as an unbounded exponent? */
static bool lane_inexact(const struct sc_cpu *c, unsigned opcode, bool wide, uint64_t a, uint64_t b,
                         uint64_t result, uint32_t unmasked)
{
    const bool from_wide = wide || opcode == OP_CVT;
    const int bias = 16383, emax = wide ? 1023 : 127;
    struct wide_result r, shown;
    int exponent;

    if (c->fpu.mxcsr & SC_MXCSR_DAZ) {
        if (is_denormal(a, from_wide))
            a &= ~mantissa_mask(from_wide);
        if (is_denormal(b, from_wide))
            b &= ~mantissa_mask(from_wide);
    }
    r = wide_operation(opcode, from_wide, c->fpu.mxcsr >> 13 & 3, a, b);
    exponent = (r.exponent & 0x7fff) - bias;
    if (exponent == 0x7fff - bias || !(r.mantissa >> 63)) /* NaN, infinity, zero */
        return false;
    if ((exponent > emax && (unmasked & FLAG_OE)) || (exponent < 1 - emax && (unmasked & FLAG_UE)))
        return r.inexact;
    shown = widen(result, wide);
    return r.inexact || r.mantissa != shown.mantissa || r.exponent != shown.exponent;
}

static bool inexact(struct sc_cpu *c, const struct sc_insn *i, uint32_t unmasked)
{
    const bool wide = is_double(i->aux);
    unsigned count = lane_count(i->aux);
    uint8_t source[16], result[16];
    bool any = false;

    sc_x87_flush(c);
    memcpy(result, c->fpu.xmm[i->dst], 16);
    if (i->imm) { /* a memory operand, as many bytes; it was just read */
        memset(source, 0, sizeof source);
        sc_read_block(c, i, sc_ea(c, i), source, (unsigned)i->imm);
    } else {
        memcpy(source, i->src == i->dst ? c->fpu.undo.xmm : c->fpu.xmm[i->src], 16);
    }
    if (i->aux3 == OP_CVT && count == 4)
        count = 2;
    for (unsigned n = 0; n < count; n++) {
        uint64_t a, b;
        const unsigned opcode = operation(c, i, source, n, count, &a, &b);

        any |= lane_inexact(c, opcode, wide, a, b, lane(result, n, wide), unmasked);
    }
    return any;
}

static SC_NOINLINE void end(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t raised = sc_host_mxcsr() & SC_MXCSR_FLAGS, unmasked = UNMASKED(c->fpu.mxcsr);

    if ((unmasked & FLAG_UE) && tiny(c, i))
        raised |= FLAG_UE;
    if (raised & unmasked & PRE_FLAGS)
        raised &= PRE_FLAGS;
    else if (raised & unmasked & (FLAG_OE | FLAG_UE))
        raised = (raised & ~FLAG_PE) | (inexact(c, i, unmasked) ? FLAG_PE : 0);
    c->fpu.mxcsr |= raised;
    sc_host_set_mxcsr(c->fpu.mxcsr | SC_MXCSR_MASKS);
    if (raised & unmasked) {
        undo(c, i);
        sc_raise(c, i, c->cr4 & SC_CR4_OSXMMEXCPT ? SC_XM : SC_UD, -1);
    }
}

/* --- DPPS, DPPD: one operation after the other, until an exception ends it ------------------- */
/* One of them, on the first `count` lanes, into x. Flags gather in MXCSR. */
static void dot_step(struct sc_cpu *c, const struct sc_insn *i, unsigned opcode, unsigned count,
                     __m128i *x, __m128i y)
{
    const uint32_t unmasked = UNMASKED(c->fpu.mxcsr);
    const bool wide = i->aux;
    uint8_t a[16], b[16], result[16];
    uint32_t control = c->fpu.mxcsr & ~SC_MXCSR_FLAGS, raised;

    if (unmasked & FLAG_UE)
        control &= ~SC_MXCSR_FTZ;
    memcpy(a, x, 16);
    memcpy(b, &y, 16);
    sc_host_set_mxcsr(control | SC_MXCSR_MASKS);
    if (opcode == OP_MUL && wide)
        __asm__ volatile("mulpd %1, %0" : "+x"(*x) : "x"(y));
    else if (opcode == OP_MUL)
        __asm__ volatile("mulps %1, %0" : "+x"(*x) : "x"(y));
    else if (wide)
        __asm__ volatile("addpd %1, %0" : "+x"(*x) : "x"(y));
    else
        __asm__ volatile("addps %1, %0" : "+x"(*x) : "x"(y));
    raised = sc_host_mxcsr() & SC_MXCSR_FLAGS;
    memcpy(result, x, 16);
    for (unsigned n = 0; (unmasked & FLAG_UE) && n < count; n++)
        raised |= is_denormal(lane(result, n, wide), wide) ? FLAG_UE : 0;
    if (raised & unmasked & PRE_FLAGS) {
        raised &= PRE_FLAGS;
    } else if (raised & unmasked & (FLAG_OE | FLAG_UE)) {
        sc_x87_flush(c);
        raised &= ~FLAG_PE;
        for (unsigned n = 0; n < count; n++)
            if (lane_inexact(c, opcode, wide, lane(a, n, wide), lane(b, n, wide),
                             lane(result, n, wide), unmasked))
                raised |= FLAG_PE;
    }
    c->fpu.mxcsr |= raised;
    sc_host_set_mxcsr(c->fpu.mxcsr | SC_MXCSR_MASKS);
    if (raised & unmasked)
        sc_raise(c, i, c->cr4 & SC_CR4_OSXMMEXCPT ? SC_XM : SC_UD, -1);
}

static SC_NOINLINE void dot(struct sc_cpu *c, const struct sc_insn *i, __m128i b)
{
    const __m128i bits = i->aux ? _mm_set_epi32(2, 2, 1, 1) : _mm_set_epi32(8, 4, 2, 1);
    const __m128i in = _mm_and_si128(_mm_set1_epi32((int)(i->imm >> 4)), bits);
    const __m128i out = _mm_and_si128(_mm_set1_epi32((int)i->imm), bits);
    __m128i x = _mm_and_si128(sc_x(c, i->dst), _mm_cmpeq_epi32(in, bits));

    c->fpu.mxcsr = sc_mxcsr(c);
    dot_step(c, i, OP_MUL, i->aux ? 2 : 4, &x, _mm_and_si128(b, _mm_cmpeq_epi32(in, bits)));
    /* Every lane adds, the same in another order: so NaNs come out where the processor has them. */
    if (i->aux) {
        dot_step(c, i, OP_ADD, 2, &x, _mm_shuffle_epi32(x, 0x4e));
    } else {
        __m128i other = x;

        x = _mm_shuffle_epi32(x, 0xb1);
        dot_step(c, i, OP_ADD, 4, &x, other);
        dot_step(c, i, OP_ADD, 4, &x, _mm_shuffle_epi32(x, 0x4e));
    }
    sc_setx(c, i->dst, _mm_and_si128(x, _mm_cmpeq_epi32(out, bits)));
}
SC_OP_GLOBAL(sc_op_xm_dot_xx)
{
    dot(c, i, sc_x(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_xm_dot_xm)
{
    dot(c, i, sc_ldx(c, i));
    SC_NEXT;
}

SC_OP_GLOBAL(sc_op_xm_begin)
{
    begin(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_xm_end)
{
    end(c, i);
    SC_NEXT;
}
