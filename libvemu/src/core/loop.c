/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VM's event loop: calls from other threads, file descriptors, in a thread of its own or in
 * one that the application lends.
 *
 * A private GMainContext does the polling. Calls from other threads go through a queue of our own
 * (one GSource looks at it), because on shutdown every waiting caller must be answered. Watches own
 * their GPollFD and change it in prepare() on the loop thread only, so that any thread may say what
 * to wait for: the wish is an atomic, the wake-up an eventfd.
 *
 * With a lent thread (VEMU_VM_CALLER_LOOP) that thread is the loop thread from the beginning: its
 * calls run at once, without a hand-over, and everything else is done inside vemu__loop_serve().
 * While the loop's work is done there, the thread counts as one of the machine's.
 */
#include "core/loop.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/thread.h"

struct call {
    struct call *next;
    int (*sync)(void *data);
    void (*async)(void *data);
    void (*free_fn)(void *data);
    void *data;
    bool done; /* sync: the caller may go on */
    int result;
};

struct vemu_loop {
    struct vemu_vm *vm;
    GMainContext *context;
    GSource *calls_source;
    pthread_t thread;
    bool lent; /* `thread` is the application's */
    atomic_bool quit;

    pthread_mutex_t lock; /* the fields below */
    pthread_cond_t cond;  /* some sync call is done */
    bool closed;
    bool serving; /* lent: inside vemu__loop_serve() */
    struct call *first, **last;
    atomic_bool waiting; /* first is not NULL; readable without the lock */
};

struct calls_source {
    GSource source;
    struct vemu_loop *loop;
};

static gboolean calls_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    return atomic_load(&((struct calls_source *)source)->loop->waiting);
}

static gboolean calls_check(GSource *source)
{
    return atomic_load(&((struct calls_source *)source)->loop->waiting);
}

static struct call *calls_take(struct vemu_loop *loop)
{
    struct call *call;

    pthread_mutex_lock(&loop->lock);
    call = loop->first;
    if (call) {
        loop->first = call->next;
        if (!loop->first) {
            loop->last = &loop->first;
            atomic_store(&loop->waiting, false);
        }
    }
    pthread_mutex_unlock(&loop->lock);
    return call;
}

static void call_finish(struct vemu_loop *loop, struct call *call, int result)
{
    if (call->async) {
        if (call->free_fn)
            call->free_fn(call->data);
        g_free(call);
        return;
    }
    pthread_mutex_lock(&loop->lock);
    call->result = result;
    call->done = true;
    pthread_cond_broadcast(&loop->cond);
    pthread_mutex_unlock(&loop->lock);
}

static gboolean calls_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct vemu_loop *loop = ((struct calls_source *)source)->loop;
    struct call *call = calls_take(loop);
    int result = 0;

    /* One call an iteration: descriptors get their turn between calls. */
    if (call) {
        if (call->async)
            call->async(call->data);
        else
            result = call->sync(call->data);
        call_finish(loop, call, result);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs calls_funcs = {
    .prepare = calls_prepare,
    .check = calls_check,
    .dispatch = calls_dispatch,
};

static void *loop_main(void *arg)
{
    struct vemu_loop *loop = arg;

    while (!atomic_load(&loop->quit))
        g_main_context_iteration(loop->context, TRUE);
    return NULL;
}

int vemu__loop_new(struct vemu_vm *vm, bool lent, struct vemu_loop **ret)
{
    struct vemu_loop *loop = g_new0(struct vemu_loop, 1);
    int r = 0;

    loop->vm = vm;
    loop->lent = lent;
    loop->thread = pthread_self();
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->cond, NULL);
    loop->context = g_main_context_new();
    loop->calls_source = g_source_new(&calls_funcs, sizeof(struct calls_source));
    ((struct calls_source *)loop->calls_source)->loop = loop;
    g_source_attach(loop->calls_source, loop->context);

    if (!lent)
        r = vemu__thread_start(vm, "vemu-loop", loop_main, loop, &loop->thread);
    if (r < 0) {
        loop->closed = true;
        vemu__loop_free(loop);
        return r;
    }
    *ret = loop;
    return 0;
}

