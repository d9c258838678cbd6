/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 instructions as host code.
 *
 * With the guest's x87 state in the host's unit (fpu.h), executing a guest instruction is executing
 * the same bytes, operand addresses apart. This file holds every encoding once, each followed by a
 * return, as functions of the System V calling convention.
 */
#include "accel/soft/fp/x87.h"

#define REGISTER_STUB 4u /* opcode, ModRM, RET, padding */
#define MEMORY_STUB   4u
#define COMPARE_STUB  8u
#define MOVE_STUB     8u

__asm__(".pushsection .text.sc_x87_stubs, \"ax\", @progbits\n"
        ".balign 16\n"
        "sc_x87_register_stubs:\n"
        ".set sc_opcode, 0xd8\n"
        ".rept 8\n"
        "  .set sc_modrm, 0xc0\n"
        "  .rept 64\n"
        "    .byte sc_opcode, sc_modrm, 0xc3, 0xcc\n"
        "    .set sc_modrm, sc_modrm + 1\n"
        "  .endr\n"
        "  .set sc_opcode, sc_opcode + 1\n"
        ".endr\n"
        /* ModRM: register indirect, RDI, the first argument */
        "sc_x87_memory_stubs:\n"
        ".set sc_opcode, 0xd8\n"
        ".rept 8\n"
        "  .set sc_modrm, 0x07\n"
        "  .rept 8\n"
        "    .byte sc_opcode, sc_modrm, 0xc3, 0xcc\n"
        "    .set sc_modrm, sc_modrm + 8\n"
        "  .endr\n"
        "  .set sc_opcode, sc_opcode + 1\n"
        ".endr\n"
        /* the instruction; PUSHFQ; POP RAX; RET. DB: FUCOMI, FCOMI; DF: FUCOMIP, FCOMIP */
        "sc_x87_compare_stubs:\n"
        ".set sc_opcode, 0xdb\n"
        ".rept 2\n"
        "  .set sc_modrm, 0xe8\n"
        "  .rept 16\n"
        "    .byte sc_opcode, sc_modrm, 0x9c, 0x58, 0xc3, 0xcc, 0xcc, 0xcc\n"
        "    .set sc_modrm, sc_modrm + 1\n"
        "  .endr\n"
        "  .set sc_opcode, sc_opcode + 4\n"
        ".endr\n"
        /* SHR EDI, 1: the condition into CF; FCMOVB */
        "sc_x87_move_stubs:\n"
        ".set sc_modrm, 0xc0\n"
        ".rept 8\n"
        "  .byte 0xd1, 0xef, 0xda, sc_modrm, 0xc3, 0xcc, 0xcc, 0xcc\n"
        "  .set sc_modrm, sc_modrm + 1\n"
        ".endr\n"
        ".popsection\n");

extern const uint8_t sc_x87_register_stubs[], sc_x87_memory_stubs[], sc_x87_compare_stubs[],
    sc_x87_move_stubs[];

sc_x87_stub *sc_x87_register_stub(unsigned opcode, unsigned modrm)
{
    uintptr_t n = (opcode & 7) * 64 + (modrm & 63);
    return (sc_x87_stub *)((uintptr_t)sc_x87_register_stubs + n * REGISTER_STUB);
}

sc_x87_stub *sc_x87_memory_stub(unsigned opcode, unsigned reg)
{
    uintptr_t n = (opcode & 7) * 8 + (reg & 7);
    return (sc_x87_stub *)((uintptr_t)sc_x87_memory_stubs + n * MEMORY_STUB);
}

sc_x87_compare *sc_x87_compare_stub(unsigned opcode, unsigned modrm)
{
    uintptr_t n = ((opcode & 7) == 7 ? 16 : 0) + (modrm - 0xe8) % 16;
    return (sc_x87_compare *)((uintptr_t)sc_x87_compare_stubs + n * COMPARE_STUB);
}

sc_x87_move *sc_x87_move_stub(unsigned n)
{
    return (sc_x87_move *)((uintptr_t)sc_x87_move_stubs + (n & 7) * MOVE_STUB);
}
