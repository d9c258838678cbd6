/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bare software CPU for white-box tests. */
#include "bare-cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"

static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    struct bare *b = data;
    if (b->log_count < 64)
        b->log[b->log_count++] = (struct bare_access){ false, gpa, b->mmio_value, size };
    *value = b->mmio_value;
}

static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
    struct bare *b = data;
    if (b->log_count < 64)
        b->log[b->log_count++] = (struct bare_access){ true, gpa, value, size };
}

static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    struct bare *b = data;
    (void)size;
    (void)value;
    if (port == 0xf4) {
        b->exited = true;
        sc_async_set(b->c, SC_A_EXIT);
    }
}

static void log_line(void *data, int level, const char *message)
{
    struct bare *b = data;
    (void)level;
    snprintf(b->message, sizeof(b->message), "%s", message);
}

static void die(const char *what)
{
    fprintf(stderr, "bare-cpu: %s\n", what);
    exit(99);
}

static uint8_t *pages(size_t size)
{
    void *p = NULL;
    if (posix_memalign(&p, 4096, size))
        die("out of memory");
    memset(p, 0, size);
    return p;
}

static void add_slot(struct bare *b, uint64_t gpa, uint8_t *hva, uint64_t size, uint32_t flags)
{
    struct sc_slot *s = &b->vm.slots[b->vm.slot_count];
    *s = (struct sc_slot){ .gpa = gpa, .size = size, .hva = hva, .id = b->vm.slot_count,
                           .flags = flags };
    s->pages = calloc(size / 4096, 1);
    b->vm.slot_count++;
}

struct bare *bare_new(void)
{
    struct bare *b = calloc(1, sizeof(*b));
    b->vm.config.vcpus = 1;
    b->vm.config.ioapic_pins = 24;
    b->vm.config.callbacks = (struct vemu_accel_callbacks){ .data = b,
                                                            .mmio_read = mmio_read,
                                                            .mmio_write = mmio_write,
                                                            .pio_write = pio_write,
                                                            .log = log_line };
    b->ram = pages(BARE_RAM);
    b->rom = pages(8192);
    add_slot(b, 0, b->ram, BARE_RAM, 0);
    add_slot(b, BARE_ROM_GPA, b->rom, 8192, VEMU_SLOT_READONLY);
    b->vm.cpus = calloc(1, sizeof(*b->vm.cpus));
    struct sc_cpu *c = b->c = (struct sc_cpu *)pages((sizeof(struct sc_cpu) + 4095) & ~4095ul);
    b->vm.cpus[0] = c;
    b->vm.cpu_count = 1;
    c->vm = &b->vm;
    c->exit = &b->exit;
    c->phys_bits = 40;
    if (sc_sync_init(&b->vm) || sc_bus_init(&b->vm) || sc_time_init(&b->vm) || sc_traces_init(c) ||
        sc_lapic_init(c))
        die("cannot create the vCPU");
    sc_cpuid_default(&b->vm, &c->cpuid);
    sc_cpu_reset(c, false);
    b->next_table = 0x800000;
    return b;
}

void bare_free(struct bare *b)
{
    sc_lapic_fini(b->c);
    sc_traces_fini(b->c);
    sc_time_fini(&b->vm);
    sc_bus_fini(&b->vm);
    sc_sync_fini(&b->vm);
    for (unsigned k = 0; k < b->vm.slot_count; k++)
        free((void *)b->vm.slots[k].pages);
    free(b->vm.cpus);
    free(b->c);
    free(b->ram);
    free(b->rom);
    free(b);
}

int bare_caught(struct bare *b)
{
    if (!b->c->exc_pending)
        return -2; /* an internal error */
    b->c->exc_pending = false;
    return b->c->exc_vector;
}

enum vemu_exit_reason bare_run(struct bare *b, const void *code, unsigned size)
{
    struct sc_cpu *c = b->c;
    uint64_t lin = c->mode & SC_M_64 ? c->rip : (uint32_t)(c->seg[VEMU_CS].base + c->rip), pa;
    if (!sc_translate(c, lin, &pa))
        die("the code is not mapped");
    memcpy(b->ram + pa, code, size);
    sc_traces_flush(c);
    b->exited = false;
    b->exit.reason = 0;
    sc_run(c, &b->exit);
    return b->exit.reason;
}

uint64_t bare_get(struct bare *b, uint64_t pa, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, b->ram + pa, size);
    return v;
}

void bare_set(struct bare *b, uint64_t pa, unsigned size, uint64_t v)
{
    memcpy(b->ram + pa, &v, size);
}

