/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A virtual machine of RAM and software vCPUs for white-box tests: see harness.h. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/soft/int/flags.h"
#include "accel/soft/mem/mem.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"

static void pio_read(void *data, uint16_t port, unsigned size, uint32_t *value)
{
    *value = size == 1 ? 0xff : size == 2 ? 0xffff : 0xffffffff;
}

static void pio_write(void *data, uint16_t port, unsigned size, uint32_t value)
{
    struct sc_harness *h = data;

    if (port == 0xf4) {
        h->exit_code = value;
        h->exited = true;
        for (uint32_t n = 0; n < h->vm.cpu_count; n++)
            sc_async_set(h->vm.cpus[n], SC_A_EXIT);
    } else if (port == 0xe9 && h->output_size < sizeof(h->output) - 1) {
        h->output[h->output_size++] = (char)value;
    }
}

static void mmio_read(void *data, uint64_t gpa, unsigned size, uint64_t *value)
{
    struct sc_harness *h = data;
    h->mmio_last = gpa;
    *value = ~0ull;
}

static void mmio_write(void *data, uint64_t gpa, unsigned size, uint64_t value)
{
    struct sc_harness *h = data;
    h->mmio_last = gpa;
}

static void ioapic_eoi(void *data, uint8_t vector) {}
static int pic_ack(void *data) { return -1; }
static void log_line(void *data, int level, const char *message)
{
    fprintf(stderr, "soft: %s\n", message);
}

static void put64(struct sc_harness *h, uint64_t gpa, uint64_t v)
{
    memcpy(h->ram + gpa, &v, 8);
}

static void tables(struct sc_harness *h)
{
    const uint64_t code = h->mode == SC_HARNESS_64 || h->mode == SC_HARNESS_64_USER
                              ? 0x00af9b000000ffffull
                          : h->mode == SC_HARNESS_32 ? 0x00cf9b000000ffffull
                                                     : 0x00009b000000ffffull;
    const uint64_t data = h->mode == SC_HARNESS_16P ? 0x000093000000ffffull : 0x00cf93000000ffffull;

    put64(h, SC_HARNESS_GDT + 0x08, code);
    put64(h, SC_HARNESS_GDT + 0x10, data);
    put64(h, SC_HARNESS_GDT + 0x18, 0x00affb000000ffffull);
    put64(h, SC_HARNESS_GDT + 0x20, 0x00cff3000000ffffull);
    put64(h, SC_HARNESS_PML4, (SC_HARNESS_PML4 + 0x1000) | 7);
    put64(h, SC_HARNESS_PML4 + 0xff8, (SC_HARNESS_PML4 + 0x1000) | 7);
    for (unsigned n = 0; n < 4; n++) {
        put64(h, SC_HARNESS_PML4 + 0x1000 + n * 8, (SC_HARNESS_PML4 + 0x2000 + n * 0x1000) | 7);
        for (unsigned k = 0; k < 512; k++)
            put64(h, SC_HARNESS_PML4 + 0x2000 + n * 0x1000 + k * 8,
                  ((uint64_t)n << 30 | (uint64_t)k << 21) | 0x87);
    }
}

static void set_segment(struct sc_cpu *c, unsigned n, uint16_t sel, uint32_t limit, uint16_t attr)
{
    sc_set_seg_raw(c, n, sel, 0, limit, attr);
}

