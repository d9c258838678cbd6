/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block nodes: their users, requests, facts.
 */
#include "block/backend.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "block/aio.h"
#include "block/policy.h"
#include "core/error.h"
#include "core/iov.h"
#include "core/vm.h"
#include "image/throttle.h"

/* --- the user --------------------------------------------------------------------------------- */

int vemu__block_attach(struct vemu_block *block, const struct vemu_block_user *user, void *data,
                       pthread_mutex_t *lock, bool write, struct vemu_error **err)
{
    const struct vemu_block *parent = vemu__block_parent(block);
    int r;

    if (block->user || parent)
        return vemu__error_set(err, EBUSY, "drive '%s' is in use by '%s'", block->id,
                               block->user ? block->user->name : parent->id);
    if (block->claimed)
        return vemu__error_set(err, EBUSY, "drive '%s' is in use by job '%s'", block->id,
                               block->claimed);
    r = vemu__block_want_write(block, err);
    if (r < 0)
        return r;
    if (write && block->read_only)
        return vemu__error_set(err, EROFS, "drive '%s' is read-only", block->id);
    r = vemu__block_set_policy(block, user->rerror, user->werror, err);
    if (r < 0)
        return r;
    block->user = user;
    block->user_data = data;
    block->user_lock = lock;
    block->io_error = 0;
    return 0;
}

void vemu__block_detach(struct vemu_block *block)
{
    if (!block || !block->user)
        return;
    vemu__block_drain(block);
    vemu__aio_free(block->aio);
    block->aio = NULL;
    block->user = NULL;
    block->user_data = NULL;
    block->user_lock = NULL;
}

/* --- what a worker does ----------------------------------------------------------------------- */

static uint32_t image_flags(const struct vemu_block_request *req)
{
    return (req->flags & VEMU_BLOCK_FUA ? VEMU_IMAGE_FUA : 0) |
           (req->flags & VEMU_BLOCK_UNMAP ? VEMU_IMAGE_MAY_UNMAP : 0);
}

static bool is_all_zero(const struct vemu_block_request *req)
{
    for (unsigned i = 0; i < req->iov_count; i++)
        if (!vemu__is_zero(req->iov[i].iov_base, req->iov[i].iov_len))
            return false;
    return true;
}

static int work_write(const struct vemu_block *block, const struct vemu_block_request *req)
{
    uint32_t flags = image_flags(req) & VEMU_IMAGE_FUA;

    if (block->detect_zeroes == VEMU_BLOCK_ZEROES_OFF || !is_all_zero(req))
        return vemu_image_writev(block->image, req->offset, req->iov, req->iov_count, flags);
    if (block->detect_zeroes == VEMU_BLOCK_ZEROES_UNMAP)
        flags |= VEMU_IMAGE_MAY_UNMAP;
    return vemu_image_zero(block->image, req->offset, req->bytes, flags);
}

static int work(void *data, const struct vemu_block_request *req)
{
    struct vemu_block *block = data;

    vemu__block_wait_tune(block, req);
    switch (req->op) {
    case VEMU_BLOCK_READ:
        return vemu_image_readv(block->image, req->offset, req->iov, req->iov_count);
    case VEMU_BLOCK_WRITE: return work_write(block, req);
    case VEMU_BLOCK_FLUSH: return vemu_image_flush(block->image);
    case VEMU_BLOCK_DISCARD: return vemu_image_discard(block->image, req->offset, req->bytes);
    case VEMU_BLOCK_ZERO:
        return vemu_image_zero(block->image, req->offset, req->bytes, image_flags(req));
    }
    return -EINVAL;
}

/* --- starting requests ------------------------------------------------------------------------ */

static int request_check(const struct vemu_block *block, const struct vemu_block_request *req)
{
    bool writes = req->op != VEMU_BLOCK_READ && req->op != VEMU_BLOCK_FLUSH;
    uint64_t size = block->image->size;

    if (writes && block->read_only)
        return -EROFS;
    if (req->op == VEMU_BLOCK_FLUSH)
        return 0;
    if (req->offset > size || req->bytes > size - req->offset)
        return -EINVAL;
    if ((req->op == VEMU_BLOCK_READ || req->op == VEMU_BLOCK_WRITE) && req->iov_count > IOV_MAX)
        return -EINVAL;
    return req->op == VEMU_BLOCK_DISCARD && !block->can_discard ? -ENOTSUP : 0;
}

static void refuse(struct vemu_block *block, struct vemu_block_request *req, int result)
{
    req->result = result;
    req->next = NULL;
    *block->refused_last = req;
    block->refused_last = &req->next;
}

