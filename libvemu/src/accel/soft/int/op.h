/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How integer handlers are written: sizes, and memory operands without a stack frame.
 *
 * A handler whose TLB lookup hits must not pay for one that misses. A call in the middle of a
 * handler would make the compiler save registers on entry, so the miss is a tail call instead: to a
 * cold twin of the handler, generated from the same text, which goes through the slow functions and
 * continues with the next record. SC_OP_LD, SC_OP_ST and SC_OP_RMW define both twins.
 */
#ifndef SC_INT_OP_H
#define SC_INT_OP_H

#include "accel/soft/int/flags.h"
#include "accel/soft/int/int.h"
#include "accel/soft/mem/mem.h"

/* Host types of guest memory: may alias, need no alignment. */
#define SC_MT8 uint8_t
#define SC_MT16 sc_u16a
#define SC_MT32 sc_u32a
#define SC_MT64 sc_u64a

/* A value of `bits` bits, sign-extended to 64, and a register's. */
#define SC_SX(bits, v) ((int64_t)(int##bits##_t)(v))
#define SC_GETS(bits, r) SC_SX(bits, sc_get##bits(c, r))

#define SC_HIT_R(t, va, bits) SC_LIKELY((((va) + (bits) / 8 - 1) & SC_PAGE_MASK) == (t)->rtag)
#define SC_HIT_W(t, va, bits) SC_LIKELY((((va) + (bits) / 8 - 1) & SC_PAGE_MASK) == (t)->wtag)
#define SC_HOST(t, va, bits) ((SC_MT##bits *)((va) + (t)->addend))

#ifdef SC_PORTABLE
#define SC_JUMP(fn) return fn(c, i)
#else
#define SC_JUMP(fn) SC_TAIL fn(c, i)
#endif

/* Linear address of a memory operand without an index. */
SC_INLINE uint64_t sc_ea_b(const struct sc_cpu *c, const struct sc_insn *i)
{
    return c->gpr[i->base] + (uint64_t)(int64_t)i->disp;
}

