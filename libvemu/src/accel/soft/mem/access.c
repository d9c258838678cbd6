/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest memory accesses that miss the inline TLB check of mem.h.
 *
 * resolve() turns a linear address into a place: host memory, or a physical address that a device
 * (or nobody) answers. An access that crosses a page resolves both pages before it touches either,
 * so that a fault leaves memory as it was. Stores to pages with translated code go to host memory
 * as well, after sc_smc_write() threw the traces away.
 *
 * With alignment checks or data watchpoints active, c->tlb points to a set that is always empty:
 * every access comes here and is looked at by special().
 */
#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/parts.h"

struct place {
    uint8_t *host; /* NULL: not RAM (or not writable RAM for a write) */
    uint64_t pa;
    struct sc_slot *slot; /* set when a write must be announced with sc_slot_written() */
};

static _Noreturn void fault(struct sc_cpu *c, const struct sc_insn *i, unsigned vector,
                            int64_t error)
{
    if (i)
        sc_raise(c, i, vector, error);
    sc_raise_at_rip(c, vector, error);
}

static SC_COLD _Noreturn void page_fault(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,
                                         uint32_t error)
{
    c->cr2 = va;
    fault(c, i, SC_PFV, error);
}

/* Linear addresses are 32 bits wide outside 64-bit mode; the CPU's own accesses use all 64 in any
 * submode of long mode. */
static inline uint64_t wrap(const struct sc_cpu *c, uint64_t va, unsigned access)
{
    bool wide = access & (SC_AX_IMPLICIT | SC_AX_WIDE) ? (c->efer & SC_EFER_LMA) != 0
                                                       : (c->mode & SC_M_64) != 0;
    return wide ? va : (uint32_t)va;
}

static inline unsigned data_access(const struct sc_cpu *c, unsigned access)
{
    return c->cpl == 3 ? access | SC_AX_USER : access;
}

static SC_NOINLINE void resolve_miss(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,
                                     unsigned access, struct place *p)
{
    unsigned set = access & SC_AX_USER ? 1 : 0;
    bool write = access & SC_AX_WRITE;
    uint64_t page = va & SC_PAGE_MASK;
    struct sc_tlbe *e = &c->tlbs[set][(va >> SC_PAGE_BITS) & (SC_TLB_SIZE - 1)];
    struct sc_walk w;
    uint32_t error;

    if (write && e->rtag == page && (e->pa & SC_TLB_W)) {
        /* Only the page's flags were in the way: no walk. */
        p->pa = (e->pa & SC_PAGE_MASK) | (va & ~SC_PAGE_MASK);
        p->slot = sc_slot_find(c->vm, p->pa);
        if (SC_LIKELY(p->slot && !(p->slot->flags & VEMU_SLOT_READONLY))) {
            sc_tlb_allow_write(e, page, p->slot, true);
            p->host = sc_slot_host(p->slot, p->pa);
            return;
        }
    }
    if (!sc_canonical(va))
        fault(c, i, i && (i->flags & SC_I_SS) ? SC_SS : SC_GP, 0);
    if (!sc_walk(c, va, access, &w, &error))
        page_fault(c, i, va, error);
    p->pa = w.pa | (va & ~SC_PAGE_MASK);
    p->slot = sc_slot_find(c->vm, w.pa);
    p->host = NULL;
    if (!p->slot) {
        if (SC_UNLIKELY(c->assist != NULL))
            sc_assist_mmio(c, i, w.pa);
        return;
    }
    /* SMAP depends on EFLAGS.AC at each access: user pages never become fast for the supervisor. */
    if (set || !w.user || !(c->cr4 & SC_CR4_SMAP))
        sc_tlb_fill(c, set, page, &w, p->slot, write);
    if (!write || !(p->slot->flags & VEMU_SLOT_READONLY))
        p->host = sc_slot_host(p->slot, p->pa);
}

static inline void resolve(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned access,
                           struct place *p)
{
    struct sc_tlbe *e =
        &c->tlbs[access & SC_AX_USER ? 1 : 0][(va >> SC_PAGE_BITS) & (SC_TLB_SIZE - 1)];
    uint64_t tag = access & SC_AX_WRITE ? e->wtag : e->rtag;
    if (tag == (va & SC_PAGE_MASK)) {
        p->host = (uint8_t *)(va + e->addend);
        p->pa = (e->pa & SC_PAGE_MASK) | (va & ~SC_PAGE_MASK);
        p->slot = NULL;
        return;
    }
    resolve_miss(c, i, va, access, p);
}

static inline unsigned page_left(uint64_t va)
{
    return (unsigned)(SC_PAGE_SIZE - (va & ~SC_PAGE_MASK));
}

/* --- places --------------------------------------------------------------------------------- */

