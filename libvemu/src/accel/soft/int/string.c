/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * String instructions: MOVS STOS LODS CMPS SCAS INS OUTS, alone and with REP.
 *
 * A repeated instruction works in chunks: as many elements as lie in one page on each side, in
 * plain RAM, inside the segment. A chunk is one memmove or memset (or what gives the same bytes
 * when the operands overlap so that the copy replicates itself). What a chunk cannot do - MMIO,
 * pages with code, elements across a page or limit - is done element by element through the
 * ordinary accesses, which also raise the faults. Registers are up to date after every chunk, so a
 * fault or an interrupt in the middle finds exactly the completed iterations; between chunks
 * pending events are let in, with RIP still at the instruction. Flags are those of the last
 * comparison and stored at the end only (SDM Vol. 2, REP: a fault restores them).
 *
 * Records: aux element size, aux2 address size, aux3 segment of the source, dst enum rep.
 */
#include <string.h>

#include "accel/soft/int/op.h"
#include "accel/soft/mem/linear.h"
#include "accel/soft/parts.h"

enum kind { MOVS, STOS, LODS, CMPS, SCAS, INS, OUTS };
enum rep { ONCE, REPE, REPNE };

/* --- index registers -------------------------------------------------------------------------- */

SC_INLINE uint64_t str_reg(const struct sc_cpu *c, const struct sc_insn *i, unsigned r)
{
    return c->gpr[r] & sc_asz_mask(i->aux2);
}
SC_INLINE void str_set(struct sc_cpu *c, const struct sc_insn *i, unsigned r, uint64_t v)
{
    if (i->aux2 == 8)
        sc_set64(c, r, v);
    else if (i->aux2 == 4)
        sc_set32(c, r, (uint32_t)v);
    else
        sc_set16(c, r, (uint16_t)v);
}
SC_INLINE bool str_down(const struct sc_cpu *c)
{
    return (c->eflags & SC_DF) != 0;
}
/* Moves an index register by n elements in the direction of DF. */
SC_INLINE void str_advance(struct sc_cpu *c, const struct sc_insn *i, unsigned r, uint64_t n)
{
    const uint64_t bytes = n * i->aux;
    str_set(c, i, r, c->gpr[r] + (str_down(c) ? 0 - bytes : bytes));
}

/* --- elements ------------------------------------------------------------------------------- */

static uint64_t str_load(struct sc_cpu *c, const struct sc_insn *i, unsigned seg, unsigned r)
{
    const uint64_t va = sc_linear(c, i, seg, str_reg(c, i, r), i->aux, false);
    switch (i->aux) {
    case 1: return sc_ld8(c, i, va);
    case 2: return sc_ld16(c, i, va);
    case 4: return sc_ld32(c, i, va);
    default: return sc_ld64(c, i, va);
    }
}
static void str_store(struct sc_cpu *c, const struct sc_insn *i, uint64_t v)
{
    const uint64_t va = sc_linear(c, i, VEMU_ES, str_reg(c, i, VEMU_RDI), i->aux, true);
    switch (i->aux) {
    case 1: sc_st8(c, i, va, (uint8_t)v); break;
    case 2: sc_st16(c, i, va, (uint16_t)v); break;
    case 4: sc_st32(c, i, va, (uint32_t)v); break;
    default: sc_st64(c, i, va, v); break;
    }
}
static void str_set_acc(struct sc_cpu *c, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: sc_set8(c, 0, (uint8_t)v); break;
    case 2: sc_set16(c, VEMU_RAX, (uint16_t)v); break;
    case 4: sc_set32(c, VEMU_RAX, (uint32_t)v); break;
    default: sc_set64(c, VEMU_RAX, v); break;
    }
}
SC_INLINE int64_t str_sx(unsigned size, uint64_t v)
{
    return size == 1 ? (int8_t)v : size == 2 ? (int16_t)v : size == 4 ? (int32_t)v : (int64_t)v;
}
/* Flags of a - b. */
static void str_compare(struct sc_cpu *c, unsigned size, uint64_t a, uint64_t b)
{
    sc_flags_store(c, SC_F_SUB, str_sx(size, a - b), str_sx(size, a), str_sx(size, b));
}

