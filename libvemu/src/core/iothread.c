/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The object "iothread".
 *
 * The thread waits with epoll. A watch is called with its owner's lock held, and taken away with
 * that lock held: then the thread may be waiting for this very lock, so it gives up when the watch
 * is dead, and whoever takes the watch away waits for that. Events that were fetched before name
 * watches that are dead by now: these are freed when the next events are fetched.
 *
 * Before the thread sleeps it looks again for up to poll_ns, which adapts as QEMU's does: sleeps
 * that were shorter than poll-max-ns let it grow, longer ones let it shrink. On a host with one CPU
 * it never does: it would keep away whom it waits for.
 *
 * Numbers that qom-set changes while the thread reads them are read and written as atomics.
 */
#include "core/iothread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/error.h"
#include "core/thread.h"
#include "core/vm.h"

#define EVENTS_MAX  64
#define POLL_MIN_NS 4000 /* where growing begins */
#define WORKERS_MAX 4096u

struct vemu_iothread {
    struct vemu_object object;
    /* properties */
    uint64_t poll_max_ns, poll_grow, poll_shrink, aio_max_batch, workers_min, workers_max;

    int epoll, wake; /* descriptors */
    pthread_t thread;
    bool started;
    atomic_bool quit;
    int64_t poll_ns; /* the thread's */
    bool alone;      /* the host has one CPU */

    pthread_mutex_t lock; /* the fields below; a leaf */
    pthread_cond_t cond;  /* one of them has changed */
    int tid;
    struct vemu_iothread_watch *current, *dead;
    uint64_t workers;
};

struct vemu_iothread_watch {
    struct vemu_iothread *iothread;
    int fd;
    pthread_mutex_t *lock; /* its owner's */
    void (*fn)(void *data);
    void *data;
    atomic_bool gone;
    struct vemu_iothread_watch *next; /* dead */
};

static uint64_t number(const uint64_t *field)
{
    return __atomic_load_n(field, __ATOMIC_RELAXED);
}

/* --- the thread ------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* The thread has slept `slept` ns. */
static void adapt(struct vemu_iothread *io, int64_t slept)
{
    int64_t max = (int64_t)number(&io->poll_max_ns);
    uint64_t grow = number(&io->poll_grow), shrink = number(&io->poll_shrink);

    if (slept <= io->poll_ns)
        return; /* it is well as it is */
    if (slept > max) {
        io->poll_ns = shrink ? io->poll_ns / (int64_t)MIN(shrink, INT64_MAX) : 0;
    } else if (io->poll_ns < max) {
        int64_t factor = grow ? (int64_t)MIN(grow, INT32_MAX) : 2;

        if (!io->poll_ns)
            io->poll_ns = POLL_MIN_NS;
        else
            io->poll_ns = io->poll_ns > max / factor ? max : io->poll_ns * factor;
    }
    io->poll_ns = MIN(io->poll_ns, max);
}

static int wait_for_events(struct vemu_iothread *io, struct epoll_event *events)
{
    int64_t start = now_ns(), end = start + MIN(io->poll_ns, (int64_t)number(&io->poll_max_ns));
    int n;

    do {
        n = epoll_wait(io->epoll, events, EVENTS_MAX, 0);
        if (n > 0)
            return n;
    } while (!io->alone && now_ns() < end);
    n = epoll_wait(io->epoll, events, EVENTS_MAX, -1);
    if (!io->alone)
        adapt(io, now_ns() - start);
    return n;
}

static void call(struct vemu_iothread *io, struct vemu_iothread_watch *watch)
{
    pthread_mutex_lock(&io->lock);
    if (!atomic_load(&watch->gone))
        io->current = watch;
    pthread_mutex_unlock(&io->lock);
    if (!io->current)
        return;
    if (vemu__lock_unless(watch->lock, &watch->gone)) {
        watch->fn(watch->data);
        pthread_mutex_unlock(watch->lock);
    }
    pthread_mutex_lock(&io->lock);
    io->current = NULL;
    pthread_cond_broadcast(&io->cond);
    pthread_mutex_unlock(&io->lock);
}

static void free_dead(struct vemu_iothread *io)
{
    struct vemu_iothread_watch *watch;

    pthread_mutex_lock(&io->lock);
    while ((watch = io->dead) != NULL) {
        io->dead = watch->next;
        g_free(watch);
    }
    pthread_mutex_unlock(&io->lock);
}

