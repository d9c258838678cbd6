/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Far JMP, CALL and RET (SDM 2, and 3A.5.8): real mode, code segments, call gates.
 *
 * Hardware task switches are not implemented: a jump or call through a task gate or to a TSS stops
 * the virtual machine with an internal error that says so.
 */
#include "accel/soft/seg/seg.h"

#define NO_TASKS "hardware task switch is not implemented"

void sc_check_target(struct sc_cpu *c, const struct sc_desc *d, uint64_t off, unsigned ext)
{
    bool bad = sc_long_mode(c) && sc_desc_l(d) ? !sc_canonical(off) : off > sc_desc_limit(d);
    if (SC_UNLIKELY(bad))
        sc_raise_at_rip(c, SC_GP, ext);
}

void sc_enter_code(struct sc_cpu *c, struct sc_desc *d, uint16_t sel, unsigned cpl, uint64_t off)
{
    sc_desc_accessed(c, d);
    sc_desc_load(d, (uint16_t)((sel & 0xfffc) | cpl), &c->seg[VEMU_CS]);
    c->rip = off;
    sc_set_cpl(c, cpl);
}

static uint64_t cut(uint64_t v, unsigned osz)
{
    return osz == 8 ? v : osz == 4 ? (uint32_t)v : (uint16_t)v;
}

static void enter_real(struct sc_cpu *c, uint16_t sel, uint64_t off)
{
    if (off > c->seg[VEMU_CS].limit)
        sc_raise_at_rip(c, SC_GP, 0);
    sc_load_seg_real(c, VEMU_CS, sel);
    c->rip = off;
    sc_update_mode(c);
}

/* The code segment of a direct far transfer (SDM 3A.5.8.1). */
static void check_direct_cs(struct sc_cpu *c, const struct sc_desc *d)
{
    uint16_t sel = d->selector;
    unsigned dpl = sc_desc_dpl(d);
    if (sc_desc_conforming(d) ? dpl > c->cpl : (sel & 3u) > c->cpl || dpl != c->cpl)
        sc_raise_sel(c, SC_GP, sel, 0);
    if (!sc_desc_p(d))
        sc_raise_sel(c, SC_NP, sel, 0);
    if (sc_long_mode(c) && sc_desc_l(d) && sc_desc_db(d))
        sc_raise_sel(c, SC_GP, sel, 0);
}

struct call_gate {
    uint16_t selector;
    uint64_t offset;
    unsigned size;   /* operand size */
    unsigned params;
    struct sc_desc code;
};

/*
 * A system descriptor as the target of a far transfer: only a call gate gets through. Fetches and
 * checks the code segment behind it; `call` allows a more privileged one.
 */
static void open_gate(struct sc_cpu *c, struct sc_desc *d, bool call, struct call_gate *g)
{
    unsigned type = sc_desc_type(d), dpl = sc_desc_dpl(d);
    uint16_t sel = d->selector;
    bool lm = sc_long_mode(c), gate;

    if (lm)
        gate = type == SC_T_CALL32;
    else
        gate = type == SC_T_CALL16 || type == SC_T_CALL32;
    bool task = !lm && (type == SC_T_TASK || type == SC_T_TSS16 || type == SC_T_TSS32);
    if (!gate && !task)
        sc_raise_sel(c, SC_GP, sel, 0);
    if (dpl < c->cpl || (sel & 3u) > dpl)
        sc_raise_sel(c, SC_GP, sel, 0);
    if (!sc_desc_p(d))
        sc_raise_sel(c, SC_NP, sel, 0);
    if (task)
        sc_internal_error(c, NO_TASKS);
    if (lm) {
        sc_desc_fetch_high(c, SC_GP, 0, d);
        if ((d->hi >> 40) & 0x1f)
            sc_raise_sel(c, SC_GP, sel, 0);
    }
    g->selector = (uint16_t)(d->lo >> 16);
    g->offset = (d->lo & 0xffff) | ((d->lo >> 32) & 0xffff0000u) | d->hi << 32;
    g->size = lm ? 8 : type == SC_T_CALL32 ? 4 : 2;
    g->params = (d->lo >> 32) & 31;
    if (g->size == 2)
        g->offset &= 0xffff;

    if (sc_null_selector(g->selector))
        sc_raise_at_rip(c, SC_GP, 0);
    sc_desc_fetch(c, g->selector, SC_GP, 0, &g->code);
    unsigned cdpl = sc_desc_dpl(&g->code);
    bool bad = !sc_desc_code(&g->code) || cdpl > c->cpl;
    if (!call && !sc_desc_conforming(&g->code) && cdpl != c->cpl)
        bad = true;
    if (lm && (!sc_desc_l(&g->code) || sc_desc_db(&g->code)))
        bad = true;
    if (bad)
        sc_raise_sel(c, SC_GP, g->selector, 0);
    if (!sc_desc_p(&g->code))
        sc_raise_sel(c, SC_NP, g->selector, 0);
    sc_check_target(c, &g->code, g->offset, 0);
}

