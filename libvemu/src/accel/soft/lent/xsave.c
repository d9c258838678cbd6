/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XSAVE, XSAVEOPT, XSAVEC, XRSTOR and XGETBV for lent vCPUs (SDM Vol. 1, 13.7 to 13.11).
 *
 * Components 0 to 2 (x87, SSE, the upper halves of YMM) are in struct sc_fpu and struct sc_assist.
 * Later ones (AVX-512, PKRU) are not known to the software CPU: they stay in the image that the
 * owner gave, sc_assist.fpu, in standard format, and are copied from and to there.
 */
#include "accel/soft/lent/xsave.h"

#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/int/flags.h"
#include "accel/soft/fp/fpu.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/sys/sys.h"

#define X87 1u
#define SSE 2u
#define AVX 4u
#define COMPACT (1ull << 63)
#define LEGACY 512u
#define HEADER 64u
#define YMM_BYTES 256u
#define FIRST_OPAQUE 3u
#define COMPONENTS 20u

enum { XSAVE, XSAVEOPT, XSAVEC, XRSTOR };

/* --- layout --------------------------------------------------------------------------------- */

/* CPUID leaf 0xD, subleaf `n`: size, standard offset, and in `align` whether compaction aligns
 * it. */
static bool component(const struct sc_cpu *c, unsigned n, uint32_t *size, uint32_t *offset,
                      bool *align)
{
    const struct vemu_cpuid_entry *e = sc_cpuid_find(&c->cpuid, 0xd, n);

    if (!e || !e->eax || e->index != n || e->ebx < LEGACY + HEADER ||
        (uint64_t)e->eax + e->ebx > VEMU_XSAVE_MAX)
        return false;
    *size = e->eax;
    *offset = e->ebx;
    *align = e->ecx >> 1 & 1;
    return true;
}

/* Where component n >= 2 is in an area whose XCOMP_BV is comp (not COMPACT: standard format). */
static uint32_t place(const struct sc_cpu *c, unsigned n, uint64_t comp)
{
    uint32_t at = LEGACY + HEADER, size, offset;
    bool align;

    if (!(comp & COMPACT))
        return component(c, n, &size, &offset, &align) ? offset : 0;
    for (unsigned k = 2; k <= n; k++) {
        if (!(comp >> k & 1) || !component(c, k, &size, &offset, &align))
            continue;
        if (align)
            at = (at + 63) & ~63u;
        if (k == n)
            return at;
        at += size;
    }
    return 0;
}

uint32_t sc_xsave_size(const struct sc_cpu *c, uint64_t components, bool compact)
{
    uint32_t end = LEGACY + HEADER, size, offset;
    bool align;

    for (unsigned n = 2; n < COMPONENTS; n++) {
        if (!(components >> n & 1) || !component(c, n, &size, &offset, &align))
            continue;
        uint32_t at = compact ? place(c, n, components | COMPACT) : offset;
        if (at + size > end)
            end = at + size;
    }
    return end;
}

/* --- common --------------------------------------------------------------------------------- */

static uint64_t area_address(struct sc_cpu *c, const struct sc_insn *i)
{
    uint64_t va = sc_ea(c, i);

    sc_assist_need_fpu(c, i);
    if (!(c->cr4 & SC_CR4_OSXSAVE))
        sc_raise(c, i, SC_UD, -1);
    if (c->cr0 & SC_CR0_TS)
        sc_raise(c, i, SC_NM, -1);
    if (!sc_canonical(va) || (va & 63))
        sc_raise(c, i, (i->flags & SC_I_SS) && !sc_canonical(va) ? SC_SS : SC_GP, 0);
    return va;
}

static uint64_t requested(const struct sc_cpu *c)
{
    return c->assist->xcr0 &
           ((uint64_t)(uint32_t)c->gpr[VEMU_RDX] << 32 | (uint32_t)c->gpr[VEMU_RAX]);
}

static bool all_zero(const void *p, size_t size)
{
    const uint8_t *b = p;

    return !b[0] && !memcmp(b, b + 1, size - 1);
}

static bool wanted(uint64_t mask, unsigned n)
{
    return mask >> n & 1;
}

/* XINUSE (13.6): what is not in its initial state. `legacy` is the FXSAVE image. */
static uint64_t in_use(const struct sc_cpu *c, const uint8_t legacy[LEGACY])
{
    static const uint8_t x87_init[24] = { 0x7f, 0x03 };
    uint64_t used = c->assist->opaque;

    if (memcmp(legacy, x87_init, 24) || !all_zero(legacy + 32, 128))
        used |= X87;
    if (!all_zero(legacy + 160, 256))
        used |= SSE;
    if (!all_zero(c->assist->ymmh, YMM_BYTES))
        used |= AVX;
    return used;
}

/* The bytes of component n >= 2 in the vCPU's state. */
static uint8_t *component_bytes(struct sc_cpu *c, unsigned n)
{
    uint32_t size, offset;
    bool align;

    if (n == 2)
        return (uint8_t *)c->assist->ymmh;
    return component(c, n, &size, &offset, &align) ? c->assist->fpu.area + offset : NULL;
}

