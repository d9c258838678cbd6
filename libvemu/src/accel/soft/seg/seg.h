/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Segment descriptors, stacks and far transfers: what descriptor.c, seg/load.c, stackswitch.c,
 * far.c, iret.c, syscall.c, deliver.c and seg/emit.c share.
 *
 * All functions here report faults at c->rip, which the caller has set to the instruction, and
 * change no register before the last check has passed.
 */
#ifndef SC_SEG_H
#define SC_SEG_H

#include "accel/soft/mem/mem.h"
#include "accel/soft/mem/mmu.h"
#include "accel/soft/parts.h"

/* A descriptor as it is in its table. */
struct sc_desc {
    uint64_t lo, hi;   /* hi: second half of system descriptors in long mode, else 0 */
    uint64_t addr;     /* linear address of the first byte */
    uint16_t selector;
};

/* System descriptor types (SDM 3A, table 3-2). */
enum {
    SC_T_TSS16 = 1, SC_T_LDT = 2, SC_T_TSS16_BUSY = 3, SC_T_CALL16 = 4, SC_T_TASK = 5,
    SC_T_INT16 = 6, SC_T_TRAP16 = 7, SC_T_TSS32 = 9, SC_T_TSS32_BUSY = 11, SC_T_CALL32 = 12,
    SC_T_INT32 = 14, SC_T_TRAP32 = 15,
};

SC_INLINE unsigned sc_desc_type(const struct sc_desc *d) { return (d->lo >> 40) & 15; }
SC_INLINE bool sc_desc_s(const struct sc_desc *d) { return (d->lo >> 44) & 1; }
SC_INLINE unsigned sc_desc_dpl(const struct sc_desc *d) { return (d->lo >> 45) & 3; }
SC_INLINE bool sc_desc_p(const struct sc_desc *d) { return (d->lo >> 47) & 1; }
SC_INLINE bool sc_desc_l(const struct sc_desc *d) { return (d->lo >> 53) & 1; }
SC_INLINE bool sc_desc_db(const struct sc_desc *d) { return (d->lo >> 54) & 1; }
SC_INLINE bool sc_desc_code(const struct sc_desc *d) { return ((d->lo >> 43) & 3) == 3; }
SC_INLINE bool sc_desc_conforming(const struct sc_desc *d) { return (d->lo >> 42) & 1; }
SC_INLINE bool sc_desc_writable_data(const struct sc_desc *d)
{
    return ((d->lo >> 41) & 0xd) == 9; /* S, not code, W */
}
SC_INLINE uint32_t sc_desc_limit(const struct sc_desc *d)
{
    uint32_t limit = (uint32_t)(d->lo & 0xffff) | (uint32_t)((d->lo >> 32) & 0xf0000);
    return (d->lo >> 55) & 1 ? limit << 12 | 0xfff : limit;
}
SC_INLINE uint64_t sc_desc_base(const struct sc_desc *d)
{
    return ((d->lo >> 16) & 0xffffff) | ((d->lo >> 32) & 0xff000000u);
}

SC_INLINE bool sc_null_selector(uint16_t sel) { return !(sel & 0xfffc); }
SC_INLINE bool sc_long_mode(const struct sc_cpu *c) { return (c->efer & SC_EFER_LMA) != 0; }

/* Raises `vector` with the selector as error code; ext is 0 or 1. */
SC_INLINE _Noreturn void sc_raise_sel(struct sc_cpu *c, unsigned vector, uint16_t sel, unsigned ext)
{
    sc_raise_at_rip(c, vector, (sel & 0xfffc) | ext);
}

/* --- descriptor.c --------------------------------------------------------------------------- */
/* Reads a descriptor (the selector is not null). Beyond its table: raises `vector`. */
void sc_desc_fetch(struct sc_cpu *c, uint16_t sel, unsigned vector, unsigned ext,
                   struct sc_desc *d);
/* The same without exception: false when it is beyond the table (LAR, VERR). */
bool sc_desc_try(struct sc_cpu *c, uint16_t sel, struct sc_desc *d);
/* Reads the second half of a 16-byte system descriptor in long mode. */
void sc_desc_fetch_high(struct sc_cpu *c, unsigned vector, unsigned ext, struct sc_desc *d);
/* Sets the accessed bit of a code or data descriptor, in memory too. */
void sc_desc_accessed(struct sc_cpu *c, struct sc_desc *d);
void sc_desc_busy(struct sc_cpu *c, struct sc_desc *d);
/* Fills a segment register's cache. */
void sc_desc_load(const struct sc_desc *d, uint16_t sel, struct vemu_segment *s);
/* Makes a stack segment register null with this RPL (64-bit mode). */
void sc_null_ss(struct sc_cpu *c, unsigned rpl);

