/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Integer instructions: what the int_*.c files offer to the trace builder and to each other.
 *
 * Dead flags. Most results of flag-setting instructions are overwritten before anybody looks. When
 * a trace is complete, sc_int_drop_flags() walks it backwards and replaces handlers whose flags
 * nobody can see by variants that do not store them. "See" includes faults: a record that may fault
 * (any memory access) or leave the trace needs the right flags before it. Records of other emitters
 * carry none of the SC_I_F* bits and so count as readers.
 */
#ifndef SC_INT_H
#define SC_INT_H

#include "accel/soft/cpu.h"
#include "accel/soft/trace/decode.h"

/* The variant of a record's handler that leaves the arithmetic flags alone, or NULL. */
sc_fn *sc_int_noflags(const struct sc_insn *i);

/*
 * Whether the arithmetic flags are dead before record `r`, given that they are (`dead`) after it.
 * To be called from the last record to the first; replaces handlers on the way. At the end of a
 * trace flags are live, unless its last records are known to overwrite them.
 */
bool sc_int_flags_step(struct sc_insn *r, bool dead);
/* The whole walk over `n` records. */
void sc_int_drop_flags(struct sc_insn *first, unsigned n);

/* --- emitters of the single files; each returns false for what is not an instruction ---------- */
bool sc_emit_alu(struct sc_tb *tb, const struct sc_dec *d, unsigned op, unsigned form);
bool sc_emit_unary(struct sc_tb *tb, const struct sc_dec *d); /* INC DEC NOT NEG */
bool sc_emit_mov(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_shift(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_shift_double(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_muldiv(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_bit(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_stack(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_xchg(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_flag(struct sc_tb *tb,
                  const struct sc_dec *d); /* CLC.. CLD STD LAHF SAHF CMOV SETcc */
bool sc_emit_bcd(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_string(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_ext(struct sc_tb *tb, const struct sc_dec *d); /* CRC32 MOVBE ADCX ADOX */

/* Is a CPUID bit set for the guest? */
enum { SC_CPUID_EAX, SC_CPUID_EBX, SC_CPUID_ECX, SC_CPUID_EDX };
bool sc_has_cpuid(struct sc_cpu *c, uint32_t leaf, unsigned reg, unsigned bit);

/* ALU operations in the order of their opcodes; TEST is the ninth. */
enum {
    SC_ALU_ADD,
    SC_ALU_OR,
    SC_ALU_ADC,
    SC_ALU_SBB,
    SC_ALU_AND,
    SC_ALU_SUB,
    SC_ALU_XOR,
    SC_ALU_CMP,
    SC_ALU_TEST,
    SC_ALU_COUNT
};
/* Operand forms. */
enum { SC_FORM_RM_R, /* r/m, reg */
       SC_FORM_R_RM, /* reg, r/m */
       SC_FORM_RM_I, /* r/m, imm */
       SC_FORM_A_I   /* accumulator, imm */ };

/* Families of no-flags variants (sc_insn.aux2). */
enum { SC_NV_ALU = 1, SC_NV_UNARY, SC_NV_SHIFT };
sc_fn *sc_alu_noflags(unsigned id);
sc_fn *sc_unary_noflags(unsigned id);
sc_fn *sc_shift_noflags(unsigned id);

#endif
