/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B.
 *
 * XCHG with memory is always atomic, the others with LOCK. CMPXCHG writes its memory operand in any
 * case (a failing one needs write permission, too); a 32-bit destination register keeps its upper
 * half when the comparison fails, and RAX is touched only then.
 */
#include "accel/soft/int/op.h"
#include "accel/soft/mem/lock.h"
#include "accel/soft/parts.h"

/* --- XCHG ----------------------------------------------------------------------------------- */

#define XCHG(name, bits)                                                                           \
    SC_OP(op_xchg##bits##_r)                                                                       \
    {                                                                                              \
        const uint##bits##_t a = sc_get##bits(c, i->dst), b = sc_get##bits(c, i->src);             \
        sc_set##bits(c, i->dst, b);                                                                \
        sc_set##bits(c, i->src, a);                                                                \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_xchg##bits##_m)                                                                       \
    {                                                                                              \
        const uint##bits##_t v = sc_get##bits(c, i->src);                                          \
        sc_set##bits(c, i->src, sc_lock##bits(c, i, sc_ea(c, i), SC_RMW_XCHG, v, 0));              \
        SC_NEXT;                                                                                   \
    }
SC_FOR_SIZES(XCHG, xchg)

/* --- XADD ----------------------------------------------------------------------------------- */

#define XADD_DONE(bits, m)                                                                         \
    sc_set##bits(c, i->src, (uint##bits##_t)(m));                                                  \
    sc_flags_store(c, SC_F_ADD, r, m, b)
#define XADD(name, bits)                                                                           \
    SC_OP(op_xadd##bits##_r)                                                                       \
    {                                                                                              \
        const int64_t a = SC_GETS(bits, i->dst), b = SC_GETS(bits, i->src);                        \
        const int64_t r = SC_SX(bits, (uint64_t)a + (uint64_t)b);                                  \
        XADD_DONE(bits, a);                                                                        \
        sc_set##bits(c, i->dst, (uint##bits##_t)r); /* the sum stays if both are one register */   \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_RMW(op_xadd##bits##_m, bits, const int64_t b = SC_GETS(bits, i->src);                    \
              const int64_t r = SC_SX(bits, (uint64_t)m + (uint64_t)b), XADD_DONE(bits, m))        \
    SC_OP(op_xadd##bits##_l)                                                                       \
    {                                                                                              \
        const int64_t b = SC_GETS(bits, i->src);                                                   \
        const int64_t m = SC_SX(bits, sc_lock##bits(c, i, sc_ea(c, i), SC_RMW_ADD,                 \
                                                    (uint##bits##_t)b, 0));                        \
        const int64_t r = SC_SX(bits, (uint64_t)m + (uint64_t)b);                                  \
        XADD_DONE(bits, m);                                                                        \
        SC_NEXT;                                                                                   \
    }
SC_FOR_SIZES(XADD, xadd)

/* --- CMPXCHG -------------------------------------------------------------------------------- */

#define CMPXCHG_DONE(bits, m)                                                                      \
    if (a != (m))                                                                                  \
        sc_set##bits(c, VEMU_RAX, (uint##bits##_t)(m));                                            \
    sc_flags_store(c, SC_F_SUB, SC_SX(bits, (uint64_t)a - (uint64_t)(m)), a, m)
#define CMPXCHG(name, bits)                                                                        \
    SC_OP(op_cmpxchg##bits##_r)                                                                    \
    {                                                                                              \
        const int64_t a = SC_GETS(bits, VEMU_RAX), m = SC_GETS(bits, i->dst);                      \
        const uint##bits##_t v = sc_get##bits(c, i->src);                                          \
        CMPXCHG_DONE(bits, m);                                                                     \
        if (a == m)                                                                                \
            sc_set##bits(c, i->dst, v);                                                            \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_RMW(op_cmpxchg##bits##_m, bits, const int64_t a = SC_GETS(bits, VEMU_RAX);               \
              const int64_t r = a == m ? SC_GETS(bits, i->src) : m, CMPXCHG_DONE(bits, m))         \
    SC_OP(op_cmpxchg##bits##_l)                                                                    \
    {                                                                                              \
        const int64_t a = SC_GETS(bits, VEMU_RAX);                                                 \
        const int64_t m = SC_SX(bits, sc_lock##bits(c, i, sc_ea(c, i), SC_RMW_CMPXCHG,             \
                                                    sc_get##bits(c, i->src),                       \
                                                    (uint##bits##_t)a));                           \
        CMPXCHG_DONE(bits, m);                                                                     \
        SC_NEXT;                                                                                   \
    }
SC_FOR_SIZES(CMPXCHG, cmpxchg)

#define XCHG_ROW(name, form) { op_##name##8_##form, op_##name##16_##form, op_##name##32_##form,    \
                               op_##name##64_##form }
enum { REG, MEM, LOCK };
static sc_fn *const xchg_fn[2][4] = {XCHG_ROW(xchg, r), XCHG_ROW(xchg, m)};
static sc_fn *const xadd_fn[3][4] = {XCHG_ROW(xadd, r), XCHG_ROW(xadd, m), XCHG_ROW(xadd, l)};
static sc_fn *const cmpxchg_fn[3][4] = {XCHG_ROW(cmpxchg, r), XCHG_ROW(cmpxchg, m),
                                        XCHG_ROW(cmpxchg, l)};

static bool xchg_emit(struct sc_tb *tb, const struct sc_dec *d, sc_fn *const fn[][4], unsigned form,
                      unsigned size)
{
    const unsigned s = sc_size_index(size);
    struct sc_insn *r = d->mem ? sc_tb_mem(tb, d, fn[form][s], size, true)
                               : sc_tb_add(tb, d, fn[REG][s]);
    if (!d->mem)
        r->dst = sc_reg_operand(d, size, d->rm);
    r->src = sc_reg_operand(d, size, d->reg);
    return true;
}

/* --- CMPXCHG8B, CMPXCHG16B -------------------------------------------------------------------- */

/* Only ZF changes. */
static void xchg_set_zf(struct sc_cpu *c, bool same)
{
    sc_flags_set_arith(c, (sc_flags_arith(c) & ~SC_ZF) | (same ? SC_ZF : 0));
}

/* aux: LOCK. */
static SC_NOINLINE void xchg_cmpxchg8b(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t va = sc_ea(c, i);
    const uint64_t want = (uint64_t)sc_get32(c, VEMU_RDX) << 32 | sc_get32(c, VEMU_RAX);
    const uint64_t v = (uint64_t)sc_get32(c, VEMU_RCX) << 32 | sc_get32(c, VEMU_RBX);
    uint64_t m;
    if (i->aux) {
        m = sc_lock64(c, i, va, SC_RMW_CMPXCHG, v, want);
    } else {
        m = sc_ld_rmw(c, i, va, 8);
        sc_st64(c, i, va, m == want ? v : m);
    }
    if (m != want) {
        sc_set32(c, VEMU_RAX, (uint32_t)m);
        sc_set32(c, VEMU_RDX, (uint32_t)(m >> 32));
    }
    xchg_set_zf(c, m == want);
}

static SC_NOINLINE void xchg_cmpxchg16b(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t va = sc_ea(c, i);
    uint64_t old[2] = {c->gpr[VEMU_RAX], c->gpr[VEMU_RDX]};
    const uint64_t v[2] = {c->gpr[VEMU_RBX], c->gpr[VEMU_RCX]};
    if (va & 15)
        sc_raise(c, i, SC_GP, 0);
    const bool same = sc_lock128(c, i, va, old, v);
    if (!same) {
        c->gpr[VEMU_RAX] = old[0];
        c->gpr[VEMU_RDX] = old[1];
    }
    xchg_set_zf(c, same);
}
SC_OP(op_cmpxchg8b) { xchg_cmpxchg8b(c, i); SC_NEXT; }
SC_OP(op_cmpxchg16b) { xchg_cmpxchg16b(c, i); SC_NEXT; }

static bool xchg_emit_wide(struct sc_tb *tb, const struct sc_dec *d)
{
    if (d->reg3 != 1 || !d->mem)
        return false;
    if (d->osz == 8) {
        if (!sc_has_cpuid(tb->c, 1, SC_CPUID_ECX, 13))
            return false;
        sc_tb_mem(tb, d, op_cmpxchg16b, 16, true);
    } else {
        sc_tb_mem(tb, d, op_cmpxchg8b, 8, true)->aux = d->lock;
    }
    return true;
}

SC_OP(op_nop) { SC_NEXT; }

bool sc_emit_xchg(struct sc_tb *tb, const struct sc_dec *d)
{
    const unsigned size = sc_w_size(d), form = d->lock ? LOCK : MEM;
    switch (d->opcode) {
    case 0x86:
    case 0x87:
        return xchg_emit(tb, d, xchg_fn, MEM, size);
    case 0x90 ... 0x97: {
        const unsigned reg = (d->opcode & 7) | (d->rex & 1) << 3;
        struct sc_insn *r;
        if (reg == 0) { /* 90 is NOP: EAX is not zero-extended */
            r = sc_tb_add(tb, d, op_nop);
        } else {
            r = sc_tb_add(tb, d, xchg_fn[REG][sc_size_index(d->osz)]);
            r->dst = VEMU_RAX;
            r->src = (uint8_t)reg;
        }
        sc_mark(r, SC_I_FQUIET);
        return true;
    }
    case SC_MAP_0F | 0xb0:
    case SC_MAP_0F | 0xb1:
        return xchg_emit(tb, d, cmpxchg_fn, form, size);
    case SC_MAP_0F | 0xc0:
    case SC_MAP_0F | 0xc1:
        return xchg_emit(tb, d, xadd_fn, form, size);
    case SC_MAP_0F | 0xc7:
        return xchg_emit_wide(tb, d);
    }
    return false;
}
