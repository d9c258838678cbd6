/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stack accesses in every mode: see stack.h. */
#include "accel/soft/mem/stack.h"

#include "accel/soft/mem/linear.h"
#include "accel/soft/mem/mem.h"

/*
 * A record whose faults are reported for the stack segment. `i` itself may belong to an operand in
 * another segment (PUSH mem).
 */
static struct sc_insn stack_record(const struct sc_insn *i)
{
    struct sc_insn s = *i;
    s.flags |= SC_I_SS;
    return s;
}

uint64_t sc_stack_ld(struct sc_cpu *c, const struct sc_insn *i, uint64_t sp, unsigned size)
{
    const struct sc_insn s = stack_record(i);
    const uint64_t va = sc_linear(c, i, VEMU_SS, sp & sc_sp_mask(c), size, false);
    switch (size) {
    case 2: return sc_ld16(c, &s, va);
    case 4: return sc_ld32(c, &s, va);
    default: return sc_ld64(c, &s, va);
    }
}

void sc_stack_st(struct sc_cpu *c, const struct sc_insn *i, uint64_t sp, unsigned size, uint64_t v)
{
    const struct sc_insn s = stack_record(i);
    const uint64_t va = sc_linear(c, i, VEMU_SS, sp & sc_sp_mask(c), size, true);
    switch (size) {
    case 2: sc_st16(c, &s, va, (uint16_t)v); break;
    case 4: sc_st32(c, &s, va, (uint32_t)v); break;
    default: sc_st64(c, &s, va, v); break;
    }
}

void sc_push(struct sc_cpu *c, const struct sc_insn *i, unsigned size, uint64_t v)
{
    const uint64_t sp = c->gpr[VEMU_RSP] - size;
    sc_stack_st(c, i, sp, size, v);
    sc_sp_set(c, sp);
}

uint64_t sc_pop(struct sc_cpu *c, const struct sc_insn *i, unsigned size)
{
    const uint64_t sp = c->gpr[VEMU_RSP];
    const uint64_t v = sc_stack_ld(c, i, sp, size);
    sc_sp_set(c, sp + size);
    return v;
}
