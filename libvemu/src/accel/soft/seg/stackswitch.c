/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks of far transfers and events: the current one, and those the TSS names (SDM 3A.5.8.5,
 * 6.12.1, 6.14). Unlike PUSH and POP, these may have other rights than the CPL's, and move RSP only
 * when all is well.
 */
#include "accel/soft/seg/seg.h"

static uint64_t stack_mask(const struct vemu_segment *ss)
{
    return ss->db ? 0xffffffffu : 0xffffu;
}

void sc_stk_current(struct sc_cpu *c, struct sc_stk *s)
{
    s->ss = &c->seg[VEMU_SS];
    s->mask = c->mode & SC_M_64 ? ~0ull : stack_mask(s->ss);
    s->sp = c->gpr[VEMU_RSP] & s->mask;
    s->user = c->cpl == 3;
    s->error = 0;
}

static uint64_t linear(struct sc_cpu *c, const struct sc_stk *s, uint64_t sp, unsigned size)
{
    if (s->mask == ~0ull) {
        if (!sc_canonical(sp) || !sc_canonical(sp + size - 1))
            sc_raise_at_rip(c, SC_SS, s->error);
        return sp;
    }
    uint64_t last = sp + size - 1, limit = s->ss->limit;
    bool ok;
    if ((s->ss->type & 0xc) == 4) /* expand-down */
        ok = sp > limit && last <= stack_mask(s->ss);
    else
        ok = last <= limit;
    if (!ok)
        sc_raise_at_rip(c, SC_SS, s->error);
    return (uint32_t)(s->ss->base + sp);
}

void sc_stk_push(struct sc_cpu *c, struct sc_stk *s, unsigned size, uint64_t v)
{
    uint64_t sp = (s->sp - size) & s->mask;
    sc_write_as(c, linear(c, s, sp, size), &v, size, s->user);
    s->sp = sp;
}

uint64_t sc_stk_pop(struct sc_cpu *c, struct sc_stk *s, unsigned size)
{
    uint64_t v = 0;
    sc_read_as(c, linear(c, s, s->sp, size), &v, size, s->user);
    s->sp = (s->sp + size) & s->mask;
    return v;
}

void sc_set_sp(struct sc_cpu *c, uint64_t v, bool in64)
{
    if (in64)
        sc_set64(c, VEMU_RSP, v);
    else if (c->seg[VEMU_SS].db)
        sc_set32(c, VEMU_RSP, (uint32_t)v);
    else
        sc_set16(c, VEMU_RSP, (uint16_t)v);
}

void sc_stk_commit(struct sc_cpu *c, const struct sc_stk *s)
{
    if (s->mask == ~0ull)
        sc_set64(c, VEMU_RSP, s->sp);
    else if (s->mask == 0xffffffffu)
        sc_set32(c, VEMU_RSP, (uint32_t)s->sp);
    else
        sc_set16(c, VEMU_RSP, (uint16_t)s->sp);
}

void sc_stk_inner(struct sc_cpu *c, unsigned cpl, unsigned ext, struct sc_stk *s)
{
    uint32_t off, need;
    uint64_t esp;
    uint16_t sel;
    bool tss32 = c->tr.type & 8;

    off = tss32 ? 4 + cpl * 8 : 2 + cpl * 4;
    need = off + (tss32 ? 5 : 3);
    if (c->tr.unusable || need > c->tr.limit)
        sc_raise_sel(c, SC_TS, c->tr.selector, ext);
    if (tss32) {
        esp = sc_sys_ld(c, c->tr.base + off, 4);
        sel = (uint16_t)sc_sys_ld(c, c->tr.base + off + 4, 2);
    } else {
        esp = sc_sys_ld(c, c->tr.base + off, 2);
        sel = (uint16_t)sc_sys_ld(c, c->tr.base + off + 2, 2);
    }
    struct sc_desc d;
    sc_check_ss(c, sel, cpl, SC_TS, ext, &d);
    sc_desc_accessed(c, &d);
    sc_desc_load(&d, sel, &s->own);
    s->ss = &s->own;
    s->mask = stack_mask(&s->own);
    s->sp = esp & s->mask;
    s->user = cpl == 3;
    s->error = (uint16_t)((sel & 0xfffc) | ext);
}

uint64_t sc_tss_rsp(struct sc_cpu *c, unsigned cpl, unsigned ist, unsigned ext)
{
    uint32_t off = ist ? 0x24 + (ist - 1) * 8 : 4 + cpl * 8;
    if (SC_UNLIKELY(c->tr.unusable || off + 7 > c->tr.limit))
        sc_raise_sel(c, SC_TS, c->tr.selector, ext);
    return sc_sys_ld(c, c->tr.base + off, 8);
}
