/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PUSH, POP, PUSHA, POPA, ENTER, LEAVE.
 *
 * 64-bit pushes and pops have handlers of their own; everything else goes through stack.h and is
 * slow.
 */
#include "accel/soft/int/op.h"
#include "accel/soft/mem/linear.h"
#include "accel/soft/mem/stack.h"

/* --- 64 bits in 64-bit code; the records carry SC_I_SS ---------------------------------------- */

#define PUSH64(name, V)                                                                            \
    static SC_COLD SC_RET name##_miss(struct sc_cpu *c, struct sc_insn *i)                         \
    {                                                                                              \
        const uint64_t sp = c->gpr[VEMU_RSP] - 8;                                                  \
        sc_st_slow(c, i, sp, 8, V);                                                                \
        c->gpr[VEMU_RSP] = sp;                                                                     \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        const uint64_t sp = c->gpr[VEMU_RSP] - 8;                                                  \
        const struct sc_tlbe *t = sc_tlbe(c, sp);                                                  \
        if (!SC_HIT_W(t, sp, 64))                                                                  \
            SC_JUMP(name##_miss);                                                                  \
        *SC_HOST(t, sp, 64) = V;                                                                   \
        c->gpr[VEMU_RSP] = sp;                                                                     \
        SC_NEXT;                                                                                   \
    }
PUSH64(op_push64_r, c->gpr[i->src])
PUSH64(op_push64_i, i->imm)

static SC_COLD SC_RET op_pop64_r_miss(struct sc_cpu *c, struct sc_insn *i)
{
    const uint64_t sp = c->gpr[VEMU_RSP];
    const uint64_t v = sc_ld_slow(c, i, sp, 8);
    c->gpr[VEMU_RSP] = sp + 8;
    c->gpr[i->dst] = v;
    SC_NEXT;
}
SC_OP(op_pop64_r)
{
    const uint64_t sp = c->gpr[VEMU_RSP];
    const struct sc_tlbe *t = sc_tlbe(c, sp);
    if (!SC_HIT_R(t, sp, 64))
        SC_JUMP(op_pop64_r_miss);
    const uint64_t v = *SC_HOST(t, sp, 64);
    c->gpr[VEMU_RSP] = sp + 8;
    c->gpr[i->dst] = v; /* POP RSP: the value wins */
    SC_NEXT;
}

/* --- the rest; aux: operand size -------------------------------------------------------------- */

static uint64_t stack_load(struct sc_cpu *c, const struct sc_insn *i, uint64_t va)
{
    return i->aux == 2 ? sc_ld16(c, i, va) : i->aux == 4 ? sc_ld32(c, i, va) : sc_ld64(c, i, va);
}
static void stack_set_reg(struct sc_cpu *c, unsigned size, unsigned r, uint64_t v)
{
    if (size == 2)
        sc_set16(c, r, (uint16_t)v);
    else if (size == 4)
        sc_set32(c, r, (uint32_t)v);
    else
        sc_set64(c, r, v);
}

static SC_NOINLINE void stack_push_mem(struct sc_cpu *c, const struct sc_insn *i)
{
    sc_push(c, i, i->aux, stack_load(c, i, sc_ea(c, i)));
}
/*
 * POP to memory reads the stack, then computes the destination's address with the incremented stack
 * pointer (SDM Vol. 2B, POP) and checks it, so that a fault of the read comes before one of the
 * destination: three records, see stack_emit_pop_mem(). The value waits in SC_R_TMP. The stack
 * pointer itself changes when nothing can fault any more.
 */
static SC_NOINLINE void stack_pop_mem_load(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t sp = c->gpr[VEMU_RSP], mask = sc_sp_mask(c);
    c->gpr[SC_R_TMP] = sc_stack_ld(c, i, sp, i->aux);
    c->gpr[SC_R_EA] = (sp & ~mask) | ((sp + i->aux) & mask); /* a base, for where it is RSP */
}
static SC_NOINLINE void stack_pop_mem_store(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t va = sc_ea(c, i), v = c->gpr[SC_R_TMP];
    switch (i->aux) {
    case 2: sc_st16(c, i, va, (uint16_t)v); break;
    case 4: sc_st32(c, i, va, (uint32_t)v); break;
    default: sc_st64(c, i, va, v); break;
    }
    sc_sp_set(c, c->gpr[VEMU_RSP] + i->aux);
}
static SC_NOINLINE void stack_pop_reg(struct sc_cpu *c, const struct sc_insn *i)
{
    stack_set_reg(c, i->aux, i->dst, sc_pop(c, i, i->aux));
}

SC_OP(op_push_r) { sc_push(c, i, i->aux, c->gpr[i->src]); SC_NEXT; }
SC_OP(op_push_i) { sc_push(c, i, i->aux, i->imm); SC_NEXT; }
SC_OP(op_push_m) { stack_push_mem(c, i); SC_NEXT; }
SC_OP(op_pop_r) { stack_pop_reg(c, i); SC_NEXT; }
SC_OP(op_pop_m_load) { stack_pop_mem_load(c, i); SC_NEXT; }
SC_OP(op_pop_m_store) { stack_pop_mem_store(c, i); SC_NEXT; }

/* PUSHA and POPA move all or nothing as far as registers are concerned. */
static SC_NOINLINE void stack_pusha(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t sp = c->gpr[VEMU_RSP];
    for (unsigned r = 0; r < 8; r++)
        sc_stack_st(c, i, sp - (r + 1) * i->aux, i->aux, c->gpr[r]);
    sc_sp_set(c, sp - 8 * i->aux);
}
/* A fault in the middle leaves the registers before it loaded, as on CPUs: with the stack pointer
 * unchanged, the instruction can be repeated. */
static SC_NOINLINE void stack_popa(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t sp = c->gpr[VEMU_RSP];
    for (unsigned r = 0; r < 8; r++) {
        const uint64_t v = sc_stack_ld(c, i, sp + r * i->aux, i->aux);
        if (7 - r != VEMU_RSP)
            stack_set_reg(c, i->aux, 7 - r, v);
    }
    sc_sp_set(c, sp + 8 * i->aux);
}
SC_OP(op_pusha) { stack_pusha(c, i); SC_NEXT; }
SC_OP(op_popa) { stack_popa(c, i); SC_NEXT; }

/* ENTER imm, aux2 (SDM Vol. 2A): the frame's end must be writable, too. */
static SC_NOINLINE void stack_enter(struct sc_cpu *c, const struct sc_insn *i)
{
    const unsigned size = i->aux, level = i->aux2 & 31;
    uint64_t sp = c->gpr[VEMU_RSP] - size, bp = c->gpr[VEMU_RBP];
    const uint64_t frame = sp & sc_sp_mask(c);

    sc_stack_st(c, i, sp, size, bp);
    for (unsigned k = 1; k < level; k++) {
        bp -= size;
        sp -= size;
        sc_stack_st(c, i, sp, size, sc_stack_ld(c, i, bp, size));
    }
    if (level) {
        sp -= size;
        sc_stack_st(c, i, sp, size, frame);
    }
    sp -= (uint16_t)i->imm;
    const uint64_t off = sp & sc_sp_mask(c);
    sc_probe_write(c, i, sc_linear(c, i, VEMU_SS, off, size, true), size);
    stack_set_reg(c, size, VEMU_RBP, frame);
    sc_sp_set(c, sp);
}
static SC_NOINLINE void stack_leave(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint64_t bp = c->gpr[VEMU_RBP];
    const uint64_t v = sc_stack_ld(c, i, bp, i->aux);
    sc_sp_set(c, bp + i->aux);
    stack_set_reg(c, i->aux, VEMU_RBP, v);
}
SC_OP(op_enter) { stack_enter(c, i); SC_NEXT; }
SC_OP(op_leave) { stack_leave(c, i); SC_NEXT; }

static SC_COLD SC_RET op_leave64_miss(struct sc_cpu *c, struct sc_insn *i)
{
    const uint64_t bp = c->gpr[VEMU_RBP];
    const uint64_t v = sc_ld_slow(c, i, bp, 8);
    c->gpr[VEMU_RSP] = bp + 8;
    c->gpr[VEMU_RBP] = v;
    SC_NEXT;
}
SC_OP(op_leave64)
{
    const uint64_t bp = c->gpr[VEMU_RBP];
    const struct sc_tlbe *t = sc_tlbe(c, bp);
    if (!SC_HIT_R(t, bp, 64))
        SC_JUMP(op_leave64_miss);
    const uint64_t v = *SC_HOST(t, bp, 64);
    c->gpr[VEMU_RSP] = bp + 8;
    c->gpr[VEMU_RBP] = v;
    SC_NEXT;
}

/* --- emitting ------------------------------------------------------------------------------- */

/* Stack instructions default to 64 bits in 64-bit code; 32 cannot be had there. */
static unsigned stack_size(const struct sc_dec *d)
{
    return (d->mode & SC_M_64) && d->osz != 2 ? 8 : d->osz;
}

static struct sc_insn *stack_add(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn64, sc_fn *fn)
{
    const unsigned size = stack_size(d);
    struct sc_insn *r = sc_tb_add(tb, d, size == 8 ? fn64 : fn);
    r->aux = (uint8_t)size;
    r->flags |= SC_I_SS;
    return r;
}

static bool stack_emit_pop_mem(struct sc_tb *tb, const struct sc_dec *d)
{
    const unsigned size = stack_size(d);
    struct sc_dec m = *d;
    struct sc_insn *load = sc_tb_add(tb, d, op_pop_m_load);

    load->aux = (uint8_t)size;
    load->flags |= SC_I_MICRO;
    if (m.base == VEMU_RSP)
        m.base = SC_R_EA;
    sc_tb_mem(tb, &m, op_pop_m_store, size, true)->aux = (uint8_t)size;
    return true;
}

bool sc_emit_stack(struct sc_tb *tb, const struct sc_dec *d)
{
    const unsigned reg = (d->opcode & 7) | (d->rex & 1) << 3;
    switch (d->opcode) {
    case 0x50 ... 0x57:
        stack_add(tb, d, op_push64_r, op_push_r)->src = (uint8_t)reg;
        return true;
    case 0x58 ... 0x5f:
        stack_add(tb, d, op_pop64_r, op_pop_r)->dst = (uint8_t)reg;
        return true;
    case 0x60:
        stack_add(tb, d, op_pusha, op_pusha);
        return true;
    case 0x61:
        stack_add(tb, d, op_popa, op_popa);
        return true;
    case 0x68:
    case 0x6a:
        stack_add(tb, d, op_push64_i, op_push_i);
        return true;
    case 0x8f:
        if (d->reg3 != 0)
            return false;
        if (d->mem)
            return stack_emit_pop_mem(tb, d);
        stack_add(tb, d, op_pop64_r, op_pop_r)->dst = d->rm;
        return true;
    case 0xc8:
        stack_add(tb, d, op_enter, op_enter)->aux2 = (uint8_t)d->imm2;
        return true;
    case 0xc9:
        stack_add(tb, d, op_leave64, op_leave);
        return true;
    case 0xff: /* /6 */
        if (d->mem)
            sc_tb_mem(tb, d, op_push_m, stack_size(d), false)->aux = (uint8_t)stack_size(d);
        else
            stack_add(tb, d, op_push64_r, op_push_r)->src = d->rm;
        return true;
    }
    return false;
}
