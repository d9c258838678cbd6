/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 control instructions: control and status words, FNINIT, FNCLEX, environments.
 *
 * They leave FIP, FDP and FOP alone. Those that begin with FN do not look for pending exceptions.
 */
#include "accel/soft/fp/x87.h"

#include <string.h>

#include "accel/soft/mem/mem.h"

static uint16_t host_fcw(void)
{
    uint16_t v;
    __asm__ volatile("fnstcw %0" : "=m"(v));
    return v;
}

static SC_NOINLINE void fldcw(struct sc_cpu *c, const struct sc_insn *i)
{
    uint16_t v = sc_ld16(c, i, sc_ea(c, i));

    __asm__ volatile("fldcw %0" : : "m"(v));
    c->fpu.live = (v & SC_FPU_EXCEPTIONS) == SC_FPU_EXCEPTIONS ? SC_X87_HOST : SC_X87_UNMASKED;
}
SC_OP_GLOBAL(sc_op_fldcw)
{
    sc_x87_prepare(c, i);
    fldcw(c, i);
    SC_NEXT;
}

static SC_NOINLINE uint16_t guest_fcw(const struct sc_cpu *c)
{
    return c->fpu.live ? host_fcw() : c->fpu.fcw;
}
SC_OP_GLOBAL(sc_op_fnstcw)
{
    sc_st16(c, i, sc_ea(c, i), guest_fcw(c));
    SC_NEXT;
}

SC_INLINE uint16_t guest_fsw(const struct sc_cpu *c)
{
    return c->fpu.live ? sc_host_fsw() : c->fpu.fsw;
}
SC_OP_GLOBAL(sc_op_fnstsw)
{
    sc_st16(c, i, sc_ea(c, i), guest_fsw(c));
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_fnstsw_ax)
{
    sc_set16(c, VEMU_RAX, guest_fsw(c));
    SC_NEXT;
}

SC_OP_GLOBAL(sc_op_fninit)
{
    sc_x87_flush(c); /* the registers keep their contents */
    sc_x87_init(c);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_fnclex)
{
    sc_x87_load(c);
    __asm__ volatile("fnclex");
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_x87_nop)
{
    SC_NEXT;
}

/* --- environments (SDM Vol. 1, figures 8-9 to 8-12) --------------------------------------------
 */
static void put16(uint8_t *p, uint32_t v)
{
    memcpy(p, &(uint16_t){(uint16_t)v}, 2);
}
static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}
static uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}
static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static bool real_format(const struct sc_cpu *c)
{
    return c->mode & SC_M_REAL;
}

/* 14 or 28 bytes. The unused upper halves of the 32-bit format read as ones. In real-address mode
 * the pointers are linear addresses of 20 or 32 bits; elsewhere offsets, with selectors of zero. */
static unsigned encode_environment(const struct sc_cpu *c, uint8_t *p, bool small)
{
    const struct sc_fpu *f = &c->fpu;
    uint16_t tags = sc_x87_tag_word(f);
    uint32_t fip = (uint32_t)f->fip, fdp = (uint32_t)f->fdp;

    if (small) {
        put16(p, f->fcw);
        put16(p + 2, f->fsw);
        put16(p + 4, tags);
        put16(p + 6, fip);
        put16(p + 8, real_format(c) ? (fip >> 4 & 0xf000) | f->fop : 0);
        put16(p + 10, fdp);
        put16(p + 12, real_format(c) ? fdp >> 4 & 0xf000 : 0);
        return 14;
    }
    put32(p, 0xffff0000u | f->fcw);
    put32(p + 4, 0xffff0000u | f->fsw);
    put32(p + 8, 0xffff0000u | tags);
    if (real_format(c)) {
        put32(p + 12, 0xffff0000u | (uint16_t)fip);
        put32(p + 16, (fip >> 16) << 12 | f->fop);
        put32(p + 20, 0xffff0000u | (uint16_t)fdp);
        put32(p + 24, (fdp >> 16) << 12);
    } else {
        put32(p + 12, fip);
        put32(p + 16, (uint32_t)f->fop << 16);
        put32(p + 20, fdp);
        put32(p + 24, 0xffff0000u);
    }
    return 28;
}

static unsigned decode_environment(struct sc_cpu *c, const uint8_t *p, bool small)
{
    struct sc_fpu *f = &c->fpu;
    unsigned step = small ? 2 : 4;

    f->fcw = (get16(p) & 0x1f3f) | 0x40;
    f->fsw = get16(p + step) & (uint16_t) ~(SC_FSW_ES | SC_FSW_B);
    if (f->fsw & ~f->fcw & SC_FPU_EXCEPTIONS)
        f->fsw |= SC_FSW_ES | SC_FSW_B;
    f->ftag = sc_x87_tag_abridge(get16(p + 2 * step));
    if (small) {
        f->fip = get16(p + 6);
        f->fdp = get16(p + 10);
        if (real_format(c)) {
            f->fip |= (get16(p + 8) & 0xf000u) << 4;
            f->fdp |= (get16(p + 12) & 0xf000u) << 4;
            f->fop = get16(p + 8) & 0x7ff;
        }
        return 14;
    }
    if (real_format(c)) {
        f->fip = get16(p + 12) | (get32(p + 16) >> 12 & 0xffffu) << 16;
        f->fdp = get16(p + 20) | (get32(p + 24) >> 12 & 0xffffu) << 16;
        f->fop = get32(p + 16) & 0x7ff;
    } else {
        f->fip = get32(p + 12);
        f->fdp = get32(p + 20);
        f->fop = get32(p + 16) >> 16 & 0x7ff;
    }
    return 28;
}

static SC_NOINLINE void fnstenv(struct sc_cpu *c, const struct sc_insn *i)
{
    struct sc_fpu *f = &c->fpu;
    uint8_t image[108];
    unsigned size;

    sc_x87_align(c, i, sc_ea(c, i), i->aux ? 1 : 3);
    sc_x87_flush(c);
    size = encode_environment(c, image, i->aux);
    if (i->dst) {
        for (unsigned n = 0; n < 8; n++)
            memcpy(image + size + 10 * n, f->st[sc_st(f, n)], 10);
        size += 80;
    }
    sc_write_block(c, i, sc_ea(c, i), image, size);
    if (i->dst) {
        sc_x87_init(c);
    } else {
        f->fcw |= SC_FPU_EXCEPTIONS;
        f->fsw &= (uint16_t) ~(SC_FSW_ES | SC_FSW_B);
    }
}

static SC_NOINLINE void fldenv(struct sc_cpu *c, const struct sc_insn *i)
{
    struct sc_fpu *f = &c->fpu;
    unsigned size = i->aux ? 14 : 28;
    uint8_t image[108];

    sc_x87_flush(c);
    if (f->fsw & SC_FSW_ES)
        sc_raise(c, i, SC_MF, -1);
    sc_x87_align(c, i, sc_ea(c, i), i->aux ? 1 : 3);
    sc_read_block(c, i, sc_ea(c, i), image, i->dst ? size + 80 : size);
    decode_environment(c, image, i->aux);
    if (i->dst)
        for (unsigned n = 0; n < 8; n++)
            memcpy(f->st[sc_st(f, n)], image + size + 10 * n, 10);
}

SC_OP_GLOBAL(sc_op_fnstenv)
{
    fnstenv(c, i);
    SC_NEXT;
}
SC_OP_GLOBAL(sc_op_fldenv)
{
    fldenv(c, i);
    SC_NEXT;
}