void sc_far_jump(struct sc_cpu *c, uint16_t sel, uint64_t off, unsigned osz)
{
    struct sc_desc d;
    off = cut(off, osz);
    if (c->mode & SC_M_REAL) {
        enter_real(c, sel, off);
        return;
    }
    if (sc_null_selector(sel))
        sc_raise_at_rip(c, SC_GP, 0);
    sc_desc_fetch(c, sel, SC_GP, 0, &d);
    if (!sc_desc_s(&d)) {
        struct call_gate g;
        open_gate(c, &d, false, &g);
        sc_enter_code(c, &g.code, g.selector, c->cpl, g.offset);
        return;
    }
    if (!sc_desc_code(&d))
        sc_raise_sel(c, SC_GP, sel, 0);
    check_direct_cs(c, &d);
    sc_check_target(c, &d, off, 0);
    sc_enter_code(c, &d, sel, c->cpl, off);
}

/* Inner stack of a call gate in long mode: SS becomes null, no parameters. */
static void call_inner_long(struct sc_cpu *c, struct call_gate *g, unsigned cpl, uint64_t next_rip)
{
    struct sc_stk s = { .mask = ~0ull, .sp = sc_tss_rsp(c, cpl, 0, 0) };
    sc_stk_push(c, &s, 8, c->seg[VEMU_SS].selector);
    sc_stk_push(c, &s, 8, c->gpr[VEMU_RSP]);
    sc_stk_push(c, &s, 8, c->seg[VEMU_CS].selector);
    sc_stk_push(c, &s, 8, next_rip);
    sc_desc_accessed(c, &g->code);
    sc_null_ss(c, cpl);
    sc_set64(c, VEMU_RSP, s.sp);
    sc_enter_code(c, &g->code, g->selector, cpl, g->offset);
}

static void call_inner_legacy(struct sc_cpu *c, struct call_gate *g, unsigned cpl,
                              uint64_t next_rip)
{
    struct sc_stk s, old;
    uint64_t params[31];
    sc_stk_inner(c, cpl, 0, &s);
    sc_stk_current(c, &old);
    for (unsigned k = 0; k < g->params; k++)
        params[k] = sc_stk_pop(c, &old, g->size);
    sc_stk_push(c, &s, g->size, c->seg[VEMU_SS].selector);
    sc_stk_push(c, &s, g->size, c->gpr[VEMU_RSP]);
    for (unsigned k = g->params; k-- > 0;)
        sc_stk_push(c, &s, g->size, params[k]);
    sc_stk_push(c, &s, g->size, c->seg[VEMU_CS].selector);
    sc_stk_push(c, &s, g->size, next_rip);
    sc_desc_accessed(c, &g->code);
    c->seg[VEMU_SS] = s.own;
    sc_stk_commit(c, &s);
    sc_enter_code(c, &g->code, g->selector, cpl, g->offset);
}

