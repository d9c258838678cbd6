/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Garbage for the software CPU: random code in every operating mode, with random descriptors, page
 * tables and control registers, in a small machine. It must come back, and not touch what is not
 * its own (to be seen with sanitizers).
 *
 * With libFuzzer (-fsanitize=fuzzer, SOFT_RANDOM_LIBFUZZER) the input is the fuzzer's; otherwise
 * main() makes inputs from a seed: soft-random [--seed N] [--count N] [--first N] [--verbose]
 * [FILE...].
 *
 * An input is a stream of bytes that decisions are taken from, and then code. Where it ends, zeros
 * follow. A run ends by itself (shutdown) or by the interval timer, which asks the vCPU to leave
 * and, if that does not help for a long time, aborts: a hang.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "accel/soft/flags.h"
#include "accel/soft/mem.h"
#include "accel/soft/parts.h"
#include "accel/soft/sys.h"
#include "accel/soft/trace.h"

#define RAM_SIZE    0x80000u
#define ROM_GPA     0xc0000u
#define HIGH_GPA    0x100000u
#define HIGH_SIZE   0x40000u
#define GDT_GPA     0x1000u
#define LDT_GPA     0x1800u
#define IDT_GPA     0x2000u
#define TSS_GPA     0x3000u
#define HANDLER_GPA 0x4000u
#define STACK_GPA   0x7800u
#define CODE_GPA    0x8000u
#define TABLES_GPA  0x10000u
#define RUN_US      1500
#define HANG_TICKS  20000u /* of RUN_US */

enum mode { REAL, V86, PROT16, PROT32, PAGED32, PAE, COMPAT, LONG0, LONG3, MODE_COUNT };

static struct sc_vm vm;
static struct sc_cpu *cpu, *cpus[1];
static uint8_t *ram, *rom, *high;
static struct vemu_cpu_state state;
static volatile sig_atomic_t ticks;
static uint64_t ends[16];

/* --- the machine ----------------------------------------------------------------------------- */
static void pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = port * 0x01010101u;
}
static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value) {}
static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    *value = gpa * 0x9e3779b97f4a7c15ull;
}
static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value) {}
static void ioapic_eoi(void *data, uint8_t vector) {}
static int pic_ack(void *data)
{
    return -1;
}
static void log_line(void *data, int level, const char *message) {}

static void on_alarm(int sig)
{
    (void)sig;
    if (++ticks > (sig_atomic_t)HANG_TICKS) {
        static const char text[] = "soft-random: the vCPU does not come back\n";
        if (write(2, text, sizeof text - 1) < 0)
            _exit(3);
        abort();
    }
    sc_async_set(cpu, SC_A_EXIT);
}

static uint8_t *pages(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

static void add_slot(uint64_t gpa, uint8_t *hva, uint64_t size, uint32_t flags)
{
    struct sc_slot *s = &vm.slots[vm.slot_count];

    *s = (struct sc_slot){
        .gpa = gpa, .size = size, .hva = hva, .id = vm.slot_count, .flags = flags
    };
    s->pages = calloc(size / 4096, 1);
    if (!s->pages)
        abort();
    vm.slot_count++;
}

static void machine_init(void)
{
    struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };

    if (cpu)
        return;
    vm.config.vcpus = 1;
    vm.config.ioapic_pins = 24;
    vm.config.callbacks = (struct vemu_accel_callbacks){ .pio_read = pio_read,
                                                         .pio_write = pio_write,
                                                         .mmio_read = mmio_read,
                                                         .mmio_write = mmio_write,
                                                         .ioapic_eoi = ioapic_eoi,
                                                         .pic_ack = pic_ack,
                                                         .log = log_line };
    vm.cpus = cpus;
    ram = pages(RAM_SIZE);
    rom = pages(0x10000);
    high = pages(HIGH_SIZE);
    add_slot(0, ram, RAM_SIZE, 0);
    add_slot(ROM_GPA, rom, 0x10000, VEMU_SLOT_READONLY);
    add_slot(HIGH_GPA, high, HIGH_SIZE, VEMU_SLOT_LOG_DIRTY);
    cpu = (struct sc_cpu *)pages((sizeof *cpu + 4095) & ~4095ul);
    cpu->vm = &vm;
    cpu->phys_bits = 40;
    if (sc_sync_init(&vm) || sc_bus_init(&vm) || sc_time_init(&vm) || sc_traces_init(cpu) ||
        sc_lapic_init(cpu))
        abort();
    sc_cpuid_default(&vm, &cpu->cpuid);
    cpus[0] = cpu;
    vm.cpu_count = 1;
    sigaction(SIGALRM, &sa, NULL);
}