/* How each begins: `va`, the operand's address, and `t`, the TLB's entry for it; or the miss. */
#define SC_HIT_OR_MISS(name, bits, ea, hit)                                                        \
    const uint64_t va = ea(c, i);                                                                  \
    const struct sc_tlbe *t = sc_tlbe(c, va);                                                      \
    if (!hit(t, va, bits))                                                                         \
        SC_JUMP(name##_miss)

/* Handler with a memory source: the statements see the operand as `m`, zero-extended. The _B forms
 * are for operands without an index. */
#define SC_OP_LD(name, bits, ...) SC_OP_LD_(name, bits, sc_ea, __VA_ARGS__)
#define SC_OP_LD_B(name, bits, ...) SC_OP_LD_(name, bits, sc_ea_b, __VA_ARGS__)
#define SC_OP_LD_(name, bits, ea, ...)                                                             \
    SC_INLINE void name##_do(struct sc_cpu *c, const struct sc_insn *i, const uint##bits##_t m)    \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }                                                                                              \
    static SC_COLD SC_RET name##_miss(struct sc_cpu *c, struct sc_insn *i)                         \
    {                                                                                              \
        name##_do(c, i, (uint##bits##_t)sc_ld_slow(c, i, ea(c, i), (bits) / 8));                   \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        SC_HIT_OR_MISS(name, bits, ea, SC_HIT_R);                                                  \
        name##_do(c, i, *SC_HOST(t, va, bits));                                                    \
        SC_NEXT;                                                                                   \
    }

/* Handler that stores the value of an expression. */
#define SC_OP_ST(name, bits, ...) SC_OP_ST_(name, bits, sc_ea, __VA_ARGS__)
#define SC_OP_ST_B(name, bits, ...) SC_OP_ST_(name, bits, sc_ea_b, __VA_ARGS__)
#define SC_OP_ST_(name, bits, ea, ...)                                                             \
    static SC_COLD SC_RET name##_miss(struct sc_cpu *c, struct sc_insn *i)                         \
    {                                                                                              \
        sc_st_slow(c, i, ea(c, i), (bits) / 8, (uint##bits##_t)(__VA_ARGS__));                     \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        SC_HIT_OR_MISS(name, bits, ea, SC_HIT_W);                                                  \
        *SC_HOST(t, va, bits) = (uint##bits##_t)(__VA_ARGS__);                                     \
        SC_NEXT;                                                                                   \
    }

/*
 * Handler with a memory operand that is read, modified and written. `calc` sees the old value as
 * `m` (sign-extended) and defines `r`; `done` runs after the write.
 */
#define SC_OP_RMW(name, bits, calc, done) SC_OP_RMW_(name, bits, sc_ea, calc, done)
#define SC_OP_RMW_B(name, bits, calc, done) SC_OP_RMW_(name, bits, sc_ea_b, calc, done)
#define SC_OP_RMW_(name, bits, ea, calc, done)                                                     \
    static SC_COLD SC_RET name##_miss(struct sc_cpu *c, struct sc_insn *i)                         \
    {                                                                                              \
        const uint64_t va = ea(c, i);                                                              \
        SC_MT##bits *const p = sc_rmw_slow(c, i, va, (bits) / 8);                                  \
        const int64_t m = SC_SX(bits, p ? *p : sc_ld_rmw(c, i, va, (bits) / 8));                   \
        calc;                                                                                      \
        if (p)                                                                                     \
            *p = (uint##bits##_t)r;                                                                \
        else                                                                                       \
            sc_st_slow(c, i, va, (bits) / 8, (uint##bits##_t)r);                                   \
        done;                                                                                      \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP(name)                                                                                    \
    {                                                                                              \
        SC_HIT_OR_MISS(name, bits, ea, SC_HIT_W);                                                  \
        SC_MT##bits *const p = SC_HOST(t, va, bits);                                               \
        const int64_t m = SC_SX(bits, *p);                                                         \
        calc;                                                                                      \
        *p = (uint##bits##_t)r;                                                                    \
        done;                                                                                      \
        SC_NEXT;                                                                                   \
    }

/* Instantiates X(..., bits) for the four sizes, or the three that are not bytes. */
#define SC_FOR_SIZES(X, ...)                                                                       \
    X(__VA_ARGS__, 8) X(__VA_ARGS__, 16) X(__VA_ARGS__, 32) X(__VA_ARGS__, 64)
#define SC_FOR_WIDE(X, ...) X(__VA_ARGS__, 16) X(__VA_ARGS__, 32) X(__VA_ARGS__, 64)

/* Index of an operand size (bytes) in tables ordered 8, 16, 32, 64 bits. */
SC_INLINE unsigned sc_size_index(unsigned bytes)
{
    return (unsigned)__builtin_ctz(bytes);
}
/* Operand size in bytes of an opcode whose bit 0 is the width bit. */
SC_INLINE unsigned sc_w_size(const struct sc_dec *d)
{
    return d->opcode & 1 ? d->osz : 1;
}
/* Register operand as handlers of that size want it. */
SC_INLINE uint8_t sc_reg_operand(const struct sc_dec *d, unsigned size, unsigned r)
{
    return size == 1 ? sc_reg8(d, r) : (uint8_t)r;
}
/* Marks the flag behaviour of a record just emitted; nv_id: its variant in `family`. */
SC_INLINE void sc_mark(struct sc_insn *r, unsigned flags)
{
    r->flags |= (uint8_t)flags;
}
SC_INLINE void sc_mark_nv(struct sc_insn *r, unsigned flags, unsigned family, unsigned id)
{
    r->flags |= (uint8_t)(flags | SC_I_FNV);
    r->aux2 = (uint8_t)family;
    r->aux3 = (uint8_t)id;
}

#endif
