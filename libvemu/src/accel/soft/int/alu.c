/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ADD OR ADC SBB AND SUB XOR CMP TEST in all operand forms and sizes, and INC DEC NOT NEG.
 *
 * Handlers are named op_<operation><size>_<form>: rr register, register; ri register, immediate; rm
 * register, memory; mr memory, register; mi memory, immediate; lmr and lmi the LOCK forms. A b
 * behind these: the memory operand has no index. A trailing q ("quiet"): sets no flags.
 */
#include "accel/soft/int/op.h"
#include "accel/soft/mem/lock.h"

/* --- the operations; `op` is always a constant ----------------------------------------------- */

/* Carry in. */
SC_INLINE unsigned alu_carry(const struct sc_cpu *c, unsigned op)
{
    return op == SC_ALU_ADC || op == SC_ALU_SBB ? sc_flag_cf(c) : 0;
}

SC_INLINE uint64_t alu_result(unsigned op, uint64_t a, uint64_t b, unsigned carry)
{
    switch (op) {
    case SC_ALU_ADD: return a + b;
    case SC_ALU_OR: return a | b;
    case SC_ALU_ADC: return a + b + carry;
    case SC_ALU_SBB: return a - b - carry;
    case SC_ALU_XOR: return a ^ b;
    case SC_ALU_AND:
    case SC_ALU_TEST: return a & b;
    default: return a - b;
    }
}

SC_INLINE void alu_flags(struct sc_cpu *c, unsigned op, int64_t r, int64_t a, int64_t b,
                         unsigned carry)
{
    switch (op) {
    case SC_ALU_ADD: sc_flags_store(c, SC_F_ADD, r, a, b); break;
    case SC_ALU_ADC: sc_flags_store(c, SC_F_ADD + carry, r, a, b); break;
    case SC_ALU_SUB:
    case SC_ALU_CMP: sc_flags_store(c, SC_F_SUB, r, a, b); break;
    case SC_ALU_SBB: sc_flags_store(c, SC_F_SUB + carry, r, a, b); break;
    default: sc_flags_logic(c, r); break;
    }
}
_Static_assert(SC_F_ADC == SC_F_ADD + 1 && SC_F_SBB == SC_F_SUB + 1, "kinds with carry follow");

/* Statements common to the forms: r from a and b. */
#define ALU_CALC(OP, bits)                                                                         \
    const unsigned k = alu_carry(c, OP);                                                           \
    const int64_t r = SC_SX(bits, alu_result(OP, (uint64_t)a, (uint64_t)b, k))
#define ALU_FLAGS(OP, set)                                                                         \
    if (set)                                                                                       \
    alu_flags(c, OP, r, a, b, k)

/* Register destination; b is an expression. */
#define ALU_REG(name, OP, set, bits, B)                                                            \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const int64_t a = SC_GETS(bits, i->dst), b = B;                                            \
        ALU_CALC(OP, bits);                                                                        \
        sc_set##bits(c, i->dst, (uint##bits##_t)r);                                                \
        ALU_FLAGS(OP, set);                                                                        \
        SC_NEXT;                                                                                   \
    }
