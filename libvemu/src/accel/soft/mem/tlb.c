/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TLBs: filling and flushing.
 *
 * Two direct-mapped data TLBs, one per privilege, so that system calls flush nothing. An entry
 * exists only for RAM; its write tag only when a store needs no more work at all: the page tables
 * allow it, the dirty bit is set, the page holds no translated code, and the dirty log (where there
 * is one) knows of it. SC_TLB_W remembers that only the last two were missing.
 *
 * A flush must be cheap, since MOV CR3 is frequent in guests: entries in use are on one of two
 * lists (non-global, global), and a flush walks the list instead of the table. An entry can be on
 * both lists when its place was refilled; SC_TLB_LISTED_* in the entry keep it from being listed
 * twice.
 *
 * Large pages are entered as 4 KiB pieces. INVLPG must drop all pieces of its page, so the linear
 * range that ever held large pages is kept for each half of the address space; inside of it
 * INVLPG drops all pieces of large pages in the same GiB.
 *
 * The jump cache is believed without looking at the code TLB, even when that has lost the entry:
 * code_seen is a hash of the pages it may know, to decide whether INVLPG must flush it.
 */
#include <string.h>

#include "accel/soft/mem/mmu.h"
#include "accel/soft/parts.h"

enum { NONGLOBAL, GLOBAL };

static void entry_clear(struct sc_tlbe *e)
{
    e->rtag = e->wtag = SC_TLB_EMPTY;
    e->pa &= SC_TLB_LISTED_G | SC_TLB_LISTED_N;
}

static void jump_cache_flush(struct sc_cpu *c)
{
    memset(c->tlb_use.code_seen, 0, sizeof(c->tlb_use.code_seen));
    sc_jump_cache_flush(c);
}

static unsigned code_seen_bit(uint64_t va)
{
    return ((va >> SC_PAGE_BITS) ^ (va >> (SC_PAGE_BITS + 12))) & 4095;
}

static void large_reset(struct sc_tlb_use *u)
{
    for (unsigned h = 0; h < 2; h++) {
        u->large_lo[h] = ~0ull;
        u->large_hi[h] = 0;
    }
}

static void init(struct sc_cpu *c)
{
    struct sc_tlb_use *u = &c->tlb_use;
    memset(u, 0, sizeof(*u));
    /* The zeroes of a fresh table are a tag, that of page 0. Only these entries are ever asked for
     * it: its own, and the last one, by an access that wraps around from the last page. */
    for (unsigned set = 0; set < 3; set++) {
        entry_clear(&c->tlbs[set][0]);
        entry_clear(&c->tlbs[set][SC_TLB_SIZE - 1]);
    }
    c->ctlb[0].tag = SC_TLB_EMPTY;
    large_reset(u);
    u->ready = true;
}

void sc_tlb_note_large(struct sc_cpu *c, uint64_t va, unsigned shift)
{
    struct sc_tlb_use *u = &c->tlb_use;
    unsigned half = va >> 63;
    uint64_t offset = (1ull << shift) - 1;
    if ((va & ~offset) < u->large_lo[half])
        u->large_lo[half] = va & ~offset;
    if ((va | offset) > u->large_hi[half])
        u->large_hi[half] = va | offset;
}

void sc_tlb_allow_write(struct sc_tlbe *e, uint64_t page, struct sc_slot *slot, bool write)
{
    _Atomic uint8_t *flags = sc_slot_page(slot, e->pa & SC_PAGE_MASK);
    uint8_t v = atomic_load_explicit(flags, memory_order_relaxed);
    if (v & SC_PAGE_CODE)
        return;
    if ((slot->flags & VEMU_SLOT_LOG_DIRTY) && !(v & SC_PAGE_DIRTY)) {
        if (!write)
            return;
        atomic_fetch_or_explicit(flags, SC_PAGE_DIRTY, memory_order_relaxed);
    }
    e->wtag = page;
}

