/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port and memory-mapped I/O: from the CPU to the accelerator's callbacks or to an eventfd;
 * counters.
 *
 * ioeventfds are in a sorted table under a read-write lock: a lookup takes it for reading, and
 * nothing but a write to an eventfd happens under it.
 */
#include "accel/soft/sys/io.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/soft/mem/mem.h"
#include "accel/soft/trace/trace.h"

struct event {
    uint64_t address, match;
    unsigned size; /* 0: any */
    int fd;
    bool pio, use_match;
};

struct counters {
    _Alignas(64) _Atomic uint64_t n[SC_CNT_COUNT];
};

#define MSR_LOG_MAX 128
#define EVENT_MAX 4096

struct sc_bus {
    pthread_rwlock_t lock;
    struct event *events; /* sorted by pio, address */
    size_t event_count;
    _Atomic size_t event_hint; /* event_count, read without the lock */
    pthread_mutex_t msr_lock;
    uint64_t msrs[MSR_LOG_MAX]; /* index | write << 32 */
    unsigned msr_count;
    struct counters cpus[];
};

int sc_bus_init(struct sc_vm *vm)
{
    size_t size = sizeof(struct sc_bus) + vm->config.vcpus * sizeof(struct counters);
    struct sc_bus *b = aligned_alloc(64, (size + 63) & ~(size_t)63);

    if (!b)
        return -ENOMEM;
    memset(b, 0, size);
    pthread_rwlock_init(&b->lock, NULL);
    pthread_mutex_init(&b->msr_lock, NULL);
    vm->bus = b;
    return 0;
}

void sc_bus_fini(struct sc_vm *vm)
{
    struct sc_bus *b = vm->bus;

    if (!b)
        return;
    pthread_rwlock_destroy(&b->lock);
    pthread_mutex_destroy(&b->msr_lock);
    free(b->events);
    free(b);
    vm->bus = NULL;
}

/* --- ioeventfds ----------------------------------------------------------------------------- */

static int compare(bool pio, uint64_t address, const struct event *e)
{
    if (pio != e->pio)
        return pio < e->pio ? -1 : 1;
    return address < e->address ? -1 : address > e->address;
}

