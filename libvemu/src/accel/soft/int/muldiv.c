/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MUL, IMUL, DIV, IDIV.
 *
 * After a multiplication CF = OF = the high half matters; SF and PF come from the low half
 * (undefined by the manual, but this is what processors do). Divisions leave the flags alone.
 */
#include "accel/soft/int/op.h"

typedef unsigned __int128 u128;
typedef __int128 s128;
#define MD_U8 uint16_t
#define MD_U16 uint32_t
#define MD_U32 uint64_t
#define MD_U64 u128
#define MD_S8 int16_t
#define MD_S16 int32_t
#define MD_S32 int64_t
#define MD_S64 s128

/* --- one operand: accumulator times r/m ------------------------------------------------------- */

SC_INLINE void mul_put8(struct sc_cpu *c, uint16_t p) { sc_set16(c, VEMU_RAX, p); }
SC_INLINE void mul_put16(struct sc_cpu *c, uint32_t p)
{
    sc_set16(c, VEMU_RAX, (uint16_t)p);
    sc_set16(c, VEMU_RDX, (uint16_t)(p >> 16));
}
SC_INLINE void mul_put32(struct sc_cpu *c, uint64_t p)
{
    sc_set32(c, VEMU_RAX, (uint32_t)p);
    sc_set32(c, VEMU_RDX, (uint32_t)(p >> 32));
}
SC_INLINE void mul_put64(struct sc_cpu *c, u128 p)
{
    sc_set64(c, VEMU_RAX, (uint64_t)p);
    sc_set64(c, VEMU_RDX, (uint64_t)(p >> 64));
}

#define MUL_DO(bits, m)                                                                            \
    const MD_U##bits p = (MD_U##bits)((MD_U##bits)sc_get##bits(c, 0) * (m));                       \
    const unsigned over = (p >> bits) != 0;                                                        \
    mul_put##bits(c, p);                                                                           \
    sc_flags_co(c, SC_SX(bits, p), over, over)
#define IMUL_DO(bits, m)                                                                           \
    const MD_S##bits p = (MD_S##bits)((MD_S##bits)SC_GETS(bits, 0) * SC_SX(bits, m));              \
    const unsigned over = p != SC_SX(bits, p);                                                     \
    mul_put##bits(c, (MD_U##bits)p);                                                               \
    sc_flags_co(c, SC_SX(bits, p), over, over)
