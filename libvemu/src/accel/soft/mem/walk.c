/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page walks: no paging, 32-bit, PAE and 4-level paging (SDM 3A.4).
 *
 * The walk first reads all levels and decides; only when the access is allowed are the accessed
 * bits (and the dirty bit of the leaf, on a write) set, by compare-and-swap on the guest's memory.
 * When an entry changed under the walk (another vCPU, or a table that contains itself) the walk
 * starts anew: each restart means that somebody made progress. Tables outside RAM read as all ones;
 * their accessed bits cannot be set, nor can those in read-only slots.
 */
#include "accel/soft/mem/mmu.h"

#include "accel/soft/parts.h"
#include "accel/soft/sys/sys.h"

#define PTE_P 0x1ull
#define PTE_RW 0x2ull
#define PTE_US 0x4ull
#define PTE_A 0x20ull
#define PTE_D 0x40ull
#define PTE_PS 0x80ull
#define PTE_G 0x100ull
#define PTE_NX (1ull << 63)

struct entry {
    uint64_t value;
    void *host; /* NULL: cannot be updated */
    struct sc_slot *slot;
    uint64_t pa;
};

static void read_entry(struct sc_cpu *c, uint64_t pa, unsigned size, struct entry *e)
{
    e->pa = pa;
    e->host = NULL;
    e->slot = sc_slot_find(c->vm, pa);
    if (!e->slot) {
        e->value = ~0ull;
        return;
    }
    void *host = sc_slot_host(e->slot, pa);
    e->value = size == 8 ? __atomic_load_n((uint64_t *)host, __ATOMIC_RELAXED)
                         : __atomic_load_n((uint32_t *)host, __ATOMIC_RELAXED);
    if (!(e->slot->flags & VEMU_SLOT_READONLY))
        e->host = host;
}