/* Memory operands; LD and RMW with or without an index (B is b then). */
#define ALU_WRITE_MEM(name, OP, sfx, set, bits, B, LD, RMW)                                        \
    LD(op_##name##bits##_rm##B##sfx, bits, const int64_t a = SC_GETS(bits, i->dst);                \
       const int64_t b = SC_SX(bits, m); ALU_CALC(OP, bits);                                       \
       sc_set##bits(c, i->dst, (uint##bits##_t)r); ALU_FLAGS(OP, set))                             \
    RMW(op_##name##bits##_mr##B##sfx, bits, const int64_t a = m;                                   \
        const int64_t b = SC_GETS(bits, i->src); ALU_CALC(OP, bits), ALU_FLAGS(OP, set))           \
    RMW(op_##name##bits##_mi##B##sfx, bits, const int64_t a = m; const int64_t b = i->simm;        \
        ALU_CALC(OP, bits), ALU_FLAGS(OP, set))
#define ALU_WRITE(name, OP, sfx, set, bits)                                                        \
    ALU_REG(op_##name##bits##_rr##sfx, OP, set, bits, SC_GETS(bits, i->src))                       \
    ALU_REG(op_##name##bits##_ri##sfx, OP, set, bits, i->simm)                                     \
    ALU_WRITE_MEM(name, OP, sfx, set, bits, , SC_OP_LD, SC_OP_RMW)                                 \
    ALU_WRITE_MEM(name, OP, sfx, set, bits, b, SC_OP_LD_B, SC_OP_RMW_B)

/* CMP and TEST write no operand. */
#define ALU_LOOK_REG(name, OP, bits, B)                                                            \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const int64_t a = SC_GETS(bits, i->dst), b = B;                                            \
        ALU_CALC(OP, bits);                                                                        \
        ALU_FLAGS(OP, true);                                                                       \
        SC_NEXT;                                                                                   \
    }
#define ALU_LOOK_MEM(name, OP, bits, B, LD)                                                        \
    LD(op_##name##bits##_rm##B, bits, const int64_t a = SC_GETS(bits, i->dst);                     \
       const int64_t b = SC_SX(bits, m); ALU_CALC(OP, bits); ALU_FLAGS(OP, true))                  \
    LD(op_##name##bits##_mr##B, bits, const int64_t a = SC_SX(bits, m);                            \
       const int64_t b = SC_GETS(bits, i->src); ALU_CALC(OP, bits); ALU_FLAGS(OP, true))           \
    LD(op_##name##bits##_mi##B, bits, const int64_t a = SC_SX(bits, m);                            \
       const int64_t b = i->simm; ALU_CALC(OP, bits); ALU_FLAGS(OP, true))
#define ALU_LOOK(name, OP, bits)                                                                   \
    ALU_LOOK_REG(op_##name##bits##_rr, OP, bits, SC_GETS(bits, i->src))                            \
    ALU_LOOK_REG(op_##name##bits##_ri, OP, bits, i->simm)                                          \
    ALU_LOOK_MEM(name, OP, bits, , SC_OP_LD)                                                       \
    ALU_LOOK_MEM(name, OP, bits, b, SC_OP_LD_B)

/* LOCK: the old value comes from an atomic operation that needs no flags (carry is added to b). */
#define ALU_LOCK_FORM(name, OP, KIND, V, bits, B)                                                  \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const int64_t b = B;                                                                       \
        const unsigned carry = alu_carry(c, OP);                                                   \
        const int64_t a = SC_SX(bits, sc_lock##bits(c, i, sc_ea(c, i), KIND,                       \
                                                    (uint##bits##_t)(V), 0));                      \
        const int64_t r = SC_SX(bits, alu_result(OP, (uint64_t)a, (uint64_t)b, carry));            \
        alu_flags(c, OP, r, a, b, carry);                                                          \
        SC_NEXT;                                                                                   \
    }
#define ALU_LOCK(name, OP, KIND, V, bits)                                                          \
    ALU_LOCK_FORM(op_##name##bits##_lmr, OP, KIND, V, bits, SC_GETS(bits, i->src))                 \
    ALU_LOCK_FORM(op_##name##bits##_lmi, OP, KIND, V, bits, i->simm)

SC_FOR_SIZES(ALU_WRITE, add, SC_ALU_ADD, , true)
SC_FOR_SIZES(ALU_WRITE, or, SC_ALU_OR, , true)
SC_FOR_SIZES(ALU_WRITE, adc, SC_ALU_ADC, , true)
SC_FOR_SIZES(ALU_WRITE, sbb, SC_ALU_SBB, , true)
SC_FOR_SIZES(ALU_WRITE, and, SC_ALU_AND, , true)
SC_FOR_SIZES(ALU_WRITE, sub, SC_ALU_SUB, , true)
SC_FOR_SIZES(ALU_WRITE, xor, SC_ALU_XOR, , true)
SC_FOR_SIZES(ALU_LOOK, cmp, SC_ALU_CMP)
SC_FOR_SIZES(ALU_LOOK, test, SC_ALU_TEST)

SC_FOR_SIZES(ALU_WRITE, add, SC_ALU_ADD, q, false)
SC_FOR_SIZES(ALU_WRITE, or, SC_ALU_OR, q, false)
SC_FOR_SIZES(ALU_WRITE, adc, SC_ALU_ADC, q, false)
SC_FOR_SIZES(ALU_WRITE, sbb, SC_ALU_SBB, q, false)
SC_FOR_SIZES(ALU_WRITE, and, SC_ALU_AND, q, false)
SC_FOR_SIZES(ALU_WRITE, sub, SC_ALU_SUB, q, false)
SC_FOR_SIZES(ALU_WRITE, xor, SC_ALU_XOR, q, false)

SC_FOR_SIZES(ALU_LOCK, add, SC_ALU_ADD, SC_RMW_ADD, b)
SC_FOR_SIZES(ALU_LOCK, or, SC_ALU_OR, SC_RMW_OR, b)
SC_FOR_SIZES(ALU_LOCK, adc, SC_ALU_ADC, SC_RMW_ADD, (uint64_t)b + carry)
SC_FOR_SIZES(ALU_LOCK, sbb, SC_ALU_SBB, SC_RMW_ADD, 0 - (uint64_t)b - carry)
SC_FOR_SIZES(ALU_LOCK, and, SC_ALU_AND, SC_RMW_AND, b)
SC_FOR_SIZES(ALU_LOCK, sub, SC_ALU_SUB, SC_RMW_ADD, 0 - (uint64_t)b)
SC_FOR_SIZES(ALU_LOCK, xor, SC_ALU_XOR, SC_RMW_XOR, b)

/* XOR r, r and TEST r, r: frequent enough for handlers of their own. SUB r, r is as zero as XOR. */
SC_OP(op_zero)
{
    c->gpr[i->dst] = 0;
    sc_flags_logic(c, 0);
    SC_NEXT;
}
SC_OP(op_zeroq)
{
    c->gpr[i->dst] = 0;
    SC_NEXT;
}
#define ALU_TEST_SELF(name, bits)                                                                  \
    SC_OP(op_##name##bits)                                                                         \
    {                                                                                              \
        sc_flags_logic(c, SC_GETS(bits, i->dst));                                                  \
        SC_NEXT;                                                                                   \
    }
SC_FOR_SIZES(ALU_TEST_SELF, testself)

/* --- which handler --------------------------------------------------------------------------- */

/* Switches and not tables of pointers, which would have to be relocated whenever the program
 * starts. */
enum { RR, RI, RM, MR, MI, RMB, MRB, MIB, FORMS };
#define ALU_ID(op, form, s) (((op) * FORMS + (form)) * 4u + (s))
#define ALU_SIZES(op, FORM, name, form)                                                            \
    case ALU_ID(op, FORM, 0): return op_##name##8_##form;                                          \
    case ALU_ID(op, FORM, 1): return op_##name##16_##form;                                         \
    case ALU_ID(op, FORM, 2): return op_##name##32_##form;                                         \
    case ALU_ID(op, FORM, 3): return op_##name##64_##form;
#define ALU_FORMS(op, name, q)                                                                     \
    ALU_SIZES(op, RR, name, rr##q)                                                                 \
    ALU_SIZES(op, RI, name, ri##q)                                                                 \
    ALU_SIZES(op, RM, name, rm##q)                                                                 \
    ALU_SIZES(op, MR, name, mr##q)                                                                 \
    ALU_SIZES(op, MI, name, mi##q)                                                                 \
    ALU_SIZES(op, RMB, name, rmb##q)                                                               \
    ALU_SIZES(op, MRB, name, mrb##q)                                                               \
    ALU_SIZES(op, MIB, name, mib##q)
#define ALU_WRITERS(q)                                                                             \
    ALU_FORMS(SC_ALU_ADD, add, q)                                                                  \
    ALU_FORMS(SC_ALU_OR, or, q)                                                                    \
    ALU_FORMS(SC_ALU_ADC, adc, q)                                                                  \
    ALU_FORMS(SC_ALU_SBB, sbb, q)                                                                  \
    ALU_FORMS(SC_ALU_AND, and, q)                                                                  \
    ALU_FORMS(SC_ALU_SUB, sub, q)                                                                  \
    ALU_FORMS(SC_ALU_XOR, xor, q)

static sc_fn *alu_fn(unsigned op, unsigned form, unsigned s)
{
    switch (ALU_ID(op, form, s)) {
        ALU_WRITERS()
        ALU_FORMS(SC_ALU_CMP, cmp, )
        ALU_FORMS(SC_ALU_TEST, test, )
    default: return NULL;
    }
}

static sc_fn *alu_quiet(unsigned id)
{
    switch (id) {
        ALU_WRITERS(q)
    default: return NULL;
    }
}

static sc_fn *alu_lock(unsigned op, unsigned form, unsigned s)
{
    switch (ALU_ID(op, form, s)) {
#define ALU_LOCKED(op, name) ALU_SIZES(op, MR, name, lmr) ALU_SIZES(op, MI, name, lmi)
        ALU_LOCKED(SC_ALU_ADD, add)
        ALU_LOCKED(SC_ALU_OR, or)
        ALU_LOCKED(SC_ALU_ADC, adc)
        ALU_LOCKED(SC_ALU_SBB, sbb)
        ALU_LOCKED(SC_ALU_AND, and)
        ALU_LOCKED(SC_ALU_SUB, sub)
        ALU_LOCKED(SC_ALU_XOR, xor)
    default: return NULL;
    }
}
static sc_fn *const alu_test_self[4] = {op_testself8, op_testself16, op_testself32, op_testself64};
#define ALU_ID_ZERO ALU_ID(SC_ALU_CMP, 0, 0)
_Static_assert(ALU_ID_ZERO < 256, "sc_insn.aux3 is a byte");

sc_fn *sc_alu_noflags(unsigned id)
{
    if (id == ALU_ID_ZERO)
        return op_zeroq;
    /* ADC and SBB read the carry, but their results do not need the flags stored. */
    return alu_quiet(id);
}

static void alu_mark(struct sc_insn *r, unsigned op, unsigned form, unsigned s, bool mem)
{
    const unsigned reads = op == SC_ALU_ADC || op == SC_ALU_SBB;
    const unsigned flags = SC_I_FSET | (reads || mem ? 0 : SC_I_FQUIET);
    if (op >= SC_ALU_CMP)
        sc_mark(r, flags);
    else
        sc_mark_nv(r, flags, SC_NV_ALU, ALU_ID(op, form, s));
}

/* Both operands are registers and the same one, whose value the operation makes zero. */
static bool alu_emit_self(struct sc_tb *tb, const struct sc_dec *d, unsigned op, unsigned size)
{
    if (d->reg != d->rm)
        return false;
    if (op == SC_ALU_TEST) {
        struct sc_insn *r = sc_tb_add(tb, d, alu_test_self[sc_size_index(size)]);
        r->dst = sc_reg_operand(d, size, d->rm);
        sc_mark(r, SC_I_FSET | SC_I_FQUIET);
        return true;
    }
    if (op == SC_ALU_XOR && size >= 4) {
        struct sc_insn *r = sc_tb_add(tb, d, op_zero);
        r->dst = d->rm;
        sc_mark_nv(r, SC_I_FSET | SC_I_FQUIET, SC_NV_ALU, ALU_ID_ZERO);
        return true;
    }
    return false;
}

bool sc_emit_alu(struct sc_tb *tb, const struct sc_dec *d, unsigned op, unsigned form)
{
    const unsigned size = form == SC_FORM_RM_I && d->opcode == 0x82 ? 1 : sc_w_size(d);
    const unsigned s = sc_size_index(size);
    const bool look = op >= SC_ALU_CMP;
    struct sc_insn *r;

    if (d->lock) { /* sc_emit_int() has checked that there is a memory destination */
        r = sc_tb_mem(tb, d, alu_lock(op, form == SC_FORM_RM_I ? MI : MR, s), size, true);
        r->src = sc_reg_operand(d, size, d->reg);
        return true;
    }
    if (form == SC_FORM_A_I) {
        r = sc_tb_add(tb, d, alu_fn(op, RI, s));
        r->dst = 0;
        alu_mark(r, op, RI, s, false);
    } else if (!d->mem) {
        if (form == SC_FORM_RM_I) {
            r = sc_tb_add(tb, d, alu_fn(op, RI, s));
            r->dst = sc_reg_operand(d, size, d->rm);
            alu_mark(r, op, RI, s, false);
            return true;
        }
        if (alu_emit_self(tb, d, op, size))
            return true;
        r = sc_tb_add(tb, d, alu_fn(op, RR, s));
        r->dst = sc_reg_operand(d, size, form == SC_FORM_RM_R ? d->rm : d->reg);
        r->src = sc_reg_operand(d, size, form == SC_FORM_RM_R ? d->reg : d->rm);
        alu_mark(r, op, RR, s, false);
    } else {
        unsigned f = form == SC_FORM_RM_I ? MI : form == SC_FORM_RM_R ? MR : RM;
        r = sc_tb_mem(tb, d, alu_fn(op, f, s), size, f != RM && !look);
        if (r->index == SC_R_ZERO) {
            f += RMB - RM;
            r->fn = alu_fn(op, f, s);
        }
        r->dst = r->src = sc_reg_operand(d, size, d->reg);
        alu_mark(r, op, f, s, true);
    }
    return true;
}

/* --- INC, DEC, NOT, NEG ----------------------------------------------------------------------- */

enum { UN_INC, UN_DEC, UN_NOT, UN_NEG };

SC_INLINE int64_t unary_result(unsigned op, int64_t m)
{
    switch (op) {
    case UN_INC: return (int64_t)((uint64_t)m + 1);
    case UN_DEC: return (int64_t)((uint64_t)m - 1);
    case UN_NOT: return ~m;
    default: return (int64_t)(0 - (uint64_t)m);
    }
}
SC_INLINE void unary_flags(struct sc_cpu *c, unsigned op, int64_t r, int64_t m)
{
    switch (op) {
    case UN_INC: sc_flags_store(c, SC_F_INC, r, m, sc_flag_cf(c)); break;
    case UN_DEC: sc_flags_store(c, SC_F_DEC, r, m, sc_flag_cf(c)); break;
    case UN_NEG: sc_flags_store(c, SC_F_SUB, r, 0, m); break;
    }
}

#define UNARY(name, OP, sfx, set, bits)                                                            \
    SC_OP(op_##name##bits##_r##sfx)                                                                \
    {                                                                                              \
        const int64_t m = SC_GETS(bits, i->dst);                                                   \
        const int64_t r = SC_SX(bits, unary_result(OP, m));                                        \
        sc_set##bits(c, i->dst, (uint##bits##_t)r);                                                \
        if (set)                                                                                   \
            unary_flags(c, OP, r, m);                                                              \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_RMW(op_##name##bits##_m##sfx, bits, const int64_t r = SC_SX(bits, unary_result(OP, m)),  \
              if (set) unary_flags(c, OP, r, m))
#define UNARY_LOCK(name, OP, KIND, V, bits)                                                        \
    SC_OP(op_##name##bits##_lm)                                                                    \
    {                                                                                              \
        const int64_t m = SC_SX(bits, sc_lock##bits(c, i, sc_ea(c, i), KIND, (uint##bits##_t)(V),  \
                                                    0));                                           \
        unary_flags(c, OP, SC_SX(bits, unary_result(OP, m)), m);                                   \
        SC_NEXT;                                                                                   \
    }
SC_FOR_SIZES(UNARY, inc, UN_INC, , true)
SC_FOR_SIZES(UNARY, dec, UN_DEC, , true)
SC_FOR_SIZES(UNARY, not, UN_NOT, , true)
SC_FOR_SIZES(UNARY, neg, UN_NEG, , true)
SC_FOR_SIZES(UNARY, inc, UN_INC, q, false)
SC_FOR_SIZES(UNARY, dec, UN_DEC, q, false)
SC_FOR_SIZES(UNARY, neg, UN_NEG, q, false)
SC_FOR_SIZES(UNARY_LOCK, inc, UN_INC, SC_RMW_ADD, 1)
SC_FOR_SIZES(UNARY_LOCK, dec, UN_DEC, SC_RMW_ADD, -1)
SC_FOR_SIZES(UNARY_LOCK, not, UN_NOT, SC_RMW_XOR, -1)
SC_FOR_SIZES(UNARY_LOCK, neg, UN_NEG, SC_RMW_NEG, 0)

/* Form RR: register, RM: memory, MR: memory with LOCK. */
#define UNARY_FORMS(op, name)                                                                      \
    ALU_SIZES(op, RR, name, r)                                                                     \
    ALU_SIZES(op, RM, name, m)                                                                     \
    ALU_SIZES(op, MR, name, lm)
static sc_fn *unary_fn(unsigned op, unsigned form, unsigned s)
{
    switch (ALU_ID(op, form, s)) {
        UNARY_FORMS(UN_INC, inc)
        UNARY_FORMS(UN_DEC, dec)
        UNARY_FORMS(UN_NOT, not)
        UNARY_FORMS(UN_NEG, neg)
    default: return NULL;
    }
}

#define UNARY_QUIET(op, name) ALU_SIZES(op, RR, name, rq) ALU_SIZES(op, RM, name, mq)
sc_fn *sc_unary_noflags(unsigned id)
{
    switch (id) {
        UNARY_QUIET(UN_INC, inc)
        UNARY_QUIET(UN_DEC, dec)
        UNARY_QUIET(UN_NEG, neg)
    default: return NULL;
    }
}

bool sc_emit_unary(struct sc_tb *tb, const struct sc_dec *d)
{
    unsigned op, size = sc_w_size(d), reg = d->rm;
    if (d->opcode < 0x50) { /* 40..4F: INC, DEC register; not in 64-bit code */
        op = d->opcode & 8 ? UN_DEC : UN_INC;
        size = d->osz;
        reg = d->opcode & 7;
    } else if (d->opcode >= 0xfe) {
        op = d->reg3 ? UN_DEC : UN_INC;
    } else { /* F6, F7 */
        op = d->reg3 == 2 ? UN_NOT : UN_NEG;
    }
    const unsigned s = sc_size_index(size);
    const bool mem = d->opcode >= 0x50 && d->mem;
    struct sc_insn *r;

    if (d->lock) {
        sc_tb_mem(tb, d, unary_fn(op, MR, s), size, true);
        return true;
    }
    if (mem) {
        r = sc_tb_mem(tb, d, unary_fn(op, RM, s), size, true);
    } else {
        r = sc_tb_add(tb, d, unary_fn(op, RR, s));
        r->dst = sc_reg_operand(d, size, reg);
    }
    if (op == UN_NOT)
        sc_mark(r, mem ? 0 : SC_I_FQUIET);
    else
        /* INC and DEC keep CF: they read the old flags, unless the result is dead anyway. */
        sc_mark_nv(r, (op == UN_NEG ? SC_I_FSET | (mem ? 0 : SC_I_FQUIET) : 0) |
                          (mem ? 0 : SC_I_FNVQUIET),
                   SC_NV_UNARY, ALU_ID(op, mem ? RM : RR, s));
    return true;
}
