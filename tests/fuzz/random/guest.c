/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The random guest: descriptor tables, page tables, control and general registers that make sense,
 * mostly.
 */
#include <string.h>

#include "accel/soft/mem/mem.h"
#include "accel/soft/sys/sys.h"
#include "random.h"

#define GDT_GPA     0x1000u
#define LDT_GPA     0x1800u
#define IDT_GPA     0x2000u
#define TSS_GPA     0x3000u
#define HANDLER_GPA 0x4000u
#define STACK_GPA   0x7800u
#define TABLES_GPA  0x10000u

static void put(struct machine *m, uint32_t gpa, uint64_t v, unsigned size)
{
    memcpy(m->ram + gpa, &v, size);
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(flags & 0xff) << 40 |
           (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(flags >> 8 & 15) << 52 |
           (uint64_t)(base >> 24) << 56;
}
static uint64_t gate(uint16_t selector, uint32_t offset, unsigned type, unsigned dpl,
                     unsigned extra)
{
    return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)(extra & 31) << 32 |
           (uint64_t)(type & 15) << 40 | (uint64_t)dpl << 45 | 1ull << 47 |
           (uint64_t)(offset >> 16) << 48;
}

#define CODE_F 0x9b
#define DATA_F 0x93
#define DPL3   0x60
#define FL     0x200
#define FDB    0x400
#define FG     0x800

static void tables(struct machine *m, struct input *in, bool lm, bool bits16)
{
    static const uint32_t flags[] = {
        0,
        CODE_F,
        DATA_F,
        CODE_F | DPL3,
        DATA_F | DPL3, /* 08 code 10 data 18 ucode 20 udata */
        CODE_F | FL,
        CODE_F | DPL3 | FL,
        CODE_F | FDB,
        CODE_F | DPL3 | FDB, /* 28 30 38 40 */
        0x9f,
        0x91,
        0x97,
        0x13, /* 48 conforming, 50 read-only, 58 expand-down, 60 not present */
    };
    unsigned n;

    for (n = 1; n < 13; n++) {
        uint32_t f = flags[n] | (bits16 ? 0 : FG) | (n <= 4 && !bits16 && !lm ? FDB : 0);
        if (n == 1 && lm)
            f |= FL;
        put(m, GDT_GPA + 8 * n,
            descriptor(0, input_rarely(in, 8) ? (uint32_t)input_take(in, 3) : 0xfffff, f), 8);
    }
    put(m, GDT_GPA + 0x68, descriptor(TSS_GPA, 0x2fff, lm || !bits16 ? 0x8b : 0x83), 8);
    put(m, GDT_GPA + 0x78, descriptor(LDT_GPA, 0x7ff, 0x82), 8);
    put(m, GDT_GPA + 0x88,
        gate(0x08, HANDLER_GPA + (uint32_t)input_take(in, 1), 12 & (bits16 ? 7 : 15), 3,
             (unsigned)input_take(in, 1)),
        8);
    put(m, GDT_GPA + 0x98, gate(0xa0, 0, 5, 3, 0), 8);                   /* task gate */
    put(m, GDT_GPA + 0xa0, descriptor(TSS_GPA + 0x800, 0x7ff, 0x89), 8); /* another TSS */
    for (n = 0; n < 4; n++)
        if (input_rarely(in, 4))
            put(m, GDT_GPA + ((uint32_t)input_take(in, 1) & 0xf8), input_take(in, 8), 8);
    for (n = 0; n < 16; n++)
        put(m, LDT_GPA + 8 * n,
            n & 1 ? descriptor((uint32_t)input_take(in, 1) << 8, 0xffff, DATA_F | DPL3)
                  : input_take(in, 8),
            8);

    for (n = 0; n < 256; n++) {
        unsigned type = 14 + (n & 1), dpl = n == 3 || n >= 0x80 ? 3 : 0;
        if (bits16 && !lm)
            type &= 7;
        if (n == 0x85 || (n == 8 && !lm))
            put(m, IDT_GPA + n * 8, gate(0xa0, 0, 5, 3, 0), 8);
        else if (lm) {
            put(m, IDT_GPA + n * 16, gate(0x08, HANDLER_GPA + n * 16, type, dpl, n == 8), 8);
            put(m, IDT_GPA + n * 16 + 8, 0, 8);
        } else {
            put(m, IDT_GPA + n * 8, gate(0x08, HANDLER_GPA + n * 16, type, dpl, 0), 8);
        }
    }
    if (input_rarely(in, 4))
        put(m, IDT_GPA + ((uint32_t)input_take(in, 2) & 0xff8), input_take(in, 8), 8);

    if (lm) {
        for (n = 0; n < 3; n++)
            put(m, TSS_GPA + 4 + 8 * n, STACK_GPA, 8);
        for (n = 0; n < 7; n++)
            put(m, TSS_GPA + 0x24 + 8 * n, STACK_GPA - 0x100, 8);
    } else {
        for (n = 0; n < 3; n++) {
            put(m, TSS_GPA + 4 + 8 * n, STACK_GPA, 4);
            put(m, TSS_GPA + 8 + 8 * n, 0x10, 4);
        }
        for (n = 0; n < 0x68; n += 4) /* the other task */
            put(m, TSS_GPA + 0x800 + n, input_take(in, 1) ? 0x10 : CODE_GPA, 4);
        put(m, TSS_GPA + 0x800 + 0x20, CODE_GPA, 4);
        put(m, TSS_GPA + 0x800 + 0x4c, 0x08, 4);
        put(m, TSS_GPA + 0x800 + 0x50, 0x10, 4);
        put(m, TSS_GPA + 0x800 + 0x38, STACK_GPA, 4);
    }
    put(m, TSS_GPA + 0x66, 0x68, 2);
}

