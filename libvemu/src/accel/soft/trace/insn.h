/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoded instructions: the records that traces consist of, and how a handler is written.
 *
 * A trace is an array of records. Each record names its handler; a handler does its work and
 * tail-calls the next record's handler. Handlers keep all guest state in struct sc_cpu: nothing
 * lives in locals across a record, so a fault may leave by longjmp at any memory access.
 *
 *     SC_OP(op_mov32_rr)
 *     {
 *         sc_set32(c, i->dst, sc_get32(c, i->src));
 *         SC_NEXT;
 *     }
 *
 * Rules for handlers
 *   - compute, then write memory, then write registers and flags: a fault leaves nothing half done;
 *   - no address-taken local and no cleanup attribute (gcc would not make the tail call);
 *     what needs them goes into a noinline function;
 *   - a handler that changed RIP, mode, CPL, paging or IF sets c->rip and ends with SC_EXIT.
 *
 * Two builds of the same source: tail calls (-O2), or SC_PORTABLE, where a handler returns the next
 * record and a loop calls it (sanitizers, -O0, other compilers).
 */
#ifndef SC_INSN_H
#define SC_INSN_H

#include <stdint.h>

struct sc_cpu;
struct sc_insn;

#if !defined(SC_PORTABLE) &&                                                                       \
    (!defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define SC_PORTABLE 1
#endif
#if !defined(SC_PORTABLE) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SC_PORTABLE 1
#endif
#endif

#ifdef SC_PORTABLE
typedef struct sc_insn *sc_fn(struct sc_cpu *c, struct sc_insn *i);
#define SC_RET struct sc_insn *
#define SC_NEXT return i + 1
#define SC_GOTO(record) return (record) /* continue at another record (a link) */
#define SC_EXIT return 0                /* back to the run loop; c->rip is valid */
#else
typedef void sc_fn(struct sc_cpu *c, struct sc_insn *i);
#define SC_RET void
#if defined(__clang__)
#define SC_TAIL __attribute__((musttail)) return
#else
#define SC_TAIL return
#endif
#define SC_NEXT SC_TAIL i[1].fn(c, i + 1)
#define SC_GOTO(record) SC_TAIL sc_goto_(c, (record))
#define SC_EXIT return
#endif

/* Ends a handler that changed what the run loop or the next trace depends on. */
#define SC_LEAVE                                                                                   \
    do {                                                                                           \
        c->rip = sc_next_rip(c, i);                                                                \
        SC_EXIT;                                                                                   \
    } while (0)

/* Defines a file-local handler; SC_OP_GLOBAL one that other files refer to. */
#define SC_OP(name) static SC_RET name(struct sc_cpu *c, struct sc_insn *i)
#define SC_OP_GLOBAL(name) SC_RET name(struct sc_cpu *c, struct sc_insn *i)

/* Register file slots beyond the 16 general registers (base/index of an effective address). */
enum {
    SC_R_ZERO = 16, /* always 0: "no base", "no index" */
    SC_R_PAGE = 17, /* linear address of the page the running trace lies in (RIP-relative) */
    SC_R_4K = 18,   /* always 4096 */
    SC_R_EA = 19,   /* effective linear address computed by an address micro-op */
    SC_R_TMP = 20,  /* free for micro-op pairs within one instruction */
    SC_R_COUNT = 24,
};

/* sc_insn.flags */
#define SC_I_SS (1u << 0)       /* default segment is SS: a non-canonical address is #SS, not #GP */
#define SC_I_MICRO (1u << 1)    /* record belongs to the same instruction as the one that follows */
#define SC_I_LOCK (1u << 2)
/* Arithmetic flags, for sc_int_drop_flags(); set by the integer emitters. */
#define SC_I_FSET (1u << 3)   /* overwrites all six */
#define SC_I_FQUIET (1u << 4) /* neither reads them nor can fault or leave the trace */
#define SC_I_FNV (1u << 5)    /* aux2 and aux3 name a variant that sets none: sc_int_noflags() */
#define SC_I_FNVQUIET (1u << 6) /* that variant is SC_I_FQUIET even if the handler is not */

struct sc_insn {
    sc_fn *fn;
    union {
        uint64_t imm;
        int64_t simm;
        struct sc_insn *link; /* direct branches: the target's first record, NULL: not linked yet */
    };
    int32_t disp;
    uint16_t pgoff; /* offset in its page of the instruction's first byte */
    uint8_t len;    /* bytes of the instruction */
    uint8_t flags;  /* SC_I_* */
    /*
     * Operands. dst and src number registers; for 8-bit operands they are *byte offsets* into the
     * register file (low byte of register r: r * 8, AH..BH: (r - 4) * 8 + 1).
     * The memory operand's linear address is gpr[base] + (gpr[index] << scale) + disp.
     */
    uint8_t dst, src;
    uint8_t base, index, scale;
    uint8_t aux, aux2, aux3; /* the handler's own */
};
_Static_assert(sizeof(struct sc_insn) == 32, "two records a cache line");

#ifndef SC_PORTABLE
static inline __attribute__((always_inline)) void sc_goto_(struct sc_cpu *c, struct sc_insn *r)
{
    r->fn(c, r);
}
#endif

#endif
