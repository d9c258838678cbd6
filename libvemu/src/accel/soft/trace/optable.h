/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The opcode maps: for each opcode its owner and what follows it in the instruction stream.
 *
 * Layout as in SDM Vol. 2, appendix A. Included by decode.c only. Opcodes whose owner depends on
 * ModRM have OP_GROUP and are finished by refine_group() there.
 */
#ifndef SC_OPTABLE_H
#define SC_OPTABLE_H

#include "accel/soft/trace/decode.h"

/* What follows the opcode and ModRM. */
enum {
    IMM_NONE,
    IMM_B,     /* one byte, sign-extended */
    IMM_W,     /* two bytes */
    IMM_Z,     /* two or four bytes by operand size */
    IMM_V,     /* two, four or eight bytes by operand size */
    IMM_JB,    /* branch displacement, one byte */
    IMM_JZ,    /* branch displacement: two bytes with a 16-bit operand size outside 64-bit mode */
    IMM_MOFFS, /* an address of address-size bytes */
    IMM_FAR,   /* offset of operand-size bytes, then a selector */
    IMM_ENTER, /* two bytes and one byte */
};

#define OP_IMM_SHIFT 3
#define OP_IMM(kind) ((unsigned)(kind) << OP_IMM_SHIFT)
#define OP_MODRM 0x080u
#define OP_LOCK 0x100u  /* LOCK is legal with a memory operand (refine_group() may take it back) */
#define OP_NO64 0x200u  /* #UD in 64-bit mode */
#define OP_GROUP 0x400u /* owner, validity or immediate depend on ModRM */
#define OP_REGS 0x800u  /* ModRM always names registers, whatever mod says (MOV CRx/DRx) */

#define U_ SC_G_UD
#define I_ SC_G_INT
#define B_ SC_G_BRANCH
#define S_ SC_G_SEG
#define Y_ SC_G_SYS
#define E_ SC_G_SSE
#define F_ SC_G_X87
#define M_ OP_MODRM
#define L_ OP_LOCK
#define N_ OP_NO64
#define G_ OP_GROUP
#define IB OP_IMM(IMM_B)
#define IW OP_IMM(IMM_W)
#define IZ OP_IMM(IMM_Z)

/* ADD-like block of eight opcodes; `lock` for those that write their destination. */
#define ALU(o, lock)                                                                               \
    [(o)] = I_ | M_ | (lock), [(o) + 1] = I_ | M_ | (lock), [(o) + 2] = I_ | M_,                   \
    [(o) + 3] = I_ | M_, [(o) + 4] = I_ | IB, [(o) + 5] = I_ | IZ