void sc_tlb_fill(struct sc_cpu *c, unsigned set, uint64_t page, const struct sc_walk *w,
                 struct sc_slot *slot, bool write)
{
    struct sc_tlb_use *u = &c->tlb_use;
    unsigned index = (page >> SC_PAGE_BITS) & (SC_TLB_SIZE - 1);
    struct sc_tlbe *e = &c->tlbs[set][index];
    unsigned which = w->global ? GLOBAL : NONGLOBAL;
    uint64_t listed = e->pa & (SC_TLB_LISTED_G | SC_TLB_LISTED_N);
    uint64_t mine = w->global ? SC_TLB_LISTED_G : SC_TLB_LISTED_N;

    if (SC_UNLIKELY(!u->ready))
        init(c);
    if (!(listed & mine)) {
        u->list[set][which][u->count[set][which]++] = (uint16_t)index;
        listed |= mine;
    }
    e->rtag = page;
    e->wtag = SC_TLB_EMPTY;
    e->addend = (uintptr_t)sc_slot_host(slot, w->pa) - page;
    e->pa = w->pa | listed | (w->global ? SC_TLB_GLOBAL : 0);
    if (w->shift > SC_PAGE_BITS) {
        e->pa |= SC_TLB_LARGE;
        sc_tlb_note_large(c, page, w->shift);
    }
    if (w->writable && !(slot->flags & VEMU_SLOT_READONLY)) {
        e->pa |= SC_TLB_W;
        sc_tlb_allow_write(e, page, slot, write);
    }
}

/* Empties what is on a list. The global list holds only entries that are, or were, global. */
static void flush_list(struct sc_cpu *c, unsigned set, unsigned which)
{
    struct sc_tlb_use *u = &c->tlb_use;
    uint64_t mine = which == GLOBAL ? SC_TLB_LISTED_G : SC_TLB_LISTED_N;
    for (unsigned k = 0; k < u->count[set][which]; k++) {
        struct sc_tlbe *e = &c->tlbs[set][u->list[set][which][k]];
        if (which == GLOBAL || !(e->pa & SC_TLB_GLOBAL))
            entry_clear(e);
        e->pa &= ~mine;
    }
    u->count[set][which] = 0;
}

static void flush_code_list(struct sc_cpu *c, unsigned which)
{
    struct sc_tlb_use *u = &c->tlb_use;
    uint64_t mine = which == GLOBAL ? SC_TLB_LISTED_G : SC_TLB_LISTED_N;
    for (unsigned k = 0; k < u->ccount[which]; k++) {
        struct sc_ctlbe *e = &c->ctlb[u->clist[which][k]];
        if (which == GLOBAL || !(e->pa & SC_TLB_GLOBAL))
            e->tag = SC_TLB_EMPTY;
        e->pa &= ~mine;
    }
    u->ccount[which] = 0;
}

void sc_tlb_flush_all(struct sc_cpu *c)
{
    if (!c->tlb_use.ready) {
        init(c);
    } else {
        for (unsigned set = 0; set < 2; set++) {
            flush_list(c, set, NONGLOBAL);
            flush_list(c, set, GLOBAL);
        }
        flush_code_list(c, NONGLOBAL);
        flush_code_list(c, GLOBAL);
        large_reset(&c->tlb_use);
    }
    jump_cache_flush(c);
}

void sc_tlb_flush_nonglobal(struct sc_cpu *c)
{
    if (!c->tlb_use.ready || !(c->cr4 & SC_CR4_PGE)) {
        sc_tlb_flush_all(c);
        return;
    }
    flush_list(c, 0, NONGLOBAL);
    flush_list(c, 1, NONGLOBAL);
    flush_code_list(c, NONGLOBAL);
    jump_cache_flush(c);
}

/* INVLPG inside a large page: all pieces of large pages in the same GiB. */
static void flush_large(struct sc_cpu *c, uint64_t va)
{
    struct sc_tlb_use *u = &c->tlb_use;
    for (unsigned set = 0; set < 2; set++) {
        for (unsigned which = 0; which < 2; which++) {
            for (unsigned k = 0; k < u->count[set][which]; k++) {
                struct sc_tlbe *e = &c->tlbs[set][u->list[set][which][k]];
                if ((e->pa & SC_TLB_LARGE) && e->rtag >> 30 == va >> 30)
                    entry_clear(e);
            }
        }
    }
    for (unsigned k = 0; k < SC_CTLB_SIZE; k++)
        if (c->ctlb[k].tag >> 30 == va >> 30)
            c->ctlb[k].tag = SC_TLB_EMPTY;
    jump_cache_flush(c);
}