/* --- input ----------------------------------------------------------------------------------- */
struct input {
    const uint8_t *p, *end;
};
static uint64_t take(struct input *in, unsigned size)
{
    uint64_t v = 0;
    for (unsigned n = 0; n < size && in->p < in->end; n++)
        v |= (uint64_t)*in->p++ << (8 * n);
    return v;
}
/* True in about one of n cases when the input is random; never at its end. */
static bool rarely(struct input *in, unsigned n)
{
    return take(in, 1) % n == 1;
}

static void put(uint8_t *base, uint32_t gpa, uint64_t v, unsigned size)
{
    memcpy(base + gpa, &v, size);
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

static void tables(struct input *in, bool lm, bool bits16)
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
        put(ram, GDT_GPA + 8 * n, descriptor(0, rarely(in, 8) ? (uint32_t)take(in, 3) : 0xfffff, f),
            8);
    }
    put(ram, GDT_GPA + 0x68, descriptor(TSS_GPA, 0x2fff, lm || !bits16 ? 0x8b : 0x83), 8);
    put(ram, GDT_GPA + 0x78, descriptor(LDT_GPA, 0x7ff, 0x82), 8);
    put(ram, GDT_GPA + 0x88,
        gate(0x08, HANDLER_GPA + (uint32_t)take(in, 1), 12 & (bits16 ? 7 : 15), 3,
             (unsigned)take(in, 1)),
        8);
    put(ram, GDT_GPA + 0x98, gate(0xa0, 0, 5, 3, 0), 8);                   /* task gate */
    put(ram, GDT_GPA + 0xa0, descriptor(TSS_GPA + 0x800, 0x7ff, 0x89), 8); /* another TSS */
    for (n = 0; n < 4; n++)
        if (rarely(in, 4))
            put(ram, GDT_GPA + ((uint32_t)take(in, 1) & 0xf8), take(in, 8), 8);
    for (n = 0; n < 16; n++)
        put(ram, LDT_GPA + 8 * n,
            n & 1 ? descriptor((uint32_t)take(in, 1) << 8, 0xffff, DATA_F | DPL3) : take(in, 8), 8);

    for (n = 0; n < 256; n++) {
        unsigned type = 14 + (n & 1), dpl = n == 3 || n >= 0x80 ? 3 : 0;
        if (bits16 && !lm)
            type &= 7;
        if (n == 0x85 || (n == 8 && !lm))
            put(ram, IDT_GPA + n * 8, gate(0xa0, 0, 5, 3, 0), 8);
        else if (lm) {
            put(ram, IDT_GPA + n * 16, gate(0x08, HANDLER_GPA + n * 16, type, dpl, n == 8), 8);
            put(ram, IDT_GPA + n * 16 + 8, 0, 8);
        } else {
            put(ram, IDT_GPA + n * 8, gate(0x08, HANDLER_GPA + n * 16, type, dpl, 0), 8);
        }
    }
    if (rarely(in, 4))
        put(ram, IDT_GPA + ((uint32_t)take(in, 2) & 0xff8), take(in, 8), 8);

    if (lm) {
        for (n = 0; n < 3; n++)
            put(ram, TSS_GPA + 4 + 8 * n, STACK_GPA, 8);
        for (n = 0; n < 7; n++)
            put(ram, TSS_GPA + 0x24 + 8 * n, STACK_GPA - 0x100, 8);
    } else {
        for (n = 0; n < 3; n++) {
            put(ram, TSS_GPA + 4 + 8 * n, STACK_GPA, 4);
            put(ram, TSS_GPA + 8 + 8 * n, 0x10, 4);
        }
        for (n = 0; n < 0x68; n += 4) /* the other task */
            put(ram, TSS_GPA + 0x800 + n, take(in, 1) ? 0x10 : CODE_GPA, 4);
        put(ram, TSS_GPA + 0x800 + 0x20, CODE_GPA, 4);
        put(ram, TSS_GPA + 0x800 + 0x4c, 0x08, 4);
        put(ram, TSS_GPA + 0x800 + 0x50, 0x10, 4);
        put(ram, TSS_GPA + 0x800 + 0x38, STACK_GPA, 4);
    }
    put(ram, TSS_GPA + 0x66, 0x68, 2);
}

