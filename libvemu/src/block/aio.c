/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine of block/aio.h.
 *
 * A request that the page cache can answer is done when io_uring_enter() returns, and completed
 * right there, without a thread switch: the eventfd is turned off around the call for that.
 *
 * Completions are looked for by the iothread of the user, or by a thread of our own.
 */
#include "block/aio.h"

#include <errno.h>
#include <glib.h>
#include <liburing.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/iothread.h"
#include "core/thread.h"

#define RING_ENTRIES 128u

struct vemu_aio {
    struct vemu_block *block;
    pthread_mutex_t *lock; /* the user's */
    vemu_aio_fn work;
    int eventfd;
    bool has_ring;
    struct io_uring ring;
    struct vemu_aio_pool *pool; /* made when it is needed */
    unsigned in_flight;
    unsigned unsubmitted;
    bool reaping;
    struct vemu_iothread *iothread; /* NULL: the thread of our own below */
    struct vemu_iothread_watch *watch;
    pthread_t thread;
    atomic_bool quit;
};

/* --- completions ------------------------------------------------------------------------------ */

static struct vemu_aio_pool *pool_of(struct vemu_aio *aio)
{
    if (!aio->pool)
        aio->pool = vemu__aio_pool_new(aio->block->vm, aio->block->id, aio->eventfd, aio->iothread,
                                       aio->work, aio->block);
    return aio->pool;
}

static uint64_t transfer_size(const struct vemu_block_request *req)
{
    return req->op == VEMU_BLOCK_FLUSH ? 0 : req->bytes;
}

/* A result of the ring. What is not the whole of it (end of file, signal, limits of a file system)
 * is left to a worker, who does it again with all care. True: done. */
static bool ring_result(struct vemu_aio *aio, struct vemu_block_request *req, int res)
{
    if (res >= 0 && (uint64_t)res == transfer_size(req)) {
        req->result = 0;
        return true;
    }
    if (res < 0 && res != -EAGAIN && res != -EINTR && res != -EINVAL && res != -EOPNOTSUPP) {
        req->result = res;
        return true;
    }
    vemu__image_unmap(&req->span);
    vemu__aio_pool_put(pool_of(aio), req);
    return false;
}

static struct vemu_block_request *next_done(struct vemu_aio *aio)
{
    struct io_uring_cqe *cqe;

    while (aio->has_ring && io_uring_peek_cqe(&aio->ring, &cqe) == 0) {
        struct vemu_block_request *req = io_uring_cqe_get_data(cqe);
        int res = cqe->res;

        io_uring_cqe_seen(&aio->ring, cqe);
        if (ring_result(aio, req, res))
            return req;
    }
    return aio->pool ? vemu__aio_pool_take(aio->pool) : NULL;
}

static void ring_submit(struct vemu_aio *aio)
{
    int r;

    if (!aio->unsubmitted)
        return;
    aio->unsubmitted = 0;
    io_uring_cq_eventfd_toggle(&aio->ring, false);
    do {
        r = io_uring_submit(&aio->ring);
    } while (r == -EINTR || (r > 0 && io_uring_sq_ready(&aio->ring)));
    io_uring_cq_eventfd_toggle(&aio->ring, true);
    /* Who completes a request stores that and then looks whether to signal; here the wish is stored
     * and then completions are looked for. Without a barrier both could miss the other. */
    atomic_thread_fence(memory_order_seq_cst);
    /* -EAGAIN, -EBUSY: what is left goes with the next call; something is under way that leads to
     * it. */
    aio->unsubmitted = io_uring_sq_ready(&aio->ring);
}

static void reap(struct vemu_aio *aio)
{
    const struct vemu_block_user *user = aio->block->user;
    struct vemu_block_request *req;
    bool any = false;

    if (aio->reaping) /* called from a `done`: the one outside goes on */
        return;
    aio->reaping = true;
    do {
        while ((req = next_done(aio)) != NULL) {
            any = true;
            aio->in_flight--;
            vemu__block_complete(req, req->result);
        }
        if (any && user->batch)
            user->batch(aio->block->user_data);
        any = false;
        ring_submit(aio);
        req = NULL;
    } while (aio->has_ring && io_uring_cq_ready(&aio->ring));
    aio->reaping = false;
}

void vemu__aio_kick(struct vemu_aio *aio)
{
    ring_submit(aio);
    reap(aio);
}

static void eventfd_clear(struct vemu_aio *aio)
{
    uint64_t count;
    ssize_t n = read(aio->eventfd, &count, sizeof(count));

    (void)n; /* EAGAIN: it is clear */
}

