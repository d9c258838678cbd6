/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From decoded MMX, SSE and SSE2 instructions to records.
 *
 * One table, indexed by mandatory prefix and opcode, names the handlers; adding an instruction is a
 * line there (or in one of the lists of sse.h) and a handler. What ModRM.reg or an immediate
 * selects further has a case in sc_emit_sse().
 */
#include "accel/soft/assist.h"
#include "accel/soft/decode.h"
#include "accel/soft/sse.h"
#include "accel/soft/x87.h"

/* sse_op.flags */
#define F_SSE       (1u << 0) /* needs CR4.OSFXSR; without it the instruction is MMX's */
#define F_MREG      (1u << 1) /* ModRM.reg is an MMX register */
#define F_MRM       (1u << 2) /* ModRM.r/m, when a register, is an MMX register */
#define F_STORE     (1u << 3) /* ModRM.r/m is the destination */
#define F_FP        (1u << 4) /* raises SIMD floating-point exceptions */
#define F_W         (1u << 5) /* REX.W: the _w handlers; a memory operand doubles */
#define F_UE(lanes) ((unsigned)(lanes) << 8)
#define F_MMX       (F_MREG | F_MRM)

struct sse_op {
    sc_fn *reg, *mem; /* NULL: no such form */
    uint8_t size;     /* bytes of the memory operand */
    uint16_t flags;
};

