/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cases from a seed and a number: machine code and the state it starts from.
 *
 * Memory operands are chosen first (usually in the arena, sometimes across pages, on the read-only
 * page, on nothing or at a non-canonical address) and the registers of the address are set to
 * match. That matters on the native side: an instruction must not be able to write anywhere else.
 */
#include <string.h>

#include "values.h"

#define REX_W       8
#define FLAGS_ARITH 0x8d5u
#define FLAG_DF     0x400u
#define FLAG_AC     0x40000u
#define FLAG_ID     0x200000u
#define RSP         4

/* --- building an instruction ----------------------------------------------------------------- */
struct builder {
    struct rng r;
    struct fuzz_case *k;
    const struct form *f;
    bool block;  /* registers may have changed: addresses by displacement only */
    uint32_t open; /* OPEN_..: of the form */
    uint8_t osz;   /* 2, 4, 8 */
    bool p66, p67, gs, lock, rex_w;
    uint8_t rep;
    uint8_t modrm, sib;
    unsigned rex;
    bool has_sib;
    uint8_t disp_size;
    int64_t disp;
    bool rip_rel;
    uint64_t target;
};

static unsigned operand_size(const struct builder *b)
{
    if (b->f->size == 0xff)
        return 512;
    if (b->f->opcode == 0x0fc7 && b->rex & REX_W) /* CMPXCHG16B */
        return 16;
    if (b->f->size)
        return b->f->size;
    return b->f->flags & F_BYTE ? 1 : b->osz;
}

static void pin(struct fuzz_case *k, unsigned reg, uint64_t v)
{
    k->in.gpr[reg] = v;
    k->pinned |= 1u << reg;
}

/* An address for an access of `size` bytes. */
static uint64_t choose_target(struct builder *b, unsigned size)
{
    struct rng *r = &b->r;
    uint64_t t;
    unsigned how = b->block ? 0 : rng_below(r, 100);

    if (b->lock || (b->f->opcode == 0x87 && !b->block) || b->f->opcode == 0x86) {
        /* no split locks: the host's kernel is slow to forgive them */
        if (how >= 95)
            return RO_BASE + 64 * rng_below(r, 64);
        return (ARENA_A + 64 + 64 * rng_below(r, ARENA_A_SIZE / 64 - 2)) & ~63ull;
    }
    if (how < 72) {
        t = ARENA_A + 700 + rng_below(r, ARENA_A_SIZE - 1400 - (size > 64 ? 640 : size));
        if ((b->f->flags & F_ALIGN || b->f->opcode == 0x0fc7) && !rng_chance(r, 8))
            t &= ~15ull;
        return t;
    }
    if (b->f->flags & F_ALIGN && rng_chance(r, 50))
        return how < 90 ? RO_BASE - 16 * (1 + rng_below(r, 4))
                        : RO_BASE + 4096 - 16 * rng_below(r, 3);
    if (how < 80) /* across the pages of the arena */
        return DATA_BASE + 4096 - rng_below(r, size + 1);
    if (how < 85) /* from the writable into the read-only page */
        return RO_BASE - rng_below(r, size + 1);
    if (how < 89)
        return RO_BASE + rng_below(r, 4096 - size + 1);
    if (how < 92) /* over the end */
        return RO_BASE + 4096 - rng_below(r, size + 1);
    if (how < 94 &&
        !(b->f->flags &
          F_BITOFF)) /* from nothing into the arena's first page: that page is not compared */
        return DATA_BASE - 64 + (rng_below(r, 64 - (size < 64 ? size : 63)));
    if (how < 97)
        return RO_BASE + 4096 + rng_below(r, 4096);
    if (b->k->compat && b->f->flags & F_ALIGN)
        return RO_BASE + 4096 + rng_below(r, 4096);
    if (b->k->compat) /* the end of the address space */
        return 0x100000000ull - 1 - rng_below(r, 24);
    t = 0x800000000000ull + (rng_next(r) & 0xffffffffffffull);
    return b->p67 ? RO_BASE + 4096 + (t & 0xfff) : t;
}