static const uint16_t op_one[256] = {
    ALU(0x00, L_), [0x06 ... 0x07] = S_ | N_,              /* ADD, PUSH/POP ES */
    ALU(0x08, L_), [0x0e] = S_ | N_,                       /* OR, PUSH CS */
    ALU(0x10, L_), [0x16 ... 0x17] = S_ | N_,              /* ADC, PUSH/POP SS */
    ALU(0x18, L_), [0x1e ... 0x1f] = S_ | N_,              /* SBB, PUSH/POP DS */
    ALU(0x20, L_), [0x27] = I_ | N_,                       /* AND, DAA */
    ALU(0x28, L_), [0x2f] = I_ | N_,                       /* SUB, DAS */
    ALU(0x30, L_), [0x37] = I_ | N_,                       /* XOR, AAA */
    ALU(0x38, 0), [0x3f] = I_ | N_,                        /* CMP, AAS */
    [0x40 ... 0x4f] = I_ | N_,                             /* INC, DEC (REX in 64-bit mode) */
    [0x50 ... 0x5f] = I_,                                  /* PUSH, POP */
    [0x60 ... 0x61] = I_ | N_,                             /* PUSHA, POPA */
    [0x62] = S_ | M_ | N_ | G_,                            /* BOUND; EVEX */
    [0x63] = I_ | M_ | G_,                                 /* MOVSXD; ARPL */
    [0x68] = I_ | IZ, [0x69] = I_ | M_ | IZ,               /* PUSH, IMUL */
    [0x6a] = I_ | IB, [0x6b] = I_ | M_ | IB,
    [0x6c ... 0x6f] = I_,                                  /* INS, OUTS */
    [0x70 ... 0x7f] = B_ | OP_IMM(IMM_JB),                 /* Jcc */
    [0x80] = I_ | M_ | IB | L_ | G_, [0x81] = I_ | M_ | IZ | L_ | G_,
    [0x82] = I_ | M_ | IB | L_ | N_ | G_, [0x83] = I_ | M_ | IB | L_ | G_,
    [0x84 ... 0x85] = I_ | M_,                             /* TEST */
    [0x86 ... 0x87] = I_ | M_ | L_,                        /* XCHG */
    [0x88 ... 0x8b] = I_ | M_,                             /* MOV */
    [0x8c] = S_ | M_, [0x8d] = I_ | M_ | G_, [0x8e] = S_ | M_, [0x8f] = I_ | M_ | G_,
    [0x90] = Y_ | G_,                                      /* NOP, PAUSE; XCHG R8 */
    [0x91 ... 0x97] = I_,                                  /* XCHG */
    [0x98 ... 0x99] = I_, [0x9a] = S_ | N_ | OP_IMM(IMM_FAR),
    [0x9b] = F_, [0x9c ... 0x9d] = Y_, [0x9e ... 0x9f] = I_,
    [0xa0 ... 0xa3] = I_ | OP_IMM(IMM_MOFFS),
    [0xa4 ... 0xa7] = I_, [0xa8] = I_ | IB, [0xa9] = I_ | IZ, [0xaa ... 0xaf] = I_,
    [0xb0 ... 0xb7] = I_ | IB, [0xb8 ... 0xbf] = I_ | OP_IMM(IMM_V),
    [0xc0 ... 0xc1] = I_ | M_ | IB,
    [0xc2] = B_ | IW, [0xc3] = B_,
    [0xc4 ... 0xc5] = S_ | M_ | N_ | G_,                   /* LES, LDS; VEX */
    [0xc6] = I_ | M_ | IB | G_, [0xc7] = I_ | M_ | IZ | G_,
    [0xc8] = I_ | OP_IMM(IMM_ENTER), [0xc9] = I_,
    [0xca] = S_ | IW, [0xcb] = S_, [0xcc] = S_, [0xcd] = S_ | IB, [0xce] = S_ | N_, [0xcf] = S_,
    [0xd0 ... 0xd3] = I_ | M_, [0xd4 ... 0xd5] = I_ | IB | N_, [0xd6] = I_ | N_, [0xd7] = I_,
    [0xd8 ... 0xdf] = F_ | M_,
    [0xe0 ... 0xe3] = B_ | OP_IMM(IMM_JB),                 /* LOOPcc, JrCXZ */
    [0xe4 ... 0xe7] = Y_ | IB,                             /* IN, OUT */
    [0xe8 ... 0xe9] = B_ | OP_IMM(IMM_JZ), [0xea] = S_ | N_ | OP_IMM(IMM_FAR),
    [0xeb] = B_ | OP_IMM(IMM_JB), [0xec ... 0xef] = Y_,
    [0xf1] = S_, [0xf4] = Y_, [0xf5] = I_,
    [0xf6 ... 0xf7] = I_ | M_ | L_ | G_,
    [0xf8 ... 0xf9] = I_, [0xfa ... 0xfb] = Y_, [0xfc ... 0xfd] = I_,
    [0xfe ... 0xff] = I_ | M_ | L_ | G_,
};