/* Identity for the first 2 MiB, with exceptions. */
static void page_tables(struct machine *m, struct input *in, enum mode mode)
{
    bool wide = mode >= PAE;
    unsigned size = wide ? 8 : 4, entries = 4096 / size, leaf = TABLES_GPA + 0x4000;

    if (mode >= COMPAT) {
        put(m, TABLES_GPA, (TABLES_GPA + 0x1000) | 7, 8);
        put(m, TABLES_GPA + 0xff8, (TABLES_GPA + 0x1000) | 7, 8);
        put(m, TABLES_GPA + 0x1000, (TABLES_GPA + 0x2000) | 7, 8);
        put(m, TABLES_GPA + 0x1ff0, (TABLES_GPA + 0x2000) | 7, 8);
        put(m, TABLES_GPA + 0x1008, 0x87, 8); /* a 1 GiB page */
    } else if (mode == PAE) {
        for (unsigned n = 0; n < 4; n++)
            put(m, TABLES_GPA + 8 * n, (TABLES_GPA + 0x2000) | 1, 8);
    }
    put(m, wide ? TABLES_GPA + 0x2000 : TABLES_GPA, leaf | 7, size);
    put(m, (wide ? TABLES_GPA + 0x2000 : TABLES_GPA) + size, 0x87, size); /* a large page */
    for (unsigned n = 0; n < entries; n++)
        put(m, leaf + n * size, n << 12 | 7, size);
    for (unsigned n = (unsigned)input_take(in, 1) & 15; n; n--) {
        unsigned at = (unsigned)input_take(in, 1) & (entries - 1) & 0x1ff;
        uint64_t v = (uint64_t)at << 12 | (input_take(in, 2) & 0x1ff);
        if (input_rarely(in, 3))
            v = input_take(in, size);
        if (at != CODE_GPA >> 12 || input_rarely(in, 4))
            put(m, leaf + at * size, v, size);
    }
    if (input_rarely(in, 8)) /* a table that maps itself, or nonsense higher up */
        put(m, TABLES_GPA + ((unsigned)input_take(in, 2) & 0x3ff8), input_take(in, 8), 8);
}

static struct vemu_segment segment(uint16_t selector, uint32_t base, uint32_t limit, uint32_t flags)
{
    return (struct vemu_segment){ .base = base,
                                  .limit = flags & FG ? limit << 12 | 0xfff : limit,
                                  .selector = selector,
                                  .type = flags & 15,
                                  .s = flags >> 4 & 1,
                                  .dpl = flags >> 5 & 3,
                                  .present = flags >> 7 & 1,
                                  .l = flags >> 9 & 1,
                                  .db = flags >> 10 & 1,
                                  .g = flags >> 11 & 1 };
}