/* One iteration without REP; REP's element-by-element way uses it, too. */
static void str_ins(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint16_t port = sc_get16(c, VEMU_RDX);
    sc_check_io(c, i, port, i->aux);
    /* The device must not be read when the result cannot be stored. */
    sc_probe_write(c, i, sc_linear(c, i, VEMU_ES, str_reg(c, i, VEMU_RDI), i->aux, true), i->aux);
    c->rip = sc_rip(c, i);
    str_store(c, i, sc_io_in(c, port, i->aux));
    str_advance(c, i, VEMU_RDI, 1);
}
static void str_outs(struct sc_cpu *c, const struct sc_insn *i)
{
    const uint16_t port = sc_get16(c, VEMU_RDX);
    sc_check_io(c, i, port, i->aux);
    const uint32_t v = (uint32_t)str_load(c, i, i->aux3, VEMU_RSI);
    c->rip = sc_rip(c, i);
    sc_io_out(c, port, i->aux, v);
    str_advance(c, i, VEMU_RSI, 1);
}
static void str_movs(struct sc_cpu *c, const struct sc_insn *i)
{
    str_store(c, i, str_load(c, i, i->aux3, VEMU_RSI));
    str_advance(c, i, VEMU_RSI, 1);
    str_advance(c, i, VEMU_RDI, 1);
}
static void str_stos(struct sc_cpu *c, const struct sc_insn *i)
{
    str_store(c, i, c->gpr[VEMU_RAX]);
    str_advance(c, i, VEMU_RDI, 1);
}
static void str_lods(struct sc_cpu *c, const struct sc_insn *i)
{
    str_set_acc(c, i->aux, str_load(c, i, i->aux3, VEMU_RSI));
    str_advance(c, i, VEMU_RSI, 1);
}

/* The operands of the last comparison, for the flags. */
struct str_last {
    uint64_t a, b;
};
static void str_cmps(struct sc_cpu *c, const struct sc_insn *i, struct str_last *last)
{
    last->b = str_load(c, i, VEMU_ES, VEMU_RDI); /* CPUs look at this one first */
    last->a = str_load(c, i, i->aux3, VEMU_RSI);
    str_advance(c, i, VEMU_RSI, 1);
    str_advance(c, i, VEMU_RDI, 1);
}
static void str_scas(struct sc_cpu *c, const struct sc_insn *i, struct str_last *last)
{
    last->a = c->gpr[VEMU_RAX];
    last->b = str_load(c, i, VEMU_ES, VEMU_RDI);
    str_advance(c, i, VEMU_RDI, 1);
}

/* --- chunks --------------------------------------------------------------------------------- */

/*
 * Host pointer to the element at seg:register if it and its successors can be accessed directly; *n
 * is lowered to how many there are. NULL: not even one, or the ordinary access has to find out.
 */
static uint8_t *str_span(struct sc_cpu *c, const struct sc_insn *i, unsigned seg, unsigned r,
                         bool write, uint64_t *n)
{
    const unsigned size = i->aux;
    const uint64_t off = str_reg(c, i, r);
    const bool down = str_down(c);
    uint64_t max = UINT64_MAX, va;

    if (i->aux2 != 8) { /* the offset wraps */
        const uint64_t room = sc_asz_mask(i->aux2) - off + 1;
        if (room < size)
            return NULL;
        max = down ? off / size + 1 : room / size;
    }
    if (c->mode & SC_M_64) {
        va = sc_seg_base(c, seg) + off;
    } else {
        const struct vemu_segment *s = &c->seg[seg];
        const uint64_t room = sc_linear_room(c, seg, (uint32_t)off, write);
        if (room < size || (down && (s->type & 0xc) == 4)) /* expand-down ends below */
            return NULL;
        if (!down && room / size < max)
            max = room / size;
        va = (uint32_t)(s->base + off);
    }

    const unsigned in_page = (unsigned)(va & ~SC_PAGE_MASK);
    if (SC_PAGE_SIZE - in_page < size)
        return NULL;
    const struct sc_tlbe *t = sc_tlbe(c, va);
    uint8_t *p;
    unsigned avail;
    if (SC_LIKELY((va & SC_PAGE_MASK) == (write ? t->wtag : t->rtag)))
        p = (uint8_t *)(va + t->addend);
    else
        p = write ? sc_span_write(c, i, va, &avail) : sc_span_read(c, i, va, &avail);
    if (!p)
        return NULL;
    const uint64_t fit = down ? in_page / size + 1 : (SC_PAGE_SIZE - in_page) / size;
    if (fit < max)
        max = fit;
    if (max < *n)
        *n = max;
    return p;
}