/* False: the entry is not what it was. */
static bool update_entry(struct sc_cpu *c, struct entry *e, unsigned size, uint64_t bits)
{
    uint64_t want = e->value | bits;
    if (want == e->value || !e->host)
        return true;
    sc_slot_written(c, e->slot, e->pa, size);
    if (size == 8) {
        uint64_t old = e->value;
        return __atomic_compare_exchange_n((uint64_t *)e->host, &old, want, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    }
    uint32_t old = (uint32_t)e->value;
    return __atomic_compare_exchange_n((uint32_t *)e->host, &old, (uint32_t)want, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Rights of a translation whose entries ANDed to `us`, `rw` and ORed to `nx` (SDM 3A.4.6). */
static bool allowed(const struct sc_cpu *c, unsigned access, bool us, bool rw, bool nx)
{
    if (access & SC_AX_FETCH) {
        if (nx)
            return false;
        return access & SC_AX_USER ? us : !(us && (c->cr4 & SC_CR4_SMEP));
    }
    if (access & SC_AX_USER)
        return us && (rw || !(access & SC_AX_WRITE));
    if ((access & SC_AX_WRITE) && !rw && (c->cr0 & SC_CR0_WP))
        return false;
    if (us && (c->cr4 & SC_CR4_SMAP))
        return !(access & SC_AX_IMPLICIT) && (c->eflags & SC_AC);
    return true;
}

static uint32_t error_code(const struct sc_cpu *c, unsigned access, uint32_t why)
{
    uint32_t e = why | (access & (SC_AX_WRITE | SC_AX_USER));
    if (access & SC_AX_FETCH) {
        bool nx = (c->efer & SC_EFER_NXE) && (c->cr4 & SC_CR4_PAE);
        if (nx || (c->cr4 & SC_CR4_SMEP))
            e |= SC_AX_FETCH;
    }
    return e;
}

/* Finishes an allowed walk: A/D bits and the result. False: start again. */
static bool commit(struct sc_cpu *c, struct entry *ents, unsigned n, unsigned size, unsigned access,
                   bool rw, struct sc_walk *w)
{
    struct entry *leaf = &ents[n - 1];
    if (!(access & SC_AX_DRY)) {
        for (unsigned k = 0; k + 1 < n; k++)
            if (!update_entry(c, &ents[k], size, PTE_A))
                return false;
        if (!update_entry(c, leaf, size, access & SC_AX_WRITE ? PTE_A | PTE_D : PTE_A))
            return false;
    }
    bool may = rw || (!(access & SC_AX_USER) && !(c->cr0 & SC_CR0_WP));
    w->writable = may && ((access & SC_AX_WRITE) || (leaf->value & PTE_D));
    w->global = (leaf->value & PTE_G) && (c->cr4 & SC_CR4_PGE);
    return true;
}

/* 4-level and PAE paging: 8-byte entries. */
static bool walk_long(struct sc_cpu *c, uint64_t va, unsigned access, struct sc_walk *w,
                      uint32_t *error)
{
    uint64_t pmask = sc_phys_mask(c) & SC_PAGE_MASK;
    bool lma = c->efer & SC_EFER_LMA;
    /* Bits 62:52 are ignored by 4-level paging and reserved in PAE entries. */
    uint64_t reserved_all = (lma ? (1ull << 52) - 1 : PTE_NX - 1) & ~sc_phys_mask(c);
    if (!(c->efer & SC_EFER_NXE))
        reserved_all |= PTE_NX;
    struct entry ents[4];

    for (;;) {
        uint64_t table, us = PTE_US, rw = PTE_RW, nx = 0;
        unsigned n = 0, level, shift;

        if (lma) {
            table = c->cr3 & pmask;
            level = 4;
        } else {
            uint64_t pdpte = c->pdpte[(va >> 30) & 3];
            if (!(pdpte & PTE_P)) {
                *error = error_code(c, access, 0);
                return false;
            }
            table = pdpte & pmask;
            level = 2;
        }
        for (;; level--) {
            struct entry *e = &ents[n++];
            shift = 3 + 9 * level;
            read_entry(c, table + ((va >> shift) & 511) * 8, 8, e);
            uint64_t v = e->value;
            if (!(v & PTE_P)) {
                *error = error_code(c, access, 0);
                return false;
            }
            uint64_t reserved = reserved_all;
            bool leaf = level == 1;
            if (level > 1 && (v & PTE_PS)) {
                leaf = true;
                if (level == 4 || (level == 3 && !sc_has(c, SC_CPUID_81_EDX, 26)))
                    reserved |= PTE_PS;
                else /* address bits below the page size, except PAT in bit 12 */
                    reserved |= ((1ull << shift) - 1) & ~0x1fffull;
            }
            if (v & reserved) {
                *error = error_code(c, access, SC_PF_P | SC_PF_RSVD);
                return false;
            }
            us &= v;
            rw &= v;
            nx |= v & PTE_NX;
            if (leaf)
                break;
            table = v & pmask;
        }
        if (!(access & SC_AX_DRY) && !allowed(c, access, us, rw, nx)) {
            *error = error_code(c, access, SC_PF_P);
            return false;
        }
        if (!commit(c, ents, n, 8, access, rw, w))
            continue;
        uint64_t offset = (1ull << shift) - 1;
        w->pa = ((ents[n - 1].value & pmask & ~offset) | (va & offset)) & SC_PAGE_MASK;
        w->shift = (uint8_t)shift;
        w->user = us;
        return true;
    }
}

/* 32-bit paging: 4-byte entries, 4 MiB pages with CR4.PSE (and PSE-36). */
static bool walk_legacy(struct sc_cpu *c, uint32_t va, unsigned access, struct sc_walk *w,
                        uint32_t *error)
{
    struct entry ents[2];
    for (;;) {
        unsigned n = 1;
        uint64_t rights;
        read_entry(c, (c->cr3 & 0xfffff000u) + (va >> 22) * 4, 4, &ents[0]);
        uint64_t pde = ents[0].value;
        if (!(pde & PTE_P)) {
            *error = error_code(c, access, 0);
            return false;
        }
        if ((pde & PTE_PS) && (c->cr4 & SC_CR4_PSE)) {
            uint64_t high = ((pde >> 13) & 0xff) << 32;
            if ((pde & (1u << 21)) || (high & ~sc_phys_mask(c))) {
                *error = error_code(c, access, SC_PF_P | SC_PF_RSVD);
                return false;
            }
            rights = pde;
            w->pa = high | (pde & 0xffc00000u) | (va & 0x3ff000u);
            w->shift = 22;
        } else {
            read_entry(c, (pde & 0xfffff000u) + ((va >> 12) & 1023) * 4, 4, &ents[n++]);
            uint64_t pte = ents[1].value;
            if (!(pte & PTE_P)) {
                *error = error_code(c, access, 0);
                return false;
            }
            rights = pde & pte;
            w->pa = pte & 0xfffff000u;
            w->shift = 12;
        }
        if (!(access & SC_AX_DRY) &&
            !allowed(c, access, rights & PTE_US, rights & PTE_RW, false)) {
            *error = error_code(c, access, SC_PF_P);
            return false;
        }
        if (!commit(c, ents, n, 4, access, rights & PTE_RW, w))
            continue;
        w->user = rights & PTE_US;
        return true;
    }
}

bool sc_walk(struct sc_cpu *c, uint64_t va, unsigned access, struct sc_walk *w, uint32_t *error)
{
    if (!(c->cr0 & SC_CR0_PG)) {
        w->pa = va & 0xfffff000u;
        w->shift = SC_PAGE_BITS;
        w->global = false;
        w->writable = true;
        w->user = false;
        return true;
    }
    if (c->cr4 & SC_CR4_PAE)
        return walk_long(c, va, access, w, error);
    return walk_legacy(c, (uint32_t)va, access, w, error);
}

bool sc_translate(struct sc_cpu *c, uint64_t va, uint64_t *ret_pa)
{
    struct sc_walk w;
    uint32_t error;
    if (!(c->efer & SC_EFER_LMA))
        va = (uint32_t)va;
    else if (!sc_canonical(va))
        return false;
    if (!sc_walk(c, va, SC_AX_DRY, &w, &error))
        return false;
    *ret_pa = w.pa | (va & ~SC_PAGE_MASK);
    return true;
}

int sc_load_pdptes(struct sc_cpu *c, uint64_t cr3)
{
    /* SDM 3A.4.4.1: bits 2:1, 8:5 and those beyond the physical address width are reserved. */
    uint64_t reserved = ~sc_phys_mask(c) | 0x1e6, v[4];
    for (unsigned k = 0; k < 4; k++) {
        struct entry e;
        read_entry(c, (cr3 & 0xffffffe0u) + k * 8, 8, &e);
        v[k] = e.value;
        if ((v[k] & PTE_P) && (v[k] & reserved))
            return -1;
    }
    for (unsigned k = 0; k < 4; k++)
        c->pdpte[k] = v[k];
    return 0;
}