static unsigned free_register(struct builder *b, unsigned not_these)
{
    for (;;) {
        unsigned n = rng_below(&b->r, b->k->compat ? 8 : 16);
        if (!((b->k->pinned | not_these) >> n & 1))
            return n;
    }
}

/* ModRM and SIB for a memory operand at b->target; sets the registers. */
static void address(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    uint64_t offset = b->target - (b->gs ? GS_BASE : 0);
    unsigned mod, base, index, scale = rng_below(r, 4), how = rng_below(r, 100);
    bool low = offset < 0x70000000ull;
    int64_t disp = 0;

    if (b->p67 || k->compat)
        offset &= 0xffffffffu;
    if (k->compat &&
        b->p67) { /* 16-bit addresses are never mapped; what counts is where it faults */
        mod = rng_below(r, 3);
        b->modrm |= (uint8_t)(mod << 6 | rng_below(r, 8));
        b->disp_size = mod == 2 || (mod == 0 && (b->modrm & 7) == 6) ? 2 : (uint8_t)mod;
        b->disp = (int16_t)rng_next(r);
        return;
    }
    if (k->compat && (b->block || how < 10)) { /* [disp32] without SIB */
        b->modrm |= 5;
        b->disp_size = 4;
        b->disp = (int64_t)offset;
        return;
    }
    if (low && (b->block || how < 10)) { /* RIP-relative; completed when the length is known */
        b->modrm |= 5;
        b->rip_rel = true;
        b->disp_size = 4;
        b->disp = (int64_t)offset;
        return;
    }
    if (low && how < 15) { /* [disp32] */
        b->modrm |= 4;
        b->has_sib = true;
        b->sib = (uint8_t)(scale << 6 | 4 << 3 | 5);
        b->disp_size = 4;
        b->disp = (int64_t)offset;
        return;
    }
    mod = rng_below(r, 3);
    if (mod == 1)
        disp = (int8_t)rng_next(r);
    else if (mod == 2)
        disp = rng_chance(r, 50) ? (int16_t)rng_next(r) : (int32_t)rng_next(r);
    base = free_register(b, 0);
    if (how < 20 && low) { /* [index * scale + disp32] */
        uint64_t v = rng_below(r, 4096);
        index = free_register(b, 1u << RSP);
        b->modrm |= 4;
        b->has_sib = true;
        b->sib = (uint8_t)(scale << 6 | (index & 7) << 3 | 5);
        b->rex |= index >> 3 << 1;
        pin(k, index, v);
        b->disp_size = 4;
        b->disp = (int64_t)(offset - (v << scale));
        return;
    }
    if ((base & 7) == 5 && mod == 0)
        mod = 1;
    if (how < 60 && (base & 7) != 4) { /* [base + disp] */
        b->modrm |= (uint8_t)(base & 7);
        b->rex |= base >> 3;
        pin(k, base, offset - (uint64_t)disp);
    } else {
        uint64_t v =
            rng_chance(r, 70) ? (uint64_t)(int64_t)(int16_t)rng_next(r) : random_integer(r);
        b->modrm |= 4;
        b->has_sib = true;
        b->rex |= base >> 3;
        if (rng_chance(r, 10)) { /* no index */
            b->sib = (uint8_t)(scale << 6 | 4 << 3 | (base & 7));
            pin(k, base, offset - (uint64_t)disp);
        } else {
            index = free_register(b, 1u << RSP | 1u << base);
            b->sib = (uint8_t)(scale << 6 | (index & 7) << 3 | (base & 7));
            b->rex |= index >> 3 << 1;
            pin(k, index, v);
            pin(k, base, offset - (uint64_t)disp - (v << scale));
        }
    }
    if (b->p67 && !k->compat && rng_chance(r, 50))
        k->in.gpr[base] ^= rng_next(r) << 32; /* ignored */
    b->modrm |= (uint8_t)(mod << 6);
    b->disp_size = mod == 0 ? 0 : mod == 1 ? 1 : 4;
    b->disp = disp;
}

