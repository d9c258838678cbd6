/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compare and conditional branch in one handler (64-bit code): CMP and TEST with registers,
 * immediates and memory, SUB, ADD, AND, DEC and INC of a register, each followed by Jcc.
 *
 * Two records: the first is the compare's, with this file's handler; the second belongs to the Jcc
 * and is an unconditional jump to its target, executed when the first finds the condition true and
 * has no link to follow itself. The flags are stored as usual, since code at either target may
 * look; the condition is computed from the values at hand. When the trace is killed between the
 * two, the run loop goes on at the Jcc, with the flags in place.
 */
#include "accel/soft/trace/edge.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"

#define TAKEN_IF(condition)                                                                        \
    do {                                                                                           \
        if (condition) {                                                                           \
            struct sc_insn *to_ = i[1].link;                                                       \
            if (SC_LIKELY(to_ != NULL) && SC_LIKELY(!sc_edge_async(c)))                            \
                SC_GO(to_);                                                                        \
            SC_GO(i + 1); /* takes the branch in its way */                                        \
        }                                                                                          \
        SC_GO(i + 2);                                                                              \
    } while (0)

/* --- conditions, from sign-extended operands a, b and result r -------------------------------- */
#define SUB_2 (uint64_t)a < (uint64_t)b
#define SUB_3 (uint64_t)a >= (uint64_t)b
#define SUB_4 a == b
#define SUB_5 a != b
#define SUB_6 (uint64_t)a <= (uint64_t)b
#define SUB_7 (uint64_t)a > (uint64_t)b
#define SUB_8 r < 0
#define SUB_9 r >= 0
#define SUB_c a < b
#define SUB_d a >= b
#define SUB_e a <= b
#define SUB_f a > b

#define AND_2 false
#define AND_3 true
#define AND_4 r == 0
#define AND_5 r != 0
#define AND_6 r == 0
#define AND_7 r != 0
#define AND_8 r < 0
#define AND_9 r >= 0
#define AND_c r < 0
#define AND_d r >= 0
#define AND_e r <= 0
#define AND_f r > 0

/* --- operations: `x` destination, `y` source, both sign-extended ------------------------------ */
#define SX(bits, v) ((int64_t)(int##bits##_t)(v))

#define DO_CMP(bits)                                                                               \
    const int64_t a = x, b = y, r = SX(bits, (uint64_t)x - (uint64_t)y);                           \
    sc_flags_store(c, SC_F_SUB, r, a, b);
#define DO_TEST(bits)                                                                              \
    const int64_t r = x & y;                                                                       \
    c->fr = r;                                                                                     \
    c->ft = SC_F_LOGIC;
#define DO_SUB(bits)                                                                               \
    DO_CMP(bits)                                                                                   \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);
#define DO_AND(bits)                                                                               \
    DO_TEST(bits)                                                                                  \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);
/* Only ZF and SF conditions: 4, 5, 8, 9. */
#define DO_ADD(bits)                                                                               \
    const int64_t r = SX(bits, (uint64_t)x + (uint64_t)y);                                         \
    sc_flags_store(c, SC_F_ADD, r, x, y);                                                          \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);
#define DO_INC(bits)                                                                               \
    const unsigned cf = sc_flag_cf(c);                                                             \
    const int64_t r = SX(bits, (uint64_t)x + 1);                                                   \
    sc_flags_store(c, SC_F_INC, r, x, cf);                                                         \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);
#define DO_DEC(bits)                                                                               \
    const unsigned cf = sc_flag_cf(c);                                                             \
    const int64_t r = SX(bits, (uint64_t)x - 1);                                                   \
    sc_flags_store(c, SC_F_DEC, r, x, cf);                                                         \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);

/* --- operand forms ---------------------------------------------------------------------------- */
#define REG(bits, n) SX(bits, sc_get##bits(c, (n)))

#define OP_RR(name, op, bits, condition)                                                           \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const int64_t x = REG(bits, i->dst), y = REG(bits, i->src);                                \
        DO_##op(bits) TAKEN_IF(condition);                                                         \
    }
#define OP_RI(name, op, bits, condition)                                                           \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const int64_t x = REG(bits, i->dst), y = i->simm;                                          \
        DO_##op(bits) TAKEN_IF(condition);                                                         \
    }
#define OP_R(name, op, bits, condition)                                                            \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const int64_t x = REG(bits, i->dst);                                                       \
        DO_##op(bits) TAKEN_IF(condition);                                                         \
    }