void sc_tlb_flush_page(struct sc_cpu *c, uint64_t va)
{
    struct sc_tlb_use *u = &c->tlb_use;
    if (!(c->efer & SC_EFER_LMA))
        va = (uint32_t)va;
    if (!u->ready)
        return;
    uint64_t page = va & SC_PAGE_MASK;
    unsigned seen = code_seen_bit(page);
    for (unsigned set = 0; set < 2; set++) {
        struct sc_tlbe *e = &c->tlbs[set][(page >> SC_PAGE_BITS) & (SC_TLB_SIZE - 1)];
        if (e->rtag == page)
            entry_clear(e);
    }
    struct sc_ctlbe *ce = &c->ctlb[(page >> SC_PAGE_BITS) & (SC_CTLB_SIZE - 1)];
    if ((ce->tag & ~SC_CTLB_USER) == page)
        ce->tag = SC_TLB_EMPTY;
    unsigned half = va >> 63;
    if (va >= u->large_lo[half] && va <= u->large_hi[half])
        flush_large(c, va);
    else if ((u->code_seen[seen / 64] >> (seen & 63)) & 1)
        jump_cache_flush(c);
}

void sc_tlb_protect_page(struct sc_cpu *c, uint64_t pa)
{
    struct sc_tlb_use *u = &c->tlb_use;
    pa &= SC_PAGE_MASK;
    for (unsigned set = 0; set < 2; set++)
        for (unsigned which = 0; which < 2; which++)
            for (unsigned k = 0; k < u->count[set][which]; k++) {
                struct sc_tlbe *e = &c->tlbs[set][u->list[set][which][k]];
                if ((e->pa & SC_PAGE_MASK) == pa)
                    e->wtag = SC_TLB_EMPTY;
            }
}

const struct sc_ctlbe *sc_fetch_page(struct sc_cpu *c, uint64_t va)
{
    if (!(c->mode & SC_M_64))
        va = (uint32_t)va;
    else if (!sc_canonical(va))
        sc_raise_at_rip(c, SC_GP, 0);

    unsigned user = c->cpl == 3;
    uint64_t page = va & SC_PAGE_MASK, tag = page | (user ? SC_CTLB_USER : 0);
    struct sc_ctlbe *e = &c->ctlb[(page >> SC_PAGE_BITS) & (SC_CTLB_SIZE - 1)];
    if (SC_UNLIKELY(!c->tlb_use.ready))
        init(c);
    if (SC_UNLIKELY(e->tag != tag)) {
        struct sc_walk w;
        uint32_t error;
        if (!sc_walk(c, va, SC_AX_FETCH | (user ? SC_AX_USER : 0), &w, &error)) {
            c->cr2 = va;
            sc_raise_at_rip(c, SC_PFV, error);
        }
        struct sc_slot *s = sc_slot_find(c->vm, w.pa);
        unsigned which = w.global ? GLOBAL : NONGLOBAL;
        uint64_t listed = e->pa & (SC_TLB_LISTED_G | SC_TLB_LISTED_N);
        uint64_t mine = w.global ? SC_TLB_LISTED_G : SC_TLB_LISTED_N;
        if (!(listed & mine))
            c->tlb_use.clist[which][c->tlb_use.ccount[which]++] = (uint16_t)(e - c->ctlb);
        e->tag = tag;
        e->pa = w.pa | listed | mine | (w.global ? SC_TLB_GLOBAL : 0);
        e->hva = s ? sc_slot_host(s, w.pa) : NULL;
        if (w.shift > SC_PAGE_BITS)
            sc_tlb_note_large(c, page, w.shift);
    }
    unsigned seen = code_seen_bit(page);
    c->tlb_use.code_seen[seen / 64] |= 1ull << (seen & 63);
    return e;
}