SC_INLINE uint64_t str_peek(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1: return *p;
    case 2: return *(const sc_u16a *)p;
    case 4: return *(const sc_u32a *)p;
    default: return *(const sc_u64a *)p;
    }
}
SC_INLINE void str_poke(uint8_t *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: *p = (uint8_t)v; break;
    case 2: *(sc_u16a *)p = (uint16_t)v; break;
    case 4: *(sc_u32a *)p = (uint32_t)v; break;
    default: *(sc_u64a *)p = v; break;
    }
}

/* Repeats the first `period` bytes at p through `len` bytes. */
static void str_replicate(uint8_t *p, size_t period, size_t len)
{
    while (period < len) {
        const size_t step = period < len - period ? period : len - period;
        memcpy(p + period, p, step);
        period += step;
    }
}

/* n elements of `size` bytes from src to dst, both pointing at the first one to be moved, with the
 * effect of moving them one after the other. */
static void str_copy(uint8_t *dst, uint8_t *src, uint64_t n, unsigned size, bool down)
{
    const size_t len = n * size;
    if (down) {
        uint8_t *lo_dst = dst - (len - size), *lo_src = src - (len - size);
        const uintptr_t dist = (uintptr_t)lo_src - (uintptr_t)lo_dst;
        if (dist == 0)
            return;
        if (dist >= len) { /* apart, or the destination is above */
            memmove(lo_dst, lo_src, len);
            return;
        }
        for (; n; n--, dst -= size, src -= size)
            str_poke(dst, size, str_peek(src, size));
        return;
    }
    const uintptr_t dist = (uintptr_t)dst - (uintptr_t)src;
    if (dist == 0)
        return;
    if (dist >= len) { /* apart, or the destination is below */
        memmove(dst, src, len);
    } else if (dist >= size) { /* each element was written `dist` bytes earlier */
        str_replicate(src, dist, dist + len);
    } else {
        for (; n; n--, dst += size, src += size)
            str_poke(dst, size, str_peek(src, size));
    }
}

static void str_fill(uint8_t *p, uint64_t v, uint64_t n, unsigned size, bool down)
{
    const size_t len = n * size;
    const uint8_t b = (uint8_t)v;
    if (down)
        p -= len - size;
    const uint64_t mask = size == 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
    if ((v & mask) == (b * 0x0101010101010101ull & mask)) {
        memset(p, b, len);
    } else {
        str_poke(p, size, v);
        str_replicate(p, size, len);
    }
}

/* How many of n elements at p are examined until one (un)equals v; the last of them goes to *last.
 * */
SC_INLINE uint64_t str_scan_sized(const uint8_t *p, uint64_t v, uint64_t n, unsigned size,
                                  bool down, bool while_equal, uint64_t *last)
{
    const ptrdiff_t step = down ? -(ptrdiff_t)size : (ptrdiff_t)size;
    const int64_t want = str_sx(size, v);
    uint64_t k = 0;
    for (;; p += step) {
        const uint64_t x = str_peek(p, size);
        k++;
        if ((str_sx(size, x) == want) != while_equal || k == n) {
            *last = x;
            return k;
        }
    }
}
static uint64_t str_scan(const uint8_t *p, uint64_t v, uint64_t n, unsigned size, bool down,
                         bool while_equal, uint64_t *last)
{
    if (size == 1 && !down && !while_equal) {
        const uint8_t *hit = memchr(p, (uint8_t)v, n);
        const uint64_t k = hit ? (uint64_t)(hit - p) + 1 : n;
        *last = p[k - 1];
        return k;
    }
    switch (size) {
    case 1: return str_scan_sized(p, v, n, 1, down, while_equal, last);
    case 2: return str_scan_sized(p, v, n, 2, down, while_equal, last);
    case 4: return str_scan_sized(p, v, n, 4, down, while_equal, last);
    default: return str_scan_sized(p, v, n, 8, down, while_equal, last);
    }
}