static void set_registers(struct machine *m, struct input *in, enum mode mode)
{
    struct vemu_cpu_state *guest = &m->state;
    struct vemu_sregs *s = &guest->sregs;
    bool lm = mode >= COMPAT;
    unsigned cpl = mode == LONG3 || mode == V86                                 ? 3
                   : (mode == PROT32 || mode == PAGED32) && input_rarely(in, 3) ? 3
                                                                                : 0;

    for (unsigned n = 0; n < 16; n++) {
        switch (input_take(in, 1) & 3) {
        case 0: guest->regs.gpr[n] = input_take(in, 8); break;
        case 1: guest->regs.gpr[n] = input_take(in, 2); break;
        case 2: guest->regs.gpr[n] = 0x9000 + input_take(in, 1); break;
        default: guest->regs.gpr[n] = TABLES_GPA + (input_take(in, 2) & 0x7fff); break;
        }
    }
    guest->regs.gpr[VEMU_RSP] = STACK_GPA - 0x200;
    guest->regs.rip = CODE_GPA + (input_take(in, 1) & 0x1f);
    if (input_rarely(in, 16)) /* end of a page */
        guest->regs.rip = CODE_GPA + 0xfff - (input_take(in, 1) & 7);
    guest->regs.rflags =
        2 | (input_take(in, 3) & (0xcd5u | SC_TF | SC_IF | SC_IOPL | SC_NT | SC_AC | SC_RF));
    if (!input_rarely(in, 6))
        guest->regs.rflags &= ~(uint64_t)SC_TF;
    if (mode == V86)
        guest->regs.rflags |= SC_VM;

    s->cr0 = SC_CR0_ET | (input_take(in, 1) & (SC_CR0_MP | SC_CR0_NE)) |
             (input_rarely(in, 2) ? SC_CR0_WP : 0);
    if (input_rarely(in, 6))
        s->cr0 |= input_take(in, 1) & (SC_CR0_EM | SC_CR0_TS);
    if (input_rarely(in, 3))
        s->cr0 |= SC_CR0_AM;
    s->cr4 = input_take(in, 2) & (SC_CR4_VME | SC_CR4_PVI | SC_CR4_TSD | SC_CR4_DE | SC_CR4_PSE |
                                  SC_CR4_PGE | SC_CR4_OSFXSR | SC_CR4_OSXMMEXCPT);
    s->cr4 |= input_rarely(in, 6) ? 0 : SC_CR4_OSFXSR;
    s->cr4 |= input_take(in, 1) & 1 ? SC_CR4_SMEP | SC_CR4_SMAP | SC_CR4_UMIP | SC_CR4_FSGSBASE : 0;
    s->cr4 &= sc_cr4_allowed(m->cpu);
    s->cr2 = s->cr8 = 0;
    s->cr3 = TABLES_GPA;
    s->efer = input_take(in, 1) & SC_EFER_SCE;
    if (mode != REAL)
        s->cr0 |= SC_CR0_PE;
    if (mode >= PAGED32 || (mode == V86 && input_rarely(in, 2)))
        s->cr0 |= SC_CR0_PG;
    if (mode >= PAE) {
        s->cr4 |= SC_CR4_PAE;
        s->efer |= input_rarely(in, 2) ? 0 : SC_EFER_NXE;
    }
    if (lm)
        s->efer |= SC_EFER_LME | SC_EFER_LMA;
    s->gdt = (struct vemu_dtable){ GDT_GPA, 0x3ff };
    s->idt = (struct vemu_dtable){ mode == REAL ? 0 : IDT_GPA, 0xfff };
    s->tr = segment(0x68, TSS_GPA, 0x2fff, mode == PROT16 ? 0x83 : 0x8b);
    s->ldt = segment(0x78, LDT_GPA, 0x7ff, 0x82);
    for (unsigned n = 0; n < VEMU_SEG_COUNT; n++) {
        bool code = n == VEMU_CS;
        uint32_t f = (code ? CODE_F : DATA_F) | (cpl ? DPL3 : 0);
        uint16_t sel = code ? (cpl ? 0x1b : 0x08) : (cpl ? 0x23 : 0x10);
        uint32_t base = 0;
        if (mode == REAL || mode == V86) {
            base = code || n == VEMU_SS ? 0 : (uint32_t)(input_take(in, 2) & 0xfff0);
            s->seg[n] =
                segment((uint16_t)(base >> 4), base, 0xffff, mode == V86 ? DATA_F | DPL3 : f);
            continue;
        }
        if (mode == PROT16) {
            s->seg[n] = segment(sel, n > VEMU_DS ? (uint32_t)input_take(in, 2) : 0, 0xffff, f);
            continue;
        }
        if (code && lm && mode != COMPAT)
            f |= FL;
        else
            f |= FDB;
        if (!code && n != VEMU_SS && input_rarely(in, 6))
            base = (uint32_t)input_take(in, 3);
        s->seg[n] =
            segment(sel, base, !code && input_rarely(in, 8) ? (uint32_t)input_take(in, 2) : 0xfffff,
                    f | FG);
    }
    s->apic_base = 0xfee00900;
    memset(&guest->debugregs, 0, sizeof guest->debugregs);
    guest->debugregs.dr6 = 0xffff0ff0;
    guest->debugregs.dr7 = 0x400;
    if (input_rarely(in, 6)) {
        for (unsigned n = 0; n < 4; n++)
            guest->debugregs.dr[n] = CODE_GPA + input_take(in, 1);
        guest->debugregs.dr7 |= input_take(in, 4) & ~0x2000u & 0xffff03ff;
    }
}

/* Something, then IRET or on into the code. */
static void handlers(struct machine *m, struct input *in, enum mode mode)
{
    for (unsigned n = 0; n < 256; n++) {
        if (mode == REAL)
            put(m, n * 4, HANDLER_GPA + n * 16, 4);
        m->ram[HANDLER_GPA + n * 16] = (uint8_t)input_take(in, 1);
        put(m, HANDLER_GPA + n * 16 + 2, mode >= LONG0 ? 0xcf48 : 0xcf, 2);
    }
}

void guest_make(struct machine *m, struct input *in, enum mode mode)
{
    struct vemu_cpu_state *guest = &m->state;

    set_registers(m, in, mode);
    tables(m, in, mode >= COMPAT, mode == PROT16);
    page_tables(m, in, mode);
    handlers(m, in, mode);
    for (unsigned n = 0; n < 512; n++)
        guest->fpu.area[n] = n < 24 || n >= 32 ? (uint8_t)(n * 7) : guest->fpu.area[n];
    if (input_rarely(in, 8)) { /* a state that need not make sense */
        uint8_t *p = (uint8_t *)guest;
        for (unsigned n = (unsigned)input_take(in, 1) & 15; n; n--)
            p[input_take(in, 2) % sizeof *guest] ^= (uint8_t)input_take(in, 1);
    }
}