#define MUL_FORMS(name, DO, bits)                                                                  \
    SC_OP(op_##name##bits##_r)                                                                     \
    {                                                                                              \
        const uint##bits##_t m = sc_get##bits(c, i->src);                                          \
        DO(bits, m);                                                                               \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_##name##bits##_m, bits, DO(bits, m))
SC_FOR_SIZES(MUL_FORMS, mul, MUL_DO)
SC_FOR_SIZES(MUL_FORMS, imul, IMUL_DO)

/* --- two and three operands ------------------------------------------------------------------- */

#define IMUL2_DO(bits, a, b)                                                                       \
    int64_t r;                                                                                     \
    const bool o64 = __builtin_mul_overflow(a, b, &r);                                             \
    const unsigned over = bits == 64 ? o64 : r != SC_SX(bits, r);                                  \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);                                                    \
    sc_flags_co(c, SC_SX(bits, r), over, over)
#define IMUL2(name, bits)                                                                          \
    SC_OP(op_##name##bits##_rr)                                                                    \
    {                                                                                              \
        IMUL2_DO(bits, SC_GETS(bits, i->dst), SC_GETS(bits, i->src));                              \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_##name##bits##_rri)                                                                   \
    {                                                                                              \
        IMUL2_DO(bits, SC_GETS(bits, i->src), i->simm);                                            \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_##name##bits##_rm, bits, IMUL2_DO(bits, SC_GETS(bits, i->dst), SC_SX(bits, m)))    \
    SC_OP_LD(op_##name##bits##_rmi, bits, IMUL2_DO(bits, SC_SX(bits, m), i->simm))
SC_FOR_WIDE(IMUL2, imul2_)

/* --- DIV, IDIV -------------------------------------------------------------------------------- */

static SC_COLD _Noreturn void div_error(struct sc_cpu *c, const struct sc_insn *i)
{
    sc_raise(c, i, SC_DE, -1);
}

SC_INLINE uint16_t div_get8(const struct sc_cpu *c) { return sc_get16(c, VEMU_RAX); }
SC_INLINE uint32_t div_get16(const struct sc_cpu *c)
{
    return (uint32_t)sc_get16(c, VEMU_RDX) << 16 | sc_get16(c, VEMU_RAX);
}
SC_INLINE uint64_t div_get32(const struct sc_cpu *c)
{
    return (uint64_t)sc_get32(c, VEMU_RDX) << 32 | sc_get32(c, VEMU_RAX);
}
SC_INLINE u128 div_get64(const struct sc_cpu *c)
{
    return (u128)c->gpr[VEMU_RDX] << 64 | c->gpr[VEMU_RAX];
}
SC_INLINE void div_put8(struct sc_cpu *c, uint8_t q, uint8_t rem)
{
    sc_set16(c, VEMU_RAX, (uint16_t)(rem << 8 | q));
}
#define DIV_PUT(bits)                                                                              \
    SC_INLINE void div_put##bits(struct sc_cpu *c, uint##bits##_t q, uint##bits##_t rem)           \
    {                                                                                              \
        sc_set##bits(c, VEMU_RAX, q);                                                              \
        sc_set##bits(c, VEMU_RDX, rem);                                                            \
    }
DIV_PUT(16) DIV_PUT(32) DIV_PUT(64)

#define DIV_DO(bits)                                                                               \
    static SC_NOINLINE void div_do##bits(struct sc_cpu *c, const struct sc_insn *i,                \
                                         const uint##bits##_t m)                                   \
    {                                                                                              \
        const MD_U##bits n = div_get##bits(c);                                                     \
        if (SC_UNLIKELY((n >> bits) >= m)) /* also m == 0 */                                       \
            div_error(c, i);                                                                       \
        if (bits == 64 && (n >> bits) == 0) /* much faster than 128 by 64 bits */                  \
            div_put##bits(c, (uint##bits##_t)((uint##bits##_t)n / m),                              \
                          (uint##bits##_t)((uint##bits##_t)n % m));                                \
        else                                                                                       \
            div_put##bits(c, (uint##bits##_t)(n / m), (uint##bits##_t)(n % m));                    \
    }
#define IDIV_DO(bits)                                                                              \
    static SC_NOINLINE void idiv_do##bits(struct sc_cpu *c, const struct sc_insn *i,               \
                                          const uint##bits##_t um)                                 \
    {                                                                                              \
        const MD_S##bits n = (MD_S##bits)div_get##bits(c);                                         \
        const int##bits##_t m = (int##bits##_t)um;                                                 \
        if (SC_UNLIKELY(m == 0))                                                                   \
            div_error(c, i);                                                                       \
        if (m == -1) { /* the most negative dividend has no negation */                            \
            const MD_U##bits q = (MD_U##bits)(0 - (MD_U##bits)n);                                  \
            if ((MD_S##bits)q != (MD_S##bits)(int##bits##_t)q)                                     \
                div_error(c, i);                                                                   \
            div_put##bits(c, (uint##bits##_t)q, 0);                                                \
        } else if (bits == 64 && n == (MD_S##bits)(int##bits##_t)n) {                              \
            div_put##bits(c, (uint##bits##_t)((int##bits##_t)n / m),                               \
                          (uint##bits##_t)((int##bits##_t)n % m));                                 \
        } else {                                                                                   \
            const MD_S##bits q = (MD_S##bits)(n / m);                                              \
            if (q != (MD_S##bits)(int##bits##_t)q)                                                 \
                div_error(c, i);                                                                   \
            div_put##bits(c, (uint##bits##_t)q, (uint##bits##_t)(n % m));                          \
        }                                                                                          \
    }
DIV_DO(8) DIV_DO(16) DIV_DO(32) DIV_DO(64)
IDIV_DO(8) IDIV_DO(16) IDIV_DO(32) IDIV_DO(64)

#define DIV_FORMS(name, bits)                                                                      \
    SC_OP(op_##name##bits##_r)                                                                     \
    {                                                                                              \
        name##_do##bits(c, i, sc_get##bits(c, i->src));                                            \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_##name##bits##_m)                                                                     \
    {                                                                                              \
        name##_do##bits(c, i, sc_ld##bits(c, i, sc_ea(c, i)));                                     \
        SC_NEXT;                                                                                   \
    }
SC_FOR_SIZES(DIV_FORMS, div)
SC_FOR_SIZES(DIV_FORMS, idiv)

#define MD_ROW(name, form) { op_##name##8_##form, op_##name##16_##form, op_##name##32_##form,      \
                             op_##name##64_##form }
static sc_fn *const muldiv_fn[4][2][4] = { /* F6, F7 /4 .. /7 */
    {MD_ROW(mul, r), MD_ROW(mul, m)},
    {MD_ROW(imul, r), MD_ROW(imul, m)},
    {MD_ROW(div, r), MD_ROW(div, m)},
    {MD_ROW(idiv, r), MD_ROW(idiv, m)},
};
#define MD_ROW_WIDE(form) { op_imul2_16_##form, op_imul2_32_##form, op_imul2_64_##form }
static sc_fn *const imul_fn[4][3] = {
    MD_ROW_WIDE(rr), MD_ROW_WIDE(rm), MD_ROW_WIDE(rri), MD_ROW_WIDE(rmi),
};

bool sc_emit_muldiv(struct sc_tb *tb, const struct sc_dec *d)
{
    struct sc_insn *r;
    if (d->opcode == 0xf6 || d->opcode == 0xf7) {
        const unsigned size = sc_w_size(d);
        sc_fn *fn = muldiv_fn[d->reg3 - 4][d->mem][sc_size_index(size)];
        if (d->mem) {
            sc_tb_mem(tb, d, fn, size, false);
            return true;
        }
        r = sc_tb_add(tb, d, fn);
        r->src = sc_reg_operand(d, size, d->rm);
        if (d->reg3 < 6)
            sc_mark(r, SC_I_FSET | SC_I_FQUIET);
        return true;
    }
    const unsigned three = d->opcode == 0x69 || d->opcode == 0x6b ? 2 : 0;
    sc_fn *fn = imul_fn[three + d->mem][sc_size_index(d->osz) - 1];
    if (d->mem) {
        r = sc_tb_mem(tb, d, fn, d->osz, false);
    } else {
        r = sc_tb_add(tb, d, fn);
        r->src = d->rm;
        sc_mark(r, SC_I_FSET | SC_I_FQUIET);
    }
    r->dst = d->reg;
    return true;
}
