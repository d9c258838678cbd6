/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readers and writers of single flags: SETcc, CMOVcc, CLC STC CMC CLD STD LAHF SAHF. */
#include "accel/soft/int/op.h"

#define FOR_CC(X)                                                                                  \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* --- SETcc ---------------------------------------------------------------------------------- */

#define SETCC(cc)                                                                                  \
    SC_OP(op_set##cc##_r)                                                                          \
    {                                                                                              \
        sc_set8(c, i->dst, sc_cond(c, cc));                                                        \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_ST(op_set##cc##_m, 8, sc_cond(c, cc))
FOR_CC(SETCC)
#define SETCC_ROW(cc) {op_set##cc##_r, op_set##cc##_m},
static sc_fn *const setcc_fn[16][2] = {FOR_CC(SETCC_ROW)};

/* --- CMOVcc: the load is made, and a 32-bit destination cut, even when not taken --- */

#define CMOV_PUT(cc, bits, v)                                                                      \
    sc_set##bits(c, i->dst, sc_cond(c, cc) ? (v) : sc_get##bits(c, i->dst))
#define CMOV_SIZE(cc, bits)                                                                        \
    SC_OP(op_cmov##cc##_##bits##_rr)                                                               \
    {                                                                                              \
        CMOV_PUT(cc, bits, sc_get##bits(c, i->src));                                               \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_cmov##cc##_##bits##_rm, bits, CMOV_PUT(cc, bits, m))
#define CMOV(cc) CMOV_SIZE(cc, 16) CMOV_SIZE(cc, 32) CMOV_SIZE(cc, 64)
FOR_CC(CMOV)
#define CMOV_ROW(cc)                                                                               \
    {{op_cmov##cc##_16_rr, op_cmov##cc##_32_rr, op_cmov##cc##_64_rr},                              \
     {op_cmov##cc##_16_rm, op_cmov##cc##_32_rm, op_cmov##cc##_64_rm}},
static sc_fn *const cmov_fn[16][2][3] = {FOR_CC(CMOV_ROW)};

/* --- single flags ----------------------------------------------------------------------------- */

SC_OP(op_cmc) { sc_flags_set_cf(c, !sc_flag_cf(c)); SC_NEXT; }
SC_OP(op_clc) { sc_flags_set_cf(c, 0); SC_NEXT; }
SC_OP(op_stc) { sc_flags_set_cf(c, 1); SC_NEXT; }
SC_OP(op_cld) { c->eflags &= ~SC_DF; SC_NEXT; }
SC_OP(op_std) { c->eflags |= SC_DF; SC_NEXT; }
SC_OP(op_lahf) { sc_set8(c, 1, (uint8_t)(sc_flags_arith(c) | 2)); SC_NEXT; }
SC_OP(op_sahf)
{
    const uint32_t low = SC_CF | SC_PF | SC_AF | SC_ZF | SC_SF;
    sc_flags_set_arith(c, (sc_get8(c, 1) & low) | sc_flag_of(c) << 11);
    SC_NEXT;
}

bool sc_emit_flag(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_insn *r;
    const unsigned cc = d->opcode & 15;

    switch (d->opcode) {
    case SC_MAP_0F | 0x40 ... SC_MAP_0F | 0x4f: {
        const unsigned s = sc_size_index(d->osz) - 1;
        if (d->mem) {
            r = sc_tb_mem(tb, d, cmov_fn[cc][1][s], d->osz, false);
        } else {
            r = sc_tb_add(tb, d, cmov_fn[cc][0][s]);
            r->src = d->rm;
        }
        r->dst = d->reg;
        return true;
    }
    case SC_MAP_0F | 0x90 ... SC_MAP_0F | 0x9f:
        if (d->mem) {
            sc_tb_mem(tb, d, setcc_fn[cc][1], 1, true);
        } else {
            r = sc_tb_add(tb, d, setcc_fn[cc][0]);
            r->dst = sc_reg8(d, d->rm);
        }
        return true;
    case 0x9e:
    case 0x9f:
        if ((d->mode & SC_M_64) && !sc_has_cpuid(tb->c, 0x80000001, SC_CPUID_ECX, 0))
            return false;
        sc_tb_add(tb, d, d->opcode == 0x9e ? op_sahf : op_lahf);
        return true;
    case 0xf5: sc_tb_add(tb, d, op_cmc); return true;
    case 0xf8: sc_tb_add(tb, d, op_clc); return true;
    case 0xf9: sc_tb_add(tb, d, op_stc); return true;
    case 0xfc:
    case 0xfd:
        r = sc_tb_add(tb, d, d->opcode == 0xfc ? op_cld : op_std);
        sc_mark(r, SC_I_FQUIET);
        return true;
    }
    return false;
}