void vemu__loop_stop(struct vemu_loop *loop)
{
    struct call *call;

    pthread_mutex_lock(&loop->lock);
    if (loop->closed) {
        pthread_mutex_unlock(&loop->lock);
        return;
    }
    loop->closed = true;
    pthread_mutex_unlock(&loop->lock);
    atomic_store(&loop->quit, true);
    g_main_context_wakeup(loop->context);
    if (!loop->lent) {
        pthread_join(loop->thread, NULL);
    } else {
        pthread_mutex_lock(&loop->lock);
        while (loop->serving)
            pthread_cond_wait(&loop->cond, &loop->lock);
        pthread_mutex_unlock(&loop->lock);
    }
    while ((call = calls_take(loop)) != NULL)
        call_finish(loop, call, -ESHUTDOWN);
}

void vemu__loop_free(struct vemu_loop *loop)
{
    if (!loop)
        return;
    g_source_destroy(loop->calls_source);
    g_source_unref(loop->calls_source);
    g_main_context_unref(loop->context);
    pthread_cond_destroy(&loop->cond);
    pthread_mutex_destroy(&loop->lock);
    g_free(loop);
}

bool vemu__loop_is_current(struct vemu_loop *loop)
{
    return pthread_equal(pthread_self(), loop->thread);
}

bool vemu__loop_is_lent(struct vemu_loop *loop)
{
    return loop->lent && vemu__loop_is_current(loop);
}

/* --- a lent thread ---------------------------------------------------------------------------- */

static void flag_set(void *data, uint32_t revents)
{
    *(bool *)data = true;
}

static void flag_set_late(void *data)
{
    *(bool *)data = true;
}

static void serving_set(struct vemu_loop *loop, bool serving)
{
    pthread_mutex_lock(&loop->lock);
    loop->serving = serving;
    pthread_cond_broadcast(&loop->cond);
    pthread_mutex_unlock(&loop->lock);
}

