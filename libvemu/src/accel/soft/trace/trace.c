/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traces: finding, building, linking, throwing away. The theory of operation is in trace.h;
 * invalidation by writes is in smc.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/int/int.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/lent/assist.h"
#include "accel/soft/trace/trace.h"

/* Room for the last instruction to begin just before SC_TRACE_BYTES. */
#define BUILD_BYTES (SC_TRACE_BYTES + 16u)

SC_OP_GLOBAL(sc_op_leave)
{
    c->rip = sc_rip(c, i);
    SC_EXIT;
}

/* A function of its own: handlers are compared with it. */
SC_OP_GLOBAL(sc_op_killed)
{
    __asm__ volatile("");
    c->rip = sc_rip(c, i);
    SC_EXIT;
}

/* Every trace is followed by one of these, so a handler that does not end its trace although its
 * emitter said so gets here, and not into what happens to lie there. */
SC_OP_GLOBAL(sc_trace_mark)
{
    sc_internal_error(c, "a handler ran past the end of its trace");
}

/* --- life ----------------------------------------------------------------------------------- */

static void *map_lazily(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* One mapping for everything that is touched as the guest's code grows. */
static const size_t pool_bytes = SC_POOL_RECORDS * sizeof(struct sc_insn);
static const size_t hash_bytes = SC_TRACE_HASH * sizeof(uint32_t);
static const size_t page_bytes = SC_CODE_PAGES * sizeof(struct sc_code_page);
static const size_t page_hash_bytes = SC_CODE_HASH * sizeof(uint32_t);
static const size_t cross_bytes = SC_CROSS_SIZE * sizeof(struct sc_cross);
static const size_t scratch_bytes = 4096;

static size_t total_bytes(void)
{
    return pool_bytes + hash_bytes + page_bytes + page_hash_bytes + cross_bytes + scratch_bytes +
           sizeof(struct sc_traces);
}

int sc_traces_init(struct sc_cpu *c)
{
    char *p = map_lazily(total_bytes());

    if (!p)
        return -ENOMEM;
    struct sc_traces *t = (struct sc_traces *)(p + total_bytes() - sizeof(*t));
    t->pool = (struct sc_insn *)p;
    t->hash = (uint32_t *)(p += pool_bytes);
    t->pages = (struct sc_code_page *)(p += hash_bytes);
    t->page_hash = (uint32_t *)(p += page_bytes);
    t->cross = (struct sc_cross *)(p += page_hash_bytes);
    t->scratch = (struct sc_insn *)(p + cross_bytes);
    t->used = 1;
    t->options = SC_OPT_ALL;
    c->traces = t;
    return 0;
}

void sc_traces_fini(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;

    if (!t)
        return;
    sc_code_pages_release(c);
    pthread_mutex_lock(&c->vm->sync->code); /* other vCPUs may be looking */
    c->traces = NULL;
    pthread_mutex_unlock(&c->vm->sync->code);
    munmap(t->pool, total_bytes());
}

void sc_jump_cache_flush(struct sc_cpu *c)
{
    c->jc_gen += 1ull << 58;
    if (c->jc_gen >> 58)
        return;
    /* All generations are used up: bits 0..11 tell this round's from those of before, which live on
     * as keys of far links. */
    memset(c->jc, 0, sizeof(c->jc));
    c->jc_gen = (c->jc_gen & SC_PAGE_MASK) | ((c->jc_gen + 1) & ~SC_PAGE_MASK);
    /* All of these, too: old keys would be believed again, so the traces go. At the next edge: a
     * handler may be running, whose trace must stay one that stores see and links come from. */
    if (!(c->jc_gen & ~SC_PAGE_MASK))
        atomic_fetch_or(&c->async, SC_A_FLUSH);
}

void sc_traces_flush(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;

    if (!t || t->used == 1)
        return;
    sc_code_pages_release(c);
    memset(t->hash, 0, hash_bytes);
    memset(t->cross, 0, cross_bytes);
    memset(c->jc, 0, sizeof(c->jc));
    t->used = 1;
    c->link_from = NULL;
}

/* The same, without touching memory only to clear it. */
void sc_traces_trim(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;

    if (!t || t->used == 1)
        return;
    sc_code_pages_release(c);
    sc_jump_cache_flush(c);
    t->used = 1;
    c->link_from = NULL;
    madvise(t->pool, pool_bytes + hash_bytes + page_bytes + page_hash_bytes + cross_bytes,
            MADV_DONTNEED);
}

/* --- hash table ------------------------------------------------------------------------------- */

static uint32_t *bucket(struct sc_traces *t, uint64_t pa, uint32_t mode)
{
    uint64_t h = (pa ^ (uint64_t)mode << 40) * 0x9e3779b97f4a7c15ull;
    return &t->hash[h >> (64 - 15)];
}
_Static_assert(SC_TRACE_HASH == 1u << 15, "bucket() shifts");

static uint32_t hash_find(struct sc_traces *t, uint64_t pa, uint32_t mode)
{
    uint32_t n = *bucket(t, pa, mode);

    while (n) {
        const struct sc_trace *h = sc_trace_at(t, n);
        if (h->pa == pa && h->mode == mode)
            return n;
        n = h->hash_next;
    }
    return 0;
}

void sc_trace_unhash(struct sc_traces *t, uint32_t trace)
{
    const struct sc_trace *h = sc_trace_at(t, trace);
    uint32_t *at = bucket(t, h->pa, h->mode);

    while (*at && *at != trace)
        at = &sc_trace_at(t, *at)->hash_next;
    if (*at)
        *at = h->hash_next;
}

/* --- records -------------------------------------------------------------------------------- */

struct sc_insn *sc_tb_add(struct sc_tb *tb, const struct sc_dec *d, sc_fn *fn)
{
    struct sc_insn *i = &tb->insn[tb->count];

    /* The builder keeps SC_INSN_RECORDS free; an emitter that needs more just ends the trace early
     * and is cut off, which the builder notices by the count. */
    if (tb->count < tb->max)
        tb->count++;
    else
        tb->end = true;
    *i = (struct sc_insn){ .fn = fn, .imm = (uint64_t)d->imm, .pgoff = d->pgoff, .len = d->len,
                           .flags = d->lock ? SC_I_LOCK : 0,
                           .base = SC_R_ZERO, .index = SC_R_ZERO };
    return i;
}

SC_OP(op_raise)
{
    sc_raise(c, i, i->dst, i->simm);
}

void sc_tb_raise(struct sc_tb *tb, const struct sc_dec *d, unsigned vector, int64_t error)
{
    struct sc_insn *i = sc_tb_add(tb, d, op_raise);
    i->dst = (uint8_t)vector;
    i->simm = error;
    tb->end = true;
}

SC_OP(op_break)
{
    if (SC_UNLIKELY(sc_debug_break(c, i)))
        SC_EXIT;
    SC_NEXT;
}

/* The record in front of an instruction that may be a debugger's breakpoint. */
static void emit_break(struct sc_tb *tb, unsigned pgoff)
{
    const struct sc_dec d = { .pgoff = (uint16_t)pgoff };

    if (SC_UNLIKELY(tb->c->debug != NULL) && sc_debug_wants(tb->c->debug, pgoff))
        sc_tb_add(tb, &d, op_break);
}

/* --- building ------------------------------------------------------------------------------- */

bool sc_emit(struct sc_tb *tb, const struct sc_dec *d)
{
    switch (d->group) {
    case SC_G_INT: return sc_emit_int(tb, d);
    case SC_G_BRANCH: return sc_emit_branch(tb, d);
    case SC_G_SEG: return sc_emit_seg(tb, d);
    case SC_G_SYS: return sc_emit_sys(tb, d);
    case SC_G_SSE: return sc_emit_sse(tb, d);
    case SC_G_X87: return sc_emit_x87(tb, d);
    default: return false;
    }
}

/* UD2, UD1, UD0: meant to be #UD. */
static bool is_ud(const struct sc_dec *d)
{
    return d->opcode == (SC_MAP_0F | 0x0b) || d->opcode == (SC_MAP_0F | 0xb9) ||
           d->opcode == (SC_MAP_0F | 0xff);
}

static void emit(struct sc_tb *tb, const struct sc_dec *d)
{
    unsigned before = tb->count;

    if (SC_UNLIKELY(tb->c->assist != NULL) && sc_assist_emit(tb, d))
        return;
    if (!sc_emit(tb, d)) {
        tb->count = before;
        if (tb->c->assist && !is_ud(d)) /* whose vCPU it is may know it */
            sc_assist_emit_leave(tb, d);
        else
            sc_tb_raise(tb, d, SC_UD, -1);
    }
}

/* sc_decode(), and for lent vCPUs what is beyond it. */
static int decode(struct sc_tb *tb, struct sc_dec *d, const uint8_t *bytes, unsigned avail,
                  uint32_t mode, uint16_t pgoff)
{
    int len = sc_decode(d, bytes, avail, mode, pgoff);

    if (SC_LIKELY(!tb->c->assist) || len != -SC_UD)
        return len;
    return sc_vex_decode(d, bytes, avail, mode, pgoff);
}

/* A record for bytes that are no instruction. */
static void emit_bad(struct sc_tb *tb, struct sc_dec *d, int len)
{
    d->len = 1;
    d->imm = 0;
    if (tb->c->assist && len == -SC_UD)
        sc_assist_emit_leave(tb, d);
    else
        sc_tb_raise(tb, d, len ? (unsigned)-len : SC_UD, len == -SC_GP ? 0 : -1);
}

/* SDM Vol. 3, 17.3.1.4: INT n, INT3 and INTO clear TF and with it the trap after themselves. */
static bool suppresses_trap(const struct sc_dec *d)
{
    return (d->opcode >= 0xcc && d->opcode <= 0xce) || d->opcode == 0xf1;
}

/* NOP, multi-byte NOP and ENDBR (an instruction that needs CET to be more) take no record. */
static bool is_nop(const struct sc_dec *d)
{
    if (d->group != SC_G_SYS)
        return false;
    return (d->opcode == 0x90 && d->rep != 0xf3) || d->opcode == (SC_MAP_0F | 0x1f) ||
           (d->opcode == (SC_MAP_0F | 0x1e) && d->rep == 0xf3 && d->modrm == 0xfa);
}

static bool is_jcc(const struct sc_dec *d)
{
    return (d->opcode & 0xfff0) == 0x70 || (d->opcode & 0xfff0) == (SC_MAP_0F | 0x80);
}

/*
 * Fills tb with records for the code at bytes[0..avail), which begins at page offset `off`. Returns
 * the number of bytes, 0 when not even the first instruction is complete.
 */
static unsigned fill(struct sc_tb *tb, const uint8_t *bytes, unsigned avail, unsigned off,
                     uint64_t pa)
{
    const uint32_t options = tb->c->traces->options;
    const bool step = tb->mode & SC_M_STEP;
    unsigned pos = 0, insns = 0, jccs = 0;
    struct sc_dec d, next;

    while (!tb->end) {
        if (insns && (step || insns >= SC_TRACE_INSNS || pos >= SC_TRACE_BYTES || pos >= avail ||
                      tb->count + SC_INSN_RECORDS + 3 > tb->max ||
                      (jccs && hash_find(tb->c->traces, pa + pos, tb->mode))))
            break;
        int len = decode(tb, &d, bytes + pos, avail - pos, tb->mode, (uint16_t)(off + pos));
        if (len == 0)
            break;
        emit_break(tb, off + pos);
        if (len < 0) {
            emit_bad(tb, &d, len);
            pos += avail - pos < 15 ? avail - pos : 15;
            return pos;
        }
        if (!step && (options & SC_OPT_FUSE) && sc_can_fuse(&d)) {
            int len2 = sc_decode(&next, bytes + pos + len, avail - pos - (unsigned)len, tb->mode,
                                 (uint16_t)(off + pos + (unsigned)len));
            if (len2 > 0 && is_jcc(&next) && next.group == SC_G_BRANCH &&
                !(tb->c->debug && sc_debug_wants(tb->c->debug, off + pos + (unsigned)len)) &&
                sc_emit_fused(tb, &d, &next)) {
                pos += (unsigned)(len + len2);
                insns += 2;
                d = next;
                goto emitted;
            }
        }
        if (step || !is_nop(&d))
            emit(tb, &d);
        tb->c->traces->no_trap = suppresses_trap(&d);
        pos += (unsigned)len;
        insns++;
emitted:
        if (is_jcc(&d) && (++jccs > SC_TRACE_JCC || !(options & SC_OPT_EXTEND)))
            break;
    }
    if (pos && !tb->end)
        sc_tb_fall(tb, &d, off + pos);
    return pos;
}

/* Enters the trace that fill() made at pool index t->used. Returns its first record. */
static struct sc_insn *commit(struct sc_cpu *c, struct sc_tb *tb, uint64_t pa, unsigned bytes)
{
    struct sc_traces *t = c->traces;
    struct sc_trace *h = sc_trace_at(t, t->used);

    if (t->options & SC_OPT_FLAGS)
        sc_int_drop_flags(tb->insn, tb->count);
    *h = (struct sc_trace){ .mark = sc_trace_mark, .pa = pa, .mode = tb->mode, .bytes = bytes,
                            .count = tb->count, .no_trap = t->no_trap };
    t->used += 1 + tb->count;
    t->pool[t->used].fn = sc_trace_mark;
    return tb->insn;
}

static void tb_start(struct sc_cpu *c, struct sc_tb *tb, uint32_t mode)
{
    *tb = (struct sc_tb){ .c = c, .mode = mode, .insn = &c->traces->pool[c->traces->used + 1],
                          .max = SC_TRACE_RECORDS };
}

/* The entry for a code page; makes room when the tables are full. */
static struct sc_code_page *page_get(struct sc_cpu *c, uint64_t pa)
{
    struct sc_traces *t = c->traces;
    struct sc_code_page *p;

    if (t->used + 2 * (SC_TRACE_RECORDS + 8) > SC_POOL_RECORDS)
        sc_traces_flush(c);
    p = sc_code_page_get(c, pa);
    if (!p) {
        sc_traces_flush(c);
        p = sc_code_page_get(c, pa);
    }
    return p;
}

/*
 * Builds the trace at physical address pa, `host` being its first byte. NULL: the first instruction
 * crosses the page. The bytes are decoded from a copy, and compared after their lines are
 * registered: a write that was not told to us because it came before is then seen here.
 */
static struct sc_insn *build(struct sc_cpu *c, uint64_t pa, const uint8_t *host, uint32_t mode)
{
    struct sc_traces *t = c->traces;
    const unsigned off = pa & ~SC_PAGE_MASK;
    unsigned avail = (unsigned)SC_PAGE_SIZE - off, size;
    uint8_t bytes[BUILD_BYTES];
    struct sc_insn *first = NULL;
    struct sc_code_page *p = page_get(c, pa & SC_PAGE_MASK);
    struct sc_tb tb;

    if (avail > BUILD_BYTES)
        avail = BUILD_BYTES;
    do {
        tb_start(c, &tb, mode);
        memcpy(bytes, host, avail);
        size = fill(&tb, bytes, avail, off, pa);
        if (!size)
            break;
        sc_code_page_add(c, p, pa, size, host);
    } while (memcmp(bytes, host, size));
    if (size) {
        uint32_t index = t->used;
        first = commit(c, &tb, pa, size);
        struct sc_trace *h = sc_trace_at(t, index);
        uint32_t *b = bucket(t, pa, mode);
        h->hash_next = *b;
        *b = index;
        pthread_mutex_lock(&c->vm->sync->code);
        h->page_next = p->first;
        p->first = index;
        pthread_mutex_unlock(&c->vm->sync->code);
    }
    sc_code_page_done(c, p);
    return first;
}

/* The instruction at lin crosses into the next page: `host` holds its beginning. */
static struct sc_insn *build_cross(struct sc_cpu *c, uint64_t lin, uint64_t pa, const uint8_t *host,
                                   uint32_t mode, bool *ret_keep)
{
    struct sc_traces *t = c->traces;
    const unsigned off = pa & ~SC_PAGE_MASK, head = (unsigned)SC_PAGE_SIZE - off;
    uint64_t lin2 = (lin | ~SC_PAGE_MASK) + 1;
    uint8_t bytes[16];
    struct sc_tb tb;
    unsigned size, tail = 15 - head;

    if (!(c->mode & SC_M_64))
        lin2 = (uint32_t)lin2;
    const struct sc_ctlbe *e = sc_fetch_page(c, lin2);
    const uint64_t pa2 = e->pa & SC_PAGE_MASK;
    const uint8_t *host2 = e->hva;
    struct sc_cross *x = &t->cross[(pa ^ pa >> SC_PAGE_BITS ^ pa2 >> SC_PAGE_BITS ^ mode) &
                                   (SC_CROSS_SIZE - 1)];

    *ret_keep = host2;
    if (c->assist && host2)
        sc_code_page_verify(c, pa2, host2);
    if (x->trace && x->pa == pa && x->pa2 == pa2 && x->mode == mode)
        return &t->pool[x->trace + 1];

    struct sc_code_page *p = page_get(c, pa & SC_PAGE_MASK);
    struct sc_code_page *p2 = host2 ? sc_code_page_get(c, pa2) : p;
    if (!p2) { /* the table was filled by the first page */
        sc_code_page_done(c, p);
        sc_traces_flush(c);
        p = sc_code_page_get(c, pa & SC_PAGE_MASK);
        p2 = sc_code_page_get(c, pa2);
    }
    do {
        tb_start(c, &tb, mode);
        memcpy(bytes, host, head);
        for (unsigned n = 0; n < tail && head + n < sizeof(bytes); n++)
            bytes[head + n] = host2 ? host2[n] : (uint8_t)sc_phys_ld(c, pa2 + n, 1);
        tb.c = c;
        struct sc_dec d;
        int len = decode(&tb, &d, bytes, 15, mode, (uint16_t)off);
        emit_break(&tb, off);
        if (len <= 0) {
            emit_bad(&tb, &d, len);
            size = 15;
        } else {
            size = (unsigned)len;
            emit(&tb, &d);
            t->no_trap = suppresses_trap(&d);
            if (!tb.end)
                sc_tb_fall(&tb, &d, off + size);
        }
        sc_code_page_add(c, p, pa, head, host);
        if (host2)
            sc_code_page_add(c, p2, pa2, size > head ? size - head : 1, host2);
    } while (memcmp(bytes, host, head) || (host2 && memcmp(bytes + head, host2, size - head)));

    uint32_t index = t->used;
    struct sc_insn *first = commit(c, &tb, pa, size);
    pthread_mutex_lock(&c->vm->sync->code);
    if (x->trace)
        sc_trace_kill(c, x->trace); /* the jump cache may still lead there */
    *x = (struct sc_cross){ .pa = pa, .pa2 = pa2, .mode = mode, .trace = host2 ? index : 0 };
    p->cross = p2->cross = true;
    pthread_mutex_unlock(&c->vm->sync->code);
    sc_code_page_done(c, p);
    if (p2 != p)
        sc_code_page_done(c, p2);
    return first;
}

/* Code outside RAM (a ROM that is MMIO): one instruction, built anew each time. */
static struct sc_insn *build_scratch(struct sc_cpu *c, uint64_t lin, uint64_t pa, uint32_t mode)
{
    struct sc_traces *t = c->traces;
    const unsigned off = lin & ~SC_PAGE_MASK;
    uint8_t bytes[15];
    struct sc_tb tb = { .c = c, .mode = mode | SC_M_STEP, .insn = t->scratch + 1,
                        .max = SC_TRACE_SCRATCH - 2 };
    struct sc_dec d;
    unsigned avail = 0;
    int len = 0;

    while (len == 0) {
        uint64_t at = pa + avail;
        if (off + avail >= SC_PAGE_SIZE) { /* may fault */
            uint64_t lin2 = (lin | ~SC_PAGE_MASK) + 1;
            const struct sc_ctlbe *e = sc_fetch_page(c, c->mode & SC_M_64 ? lin2 : (uint32_t)lin2);
            at = (e->pa & SC_PAGE_MASK) + off + avail - SC_PAGE_SIZE;
        }
        bytes[avail++] = (uint8_t)sc_phys_ld(c, at, 1);
        len = decode(&tb, &d, bytes, avail, mode, (uint16_t)off);
    }
    emit_break(&tb, off);
    if (len < 0) {
        emit_bad(&tb, &d, len);
    } else {
        emit(&tb, &d);
        if (!tb.end)
            sc_tb_fall(&tb, &d, off + d.len);
    }
    *(struct sc_trace *)t->scratch = (struct sc_trace){ .mark = sc_trace_mark, .pa = ~0ull,
                                                        .bytes = d.len, .count = tb.count,
                                                        .mode = tb.mode };
    t->scratch[1 + tb.count].fn = sc_trace_mark;
    return t->scratch + 1;
}

/* --- finding -------------------------------------------------------------------------------- */

static struct sc_insn *lookup(struct sc_cpu *c, uint64_t lin, uint32_t mode, bool *ret_keep)
{
    const struct sc_ctlbe *e = sc_fetch_page(c, lin);
    const unsigned off = lin & ~SC_PAGE_MASK;
    const uint64_t pa = (e->pa & SC_PAGE_MASK) | off;
    const uint8_t *host = e->hva;
    struct sc_insn *first;

    *ret_keep = host;
    if (SC_UNLIKELY(!host))
        return build_scratch(c, lin, pa, mode);
    if (SC_UNLIKELY(c->assist != NULL))
        sc_code_page_verify(c, pa & SC_PAGE_MASK, host);
    uint32_t n = hash_find(c->traces, pa, mode);
    if (SC_LIKELY(n))
        return &c->traces->pool[n + 1];
    first = build(c, pa, host + off, mode);
    return first ? first : build_cross(c, lin, pa, host + off, mode, ret_keep);
}

static struct sc_trace *header_of(struct sc_insn *first)
{
    return (struct sc_trace *)(first - 1);
}

/* Links branch record `from` to a trace in the same page, if both are what they seem. */
static void link_to(struct sc_traces *t, struct sc_insn *from, struct sc_insn *first)
{
    struct sc_trace *to = header_of(first);
    struct sc_insn *r = from;

    while (r->fn != sc_trace_mark)
        r--;
    struct sc_trace *h = (struct sc_trace *)r;
    const uint64_t end = (to->pa & ~SC_PAGE_MASK) + to->bytes;
    if (h->mode != to->mode || ((h->pa ^ to->pa) & SC_PAGE_MASK) || end > SC_PAGE_SIZE ||
        (to->pa & ~SC_PAGE_MASK) != (uint64_t)from->disp || from->fn == sc_op_killed || from->link)
        return;
    from->link = first;
    sc_link_set_next(from, to->incoming);
    to->incoming = (uint32_t)(from - t->pool);
}

struct sc_insn *sc_edge_find(struct sc_cpu *c, struct sc_insn *from, uint64_t lin)
{
    struct sc_insn *first = sc_jc_find(c, lin);

    if (!first || first->fn == sc_op_killed)
        return NULL;
    if (from && (lin & SC_PAGE_MASK) == c->gpr[SC_R_PAGE])
        link_to(c->traces, from, first);
    c->gpr[SC_R_PAGE] = lin & SC_PAGE_MASK;
    return first;
}

struct sc_insn *sc_trace_find(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;
    struct sc_insn *first;
    const bool alone = c->shadow || (c->assist && c->assist->single);
    uint32_t mode = c->mode | (alone ? SC_M_STEP : 0);
    uint64_t lin = c->rip, room = UINT64_MAX;
    bool keep;

    if (!(mode & SC_M_64)) {
        const struct vemu_segment *cs = &c->seg[VEMU_CS];
        if (SC_UNLIKELY((uint32_t)lin > cs->limit))
            sc_raise_at_rip(c, SC_GP, 0);
        room = (uint64_t)cs->limit - (uint32_t)lin + 1;
        lin = (uint32_t)(cs->base + lin);
    }
    const bool cached = !(mode & SC_M_STEP) && room >= SC_PAGE_SIZE;
    if (cached) {
        first = sc_jc_find(c, lin);
        if (first && first->fn != sc_op_killed) {
            c->gpr[SC_R_PAGE] = lin & SC_PAGE_MASK;
            return first;
        }
    }
    first = lookup(c, lin, mode, &keep);
    if (SC_UNLIKELY(header_of(first)->bytes > room)) {
        /* Runs over the end of the segment: only whole instructions before it may be executed. */
        first = lookup(c, lin, mode | SC_M_STEP, &keep);
        if (header_of(first)->bytes > room)
            sc_raise_at_rip(c, SC_GP, 0);
        keep = false;
    }
    /* The record is still there: a flush of the pool would have cleared link_from. */
    if (c->link_from && keep && cached && (lin & SC_PAGE_MASK) == c->gpr[SC_R_PAGE])
        link_to(t, c->link_from, first);
    c->link_from = NULL;
    c->gpr[SC_R_PAGE] = lin & SC_PAGE_MASK;
    if (keep && cached)
        *sc_jce(c, lin) = (struct sc_jce){ .tag = lin ^ c->jc_gen, .first = first };
    return first;
}