/* Identity for the first 2 MiB, with exceptions. */
static void page_tables(struct input *in, enum mode mode)
{
    bool wide = mode >= PAE;
    unsigned size = wide ? 8 : 4, entries = 4096 / size, leaf = TABLES_GPA + 0x4000;

    if (mode >= COMPAT) {
        put(ram, TABLES_GPA, (TABLES_GPA + 0x1000) | 7, 8);
        put(ram, TABLES_GPA + 0xff8, (TABLES_GPA + 0x1000) | 7, 8);
        put(ram, TABLES_GPA + 0x1000, (TABLES_GPA + 0x2000) | 7, 8);
        put(ram, TABLES_GPA + 0x1ff0, (TABLES_GPA + 0x2000) | 7, 8);
        put(ram, TABLES_GPA + 0x1008, 0x87, 8); /* a 1 GiB page */
    } else if (mode == PAE) {
        for (unsigned n = 0; n < 4; n++)
            put(ram, TABLES_GPA + 8 * n, (TABLES_GPA + 0x2000) | 1, 8);
    }
    put(ram, wide ? TABLES_GPA + 0x2000 : TABLES_GPA, leaf | 7, size);
    put(ram, (wide ? TABLES_GPA + 0x2000 : TABLES_GPA) + size, 0x87, size); /* a large page */
    for (unsigned n = 0; n < entries; n++)
        put(ram, leaf + n * size, n << 12 | 7, size);
    for (unsigned n = (unsigned)take(in, 1) & 15; n; n--) {
        unsigned at = (unsigned)take(in, 1) & (entries - 1) & 0x1ff;
        uint64_t v = (uint64_t)at << 12 | (take(in, 2) & 0x1ff);
        if (rarely(in, 3))
            v = take(in, size);
        if (at != CODE_GPA >> 12 || rarely(in, 4))
            put(ram, leaf + at * size, v, size);
    }
    if (rarely(in, 8)) /* a table that maps itself, or nonsense higher up */
        put(ram, TABLES_GPA + ((unsigned)take(in, 2) & 0x3ff8), take(in, 8), 8);
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

static void set_registers(struct input *in, enum mode mode)
{
    struct vemu_sregs *s = &state.sregs;
    bool lm = mode >= COMPAT;
    unsigned cpl = mode == LONG3 || mode == V86                           ? 3
                   : (mode == PROT32 || mode == PAGED32) && rarely(in, 3) ? 3
                                                                          : 0;

    for (unsigned n = 0; n < 16; n++) {
        switch (take(in, 1) & 3) {
        case 0: state.regs.gpr[n] = take(in, 8); break;
        case 1: state.regs.gpr[n] = take(in, 2); break;
        case 2: state.regs.gpr[n] = 0x9000 + take(in, 1); break;
        default: state.regs.gpr[n] = TABLES_GPA + (take(in, 2) & 0x7fff); break;
        }
    }
    state.regs.gpr[VEMU_RSP] = STACK_GPA - 0x200;
    state.regs.rip = CODE_GPA + (take(in, 1) & 0x1f);
    if (rarely(in, 16)) /* end of a page */
        state.regs.rip = CODE_GPA + 0xfff - (take(in, 1) & 7);
    state.regs.rflags =
        2 | (take(in, 3) & (0xcd5u | SC_TF | SC_IF | SC_IOPL | SC_NT | SC_AC | SC_RF));
    if (!rarely(in, 6))
        state.regs.rflags &= ~(uint64_t)SC_TF;
    if (mode == V86)
        state.regs.rflags |= SC_VM;

    s->cr0 = SC_CR0_ET | (take(in, 1) & (SC_CR0_MP | SC_CR0_NE)) | (rarely(in, 2) ? SC_CR0_WP : 0);
    if (rarely(in, 6))
        s->cr0 |= take(in, 1) & (SC_CR0_EM | SC_CR0_TS);
    if (rarely(in, 3))
        s->cr0 |= SC_CR0_AM;
    s->cr4 = take(in, 2) & (SC_CR4_VME | SC_CR4_PVI | SC_CR4_TSD | SC_CR4_DE | SC_CR4_PSE |
                            SC_CR4_PGE | SC_CR4_OSFXSR | SC_CR4_OSXMMEXCPT);
    s->cr4 |= rarely(in, 6) ? 0 : SC_CR4_OSFXSR;
    s->cr4 |= take(in, 1) & 1 ? SC_CR4_SMEP | SC_CR4_SMAP | SC_CR4_UMIP | SC_CR4_FSGSBASE : 0;
    s->cr4 &= sc_cr4_allowed(cpu);
    s->cr2 = s->cr8 = 0;
    s->cr3 = TABLES_GPA;
    s->efer = take(in, 1) & SC_EFER_SCE;
    if (mode != REAL)
        s->cr0 |= SC_CR0_PE;
    if (mode >= PAGED32 || (mode == V86 && rarely(in, 2)))
        s->cr0 |= SC_CR0_PG;
    if (mode >= PAE) {
        s->cr4 |= SC_CR4_PAE;
        s->efer |= rarely(in, 2) ? 0 : SC_EFER_NXE;
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
            base = code || n == VEMU_SS ? 0 : (uint32_t)(take(in, 2) & 0xfff0);
            s->seg[n] =
                segment((uint16_t)(base >> 4), base, 0xffff, mode == V86 ? DATA_F | DPL3 : f);
            continue;
        }
        if (mode == PROT16) {
            s->seg[n] = segment(sel, n > VEMU_DS ? (uint32_t)take(in, 2) : 0, 0xffff, f);
            continue;
        }
        if (code && lm && mode != COMPAT)
            f |= FL;
        else
            f |= FDB;
        if (!code && n != VEMU_SS && rarely(in, 6))
            base = (uint32_t)take(in, 3);
        s->seg[n] =
            segment(sel, base, !code && rarely(in, 8) ? (uint32_t)take(in, 2) : 0xfffff, f | FG);
    }
    s->apic_base = 0xfee00900;
    memset(&state.debugregs, 0, sizeof state.debugregs);
    state.debugregs.dr6 = 0xffff0ff0;
    state.debugregs.dr7 = 0x400;
    if (rarely(in, 6)) {
        for (unsigned n = 0; n < 4; n++)
            state.debugregs.dr[n] = CODE_GPA + take(in, 1);
        state.debugregs.dr7 |= take(in, 4) & ~0x2000u & 0xffff03ff;
    }
}

