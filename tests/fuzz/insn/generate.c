/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cases from a seed and a number: machine code and the state it starts from.
 */
#include <string.h>

#include "builder.h"

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

/* Operand size, and the prefixes that have to do with it. */
static void choose_size(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    const uint32_t flags = b->f->flags;

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
}

/* Bytes of the memory operand, if there is one. */
static unsigned memory_size(const struct builder *b)
{
    unsigned size = operand_size(b);

    if (b->f->opcode == 0x0fae && b->f->size == 0xff)
        size = 512;
    if ((b->f->opcode == 0xd9 || b->f->opcode == 0xdd) && size >= 28 && b->osz == 2)
        size -= 14;
    return size;
}

/* Whether there is a memory operand. */
static bool choose_modrm(struct builder *b, unsigned reg)
{
    const struct form *f = b->f;
    bool memory;

    if (!(f->flags & F_MODRM))
        return false;
    memory = f->flags & F_MEM || (!(f->flags & F_REG) && rng_chance(&b->r, b->block ? 20 : 45));
    if (f->ext < 0) {
        b->rex |= reg >> 3 << 2;
        b->modrm = (uint8_t)((reg & 7) << 3);
    } else {
        b->modrm = (uint8_t)(f->ext << 3);
        if (!b->k->compat && rng_chance(&b->r, 5))
            b->rex |= 4;
    }
    return memory;
}

static void choose_lock(struct builder *b, bool memory, unsigned reg)
{
    struct rng *r = &b->r;
    const struct form *f = b->f;

    if (memory && f->flags & F_LOCKABLE && rng_chance(r, 25))
        b->lock = true;
    else if (!b->block && rng_chance(r, 1) && !(f->flags & F_BRANCH))
        b->lock = !(b->open & OPEN_PREFIX); /* mostly #UD */
    if (b->lock && f->flags & F_LOCKABLE && f->opcode >= 0x0fa0 && f->opcode <= 0x0fbb &&
        f->flags & F_BITOFF)
        operand_pin(b->k, reg, rng_below(r, 8)); /* keep it in the line */
    if (f->flags & F_BRANCH && f->opcode >= 0xe0 && f->opcode <= 0xe3)
        b->p67 = rng_chance(r, 20);
    if (b->lock && b->p67)
        b->p67 = false;
}

/* A bit offset that moves the address. Whether the operand may still be in memory. */
static bool choose_bit(struct builder *b, unsigned reg)
{
    struct rng *r = &b->r;
    int64_t bit = (int64_t)rng_below(r, 1024) - 512;
    uint64_t v = b->osz == 8 ? (uint64_t)bit : b->osz == 4 ? (uint32_t)bit : (uint16_t)bit;

    if (b->osz < 8 && rng_chance(r, 50))
        v |= rng_next(r) << (8 * b->osz);
    operand_pin(b->k, reg, v);
    return !b->block; /* there the offset may have changed */
}

static void memory_operand(struct builder *b, unsigned size)
{
    struct fuzz_case *k = b->k;

    b->target = operand_target(b, size);
    if (b->f->flags & F_STACK && b->f->opcode == 0x8f && rng_chance(&b->r, 30)) {
        /* POP [RSP + n] */
        b->modrm |= 0x44;
        b->has_sib = true;
        b->sib = 0x24;
        b->disp_size = 1;
        b->disp = (int8_t)rng_next(&b->r);
        b->gs = b->p67 = false;
        if (k->in.gpr[RSP] < ARENA_A + 256 || k->in.gpr[RSP] > ARENA_A + ARENA_A_SIZE - 256)
            operand_pin(k, RSP, ARENA_A + 2048);
    } else {
        operand_address(b);
    }
    operand_fill(b, size);
}

static void register_operand(struct builder *b, unsigned registers)
{
    unsigned rm = rng_below(&b->r, registers);

    b->modrm |= (uint8_t)(0xc0 | (rm & 7));
    if (b->f->flags & F_X87)
        b->rex |= !b->k->compat && rng_chance(&b->r, 5) ? rng_below(&b->r, 8) : 0;
    else
        b->rex |= rm >> 3;
}

static void put_modrm(struct builder *b)
{
    struct fuzz_case *k = b->k;

    put(k, b->modrm);
    if (b->has_sib)
        put(k, b->sib);
    if (b->rip_rel) {
        const uint32_t flags = b->f->flags;
        unsigned tail = flags & F_I8 ? 1 : flags & F_IZ ? (b->osz == 2 ? 2 : 4) : 0;

        b->disp -= (int64_t)(k->address + k->length + 4 + tail);
    }
    put_n(k, (uint64_t)b->disp, b->disp_size);
}

static void put_immediates(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    const uint32_t flags = b->f->flags;

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
}

/* The bytes of what was chosen. */
static void encode(struct builder *b, unsigned opcode, unsigned size)
{
    struct fuzz_case *k = b->k;
    const uint32_t flags = b->f->flags;

    prefixes(b);
    if (opcode >= 0x100)
        put(k, 0x0f);
    if (opcode >= 0x3800)
        put(k, (uint8_t)(opcode >> 8));
    put(k, (uint8_t)opcode);
    if (flags & F_FIXED)
        put(k, (uint8_t)b->f->ext);
    if (flags & F_MODRM)
        put_modrm(b);
    if (flags & F_MOFFS) {
        uint64_t v = operand_target(b, size) - (b->gs ? GS_BASE : 0);

        put_n(k, v, k->compat ? (b->p67 ? 2 : 4) : (b->p67 ? 4 : 8));
    }
    if (flags & F_BRANCH) {
        put_n(k, k->compat ? EXIT_SIZE_32 : EXIT_SIZE_64, flags & F_I8 ? 1 : 4);
        k->branch = true;
    } else {
        put_immediates(b);
    }
}

static void build(struct builder *b)
{
    struct rng *r = &b->r;
    struct fuzz_case *k = b->k;
    const struct form *f = b->f;
    const uint32_t flags = f->flags;
    unsigned registers = k->compat ? 8 : 16, reg = rng_below(r, registers), opcode = f->opcode;
    bool memory;
    unsigned size;

    choose_size(b);
    if (flags & F_REP && rng_chance(r, 65))
        b->rep = rng_below(r, 2) ? 0xf3 : 0xf2;
    if (flags & (F_MODRM | F_STRING | F_XLAT | F_MASKMOV | F_MOFFS) && !b->block) {
        b->p67 = rng_chance(r, 8);
        b->gs = !k->compat && rng_chance(r, 8);
    }
    size = memory_size(b);
    k->loose_fault |= size > 8 && (flags & (F_X87 | F_MASKMOV));
    memory = choose_modrm(b, reg);
    choose_lock(b, memory, reg);

    operand_implicit(b);
    if (b->open & OPEN_DOUBLE_SHIFT && !(flags & F_I8) && b->osz == 2)
        operand_pin(k, 1, k->in.gpr[1] & ~(uint64_t)0x10);
    if (flags & F_BITOFF && memory && !b->lock)
        memory = choose_bit(b, reg);
    if (memory)
        memory_operand(b, size);
    else if (flags & F_MODRM)
        register_operand(b, registers);
    if (flags & F_PLUS) {
        opcode |= reg & 7;
        b->rex |= reg >> 3;
        if (f->opcode == 0x90 && !(reg & 15)) /* that would be NOP; PAUSE with F3 */
            opcode |= 1;
    }

    encode(b, opcode, size);
    if (k->branch)
        return;
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
