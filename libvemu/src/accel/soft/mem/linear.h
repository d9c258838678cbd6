/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From segment and offset to a linear address, with the checks of SDM Vol. 3, 5.3 to 5.5, for
 * operands whose address is not a ModRM one (strings, stack, XLAT, bit strings).
 */
#ifndef SC_LINEAR_H
#define SC_LINEAR_H

#include "accel/soft/cpu.h"

/* Linear address of `size` bytes at seg:off. Raises #GP(0) or, for SS, #SS(0). In 64-bit code there
 * is only the base of FS and GS; canonical form is checked by the access itself. */
uint64_t sc_linear(struct sc_cpu *c, const struct sc_insn *i, unsigned seg, uint64_t off,
                   unsigned size, bool write);
/* How many bytes from seg:off upwards may be accessed (0: none), for bulk steps. Not 64-bit code.
 * */
uint64_t sc_linear_room(const struct sc_cpu *c, unsigned seg, uint32_t off, bool write);

/* Mask of an address size in bytes (2, 4, 8). */
SC_INLINE uint64_t sc_asz_mask(unsigned asz)
{
    return asz == 8 ? UINT64_MAX : asz == 4 ? UINT32_MAX : UINT16_MAX;
}

#endif
