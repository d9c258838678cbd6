/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bit instructions: BT BTS BTR BTC, BSF BSR, TZCNT LZCNT POPCNT.
 *
 * With a register bit offset and a memory operand BT and its relatives address a bit string: the
 * offset is signed and reaches beyond the operand. CF gets the bit and ZF stays; the other flags
 * are undefined, of which SF and PF stay and OF and AF are cleared here.
 */
#include "accel/soft/int/op.h"
#include "accel/soft/mem/linear.h"
#include "accel/soft/mem/lock.h"

enum { BT, BTS, BTR, BTC };

SC_INLINE uint64_t bit_result(unsigned op, uint64_t v, uint64_t mask)
{
    switch (op) {
    case BTS: return v | mask;
    case BTR: return v & ~mask;
    case BTC: return v ^ mask;
    default: return v;
    }
}

SC_INLINE void bit_done(struct sc_cpu *c, unsigned bit)
{
    sc_flags_set_coa(c, bit, 0, 0);
}

/* Bit number: from register src or the immediate. */
#define BIT_N_R(bits) ((unsigned)sc_get##bits(c, i->src) & ((bits) - 1))
#define BIT_N_I(bits) ((unsigned)i->imm & ((bits) - 1))

/* Linear address of the word that holds the bit: with a register bit number in 64-bit code. */
#define BIT_EA_R(bits)                                                                             \
    (sc_ea(c, i) + (uint64_t)(SC_GETS(bits, i->src) >> ((bits) == 16 ? 4 : (bits) == 32 ? 5 : 6)) *\
                       ((bits) / 8))
#define BIT_EA_I(bits) sc_ea(c, i)

