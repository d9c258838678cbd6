/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asynchronous work on a file: io_uring, and threads for what that cannot do or where it is
 * missing.
 *
 * Belongs to one node with a user, whose lock is held around every call and every completion. The
 * thread that looks for completions (the user's iothread, or one of the node) waits on one eventfd,
 * which both the ring and the worker threads signal. It takes the lock first and empties the
 * eventfd only then: whoever holds the lock meanwhile may wait on the same eventfd
 * (vemu__aio_wait) without losing a wake-up.
 */
#ifndef VEMU_BLOCK_AIO_H
#define VEMU_BLOCK_AIO_H

#include "block/backend.h"

struct vemu_aio;
struct vemu_aio_pool;

enum vemu_aio_kind { VEMU_AIO_AUTO, VEMU_AIO_URING, VEMU_AIO_THREADS };

/* What a worker thread does with a request; returns 0 or -errno. Context: any. */
typedef int (*vemu_aio_fn)(void *data, const struct vemu_block_request *req);

/* Starts. -errno: VEMU_AIO_URING and the host has none, or no descriptors, no threads. */
int vemu__aio_new(struct vemu_block *block, enum vemu_aio_kind kind, vemu_aio_fn work,
                  struct vemu_aio **ret);
/* Nothing is under way. Joins the threads. NULL is fine. */
void vemu__aio_free(struct vemu_aio *aio);
/* Can this host give a ring? */
bool vemu__aio_has_uring(void);

/* Is there a ring? */
bool vemu__aio_has_ring(const struct vemu_aio *aio);
/* Queues READ or WRITE on `fd` at req->span.offset, or FLUSH, by the ring where there is one. */
void vemu__aio_submit(struct vemu_aio *aio, struct vemu_block_request *req, int fd);
/* Queues any request for the worker threads. */
void vemu__aio_work(struct vemu_aio *aio, struct vemu_block_request *req);
/* Starts what is queued; completes what is ready. */
void vemu__aio_kick(struct vemu_aio *aio);
/* Waits until something that is under way can be completed, and does. */
void vemu__aio_wait(struct vemu_aio *aio);

/* --- aio-pool.c ------------------------------------------------------------------------------- */
/* `iothread` says how many threads there may be; NULL: a fixed number. */
struct vemu_aio_pool *vemu__aio_pool_new(struct vemu_vm *vm, const char *name, int eventfd,
                                         struct vemu_iothread *iothread, vemu_aio_fn work,
                                         void *data);
void vemu__aio_pool_free(struct vemu_aio_pool *pool);
void vemu__aio_pool_put(struct vemu_aio_pool *pool, struct vemu_block_request *req);
/* A request that is finished, its result in it; NULL: none. */
struct vemu_block_request *vemu__aio_pool_take(struct vemu_aio_pool *pool);

#endif
