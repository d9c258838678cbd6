/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The threads of a session that serves requests.
 *
 * One of them at a time receives. What it can do at once (data in the page cache), it does and goes
 * on; before it does anything that may wait, another takes over receiving: one that is idle, or a
 * new one, up to the limit. When all are at work nobody receives, and the client's socket fills
 * up: that is all that a client with too many requests gets.
 */
#include "core/thread.h"
#include "nbd-server/server.h"

static void work(struct nbd_session *session);

static void *worker_main(void *data)
{
    struct nbd_session *session = data;

    work(session);
    pthread_mutex_lock(&session->lock);
    session->workers--;
    pthread_cond_signal(&session->worker_gone);
    pthread_mutex_unlock(&session->lock);
    return NULL;
}

static void let_other_receive_locked(struct nbd_session *session)
{
    pthread_t thread;

    if (session->waiting) {
        pthread_cond_signal(&session->idle);
        return;
    }
    if (session->workers + 1 >= session->server->options.max_requests)
        return;
    /* without one more it goes on with those there are */
    if (vemu__thread_start(NULL, "vemu-nbd-work", worker_main, session, &thread) < 0)
        return;
    pthread_detach(thread);
    session->workers++;
}

/* Until there is something to be done that may take time. */
static int receive(struct nbd_session *session, struct nbd_job *job)
{
    int r;

    do
        r = vemu__nbd_job_read(session, job);
    while (r >= 0 && vemu__nbd_job_try(session, job));
    return r;
}

static void work(struct nbd_session *session)
{
    struct nbd_job job = { 0 };

    pthread_mutex_lock(&session->lock);
    while (!session->ended) {
        int r;

        if (session->receiving) {
            session->waiting++;
            pthread_cond_wait(&session->idle, &session->lock);
            session->waiting--;
            continue;
        }
        session->receiving = true;
        pthread_mutex_unlock(&session->lock);
        r = receive(session, &job);
        pthread_mutex_lock(&session->lock);
        session->receiving = false;
        if (r < 0) {
            session->ended = true;
            pthread_cond_broadcast(&session->idle);
            break;
        }
        let_other_receive_locked(session);
        pthread_mutex_unlock(&session->lock);
        vemu__nbd_job_do(session, &job);
        pthread_mutex_lock(&session->lock);
    }
    pthread_mutex_unlock(&session->lock);
    g_free(job.buf);
}

void vemu__nbd_transmit(struct nbd_session *session)
{
    work(session);
    pthread_mutex_lock(&session->lock);
    while (session->workers)
        pthread_cond_wait(&session->worker_gone, &session->lock);
    pthread_mutex_unlock(&session->lock);
}
