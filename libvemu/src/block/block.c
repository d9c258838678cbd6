/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block nodes: making them by class name, their users, what is the same for every format.
 */
#include "block/backend.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include <vemu/block.h>

#include "core/property.h"
#include "core/vm.h"

/* --- the user --------------------------------------------------------------------------------- */

int vemu__block_attach(struct vemu_block *block, const struct vemu_block_user *user, void *data,
                       pthread_mutex_t *lock, bool write, struct vemu_error **err)
{
    int r;

    if (block->user)
        return vemu__error_set(err, EBUSY, "drive '%s' is in use by '%s'", block->id,
                               block->user->name);
    if (write && block->read_only)
        return vemu__error_set(err, EROFS, "drive '%s' is read-only", block->id);
    if (block->child) {
        r = vemu__block_attach(block->child, user, data, lock, write, err);
        if (r < 0)
            return r;
    }
    block->user = user;
    block->user_data = data;
    block->user_lock = lock;
    return 0;
}

void vemu__block_detach(struct vemu_block *block)
{
    if (!block || !block->user)
        return;
    vemu__block_drain(block);
    if (block->class_->detach)
        block->class_->detach(block);
    block->user = NULL;
    block->user_data = NULL;
    block->user_lock = NULL;
    vemu__block_detach(block->child);
}

/* --- requests --------------------------------------------------------------------------------- */

static int request_check(const struct vemu_block *block, const struct vemu_block_request *req)
{
    bool writes = req->op != VEMU_BLOCK_READ && req->op != VEMU_BLOCK_FLUSH;

    if (writes && block->read_only)
        return -EROFS;
    if (req->op == VEMU_BLOCK_FLUSH)
        return 0;
    if (req->offset > block->size || req->bytes > block->size - req->offset)
        return -EINVAL;
    if ((req->op == VEMU_BLOCK_READ || req->op == VEMU_BLOCK_WRITE) && req->iov_count > IOV_MAX)
        return -EINVAL;
    return req->op == VEMU_BLOCK_DISCARD && !block->can_discard ? -ENOTSUP : 0;
}

void vemu__block_submit(struct vemu_block *block, struct vemu_block_request *req)
{
    int r = request_check(block, req);

    req->block = block;
    block->in_flight++;
    if (r == 0 && (req->bytes || req->op == VEMU_BLOCK_FLUSH)) {
        block->class_->submit(block, req);
        return;
    }
    req->result = r;
    req->next = NULL;
    *block->refused_last = req;
    block->refused_last = &req->next;
}

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
    if (block->class_->kick)
        block->class_->kick(block);
    finish_refused(block);
}

void vemu__block_drain(struct vemu_block *block)
{
    vemu__block_kick(block);
    while (block->in_flight) {
        block->class_->drain(block);
        finish_refused(block);
    }
}

/* The image let a request down: at most one of a node is told in a second. */
static void tell_error(struct vemu_block *block, enum vemu_block_op op, int result)
{
    int64_t second = g_get_monotonic_time() / 1000000;

    if (result == -EINVAL || result == -EROFS || result == -ENOTSUP ||
        block->error_second == second)
        return;
    block->error_second = second;
    vemu__events_post(block->vm, VEMU_EVENT_BLOCK_ERROR, block->id,
                      (op == VEMU_BLOCK_READ ? 0 : 1) | (uint64_t)(unsigned)-result << 8);
}

void vemu__block_complete(struct vemu_block_request *req, int result)
{
    struct vemu_block *block = req->block;

    block->in_flight--;
    block->stats.ops[req->op]++;
    if (result < 0) {
        block->stats.errors[req->op]++;
        tell_error(block, req->op, result);
    } else if (req->op != VEMU_BLOCK_FLUSH) {
        block->stats.bytes[req->op] += req->bytes;
    }
    req->done(req, result);
}

/* --- facts ------------------------------------------------------------------------------------ */

uint64_t vemu__block_size(const struct vemu_block *block)
{
    return block->size;
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
    return block->write_through;
}

const char *vemu__block_id(const struct vemu_block *block)
{
    return block->id;
}

void vemu__block_get_stats(const struct vemu_block *block, struct vemu_block_stats *ret)
{
    *ret = block->stats;
}

/* --- making and freeing ----------------------------------------------------------------------- */

const struct vemu_backend_kind vemu__block_kind = {
    .a_noun = "a drive",
    .class_noun = "block driver",
    .classes = vemu__block_classes,
    .list = offsetof(struct vemu_vm, blocks),
    .id = offsetof(struct vemu_block, id),
};

