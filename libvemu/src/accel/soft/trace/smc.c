/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Self-modifying code: which pages hold code, and what happens when they are written.
 *
 * A page from which any vCPU has built traces carries SC_PAGE_CODE: no vCPU has a write TLB entry
 * for it, so every write comes to sc_smc_write() first. Setting the flag stops the other vCPUs for
 * a moment (their TLBs change), which happens once a page; the flag goes when the last trace of the
 * page does.
 *
 * Each vCPU keeps, per page, the list of its traces and a bitmap of the 64-byte lines they come
 * from. Pages that mix code and data are common (kernel text next to data, stacks of JITs), and
 * there the bitmap decides. A vCPU kills only traces of its own; others are told by a queue and
 * SC_A_SMC, and do the same at their next trace edge. SDM Vol. 3, 9.1.3 asks for no more: after
 * cross-modifying code the other processor has to serialise.
 *
 * The order of things between a writer W and a builder B (another vCPU, or a device as W):
 *   W: look at the bitmap; write; (at the next edge:) look at the bitmap again
 *   B: copy and decode; enter lines into the bitmap; compare the bytes with the copy
 * Whichever way these interleave, either W sees B's lines or B sees W's bytes.
 *
 * Locking: vm->sync->code protects the page tables and trace lists of all vCPUs. It is a leaf lock;
 * nothing is called under it but sc_async_set(). The exclusive section is entered without it.
 */
#include <stdlib.h>
#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/trace/trace.h"

static uint64_t line_mask(uint64_t pa, unsigned size)
{
    unsigned first = (pa & ~SC_PAGE_MASK) >> 6;
    unsigned last = (unsigned)((pa & ~SC_PAGE_MASK) + size - 1) >> 6;

    if (last > 63)
        last = 63;
    return (~0ull << first) & (~0ull >> (63 - last));
}

static uint32_t *page_bucket(struct sc_traces *t, uint64_t pa)
{
    uint64_t n = pa >> SC_PAGE_BITS;
    return &t->page_hash[(n ^ n >> 12) & (SC_CODE_HASH - 1)];
}

static struct sc_code_page *page_find(struct sc_traces *t, uint64_t pa)
{
    uint32_t n = *page_bucket(t, pa);

    while (n) {
        struct sc_code_page *p = &t->pages[n - 1];
        if (p->pa == pa)
            return p;
        n = p->next;
    }
    return NULL;
}

static _Atomic uint8_t *page_flags(struct sc_vm *vm, uint64_t pa)
{
    struct sc_slot *s = sc_slot_find(vm, pa);
    return s && s->pages ? &s->pages[(pa - s->gpa) >> SC_PAGE_BITS] : NULL;
}

/* --- pages that are built from ---------------------------------------------------------------- */

static void page_protect(struct sc_cpu *c, uint64_t pa)
{
    struct sc_vm *vm = c->vm;
    _Atomic uint8_t *flags = page_flags(vm, pa);

    if (!flags || (atomic_load(flags) & SC_PAGE_CODE))
        return;
    if (vm->cpu_count > 1)
        sc_exclusive_begin(vm, c);
    atomic_fetch_or(flags, SC_PAGE_CODE);
    for (uint32_t n = 0; n < vm->cpu_count; n++)
        if (vm->cpus[n])
            sc_tlb_protect_page(vm->cpus[n], pa);
    if (vm->cpu_count > 1)
        sc_exclusive_end(vm, c);
}

struct sc_code_page *sc_code_page_get(struct sc_cpu *c, uint64_t pa)
{
    struct sc_traces *t = c->traces;
    struct sc_code_page *p;

    pthread_mutex_lock(&c->vm->sync->code);
    p = page_find(t, pa);
    if (!p && t->page_count < SC_CODE_PAGES) {
        uint32_t *b = page_bucket(t, pa);
        p = &t->pages[t->page_count++];
        *p = (struct sc_code_page){ .pa = pa, .next = *b };
        *b = t->page_count;
    }
    if (p)
        p->building = true;
    pthread_mutex_unlock(&c->vm->sync->code);
    if (p)
        page_protect(c, pa);
    return p;
}

/* --- pages of lent vCPUs ---------------------------------------------------------------------- */

/* Keeps the lines that a trace is made from. Called with the lock. */
static void page_remember(struct sc_cpu *c, struct sc_code_page *p, uint64_t pa, unsigned size,
                          const uint8_t *host)
{
    const uint8_t *page = host - (pa & ~SC_PAGE_MASK);
    uint64_t mask = line_mask(pa, size);

    if (!p->copy)
        p->copy = malloc(SC_PAGE_SIZE);
    p->epoch = p->copy ? c->assist->epoch : 0; /* 0: never right, all its traces go each time */
    for (unsigned n = 0; p->copy && n < 64; n++)
        if (mask >> n & 1)
            memcpy(p->copy + 64 * n, page + 64 * n, 64);
}

