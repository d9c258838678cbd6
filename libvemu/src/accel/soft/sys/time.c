/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest time: the TSC and the deadlines of the LAPIC timers.
 *
 * Guest time is nanoseconds of CLOCK_MONOTONIC from the first vcpu_run() on, less the time spent
 * paused. The TSC of a vCPU runs at SC_TSC_HZ, one cycle a nanosecond, so it is guest time plus the
 * vCPU's own offset; the offset is zero after power-on, which keeps the TSCs of all vCPUs equal
 * however far apart they were reset.
 *
 * Deadlines are kept in guest time, one per vCPU. One thread per VM, started with the first
 * deadline, sleeps in read() on a timerfd that is set to the earliest of them. vCPU threads set the
 * timerfd themselves, and only when their deadline is earlier than what it is set to: arming costs
 * one system call and no context switch, and nothing wakes up when nothing is armed.
 *
 * Locking: `lock` guards everything but `skew`, which RDTSC reads without it. Nothing is called
 * with the lock held.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "accel/soft/lent/assist.h"
#include "accel/soft/sys/sys.h"

#define NS 1000000000ull

struct time_cpu {
    _Atomic int64_t offset; /* TSC - guest time; written by the vCPU's thread only */
    uint64_t deadline;      /* guest time, SC_NEVER */
};

struct sc_time {
    /* Running: host time = guest time + skew. Stopped: skew is STOPPED and `stopped_at` holds. */
    _Atomic int64_t skew;
    _Atomic uint64_t stopped_at;
    pthread_mutex_t lock;
    bool started; /* the first vcpu_run() happened */
    bool thread_running, quit;
    pthread_t thread;
    int fd;
    uint64_t armed; /* guest time the timerfd is set to, SC_NEVER */
    struct time_cpu cpus[];
};
#define STOPPED INT64_MIN

static uint64_t host_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

int sc_time_init(struct sc_vm *vm)
{
    struct sc_time *t = calloc(1, sizeof(*t) + vm->config.vcpus * sizeof(t->cpus[0]));

    if (!t)
        return -ENOMEM;
    t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (t->fd < 0) {
        int r = -errno;

        free(t);
        return r;
    }
    pthread_mutex_init(&t->lock, NULL);
    atomic_init(&t->skew, STOPPED);
    t->armed = SC_NEVER;
    for (uint32_t n = 0; n < vm->config.vcpus; n++)
        t->cpus[n].deadline = SC_NEVER;
    vm->time = t;
    return 0;
}

void sc_time_fini(struct sc_vm *vm)
{
    struct sc_time *t = vm->time;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->quit = true;
    if (t->thread_running) {
        const struct itimerspec soon = {.it_value = {.tv_nsec = 1}};

        timerfd_settime(t->fd, 0, &soon, NULL);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->thread, NULL);
    } else {
        pthread_mutex_unlock(&t->lock);
    }
    close(t->fd);
    pthread_mutex_destroy(&t->lock);
    free(t);
    vm->time = NULL;
}

uint64_t sc_time_now(struct sc_vm *vm)
{
    struct sc_time *t = vm->time;
    int64_t skew;

    if (SC_UNLIKELY(!t))
        return host_now();
    skew = atomic_load_explicit(&t->skew, memory_order_acquire);
    if (SC_UNLIKELY(skew == STOPPED))
        return atomic_load_explicit(&t->stopped_at, memory_order_relaxed);
    return host_now() - (uint64_t)skew;
}

/* Sets the timerfd to guest time `at` if it is set later than that. */
static void rearm_locked(struct sc_time *t, uint64_t at)
{
    int64_t skew = atomic_load_explicit(&t->skew, memory_order_relaxed);
    struct itimerspec its = {0};
    uint64_t host;

    if (skew == STOPPED || at >= t->armed)
        return;
    host = at + (uint64_t)skew;
    its.it_value.tv_sec = (time_t)(host / NS);
    its.it_value.tv_nsec = (long)(host % NS);
    timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &its, NULL);
    t->armed = at;
}

static void *timer_thread(void *data)
{
    struct sc_vm *vm = data;
    struct sc_time *t = vm->time;
    uint64_t expirations;

    for (;;) {
        if (read(t->fd, &expirations, sizeof(expirations)) < 0 && errno != EINTR && errno != EAGAIN)
            return NULL;
        pthread_mutex_lock(&t->lock);
        if (t->quit) {
            pthread_mutex_unlock(&t->lock);
            return NULL;
        }
        t->armed = SC_NEVER;
        if (atomic_load_explicit(&t->skew, memory_order_relaxed) != STOPPED) {
            uint64_t now = sc_time_now(vm), next = SC_NEVER;

            for (uint32_t n = 0; n < vm->config.vcpus; n++) {
                struct sc_cpu *c;

                if (t->cpus[n].deadline > now) {
                    if (t->cpus[n].deadline < next)
                        next = t->cpus[n].deadline;
                    continue;
                }
                t->cpus[n].deadline = SC_NEVER;
                c = __atomic_load_n(&vm->cpus[n], __ATOMIC_ACQUIRE);
                pthread_mutex_unlock(&t->lock);
                if (c)
                    sc_lapic_timer(c);
                pthread_mutex_lock(&t->lock);
            }
            if (next != SC_NEVER)
                rearm_locked(t, next);
        }
        pthread_mutex_unlock(&t->lock);
    }
}

