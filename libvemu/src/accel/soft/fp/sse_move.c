/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE and SSE2 data movement.
 */
#include "accel/soft/fp/sse.h"

/* --- 16 bytes -------------------------------------------------------------------------------- */
SC_OP_GLOBAL(sc_op_mov_xx)
{
    sc_setx(c, i->dst, sc_x(c, i->src));
    SC_NEXT;
}
SC_DEFINE_XM(mova, 16, sc_setx(c, i->dst, b))
SC_DEFINE_XM(movu, 16u, sc_setx(c, i->dst, b))
SC_DEFINE_MX(mova, 16, _mm_store_si128((__m128i *)p, sc_x(c, i->dst)),
             sc_st128(c, i, sc_ea_aligned(c, i), (sc_u64x2)sc_x(c, i->dst)))
SC_DEFINE_MX(movu, 16u, _mm_storeu_si128((__m128i *)p, sc_x(c, i->dst)),
             sc_st128(c, i, sc_ea(c, i), (sc_u64x2)sc_x(c, i->dst)))

/* --- scalars: between registers merge, from memory zero the rest --------------------------------
 */
SC_OP_GLOBAL(sc_op_movss_xx)
{
    sc_setx(c, i->dst, sc_merge32(sc_x(c, i->dst), sc_x(c, i->src)));
    SC_NEXT;
}
/* and MOVD xmm, m32 */
SC_DEFINE_XM(movss, 4, sc_setx(c, i->dst, b))
/* and MOVD m32, xmm */
SC_DEFINE_MX(movss, 4, *(sc_u32a *)p = sc_x32(c, i->dst),
             sc_st32(c, i, sc_ea(c, i), sc_x32(c, i->dst)))
SC_OP_GLOBAL(sc_op_movsd_xx)
{
    sc_setx(c, i->dst, sc_merge64(sc_x(c, i->dst), sc_x(c, i->src)));
    SC_NEXT;
}
/* and MOVQ xmm, m64 */
SC_DEFINE_XM(movsd, 8, sc_setx(c, i->dst, b))
SC_OP_GLOBAL(sc_op_movq_xx)
{
    sc_setx(c, i->dst, sc_x_low64(c, i->src));
    SC_NEXT;
}

/* --- halves --------------------------------------------------------------------------------- */
SC_DEFINE_XM(movlow, 8, sc_setx(c, i->dst, sc_merge64(a, b)))
/* MOVLPS, MOVLPD, MOVSD, MOVQ to memory */
SC_DEFINE_MX(movlow, 8, *(sc_u64a *)p = sc_x64(c, i->dst, 0),
             sc_st64(c, i, sc_ea(c, i), sc_x64(c, i->dst, 0)))
SC_DEFINE_XM(movhigh, 8, sc_setx(c, i->dst, _mm_unpacklo_epi64(a, b)))
SC_DEFINE_MX(movhigh, 8, *(sc_u64a *)p = sc_x64(c, i->dst, 1),
             sc_st64(c, i, sc_ea(c, i), sc_x64(c, i->dst, 1)))
SC_OP_GLOBAL(sc_op_movhlps_xx)
{
    sc_setx(c, i->dst, _mm_unpackhi_epi64(sc_x(c, i->src), sc_x(c, i->dst)));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movlhps_xx)
{
    sc_setx(c, i->dst, _mm_unpacklo_epi64(sc_x(c, i->dst), sc_x(c, i->src)));
    SC_NEXT;
}

/* --- general registers ----------------------------------------------------------------------- */
SC_OP_GLOBAL(sc_op_movd_xr)
{
    sc_setx(c, i->dst, _mm_cvtsi32_si128((int)sc_get32(c, i->src)));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_xr64)
{
    sc_setx(c, i->dst, _mm_cvtsi64_si128((long long)sc_get64(c, i->src)));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_rx) /* emitted with dst and src swapped: dst is general */
{
    sc_set32(c, i->dst, sc_x32(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_rx64)
{
    sc_set64(c, i->dst, sc_x64(c, i->src, 0));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movmskps_rx)
{
    sc_set32(c, i->dst, (uint32_t)_mm_movemask_ps((__m128)sc_x(c, i->src)));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movmskpd_rx)
{
    sc_set32(c, i->dst, (uint32_t)_mm_movemask_pd((__m128d)sc_x(c, i->src)));
    SC_NEXT;
}

/* --- MASKMOVDQU: all 16 bytes must be writable, whatever the mask, as Intel's CPUs do it
 * ---------- */
static SC_NOINLINE void masked_store(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint8_t *v = c->fpu.xmm[i->dst];
    uint64_t va = sc_ea(c, i);
    unsigned mask = (unsigned)_mm_movemask_epi8(sc_x(c, i->src));

    sc_probe_write(c, i, va, 16);
    for (unsigned n = 0; n < 16; n++)
        if (mask >> n & 1)
            sc_st8(c, i, va + n, v[n]);
}
SC_OP_GLOBAL(sc_op_maskmovdqu)
{
    masked_store(c, i);
    SC_NEXT;
}
