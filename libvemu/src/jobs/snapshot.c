/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshots of disks: another image on top, which takes what is written from now on.
 *
 * The image that was the disk's own is flushed and opened again for reading only, before anything
 * can be written to the new one.
 */
#include <errno.h>
#include <string.h>

#include <vemu/block.h>

#include "core/backend.h"
#include "core/vm.h"
#include "jobs/graph.h"

static int check_overlay(const struct vemu_block *block, const struct vemu_image *image,
                         struct vemu_error **err)
{
    const struct vemu_image *layer = vemu__image_skip_filters((struct vemu_image *)image);

    if (!layer->driver->set_backing)
        return vemu__error_set(err, ENOTSUP, "The overlay '%s' does not support backing images",
                               image->filename);
    if (layer->backing)
        return vemu__error_set(err, EINVAL, "The overlay '%s' already has a backing image",
                               image->filename);
    if (!(image->open_flags & VEMU_IMAGE_WRITE))
        return vemu__error_set(err, EROFS, "The overlay '%s' is read-only", image->filename);
    if (image->size != block->image->size)
        return vemu__error_set(err, EINVAL, "The overlay '%s' has another size than the disk",
                               image->filename);
    return 0;
}

static int check(const struct vemu_block *block, const struct vemu_block *overlay,
                 struct vemu_error **err)
{
    const struct vemu_block *parent = vemu__block_parent(block);
    int r = vemu__block_check_free(block, err);

    if (r >= 0 && overlay)
        r = vemu__block_check_free(overlay, err);
    if (r < 0)
        return r;
    if (parent)
        return vemu__error_set(err, EBUSY, "Node '%s' is part of '%s': name that", block->id,
                               parent->id);
    if (block->read_only)
        return vemu__error_set(err, EROFS, "Node '%s' is read-only", block->id);
    if (overlay && (overlay == block || overlay->user || vemu__block_parent(overlay)))
        return vemu__error_set(err, EBUSY, "The overlay '%s' is already in use", overlay->id);
    return vemu__graph_check_alone(block, err);
}

/* They have changed places: `old` is what the disk was. */
static int put_on_top(struct vemu_block *block, struct vemu_block *old, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__graph_top(block);
    int r = vemu__block_reopen(old, false, err);

    if (r < 0)
        return r;
    layer->backing = vemu_image_ref(old->image);
    block->backing_node = old;
    block->no_backing = false;
    return 0;
}

int vemu__graph_snapshot(struct vemu_block *block, struct vemu_block *overlay,
                         struct vemu_image *image, const char *name, struct vemu_error **err)
{
    struct vemu_vm *vm = block->vm;
    struct vemu_block *other = overlay;
    bool was_quiet = block->quiesced; /* by a transaction */
    g_autofree char *id = overlay ? NULL : name ? g_strdup(name) : vemu__vm_make_id(vm, "snapshot");
    int r = check(block, overlay, err);

    if (r >= 0)
        r = check_overlay(block, overlay ? overlay->image : image, err);
    if (r < 0)
        return r;
    if (!was_quiet)
        vemu__block_quiesce(block);
    if (!other) {
        other = vemu__graph_new_node(block, id, image);
        vemu__backend_list(vm, &vemu__block_kind, other);
    }
    vemu__graph_swap(block, other);
    if (!overlay && !name)
        vemu__graph_swap_names(block, other);
    r = put_on_top(block, other, err);
    if (r < 0) { /* as it was */
        if (!overlay && !name)
            vemu__graph_swap_names(block, other);
        vemu__graph_swap(block, other);
        if (!overlay)
            vemu_vm_remove_block(vm, other->id, NULL);
    } else {
        other->with_parent = !overlay && !name;
    }
    if (!was_quiet)
        vemu__block_release(block);
    return r;
}

int vemu__graph_undo_snapshot(struct vemu_block *block, bool overlay_stays, struct vemu_error **err)
{
    struct vemu_block *old = block->backing_node;
    struct vemu_image *layer = vemu__graph_top(block);
    bool has_our_name = old->with_parent;
    int r;

    vemu_image_close(layer->backing);
    layer->backing = NULL;
    block->backing_node = NULL;
    r = vemu__block_reopen(old, true, err);
    if (r < 0) { /* the snapshot stays: the guest needs something to write to */
        layer->backing = vemu_image_ref(old->image);
        block->backing_node = old;
        return r;
    }
    block->no_backing = true;
    if (has_our_name)
        vemu__graph_swap_names(block, old);
    vemu__graph_swap(block, old);
    if (!overlay_stays)
        vemu_vm_remove_block(block->vm, old->id, NULL); /* it is the overlay now */
    return 0;
}