void sc_harness_reset(struct sc_harness *h, struct sc_cpu *c)
{
    /* type | s<<4 | dpl<<5 | p<<7 | avl<<8 | l<<9 | db<<10 | g<<11 */
    const bool code64 = h->mode == SC_HARNESS_64 || h->mode == SC_HARNESS_64_USER;
    const bool user = h->mode == SC_HARNESS_64_USER;
    const uint16_t dpl = user ? 0x60 : 0;
    const uint16_t code = code64 ? 0xa9b | dpl : h->mode == SC_HARNESS_32 ? 0xc9b : 0x09b;
    const uint16_t data = code64 || h->mode == SC_HARNESS_32 ? 0xc93 | dpl : 0x093;
    const uint32_t limit = data & 0x800 ? UINT32_MAX : 0xffff;

    sc_cpu_reset(c, false);
    c->mp_state = VEMU_MP_RUNNABLE;
    for (unsigned n = 0; n < 16; n++)
        c->gpr[n] = 0;
    if (h->mode == SC_HARNESS_16) {
        for (unsigned n = 0; n < VEMU_SEG_COUNT; n++)
            set_segment(c, n, 0, 0xffff, n == VEMU_CS ? 0x09b : 0x093);
    } else {
        c->cr0 = SC_CR0_PE | SC_CR0_ET | SC_CR0_MP | SC_CR0_NE;
        c->gdt = (struct vemu_dtable){ .base = SC_HARNESS_GDT, .limit = 0x27 };
        for (unsigned n = 0; n < VEMU_SEG_COUNT; n++) {
            uint16_t sel = n == VEMU_CS ? (user ? SC_HARNESS_UCS : SC_HARNESS_CS)
                                        : (user ? SC_HARNESS_UDS : SC_HARNESS_DS);
            set_segment(c, n, sel, limit, n == VEMU_CS ? code : data);
        }
    }
    if (code64) {
        c->cr0 |= SC_CR0_PG | SC_CR0_WP;
        c->cr3 = SC_HARNESS_PML4;
        c->efer = SC_EFER_LME | SC_EFER_LMA | SC_EFER_SCE | SC_EFER_NXE;
        c->cr4 = SC_CR4_PAE;
    }
    if (h->mode != SC_HARNESS_16)
        c->cr4 |= SC_CR4_OSFXSR | SC_CR4_OSXMMEXCPT;
    c->eflags = 2;
    sc_flags_set_arith(c, 0);
    c->cpl = user ? 3 : 0;
    c->rip = h->mode >= SC_HARNESS_16P ? SC_HARNESS_CODE16 : SC_HARNESS_CODE;
    c->gpr[VEMU_RSP] = h->mode >= SC_HARNESS_16P ? SC_HARNESS_CODE16 : SC_HARNESS_STACK;
    c->halted = 0;
    sc_tlb_flush_all(c);
    sc_update_mode(c);
}

static struct sc_cpu *new_cpu(struct sc_harness *h, uint32_t id)
{
    struct sc_cpu *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                            -1, 0);

    if (c == MAP_FAILED)
        abort();
    c->vm = &h->vm;
    c->id = id;
    c->phys_bits = 40;
    h->vm.cpus[id] = c;
    h->vm.cpu_count = id + 1;
    sc_cpuid_default(&h->vm, &c->cpuid);
    if (sc_traces_init(c) || sc_lapic_init(c))
        abort();
    sc_harness_reset(h, c);
    return c;
}

struct sc_harness *sc_harness_new_smp(enum sc_harness_mode mode, unsigned mib, unsigned cpus)
{
    struct sc_harness *h = calloc(1, sizeof(*h));

