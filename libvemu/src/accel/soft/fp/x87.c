/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 instructions that compute: loads, stores, arithmetic, comparisons, conditional moves.
 *
 * What an instruction does to the register stack, tags and flags is the host unit's business. Here
 * are memory operands, FIP, FDP, FOP, and unmasked exceptions: those leave ES set in the host's
 * status word, and the next waiting instruction raises #MF (CR0.NE = 0 is treated alike: there is
 * no FERR# pin).
 */
#include "accel/soft/lent/assist.h"
#include "accel/soft/fp/x87.h"

#include <string.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"

#define FSW_PE 0x20u

void sc_x87_prepare_slow(struct sc_cpu *c, const struct sc_insn *i)
{
    sc_x87_load(c);
    if (c->fpu.live == SC_X87_UNMASKED && (sc_host_fsw() & SC_FSW_ES))
        sc_raise(c, i, SC_MF, -1);
}

/* After an instruction with exceptions unmasked: where did it happen? `memory`: it has an operand
 * there. */
static SC_NOINLINE void finish_unmasked(struct sc_cpu *c, const struct sc_insn *i, bool memory)
{
    if (!(sc_host_fsw() & SC_FSW_ES))
        return;
    c->fpu.fop = (uint16_t)(i->aux2 | i->aux3 << 8);
    if (memory) { /* otherwise it stays as it is */
        uint64_t offset = sc_ea(c, i) - sc_seg_base(c, i->src);
        c->fpu.fdp = c->mode & SC_M_64 ? offset : (uint32_t)offset;
    }
}
SC_INLINE void finish(struct sc_cpu *c, const struct sc_insn *i, bool memory)
{
    c->fpu.fip = sc_rip(c, i);
    if (SC_UNLIKELY(c->fpu.live == SC_X87_UNMASKED))
        finish_unmasked(c, i, memory);
}

SC_OP_GLOBAL(sc_op_no_x87)
{
    if (c->assist)
        sc_assist_need_fpu(c, i);
    sc_raise(c, i, SC_NM, -1);
    SC_EXIT;
}

/* SDM Vol. 3, table 2-3: WAIT looks at MP and TS, not at EM. */
SC_OP_GLOBAL(sc_op_wait)
{
    if (SC_UNLIKELY(i->aux && c->assist))
        sc_assist_need_fpu(c, i);
    if (i->aux && (c->cr0 & (SC_CR0_MP | SC_CR0_TS)) == (SC_CR0_MP | SC_CR0_TS))
        sc_raise(c, i, SC_NM, -1);
    if (c->fpu.live == SC_X87_UNMASKED ? sc_host_fsw() & SC_FSW_ES
                                       : c->fpu.live == SC_X87_MEMORY && (c->fpu.fsw & SC_FSW_ES))
        sc_raise(c, i, SC_MF, -1);
    SC_NEXT;
}

SC_OP_GLOBAL(sc_op_x87_reg)
{
    sc_x87_prepare(c, i);
    ((sc_x87_stub *)i->imm)(NULL);
    finish(c, i, false);
    SC_NEXT;
}

SC_OP_GLOBAL(sc_op_x87_comi)
{
    sc_x87_prepare(c, i);
    sc_flags_set_arith(c, (uint32_t)((sc_x87_compare *)i->imm)());
    finish(c, i, false);
    SC_NEXT;
}

SC_OP_GLOBAL(sc_op_x87_cmov)
{
    sc_x87_prepare(c, i);
    ((sc_x87_move *)i->imm)(sc_cond(c, i->aux));
    finish(c, i, false);
    SC_NEXT;
}

/* --- memory sources: fetched first, so that a fault leaves the unit alone ------------------------
 */
SC_INLINE void run_on_scratch(struct sc_cpu *c, const struct sc_insn *i)
{
    ((sc_x87_stub *)i->imm)(c->fpu.scratch);
    finish(c, i, true);
}
SC_OP_GLOBAL(sc_op_x87_ld16)
{
    sc_x87_prepare(c, i);
    *(sc_u16a *)c->fpu.scratch = sc_ld16(c, i, sc_ea(c, i));
    run_on_scratch(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_x87_ld32)
{
    sc_x87_prepare(c, i);
    *(sc_u32a *)c->fpu.scratch = sc_ld32(c, i, sc_ea(c, i));
    run_on_scratch(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_x87_ld64)
{
    sc_x87_prepare(c, i);
    *(sc_u64a *)c->fpu.scratch = sc_ld64(c, i, sc_ea(c, i));
    run_on_scratch(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_x87_ld80)
{
    sc_x87_prepare(c, i);
    sc_x87_align(c, i, sc_ea(c, i), 7);
    sc_read_block(c, i, sc_ea(c, i), c->fpu.scratch, 10);
    run_on_scratch(c, i);
    SC_NEXT;
}

/* --- memory destinations --------------------------------------------------------------------- */
/* The destination is not plain RAM within a page: by way of the scratch slot. */
static SC_NOINLINE void store_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va)
{
    sc_x87_align(c, i, va, i->aux == 10 ? 7 : i->aux - 1);
    sc_probe_write(c, i, va, i->aux);
    ((sc_x87_stub *)i->imm)(c->fpu.scratch);
    sc_write_block(c, i, va, c->fpu.scratch, i->aux);
}

/* An unmasked exception other than precision stores nothing, and then memory is not looked at. So
 * the instruction is tried on the scratch slot, taken back, and done if it would have stored. */
static SC_NOINLINE void store_unmasked(struct sc_cpu *c, const struct sc_insn *i, uint64_t va)
{
    struct sc_fpu *f = &c->fpu;
    uint8_t st[8][16];
    uint16_t fsw, ftag;

    sc_x87_flush(c);
    memcpy(st, f->st, sizeof st);
    fsw = f->fsw;
    ftag = f->ftag;
    sc_x87_load(c);
    ((sc_x87_stub *)i->imm)(f->scratch);
    if (sc_host_fsw() & ~f->fcw & SC_FPU_EXCEPTIONS & ~FSW_PE)
        return;
    sc_x87_flush(c);
    memcpy(f->st, st, sizeof st);
    f->fsw = fsw;
    f->ftag = ftag;
    sc_x87_load(c);
    store_slow(c, i, va);
}

SC_OP_GLOBAL(sc_op_x87_st)
{
    uint64_t va = sc_ea(c, i);
    void *p;

    sc_x87_prepare(c, i);
    if (SC_UNLIKELY(c->fpu.live == SC_X87_UNMASKED)) {
        store_unmasked(c, i, va);
    } else {
        if (i->aux == 10)
            sc_x87_align(c, i, va, 7);
        p = sc_rmw(c, i, va, i->aux);
        if (SC_LIKELY(p != NULL))
            ((sc_x87_stub *)i->imm)(p);
        else
            store_slow(c, i, va);
    }
    finish(c, i, true);
    SC_NEXT;
}