static uint32_t component_size(const struct sc_cpu *c, unsigned n)
{
    uint32_t size, offset;
    bool align;

    if (n == 2)
        return c->mode & SC_M_64 ? YMM_BYTES : YMM_BYTES / 2;
    return component(c, n, &size, &offset, &align) ? size : 0;
}

/* --- saving --------------------------------------------------------------------------------- */

static SC_NOINLINE void xsave(struct sc_cpu *c, const struct sc_insn *i)
{
    const unsigned kind = i->aux2;
    const uint64_t va = area_address(c, i), mask = requested(c);
    const unsigned xmms = c->mode & SC_M_64 ? 16 : 8;
    const uint64_t comp = kind == XSAVEC ? mask | COMPACT : 0;
    uint8_t image[LEGACY] = { 0 }, header[16], zero[64] = { 0 };
    uint64_t used, bv, store;
    uint32_t mxcsr;

    sc_fxsave_image(c, image, i->aux, 16);
    used = in_use(c, image);
    memcpy(&mxcsr, image + 24, 4);
    if (kind == XSAVEC && mxcsr != 0x1f80)
        used |= SSE;
    store = kind == XSAVE ? mask : mask & used;
    sc_probe_write(c, i, va, sc_xsave_size(c, store, kind == XSAVEC));
    if (kind == XSAVEC) {
        bv = mask & used;
    } else {
        sc_read_block(c, i, va + LEGACY, &bv, 8);
        bv = (bv & ~mask) | (mask & used);
    }
    if (store & X87) {
        sc_write_block(c, i, va, image, 24);
        sc_write_block(c, i, va + 32, image + 32, 128);
    }
    if (kind == XSAVEC ? store & SSE : mask & (SSE | AVX))
        sc_write_block(c, i, va + 24, image + 24, 8);
    if (store & SSE)
        sc_write_block(c, i, va + 160, image + 160, 16 * xmms);
    for (unsigned n = 2; n < COMPONENTS; n++) {
        uint32_t at = wanted(store, n) ? place(c, n, comp) : 0, size = component_size(c, n);
        if (!at)
            continue;
        if (wanted(used, n)) {
            sc_write_block(c, i, va + at, component_bytes(c, n), size);
        } else {
            for (uint32_t done = 0; done < size; done += 64)
                sc_write_block(c, i, va + at + done, zero, size - done < 64 ? size - done : 64);
        }
    }
    memcpy(header, &bv, 8);
    memcpy(header + 8, &comp, 8);
    sc_write_block(c, i, va + LEGACY, header, kind == XSAVEC ? 16 : 8);
}

/* --- restoring ------------------------------------------------------------------------------ */

/* 13.8.1, 13.8.2: what makes XRSTOR raise #GP. */
static bool header_legal(const struct sc_cpu *c, const uint8_t header[HEADER])
{
    uint64_t bv, comp;

    memcpy(&bv, header, 8);
    memcpy(&comp, header + 8, 8);
    if (!all_zero(header + 16, 8))
        return false;
    if (!(comp & COMPACT))
        return !comp && !(bv & ~c->assist->xcr0);
    return !(comp & ~(c->assist->xcr0 | COMPACT)) && !(bv & ~comp) && all_zero(header + 24, 40);
}

struct restore {
    uint64_t va, mask, bv, comp;
    uint8_t legacy[LEGACY];
    uint8_t extended[VEMU_XSAVE_MAX]; /* what is read, before anything changes; as in the area */
};

/* MXCSR as XRSTOR loads it. False: it stays. */
static bool restored_mxcsr(const struct restore *r, uint32_t *mxcsr)
{
    memcpy(mxcsr, r->legacy + 24, 4);
    if (!(r->comp & COMPACT))
        return r->mask & (SSE | AVX);
    if (!(r->bv & SSE))
        *mxcsr = 0x1f80;
    return r->mask & SSE;
}

/* Changes the FXSAVE image `now` of the vCPU. */
static void restore_legacy(struct sc_cpu *c, const struct restore *r, bool wide, uint8_t *now)
{
    const unsigned xmms = c->mode & SC_M_64 ? 16 : 8;

    if (r->mask & r->bv & X87) {
        memcpy(now, r->legacy, 24);
        memcpy(now + 32, r->legacy + 32, 128);
        if (!wide) { /* 32-bit pointers with selectors, which are not kept */
            memset(now + 12, 0, 4);
            memset(now + 20, 0, 4);
        }
    } else if (r->mask & X87) {
        memset(now, 0, 24);
        now[0] = 0x7f;
        now[1] = 0x03;
        memset(now + 32, 0, 128);
    }
    if (r->mask & r->bv & SSE)
        memcpy(now + 160, r->legacy + 160, 16 * xmms);
    else if (r->mask & SSE)
        memset(now + 160, 0, 16 * xmms);
}

