/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shifts and rotates: ROL ROR RCL RCR SHL SHR SAR by immediate, 1 or CL, and SHLD, SHRD.
 *
 * The count is masked to 5 bits (6 for 64-bit operands); a masked count of 0 changes no flag but
 * still writes the destination (a 32-bit register is zero-extended, memory is written back). OF is
 * defined for counts of 1 only; processors compute it from the operand alone, whatever the count,
 * and so do we. AF is 0 after shifts.
 */
#include "accel/soft/int/op.h"

enum { ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR };

struct shift_out {
    uint64_t r;      /* low `bits` bits count */
    unsigned cf, of;
};

SC_INLINE unsigned shift_bit(uint64_t v, unsigned bit)
{
    return (v >> bit) & 1;
}
/* Whether the two highest bits differ: OF of left shifts and rotates. */
SC_INLINE unsigned shift_top_differ(unsigned bits, uint64_t a)
{
    return shift_bit(a ^ a << 1, bits - 1);
}

/* a is zero-extended; n is masked, not 0; op and bits are constants. */
SC_INLINE struct shift_out shift_calc(unsigned op, unsigned bits, uint64_t a, unsigned n,
                                      unsigned cf_in)
{
    struct shift_out o;
    switch (op) {
    case ROL:
        n &= bits - 1;
        o.r = a << n | a >> ((bits - n) & (bits - 1));
        o.cf = o.r & 1;
        o.of = shift_top_differ(bits, a);
        break;
    case ROR:
        n &= bits - 1;
        o.r = a >> n | a << ((bits - n) & (bits - 1));
        o.cf = shift_bit(o.r, bits - 1);
        o.of = (a ^ a >> (bits - 1)) & 1;
        break;
    case RCL: /* n is in 1..bits */
        o.r = (uint64_t)cf_in << (n - 1) | (n < 64 ? a << (n & 63) : 0) |
              (n > 1 ? a >> (bits + 1 - n) : 0);
        o.cf = shift_bit(a, bits - n);
        o.of = shift_top_differ(bits, a);
        break;
    case RCR:
        o.r = (uint64_t)cf_in << (bits - n) | (n < 64 ? a >> (n & 63) : 0) |
              (n > 1 ? a << (bits + 1 - n) : 0);
        o.cf = shift_bit(a, n - 1);
        o.of = cf_in ^ shift_bit(a, bits - 1);
        break;
    case SHR:
        o.r = a >> n;
        o.cf = shift_bit(a, n - 1);
        o.of = shift_bit(a, bits - 1);
        break;
    case SAR: {
        const int64_t s = bits == 64 ? (int64_t)a : (int64_t)(a << (64 - bits)) >> (64 - bits);
        o.r = (uint64_t)(s >> n);
        o.cf = shift_bit((uint64_t)s, n - 1);
        o.of = 0;
        break;
    }
    default: /* SHL */
        o.r = a << n;
        o.cf = bits == 64 ? shift_bit(a, 64 - n) : shift_bit(o.r, bits & 63);
        o.of = shift_top_differ(bits, a);
        break;
    }
    return o;
}

/* Nothing shifted. */
SC_INLINE struct shift_out shift_same(uint64_t a)
{
    return (struct shift_out){ .r = a };
}

/* The count as the operation uses it; 0: nothing happens to operand and flags. */
SC_INLINE unsigned shift_count(unsigned op, unsigned bits, uint64_t count)
{
    const unsigned n = count & (bits == 64 ? 63 : 31);
    return (op == RCL || op == RCR) && bits < 32 ? n % (bits + 1) : n;
}
SC_INLINE unsigned shift_carry_in(const struct sc_cpu *c, unsigned op)
{
    return op == RCL || op == RCR ? sc_flag_cf(c) : 0;
}
SC_INLINE void shift_flags(struct sc_cpu *c, unsigned op, int64_t sx, struct shift_out o)
{
    if (op < SHL) /* rotates keep SF, ZF, AF, PF */
        sc_flags_set_coa(c, o.cf, o.of, sc_flag_af(c));
    else
        sc_flags_co(c, sx, o.cf, o.of);
}