SC_INLINE uint64_t str_match_sized(const uint8_t *p, const uint8_t *q, uint64_t n, unsigned size,
                                   bool down, bool while_equal, struct str_last *last)
{
    const ptrdiff_t step = down ? -(ptrdiff_t)size : (ptrdiff_t)size;
    uint64_t k = 0;
    if (while_equal && !down) { /* equal stretches eight bytes at a time */
        while (n - k > 8 / size && str_peek(p, 8) == str_peek(q, 8)) {
            k += 8 / size;
            p += 8;
            q += 8;
        }
    }
    for (;; p += step, q += step) {
        const uint64_t a = str_peek(p, size), b = str_peek(q, size);
        k++;
        if ((a == b) != while_equal || k == n) {
            last->a = a;
            last->b = b;
            return k;
        }
    }
}
static uint64_t str_match(const uint8_t *p, const uint8_t *q, uint64_t n, unsigned size, bool down,
                          bool while_equal, struct str_last *last)
{
    switch (size) {
    case 1: return str_match_sized(p, q, n, 1, down, while_equal, last);
    case 2: return str_match_sized(p, q, n, 2, down, while_equal, last);
    case 4: return str_match_sized(p, q, n, 4, down, while_equal, last);
    default: return str_match_sized(p, q, n, 8, down, while_equal, last);
    }
}

/* Does up to n > 0 iterations and returns how many; index registers are advanced. */
SC_INLINE uint64_t str_chunk(struct sc_cpu *c, const struct sc_insn *i, enum kind kind, uint64_t n,
                          struct str_last *last)
{
    const unsigned size = i->aux;
    const bool down = str_down(c);
    uint8_t *p = NULL, *q = NULL;

    if (c->mode & SC_M_STEP)
        n = 1;
    if (kind == SCAS || kind == CMPS)
        q = str_span(c, i, VEMU_ES, VEMU_RDI, false, &n);
    if (kind == MOVS || kind == LODS || (kind == CMPS && q))
        p = str_span(c, i, i->aux3, VEMU_RSI, false, &n);
    if (kind == STOS || (kind == MOVS && p))
        q = str_span(c, i, VEMU_ES, VEMU_RDI, true, &n);

    switch (kind) {
    case MOVS:
        if (!p || !q) {
            str_movs(c, i);
            return 1;
        }
        str_copy(q, p, n, size, down);
        break;
    case STOS:
        if (!q) {
            str_stos(c, i);
            return 1;
        }
        str_fill(q, c->gpr[VEMU_RAX], n, size, down);
        break;
    case LODS:
        if (!p) {
            str_lods(c, i);
            return 1;
        }
        str_set_acc(c, size, str_peek(down ? p - (n - 1) * size : p + (n - 1) * size, size));
        break;
    case CMPS:
        if (!p || !q) {
            str_cmps(c, i, last);
            return 1;
        }
        n = str_match(p, q, n, size, down, i->dst == REPE, last);
        break;
    case SCAS:
        last->a = c->gpr[VEMU_RAX];
        if (!q) {
            str_scas(c, i, last);
            return 1;
        }
        n = str_scan(q, last->a, n, size, down, i->dst == REPE, &last->b);
        break;
    case INS:
        str_ins(c, i);
        return 1;
    case OUTS:
        str_outs(c, i);
        return 1;
    }
    if (kind == MOVS || kind == CMPS || kind == LODS)
        str_advance(c, i, VEMU_RSI, n);
    if (kind != LODS)
        str_advance(c, i, VEMU_RDI, n);
    return n;
}

/*
 * With 32-bit addresses in 64-bit code the processor's registers come out zero-extended even when
 * nothing is done, for a count of zero or a fault: RCX, and what the block moves of its microcode
 * have loaded.
 */
SC_INLINE void str_extend(struct sc_cpu *c, const struct sc_insn *i, enum kind kind)
{
    if (SC_LIKELY(i->aux2 != 4))
        return;
    str_set(c, i, VEMU_RCX, c->gpr[VEMU_RCX]);
    if (kind == MOVS)
        str_set(c, i, VEMU_RSI, c->gpr[VEMU_RSI]);
    if (kind == MOVS || kind == STOS)
        str_set(c, i, VEMU_RDI, c->gpr[VEMU_RDI]);
}

/* False: interrupted, RIP stays. At least one chunk is done each time, so there is progress. */
SC_INLINE bool str_repeat(struct sc_cpu *c, const struct sc_insn *i, enum kind kind)
{
    const bool compares = kind == CMPS || kind == SCAS;
    uint64_t n = str_reg(c, i, VEMU_RCX);
    struct str_last last = {0, 0};

    str_extend(c, i, kind);
    if (!n)
        return true;
    for (;;) {
        bool stop = false;
        n -= str_chunk(c, i, kind, n, &last);
        str_set(c, i, VEMU_RCX, n);
        if (compares)
            stop = (str_sx(i->aux, last.a) == str_sx(i->aux, last.b)) != (i->dst == REPE);
        const bool more = n && !stop;
        const bool leave =
            more && ((c->mode & SC_M_STEP) ||
                     atomic_load_explicit(&c->async, memory_order_relaxed) != 0);
        if (compares && (!more || leave))
            str_compare(c, i->aux, last.a, last.b);
        if (leave) {
            c->rip = sc_rip(c, i);
            return false;
        }
        if (!more)
            return true;
    }
}

