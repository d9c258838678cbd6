/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE and SSE2 floating-point arithmetic.
 *
 * Each handler executes the host's instruction of the same name under the guest's MXCSR (fpu.h):
 * NaN payloads, signed zeros, operand order of MIN and MAX, denormals and flags are then the host
 * CPU's. The instructions are written as assembly since a compiler may exchange operands, fold
 * constants or drop an operation whose only effect is a flag.
 */
#include "accel/soft/int/flags.h"
#include "accel/soft/fp/sse.h"

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
#define PREDICATE(prefix, name, n)                                                                 \
    case (prefix) << 3 | n: return memory ? name##n##_xm : name##n##_xx;
#define PREDICATES(prefix, name)                                                                   \
    PREDICATE(prefix, name, 0)                                                                     \
    PREDICATE(prefix, name, 1)                                                                     \
    PREDICATE(prefix, name, 2)                                                                     \
    PREDICATE(prefix, name, 3)                                                                     \
    PREDICATE(prefix, name, 4)                                                                     \
    PREDICATE(prefix, name, 5)                                                                     \
    PREDICATE(prefix, name, 6)                                                                     \
    PREDICATE(prefix, name, 7)
sc_fn *sc_sse_compare(unsigned prefix, unsigned predicate, bool memory)
{
    switch (prefix << 3 | predicate) {
        PREDICATES(SC_PNP, cmpps)
        PREDICATES(SC_P66, cmppd)
        PREDICATES(SC_PF3, cmpss)
        PREDICATES(SC_PF2, cmpsd)
    default: return NULL;
    }
}

/* --- COMISS, COMISD, UCOMISS, UCOMISD: ZF, PF, CF as the host sets them, the others zero --------
 */
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
