/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Near branches: Jcc, JMP, CALL, RET, LOOPcc, JrCXZ, in 64-bit code and, with segment limits and
 * 16-bit instruction pointers, outside it.
 *
 * 64-bit code has a handler per condition and kind of edge. Outside it one slower path serves all
 * relative branches: it computes the new IP, checks it against the limit of CS with a page to spare
 * (a trace never leaves its page, so nothing in it can run over the limit), and then follows the
 * link or the jump cache. Near the end of the segment the run loop checks exactly.
 */
#include "accel/soft/trace/edge.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/stack.h"

SC_NOINLINE SC_OP_GLOBAL(sc_edge_unlinked)
{
    uint64_t lin = c->gpr[SC_R_PAGE] + (uint64_t)(int64_t)i->disp;

    if (!sc_edge_async(c)) {
        struct sc_insn *to = sc_edge_find(c, i, lin);
        if (to)
            SC_GO(to);
        c->link_from = i;
    }
    c->rip = lin;
    SC_EXIT;
}

/* --- 64-bit code ------------------------------------------------------------------------------ */

/*
 * CALL and RET must not pay for a stack frame, so whatever needs a call (TLB misses, faults) is in
 * a cold twin of the handler that starts the instruction over.
 */
#define PUSH64_OR(slow, v)                                                                         \
    do {                                                                                           \
        uint64_t push_va_ = c->gpr[VEMU_RSP] - 8;                                                  \
        const struct sc_tlbe *push_t_ = sc_tlbe(c, push_va_);                                      \
        if (SC_UNLIKELY(((push_va_ + 7) & SC_PAGE_MASK) != push_t_->wtag))                         \
            SC_BECOME(slow, i);                                                                    \
        *(sc_u64a *)(push_va_ + push_t_->addend) = (v);                                            \
        c->gpr[VEMU_RSP] = push_va_;                                                               \
    } while (0)

SC_INLINE uint64_t next64(const struct sc_cpu *c, const struct sc_insn *i)
{
    return c->gpr[SC_R_PAGE] + i->pgoff + i->len;
}

/* The link of a branch to another page is missing or from another time. */
SC_NOINLINE SC_OP_GLOBAL(sc_edge_far)
{
    const uint64_t page = c->gpr[SC_R_PAGE], lin = page + (uint64_t)(int64_t)i->disp;

    if (!sc_edge_async(c)) {
        struct sc_insn *to = sc_edge_find(c, NULL, lin);
        if (to) {
            i->link = to;
            sc_far_set_key(i, page ^ c->jc_gen);
            SC_GO(to);
        }
    }
    c->rip = lin;
    SC_EXIT;
}

SC_OP_GLOBAL(sc_op_jmp)
{
    SC_EDGE_LINK(i);
}

SC_OP_GLOBAL(sc_op_jmp_lookup)
{
    SC_EDGE_LOOKUP(c->gpr[SC_R_PAGE] + (uint64_t)(int64_t)i->disp);
}

SC_OP(op_jmp_x)
{
    SC_EDGE_FAR(i);
}

static SC_COLD SC_RET op_call_slow(struct sc_cpu *c, struct sc_insn *i)
{
    sc_push(c, i, 8, next64(c, i));
    SC_EDGE_LINK(i);
}

SC_OP(op_call)
{
    PUSH64_OR(op_call_slow, next64(c, i));
    SC_EDGE_LINK(i);
}

/* Indirect and far-off targets are checked before anything is changed; the SDM's CALL, JMP and RET
 * have it so. */
static uint64_t checked(struct sc_cpu *c, const struct sc_insn *i, uint64_t to)
{
    if (!sc_is_canonical(to))
        sc_raise(c, i, SC_GP, 0);
    return to;
}

static SC_COLD SC_RET op_call_x_slow(struct sc_cpu *c, struct sc_insn *i)
{
    checked(c, i, c->gpr[SC_R_PAGE] + (uint64_t)(int64_t)i->disp);
    sc_push(c, i, 8, next64(c, i));
    SC_BECOME(sc_edge_far, i);
}

