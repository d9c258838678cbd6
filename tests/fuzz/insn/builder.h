/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An instruction that is being built: generate.c chooses what it is, operand.c what it works on.
 */
#ifndef INSN_FUZZ_BUILDER_H
#define INSN_FUZZ_BUILDER_H

#include "values.h"

#define REX_W       8
#define FLAGS_ARITH 0x8d5u
#define FLAG_DF     0x400u
#define FLAG_AC     0x40000u
#define FLAG_ID     0x200000u
#define RSP         4

struct builder {
    struct rng r;
    struct fuzz_case *k;
    const struct form *f;
    bool block;  /* registers may have changed: addresses by displacement only */
    uint32_t open; /* OPEN_..: of the form */
    uint8_t osz;   /* 2, 4, 8 */
    bool p66, p67, gs, lock;
    uint8_t rep;
    uint8_t modrm, sib;
    unsigned rex;
    bool has_sib;
    uint8_t disp_size;
    int64_t disp;
    bool rip_rel;
    uint64_t target;
};

/* --- operand.c -------------------------------------------------------------------------------- */
unsigned operand_size(const struct builder *b);
/* Gives a register a value that addressing depends on. */
void operand_pin(struct fuzz_case *k, unsigned reg, uint64_t v);
/* An address for an access of `size` bytes. */
uint64_t operand_target(struct builder *b, unsigned size);
/* ModRM and SIB for a memory operand at b->target; sets the registers. */
void operand_address(struct builder *b);
/* What the memory operand should contain. */
void operand_fill(struct builder *b, unsigned size);
/* Registers and memory that the form works on without naming them. */
void operand_implicit(struct builder *b);

#endif