/* Memory operand `m`; a TLB miss goes to a cold twin, so that the hot one needs no stack frame. */
#define OP_M(name, op, bits, condition, x_, y_)                                                    \
    static SC_COLD SC_RET name##_miss(struct sc_cpu *c, struct sc_insn *i)                         \
    {                                                                                              \
        const int64_t m = SX(bits, sc_ld_slow(c, i, sc_ea(c, i), (bits) / 8));                     \
        const int64_t x = x_, y = y_;                                                              \
        DO_##op(bits) TAKEN_IF(condition);                                                         \
    }                                                                                              \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const uint64_t va = sc_ea(c, i);                                                           \
        const struct sc_tlbe *t = sc_tlbe(c, va);                                                  \
        if (SC_UNLIKELY(((va + (bits) / 8 - 1) & SC_PAGE_MASK) != t->rtag))                        \
            SC_BECOME(name##_miss, i);                                                             \
        const int64_t m = SX(bits, *(const MT##bits *)(va + t->addend));                           \
        const int64_t x = x_, y = y_;                                                              \
        DO_##op(bits) TAKEN_IF(condition);                                                         \
    }
#define MT8 uint8_t
#define MT32 sc_u32a
#define MT64 sc_u64a
#define OP_MR(name, op, bits, condition) OP_M(name, op, bits, condition, m, REG(bits, i->src))
#define OP_MI(name, op, bits, condition) OP_M(name, op, bits, condition, m, i->simm)
#define OP_RM(name, op, bits, condition) OP_M(name, op, bits, condition, REG(bits, i->dst), m)

/* Conditions on OF and PF are not fused. */
#define DEFINE(form, op, bits, family, cc)                                                         \
    OP_##form(f_##form##_##op##_##bits##_##cc, op, bits, family##_##cc)
#define DEFINE_ALL(form, op, bits, family)                                                         \
    DEFINE(form, op, bits, family, 2) DEFINE(form, op, bits, family, 3)                            \
    DEFINE(form, op, bits, family, 4) DEFINE(form, op, bits, family, 5)                            \
    DEFINE(form, op, bits, family, 6) DEFINE(form, op, bits, family, 7)                            \
    DEFINE(form, op, bits, family, 8) DEFINE(form, op, bits, family, 9)                            \
    DEFINE(form, op, bits, family, c) DEFINE(form, op, bits, family, d)                            \
    DEFINE(form, op, bits, family, e) DEFINE(form, op, bits, family, f)
#define DEFINE_ZS(form, op, bits, family)                                                          \
    DEFINE(form, op, bits, family, 4) DEFINE(form, op, bits, family, 5)                            \
    DEFINE(form, op, bits, family, 8) DEFINE(form, op, bits, family, 9)
#define SIZES(macro, form, op, family)                                                             \
    macro(form, op, 32, family) macro(form, op, 64, family)
#define SIZES8(macro, form, op, family)                                                            \
    macro(form, op, 8, family) SIZES(macro, form, op, family)

#define FUSED(all, zs)                                                                             \
    SIZES8(all, RR, CMP, SUB)                                                                      \
    SIZES8(all, RI, CMP, SUB)                                                                      \
    SIZES8(all, MR, CMP, SUB)                                                                      \
    SIZES8(all, MI, CMP, SUB)                                                                      \
    SIZES8(all, RM, CMP, SUB)                                                                      \
    SIZES8(all, RR, TEST, AND)                                                                     \
    SIZES8(all, RI, TEST, AND)                                                                     \
    SIZES8(all, MI, TEST, AND)                                                                     \
    SIZES(all, RR, SUB, SUB)                                                                       \
    SIZES(all, RI, SUB, SUB)                                                                       \
    SIZES(all, RR, AND, AND)                                                                       \
    SIZES(all, RI, AND, AND)                                                                       \
    SIZES(zs, RR, ADD, AND)                                                                        \
    SIZES(zs, RI, ADD, AND)                                                                        \
    SIZES(zs, R, INC, AND)                                                                         \
    SIZES(zs, R, DEC, AND)
FUSED(DEFINE_ALL, DEFINE_ZS)

enum form { FORM_RR, FORM_RI, FORM_MR, FORM_MI, FORM_RM, FORM_R };
enum op { FUSE_CMP, FUSE_TEST, FUSE_SUB, FUSE_AND, FUSE_ADD, FUSE_INC, FUSE_DEC, FUSE_NONE };
enum width { W8, W32, W64, W_COUNT };

/* The handler, or NULL. A switch and not a table of pointers, which would have to be relocated
 * whenever the program starts. */
#define KEY(form, op, width, cc)                                                                   \
    ((unsigned)(op) << 9 | (unsigned)(form) << 6 | (unsigned)(width) << 4 | (unsigned)(cc))
#define ENTRY(form, op, bits, cc)                                                                  \
    case KEY(FORM_##form, FUSE_##op, W##bits, 0x##cc): return f_##form##_##op##_##bits##_##cc;
#define ENTRY_ALL(form, op, bits, family)                                                          \
    ENTRY(form, op, bits, 2) ENTRY(form, op, bits, 3) ENTRY(form, op, bits, 4)                     \
    ENTRY(form, op, bits, 5) ENTRY(form, op, bits, 6) ENTRY(form, op, bits, 7)                     \
    ENTRY(form, op, bits, 8) ENTRY(form, op, bits, 9) ENTRY(form, op, bits, c)                     \
    ENTRY(form, op, bits, d) ENTRY(form, op, bits, e) ENTRY(form, op, bits, f)
#define ENTRY_ZS(form, op, bits, family)                                                           \
    ENTRY(form, op, bits, 4) ENTRY(form, op, bits, 5)                                              \
    ENTRY(form, op, bits, 8) ENTRY(form, op, bits, 9)

static sc_fn *fused(enum op op, enum form form, enum width width, unsigned cc)
{
    switch (KEY(form, op, width, cc)) {
        FUSED(ENTRY_ALL, ENTRY_ZS)
    default: return NULL;
    }
}

/* --- recognition ---------------------------------------------------------------------------- */

struct pattern {
    enum op op;
    enum form form;
    enum width width;
    bool swap; /* reg, r/m: ModRM.reg is the destination */
    bool accumulator;
};

static bool recognise(const struct sc_dec *d, struct pattern *p)
{
    static const enum op groups[8] = { FUSE_ADD, FUSE_NONE, FUSE_NONE, FUSE_NONE,
                                       FUSE_AND, FUSE_SUB,  FUSE_NONE, FUSE_CMP };

    if (!(d->mode & SC_M_64) || d->group != SC_G_INT || d->lock || d->opcode > 0xff)
        return false;
    *p = (struct pattern){ .op = FUSE_NONE };
    p->width = d->osz == 8 ? W64 : W32;
    switch (d->opcode) {
    case 0x00 ... 0x03:
    case 0x20 ... 0x23:
    case 0x28 ... 0x2b:
    case 0x38 ... 0x3b:
        p->op = groups[d->opcode >> 3];
        p->swap = d->opcode & 2;
        p->form = !d->mem ? FORM_RR : p->swap ? FORM_RM : FORM_MR;
        break;
    case 0x04:
    case 0x05:
    case 0x24:
    case 0x25:
    case 0x2c:
    case 0x2d:
    case 0x3c:
    case 0x3d:
        p->op = groups[d->opcode >> 3];
        p->form = FORM_RI;
        p->accumulator = true;
        break;
    case 0x80:
    case 0x81:
    case 0x83:
        p->op = groups[d->reg3];
        p->form = d->mem ? FORM_MI : FORM_RI;
        break;
    case 0x84:
    case 0x85:
        p->op = d->mem ? FUSE_NONE : FUSE_TEST;
        p->form = FORM_RR;
        break;
    case 0xa8:
    case 0xa9:
        p->op = FUSE_TEST;
        p->form = FORM_RI;
        p->accumulator = true;
        break;
    case 0xf6:
    case 0xf7:
        p->op = d->reg3 < 2 ? FUSE_TEST : FUSE_NONE;
        p->form = d->mem ? FORM_MI : FORM_RI;
        break;
    case 0xff:
        p->op = d->mem ? FUSE_NONE : d->reg3 == 0 ? FUSE_INC : d->reg3 == 1 ? FUSE_DEC : FUSE_NONE;
        p->form = FORM_R;
        break;
    default: return false;
    }
    if (d->opcode != 0x83 && !(d->opcode & 1))
        p->width = W8;
    else if (d->osz == 2)
        return false;
    return p->op != FUSE_NONE && fused(p->op, p->form, p->width, 4) != NULL;
}

bool sc_can_fuse(const struct sc_dec *d)
{
    struct pattern p;

    return recognise(d, &p);
}

bool sc_emit_fused(struct sc_tb *tb, const struct sc_dec *d, const struct sc_dec *j)
{
    static const uint8_t bytes[W_COUNT] = { 1, 4, 8 };
    struct pattern p;
    struct sc_insn *r, *jcc;
    sc_fn *fn;
    unsigned rm, reg;

    if (!recognise(d, &p))
        return false;
    fn = fused(p.op, p.form, p.width, j->opcode & 15);
    int64_t target = (int64_t)j->pgoff + j->len + j->imm;
    if (!fn || target != (int32_t)target || j->pgoff + j->len > SC_PAGE_SIZE)
        return false;

    if (p.form == FORM_MR || p.form == FORM_MI || p.form == FORM_RM)
        r = sc_tb_mem(tb, d, fn, bytes[p.width], false);
    else
        r = sc_tb_add(tb, d, fn);
    rm = p.accumulator ? VEMU_RAX : d->rm;
    reg = d->reg;
    if (p.width == W8) {
        rm = p.accumulator ? 0 : sc_reg8(d, d->rm);
        reg = sc_reg8(d, d->reg);
    }
    r->dst = (uint8_t)(p.swap ? reg : rm);
    r->src = (uint8_t)(p.swap ? rm : reg);
    if (p.form <= FORM_RI && p.op <= FUSE_ADD)
        r->flags |= SC_I_FSET | SC_I_FQUIET; /* leaves the trace only after the flags are set */

    jcc = sc_tb_add(tb, j, NULL);
    jcc->fn = sc_edge_fill(jcc, j) == SC_EDGE_SAME_PAGE ? sc_op_jmp : sc_op_jmp_lookup;
    return true;
}
