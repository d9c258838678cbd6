/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87, MMX and SSE state: moving it between memory, the host's registers and FXSAVE images.
 */
#include "accel/soft/fp/fpu.h"

#include <errno.h>
#include <string.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/parts.h"

#define FCW_INIT     0x037f
#define FCW_RESET    0x0040
#define MXCSR_INIT   0x1f80
#define FCW_WRITABLE 0x1f3f /* IC, RC, PC, masks; bit 6 reads as 1, the others as 0 */

/* The environment and registers as FNSAVE and FRSTOR have them in 32-bit and 64-bit code (SDM Vol.
 * 1, figure 8-9). */
struct fnsave_image {
    uint32_t fcw, fsw, ftw, fip, fcs, fdp, fds;
    uint8_t st[8][10]; /* from ST(0) on */
} __attribute__((packed));
_Static_assert(sizeof(struct fnsave_image) == 108, "SDM Vol. 1, figure 8-9");

static uint32_t host_flags(const struct sc_cpu *c)
{
    return c->fpu.running ? sc_host_mxcsr() & SC_MXCSR_FLAGS : 0;
}

static void host_apply(const struct sc_cpu *c)
{
    if (c->fpu.running)
        sc_host_set_mxcsr(c->fpu.mxcsr | SC_MXCSR_MASKS);
}

uint32_t sc_mxcsr(struct sc_cpu *c)
{
    c->fpu.mxcsr |= host_flags(c);
    return c->fpu.mxcsr;
}

bool sc_mxcsr_set(struct sc_cpu *c, uint32_t v)
{
    uint32_t old = c->fpu.mxcsr;

    c->fpu.mxcsr = v & SC_MXCSR_VALID;
    host_apply(c);
    if (((old & SC_MXCSR_MASKS) == SC_MXCSR_MASKS) == ((v & SC_MXCSR_MASKS) == SC_MXCSR_MASKS))
        return false;
    sc_update_mode(c);
    return true;
}

void sc_fpu_enter(struct sc_cpu *c)
{
    if (c->fpu.running)
        return;
    c->fpu.host_mxcsr = sc_host_mxcsr();
    c->fpu.running = 1;
    host_apply(c);
}

void sc_fpu_leave(struct sc_cpu *c)
{
    if (!c->fpu.running)
        return;
    sc_x87_flush(c);
    c->fpu.mxcsr |= host_flags(c);
    c->fpu.running = 0;
    sc_host_set_mxcsr(c->fpu.host_mxcsr);
}

uint8_t sc_x87_tag_abridge(uint16_t full)
{
    uint8_t tag = 0;

    for (unsigned n = 0; n < 8; n++)
        if (((full >> (2 * n)) & 3) != 3)
            tag |= (uint8_t)(1u << n);
    return tag;
}

uint16_t sc_x87_tag_word(const struct sc_fpu *f)
{
    uint16_t full = 0;

    for (unsigned n = 0; n < 8; n++) {
        unsigned tag = 3; /* empty */
        if (f->ftag >> n & 1) {
            uint64_t mantissa;
            uint16_t exponent;

            memcpy(&mantissa, f->st[n], 8);
            memcpy(&exponent, f->st[n] + 8, 2);
            exponent &= 0x7fff;
            if (exponent == 0x7fff)
                tag = 2; /* special */
            else if (exponent == 0)
                tag = mantissa ? 2 : 1;
            else
                tag = mantissa >> 63 ? 0 : 2;
        }
        full |= (uint16_t)(tag << (2 * n));
    }
    return full;
}

static uint8_t live_kind(uint16_t fcw)
{
    return (fcw & SC_FPU_EXCEPTIONS) == SC_FPU_EXCEPTIONS ? SC_X87_HOST : SC_X87_UNMASKED;
}

void sc_x87_load(struct sc_cpu *c)
{
    struct sc_fpu *f = &c->fpu;
    struct fnsave_image image;

    if (f->live)
        return;
    memset(&image, 0, sizeof image);
    image.fcw = f->fcw;
    image.fsw = f->fsw;
    image.ftw = sc_x87_tag_word(f);
    for (unsigned n = 0; n < 8; n++)
        memcpy(image.st[n], f->st[sc_st(f, n)], 10);
    __asm__ volatile("frstor %0" : : "m"(image));
    f->live = live_kind(f->fcw);
}

void sc_x87_flush(struct sc_cpu *c)
{
    struct sc_fpu *f = &c->fpu;
    struct fnsave_image image;

    if (!f->live)
        return;
    /* FNSAVE also leaves the unit as FNINIT does, which is what the host's code expects. */
    __asm__ volatile("fnsave %0" : "=m"(image));
    f->live = SC_X87_MEMORY;
    f->fcw = (uint16_t)image.fcw;
    f->fsw = (uint16_t)image.fsw;
    f->ftag = sc_x87_tag_abridge((uint16_t)image.ftw);
    for (unsigned n = 0; n < 8; n++)
        memcpy(f->st[sc_st(f, n)], image.st[n], 10);
}

static void x87_drop(struct sc_cpu *c)
{
    if (c->fpu.live)
        __asm__ volatile("fninit");
    c->fpu.live = SC_X87_MEMORY;
}

void sc_x87_init(struct sc_cpu *c)
{
    x87_drop(c);
    c->fpu.fcw = FCW_INIT;
    c->fpu.fsw = 0;
    c->fpu.ftag = 0;
    c->fpu.fop = 0;
    c->fpu.fip = c->fpu.fdp = 0;
}