static uint64_t place_ld(struct sc_cpu *c, const struct place *p, unsigned size)
{
    if (SC_UNLIKELY(!p->host))
        return sc_phys_ld(c, p->pa, size);
    switch (size) {
    case 1: return *p->host;
    case 2: return *(const sc_u16a *)p->host;
    case 4: return *(const sc_u32a *)p->host;
    default: return *(const sc_u64a *)p->host;
    }
}

static void place_st(struct sc_cpu *c, const struct place *p, unsigned size, uint64_t v)
{
    if (SC_UNLIKELY(!p->host)) {
        sc_phys_st(c, p->pa, size, v);
        return;
    }
    if (p->slot)
        sc_slot_written(c, p->slot, p->pa, size);
    switch (size) {
    case 1: *p->host = (uint8_t)v; break;
    case 2: *(sc_u16a *)p->host = (uint16_t)v; break;
    case 4: *(sc_u32a *)p->host = (uint32_t)v; break;
    default: *(sc_u64a *)p->host = v; break;
    }
}

static void place_read(struct sc_cpu *c, const struct place *p, void *buf, unsigned size)
{
    uint8_t *b = buf;
    if (p->host) {
        memcpy(b, p->host, size);
        return;
    }
    for (unsigned done = 0, n; done < size; done += n) {
        n = size - done >= 8 ? 8 : size - done;
        uint64_t v = sc_phys_ld(c, p->pa + done, n);
        memcpy(b + done, &v, n);
    }
}

static void place_write(struct sc_cpu *c, const struct place *p, const void *buf, unsigned size)
{
    const uint8_t *b = buf;
    if (!size)
        return;
    if (p->host) {
        if (p->slot)
            sc_slot_written(c, p->slot, p->pa, size);
        memcpy(p->host, b, size);
        return;
    }
    for (unsigned done = 0, n; done < size; done += n) {
        uint64_t v = 0;
        n = size - done >= 8 ? 8 : size - done;
        memcpy(&v, b + done, n);
        sc_phys_st(c, p->pa + done, n, v);
    }
}

/* An access of up to 4096 bytes: one or two pages. Returns the bytes in the first. */
static unsigned resolve_two(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size,
                            unsigned access, struct place p[2])
{
    unsigned first = page_left(va);
    resolve(c, i, va, access, &p[0]);
    if (size <= first)
        return size;
    resolve(c, i, wrap(c, va + first, access), access, &p[1]);
    return first;
}

static void read_bytes(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, void *buf,
                       unsigned size, unsigned access)
{
    struct place p[2];
    va = wrap(c, va, access);
    unsigned first = resolve_two(c, i, va, size, access, p);
    place_read(c, &p[0], buf, first);
    if (first < size)
        place_read(c, &p[1], (uint8_t *)buf + first, size - first);
}

static void write_bytes(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, const void *buf,
                        unsigned size, unsigned access)
{
    struct place p[2];
    va = wrap(c, va, access);
    unsigned first = resolve_two(c, i, va, size, access, p);
    place_write(c, &p[0], buf, first);
    if (first < size)
        place_write(c, &p[1], (const uint8_t *)buf + first, size - first);
}

/* --- alignment checks and data watchpoints --------------------------------------------------- */

static SC_COLD void special(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size,
                            bool write)
{
    if (c->cpl == 3 && (c->cr0 & SC_CR0_AM) && (c->eflags & SC_AC) && size <= 8 &&
        (va & (size - 1)) && sc_canonical(va)) /* otherwise #GP or #SS, when the access is made */
        fault(c, i, SC_ACV, 0);
    if (c->debug && c->debug->watch)
        sc_debug_data(c, va, size, write);
    if (!(c->dr7 & SC_DR7_ENABLE))
        return;
    static const uint8_t lengths[4] = { 1, 2, 8, 4 };
    for (unsigned n = 0; n < 4; n++) {
        unsigned rw = (c->dr7 >> (16 + n * 4)) & 3;
        uint64_t len = lengths[(c->dr7 >> (18 + n * 4)) & 3];
        uint64_t at = c->dr[n] & ~(len - 1);
        if (!((c->dr7 >> n * 2) & 3) || !(rw == 3 || (rw == 1 && write)))
            continue;
        if (va < at + len && at < va + size)
            c->db_hits |= 1u << n;
    }
}

static inline void check_special(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,
                                 unsigned size, bool write)
{
    if (SC_UNLIKELY(c->tlb == c->tlbs[2]))
        special(c, i, va, size, write);
}

/* --- what mem.h declares --------------------------------------------------------------------- */

uint64_t sc_ld_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size)
{
    unsigned access = data_access(c, SC_AX_READ);
    va = wrap(c, va, access);
    check_special(c, i, va, size, false);
    if (SC_UNLIKELY(size > page_left(va))) {
        uint64_t v = 0;
        read_bytes(c, i, va, &v, size, access);
        return v;
    }
    struct place p;
    resolve(c, i, va, access, &p);
    return place_ld(c, &p, size);
}