void sc_code_page_add(struct sc_cpu *c, struct sc_code_page *p, uint64_t pa, unsigned size,
                      const uint8_t *host)
{
    pthread_mutex_lock(&c->vm->sync->code);
    p->lines |= line_mask(pa, size);
    if (SC_UNLIKELY(c->assist != NULL))
        page_remember(c, p, pa, size, host);
    pthread_mutex_unlock(&c->vm->sync->code);
    atomic_thread_fence(memory_order_seq_cst);
}

void sc_code_page_done(struct sc_cpu *c, struct sc_code_page *p)
{
    pthread_mutex_lock(&c->vm->sync->code);
    p->building = false;
    pthread_mutex_unlock(&c->vm->sync->code);
}

/* Takes SC_PAGE_CODE from a page that nobody builds from any more. Called with the lock. */
static void page_release(struct sc_vm *vm, uint64_t pa)
{
    _Atomic uint8_t *flags;

    for (uint32_t n = 0; n < vm->cpu_count; n++) {
        struct sc_cpu *v = vm->cpus[n];
        struct sc_code_page *p = v && v->traces ? page_find(v->traces, pa) : NULL;
        if (p && (p->lines || p->building))
            return;
    }
    flags = page_flags(vm, pa);
    if (flags)
        atomic_fetch_and(flags, (uint8_t)~SC_PAGE_CODE);
}

void sc_code_pages_release(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;

    pthread_mutex_lock(&c->vm->sync->code);
    for (uint32_t n = 0; n < t->page_count; n++) {
        free(t->pages[n].copy);
        t->pages[n].copy = NULL;
        t->pages[n].lines = 0;
        t->pages[n].building = false;
        page_release(c->vm, t->pages[n].pa);
        *page_bucket(t, t->pages[n].pa) = 0;
    }
    t->page_count = 0;
    t->written_count = 0;
    pthread_mutex_unlock(&c->vm->sync->code);
}

/* --- killing -------------------------------------------------------------------------------- */

