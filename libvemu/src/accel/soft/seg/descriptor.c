/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segment descriptors in memory and in segment registers (SDM 3A.3.4.5). */
#include "accel/soft/seg/seg.h"

bool sc_desc_try(struct sc_cpu *c, uint16_t sel, struct sc_desc *d)
{
    uint64_t base = c->gdt.base;
    uint32_t limit = c->gdt.limit;
    if (sel & 4) {
        if (c->ldt.unusable || !c->ldt.present)
            return false;
        base = c->ldt.base;
        limit = c->ldt.limit;
    }
    if ((uint32_t)(sel | 7) > limit)
        return false;
    d->addr = base + (sel & 0xfff8);
    d->selector = sel;
    d->lo = sc_sys_ld(c, d->addr, 8);
    d->hi = 0;
    return true;
}

void sc_desc_fetch(struct sc_cpu *c, uint16_t sel, unsigned vector, unsigned ext, struct sc_desc *d)
{
    if (!sc_desc_try(c, sel, d))
        sc_raise_sel(c, vector, sel, ext);
}

void sc_desc_fetch_high(struct sc_cpu *c, unsigned vector, unsigned ext, struct sc_desc *d)
{
    uint32_t limit = d->selector & 4 ? c->ldt.limit : c->gdt.limit;
    if ((uint32_t)(d->selector | 7) + 8 > limit)
        sc_raise_sel(c, vector, d->selector, ext);
    d->hi = sc_sys_ld(c, d->addr + 8, 8);
}

void sc_desc_accessed(struct sc_cpu *c, struct sc_desc *d)
{
    if (SC_LIKELY(d->lo & (1ull << 40)))
        return;
    d->lo |= 1ull << 40;
    sc_sys_st(c, d->addr + 5, 1, (d->lo >> 40) & 0xff);
}

void sc_desc_busy(struct sc_cpu *c, struct sc_desc *d)
{
    d->lo |= 1ull << 41;
    sc_sys_st(c, d->addr + 5, 1, (d->lo >> 40) & 0xff);
}

void sc_desc_load(const struct sc_desc *d, uint16_t sel, struct vemu_segment *s)
{
    *s = (struct vemu_segment){
        .base = sc_desc_base(d) | d->hi << 32,
        .limit = sc_desc_limit(d),
        .selector = sel,
        .type = (uint8_t)sc_desc_type(d),
        .s = sc_desc_s(d),
        .dpl = (uint8_t)sc_desc_dpl(d),
        .present = sc_desc_p(d),
        .avl = (d->lo >> 52) & 1,
        .l = sc_desc_l(d),
        .db = sc_desc_db(d),
        .g = (d->lo >> 55) & 1,
    };
}

void sc_null_ss(struct sc_cpu *c, unsigned rpl)
{
    c->seg[VEMU_SS] = (struct vemu_segment){
        .selector = (uint16_t)rpl, .dpl = (uint8_t)rpl, .limit = 0xffffffffu, .type = 3, .s = 1,
        .db = 1, .g = 1, .unusable = 1,
    };
}

void sc_set_seg_raw(struct sc_cpu *c, unsigned seg, uint16_t selector, uint64_t base,
                    uint32_t limit, uint16_t attributes)
{
    c->seg[seg] = (struct vemu_segment){
        .base = base,
        .limit = limit,
        .selector = selector,
        .type = attributes & 15,
        .s = (attributes >> 4) & 1,
        .dpl = (attributes >> 5) & 3,
        .present = (attributes >> 7) & 1,
        .avl = (attributes >> 8) & 1,
        .l = (attributes >> 9) & 1,
        .db = (attributes >> 10) & 1,
        .g = (attributes >> 11) & 1,
    };
}
