/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instruction decoding: prefixes, opcode, ModRM, SIB, displacement and immediates to struct sc_dec.
 *
 * Lengths are right for every opcode of the maps in optable.h, implemented or not, since the order
 * of faults depends on them: bytes missing in the next page fault before #UD does, and the 16th
 * byte is #GP. VEX, EVEX and XOP encodings are #UD at their first byte.
 */
#include "accel/soft/trace/decode.h"
#include "accel/soft/trace/optable.h"

#define SC_MAX_LEN 15u

/* The byte stream: reads past `end` give zeros and set `short_`, so callers check once per stage.
 * */
struct cursor {
    const uint8_t *bytes;
    unsigned pos, end;
    bool short_;
};

static uint8_t take8(struct cursor *s)
{
    if (s->pos >= s->end) {
        s->short_ = true;
        return 0;
    }
    return s->bytes[s->pos++];
}

static uint64_t take(struct cursor *s, unsigned size)
{
    uint64_t v = 0;

    if (s->end - s->pos < size) {
        s->short_ = true;
        return 0;
    }
    for (unsigned n = 0; n < size; n++)
        v |= (uint64_t)s->bytes[s->pos + n] << (8 * n);
    s->pos += size;
    return v;
}

static int64_t take_signed(struct cursor *s, unsigned size)
{
    uint64_t v = take(s, size);

    switch (size) {
    case 1: return (int8_t)v;
    case 2: return (int16_t)v;
    case 4: return (int32_t)v;
    default: return (int64_t)v;
    }
}

/* ModRM with 16-bit addressing (SDM Vol. 2, table 2-1). */
static void modrm16(struct sc_dec *d, struct cursor *s)
{
    static const uint8_t bases[8] = { VEMU_RBX, VEMU_RBX, VEMU_RBP, VEMU_RBP,
                                      VEMU_RSI, VEMU_RDI, VEMU_RBP, VEMU_RBX };
    static const uint8_t indexes[8] = { VEMU_RSI, VEMU_RDI, VEMU_RSI, VEMU_RDI,
                                        SC_R_ZERO, SC_R_ZERO, SC_R_ZERO, SC_R_ZERO };
    unsigned rm = d->modrm & 7;

    if (d->mod == 0 && rm == 6) {
        d->disp = take_signed(s, 2);
        return;
    }
    d->base = bases[rm];
    d->index = indexes[rm];
    if (d->base == VEMU_RBP)
        d->mseg = VEMU_SS;
    if (d->mod == 1)
        d->disp = take_signed(s, 1);
    else if (d->mod == 2)
        d->disp = take_signed(s, 2);
}

/* ModRM and SIB with 32- or 64-bit addressing (SDM Vol. 2, tables 2-2 and 2-3). */
static void modrm32(struct sc_dec *d, struct cursor *s)
{
    unsigned rm = d->modrm & 7;

    if (rm == 4) {
        uint8_t sib = take8(s);
        unsigned index = ((sib >> 3) & 7) | (d->rex & 2) << 2;

        if (index != 4) {
            d->index = (uint8_t)index;
            d->scale = sib >> 6;
        }
        rm = sib & 7;
        if (rm == 5 && d->mod == 0) {
            d->disp = take_signed(s, 4);
            return;
        }
    } else if (rm == 5 && d->mod == 0) {
        d->disp = take_signed(s, 4);
        if (d->mode & SC_M_64) {
            d->rip_rel = true;
            d->base = SC_R_PAGE; /* disp is completed when the length is known */
        }
        return;
    }
    d->base = (uint8_t)(rm | (d->rex & 1) << 3);
    if (d->base == VEMU_RSP || d->base == VEMU_RBP)
        d->mseg = VEMU_SS;
    if (d->mod == 1)
        d->disp = take_signed(s, 1);
    else if (d->mod == 2)
        d->disp = take_signed(s, 4);
}

