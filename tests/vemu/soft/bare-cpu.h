/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bare software CPU for white-box tests: one vCPU, RAM at 0, page tables built by hand, no run
 * loop. Faults of what is called are caught with CATCH().
 */
#ifndef BARE_CPU_H
#define BARE_CPU_H

#include "accel/soft/mem/mem.h"
#include "accel/soft/parts.h"

#define BARE_RAM (16u << 20)
#define BARE_ROM_GPA 0x40000000ull
#define BARE_MMIO_GPA 0xd0000000ull

#define P_P 1ull
#define P_W 2ull
#define P_U 4ull
#define P_A 0x20ull
#define P_D 0x40ull
#define P_PS 0x80ull
#define P_G 0x100ull
#define P_NX (1ull << 63)

struct bare_access {
    bool write;
    uint64_t gpa, value;
    unsigned size;
};

struct bare {
    struct sc_vm vm;
    struct sc_cpu *c;
    uint8_t *ram, *rom;
    uint64_t next_table; /* free page for page tables */
    struct vemu_exit exit;
    struct bare_access log[64];
    unsigned log_count;
    uint64_t mmio_value;
    char message[256];
    bool exited; /* port 0xf4 was written */
};

struct bare *bare_new(void);
void bare_free(struct bare *b);

/* The vector of the exception `expr` raises, or -1. Details are in c->exc_*, c->cr2. */
#define CATCH(b, expr)                                                                             \
    (setjmp((b)->c->fault) == 0 ? ((void)(expr), -1) : bare_caught(b))
int bare_caught(struct bare *b);
/* Runs the bytes at CS:RIP until they write to port 0xf4 (the vCPU's exit reason is then INTR), a
 * triple fault or an internal error. */
enum vemu_exit_reason bare_run(struct bare *b, const void *code, unsigned size);

enum bare_paging { BARE_NOPAGING, BARE_32, BARE_PAE, BARE_LONG };
/* Protected mode with flat segments at `cpl`, empty page tables. */
void bare_paging(struct bare *b, enum bare_paging kind, unsigned cpl);
void bare_cpl(struct bare *b, unsigned cpl);
/* Maps one page of 2^shift bytes: leaf flags as given (P included), upper levels P|W|U. */
void bare_map(struct bare *b, uint64_t va, uint64_t pa, unsigned shift, uint64_t flags);
/* Physical address of the entry that maps va at `level` (1: the last). */
uint64_t bare_entry(struct bare *b, uint64_t va, unsigned level);

uint64_t bare_get(struct bare *b, uint64_t pa, unsigned size);
void bare_set(struct bare *b, uint64_t pa, unsigned size, uint64_t v);
/* Writes a descriptor at linear = physical address `table` + selector. */
void bare_desc(struct bare *b, uint64_t table, uint16_t sel, uint64_t lo);

/* Descriptors: flags are type | s << 4 | dpl << 5 | p << 7 | avl << 8 | l << 9 | db << 10 | g <<
 * 11. */
uint64_t bare_segment(uint32_t base, uint32_t limit, uint32_t flags);
uint64_t bare_gate(uint16_t sel, uint32_t offset, unsigned type, unsigned dpl, unsigned ist);

/* Selectors of the GDT that bare_tables() makes. */
#define SEL_C64 0x08   /* 64-bit code, ring 0 */
#define SEL_D0 0x10    /* data, ring 0 */
#define SEL_C32 0x18   /* 32-bit code, ring 0 */
#define SEL_UC32 0x23  /* 32-bit code, ring 3 */
#define SEL_UD 0x2b    /* data, ring 3 */
#define SEL_UC64 0x33  /* 64-bit code, ring 3 */
#define SEL_CONF 0x38  /* conforming code, ring 0, 64-bit in long mode */
#define SEL_NP 0x40    /* data, not present */
#define SEL_TSS 0x48   /* two slots */
#define SEL_GATE 0x5b  /* two slots, call gate, DPL 3, to SEL_C64 or SEL_C32 */
#define SEL_RO 0x68    /* read-only data */
#define SEL_C16 0x70   /* 16-bit code */
#define SEL_D16 0x78   /* 16-bit data, limit 0xffff */
#define BARE_GDT 0x1000u
#define BARE_IDT 0x2000u
#define BARE_TSS 0x3000u
#define BARE_STACK0 0x9000u /* RSP0 */
#define BARE_IST1 0xa000u
#define BARE_STACK3 0xb000u
/* GDT, IDT (all vectors present, handlers at 0x100000 + vector * 16, interrupt gates DPL 0, vector
 * 3 and 0x80 DPL 3), TSS; loads the registers. Segments as for `cpl`. */
void bare_tables(struct bare *b, unsigned cpl);
#define BARE_HANDLER(vector) (0x100000u + (vector) * 16u)

#endif
