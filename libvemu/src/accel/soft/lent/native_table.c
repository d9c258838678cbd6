/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which encodings the host may run for a lent vCPU: SSE3 to SSE4.2, POPCNT, BMI, MOVBE, ADX, CRC32,
 * AES, PCLMULQDQ, SHA, and of the VEX-encoded ones AVX, AVX2, FMA, F16C, VAES, VPCLMULQDQ.
 *
 * The table is about safety first: an encoding that is found here must not raise an exception on
 * the host, whatever its operands (SDM Vol. 2, the instruction's "Exceptions"), and must access no
 * memory but its ModRM operand. So masked moves, gathers and anything newer are left out.
 * tests/vemu/soft/test-native tries them all on the host.
 */
#include <string.h>

#include "accel/soft/lent/native.h"
#include "accel/soft/sys/sys.h"

#define F(word, bit) ((SC_CPUID_##word) * 32 + (bit) + 1)
#define F_SSE3   F(1_ECX, 0)
#define F_PCLMUL F(1_ECX, 1)
#define F_SSSE3  F(1_ECX, 9)
#define F_FMA    F(1_ECX, 12)
#define F_SSE41  F(1_ECX, 19)
#define F_SSE42  F(1_ECX, 20)
#define F_MOVBE  F(1_ECX, 22)
#define F_POPCNT F(1_ECX, 23)
#define F_AES    F(1_ECX, 25)
#define F_AVX    F(1_ECX, 28)
#define F_F16C   F(1_ECX, 29)
#define F_BMI1   F(7_EBX, 3)
#define F_AVX2   F(7_EBX, 5)
#define F_BMI2   F(7_EBX, 8)
#define F_ADX    F(7_EBX, 19)
#define F_SHA    F(7_EBX, 29)
#define F_VAES   F(7_ECX, 9)
#define F_VPCLMUL F(7_ECX, 10)
#define F_ABM    F(81_ECX, 5)

#define NP 1u
#define P66 2u
#define PF3 4u
#define PF2 8u
#define PS (NP | P66)
#define SCALAR (PF3 | PF2)

#define MAP1 SC_MAP_0F
#define MAP2 SC_MAP_38
#define MAP3 SC_MAP_3A

#define NOV SC_N_NOV
#define L0 SC_N_L0
#define L1 SC_N_L1
#define W0 SC_N_W0
#define W1 SC_N_W1
#define MEM SC_N_MEM
#define REG SC_N_REG
#define ST SC_N_STORE
#define AL SC_N_ALIGN
#define GREG SC_N_GREG
#define GRM SC_N_GRM
#define GV SC_N_GV
#define IB SC_N_IMM
#define FP SC_N_FP
#define GPR (SC_N_GPR | SC_N_GREG | SC_N_GRM)

/* Opcodes first..last of a map under any of the prefixes. `wide`: feature needed when VEX.L = 1. */
struct row {
    uint16_t map;
    uint8_t prefixes, first, last, size;
    uint32_t flags;
    uint16_t feature, wide;
    char name[10]; /* no pointer: it would have to be relocated */
};

static const struct row legacy[] = {
    { MAP1, PF2, 0x12, 0x12, SC_NS_8, 0, F_SSE3, 0, "sse3" },
    { MAP1, PF3, 0x12, 0x12, SC_NS_16, AL, F_SSE3, 0, "sse3" },
    { MAP1, PF3, 0x16, 0x16, SC_NS_16, AL, F_SSE3, 0, "sse3" },
    { MAP1, P66 | PF2, 0x7c, 0x7d, SC_NS_16, AL | FP, F_SSE3, 0, "sse3" },
    { MAP1, P66 | PF2, 0xd0, 0xd0, SC_NS_16, AL | FP, F_SSE3, 0, "sse3" },
    { MAP1, PF2, 0xf0, 0xf0, SC_NS_16, MEM, F_SSE3, 0, "sse3" },
    { MAP1, PF3, 0xb8, 0xb8, SC_NS_OSZ, GPR, F_POPCNT, 0, "popcnt" },
    { MAP1, PF3, 0xbc, 0xbc, SC_NS_OSZ, GPR, F_BMI1, 0, "tzcnt" },
    { MAP1, PF3, 0xbd, 0xbd, SC_NS_OSZ, GPR, F_ABM, 0, "lzcnt" },
    { MAP2, P66, 0x00, 0x0b, SC_NS_16, AL, F_SSSE3, 0, "ssse3" },
    { MAP2, P66, 0x10, 0x10, SC_NS_16, AL, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x14, 0x15, SC_NS_16, AL, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x17, 0x17, SC_NS_16, AL, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x1c, 0x1e, SC_NS_16, AL, F_SSSE3, 0, "ssse3" },
    { MAP2, P66, 0x20, 0x20, SC_NS_8, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x21, 0x21, SC_NS_4, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x22, 0x22, SC_NS_2, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x23, 0x23, SC_NS_8, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x24, 0x24, SC_NS_4, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x25, 0x25, SC_NS_8, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x28, 0x29, SC_NS_16, AL, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x2a, 0x2a, SC_NS_16, AL | MEM, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x2b, 0x2b, SC_NS_16, AL, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x30, 0x30, SC_NS_8, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x31, 0x31, SC_NS_4, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x32, 0x32, SC_NS_2, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x33, 0x33, SC_NS_8, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x34, 0x34, SC_NS_4, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x35, 0x35, SC_NS_8, 0, F_SSE41, 0, "sse4.1" },
    { MAP2, P66, 0x37, 0x37, SC_NS_16, AL, F_SSE42, 0, "sse4.2" },
    { MAP2, P66, 0x38, 0x41, SC_NS_16, AL, F_SSE41, 0, "sse4.1" },
    { MAP2, NP, 0xc8, 0xcd, SC_NS_16, AL, F_SHA, 0, "sha" },
    { MAP2, P66, 0xdb, 0xdf, SC_NS_16, AL, F_AES, 0, "aes" },
    { MAP2, PS, 0xf0, 0xf0, SC_NS_OSZ, GPR | MEM, F_MOVBE, 0, "movbe" },
    { MAP2, PS, 0xf1, 0xf1, SC_NS_OSZ, GPR | MEM | ST, F_MOVBE, 0, "movbe" },
    { MAP2, PF2, 0xf0, 0xf0, SC_NS_1, GPR, F_SSE42, 0, "crc32" },
    { MAP2, PF2, 0xf1, 0xf1, SC_NS_OSZ, GPR, F_SSE42, 0, "crc32" },
    { MAP2, P66 | PF3, 0xf6, 0xf6, SC_NS_W, GPR, F_ADX, 0, "adx" },
    { MAP3, P66, 0x08, 0x09, SC_NS_16, AL | FP | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x0a, 0x0a, SC_NS_4, FP | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x0b, 0x0b, SC_NS_8, FP | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x0c, 0x0e, SC_NS_16, AL | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x0f, 0x0f, SC_NS_16, AL | IB, F_SSSE3, 0, "ssse3" },
    { MAP3, P66, 0x14, 0x14, SC_NS_1, ST | GRM | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x15, 0x15, SC_NS_2, ST | GRM | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x16, 0x16, SC_NS_W, ST | GRM | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x17, 0x17, SC_NS_4, ST | GRM | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x20, 0x20, SC_NS_1, GRM | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x21, 0x21, SC_NS_4, IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x22, 0x22, SC_NS_W, GRM | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x40, 0x41, SC_NS_16, AL | FP | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x42, 0x42, SC_NS_16, AL | IB, F_SSE41, 0, "sse4.1" },
    { MAP3, P66, 0x44, 0x44, SC_NS_16, AL | IB, F_PCLMUL, 0, "pclmulqdq" },
    { MAP3, P66, 0x60, 0x63, SC_NS_16, IB, F_SSE42, 0, "sse4.2" },
    { MAP3, NP, 0xcc, 0xcc, SC_NS_16, AL | IB, F_SHA, 0, "sha" },
    { MAP3, P66, 0xdf, 0xdf, SC_NS_16, AL | IB, F_AES, 0, "aes" },
};

static const struct row vex[] = {
    { MAP1, PS, 0x10, 0x10, SC_NS_V, NOV, F_AVX, 0, "avx" },
    { MAP1, PS, 0x11, 0x11, SC_NS_V, NOV | ST, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x10, 0x10, SC_NS_4, NOV | MEM, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x10, 0x10, SC_NS_8, NOV | MEM, F_AVX, 0, "avx" },
    { MAP1, SCALAR, 0x10, 0x11, SC_NS_NONE, REG, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x11, 0x11, SC_NS_4, NOV | MEM | ST, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x11, 0x11, SC_NS_8, NOV | MEM | ST, F_AVX, 0, "avx" },
    { MAP1, NP, 0x12, 0x12, SC_NS_8, L0, F_AVX, 0, "avx" },
    { MAP1, P66, 0x12, 0x12, SC_NS_8, L0 | MEM, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x12, 0x12, SC_NS_V, NOV, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x12, 0x12, SC_NS_HV, NOV, F_AVX, 0, "avx" },
    { MAP1, PS, 0x13, 0x13, SC_NS_8, NOV | L0 | MEM | ST, F_AVX, 0, "avx" },
    { MAP1, PS, 0x14, 0x15, SC_NS_V, 0, F_AVX, 0, "avx" },
    { MAP1, NP, 0x16, 0x16, SC_NS_8, L0, F_AVX, 0, "avx" },
    { MAP1, P66, 0x16, 0x16, SC_NS_8, L0 | MEM, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x16, 0x16, SC_NS_V, NOV, F_AVX, 0, "avx" },
    { MAP1, PS, 0x17, 0x17, SC_NS_8, NOV | L0 | MEM | ST, F_AVX, 0, "avx" },
    { MAP1, PS, 0x28, 0x28, SC_NS_V, NOV | AL, F_AVX, 0, "avx" },
    { MAP1, PS, 0x29, 0x29, SC_NS_V, NOV | AL | ST, F_AVX, 0, "avx" },
    { MAP1, SCALAR, 0x2a, 0x2a, SC_NS_W, GRM | FP, F_AVX, 0, "avx" },
    { MAP1, PS, 0x2b, 0x2b, SC_NS_V, NOV | AL | MEM | ST, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x2c, 0x2d, SC_NS_4, NOV | GREG | FP, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x2c, 0x2d, SC_NS_8, NOV | GREG | FP, F_AVX, 0, "avx" },
    { MAP1, NP, 0x2e, 0x2f, SC_NS_4, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, P66, 0x2e, 0x2f, SC_NS_8, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, PS, 0x50, 0x50, SC_NS_NONE, NOV | REG | GREG, F_AVX, 0, "avx" },
    { MAP1, PS, 0x51, 0x51, SC_NS_V, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x51, 0x51, SC_NS_4, FP, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x51, 0x51, SC_NS_8, FP, F_AVX, 0, "avx" },
    { MAP1, NP, 0x52, 0x53, SC_NS_V, NOV, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x52, 0x53, SC_NS_4, 0, F_AVX, 0, "avx" },
    { MAP1, PS, 0x54, 0x57, SC_NS_V, 0, F_AVX, 0, "avx" },
    { MAP1, PS, 0x58, 0x59, SC_NS_V, FP, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x58, 0x59, SC_NS_4, FP, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x58, 0x59, SC_NS_8, FP, F_AVX, 0, "avx" },
    { MAP1, NP, 0x5a, 0x5a, SC_NS_H, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, P66, 0x5a, 0x5a, SC_NS_V, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x5a, 0x5a, SC_NS_4, FP, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x5a, 0x5a, SC_NS_8, FP, F_AVX, 0, "avx" },
    { MAP1, NP | P66 | PF3, 0x5b, 0x5b, SC_NS_V, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, PS, 0x5c, 0x5f, SC_NS_V, FP, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x5c, 0x5f, SC_NS_4, FP, F_AVX, 0, "avx" },
    { MAP1, PF2, 0x5c, 0x5f, SC_NS_8, FP, F_AVX, 0, "avx" },
    { MAP1, P66, 0x60, 0x6d, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0x6e, 0x6e, SC_NS_W, NOV | L0 | GRM, F_AVX, 0, "avx" },
    { MAP1, P66, 0x6f, 0x6f, SC_NS_V, NOV | AL, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x6f, 0x6f, SC_NS_V, NOV, F_AVX, 0, "avx" },
    { MAP1, P66 | PF3 | PF2, 0x70, 0x70, SC_NS_V, NOV | IB, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0x71, 0x73, SC_NS_NONE, REG | IB, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0x74, 0x76, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, NP, 0x77, 0x77, SC_NS_NONE, NOV | SC_N_NOMODRM, F_AVX, 0, "avx" },
    { MAP1, P66 | PF2, 0x7c, 0x7d, SC_NS_V, FP, F_AVX, 0, "avx" },
    { MAP1, P66, 0x7e, 0x7e, SC_NS_W, NOV | L0 | GRM | ST, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x7e, 0x7e, SC_NS_8, NOV | L0, F_AVX, 0, "avx" },
    { MAP1, P66, 0x7f, 0x7f, SC_NS_V, NOV | AL | ST, F_AVX, 0, "avx" },
    { MAP1, PF3, 0x7f, 0x7f, SC_NS_V, NOV | ST, F_AVX, 0, "avx" },
    { MAP1, PS, 0xc2, 0xc2, SC_NS_V, FP | IB, F_AVX, 0, "avx" },
    { MAP1, PF3, 0xc2, 0xc2, SC_NS_4, FP | IB, F_AVX, 0, "avx" },
    { MAP1, PF2, 0xc2, 0xc2, SC_NS_8, FP | IB, F_AVX, 0, "avx" },
    { MAP1, P66, 0xc4, 0xc4, SC_NS_2, L0 | W0 | GRM | IB, F_AVX, 0, "avx" },
    { MAP1, P66, 0xc5, 0xc5, SC_NS_NONE, NOV | L0 | W0 | REG | GREG | IB, F_AVX, 0, "avx" },
    { MAP1, PS, 0xc6, 0xc6, SC_NS_V, IB, F_AVX, 0, "avx" },
    { MAP1, P66 | PF2, 0xd0, 0xd0, SC_NS_V, FP, F_AVX, 0, "avx" },
    { MAP1, P66, 0xd1, 0xd3, SC_NS_16, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xd4, 0xd5, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xd6, 0xd6, SC_NS_8, NOV | L0 | ST, F_AVX, 0, "avx" },
    { MAP1, P66, 0xd7, 0xd7, SC_NS_NONE, NOV | REG | GREG, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xd8, 0xe0, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xe1, 0xe2, SC_NS_16, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xe3, 0xe5, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66 | PF2, 0xe6, 0xe6, SC_NS_V, NOV | FP, F_AVX, 0, "avx" },
    { MAP1, PF3, 0xe6, 0xe6, SC_NS_H, NOV, F_AVX, 0, "avx" },
    { MAP1, P66, 0xe7, 0xe7, SC_NS_V, NOV | AL | MEM | ST, F_AVX, 0, "avx" },
    { MAP1, P66, 0xe8, 0xef, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, PF2, 0xf0, 0xf0, SC_NS_V, NOV | MEM, F_AVX, 0, "avx" },
    { MAP1, P66, 0xf1, 0xf3, SC_NS_16, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xf4, 0xf6, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP1, P66, 0xf8, 0xfe, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },

    { MAP2, P66, 0x00, 0x0b, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x0c, 0x0d, SC_NS_V, W0, F_AVX, 0, "avx" },
    { MAP2, P66, 0x0e, 0x0f, SC_NS_V, W0 | NOV, F_AVX, 0, "avx" },
    { MAP2, P66, 0x13, 0x13, SC_NS_H, W0 | NOV | FP, F_F16C, 0, "f16c" },
    { MAP2, P66, 0x16, 0x16, SC_NS_V, W0 | L1, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x17, 0x17, SC_NS_V, NOV, F_AVX, 0, "avx" },
    { MAP2, P66, 0x18, 0x18, SC_NS_4, W0 | NOV | MEM, F_AVX, 0, "avx" },
    { MAP2, P66, 0x18, 0x18, SC_NS_NONE, W0 | NOV | REG, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x19, 0x19, SC_NS_8, W0 | NOV | L1 | MEM, F_AVX, 0, "avx" },
    { MAP2, P66, 0x19, 0x19, SC_NS_NONE, W0 | NOV | L1 | REG, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x1a, 0x1a, SC_NS_16, W0 | NOV | L1 | MEM, F_AVX, 0, "avx" },
    { MAP2, P66, 0x1c, 0x1e, SC_NS_V, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x20, 0x20, SC_NS_H, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x21, 0x21, SC_NS_Q, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x22, 0x22, SC_NS_E, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x23, 0x23, SC_NS_H, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x24, 0x24, SC_NS_Q, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x25, 0x25, SC_NS_H, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x28, 0x29, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x2a, 0x2a, SC_NS_V, NOV | AL | MEM, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x2b, 0x2b, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x30, 0x30, SC_NS_H, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x31, 0x31, SC_NS_Q, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x32, 0x32, SC_NS_E, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x33, 0x33, SC_NS_H, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x34, 0x34, SC_NS_Q, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x35, 0x35, SC_NS_H, NOV, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x36, 0x36, SC_NS_V, W0 | L1, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x37, 0x40, SC_NS_V, 0, F_AVX, F_AVX2, "avx" },
    { MAP2, P66, 0x41, 0x41, SC_NS_16, NOV | L0, F_AVX, 0, "avx" },
    { MAP2, P66, 0x45, 0x45, SC_NS_V, 0, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x46, 0x46, SC_NS_V, W0, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x47, 0x47, SC_NS_V, 0, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x58, 0x58, SC_NS_4, W0 | NOV, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x59, 0x59, SC_NS_8, W0 | NOV, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x5a, 0x5a, SC_NS_16, W0 | NOV | L1 | MEM, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x78, 0x78, SC_NS_1, W0 | NOV, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x79, 0x79, SC_NS_2, W0 | NOV, F_AVX2, 0, "avx2" },
    { MAP2, P66, 0x96, 0x98, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x99, 0x99, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x9a, 0x9a, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x9b, 0x9b, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x9c, 0x9c, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x9d, 0x9d, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x9e, 0x9e, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0x9f, 0x9f, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xa6, 0xa8, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xa9, 0xa9, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xaa, 0xaa, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xab, 0xab, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xac, 0xac, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xad, 0xad, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xae, 0xae, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xaf, 0xaf, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xb6, 0xb8, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xb9, 0xb9, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xba, 0xba, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xbb, 0xbb, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xbc, 0xbc, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xbd, 0xbd, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xbe, 0xbe, SC_NS_V, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xbf, 0xbf, SC_NS_W, FP, F_FMA, 0, "fma" },
    { MAP2, P66, 0xdb, 0xdb, SC_NS_16, NOV | L0, F_AES, 0, "aes" },
    { MAP2, P66, 0xdc, 0xdf, SC_NS_V, 0, F_AES, F_VAES, "aes" },
    { MAP2, NP, 0xf2, 0xf2, SC_NS_W, GPR | GV | L0, F_BMI1, 0, "bmi1" },
    { MAP2, NP, 0xf3, 0xf3, SC_NS_W, SC_N_GPR | GRM | GV | L0, F_BMI1, 0, "bmi1" },
    { MAP2, NP | PF3 | PF2, 0xf5, 0xf5, SC_NS_W, GPR | GV | L0, F_BMI2, 0, "bmi2" },
    { MAP2, PF2, 0xf6, 0xf6, SC_NS_W, GPR | GV | L0, F_BMI2, 0, "bmi2" },
    { MAP2, NP, 0xf7, 0xf7, SC_NS_W, GPR | GV | L0, F_BMI1, 0, "bmi1" },
    { MAP2, P66 | PF3 | PF2, 0xf7, 0xf7, SC_NS_W, GPR | GV | L0, F_BMI2, 0, "bmi2" },

    { MAP3, P66, 0x00, 0x01, SC_NS_V, NOV | L1 | W1 | IB, F_AVX2, 0, "avx2" },
    { MAP3, P66, 0x02, 0x02, SC_NS_V, W0 | IB, F_AVX2, 0, "avx2" },
    { MAP3, P66, 0x04, 0x05, SC_NS_V, NOV | W0 | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x06, 0x06, SC_NS_V, L1 | W0 | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x08, 0x09, SC_NS_V, NOV | FP | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x0a, 0x0a, SC_NS_4, FP | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x0b, 0x0b, SC_NS_8, FP | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x0c, 0x0d, SC_NS_V, IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x0e, 0x0f, SC_NS_V, IB, F_AVX, F_AVX2, "avx" },
    { MAP3, P66, 0x14, 0x14, SC_NS_1, NOV | L0 | W0 | ST | GRM | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x15, 0x15, SC_NS_2, NOV | L0 | W0 | ST | GRM | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x16, 0x16, SC_NS_W, NOV | L0 | ST | GRM | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x17, 0x17, SC_NS_4, NOV | L0 | ST | GRM | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x18, 0x18, SC_NS_16, L1 | W0 | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x19, 0x19, SC_NS_16, NOV | L1 | W0 | ST | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x1d, 0x1d, SC_NS_H, NOV | W0 | ST | FP | IB, F_F16C, 0, "f16c" },
    { MAP3, P66, 0x20, 0x20, SC_NS_1, L0 | W0 | GRM | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x21, 0x21, SC_NS_4, L0 | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x22, 0x22, SC_NS_W, L0 | GRM | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x38, 0x38, SC_NS_16, L1 | W0 | IB, F_AVX2, 0, "avx2" },
    { MAP3, P66, 0x39, 0x39, SC_NS_16, NOV | L1 | W0 | ST | IB, F_AVX2, 0, "avx2" },
    { MAP3, P66, 0x40, 0x40, SC_NS_V, FP | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x41, 0x41, SC_NS_16, L0 | FP | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x42, 0x42, SC_NS_V, IB, F_AVX, F_AVX2, "avx" },
    { MAP3, P66, 0x44, 0x44, SC_NS_V, IB, F_PCLMUL, F_VPCLMUL, "pclmulqdq" },
    { MAP3, P66, 0x46, 0x46, SC_NS_V, L1 | W0 | IB, F_AVX2, 0, "avx2" },
    { MAP3, P66, 0x4a, 0x4b, SC_NS_V, W0 | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0x4c, 0x4c, SC_NS_V, W0 | IB, F_AVX, F_AVX2, "avx" },
    { MAP3, P66, 0x60, 0x63, SC_NS_16, NOV | L0 | IB, F_AVX, 0, "avx" },
    { MAP3, P66, 0xdf, 0xdf, SC_NS_16, NOV | L0 | IB, F_AES, 0, "aes" },
    { MAP3, PF2, 0xf0, 0xf0, SC_NS_W, NOV | GPR | L0 | IB, F_BMI2, 0, "bmi2" },
};

/* ModRM.reg selects further where a group shares an opcode. */
static bool group_has(const struct sc_dec *d)
{
    switch (d->opcode) {
    case SC_MAP_0F | 0x71:
    case SC_MAP_0F | 0x72: return d->reg3 == 2 || d->reg3 == 4 || d->reg3 == 6;
    case SC_MAP_0F | 0x73: return d->reg3 == 2 || d->reg3 == 3 || d->reg3 == 6 || d->reg3 == 7;
    case SC_MAP_38 | 0xf3: return d->reg3 >= 1 && d->reg3 <= 3;
    default: return true;
    }
}

static bool row_fits(const struct row *r, const struct sc_dec *d, unsigned prefix)
{
    const uint8_t op = (uint8_t)d->opcode;
    const bool w = d->rex & 8;

    if (r->map != (d->opcode & 0xff00) || op < r->first || op > r->last || !(r->prefixes & prefix))
        return false;
    if (((r->flags & SC_N_MEM) && !d->mem) || ((r->flags & SC_N_REG) && d->mem))
        return false;
    if (!d->vex)
        return true;
    if ((r->flags & SC_N_NOV) && d->vvvv)
        return false;
    if (((r->flags & SC_N_L0) && d->vl) || ((r->flags & SC_N_L1) && !d->vl))
        return false;
    return !(((r->flags & SC_N_W0) && w) || ((r->flags & SC_N_W1) && !w));
}

bool sc_native_find(const struct sc_dec *d, struct sc_native_form *ret)
{
    const struct row *table = d->vex ? vex : legacy;
    const size_t count =
        d->vex ? sizeof(vex) / sizeof(vex[0]) : sizeof(legacy) / sizeof(legacy[0]);
    unsigned prefix = d->rep == 0xf3 ? PF3 : d->rep == 0xf2 ? PF2 : d->p66 ? P66 : NP;

    if (!(d->opcode & 0xff00) || d->lock || (d->vex && !group_has(d)))
        return false;
    for (size_t n = 0; n < count; n++) {
        if (!row_fits(&table[n], d, prefix))
            continue;
        *ret = (struct sc_native_form){
            .flags = table[n].flags,
            .size = table[n].size,
            .feature = d->vex && d->vl && table[n].wide ? table[n].wide : table[n].feature,
            .name = table[n].name,
        };
        if (!(ret->flags & SC_N_GPR) && !d->vex && ret->size == SC_NS_OSZ)
            return false;
        return true;
    }
    return false;
}

unsigned sc_native_bytes(const struct sc_dec *d, const struct sc_native_form *form)
{
    const unsigned vector = d->vl ? 32 : 16;

    switch (form->size) {
    case SC_NS_1: return 1;
    case SC_NS_2: return 2;
    case SC_NS_4: return 4;
    case SC_NS_8: return 8;
    case SC_NS_16: return 16;
    case SC_NS_32: return 32;
    case SC_NS_V: return vector;
    case SC_NS_H: return vector / 2;
    case SC_NS_Q: return vector / 4;
    case SC_NS_E: return vector / 8;
    case SC_NS_W: return d->rex & 8 ? 8 : 4;
    case SC_NS_OSZ: return d->osz;
    case SC_NS_HV: return d->vl ? 32 : 8;
    default: return 0;
    }
}
