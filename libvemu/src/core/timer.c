/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's clock and the timers that follow it.
 *
 * The clock is CLOCK_MONOTONIC minus the time the VM stood still; reading it takes two atomic loads
 * and a vDSO call. Timers stand in a binary heap ordered by deadline. One timerfd, watched by the
 * loop, is set to the earliest deadline; it is only ever set to an earlier time, so that a guest
 * that keeps pushing a deadline back costs one spurious wake-up and not a system call each time.
 *
 * A callback needs its device's lock, which comes before the heap's lock. So expired timers are
 * taken off the heap and marked `due`; after the device's lock is held the mark is looked at again:
 * setting the timer meanwhile has cleared it.
 *
 * Each time the loop comes by, a timer fires once at most: one that is always expired keeps no
 * thread.
 */
#include "core/timer.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/loop.h"
#include "core/vm.h"

struct vemu_timer {
    struct vemu_timers *timers;
    struct vemu_device *dev;
    vemu_timer_fn fn;
    int64_t deadline;
    ssize_t index; /* in the heap, -1: not in it */
    bool due;      /* expired, callback not yet entered */
};

struct vemu_timers {
    struct vemu_loop *loop;
    int fd;
    struct vemu_watch *watch;

    /* The clock: stopped_at >= 0: it stands there; else it shows CLOCK_MONOTONIC - offset. */
    _Atomic int64_t stopped_at;
    _Atomic int64_t offset;

    pthread_mutex_t lock; /* everything below */
    struct vemu_timer **heap;
    size_t count, capacity;
    int64_t programmed; /* deadline the timerfd is set to, INT64_MAX: none */
};

static int64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

int64_t vemu__timers_now(struct vemu_timers *timers)
{
    int64_t stopped_at = atomic_load_explicit(&timers->stopped_at, memory_order_acquire);

    if (stopped_at >= 0)
        return stopped_at;
    return monotonic_ns() - atomic_load_explicit(&timers->offset, memory_order_relaxed);
}

int64_t vemu_clock_ns(struct vemu_vm *vm)
{
    return vemu__timers_now(vm->timers);
}

/* --- the heap --------------------------------------------------------------------------------- */

static void heap_place(struct vemu_timers *timers, size_t index, struct vemu_timer *timer)
{
    timers->heap[index] = timer;
    timer->index = (ssize_t)index;
}

static void heap_up(struct vemu_timers *timers, size_t index, struct vemu_timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (timers->heap[parent]->deadline <= timer->deadline)
            break;
        heap_place(timers, index, timers->heap[parent]);
        index = parent;
    }
    heap_place(timers, index, timer);
}

static void heap_down(struct vemu_timers *timers, size_t index, struct vemu_timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->deadline < timers->heap[child]->deadline)
            child++;
        if (timer->deadline <= timers->heap[child]->deadline)
            break;
        heap_place(timers, index, timers->heap[child]);
        index = child;
    }
    heap_place(timers, index, timer);
}

static void heap_remove(struct vemu_timers *timers, struct vemu_timer *timer)
{
    size_t index = (size_t)timer->index;
    struct vemu_timer *last;

    if (timer->index < 0)
        return;
    timer->index = -1;
    last = timers->heap[--timers->count];
    if (last == timer)
        return;
    if (index > 0 && last->deadline < timers->heap[(index - 1) / 2]->deadline)
        heap_up(timers, index, last);
    else
        heap_down(timers, index, last);
}

static void heap_insert(struct vemu_timers *timers, struct vemu_timer *timer)
{
    if (timers->count == timers->capacity) {
        timers->capacity = timers->capacity ? timers->capacity * 2 : 8;
        timers->heap = g_renew(struct vemu_timer *, timers->heap, timers->capacity);
    }
    heap_up(timers, timers->count++, timer);
}

/* --- the timerfd ------------------------------------------------------------------------------ */

