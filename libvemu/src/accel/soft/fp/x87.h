/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 instructions: handlers that x87_emit.c chooses from, and the host code they run.
 */
#ifndef SC_X87_H
#define SC_X87_H

#include "accel/soft/cpu.h"
#include "accel/soft/fp/fpu.h"
#include "accel/soft/mem/mmu.h"

/*
 * Host code for x87 instructions (x87_host.c): each stub is the guest's instruction and a return.
 * Register forms are indexed by (opcode & 7) * 64 + (ModRM & 63), memory forms, whose operand is
 * the argument, by (opcode & 7) * 8 + ModRM.reg.
 */
typedef void sc_x87_stub(void *operand);
sc_x87_stub *sc_x87_register_stub(unsigned opcode, unsigned modrm);
sc_x87_stub *sc_x87_memory_stub(unsigned opcode, unsigned reg);
/* FCOMI and the like: the stub returns the host's flags. */
typedef uint64_t sc_x87_compare(void);
sc_x87_compare *sc_x87_compare_stub(unsigned opcode, unsigned modrm);
/* FCMOVcc ST(0), ST(n): moves when bit 0 of the argument is set. */
typedef void sc_x87_move(uint32_t condition);
sc_x87_move *sc_x87_move_stub(unsigned n);

/* Records: imm is the stub, aux2/aux3 the FOP bits (11 bits, low byte in aux2), src the segment of
 * a memory operand. aux is said where it is used. */
SC_OP_GLOBAL(sc_op_no_x87);  /* CR0 forbids x87 instructions: #NM */
SC_OP_GLOBAL(sc_op_wait);    /* aux: x87 instructions are forbidden, look at CR0.MP */
SC_OP_GLOBAL(sc_op_x87_reg); /* ST registers only */
SC_OP_GLOBAL(sc_op_x87_comi);
SC_OP_GLOBAL(sc_op_x87_cmov); /* aux: condition code as in Jcc */
SC_OP_GLOBAL(sc_op_x87_ld16);
SC_OP_GLOBAL(sc_op_x87_ld32);
SC_OP_GLOBAL(sc_op_x87_ld64);
SC_OP_GLOBAL(sc_op_x87_ld80);
SC_OP_GLOBAL(sc_op_x87_st); /* aux: bytes */

/* x87_control.c */
SC_OP_GLOBAL(sc_op_fldcw);
SC_OP_GLOBAL(sc_op_fnstcw);
SC_OP_GLOBAL(sc_op_fnstsw); /* to memory */
SC_OP_GLOBAL(sc_op_fnstsw_ax);
SC_OP_GLOBAL(sc_op_fninit);
SC_OP_GLOBAL(sc_op_fnclex);
SC_OP_GLOBAL(sc_op_x87_nop); /* FNENI, FNDISI, FNSETPM */
/* aux: 16-bit format; dst: with registers (FNSAVE, FRSTOR) */
SC_OP_GLOBAL(sc_op_fnstenv);
SC_OP_GLOBAL(sc_op_fldenv);

/* Before a waiting instruction: state in the host's unit, #MF when an exception is pending. */
void sc_x87_prepare_slow(struct sc_cpu *c, const struct sc_insn *i);
SC_INLINE void sc_x87_prepare(struct sc_cpu *c, const struct sc_insn *i)
{
    if (SC_UNLIKELY(c->fpu.live != SC_X87_HOST))
        sc_x87_prepare_slow(c, i);
}
/* #AC for operands that are not a power of two long; `mask`: address bits that must be clear. */
SC_INLINE void sc_x87_align(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned mask)
{
    if (SC_UNLIKELY((c->eflags & SC_AC) && (va & mask) && c->cpl == 3 && (c->cr0 & SC_CR0_AM) &&
                    sc_canonical(va)))
        sc_raise(c, i, SC_ACV, 0);
}
SC_INLINE uint16_t sc_host_fsw(void)
{
    uint16_t v;
    __asm__ volatile("fnstsw %0" : "=a"(v));
    return v;
}

#endif
