/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The I/O permission bitmap of the TSS (SDM 1.19.5.2). */
#include "accel/soft/seg/seg.h"

/* All bits of the ports clear in the bitmap? */
static bool bitmap_allows(struct sc_cpu *c, uint16_t port, unsigned size)
{
    /* Only 32- and 64-bit TSSs have a bitmap. */
    if (c->tr.unusable || !(c->tr.type & 8) || c->tr.limit < 103)
        return false;
    uint32_t at = (uint32_t)sc_sys_ld(c, c->tr.base + 102, 2) + port / 8;
    /* Two bytes are read, whatever the size. */
    if (at + 1 > c->tr.limit)
        return false;
    uint32_t bits = (uint32_t)sc_sys_ld(c, c->tr.base + at, 2) >> (port & 7);
    return !(bits & ((1u << size) - 1));
}

void sc_check_io(struct sc_cpu *c, const struct sc_insn *i, uint16_t port, unsigned size)
{
    if (!(c->cr0 & SC_CR0_PE))
        return;
    if (SC_LIKELY(c->cpl <= (c->eflags & SC_IOPL) >> 12 && !(c->eflags & SC_VM)))
        return;
    c->rip = sc_rip(c, i);
    if (!bitmap_allows(c, port, size))
        sc_raise_at_rip(c, SC_GP, 0);
}