/* Register destination. */
#define BIT_REG(name, OP, F, bits)                                                                 \
    SC_OP(op_##name##bits##_r##F)                                                                  \
    {                                                                                              \
        const unsigned n = BIT_N_##F(bits);                                                        \
        const uint##bits##_t v = sc_get##bits(c, i->dst);                                          \
        if (OP != BT)                                                                              \
            sc_set##bits(c, i->dst, (uint##bits##_t)bit_result(OP, v, 1ull << n));                 \
        bit_done(c, (v >> n) & 1);                                                                 \
        SC_NEXT;                                                                                   \
    }
/* Memory. */
#define BIT_LOOK(name, F, bits)                                                                    \
    SC_OP(op_##name##bits##_m##F)                                                                  \
    {                                                                                              \
        const unsigned n = BIT_N_##F(bits);                                                        \
        bit_done(c, (sc_ld##bits(c, i, BIT_EA_##F(bits)) >> n) & 1);                               \
        SC_NEXT;                                                                                   \
    }
#define BIT_MEM(name, OP, F, bits)                                                                 \
    SC_OP(op_##name##bits##_m##F)                                                                  \
    {                                                                                              \
        const unsigned n = BIT_N_##F(bits);                                                        \
        const uint64_t va = BIT_EA_##F(bits);                                                      \
        SC_MT##bits *p = sc_rmw(c, i, va, (bits) / 8);                                             \
        const uint##bits##_t v = p ? *p : (uint##bits##_t)sc_ld_rmw(c, i, va, (bits) / 8);         \
        const uint##bits##_t r = (uint##bits##_t)bit_result(OP, v, 1ull << n);                     \
        if (p)                                                                                     \
            *p = r;                                                                                \
        else                                                                                       \
            sc_st_slow(c, i, va, (bits) / 8, r);                                                   \
        bit_done(c, (v >> n) & 1);                                                                 \
        SC_NEXT;                                                                                   \
    }
#define BIT_LOCK(name, KIND, NOT, F, bits)                                                         \
    SC_OP(op_##name##bits##_l##F)                                                                  \
    {                                                                                              \
        const unsigned n = BIT_N_##F(bits);                                                        \
        const uint##bits##_t mask = (uint##bits##_t)(NOT(1ull << n));                              \
        const uint##bits##_t v = sc_lock##bits(c, i, BIT_EA_##F(bits), KIND, mask, 0);             \
        bit_done(c, (v >> n) & 1);                                                                 \
        SC_NEXT;                                                                                   \
    }
#define BIT_ALL(name, OP, KIND, NOT)                                                               \
    SC_FOR_WIDE(BIT_REG, name, OP, R)                                                              \
    SC_FOR_WIDE(BIT_REG, name, OP, I)                                                              \
    SC_FOR_WIDE(BIT_MEM, name, OP, R)                                                              \
    SC_FOR_WIDE(BIT_MEM, name, OP, I)                                                              \
    SC_FOR_WIDE(BIT_LOCK, name, KIND, NOT, R)                                                      \
    SC_FOR_WIDE(BIT_LOCK, name, KIND, NOT, I)
SC_FOR_WIDE(BIT_REG, bt, BT, R)
SC_FOR_WIDE(BIT_REG, bt, BT, I)
SC_FOR_WIDE(BIT_LOOK, bt, R)
SC_FOR_WIDE(BIT_LOOK, bt, I)
BIT_ALL(bts, BTS, SC_RMW_OR, )
BIT_ALL(btr, BTR, SC_RMW_AND, ~)
BIT_ALL(btc, BTC, SC_RMW_XOR, )

enum { FORM_RR, FORM_RI, FORM_MR, FORM_MI, FORM_LR, FORM_LI, FORMS };
#define BIT_ROW(name, form) { op_##name##16_##form, op_##name##32_##form, op_##name##64_##form }
#define BIT_TABLE(name) { BIT_ROW(name, rR), BIT_ROW(name, rI), BIT_ROW(name, mR),                 \
                          BIT_ROW(name, mI), BIT_ROW(name, lR), BIT_ROW(name, lI) }
static sc_fn *const bit_fn[4][FORMS][3] = {
    {BIT_ROW(bt, rR), BIT_ROW(bt, rI), BIT_ROW(bt, mR), BIT_ROW(bt, mI)},
    BIT_TABLE(bts), BIT_TABLE(btr), BIT_TABLE(btc),
};

/*
 * Bit strings where the address is cut to 16 or 32 bits, or a segment has a base and a limit: the
 * record has the effective address without segment (like LEA). aux: operation | 8 for LOCK, aux2:
 * address size, aux3: segment, dst: operand size.
 */
static SC_NOINLINE void bit_string(struct sc_cpu *c, const struct sc_insn *i)
{
    const unsigned op = i->aux & 3, size = i->dst, bits = size * 8;
    const int64_t off = size == 2 ? SC_GETS(16, i->src) : size == 4 ? SC_GETS(32, i->src)
                                                                    : SC_GETS(64, i->src);
    const unsigned n = (unsigned)off & (bits - 1);
    const uint64_t ea = (sc_ea(c, i) + (uint64_t)((off - n) / 8)) & sc_asz_mask(i->aux2);
    const uint64_t va = sc_linear(c, i, i->aux3, ea, size, op != BT);
    const uint64_t mask = 1ull << n;
    uint64_t v;

    if (op == BT) {
        v = size == 2 ? sc_ld16(c, i, va) : size == 4 ? sc_ld32(c, i, va) : sc_ld64(c, i, va);
    } else if (i->aux & 8) {
        const enum sc_rmw_kind kind = op == BTS ? SC_RMW_OR : op == BTR ? SC_RMW_AND : SC_RMW_XOR;
        const uint64_t m = op == BTR ? ~mask : mask;
        v = size == 2   ? sc_lock16(c, i, va, kind, (uint16_t)m, 0)
            : size == 4 ? sc_lock32(c, i, va, kind, (uint32_t)m, 0)
                        : sc_lock64(c, i, va, kind, m, 0);
    } else {
        v = sc_ld_rmw(c, i, va, size);
        sc_st_slow(c, i, va, size, bit_result(op, v, mask));
    }
    bit_done(c, (v >> n) & 1);
}
SC_OP(op_bit_string)
{
    bit_string(c, i);
    SC_NEXT;
}

static bool bit_emit(struct sc_tb *tb, const struct sc_dec *d, unsigned op, bool by_imm)
{
    const unsigned s = sc_size_index(d->osz) - 1;
    struct sc_insn *r;
    if (!d->mem) {
        r = sc_tb_add(tb, d, bit_fn[op][by_imm ? FORM_RI : FORM_RR][s]);
        r->dst = d->rm;
    } else if (by_imm || ((d->mode & SC_M_64) && d->asz == 8)) {
        const unsigned form = d->lock ? FORM_LR : FORM_MR;
        r = sc_tb_mem(tb, d, bit_fn[op][form + by_imm][s], d->osz, op != BT);
    } else {
        r = sc_tb_mem(tb, d, op_bit_string, 0, false);
        r->dst = d->osz;
        r->aux = (uint8_t)(op | (d->lock ? 8 : 0));
        r->aux2 = d->asz;
        r->aux3 = d->mseg;
    }
    r->src = d->reg;
    return true;
}

/* --- bit scans -------------------------------------------------------------------------------- */

/* A zero source leaves the whole destination alone. ZF tells, PF comes from the result. */
SC_INLINE void bit_scan_done(struct sc_cpu *c, bool zero, unsigned r)
{
    sc_flags_set_arith(c, zero ? SC_ZF | SC_PF : __builtin_parity(r) ? 0 : SC_PF);
}
#define SCAN_BSF(bits, v) (unsigned)__builtin_ctzll(v)
#define SCAN_BSR(bits, v) (unsigned)(63 - __builtin_clzll(v))
#define SCAN_DO(FN, bits, m)                                                                       \
    const uint64_t v = m;                                                                          \
    unsigned r = 0;                                                                                \
    if (v) {                                                                                       \
        r = FN(bits, v);                                                                           \
        sc_set##bits(c, i->dst, (uint##bits##_t)r);                                                \
    }                                                                                              \
    bit_scan_done(c, !v, r)
/* TZCNT, LZCNT: the operand size for a zero source, which CF tells. POPCNT: ZF alone. */
#define COUNT_TZ(bits, v) ((v) ? (unsigned)__builtin_ctzll(v) : (bits))
#define COUNT_LZ(bits, v) ((v) ? (unsigned)__builtin_clzll(v) - (64 - (bits)) : (bits))
#define COUNT_DO(FN, bits, m)                                                                      \
    const uint64_t v = m;                                                                          \
    const unsigned r = FN(bits, v);                                                                \
    sc_set##bits(c, i->dst, (uint##bits##_t)r);                                                    \
    sc_flags_set_arith(c, (v ? 0 : SC_CF) | (r ? 0 : SC_ZF))
#define COUNT_POP(bits, v) (unsigned)__builtin_popcountll(v)
#define POP_DO(FN, bits, m)                                                                        \
    const uint64_t v = m;                                                                          \
    sc_set##bits(c, i->dst, (uint##bits##_t)FN(bits, v));                                          \
    sc_flags_set_arith(c, v ? 0 : SC_ZF)
#define SCAN(name, DO, FN, bits)                                                                   \
    SC_OP(op_##name##bits##_r)                                                                     \
    {                                                                                              \
        DO(FN, bits, sc_get##bits(c, i->src));                                                     \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_##name##bits##_m, bits, DO(FN, bits, m))
SC_FOR_WIDE(SCAN, bsf, SCAN_DO, SCAN_BSF)
SC_FOR_WIDE(SCAN, bsr, SCAN_DO, SCAN_BSR)
SC_FOR_WIDE(SCAN, tzcnt, COUNT_DO, COUNT_TZ)
SC_FOR_WIDE(SCAN, lzcnt, COUNT_DO, COUNT_LZ)
SC_FOR_WIDE(SCAN, popcnt, POP_DO, COUNT_POP)

enum { BSF, BSR, TZCNT, LZCNT, POPCNT, SCANS };
static sc_fn *const scan_fn[SCANS][2][3] = {
    {BIT_ROW(bsf, r), BIT_ROW(bsf, m)},       {BIT_ROW(bsr, r), BIT_ROW(bsr, m)},
    {BIT_ROW(tzcnt, r), BIT_ROW(tzcnt, m)},   {BIT_ROW(lzcnt, r), BIT_ROW(lzcnt, m)},
    {BIT_ROW(popcnt, r), BIT_ROW(popcnt, m)},
};

static bool scan_emit(struct sc_tb *tb, const struct sc_dec *d, unsigned op)
{
    sc_fn *fn = scan_fn[op][d->mem][sc_size_index(d->osz) - 1];
    struct sc_insn *r = d->mem ? sc_tb_mem(tb, d, fn, d->osz, false) : sc_tb_add(tb, d, fn);
    r->dst = d->reg;
    if (!d->mem) {
        r->src = d->rm;
        sc_mark(r, SC_I_FSET | SC_I_FQUIET);
    }
    return true;
}

bool sc_emit_bit(struct sc_tb *tb, const struct sc_dec *d)
{
    switch (d->opcode) {
    case SC_MAP_0F | 0xa3:
    case SC_MAP_0F | 0xab:
    case SC_MAP_0F | 0xb3:
    case SC_MAP_0F | 0xbb:
        return bit_emit(tb, d, (d->opcode >> 3) & 3, false);
    case SC_MAP_0F | 0xba:
        return d->reg3 >= 4 && bit_emit(tb, d, d->reg3 & 3, true);
    case SC_MAP_0F | 0xb8: /* POPCNT; without F3 it is JMPE of another architecture */
        return d->rep == 0xf3 && sc_has_cpuid(tb->c, 1, SC_CPUID_ECX, 23) &&
               scan_emit(tb, d, POPCNT);
    case SC_MAP_0F | 0xbc:
        return scan_emit(tb, d, d->rep == 0xf3 && sc_has_cpuid(tb->c, 7, SC_CPUID_EBX, 3) ? TZCNT
                                                                                           : BSF);
    case SC_MAP_0F | 0xbd:
        return scan_emit(tb, d, d->rep == 0xf3 &&
                                sc_has_cpuid(tb->c, 0x80000001, SC_CPUID_ECX, 5) ? LZCNT : BSR);
    }
    return false;
}
