/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FXSAVE, FXRSTOR, LDMXCSR, STMXCSR.
 */
#include <string.h>

#include "accel/soft/fp/sse.h"
#include "accel/soft/fp/x87.h"

/* The image's part that FXSAVE writes ends before the reserved bytes; in 64-bit code it holds all
 * 16 XMM registers, elsewhere 8 (SDM Vol. 1, 10.5.1). */
#define IMAGE_FIXED 160u

/* Misaligned: #AC if that is enabled, or #GP (SDM Vol. 2, FXSAVE). A non-canonical address is found
 * before, and may be #SS. */
static uint64_t image_address(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i);

    if (SC_UNLIKELY((c->mode & SC_M_64) && !sc_canonical(va)))
        sc_raise(c, i, i->flags & SC_I_SS ? SC_SS : SC_GP, 0);
    sc_x87_align(c, i, va, 3);
    return sc_ea_aligned(c, i);
}

static unsigned xmm_count(const struct sc_cpu *c)
{
    return c->mode & SC_M_64 ? 16 : 8;
}

static SC_NOINLINE void fxsave(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = image_address(c, i);
    unsigned xmms = xmm_count(c);
    uint8_t image[512];

    sc_probe_write(c, i, va, sizeof image); /* all of it, whatever is written */
    sc_fxsave_image(c, image, i->aux, xmms);
    sc_write_block(c, i, va, image, IMAGE_FIXED + 16 * xmms);
}

/* True: the mode changed. */
static SC_NOINLINE bool fxrstor(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = image_address(c, i);
    uint32_t mode = c->mode, mxcsr;
    uint8_t image[512];

    sc_read_block(c, i, va, image, sizeof image);
    memcpy(&mxcsr, image + 24, 4);
    if (mxcsr & ~SC_MXCSR_VALID)
        sc_raise(c, i, SC_GP, 0);
    sc_fxrstor_image(c, image, i->aux, xmm_count(c));
    sc_update_mode(c);
    return c->mode != mode;
}

static SC_NOINLINE bool ldmxcsr(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t v = sc_ld32(c, i, sc_ea(c, i));

    if (v & ~SC_MXCSR_VALID)
        sc_raise(c, i, SC_GP, 0);
    return sc_mxcsr_set(c, v);
}

SC_OP_GLOBAL(sc_op_fxsave)
{
    fxsave(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_fxrstor)
{
    if (fxrstor(c, i))
        SC_LEAVE;
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_ldmxcsr)
{
    if (ldmxcsr(c, i))
        SC_LEAVE;
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_stmxcsr)
{
    sc_st32(c, i, sc_ea(c, i), sc_mxcsr(c));
    SC_NEXT;
}
