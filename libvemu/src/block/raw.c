/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block driver raw: another node as it is, or a window of it (offset, size).
 */
#include <errno.h>
#include <inttypes.h>

#include "block/backend.h"
#include "core/error.h"

struct raw {
    struct vemu_block block;
    uint64_t offset, window; /* window 0: to the end */
    bool want_read_only;
};

static int raw_open(struct vemu_block *block, struct vemu_error **err)
{
    struct raw *raw = (struct raw *)block;
    const struct vemu_block *child = block->child;

    if (!child)
        return vemu__error_set(err, EINVAL, "property 'file' is missing");
    if (child->user || raw->offset % 512 || raw->window % 512)
        return child->user ? vemu__error_set(err, EBUSY, "drive '%s' is in use by '%s'", child->id,
                                             child->user->name)
                           : vemu__error_set(err, EINVAL,
                                             "offset and size must be multiples of 512");
    if (raw->offset > child->size || raw->window > child->size - raw->offset)
        return vemu__error_set(err, EINVAL, "the window goes beyond the end of '%s' (%" PRIu64
                               " bytes)", child->id, child->size);
    block->size = raw->window ? raw->window : child->size - raw->offset;
    block->read_only = raw->want_read_only || child->read_only;
    block->can_discard = child->can_discard;
    block->write_through = child->write_through;
    return 0;
}

/* The child has the request, with this node's numbers, until it is done; `block` of the request
 * must be this node's again then, so the child's own bookkeeping is done here. */
static void raw_submit(struct vemu_block *block, struct vemu_block_request *req)
{
    req->offset += ((struct raw *)block)->offset;
    block->child->class_->submit(block->child, req);
}

static void raw_kick(struct vemu_block *block)
{
    vemu__block_kick(block->child);
}

static void raw_drain(struct vemu_block *block)
{
    block->child->class_->drain(block->child);
}

static int raw_resize(struct vemu_block *block, uint64_t size)
{
    struct raw *raw = (struct raw *)block;
    int r;

    if (raw->window || raw->offset || !block->child->class_->resize)
        return -ENOTSUP;
    r = block->child->class_->resize(block->child, size);
    if (r >= 0)
        block->size = size;
    return r;
}

static const struct vemu_prop raw_props[] = {
    VEMU_PROP(struct raw, block.child, "file", BLOCK, NULL, "the node below"),
    VEMU_PROP(struct raw, offset, "offset", SIZE, "0", "where the window begins"),
    VEMU_PROP(struct raw, window, "size", SIZE, "0", "its size; 0: to the end"),
    VEMU_PROP(struct raw, want_read_only, "read-only", BOOL, "off", "refuse writes"),
    VEMU_PROP_END,
};

const struct vemu_block_class vemu__block_raw = {
    .base = {
        .name = "raw",
        .summary = "another node as it is, or a part of it",
        .instance_size = sizeof(struct raw),
        .props = raw_props,
    },
    .open = raw_open,
    .submit = raw_submit,
    .kick = raw_kick,
    .drain = raw_drain,
    .resize = raw_resize,
};