/* Register by a count known not to be 0. */
#define SHIFT_RI(name, OP, sfx, set, bits)                                                         \
    SC_OP(op_##name##bits##_ri##sfx)                                                               \
    {                                                                                              \
        const struct shift_out o = shift_calc(OP, bits, sc_get##bits(c, i->dst), i->aux,           \
                                              shift_carry_in(c, OP));                              \
        sc_set##bits(c, i->dst, (uint##bits##_t)o.r);                                              \
        if (set)                                                                                   \
            shift_flags(c, OP, SC_SX(bits, o.r), o);                                               \
        SC_NEXT;                                                                                   \
    }
/* Register by CL. */
#define SHIFT_RC(name, OP, sfx, set, bits)                                                         \
    SC_OP(op_##name##bits##_rc##sfx)                                                               \
    {                                                                                              \
        const unsigned n = shift_count(OP, bits, c->gpr[VEMU_RCX]);                                \
        const uint##bits##_t a = sc_get##bits(c, i->dst);                                          \
        if (n) {                                                                                   \
            const struct shift_out o = shift_calc(OP, bits, a, n, shift_carry_in(c, OP));          \
            sc_set##bits(c, i->dst, (uint##bits##_t)o.r);                                          \
            if (set)                                                                               \
                shift_flags(c, OP, SC_SX(bits, o.r), o);                                           \
        } else {                                                                                   \
            sc_set##bits(c, i->dst, a);                                                            \
        }                                                                                          \
        SC_NEXT;                                                                                   \
    }
/* Memory; N is the raw count. */
#define SHIFT_M(form, name, OP, N, bits)                                                           \
    SC_OP_RMW(op_##name##bits##_##form, bits, const unsigned n = shift_count(OP, bits, N);         \
              const struct shift_out o =                                                           \
                  n ? shift_calc(OP, bits, (uint##bits##_t)m, n, shift_carry_in(c, OP))            \
                    : shift_same((uint64_t)m);                                                     \
              const int64_t r = SC_SX(bits, o.r), if (n) shift_flags(c, OP, r, o))
#define SHIFT_MI(name, OP, bits) SHIFT_M(mi, name, OP, i->aux, bits)
#define SHIFT_MC(name, OP, bits) SHIFT_M(mc, name, OP, c->gpr[VEMU_RCX], bits)

#define SHIFT_ALL(name, OP)                                                                        \
    SC_FOR_SIZES(SHIFT_RI, name, OP, , true)                                                       \
    SC_FOR_SIZES(SHIFT_RC, name, OP, , true)                                                       \
    SC_FOR_SIZES(SHIFT_MI, name, OP)                                                               \
    SC_FOR_SIZES(SHIFT_MC, name, OP)
SHIFT_ALL(rol, ROL)
SHIFT_ALL(ror, ROR)
SHIFT_ALL(rcl, RCL)
SHIFT_ALL(rcr, RCR)
SHIFT_ALL(shl, SHL)
SHIFT_ALL(shr, SHR)
SHIFT_ALL(sar, SAR)
#define SHIFT_QUIET(name, OP)                                                                      \
    SC_FOR_SIZES(SHIFT_RI, name, OP, q, false)                                                     \
    SC_FOR_SIZES(SHIFT_RC, name, OP, q, false)
SHIFT_QUIET(rol, ROL)
SHIFT_QUIET(ror, ROR)
SHIFT_QUIET(shl, SHL)
SHIFT_QUIET(shr, SHR)
SHIFT_QUIET(sar, SAR)

enum { RI, RC, MI, MC, FORMS };

/* Switches and not tables of pointers, which would have to be relocated whenever the program
 * starts. */
#define SHIFT_ID(op, form, s) (((op) * FORMS + (form)) * 4u + (s))
#define SHIFT_SIZES(op, FORM, name, form)                                                          \
    case SHIFT_ID(op, FORM, 0): return op_##name##8_##form;                                        \
    case SHIFT_ID(op, FORM, 1): return op_##name##16_##form;                                       \
    case SHIFT_ID(op, FORM, 2): return op_##name##32_##form;                                       \
    case SHIFT_ID(op, FORM, 3): return op_##name##64_##form;
#define SHIFT_FORMS(op, name)                                                                      \
    SHIFT_SIZES(op, RI, name, ri)                                                                  \
    SHIFT_SIZES(op, RC, name, rc)                                                                  \
    SHIFT_SIZES(op, MI, name, mi)                                                                  \
    SHIFT_SIZES(op, MC, name, mc)
static sc_fn *shift_fn(unsigned op, unsigned form, unsigned s)
{
    switch (SHIFT_ID(op, form, s)) {
        SHIFT_FORMS(ROL, rol)
        SHIFT_FORMS(ROR, ror)
        SHIFT_FORMS(RCL, rcl)
        SHIFT_FORMS(RCR, rcr)
        SHIFT_FORMS(SHL, shl)
        SHIFT_FORMS(SHR, shr)
        SHIFT_FORMS(SAL, shl)
        SHIFT_FORMS(SAR, sar)
    default: return NULL;
    }
}
#define SHIFT_QUIETS(op, name) SHIFT_SIZES(op, RI, name, riq) SHIFT_SIZES(op, RC, name, rcq)
sc_fn *sc_shift_noflags(unsigned id)
{
    switch (id) {
        SHIFT_QUIETS(ROL, rol)
        SHIFT_QUIETS(ROR, ror)
        SHIFT_QUIETS(SHL, shl)
        SHIFT_QUIETS(SHR, shr)
        SHIFT_QUIETS(SAL, shl)
        SHIFT_QUIETS(SAR, sar)
    default: return NULL;
    }
}

/* A count of 0: only the zero extension remains. */
SC_OP(op_shift_none) { sc_set32(c, i->dst, sc_get32(c, i->dst)); SC_NEXT; }
SC_OP(op_shift_nop) { SC_NEXT; }

static bool shift_emit_none(struct sc_tb *tb, const struct sc_dec *d, unsigned size)
{
    struct sc_insn *r = sc_tb_add(tb, d, size == 4 ? op_shift_none : op_shift_nop);
    r->dst = d->rm;
    sc_mark(r, SC_I_FQUIET);
    return true;
}

bool sc_emit_shift(struct sc_tb *tb, const struct sc_dec *d)
{
    const unsigned op = d->reg3, size = sc_w_size(d), s = sc_size_index(size);
    const bool by_cl = d->opcode == 0xd2 || d->opcode == 0xd3;
    const uint8_t raw = d->opcode < 0xd0 ? (uint8_t)d->imm : 1;
    const unsigned n = shift_count(op, size * 8, raw);
    struct sc_insn *r;

    if (d->mem) {
        r = sc_tb_mem(tb, d, shift_fn(op, by_cl ? MC : MI, s), size, true);
        r->aux = raw;
        return true;
    }
    if (!by_cl && !n)
        return shift_emit_none(tb, d, size);
    r = sc_tb_add(tb, d, shift_fn(op, by_cl ? RC : RI, s));
    r->dst = sc_reg_operand(d, size, d->rm);
    r->aux = (uint8_t)n;
    if (op != RCL && op != RCR)
        sc_mark_nv(r, (!by_cl && op >= SHL ? SC_I_FSET | SC_I_FQUIET : 0) | SC_I_FNVQUIET,
                   SC_NV_SHIFT, SHIFT_ID(op, by_cl ? RC : RI, s));
    return true;
}

/* --- SHLD, SHRD ------------------------------------------------------------------------------- */

/*
 * 16-bit operands with counts above 16 are undefined; processors go on with the first operand, as
 * if shifting a:b:a.
 */
SC_INLINE struct shift_out shift_double(bool left, unsigned bits, uint64_t a, uint64_t b,
                                        unsigned n)
{
    struct shift_out o;
    if (bits == 16) {
        const uint64_t x = a << 32 | b << 16 | a;
        o.r = left ? x << n >> 32 : x >> n;
        o.cf = left ? shift_bit(x, 48 - n) : shift_bit(x, n - 1);
    } else {
        o.r = left ? a << n | b >> (bits - n) : a >> n | b << (bits - n);
        o.cf = left ? shift_bit(a, bits - n) : shift_bit(a, n - 1);
    }
    o.of = left ? shift_top_differ(bits, a) : (unsigned)((a >> (bits - 1) ^ b) & 1);
    return o;
}

/* aux2: the count is aux, not CL. */
#define SHIFTD_CALC(left, bits, A)                                                                 \
    const unsigned n = (i->aux2 ? i->aux : c->gpr[VEMU_RCX]) & (bits == 64 ? 63 : 31);             \
    const struct shift_out o =                                                                     \
        n ? shift_double(left, bits, (uint##bits##_t)(A), sc_get##bits(c, i->src), n)              \
          : shift_same((uint64_t)(A));                                                             \
    const int64_t r = SC_SX(bits, o.r)
#define SHIFTD_DONE                                                                                \
    if (n)                                                                                         \
    sc_flags_co(c, r, o.cf, o.of)
#define SHIFTD(name, left, bits)                                                                   \
    SC_OP(op_##name##bits##_r)                                                                     \
    {                                                                                              \
        SHIFTD_CALC(left, bits, sc_get##bits(c, i->dst));                                          \
        sc_set##bits(c, i->dst, (uint##bits##_t)r);                                                \
        SHIFTD_DONE;                                                                               \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_RMW(op_##name##bits##_m, bits, SHIFTD_CALC(left, bits, m), SHIFTD_DONE)
SC_FOR_WIDE(SHIFTD, shld, true)
SC_FOR_WIDE(SHIFTD, shrd, false)

#define SHIFTD_ROW(name, form) { op_##name##16_##form, op_##name##32_##form, op_##name##64_##form }
static sc_fn *const shiftd_fn[2][2][3] = {
    {SHIFTD_ROW(shld, r), SHIFTD_ROW(shld, m)},
    {SHIFTD_ROW(shrd, r), SHIFTD_ROW(shrd, m)},
};

bool sc_emit_shift_double(struct sc_tb *tb, const struct sc_dec *d)
{
    sc_fn *fn = shiftd_fn[(d->opcode & 8) != 0][d->mem][sc_size_index(d->osz) - 1];
    struct sc_insn *r = d->mem ? sc_tb_mem(tb, d, fn, d->osz, true) : sc_tb_add(tb, d, fn);
    if (!d->mem)
        r->dst = d->rm;
    r->src = d->reg;
    r->aux = (uint8_t)d->imm;
    r->aux2 = !(d->opcode & 1); /* A4, AC: immediate */
    return true;
}
