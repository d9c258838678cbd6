/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From an event to its handler: real-mode IVT, 16/32-bit gates, 64-bit gates (SDM 3A.6.12, 6.14).
 */
#include "accel/soft/event/event.h"

#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"

/* Error code bits: EXT for events from outside the program, IDT for gates. */
static unsigned ext_bit(const struct sc_event *e)
{
    return !e->soft;
}

static _Noreturn void raise_gate(struct sc_cpu *c, unsigned vector, const struct sc_event *e)
{
    sc_raise_at_rip(c, vector, e->vector * 8u + 2 + ext_bit(e));
}

/* RFLAGS as pushed. RF is kept only where instruction breakpoints make it mean something: then the
 * run loop clears it after each instruction. */
static uint32_t flags_image(const struct sc_cpu *c, const struct sc_event *e)
{
    uint32_t fl = sc_rflags(c);
    if (e->fault)
        return fl | SC_RF;
    return c->mode & SC_M_STEP ? fl : fl & ~SC_RF;
}

static void clear_flags(struct sc_cpu *c, bool interrupt_gate)
{
    c->eflags &= ~(SC_TF | SC_NT | SC_RF | SC_VM);
    if (interrupt_gate)
        c->eflags &= ~SC_IF;
}

/* --- real-address mode ------------------------------------------------------------------------ */

static void deliver_real(struct sc_cpu *c, const struct sc_event *e)
{
    struct sc_stk s;
    if (e->vector * 4u + 3 > c->idt.limit)
        raise_gate(c, SC_GP, e);
    uint32_t target = (uint32_t)sc_sys_ld(c, c->idt.base + e->vector * 4u, 4);
    sc_stk_current(c, &s);
    sc_stk_push(c, &s, 2, flags_image(c, e) & 0xffff);
    sc_stk_push(c, &s, 2, c->seg[VEMU_CS].selector);
    sc_stk_push(c, &s, 2, e->rip);
    sc_stk_commit(c, &s);
    c->eflags &= ~(SC_IF | SC_TF | SC_AC | SC_RF);
    sc_load_seg_real(c, VEMU_CS, (uint16_t)(target >> 16));
    c->rip = target & 0xffff;
    sc_update_mode(c);
}

/* --- gates ---------------------------------------------------------------------------------- */

/* The gate's code segment; returns the new CPL. */
static unsigned gate_code(struct sc_cpu *c, const struct sc_event *e, uint16_t sel,
                          struct sc_desc *d)
{
    unsigned ext = ext_bit(e);
    if (sc_null_selector(sel))
        sc_raise_at_rip(c, SC_GP, ext);
    sc_desc_fetch(c, sel, SC_GP, ext, d);
    unsigned dpl = sc_desc_dpl(d);
    if (!sc_desc_code(d) || dpl > c->cpl)
        sc_raise_sel(c, SC_GP, sel, ext);
    if (!sc_desc_p(d))
        sc_raise_sel(c, SC_NP, sel, ext);
    return sc_desc_conforming(d) ? c->cpl : dpl;
}

static void deliver_long(struct sc_cpu *c, const struct sc_event *e)
{
    unsigned ext = ext_bit(e), offset = e->vector * 16u;
    if (SC_UNLIKELY(offset + 15 > c->idt.limit))
        raise_gate(c, SC_GP, e);
    uint64_t lo = sc_sys_ld(c, c->idt.base + offset, 8);
    uint64_t hi = sc_sys_ld(c, c->idt.base + offset + 8, 8);
    unsigned type = (lo >> 40) & 0x1f;
    if ((type != SC_T_INT32 && type != SC_T_TRAP32) ||
        (e->soft && ((lo >> 45) & 3) < c->cpl))
        raise_gate(c, SC_GP, e);
    if (!(lo & (1ull << 47)))
        raise_gate(c, SC_NP, e);

    struct sc_desc d;
    uint16_t sel = (uint16_t)(lo >> 16);
    unsigned cpl = gate_code(c, e, sel, &d);
    if (!sc_desc_l(&d) || sc_desc_db(&d))
        sc_raise_sel(c, SC_GP, sel, ext);
    uint64_t rip = (lo & 0xffff) | ((lo >> 32) & 0xffff0000u) | hi << 32;
    if (SC_UNLIKELY(!sc_canonical(rip)))
        sc_raise_at_rip(c, SC_GP, ext);

    unsigned ist = (lo >> 32) & 7;
    uint64_t rsp = c->gpr[VEMU_RSP];
    if (ist || cpl < c->cpl)
        rsp = sc_tss_rsp(c, cpl, ist, ext);
    rsp &= ~15ull;

    uint64_t frame[6], *f = frame;
    if (e->has_error)
        *f++ = e->error;
    f[0] = e->rip;
    f[1] = c->seg[VEMU_CS].selector;
    f[2] = flags_image(c, e);
    f[3] = c->gpr[VEMU_RSP];
    f[4] = c->seg[VEMU_SS].selector;
    unsigned size = e->has_error ? 48 : 40;
    if (SC_UNLIKELY(!sc_canonical(rsp - 1) || !sc_canonical(rsp - size)))
        sc_raise_at_rip(c, SC_SS, ext);
    sc_write_as(c, rsp - size, frame, size, cpl == 3);

    sc_desc_accessed(c, &d);
    if (cpl < c->cpl)
        sc_null_ss(c, cpl);
    c->gpr[VEMU_RSP] = rsp - size;
    clear_flags(c, type == SC_T_INT32);
    sc_desc_load(&d, (uint16_t)((sel & 0xfffc) | cpl), &c->seg[VEMU_CS]);
    c->rip = rip;
    sc_set_cpl(c, cpl);
}

