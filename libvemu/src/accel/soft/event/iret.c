/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IRET in all modes (SDM 2, IRET/IRETD/IRETQ). */
#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"

/* RFLAGS from an image of osz bytes. `cpl` is the privilege that executes IRET. */
void sc_iret_flags(struct sc_cpu *c, uint64_t v, unsigned osz, unsigned cpl)
{
    uint32_t mask = SC_TF | SC_DF | SC_NT;
    uint32_t old = c->eflags;
    if (cpl == 0)
        mask |= SC_IOPL;
    if (cpl <= (old & SC_IOPL) >> 12)
        mask |= SC_IF;
    if (osz > 2) {
        mask |= SC_RF | SC_AC | SC_ID;
        if (cpl == 0)
            mask |= SC_VIF | SC_VIP;
    }
    sc_flags_set_arith(c, (uint32_t)v);
    c->eflags = (old & ~mask) | ((uint32_t)v & mask);
}

static void finish(struct sc_cpu *c, uint32_t old_flags)
{
    /* An interrupt held back by IF is found by the run loop, which is entered next. */
    c->nmi_masked = 0;
    if (SC_UNLIKELY(c->assist != NULL) && atomic_load(&c->assist->nmi_due))
        atomic_fetch_or_explicit(&c->async, SC_A_INTR, memory_order_relaxed);
    if (SC_UNLIKELY((c->eflags ^ old_flags) & (SC_TF | SC_AC | SC_VM)))
        sc_update_mode(c);
}

static void iret_real(struct sc_cpu *c, unsigned osz)
{
    struct sc_stk s;
    uint32_t old_flags = c->eflags;
    bool v86 = c->mode & SC_M_V86;
    if (v86 && (c->eflags & SC_IOPL) != SC_IOPL)
        sc_raise_at_rip(c, SC_GP, 0);
    sc_stk_current(c, &s);
    uint64_t off = sc_stk_pop(c, &s, osz);
    uint16_t sel = (uint16_t)sc_stk_pop(c, &s, osz);
    uint64_t flags = sc_stk_pop(c, &s, osz);
    if (off > c->seg[VEMU_CS].limit)
        sc_raise_at_rip(c, SC_GP, 0);
    sc_load_seg_real(c, VEMU_CS, sel);
    sc_stk_commit(c, &s);
    c->rip = off;
    /* Virtual-8086 mode keeps IOPL; it is 3, so IF may change. */
    sc_iret_flags(c, flags, osz, v86 ? 3 : 0);
    sc_update_mode(c);
    finish(c, old_flags);
}

/* From ring 0 to virtual-8086 mode: s is behind EFLAGS. */
static void iret_to_v86(struct sc_cpu *c, struct sc_stk *s, uint32_t eip, uint16_t cs,
                        uint32_t flags)
{
    static const uint8_t order[] = { VEMU_ES, VEMU_DS, VEMU_FS, VEMU_GS };
    uint16_t sel[4];
    uint32_t old_flags = c->eflags;
    uint32_t esp = (uint32_t)sc_stk_pop(c, s, 4);
    uint16_t ss = (uint16_t)sc_stk_pop(c, s, 4);
    for (unsigned k = 0; k < 4; k++)
        sel[k] = (uint16_t)sc_stk_pop(c, s, 4);
    if (eip > 0xffff)
        sc_raise_at_rip(c, SC_GP, 0);
    sc_iret_flags(c, flags, 4, 0);
    c->eflags |= SC_VM;
    c->cpl = 3;
    sc_update_mode(c);
    sc_load_seg_real(c, VEMU_CS, cs);
    sc_load_seg_real(c, VEMU_SS, ss);
    for (unsigned k = 0; k < 4; k++)
        sc_load_seg_real(c, order[k], sel[k]);
    sc_set32(c, VEMU_RSP, esp);
    c->rip = eip;
    sc_update_mode(c);
    finish(c, old_flags);
}

/* The frame is five consecutive words in 64-bit mode: read it in one go. */
struct frame {
    uint64_t rip, cs, flags, rsp, ss;
};

static void read_frame64(struct sc_cpu *c, unsigned osz, struct frame *f)
{
    uint64_t sp = c->gpr[VEMU_RSP], words[5];
    unsigned size = osz * 5;
    if (SC_UNLIKELY(!sc_canonical(sp) || !sc_canonical(sp + size - 1)))
        sc_raise_at_rip(c, SC_SS, 0);
    if (SC_LIKELY(osz == 8)) {
        sc_read_as(c, sp, words, size, c->cpl == 3);
    } else {
        uint8_t bytes[20];
        sc_read_as(c, sp, bytes, size, c->cpl == 3);
        for (unsigned k = 0; k < 5; k++) {
            words[k] = 0;
            memcpy(&words[k], bytes + k * osz, osz);
        }
    }
    *f = (struct frame){ words[0], words[1], words[2], words[3], words[4] };
}

void sc_iret(struct sc_cpu *c, unsigned osz)
{
    if (c->mode & SC_M_REAL) {
        iret_real(c, osz);
        return;
    }
    bool in64 = c->mode & SC_M_64, lm = sc_long_mode(c);
    if (SC_UNLIKELY(c->eflags & SC_NT)) {
        if (lm)
            sc_raise_at_rip(c, SC_GP, 0);
        sc_internal_error(c, "IRET to a nested task: hardware task switch is not implemented");
    }
    struct sc_stk s;
    struct frame f;
    if (in64) {
        read_frame64(c, osz, &f);
    } else {
        sc_stk_current(c, &s);
        f.rip = sc_stk_pop(c, &s, osz);
        f.cs = sc_stk_pop(c, &s, osz);
        f.flags = sc_stk_pop(c, &s, osz);
        if ((f.flags & SC_VM) && osz == 4 && c->cpl == 0 && !lm) {
            iret_to_v86(c, &s, (uint32_t)f.rip, (uint16_t)f.cs, (uint32_t)f.flags);
            return;
        }
    }
    struct sc_desc d, sd;
    uint16_t sel = (uint16_t)f.cs, ss;
    uint32_t old_flags = c->eflags;
    unsigned old_cpl = c->cpl, rpl = sel & 3;
    sc_check_return_cs(c, sel, &d);
    bool to64 = lm && sc_desc_l(&d);
    sc_check_target(c, &d, f.rip, 0);
    if (!in64 && rpl == old_cpl) {
        sc_desc_accessed(c, &d);
        sc_stk_commit(c, &s);
        sc_iret_flags(c, f.flags, osz, old_cpl);
        sc_enter_code(c, &d, sel, rpl, f.rip);
        finish(c, old_flags);
        return;
    }
    if (!in64) {
        f.rsp = sc_stk_pop(c, &s, osz);
        f.ss = sc_stk_pop(c, &s, osz);
    }
    ss = (uint16_t)f.ss;
    bool have_ss = sc_check_return_ss(c, ss, rpl, to64, &sd);
    sc_desc_accessed(c, &d);
    sc_set_return_ss(c, ss, rpl, have_ss ? &sd : NULL);
    sc_set_sp(c, f.rsp, to64);
    sc_iret_flags(c, f.flags, osz, old_cpl);
    sc_enter_code(c, &d, sel, rpl, f.rip);
    if (rpl > old_cpl)
        sc_drop_inner_segs(c);
    finish(c, old_flags);
}
