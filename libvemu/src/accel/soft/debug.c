/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Breakpoint registers (SDM 3B.18). Instruction breakpoints are looked at by the run loop, which
 * makes one-instruction traces while any is enabled; data breakpoints by access.c.
 */
#include "accel/soft/cpu.h"

uint32_t sc_debug_code(const struct sc_cpu *c, uint64_t va)
{
    uint32_t hits = 0;
    if (c->eflags & SC_RF)
        return 0;
    for (unsigned n = 0; n < 4; n++)
        if (((c->dr7 >> n * 2) & 3) && !((c->dr7 >> (16 + n * 4)) & 15) && c->dr[n] == va)
            hits |= 1u << n;
    return hits;
}

void sc_debug_trap(struct sc_cpu *c, uint32_t dr6)
{
    c->dr6 = (c->dr6 & ~0xfull) | SC_DR6_FIXED | dr6;
    sc_raise_at_rip(c, SC_DB, -1);
}