static uint8_t *arena_at(struct fuzz_case *k, uint64_t va, unsigned size)
{
    if (va >= ARENA_A && va + size <= ARENA_A + ARENA_A_SIZE)
        return k->memory + (va - ARENA_A);
    if (va >= ARENA_B && va + size <= ARENA_B + ARENA_B_SIZE)
        return k->memory + ARENA_A_SIZE + (va - ARENA_B);
    return NULL;
}

/* What the memory operand should contain. */
static void fill_operand(struct builder *b, unsigned size)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    uint8_t *p = arena_at(k, b->target, size);

    if (!p)
        return;
    if (b->f->fp && rng_chance(r, 90)) {
        random_fp(r, b->f->fp, p, size);
    } else if (b->f->flags & F_STATE) {
        struct state s;
        random_fx(r, b->f, &s);
        switch (size) {
        case 512: memcpy(p, s.fx, 512); break;
        case 4: /* MXCSR */
            memcpy(p, s.fx + 24, 4);
            if (rng_chance(r, 5))
                p[2 + rng_below(r, 2)] |= (uint8_t)(1u << rng_below(r, 8));
            break;
        case 2: memcpy(p, s.fx, 2); break;
        default: break; /* environments are fine at random */
        }
    } else if (rng_chance(r, 60)) {
        uint64_t v = random_integer(r);
        memcpy(p, &v, size < 8 ? size : 8);
    }
    if (b->f->flags & F_CMPXCHG && rng_chance(r, 50)) {
        unsigned half = size > 8 ? 8 : b->f->size == 8 && size == 8 ? 4 : size;
        if (!(k->pinned & 1))
            memcpy(&k->in.gpr[0], p, half);
        if (b->f->size >= 8 && !(k->pinned & 4))
            memcpy(&k->in.gpr[2], p + half, half);
    }
}

static void implicit_operands(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    const struct form *f = b->f;

    if (f->flags & F_STACK) {
        b->target = choose_target(b, 8);
        if (rng_chance(r, 80)) {
            uint64_t v = ARENA_A + 1400 + rng_below(r, 1200);
            pin(k, RSP, rng_chance(r, 70) ? v & ~7ull : v);
        } else {
            pin(k, RSP, b->target);
        }
        if (f->flags & F_POPF) {
            uint8_t *p = arena_at(k, k->in.gpr[RSP], 8);
            uint64_t v = rng_next(r) & (FLAGS_ARITH | FLAG_DF | FLAG_ID | 0x3200);
            if (rng_chance(r, 2))
                v |= FLAG_AC;
            if (p)
                memcpy(p, &v, 8);
            else
                pin(k, RSP, RO_BASE + 4096 + 8); /* faults */
        }
    }
    if (f->flags & F_FRAME) {
        k->in.rflags &= ~(uint64_t)FLAG_AC; /* ENTER's last look at the stack is unaligned */
        pin(k, 5, rng_chance(r, 85) ? ARENA_A + 1400 + rng_below(r, 1200) : choose_target(b, 8));
    }
    if (f->flags & F_STRING) {
        unsigned size = operand_size(b);
        uint64_t rcx = rng_chance(r, 80) ? rng_below(r, 24) : rng_below(r, 80);
        if (!b->rep && rng_chance(r, 50))
            rcx = random_integer(r);
        if (b->p67 && !k->compat && rng_chance(r, 50))
            rcx |= rng_next(r) << 32;
        if (b->p67 && k->compat && rng_chance(r, 50))
            rcx &= 0xffff0000;
        pin(k, 6, choose_target(b, size) - (b->gs ? GS_BASE : 0));
        pin(k, 7,
            rng_chance(r, 20) ? k->in.gpr[6] + rng_below(r, 24) - 12 : choose_target(b, size));
        if (b->p67 && !k->compat && rng_chance(r, 50)) {
            k->in.gpr[6] ^= rng_next(r) << 32;
            k->in.gpr[7] ^= rng_next(r) << 32;
        }
        pin(k, 1, rcx);
        if (rng_chance(r, 40)) { /* something to compare equal */
            memset(k->memory + rng_below(r, ARENA_SIZE / 2), (int)rng_below(r, 2), ARENA_SIZE / 2);
            if (rng_chance(r, 50))
                k->in.gpr[0] = rng_below(r, 2) * 0x0101010101010101ull;
        }
    }
    if (f->flags & F_XLAT) {
        b->target = choose_target(b, 1);
        pin(k, 3, b->target - (b->gs ? GS_BASE : 0));
    }
    if (f->flags & F_MASKMOV) {
        k->in.rflags &= ~(uint64_t)FLAG_AC; /* the host's alignment check is odd here */
        pin(k, 7, choose_target(b, 16) - (b->gs ? GS_BASE : 0));
    }
    if (f->opcode == 0x3a60 || f->opcode == 0x3a61) /* lengths of strings */
        for (unsigned n = 0; n <= 2; n += 2)
            if (rng_chance(r, 70))
                k->in.gpr[n] = (uint64_t)((int64_t)rng_below(r, 40) - 20);
    if (f->flags & F_DIV) {
        switch (rng_below(r, 4)) {
        case 0: k->in.gpr[2] = 0; break;
        case 1: k->in.gpr[2] = (uint64_t)((int64_t)k->in.gpr[0] >> 63); break;
        case 2: k->in.gpr[2] = rng_below(r, 16); break;
        default: break;
        }
    }
}

