/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine that random code runs in, and the time that it is given.
 *
 * A timer looks every RUN_US whether the vCPU has used up as much processor time, or sleeps, and
 * asks it to leave then. It is measured in processor time, so that a busy host changes nothing.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "accel/soft/mem/mem.h"
#include "accel/soft/parts.h"
#include "accel/soft/sys/sys.h"
#include "accel/soft/trace/trace.h"
#include "random.h"

#define RUN_US      500
#define HANG_NS     20000000000ull /* of processor time, after it was asked to leave */
#define HANG_SLEEPS 4000           /* times that it was found asleep */

static struct sc_cpu *running; /* for the timer */
static uint64_t started_ns;
static volatile sig_atomic_t sleeps;

/* --- devices -------------------------------------------------------------------------------- */

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

/* Internal errors that are documented stop the machine; any other is a finding. */
static void log_line(void *data, int level, const char *message)
{
    if (level > SC_LOG_ERROR || strstr(message, "task switch"))
        return;
    fprintf(stderr, "soft-random: %s\n", message);
    abort();
}

/* --- life ----------------------------------------------------------------------------------- */

/* Between pages that nobody may touch: a stray access of a translated address ends here. */
#define GUARD 0x10000u

static uint8_t *pages(size_t size)
{
    char *p =
        mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED || mprotect(p + GUARD, size, PROT_READ | PROT_WRITE))
        abort();
    return (uint8_t *)p + GUARD;
}

static void pages_free(void *p, size_t size)
{
    if (p)
        munmap((char *)p - GUARD, size + 2 * GUARD);
}

static size_t cpu_size(void)
{
    return (sizeof(struct sc_cpu) + 4095) & ~4095ul;
}

static void add_slot(struct sc_vm *vm, uint64_t gpa, uint8_t *hva, uint64_t size, uint32_t flags)
{
    struct sc_slot *s = &vm->slots[vm->slot_count];

    *s = (struct sc_slot){
        .gpa = gpa, .size = size, .hva = hva, .id = vm->slot_count, .flags = flags
    };
    s->pages = calloc(size / SC_PAGE_SIZE, 1);
    if (!s->pages)
        abort();
    vm->slot_count++;
}

static void cpu_init(struct machine *m)
{
    struct sc_cpu *c = m->cpu;

    c->vm = &m->vm;
    if (sc_traces_init(c) || sc_lapic_init(c))
        abort();
    sc_cpuid_default(&m->vm, &c->cpuid);
    c->phys_bits = 40;
    m->cpus[0] = c;
    m->vm.cpu_count = 1;
    sc_cpu_reset(c, false);
    c->mp_state = VEMU_MP_RUNNABLE;
}

static void cpu_fini(struct machine *m)
{
    sc_lapic_fini(m->cpu);
    sc_traces_fini(m->cpu);
    m->vm.cpu_count = 0;
    m->cpus[0] = NULL;
}

static void on_alarm(int sig);

void machine_init(struct machine *m)
{
    struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct sc_vm *vm = &m->vm;

    vm->config.vcpus = 1;
    vm->config.ioapic_pins = 24;
    vm->config.callbacks = (struct vemu_accel_callbacks){ .pio_read = pio_read,
                                                          .pio_write = pio_write,
                                                          .mmio_read = mmio_read,
                                                          .mmio_write = mmio_write,
                                                          .ioapic_eoi = ioapic_eoi,
                                                          .pic_ack = pic_ack,
                                                          .log = log_line };
    vm->cpus = m->cpus;
    m->ram = pages(RAM_SIZE);
    m->rom = pages(ROM_SIZE);
    mprotect(m->rom, ROM_SIZE, PROT_READ);
    m->high = pages(HIGH_SIZE);
    add_slot(vm, 0, m->ram, RAM_SIZE, 0);
    add_slot(vm, ROM_GPA, m->rom, ROM_SIZE, VEMU_SLOT_READONLY);
    add_slot(vm, HIGH_GPA, m->high, HIGH_SIZE, VEMU_SLOT_LOG_DIRTY);
    m->cpu = (struct sc_cpu *)pages(cpu_size());
    if (sc_sync_init(vm) || sc_bus_init(vm) || sc_time_init(vm))
        abort();
    cpu_init(m);
    sigaction(SIGALRM, &sa, NULL);
}