/* Index of the first event that is not before (pio, address). */
static size_t lower_bound(const struct sc_bus *b, bool pio, uint64_t address)
{
    size_t lo = 0, hi = b->event_count;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (compare(pio, address, &b->events[mid]) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool same_address(const struct sc_bus *b, size_t n, bool pio, uint64_t address)
{
    return n < b->event_count && !compare(pio, address, &b->events[n]);
}

static bool same_event(const struct event *a, const struct event *b)
{
    return a->size == b->size && a->use_match == b->use_match &&
           (!a->use_match || a->match == b->match);
}

static int event_add(struct sc_bus *b, const struct event *e)
{
    size_t n = lower_bound(b, e->pio, e->address);
    struct event *grown;

    if (b->event_count >= EVENT_MAX)
        return -ENOSPC;
    for (size_t k = n; same_address(b, k, e->pio, e->address); k++)
        if (same_event(&b->events[k], e))
            return -EEXIST;
    grown = realloc(b->events, (b->event_count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    b->events = grown;
    memmove(&grown[n + 1], &grown[n], (b->event_count - n) * sizeof(*grown));
    grown[n] = *e;
    b->event_count++;
    return 0;
}

static int event_remove(struct sc_bus *b, const struct event *e)
{
    for (size_t n = lower_bound(b, e->pio, e->address); same_address(b, n, e->pio, e->address);
         n++) {
        if (!same_event(&b->events[n], e) || b->events[n].fd != e->fd)
            continue;
        b->event_count--;
        memmove(&b->events[n], &b->events[n + 1], (b->event_count - n) * sizeof(*e));
        return 0;
    }
    return -ENOENT;
}

int sc_bus_ioeventfd(struct sc_vm *vm, bool add, bool pio, uint64_t address, unsigned size,
                     bool use_match, uint64_t match, int fd)
{
    struct sc_bus *b = vm->bus;
    const struct event e = {.address = address, .match = match, .size = size, .fd = fd, .pio = pio,
                            .use_match = use_match};
    int r;

    if (size != 0 && size != 1 && size != 2 && size != 4 && (size != 8 || pio))
        return -EINVAL;
    if (!size && use_match)
        return -EINVAL; /* which bytes would have to match? */
    if (pio && address > 0xffff)
        return -EINVAL;
    if (size && address + size < address)
        return -EINVAL;
    pthread_rwlock_wrlock(&b->lock);
    r = add ? event_add(b, &e) : event_remove(b, &e);
    atomic_store(&b->event_hint, b->event_count);
    pthread_rwlock_unlock(&b->lock);
    return r;
}

/* True: an eventfd took the write. */
static bool signal_event(struct sc_bus *b, bool pio, uint64_t address, unsigned size, uint64_t v)
{
    static const uint64_t one = 1;
    bool hit = false;

    if (!b || !atomic_load_explicit(&b->event_hint, memory_order_acquire))
        return false;
    if (size < 8)
        v &= (1ull << size * 8) - 1;
    pthread_rwlock_rdlock(&b->lock);
    for (size_t n = lower_bound(b, pio, address); same_address(b, n, pio, address); n++) {
        const struct event *e = &b->events[n];

        if ((e->size && e->size != size) || (e->use_match && e->match != v))
            continue;
        /* A full counter is a signal already. */
        hit = write(e->fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN;
        break;
    }
    pthread_rwlock_unlock(&b->lock);
    return hit;
}

/* --- accesses ------------------------------------------------------------------------------- */

bool sc_callback_begin(struct sc_cpu *c)
{
    sc_fpu_leave(c); /* devices must not see the guest's floating-point environment */
    return c->vm->sync && c->traces && sc_sync_park(c);
}

void sc_callback_end(struct sc_cpu *c, bool parked)
{
    if (parked) {
        sc_sync_enter(c);
        /* Memory slots changed meanwhile: what is left of the instruction must not use old ones.
         * The bit stays for the next trace edge, where the traces go, too. */
        if (atomic_load_explicit(&c->async, memory_order_relaxed) & SC_A_FLUSH)
            sc_tlb_flush_all(c);
    }
    sc_fpu_enter(c);
}

uint32_t sc_io_in(struct sc_cpu *c, uint16_t port, unsigned size)
{
    const struct vemu_accel_callbacks *cb = &c->vm->config.callbacks;
    uint32_t v = UINT32_MAX;

    sc_count(c, SC_CNT_IO);
    if (cb->pio_read)
        SC_CALLBACK(c, cb->pio_read(cb->data, port, size, &v));
    return size == 4 ? v : v & ((1u << size * 8) - 1);
}

void sc_io_out(struct sc_cpu *c, uint16_t port, unsigned size, uint32_t v)
{
    const struct vemu_accel_callbacks *cb = &c->vm->config.callbacks;

    sc_count(c, SC_CNT_IO);
    if (size < 4)
        v &= (1u << size * 8) - 1;
    if (signal_event(c->vm->bus, true, port, size, v) || !cb->pio_write)
        return;
    SC_CALLBACK(c, cb->pio_write(cb->data, port, size, v));
}

uint64_t sc_mmio_read(struct sc_cpu *c, uint64_t gpa, unsigned size)
{
    const struct vemu_accel_callbacks *cb = &c->vm->config.callbacks;
    uint64_t v = UINT64_MAX;

    sc_count(c, SC_CNT_MMIO);
    if (cb->mmio_read)
        SC_CALLBACK(c, cb->mmio_read(cb->data, gpa, size, &v));
    return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

void sc_mmio_write(struct sc_cpu *c, uint64_t gpa, unsigned size, uint64_t v)
{
    const struct vemu_accel_callbacks *cb = &c->vm->config.callbacks;

    sc_count(c, SC_CNT_MMIO);
    if (signal_event(c->vm->bus, false, gpa, size, v) || !cb->mmio_write)
        return;
    SC_CALLBACK(c, cb->mmio_write(cb->data, gpa, size, v));
}

/* --- counters and log ------------------------------------------------------------------------- */

void sc_count(struct sc_cpu *c, enum sc_counter counter)
{
    _Atomic uint64_t *n;

    if (!c->vm->bus)
        return;
    /* One writer: no read-modify-write needed. */
    n = &c->vm->bus->cpus[c->id].n[counter];
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void sc_bus_stats(struct sc_vm *vm, struct vemu_accel_stats *ret)
{
    uint64_t sum[SC_CNT_COUNT] = {0};

    for (uint32_t k = 0; k < vm->config.vcpus; k++)
        for (unsigned n = 0; n < SC_CNT_COUNT; n++)
            sum[n] += atomic_load_explicit(&vm->bus->cpus[k].n[n], memory_order_relaxed);
    *ret = (struct vemu_accel_stats){
        .exits_io = sum[SC_CNT_IO],
        .exits_mmio = sum[SC_CNT_MMIO],
        .exits_halt = sum[SC_CNT_HALT],
        .exits_intr = sum[SC_CNT_INTR],
        .exits_other = sum[SC_CNT_OTHER],
    };
}

void sc_log(struct sc_vm *vm, int level, const char *format, ...)
{
    const struct vemu_accel_callbacks *cb = &vm->config.callbacks;
    char line[256];
    va_list args;

    if (!cb->log)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    cb->log(cb->data, level, line);
}

bool sc_bus_first_msr(struct sc_vm *vm, uint32_t index, bool write)
{
    struct sc_bus *b = vm->bus;
    uint64_t key = index | (uint64_t)write << 32;
    bool first = false;

    if (!b)
        return false;
    pthread_mutex_lock(&b->msr_lock);
    for (unsigned n = 0;; n++) {
        if (n == b->msr_count) {
            first = n < MSR_LOG_MAX; /* a guest that tries them all does not flood the log */
            if (first)
                b->msrs[b->msr_count++] = key;
            break;
        }
        if (b->msrs[n] == key)
            break;
    }
    pthread_mutex_unlock(&b->msr_lock);
    return first;
}
