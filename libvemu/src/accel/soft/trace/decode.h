/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From instruction bytes to records.
 *
 * decode.c finds prefixes, opcode, ModRM, SIB, displacement and immediates (struct sc_dec) and
 * knows for every opcode of the one-, two- and three-byte maps which group of emitters owns it. The
 * emitter looks at the opcode, picks handlers and appends records to the trace being built. So an
 * instruction lives in one file: its line in the opcode table, its emitter case, its handler.
 */
#ifndef SC_DECODE_H
#define SC_DECODE_H

#include "accel/soft/cpu.h"

/* sc_dec.opcode: the map in the high byte. */
#define SC_MAP_0F 0x0f00u
#define SC_MAP_38 0x3800u /* 0F 38 xx */
#define SC_MAP_3A 0x3a00u /* 0F 3A xx */

/* Who emits an opcode. */
enum sc_group {
    SC_G_UD,  /* not implemented or invalid: #UD */
    SC_G_INT, /* int/emit.c: ALU, moves, stack, shifts, multiply, bit, BCD, LEA, flags, strings */
    SC_G_BRANCH, /* branch.c: near branches */
    SC_G_SEG, /* seg/emit.c: segment loads, far transfers, INT/IRET, SYSCALL.., descriptor tables */
    SC_G_SYS, /* sys/emit.c: IN/OUT, CRx/DRx/MSR, CLI/STI/PUSHF/POPF, HLT, CPUID, TSC, fences, NOP,
                    prefetch */
    SC_G_SSE, /* sse_emit.c: SSE, SSE2, MMX, FXSAVE group (0F AE except fences, CLFLUSH) */
    SC_G_X87, /* x87_emit.c: D8..DF, WAIT */
};

#define SC_SEG_NONE 0xff

struct sc_dec {
    uint16_t opcode;   /* map | opcode byte */
    uint8_t group;     /* enum sc_group */
    uint8_t osz;       /* operand size in bytes: 2, 4, 8 (prefix 66, REX.W and mode applied; opcodes
                          that default to 64 bits in 64-bit mode are left to the emitter) */
    uint8_t asz;       /* address size in bytes: 2, 4, 8 */
    uint8_t rep;       /* 0, 0xf2 or 0xf3: the last such prefix */
    bool p66;          /* operand-size prefix seen */
    bool lock;
    uint8_t seg; /* segment override, or SC_SEG_NONE (ES, CS, SS, DS ignored in 64-bit mode) */
    uint8_t rex;       /* REX byte, 0: none */
    bool has_modrm;
    uint8_t modrm;
    uint8_t mod, reg, rm; /* reg and rm with REX.R / REX.B; reg3 without */
    uint8_t reg3;
    bool mem;          /* has_modrm && mod != 3 */
    /* Memory operand, before segmentation and address-size truncation. */
    uint8_t base, index,
        scale; /* register slots (SC_R_ZERO: none), for RIP-relative base SC_R_PAGE */
    bool rip_rel;
    int64_t disp;
    uint8_t mseg;      /* effective segment of the memory operand */
    int64_t imm;       /* immediate, sign-extended (MOFFS: the address; far pointers: the offset) */
    int64_t imm2;      /* ENTER's second immediate; far pointers: the selector */
    uint8_t imm_bytes;
    uint8_t len;
    bool vex;          /* VEX-encoded (vex.c); then: */
    uint8_t vvvv, vl;  /* register, 256 bits */
    uint32_t mode;     /* SC_M_* at build time */
    uint16_t pgoff;    /* page offset of the first byte */
};

/* Decodes one instruction from `bytes` (`avail` of them). Returns its length, 0 when more bytes are
 * needed, or -SC_UD / -SC_GP (longer than 15 bytes). Never reads past `avail`. */
int sc_decode(struct sc_dec *d, const uint8_t *bytes, unsigned avail, uint32_t mode,
              uint16_t pgoff);

/* --- trace building (trace.c) ---------------------------------------------------------------- */
struct sc_tb {
    struct sc_cpu *c;
    uint32_t mode;
    struct sc_insn *insn; /* records so far */
    unsigned count, max;
    bool end;             /* set by emitters of instructions that end a trace */
    struct sc_insn *flags_dead_from; /* builder's own */
};

/*
 * Appends a record with handler fn for instruction d: pgoff, len, flags filled, imm = d->imm,
 * operands zero. For a memory operand (d->mem) use sc_tb_mem(): it also fills base, index, scale,
 * disp, and puts an address micro-op in front where the address needs more than base + index *
 * scale + disp (16- and 32-bit code, 32-bit addresses, FS/GS with an index, segment limits). `size`
 * is the number of bytes accessed and `write` whether it writes (segment checks); size 0 means
 * LEA-like: no segment.
 */
struct sc_insn *sc_tb_add(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn);
struct sc_insn *sc_tb_mem(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn, unsigned size,
                          bool write);
/* Appends a record that raises the exception. Ends the trace. */
void sc_tb_raise(struct sc_tb *tb, const struct sc_dec *d, unsigned vector, int64_t error);

/* Register-file byte offset of 8-bit register number r (0..15) under this instruction's REX. */
static inline uint8_t sc_reg8(const struct sc_dec *d, unsigned r)
{
    return (uint8_t)(!d->rex && r >= 4 && r < 8 ? (r - 4) * 8 + 1 : r * 8);
}

/* Emitters. True: emitted. False: not an instruction this CPU has (the builder raises #UD). */
bool sc_emit_int(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_branch(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_seg(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_sys(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_sse(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_x87(struct sc_tb *tb, const struct sc_dec *d);
bool sc_emit_invpcid(struct sc_tb *tb, const struct sc_dec *d); /* for sc_emit_sys() */
/* The one that owns d (trace.c). */
bool sc_emit(struct sc_tb *tb, const struct sc_dec *d);

#endif
