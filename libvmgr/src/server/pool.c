/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Workers: threads that come when calls wait and leave when they have nothing to do.
 *
 * Calls that may have to wait (a start, a shutdown, a lock that another program holds) never take
 * the last FAST_WORKERS threads, so that questions are answered whatever hangs. A thread that left
 * is joined by the next call that comes, or at the end: none outlives its pool.
 */
#include "internal.h"

#define LEAVE_AFTER_US (10 * G_USEC_PER_SEC)

void vmgr__pool_init(struct vmgr__pool *p, struct vmgr__server *s)
{
    p->server = s;
    g_mutex_init(&p->lock);
    g_cond_init(&p->cond);
    g_queue_init(&p->calls);
    g_queue_init(&p->fast_calls);
    g_queue_init(&p->gone);
}

static bool is_fast(const struct vmgr__call *call)
{
    return call->wire->flags & WIRE_CALL_FAST;
}

static struct vmgr__call *next_locked(struct vmgr__pool *p, unsigned workers)
{
    struct vmgr__call *call = g_queue_pop_head(&p->fast_calls);

    if (!call && p->busy < workers) {
        call = g_queue_pop_head(&p->calls);
        if (call)
            p->busy++;
    }
    return call;
}

static gpointer work(gpointer data)
{
    struct vmgr__pool *p = data;

    g_mutex_lock(&p->lock);
    for (;;) {
        const unsigned workers = vmgr__server_limits(p->server).workers;
        struct vmgr__call *call = next_locked(p, workers);

        if (call) {
            const bool fast = is_fast(call);

            g_mutex_unlock(&p->lock);
            vmgr__call_run(call);
            g_mutex_lock(&p->lock);
            if (!fast) {
                p->busy--;
                /* This thread takes the next call itself, but that may be a fast one. */
                if (!g_queue_is_empty(&p->calls))
                    g_cond_signal(&p->cond);
            }
            continue;
        }
        if (p->stopping)
            break;
        p->idle++;
        if (!g_cond_wait_until(&p->cond, &p->lock, g_get_monotonic_time() + LEAVE_AFTER_US) &&
            g_queue_is_empty(&p->calls) && g_queue_is_empty(&p->fast_calls)) {
            p->idle--;
            break;
        }
        p->idle--;
    }
    p->threads--;
    g_queue_push_tail(&p->gone, g_thread_self());
    g_cond_broadcast(&p->cond);
    g_mutex_unlock(&p->lock);
    return NULL;
}

/* The lock is held, and given up. */
static void join_gone(struct vmgr__pool *p)
{
    GThread *thread;

    while ((thread = g_queue_pop_head(&p->gone))) {
        g_mutex_unlock(&p->lock);
        g_thread_join(thread);
        g_mutex_lock(&p->lock);
    }
}

void vmgr__pool_push(struct vmgr__pool *p, struct vmgr__call *call)
{
    const unsigned workers = vmgr__server_limits(p->server).workers;
    GQueue *queue = is_fast(call) ? &p->fast_calls : &p->calls;
    GThread *thread;

    g_mutex_lock(&p->lock);
    join_gone(p);
    g_queue_push_tail(queue, call);
    if (p->idle < p->calls.length + p->fast_calls.length &&
        p->threads < workers + FAST_WORKERS) {
        thread = g_thread_try_new("vmgrd-worker", work, p, NULL);
        if (thread) {
            p->threads++;
        } else if (p->threads == 0) {
            /* Slow is better than never. With any thread at all, that one comes to it. */
            g_queue_remove(queue, call);
            g_mutex_unlock(&p->lock);
            vmgr__call_run(call);
            return;
        }
    }
    g_mutex_unlock(&p->lock);
    g_cond_signal(&p->cond); /* who wakes up need not wait for the lock */
}

void vmgr__pool_fini(struct vmgr__pool *p)
{
    g_mutex_lock(&p->lock);
    p->stopping = true;
    g_cond_broadcast(&p->cond);
    while (p->threads > 0)
        g_cond_wait(&p->cond, &p->lock);
    join_gone(p);
    g_queue_clear_full(&p->calls, (GDestroyNotify)vmgr__call_free); /* no thread could be made */
    g_queue_clear_full(&p->fast_calls, (GDestroyNotify)vmgr__call_free);
    g_mutex_unlock(&p->lock);
    g_cond_clear(&p->cond);
    g_mutex_clear(&p->lock);
}
