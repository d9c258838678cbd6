/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Floating-point and vector state: where it lives while the vCPU runs.
 *
 * Theory of operation. The host is an x86-64 too, so the host's own units do the arithmetic, and
 * the state that steers them is kept in the host:
 *
 *  - XMM registers stay in memory (struct sc_fpu). MXCSR: sc_fpu_enter() loads the guest's rounding
 *    mode, DAZ and FTZ with all exceptions masked. The status flags that guest instructions raise
 *    gather in the host register; sc_mxcsr() merges them. When the guest unmasks an exception
 *    (SC_M_XM), sse_emit.c brackets each instruction with records that undo it and raise #XM.
 *
 *  - x87 state is in memory (live = SC_X87_MEMORY) until the first x87 instruction moves it, with
 *    control, status and tags, into the host's x87 unit. From then on x87 instructions simply
 *    execute; rounding, stack faults, masked and unmasked responses are the host CPU's. An unmasked
 *    exception is only marked there (status word ES): nothing in this program executes a waiting
 * x87 instruction except the guest's, and those look at ES before. sc_x87_flush() moves the state
 * back: for MMX instructions, FXSAVE and the like, and before anything outside this folder runs.
 *
 *  - MMX instructions work on memory: MMn is the low half of st[n].
 *
 * FIP, FDP and FOP are kept by us, as CPUs with FDP_EXCPTN_ONLY and zero FCS/FDS do (SDM Vol. 1,
 * 8.1.8): FIP follows every non-control instruction, FDP and FOP are set when an unmasked exception
 * is found.
 */
#ifndef SC_FPU_H
#define SC_FPU_H

#include "accel/soft/cpu.h"

enum sc_x87_live {
    SC_X87_MEMORY,   /* state in struct sc_fpu */
    SC_X87_HOST,     /* state in the host's x87 unit, every exception masked */
    SC_X87_UNMASKED, /* the same, some exception unmasked: look at ES before and after */
};

#define SC_FSW_ES         0x0080u
#define SC_FSW_TOP        0x3800u
#define SC_FSW_B          0x8000u
#define SC_FPU_EXCEPTIONS 0x3fu /* IE DE ZE OE UE PE, also the mask bits of FCW */

#define SC_MXCSR_FLAGS 0x3fu
#define SC_MXCSR_DAZ   0x40u
#define SC_MXCSR_MASKS 0x1f80u
#define SC_MXCSR_FTZ   0x8000u
#define SC_MXCSR_VALID 0xffffu /* MXCSR_MASK: setting other bits is #GP */

SC_INLINE uint32_t sc_host_mxcsr(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}
SC_INLINE void sc_host_set_mxcsr(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v));
}

/* The guest's MXCSR with the flags gathered so far. */
uint32_t sc_mxcsr(struct sc_cpu *c);
/* Sets it. True: exceptions became masked or unmasked, the mode changed (sc_update_mode() called).
 */
bool sc_mxcsr_set(struct sc_cpu *c, uint32_t v);

/* Moves the x87 state into the host's unit / back into memory. Nothing to do is cheap. */
void sc_x87_load(struct sc_cpu *c);
void sc_x87_flush(struct sc_cpu *c);
/* The x87 state in memory becomes that after FNINIT. */
void sc_x87_init(struct sc_cpu *c);

/* Full tag word (2 bits a physical register) from the abridged one and the contents. */
uint16_t sc_x87_tag_word(const struct sc_fpu *f);
uint8_t sc_x87_tag_abridge(uint16_t full);

/* The 512-byte FXSAVE image. `wide`: 64-bit FIP/FDP; `xmms`: XMM registers it covers (8 or 16).
 * Bytes that FXSAVE does not write are left alone. CR4.OSFXSR makes no difference. */
void sc_fxsave_image(struct sc_cpu *c, uint8_t image[512], bool wide, unsigned xmms);
/* Loads one; MXCSR must have been checked. The SSE mode may have to be recomputed. */
void sc_fxrstor_image(struct sc_cpu *c, const uint8_t image[512], bool wide, unsigned xmms);

/* Physical register number of ST(n); only with the state in memory. */
SC_INLINE unsigned sc_st(const struct sc_fpu *f, unsigned n)
{
    return (((f->fsw & SC_FSW_TOP) >> 11) + n) & 7;
}

#endif