/* --- handlers ------------------------------------------------------------------------------- */

static SC_NOINLINE void str_cmps_once(struct sc_cpu *c, const struct sc_insn *i)
{
    struct str_last last;
    str_cmps(c, i, &last);
    str_compare(c, i->aux, last.a, last.b);
}
static SC_NOINLINE void str_scas_once(struct sc_cpu *c, const struct sc_insn *i)
{
    struct str_last last;
    str_scas(c, i, &last);
    str_compare(c, i->aux, last.a, last.b);
}

#define STR_OPS(name, KIND, once)                                                                  \
    SC_OP(op_##name)                                                                               \
    {                                                                                              \
        once(c, i);                                                                                \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    static SC_NOINLINE bool str_repeat_##name(struct sc_cpu *c, const struct sc_insn *i)           \
    {                                                                                              \
        return str_repeat(c, i, KIND);                                                             \
    }                                                                                              \
    SC_OP(op_rep_##name)                                                                           \
    {                                                                                              \
        if (!str_repeat_##name(c, i))                                                              \
            SC_EXIT;                                                                               \
        SC_NEXT;                                                                                   \
    }
STR_OPS(movs, MOVS, str_movs)
STR_OPS(stos, STOS, str_stos)
STR_OPS(lods, LODS, str_lods)
STR_OPS(cmps, CMPS, str_cmps_once)
STR_OPS(scas, SCAS, str_scas_once)

/* A device may have changed memory slots or reset the machine: nothing of this trace may follow. */
#define STR_IO_OPS(name, KIND)                                                                     \
    static SC_NOINLINE void str_##name##_once(struct sc_cpu *c, const struct sc_insn *i)           \
    {                                                                                              \
        str_##name(c, i);                                                                          \
        c->rip = sc_next_rip(c, i);                                                                \
    }                                                                                              \
    SC_OP(op_##name)                                                                               \
    {                                                                                              \
        str_##name##_once(c, i);                                                                   \
        SC_EXIT;                                                                                   \
    }                                                                                              \
    static SC_NOINLINE void str_repeat_##name(struct sc_cpu *c, const struct sc_insn *i)           \
    {                                                                                              \
        if (str_repeat(c, i, KIND))                                                                \
            c->rip = sc_next_rip(c, i);                                                            \
    }                                                                                              \
    SC_OP(op_rep_##name)                                                                           \
    {                                                                                              \
        str_repeat_##name(c, i);                                                                   \
        SC_EXIT;                                                                                   \
    }
STR_IO_OPS(ins, INS)
STR_IO_OPS(outs, OUTS)

bool sc_emit_string(struct sc_tb *tb, const struct sc_dec *d)
{
    static sc_fn *const fn[][2] = {
        [MOVS] = {op_movs, op_rep_movs}, [STOS] = {op_stos, op_rep_stos},
        [LODS] = {op_lods, op_rep_lods}, [CMPS] = {op_cmps, op_rep_cmps},
        [SCAS] = {op_scas, op_rep_scas}, [INS] = {op_ins, op_rep_ins},
        [OUTS] = {op_outs, op_rep_outs},
    };
    enum kind kind;

    switch (d->opcode & 0xfe) {
    case 0x6c: kind = INS; break;
    case 0x6e: kind = OUTS; break;
    case 0xa4: kind = MOVS; break;
    case 0xa6: kind = CMPS; break;
    case 0xaa: kind = STOS; break;
    case 0xac: kind = LODS; break;
    case 0xae: kind = SCAS; break;
    default: return false;
    }
    unsigned size = sc_w_size(d);
    if ((kind == INS || kind == OUTS) && size == 8)
        size = 4;
    struct sc_insn *r = sc_tb_add(tb, d, fn[kind][d->rep != 0]);
    r->aux = (uint8_t)size;
    r->aux2 = d->asz;
    r->aux3 = d->seg == SC_SEG_NONE ? VEMU_DS : d->seg;
    if (kind == INS || kind == OUTS)
        tb->end = true;
    r->dst = d->rep == 0 ? ONCE : d->rep == 0xf2 ? REPNE : REPE;
    return true;
}