/* A key that fits vouches for the target, too. */
SC_OP(op_call_x)
{
    if (SC_UNLIKELY(sc_far_key(i) != (c->gpr[SC_R_PAGE] ^ c->jc_gen)))
        SC_BECOME(op_call_x_slow, i);
    PUSH64_OR(op_call_x_slow, next64(c, i));
    SC_EDGE_FAR(i);
}

/* A relative branch whose distance from the page's beginning does not fit `disp`: imm has it. aux:
 * 0 Jcc with condition aux2, 1 JMP, 2 CALL. */
SC_OP(op_wide)
{
    if (i->aux == 0 && !sc_cond(c, i->aux2))
        SC_NEXT;
    uint64_t to = checked(c, i, c->gpr[SC_R_PAGE] + i->imm);
    if (i->aux == 2)
        sc_push(c, i, 8, next64(c, i));
    c->rip = to;
    SC_EXIT;
}

#define JCC(cc)                                                                                    \
    SC_OP(op_j##cc)                                                                                \
    {                                                                                              \
        if (sc_cond(c, 0x##cc))                                                                    \
            SC_EDGE_LINK(i);                                                                       \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_j##cc##_x)                                                                            \
    {                                                                                              \
        if (sc_cond(c, 0x##cc))                                                                    \
            SC_EDGE_FAR(i);                                                                        \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(op_j##cc##_l)                                                                            \
    {                                                                                              \
        if (sc_cond(c, 0x##cc))                                                                    \
            SC_BECOME(sc_edge_legacy, i);                                                          \
        SC_NEXT;                                                                                   \
    }
JCC(0) JCC(1) JCC(2) JCC(3) JCC(4) JCC(5) JCC(6) JCC(7)
JCC(8) JCC(9) JCC(a) JCC(b) JCC(c) JCC(d) JCC(e) JCC(f)
#undef JCC

#define ROW(cc) { op_j##cc, op_j##cc##_x, op_j##cc##_l, op_wide }
static sc_fn *const jcc_fns[16][4] = {
    ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7),
    ROW(8), ROW(9), ROW(a), ROW(b), ROW(c), ROW(d), ROW(e), ROW(f),
};
#undef ROW

static SC_COLD SC_RET op_jmp_r_slow(struct sc_cpu *c, struct sc_insn *i)
{
    c->rip = checked(c, i, c->gpr[i->src]);
    SC_EXIT;
}

SC_OP(op_jmp_r)
{
    uint64_t to = c->gpr[i->src];

    if (SC_UNLIKELY(!sc_is_canonical(to)))
        SC_BECOME(op_jmp_r_slow, i);
    SC_EDGE_LOOKUP(to);
}

static SC_COLD SC_RET op_jmp_m_slow(struct sc_cpu *c, struct sc_insn *i)
{
    c->rip = checked(c, i, sc_ld64(c, i, sc_ea(c, i)));
    SC_EXIT;
}

SC_OP(op_jmp_m)
{
    uint64_t va = sc_ea(c, i), to;
    const struct sc_tlbe *t = sc_tlbe(c, va);

    if (SC_UNLIKELY(((va + 7) & SC_PAGE_MASK) != t->rtag))
        SC_BECOME(op_jmp_m_slow, i);
    to = *(const sc_u64a *)(va + t->addend);
    if (SC_UNLIKELY(!sc_is_canonical(to)))
        SC_BECOME(op_jmp_m_slow, i);
    SC_EDGE_LOOKUP(to);
}

static SC_COLD SC_RET op_call_r_slow(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t to = checked(c, i, c->gpr[i->src]);

    sc_push(c, i, 8, next64(c, i));
    c->rip = to;
    SC_EXIT;
}

SC_OP(op_call_r)
{
    uint64_t to = c->gpr[i->src];

    if (SC_UNLIKELY(!sc_is_canonical(to)))
        SC_BECOME(op_call_r_slow, i);
    PUSH64_OR(op_call_r_slow, next64(c, i));
    SC_EDGE_LOOKUP(to);
}

static SC_COLD SC_RET op_call_m_slow(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t to = checked(c, i, sc_ld64(c, i, sc_ea(c, i)));

    sc_push(c, i, 8, next64(c, i));
    c->rip = to;
    SC_EXIT;
}

SC_OP(op_call_m)
{
    uint64_t va = sc_ea(c, i), to;
    const struct sc_tlbe *t = sc_tlbe(c, va);

    if (SC_UNLIKELY(((va + 7) & SC_PAGE_MASK) != t->rtag))
        SC_BECOME(op_call_m_slow, i);
    to = *(const sc_u64a *)(va + t->addend);
    if (SC_UNLIKELY(!sc_is_canonical(to)))
        SC_BECOME(op_call_m_slow, i);
    PUSH64_OR(op_call_m_slow, next64(c, i));
    SC_EDGE_LOOKUP(to);
}

/* imm: bytes to release beyond the return address, plus 8. */
static SC_COLD SC_RET op_ret_slow(struct sc_cpu *c, struct sc_insn *i)
{
    uint64_t to = checked(c, i, sc_ld64(c, i, c->gpr[VEMU_RSP]));

    c->gpr[VEMU_RSP] += i->imm;
    SC_EDGE_LOOKUP(to);
}

SC_OP(op_ret)
{
    uint64_t sp = c->gpr[VEMU_RSP], to;
    const struct sc_tlbe *t = sc_tlbe(c, sp);

    if (SC_UNLIKELY(((sp + 7) & SC_PAGE_MASK) != t->rtag))
        SC_BECOME(op_ret_slow, i);
    to = *(const sc_u64a *)(sp + t->addend);
    if (SC_UNLIKELY(!sc_is_canonical(to)))
        SC_BECOME(op_ret_slow, i);
    c->gpr[VEMU_RSP] = sp + i->imm;
    SC_EDGE_LOOKUP(to);
}

/* --- 16- and 32-bit code ---------------------------------------------------------------------- */

SC_INLINE uint32_t ip_mask(const struct sc_insn *i)
{
    return i->aux == 2 ? UINT16_MAX : UINT32_MAX;
}

/* The IP a relative branch goes to; #GP(0) beyond the limit. */
static uint32_t legacy_target(struct sc_cpu *c, const struct sc_insn *i)
{
    const struct vemu_segment *cs = &c->seg[VEMU_CS];
    uint64_t lin = c->gpr[SC_R_PAGE] + (uint64_t)(int64_t)i->disp;
    uint32_t ip = (uint32_t)(lin - cs->base) & ip_mask(i);

    if (SC_UNLIKELY(ip > cs->limit))
        sc_raise(c, i, SC_GP, 0);
    return ip;
}

/* May traces at this IP run without further checks? */
SC_INLINE bool legacy_roomy(const struct sc_cpu *c, uint32_t ip)
{
    return (uint64_t)ip + (SC_PAGE_SIZE - 1) <= c->seg[VEMU_CS].limit;
}

/* Continues at c->rip. */
SC_NOINLINE SC_OP(edge_legacy_rip)
{
    if (!sc_edge_async(c) && legacy_roomy(c, (uint32_t)c->rip)) {
        struct sc_insn *to =
            sc_edge_find(c, NULL, (uint32_t)(c->seg[VEMU_CS].base + (uint32_t)c->rip));
        if (to)
            SC_GO(to);
    }
    SC_EXIT;
}

SC_NOINLINE SC_OP_GLOBAL(sc_edge_legacy)
{
    uint32_t ip = legacy_target(c, i);
    uint32_t lin = (uint32_t)(c->seg[VEMU_CS].base + ip);

    if (SC_LIKELY(legacy_roomy(c, ip)) && SC_LIKELY(!sc_edge_async(c))) {
        /* A link is for the target without wrap-around of IP. */
        bool plain = lin == (uint32_t)(c->gpr[SC_R_PAGE] + (uint64_t)(int64_t)i->disp);
        if (SC_LIKELY(plain && i->link))
            SC_GO(i->link);
        struct sc_insn *to = sc_edge_find(c, plain ? i : NULL, lin);
        if (to)
            SC_GO(to);
        if (plain)
            c->link_from = i;
    }
    c->rip = ip;
    SC_EXIT;
}

SC_OP(op_call_l)
{
    legacy_target(c, i);
    sc_push(c, i, i->aux, sc_next_rip(c, i));
    SC_BECOME(sc_edge_legacy, i);
}

/* aux: operand size; aux2: 1 CALL. An indirect target in a register (aux3 = 0) or memory. */
static SC_NOINLINE void indirect_legacy(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t ip = i->aux3 == 0 ? (uint32_t)c->gpr[i->src]
                  : i->aux == 2 ? sc_ld16(c, i, sc_ea(c, i)) : sc_ld32(c, i, sc_ea(c, i));

    ip &= ip_mask(i);
    if (ip > c->seg[VEMU_CS].limit)
        sc_raise(c, i, SC_GP, 0);
    if (i->aux2)
        sc_push(c, i, i->aux, sc_next_rip(c, i));
    c->rip = ip;
}

SC_OP(op_indirect_l)
{
    indirect_legacy(c, i);
    SC_BECOME(edge_legacy_rip, i);
}

static SC_NOINLINE void ret_legacy(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t ip = (uint32_t)sc_stack_ld(c, i, sc_sp(c), i->aux);

    if (ip > c->seg[VEMU_CS].limit)
        sc_raise(c, i, SC_GP, 0);
    sc_sp_set(c, c->gpr[VEMU_RSP] + i->imm);
    c->rip = ip;
}

SC_OP(op_ret_l)
{
    ret_legacy(c, i);
    SC_BECOME(edge_legacy_rip, i);
}

/* --- LOOPcc, JrCXZ ---------------------------------------------------------------------------- */

/* aux: operand size, aux2: opcode & 3, aux3: address size. True: taken. */
static SC_NOINLINE bool loop_taken(struct sc_cpu *c, const struct sc_insn *i)
{
    const unsigned kind = i->aux2;
    const uint64_t mask = i->aux3 == 8 ? UINT64_MAX : i->aux3 == 4 ? UINT32_MAX : UINT16_MAX;
    uint64_t n = c->gpr[VEMU_RCX];
    bool taken;

    if (kind == 3)
        return !(n & mask);
    n = (n - 1) & mask;
    taken = n && (kind == 2 || sc_flag_zf(c) == kind);
    if (taken && !(c->mode & SC_M_64))
        legacy_target(c, i); /* faults before the counter changes */
    if (i->aux3 == 8)
        sc_set64(c, VEMU_RCX, n);
    else if (i->aux3 == 4)
        sc_set32(c, VEMU_RCX, (uint32_t)n);
    else
        sc_set16(c, VEMU_RCX, (uint16_t)n);
    return taken;
}

SC_OP(op_loop)
{
    if (loop_taken(c, i))
        SC_EDGE_LINK(i);
    SC_NEXT;
}

SC_OP(op_loop_x)
{
    if (loop_taken(c, i))
        SC_EDGE_LOOKUP(c->gpr[SC_R_PAGE] + (uint64_t)(int64_t)i->disp);
    SC_NEXT;
}

SC_OP(op_loop_l)
{
    if (loop_taken(c, i))
        SC_BECOME(sc_edge_legacy, i);
    SC_NEXT;
}

/* --- emitting ------------------------------------------------------------------------------- */

static enum sc_edge_kind edge_to(struct sc_insn *r, const struct sc_dec *d, int64_t offset)
{
    r->link = NULL;
    r->disp = (int32_t)offset;
    sc_far_set_key(r, SC_FAR_UNLINKED);
    if (!(d->mode & SC_M_64)) {
        r->aux = d->osz;
        return SC_EDGE_16_32;
    }
    if (offset != r->disp) {
        r->imm = (uint64_t)offset;
        return SC_EDGE_WIDE;
    }
    if (offset >= 0 && offset < (int64_t)SC_PAGE_SIZE && r->pgoff + r->len <= SC_PAGE_SIZE)
        return SC_EDGE_SAME_PAGE;
    return SC_EDGE_OTHER_PAGE;
}

enum sc_edge_kind sc_edge_fill(struct sc_insn *r, const struct sc_dec *d)
{
    return edge_to(r, d, (int64_t)d->pgoff + d->len + d->imm);
}

void sc_tb_fall(struct sc_tb *tb, const struct sc_dec *last, unsigned pgoff)
{
    struct sc_insn *r = sc_tb_add(tb, last, NULL);
    static sc_fn *const fns[4] = { sc_op_jmp, op_jmp_x, sc_edge_legacy, op_wide };

    r->pgoff = (uint16_t)pgoff;
    r->len = 0;
    r->flags = 0;
    r->fn = fns[edge_to(r, last, pgoff)];
    if (!(tb->mode & SC_M_64))
        r->aux = 4; /* IP does not wrap at 64 KiB: it runs into the limit */
    tb->end = true;
}

static void emit_relative(struct sc_tb *tb, const struct sc_dec *d, sc_fn *const fns[4])
{
    struct sc_insn *r = sc_tb_add(tb, d, NULL);
    enum sc_edge_kind kind = sc_edge_fill(r, d);

    r->fn = fns[kind];
    if (kind == SC_EDGE_WIDE) {
        r->aux = d->opcode == 0xe8 ? 2 : d->opcode == 0xe9 ? 1 : 0;
        r->aux2 = d->opcode & 15;
    }
}

static void emit_loop(struct sc_tb *tb, const struct sc_dec *d)
{
    static sc_fn *const fns[3] = { op_loop, op_loop_x, op_loop_l };
    struct sc_insn *r = sc_tb_add(tb, d, NULL);

    r->fn = fns[sc_edge_fill(r, d)];
    r->aux2 = d->opcode & 3;
    r->aux3 = d->asz;
}

static void emit_indirect(struct sc_tb *tb, const struct sc_dec *d)
{
    const bool call = d->reg3 == 2, code64 = d->mode & SC_M_64;
    sc_fn *fn = !code64 ? op_indirect_l
                : call ? (d->mem ? op_call_m : op_call_r) : (d->mem ? op_jmp_m : op_jmp_r);
    struct sc_insn *r;

    if (d->mem)
        r = sc_tb_mem(tb, d, fn, code64 ? 8 : d->osz, false);
    else
        r = sc_tb_add(tb, d, fn);
    r->src = d->rm;
    r->aux = d->osz;
    r->aux2 = call;
    r->aux3 = d->mem;
}

static void emit_ret(struct sc_tb *tb, const struct sc_dec *d)
{
    const bool code64 = d->mode & SC_M_64;
    struct sc_insn *r = sc_tb_add(tb, d, code64 ? op_ret : op_ret_l);
    unsigned size = code64 ? 8 : d->osz;

    r->imm = size + (uint16_t)d->imm;
    r->aux = (uint8_t)size;
    r->flags |= SC_I_SS;
}

bool sc_emit_branch(struct sc_tb *tb, const struct sc_dec *d)
{
    static sc_fn *const jmp_fns[4] = { sc_op_jmp, op_jmp_x, sc_edge_legacy, op_wide };
    static sc_fn *const call_fns[4] = { op_call, op_call_x, op_call_l, op_wide };

    switch (d->opcode) {
    case 0x70 ... 0x7f:
    case SC_MAP_0F | 0x80 ... SC_MAP_0F | 0x8f:
        emit_relative(tb, d, jcc_fns[d->opcode & 15]);
        return true; /* the trace goes on when it is not taken */
    case 0xe0 ... 0xe3: emit_loop(tb, d); return true;
    case 0xe9:
    case 0xeb: emit_relative(tb, d, jmp_fns); break;
    case 0xe8: emit_relative(tb, d, call_fns); break;
    case 0xc2:
    case 0xc3: emit_ret(tb, d); break;
    case 0xff: emit_indirect(tb, d); break;
    default: return false;
    }
    tb->end = true;
    return true;
}