static void immediate(struct sc_dec *d, struct cursor *s, unsigned kind)
{
    unsigned size = 0;

    switch (kind) {
    case IMM_NONE: return;
    case IMM_B:
    case IMM_JB: size = 1; break;
    case IMM_W: size = 2; break;
    case IMM_Z: size = d->osz == 2 ? 2 : 4; break;
    case IMM_V: size = d->osz; break;
    case IMM_JZ: /* near branches ignore 66 in 64-bit mode (Intel) */
        size = d->osz == 2 && !(d->mode & SC_M_64) ? 2 : 4;
        break;
    case IMM_MOFFS:
        d->imm = (int64_t)take(s, d->asz);
        d->imm_bytes = d->asz;
        return;
    case IMM_FAR:
        d->imm = (int64_t)take(s, d->osz);
        d->imm2 = (int64_t)take(s, 2);
        d->imm_bytes = (uint8_t)(d->osz + 2);
        return;
    case IMM_ENTER:
        d->imm = (int64_t)take(s, 2);
        d->imm2 = (int64_t)take(s, 1);
        d->imm_bytes = 3;
        return;
    default: return;
    }
    d->imm = take_signed(s, size);
    d->imm_bytes = (uint8_t)size;
}

/*
 * Opcodes whose owner, validity, LOCK or immediate depend on ModRM (SDM Vol. 2, table A-6).
 * Returns false for #UD.
 */
static bool refine_group(struct sc_dec *d, uint16_t *op)
{
    unsigned imm = *op >> OP_IMM_SHIFT & 0xf;
    unsigned keep = *op & (unsigned)~(OP_LOCK | 7u);
    bool lock = *op & OP_LOCK;
    unsigned owner = *op & 7;
    bool ok = true;

    switch (d->opcode) {
    case 0x62: /* BOUND; with mod 3 EVEX */
    case 0xc4:
    case 0xc5: ok = d->mem; break;
    case 0x63: owner = d->mode & SC_M_64 ? SC_G_INT : SC_G_SEG; break;
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83: lock = d->reg3 != 7; break;
    case 0x8d: ok = d->mem; break;
    case 0x8f: ok = d->reg3 == 0; break; /* others: XOP */
    case 0x90: owner = d->rex & 1 ? SC_G_INT : SC_G_SYS; break;
    case 0xc6:
    case 0xc7: ok = d->reg3 == 0; break;
    case 0xf6:
    case 0xf7:
        lock = d->reg3 == 2 || d->reg3 == 3;
        if (d->reg3 < 2)
            imm = d->opcode == 0xf6 ? IMM_B : IMM_Z;
        break;
    case 0xfe:
        lock = d->reg3 < 2;
        ok = d->reg3 < 2;
        break;
    case 0xff:
        lock = d->reg3 < 2;
        switch (d->reg3) {
        case 2:
        case 4: owner = SC_G_BRANCH; break;
        case 3:
        case 5:
            owner = SC_G_SEG;
            ok = d->mem;
            break;
        case 7: ok = false; break;
        default: break;
        }
        break;
    case SC_MAP_0F | 0x01:
        if (d->mem)
            owner = d->reg3 < 4 ? SC_G_SEG : SC_G_SYS; /* SGDT..LIDT; SMSW, LMSW, INVLPG */
        else
            owner = d->modrm == 0xf8 ? SC_G_SEG : SC_G_SYS; /* SWAPGS */
        ok = !(d->mem && d->reg3 == 5);
        break;
    case SC_MAP_0F | 0xae:
        if (d->mem)
            owner = d->reg3 == 7 || (d->p66 && d->reg3 == 6) ? SC_G_SYS : SC_G_SSE;
        else
            owner = d->rep == 0xf3 && d->reg3 < 4 ? SC_G_SEG : SC_G_SYS;
        break;
    case SC_MAP_0F | 0xba:
        lock = d->reg3 >= 5;
        ok = d->reg3 >= 4;
        break;
    case SC_MAP_0F | 0xc7:
        lock = d->reg3 == 1;
        if (d->reg3 == 1) {
            owner = SC_G_INT;
            ok = d->mem;
        }
        break;
    default: break;
    }
    *op = (uint16_t)((keep & ~OP_IMM(0xf)) | OP_IMM(imm) | (lock ? OP_LOCK : 0) | owner);
    return ok;
}

static unsigned owner_in(const struct op_range *table, size_t count, uint8_t byte)
{
    for (size_t n = 0; n < count; n++)
        if (byte >= table[n].first && byte <= table[n].last)
            return table[n].owner;
    return SC_G_UD;
}