void sc_st_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size, uint64_t v)
{
    unsigned access = data_access(c, SC_AX_WRITE);
    va = wrap(c, va, access);
    check_special(c, i, va, size, true);
    if (SC_UNLIKELY(size > page_left(va))) {
        write_bytes(c, i, va, &v, size, access);
        return;
    }
    struct place p;
    resolve(c, i, va, access, &p);
    place_st(c, &p, size, v);
}

sc_u64x2 sc_ld128_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va)
{
    sc_u64x2 v;
    check_special(c, i, va, 16, false);
    read_bytes(c, i, va, &v, 16, data_access(c, SC_AX_READ));
    return v;
}

void sc_st128_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, sc_u64x2 v)
{
    check_special(c, i, va, 16, true);
    write_bytes(c, i, va, &v, 16, data_access(c, SC_AX_WRITE));
}

void *sc_rmw_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size)
{
    unsigned access = data_access(c, SC_AX_WRITE);
    va = wrap(c, va, access);
    check_special(c, i, va, size, false);
    check_special(c, i, va, size, true);
    if (size > page_left(va))
        return NULL;
    struct place p;
    resolve(c, i, va, access, &p);
    if (!p.host ||
        (p.slot &&
         (atomic_load_explicit(sc_slot_page(p.slot, p.pa), memory_order_relaxed) & SC_PAGE_CODE)))
        return NULL;
    if (p.slot)
        sc_slot_written(c, p.slot, p.pa, size);
    return p.host;
}

uint64_t sc_ld_rmw(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size)
{
    uint64_t v = 0;
    check_special(c, i, va, size, false);
    check_special(c, i, va, size, true);
    read_bytes(c, i, va, &v, size, data_access(c, SC_AX_WRITE));
    return v;
}

static void probe(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size,
                  unsigned access)
{
    struct place p[2];
    if (size)
        resolve_two(c, i, wrap(c, va, access), size, access, p);
}

void sc_probe_read(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size)
{
    probe(c, i, va, size, data_access(c, SC_AX_READ));
}

void sc_probe_write(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size)
{
    probe(c, i, va, size, data_access(c, SC_AX_WRITE));
}

static uint8_t *span(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned *avail,
                     unsigned access)
{
    struct place p;
    va = wrap(c, va, access);
    *avail = page_left(va);
    /* Every element must be looked at on its own. */
    if (c->tlb == c->tlbs[2])
        return NULL;
    resolve(c, i, va, access, &p);
    if (p.host && p.slot && (access & SC_AX_WRITE)) {
        if (atomic_load_explicit(sc_slot_page(p.slot, p.pa), memory_order_relaxed) & SC_PAGE_CODE)
            return NULL;
        sc_slot_written(c, p.slot, p.pa, *avail);
    }
    return p.host;
}

uint8_t *sc_span_read(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned *avail)
{
    return span(c, i, va, avail, data_access(c, SC_AX_READ));
}

uint8_t *sc_span_write(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned *avail)
{
    return span(c, i, va, avail, data_access(c, SC_AX_WRITE));
}

void sc_read_block(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, void *buf, unsigned size)
{
    if (size)
        read_bytes(c, i, va, buf, size, data_access(c, SC_AX_READ));
}

void sc_write_block(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, const void *buf,
                    unsigned size)
{
    if (size)
        write_bytes(c, i, va, buf, size, data_access(c, SC_AX_WRITE));
}

void sc_read_as(struct sc_cpu *c, uint64_t va, void *buf, unsigned size, bool user)
{
    read_bytes(c, NULL, va, buf, size, SC_AX_READ | SC_AX_WIDE | (user ? SC_AX_USER : 0));
}

void sc_write_as(struct sc_cpu *c, uint64_t va, const void *buf, unsigned size, bool user)
{
    write_bytes(c, NULL, va, buf, size, SC_AX_WRITE | SC_AX_WIDE | (user ? SC_AX_USER : 0));
}

uint64_t sc_sys_ld(struct sc_cpu *c, uint64_t va, unsigned size)
{
    uint64_t v = 0;
    va = wrap(c, va, SC_AX_IMPLICIT);
    if (SC_LIKELY(size <= page_left(va))) {
        struct place p;
        resolve(c, NULL, va, SC_AX_READ | SC_AX_IMPLICIT, &p);
        return place_ld(c, &p, size);
    }
    read_bytes(c, NULL, va, &v, size, SC_AX_READ | SC_AX_IMPLICIT);
    return v;
}

void sc_sys_st(struct sc_cpu *c, uint64_t va, unsigned size, uint64_t v)
{
    va = wrap(c, va, SC_AX_IMPLICIT);
    if (SC_LIKELY(size <= page_left(va))) {
        struct place p;
        resolve(c, NULL, va, SC_AX_WRITE | SC_AX_IMPLICIT, &p);
        place_st(c, &p, size, v);
        return;
    }
    write_bytes(c, NULL, va, &v, size, SC_AX_WRITE | SC_AX_IMPLICIT);
}