/* Frequent system instructions; an input may ask for one by number. */
struct snippet {
    uint8_t size, bytes[8];
};
static const struct snippet snippets[] = {
    { 3, { 0x0f, 0x22, 0xc0 } },
    { 3, { 0x0f, 0x20, 0xc0 } },
    { 3, { 0x0f, 0x22, 0xd8 } },
    { 3, { 0x0f, 0x22, 0xe0 } },
    { 3, { 0x0f, 0x23, 0xf8 } },
    { 3, { 0x0f, 0x21, 0xf0 } },
    { 2, { 0x0f, 0x30 } },
    { 2, { 0x0f, 0x32 } },
    { 2, { 0x0f, 0xa2 } },
    { 2, { 0x0f, 0x31 } },
    { 1, { 0xcf } },
    { 2, { 0x48, 0xcf } },
    { 1, { 0xcb } },
    { 2, { 0x48, 0xcb } },
    { 2, { 0xcd, 0x80 } },
    { 2, { 0xcd, 0x85 } },
    { 1, { 0xcc } },
    { 1, { 0xce } },
    { 1, { 0xf1 } },
    { 1, { 0xfa } },
    { 1, { 0xfb } },
    { 1, { 0x9c } },
    { 1, { 0x9d } },
    { 2, { 0x66, 0x9d } },
    { 2, { 0x8e, 0xd8 } },
    { 2, { 0x8e, 0xd0 } },
    { 2, { 0x8e, 0xe0 } },
    { 1, { 0x07 } },
    { 1, { 0x17 } },
    { 1, { 0x1f } },
    { 2, { 0x0f, 0xa1 } },
    { 3, { 0x0f, 0x00, 0xd0 } },
    { 3, { 0x0f, 0x00, 0xd8 } },
    { 3, { 0x0f, 0x00, 0xe0 } },
    { 3, { 0x0f, 0x01, 0x16 } },
    { 3, { 0x0f, 0x01, 0x1e } },
    { 3, { 0x0f, 0x01, 0xf0 } },
    { 3, { 0x0f, 0x01, 0x3e } },
    { 3, { 0x0f, 0x01, 0xf8 } },
    { 2, { 0x0f, 0x05 } },
    { 3, { 0x48, 0x0f, 0x07 } },
    { 2, { 0x0f, 0x34 } },
    { 2, { 0x0f, 0x35 } },
    { 2, { 0x0f, 0x06 } },
    { 2, { 0x0f, 0x09 } },
    { 2, { 0xe4, 0x21 } },
    { 1, { 0xee } },
    { 2, { 0xf3, 0x6c } },
    { 2, { 0xf3, 0x6e } },
    { 2, { 0xf3, 0xa4 } },
    { 2, { 0xf3, 0xab } },
    { 2, { 0xf2, 0xae } },
    { 1, { 0xf4 } },
    { 5, { 0xea, 0x00, 0x80, 0x08, 0x00 } },
    { 7, { 0xea, 0x00, 0x80, 0x00, 0x00, 0x28, 0x00 } },
    { 7, { 0x9a, 0x00, 0x80, 0x00, 0x00, 0x8b, 0x00 } },
    { 7, { 0xea, 0x00, 0x00, 0x00, 0x00, 0x98, 0x00 } },
    { 5, { 0xb9, 0x80, 0x00, 0x00, 0xc0 } },
    { 5, { 0xb9, 0x1b, 0x00, 0x00, 0x00 } },
    { 5, { 0xb9, 0x30, 0x08, 0x00, 0x00 } },
    { 3, { 0x66, 0xb8, 0x10 } },
    { 5, { 0xb8, 0x10, 0x00, 0x00, 0x00 } },
    { 5, { 0xb8, 0x23, 0x00, 0x00, 0x00 } },
    { 2, { 0x0f, 0x77 } },
    { 3, { 0x0f, 0xae, 0x06 } },
    { 3, { 0x0f, 0xae, 0x0e } },
    { 2, { 0xdd, 0x36 } },
    { 2, { 0xdd, 0x26 } },
    { 2, { 0xdb, 0xe3 } },
    { 3, { 0x0f, 0x02, 0xc1 } },
    { 3, { 0x0f, 0x03, 0xc1 } },
    { 3, { 0x0f, 0x00, 0xe8 } },
    { 2, { 0xe2, 0xf0 } },
    { 2, { 0xeb, 0x00 } },
    { 2, { 0x75, 0xe8 } },
    { 1, { 0x50 } },
    { 1, { 0x58 } },
    { 4, { 0x48, 0x83, 0x06, 0x01 } },
    { 4, { 0x0f, 0x01, 0x0e, 0x00 } },
    { 4, { 0x0f, 0xc7, 0x0e, 0x00 } },
    { 4, { 0xc8, 0x10, 0x00, 0x02 } },
};
#define SNIPPETS (sizeof snippets / sizeof snippets[0])