static const uint16_t op_two[256] = {
    [0x00] = S_ | M_, [0x01] = S_ | M_ | G_, [0x02 ... 0x03] = S_ | M_,
    [0x05] = S_, [0x06] = Y_, [0x07] = S_, [0x08 ... 0x09] = Y_, [0x0b] = Y_, [0x0d] = Y_ | M_,
    [0x0f] = U_ | M_ | IB,                                 /* 3DNow! */
    [0x10 ... 0x17] = E_ | M_,
    [0x18 ... 0x1f] = Y_ | M_,                             /* prefetch and hint NOPs */
    [0x20 ... 0x23] = Y_ | M_ | OP_REGS,
    [0x28 ... 0x2f] = E_ | M_,
    [0x30 ... 0x33] = Y_, [0x34 ... 0x35] = S_, [0x37] = Y_,
    [0x40 ... 0x4f] = I_ | M_,                             /* CMOVcc */
    [0x50 ... 0x6f] = E_ | M_,
    [0x70 ... 0x73] = E_ | M_ | IB, [0x74 ... 0x76] = E_ | M_, [0x77] = E_,
    [0x78 ... 0x79] = Y_ | M_, [0x7c ... 0x7f] = E_ | M_,
    [0x80 ... 0x8f] = B_ | OP_IMM(IMM_JZ),                 /* Jcc */
    [0x90 ... 0x9f] = I_ | M_,                             /* SETcc */
    [0xa0 ... 0xa1] = S_, [0xa2] = Y_, [0xa3] = I_ | M_, [0xa4] = I_ | M_ | IB, [0xa5] = I_ | M_,
    [0xa8 ... 0xa9] = S_, [0xaa] = Y_, [0xab] = I_ | M_ | L_, [0xac] = I_ | M_ | IB,
    [0xad] = I_ | M_, [0xae] = E_ | M_ | G_, [0xaf] = I_ | M_,
    [0xb0 ... 0xb1] = I_ | M_ | L_, [0xb2] = S_ | M_, [0xb3] = I_ | M_ | L_,
    [0xb4 ... 0xb5] = S_ | M_, [0xb6 ... 0xb7] = I_ | M_, [0xb8] = I_ | M_, [0xb9] = Y_ | M_,
    [0xba] = I_ | M_ | IB | L_ | G_, [0xbb] = I_ | M_ | L_, [0xbc ... 0xbf] = I_ | M_,
    [0xc0 ... 0xc1] = I_ | M_ | L_, [0xc2] = E_ | M_ | IB, [0xc3] = I_ | M_,
    [0xc4 ... 0xc6] = E_ | M_ | IB, [0xc7] = Y_ | M_ | L_ | G_, [0xc8 ... 0xcf] = I_,
    [0xd0 ... 0xfe] = E_ | M_, [0xff] = Y_ | M_,
};

/* 0F 38 and 0F 3A: all have ModRM, 3A an immediate byte. Only the owner varies; the default is UD.
 * */
struct op_range {
    uint8_t first, last, owner;
};
static const struct op_range op_38[] = {
    { 0x00, 0x0b, E_ }, { 0x10, 0x10, E_ }, { 0x14, 0x15, E_ }, { 0x17, 0x17, E_ },
    { 0x1c, 0x1e, E_ }, { 0x20, 0x25, E_ }, { 0x28, 0x2b, E_ }, { 0x30, 0x35, E_ },
    { 0x37, 0x41, E_ }, { 0x80, 0x82, Y_ }, { 0xc8, 0xcd, E_ }, { 0xdb, 0xdf, E_ },
    { 0xf0, 0xf1, I_ }, { 0xf6, 0xf6, I_ },
};
static const struct op_range op_3a[] = {
    { 0x08, 0x0f, E_ }, { 0x14, 0x17, E_ }, { 0x20, 0x22, E_ }, { 0x40, 0x42, E_ },
    { 0x44, 0x44, E_ }, { 0x60, 0x63, E_ }, { 0xcc, 0xcc, E_ }, { 0xdf, 0xdf, E_ },
};

#undef U_
#undef I_
#undef B_
#undef S_
#undef Y_
#undef E_
#undef F_
#undef M_
#undef L_
#undef N_
#undef G_
#undef IB
#undef IW
#undef IZ
#undef ALU

#endif
