/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Atomic read-modify-write of guest memory: see lock.h. */
#include "accel/soft/mem/lock.h"

#include <string.h>

#include "accel/soft/mem/mem.h"

/* Can the host do it atomically at this address? x86 hosts: whenever it lies in one cache line. */
static bool lock_host_atomic(const void *p, unsigned size)
{
#if defined(__x86_64__)
    return ((uintptr_t)p & 63) + size <= 64;
#else
    return ((uintptr_t)p & (size - 1)) == 0;
#endif
}

static uint64_t lock_result(enum sc_rmw_kind kind, uint64_t old, uint64_t v, uint64_t expect)
{
    switch (kind) {
    case SC_RMW_ADD: return old + v;
    case SC_RMW_AND: return old & v;
    case SC_RMW_OR: return old | v;
    case SC_RMW_XOR: return old ^ v;
    case SC_RMW_XCHG: return v;
    case SC_RMW_NEG: return -old;
    case SC_RMW_CMPXCHG: return old == expect ? v : old; /* always writes */
    }
    return old;
}

struct lock_access {
    uint64_t va;
    unsigned size; /* 1..8, or 16: old[], v[] */
    enum sc_rmw_kind kind;
    uint64_t v[2], expect[2], old[2];
};

/* With everybody else stopped. */
static void lock_stopped(struct sc_cpu *c, const struct sc_insn *i, struct lock_access *a)
{
    if (a->size == 16) {
        sc_probe_write(c, i, a->va, 16);
        a->old[0] = sc_ld_rmw(c, i, a->va, 8);
        a->old[1] = sc_ld_rmw(c, i, a->va + 8, 8);
        const bool same = a->old[0] == a->expect[0] && a->old[1] == a->expect[1];
        sc_st_slow(c, i, a->va, 8, same ? a->v[0] : a->old[0]);
        sc_st_slow(c, i, a->va + 8, 8, same ? a->v[1] : a->old[1]);
    } else {
        const uint64_t mask = a->size == 8 ? UINT64_MAX : (1ull << (a->size * 8)) - 1;
        a->old[0] = sc_ld_rmw(c, i, a->va, a->size) & mask;
        sc_st_slow(c, i, a->va, a->size,
                   lock_result(a->kind, a->old[0], a->v[0], a->expect[0]) & mask);
    }
}

/*
 * The access may fault, and a fault leaves by longjmp: the exclusive section is left on the way by
 * standing in for the run loop's jmp_buf.
 */
static SC_COLD void lock_exclusive(struct sc_cpu *c, const struct sc_insn *i, struct lock_access *a)
{
    jmp_buf outer;
    memcpy(&outer, &c->fault, sizeof(outer));
    sc_exclusive_begin(c->vm, c);
    const int thrown = setjmp(c->fault);
    if (!thrown)
        lock_stopped(c, i, a);
    memcpy(&c->fault, &outer, sizeof(outer));
    sc_exclusive_end(c->vm, c);
    if (thrown)
        longjmp(c->fault, thrown);
}

static SC_COLD uint64_t lock_slow(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,
                                  unsigned size, enum sc_rmw_kind kind, uint64_t v, uint64_t expect)
{
    struct lock_access a = {
        .va = va, .size = size, .kind = kind, .v = {v}, .expect = {expect},
    };
    lock_exclusive(c, i, &a);
    return a.old[0];
}

#define LOCK_DEFINE(bits)                                                                          \
    uint##bits##_t sc_lock##bits(struct sc_cpu *c, const struct sc_insn *i, uint64_t va,           \
                                 enum sc_rmw_kind kind, uint##bits##_t v, uint##bits##_t expect)   \
    {                                                                                              \
        uint##bits##_t *p = sc_rmw(c, i, va, (bits) / 8);                                          \
        if (SC_UNLIKELY(!p || !lock_host_atomic(p, (bits) / 8)))                                   \
            return (uint##bits##_t)lock_slow(c, i, va, (bits) / 8, kind, v, expect);               \
        switch (kind) {                                                                            \
        case SC_RMW_ADD: return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                        \
        case SC_RMW_AND: return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                        \
        case SC_RMW_OR: return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                          \
        case SC_RMW_XOR: return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                        \
        case SC_RMW_XCHG: return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                      \
        case SC_RMW_NEG: {                                                                         \
            uint##bits##_t old = __atomic_load_n(p, __ATOMIC_RELAXED);                             \
            while (!__atomic_compare_exchange_n(p, &old, (uint##bits##_t)(0 - old), false,         \
                                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))               \
                continue;                                                                          \
            return old;                                                                            \
        }                                                                                          \
        case SC_RMW_CMPXCHG:                                                                       \
            __atomic_compare_exchange_n(p, &expect, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
            return expect;                                                                         \
        }                                                                                          \
        return 0;                                                                                  \
    }
LOCK_DEFINE(8)
LOCK_DEFINE(16)
LOCK_DEFINE(32)
LOCK_DEFINE(64)

bool sc_lock128(struct sc_cpu *c, const struct sc_insn *i, uint64_t va, uint64_t old[2],
                const uint64_t v[2])
{
#if defined(__x86_64__)
    void *p = sc_rmw(c, i, va, 16);
    if (SC_LIKELY(p)) {
        bool same;
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(same), "+m"(*(uint8_t(*)[16])p), "+a"(old[0]), "+d"(old[1])
                         : "b"(v[0]), "c"(v[1])
                         : "memory");
        return same;
    }
#endif
    struct lock_access a = {
        .va = va, .size = 16, .kind = SC_RMW_CMPXCHG, .v = {v[0], v[1]}, .expect = {old[0], old[1]},
    };
    lock_exclusive(c, i, &a);
    const bool same = a.old[0] == old[0] && a.old[1] == old[1];
    old[0] = a.old[0];
    old[1] = a.old[1];
    return same;
}