/* --- seg/load.c ----------------------------------------------------------------------------- */
/* Checks of a stack segment for privilege `cpl`: faults are `vector` (#GP or #TS) and #SS. */
void sc_check_ss(struct sc_cpu *c, uint16_t sel, unsigned cpl, unsigned vector, unsigned ext,
                 struct sc_desc *d);
/* Real-address or virtual-8086 mode. */
void sc_load_seg_real(struct sc_cpu *c, unsigned seg, uint16_t sel);
/* Data segments that the new, lower privilege may not use become null (RET, IRET to an outer ring).
 * */
void sc_drop_inner_segs(struct sc_cpu *c);

/* --- stackswitch.c -------------------------------------------------------------------------- */
/* A stack that pushes and pops go to; nothing is committed until sc_stk_commit(). */
struct sc_stk {
    uint64_t sp, mask;       /* mask ~0: 64-bit */
    const struct vemu_segment *ss;
    struct vemu_segment own; /* new stacks: what SS will be */
    bool user;               /* rights of the accesses */
    uint16_t error;          /* error code of #SS on limit violations */
};
void sc_stk_current(struct sc_cpu *c, struct sc_stk *s);
/* The stack for privilege `cpl` from the TSS (legacy and compatibility TSS layouts, not long mode).
 * */
void sc_stk_inner(struct sc_cpu *c, unsigned cpl, unsigned ext, struct sc_stk *s);
/* RSP for privilege `cpl` (ist 0) or of interrupt stack `ist`, from the 64-bit TSS. */
uint64_t sc_tss_rsp(struct sc_cpu *c, unsigned cpl, unsigned ist, unsigned ext);
void sc_stk_push(struct sc_cpu *c, struct sc_stk *s, unsigned size, uint64_t v);
uint64_t sc_stk_pop(struct sc_cpu *c, struct sc_stk *s, unsigned size);
/* Writes sp back to RSP, as many bits as the stack is wide. */
void sc_stk_commit(struct sc_cpu *c, const struct sc_stk *s);
/* RSP = v for a stack segment of the given width. */
void sc_set_sp(struct sc_cpu *c, uint64_t v, bool in64);

/* --- far.c ---------------------------------------------------------------------------------- */
void sc_far_jump(struct sc_cpu *c, uint16_t sel, uint64_t off, unsigned osz);
void sc_far_call(struct sc_cpu *c, uint16_t sel, uint64_t off, unsigned osz, uint64_t next_rip);
void sc_far_return(struct sc_cpu *c, unsigned osz, unsigned drop);
/* Checks the instruction pointer against the code segment d: canonical or within the limit. */
void sc_check_target(struct sc_cpu *c, const struct sc_desc *d, uint64_t off, unsigned ext);
/* CS = d with RPL cpl, RIP = off, CPL = cpl. Updates the mode. */
void sc_enter_code(struct sc_cpu *c, struct sc_desc *d, uint16_t sel, unsigned cpl, uint64_t off);
/* Code segment checks of a return to `sel` (SDM 2, RET and IRET). */
void sc_check_return_cs(struct sc_cpu *c, uint16_t sel, struct sc_desc *d);
/* SS of a return that pops it. Null is fine for a return to 64-bit code of CPL < 3. */
bool sc_check_return_ss(struct sc_cpu *c, uint16_t sel, unsigned cpl, bool to64, struct sc_desc *d);
/* Loads it; d NULL: it was a null selector. */
void sc_set_return_ss(struct sc_cpu *c, uint16_t sel, unsigned cpl, struct sc_desc *d);

/* --- iret.c, syscall.c, descriptor tables: handlers' bodies ----------------------------------- */
void sc_iret(struct sc_cpu *c, unsigned osz);
/* RFLAGS bits that POPF-like instructions may change at this CPL (IRET adds RF). */
void sc_iret_flags(struct sc_cpu *c, uint64_t v, unsigned osz, unsigned old_cpl);
void sc_syscall(struct sc_cpu *c, uint64_t next_rip);
void sc_sysret(struct sc_cpu *c, unsigned osz);
void sc_sysenter(struct sc_cpu *c);
void sc_sysexit(struct sc_cpu *c, unsigned osz);

#endif
