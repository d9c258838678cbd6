/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The trace cache: what trace.c, smc.c, branch.c, address.c and loop.c share.
 *
 * A trace is a run of records in the vCPU's pool behind a header of one record's size. It is built
 * from the bytes of one physical page and keyed by the physical address of its first byte and the
 * mode, so it survives address-space switches. Three ways lead into a trace:
 *   - a link: a branch record points at the first record of a trace made from the same physical
 *     page (then the linear page is the same, too, and SC_R_PAGE stays);
 *   - the jump cache: keyed by linear address, mode, privilege and a generation that code TLB
 *     flushes change; sets SC_R_PAGE;
 *   - sc_trace_find() in the run loop.
 * Traces do not end at a conditional branch: its not-taken side just goes on with the next record.
 *
 * The pool is only ever appended to; when it is full everything is thrown away. A trace whose bytes
 * were overwritten is killed: the first record of each of its instructions gets a handler that
 * leaves to the run loop, so neither a link nor the jump cache nor the running trace itself can get
 * further than the current instruction.
 *
 * An instruction that crosses a page is a trace of its own, kept in a small table keyed by both
 * physical pages. It is never linked to, since the second page is not implied by the first.
 */
#ifndef SC_TRACE_H
#define SC_TRACE_H

#include <pthread.h>

#include "accel/soft/trace/decode.h"
#include "accel/soft/parts.h"

#define SC_TRACE_INSNS 48u   /* instructions in a trace */
#define SC_TRACE_BYTES 256u  /* and bytes */
#define SC_TRACE_JCC 3u      /* conditional branches a trace goes past */
#define SC_INSN_RECORDS 8u   /* records one instruction may need */

#define SC_TRACE_RECORDS 256u /* records in a trace */

#define SC_POOL_RECORDS (1u << 20)
#define SC_TRACE_HASH (1u << 15)
#define SC_CODE_PAGES 8192u
#define SC_CODE_HASH 4096u
#define SC_CROSS_SIZE 256u

struct sc_trace {
    sc_fn *mark; /* sc_trace_mark: tells a header from a record, stops what runs into it */
    uint64_t pa; /* of the first byte */
    uint32_t hash_next, page_next; /* pool indices of headers, 0: none */
    uint32_t incoming;             /* pool index of the first branch record that links here */
    unsigned mode : 10, bytes : 10, count : 11; /* instruction bytes; records */
    unsigned no_trap : 1; /* INT and its like: no single-step trap after it */
};
_Static_assert(sizeof(struct sc_trace) == sizeof(struct sc_insn), "a header takes one record");

/* A physical page from which this vCPU has built traces. */
struct sc_code_page {
    uint64_t pa;
    uint64_t lines;   /* 64-byte lines that traces come from */
    uint32_t first;   /* pool index of a header */
    uint32_t next;    /* hash chain, index + 1 */
    bool cross;       /* page-crossing instructions begin or end here */
    bool building;    /* a trace is being made: SC_PAGE_CODE must stay */
    uint32_t epoch;   /* lent vCPUs: compared in this stretch, */
    uint8_t *copy;    /* with this, of which `lines` are filled */
};

struct sc_cross {
    uint64_t pa, pa2; /* first byte; second page */
    uint32_t mode, trace; /* pool index of the header, 0: empty */
};

struct sc_range {
    uint64_t pa;
    uint32_t size;
};

/* Optimisations that can be switched off, so that runs with and without can be compared. */
#define SC_OPT_FUSE (1u << 0)   /* compare-and-branch in one handler */
#define SC_OPT_FLAGS (1u << 1)  /* do not store flags nobody reads */
#define SC_OPT_LINK   (1u << 2) /* links, jump cache; without, all traces end in the run loop */
#define SC_OPT_EXTEND (1u << 3) /* go on past conditional branches */
#define SC_OPT_ALL 0xfu

/* The spine's private state of a vCPU. Fields up to `cross` change under vm->sync->code only, since
 * other vCPUs look whether they overwrite something of ours. */
struct sc_traces {
    struct sc_insn *pool;
    uint32_t used; /* records; record 0 is never used */
    uint32_t *hash;
    struct sc_code_page *pages;
    uint32_t page_count;
    uint32_t *page_hash; /* index + 1 */
    struct sc_cross *cross;

    /* What devices and other vCPUs overwrote, to be looked at when SC_A_SMC is set. */
    struct sc_range written[16];
    uint32_t written_count; /* > 16: too many, flush */
    /* Own writes to pages with code, to be checked against other vCPUs' traces once more. */
    struct sc_range stored[8];
    uint32_t stored_count;

    uint32_t options; /* SC_OPT_* */
    struct sc_insn *scratch; /* for code outside RAM; SC_TRACE_SCRATCH records */

    /* Run loop. */
    bool no_trap;        /* builder: see struct sc_trace */
    bool irq_check;      /* an interrupt may be pending, but could not be taken when we looked */
    bool inside;         /* counted in vm->sync->running, but for the owner of a section */
    uint32_t given_up;   /* depth of the exclusive section that a callback interrupts */
    _Atomic uint32_t asleep; /* in futex wait on c->async */
    uint64_t ran_ns, slept_ns; /* since the last look at idleness */
    uint64_t woken_ns;
    _Atomic uint32_t poll_ns; /* how long to look for async bits before sleeping */
};
#define SC_TRACE_SCRATCH 16u

