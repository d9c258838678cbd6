/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GLib's locks for ThreadSanitizer, which does not see those of a GLib that was not built for it:
 * made of pthread's, which it knows. To be preloaded, see tsan.supp; itself built without, so that
 * other programs can be started.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Locks are taken from here and never given back: what is made with malloc() would look shared. */
#define LOCKS_MAX 1000000
union lock {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};
static union lock locks[LOCKS_MAX];
static int used;

static const union lock fresh_mutex = { .mutex = PTHREAD_MUTEX_INITIALIZER };
static const union lock fresh_cond = { .cond = PTHREAD_COND_INITIALIZER };

/* What a lock of GLib points to. Static ones are all zeros, and get theirs when they are first
 * used. */
static union lock *lock_of(gpointer *place, const union lock *fresh)
{
    void *found = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    int n;

    if (found)
        return found;
    n = __atomic_fetch_add(&used, 1, __ATOMIC_RELAXED);
    if (n >= LOCKS_MAX)
        abort();
    locks[n] = *fresh;
    __atomic_compare_exchange_n(place, &found, &locks[n], 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return found ? found : &locks[n];
}

/* ---- GMutex ---- */

void g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_lock(GMutex *mutex)
{
    pthread_mutex_lock(&lock_of(&mutex->p, &fresh_mutex)->mutex);
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    return pthread_mutex_trylock(&lock_of(&mutex->p, &fresh_mutex)->mutex) == 0;
}

void g_mutex_unlock(GMutex *mutex)
{
    pthread_mutex_unlock(&lock_of(&mutex->p, &fresh_mutex)->mutex);
}

/* ---- GCond ---- */

static pthread_cond_t *cond_of(GCond *cond)
{
    return &lock_of(&cond->p, &fresh_cond)->cond;
}

void g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_signal(GCond *cond)
{
    pthread_cond_signal(cond_of(cond));
}

void g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(cond_of(cond));
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    pthread_cond_wait(cond_of(cond), &lock_of(&mutex->p, &fresh_mutex)->mutex);
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    struct timespec ts = { end_time / 1000000, (end_time % 1000000) * 1000 };

    return pthread_cond_clockwait(cond_of(cond), &lock_of(&mutex->p, &fresh_mutex)->mutex,
                                  CLOCK_MONOTONIC, &ts) != ETIMEDOUT;
}

/* ---- g_once_init_enter() ---- */

void __tsan_release(void *address) __attribute__((weak)); /* of programs that were built for it */

static pthread_mutex_t once_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t once_left = PTHREAD_COND_INITIALIZER;
static volatile void *inside[256]; /* who is being made */

static volatile void **find(volatile void *location)
{
    for (size_t i = 0; i < G_N_ELEMENTS(inside); i++) {
        if (inside[i] == location)
            return &inside[i];
    }
    return NULL;
}

#undef g_once_init_enter
gboolean g_once_init_enter(volatile void *location)
{
    gboolean first = FALSE;

    pthread_mutex_lock(&once_lock);
    while (find(location))
        pthread_cond_wait(&once_left, &once_lock);
    if (!__atomic_load_n((gsize *)location, __ATOMIC_ACQUIRE)) {
        *find(NULL) = location;
        first = TRUE;
    }
    pthread_mutex_unlock(&once_lock);
    return first;
}

#undef g_once_init_leave
void g_once_init_leave(volatile void *location, gsize result)
{
    pthread_mutex_lock(&once_lock);
    if (__tsan_release)
        __tsan_release((void *)location);
    __atomic_store_n((gsize *)location, result, __ATOMIC_RELEASE);
    *find(location) = NULL;
    pthread_cond_broadcast(&once_left);
    pthread_mutex_unlock(&once_lock);
}
