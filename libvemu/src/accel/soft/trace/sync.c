/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vCPU threads among each other: waking, sleeping, and sections with all of them stopped.
 *
 * A vCPU is "inside" while it may execute guest code. An exclusive section begins when nobody is:
 * the vCPUs see SC_A_EXCLUSIVE at their next trace edge and park; one that sleeps in HLT, left
 * sc_run() or itself waits for a section counts as stopped. Entering waits for a section to end.
 *
 * A device access out of a section (a locked instruction on registers) gives the section up for as
 * long as it takes: it waits for the device's lock, whose holder may be waiting for a section.
 *
 * Locking: sync->lock is held for moments only, never across guest code or callbacks.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "accel/soft/trace/trace.h"

int sc_sync_init(struct sc_vm *vm)
{
    struct sc_sync *s = calloc(1, sizeof(*s));
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (!s)
        return -ENOMEM;
    s->crowded = cpus < 2 || (unsigned long)cpus < vm->config.vcpus;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->code, NULL);
    pthread_cond_init(&s->changed, NULL);
    vm->sync = s;
    return 0;
}

void sc_sync_fini(struct sc_vm *vm)
{
    struct sc_sync *s = vm->sync;

    if (!s)
        return;
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->code);
    pthread_mutex_destroy(&s->lock);
    free(s);
    vm->sync = NULL;
}

/* Nobody else has a section. Returns when no vCPU runs. */
static void take_locked(struct sc_vm *vm, const struct sc_cpu *c, uint32_t depth)
{
    struct sc_sync *s = vm->sync;

    s->exclusive = true;
    s->owner = pthread_self();
    s->depth = depth;
    for (uint32_t n = 0; n < vm->cpu_count; n++) {
        struct sc_cpu *v = vm->cpus[n];
        if (v && v != c && v->traces && v->traces->inside)
            sc_async_set(v, SC_A_EXCLUSIVE);
    }
    while (s->running)
        pthread_cond_wait(&s->changed, &s->lock);
}

void sc_sync_enter(struct sc_cpu *c)
{
    struct sc_sync *s = c->vm->sync;

    pthread_mutex_lock(&s->lock);
    while (s->exclusive)
        pthread_cond_wait(&s->changed, &s->lock);
    c->traces->inside = true;
    if (c->traces->given_up) {
        take_locked(c->vm, c, c->traces->given_up);
        c->traces->given_up = 0;
    } else {
        s->running++;
    }
    pthread_mutex_unlock(&s->lock);
}

void sc_sync_leave(struct sc_cpu *c)
{
    struct sc_sync *s = c->vm->sync;

    pthread_mutex_lock(&s->lock);
    s->running--;
    c->traces->inside = false;
    if (s->exclusive)
        pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

bool sc_sync_park(struct sc_cpu *c)
{
    struct sc_sync *s = c->vm->sync;
    bool parked;

    pthread_mutex_lock(&s->lock);
    parked = c->traces->inside;
    if (parked && s->exclusive && pthread_equal(s->owner, pthread_self())) {
        c->traces->given_up = s->depth;
        c->traces->inside = false;
        s->exclusive = false;
        pthread_cond_broadcast(&s->changed);
    } else if (parked) {
        s->running--;
        c->traces->inside = false;
        if (s->exclusive)
            pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return parked;
}

void sc_exclusive_begin(struct sc_vm *vm, struct sc_cpu *c)
{
    struct sc_sync *s = vm->sync;

    pthread_mutex_lock(&s->lock);
    if (s->exclusive && pthread_equal(s->owner, pthread_self())) {
        s->depth++;
        pthread_mutex_unlock(&s->lock);
        return;
    }
    if (c && c->traces->inside) {
        s->running--;
        pthread_cond_broadcast(&s->changed);
    }
    while (s->exclusive)
        pthread_cond_wait(&s->changed, &s->lock);
    take_locked(vm, c, 1);
    pthread_mutex_unlock(&s->lock);
}

void sc_exclusive_end(struct sc_vm *vm, struct sc_cpu *c)
{
    struct sc_sync *s = vm->sync;

    pthread_mutex_lock(&s->lock);
    if (--s->depth == 0) {
        s->exclusive = false;
        if (c && c->traces->inside)
            s->running++;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

/* --- sleeping ------------------------------------------------------------------------------- */

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
}

void sc_async_set(struct sc_cpu *c, uint32_t bits)
{
    uint32_t old = atomic_fetch_or(&c->async, bits);

    /* Pairs with sc_sync_sleep(): it announces itself before it looks at the bits a last time. */
    if ((old & bits) != bits && c->traces && atomic_load(&c->traces->asleep))
        futex(&c->async, FUTEX_WAKE, 1, NULL);
}

void sc_sync_sleep(struct sc_cpu *c, uint64_t timeout_ns)
{
    struct timespec ts = { .tv_sec = (time_t)(timeout_ns / 1000000000u),
                           .tv_nsec = (long)(timeout_ns % 1000000000u) };

    sc_sync_leave(c);
    atomic_store(&c->traces->asleep, 1);
    if (!atomic_load(&c->async))
        futex(&c->async, FUTEX_WAIT, 0, timeout_ns ? &ts : NULL);
    atomic_store(&c->traces->asleep, 0);
    sc_sync_enter(c);
}
