/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data movement: MOV, MOVZX, MOVSX, MOVSXD, MOVNTI, LEA, CBW and its relatives, XLAT, BSWAP.
 *
 * Moves are the most frequent instructions of all, and most of their addresses have no index: those
 * get handlers with a shorter address calculation (suffix b).
 */
#include "accel/soft/int/op.h"
#include "accel/soft/mem/linear.h"

/* --- MOV ------------------------------------------------------------------------------------ */

#define MOV_OPS(name, bits)                                                                        \
    SC_OP(op_##name##bits##_rr)                                                                    \
    {                                                                                              \
        sc_set##bits(c, i->dst, sc_get##bits(c, i->src));                                          \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_##name##bits##_ri)                                                                    \
    {                                                                                              \
        sc_set##bits(c, i->dst, (uint##bits##_t)i->imm);                                           \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_##name##bits##_rm, bits, sc_set##bits(c, i->dst, m))                               \
    SC_OP_ST(op_##name##bits##_mr, bits, sc_get##bits(c, i->src))                                  \
    SC_OP_ST(op_##name##bits##_mi, bits, i->imm)                                                   \
    SC_OP_LD_B(op_##name##bits##_rmb, bits, sc_set##bits(c, i->dst, m))                            \
    SC_OP_ST_B(op_##name##bits##_mrb, bits, sc_get##bits(c, i->src))                               \
    SC_OP_ST_B(op_##name##bits##_mib, bits, i->imm)
SC_FOR_SIZES(MOV_OPS, mov)

enum { RR, RI, RM, MR, MI, RMB, MRB, MIB, FORMS };
#define MOV_ROW(form) { op_mov8_##form, op_mov16_##form, op_mov32_##form, op_mov64_##form }
static sc_fn *const mov_fn[FORMS][4] = {
    MOV_ROW(rr), MOV_ROW(ri), MOV_ROW(rm), MOV_ROW(mr), MOV_ROW(mi), MOV_ROW(rmb), MOV_ROW(mrb),
    MOV_ROW(mib),
};

static bool mov_mem(struct sc_tb *tb, const struct sc_dec *d, unsigned form, unsigned size,
                    uint8_t reg)
{
    const unsigned s = sc_size_index(size);
    struct sc_insn *r = sc_tb_mem(tb, d, mov_fn[form][s], size, form != RM);
    r->dst = r->src = reg;
    if (r->index == SC_R_ZERO)
        r->fn = mov_fn[form - RM + RMB][s];
    return true;
}

static bool mov_reg(struct sc_tb *tb, const struct sc_dec *d, unsigned size, unsigned dst,
                    unsigned src)
{
    struct sc_insn *r = sc_tb_add(tb, d, mov_fn[RR][sc_size_index(size)]);
    r->dst = sc_reg_operand(d, size, dst);
    r->src = sc_reg_operand(d, size, src);
    sc_mark(r, SC_I_FQUIET);
    return true;
}

static bool mov_imm(struct sc_tb *tb, const struct sc_dec *d, unsigned size, unsigned dst)
{
    struct sc_insn *r = sc_tb_add(tb, d, mov_fn[RI][sc_size_index(size)]);
    r->dst = sc_reg_operand(d, size, dst);
    sc_mark(r, SC_I_FQUIET);
    return true;
}

/* A0..A3: the operand's address is an immediate of the address size. */
static bool mov_moffs(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_dec m = *d;
    m.mem = true;
    m.base = m.index = SC_R_ZERO;
    m.scale = 0;
    m.rip_rel = false;
    m.disp = d->imm;
    m.mseg = d->seg == SC_SEG_NONE ? VEMU_DS : d->seg;
    return mov_mem(tb, &m, d->opcode & 2 ? MR : RM, sc_w_size(d), 0);
}

/* --- MOVZX, MOVSX, MOVSXD --------------------------------------------------------------------- */

/* A zero-extended 32-bit result is the 64-bit one. */
#define MOVX(name, from, to, conv)                                                                 \
    SC_OP(op_##name##_rr)                                                                          \
    {                                                                                              \
        sc_set##to(c, i->dst, (uint##to##_t)conv(from, sc_get##from(c, i->src)));                  \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_##name##_rm, from, sc_set##to(c, i->dst, (uint##to##_t)conv(from, m)))             \
    SC_OP_LD_B(op_##name##_rmb, from, sc_set##to(c, i->dst, (uint##to##_t)conv(from, m)))
#define MOVX_ZX(from, v) (uint##from##_t)(v)
MOVX(movzx8to16, 8, 16, MOVX_ZX)
MOVX(movzx8, 8, 64, MOVX_ZX)
MOVX(movzx16, 16, 64, MOVX_ZX)
MOVX(movsx8to16, 8, 16, SC_SX)
MOVX(movsx8to32, 8, 32, SC_SX)
MOVX(movsx8to64, 8, 64, SC_SX)
MOVX(movsx16to32, 16, 32, SC_SX)
MOVX(movsx16to64, 16, 64, SC_SX)
MOVX(movsx32to64, 32, 64, SC_SX)

#define MOVX_ROW(name) { op_##name##_rr, op_##name##_rm, op_##name##_rmb }
static sc_fn *const movx_fn[][3] = {
    MOVX_ROW(movzx8to16), MOVX_ROW(movzx8),      MOVX_ROW(movzx8),      /* B6 by size 2, 4, 8 */
    MOVX_ROW(movsx8to16), MOVX_ROW(movsx8to32),  MOVX_ROW(movsx8to64),  /* BE */
    {0},                  MOVX_ROW(movzx16),     MOVX_ROW(movzx16),     /* B7 */
    {0},                  MOVX_ROW(movsx16to32), MOVX_ROW(movsx16to64), /* BF */
    {0},                  {0},                   MOVX_ROW(movsx32to64), /* 63 */
};

static bool mov_extend(struct sc_tb *tb, const struct sc_dec *d)
{
    unsigned from, row;
    if (d->opcode == 0x63) {
        from = d->osz < 4 ? d->osz : 4;
        row = 12;
    } else {
        from = d->opcode & 1 ? 2 : 1;
        row = (d->opcode & 1 ? 6 : 0) + (d->opcode & 8 ? 3 : 0);
    }
    if (from == d->osz) /* 66 0F B7, MOVSXD without REX.W: a plain move */
        return d->mem ? mov_mem(tb, d, RM, from, d->reg) : mov_reg(tb, d, from, d->reg, d->rm);
    sc_fn *const *fn = movx_fn[row + sc_size_index(d->osz) - 1];
    struct sc_insn *r;
    if (d->mem) {
        r = sc_tb_mem(tb, d, fn[1], from, false);
        if (r->index == SC_R_ZERO)
            r->fn = fn[2];
    } else {
        r = sc_tb_add(tb, d, fn[0]);
        r->src = sc_reg_operand(d, from, d->rm);
        sc_mark(r, SC_I_FQUIET);
    }
    r->dst = d->reg;
    return true;
}

/* --- LEA ------------------------------------------------------------------------------------ */

#define LEA(name, bits)                                                                            \
    SC_OP(op_lea##bits)                                                                            \
    {                                                                                              \
        sc_set##bits(c, i->dst, (uint##bits##_t)sc_ea(c, i));                                      \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_lea##bits##_b)                                                                        \
    {                                                                                              \
        sc_set##bits(c, i->dst, (uint##bits##_t)sc_ea_b(c, i));                                    \
        SC_NEXT;                                                                                   \
    }
SC_FOR_WIDE(LEA, lea)
static sc_fn *const lea_fn[2][4] = {
    {0, op_lea16, op_lea32, op_lea64},
    {0, op_lea16_b, op_lea32_b, op_lea64_b},
};

static bool mov_lea(struct sc_tb *tb, const struct sc_dec *d)
{
    if (!d->mem)
        return false;
    const unsigned s = sc_size_index(d->osz);
    struct sc_insn *r = sc_tb_mem(tb, d, lea_fn[0][s], 0, false);
    if (r->index == SC_R_ZERO)
        r->fn = lea_fn[1][s];
    r->dst = d->reg;
    sc_mark(r, SC_I_FQUIET);
    return true;
}

/* --- sign extension of the accumulator, BSWAP ------------------------------------------------- */

SC_OP(op_cbw) { sc_set16(c, VEMU_RAX, (uint16_t)SC_SX(8, c->gpr[VEMU_RAX])); SC_NEXT; }
SC_OP(op_cwde) { sc_set32(c, VEMU_RAX, (uint32_t)SC_SX(16, c->gpr[VEMU_RAX])); SC_NEXT; }
SC_OP(op_cdqe) { sc_set64(c, VEMU_RAX, (uint64_t)SC_SX(32, c->gpr[VEMU_RAX])); SC_NEXT; }
SC_OP(op_cwd) { sc_set16(c, VEMU_RDX, (uint16_t)(SC_GETS(16, VEMU_RAX) >> 15)); SC_NEXT; }
SC_OP(op_cdq) { sc_set32(c, VEMU_RDX, (uint32_t)(SC_GETS(32, VEMU_RAX) >> 31)); SC_NEXT; }
SC_OP(op_cqo) { sc_set64(c, VEMU_RDX, (uint64_t)(SC_GETS(64, VEMU_RAX) >> 63)); SC_NEXT; }

/* With a 16-bit operand BSWAP is undefined; processors clear the register's low half. */
SC_OP(op_bswap16) { sc_set16(c, i->dst, 0); SC_NEXT; }
SC_OP(op_bswap32) { sc_set32(c, i->dst, __builtin_bswap32(sc_get32(c, i->dst))); SC_NEXT; }
SC_OP(op_bswap64) { sc_set64(c, i->dst, __builtin_bswap64(sc_get64(c, i->dst))); SC_NEXT; }

static bool mov_single(struct sc_tb *tb, const struct sc_dec *d, sc_fn *const fn[3], unsigned reg)
{
    struct sc_insn *r = sc_tb_add(tb, d, fn[sc_size_index(d->osz) - 1]);
    r->dst = (uint8_t)reg;
    sc_mark(r, SC_I_FQUIET);
    return true;
}

/* --- XLAT ----------------------------------------------------------------------------------- */

/* aux: address size, src: segment. */
SC_OP(op_xlat)
{
    const uint64_t off = (c->gpr[VEMU_RBX] + sc_get8(c, 0)) & sc_asz_mask(i->aux);
    sc_set8(c, 0, sc_ld8(c, i, sc_linear(c, i, i->src, off, 1, false)));
    SC_NEXT;
}

bool sc_emit_mov(struct sc_tb *tb, const struct sc_dec *d)
{
    static sc_fn *const cbw[3] = {op_cbw, op_cwde, op_cdqe};
    static sc_fn *const cwd[3] = {op_cwd, op_cdq, op_cqo};
    static sc_fn *const bswap[3] = {op_bswap16, op_bswap32, op_bswap64};
    const unsigned size = sc_w_size(d);

    switch (d->opcode) {
    case 0x63:
    case SC_MAP_0F | 0xb6:
    case SC_MAP_0F | 0xb7:
    case SC_MAP_0F | 0xbe:
    case SC_MAP_0F | 0xbf:
        return mov_extend(tb, d);
    case 0x88:
    case 0x89:
        return d->mem ? mov_mem(tb, d, MR, size, sc_reg_operand(d, size, d->reg))
                      : mov_reg(tb, d, size, d->rm, d->reg);
    case 0x8a:
    case 0x8b:
        return d->mem ? mov_mem(tb, d, RM, size, sc_reg_operand(d, size, d->reg))
                      : mov_reg(tb, d, size, d->reg, d->rm);
    case 0x8d:
        return mov_lea(tb, d);
    case 0x98:
        return mov_single(tb, d, cbw, 0);
    case 0x99:
        return mov_single(tb, d, cwd, 0);
    case 0xa0 ... 0xa3:
        return mov_moffs(tb, d);
    case 0xb0 ... 0xb7:
        return mov_imm(tb, d, 1, (d->opcode & 7) | (d->rex & 1) << 3);
    case 0xb8 ... 0xbf:
        return mov_imm(tb, d, d->osz, (d->opcode & 7) | (d->rex & 1) << 3);
    case 0xc6:
    case 0xc7:
        if (d->reg3 != 0)
            return false;
        return d->mem ? mov_mem(tb, d, MI, size, 0) : mov_imm(tb, d, size, d->rm);
    case 0xd7: {
        struct sc_insn *r = sc_tb_add(tb, d, op_xlat);
        r->aux = d->asz;
        r->src = d->seg == SC_SEG_NONE ? VEMU_DS : d->seg;
        return true;
    }
    case SC_MAP_0F | 0xc3: /* MOVNTI: a hint we ignore */
        if (!d->mem || d->p66 || d->rep)
            return false;
        return mov_mem(tb, d, MR, d->osz, d->reg);
    case SC_MAP_0F | 0xc8 ... SC_MAP_0F | 0xcf:
        return mov_single(tb, d, bswap, (d->opcode & 7) | (d->rex & 1) << 3);
    }
    return false;
}