void sc_trace_kill(struct sc_cpu *c, uint32_t trace)
{
    struct sc_traces *t = c->traces;
    struct sc_trace *h = sc_trace_at(t, trace);
    struct sc_insn *first = (struct sc_insn *)h + 1;
    uint32_t n = h->incoming;

    sc_trace_unhash(t, trace);
    while (n) {
        struct sc_insn *from = &t->pool[n];
        n = sc_link_next(from);
        from->link = NULL;
    }
    h->incoming = 0;
    /* Records in the middle of an instruction stay: it may be running, and has to be finished. */
    for (unsigned k = 0; k < h->count; k++)
        if (k == 0 || !(first[k - 1].flags & SC_I_MICRO))
            first[k].fn = sc_op_killed;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

/* The part of a page-crossing instruction that lies in `page`. */
static bool cross_part(struct sc_traces *t, const struct sc_cross *x, uint64_t page,
                       uint64_t *ret_pa, unsigned *ret_size)
{
    unsigned head = (unsigned)(SC_PAGE_SIZE - (x->pa & ~SC_PAGE_MASK));

    if (!x->trace)
        return false;
    if ((x->pa & SC_PAGE_MASK) == page) {
        *ret_pa = x->pa;
        *ret_size = head;
        return true;
    }
    *ret_pa = page;
    *ret_size = sc_trace_at(t, x->trace)->bytes - head;
    return x->pa2 == page;
}

/* Kills c's traces that overlap the range. Called with the lock. */
static void kill_range(struct sc_cpu *c, struct sc_code_page *p, uint64_t pa, unsigned size)
{
    struct sc_traces *t = c->traces;
    uint32_t *at = &p->first;
    uint64_t lines = 0, part;
    unsigned part_size;

    while (*at) {
        struct sc_trace *h = sc_trace_at(t, *at);
        if (overlap(h->pa, h->bytes, pa, size)) {
            uint32_t dead = *at;
            *at = h->page_next;
            sc_trace_kill(c, dead);
        } else {
            lines |= line_mask(h->pa, h->bytes);
            at = &h->page_next;
        }
    }
    for (unsigned n = 0; p->cross && n < SC_CROSS_SIZE; n++) {
        struct sc_cross *x = &t->cross[n];
        if (!cross_part(t, x, p->pa, &part, &part_size))
            continue;
        if (overlap(part, part_size, pa, size)) {
            sc_trace_kill(c, x->trace);
            x->trace = 0; /* its other page keeps a stale line, which costs a look */
        } else {
            lines |= line_mask(part, part_size);
        }
    }
    p->lines = lines;
    if (!lines)
        page_release(c->vm, p->pa);
}

void sc_code_page_verify(struct sc_cpu *c, uint64_t pa, const uint8_t *host)
{
    const uint8_t *page = host - ((uintptr_t)host & ~SC_PAGE_MASK);
    struct sc_code_page *p;

    pthread_mutex_lock(&c->vm->sync->code);
    p = page_find(c->traces, pa);
    if (p && p->epoch != c->assist->epoch) {
        uint64_t lines = p->lines;

        p->epoch = c->assist->epoch;
        for (unsigned n = 0; n < 64; n++)
            if ((lines >> n & 1) && (!p->copy || memcmp(p->copy + 64 * n, page + 64 * n, 64)))
                kill_range(c, p, pa + 64 * n, 64);
    }
    pthread_mutex_unlock(&c->vm->sync->code);
}

/* Tells vCPU v that a range was written. Called with the lock. */
static void tell(struct sc_cpu *v, uint64_t pa, unsigned size)
{
    struct sc_traces *t = v->traces;
    const uint32_t max = sizeof(t->written) / sizeof(t->written[0]);

    if (t->written_count < max)
        t->written[t->written_count] = (struct sc_range){ pa, size };
    if (t->written_count <= max)
        t->written_count++;
    sc_async_set(v, SC_A_SMC);
}

/* Tells all vCPUs but c whose traces overlap. Called with the lock. */
static void tell_others(struct sc_vm *vm, const struct sc_cpu *c, uint64_t pa, unsigned size)
{
    uint64_t mask = line_mask(pa, size);

    for (uint32_t n = 0; n < vm->cpu_count; n++) {
        struct sc_cpu *v = vm->cpus[n];
        if (!v || v == c || !v->traces)
            continue;
        struct sc_code_page *p = page_find(v->traces, pa & SC_PAGE_MASK);
        if (p && (p->building || (p->lines & mask)))
            tell(v, pa, size);
    }
}

/* Remembers an own write for the second look. Called with the lock. */
static void remember(struct sc_cpu *c, uint64_t pa, unsigned size)
{
    struct sc_traces *t = c->traces;
    const uint32_t max = sizeof(t->stored) / sizeof(t->stored[0]);
    struct sc_range *last = t->stored_count ? &t->stored[t->stored_count - 1] : NULL;

    if (last && pa == last->pa + last->size && ((pa ^ last->pa) & SC_PAGE_MASK) == 0) {
        last->size += size;
        return;
    }
    if (t->stored_count == max) { /* these writes are complete: look now */
        for (uint32_t n = 0; n < max; n++)
            tell_others(c->vm, c, t->stored[n].pa, t->stored[n].size);
        t->stored_count = 0;
    }
    t->stored[t->stored_count++] = (struct sc_range){ pa, size };
    sc_async_set(c, SC_A_SMC);
}

void sc_smc_write(struct sc_vm *vm, struct sc_cpu *c, uint64_t pa, unsigned size)
{
    if (!size)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    pthread_mutex_lock(&vm->sync->code);
    if (c && c->traces) {
        struct sc_code_page *p = page_find(c->traces, pa & SC_PAGE_MASK);
        if (p && (p->lines & line_mask(pa, size)))
            kill_range(c, p, pa, size);
        else if (!p || !p->lines)
            page_release(vm, pa & SC_PAGE_MASK);
    }
    if (!c || vm->cpu_count > 1) {
        tell_others(vm, c, pa, size);
        if (c && c->traces)
            remember(c, pa, size);
    }
    pthread_mutex_unlock(&vm->sync->code);
}

void sc_smc_process(struct sc_cpu *c)
{
    struct sc_traces *t = c->traces;
    bool flush;

    pthread_mutex_lock(&c->vm->sync->code);
    flush = t->written_count > sizeof(t->written) / sizeof(t->written[0]);
    for (uint32_t n = 0; !flush && n < t->written_count; n++) {
        struct sc_code_page *p = page_find(t, t->written[n].pa & SC_PAGE_MASK);
        if (p)
            kill_range(c, p, t->written[n].pa, t->written[n].size);
    }
    t->written_count = 0;
    for (uint32_t n = 0; n < t->stored_count; n++)
        tell_others(c->vm, c, t->stored[n].pa, t->stored[n].size);
    t->stored_count = 0;
    pthread_mutex_unlock(&c->vm->sync->code);
    if (flush)
        sc_traces_flush(c);
}
