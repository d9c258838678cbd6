/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own threads: named, small stacks, no signals, each belonging to one VM.
 *
 * Every signal but the synchronous ones is blocked, so that the application's handlers never run
 * here, and so that a write to a closed pipe ends in EPIPE: SIGPIPE goes to the writing thread and
 * stays pending there.
 */
#include "core/thread.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (2u << 20)
#else
#define STACK_SIZE (256u << 10)
#endif

#define LOCK_WAIT_NS 10000000 /* between two looks at `quit` in vemu__lock_unless() */

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/* ThreadSanitizer knows only the call that goes by a clock which may be set. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define LOCK_CLOCK             CLOCK_REALTIME
#define lock_until(mutex, at_) pthread_mutex_timedlock(mutex, at_)
#else
#define LOCK_CLOCK             CLOCK_MONOTONIC
#define lock_until(mutex, at_) pthread_mutex_clocklock(mutex, LOCK_CLOCK, at_)
#endif

struct start {
    struct vemu_vm *vm;
    char name[16];
    void *(*fn)(void *arg);
    void *arg;
};

/* Which VM this thread works for: how calls that would wait for themselves are recognized. */
static _Thread_local struct vemu_vm *thread_vm;

static void *thread_main(void *data)
{
    struct start start = *(struct start *)data;

    g_free(data);
    pthread_setname_np(pthread_self(), start.name);
    thread_vm = start.vm;
    return start.fn(start.arg);
}

int vemu__thread_start(struct vemu_vm *vm, const char *name, void *(*fn)(void *arg), void *arg,
                       pthread_t *ret)
{
    struct start *start = g_new0(struct start, 1);
    sigset_t blocked, old;
    pthread_attr_t attr;
    int r;

    start->vm = vm;
    g_strlcpy(start->name, name, sizeof(start->name));
    start->fn = fn;
    start->arg = arg;

    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGTRAP);
    sigdelset(&blocked, SIGSYS);
    sigdelset(&blocked, SIGABRT);

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, MAX((size_t)STACK_SIZE, (size_t)PTHREAD_STACK_MIN));
    /* The new thread inherits the mask, so there is no moment in which it takes a signal. */
    pthread_sigmask(SIG_SETMASK, &blocked, &old);
    r = pthread_create(ret, &attr, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (r)
        g_free(start);
    return -r;
}

struct vemu_vm *vemu__thread_vm(void)
{
    return thread_vm;
}

void vemu__thread_set_vm(struct vemu_vm *vm)
{
    thread_vm = vm;
}

bool vemu__lock_unless(pthread_mutex_t *lock, const atomic_bool *quit)
{
    while (!atomic_load(quit)) {
        struct timespec at;

        clock_gettime(LOCK_CLOCK, &at);
        at.tv_nsec += LOCK_WAIT_NS;
        if (at.tv_nsec >= 1000000000) {
            at.tv_nsec -= 1000000000;
            at.tv_sec++;
        }
        if (lock_until(lock, &at) == 0)
            return true;
    }
    return false;
}

void vemu__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}
