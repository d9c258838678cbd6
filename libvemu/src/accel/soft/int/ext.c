/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Integer instructions of the opcode map 0F 38: CRC32 (SSE4.2), MOVBE, ADCX and ADOX (ADX).
 */
#include "accel/soft/sys/host.h"
#include "accel/soft/int/op.h"

/* --- CRC32: the host's, of which CPUID makes sure --------------------------------------------- */
SC_INLINE uint32_t crc8(uint32_t crc, uint8_t v)
{
    __asm__("crc32b %1, %0" : "+r"(crc) : "q"(v));
    return crc;
}
SC_INLINE uint32_t crc16(uint32_t crc, uint16_t v)
{
    __asm__("crc32w %1, %0" : "+r"(crc) : "r"(v));
    return crc;
}
SC_INLINE uint32_t crc32(uint32_t crc, uint32_t v)
{
    __asm__("crc32l %1, %0" : "+r"(crc) : "r"(v));
    return crc;
}
SC_INLINE uint32_t crc64(uint32_t crc, uint64_t v)
{
    uint64_t wide = crc;
    __asm__("crc32q %1, %0" : "+r"(wide) : "r"(v));
    return (uint32_t)wide;
}
/* The destination's upper half becomes zero, whatever its size. */
#define CRC(bits)                                                                                  \
    SC_OP(op_crc##bits##_r)                                                                        \
    {                                                                                              \
        sc_set32(c, i->dst, crc##bits(sc_get32(c, i->dst), sc_get##bits(c, i->src)));              \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_crc##bits##_m, bits, sc_set32(c, i->dst, crc##bits(sc_get32(c, i->dst), m)))
CRC(8)
CRC(16)
CRC(32)
CRC(64)

/* --- MOVBE ---------------------------------------------------------------------------------- */
#define MOVBE(bits)                                                                                \
    SC_OP_LD(op_movbe##bits##_r, bits, sc_set##bits(c, i->dst, __builtin_bswap##bits(m)))          \
    SC_OP_ST(op_movbe##bits##_m, bits, __builtin_bswap##bits(sc_get##bits(c, i->dst)))
MOVBE(16)
MOVBE(32)
MOVBE(64)

/* --- ADCX, ADOX: an addition whose carry is CF or OF, and no other flag is touched ------------ */
#define ADX_DO(bits, flag, set, m)                                                                 \
    const uint##bits##_t v = m, old = sc_get##bits(c, i->dst);                                     \
    const unsigned carry = flag(c);                                                                \
    uint##bits##_t r;                                                                              \
    unsigned out = __builtin_add_overflow(old, v, &r);                                             \
    out |= __builtin_add_overflow(r, (uint##bits##_t)carry, &r);                                   \
    set;                                                                                           \
    sc_set##bits(c, i->dst, r)
#define SET_CF sc_flags_set_coa(c, out, sc_flag_of(c), sc_flag_af(c))
#define SET_OF sc_flags_set_coa(c, sc_flag_cf(c), out, sc_flag_af(c))
#define ADX(name, bits, flag, set)                                                                 \
    SC_INLINE void name##bits(struct sc_cpu *c, const struct sc_insn *i, uint##bits##_t operand)   \
    {                                                                                              \
        ADX_DO(bits, flag, set, operand);                                                          \
    }                                                                                              \
    SC_OP(op_##name##bits##_r)                                                                     \
    {                                                                                              \
        name##bits(c, i, sc_get##bits(c, i->src));                                                 \
        SC_NEXT;                                                                                   \
    }                                                                                              \
    SC_OP_LD(op_##name##bits##_m, bits, name##bits(c, i, m))
ADX(adcx, 32, sc_flag_cf, SET_CF)
ADX(adcx, 64, sc_flag_cf, SET_CF)
ADX(adox, 32, sc_flag_of, SET_OF)
ADX(adox, 64, sc_flag_of, SET_OF)

/* --- records -------------------------------------------------------------------------------- */
static bool emit(struct sc_tb *tb, const struct sc_dec *d, sc_fn *reg, sc_fn *mem, unsigned size,
                 bool write)
{
    struct sc_insn *r;

    if (d->mem) {
        r = sc_tb_mem(tb, d, mem, size, write);
    } else {
        r = sc_tb_add(tb, d, reg);
        r->src = sc_reg_operand(d, size, d->rm);
    }
    r->dst = d->reg;
    return true;
}

static bool emit_crc32(struct sc_tb *tb, const struct sc_dec *d)
{
    const unsigned size = sc_w_size(d);

    if (!sc_has_cpuid(tb->c, 1, SC_CPUID_ECX, SC_BIT_SSE42) ||
        !(sc_host_sse() >> SC_BIT_SSE42 & 1))
        return false;
    switch (size) {
    case 1: return emit(tb, d, op_crc8_r, op_crc8_m, size, false);
    case 2: return emit(tb, d, op_crc16_r, op_crc16_m, size, false);
    case 4: return emit(tb, d, op_crc32_r, op_crc32_m, size, false);
    default: return emit(tb, d, op_crc64_r, op_crc64_m, size, false);
    }
}

static bool emit_movbe(struct sc_tb *tb, const struct sc_dec *d)
{
    const bool write = d->opcode & 1;

    if (!d->mem || !sc_has_cpuid(tb->c, 1, SC_CPUID_ECX, 22))
        return false;
    switch (d->osz) {
    case 2: return emit(tb, d, NULL, write ? op_movbe16_m : op_movbe16_r, 2, write);
    case 4: return emit(tb, d, NULL, write ? op_movbe32_m : op_movbe32_r, 4, write);
    default: return emit(tb, d, NULL, write ? op_movbe64_m : op_movbe64_r, 8, write);
    }
}

static bool emit_adx(struct sc_tb *tb, const struct sc_dec *d)
{
    const bool overflow = d->rep == 0xf3;

    if ((!overflow && (!d->p66 || d->rep)) || !sc_has_cpuid(tb->c, 7, SC_CPUID_EBX, 19))
        return false;
    if (d->rex & 8)
        return overflow ? emit(tb, d, op_adox64_r, op_adox64_m, 8, false)
                        : emit(tb, d, op_adcx64_r, op_adcx64_m, 8, false);
    return overflow ? emit(tb, d, op_adox32_r, op_adox32_m, 4, false)
                    : emit(tb, d, op_adcx32_r, op_adcx32_m, 4, false);
}

bool sc_emit_ext(struct sc_tb *tb, const struct sc_dec *d)
{
    switch (d->opcode) {
    case SC_MAP_38 | 0xf0:
    case SC_MAP_38 | 0xf1:
        if (d->rep == 0xf2)
            return emit_crc32(tb, d);
        return !d->rep && emit_movbe(tb, d);
    case SC_MAP_38 | 0xf6: return emit_adx(tb, d);
    default: return false;
    }
}