static void put(struct fuzz_case *k, uint8_t byte)
{
    k->code[k->length++] = byte;
}
static void put_n(struct fuzz_case *k, uint64_t v, unsigned n)
{
    for (; n; n--, v >>= 8)
        put(k, (uint8_t)v);
}

static uint8_t immediate8(struct builder *b)
{
    return rng_chance(&b->r, 50) ? (uint8_t)rng_below(&b->r, 70) : (uint8_t)rng_next(&b->r);
}

/* Prefixes that change nothing, or make it another instruction or none. 0: better not. */
static uint8_t stray_prefix(struct builder *b)
{
    static const uint16_t special[] = {0x90,   0x0f0b, 0x0f0d, 0x0f18, 0x0f1e,
                                       0x0f1f, 0x0fae, 0x0fb9, 0x0fbc, 0x0fbd,
                                       0x0fc3, 0x0fc7, 0x0ff7, 0x0fb8, 0x38f0, 0x38f1, 0x38f6};
    static const uint8_t stray[] = {0x66, 0xf2, 0xf3};
    uint8_t p = stray[rng_below(&b->r, 3)];

    for (unsigned n = 0; n < sizeof special / sizeof special[0]; n++)
        if (b->f->opcode == special[n])
            return 0;
    if (b->f->flags & (F_STRING | F_BRANCH | F_STACK) || b->p66 || b->open & OPEN_PREFIX)
        return 0;
    if (b->f->flags & (F_SSE | F_MMX))
        return p;
    if (p == 0x66 && b->f->flags & (F_VAR | F_W | F_D64 | F_I8 | F_IZ))
        return 0;
    return p;
}