/* sync.c: stop-the-world sections and the lock over the trace tables. */
struct sc_sync {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t running;   /* vCPUs that execute guest code */
    uint32_t depth;     /* nesting of the exclusive section */
    bool exclusive;
    bool crowded; /* the host has fewer CPUs than the machine, or just one */
    pthread_t owner;
    pthread_mutex_t code; /* leaf lock: page tables of all sc_traces, SC_PAGE_CODE going away */
};
int sc_sync_init(struct sc_vm *vm);
void sc_sync_fini(struct sc_vm *vm);
void sc_sync_enter(
    struct sc_cpu *c); /* c goes on executing guest code; waits for exclusive sections */
/* Counts as stopped until sc_sync_enter(), so that a device callback may wait for whatever wants
 * all vCPUs stopped. False: it already was, or is itself the one that stopped the others. */
bool sc_sync_park(struct sc_cpu *c);
void sc_sync_leave(struct sc_cpu *c);
/* Outside until an async bit is set, or for timeout_ns (0: for ever). */
void sc_sync_sleep(struct sc_cpu *c, uint64_t timeout_ns);

/* --- trace.c -------------------------------------------------------------------------------- */
sc_fn sc_trace_mark;  /* header; an internal error when it is reached */
sc_fn sc_op_leave;    /* c->rip = this record's; back to the run loop */
sc_fn sc_op_killed;   /* first record of an instruction of a killed trace: the same */
/* Makes the trace tables forget what was built for idle guests' memory to shrink. */
void sc_traces_trim(struct sc_cpu *c);
/* Called on slow edges: a trace for the linear address if the jump cache has one; links `from` (may
 * be NULL) to it where that is allowed. NULL: leave to the run loop. */
struct sc_insn *sc_edge_find(struct sc_cpu *c, struct sc_insn *from, uint64_t lin);
/* Private bit of sc_cpu.async: every edge leaves to the run loop (single steps, SC_OPT_LINK off).
 * */
#define SC_A_STEP (1u << 31)

/* --- smc.c ---------------------------------------------------------------------------------- */
/* The page is about to be the source of a trace: enters it in the table, makes sure that writes to
 * it are seen. NULL: table full. Clears ->building with sc_code_page_done(). */
struct sc_code_page *sc_code_page_get(struct sc_cpu *c, uint64_t pa);
/* Registers trace bytes [pa, pa + size) of the page, which are at `host`. */
void sc_code_page_add(struct sc_cpu *c, struct sc_code_page *p, uint64_t pa, unsigned size,
                      const uint8_t *host);
/* Lent vCPUs: the page may have been written where nobody told us. Kills what is outdated, once a
 * stretch (struct sc_assist.epoch). `host` is anywhere in the page. */
void sc_code_page_verify(struct sc_cpu *c, uint64_t pa, const uint8_t *host);
void sc_code_page_done(struct sc_cpu *c, struct sc_code_page *p);
/* Processes SC_A_SMC (run loop). */
void sc_smc_process(struct sc_cpu *c);
/* All pages of c stop being code pages, as far as other vCPUs allow. */
void sc_code_pages_release(struct sc_cpu *c);
void sc_trace_kill(struct sc_cpu *c, uint32_t trace);
/* Takes a trace out of the hash table. */
void sc_trace_unhash(struct sc_traces *t, uint32_t trace);

SC_INLINE struct sc_trace *sc_trace_at(struct sc_traces *t, uint32_t index)
{
    return (struct sc_trace *)&t->pool[index];
}

/* Branch records that link to the same trace form a list, in the operand bytes they do not need. */
SC_INLINE uint32_t sc_link_next(const struct sc_insn *i)
{
    uint32_t v;
    __builtin_memcpy(&v, &i->dst, sizeof(v));
    return v;
}
SC_INLINE void sc_link_set_next(struct sc_insn *i, uint32_t v)
{
    __builtin_memcpy(&i->dst, &v, sizeof(v));
}

/* --- branch.c and fuse.c ---------------------------------------------------------------------- */
/* Appends the record that continues at page offset pgoff (4096 and up: in the next page). */
void sc_tb_fall(struct sc_tb *tb, const struct sc_dec *last, unsigned pgoff);
/* Compare d and conditional branch j, which follows it, in one handler. False: not such a pair. */
bool sc_emit_fused(struct sc_tb *tb, const struct sc_dec *d, const struct sc_dec *j);
/* Could d be the first half of such a pair? */
bool sc_can_fuse(const struct sc_dec *d);

/* --- jump cache ------------------------------------------------------------------------------- */
SC_INLINE struct sc_jce *sc_jce(struct sc_cpu *c, uint64_t lin)
{
    return &c->jc[(lin ^ (lin >> SC_PAGE_BITS)) & (SC_JC_SIZE - 1)];
}
SC_INLINE bool sc_is_canonical(uint64_t lin)
{
    return (uint64_t)((int64_t)lin >> 47) + 1 <= 1;
}
/* The generation shares the tag with the address's sign bits: a non-canonical address could pass
 * for another one of an older generation. NULL: not there. */
SC_INLINE struct sc_insn *sc_jc_find(struct sc_cpu *c, uint64_t lin)
{
    const struct sc_jce *e = sc_jce(c, lin);
    if (SC_LIKELY(e->tag == (lin ^ c->jc_gen)) && SC_LIKELY(sc_is_canonical(lin)))
        return e->first;
    return NULL;
}

#endif