void sc_time_arm_at(struct sc_cpu *c, uint64_t guest_ns)
{
    struct sc_time *t = c->vm->time;

    if (!t)
        return;
    if (guest_ns > (uint64_t)INT64_MAX) /* three hundred years are never */
        guest_ns = SC_NEVER;
    pthread_mutex_lock(&t->lock);
    t->cpus[c->id].deadline = guest_ns;
    if (guest_ns != SC_NEVER) {
        if (!t->thread_running && !pthread_create(&t->thread, NULL, timer_thread, c->vm)) {
            t->thread_running = true;
            pthread_setname_np(t->thread, "soft-timer");
        }
        rearm_locked(t, guest_ns);
    }
    pthread_mutex_unlock(&t->lock);
}

static int64_t cpu_offset(const struct sc_cpu *c)
{
    return c->vm->time
               ? atomic_load_explicit(&c->vm->time->cpus[c->id].offset, memory_order_relaxed)
               : 0;
}

void sc_time_arm(struct sc_cpu *c, uint64_t deadline)
{
    uint64_t now, tsc;

    if (!deadline) {
        sc_time_arm_at(c, SC_NEVER);
        return;
    }
    now = sc_time_now(c->vm);
    tsc = now + (uint64_t)cpu_offset(c);
    if (deadline <= tsc)
        sc_time_arm_at(c, now);
    else if (deadline - tsc > (uint64_t)INT64_MAX - now)
        sc_time_arm_at(c, SC_NEVER);
    else
        sc_time_arm_at(c, now + (deadline - tsc));
}

uint64_t sc_time_tsc(struct sc_cpu *c)
{
    if (SC_UNLIKELY(c->assist != NULL))
        return sc_assist_tsc(c);
    return sc_time_now(c->vm) + (uint64_t)cpu_offset(c);
}

static void set_offset(struct sc_cpu *c, int64_t offset)
{
    if (!c->vm->time)
        return;
    atomic_store_explicit(&c->vm->time->cpus[c->id].offset, offset, memory_order_relaxed);
    sc_lapic_tsc_moved(c);
    c->stale |= SC_STALE_CLOCK;
}

/* A guest's write to the TSC shows in TSC_ADJUST as well (SDM 3.18.17.3). */
void sc_time_set_tsc(struct sc_cpu *c, uint64_t v)
{
    uint64_t delta = v - sc_time_tsc(c);

    c->tsc_adjust += delta;
    set_offset(c, (int64_t)((uint64_t)cpu_offset(c) + delta));
}

void sc_time_restore_tsc(struct sc_cpu *c, uint64_t v)
{
    set_offset(c, (int64_t)(v - sc_time_now(c->vm)));
}

void sc_time_reset_tsc(struct sc_cpu *c)
{
    c->tsc_adjust = 0;
    set_offset(c, 0);
}

static void resume_locked(struct sc_vm *vm, struct sc_time *t)
{
    uint64_t next = SC_NEVER;

    if (atomic_load(&t->skew) != STOPPED)
        return;
    atomic_store_explicit(&t->skew, (int64_t)(host_now() - atomic_load(&t->stopped_at)),
                          memory_order_release);
    for (uint32_t n = 0; n < vm->config.vcpus; n++)
        if (t->cpus[n].deadline < next)
            next = t->cpus[n].deadline;
    if (next != SC_NEVER)
        rearm_locked(t, next);
}

void sc_time_start(struct sc_vm *vm)
{
    struct sc_time *t = vm->time;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    if (!t->started) {
        t->started = true;
        resume_locked(vm, t);
    }
    pthread_mutex_unlock(&t->lock);
}

void sc_time_paused(struct sc_vm *vm, bool paused)
{
    struct sc_time *t = vm->time;

    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    if (!paused) {
        t->started = true;
        resume_locked(vm, t);
    } else if (atomic_load(&t->skew) != STOPPED) {
        static const struct itimerspec off;

        atomic_store_explicit(&t->stopped_at, sc_time_now(vm), memory_order_relaxed);
        atomic_store_explicit(&t->skew, STOPPED, memory_order_release);
        timerfd_settime(t->fd, 0, &off, NULL);
        t->armed = SC_NEVER;
    }
    pthread_mutex_unlock(&t->lock);
}