static void prefixes(struct builder *b)
{
    /* in 32-bit code stores by way of CS (2E) fault, after pending x87 exceptions */
    static const uint8_t all[] = {0x26, 0x2e, 0x36, 0x3e}, data[] = {0x26, 0x3e, 0x36, 0x3e};
    const uint8_t *junk = b->k->compat && b->f->flags & (F_MMX | F_X87) ? data : all;
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    uint8_t list[16];
    unsigned n = 0;

    if (b->p66 || b->f->prefix == 0x66)
        list[n++] = 0x66;
    if (b->p67)
        list[n++] = 0x67;
    if (b->gs)
        list[n++] = 0x65;
    if (b->lock)
        list[n++] = 0xf0;
    if (b->rep)
        list[n++] = b->rep;
    if (rng_chance(r, 3)) /* ignored segment overrides */
        list[n++] = junk[rng_below(r, 4)];
    if (rng_chance(r, 3) && (list[n] = stray_prefix(b)))
        n++;
    if (rng_chance(r, 1))
        for (unsigned m = rng_below(r, 10); m && n < 14; m--)
            list[n++] = b->gs ? 0x65 : junk[rng_below(r, 4)];
    for (unsigned m = n; m > 1; m--) { /* any order */
        unsigned o = rng_below(r, m);
        uint8_t t = list[m - 1];
        list[m - 1] = list[o];
        list[o] = t;
    }
    for (unsigned m = 0; m < n; m++)
        put(k, list[m]);
    if (b->f->prefix && b->f->prefix != 0x66)
        put(k, b->f->prefix);
    if (k->compat)
        return;
    if (rng_chance(r, 1)) { /* a REX that is not last is none at all */
        put(k, (uint8_t)(0x40 | rng_below(r, 16)));
        put(k, 0x2e);
        if (b->gs) /* whose override might count or not */
            k->code[k->length - 1] = 0x65;
    }
    if (b->rex || rng_chance(r, 15))
        put(k, (uint8_t)(0x40 | b->rex));
}

