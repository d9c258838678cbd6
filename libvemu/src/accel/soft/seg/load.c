/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading data and stack segment registers (SDM 2, MOV; 3A.5.6 and 5.7). */
#include "accel/soft/seg/seg.h"

void sc_load_seg_real(struct sc_cpu *c, unsigned seg, uint16_t sel)
{
    struct vemu_segment *s = &c->seg[seg];
    s->selector = sel;
    s->base = (uint32_t)sel << 4;
    if (c->mode & SC_M_V86) {
        s->limit = 0xffff;
        s->type = 3;
        s->s = s->present = 1;
        s->dpl = 3;
        s->db = s->g = s->l = s->unusable = 0;
        return;
    }
    /* Limit and attributes stay what they were: "unreal" mode depends on it. A register that was
     * null in protected mode becomes an ordinary real-mode one. */
    if (s->unusable || !s->present) {
        s->limit = 0xffff;
        s->db = s->g = s->l = s->unusable = 0;
        s->s = s->present = 1;
        s->type = 3;
        s->dpl = 0;
    }
    if (seg == VEMU_CS)
        s->type = 3;
}

void sc_check_ss(struct sc_cpu *c, uint16_t sel, unsigned cpl, unsigned vector, unsigned ext,
                 struct sc_desc *d)
{
    if (sc_null_selector(sel))
        sc_raise_at_rip(c, vector, ext);
    sc_desc_fetch(c, sel, vector, ext, d);
    if ((sel & 3u) != cpl || !sc_desc_writable_data(d) || sc_desc_dpl(d) != cpl)
        sc_raise_sel(c, vector, sel, ext);
    if (!sc_desc_p(d))
        sc_raise_sel(c, SC_SS, sel, ext);
}

static void load_null(struct sc_cpu *c, unsigned seg, uint16_t sel)
{
    struct vemu_segment *s = &c->seg[seg];
    if (seg == VEMU_SS) {
        if (!(c->mode & SC_M_64) || c->cpl == 3 || (sel & 3) != c->cpl)
            sc_raise_at_rip(c, SC_GP, 0);
        sc_null_ss(c, c->cpl);
        return;
    }
    s->selector = sel;
    s->base = 0;
    s->present = 0;
    s->unusable = 1;
}

void sc_load_seg(struct sc_cpu *c, unsigned seg, uint16_t sel)
{
    struct sc_desc d;
    if (c->mode & SC_M_REAL) {
        sc_load_seg_real(c, seg, sel);
        return;
    }
    if (sc_null_selector(sel)) {
        load_null(c, seg, sel);
        if (seg == VEMU_SS)
            sc_update_mode(c);
        return;
    }
    if (seg == VEMU_SS) {
        sc_check_ss(c, sel, c->cpl, SC_GP, 0, &d);
        sc_desc_accessed(c, &d);
        sc_desc_load(&d, sel, &c->seg[seg]);
        sc_update_mode(c);
        return;
    }
    sc_desc_fetch(c, sel, SC_GP, 0, &d);
    unsigned type = sc_desc_type(&d), dpl = sc_desc_dpl(&d);
    /* Data or readable code; privileges do not matter for conforming code. */
    if (!sc_desc_s(&d) || (type & 0xa) == 8 ||
        ((type & 0xc) != 0xc && ((sel & 3u) > dpl || c->cpl > dpl)))
        sc_raise_sel(c, SC_GP, sel, 0);
    if (!sc_desc_p(&d))
        sc_raise_sel(c, SC_NP, sel, 0);
    sc_desc_accessed(c, &d);
    sc_desc_load(&d, sel, &c->seg[seg]);
}

void sc_drop_inner_segs(struct sc_cpu *c)
{
    static const uint8_t regs[] = { VEMU_ES, VEMU_DS, VEMU_FS, VEMU_GS };
    for (unsigned k = 0; k < sizeof(regs); k++) {
        struct vemu_segment *s = &c->seg[regs[k]];
        /* Null registers stay as they are: FS and GS may have a base from an MSR. */
        if (s->unusable || s->dpl >= c->cpl || (s->type & 0xc) == 0xc)
            continue;
        s->selector = 0;
        s->base = 0;
        s->present = 0;
        s->unusable = 1;
    }
}
