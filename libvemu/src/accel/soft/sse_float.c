/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE and SSE2 floating-point arithmetic, and unmasked SIMD exceptions.
 *
 * Each handler executes the host's instruction of the same name under the guest's MXCSR (fpu.h): NaN
 * payloads, signed zeros, operand order of MIN and MAX, denormals and flags are then the host CPU's.
 * The instructions are written as assembly since a compiler may exchange operands, fold constants or
 * drop an operation whose only effect is a flag.
 */
#include "accel/soft/sse.h"
#include "accel/soft/flags.h"

#define HOST_OP(insn, a, b) __asm__ volatile(insn " %1, %0" : "+x"(a) : "x"(b))

#define DEFINE_FP(name, prefix, opcode, bytes, ue)                                                 \
    SC_OP_GLOBAL(sc_op_##name##_xx)                                                                \
    {                                                                                              \
        __m128i a = sc_x(c, i->dst), b = sc_x(c, i->src);                                          \
        HOST_OP(#name, a, b);                                                                      \
        sc_setx(c, i->dst, a);                                                                     \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_DEFINE_XM(name, bytes, HOST_OP(#name, a, b); sc_setx(c, i->dst, a))
SC_FP_OPS(DEFINE_FP)

/* --- CMPPS and the like ---------------------------------------------------------------------- */
#define DEFINE_CMP(name, bytes, n)                                                                 \
    SC_OP(name##n##_xx)                                                                            \
    {                                                                                              \
        __m128i a = sc_x(c, i->dst), b = sc_x(c, i->src);                                          \
        HOST_OP(#name " $" #n ",", a, b);                                                          \
        sc_setx(c, i->dst, a);                                                                     \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(name##n##_xm)                                                                            \
    {                                                                                              \
        __m128i b = SC_LOAD_##bytes(c, i), a = sc_x(c, i->dst);                                    \
        HOST_OP(#name " $" #n ",", a, b);                                                          \
        sc_setx(c, i->dst, a);                                                                     \
        SC_NEXT;                                                                                   \
    }
#define DEFINE_CMPS(name, bytes)                                                                   \
    DEFINE_CMP(name, bytes, 0)                                                                     \
    DEFINE_CMP(name, bytes, 1)                                                                     \
    DEFINE_CMP(name, bytes, 2)                                                                     \
    DEFINE_CMP(name, bytes, 3)                                                                     \
    DEFINE_CMP(name, bytes, 4)                                                                     \
    DEFINE_CMP(name, bytes, 5)                                                                     \
    DEFINE_CMP(name, bytes, 6)                                                                     \
    DEFINE_CMP(name, bytes, 7)
DEFINE_CMPS(cmpps, 16)
DEFINE_CMPS(cmppd, 16)
DEFINE_CMPS(cmpss, 4)
DEFINE_CMPS(cmpsd, 8)
#define ROW(name, form)                                                                            \
    {                                                                                              \
        name##0_##form, name##1_##form, name##2_##form, name##3_##form, name##4_##form,            \
            name##5_##form, name##6_##form, name##7_##form                                         \
    }
sc_fn *const sc_op_cmp_xx[4][8] = {
    [SC_PNP] = ROW(cmpps, xx), [SC_P66] = ROW(cmppd, xx),
    [SC_PF3] = ROW(cmpss, xx), [SC_PF2] = ROW(cmpsd, xx),
};
sc_fn *const sc_op_cmp_xm[4][8] = {
    [SC_PNP] = ROW(cmpps, xm), [SC_P66] = ROW(cmppd, xm),
    [SC_PF3] = ROW(cmpss, xm), [SC_PF2] = ROW(cmpsd, xm),
};

/* --- COMISS, COMISD, UCOMISS, UCOMISD: ZF, PF, CF as the host sets them, the others zero -------- */
#define COMPARE(insn, a, b)                                                                        \
    bool zf, pf, cf;                                                                               \
    __asm__ volatile(insn " %4, %3" : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf) : "x"(a), "x"(b));     \
    c->fa = (uint32_t)cf | (uint32_t)pf << 2 | (uint32_t)zf << 6;                                  \
    c->ft = SC_F_RAW
#define DEFINE_COMI(name, bytes)                                                                   \
    SC_OP_GLOBAL(sc_op_##name##_xx)                                                                \
    {                                                                                              \
        __m128i a = sc_x(c, i->dst), b = sc_x(c, i->src);                                          \
        COMPARE(#name, a, b);                                                                      \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_DEFINE_XM(name, bytes, COMPARE(#name, a, b))
DEFINE_COMI(ucomiss, 4)
DEFINE_COMI(ucomisd, 8)
DEFINE_COMI(comiss, 4)
DEFINE_COMI(comisd, 8)

/* --- unmasked exceptions (SC_M_XM) ----------------------------------------------------------- */
/*
 * sse_emit.c puts xm_begin before and xm_end after an instruction. The first saves what it may change
 * and clears the host's flags; the second looks at the flags that came and, if one is unmasked, puts
 * everything back and raises #XM. The rules (SDM Vol. 1, E.4): an unmasked pre-computation exception
 * (IE, DE, ZE) of any lane keeps the post-computation ones (OE, UE, PE) from being reported; with
 * underflow unmasked a tiny result counts though it is exact, and flush-to-zero does nothing.
 */
#define FLAG_UE 0x10u
#define PRE_FLAGS 0x07u
#define UNMASKED(mxcsr) (~(mxcsr) >> 7 & SC_MXCSR_FLAGS)

static SC_NOINLINE void xm_begin(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t control;

    if (i->aux2) /* an MMX instruction: the registers must be in memory to be saved */
        sc_mmx_prepare(c, i);
    control = sc_mxcsr(c) & ~SC_MXCSR_FLAGS;
    __builtin_memcpy(c->fpu.undo.xmm, c->fpu.xmm[i->dst], 16);
    __builtin_memcpy(c->fpu.undo.st, c->fpu.st[i->dst & 7], 16);
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
    __builtin_memcpy(c->fpu.xmm[i->dst], c->fpu.undo.xmm, 16);
    if (i->aux2)
        __builtin_memcpy(c->fpu.st[i->dst & 7], c->fpu.undo.st, 16);
    c->gpr[i->dst] = c->fpu.undo.gpr;
    c->fr = c->fpu.undo.fr;
    c->fa = c->fpu.undo.fa;
    c->fb = c->fpu.undo.fb;
    c->ft = c->fpu.undo.ft;
}

static bool denormal32(uint32_t v) { return !(v & 0x7f800000u) && (v & 0x7fffffu); }
static bool denormal64(uint64_t v) { return !(v & 0x7ff0000000000000ull) && (v & 0xfffffffffffffull); }

/* Is a lane of the result tiny? `lanes`: SC_UE_*. */
static bool tiny(const struct sc_cpu *c, unsigned reg, unsigned lanes)
{
    const sc_u32a *s = (const sc_u32a *)c->fpu.xmm[reg];

    switch (lanes) {
    case SC_UE_PS: return denormal32(s[0]) || denormal32(s[1]) || denormal32(s[2]) || denormal32(s[3]);
    case SC_UE_PD: return denormal64(sc_x64(c, reg, 0)) || denormal64(sc_x64(c, reg, 1));
    case SC_UE_SS: return denormal32(s[0]);
    case SC_UE_SD: return denormal64(sc_x64(c, reg, 0));
    default: return false;
    }
}

static SC_NOINLINE void xm_end(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t raised = sc_host_mxcsr() & SC_MXCSR_FLAGS, unmasked = UNMASKED(c->fpu.mxcsr);

    if ((unmasked & FLAG_UE) && tiny(c, i->dst, i->aux))
        raised |= FLAG_UE;
    if (raised & unmasked & PRE_FLAGS)
        raised &= PRE_FLAGS;
    c->fpu.mxcsr |= raised;
    sc_host_set_mxcsr(c->fpu.mxcsr | SC_MXCSR_MASKS);
    if (raised & unmasked) {
        undo(c, i);
        sc_raise(c, i, c->cr4 & SC_CR4_OSXMMEXCPT ? SC_XM : SC_UD, -1);
    }
}

SC_OP_GLOBAL(sc_op_xm_begin)
{
    xm_begin(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_xm_end)
{
    xm_end(c, i);
    SC_NEXT;
}