static void restore_extended(struct sc_cpu *c, const struct restore *r)
{
    for (unsigned n = 2; n < COMPONENTS; n++) {
        uint8_t *bytes = component_bytes(c, n);
        if (!wanted(r->mask, n) || !bytes)
            continue;
        if (wanted(r->bv, n))
            memcpy(bytes, r->extended + place(c, n, r->comp), component_size(c, n));
        else
            memset(bytes, 0, component_size(c, n));
        if (n >= FIRST_OPAQUE)
            c->assist->opaque =
                (c->assist->opaque & ~(1ull << n)) | (r->bv & (1ull << n));
    }
}

/* Returns whether the mode changed. */
static SC_NOINLINE bool xrstor(struct sc_cpu *c, const struct sc_insn *i)
{
    struct restore r = { .va = area_address(c, i), .mask = requested(c) };
    const uint32_t mode = c->mode;
    uint8_t now[LEGACY] = { 0 }, header[HEADER];
    uint32_t mxcsr;

    sc_read_block(c, i, r.va + LEGACY, header, sizeof(header));
    if (!header_legal(c, header))
        sc_raise(c, i, SC_GP, 0);
    memcpy(&r.bv, header, 8);
    memcpy(&r.comp, header + 8, 8);
    sc_read_block(c, i, r.va, r.legacy, sizeof(r.legacy));
    for (unsigned n = 2; n < COMPONENTS; n++) {
        uint32_t at = wanted(r.mask & r.bv, n) ? place(c, n, r.comp) : 0;
        if (at)
            sc_read_block(c, i, r.va + at, r.extended + at, component_size(c, n));
    }
    sc_fxsave_image(c, now, true, 16);
    if (restored_mxcsr(&r, &mxcsr)) {
        if (mxcsr & ~SC_MXCSR_VALID)
            sc_raise(c, i, SC_GP, 0);
        memcpy(now + 24, &mxcsr, 4);
    }
    restore_legacy(c, &r, i->aux, now);
    restore_extended(c, &r);
    sc_fxrstor_image(c, now, true, 16);
    sc_update_mode(c);
    return c->mode != mode;
}

/* --- handlers and emitters -------------------------------------------------------------------- */

SC_OP(op_xsave)
{
    xsave(c, i);
    SC_NEXT;
}

SC_OP(op_xrstor)
{
    if (xrstor(c, i))
        SC_LEAVE;
    SC_NEXT;
}

static SC_NOINLINE void xgetbv(struct sc_cpu *c, const struct sc_insn *i)
{
    uint32_t index = (uint32_t)c->gpr[VEMU_RCX];
    uint8_t image[LEGACY] = { 0 };
    uint64_t v;

    sc_assist_need_fpu(c, i);
    if (!(c->cr4 & SC_CR4_OSXSAVE))
        sc_raise(c, i, SC_UD, -1);
    if (index > i->aux)
        sc_raise(c, i, SC_GP, 0);
    v = c->assist->xcr0;
    if (index == 1) {
        sc_fxsave_image(c, image, true, 16);
        v &= in_use(c, image);
    }
    sc_set32(c, VEMU_RAX, (uint32_t)v);
    sc_set32(c, VEMU_RDX, (uint32_t)(v >> 32));
}

SC_OP(op_xgetbv)
{
    xgetbv(c, i);
    SC_NEXT;
}

static uint32_t xsave_features(const struct sc_cpu *c)
{
    const struct vemu_cpuid_entry *e = sc_cpuid_find(&c->cpuid, 0xd, 1);

    return e ? e->eax : 0;
}

static bool emit(struct sc_tb *tb, const struct sc_dec *d, unsigned kind)
{
    struct sc_insn *r = sc_tb_mem(tb, d, kind == XRSTOR ? op_xrstor : op_xsave, LEGACY + HEADER,
                                  kind != XRSTOR);

    r->aux = (d->rex & 8) != 0;
    r->aux2 = (uint8_t)kind;
    return true;
}

bool sc_emit_xsave(struct sc_tb *tb, const struct sc_dec *d)
{
    const uint32_t features = xsave_features(tb->c);
    struct sc_insn *r;

    if (d->vex || d->lock || d->p66 || d->rep || !sc_has(tb->c, SC_CPUID_1_ECX, 26))
        return false;
    switch (d->opcode) {
    case SC_MAP_0F | 0x01:
        if (d->mem || d->modrm != 0xd0)
            return false;
        r = sc_tb_add(tb, d, op_xgetbv);
        r->aux = features >> 2 & 1;
        return true;
    case SC_MAP_0F | 0xae:
        if (!d->mem)
            return false;
        if (d->reg3 == 4)
            return emit(tb, d, XSAVE);
        if (d->reg3 == 5)
            return emit(tb, d, XRSTOR);
        return d->reg3 == 6 && (features & 1) && emit(tb, d, XSAVEOPT);
    case SC_MAP_0F | 0xc7: return d->mem && d->reg3 == 4 && (features & 2) && emit(tb, d, XSAVEC);
    default: return false;
    }
}