static void *iothread_main(void *arg)
{
    struct vemu_iothread *io = arg;
    struct epoll_event events[EVENTS_MAX];

    pthread_mutex_lock(&io->lock);
    io->tid = gettid();
    pthread_cond_broadcast(&io->cond);
    pthread_mutex_unlock(&io->lock);
    while (!atomic_load(&io->quit)) {
        int n = wait_for_events(io, events);

        for (int i = 0; i < n; i++)
            if (events[i].data.ptr) /* else: to be woken up was all */
                call(io, events[i].data.ptr);
        free_dead(io);
    }
    return NULL;
}

/* --- watches ---------------------------------------------------------------------------------- */

static int add_fd(struct vemu_iothread *io, int fd, void *data)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = data };

    return epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int vemu__iothread_watch(struct vemu_iothread *io, int fd, pthread_mutex_t *lock,
                         void (*fn)(void *data), void *data, struct vemu_iothread_watch **ret)
{
    struct vemu_iothread_watch *watch = g_new0(struct vemu_iothread_watch, 1);
    int r;

    watch->iothread = io;
    watch->fd = fd;
    watch->lock = lock;
    watch->fn = fn;
    watch->data = data;
    r = add_fd(io, fd, watch);
    if (r < 0)
        g_free(watch);
    else
        *ret = watch;
    return r;
}

void vemu__iothread_unwatch(struct vemu_iothread_watch *watch)
{
    struct vemu_iothread *io;

    if (!watch)
        return;
    io = watch->iothread;
    epoll_ctl(io->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    pthread_mutex_lock(&io->lock);
    atomic_store(&watch->gone, true);
    while (io->current == watch)
        pthread_cond_wait(&io->cond, &io->lock);
    watch->next = io->dead;
    io->dead = watch;
    pthread_mutex_unlock(&io->lock);
}

/* --- facts ------------------------------------------------------------------------------------ */

struct vemu_iothread *vemu__vm_find_iothread(struct vemu_vm *vm, const char *id)
{
    struct vemu_object *object = vemu__vm_find_object(vm, id);

    return object && object->class_ == &vemu__iothread_object ? (struct vemu_iothread *)object
                                                              : NULL;
}

const char *vemu__iothread_id(const struct vemu_iothread *io)
{
    return io->object.id;
}

void vemu__iothread_get_info(const struct vemu_iothread *io, struct vemu_iothread_info *ret)
{
    *ret = (struct vemu_iothread_info){
        .thread_id = io->tid,
        .poll_max_ns = io->poll_max_ns,
        .poll_grow = io->poll_grow,
        .poll_shrink = io->poll_shrink,
        .aio_max_batch = io->aio_max_batch,
    };
}

uint64_t vemu__iothread_max_batch(const struct vemu_iothread *io)
{
    return number(&io->aio_max_batch);
}

unsigned vemu__iothread_min_workers(const struct vemu_iothread *io)
{
    return (unsigned)number(&io->workers_min);
}

bool vemu__iothread_take_worker(struct vemu_iothread *io, bool first)
{
    bool may;

    pthread_mutex_lock(&io->lock);
    may = first || io->workers < number(&io->workers_max);
    io->workers += may;
    pthread_mutex_unlock(&io->lock);
    return may;
}

void vemu__iothread_give_workers(struct vemu_iothread *io, unsigned count)
{
    pthread_mutex_lock(&io->lock);
    io->workers -= count;
    pthread_mutex_unlock(&io->lock);
}

/* --- the object ------------------------------------------------------------------------------- */

static int check(const char *name, uint64_t value, uint64_t max, struct vemu_error **err)
{
    return value <= max ? 0
                        : vemu__error_set(err, EINVAL, "%s value must be in range [0, %" PRIu64 "]",
                                          name, max);
}

static int check_workers(uint64_t min, uint64_t max, struct vemu_error **err)
{
    int r = check("thread-pool-min", min, WORKERS_MAX, err);

    if (r >= 0)
        r = check("thread-pool-max", max, WORKERS_MAX, err);
    if (r < 0)
        return r;
    if (!max)
        return vemu__error_set(err, EINVAL, "thread-pool-max cannot be 0");
    return min <= max ? 0
                      : vemu__error_set(err, EINVAL,
                                        "thread-pool-min (%" PRIu64 ") is more than thread-pool-max"
                                        " (%" PRIu64 ")",
                                        min, max);
}

static int start(struct vemu_iothread *io, struct vemu_error **err)
{
    g_autofree char *name = g_strdup_printf("IO %s", io->object.id);
    int r;

    io->epoll = epoll_create1(EPOLL_CLOEXEC);
    io->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = io->epoll < 0 || io->wake < 0 ? -errno : add_fd(io, io->wake, NULL);
    if (r >= 0)
        r = vemu__thread_start(io->object.vm, name, iothread_main, io, &io->thread);
    if (r < 0)
        return vemu__error_set(err, -r, "cannot start the thread: %s", strerror(-r));
    io->started = true;
    pthread_mutex_lock(&io->lock);
    while (!io->tid)
        pthread_cond_wait(&io->cond, &io->lock);
    pthread_mutex_unlock(&io->lock);
    return 0;
}

static int complete(struct vemu_object *object, struct vemu_error **err)
{
    struct vemu_iothread *io = (struct vemu_iothread *)object;
    const uint64_t *numbers[] = { &io->poll_max_ns, &io->poll_grow, &io->poll_shrink,
                                  &io->aio_max_batch };
    static const char *const names[] = { "poll-max-ns", "poll-grow", "poll-shrink",
                                         "aio-max-batch" };
    int r = check_workers(io->workers_min, io->workers_max, err);

    io->epoll = io->wake = -1;
    io->alone = sysconf(_SC_NPROCESSORS_ONLN) < 2;
    pthread_mutex_init(&io->lock, NULL);
    pthread_cond_init(&io->cond, NULL);
    for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(numbers); i++)
        r = check(names[i], *numbers[i], INT64_MAX, err);
    return r < 0 ? r : start(io, err);
}

