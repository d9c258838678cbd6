/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions that the host executes for a lent vCPU, one at a time.
 *
 * The instruction is encoded anew with its memory operand at a fixed place, put into memory that
 * can be executed but not written, and called with the guest's general registers, flags and vector
 * registers loaded. Memory operands are read before and written after by the software CPU's own
 * functions, so faults are the guest's. Only encodings of the table in native_table.c get there,
 * which knows for each what is legal: nothing that the host would answer with a signal.
 */
#ifndef SC_NATIVE_H
#define SC_NATIVE_H

#include "accel/soft/trace/decode.h"

/* What an encoding is like. */
#define SC_N_NOV   (1u << 0)  /* VEX.vvvv must be 1111b */
#define SC_N_L0    (1u << 1)  /* VEX.L must be 0 */
#define SC_N_L1    (1u << 2)  /* VEX.L must be 1 */
#define SC_N_W0    (1u << 3)
#define SC_N_W1    (1u << 4)
#define SC_N_MEM   (1u << 5)  /* only with a memory operand */
#define SC_N_REG   (1u << 6)  /* only without */
#define SC_N_STORE (1u << 7)  /* ModRM.r/m is the destination */
#define SC_N_ALIGN (1u << 8)  /* the memory operand must be aligned to its size */
#define SC_N_GREG  (1u << 9)  /* ModRM.reg is a general register */
#define SC_N_GRM   (1u << 10) /* ModRM.r/m, when a register, is a general register */
#define SC_N_GV    (1u << 11) /* VEX.vvvv is a general register */
#define SC_N_IMM   (1u << 12) /* an immediate byte follows */
#define SC_N_FP    (1u << 13) /* raises SIMD floating-point exceptions */
#define SC_N_GPR   (1u << 14) /* has nothing to do with vector registers */
#define SC_N_NOMODRM (1u << 15)

/* Sizes of memory operands. */
enum sc_native_size {
    SC_NS_NONE, SC_NS_1, SC_NS_2, SC_NS_4, SC_NS_8, SC_NS_16, SC_NS_32,
    SC_NS_V,   /* the vector */
    SC_NS_H, SC_NS_Q, SC_NS_E, /* half, a quarter, an eighth of it */
    SC_NS_W,   /* 8 with W, else 4 */
    SC_NS_OSZ, /* operand size */
    SC_NS_HV,  /* 8 when L = 0, else the vector (VMOVDDUP) */
};

/* CPUID bits, as (word of enum sc_feature_word) * 32 + bit + 1; 0: none. */
struct sc_native_form {
    uint32_t flags;
    uint8_t size; /* enum sc_native_size */
    uint16_t feature;
    const char *name; /* group, for statistics */
};

/* The form of a decoded instruction (legacy or VEX). False: not one that the host may run. */
bool sc_native_find(const struct sc_dec *d, struct sc_native_form *ret);
/* Bytes of the memory operand. */
unsigned sc_native_bytes(const struct sc_dec *d, const struct sc_native_form *form);

struct sc_native;
struct sc_native *sc_native_new(void);
void sc_native_free(struct sc_native *n);
bool sc_native_full(const struct sc_native *n);
void sc_native_reset(struct sc_native *n);
bool sc_native_emit(struct sc_tb *tb, const struct sc_dec *d);
/* How many instructions of each group the host ran are added to `counts`. Context: any. */
#define SC_NATIVE_NAMES 32
struct sc_native_count {
    const char *name; /* NULL: end of the list */
    uint64_t count;
};
void sc_native_counts(const struct sc_native *n, struct sc_native_count counts[SC_NATIVE_NAMES]);

#endif