void bare_cpl(struct bare *b, unsigned cpl)
{
    struct sc_cpu *c = b->c;
    bool lm = c->efer & SC_EFER_LMA;
    uint16_t code =
        (uint16_t)(0xb | 1 << 4 | cpl << 5 | 1 << 7 | 1 << 11 | (lm ? 1 << 9 : 1 << 10));
    uint16_t data = (uint16_t)(0x3 | 1 << 4 | cpl << 5 | 1 << 7 | 1 << 10 | 1 << 11);
    uint16_t cs = cpl == 3 ? (lm ? SEL_UC64 : SEL_UC32) : (lm ? SEL_C64 : SEL_C32);
    uint16_t ds = cpl == 3 ? SEL_UD : SEL_D0;
    sc_set_seg_raw(c, VEMU_CS, cs, 0, ~0u, code);
    for (unsigned k = 0; k < VEMU_SEG_COUNT; k++)
        if (k != VEMU_CS)
            sc_set_seg_raw(c, k, ds, 0, ~0u, data);
    sc_set_cpl(c, cpl);
}

static uint64_t new_table(struct bare *b)
{
    uint64_t pa = b->next_table;
    b->next_table += 4096;
    memset(b->ram + pa, 0, 4096);
    return pa;
}

void bare_paging(struct bare *b, enum bare_paging kind, unsigned cpl)
{
    struct sc_cpu *c = b->c;
    c->cr0 = SC_CR0_PE | SC_CR0_ET | SC_CR0_WP | (kind != BARE_NOPAGING ? SC_CR0_PG : 0);
    c->cr4 = SC_CR4_PSE | SC_CR4_PGE;
    c->efer = 0;
    if (kind >= BARE_PAE) {
        c->cr4 |= SC_CR4_PAE;
        c->efer |= SC_EFER_NXE;
    }
    if (kind == BARE_LONG)
        c->efer |= SC_EFER_LME | SC_EFER_LMA | SC_EFER_SCE;
    if (kind != BARE_NOPAGING)
        c->cr3 = new_table(b);
    if (kind == BARE_PAE) {
        for (unsigned k = 0; k < 4; k++)
            bare_set(b, c->cr3 + k * 8, 8, new_table(b) | P_P);
        sc_load_pdptes(c, c->cr3);
    }
    sc_tlb_flush_all(c);
    bare_cpl(b, cpl);
}

/* Walks to the entry of `level`, making tables on the way when `create`. */
static uint64_t find_entry(struct bare *b, uint64_t va, unsigned level, bool create)
{
    struct sc_cpu *c = b->c;
    bool legacy = !(c->cr4 & SC_CR4_PAE), lm = c->efer & SC_EFER_LMA;
    unsigned bits = legacy ? 10 : 9, size = legacy ? 4 : 8, top = lm ? 4 : 2;
    uint64_t table = c->cr3 & ~0xfffull;
    if (!legacy && !lm)
        table = c->pdpte[(va >> 30) & 3] & ~0xfffull;
    for (unsigned l = top;; l--) {
        uint64_t at = table + ((va >> (12 + bits * (l - 1))) & ((1u << bits) - 1)) * size;
        if (l == level)
            return at;
        uint64_t e = bare_get(b, at, size);
        if (!(e & P_P)) {
            if (!create)
                die("no such page table");
            e = new_table(b) | P_P | P_W | P_U;
            bare_set(b, at, size, e);
        }
        table = e & 0x000ffffffffff000ull;
    }
}

uint64_t bare_entry(struct bare *b, uint64_t va, unsigned level)
{
    return find_entry(b, va, level, false);
}

void bare_map(struct bare *b, uint64_t va, uint64_t pa, unsigned shift, uint64_t flags)
{
    bool legacy = !(b->c->cr4 & SC_CR4_PAE);
    unsigned level = 1 + (shift - 12) / (legacy ? 10 : 9);
    uint64_t at = find_entry(b, va, level, true);
    bare_set(b, at, legacy ? 4 : 8, pa | flags | (level > 1 ? P_PS : 0));
}

/* --- descriptor tables ------------------------------------------------------------------------ */

void bare_desc(struct bare *b, uint64_t table, uint16_t sel, uint64_t lo)
{
    bare_set(b, table + (sel & 0xfff8), 8, lo);
}

