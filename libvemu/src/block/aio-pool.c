/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker threads for requests that block. Threads are made as they are needed and stay. How many
 * there may be is for the user's iothread to say, for all its drives together, or is fixed.
 */
#include <errno.h>
#include <glib.h>
#include <unistd.h>

#include "block/aio.h"
#include "core/iothread.h"
#include "core/thread.h"

#define THREADS_DEFAULT 16u /* without an iothread */
#define THREADS_MAX     64u /* of one drive */

struct vemu_aio_pool {
    struct vemu_vm *vm;
    char *name;
    int eventfd;
    struct vemu_iothread *iothread;
    vemu_aio_fn work;
    void *data;

    pthread_mutex_t lock; /* everything below; a leaf */
    pthread_cond_t cond;
    bool quit;
    unsigned idle, count;
    pthread_t threads[THREADS_MAX];
    struct vemu_block_request *todo, **todo_last;
    struct vemu_block_request *done, **done_last;
};

static struct vemu_block_request *todo_take_locked(struct vemu_aio_pool *pool)
{
    struct vemu_block_request *req = pool->todo;

    if (req) {
        pool->todo = req->next;
        if (!pool->todo)
            pool->todo_last = &pool->todo;
    }
    return req;
}

static void done_put_locked(struct vemu_aio_pool *pool, struct vemu_block_request *req)
{
    static const uint64_t one = 1;
    ssize_t n;

    req->next = NULL;
    *pool->done_last = req;
    pool->done_last = &req->next;
    n = write(pool->eventfd, &one, sizeof(one));
    (void)n; /* fails only when it is signalled 2^64 times over */
}

static void *pool_main(void *arg)
{
    struct vemu_aio_pool *pool = arg;
    struct vemu_block_request *req;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        req = todo_take_locked(pool);
        if (req) {
            pthread_mutex_unlock(&pool->lock);
            req->result = pool->work(pool->data, req);
            pthread_mutex_lock(&pool->lock);
            done_put_locked(pool, req);
        } else if (pool->quit) {
            break;
        } else {
            pool->idle++;
            pthread_cond_wait(&pool->cond, &pool->lock);
            pool->idle--;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static bool may_add_locked(struct vemu_aio_pool *pool)
{
    if (!pool->iothread)
        return pool->count < THREADS_DEFAULT;
    return pool->count < THREADS_MAX && vemu__iothread_take_worker(pool->iothread, !pool->count);
}

/* -EAGAIN: there are as many as may be. */
static int add_thread_locked(struct vemu_aio_pool *pool)
{
    int r;

    if (!may_add_locked(pool))
        return -EAGAIN;
    r = vemu__thread_start(pool->vm, pool->name, pool_main, pool, &pool->threads[pool->count]);
    if (r >= 0)
        pool->count++;
    else if (pool->iothread)
        vemu__iothread_give_workers(pool->iothread, 1);
    return r;
}

struct vemu_aio_pool *vemu__aio_pool_new(struct vemu_vm *vm, const char *name, int eventfd,
                                         struct vemu_iothread *iothread, vemu_aio_fn work,
                                         void *data)
{
    struct vemu_aio_pool *pool = g_new0(struct vemu_aio_pool, 1);
    unsigned begin_with = iothread ? vemu__iothread_min_workers(iothread) : 0;

    pool->vm = vm;
    pool->name = g_strdup_printf("work-%s", name);
    pool->eventfd = eventfd;
    pool->iothread = iothread;
    pool->work = work;
    pool->data = data;
    pool->todo_last = &pool->todo;
    pool->done_last = &pool->done;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->cond, NULL);
    pthread_mutex_lock(&pool->lock);
    while (pool->count < MIN(begin_with, THREADS_MAX) && add_thread_locked(pool) >= 0)
        ;
    pthread_mutex_unlock(&pool->lock);
    return pool;
}

void vemu__aio_pool_put(struct vemu_aio_pool *pool, struct vemu_block_request *req)
{
    int r = 0;

    pthread_mutex_lock(&pool->lock);
    if (!pool->idle)
        r = add_thread_locked(pool);
    if (!pool->count) { /* nobody will ever do it */
        req->result = r;
        done_put_locked(pool, req);
    } else {
        req->next = NULL;
        *pool->todo_last = req;
        pool->todo_last = &req->next;
        pthread_cond_signal(&pool->cond);
    }
    pthread_mutex_unlock(&pool->lock);
}

struct vemu_block_request *vemu__aio_pool_take(struct vemu_aio_pool *pool)
{
    struct vemu_block_request *req;

    pthread_mutex_lock(&pool->lock);
    req = pool->done;
    if (req) {
        pool->done = req->next;
        if (!pool->done)
            pool->done_last = &pool->done;
    }
    pthread_mutex_unlock(&pool->lock);
    return req;
}

void vemu__aio_pool_free(struct vemu_aio_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->cond);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    if (pool->iothread)
        vemu__iothread_give_workers(pool->iothread, pool->count);
    pthread_cond_destroy(&pool->cond);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool->name);
    g_free(pool);
}
