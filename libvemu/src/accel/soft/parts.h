/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the software CPU offer to each other, beyond cpu.h, mem.h and decode.h.
 */
#ifndef SC_PARTS_H
#define SC_PARTS_H

#include "accel/soft/cpu.h"

/* --- trace.c --------------------------------------------------------------------------------- */
int sc_traces_init(struct sc_cpu *c);
void sc_traces_fini(struct sc_cpu *c);
/* The trace at c->rip in c->mode, built if need be. Raises fetch faults. */
struct sc_insn *sc_trace_find(struct sc_cpu *c);
/* The jump cache must not be believed any more (code TLB flush, mode change). */
void sc_jump_cache_flush(struct sc_cpu *c);
/* `size` bytes at physical address pa (within one page that has SC_PAGE_CODE) are being written by
 * vCPU c (NULL: a device): traces made from them go, on every vCPU. Called before the write. */
void sc_smc_write(struct sc_vm *vm, struct sc_cpu *c, uint64_t pa, unsigned size);
void sc_traces_flush(struct sc_cpu *c); /* all of them */

/* --- seg.c ----------------------------------------------------------------------------------- */
/* Loads a data/stack segment register with full protection checks; real mode: base = sel << 4.
 * c->rip is set (faults are reported there). */
void sc_load_seg(struct sc_cpu *c, unsigned seg, uint16_t selector);
/* Sets a segment cache without checks (reset, real mode, SYSCALL). */
void sc_set_seg_raw(
    struct sc_cpu *c, unsigned seg, uint16_t selector, uint64_t base, uint32_t limit,
    uint16_t attributes /* type | s<<4 | dpl<<5 | p<<7 | avl<<8 | l<<9 | db<<10 | g<<11 */);
/* I/O permission of `size` ports at `port` (CPL > IOPL or V86: the TSS bitmap). Raises #GP. */
void sc_check_io(struct sc_cpu *c, const struct sc_insn *i, uint16_t port, unsigned size);

/* --- sys.c, msr.c, cpuid.c ------------------------------------------------------------------- */
int sc_write_cr0(struct sc_cpu *c, uint64_t v); /* 0 or -1: #GP */
int sc_write_cr3(struct sc_cpu *c, uint64_t v);
int sc_write_cr4(struct sc_cpu *c, uint64_t v);
int sc_write_efer(struct sc_cpu *c, uint64_t v);
int sc_rdmsr(struct sc_cpu *c, uint32_t index, uint64_t *v); /* 0 or -1: #GP */
int sc_wrmsr(struct sc_cpu *c, uint32_t index, uint64_t v);
void sc_cpuid(struct sc_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
void sc_cpuid_default(struct sc_vm *vm, struct vemu_cpuid *ret);
uint32_t sc_io_in(struct sc_cpu *c, uint16_t port, unsigned size);
void sc_io_out(struct sc_cpu *c, uint16_t port, unsigned size, uint32_t v);
/* Physical accesses that no slot covers (and writes to read-only slots), within a page. */
uint64_t sc_mmio_read(struct sc_cpu *c, uint64_t gpa, unsigned size);
void sc_mmio_write(struct sc_cpu *c, uint64_t gpa, unsigned size, uint64_t v);
void sc_set_rflags(struct sc_cpu *c, uint64_t v, uint32_t mask); /* bits in mask; updates mode */
void sc_cpu_reset(struct sc_cpu *c, bool init); /* power-on, or INIT (keeps FPU, MSRs, caches) */

/* --- lapic.c --------------------------------------------------------------------------------- */
int sc_lapic_init(struct sc_cpu *c);
void sc_lapic_fini(struct sc_cpu *c);
void sc_lapic_reset(struct sc_cpu *c, bool init);
/* Highest deliverable vector (above PPR), -2: ExtINT from the PIC, or -1: none. */
int sc_lapic_pending(struct sc_cpu *c);
/* Takes what sc_lapic_pending() announced: returns the vector, -1: spurious, nothing to do. */
int sc_lapic_ack(struct sc_cpu *c);
bool sc_lapic_covers(struct sc_cpu *c, uint64_t gpa); /* xAPIC page enabled at this address? */
uint32_t sc_lapic_read(struct sc_cpu *c, unsigned offset);
void sc_lapic_write(struct sc_cpu *c, unsigned offset, uint32_t v);
int sc_lapic_rdmsr(struct sc_cpu *c, uint32_t index, uint64_t *v); /* x2APIC, APIC_BASE, DEADLINE */
int sc_lapic_wrmsr(struct sc_cpu *c, uint32_t index, uint64_t v);
uint8_t sc_lapic_tpr(struct sc_cpu *c); /* CR8 */
void sc_lapic_set_tpr(struct sc_cpu *c, uint8_t v);
int sc_lapic_msi(struct sc_vm *vm, uint64_t address, uint32_t data); /* any thread */
void sc_lapic_get(struct sc_cpu *c, uint8_t page[1024]);
int sc_lapic_set(struct sc_cpu *c, const uint8_t page[1024]);

/* --- time.c ---------------------------------------------------------------------------------- */
#define SC_TSC_HZ 1000000000ull /* guest TSC rate */
int sc_time_init(struct sc_vm *vm);
void sc_time_fini(struct sc_vm *vm);
void sc_time_paused(struct sc_vm *vm, bool paused);
uint64_t sc_time_tsc(struct sc_cpu *c); /* RDTSC */
void sc_time_set_tsc(struct sc_cpu *c, uint64_t v);
/* The LAPIC timer fires at guest TSC `deadline` (0: never). Sets SC_A_INTR through
 * sc_lapic_timer(). */
void sc_time_arm(struct sc_cpu *c, uint64_t deadline);
void sc_lapic_timer(struct sc_cpu *c); /* called when due, any thread */

/* --- fpu.c (x87, MMX, SSE state) -------------------------------------------------------------- */
void sc_fpu_reset(struct sc_cpu *c, bool init);
void sc_fpu_enter(struct sc_cpu *c); /* run loop start: guest MXCSR into the host */
void sc_fpu_leave(
    struct sc_cpu *c); /* run loop end, device callbacks: status flags back, host's own */
void sc_fpu_get(struct sc_cpu *c, struct vemu_fpu *ret); /* FXSAVE64 image; outside sc_run() */
int sc_fpu_set(struct sc_cpu *c, const struct vemu_fpu *fpu);
void sc_fpu_mode(struct sc_cpu *c, uint32_t *mode); /* adds SC_M_NOX87, NOSSE, XM */

#endif