static void build(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    const struct form *f = b->f;
    uint32_t flags = f->flags;
    unsigned registers = k->compat ? 8 : 16, reg = rng_below(r, registers), opcode = f->opcode;
    bool memory = false;
    unsigned size;

    b->osz = 4;
    if ((flags & (F_VAR | F_W)) && !k->compat && rng_chance(r, 40)) {
        b->rex |= REX_W;
        b->osz = 8;
    }
    if (flags & (F_VAR | F_D64) && rng_chance(r, 25)) {
        b->p66 = true;
        if (b->osz == 4)
            b->osz = 2;
    }
    if (flags & F_BYTE) {
        b->osz = 1;
        if (rng_chance(r, 5))
            b->p66 = true;
        if (!k->compat && rng_chance(r, 5))
            b->rex |= REX_W;
    }
    if (b->open & OPEN_DOUBLE_SHIFT && b->block && !(flags & F_I8) && b->osz == 2) {
        b->p66 = false; /* CL may be anything there */
        b->osz = 4;
    }
    if (flags & F_D64)
        b->osz = b->p66 && !(b->rex & REX_W) ? 2 : k->compat ? 4 : 8;
    if (flags & F_REP && rng_chance(r, 65))
        b->rep = rng_below(r, 2) ? 0xf3 : 0xf2;
    if (flags & (F_MODRM | F_STRING | F_XLAT | F_MASKMOV | F_MOFFS) && !b->block) {
        b->p67 = rng_chance(r, 8);
        b->gs = !k->compat && rng_chance(r, 8);
    }
    size = operand_size(b);
    if (f->opcode == 0x0fae && f->size == 0xff)
        size = 512;
    if ((opcode == 0xd9 || opcode == 0xdd) && size >= 28 && b->osz == 2)
        size -= 14;

    k->loose_fault |= size > 8 && (flags & (F_X87 | F_MASKMOV));
    if (flags & F_MODRM) {
        memory = flags & F_MEM || (!(flags & F_REG) && rng_chance(r, b->block ? 20 : 45));
        if (f->ext < 0) {
            b->rex |= reg >> 3 << 2;
            b->modrm = (uint8_t)((reg & 7) << 3);
        } else {
            b->modrm = (uint8_t)(f->ext << 3);
            if (!k->compat && rng_chance(r, 5))
                b->rex |= 4;
        }
    }
    if (memory && flags & F_LOCKABLE && rng_chance(r, 25))
        b->lock = true;
    else if (!b->block && rng_chance(r, 1) && !(f->flags & F_BRANCH))
        b->lock = !(b->open & OPEN_PREFIX); /* mostly #UD */
    if (b->lock && flags & F_LOCKABLE && f->opcode >= 0x0fa0 && f->opcode <= 0x0fbb &&
        flags & F_BITOFF)
        pin(k, reg, rng_below(r, 8)); /* keep it in the line */
    if (flags & F_BRANCH && f->opcode >= 0xe0 && f->opcode <= 0xe3)
        b->p67 = rng_chance(r, 20);
    if (b->lock && b->p67)
        b->p67 = false;

    implicit_operands(b);
    if (b->open & OPEN_DOUBLE_SHIFT && !(flags & F_I8) && b->osz == 2)
        pin(k, 1, k->in.gpr[1] & ~(uint64_t)0x10);
    if (flags & F_BITOFF && memory && !b->lock) {
        int64_t bit = (int64_t)rng_below(r, 1024) - 512;
        uint64_t v = b->osz == 8 ? (uint64_t)bit : b->osz == 4 ? (uint32_t)bit : (uint16_t)bit;
        if (b->osz < 8 && rng_chance(r, 50))
            v |= rng_next(r) << (8 * b->osz);
        pin(k, reg, v);
        if (b->block)
            memory = false; /* the offset may have changed */
    }
    if (memory) {
        b->target = choose_target(b, size);
        if (flags & F_STACK && f->opcode == 0x8f && rng_chance(r, 30)) { /* POP [RSP + n] */
            b->modrm |= 0x44;
            b->has_sib = true;
            b->sib = 0x24;
            b->disp_size = 1;
            b->disp = (int8_t)rng_next(r);
            b->gs = b->p67 = false;
            if (k->in.gpr[RSP] < ARENA_A + 256 || k->in.gpr[RSP] > ARENA_A + ARENA_A_SIZE - 256)
                pin(k, RSP, ARENA_A + 2048);
        } else {
            address(b);
        }
        fill_operand(b, size);
    } else if (flags & F_MODRM) {
        unsigned rm = rng_below(r, registers);
        b->modrm |= (uint8_t)(0xc0 | (rm & 7));
        if (flags & F_X87)
            b->rex |= !k->compat && rng_chance(r, 5) ? rng_below(r, 8) : 0;
        else
            b->rex |= rm >> 3;
    }
    if (flags & F_PLUS) {
        opcode |= reg & 7;
        b->rex |= reg >> 3;
        if (f->opcode == 0x90 && !(reg & 15)) /* that would be NOP; PAUSE with F3 */
            opcode |= 1;
    }

    prefixes(b);
    if (opcode >= 0x100)
        put(k, 0x0f);
    if (opcode >= 0x3800)
        put(k, (uint8_t)(opcode >> 8));
    put(k, (uint8_t)opcode);
    if (flags & F_FIXED)
        put(k, (uint8_t)f->ext);
    if (flags & F_MODRM) {
        put(k, b->modrm);
        if (b->has_sib)
            put(k, b->sib);
        if (b->rip_rel) {
            unsigned tail = flags & F_I8 ? 1 : flags & F_IZ ? (b->osz == 2 ? 2 : 4) : 0;
            b->disp -= (int64_t)(k->address + k->length + 4 + tail);
        }
        put_n(k, (uint64_t)b->disp, b->disp_size);
    }
    if (flags & F_MOFFS) {
        uint64_t v = choose_target(b, size) - (b->gs ? GS_BASE : 0);
        put_n(k, v, k->compat ? (b->p67 ? 2 : 4) : (b->p67 ? 4 : 8));
    }
    if (flags & F_BRANCH) {
        put_n(k, k->compat ? EXIT_SIZE_32 : EXIT_SIZE_64, flags & F_I8 ? 1 : 4);
        k->branch = true;
        return;
    }
    if (flags & F_I16)
        put_n(k, rng_below(r, 3) ? rng_below(r, 64) : rng_next(r) & 0xff, 2);
    if (flags & F_I8 && b->open & OPEN_DOUBLE_SHIFT && b->osz == 2)
        put(k, immediate8(b) & 0xef);
    else if (flags & F_I8)
        put(k, flags & F_FRAME ? (uint8_t)(rng_chance(r, 60) ? 0 : rng_next(r)) : immediate8(b));
    if (flags & F_IZ)
        put_n(k, random_integer(r), b->osz == 2 ? 2 : 4);
    if (flags & F_IV)
        put_n(k, random_integer(r), b->osz);
    k->undefined |= f->undefined | vendor_undefined(b->open);
    k->open |= b->osz == 2 ? b->open : b->open & ~OPEN_WIDTH;
    k->open_address = b->target;
    k->open_size = !(flags & F_STRING) ? b->osz : b->p67 ? 4 : 8;
}