uint64_t bare_segment(uint32_t base, uint32_t limit, uint32_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(flags & 0xff) << 40 |
           (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(flags >> 8 & 15) << 52 |
           (uint64_t)(base >> 24) << 56;
}

uint64_t bare_gate(uint16_t sel, uint32_t offset, unsigned type, unsigned dpl, unsigned ist)
{
    return (offset & 0xffff) | (uint64_t)sel << 16 | (uint64_t)ist << 32 | (uint64_t)type << 40 |
           (uint64_t)dpl << 45 | 1ull << 47 | (uint64_t)(offset >> 16) << 48;
}

#define F_CODE (0xb | 0x90)
#define F_DATA (0x3 | 0x90)
#define F_DPL3 0x60
#define F_L 0x200
#define F_DB 0x400
#define F_G 0x800

void bare_tables(struct bare *b, unsigned cpl)
{
    struct sc_cpu *c = b->c;
    bool lm = c->efer & SC_EFER_LMA;
    unsigned code = lm ? F_L : F_DB;

    bare_desc(b, BARE_GDT, SEL_C64, bare_segment(0, 0xfffff, F_CODE | F_L | F_G));
    bare_desc(b, BARE_GDT, SEL_D0, bare_segment(0, 0xfffff, F_DATA | F_DB | F_G));
    bare_desc(b, BARE_GDT, SEL_C32, bare_segment(0, 0xfffff, F_CODE | F_DB | F_G));
    bare_desc(b, BARE_GDT, SEL_UC32, bare_segment(0, 0xfffff, F_CODE | F_DPL3 | F_DB | F_G));
    bare_desc(b, BARE_GDT, SEL_UD, bare_segment(0, 0xfffff, F_DATA | F_DPL3 | F_DB | F_G));
    bare_desc(b, BARE_GDT, SEL_UC64, bare_segment(0, 0xfffff, F_CODE | F_DPL3 | F_L | F_G));
    bare_desc(b, BARE_GDT, SEL_CONF, bare_segment(0, 0xfffff, F_CODE | 4 | code | F_G));
    bare_desc(b, BARE_GDT, SEL_NP, bare_segment(0, 0xfffff, (F_DATA & ~0x80) | F_DB | F_G));
    bare_desc(b, BARE_GDT, SEL_RO, bare_segment(0, 0xfffff, (F_DATA & ~2) | F_DB | F_G));
    bare_desc(b, BARE_GDT, SEL_C16, bare_segment(0, 0xffff, F_CODE));
    bare_desc(b, BARE_GDT, SEL_D16, bare_segment(0, 0xffff, F_DATA));
    bare_desc(b, BARE_GDT, SEL_TSS, bare_segment(BARE_TSS, 0xfff, 0xb | 0x80));
    bare_desc(b, BARE_GDT, SEL_TSS + 8, 0);
    bare_desc(b, BARE_GDT, SEL_GATE, bare_gate(lm ? SEL_C64 : SEL_C32, 0x123450, 0xc, 3, 0));
    bare_desc(b, BARE_GDT, SEL_GATE + 8, 0);
    c->gdt = (struct vemu_dtable){ BARE_GDT, 0x7f };

    for (unsigned v = 0; v < 256; v++) {
        unsigned dpl = v == 3 || v == 0x80 ? 3 : 0;
        uint64_t gate = bare_gate(lm ? SEL_C64 : SEL_C32, BARE_HANDLER(v), 0xe, dpl, 0);
        if (lm) {
            bare_set(b, BARE_IDT + v * 16, 8, gate);
            bare_set(b, BARE_IDT + v * 16 + 8, 8, 0);
        } else {
            bare_set(b, BARE_IDT + v * 8, 8, gate);
        }
    }
    c->idt = (struct vemu_dtable){ BARE_IDT, lm ? 0xfff : 0x7ff };

    memset(b->ram + BARE_TSS, 0, 0x1000);
    if (lm) {
        bare_set(b, BARE_TSS + 4, 8, BARE_STACK0);
        bare_set(b, BARE_TSS + 0x24, 8, BARE_IST1);
    } else {
        bare_set(b, BARE_TSS + 4, 4, BARE_STACK0);
        bare_set(b, BARE_TSS + 8, 2, SEL_D0);
    }
    bare_set(b, BARE_TSS + 102, 2, 0x68);
    c->tr = (struct vemu_segment){
        .base = BARE_TSS, .limit = 0xfff, .selector = SEL_TSS, .type = 0xb, .present = 1
    };
    c->ldt = (struct vemu_segment){ .unusable = 1 };
    bare_cpl(b, cpl);
    c->gpr[VEMU_RSP] = cpl == 3 ? BARE_STACK3 : BARE_STACK0;
    c->rip = 0x5000;
    c->eflags = SC_IF;
}