static void program_locked(struct vemu_timers *timers)
{
    struct itimerspec spec = { 0 };
    int64_t deadline, at;

    if (timers->count == 0 || atomic_load(&timers->stopped_at) >= 0)
        return;
    deadline = timers->heap[0]->deadline;
    if (deadline >= timers->programmed)
        return;
    timers->programmed = deadline;
    if (__builtin_add_overflow(deadline, atomic_load(&timers->offset), &at))
        at = INT64_MAX;
    at = MAX(at, 1); /* zero would disarm */
    spec.it_value.tv_sec = at / 1000000000;
    spec.it_value.tv_nsec = at % 1000000000;
    timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* The earliest timer whose time is `until` or before, off the heap and marked due; NULL: none. */
static struct vemu_timer *take_expired(struct vemu_timers *timers, int64_t until)
{
    struct vemu_timer *timer = NULL;

    pthread_mutex_lock(&timers->lock);
    if (timers->count && timers->heap[0]->deadline <= until) {
        timer = timers->heap[0];
        heap_remove(timers, timer);
        timer->due = true;
    }
    pthread_mutex_unlock(&timers->lock);
    return timer;
}

static void fire(struct vemu_timers *timers, struct vemu_timer *timer)
{
    bool due;

    pthread_mutex_lock(&timer->dev->lock);
    pthread_mutex_lock(&timers->lock);
    due = timer->due;
    timer->due = false;
    pthread_mutex_unlock(&timers->lock);
    if (due)
        timer->fn(timer->dev);
    pthread_mutex_unlock(&timer->dev->lock);
}

/* One round: what expires meanwhile, and what is set to a time that is over, comes when the loop
 * has looked at the rest of what it has. Guests program timers faster than they can be fired. */
static void on_timerfd(void *data, uint32_t revents)
{
    struct vemu_timers *timers = data;
    struct vemu_timer *timer;
    uint64_t expirations;
    size_t left = 0;
    int64_t now;

    if (read(timers->fd, &expirations, sizeof(expirations)) < 0)
        return; /* set to a later time since poll() looked */
    pthread_mutex_lock(&timers->lock);
    timers->programmed = INT64_MAX;
    if (atomic_load(&timers->stopped_at) < 0)
        left = timers->count;
    now = vemu__timers_now(timers);
    pthread_mutex_unlock(&timers->lock);

    for (; left && (timer = take_expired(timers, now)) != NULL; left--)
        fire(timers, timer);
    pthread_mutex_lock(&timers->lock);
    program_locked(timers);
    pthread_mutex_unlock(&timers->lock);
}

static int start_watch(void *data)
{
    struct vemu_timers *timers = data;

    timers->watch = vemu__watch_new(timers->loop, timers->fd, POLLIN, on_timerfd, timers);
    return 0;
}

int vemu__timers_new(struct vemu_loop *loop, struct vemu_timers **ret)
{
    struct vemu_timers *timers;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    timers = g_new0(struct vemu_timers, 1);
    timers->fd = fd;
    timers->programmed = INT64_MAX;
    pthread_mutex_init(&timers->lock, NULL);
    timers->loop = loop;
    vemu__loop_call(loop, start_watch, timers);
    *ret = timers;
    return 0;
}

void vemu__timers_free(struct vemu_timers *timers)
{
    if (!timers)
        return;
    vemu__watch_free(timers->watch);
    close(timers->fd);
    pthread_mutex_destroy(&timers->lock);
    g_free(timers->heap);
    g_free(timers);
}

void vemu__timers_run(struct vemu_timers *timers, bool run)
{
    static const struct itimerspec disarm;
    int64_t stopped_at = atomic_load(&timers->stopped_at);

    if (run == (stopped_at < 0))
        return;
    pthread_mutex_lock(&timers->lock);
    timers->programmed = INT64_MAX;
    if (run) {
        atomic_store(&timers->offset, monotonic_ns() - stopped_at);
        atomic_store(&timers->stopped_at, -1);
        program_locked(timers);
    } else {
        atomic_store(&timers->stopped_at, vemu__timers_now(timers));
        timerfd_settime(timers->fd, 0, &disarm, NULL);
    }
    pthread_mutex_unlock(&timers->lock);
}

/* --- timers ----------------------------------------------------------------------------------- */

struct vemu_timer *vemu__timer_new(struct vemu_timers *timers, struct vemu_device *dev,
                                   vemu_timer_fn fn)
{
    struct vemu_timer *timer = g_new0(struct vemu_timer, 1);

    timer->timers = timers;
    timer->dev = dev;
    timer->fn = fn;
    timer->deadline = INT64_MAX;
    timer->index = -1;
    return timer;
}

void vemu__timer_free(struct vemu_timer *timer)
{
    vemu_timer_set(timer, INT64_MAX);
    g_free(timer);
}

void vemu_timer_set(struct vemu_timer *timer, int64_t deadline_ns)
{
    struct vemu_timers *timers = timer->timers;

    pthread_mutex_lock(&timers->lock);
    timer->due = false;
    heap_remove(timers, timer);
    timer->deadline = deadline_ns;
    if (deadline_ns != INT64_MAX) {
        heap_insert(timers, timer);
        program_locked(timers);
    }
    pthread_mutex_unlock(&timers->lock);
}

bool vemu_timer_armed(const struct vemu_timer *timer)
{
    bool armed;

    pthread_mutex_lock(&timer->timers->lock);
    armed = timer->index >= 0 || timer->due;
    pthread_mutex_unlock(&timer->timers->lock);
    return armed;
}
