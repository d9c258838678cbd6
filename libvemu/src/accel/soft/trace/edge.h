/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trace edges: how a handler goes on at another trace. For branch.c and fuse.c.
 *
 * A branch record keeps its target's page offset in `disp` and, for a target in the same page, the
 * link. Every taken edge looks at c->async once.
 */
#ifndef SC_EDGE_H
#define SC_EDGE_H

#include "accel/soft/trace/trace.h"

/* SC_GO continues at record t, SC_BECOME with handler fn for record r. */
#ifdef SC_PORTABLE
#define SC_GO(t) return (t)
#define SC_BECOME(fn, r) return fn(c, (r))
#else
#define SC_GO(t) SC_TAIL (t)->fn(c, (t))
#define SC_BECOME(fn, r) SC_TAIL fn(c, (r))
#endif

SC_INLINE uint32_t sc_edge_async(struct sc_cpu *c)
{
    return atomic_load_explicit(&c->async, memory_order_relaxed);
}

/* Follows the link of record r; 64-bit code, or after the limit was checked. */
#define SC_EDGE_LINK(r)                                                                            \
    do {                                                                                           \
        struct sc_insn *edge_to_ = (r)->link;                                                      \
        if (SC_LIKELY(edge_to_ != NULL) && SC_LIKELY(!sc_edge_async(c)))                           \
            SC_GO(edge_to_);                                                                       \
        SC_BECOME(sc_edge_unlinked, (r));                                                          \
    } while (0)

/* Continues at linear address lin of 64-bit code through the jump cache. */
#define SC_EDGE_LOOKUP(lin)                                                                        \
    do {                                                                                           \
        uint64_t edge_lin_ = (lin);                                                                \
        struct sc_insn *edge_to_ = sc_jc_find(c, edge_lin_);                                       \
        if (SC_LIKELY(edge_to_ != NULL) && SC_LIKELY(!sc_edge_async(c))) {                         \
            c->gpr[SC_R_PAGE] = edge_lin_ & SC_PAGE_MASK;                                          \
            SC_GO(edge_to_);                                                                       \
        }                                                                                          \
        c->rip = edge_lin_;                                                                        \
        SC_EXIT;                                                                                   \
    } while (0)

/*
 * Follows record r, a direct branch to another page. Its link holds while the jump cache would give
 * the same answer: the operand bytes keep the generation and the page that it was made for.
 */
#define SC_EDGE_FAR(r)                                                                             \
    do {                                                                                           \
        const uint64_t edge_page_ = c->gpr[SC_R_PAGE];                                             \
        if (SC_LIKELY(sc_far_key(r) == (edge_page_ ^ c->jc_gen)) &&                                \
            SC_LIKELY(!sc_edge_async(c))) {                                                        \
            struct sc_insn *edge_to_ = (r)->link;                                                  \
            c->gpr[SC_R_PAGE] = (edge_page_ + (uint64_t)(int64_t)(r)->disp) & SC_PAGE_MASK;        \
            SC_GO(edge_to_);                                                                       \
        }                                                                                          \
        SC_BECOME(sc_edge_far, (r));                                                               \
    } while (0)

SC_INLINE uint64_t sc_far_key(const struct sc_insn *r)
{
    uint64_t v;
    __builtin_memcpy(&v, &r->dst, sizeof(v));
    return v;
}
SC_INLINE void sc_far_set_key(struct sc_insn *r, uint64_t v)
{
    __builtin_memcpy(&r->dst, &v, sizeof(v));
}
_Static_assert(offsetof(struct sc_insn, aux3) - offsetof(struct sc_insn, dst) == 7, "eight bytes");
#define SC_FAR_UNLINKED 0ull /* never a key: the mode bits of the generation say 64-bit code */

sc_fn sc_edge_unlinked; /* slow side of SC_EDGE_LINK */
sc_fn sc_edge_far;      /* slow side of SC_EDGE_FAR */
sc_fn sc_edge_legacy;   /* relative branch outside 64-bit code: disp, aux = operand size */

/* Fills the target of a relative branch and says which kind of edge it is. */
enum sc_edge_kind { SC_EDGE_SAME_PAGE, SC_EDGE_OTHER_PAGE, SC_EDGE_16_32, SC_EDGE_WIDE };
enum sc_edge_kind sc_edge_fill(struct sc_insn *r, const struct sc_dec *d);

sc_fn sc_op_jmp;        /* taken, same page */
sc_fn sc_op_jmp_lookup; /* taken, other page at `disp`, through the jump cache */

#endif
