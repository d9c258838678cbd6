/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stack as PUSH, POP, CALL and RET see it, in every mode.
 *
 * The width of the stack pointer is 64 bits in 64-bit code and otherwise SS.B's 32 or 16, with
 * wrap-around; outside 64-bit code SS base and limit apply (#SS(0)). All functions fault before
 * they change anything. In 64-bit code a non-canonical stack address is #SS whatever the record's
 * flags say.
 */
#ifndef SC_STACK_H
#define SC_STACK_H

#include "accel/soft/cpu.h"

SC_INLINE uint64_t sc_sp_mask(const struct sc_cpu *c)
{
    return c->mode & SC_M_64 ? UINT64_MAX : c->mode & SC_M_SS32 ? UINT32_MAX : UINT16_MAX;
}
/* The stack pointer, and setting it: only as many bits as it is wide. */
SC_INLINE uint64_t sc_sp(const struct sc_cpu *c)
{
    return c->gpr[VEMU_RSP] & sc_sp_mask(c);
}
SC_INLINE void sc_sp_set(struct sc_cpu *c, uint64_t sp)
{
    if (c->mode & SC_M_64)
        sc_set64(c, VEMU_RSP, sp);
    else if (c->mode & SC_M_SS32)
        sc_set32(c, VEMU_RSP, (uint32_t)sp);
    else
        sc_set16(c, VEMU_RSP, (uint16_t)sp);
}

/* `size` (2, 4, 8) bytes at offset `sp` of the stack segment; sp is cut to the stack's width. */
uint64_t sc_stack_ld(struct sc_cpu *c, const struct sc_insn *i, uint64_t sp, unsigned size);
void sc_stack_st(struct sc_cpu *c, const struct sc_insn *i, uint64_t sp, unsigned size, uint64_t v);

/* Push and pop `size` bytes and move the stack pointer. */
void sc_push(struct sc_cpu *c, const struct sc_insn *i, unsigned size, uint64_t v);
uint64_t sc_pop(struct sc_cpu *c, const struct sc_insn *i, unsigned size);
#define sc_push16(c, i, v) sc_push(c, i, 2, v)
#define sc_push32(c, i, v) sc_push(c, i, 4, v)
#define sc_push64(c, i, v) sc_push(c, i, 8, v)
#define sc_pop16(c, i) ((uint16_t)sc_pop(c, i, 2))
#define sc_pop32(c, i) ((uint32_t)sc_pop(c, i, 4))
#define sc_pop64(c, i) sc_pop(c, i, 8)

#endif
