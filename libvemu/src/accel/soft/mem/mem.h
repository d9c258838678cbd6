/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest memory accesses from handlers: the TLB hit inline, everything else in mmu.c.
 *
 * All of them take a *linear* address and the record (for the RIP of a fault) and leave by longjmp
 * on a fault. `kind` of system accesses is always supervisor.
 */
#ifndef SC_MEM_H
#define SC_MEM_H

#include "accel/soft/cpu.h"

typedef uint64_t sc_u64x2 __attribute__((vector_size(16), may_alias));
typedef uint16_t sc_u16a __attribute__((may_alias, aligned(1)));
typedef uint32_t sc_u32a __attribute__((may_alias, aligned(1)));
typedef uint64_t sc_u64a __attribute__((may_alias, aligned(1)));
typedef sc_u64x2 sc_u128a __attribute__((aligned(1)));

/* Slow paths (mmu.c). size 1, 2, 4, 8. They handle TLB fills, page crossing, MMIO, SMC, faults. */
uint64_t sc_ld_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size);
void sc_st_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size, uint64_t v);
sc_u64x2 sc_ld128_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va);
void sc_st128_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, sc_u64x2 v);
/*
 * Read-modify-write: host pointer to `size` bytes (1..16) within one page, with write permission
 * checked (a fault reports a write), or NULL when the access must be done as sc_ld_rmw + sc_st
 * (MMIO, page crossing, page holding code).
 */
void *sc_rmw_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size);
/* Load for a read-modify-write that sc_rmw() refused: checks write permission of the whole access
 * first. */
uint64_t sc_ld_rmw(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size);
/* Faults unless `size` bytes (up to 4096) at va can be read / written; nothing is accessed. */
void sc_probe_read(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size);
void sc_probe_write(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size);
/*
 * String instructions: host pointer for [va, page end) or NULL when not plain RAM; *avail gets the
 * number of bytes up to the page's end. Faults when not mapped.
 */
uint8_t *sc_span_read(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned *avail);
uint8_t *sc_span_write(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned *avail);
/* Blocks of bytes that may cross pages (FXSAVE, stacks of far transfers): probed, then copied. */
void sc_read_block(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, void *buf,
                   unsigned size);
void sc_write_block(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, const void *buf,
                    unsigned size);

/* Supervisor accesses to descriptor tables, TSS, stacks of event delivery; c->rip is set. */
uint64_t sc_sys_ld(struct sc_cpu *c, uint64_t va, unsigned size);
void sc_sys_st(struct sc_cpu *c, uint64_t va, unsigned size, uint64_t v);

/* Translation without side effects (no A/D bits, no fault). False: not mapped. */
bool sc_translate(struct sc_cpu *c, uint64_t va, uint64_t *ret_pa);
/* Loads the four PAE page-directory pointers from `cr3`. -1: a reserved bit is set (#GP). MOV CR3,
 * and MOV CR0/CR4 when they turn PAE paging on outside long mode. */
int sc_load_pdptes(struct sc_cpu *c, uint64_t cr3);
/* Code fetch: physical page and host pointer for the linear page of va, through the code TLB.
 * Raises #PF/#GP with c->rip set by the caller. */
const struct sc_ctlbe *sc_fetch_page(struct sc_cpu *c, uint64_t va);

/* Physical memory (page walks, LAPIC page, fetch from MMIO). */
struct sc_slot *sc_slot_find(struct sc_vm *vm, uint64_t gpa);
uint64_t sc_phys_ld(struct sc_cpu *c, uint64_t gpa, unsigned size);
void sc_phys_st(struct sc_cpu *c, uint64_t gpa, unsigned size, uint64_t v);

/* TLB maintenance. */
void sc_tlb_flush_all(struct sc_cpu *c);
void sc_tlb_flush_nonglobal(struct sc_cpu *c); /* MOV CR3 */
void sc_tlb_flush_page(struct sc_cpu *c, uint64_t va);
/* Drops write entries that map the physical page (it now holds code, or its dirty bit was cleared).
 * */
void sc_tlb_protect_page(struct sc_cpu *c, uint64_t pa);

SC_INLINE struct sc_tlbe *sc_tlbe(struct sc_cpu *c, uint64_t va)
{
    return &c->tlb[(va >> SC_PAGE_BITS) & (SC_TLB_SIZE - 1)];
}

#define SC_DEFINE_LDST(bits, type)                                                                 \
    SC_INLINE uint##bits##_t sc_ld##bits(struct sc_cpu *c, const struct sc_insn *i, uint64_t va)   \
    {                                                                                              \
        const struct sc_tlbe *t = sc_tlbe(c, va);                                                  \
        if (SC_LIKELY(((va + bits / 8 - 1) & SC_PAGE_MASK) == t->rtag))                            \
            return *(const type *)(va + t->addend);                                                \
        return (uint##bits##_t)sc_ld_slow(c, i, va, bits / 8);                                     \
    }                                                                                              \
    SC_INLINE void sc_st##bits(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,             \
                               uint##bits##_t v)                                                   \
    {                                                                                              \
        const struct sc_tlbe *t = sc_tlbe(c, va);                                                  \
        if (SC_LIKELY(((va + bits / 8 - 1) & SC_PAGE_MASK) == t->wtag))                            \
            *(type *)(va + t->addend) = v;                                                         \
        else                                                                                       \
            sc_st_slow(c, i, va, bits / 8, v);                                                     \
    }
SC_DEFINE_LDST(8, uint8_t)
SC_DEFINE_LDST(16, sc_u16a)
SC_DEFINE_LDST(32, sc_u32a)
SC_DEFINE_LDST(64, sc_u64a)

SC_INLINE sc_u64x2 sc_ld128(struct sc_cpu *c, const struct sc_insn *i, uint64_t va)
{
    const struct sc_tlbe *t = sc_tlbe(c, va);
    if (SC_LIKELY(((va + 15) & SC_PAGE_MASK) == t->rtag))
        return *(const sc_u128a *)(va + t->addend);
    return sc_ld128_slow(c, i, va);
}
SC_INLINE void sc_st128(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, sc_u64x2 v)
{
    const struct sc_tlbe *t = sc_tlbe(c, va);
    if (SC_LIKELY(((va + 15) & SC_PAGE_MASK) == t->wtag))
        *(sc_u128a *)(va + t->addend) = v;
    else
        sc_st128_slow(c, i, va, v);
}
SC_INLINE void *sc_rmw(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, unsigned size)
{
    const struct sc_tlbe *t = sc_tlbe(c, va);
    if (SC_LIKELY(((va + size - 1) & SC_PAGE_MASK) == t->wtag))
        return (void *)(va + t->addend);
    return sc_rmw_slow(c, i, va, size);
}

#endif