/* SDM Vol. 3, table 10-1: INIT leaves all of it alone. */
void sc_fpu_reset(struct sc_cpu *c, bool init)
{
    if (init)
        return;
    sc_x87_init(c);
    c->fpu.fcw = FCW_RESET;
    c->fpu.ftag = 0xff; /* tag word 5555h: every register holds +0.0 */
    memset(c->fpu.st, 0, sizeof c->fpu.st);
    memset(c->fpu.xmm, 0, sizeof c->fpu.xmm);
    c->fpu.mxcsr = MXCSR_INIT;
    host_apply(c);
}

void sc_fpu_mode(struct sc_cpu *c, uint32_t *mode)
{
    if (c->cr0 & (SC_CR0_EM | SC_CR0_TS))
        *mode |= SC_M_NOX87 | SC_M_NOSSE;
    if (!(c->cr4 & SC_CR4_OSFXSR))
        *mode |= SC_M_NOSSE;
    if (SC_UNLIKELY(c->assist != NULL) && !c->assist->fpu_loaded)
        *mode |= SC_M_NOX87 | SC_M_NOSSE; /* fetched by the first instruction that wants it */
    if ((c->fpu.mxcsr & SC_MXCSR_MASKS) != SC_MXCSR_MASKS)
        *mode |= SC_M_XM;
}

/* SDM Vol. 1, table 10-2 and 10.5.1. Selectors read as zero, as with CPUID.7.EBX.ZERO_FCS_FDS. */
void sc_fxsave_image(struct sc_cpu *c, uint8_t image[512], bool wide, unsigned xmms)
{
    struct sc_fpu *f = &c->fpu;
    uint32_t mxcsr = sc_mxcsr(c), mask = SC_MXCSR_VALID;
    uint64_t fip = wide ? f->fip : (uint32_t)f->fip, fdp = wide ? f->fdp : (uint32_t)f->fdp;
    uint8_t tag;

    sc_x87_flush(c);
    tag = (uint8_t)f->ftag;
    memcpy(image, &f->fcw, 2);
    memcpy(image + 2, &f->fsw, 2);
    image[4] = tag;
    image[5] = 0;
    memcpy(image + 6, &f->fop, 2);
    memcpy(image + 8, &fip, 8);
    memcpy(image + 16, &fdp, 8);
    memcpy(image + 24, &mxcsr, 4);
    memcpy(image + 28, &mask, 4);
    for (unsigned n = 0; n < 8; n++) {
        memcpy(image + 32 + 16 * n, f->st[sc_st(f, n)], 10);
        memset(image + 42 + 16 * n, 0, 6);
    }
    memcpy(image + 160, f->xmm, 16 * xmms);
}

static void summarize(struct sc_fpu *f)
{
    f->fsw &= (uint16_t) ~(SC_FSW_ES | SC_FSW_B);
    if (f->fsw & ~f->fcw & SC_FPU_EXCEPTIONS)
        f->fsw |= SC_FSW_ES | SC_FSW_B;
}

void sc_fxrstor_image(struct sc_cpu *c, const uint8_t image[512], bool wide, unsigned xmms)
{
    struct sc_fpu *f = &c->fpu;

    x87_drop(c);
    memcpy(&f->fcw, image, 2);
    f->fcw = (f->fcw & FCW_WRITABLE) | 0x40;
    memcpy(&f->fsw, image + 2, 2);
    summarize(f);
    f->ftag = image[4];
    memcpy(&f->fop, image + 6, 2);
    f->fop &= 0x7ff;
    f->fip = f->fdp = 0;
    memcpy(&f->fip, image + 8, wide ? 8 : 4);
    memcpy(&f->fdp, image + 16, wide ? 8 : 4);
    for (unsigned n = 0; n < 8; n++)
        memcpy(f->st[sc_st(f, n)], image + 32 + 16 * n, 10);
    memcpy(&f->mxcsr, image + 24, 4);
    f->mxcsr &= SC_MXCSR_VALID;
    memcpy(f->xmm, image + 160, 16 * xmms);
    host_apply(c);
}

void sc_fpu_get(struct sc_cpu *c, struct vemu_fpu *ret)
{
    memset(ret->area, 0, 512);
    ret->xsave_size = 512;
    sc_fxsave_image(c, ret->area, true, 16);
}

int sc_fpu_set(struct sc_cpu *c, const struct vemu_fpu *fpu)
{
    uint64_t components = 3; /* x87, SSE */
    uint32_t mxcsr;

    if (fpu->xsave_size < 512 || fpu->xsave_size > VEMU_XSAVE_MAX)
        return -EINVAL;
    /* An XSAVE image says in XSTATE_BV what is not in its initial state (SDM Vol. 1, 13.4.2). */
    if (fpu->xsave_size >= 576) {
        memcpy(&components, fpu->area + 512, 8);
        if (components & ~3ull)
            return -EINVAL;
    }
    memcpy(&mxcsr, fpu->area + 24, 4);
    if (mxcsr & ~SC_MXCSR_VALID)
        return -EINVAL;
    sc_fxrstor_image(c, fpu->area, true, 16);
    if (!(components & 1)) {
        sc_x87_init(c);
        memset(c->fpu.st, 0, sizeof c->fpu.st);
    }
    if (!(components & 2))
        memset(c->fpu.xmm, 0, sizeof c->fpu.xmm);
    sc_update_mode(c);
    return 0;
}