    h->mode = mode;
    h->time_limit_ms = 10000;
    h->ram_size = (size_t)mib << 20;
    h->ram = mmap(NULL, h->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (h->ram == MAP_FAILED)
        abort();
    h->vm.config.vcpus = SC_HARNESS_CPUS;
    h->vm.config.ioapic_pins = 24;
    h->vm.config.phys_bits = 40;
    h->vm.config.callbacks = (struct vemu_accel_callbacks){
        .data = h, .pio_read = pio_read, .pio_write = pio_write, .mmio_read = mmio_read,
        .mmio_write = mmio_write, .ioapic_eoi = ioapic_eoi, .pic_ack = pic_ack, .log = log_line,
    };
    h->vm.cpus = calloc(SC_HARNESS_CPUS, sizeof(h->vm.cpus[0]));
    h->vm.slot_count = 1;
    h->vm.slots[0] = (struct sc_slot){ .size = h->ram_size, .hva = h->ram,
                                       .pages = calloc(h->ram_size >> SC_PAGE_BITS, 1) };
    if (sc_sync_init(&h->vm) || sc_bus_init(&h->vm) || sc_time_init(&h->vm))
        abort();
    sc_time_start(&h->vm);
    tables(h);
    for (unsigned n = 0; n < cpus; n++)
        new_cpu(h, n);
    h->cpu = h->vm.cpus[0];
    return h;
}

struct sc_harness *sc_harness_new(enum sc_harness_mode mode, unsigned mib)
{
    return sc_harness_new_smp(mode, mib, 1);
}

void sc_harness_free(struct sc_harness *h)
{
    if (!h)
        return;
    sc_time_fini(&h->vm);
    for (uint32_t n = 0; n < h->vm.cpu_count; n++) {
        struct sc_cpu *c = h->vm.cpus[n];
        sc_lapic_fini(c);
        sc_traces_fini(c);
    }
    for (uint32_t n = 0; n < h->vm.cpu_count; n++)
        munmap(h->vm.cpus[n], sizeof(struct sc_cpu));
    sc_bus_fini(&h->vm);
    sc_sync_fini(&h->vm);
    free((void *)h->vm.slots[0].pages);
    free(h->vm.cpus);
    munmap(h->ram, h->ram_size);
    free(h);
}

void sc_harness_load(struct sc_harness *h, uint64_t gpa, const void *bytes, size_t size)
{
    memcpy(h->ram + gpa, bytes, size);
    for (uint64_t at = gpa; at < gpa + size;) {
        uint64_t room = SC_PAGE_SIZE - (at & ~SC_PAGE_MASK);
        unsigned part = (unsigned)(gpa + size - at < room ? gpa + size - at : room);
        if (atomic_load(&h->vm.slots[0].pages[at >> SC_PAGE_BITS]) & SC_PAGE_CODE)
            sc_smc_write(&h->vm, NULL, at, part);
        at += part;
    }
}

void sc_harness_idt(struct sc_harness *h, uint64_t handlers)
{
    const bool wide = h->mode == SC_HARNESS_64 || h->mode == SC_HARNESS_64_USER;
    const uint64_t idt = SC_HARNESS_DATA - 0x1000;

    for (unsigned v = 0; v < 256; v++) {
        uint64_t to = handlers + v * 16;
        uint64_t low = (to & 0xffff) | SC_HARNESS_CS << 16 | (to >> 16 & 0xffff) << 48 |
                       0x8e0000000000ull;
        put64(h, idt + v * (wide ? 16 : 8), low);
        if (wide)
            put64(h, idt + v * 16 + 8, to >> 32);
    }
    for (uint32_t n = 0; n < h->vm.cpu_count; n++)
        h->vm.cpus[n]->idt = (struct vemu_dtable){ .base = idt, .limit = 0xfff };
}

struct watch {
    struct sc_harness *h;
    struct sc_cpu *c;
    _Atomic bool stop;
    bool halted, timed_out;
};

/* Ends a run that halted for good or takes too long. */
static void *watch_main(void *data)
{
    struct watch *w = data;

    for (unsigned ms = 0; !atomic_load(&w->stop); ms++) {
        bool halted = *(volatile uint8_t *)&w->c->halted &&
                      !(*(volatile uint32_t *)&w->c->eflags & SC_IF) &&
                      atomic_load(&w->c->traces->asleep);
        if (halted || ms > w->h->time_limit_ms) {
            w->halted = halted;
            w->timed_out = !halted;
            sc_async_set(w->c, SC_A_EXIT);
            break;
        }
        usleep(ms < 20 ? 50 : 1000);
    }
    return NULL;
}

enum sc_harness_end sc_harness_run_cpu(struct sc_harness *h, struct sc_cpu *c, struct vemu_exit *e)
{
    struct watch w = { .h = h, .c = c };
    pthread_t thread;
    int r;

    atomic_fetch_and(&c->async, ~SC_A_EXIT);
    memset(e, 0, sizeof(*e));
    if (pthread_create(&thread, NULL, watch_main, &w))
        abort();
    r = sc_run(c, e);
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    if (w.halted && c->halted)
        return SC_HARNESS_HALT;
    if (h->exited)
        return SC_HARNESS_EXIT;
    if (w.timed_out)
        return SC_HARNESS_TIMEOUT;
    return !r && e->reason == VEMU_EXIT_SHUTDOWN ? SC_HARNESS_SHUTDOWN : SC_HARNESS_ERROR;
}

enum sc_harness_end sc_harness_run(struct sc_harness *h)
{
    h->exited = false;
    return sc_harness_run_cpu(h, h->cpu, &h->exit);
}

enum sc_harness_end sc_harness_exec(struct sc_harness *h, const void *bytes, size_t size)
{
    sc_harness_reset(h, h->cpu);
    sc_harness_load(h, h->cpu->rip, bytes, size);
    return sc_harness_run(h);
}

uint32_t sc_harness_rflags(const struct sc_harness *h) { return sc_rflags(h->cpu); }