static void put_code(struct input *in, uint32_t gpa, uint32_t end)
{
    while (gpa < end && in->p < in->end) {
        unsigned b = (unsigned)take(in, 1);
        if (b == 0xd6 || b == 0xd7) { /* not much of a loss */
            const struct snippet *s = &snippets[take(in, 1) % SNIPPETS];
            for (unsigned n = 0; n < s->size && gpa < end; n++)
                ram[gpa++] = s->bytes[n];
        } else {
            ram[gpa++] = (uint8_t)b;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    const struct itimerval tick = { { 0, RUN_US }, { 0, RUN_US } }, off = { { 0, 0 }, { 0, 0 } };
    struct vemu_exit exit = { 0 };
    enum mode mode;
    int r;

    machine_init();
    memset(ram, 0, RAM_SIZE);
    memset(high, 0, 4096);
    atomic_store(&cpu->async, 0);
    sc_cpu_reset(cpu, false);
    cpu->mp_state = VEMU_MP_RUNNABLE;
    sc_traces_flush(cpu);
    sc_tlb_flush_all(cpu);

    mode = (enum mode)(take(&in, 1) % MODE_COUNT);
    sc_get_state(cpu, VEMU_STATE_ALL, &state);
    set_registers(&in, mode);
    tables(&in, mode >= COMPAT, mode == PROT16);
    page_tables(&in, mode);
    if (mode == REAL)
        for (unsigned n = 0; n < 256; n++)
            put(ram, n * 4, HANDLER_GPA + n * 16, 4);
    for (unsigned n = 0; n < 256; n++) { /* handlers: something, then IRET or on into the code */
        ram[HANDLER_GPA + n * 16] = (uint8_t)take(&in, 1);
        put(ram, HANDLER_GPA + n * 16 + 2, mode >= LONG0 ? 0xcf48 : 0xcf, 2);
    }
    for (unsigned n = 0; n < 512; n++)
        state.fpu.area[n] = n < 24 || n >= 32 ? (uint8_t)(n * 7) : state.fpu.area[n];
    if (rarely(&in, 8)) { /* a state that need not make sense */
        uint8_t *p = (uint8_t *)&state;
        for (unsigned n = (unsigned)take(&in, 1) & 15; n; n--)
            p[take(&in, 2) % sizeof state] ^= (uint8_t)take(&in, 1);
    }
    put_code(&in, CODE_GPA, CODE_GPA + 0x2000);
    r = sc_set_state(
        cpu, VEMU_STATE_REGS | VEMU_STATE_SREGS | VEMU_STATE_FPU | VEMU_STATE_DEBUGREGS, &state);
    if (r < 0) {
        ends[0]++;
        return 0;
    }

    ticks = 0;
    setitimer(ITIMER_REAL, &tick, NULL);
    r = sc_run(cpu, &exit);
    setitimer(ITIMER_REAL, &off, NULL);
    ends[r < 0 ? 15 : exit.reason < 15 ? exit.reason : 14]++;
    sc_get_state(cpu, VEMU_STATE_ALL, &state);
    return 0;
}

#ifndef SOFT_RANDOM_LIBFUZZER
static const char *const mode_names[] = { "real", "v86",    "prot16", "prot32", "paged32",
                                          "pae",  "compat", "long0",  "long3" };

static void machine_fini(void)
{
    if (!cpu)
        return;
    sc_lapic_fini(cpu);
    sc_traces_fini(cpu);
    sc_time_fini(&vm);
    sc_bus_fini(&vm);
    sc_sync_fini(&vm);
    for (unsigned n = 0; n < vm.slot_count; n++)
        free((void *)vm.slots[n].pages);
    munmap(cpu, (sizeof *cpu + 4095) & ~4095ul);
    munmap(ram, RAM_SIZE);
    munmap(rom, 0x10000);
    munmap(high, HIGH_SIZE);
    cpu = NULL;
}

static uint64_t splitmix(uint64_t *s)
{
    uint64_t z = *s += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* Random bytes; in the code's part every now and then a snippet. */
static size_t random_input(uint8_t *p, size_t max, uint64_t seed)
{
    uint64_t s = seed, choice = splitmix(&s);
    size_t size = 900 + choice % (max - 900);
    unsigned share = choice >> 32 & 15;

    for (size_t n = 0; n < size; n++) {
        uint64_t v = splitmix(&s);
        p[n] = (uint8_t)v;
        if ((v >> 8 & 31) < share)
            p[n] = 0xd6;
    }
    return size;
}

static int run_file(const char *name)
{
    static uint8_t data[65536];
    FILE *f = fopen(name, "rb");
    size_t size;

    if (!f) {
        fprintf(stderr, "soft-random: cannot open '%s': %s\n", name, strerror(errno));
        return -1;
    }
    size = fread(data, 1, sizeof data, f);
    fclose(f);
    return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
    static uint8_t data[4096];
    uint64_t seed = 1, count = 500, first = 0;
    bool verbose = false, files = false;

    for (int n = 1; n < argc; n++) {
        if (!strcmp(argv[n], "--verbose"))
            verbose = true;
        else if (!strcmp(argv[n], "--seed") && n + 1 < argc)
            seed = strtoull(argv[++n], NULL, 0);
        else if (!strcmp(argv[n], "--count") && n + 1 < argc)
            count = strtoull(argv[++n], NULL, 0);
        else if (!strcmp(argv[n], "--first") && n + 1 < argc)
            first = strtoull(argv[++n], NULL, 0);
        else if (argv[n][0] == '-') {
            fprintf(
                stderr,
                "usage: soft-random [--seed N] [--count N] [--first N] [--verbose] [FILE...]\n");
            return 2;
        } else {
            files = true;
            if (run_file(argv[n]) < 0)
                return 2;
        }
    }
    for (uint64_t n = first; !files && n < first + count; n++) {
        size_t size = random_input(data, sizeof data, seed << 32 ^ n);
        if (verbose) {
            printf("%llu %s\n", (unsigned long long)n, mode_names[data[0] % MODE_COUNT]);
            fflush(stdout);
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%llu runs: %llu ended by the timer, %llu shutdowns, %llu internal errors, %llu states "
           "refused\n",
           (unsigned long long)count, (unsigned long long)ends[VEMU_EXIT_INTR],
           (unsigned long long)ends[VEMU_EXIT_SHUTDOWN],
           (unsigned long long)ends[VEMU_EXIT_INTERNAL_ERROR], (unsigned long long)ends[0]);
    machine_fini();
    return 0;
}
#endif