static bool is_direct(const struct vemu_image_span *span, const struct vemu_block_request *req)
{
    unsigned mask = span->direct_align - 1;

    if (span->direct_fd < 0 || (span->offset | req->bytes) & mask)
        return false;
    for (unsigned i = 0; i < req->iov_count; i++)
        if (((uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len) & mask)
            return false;
    return true;
}

/* Gives a transfer to the kernel; false: the image has to be called. */
static bool start_mapped(struct vemu_block *block, struct vemu_block_request *req)
{
    bool write = req->op == VEMU_BLOCK_WRITE;

    if (block->tune || (write && block->detect_zeroes != VEMU_BLOCK_ZEROES_OFF))
        return false;
    if ((req->flags & VEMU_BLOCK_FUA) && block->flush_fd < 0) /* there may be more to be flushed */
        return false;
    if (!vemu__aio_has_ring(block->aio) ||
        vemu__image_map(block->image, req->offset, req->bytes, write, &req->span) < 0)
        return false;
    if (req->span.bytes < req->bytes) {
        vemu__image_unmap(&req->span);
        return false;
    }
    vemu__aio_submit(block->aio, req,
                     is_direct(&req->span, req) ? req->span.direct_fd : req->span.fd);
    return true;
}

static void start(struct vemu_block *block, struct vemu_block_request *req)
{
    /* without an engine, for which there are no threads: done here, now */
    if (!block->aio &&
        vemu__aio_new(block, (enum vemu_aio_kind)block->aio_kind, work, &block->aio) < 0) {
        refuse(block, req, work(block, req));
        return;
    }
    if ((req->op == VEMU_BLOCK_READ || req->op == VEMU_BLOCK_WRITE) && start_mapped(block, req))
        return;
    if (req->op == VEMU_BLOCK_FLUSH && block->flush_fd >= 0)
        vemu__aio_submit(block->aio, req, block->flush_fd);
    else
        vemu__aio_work(block->aio, req);
}

/* Until vemu__block_release(); a drain in between makes it fail. */
static void hold(struct vemu_block *block, struct vemu_block_request *req)
{
    req->result = -EIO;
    req->next = NULL;
    *block->held_last = req;
    block->held_last = &req->next;
}

void vemu__block_submit(struct vemu_block *block, struct vemu_block_request *req)
{
    int r = request_check(block, req);

    req->block = block;
    req->span.owner = NULL;
    if (block->quiesced) {
        hold(block, req);
        return;
    }
    block->in_flight++;
    if (r == 0 && (req->bytes || req->op == VEMU_BLOCK_FLUSH))
        start(block, req);
    else
        refuse(block, req, r);
}

/* --- ending requests -------------------------------------------------------------------------- */

static void finish_refused(struct vemu_block *block)
{
    struct vemu_block_request *req;

    if (!block->refused)
        return;
    while ((req = block->refused) != NULL) {
        block->refused = req->next;
        if (!block->refused)
            block->refused_last = &block->refused;
        vemu__block_complete(req, req->result);
    }
    if (block->user->batch)
        block->user->batch(block->user_data);
}

void vemu__block_kick(struct vemu_block *block)
{
    if (block->aio)
        vemu__aio_kick(block->aio);
    finish_refused(block);
}

static void wait_for_all(struct vemu_block *block)
{
    vemu__image_hurry(block->image, true);
    if (block->tune)
        vemu__throttle_group_hurry(block->tune, &block->hurried, true);
    vemu__block_kick(block);
    while (block->in_flight) {
        if (block->aio)
            vemu__aio_wait(block->aio);
        finish_refused(block);
    }
    if (block->tune)
        vemu__throttle_group_hurry(block->tune, &block->hurried, false);
    vemu__image_hurry(block->image, false);
}

void vemu__block_pause(struct vemu_block *block)
{
    wait_for_all(block);
}

void vemu__block_drain(struct vemu_block *block)
{
    block->no_holding = true;
    do {
        wait_for_all(block);
    } while (vemu__block_fail_held(block));
    block->no_holding = false;
}

void vemu__block_complete(struct vemu_block_request *req, int result)
{
    struct vemu_block *block = req->block;

    vemu__image_unmap(&req->span);
    block->in_flight--;
    if (result < 0 && vemu__block_hold(block, req, &result))
        return;
    block->stats.ops[req->op]++;
    if (result < 0)
        block->stats.errors[req->op]++;
    else if (req->op != VEMU_BLOCK_FLUSH)
        block->stats.bytes[req->op] += req->bytes;
    req->done(req, result);
}

/* What was held is made again. The user's lock is held. */
static void go_on(struct vemu_block *block)
{
    struct vemu_block_request *req = block->held;

    block->held = NULL;
    block->held_last = &block->held;
    while (req) {
        struct vemu_block_request *next = req->next;

        vemu__block_submit(block, req);
        req = next;
    }
    vemu__block_kick(block);
}

void vemu__blocks_resume(struct vemu_vm *vm)
{
    for (guint i = 0; i < vm->blocks->len; i++) {
        struct vemu_block *block = vm->blocks->pdata[i];

        if (!block->user)
            continue;
        pthread_mutex_lock(block->user_lock);
        block->io_error = 0;
        go_on(block);
        pthread_mutex_unlock(block->user_lock);
    }
}

void vemu__block_quiesce(struct vemu_block *block)
{
    if (!block->user) {
        block->quiesced = true;
        return;
    }
    pthread_mutex_lock(block->user_lock);
    block->quiesced = true;
    vemu__block_pause(block);
    pthread_mutex_unlock(block->user_lock);
}

void vemu__block_release(struct vemu_block *block)
{
    if (!block->user) {
        block->quiesced = false;
        return;
    }
    pthread_mutex_lock(block->user_lock);
    block->quiesced = false;
    if (atomic_load(&block->vm->state) != VEMU_VM_PAUSED) /* else when it goes on */
        go_on(block);
    pthread_mutex_unlock(block->user_lock);
}

/* --- facts ------------------------------------------------------------------------------------ */

uint64_t vemu__block_size(const struct vemu_block *block)
{
    return block->image->size;
}

bool vemu__block_read_only(const struct vemu_block *block)
{
    return block->read_only;
}

bool vemu__block_can_discard(const struct vemu_block *block)
{
    return block->can_discard;
}

bool vemu__block_write_through(const struct vemu_block *block)
{
    return !block->write_back;
}

const char *vemu__block_id(const struct vemu_block *block)
{
    return block->id;
}

void vemu__block_get_stats(const struct vemu_block *block, struct vemu_block_stats *ret)
{
    *ret = block->stats;
}
