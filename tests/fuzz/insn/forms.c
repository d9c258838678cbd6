/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The instructions that are fuzzed: what 64-bit user mode can run.
 *
 * Not there: what differs between CPU models by CPUID (TZCNT, SSE3 and later), what asks the system
 * (SYSCALL, INT, CPUID, RDTSC), far transfers. `undefined` holds the flags that the SDM leaves undefined
 * and where CPUs do differ; where the host's choice is stable we compare it, too.
 */
#include "insn.h"

#define CF 0x001
#define PF 0x004
#define AF 0x010
#define ZF 0x040
#define SF 0x080
#define OF 0x800
#define ALL (CF | PF | AF | ZF | SF | OF)

#define V_ F_MODRM | F_VAR
#define B_ F_MODRM | F_BYTE

/* The eight classic operations: r/m,r  r,r/m  acc,imm and the group-1 immediate forms. */
#define ALU(name, base, digit, lock, undef)                                                        \
    {name "b rm,r", base, -1, 0, 0, 0, B_ | (lock), undef},                                        \
    {name "v rm,r", base + 1, -1, 0, 0, 0, V_ | (lock), undef},                                    \
    {name "b r,rm", base + 2, -1, 0, 0, 0, B_, undef},                                             \
    {name "v r,rm", base + 3, -1, 0, 0, 0, V_, undef},                                             \
    {name "b al,i", base + 4, -1, 0, 0, 0, F_BYTE | F_I8, undef},                                  \
    {name "v ax,i", base + 5, -1, 0, 0, 0, F_VAR | F_IZ, undef},                                   \
    {name "b rm,i", 0x80, digit, 0, 0, 0, B_ | F_I8 | (lock), undef},                              \
    {name "v rm,iz", 0x81, digit, 0, 0, 0, V_ | F_IZ | (lock), undef},                             \
    {name "v rm,i8", 0x83, digit, 0, 0, 0, V_ | F_I8 | (lock), undef}
#define SHIFT(name, digit)                                                                         \
    {name "b rm,i8", 0xc0, digit, 0, 0, 0, B_ | F_I8, OF},                                         \
    {name "v rm,i8", 0xc1, digit, 0, 0, 0, V_ | F_I8, OF},                                         \
    {name "b rm,1", 0xd0, digit, 0, 0, 0, B_, 0},                                                  \
    {name "v rm,1", 0xd1, digit, 0, 0, 0, V_, 0},                                                  \
    {name "b rm,cl", 0xd2, digit, 0, 0, 0, B_, OF},                                                \
    {name "v rm,cl", 0xd3, digit, 0, 0, 0, V_, OF}
#define CC(n, name)                                                                                \
    {"set" name, 0x0f90 + n, -1, 0, 0, 0, B_, 0},                                                  \
    {"cmov" name, 0x0f40 + n, -1, 0, 0, 0, V_, 0},                                                 \
    {"j" name " short", 0x70 + n, -1, 0, 0, 0, F_BRANCH | F_I8, 0},                                \
    {"j" name " near", 0x0f80 + n, -1, 0, 0, 0, F_BRANCH | F_IZ, 0}
#define BITOP(name, op, digit, lock)                                                               \
    {name " rm,r", op, -1, 0, 0, 0, V_ | F_BITOFF | (lock), OF | SF | AF | PF},                    \
    {name " rm,i8", 0x0fba, digit, 0, 0, 0, V_ | F_I8 | (lock), OF | SF | AF | PF}

/* SSE by mandatory prefix. */
#define SSE(name, op, prefix, size, fp, more) {name, op, -1, prefix, size, fp, F_MODRM | F_SSE | (more), 0}
#define PS_PD(name, op)                                                                            \
    SSE(name "ps", op, 0, 16, FP_F32, F_ALIGN), SSE(name "pd", op, 0x66, 16, FP_F64, F_ALIGN)
#define FP4(name, op)                                                                              \
    PS_PD(name, op), SSE(name "ss", op, 0xf3, 4, FP_F32, 0), SSE(name "sd", op, 0xf2, 8, FP_F64, 0)
#define MMX_XMM(name, op)                                                                          \
    {name " mm", op, -1, 0, 8, 0, F_MODRM | F_MMX, 0}, SSE(name, op, 0x66, 16, 0, F_ALIGN)
#define XMM_INT(name, op) SSE(name, op, 0x66, 16, 0, F_ALIGN)
#define SHIFT_I(name, op, digit)                                                                   \
    {name " mm,i", op, digit, 0, 0, 0, F_MODRM | F_REG | F_MMX | F_I8, 0},                         \
    {name " i", op, digit, 0x66, 0, 0, F_MODRM | F_REG | F_SSE | F_I8, 0}

/* x87 memory forms, and rows of register forms (ModRM C0 + 8 * row + n). */
#define X87M(name, op, digit, size, fp, more)                                                      \
    {name, op, digit, 0, size, fp, F_MODRM | F_MEM | F_X87 | (more), 0}
#define X87R(name, op, row) {name, op, row, 0, 0, FP_F80, F_MODRM | F_REG | F_X87, 0}
#define X87F(name, op, modrm) {name, op, modrm, 0, 0, FP_F80, F_FIXED | F_X87, 0}
#define X87_ARITH(suffix, op, size, fp)                                                            \
    X87M("fadd" suffix, op, 0, size, fp, 0), X87M("fmul" suffix, op, 1, size, fp, 0),              \
    X87M("fcom" suffix, op, 2, size, fp, 0), X87M("fcomp" suffix, op, 3, size, fp, 0),             \
    X87M("fsub" suffix, op, 4, size, fp, 0), X87M("fsubr" suffix, op, 5, size, fp, 0),             \
    X87M("fdiv" suffix, op, 6, size, fp, 0), X87M("fdivr" suffix, op, 7, size, fp, 0)