#define XMM(prefix, opcode, name)                                                                  \
    [prefix][opcode] = {sc_op_##name##_xx, sc_op_##name##_xm, 16, F_SSE}

#define ENTRY_BOTH(name, opcode, ...)                                                              \
    [SC_PNP][opcode] = {sc_op_##name##_pp, sc_op_##name##_pm, 8, F_MMX},                           \
    [SC_P66][opcode] = {sc_op_##name##_xx, sc_op_##name##_xm, 16, F_SSE},
#define ENTRY_LOW(name, opcode, ...)                                                               \
    [SC_PNP][opcode] = {sc_op_##name##_pp, sc_op_##name##_pm, 4, F_MMX},                           \
    [SC_P66][opcode] = {sc_op_##name##_xx, sc_op_##name##_xm, 16, F_SSE},
#define ENTRY_XMM(name, prefix, opcode, ...)                                                       \
    [prefix][opcode] = {sc_op_##name##_xx, sc_op_##name##_xm, 16, F_SSE},
#define ENTRY_FP(name, prefix, opcode, bytes, ue)                                                  \
    [prefix][opcode] = {sc_op_##name##_xx, sc_op_##name##_xm, bytes, F_SSE | F_FP | F_UE(ue)},

static const struct sse_op sse_ops[4][256] = {
    SC_SIMD_BOTH(ENTRY_BOTH) SC_SIMD_PACK(ENTRY_BOTH) SC_SIMD_UNPACK_LOW(ENTRY_LOW)
        SC_SIMD_XMM(ENTRY_XMM) SC_FP_OPS(ENTRY_FP)

            [SC_PNP][0x10] = {sc_op_mov_xx, sc_op_movu_xm, 16, F_SSE},
    [SC_P66][0x10] = {sc_op_mov_xx, sc_op_movu_xm, 16, F_SSE},
    [SC_PF3][0x10] = {sc_op_movss_xx, sc_op_movss_xm, 4, F_SSE},
    [SC_PF2][0x10] = {sc_op_movsd_xx, sc_op_movsd_xm, 8, F_SSE},
    [SC_PNP][0x11] = {sc_op_mov_xx, sc_op_movu_mx, 16, F_SSE | F_STORE},
    [SC_P66][0x11] = {sc_op_mov_xx, sc_op_movu_mx, 16, F_SSE | F_STORE},
    [SC_PF3][0x11] = {sc_op_movss_xx, sc_op_movss_mx, 4, F_SSE | F_STORE},
    [SC_PF2][0x11] = {sc_op_movsd_xx, sc_op_movlow_mx, 8, F_SSE | F_STORE},
    [SC_PNP][0x12] = {sc_op_movhlps_xx, sc_op_movlow_xm, 8, F_SSE},
    [SC_P66][0x12] = {NULL, sc_op_movlow_xm, 8, F_SSE},
    [SC_PNP][0x13] = {NULL, sc_op_movlow_mx, 8, F_SSE | F_STORE},
    [SC_P66][0x13] = {NULL, sc_op_movlow_mx, 8, F_SSE | F_STORE},
    [SC_PNP][0x16] = {sc_op_movlhps_xx, sc_op_movhigh_xm, 8, F_SSE},
    [SC_P66][0x16] = {NULL, sc_op_movhigh_xm, 8, F_SSE},
    [SC_PNP][0x17] = {NULL, sc_op_movhigh_mx, 8, F_SSE | F_STORE},
    [SC_P66][0x17] = {NULL, sc_op_movhigh_mx, 8, F_SSE | F_STORE},
    [SC_PNP][0x28] = {sc_op_mov_xx, sc_op_mova_xm, 16, F_SSE},
    [SC_P66][0x28] = {sc_op_mov_xx, sc_op_mova_xm, 16, F_SSE},
    [SC_PNP][0x29] = {sc_op_mov_xx, sc_op_mova_mx, 16, F_SSE | F_STORE},
    [SC_P66][0x29] = {sc_op_mov_xx, sc_op_mova_mx, 16, F_SSE | F_STORE},
    [SC_PNP][0x2a] = {sc_op_cvtpi2ps_xp, sc_op_cvtpi2ps_xm, 8, F_SSE | F_MRM | F_FP},
    [SC_P66][0x2a] = {sc_op_cvtpi2pd_xp, sc_op_cvtpi2pd_xm, 8, F_SSE | F_MRM},
    [SC_PF3][0x2a] = {sc_op_cvtsi2ss_xr, sc_op_cvtsi2ss_xm, 4, F_SSE | F_FP | F_W},
    [SC_PF2][0x2a] = {sc_op_cvtsi2sd_xr, sc_op_cvtsi2sd_xm, 4, F_SSE | F_FP | F_W},
    [SC_PNP][0x2b] = {NULL, sc_op_mova_mx, 16, F_SSE | F_STORE},
    [SC_P66][0x2b] = {NULL, sc_op_mova_mx, 16, F_SSE | F_STORE},
    [SC_PNP][0x2c] = {sc_op_cvttps2pi_px, sc_op_cvttps2pi_pm, 8, F_SSE | F_MREG | F_FP},
    [SC_P66][0x2c] = {sc_op_cvttpd2pi_px, sc_op_cvttpd2pi_pm, 16, F_SSE | F_MREG | F_FP},
    [SC_PF3][0x2c] = {sc_op_cvttss2si_rx, sc_op_cvttss2si_rm, 4, F_SSE | F_FP | F_W},
    [SC_PF2][0x2c] = {sc_op_cvttsd2si_rx, sc_op_cvttsd2si_rm, 8, F_SSE | F_FP | F_W},
    [SC_PNP][0x2d] = {sc_op_cvtps2pi_px, sc_op_cvtps2pi_pm, 8, F_SSE | F_MREG | F_FP},
    [SC_P66][0x2d] = {sc_op_cvtpd2pi_px, sc_op_cvtpd2pi_pm, 16, F_SSE | F_MREG | F_FP},
    [SC_PF3][0x2d] = {sc_op_cvtss2si_rx, sc_op_cvtss2si_rm, 4, F_SSE | F_FP | F_W},
    [SC_PF2][0x2d] = {sc_op_cvtsd2si_rx, sc_op_cvtsd2si_rm, 8, F_SSE | F_FP | F_W},
    [SC_PNP][0x2e] = {sc_op_ucomiss_xx, sc_op_ucomiss_xm, 4, F_SSE | F_FP},
    [SC_P66][0x2e] = {sc_op_ucomisd_xx, sc_op_ucomisd_xm, 8, F_SSE | F_FP},
    [SC_PNP][0x2f] = {sc_op_comiss_xx, sc_op_comiss_xm, 4, F_SSE | F_FP},
    [SC_P66][0x2f] = {sc_op_comisd_xx, sc_op_comisd_xm, 8, F_SSE | F_FP},
    [SC_PNP][0x50] = {sc_op_movmskps_rx, NULL, 0, F_SSE},
    [SC_P66][0x50] = {sc_op_movmskpd_rx, NULL, 0, F_SSE},
    [SC_PNP][0x6e] = {sc_op_movd_pr, sc_op_movd_pm, 4, F_MREG | F_W},
    [SC_P66][0x6e] = {sc_op_movd_xr, sc_op_movss_xm, 4, F_SSE | F_W},
    [SC_PNP][0x6f] = {sc_op_movq_pp, sc_op_movq_pm, 8, F_MMX},
    [SC_P66][0x6f] = {sc_op_mov_xx, sc_op_mova_xm, 16, F_SSE},
    [SC_PF3][0x6f] = {sc_op_mov_xx, sc_op_movu_xm, 16, F_SSE},
    [SC_PNP][0x70] = {sc_op_pshufw_pp, sc_op_pshufw_pm, 8, F_MMX},
    [SC_P66][0x70] = {sc_op_pshufd_xx, sc_op_pshufd_xm, 16, F_SSE},
    [SC_PF3][0x70] = {sc_op_pshufhw_xx, sc_op_pshufhw_xm, 16, F_SSE},
    [SC_PF2][0x70] = {sc_op_pshuflw_xx, sc_op_pshuflw_xm, 16, F_SSE},
    [SC_PNP][0x7e] = {sc_op_movd_rp, sc_op_movd_mp, 4, F_MREG | F_STORE | F_W},
    [SC_P66][0x7e] = {sc_op_movd_rx, sc_op_movss_mx, 4, F_SSE | F_STORE | F_W},
    [SC_PF3][0x7e] = {sc_op_movq_xx, sc_op_movsd_xm, 8, F_SSE},
    [SC_PNP][0x7f] = {sc_op_movq_pp, sc_op_movq_mp, 8, F_MMX | F_STORE},
    [SC_P66][0x7f] = {sc_op_mov_xx, sc_op_mova_mx, 16, F_SSE | F_STORE},
    [SC_PF3][0x7f] = {sc_op_mov_xx, sc_op_movu_mx, 16, F_SSE | F_STORE},
    [SC_PNP][0xc4] = {sc_op_pinsrw_pr, sc_op_pinsrw_pm, 2, F_MREG},
    [SC_P66][0xc4] = {sc_op_pinsrw_xr, sc_op_pinsrw_xm, 2, F_SSE},
    [SC_PNP][0xc5] = {sc_op_pextrw_rp, NULL, 0, F_MRM},
    [SC_P66][0xc5] = {sc_op_pextrw_rx, NULL, 0, F_SSE},
    [SC_PNP][0xc6] = {sc_op_shufps_xx, sc_op_shufps_xm, 16, F_SSE},
    [SC_P66][0xc6] = {sc_op_shufpd_xx, sc_op_shufpd_xm, 16, F_SSE},
    [SC_P66][0xd6] = {sc_op_movq_xx, sc_op_movlow_mx, 8, F_SSE | F_STORE},
    [SC_PF3][0xd6] = {sc_op_movq2dq, NULL, 0, F_SSE | F_MRM},
    [SC_PF2][0xd6] = {sc_op_movdq2q, NULL, 0, F_SSE | F_MREG},
    [SC_PNP][0xd7] = {sc_op_pmovmskb_rp, NULL, 0, F_MRM},
    [SC_P66][0xd7] = {sc_op_pmovmskb_rx, NULL, 0, F_SSE},
    [SC_PNP][0xe7] = {NULL, sc_op_movq_mp, 8, F_MREG | F_STORE},
    [SC_P66][0xe7] = {NULL, sc_op_mova_mx, 16, F_SSE | F_STORE},
};

/* The forms that REX.W selects. */
static const struct {
    sc_fn *reg, *reg_w, *mem_w;
} wide_ops[] = {
    {sc_op_cvtsi2ss_xr, sc_op_cvtsi2ss_xr64, sc_op_cvtsi2ss_xm64},
    {sc_op_cvtsi2sd_xr, sc_op_cvtsi2sd_xr64, sc_op_cvtsi2sd_xm64},
    {sc_op_cvttss2si_rx, sc_op_cvttss2si_r64x, sc_op_cvttss2si_r64m},
    {sc_op_cvttsd2si_rx, sc_op_cvttsd2si_r64x, sc_op_cvttsd2si_r64m},
    {sc_op_cvtss2si_rx, sc_op_cvtss2si_r64x, sc_op_cvtss2si_r64m},
    {sc_op_cvtsd2si_rx, sc_op_cvtsd2si_r64x, sc_op_cvtsd2si_r64m},
    {sc_op_movd_pr, sc_op_movd_pr64, sc_op_movq_pm},
    {sc_op_movd_xr, sc_op_movd_xr64, sc_op_movsd_xm},
    {sc_op_movd_rp, sc_op_movd_rp64, sc_op_movq_mp},
    {sc_op_movd_rx, sc_op_movd_rx64, sc_op_movlow_mx},
};

static struct sse_op widen(struct sse_op op, unsigned opcode)
{
    for (unsigned n = 0; n < sizeof wide_ops / sizeof wide_ops[0]; n++)
        if (wide_ops[n].reg == op.reg) {
            op.reg = wide_ops[n].reg_w;
            op.mem = wide_ops[n].mem_w;
            break;
        }
    if ((opcode & 0xfe) != 0x2c) /* CVTxx2SI's memory operand is the floating-point value */
        op.size = 8;
    return op;
}

static sc_fn *shift_handler(unsigned opcode, unsigned reg, bool xmm, unsigned imm)
{
    static const struct {
        uint8_t opcode, reg;
        sc_fn *xi, *pi;
    } shifts[] = {
        {0x71, 2, sc_op_psrlw_xi, sc_op_psrlw_pi}, {0x71, 4, sc_op_psraw_xi, sc_op_psraw_pi},
        {0x71, 6, sc_op_psllw_xi, sc_op_psllw_pi}, {0x72, 2, sc_op_psrld_xi, sc_op_psrld_pi},
        {0x72, 4, sc_op_psrad_xi, sc_op_psrad_pi}, {0x72, 6, sc_op_pslld_xi, sc_op_pslld_pi},
        {0x73, 2, sc_op_psrlq_xi, sc_op_psrlq_pi}, {0x73, 6, sc_op_psllq_xi, sc_op_psllq_pi},
    };

    if (opcode == 0x73 && xmm && (reg == 3 || reg == 7))
        return (reg == 3 ? sc_op_psrldq : sc_op_pslldq)[imm < 16 ? imm : 16];
    for (unsigned n = 0; n < sizeof shifts / sizeof shifts[0]; n++)
        if (shifts[n].opcode == opcode && shifts[n].reg == reg)
            return xmm ? shifts[n].xi : shifts[n].pi;
    return NULL;
}

/*
 * Not available now: CR0 and CR4 say why, and they may say something else the next time this trace
 * runs. EM means #UD for MMX and SSE, #NM for FXSAVE (SDM Vol. 3, table 2-3).
 */
SC_OP(op_no_sse)
{
    if (c->assist)
        sc_assist_need_fpu(c, i);
    if ((c->cr0 & SC_CR0_EM) || !(c->cr4 & SC_CR4_OSFXSR))
        sc_raise(c, i, SC_UD, -1);
    sc_raise(c, i, SC_NM, -1);
    SC_EXIT;
}
SC_OP(op_no_mmx)
{
    if (c->assist)
        sc_assist_need_fpu(c, i);
    sc_raise(c, i, c->cr0 & SC_CR0_EM ? SC_UD : SC_NM, -1);
    SC_EXIT;
}

static bool unavailable(struct sc_tb *tb, const struct sc_dec *d, uint32_t bit, sc_fn *fn)
{
    if (!(d->mode & bit))
        return false;
    sc_tb_add(tb, d, fn);
    tb->end = true;
    return true;
}

/* Adds the record of `op`, bracketed when an unmasked exception must be found (sse_float.c). */
static bool emit(struct sc_tb *tb, const struct sc_dec *d, const struct sse_op *op)
{
    bool exact = (op->flags & F_FP) && (d->mode & SC_M_XM);
    uint8_t reg = op->flags & F_MREG ? d->reg3 : d->reg;
    uint8_t rm = op->flags & F_MRM ? d->modrm & 7 : d->rm;
    sc_fn *fn = d->mem ? op->mem : op->reg;
    struct sc_insn *r;

    if (!fn)
        return false;
    if (op->flags & F_SSE ? unavailable(tb, d, SC_M_NOSSE, op_no_sse)
                          : unavailable(tb, d, SC_M_NOX87, op_no_mmx))
        return true;
    if (exact) {
        r = sc_tb_add(tb, d, sc_op_xm_begin);
        r->flags |= SC_I_MICRO;
        r->dst = reg;
        r->aux2 = (op->flags & F_MREG) || ((op->flags & F_MRM) && !d->mem);
    }
    if (d->mem) {
        r = sc_tb_mem(tb, d, fn, op->size, op->flags & F_STORE);
        r->dst = reg;
    } else {
        r = sc_tb_add(tb, d, fn);
        r->dst = op->flags & F_STORE ? rm : reg;
        r->src = op->flags & F_STORE ? reg : rm;
    }
    if (exact) {
        struct sc_insn *operation = r;

        operation->flags |= SC_I_MICRO;
        r = sc_tb_add(tb, d, sc_op_xm_end);
        r->flags |= operation->flags & SC_I_SS;
        r->disp = operation->disp;
        r->base = operation->base;
        r->index = operation->index;
        r->scale = operation->scale;
        r->src = rm;
        r->imm = d->mem ? op->size : 0;
        r->dst = reg;
        r->aux3 = (uint8_t)d->opcode;
        r->aux = (uint8_t)(op->flags >> 8);
        r->aux2 = (op->flags & F_MREG) || ((op->flags & F_MRM) && !d->mem);
    }
    return true;
}

/* 0F AE: the memory forms that are ours; fences and CLFLUSH are the system group's. */
static bool emit_state(struct sc_tb *tb, const struct sc_dec *d)
{
    static sc_fn *const handlers[4] = {sc_op_fxsave, sc_op_fxrstor, sc_op_ldmxcsr, sc_op_stmxcsr};
    bool block = d->reg3 < 2; /* FXSAVE, FXRSTOR */
    bool write = d->reg3 == 0 || d->reg3 == 3;
    struct sc_insn *r;

    if (!d->mem || d->reg3 > 3 || d->p66 || d->rep)
        return false;
    if (block ? unavailable(tb, d, SC_M_NOX87, sc_op_no_x87)
              : unavailable(tb, d, SC_M_NOSSE, op_no_sse))
        return true;
    r = sc_tb_mem(tb, d, handlers[d->reg3], block ? 512 : 4, write);
    r->aux = (d->rex & 8) != 0;
    return true;
}

/* MASKMOVQ, MASKMOVDQU: the memory operand is [rDI], of which any byte may be written. */
static bool emit_masked(struct sc_tb *tb, const struct sc_dec *d, bool xmm)
{
    struct sse_op op = {NULL, xmm ? sc_op_maskmovdqu : sc_op_maskmovq, xmm ? 16 : 8,
                        xmm ? F_SSE | F_STORE : F_MMX | F_STORE};
    struct sc_dec memory = *d;
    struct sc_insn *r;

    if (d->mem)
        return false;
    if (xmm ? unavailable(tb, d, SC_M_NOSSE, op_no_sse) : unavailable(tb, d, SC_M_NOX87, op_no_mmx))
        return true;
    memory.mem = true;
    memory.rip_rel = false;
    memory.base = VEMU_RDI;
    memory.index = SC_R_ZERO;
    memory.scale = 0;
    memory.disp = 0;
    memory.mseg = d->seg == SC_SEG_NONE ? VEMU_DS : d->seg;
    r = sc_tb_mem(tb, &memory, op.mem, op.size, true);
    r->dst = xmm ? d->reg : d->reg3;
    r->src = xmm ? d->rm : d->modrm & 7;
    return true;
}

bool sc_emit_sse(struct sc_tb *tb, const struct sc_dec *d)
{
    unsigned prefix = d->rep == 0xf3 ? SC_PF3 : d->rep == 0xf2 ? SC_PF2 : d->p66 ? SC_P66 : SC_PNP;
    unsigned opcode = d->opcode & 0xff;
    struct sse_op op;

    if (d->lock || (d->opcode & 0xff00) != SC_MAP_0F)
        return false;
    op = sse_ops[prefix][opcode];
    switch (opcode) {
    case 0x71:
    case 0x72:
    case 0x73:
        if (prefix > SC_P66 || d->mem)
            return false;
        op.reg = shift_handler(opcode, d->reg3, prefix == SC_P66, (uint8_t)d->imm);
        op.flags = prefix == SC_P66 ? F_SSE : F_MMX;
        break;
    case 0x77:
        if (prefix != SC_PNP)
            return false;
        if (!unavailable(tb, d, SC_M_NOX87, op_no_mmx))
            sc_tb_add(tb, d, sc_op_emms);
        return true;
    case 0xae: return emit_state(tb, d);
    case 0xc2:
        op.reg = sc_op_cmp_xx[prefix][d->imm & 7];
        op.mem = sc_op_cmp_xm[prefix][d->imm & 7];
        op.size = prefix == SC_PF3 ? 4 : prefix == SC_PF2 ? 8 : 16;
        op.flags = F_SSE | F_FP;
        break;
    case 0xf7: return prefix <= SC_P66 && emit_masked(tb, d, prefix == SC_P66);
    default:
        if ((op.flags & F_W) && (d->rex & 8))
            op = widen(op, opcode);
        break;
    }
    return emit(tb, d, &op);
}
