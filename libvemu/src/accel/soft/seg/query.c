/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LLDT, LTR and the instructions that ask about descriptors: LAR, LSL, VERR, VERW (SDM 2). */
#include "accel/soft/seg/query.h"

#include "accel/soft/int/flags.h"
#include "accel/soft/seg/seg.h"

void sc_set_zf(struct sc_cpu *c, bool zf)
{
    uint32_t flags = sc_flags_arith(c);
    sc_flags_set_arith(c, zf ? flags | SC_ZF : flags & ~SC_ZF);
}

/* System descriptors that LLDT and LTR load: in the GDT, 16 bytes in long mode. */
static void fetch_system(struct sc_cpu *c, uint16_t sel, struct sc_desc *d)
{
    if (sel & 4)
        sc_raise_sel(c, SC_GP, sel, 0);
    sc_desc_fetch(c, sel, SC_GP, 0, d);
}

static void fetch_base_high(struct sc_cpu *c, struct sc_desc *d)
{
    if (!sc_long_mode(c))
        return;
    sc_desc_fetch_high(c, SC_GP, 0, d);
    if (((d->hi >> 40) & 0x1f) || !sc_canonical((d->hi << 32) | sc_desc_base(d)))
        sc_raise_sel(c, SC_GP, d->selector, 0);
}

void sc_lldt(struct sc_cpu *c, uint16_t sel)
{
    struct sc_desc d;
    if (sc_null_selector(sel)) {
        c->ldt = (struct vemu_segment){ .selector = sel, .unusable = 1 };
        return;
    }
    fetch_system(c, sel, &d);
    if (sc_desc_s(&d) || sc_desc_type(&d) != SC_T_LDT)
        sc_raise_sel(c, SC_GP, sel, 0);
    if (!sc_desc_p(&d))
        sc_raise_sel(c, SC_NP, sel, 0);
    fetch_base_high(c, &d);
    sc_desc_load(&d, sel, &c->ldt);
}

void sc_ltr(struct sc_cpu *c, uint16_t sel)
{
    struct sc_desc d;
    if (sc_null_selector(sel))
        sc_raise_at_rip(c, SC_GP, 0);
    fetch_system(c, sel, &d);
    unsigned type = sc_desc_type(&d);
    if (sc_desc_s(&d) || (type != SC_T_TSS32 && (sc_long_mode(c) || type != SC_T_TSS16)))
        sc_raise_sel(c, SC_GP, sel, 0);
    if (!sc_desc_p(&d))
        sc_raise_sel(c, SC_NP, sel, 0);
    fetch_base_high(c, &d);
    sc_desc_busy(c, &d);
    sc_desc_load(&d, sel, &c->tr);
}

/* May a program at this CPL, with this selector, see the descriptor? */
static bool visible(struct sc_cpu *c, const struct sc_desc *d)
{
    if (sc_desc_code(d) && sc_desc_conforming(d))
        return true;
    unsigned dpl = sc_desc_dpl(d);
    return c->cpl <= dpl && (d->selector & 3u) <= dpl;
}

/* Bit n: system descriptor type n is valid for the instruction. */
#define LAR_LEGACY 0x1a3eu /* 1 2 3 4 5 9 B C */
#define LAR_LONG 0x1a04u   /* 2 9 B C */
#define LSL_LEGACY 0x0a0eu /* 1 2 3 9 B */
#define LSL_LONG 0x0a04u   /* 2 9 B */

static bool look(struct sc_cpu *c, uint16_t sel, uint32_t system_types, struct sc_desc *d)
{
    if (sc_null_selector(sel) || !sc_desc_try(c, sel, d))
        return false;
    if (!sc_desc_s(d) && !((system_types >> sc_desc_type(d)) & 1))
        return false;
    return visible(c, d);
}

bool sc_lar(struct sc_cpu *c, uint16_t sel, uint32_t *ret)
{
    struct sc_desc d;
    if (!look(c, sel, sc_long_mode(c) ? LAR_LONG : LAR_LEGACY, &d))
        return false;
    *ret = (uint32_t)(d.lo >> 32) & 0x00f0ff00;
    return true;
}

bool sc_lsl(struct sc_cpu *c, uint16_t sel, uint32_t *ret)
{
    struct sc_desc d;
    if (!look(c, sel, sc_long_mode(c) ? LSL_LONG : LSL_LEGACY, &d))
        return false;
    *ret = sc_desc_limit(&d);
    return true;
}

bool sc_verify(struct sc_cpu *c, uint16_t sel, bool write)
{
    struct sc_desc d;
    if (!look(c, sel, 0, &d))
        return false;
    if (write)
        return sc_desc_writable_data(&d);
    return !sc_desc_code(&d) || (sc_desc_type(&d) & 2);
}
