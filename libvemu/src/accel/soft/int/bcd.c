/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decimal adjustment: AAA AAS DAA DAS AAM AAD. Not in 64-bit code. The algorithms are those of SDM
 * Vol. 2; OF, undefined there, is cleared.
 */
#include "accel/soft/int/op.h"

/* SF, ZF, PF of an AL, with the given CF and AF. */
static void bcd_flags(struct sc_cpu *c, uint8_t al, bool cf, bool af)
{
    sc_flags_set_arith(c, (cf ? SC_CF : 0) | (af ? SC_AF : 0) | (al ? 0 : SC_ZF) | (al & SC_SF) |
                              (__builtin_parity(al) ? 0 : SC_PF));
}

static SC_NOINLINE void bcd_daa_das(struct sc_cpu *c, bool subtract)
{
    const uint8_t old = sc_get8(c, 0);
    const bool old_cf = sc_flag_cf(c), af = (old & 15) > 9 || sc_flag_af(c);
    const bool high = old > 0x99 || old_cf;
    bool cf = false;
    unsigned al = old;
    if (af) {
        al = subtract ? al - 6 : al + 6;
        cf = old_cf || al > 0xff; /* carry or borrow out of the low digit's adjustment */
    }
    if (high) {
        al = subtract ? al - 0x60 : al + 0x60;
        cf = true;
    } else if (!subtract) {
        cf = false;
    }
    sc_set8(c, 0, (uint8_t)al);
    bcd_flags(c, (uint8_t)al, cf, af);
}

static SC_NOINLINE void bcd_aaa_aas(struct sc_cpu *c, bool subtract)
{
    const bool adjust = (sc_get8(c, 0) & 15) > 9 || sc_flag_af(c);
    uint16_t ax = sc_get16(c, VEMU_RAX);
    if (adjust)
        ax = (uint16_t)(subtract ? ax - 0x106 : ax + 0x106);
    ax &= 0xff0f;
    sc_set16(c, VEMU_RAX, ax);
    bcd_flags(c, (uint8_t)ax, adjust, adjust);
}

static SC_NOINLINE void bcd_aam(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint8_t base = (uint8_t)i->imm, al = sc_get8(c, 0);
    if (!base)
        sc_raise(c, i, SC_DE, -1);
    sc_set16(c, VEMU_RAX, (uint16_t)((al / base) << 8 | al % base));
    bcd_flags(c, al % base, false, false);
}

static SC_NOINLINE void bcd_aad(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint8_t a = sc_get8(c, 0), b = (uint8_t)(sc_get8(c, 1) * (uint8_t)i->imm);
    const uint8_t al = (uint8_t)(a + b);
    sc_set16(c, VEMU_RAX, al);
    sc_flags_store(c, SC_F_ADD, (int8_t)al, (int8_t)a, (int8_t)b);
}

SC_OP(op_daa) { bcd_daa_das(c, false); SC_NEXT; }
SC_OP(op_das) { bcd_daa_das(c, true); SC_NEXT; }
SC_OP(op_aaa) { bcd_aaa_aas(c, false); SC_NEXT; }
SC_OP(op_aas) { bcd_aaa_aas(c, true); SC_NEXT; }
SC_OP(op_aam) { bcd_aam(c, i); SC_NEXT; }
SC_OP(op_aad) { bcd_aad(c, i); SC_NEXT; }

/* SALC: AL = CF ? FFh : 0. Undocumented, and on every CPU. */
SC_OP(op_salc)
{
    sc_set8(c, 0, sc_flag_cf(c) ? 0xff : 0);
    SC_NEXT;
}

bool sc_emit_bcd(struct sc_tb *tb, const struct sc_dec *d)
{
    sc_fn *fn;
    switch (d->opcode) {
    case 0x27: fn = op_daa; break;
    case 0x2f: fn = op_das; break;
    case 0x37: fn = op_aaa; break;
    case 0x3f: fn = op_aas; break;
    case 0xd4: fn = op_aam; break;
    case 0xd5: fn = op_aad; break;
    case 0xd6: fn = op_salc; break;
    default: return false;
    }
    if (d->mode & SC_M_64)
        return false;
    sc_tb_add(tb, d, fn);
    return true;
}