/* Virtual-8086 mode is left: the data segment registers go onto the stack and become null. */
static void push_v86_segs(struct sc_cpu *c, struct sc_stk *s, unsigned size)
{
    static const uint8_t order[] = { VEMU_GS, VEMU_FS, VEMU_DS, VEMU_ES };
    for (unsigned k = 0; k < 4; k++)
        sc_stk_push(c, s, size, c->seg[order[k]].selector);
}

static void clear_v86_segs(struct sc_cpu *c)
{
    static const uint8_t order[] = { VEMU_GS, VEMU_FS, VEMU_DS, VEMU_ES };
    for (unsigned k = 0; k < 4; k++) {
        struct vemu_segment *s = &c->seg[order[k]];
        *s = (struct vemu_segment){ .unusable = 1, .limit = s->limit, .type = s->type, .s = s->s };
    }
}

static void deliver_protected(struct sc_cpu *c, const struct sc_event *e)
{
    unsigned ext = ext_bit(e), offset = e->vector * 8u;
    if (offset + 7 > c->idt.limit)
        raise_gate(c, SC_GP, e);
    uint64_t lo = sc_sys_ld(c, c->idt.base + offset, 8);
    unsigned type = (lo >> 40) & 0x1f;
    if ((type != SC_T_TASK && type != SC_T_INT16 && type != SC_T_TRAP16 && type != SC_T_INT32 &&
         type != SC_T_TRAP32) ||
        (e->soft && ((lo >> 45) & 3) < c->cpl))
        raise_gate(c, SC_GP, e);
    if (!(lo & (1ull << 47)))
        raise_gate(c, SC_NP, e);
    if (type == SC_T_TASK)
        sc_internal_error(c,
                          "interrupt through a task gate: hardware task switch is not implemented");

    struct sc_desc d;
    struct sc_stk s;
    uint16_t sel = (uint16_t)(lo >> 16);
    unsigned cpl = gate_code(c, e, sel, &d), size = type & 8 ? 4 : 2;
    uint32_t eip = (uint32_t)(lo & 0xffff) | (size == 4 ? (uint32_t)(lo >> 32) & 0xffff0000u : 0);
    bool v86 = c->mode & SC_M_V86, inner = cpl < c->cpl;
    if (v86 && cpl != 0)
        sc_raise_sel(c, SC_GP, sel, ext);
    if (inner)
        sc_stk_inner(c, cpl, ext, &s);
    else
        sc_stk_current(c, &s);
    sc_check_target(c, &d, eip, ext);
    if (!inner)
        s.error = (uint16_t)ext;
    if (v86)
        push_v86_segs(c, &s, size);
    if (inner) {
        sc_stk_push(c, &s, size, c->seg[VEMU_SS].selector);
        sc_stk_push(c, &s, size, c->gpr[VEMU_RSP]);
    }
    sc_stk_push(c, &s, size, flags_image(c, e));
    sc_stk_push(c, &s, size, c->seg[VEMU_CS].selector);
    sc_stk_push(c, &s, size, e->rip);
    if (e->has_error)
        sc_stk_push(c, &s, size, e->error);

    sc_desc_accessed(c, &d);
    if (v86)
        clear_v86_segs(c);
    if (inner)
        c->seg[VEMU_SS] = s.own;
    sc_stk_commit(c, &s);
    clear_flags(c, type == SC_T_INT32 || type == SC_T_INT16);
    sc_enter_code(c, &d, sel, cpl, eip);
}

void sc_deliver(struct sc_cpu *c, const struct sc_event *e)
{
    if (SC_LIKELY(c->efer & SC_EFER_LMA))
        deliver_long(c, e);
    else if (c->cr0 & SC_CR0_PE)
        deliver_protected(c, e);
    else
        deliver_real(c, e);
}
