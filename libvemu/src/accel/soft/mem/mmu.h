/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the parts of the MMU: page walk (walk.c), TLBs (tlb.c), accesses (access.c), physical
 * memory (phys.c).
 */
#ifndef SC_MMU_H
#define SC_MMU_H

#include "accel/soft/mem/mem.h"

/* What an access wants. The first three are in their #PF error code positions. */
#define SC_AX_READ 0u
#define SC_AX_WRITE 2u
#define SC_AX_USER 4u
#define SC_AX_FETCH 16u
#define SC_AX_IMPLICIT 0x100u /* made by the CPU itself (descriptor tables, TSS): SMAP ignores AC */
#define SC_AX_DRY 0x200u      /* no permission checks, no A/D updates */
#define SC_AX_WIDE 0x400u     /* 64-bit linear address in any submode of long mode */

#define SC_PF_P 1u
#define SC_PF_RSVD 8u

struct sc_walk {
    uint64_t pa;    /* physical 4 KiB page */
    uint8_t shift;  /* log2 of the page size */
    bool global;
    bool writable;  /* a write by the same privilege would succeed without touching the tables */
    bool user;      /* a user page */
};

/* Walks the page tables for va. False: *error is the #PF error code. */
bool sc_walk(struct sc_cpu *c, uint64_t va, unsigned access, struct sc_walk *w, uint32_t *error);

/* Enters a translation to RAM into data TLB `set` (0 supervisor, 1 user). */
void sc_tlb_fill(struct sc_cpu *c, unsigned set, uint64_t page, const struct sc_walk *w,
                 struct sc_slot *slot, bool write);
/* Remembers that linear page `page` belongs to a large page (INVLPG must drop more than one entry).
 * */
void sc_tlb_note_large(struct sc_cpu *c, uint64_t va, unsigned shift);
/* Sets the write tag of an entry marked SC_TLB_W if nothing speaks against it. */
void sc_tlb_allow_write(struct sc_tlbe *e, uint64_t page, struct sc_slot *slot, bool write);

/* Host address of physical address pa in slot s. */
static inline uint8_t *sc_slot_host(const struct sc_slot *s, uint64_t pa)
{
    return s->hva + (pa - s->gpa);
}
static inline _Atomic uint8_t *sc_slot_page(const struct sc_slot *s, uint64_t pa)
{
    return &s->pages[(pa - s->gpa) >> SC_PAGE_BITS];
}
/* `size` bytes (within a page) are about to be written to RAM behind the write TLB's back: traces
 * and the dirty log must know. */
void sc_slot_written(struct sc_cpu *c, struct sc_slot *s, uint64_t pa, unsigned size);

/* Blocks of up to 4096 bytes with supervisor or user rights whatever the CPL (stacks of transfers
 * between privileges). c->rip is set. In long mode all 64 address bits count. */
void sc_read_as(struct sc_cpu *c, uint64_t va, void *buf, unsigned size, bool user);
void sc_write_as(struct sc_cpu *c, uint64_t va, const void *buf, unsigned size, bool user);

/* Bits of a physical address the guest may use. */
static inline uint64_t sc_phys_mask(const struct sc_cpu *c)
{
    unsigned bits = c->phys_bits >= 32 && c->phys_bits <= 52 ? c->phys_bits : 40;
    return (1ull << bits) - 1;
}
static inline bool sc_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

#endif
