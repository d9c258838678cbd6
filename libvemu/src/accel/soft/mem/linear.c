/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segmented addresses outside ModRM operands: see linear.h. */
#include "accel/soft/mem/linear.h"

/* May the segment be used for such an access at all? */
static bool linear_usable(const struct sc_cpu *c, const struct vemu_segment *s, bool write)
{
    if (c->mode & SC_M_REAL)
        return true;
    if (s->unusable || !s->present)
        return false;
    if (s->type & 8) /* code: never writable, readable by bit 1 */
        return !write && (s->type & 2);
    return !write || (s->type & 2);
}

static bool linear_expand_down(const struct vemu_segment *s)
{
    return (s->type & 0xc) == 4;
}

uint64_t sc_linear_room(const struct sc_cpu *c, unsigned seg, uint32_t off, bool write)
{
    const struct vemu_segment *s = &c->seg[seg];
    if (!linear_usable(c, s, write))
        return 0;
    if (linear_expand_down(s)) {
        const uint64_t top = s->db ? UINT32_MAX : UINT16_MAX;
        return off > s->limit && off <= top ? top - off + 1 : 0;
    }
    return off <= s->limit ? (uint64_t)s->limit - off + 1 : 0;
}

uint64_t sc_linear(struct sc_cpu *c, const struct sc_insn *i, unsigned seg, uint64_t off,
                   unsigned size, bool write)
{
    if (c->mode & SC_M_64)
        return sc_seg_base(c, seg) + off;
    const struct vemu_segment *s = &c->seg[seg];
    const uint64_t room = sc_linear_room(c, seg, (uint32_t)off, write);

    /* A segment of 4 GiB wraps around instead. */
    if (SC_UNLIKELY(room < size) && !(room && s->limit == UINT32_MAX && !linear_expand_down(s)))
        sc_raise(c, i, seg == VEMU_SS ? SC_SS : SC_GP, 0);
    return (uint32_t)(c->seg[seg].base + off);
}
