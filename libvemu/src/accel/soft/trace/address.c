/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory operands of records, and the address micro-ops for those that need more than
 * base + index * scale + disp: segment bases, limits and rights, 16- and 32-bit addresses.
 *
 * A micro-op leaves the linear address in SC_R_EA; the instruction's record then has that as its
 * base.
 */
#include "accel/soft/mem/linear.h"
#include "accel/soft/trace/trace.h"

SC_OP(op_ea_fs)
{
    c->gpr[SC_R_EA] = c->seg[VEMU_FS].base + sc_ea(c, i);
    SC_NEXT;
}

SC_OP(op_ea_gs)
{
    c->gpr[SC_R_EA] = c->seg[VEMU_GS].base + sc_ea(c, i);
    SC_NEXT;
}

/* A displacement that did not fit (RIP-relative, near 2 GiB). */
SC_OP(op_ea_far)
{
    c->gpr[SC_R_EA] = c->gpr[i->base] + i->imm;
    SC_NEXT;
}

/* 64-bit code with 32-bit addresses; aux: FS, GS, or a segment whose base counts as 0. */
SC_OP(op_ea_short)
{
    uint64_t base = i->aux >= VEMU_FS ? c->seg[i->aux].base : 0;
    c->gpr[SC_R_EA] = base + (uint32_t)sc_ea(c, i);
    SC_NEXT;
}

/* Offset only: the address of an LEA-like instruction, cut to 16 or 32 bits. */
SC_OP(op_ea_offset16)
{
    c->gpr[SC_R_EA] = (uint16_t)sc_ea(c, i);
    SC_NEXT;
}

SC_OP(op_ea_offset32)
{
    c->gpr[SC_R_EA] = (uint32_t)sc_ea(c, i);
    SC_NEXT;
}

/* 16- and 32-bit code. aux: segment, aux2: write, imm: size - 1. Writable expand-up data segments
 * are checked here, the rest in sc_linear(). */
SC_INLINE uint64_t ea_checked(struct sc_cpu *c, const struct sc_insn *i, uint32_t off)
{
    const struct vemu_segment *s = &c->seg[i->aux];

    if (SC_LIKELY(off + i->imm <= s->limit) && SC_LIKELY((s->type & 0xe) == 2) &&
        SC_LIKELY(!s->unusable))
        return (uint32_t)(s->base + off);
    return sc_linear(c, i, i->aux, off, (unsigned)i->imm + 1, i->aux2);
}

SC_OP(op_ea_seg16)
{
    c->gpr[SC_R_EA] = ea_checked(c, i, (uint16_t)sc_ea(c, i));
    SC_NEXT;
}

SC_OP(op_ea_seg32)
{
    c->gpr[SC_R_EA] = ea_checked(c, i, (uint32_t)sc_ea(c, i));
    SC_NEXT;
}

/* Which micro-op, if any, computes this operand's address? */
static sc_fn *address_op(const struct sc_dec *d, unsigned size)
{
    if (!size) {
        if (d->opcode == 0x8d && d->asz >= d->osz)
            return NULL; /* LEA cuts the result itself */
        return d->asz == 2 ? op_ea_offset16 : d->asz == 4 ? op_ea_offset32 : NULL;
    }
    if (!(d->mode & SC_M_64))
        return d->asz == 2 ? op_ea_seg16 : op_ea_seg32;
    if (d->asz == 4)
        return op_ea_short;
    if (d->mseg == VEMU_FS)
        return op_ea_fs;
    if (d->mseg == VEMU_GS)
        return op_ea_gs;
    return NULL;
}

static void operand(struct sc_insn *r, const struct sc_dec *d)
{
    r->base = d->base;
    r->index = d->index;
    r->scale = d->scale;
    r->disp = (int32_t)d->disp;
}

static struct sc_insn *micro(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn)
{
    struct sc_insn *m = sc_tb_add(tb, d, fn);

    operand(m, d);
    m->flags = SC_I_MICRO;
    if (d->mode & SC_M_64)
        m->flags |= SC_I_FQUIET;
    return m;
}

struct sc_insn *sc_tb_mem(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn, unsigned size,
                          bool write)
{
    sc_fn *address = address_op(d, size);
    struct sc_insn *r;

    if (d->disp != (int32_t)d->disp) { /* RIP-relative: no index, and FS or GS may still come */
        struct sc_insn *m = micro(tb, d, op_ea_far);
        struct sc_dec rest = *d;
        m->imm = (uint64_t)d->disp;
        rest.base = SC_R_EA;
        rest.disp = 0;
        return sc_tb_mem(tb, &rest, fn, size, write);
    }
    if (address) {
        struct sc_insn *m = micro(tb, d, address);
        m->aux = d->mseg;
        m->aux2 = write;
        m->imm = size - 1;
        r = sc_tb_add(tb, d, fn);
        r->base = SC_R_EA;
    } else {
        r = sc_tb_add(tb, d, fn);
        operand(r, d);
    }
    if (d->mseg == VEMU_SS)
        r->flags |= SC_I_SS;
    return r;
}