const struct form forms[] = {
    ALU("add", 0x00, 0, F_LOCKABLE, 0), ALU("or", 0x08, 1, F_LOCKABLE, 0), ALU("adc", 0x10, 2, F_LOCKABLE, 0),
    ALU("sbb", 0x18, 3, F_LOCKABLE, 0), ALU("and", 0x20, 4, F_LOCKABLE, 0), ALU("sub", 0x28, 5, F_LOCKABLE, 0),
    ALU("xor", 0x30, 6, F_LOCKABLE, 0), ALU("cmp", 0x38, 7, 0, 0),
    {"testb rm,r", 0x84, -1, 0, 0, 0, B_, 0},
    {"testv rm,r", 0x85, -1, 0, 0, 0, V_, 0},
    {"testb al,i", 0xa8, -1, 0, 0, 0, F_BYTE | F_I8, 0},
    {"testv ax,i", 0xa9, -1, 0, 0, 0, F_VAR | F_IZ, 0},
    {"testb rm,i", 0xf6, 0, 0, 0, 0, B_ | F_I8, 0},
    {"testv rm,i", 0xf7, 0, 0, 0, 0, V_ | F_IZ, 0},
    {"testb rm,i /1", 0xf6, 1, 0, 0, 0, B_ | F_I8, 0},
    {"testv rm,i /1", 0xf7, 1, 0, 0, 0, V_ | F_IZ, 0},
    {"notb", 0xf6, 2, 0, 0, 0, B_ | F_LOCKABLE, 0}, {"notv", 0xf7, 2, 0, 0, 0, V_ | F_LOCKABLE, 0},
    {"negb", 0xf6, 3, 0, 0, 0, B_ | F_LOCKABLE, 0}, {"negv", 0xf7, 3, 0, 0, 0, V_ | F_LOCKABLE, 0},
    {"mulb", 0xf6, 4, 0, 0, 0, B_, SF | ZF | AF | PF}, {"mulv", 0xf7, 4, 0, 0, 0, V_, SF | ZF | AF | PF},
    {"imulb", 0xf6, 5, 0, 0, 0, B_, SF | ZF | AF | PF}, {"imulv", 0xf7, 5, 0, 0, 0, V_, SF | ZF | AF | PF},
    {"divb", 0xf6, 6, 0, 0, 0, B_ | F_DIV, ALL}, {"divv", 0xf7, 6, 0, 0, 0, V_ | F_DIV, ALL},
    {"idivb", 0xf6, 7, 0, 0, 0, B_ | F_DIV, ALL}, {"idivv", 0xf7, 7, 0, 0, 0, V_ | F_DIV, ALL},
    {"imulv r,rm", 0x0faf, -1, 0, 0, 0, V_, SF | ZF | AF | PF},
    {"imulv r,rm,iz", 0x69, -1, 0, 0, 0, V_ | F_IZ, SF | ZF | AF | PF},
    {"imulv r,rm,i8", 0x6b, -1, 0, 0, 0, V_ | F_I8, SF | ZF | AF | PF},
    {"incb", 0xfe, 0, 0, 0, 0, B_ | F_LOCKABLE, 0}, {"incv", 0xff, 0, 0, 0, 0, V_ | F_LOCKABLE, 0},
    {"decb", 0xfe, 1, 0, 0, 0, B_ | F_LOCKABLE, 0}, {"decv", 0xff, 1, 0, 0, 0, V_ | F_LOCKABLE, 0},

    SHIFT("rol", 0), SHIFT("ror", 1), SHIFT("rcl", 2), SHIFT("rcr", 3), SHIFT("shl", 4),
    SHIFT("shr", 5), SHIFT("sal", 6), SHIFT("sar", 7),
    {"shld i8", 0x0fa4, -1, 0, 0, 0, V_ | F_I8, OF | AF}, {"shld cl", 0x0fa5, -1, 0, 0, 0, V_, OF | AF},
    {"shrd i8", 0x0fac, -1, 0, 0, 0, V_ | F_I8, OF | AF}, {"shrd cl", 0x0fad, -1, 0, 0, 0, V_, OF | AF},

    {"movb rm,r", 0x88, -1, 0, 0, 0, B_, 0}, {"movv rm,r", 0x89, -1, 0, 0, 0, V_, 0},
    {"movb r,rm", 0x8a, -1, 0, 0, 0, B_, 0}, {"movv r,rm", 0x8b, -1, 0, 0, 0, V_, 0},
    {"movb r,i", 0xb0, -1, 0, 0, 0, F_BYTE | F_PLUS | F_I8, 0},
    {"movv r,iv", 0xb8, -1, 0, 0, 0, F_VAR | F_PLUS | F_IV, 0},
    {"movb rm,i", 0xc6, 0, 0, 0, 0, B_ | F_I8, 0}, {"movv rm,i", 0xc7, 0, 0, 0, 0, V_ | F_IZ, 0},
    {"movb al,moffs", 0xa0, -1, 0, 0, 0, F_BYTE | F_MOFFS, 0},
    {"movv ax,moffs", 0xa1, -1, 0, 0, 0, F_VAR | F_MOFFS, 0},
    {"movb moffs,al", 0xa2, -1, 0, 0, 0, F_BYTE | F_MOFFS, 0},
    {"movv moffs,ax", 0xa3, -1, 0, 0, 0, F_VAR | F_MOFFS, 0},
    {"mov rm,es", 0x8c, 0, 0, 2, 0, V_, 0}, {"mov rm,cs", 0x8c, 1, 0, 2, 0, V_, 0},
    {"mov rm,ss", 0x8c, 2, 0, 2, 0, V_, 0}, {"mov rm,ds", 0x8c, 3, 0, 2, 0, V_, 0},
    {"mov rm,seg6", 0x8c, 6, 0, 2, 0, V_, 0},
    {"lea", 0x8d, -1, 0, 1, 0, V_ | F_MEM, 0}, {"lea reg", 0x8d, -1, 0, 1, 0, V_ | F_REG, 0},
    {"movzxb", 0x0fb6, -1, 0, 1, 0, V_, 0}, {"movzxw", 0x0fb7, -1, 0, 2, 0, V_, 0},
    {"movsxb", 0x0fbe, -1, 0, 1, 0, V_, 0}, {"movsxw", 0x0fbf, -1, 0, 2, 0, V_, 0},
    {"movsxd", 0x63, -1, 0, 4, 0, V_, 0, ONLY_64},
    {"movnti", 0x0fc3, -1, 0, 0, 0, F_MODRM | F_MEM | F_W, 0},
    {"bswap", 0x0fc8, -1, 0, 0, 0, F_W | F_PLUS, 0},
    {"xchgb", 0x86, -1, 0, 0, 0, B_ | F_LOCKABLE, 0}, {"xchgv", 0x87, -1, 0, 0, 0, V_ | F_LOCKABLE, 0},
    {"xchgv ax,r", 0x90, -1, 0, 0, 0, F_VAR | F_PLUS, 0},
    {"xaddb", 0x0fc0, -1, 0, 0, 0, B_ | F_LOCKABLE, 0}, {"xaddv", 0x0fc1, -1, 0, 0, 0, V_ | F_LOCKABLE, 0},
    {"cmpxchgb", 0x0fb0, -1, 0, 0, 0, B_ | F_LOCKABLE | F_CMPXCHG, 0},
    {"cmpxchgv", 0x0fb1, -1, 0, 0, 0, V_ | F_LOCKABLE | F_CMPXCHG, 0},
    {"cmpxchg8b 16b", 0x0fc7, 1, 0, 8, 0, F_MODRM | F_MEM | F_LOCKABLE | F_CMPXCHG | F_W, 0},
    {"cbw cwde cdqe", 0x98, -1, 0, 0, 0, F_VAR, 0}, {"cwd cdq cqo", 0x99, -1, 0, 0, 0, F_VAR, 0},
    {"sahf", 0x9e, -1, 0, 0, 0, 0, 0}, {"lahf", 0x9f, -1, 0, 0, 0, 0, 0},
    {"cmc", 0xf5, -1, 0, 0, 0, 0, 0}, {"clc", 0xf8, -1, 0, 0, 0, 0, 0},
    {"stc", 0xf9, -1, 0, 0, 0, 0, 0}, {"cld", 0xfc, -1, 0, 0, 0, 0, 0},
    {"std", 0xfd, -1, 0, 0, 0, 0, 0}, {"nop", 0x90, -1, 0, 0, 0, 0, 0},
    {"nop rm", 0x0f1f, -1, 0, 1, 0, V_, 0}, {"prefetch", 0x0f18, -1, 0, 1, 0, V_ | F_MEM, 0},
    {"prefetchw", 0x0f0d, 1, 0, 1, 0, V_ | F_MEM, 0},
    {"pause", 0x90, -1, 0xf3, 0, 0, 0, 0}, {"endbr64", 0x0f1e, 0xfa, 0xf3, 0, 0, F_FIXED, 0},
    {"lfence", 0x0fae, 0xe8, 0, 0, 0, F_FIXED, 0}, {"mfence", 0x0fae, 0xf0, 0, 0, 0, F_FIXED, 0},
    {"sfence", 0x0fae, 0xf8, 0, 0, 0, F_FIXED, 0},
    {"xlat", 0xd7, -1, 0, 1, 0, F_XLAT | F_NOBLOCK, 0},

    BITOP("bt", 0x0fa3, 4, 0), BITOP("bts", 0x0fab, 5, F_LOCKABLE), BITOP("btr", 0x0fb3, 6, F_LOCKABLE),
    BITOP("btc", 0x0fbb, 7, F_LOCKABLE),
    {"bsf", 0x0fbc, -1, 0, 0, 0, V_, CF | OF | SF | AF | PF}, {"bsr", 0x0fbd, -1, 0, 0, 0, V_, CF | OF | SF | AF | PF},

    CC(0, "o"), CC(1, "no"), CC(2, "b"), CC(3, "ae"), CC(4, "e"), CC(5, "ne"), CC(6, "be"),
    CC(7, "a"), CC(8, "s"), CC(9, "ns"), CC(10, "p"), CC(11, "np"), CC(12, "l"), CC(13, "ge"),
    CC(14, "le"), CC(15, "g"),
    {"jmp short", 0xeb, -1, 0, 0, 0, F_BRANCH | F_I8, 0},
    {"jmp near", 0xe9, -1, 0, 0, 0, F_BRANCH | F_IZ, 0},
    {"call near", 0xe8, -1, 0, 8, 0, F_BRANCH | F_IZ | F_STACK | F_NOBLOCK, 0},
    {"loopne", 0xe0, -1, 0, 0, 0, F_BRANCH | F_I8, 0},
    {"loope", 0xe1, -1, 0, 0, 0, F_BRANCH | F_I8, 0},
    {"loop", 0xe2, -1, 0, 0, 0, F_BRANCH | F_I8, 0},
    {"jrcxz", 0xe3, -1, 0, 0, 0, F_BRANCH | F_I8, 0},

    {"push r", 0x50, -1, 0, 8, 0, F_D64 | F_PLUS | F_STACK | F_NOBLOCK, 0},
    {"pop r", 0x58, -1, 0, 8, 0, F_D64 | F_PLUS | F_STACK | F_NOBLOCK, 0},
    {"push iz", 0x68, -1, 0, 8, 0, F_D64 | F_IZ | F_STACK | F_NOBLOCK, 0},
    {"push i8", 0x6a, -1, 0, 8, 0, F_D64 | F_I8 | F_STACK | F_NOBLOCK, 0},
    {"push rm", 0xff, 6, 0, 8, 0, F_MODRM | F_D64 | F_STACK | F_NOBLOCK, 0},
    {"pop rm", 0x8f, 0, 0, 8, 0, F_MODRM | F_D64 | F_STACK | F_NOBLOCK, 0},
    {"pushf", 0x9c, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0},
    {"popf", 0x9d, -1, 0, 8, 0, F_D64 | F_STACK | F_POPF | F_NOBLOCK, 0},
    {"push fs", 0x0fa0, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0},
    {"push gs", 0x0fa8, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0},
    {"enter", 0xc8, -1, 0, 8, 0, F_D64 | F_I16 | F_I8 | F_STACK | F_FRAME | F_NOBLOCK, 0},
    {"leave", 0xc9, -1, 0, 8, 0, F_D64 | F_STACK | F_FRAME | F_NOBLOCK, 0},

    {"movsb", 0xa4, -1, 0, 0, 0, F_BYTE | F_STRING | F_REP | F_NOBLOCK, 0},
    {"movsv", 0xa5, -1, 0, 0, 0, F_VAR | F_STRING | F_REP | F_NOBLOCK, 0},
    {"cmpsb", 0xa6, -1, 0, 0, 0, F_BYTE | F_STRING | F_REP | F_NOBLOCK, 0},
    {"cmpsv", 0xa7, -1, 0, 0, 0, F_VAR | F_STRING | F_REP | F_NOBLOCK, 0},
    {"stosb", 0xaa, -1, 0, 0, 0, F_BYTE | F_STRING | F_REP | F_NOBLOCK, 0},
    {"stosv", 0xab, -1, 0, 0, 0, F_VAR | F_STRING | F_REP | F_NOBLOCK, 0},
    {"lodsb", 0xac, -1, 0, 0, 0, F_BYTE | F_STRING | F_REP | F_NOBLOCK, 0},
    {"lodsv", 0xad, -1, 0, 0, 0, F_VAR | F_STRING | F_REP | F_NOBLOCK, 0},
    {"scasb", 0xae, -1, 0, 0, 0, F_BYTE | F_STRING | F_REP | F_NOBLOCK, 0},
    {"scasv", 0xaf, -1, 0, 0, 0, F_VAR | F_STRING | F_REP | F_NOBLOCK, 0},

    /* 32-bit code only */
    {"inc r", 0x40, -1, 0, 0, 0, F_VAR | F_PLUS, 0, ONLY_32},
    {"dec r", 0x48, -1, 0, 0, 0, F_VAR | F_PLUS, 0, ONLY_32},
    {"pusha", 0x60, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0, ONLY_32},
    {"popa", 0x61, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0, ONLY_32},
    {"daa", 0x27, -1, 0, 0, 0, 0, OF, ONLY_32}, {"das", 0x2f, -1, 0, 0, 0, 0, OF, ONLY_32},
    {"aaa", 0x37, -1, 0, 0, 0, 0, OF | SF | ZF | PF, ONLY_32},
    {"aas", 0x3f, -1, 0, 0, 0, 0, OF | SF | ZF | PF, ONLY_32},
    {"aam", 0xd4, -1, 0, 0, 0, F_I8 | F_NOBLOCK, OF | AF | CF, ONLY_32},
    {"aad", 0xd5, -1, 0, 0, 0, F_I8, OF | AF | CF, ONLY_32},
    {"salc", 0xd6, -1, 0, 0, 0, 0, 0, ONLY_32},
    {"addb alias", 0x82, 0, 0, 0, 0, B_ | F_I8 | F_LOCKABLE, 0, ONLY_32},
    {"bound", 0x62, -1, 0, 8, 0, V_ | F_MEM | F_NOBLOCK, 0, ONLY_32},
    {"arpl", 0x63, -1, 0, 2, 0, F_MODRM, 0, ONLY_32},
    {"push cs", 0x0e, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0, ONLY_32},
    {"push ss", 0x16, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0, ONLY_32},
    {"push ds", 0x1e, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0, ONLY_32},
    {"push es", 0x06, -1, 0, 8, 0, F_D64 | F_STACK | F_NOBLOCK, 0, ONLY_32},

    /* invalid or privileged */
    {"ud2", 0x0f0b, -1, 0, 0, 0, F_NOBLOCK, 0}, {"ud1", 0x0fb9, -1, 0, 4, 0, F_MODRM | F_NOBLOCK, 0},
    {"ud 06", 0x06, -1, 0, 0, 0, F_NOBLOCK, 0, ONLY_64}, {"ud 27", 0x27, -1, 0, 0, 0, F_NOBLOCK, 0, ONLY_64},
    {"ud 60", 0x60, -1, 0, 0, 0, F_NOBLOCK, 0, ONLY_64}, {"ud 82", 0x82, -1, 0, 1, 0, B_ | F_I8 | F_NOBLOCK, 0, ONLY_64},
    {"ud d4", 0xd4, -1, 0, 0, 0, F_I8 | F_NOBLOCK, 0, ONLY_64}, {"ud ce", 0xce, -1, 0, 0, 0, F_NOBLOCK, 0, ONLY_64},
    {"ud fe/2", 0xfe, 2, 0, 1, 0, B_ | F_NOBLOCK, 0}, {"ud ff/7", 0xff, 7, 0, 8, 0, V_ | F_NOBLOCK, 0},
    {"ud c6/1", 0xc6, 1, 0, 1, 0, B_ | F_I8 | F_NOBLOCK, 0},
    {"ud 0f ba/0", 0x0fba, 0, 0, 4, 0, V_ | F_I8 | F_NOBLOCK, 0},
    {"hlt", 0xf4, -1, 0, 0, 0, F_NOBLOCK, 0}, {"cli", 0xfa, -1, 0, 0, 0, F_NOBLOCK, 0},
    {"sti", 0xfb, -1, 0, 0, 0, F_NOBLOCK, 0}, {"inb dx", 0xec, -1, 0, 0, 0, F_NOBLOCK, 0},
    {"out i", 0xe6, -1, 0, 0, 0, F_I8 | F_NOBLOCK, 0}, {"clts", 0x0f06, -1, 0, 0, 0, F_NOBLOCK, 0},
    {"invd", 0x0f08, -1, 0, 0, 0, F_NOBLOCK, 0}, {"wrmsr", 0x0f30, -1, 0, 0, 0, F_NOBLOCK, 0},
    {"mov cr0", 0x0f20, 0xc0, 0, 0, 0, F_FIXED | F_NOBLOCK, 0},
    {"mov cr1", 0x0f20, 0xc8, 0, 0, 0, F_FIXED | F_NOBLOCK, 0},
    {"mov dr7", 0x0f21, 0xf8, 0, 0, 0, F_FIXED | F_NOBLOCK, 0},
    {"ltr", 0x0f00, 3, 0, 2, 0, F_MODRM | F_NOBLOCK, 0},
    {"lgdt", 0x0f01, 2, 0, 10, 0, F_MODRM | F_MEM | F_NOBLOCK, 0},

    /* SSE and SSE2: moves */
    SSE("movups", 0x0f10, 0, 16, FP_F32, 0), SSE("movupd", 0x0f10, 0x66, 16, FP_F64, 0),
    SSE("movss", 0x0f10, 0xf3, 4, FP_F32, 0), SSE("movsd", 0x0f10, 0xf2, 8, FP_F64, 0),
    SSE("movups st", 0x0f11, 0, 16, FP_F32, 0), SSE("movupd st", 0x0f11, 0x66, 16, FP_F64, 0),
    SSE("movss st", 0x0f11, 0xf3, 4, FP_F32, 0), SSE("movsd st", 0x0f11, 0xf2, 8, FP_F64, 0),
    SSE("movlps movhlps", 0x0f12, 0, 8, FP_F32, 0), SSE("movlpd", 0x0f12, 0x66, 8, FP_F64, 0),
    SSE("movlps st", 0x0f13, 0, 8, FP_F32, 0), SSE("movlpd st", 0x0f13, 0x66, 8, FP_F64, 0),
    PS_PD("unpckl", 0x0f14), PS_PD("unpckh", 0x0f15),
    SSE("movhps movlhps", 0x0f16, 0, 8, FP_F32, 0), SSE("movhpd", 0x0f16, 0x66, 8, FP_F64, 0),
    SSE("movhps st", 0x0f17, 0, 8, FP_F32, 0), SSE("movhpd st", 0x0f17, 0x66, 8, FP_F64, 0),
    PS_PD("mova", 0x0f28), PS_PD("mova st ", 0x0f29), PS_PD("movnt", 0x0f2b),
    SSE("movmskps", 0x0f50, 0, 16, FP_F32, 0), SSE("movmskpd", 0x0f50, 0x66, 16, FP_F64, 0),
    XMM_INT("movdqa", 0x0f6f), SSE("movdqu", 0x0f6f, 0xf3, 16, 0, 0),
    XMM_INT("movdqa st", 0x0f7f), SSE("movdqu st", 0x0f7f, 0xf3, 16, 0, 0),
    {"movd mm,rm", 0x0f6e, -1, 0, 0, 0, F_MODRM | F_MMX | F_W, 0},
    {"movd x,rm", 0x0f6e, -1, 0x66, 0, 0, F_MODRM | F_SSE | F_W, 0},
    {"movd rm,mm", 0x0f7e, -1, 0, 0, 0, F_MODRM | F_MMX | F_W, 0},
    {"movd rm,x", 0x0f7e, -1, 0x66, 0, 0, F_MODRM | F_SSE | F_W, 0},
    {"movq mm", 0x0f6f, -1, 0, 8, 0, F_MODRM | F_MMX, 0},
    {"movq st mm", 0x0f7f, -1, 0, 8, 0, F_MODRM | F_MMX, 0},
    SSE("movq x", 0x0f7e, 0xf3, 8, 0, 0), SSE("movq st x", 0x0fd6, 0x66, 8, 0, 0),
    {"movq2dq", 0x0fd6, -1, 0xf3, 8, 0, F_MODRM | F_MMX | F_SSE, 0},
    {"movdq2q", 0x0fd6, -1, 0xf2, 8, 0, F_MODRM | F_MMX | F_SSE, 0},
    {"movntq", 0x0fe7, -1, 0, 8, 0, F_MODRM | F_MMX, 0}, XMM_INT("movntdq", 0x0fe7),
    {"maskmovq", 0x0ff7, -1, 0, 8, 0, F_MODRM | F_REG | F_MMX | F_MASKMOV | F_NOBLOCK, 0},
    {"maskmovdqu", 0x0ff7, -1, 0x66, 16, 0, F_MODRM | F_REG | F_SSE | F_MASKMOV | F_NOBLOCK, 0},

    /* arithmetic */
    FP4("add", 0x0f58), FP4("mul", 0x0f59), FP4("sub", 0x0f5c), FP4("min", 0x0f5d),
    FP4("div", 0x0f5e), FP4("max", 0x0f5f), FP4("sqrt", 0x0f51),
    SSE("rsqrtps", 0x0f52, 0, 16, FP_F32, F_ALIGN), SSE("rsqrtss", 0x0f52, 0xf3, 4, FP_F32, 0),
    SSE("rcpps", 0x0f53, 0, 16, FP_F32, F_ALIGN), SSE("rcpss", 0x0f53, 0xf3, 4, FP_F32, 0),
    PS_PD("and", 0x0f54), PS_PD("andn", 0x0f55), PS_PD("or", 0x0f56), PS_PD("xor", 0x0f57),
    SSE("ucomiss", 0x0f2e, 0, 4, FP_F32, 0), SSE("ucomisd", 0x0f2e, 0x66, 8, FP_F64, 0),
    SSE("comiss", 0x0f2f, 0, 4, FP_F32, 0), SSE("comisd", 0x0f2f, 0x66, 8, FP_F64, 0),
    SSE("cmpps", 0x0fc2, 0, 16, FP_F32, F_ALIGN | F_I8), SSE("cmppd", 0x0fc2, 0x66, 16, FP_F64, F_ALIGN | F_I8),
    SSE("cmpss", 0x0fc2, 0xf3, 4, FP_F32, F_I8), SSE("cmpsd", 0x0fc2, 0xf2, 8, FP_F64, F_I8),
    SSE("shufps", 0x0fc6, 0, 16, FP_F32, F_ALIGN | F_I8), SSE("shufpd", 0x0fc6, 0x66, 16, FP_F64, F_ALIGN | F_I8),

    /* conversions */
    {"cvtpi2ps", 0x0f2a, -1, 0, 8, 0, F_MODRM | F_SSE | F_MMX, 0},
    {"cvtpi2pd", 0x0f2a, -1, 0x66, 8, 0, F_MODRM | F_SSE | F_MMX, 0},
    SSE("cvtsi2ss", 0x0f2a, 0xf3, 0, 0, F_W), SSE("cvtsi2sd", 0x0f2a, 0xf2, 0, 0, F_W),
    {"cvttps2pi", 0x0f2c, -1, 0, 8, FP_F32, F_MODRM | F_SSE | F_MMX, 0},
    {"cvttpd2pi", 0x0f2c, -1, 0x66, 16, FP_F64, F_MODRM | F_SSE | F_MMX | F_ALIGN, 0},
    SSE("cvttss2si", 0x0f2c, 0xf3, 4, FP_F32, F_W), SSE("cvttsd2si", 0x0f2c, 0xf2, 8, FP_F64, F_W),
    {"cvtps2pi", 0x0f2d, -1, 0, 8, FP_F32, F_MODRM | F_SSE | F_MMX, 0},
    {"cvtpd2pi", 0x0f2d, -1, 0x66, 16, FP_F64, F_MODRM | F_SSE | F_MMX | F_ALIGN, 0},
    SSE("cvtss2si", 0x0f2d, 0xf3, 4, FP_F32, F_W), SSE("cvtsd2si", 0x0f2d, 0xf2, 8, FP_F64, F_W),
    SSE("cvtps2pd", 0x0f5a, 0, 8, FP_F32, 0), SSE("cvtpd2ps", 0x0f5a, 0x66, 16, FP_F64, F_ALIGN),
    SSE("cvtss2sd", 0x0f5a, 0xf3, 4, FP_F32, 0), SSE("cvtsd2ss", 0x0f5a, 0xf2, 8, FP_F64, 0),
    SSE("cvtdq2ps", 0x0f5b, 0, 16, 0, F_ALIGN), SSE("cvtps2dq", 0x0f5b, 0x66, 16, FP_F32, F_ALIGN),
    SSE("cvttps2dq", 0x0f5b, 0xf3, 16, FP_F32, F_ALIGN), SSE("cvttpd2dq", 0x0fe6, 0x66, 16, FP_F64, F_ALIGN),
    SSE("cvtdq2pd", 0x0fe6, 0xf3, 8, 0, 0), SSE("cvtpd2dq", 0x0fe6, 0xf2, 16, FP_F64, F_ALIGN),

    /* integer SIMD */
    {"punpcklbw mm", 0x0f60, -1, 0, 4, 0, F_MODRM | F_MMX, 0}, XMM_INT("punpcklbw", 0x0f60),
    {"punpcklwd mm", 0x0f61, -1, 0, 4, 0, F_MODRM | F_MMX, 0}, XMM_INT("punpcklwd", 0x0f61),
    {"punpckldq mm", 0x0f62, -1, 0, 4, 0, F_MODRM | F_MMX, 0}, XMM_INT("punpckldq", 0x0f62),
    MMX_XMM("packsswb", 0x0f63), MMX_XMM("pcmpgtb", 0x0f64), MMX_XMM("pcmpgtw", 0x0f65),
    MMX_XMM("pcmpgtd", 0x0f66), MMX_XMM("packuswb", 0x0f67), MMX_XMM("punpckhbw", 0x0f68),
    MMX_XMM("punpckhwd", 0x0f69), MMX_XMM("punpckhdq", 0x0f6a), MMX_XMM("packssdw", 0x0f6b),
    XMM_INT("punpcklqdq", 0x0f6c), XMM_INT("punpckhqdq", 0x0f6d),
    {"pshufw", 0x0f70, -1, 0, 8, 0, F_MODRM | F_MMX | F_I8, 0},
    SSE("pshufd", 0x0f70, 0x66, 16, 0, F_ALIGN | F_I8), SSE("pshufhw", 0x0f70, 0xf3, 16, 0, F_ALIGN | F_I8),
    SSE("pshuflw", 0x0f70, 0xf2, 16, 0, F_ALIGN | F_I8),
    SHIFT_I("psrlw", 0x0f71, 2), SHIFT_I("psraw", 0x0f71, 4), SHIFT_I("psllw", 0x0f71, 6),
    SHIFT_I("psrld", 0x0f72, 2), SHIFT_I("psrad", 0x0f72, 4), SHIFT_I("pslld", 0x0f72, 6),
    SHIFT_I("psrlq", 0x0f73, 2), SHIFT_I("psllq", 0x0f73, 6),
    SHIFT_I("psrldq", 0x0f73, 3), SHIFT_I("pslldq", 0x0f73, 7), SHIFT_I("ud 0f71/1", 0x0f71, 1),
    MMX_XMM("pcmpeqb", 0x0f74), MMX_XMM("pcmpeqw", 0x0f75), MMX_XMM("pcmpeqd", 0x0f76),
    {"pinsrw mm", 0x0fc4, -1, 0, 2, 0, F_MODRM | F_MMX | F_I8, 0}, SSE("pinsrw", 0x0fc4, 0x66, 2, 0, F_I8),
    {"pextrw mm", 0x0fc5, -1, 0, 2, 0, F_MODRM | F_MMX | F_I8, 0}, SSE("pextrw", 0x0fc5, 0x66, 2, 0, F_I8),
    MMX_XMM("psrlw", 0x0fd1), MMX_XMM("psrld", 0x0fd2), MMX_XMM("psrlq", 0x0fd3),
    MMX_XMM("paddq", 0x0fd4), MMX_XMM("pmullw", 0x0fd5),
    {"pmovmskb mm", 0x0fd7, -1, 0, 8, 0, F_MODRM | F_MMX, 0}, SSE("pmovmskb", 0x0fd7, 0x66, 16, 0, 0),
    MMX_XMM("psubusb", 0x0fd8), MMX_XMM("psubusw", 0x0fd9), MMX_XMM("pminub", 0x0fda),
    MMX_XMM("pand", 0x0fdb), MMX_XMM("paddusb", 0x0fdc), MMX_XMM("paddusw", 0x0fdd),
    MMX_XMM("pmaxub", 0x0fde), MMX_XMM("pandn", 0x0fdf), MMX_XMM("pavgb", 0x0fe0),
    MMX_XMM("psraw", 0x0fe1), MMX_XMM("psrad", 0x0fe2), MMX_XMM("pavgw", 0x0fe3),
    MMX_XMM("pmulhuw", 0x0fe4), MMX_XMM("pmulhw", 0x0fe5), MMX_XMM("psubsb", 0x0fe8),
    MMX_XMM("psubsw", 0x0fe9), MMX_XMM("pminsw", 0x0fea), MMX_XMM("por", 0x0feb),
    MMX_XMM("paddsb", 0x0fec), MMX_XMM("paddsw", 0x0fed), MMX_XMM("pmaxsw", 0x0fee),
    MMX_XMM("pxor", 0x0fef), MMX_XMM("psllw", 0x0ff1), MMX_XMM("pslld", 0x0ff2),
    MMX_XMM("psllq", 0x0ff3), MMX_XMM("pmuludq", 0x0ff4), MMX_XMM("pmaddwd", 0x0ff5),
    MMX_XMM("psadbw", 0x0ff6), MMX_XMM("psubb", 0x0ff8), MMX_XMM("psubw", 0x0ff9),
    MMX_XMM("psubd", 0x0ffa), MMX_XMM("psubq", 0x0ffb), MMX_XMM("paddb", 0x0ffc),
    MMX_XMM("paddw", 0x0ffd), MMX_XMM("paddd", 0x0ffe),
    {"emms", 0x0f77, -1, 0, 0, 0, F_MMX, 0},

    /* state */
    {"fxsave", 0x0fae, 0, 0, 0xff, 0, F_MODRM | F_MEM | F_W | F_ALIGN | F_X87 | F_NOBLOCK, 0},
    {"fxrstor", 0x0fae, 1, 0, 0xff, 0, F_MODRM | F_MEM | F_W | F_ALIGN | F_X87 | F_STATE | F_NOBLOCK, 0},
    {"ldmxcsr", 0x0fae, 2, 0, 4, 0, F_MODRM | F_MEM | F_SSE | F_STATE | F_NOBLOCK, 0},
    {"stmxcsr", 0x0fae, 3, 0, 4, 0, F_MODRM | F_MEM | F_SSE, 0},

    /* x87 */
    X87_ARITH(" m32", 0xd8, 4, FP_F32), X87_ARITH(" m64", 0xdc, 8, FP_F64),
    X87_ARITH(" i32", 0xda, 4, FP_INT), X87_ARITH(" i16", 0xde, 2, FP_INT),
    X87M("fld m32", 0xd9, 0, 4, FP_F32, 0), X87M("fst m32", 0xd9, 2, 4, FP_F32, 0),
    X87M("fstp m32", 0xd9, 3, 4, FP_F32, 0), X87M("fldenv", 0xd9, 4, 28, 0, F_VAR | F_STATE | F_NOBLOCK),
    X87M("fldcw", 0xd9, 5, 2, 0, F_STATE), X87M("fnstenv", 0xd9, 6, 28, 0, F_VAR),
    X87M("fnstcw", 0xd9, 7, 2, 0, 0), X87M("fild m32", 0xdb, 0, 4, FP_INT, 0),
    X87M("fist m32", 0xdb, 2, 4, FP_INT, 0), X87M("fistp m32", 0xdb, 3, 4, FP_INT, 0),
    X87M("fld m80", 0xdb, 5, 10, FP_F80, 0), X87M("fstp m80", 0xdb, 7, 10, FP_F80, 0),
    X87M("fld m64", 0xdd, 0, 8, FP_F64, 0), X87M("fst m64", 0xdd, 2, 8, FP_F64, 0),
    X87M("fstp m64", 0xdd, 3, 8, FP_F64, 0), X87M("frstor", 0xdd, 4, 108, 0, F_VAR | F_STATE | F_NOBLOCK),
    X87M("fnsave", 0xdd, 6, 108, 0, F_VAR), X87M("fnstsw m16", 0xdd, 7, 2, 0, 0),
    X87M("fild m16", 0xdf, 0, 2, FP_INT, 0), X87M("fist m16", 0xdf, 2, 2, FP_INT, 0),
    X87M("fistp m16", 0xdf, 3, 2, FP_INT, 0), X87M("fbld", 0xdf, 4, 10, FP_BCD, 0),
    X87M("fild m64", 0xdf, 5, 8, FP_INT, 0), X87M("fbstp", 0xdf, 6, 10, FP_BCD, 0),
    X87M("fistp m64", 0xdf, 7, 8, FP_INT, 0),
    X87M("ud db/4", 0xdb, 4, 4, 0, F_NOBLOCK), X87M("ud dd/5", 0xdd, 5, 4, 0, F_NOBLOCK),
    X87R("fadd", 0xd8, 0), X87R("fmul", 0xd8, 1), X87R("fcom", 0xd8, 2), X87R("fcomp", 0xd8, 3),
    X87R("fsub", 0xd8, 4), X87R("fsubr", 0xd8, 5), X87R("fdiv", 0xd8, 6), X87R("fdivr", 0xd8, 7),
    X87R("fld", 0xd9, 0), X87R("fxch", 0xd9, 1), X87R("fnop row", 0xd9, 2), X87R("fstp1", 0xd9, 3),
    X87F("fchs", 0xd9, 0xe0), X87F("fabs", 0xd9, 0xe1), X87F("ud d9e2", 0xd9, 0xe2),
    X87F("ftst", 0xd9, 0xe4), X87F("fxam", 0xd9, 0xe5), X87F("fld1", 0xd9, 0xe8),
    X87F("fldl2t", 0xd9, 0xe9), X87F("fldl2e", 0xd9, 0xea), X87F("fldpi", 0xd9, 0xeb),
    X87F("fldlg2", 0xd9, 0xec), X87F("fldln2", 0xd9, 0xed), X87F("fldz", 0xd9, 0xee),
    X87F("ud d9ef", 0xd9, 0xef), X87F("f2xm1", 0xd9, 0xf0), X87F("fyl2x", 0xd9, 0xf1),
    X87F("fptan", 0xd9, 0xf2), X87F("fpatan", 0xd9, 0xf3), X87F("fxtract", 0xd9, 0xf4),
    X87F("fprem1", 0xd9, 0xf5), X87F("fdecstp", 0xd9, 0xf6), X87F("fincstp", 0xd9, 0xf7),
    X87F("fprem", 0xd9, 0xf8), X87F("fyl2xp1", 0xd9, 0xf9), X87F("fsqrt", 0xd9, 0xfa),
    X87F("fsincos", 0xd9, 0xfb), X87F("frndint", 0xd9, 0xfc), X87F("fscale", 0xd9, 0xfd),
    X87F("fsin", 0xd9, 0xfe), X87F("fcos", 0xd9, 0xff),
    X87R("fcmovb", 0xda, 0), X87R("fcmove", 0xda, 1), X87R("fcmovbe", 0xda, 2), X87R("fcmovu", 0xda, 3),
    X87R("ud da/4", 0xda, 4), X87R("fucompp row", 0xda, 5), X87R("ud da/6", 0xda, 6),
    X87R("fcmovnb", 0xdb, 0), X87R("fcmovne", 0xdb, 1), X87R("fcmovnbe", 0xdb, 2), X87R("fcmovnu", 0xdb, 3),
    X87R("fninit row", 0xdb, 4), X87R("fucomi", 0xdb, 5), X87R("fcomi", 0xdb, 6), X87R("ud db/7", 0xdb, 7),
    X87R("fadd st(n)", 0xdc, 0), X87R("fmul st(n)", 0xdc, 1), X87R("fcom2", 0xdc, 2), X87R("fcomp3", 0xdc, 3),
    X87R("fsubr st(n)", 0xdc, 4), X87R("fsub st(n)", 0xdc, 5), X87R("fdivr st(n)", 0xdc, 6), X87R("fdiv st(n)", 0xdc, 7),
    X87R("ffree", 0xdd, 0), X87R("fxch4", 0xdd, 1), X87R("fst st(n)", 0xdd, 2), X87R("fstp st(n)", 0xdd, 3),
    X87R("fucom", 0xdd, 4), X87R("fucomp", 0xdd, 5), X87R("ud dd/6", 0xdd, 6), X87R("ud dd/7", 0xdd, 7),
    X87R("faddp", 0xde, 0), X87R("fmulp", 0xde, 1), X87R("fcomp5", 0xde, 2), X87R("fcompp row", 0xde, 3),
    X87R("fsubrp", 0xde, 4), X87R("fsubp", 0xde, 5), X87R("fdivrp", 0xde, 6), X87R("fdivp", 0xde, 7),
    X87R("ffreep", 0xdf, 0), X87R("fxch7", 0xdf, 1), X87R("fstp8", 0xdf, 2), X87R("fstp9", 0xdf, 3),
    X87R("fnstsw row", 0xdf, 4), X87R("fucomip", 0xdf, 5), X87R("fcomip", 0xdf, 6), X87R("ud df/7", 0xdf, 7),
    {"wait", 0x9b, -1, 0, 0, FP_F80, F_X87, 0},
};
const unsigned form_count = sizeof forms / sizeof forms[0];