static void fini(struct vemu_object *object)
{
    struct vemu_iothread *io = (struct vemu_iothread *)object;
    static const uint64_t one = 1;
    ssize_t n;

    if (io->started) {
        atomic_store(&io->quit, true);
        n = write(io->wake, &one, sizeof(one));
        (void)n;
        pthread_join(io->thread, NULL);
    }
    free_dead(io);
    if (io->wake > 0)
        close(io->wake);
    if (io->epoll > 0)
        close(io->epoll);
    pthread_cond_destroy(&io->cond);
    pthread_mutex_destroy(&io->lock);
}

static const struct vemu_prop props[] = {
    VEMU_PROP(struct vemu_iothread, poll_max_ns, "poll-max-ns", U64, "32768",
              "how long it may look for work before it sleeps, in nanoseconds; 0: not at all"),
    VEMU_PROP(struct vemu_iothread, poll_grow, "poll-grow", U64, "0",
              "by what the time of looking is multiplied when it was too short; 0: by 2"),
    VEMU_PROP(struct vemu_iothread, poll_shrink, "poll-shrink", U64, "0",
              "by what it is divided when nothing comes; 0: no looking any more"),
    VEMU_PROP(struct vemu_iothread, aio_max_batch, "aio-max-batch", U64, "0",
              "most requests that are gathered for io_uring; 0: as many as its queue has"),
    VEMU_PROP(struct vemu_iothread, workers_min, "thread-pool-min", U64, "0",
              "worker threads that a drive begins with"),
    VEMU_PROP(struct vemu_iothread, workers_max, "thread-pool-max", U64, "64",
              "most worker threads of its drives together; each may have one"),
    VEMU_PROP_END,
};

/* Checks what the numbers would be, and sets the one. */
static int set(struct vemu_object *object, const struct vemu_prop *prop, uint64_t value,
               struct vemu_error **err)
{
    struct vemu_iothread *io = (struct vemu_iothread *)object;
    uint64_t *field = (uint64_t *)(void *)((char *)object + prop->offset);
    int r = 0;

    if (field == &io->workers_min || field == &io->workers_max)
        r = check_workers(field == &io->workers_min ? value : io->workers_min,
                          field == &io->workers_max ? value : io->workers_max, err);
    else
        r = check(prop->name, value, INT64_MAX, err);
    if (r >= 0)
        __atomic_store_n(field, value, __ATOMIC_RELAXED);
    return r;
}

const struct vemu_object_class vemu__iothread_object = {
    .base = {
        .name = "iothread",
        .summary = "a thread of its own for the requests of devices",
        .instance_size = sizeof(struct vemu_iothread),
        .props = props,
    },
    .complete = complete,
    .set = set,
    .fini = fini,
};