/* CMP r, r: makes flags that were left undefined defined again. */
static void define_flags(struct fuzz_case *k, struct rng *r)
{
    if (!k->compat)
        put(k, 0x48);
    put(k, 0x39);
    put(k, (uint8_t)(0xc0 | rng_below(r, 64)));
    k->undefined = 0;
}

static bool fits(const struct form *f, bool compat)
{
    return !f->only || (f->only == ONLY_32) == compat;
}
static bool good_in_block(const struct form *f)
{
    return !(f->flags & (F_NOBLOCK | F_BRANCH | F_DIV | F_ALIGN)) &&
           !(vendor_open(f) & OPEN_NOBLOCK);
}

void generate_case(struct fuzz_case *k, uint64_t seed, uint64_t number, const struct form *only,
                   unsigned block_share, unsigned compat_share)
{
    struct rng r = {seed * 0xd1342543de82ef95ull + number};
    unsigned count = 1;
    uint64_t slot;

    rng_next(&r);
    r.s ^= rng_next(&r);
    memset(k, 0, offsetof(struct fuzz_case, memory));
    memcpy(k->memory, random_pool() + rng_below(&r, POOL_SIZE), ARENA_SIZE);
    for (unsigned n = 0; n < 16; n++)
        k->in.gpr[n] = random_integer(&r);
    k->in.rflags = 2 | (rng_next(&r) & FLAGS_ARITH);
    if (rng_chance(&r, 20))
        k->in.rflags |= FLAG_DF;
    if (rng_chance(&r, 2))
        k->in.rflags |= FLAG_AC;

    /* Each page has 31 places; the last one's code runs over into the next page. */
    slot = number % CODE_SLOTS;
    k->address = CODE_BASE + slot / 31 * 4096 + (slot % 31 + 1) * 128 + 1;
    if (slot % 31 == 30)
        k->address = CODE_BASE + (slot / 31 + 1) * 4096 - 1 - rng_below(&r, 7);
    k->compat = rng_below(&r, 100) < compat_share;
    if (only && only->only)
        k->compat = only->only == ONLY_32;
    do
        k->form = only ? only : &forms[rng_below(&r, form_count)];
    while (!fits(k->form, k->compat));
    for (unsigned n = 0; k->compat && n < 16; n++)
        k->in.gpr[n] = n < 8 ? (uint32_t)k->in.gpr[n] : 0;
    if (rng_below(&r, 100) < block_share && (!only || good_in_block(only)))
        count = 2 + rng_below(&r, 5);
    random_fx(&r, k->form, &k->in);
    for (unsigned n = 0; n < count; n++) {
        struct builder b = {.r = {rng_next(&r)}, .k = k, .f = k->form, .block = count > 1};
        if (count > 1 && !(only && n == 0)) {
            if (n == count - 1 && rng_chance(&r, 60))
                do
                    b.f = &forms[rng_below(&r, form_count)];
                while (!(b.f->flags & F_BRANCH) || b.f->flags & F_NOBLOCK || !fits(b.f, k->compat));
            else
                do
                    b.f = &forms[rng_below(&r, form_count)];
                while (!good_in_block(b.f) || !fits(b.f, k->compat));
        }
        b.open = vendor_open(b.f);
        k->block[k->count++] = k->form = b.f;
        build(&b);
        if (k->branch)
            break;
        if (k->undefined && n + 1 < count)
            define_flags(k, &r);
    }
    k->in.rip = k->address;
    for (unsigned n = 0; k->compat && n < 8; n++)
        k->in.gpr[n] = (uint32_t)k->in.gpr[n];
}
