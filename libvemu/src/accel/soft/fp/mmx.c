/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MMX instructions, and the SSE and SSE2 ones on MMX registers. They are computed in the low half
 * of the host's XMM registers; see fpu.h for where the registers live.
 */
#include "accel/soft/fp/sse.h"

void sc_mmx_prepare_slow(struct sc_cpu *c, const struct sc_insn *i)
{
    sc_x87_flush(c);
    if (c->fpu.fsw & SC_FSW_ES)
        sc_raise(c, i, SC_MF, -1);
}

#define DEFINE_BOTH(name, opcode, expression) SC_DEFINE_MMX(name, expression, sc_ldx64)
#define DEFINE_PACK(name, opcode, xmm, mmx)   SC_DEFINE_MMX(name, mmx, sc_ldx64)
#define DEFINE_LOW(name, opcode, expression)  SC_DEFINE_MMX(name, expression, sc_ldx32)

SC_SIMD_BOTH(DEFINE_BOTH)
SC_SIMD_PACK(DEFINE_PACK)
SC_SIMD_UNPACK_LOW(DEFINE_LOW)

#define DEFINE_SHIFT(name, fn)                                                                     \
    SC_OP_GLOBAL(sc_op_##name##_pi)                                                                \
    {                                                                                              \
        sc_mmx_prepare(c, i);                                                                      \
        sc_setmm(c, i->src, fn(sc_mm(c, i->src), _mm_cvtsi32_si128((uint8_t)i->imm)));             \
        SC_NEXT;                                                                                   \
    }
SC_SHIFT_IMM(DEFINE_SHIFT)

/* --- moves ---------------------------------------------------------------------------------- */
SC_INLINE uint64_t mm64(const struct sc_cpu *c, unsigned n)
{
    return *(const sc_u64a *)c->fpu.st[n];
}
SC_INLINE void set_mm64(struct sc_cpu *c, unsigned n, uint64_t v)
{
    sc_setmm(c, n, _mm_cvtsi64_si128((long long)v));
}

SC_OP_GLOBAL(sc_op_movq_pp)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, mm64(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movq_pm)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, sc_ld64(c, i, sc_ea(c, i)));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movq_mp)
{
    sc_mmx_prepare(c, i);
    sc_mmx_clear_top(c);
    sc_st64(c, i, sc_ea(c, i), mm64(c, i->dst));
    sc_mmx_touch(c);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_pr)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, sc_get32(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_pr64)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, sc_get64(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_pm)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, sc_ld32(c, i, sc_ea(c, i)));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_rp) /* emitted with dst and src swapped: dst is general */
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    sc_set32(c, i->dst, (uint32_t)mm64(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_rp64)
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    sc_set64(c, i->dst, mm64(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movd_mp)
{
    sc_mmx_prepare(c, i);
    sc_mmx_clear_top(c);
    sc_st32(c, i, sc_ea(c, i), (uint32_t)mm64(c, i->dst));
    sc_mmx_touch(c);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movq2dq)
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    sc_setx(c, i->dst, sc_mm(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_movdq2q)
{
    sc_mmx_prepare(c, i);
    sc_setmm(c, i->dst, sc_x_low64(c, i->src));
    SC_NEXT;
}

/* --- words and masks ------------------------------------------------------------------------- */
SC_OP_GLOBAL(sc_op_pmovmskb_rp)
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    sc_set32(c, i->dst, (uint8_t)_mm_movemask_epi8(sc_mm(c, i->src)));
    SC_NEXT;
}
SC_INLINE void insert_word(struct sc_cpu *c, const struct sc_insn *i, uint16_t w)
{
    unsigned shift = 16 * (i->imm & 3);
    set_mm64(c, i->dst, (mm64(c, i->dst) & ~(0xffffull << shift)) | (uint64_t)w << shift);
}
SC_OP_GLOBAL(sc_op_pinsrw_pr)
{
    sc_mmx_prepare(c, i);
    insert_word(c, i, sc_get16(c, i->src));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_pinsrw_pm)
{
    uint16_t w;

    sc_mmx_prepare(c, i);
    w = sc_ld16(c, i, sc_ea(c, i));
    insert_word(c, i, w);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_pextrw_rp)
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    sc_set32(c, i->dst, (uint16_t)(mm64(c, i->src) >> (16 * (i->imm & 3))));
    SC_NEXT;
}
SC_INLINE uint64_t shuffle_words(uint64_t s, unsigned imm)
{
    uint64_t r = 0;

    for (unsigned n = 0; n < 4; n++)
        r |= (uint64_t)(uint16_t)(s >> (16 * (imm >> (2 * n) & 3))) << (16 * n);
    return r;
}
SC_OP_GLOBAL(sc_op_pshufw_pp)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, shuffle_words(mm64(c, i->src), (uint8_t)i->imm));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_pshufw_pm)
{
    sc_mmx_prepare(c, i);
    set_mm64(c, i->dst, shuffle_words(sc_ld64(c, i, sc_ea(c, i)), (uint8_t)i->imm));
    SC_NEXT;
}

static SC_NOINLINE void masked_store(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i), v = mm64(c, i->dst);
    unsigned mask = (unsigned)_mm_movemask_epi8(sc_mm(c, i->src));

    sc_probe_write(c, i, va, 8);
    for (unsigned n = 0; n < 8; n++)
        if (mask >> n & 1)
            sc_st8(c, i, va + n, (uint8_t)(v >> (8 * n)));
}
SC_OP_GLOBAL(sc_op_maskmovq)
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    masked_store(c, i);
    SC_NEXT;
}

SC_OP_GLOBAL(sc_op_emms)
{
    sc_mmx_prepare(c, i);
    sc_mmx_touch(c);
    c->fpu.ftag = 0;
    SC_NEXT;
}