struct vemu_block *vemu__vm_find_block(struct vemu_vm *vm, const char *id)
{
    return vemu__backend_find(vm, &vemu__block_kind, id);
}

void vemu__block_free(struct vemu_block *block)
{
    if (!block)
        return;
    if (block->class_->close)
        block->class_->close(block);
    vemu__props_clear(block, block->class_->base.props);
    g_free(block->id);
    g_free(block);
}

struct add {
    const char *class_name, *id;
    const struct vemu_property *props;
    size_t prop_count;
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct add *add = data;
    const struct vemu_backend_class *class_ = NULL;
    struct vemu_block *block;
    int r;

    r = vemu__backend_may_add(vm, &vemu__block_kind, add->class_name, add->id, &class_, err);
    if (r < 0)
        return r;
    block = g_malloc0(class_->instance_size);
    block->class_ = (const struct vemu_block_class *)class_;
    block->vm = vm;
    block->id = g_strdup(add->id);
    block->refused_last = &block->refused;
    r = vemu__props_set(vm, block, class_->props, add->props, add->prop_count, err);
    if (r >= 0)
        r = block->class_->open(block, err);
    if (r < 0) {
        vemu__block_free(block);
        return vemu__backend_failed(&vemu__block_kind, add->id, r, err);
    }
    if (block->child) { /* "d.file" was made for "d" */
        g_autofree char *prefix = g_strdup_printf("%s.", block->id);

        block->child->with_parent |= g_str_has_prefix(block->child->id, prefix);
    }
    vemu__backend_list(vm, &vemu__block_kind, block);
    return 0;
}

int vemu_vm_add_block(struct vemu_vm *vm, const char *class_name, const char *id,
                      const struct vemu_property *props, size_t prop_count, struct vemu_error **err)
{
    struct add add = { class_name, id, props, prop_count };

    if (!class_name || !id)
        return vemu__error_set(err, EINVAL, "the %s is missing",
                               class_name ? "node name" : "block driver");
    return vemu__vm_control(vm, do_add, &add, err);
}

/* --- changing the size ------------------------------------------------------------------------ */

struct resize {
    const char *id;
    uint64_t size;
};

/* The lowest node is changed; those above take over its size. Only the user's lock is needed: a
 * node without one is changed on the loop alone. */
static int resize_locked(struct vemu_block *block, uint64_t size, struct vemu_error **err)
{
    int r;

    if (block->read_only)
        return vemu__error_set(err, EROFS, "drive '%s' is read-only", block->id);
    if (!block->class_->resize)
        return vemu__error_set(err, ENOTSUP, "drive '%s' (%s) cannot change its size", block->id,
                               block->class_->base.name);
    if (block->user)
        vemu__block_drain(block);
    r = block->class_->resize(block, size);
    if (r < 0)
        return vemu__error_set(err, -r, "drive '%s': cannot be resized to %" PRIu64 " bytes: %s",
                               block->id, size, strerror(-r));
    if (block->user && block->user->resized)
        block->user->resized(block->user_data);
    return 0;
}

static bool has_parent(struct vemu_vm *vm, const struct vemu_block *block)
{
    for (guint i = 0; i < vm->blocks->len; i++)
        if (((struct vemu_block *)vm->blocks->pdata[i])->child == block)
            return true;
    return false;
}

static int do_resize(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct resize *resize = data;
    struct vemu_block *block = vemu__vm_find_block(vm, resize->id);
    pthread_mutex_t *lock;
    int r;

    if (!block)
        return vemu__error_set(err, ENOENT, "there is no drive '%s'", resize->id);
    if (resize->size % 512)
        return vemu__error_set(err, EINVAL, "the size must be a multiple of 512 bytes");
    if (has_parent(vm, block))
        return vemu__error_set(err, EBUSY, "drive '%s' is part of another one: resize that",
                               resize->id);
    lock = block->user_lock;
    if (lock)
        pthread_mutex_lock(lock);
    r = resize_locked(block, resize->size, err);
    if (lock)
        pthread_mutex_unlock(lock);
    return r;
}

int vemu_vm_resize_block(struct vemu_vm *vm, const char *id, uint64_t size, struct vemu_error **err)
{
    struct resize resize = { id, size };

    if (!id)
        return vemu__error_set(err, EINVAL, "the node name is missing");
    return vemu__vm_control(vm, do_resize, &resize, err);
}
