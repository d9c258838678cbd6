/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From decoded MMX and SSE instructions to records.
 *
 * find() names the handlers by mandatory prefix and opcode; adding an instruction is a line there
 * (or in one of the lists of sse.h) and a handler. What ModRM.reg or an immediate selects further
 * has a case in sc_emit_sse(). SSE3 and later are in sse4_emit.c.
 */
#include "accel/soft/lent/assist.h"
#include "accel/soft/trace/decode.h"
#include "accel/soft/fp/sse4.h"
#include "accel/soft/fp/x87.h"

/*
 * The handlers of an opcode under a mandatory prefix. False: none here; what ModRM.reg or an
 * immediate selects is with sc_emit_sse(). A switch and not a table of pointers: those would have
 * to be relocated whenever the program starts.
 */
#define KEY(prefix, opcode) ((unsigned)(prefix) << 8 | (opcode))
#define ENTRY(prefix, opcode, reg_, mem_, bytes, flags_)                                           \
    case KEY(prefix, opcode):                                                                      \
        *op = (struct sc_sse_op){.reg = reg_, .mem = mem_, .size = bytes, .flags = flags_};        \
        return true;
#define ENTRY_BOTH(name, opcode, ...)                                                              \
    ENTRY(SC_PNP, opcode, sc_op_##name##_pp, sc_op_##name##_pm, 8, SC_SSE_MMX)                     \
    ENTRY(SC_P66, opcode, sc_op_##name##_xx, sc_op_##name##_xm, 16, SC_SSE_XMM)
#define ENTRY_LOW(name, opcode, ...)                                                               \
    ENTRY(SC_PNP, opcode, sc_op_##name##_pp, sc_op_##name##_pm, 4, SC_SSE_MMX)                     \
    ENTRY(SC_P66, opcode, sc_op_##name##_xx, sc_op_##name##_xm, 16, SC_SSE_XMM)
#define ENTRY_XMM(name, prefix, opcode, ...)                                                       \
    ENTRY(prefix, opcode, sc_op_##name##_xx, sc_op_##name##_xm, 16, SC_SSE_XMM)
#define ENTRY_FP(name, prefix, opcode, bytes, ue)                                                  \
    ENTRY(prefix, opcode, sc_op_##name##_xx, sc_op_##name##_xm, bytes,                             \
          SC_SSE_XMM | SC_SSE_FP | SC_SSE_UE(ue))

static bool find(unsigned prefix, unsigned opcode, struct sc_sse_op *op)
{
    switch (KEY(prefix, opcode)) {
        SC_SIMD_BOTH(ENTRY_BOTH)
        SC_SIMD_PACK(ENTRY_BOTH)
        SC_SIMD_UNPACK_LOW(ENTRY_LOW)
        SC_SIMD_XMM(ENTRY_XMM)
        SC_FP_OPS(ENTRY_FP)
        ENTRY(SC_PNP, 0x10, sc_op_mov_xx, sc_op_movu_xm, 16, SC_SSE_XMM)
        ENTRY(SC_P66, 0x10, sc_op_mov_xx, sc_op_movu_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PF3, 0x10, sc_op_movss_xx, sc_op_movss_xm, 4, SC_SSE_XMM)
        ENTRY(SC_PF2, 0x10, sc_op_movsd_xx, sc_op_movsd_xm, 8, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x11, sc_op_mov_xx, sc_op_movu_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_P66, 0x11, sc_op_mov_xx, sc_op_movu_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PF3, 0x11, sc_op_movss_xx, sc_op_movss_mx, 4, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PF2, 0x11, sc_op_movsd_xx, sc_op_movlow_mx, 8, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PNP, 0x12, sc_op_movhlps_xx, sc_op_movlow_xm, 8, SC_SSE_XMM)
        ENTRY(SC_P66, 0x12, NULL, sc_op_movlow_xm, 8, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x13, NULL, sc_op_movlow_mx, 8, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_P66, 0x13, NULL, sc_op_movlow_mx, 8, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PNP, 0x16, sc_op_movlhps_xx, sc_op_movhigh_xm, 8, SC_SSE_XMM)
        ENTRY(SC_P66, 0x16, NULL, sc_op_movhigh_xm, 8, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x17, NULL, sc_op_movhigh_mx, 8, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_P66, 0x17, NULL, sc_op_movhigh_mx, 8, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PNP, 0x28, sc_op_mov_xx, sc_op_mova_xm, 16, SC_SSE_XMM)
        ENTRY(SC_P66, 0x28, sc_op_mov_xx, sc_op_mova_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x29, sc_op_mov_xx, sc_op_mova_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_P66, 0x29, sc_op_mov_xx, sc_op_mova_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PNP, 0x2a, sc_op_cvtpi2ps_xp, sc_op_cvtpi2ps_xm, 8,
              SC_SSE_XMM | SC_SSE_MRM | SC_SSE_FP)
        ENTRY(SC_P66, 0x2a, sc_op_cvtpi2pd_xp, sc_op_cvtpi2pd_xm, 8, SC_SSE_XMM | SC_SSE_MRM)
        ENTRY(SC_PF3, 0x2a, sc_op_cvtsi2ss_xr, sc_op_cvtsi2ss_xm, 4,
              SC_SSE_XMM | SC_SSE_FP | SC_SSE_W)
        ENTRY(SC_PF2, 0x2a, sc_op_cvtsi2sd_xr, sc_op_cvtsi2sd_xm, 4,
              SC_SSE_XMM | SC_SSE_FP | SC_SSE_W)
        ENTRY(SC_PNP, 0x2b, NULL, sc_op_mova_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_P66, 0x2b, NULL, sc_op_mova_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PNP, 0x2c, sc_op_cvttps2pi_px, sc_op_cvttps2pi_pm, 8,
              SC_SSE_XMM | SC_SSE_MREG | SC_SSE_FP)
        ENTRY(SC_P66, 0x2c, sc_op_cvttpd2pi_px, sc_op_cvttpd2pi_pm, 16,
              SC_SSE_XMM | SC_SSE_MREG | SC_SSE_FP)
        ENTRY(SC_PF3, 0x2c, sc_op_cvttss2si_rx, sc_op_cvttss2si_rm, 4,
              SC_SSE_XMM | SC_SSE_FP | SC_SSE_W)
        ENTRY(SC_PF2, 0x2c, sc_op_cvttsd2si_rx, sc_op_cvttsd2si_rm, 8,
              SC_SSE_XMM | SC_SSE_FP | SC_SSE_W)
        ENTRY(SC_PNP, 0x2d, sc_op_cvtps2pi_px, sc_op_cvtps2pi_pm, 8,
              SC_SSE_XMM | SC_SSE_MREG | SC_SSE_FP)
        ENTRY(SC_P66, 0x2d, sc_op_cvtpd2pi_px, sc_op_cvtpd2pi_pm, 16,
              SC_SSE_XMM | SC_SSE_MREG | SC_SSE_FP)
        ENTRY(SC_PF3, 0x2d, sc_op_cvtss2si_rx, sc_op_cvtss2si_rm, 4,
              SC_SSE_XMM | SC_SSE_FP | SC_SSE_W)
        ENTRY(SC_PF2, 0x2d, sc_op_cvtsd2si_rx, sc_op_cvtsd2si_rm, 8,
              SC_SSE_XMM | SC_SSE_FP | SC_SSE_W)
        ENTRY(SC_PNP, 0x2e, sc_op_ucomiss_xx, sc_op_ucomiss_xm, 4, SC_SSE_XMM | SC_SSE_FP)
        ENTRY(SC_P66, 0x2e, sc_op_ucomisd_xx, sc_op_ucomisd_xm, 8, SC_SSE_XMM | SC_SSE_FP)
        ENTRY(SC_PNP, 0x2f, sc_op_comiss_xx, sc_op_comiss_xm, 4, SC_SSE_XMM | SC_SSE_FP)
        ENTRY(SC_P66, 0x2f, sc_op_comisd_xx, sc_op_comisd_xm, 8, SC_SSE_XMM | SC_SSE_FP)
        ENTRY(SC_PNP, 0x50, sc_op_movmskps_rx, NULL, 0, SC_SSE_XMM)
        ENTRY(SC_P66, 0x50, sc_op_movmskpd_rx, NULL, 0, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x6e, sc_op_movd_pr, sc_op_movd_pm, 4, SC_SSE_MREG | SC_SSE_W)
        ENTRY(SC_P66, 0x6e, sc_op_movd_xr, sc_op_movss_xm, 4, SC_SSE_XMM | SC_SSE_W)
        ENTRY(SC_PNP, 0x6f, sc_op_movq_pp, sc_op_movq_pm, 8, SC_SSE_MMX)
        ENTRY(SC_P66, 0x6f, sc_op_mov_xx, sc_op_mova_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PF3, 0x6f, sc_op_mov_xx, sc_op_movu_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x70, sc_op_pshufw_pp, sc_op_pshufw_pm, 8, SC_SSE_MMX)
        ENTRY(SC_P66, 0x70, sc_op_pshufd_xx, sc_op_pshufd_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PF3, 0x70, sc_op_pshufhw_xx, sc_op_pshufhw_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PF2, 0x70, sc_op_pshuflw_xx, sc_op_pshuflw_xm, 16, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x7e, sc_op_movd_rp, sc_op_movd_mp, 4, SC_SSE_MREG | SC_SSE_STORE | SC_SSE_W)
        ENTRY(SC_P66, 0x7e, sc_op_movd_rx, sc_op_movss_mx, 4, SC_SSE_XMM | SC_SSE_STORE | SC_SSE_W)
        ENTRY(SC_PF3, 0x7e, sc_op_movq_xx, sc_op_movsd_xm, 8, SC_SSE_XMM)
        ENTRY(SC_PNP, 0x7f, sc_op_movq_pp, sc_op_movq_mp, 8, SC_SSE_MMX | SC_SSE_STORE)
        ENTRY(SC_P66, 0x7f, sc_op_mov_xx, sc_op_mova_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PF3, 0x7f, sc_op_mov_xx, sc_op_movu_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PNP, 0xc4, sc_op_pinsrw_pr, sc_op_pinsrw_pm, 2, SC_SSE_MREG)
        ENTRY(SC_P66, 0xc4, sc_op_pinsrw_xr, sc_op_pinsrw_xm, 2, SC_SSE_XMM)
        ENTRY(SC_PNP, 0xc5, sc_op_pextrw_rp, NULL, 0, SC_SSE_MRM)
        ENTRY(SC_P66, 0xc5, sc_op_pextrw_rx, NULL, 0, SC_SSE_XMM)
        ENTRY(SC_PNP, 0xc6, sc_op_shufps_xx, sc_op_shufps_xm, 16, SC_SSE_XMM)
        ENTRY(SC_P66, 0xc6, sc_op_shufpd_xx, sc_op_shufpd_xm, 16, SC_SSE_XMM)
        ENTRY(SC_P66, 0xd6, sc_op_movq_xx, sc_op_movlow_mx, 8, SC_SSE_XMM | SC_SSE_STORE)
        ENTRY(SC_PF3, 0xd6, sc_op_movq2dq, NULL, 0, SC_SSE_XMM | SC_SSE_MRM)
        ENTRY(SC_PF2, 0xd6, sc_op_movdq2q, NULL, 0, SC_SSE_XMM | SC_SSE_MREG)
        ENTRY(SC_PNP, 0xd7, sc_op_pmovmskb_rp, NULL, 0, SC_SSE_MRM)
        ENTRY(SC_P66, 0xd7, sc_op_pmovmskb_rx, NULL, 0, SC_SSE_XMM)
        ENTRY(SC_PNP, 0xe7, NULL, sc_op_movq_mp, 8, SC_SSE_MREG | SC_SSE_STORE)
        ENTRY(SC_P66, 0xe7, NULL, sc_op_mova_mx, 16, SC_SSE_XMM | SC_SSE_STORE)
    default: return false;
    }
}

/* The forms that REX.W selects: other handlers, and eight bytes of memory. CVTxx2SI's memory
 * operand is the floating-point value. */
#define WIDE(prefix, opcode, reg_, mem_)                                                           \
    case KEY(prefix, opcode):                                                                      \
        op->reg = reg_;                                                                            \
        op->mem = mem_;                                                                            \
        break;

static void widen(unsigned prefix, unsigned opcode, struct sc_sse_op *op)
{
    switch (KEY(prefix, opcode)) {
        WIDE(SC_PF3, 0x2a, sc_op_cvtsi2ss_xr64, sc_op_cvtsi2ss_xm64)
        WIDE(SC_PF2, 0x2a, sc_op_cvtsi2sd_xr64, sc_op_cvtsi2sd_xm64)
        WIDE(SC_PF3, 0x2c, sc_op_cvttss2si_r64x, sc_op_cvttss2si_r64m)
        WIDE(SC_PF2, 0x2c, sc_op_cvttsd2si_r64x, sc_op_cvttsd2si_r64m)
        WIDE(SC_PF3, 0x2d, sc_op_cvtss2si_r64x, sc_op_cvtss2si_r64m)
        WIDE(SC_PF2, 0x2d, sc_op_cvtsd2si_r64x, sc_op_cvtsd2si_r64m)
        WIDE(SC_PNP, 0x6e, sc_op_movd_pr64, sc_op_movq_pm)
        WIDE(SC_P66, 0x6e, sc_op_movd_xr64, sc_op_movsd_xm)
        WIDE(SC_PNP, 0x7e, sc_op_movd_rp64, sc_op_movq_mp)
        WIDE(SC_P66, 0x7e, sc_op_movd_rx64, sc_op_movlow_mx)
    default: break;
    }
    if ((opcode & 0xfe) != 0x2c)
        op->size = 8;
}

#define SHIFT(opcode, reg, name)                                                                   \
    case KEY(reg, opcode): return xmm ? sc_op_##name##_xi : sc_op_##name##_pi;

static sc_fn *shift_handler(unsigned opcode, unsigned reg, bool xmm, unsigned imm)
{
    if (opcode == 0x73 && xmm && (reg == 3 || reg == 7))
        return sc_sse_byte_shift(reg == 7, imm);
    switch (KEY(reg, opcode)) {
        SHIFT(0x71, 2, psrlw)
        SHIFT(0x71, 4, psraw)
        SHIFT(0x71, 6, psllw)
        SHIFT(0x72, 2, psrld)
        SHIFT(0x72, 4, psrad)
        SHIFT(0x72, 6, pslld)
        SHIFT(0x73, 2, psrlq)
        SHIFT(0x73, 6, psllq)
    default: return NULL;
    }
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
static bool emit(struct sc_tb *tb, const struct sc_dec *d, const struct sc_sse_op *op)
{
    bool exact = (op->flags & SC_SSE_FP) && (d->mode & SC_M_XM);
    uint8_t reg = op->flags & SC_SSE_MREG ? d->reg3 : d->reg;
    uint8_t rm = op->flags & SC_SSE_MRM ? d->modrm & 7 : d->rm;
    sc_fn *fn = d->mem ? op->mem : op->reg;
    struct sc_insn *r;

    if (!fn)
        return false;
    if (op->flags & SC_SSE_XMM ? unavailable(tb, d, SC_M_NOSSE, op_no_sse)
                               : unavailable(tb, d, SC_M_NOX87, op_no_mmx))
        return true;
    if (exact) {
        r = sc_tb_add(tb, d, sc_op_xm_begin);
        r->flags |= SC_I_MICRO;
        r->dst = reg;
        r->aux2 = (op->flags & SC_SSE_MREG) || ((op->flags & SC_SSE_MRM) && !d->mem);
    }
    if (d->mem) {
        r = sc_tb_mem(tb, d, fn, op->size, op->flags & SC_SSE_STORE);
        r->dst = reg;
    } else {
        r = sc_tb_add(tb, d, fn);
        r->dst = op->flags & SC_SSE_STORE ? rm : reg;
        r->src = op->flags & SC_SSE_STORE ? reg : rm;
    }
    r->aux = op->aux;
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
        r->aux2 = (op->flags & SC_SSE_MREG) || ((op->flags & SC_SSE_MRM) && !d->mem);
    }
    return true;
}

/* 0F AE: the memory forms that are ours; fences and CLFLUSH are the system group's. */
static bool emit_state(struct sc_tb *tb, const struct sc_dec *d)
{
    bool block = d->reg3 < 2; /* FXSAVE, FXRSTOR */
    bool write = d->reg3 == 0 || d->reg3 == 3;
    struct sc_insn *r;
    sc_fn *fn;

    if (!d->mem || d->reg3 > 3 || d->p66 || d->rep)
        return false;
    if (block ? unavailable(tb, d, SC_M_NOX87, sc_op_no_x87)
              : unavailable(tb, d, SC_M_NOSSE, op_no_sse))
        return true;
    switch (d->reg3) {
    case 0: fn = sc_op_fxsave; break;
    case 1: fn = sc_op_fxrstor; break;
    case 2: fn = sc_op_ldmxcsr; break;
    default: fn = sc_op_stmxcsr; break;
    }
    r = sc_tb_mem(tb, d, fn, block ? 512 : 4, write);
    r->aux = (d->rex & 8) != 0;
    return true;
}

/* MASKMOVQ, MASKMOVDQU: the memory operand is [rDI], of which any byte may be written. */
static bool emit_masked(struct sc_tb *tb, const struct sc_dec *d, bool xmm)
{
    sc_fn *fn = xmm ? sc_op_maskmovdqu : sc_op_maskmovq;
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
    r = sc_tb_mem(tb, &memory, fn, xmm ? 16 : 8, true);
    r->dst = xmm ? d->reg : d->reg3;
    r->src = xmm ? d->rm : d->modrm & 7;
    return true;
}

bool sc_emit_sse(struct sc_tb *tb, const struct sc_dec *d)
{
    unsigned prefix = d->rep == 0xf3 ? SC_PF3 : d->rep == 0xf2 ? SC_PF2 : d->p66 ? SC_P66 : SC_PNP;
    unsigned opcode = d->opcode & 0xff;
    struct sc_sse_op op = {0};

    if (d->lock)
        return false;
    if ((d->opcode & 0xff00) != SC_MAP_0F)
        return sc_sse4_find(tb->c, d, prefix, &op) && emit(tb, d, &op);
    switch (opcode) {
    case 0x71:
    case 0x72:
    case 0x73:
        if (prefix > SC_P66 || d->mem)
            return false;
        op.reg = shift_handler(opcode, d->reg3, prefix == SC_P66, (uint8_t)d->imm);
        op.flags = prefix == SC_P66 ? SC_SSE_XMM : SC_SSE_MMX;
        break;
    case 0x77:
        if (prefix != SC_PNP)
            return false;
        if (!unavailable(tb, d, SC_M_NOX87, op_no_mmx))
            sc_tb_add(tb, d, sc_op_emms);
        return true;
    case 0xae: return emit_state(tb, d);
    case 0xc2:
        op.reg = sc_sse_compare(prefix, d->imm & 7, false);
        op.mem = sc_sse_compare(prefix, d->imm & 7, true);
        op.size = prefix == SC_PF3 ? 4 : prefix == SC_PF2 ? 8 : 16;
        op.flags = SC_SSE_XMM | SC_SSE_FP;
        break;
    case 0xf7: return prefix <= SC_P66 && emit_masked(tb, d, prefix == SC_P66);
    default:
        if (!find(prefix, opcode, &op) && !sc_sse4_find(tb->c, d, prefix, &op))
            return false;
        if ((op.flags & SC_SSE_W) && (d->rex & 8))
            widen(prefix, opcode, &op);
        break;
    }
    return emit(tb, d, &op);
}