void vemu__aio_wait(struct vemu_aio *aio)
{
    struct pollfd poll_fd = { .fd = aio->eventfd, .events = POLLIN };
    unsigned before;

    vemu__aio_kick(aio);
    before = aio->in_flight;
    while (aio->in_flight && aio->in_flight == before) {
        poll(&poll_fd, 1, -1);
        eventfd_clear(aio);
        reap(aio);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

void vemu__aio_work(struct vemu_aio *aio, struct vemu_block_request *req)
{
    aio->in_flight++;
    vemu__aio_pool_put(pool_of(aio), req);
}

void vemu__aio_submit(struct vemu_aio *aio, struct vemu_block_request *req, int fd)
{
    struct io_uring_sqe *sqe;
    uint64_t max_batch;

    if (!aio->has_ring) {
        vemu__aio_work(aio, req);
        return;
    }
    sqe = io_uring_get_sqe(&aio->ring);
    if (!sqe) {
        ring_submit(aio);
        sqe = io_uring_get_sqe(&aio->ring);
    }
    if (!sqe) { /* the kernel takes no more now */
        vemu__image_unmap(&req->span);
        vemu__aio_work(aio, req);
        return;
    }
    switch (req->op) {
    case VEMU_BLOCK_READ:
        io_uring_prep_readv(sqe, fd, req->iov, req->iov_count, req->span.offset);
        break;
    case VEMU_BLOCK_WRITE:
        io_uring_prep_writev2(sqe, fd, req->iov, req->iov_count, req->span.offset,
                              req->flags & VEMU_BLOCK_FUA ? RWF_DSYNC : 0);
        break;
    default: io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC); break;
    }
    io_uring_sqe_set_data(sqe, req);
    aio->in_flight++;
    aio->unsubmitted++;
    max_batch = aio->iothread ? vemu__iothread_max_batch(aio->iothread) : 0;
    if (max_batch && aio->unsubmitted >= max_batch)
        ring_submit(aio);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void look(void *data)
{
    struct vemu_aio *aio = data;

    eventfd_clear(aio);
    reap(aio);
}

static void *aio_main(void *arg)
{
    struct vemu_aio *aio = arg;
    struct pollfd poll_fd = { .fd = aio->eventfd, .events = POLLIN };

    for (;;) {
        poll(&poll_fd, 1, -1);
        if (!vemu__lock_unless(aio->lock, &aio->quit)) /* vemu__aio_free() waits, and holds it */
            return NULL;
        look(aio);
        pthread_mutex_unlock(aio->lock);
    }
}

static int start(struct vemu_aio *aio)
{
    g_autofree char *name = g_strdup_printf("io-%s", aio->block->id);

    if (aio->iothread)
        return vemu__iothread_watch(aio->iothread, aio->eventfd, aio->lock, look, aio, &aio->watch);
    return vemu__thread_start(aio->block->vm, name, aio_main, aio, &aio->thread);
}

static void stop(struct vemu_aio *aio)
{
    static const uint64_t one = 1;
    ssize_t n;

    if (aio->iothread) {
        vemu__iothread_unwatch(aio->watch);
        return;
    }
    atomic_store(&aio->quit, true);
    n = write(aio->eventfd, &one, sizeof(one));
    (void)n;
    pthread_join(aio->thread, NULL);
}

/* --- making and freeing ----------------------------------------------------------------------- */

static int ring_init(struct vemu_aio *aio)
{
    int r = io_uring_queue_init(RING_ENTRIES, &aio->ring, 0);

    if (r < 0)
        return r;
    r = io_uring_register_eventfd(&aio->ring, aio->eventfd);
    if (r < 0)
        io_uring_queue_exit(&aio->ring);
    return r;
}

bool vemu__aio_has_ring(const struct vemu_aio *aio)
{
    return aio->has_ring;
}

bool vemu__aio_has_uring(void)
{
    struct io_uring ring;

    if (io_uring_queue_init(1, &ring, 0) < 0)
        return false;
    io_uring_queue_exit(&ring);
    return true;
}

int vemu__aio_new(struct vemu_block *block, enum vemu_aio_kind kind, vemu_aio_fn work,
                  struct vemu_aio **ret)
{
    struct vemu_aio *aio = g_new0(struct vemu_aio, 1);
    int r = 0;

    aio->block = block;
    aio->lock = block->user_lock;
    aio->work = work;
    aio->iothread = block->user->iothread;
    aio->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (aio->eventfd < 0)
        r = -errno;
    if (r == 0 && kind != VEMU_AIO_THREADS) {
        int ring = ring_init(aio);

        aio->has_ring = ring == 0;
        r = kind == VEMU_AIO_URING ? ring : 0;
    }
    if (r == 0)
        r = start(aio);
    if (r < 0) {
        if (aio->has_ring)
            io_uring_queue_exit(&aio->ring);
        if (aio->eventfd >= 0)
            close(aio->eventfd);
        g_free(aio);
        return r;
    }
    *ret = aio;
    return 0;
}

void vemu__aio_free(struct vemu_aio *aio)
{
    if (!aio)
        return;
    stop(aio);
    vemu__aio_pool_free(aio->pool);
    if (aio->has_ring)
        io_uring_queue_exit(&aio->ring);
    close(aio->eventfd);
    g_free(aio);
}