void sc_far_call(struct sc_cpu *c, uint16_t sel, uint64_t off, unsigned osz, uint64_t next_rip)
{
    struct sc_stk s;
    struct sc_desc d;
    off = cut(off, osz);
    if (c->mode & SC_M_REAL) {
        if (off > c->seg[VEMU_CS].limit)
            sc_raise_at_rip(c, SC_GP, 0);
        sc_stk_current(c, &s);
        sc_stk_push(c, &s, osz, c->seg[VEMU_CS].selector);
        sc_stk_push(c, &s, osz, next_rip);
        enter_real(c, sel, off);
        sc_stk_commit(c, &s);
        return;
    }
    if (sc_null_selector(sel))
        sc_raise_at_rip(c, SC_GP, 0);
    sc_desc_fetch(c, sel, SC_GP, 0, &d);
    if (!sc_desc_s(&d)) {
        struct call_gate g;
        open_gate(c, &d, true, &g);
        unsigned dpl = sc_desc_dpl(&g.code);
        if (!sc_desc_conforming(&g.code) && dpl < c->cpl) {
            if (sc_long_mode(c))
                call_inner_long(c, &g, dpl, next_rip);
            else
                call_inner_legacy(c, &g, dpl, next_rip);
            return;
        }
        sc_stk_current(c, &s);
        sc_stk_push(c, &s, g.size, c->seg[VEMU_CS].selector);
        sc_stk_push(c, &s, g.size, next_rip);
        sc_desc_accessed(c, &g.code);
        sc_stk_commit(c, &s);
        sc_enter_code(c, &g.code, g.selector, c->cpl, g.offset);
        return;
    }
    if (!sc_desc_code(&d))
        sc_raise_sel(c, SC_GP, sel, 0);
    check_direct_cs(c, &d);
    sc_check_target(c, &d, off, 0);
    sc_stk_current(c, &s);
    sc_stk_push(c, &s, osz, c->seg[VEMU_CS].selector);
    sc_stk_push(c, &s, osz, next_rip);
    sc_desc_accessed(c, &d);
    sc_stk_commit(c, &s);
    sc_enter_code(c, &d, sel, c->cpl, off);
}

/* --- returns -------------------------------------------------------------------------------- */

void sc_check_return_cs(struct sc_cpu *c, uint16_t sel, struct sc_desc *d)
{
    if (sc_null_selector(sel))
        sc_raise_at_rip(c, SC_GP, 0);
    sc_desc_fetch(c, sel, SC_GP, 0, d);
    unsigned rpl = sel & 3, dpl = sc_desc_dpl(d);
    if (!sc_desc_code(d) || rpl < c->cpl || (sc_desc_conforming(d) ? dpl > rpl : dpl != rpl))
        sc_raise_sel(c, SC_GP, sel, 0);
    if (!sc_desc_p(d))
        sc_raise_sel(c, SC_NP, sel, 0);
    if (sc_long_mode(c) && sc_desc_l(d) && sc_desc_db(d))
        sc_raise_sel(c, SC_GP, sel, 0);
}

bool sc_check_return_ss(struct sc_cpu *c, uint16_t sel, unsigned cpl, bool to64, struct sc_desc *d)
{
    if (sc_null_selector(sel)) {
        /* SDM 2, RET: null is allowed for a return to 64-bit code outside ring 3. */
        if (!to64 || cpl == 3 || (sel & 3u) != cpl)
            sc_raise_at_rip(c, SC_GP, 0);
        return false;
    }
    sc_check_ss(c, sel, cpl, SC_GP, 0, d);
    return true;
}

void sc_set_return_ss(struct sc_cpu *c, uint16_t sel, unsigned cpl, struct sc_desc *d)
{
    if (d) {
        sc_desc_accessed(c, d);
        sc_desc_load(d, sel, &c->seg[VEMU_SS]);
    } else {
        sc_null_ss(c, cpl);
    }
}

void sc_far_return(struct sc_cpu *c, unsigned osz, unsigned drop)
{
    struct sc_stk s;
    sc_stk_current(c, &s);
    uint64_t off = sc_stk_pop(c, &s, osz);
    uint16_t sel = (uint16_t)sc_stk_pop(c, &s, osz);
    s.sp = (s.sp + drop) & s.mask;

    if (c->mode & SC_M_REAL) {
        enter_real(c, sel, off);
        sc_stk_commit(c, &s);
        return;
    }
    struct sc_desc d, sd;
    sc_check_return_cs(c, sel, &d);
    sc_check_target(c, &d, off, 0);
    unsigned rpl = sel & 3;
    if (rpl == c->cpl) {
        sc_desc_accessed(c, &d);
        sc_stk_commit(c, &s);
        sc_enter_code(c, &d, sel, rpl, off);
        return;
    }
    bool to64 = sc_long_mode(c) && sc_desc_l(&d);
    uint64_t sp = sc_stk_pop(c, &s, osz);
    uint16_t ss = (uint16_t)sc_stk_pop(c, &s, osz);
    bool have_ss = sc_check_return_ss(c, ss, rpl, to64, &sd);
    sc_desc_accessed(c, &d);
    sc_set_return_ss(c, ss, rpl, have_ss ? &sd : NULL);
    sc_set_sp(c, sp + drop, to64);
    sc_enter_code(c, &d, sel, rpl, off);
    sc_drop_inner_segs(c);
}