/* Consumes prefixes and returns the first opcode byte. */
static uint8_t prefixes(struct sc_dec *d, struct cursor *s)
{
    bool p67 = false;
    uint8_t b;

    for (;;) {
        b = take8(s);
        if (s->short_)
            return 0;
        switch (b) {
        case 0x26: /* ES, CS, SS, DS overrides do nothing in 64-bit mode (SDM Vol. 1, 3.3.7.1) */
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (!(d->mode & SC_M_64))
                d->seg = (b >> 3) & 3;
            break;
        case 0x64: d->seg = VEMU_FS; break;
        case 0x65: d->seg = VEMU_GS; break;
        case 0x66: d->p66 = true; break;
        case 0x67: p67 = true; break;
        case 0xf0: d->lock = true; break;
        case 0xf2:
        case 0xf3: d->rep = b; break;
        default:
            if ((d->mode & SC_M_64) && (b & 0xf0) == 0x40) {
                d->rex = b; /* counts only if it is the last prefix */
                continue;
            }
            if (d->mode & SC_M_64) {
                d->osz = d->rex & 8 ? 8 : d->p66 ? 2 : 4;
                d->asz = p67 ? 4 : 8;
            } else {
                d->osz = !(d->mode & SC_M_32) != d->p66 ? 2 : 4;
                d->asz = !(d->mode & SC_M_32) != p67 ? 2 : 4;
            }
            return b;
        }
        d->rex = 0;
    }
}

/* Is this byte the start of a VEX, EVEX or XOP encoding rather than LES, LDS, BOUND or POP? */
static bool is_vex(const struct sc_dec *d, uint8_t byte, uint8_t next)
{
    if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
        return (d->mode & SC_M_64) || (next >= 0xc0 && !(d->mode & SC_M_REAL));
    return byte == 0x8f && (next & 0x1f) >= 8;
}

int sc_decode(struct sc_dec *d, const uint8_t *bytes, unsigned avail, uint32_t mode, uint16_t pgoff)
{
    struct cursor s = { .bytes = bytes, .end = avail < SC_MAX_LEN ? avail : SC_MAX_LEN };
    uint16_t op;
    uint8_t b;
    bool ok = true;

    *d = (struct sc_dec){ .mode = mode, .pgoff = pgoff, .seg = SC_SEG_NONE, .mseg = VEMU_DS,
                          .base = SC_R_ZERO, .index = SC_R_ZERO };
    b = prefixes(d, &s);
    if (s.short_)
        goto cut;
    d->opcode = b;
    if (b != 0x0f) {
        op = op_one[b];
        if (b == 0xc4 || b == 0xc5 || b == 0x62 || b == 0x8f) {
            if (s.pos >= s.end)
                goto cut;
            if (is_vex(d, b, s.bytes[s.pos]))
                return -SC_UD;
        }
    } else {
        b = take8(&s);
        d->opcode = SC_MAP_0F | b;
        op = op_two[b];
        if (b == 0x38 && !s.short_) {
            b = take8(&s);
            d->opcode = SC_MAP_38 | b;
            op = (uint16_t)(owner_in(op_38, sizeof(op_38) / sizeof(op_38[0]), b) | OP_MODRM);
        } else if (b == 0x3a && !s.short_) {
            b = take8(&s);
            d->opcode = SC_MAP_3A | b;
            op = (uint16_t)(owner_in(op_3a, sizeof(op_3a) / sizeof(op_3a[0]), b) | OP_MODRM |
                            OP_IMM(IMM_B));
        }
        if (s.short_)
            goto cut;
    }

    if (op & OP_MODRM) {
        d->has_modrm = true;
        d->modrm = take8(&s);
        d->mod = op & OP_REGS ? 3 : d->modrm >> 6;
        d->reg3 = (d->modrm >> 3) & 7;
        d->reg = (uint8_t)(d->reg3 | (d->rex & 4) << 1);
        d->rm = (uint8_t)((d->modrm & 7) | (d->rex & 1) << 3);
        d->mem = d->mod != 3;
        if (d->mem && d->asz == 2)
            modrm16(d, &s);
        else if (d->mem)
            modrm32(d, &s);
        if (s.short_)
            goto cut;
    }
    if (d->seg != SC_SEG_NONE)
        d->mseg = d->seg;
    if (op & OP_GROUP)
        ok = refine_group(d, &op);
    immediate(d, &s, op >> OP_IMM_SHIFT & 0xf);
    if (s.short_)
        goto cut;

    d->len = (uint8_t)s.pos;
    if (d->rip_rel)
        d->disp += pgoff + d->len;
    if ((op & OP_NO64) && (mode & SC_M_64))
        ok = false;
    if (d->lock && !((op & OP_LOCK) && d->mem))
        ok = false;
    d->group = ok ? op & 7 : SC_G_UD;
    return d->len;

cut:
    return avail >= SC_MAX_LEN ? -SC_GP : 0;
}
