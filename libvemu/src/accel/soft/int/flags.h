/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lazy arithmetic flags.
 *
 * Handlers of flag-setting instructions store operands and result (fr, fa, fb, each sign-extended
 * from the operand size to 64 bits, and the kind ft); consumers compute just the flag they need.
 * Because of the sign extension, comparing the 64-bit values gives the carry and the order of the
 * original width (sign extension is monotonic for unsigned values too).
 */
#ifndef SC_FLAGS_H
#define SC_FLAGS_H

#include "accel/soft/cpu.h"

/* SC_F_LOGIC needs the result only. */
SC_INLINE void sc_flags_logic(struct sc_cpu *c, int64_t r)
{
    c->fr = r;
    c->ft = SC_F_LOGIC;
}

/* Result for SF, ZF, PF; CF and OF given; AF = 0 (shifts, multiplies). */
SC_INLINE void sc_flags_co(struct sc_cpu *c, int64_t r, unsigned cf, unsigned of)
{
    c->fr = r;
    c->fb = cf | of << 1;
    c->ft = SC_F_CO;
}

SC_INLINE void sc_flags_store(struct sc_cpu *c, unsigned kind, int64_t r, int64_t a, int64_t b)
{
    c->fr = r;
    c->fa = a;
    c->fb = b;
    c->ft = kind;
}

SC_INLINE unsigned sc_flag_cf(const struct sc_cpu *c)
{
    const uint32_t k = c->ft;
    if (SC_LIKELY(k == SC_F_SUB))
        return (uint64_t)c->fa < (uint64_t)c->fb;
    if (k == SC_F_LOGIC)
        return 0;
    if (k >= SC_F_INC) /* INC, DEC, CO */
        return c->fb & 1;
    if (k == SC_F_ADD)
        return (uint64_t)c->fr < (uint64_t)c->fa;
    if (k == SC_F_RAW)
        return c->fa & SC_CF;
    if (k == SC_F_SBB)
        return (uint64_t)c->fa <= (uint64_t)c->fb;
    return (uint64_t)c->fr <= (uint64_t)c->fa; /* ADC */
}

SC_INLINE unsigned sc_flag_of(const struct sc_cpu *c)
{
    const uint32_t k = c->ft;
    if (SC_LIKELY(k == SC_F_SUB) || k == SC_F_SBB)
        return (uint64_t)((c->fa ^ c->fb) & (c->fa ^ c->fr)) >> 63;
    if (k == SC_F_LOGIC)
        return 0;
    if (k == SC_F_CO)
        return (c->fb >> 1) & 1;
    if (k == SC_F_INC) /* positive became negative */
        return (uint64_t)(~c->fa & c->fr) >> 63;
    if (k == SC_F_DEC)
        return (uint64_t)(c->fa & ~c->fr) >> 63;
    if (k == SC_F_RAW)
        return (c->fa >> 11) & 1;
    return (uint64_t)(~(c->fa ^ c->fb) & (c->fa ^ c->fr)) >> 63; /* ADD, ADC */
}

SC_INLINE unsigned sc_flag_zf(const struct sc_cpu *c)
{
    return SC_UNLIKELY(c->ft == SC_F_RAW) ? (c->fa >> 6) & 1 : c->fr == 0;
}
SC_INLINE unsigned sc_flag_sf(const struct sc_cpu *c)
{
    return SC_UNLIKELY(c->ft == SC_F_RAW) ? (c->fa >> 7) & 1 : (uint64_t)c->fr >> 63;
}
SC_INLINE unsigned sc_flag_pf(const struct sc_cpu *c)
{
    return c->ft == SC_F_RAW ? (c->fa >> 2) & 1 : !__builtin_parity((uint8_t)c->fr);
}
SC_INLINE unsigned sc_flag_af(const struct sc_cpu *c)
{
    const uint32_t k = c->ft;
    if (k == SC_F_LOGIC)
        return 0;
    if (k == SC_F_CO)
        return (c->fb >> 4) & 1;
    if (k == SC_F_INC)
        return (c->fr & 0xf) == 0;
    if (k == SC_F_DEC)
        return (c->fr & 0xf) == 0xf;
    if (k == SC_F_RAW)
        return (c->fa >> 4) & 1;
    return ((c->fa ^ c->fb ^ c->fr) >> 4) & 1;
}

/* The six arithmetic flags in their EFLAGS positions. */
static inline uint32_t sc_flags_arith(const struct sc_cpu *c)
{
    if (c->ft == SC_F_RAW)
        return (uint32_t)c->fa & SC_ARITH;
    return sc_flag_cf(c) | sc_flag_pf(c) << 2 | sc_flag_af(c) << 4 | sc_flag_zf(c) << 6 |
           sc_flag_sf(c) << 7 | sc_flag_of(c) << 11;
}
/* Sets the six arithmetic flags from an EFLAGS image. */
SC_INLINE void sc_flags_set_arith(struct sc_cpu *c, uint32_t flags)
{
    c->fa = flags & SC_ARITH;
    c->ft = SC_F_RAW;
}
/*
 * Replaces CF, OF and AF and keeps SF, ZF, PF: those come from the result alone, whatever the kind,
 * so only SC_F_RAW has to be edited (rotates, BT, CLC and the like).
 */
SC_INLINE void sc_flags_set_coa(struct sc_cpu *c, unsigned cf, unsigned of, unsigned af)
{
    if (SC_UNLIKELY(c->ft == SC_F_RAW)) {
        c->fa = (c->fa & ~(int64_t)(SC_CF | SC_OF | SC_AF)) | cf | of << 11 | af << 4;
    } else {
        c->fb = cf | of << 1 | af << 4;
        c->ft = SC_F_CO;
    }
}
SC_INLINE void sc_flags_set_cf(struct sc_cpu *c, unsigned cf)
{
    sc_flags_set_coa(c, cf, sc_flag_of(c), sc_flag_af(c));
}

/* All of RFLAGS. */
static inline uint32_t sc_rflags(const struct sc_cpu *c)
{
    return sc_flags_arith(c) | c->eflags | 2u;
}

/* Condition `cc` of Jcc/SETcc/CMOVcc (SDM Vol. 1, appendix B). With constant cc this inlines well.
 * */
SC_INLINE bool sc_cond(const struct sc_cpu *c, unsigned cc)
{
    bool r;
    switch (cc >> 1) {
    case 0: r = sc_flag_of(c); break;
    case 1: r = sc_flag_cf(c); break;
    case 2: r = sc_flag_zf(c); break;
    case 3: /* be: CF | ZF */
        if (SC_LIKELY(c->ft == SC_F_SUB))
            r = (uint64_t)c->fa <= (uint64_t)c->fb;
        else
            r = sc_flag_cf(c) | sc_flag_zf(c);
        break;
    case 4: r = sc_flag_sf(c); break;
    case 5: r = sc_flag_pf(c); break;
    case 6: /* l: SF != OF */
        if (SC_LIKELY(c->ft == SC_F_SUB))
            r = c->fa < c->fb;
        else
            r = sc_flag_sf(c) != sc_flag_of(c);
        break;
    default: /* le: ZF | (SF != OF) */
        if (SC_LIKELY(c->ft == SC_F_SUB))
            r = c->fa <= c->fb;
        else
            r = sc_flag_zf(c) | (sc_flag_sf(c) != sc_flag_of(c));
        break;
    }
    return r ^ (cc & 1);
}

#endif
