/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cases on the software CPU: user mode, the host's addresses mapped by guest page tables.
 *
 * There is no guest kernel: faults are taken where the run loop would deliver them, by way of the
 * jump buffer; so what is looked at is the exception, not its delivery.
 */
#include <cpuid.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/fp/fpu.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/parts.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"

#include "insn.h"

#define TABLES_GPA  0x100000ull /* guest page tables; RAM is at 0 */
#define TABLE_PAGES 16u
#define STEPS_MAX   1000u

static struct sc_vm vm;
static struct sc_cpu *cpu;
static struct sc_cpu *cpus[1];
static uint8_t *tables;
static unsigned tables_used = 1;
static struct vemu_exit vcpu_exit;

static void pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = 0;
}
static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value) {}
static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    *value = 0;
}
static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value) {}
static void ioapic_eoi(void *data, uint8_t vector) {}
static int pic_ack(void *data)
{
    return -1;
}
static void log_line(void *data, int level, const char *message) {}

static void map_page(uint64_t va, uint64_t gpa, uint64_t flags)
{
    uint64_t *t = (uint64_t *)tables;

    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t *e = &t[va >> shift & 511];
        if (!*e)
            *e = (TABLES_GPA + 4096ull * tables_used++) | 7;
        t = (uint64_t *)(tables + ((*e & ~0xfffull) - TABLES_GPA));
    }
    t[va >> 12 & 511] = gpa | flags;
}

static int add_slot(unsigned n, uint64_t gpa, uint8_t *hva, uint64_t size)
{
    struct sc_slot *s = &vm.slots[n];

    *s = (struct sc_slot){.gpa = gpa, .size = size, .hva = hva, .id = n};
    s->pages = calloc(size / 4096, 1);
    vm.slot_count = n + 1;
    return s->pages ? 0 : -1;
}

/* As Linux has them; 32-bit code needs its data segments. */
static void set_segments(bool compat)
{
    const struct vemu_segment none = {.unusable = 1};

    sc_set_seg_raw(cpu, VEMU_CS, compat ? USER_CS32 : USER_CS64, 0, UINT32_MAX,
                   compat ? 0xcfb : 0xafb);
    sc_set_seg_raw(cpu, VEMU_SS, USER_DS, 0, UINT32_MAX, 0xcf3);
    cpu->seg[VEMU_DS] = cpu->seg[VEMU_ES] = compat ? cpu->seg[VEMU_SS] : none;
    cpu->seg[VEMU_FS] = cpu->seg[VEMU_GS] = none;
    cpu->seg[VEMU_GS].base = GS_BASE;
}

/* What the software CPU has by itself but this host may not: ADX, MOVBE, POPCNT, LZCNT. (The rest
 * it has from the host.) */
static void hide_what_host_lacks(void)
{
    static const struct {
        uint32_t leaf;
        unsigned reg, bit;
    } bits[] = {{7, 1, 19}, {1, 2, 22}, {1, 2, 23}, {0x80000001, 2, 5}};

    for (unsigned n = 0; n < sizeof bits / sizeof bits[0]; n++) {
        uint32_t r[4] = {0};
        for (uint32_t e = 0; e < cpu->cpuid.count; e++) {
            struct vemu_cpuid_entry *entry = &cpu->cpuid.entries[e];
            if (entry->function != bits[n].leaf || entry->index)
                continue;
            if (!__get_cpuid_count(bits[n].leaf, 0, &r[0], &r[1], &r[2], &r[3]) ||
                !(r[bits[n].reg] >> bits[n].bit & 1))
                *(bits[n].reg == 1 ? &entry->ebx : &entry->ecx) &= ~(1u << bits[n].bit);
        }
    }
}