int vemu__loop_serve(struct vemu_loop *loop, int fd, int timeout_ms, bool (*done)(void *data),
                     void *data)
{
    bool readable = false, late = false;
    struct vemu_watch *watch = NULL;
    struct vemu_delay *delay = NULL;
    int r = -ESHUTDOWN;

    if (vemu__thread_vm())
        return -EDEADLK;
    vemu__thread_set_vm(loop->vm);
    serving_set(loop, true);
    if (fd >= 0)
        watch = vemu__watch_new(loop, fd, POLLIN, flag_set, &readable);
    if (timeout_ms >= 0)
        delay = vemu__delay_new(loop, (unsigned)timeout_ms, flag_set_late, &late);
    while (!atomic_load(&loop->quit)) {
        r = done(data) ? 1 : readable ? 0 : late ? -ETIMEDOUT : -ESHUTDOWN;
        if (r != -ESHUTDOWN)
            break;
        g_main_context_iteration(loop->context, TRUE);
    }
    vemu__watch_free(watch);
    vemu__delay_free(delay);
    vemu__thread_set_vm(NULL);
    serving_set(loop, false);
    return r;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* False when the loop is closed; the call is then still the caller's. */
static bool calls_put(struct vemu_loop *loop, struct call *call)
{
    pthread_mutex_lock(&loop->lock);
    if (loop->closed) {
        pthread_mutex_unlock(&loop->lock);
        return false;
    }
    *loop->last = call;
    loop->last = &call->next;
    atomic_store(&loop->waiting, true);
    pthread_mutex_unlock(&loop->lock);
    g_main_context_wakeup(loop->context);
    return true;
}

/* On the lent thread, outside of vemu__loop_serve(). */
static int call_here(struct vemu_loop *loop, int (*fn)(void *data), void *data)
{
    int r;

    if (atomic_load(&loop->quit))
        return -ESHUTDOWN;
    if (vemu__thread_vm())
        return -EDEADLK; /* a callback of another VM that this thread serves */
    vemu__thread_set_vm(loop->vm);
    r = fn(data);
    vemu__thread_set_vm(NULL);
    return r;
}

int vemu__loop_call(struct vemu_loop *loop, int (*fn)(void *data), void *data)
{
    struct call call = { .sync = fn, .data = data };

    if (vemu__thread_vm() == loop->vm) {
        if (!vemu__loop_is_current(loop))
            return -EDEADLK;
        return fn(data);
    }
    if (vemu__loop_is_lent(loop))
        return call_here(loop, fn, data);
    if (!calls_put(loop, &call))
        return -ESHUTDOWN;
    pthread_mutex_lock(&loop->lock);
    while (!call.done)
        pthread_cond_wait(&loop->cond, &loop->lock);
    pthread_mutex_unlock(&loop->lock);
    return call.result;
}

void vemu__loop_post(struct vemu_loop *loop, void (*fn)(void *data), void *data,
                     void (*free_fn)(void *data))
{
    struct call *call = g_new0(struct call, 1);

    call->async = fn;
    call->data = data;
    call->free_fn = free_fn;
    if (!calls_put(loop, call)) {
        if (free_fn)
            free_fn(data);
        g_free(call);
    }
}

/* --- watches ---------------------------------------------------------------------------------- */

struct vemu_watch {
    GSource source;
    GPollFD poll;
    bool polled; /* poll is among the context's; loop thread only */
    atomic_uint events;
    struct vemu_loop *loop;
    vemu_watch_fn fn;
    void *data;
};

static gboolean watch_prepare(GSource *source, gint *timeout)
{
    struct vemu_watch *watch = (struct vemu_watch *)source;
    unsigned events = atomic_load(&watch->events);

    *timeout = -1;
    watch->poll.events = (gushort)events;
    watch->poll.revents = 0;
    /* poll(2) reports POLLHUP unasked, so that waiting for nothing means not to poll. */
    if (watch->polled != (events != 0)) {
        watch->polled = events != 0;
        if (watch->polled)
            g_source_add_poll(source, &watch->poll);
        else
            g_source_remove_poll(source, &watch->poll);
    }
    return FALSE;
}

static gboolean watch_check(GSource *source)
{
    struct vemu_watch *watch = (struct vemu_watch *)source;

    return watch->polled && watch->poll.revents != 0;
}

static gboolean watch_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct vemu_watch *watch = (struct vemu_watch *)source;

    watch->fn(watch->data, watch->poll.revents);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_funcs = {
    .prepare = watch_prepare,
    .check = watch_check,
    .dispatch = watch_dispatch,
};

struct vemu_watch *vemu__watch_new(struct vemu_loop *loop, int fd, uint32_t events,
                                   vemu_watch_fn fn, void *data)
{
    GSource *source = g_source_new(&watch_funcs, sizeof(struct vemu_watch));
    struct vemu_watch *watch = (struct vemu_watch *)source;

    watch->loop = loop;
    watch->fn = fn;
    watch->data = data;
    atomic_init(&watch->events, events);
    watch->poll.fd = fd;
    /* Or GLib would take the descriptor off the list and put it back around each dispatch, and wake
     * this very loop to tell it: four system calls. Nobody iterates the context from a callback. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, loop->context);
    return watch;
}

void vemu__watch_set(struct vemu_watch *watch, uint32_t events)
{
    if (atomic_exchange(&watch->events, events) != events)
        g_main_context_wakeup(watch->loop->context);
}

void vemu__watch_free(struct vemu_watch *watch)
{
    if (!watch)
        return;
    g_source_destroy(&watch->source);
    g_source_unref(&watch->source);
}

/* --- delays ----------------------------------------------------------------------------------- */

struct vemu_delay {
    GSource *source;
    void (*fn)(void *data);
    void *data;
};

static gboolean delay_fired(gpointer data)
{
    struct vemu_delay *delay = data;

    delay->fn(delay->data);
    return G_SOURCE_REMOVE;
}

struct vemu_delay *vemu__delay_new(struct vemu_loop *loop, unsigned delay_ms,
                                   void (*fn)(void *data), void *data)
{
    struct vemu_delay *delay = g_new0(struct vemu_delay, 1);

    delay->fn = fn;
    delay->data = data;
    delay->source = g_timeout_source_new(delay_ms);
    g_source_set_callback(delay->source, delay_fired, delay, NULL);
    g_source_attach(delay->source, loop->context);
    return delay;
}

void vemu__delay_free(struct vemu_delay *delay)
{
    if (!delay)
        return;
    g_source_destroy(delay->source);
    g_source_unref(delay->source);
    g_free(delay);
}
