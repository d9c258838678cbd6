/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operands: memory is chosen first (usually in the arena, sometimes across pages, on the read-only
 * page, on nothing or at a non-canonical address) and the registers of the address are set to
 * match. That matters on the native side: an instruction must not be able to write anywhere else.
 */
#include <string.h>

#include "builder.h"

unsigned operand_size(const struct builder *b)
{
    if (b->f->size == 0xff)
        return 512;
    if (b->f->opcode == 0x0fc7 && b->rex & REX_W) /* CMPXCHG16B */
        return 16;
    if (b->f->size)
        return b->f->size;
    return b->f->flags & F_BYTE ? 1 : b->osz;
}

void operand_pin(struct fuzz_case *k, unsigned reg, uint64_t v)
{
    k->in.gpr[reg] = v;
    k->pinned |= 1u << reg;
}

uint64_t operand_target(struct builder *b, unsigned size)
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

/* [disp32] with SIB or without it, or relative to RIP. False: registers are to be used. */
static bool address_plain(struct builder *b, uint64_t offset, bool low, unsigned scale,
                          unsigned how)
{
    if (b->k->compat && (b->block || how < 10)) { /* [disp32] without SIB */
        b->modrm |= 5;
    } else if (low && (b->block || how < 10)) { /* RIP: completed when the length is known */
        b->modrm |= 5;
        b->rip_rel = true;
    } else if (low && how < 15) {
        b->modrm |= 4;
        b->has_sib = true;
        b->sib = (uint8_t)(scale << 6 | 4 << 3 | 5);
    } else {
        return false;
    }
    b->disp_size = 4;
    b->disp = (int64_t)offset;
    return true;
}

void operand_address(struct builder *b)
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
    if (address_plain(b, offset, low, scale, how))
        return;
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
        operand_pin(k, index, v);
        b->disp_size = 4;
        b->disp = (int64_t)(offset - (v << scale));
        return;
    }
    if ((base & 7) == 5 && mod == 0)
        mod = 1;
    if (how < 60 && (base & 7) != 4) { /* [base + disp] */
        b->modrm |= (uint8_t)(base & 7);
        b->rex |= base >> 3;
        operand_pin(k, base, offset - (uint64_t)disp);
    } else {
        uint64_t v =
            rng_chance(r, 70) ? (uint64_t)(int64_t)(int16_t)rng_next(r) : random_integer(r);
        b->modrm |= 4;
        b->has_sib = true;
        b->rex |= base >> 3;
        if (rng_chance(r, 10)) { /* no index */
            b->sib = (uint8_t)(scale << 6 | 4 << 3 | (base & 7));
            operand_pin(k, base, offset - (uint64_t)disp);
        } else {
            index = free_register(b, 1u << RSP | 1u << base);
            b->sib = (uint8_t)(scale << 6 | (index & 7) << 3 | (base & 7));
            b->rex |= index >> 3 << 1;
            operand_pin(k, index, v);
            operand_pin(k, base, offset - (uint64_t)disp - (v << scale));
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

void operand_fill(struct builder *b, unsigned size)
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

static void stack_operands(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;

    b->target = operand_target(b, 8);
    if (rng_chance(r, 80)) {
        uint64_t v = ARENA_A + 1400 + rng_below(r, 1200);
        operand_pin(k, RSP, rng_chance(r, 70) ? v & ~7ull : v);
    } else {
        operand_pin(k, RSP, b->target);
    }
    if (b->f->flags & F_POPF) {
        uint8_t *p = arena_at(k, k->in.gpr[RSP], 8);
        uint64_t v = rng_next(r) & (FLAGS_ARITH | FLAG_DF | FLAG_ID | 0x3200);
        if (rng_chance(r, 2))
            v |= FLAG_AC;
        if (p)
            memcpy(p, &v, 8);
        else
            operand_pin(k, RSP, RO_BASE + 4096 + 8); /* faults */
    }
}

static void string_operands(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    unsigned size = operand_size(b);
    uint64_t rcx = rng_chance(r, 80) ? rng_below(r, 24) : rng_below(r, 80);

    if (!b->rep && rng_chance(r, 50))
        rcx = random_integer(r);
    if (b->p67 && !k->compat && rng_chance(r, 50))
        rcx |= rng_next(r) << 32;
    if (b->p67 && k->compat && rng_chance(r, 50))
        rcx &= 0xffff0000;
    operand_pin(k, 6, operand_target(b, size) - (b->gs ? GS_BASE : 0));
    operand_pin(k, 7,
                rng_chance(r, 20) ? k->in.gpr[6] + rng_below(r, 24) - 12 : operand_target(b, size));
    if (b->p67 && !k->compat && rng_chance(r, 50)) {
        k->in.gpr[6] ^= rng_next(r) << 32;
        k->in.gpr[7] ^= rng_next(r) << 32;
    }
    operand_pin(k, 1, rcx);
    if (rng_chance(r, 40)) { /* something to compare equal */
        memset(k->memory + rng_below(r, ARENA_SIZE / 2), (int)rng_below(r, 2), ARENA_SIZE / 2);
        if (rng_chance(r, 50))
            k->in.gpr[0] = rng_below(r, 2) * 0x0101010101010101ull;
    }
}

void operand_implicit(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    const struct form *f = b->f;

    if (f->flags & F_STACK)
        stack_operands(b);
    if (f->flags & F_FRAME) {
        k->in.rflags &= ~(uint64_t)FLAG_AC; /* ENTER's last look at the stack is unaligned */
        operand_pin(k, 5,
                    rng_chance(r, 85) ? ARENA_A + 1400 + rng_below(r, 1200)
                                      : operand_target(b, 8));
    }
    if (f->flags & F_STRING)
        string_operands(b);
    if (f->flags & F_XLAT) {
        b->target = operand_target(b, 1);
        operand_pin(k, 3, b->target - (b->gs ? GS_BASE : 0));
    }
    if (f->flags & F_MASKMOV) {
        k->in.rflags &= ~(uint64_t)FLAG_AC; /* the host's alignment check is odd here */
        operand_pin(k, 7, operand_target(b, 16) - (b->gs ? GS_BASE : 0));
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