int soft_init(void)
{
    const uint64_t no_exec = 1ull << 63;

    vm.config.vcpus = 1;
    vm.config.callbacks = (struct vemu_accel_callbacks){.pio_read = pio_read,
                                                        .pio_write = pio_write,
                                                        .mmio_read = mmio_read,
                                                        .mmio_write = mmio_write,
                                                        .ioapic_eoi = ioapic_eoi,
                                                        .pic_ack = pic_ack,
                                                        .log = log_line};
    vm.cpus = cpus;
    tables =
        mmap(NULL, TABLE_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cpu = mmap(NULL, sizeof *cpu, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (tables == MAP_FAILED || cpu == MAP_FAILED ||
        add_slot(0, 0, ram_view, RAM_PAGES * 4096) < 0 ||
        add_slot(1, TABLES_GPA, tables, TABLE_PAGES * 4096) < 0)
        return -1;
    for (unsigned n = 0; n < CODE_PAGES; n++)
        map_page(CODE_BASE + n * 4096, n * 4096, 5);
    for (unsigned n = 0; n < DATA_PAGES; n++)
        map_page(DATA_BASE + n * 4096, (CODE_PAGES + n) * 4096, 7 | no_exec);
    map_page(RO_BASE, (CODE_PAGES + DATA_PAGES) * 4096, 5 | no_exec);

    cpu->vm = &vm;
    cpu->exit = &vcpu_exit;
    cpu->phys_bits = 40;
    cpus[0] = cpu;
    vm.cpu_count = 1;
    if (sc_sync_init(&vm) || sc_bus_init(&vm) || sc_time_init(&vm) || sc_traces_init(cpu) ||
        sc_lapic_init(cpu))
        return -1;
    sc_cpuid_default(&vm, &cpu->cpuid);
    hide_what_host_lacks();
    sc_cpu_reset(cpu, false);
    cpu->mp_state = VEMU_MP_RUNNABLE;
    cpu->cr0 = SC_CR0_PE | SC_CR0_ET | SC_CR0_MP | SC_CR0_NE | SC_CR0_WP | SC_CR0_AM | SC_CR0_PG;
    cpu->cr3 = TABLES_GPA;
    cpu->cr4 = SC_CR4_PAE | SC_CR4_OSFXSR | SC_CR4_OSXMMEXCPT;
    cpu->efer = SC_EFER_LME | SC_EFER_LMA | SC_EFER_SCE | SC_EFER_NXE;
    set_segments(false);
    cpu->tr = (struct vemu_segment){.limit = 0x60, .selector = 0x40, .type = 0xb, .present = 1};
    cpu->gpr[SC_R_4K] = 4096;
    sc_set_cpl(cpu, 3);
    sc_tlb_flush_all(cpu);
    sc_update_mode(cpu);
    return 0;
}

void soft_fini(void)
{
    sc_lapic_fini(cpu);
    sc_traces_fini(cpu);
    sc_time_fini(&vm);
    sc_bus_fini(&vm);
    sc_sync_fini(&vm);
    for (unsigned n = 0; n < vm.slot_count; n++)
        free((void *)vm.slots[n].pages);
    munmap(cpu, sizeof *cpu);
    munmap(tables, TABLE_PAGES * 4096);
}

void soft_new_code(void)
{
    sc_traces_flush(cpu);
}

static void execute(struct sc_cpu *c, struct sc_insn *i)
{
#ifdef SC_PORTABLE
    while (i)
        i = i->fn(c, i);
#else
    i->fn(c, i);
#endif
}

/* 1: at an exit. 0: fault. -1: neither. */
static int run(struct sc_cpu *c, uint64_t exit0, uint64_t exit1)
{
    volatile unsigned steps = 0;

    if (setjmp(c->fault))
        return 0;
    while (c->rip != exit0 && c->rip != exit1) {
        if (steps++ > STEPS_MAX || c->want_exit || c->halted)
            return -1;
        c->eflags &= ~SC_RF;
        execute(c, sc_trace_find(c));
    }
    return 1;
}

void soft_run(const struct fuzz_case *k, struct outcome *o)
{
    struct sc_cpu *c = cpu;
    int r;

    arena_load(k->memory);
    memcpy(c->gpr, k->in.gpr, sizeof k->in.gpr);
    c->rip = k->in.rip;
    c->eflags = (uint32_t)(k->in.rflags & ~(uint64_t)SC_ARITH & ~2ull) | SC_IF;
    sc_flags_set_arith(c, (uint32_t)k->in.rflags);
    c->shadow = 0;
    c->exc_pending = false;
    c->want_exit = false;
    c->link_from = NULL;
    c->cr2 = 0;
    set_segments(k->compat);
    sc_fxrstor_image(c, k->in.fx, true, 16);
    sc_update_mode(c);

    sc_fpu_enter(c);
    r = run(c, exit_address(k, 0), exit_address(k, 1));
    sc_fpu_leave(c);

    memcpy(o->state.gpr, c->gpr, sizeof o->state.gpr);
    o->state.rip = c->rip;
    o->state.rflags = sc_rflags(c);
    memset(o->state.fx, 0, sizeof o->state.fx);
    sc_fxsave_image(c, o->state.fx, true, 16);
    o->exit = r == 1 && c->rip == exit_address(k, 1);
    o->vector = r == 1 ? VECTOR_NONE : r == 0 && c->exc_pending ? c->exc_vector : VECTOR_ODD;
    o->error = o->vector >= 0 && c->exc_has_error ? c->exc_error : 0;
    o->cr2 = c->cr2;
    arena_store(o->memory);
}