void machine_fini(struct machine *m)
{
    cpu_fini(m);
    sc_time_fini(&m->vm);
    sc_bus_fini(&m->vm);
    sc_sync_fini(&m->vm);
    for (unsigned n = 0; n < m->vm.slot_count; n++)
        free((void *)m->vm.slots[n].pages);
    pages_free(m->cpu, cpu_size());
    pages_free(m->ram, RAM_SIZE);
    pages_free(m->rom, ROM_SIZE);
    pages_free(m->high, HIGH_SIZE);
}

void machine_renew(struct machine *m)
{
    memset(m->ram, 0, RAM_SIZE);
    memset(m->high, 0, HIGH_SIZE);
    for (unsigned n = 0; n < m->vm.slot_count; n++)
        memset((void *)m->vm.slots[n].pages, 0, m->vm.slots[n].size / SC_PAGE_SIZE);
    cpu_fini(m);
    memset(m->cpu, 0, sizeof *m->cpu);
    cpu_init(m);
}

/*
 * What takes a guest hours to get to: the jump cache's generation about to start over (see
 * sc_jump_cache_flush()), and a pool of traces with little room.
 */
void machine_age(struct machine *m, struct input *in)
{
    struct sc_cpu *c = m->cpu;
    uint64_t flushes = input_take(in, 1) & 7;

    if (input_rarely(in, 3))
        c->jc_gen = (c->jc_gen & 0x3ffull << 48) | (63 - flushes) << 58 | 0xfff;
    if (input_rarely(in, 3))
        c->traces->used = SC_POOL_RECORDS - 2 * (SC_TRACE_RECORDS + 8) - (input_take(in, 2) & 2047);
}

/* --- the trace tables ------------------------------------------------------------------------ */

static void broken(const char *what, uint32_t index)
{
    fprintf(stderr, "soft-random: trace tables: %s (record %u)\n", what, index);
    abort();
}

/* A header at `index`, with a list of branch records that do lead here. */
static void check_trace(struct sc_traces *t, uint32_t index)
{
    struct sc_trace *h = sc_trace_at(t, index);
    uint32_t steps = 0;

    if (!index || index >= t->used || h->mark != sc_trace_mark || index + h->count >= t->used)
        broken("not a trace", index);
    for (uint32_t n = h->incoming; n; n = sc_link_next(&t->pool[n])) {
        if (n >= t->used || t->pool[n].link != (struct sc_insn *)h + 1)
            broken("a link that is none", n);
        if (++steps > t->used)
            broken("a list of links without end", index);
    }
}

void machine_check(struct machine *m)
{
    struct sc_traces *t = m->cpu->traces;
    uint32_t steps = 0;

    for (uint32_t n = 0; n < t->page_count; n++) {
        for (uint32_t k = t->pages[n].first; k; k = sc_trace_at(t, k)->page_next) {
            check_trace(t, k);
            if (++steps > t->used)
                broken("a list of traces without end", k);
        }
    }
    for (uint32_t n = 0; n < SC_CROSS_SIZE; n++)
        if (t->cross[n].trace)
            check_trace(t, t->cross[n].trace);
}

/* --- running -------------------------------------------------------------------------------- */

static uint64_t processor_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void hung(void)
{
    static const char text[] = "soft-random: the vCPU does not come back\n";

    if (write(2, text, sizeof text - 1) < 0)
        _exit(3);
    abort();
}

/* The timer's signal comes to the only thread there is, which runs the vCPU. */
static void on_alarm(int sig)
{
    struct sc_cpu *c = running;
    uint64_t used;

    (void)sig;
    if (!c)
        return;
    used = processor_ns() - started_ns;
    if (atomic_load(&c->traces->asleep)) {
        if (++sleeps > HANG_SLEEPS)
            hung();
    } else if (used < RUN_US * 1000u) {
        return;
    }
    if (used > HANG_NS)
        hung();
    sc_async_set(c, SC_A_EXIT);
}

int machine_run(struct machine *m, struct vemu_exit *exit)
{
    const struct itimerval tick = { { 0, RUN_US }, { 0, RUN_US } }, off = { { 0, 0 }, { 0, 0 } };
    int r;

    sleeps = 0;
    started_ns = processor_ns();
    running = m->cpu;
    atomic_signal_fence(memory_order_seq_cst);
    setitimer(ITIMER_REAL, &tick, NULL);
    r = sc_run(m->cpu, exit);
    setitimer(ITIMER_REAL, &off, NULL);
    running = NULL;
    return r;
}
