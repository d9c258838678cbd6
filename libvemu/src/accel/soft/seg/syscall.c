/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM 2): transfers with fixed flat segments.
 *
 * SYSCALL from compatibility mode goes to CSTAR; outside long mode it is #UD.
 */
#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"

static void set_flat(struct sc_cpu *c, uint16_t cs, uint16_t ss, unsigned cpl, bool in64)
{
    c->seg[VEMU_CS] = (struct vemu_segment){
        .selector = (uint16_t)((cs & 0xfffc) | cpl), .limit = 0xffffffffu, .type = 0xb, .s = 1,
        .dpl = (uint8_t)cpl, .present = 1, .l = in64, .db = !in64, .g = 1,
    };
    c->seg[VEMU_SS] = (struct vemu_segment){
        .selector = (uint16_t)((ss & 0xfffc) | cpl), .limit = 0xffffffffu, .type = 3, .s = 1,
        .dpl = (uint8_t)cpl, .present = 1, .db = 1, .g = 1,
    };
    sc_set_cpl(c, cpl);
}

void sc_syscall(struct sc_cpu *c, uint64_t next_rip)
{
    if (!(c->efer & SC_EFER_SCE) || !sc_long_mode(c))
        sc_raise_at_rip(c, SC_UD, -1);
    uint16_t cs = (uint16_t)(c->star >> 32);
    uint32_t flags = sc_rflags(c) & ~SC_RF, kept = flags & ~(uint32_t)c->sfmask;
    c->gpr[VEMU_RCX] = next_rip;
    c->gpr[VEMU_R11] = flags;
    c->rip = c->mode & SC_M_64 ? c->lstar : c->cstar;
    sc_flags_set_arith(c, kept);
    c->eflags = kept & ~(SC_ARITH | SC_RF | SC_VM | 2u);
    set_flat(c, cs, (uint16_t)((cs & 0xfffc) + 8), 0, true);
}

void sc_sysret(struct sc_cpu *c, unsigned osz)
{
    if (!(c->efer & SC_EFER_SCE) || !(c->mode & SC_M_64))
        sc_raise_at_rip(c, SC_UD, -1);
    if (c->cpl != 0 || (osz == 8 && !sc_canonical(c->gpr[VEMU_RCX])))
        sc_raise_at_rip(c, SC_GP, 0);
    uint16_t cs = (uint16_t)(c->star >> 48);
    uint32_t flags = (uint32_t)c->gpr[VEMU_R11] & 0x3c7fd7;
    c->rip = osz == 8 ? c->gpr[VEMU_RCX] : (uint32_t)c->gpr[VEMU_RCX];
    sc_flags_set_arith(c, flags);
    c->eflags = flags & ~(SC_ARITH | 2u);
    set_flat(c, (uint16_t)(osz == 8 ? cs + 16 : cs), (uint16_t)(cs + 8), 3, osz == 8);
}

void sc_sysenter(struct sc_cpu *c)
{
    uint16_t cs = (uint16_t)c->sysenter_cs;
    if (!(c->cr0 & SC_CR0_PE) || sc_null_selector(cs))
        sc_raise_at_rip(c, SC_GP, 0);
    bool lm = sc_long_mode(c);
    c->eflags &= ~(SC_VM | SC_IF | SC_RF);
    c->gpr[VEMU_RSP] = lm ? c->sysenter_esp : (uint32_t)c->sysenter_esp;
    c->rip = lm ? c->sysenter_eip : (uint32_t)c->sysenter_eip;
    set_flat(c, cs, (uint16_t)((cs & 0xfffc) + 8), 0, lm);
}

void sc_sysexit(struct sc_cpu *c, unsigned osz)
{
    uint16_t cs = (uint16_t)c->sysenter_cs & 0xfffc;
    if (!(c->cr0 & SC_CR0_PE) || (c->mode & SC_M_REAL) || sc_null_selector(cs) || c->cpl != 0)
        sc_raise_at_rip(c, SC_GP, 0);
    uint64_t rip = c->gpr[VEMU_RDX], rsp = c->gpr[VEMU_RCX];
    if (osz == 8) {
        if (!sc_canonical(rip) || !sc_canonical(rsp))
            sc_raise_at_rip(c, SC_GP, 0);
        cs = (uint16_t)(cs + 32);
    } else {
        rip = (uint32_t)rip;
        rsp = (uint32_t)rsp;
        cs = (uint16_t)(cs + 16);
    }
    c->rip = rip;
    c->gpr[VEMU_RSP] = rsp;
    set_flat(c, cs, (uint16_t)(cs + 8), 3, osz == 8);
}
