/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of the graph: filters, backing images.
 */
#include "jobs/graph.h"

#include <errno.h>
#include <string.h>

#include <vemu/block.h>

#include "core/error.h"
#include "core/vm.h"

/* --- looking ---------------------------------------------------------------------------------- */

struct vemu_image *vemu__graph_image(const struct vemu_block *block)
{
    return vemu__job_is_filter(block->image) ? block->image->file : block->image;
}

struct vemu_image *vemu__graph_top(const struct vemu_block *block)
{
    return vemu__image_skip_filters(block->image);
}

struct vemu_block *vemu__graph_node_of(struct vemu_vm *vm, const struct vemu_image *image)
{
    for (guint i = 0; i < vm->blocks->len; i++) {
        struct vemu_block *block = vm->blocks->pdata[i];

        if (vemu__graph_image(block) == image)
            return block;
    }
    return NULL;
}

static const struct vemu_image *lowest(const struct vemu_image *image)
{
    while (image->file)
        image = image->file;
    return image;
}

bool vemu__graph_is_named(struct vemu_vm *vm, const struct vemu_image *layer,
                          const struct vemu_image *above, const char *name)
{
    const struct vemu_block *node = vemu__graph_node_of(vm, layer);
    g_autofree char *resolved = NULL;

    if ((node && !strcmp(node->id, name)) || !strcmp(layer->filename, name) ||
        !strcmp(lowest(layer)->filename, name))
        return true;
    if (!above || !above->backing_filename)
        return false;
    resolved = vemu__image_resolve(above, above->backing_filename);
    return !strcmp(above->backing_filename, name) || !strcmp(resolved, name);
}

struct vemu_image *vemu__graph_find_above(struct vemu_vm *vm, struct vemu_image *layer,
                                          const char *name, struct vemu_error **err)
{
    for (; layer->backing; layer = vemu__image_skip_filters(layer->backing))
        if (vemu__graph_is_named(vm, layer->backing, layer, name))
            return layer;
    vemu__error_set(err, ENOENT, "Can't find '%s' in the backing chain", name);
    return NULL;
}

static int nodes_with(struct vemu_vm *vm, const struct vemu_image *image)
{
    int count = 0;

    for (guint i = 0; i < vm->blocks->len; i++)
        count += ((struct vemu_block *)vm->blocks->pdata[i])->image == image;
    return count;
}

int vemu__graph_check_alone(const struct vemu_block *block, struct vemu_error **err)
{
    struct vemu_image *layer = block->image;

    for (int above = 0;; above = 1, layer = layer->file) {
        if (atomic_load(&layer->refs) > above + nodes_with(block->vm, layer))
            return vemu__error_set(err, EBUSY, "Node '%s' is in use by an export or another image",
                                   block->id);
        if (!(layer->driver->flags & VEMU_IMAGE_FORMAT_FILTER))
            return 0;
    }
}

/* --- filters ---------------------------------------------------------------------------------- */

/* Takes over the reference; the old image is closed. */
static void set_image(struct vemu_block *block, struct vemu_image *image)
{
    struct vemu_image *old = block->image;

    if (block->user)
        pthread_mutex_lock(block->user_lock);
    block->image = image;
    block->flush_fd = vemu__image_flush_fd(image);
    if (block->user)
        pthread_mutex_unlock(block->user_lock);
    vemu_image_close(old);
}

int vemu__graph_put_filter(struct vemu_block *block, const struct job_filter_ops *ops, void *data,
                           uint64_t align, struct job_filter **ret, struct vemu_error **err)
{
    int r = vemu__job_filter_new(block->image, ops, data, align, ret, err);

    if (r >= 0)
        set_image(block, &(*ret)->image);
    return r;
}

void vemu__graph_take_filter(struct vemu_block *block)
{
    if (vemu__job_is_filter(block->image))
        set_image(block, vemu_image_ref(block->image->file));
}

/* --- backing images --------------------------------------------------------------------------- */

/* An image that is no node: by its filename. */
static int reopen_image(struct vemu_image *above, bool write, struct vemu_error **err)
{
    struct vemu_image *old = above->backing, *layer = vemu__image_skip_filters(old);
    struct vemu_image *backing = layer->backing;
    g_autofree char *name = g_strdup(old->filename);
    const char *format = g_str_has_prefix(name, "json:") ? NULL : old->driver->name;
    uint32_t flags = (old->open_flags & VEMU_IMAGE_DIRECT) | VEMU_IMAGE_NO_BACKING;
    bool was_writable = old->open_flags & VEMU_IMAGE_WRITE;
    int r;

    layer->backing = above->backing = NULL;
    r = vemu_image_close(old);
    for (unsigned i = 0; i < 2 && !above->backing; i++) {
        uint32_t mode = (i == 0 ? write : was_writable) ? VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP
                                                        : IMAGE_OPEN_BACKING;

        if (r >= 0 || i > 0) {
            int opened = vemu__image_open_tree(name, format, flags | mode, NULL, 0, &above->backing,
                                               i == 0 ? err : NULL);
            r = i == 0 ? opened : r;
        }
    }
    if (!above->backing) {
        vemu_image_close(backing);
        return r;
    }
    layer = vemu__image_skip_filters(above->backing);
    layer->backing = backing;
    return r;
}

int vemu__graph_reopen(struct vemu_vm *vm, struct vemu_image *above, bool write,
                       struct vemu_error **err)
{
    struct vemu_image *image = above->backing;
    struct vemu_block *node = vemu__graph_node_of(vm, image);
    int r;

    if (!!(image->open_flags & VEMU_IMAGE_WRITE) == write)
        return 0;
    if (atomic_load(&image->refs) > 1 + nodes_with(vm, image) ||
        (node && (node->user || node->job || node->claimed)))
        return vemu__error_set(err, EBUSY, "'%s' is in use by something else as well",
                               image->filename);
    if (!node)
        return reopen_image(above, write, err);
    above->backing = NULL;
    vemu_image_close(image);
    r = vemu__block_reopen(node, write, err);
    above->backing = vemu_image_ref(node->image);
    return r;
}

static char *in_full(const char *name)
{
    return vemu__image_has_protocol(name) ? g_strdup(name) : g_canonicalize_filename(name, NULL);
}

char *vemu__graph_file_name(const struct vemu_image *image)
{
    return in_full(lowest(image)->filename);
}

char *vemu__graph_backing_name(const struct vemu_image *above, const struct vemu_image *overlay)
{
    g_autofree char *mine = g_path_get_dirname(lowest(above)->filename);
    g_autofree char *its = g_path_get_dirname(lowest(overlay)->filename);
    g_autofree char *name = NULL;

    if (above->backing_filename && !strcmp(mine, its))
        return g_strdup(above->backing_filename);
    name = above->backing_filename ? vemu__image_resolve(above, above->backing_filename)
                                   : g_strdup(lowest(above->backing)->filename);
    return in_full(name);
}

void vemu__graph_link_backing(struct vemu_vm *vm, struct vemu_image *overlay,
                              struct vemu_image *backing)
{
    struct vemu_image *old = overlay->backing;

    overlay->backing = backing ? vemu_image_ref(backing) : NULL;
    for (guint i = 0; i < vm->blocks->len; i++) {
        struct vemu_block *block = vm->blocks->pdata[i], *was = block->backing_node;

        if (vemu__graph_top(block) != overlay)
            continue;
        block->no_backing |= was != NULL;
        block->backing_node = was && backing ? vemu__graph_node_of(vm, backing) : NULL;
        if (was && was->with_parent && !vemu__block_parent(was))
            vemu_vm_remove_block(vm, was->id, NULL);
    }
    vemu_image_close(old);
}

int vemu__graph_set_backing(struct vemu_vm *vm, struct vemu_image *overlay,
                            struct vemu_image *backing, const char *name, struct vemu_error **err)
{
    const char *format = backing ? vemu__image_skip_filters(backing)->driver->name : NULL;
    g_autofree char *copy = backing ? g_strdup(name) : NULL;
    int r = vemu_image_flush(overlay);

    if (r < 0)
        return vemu__error_set(err, -r, "cannot write '%s' back: %s", overlay->filename,
                               strerror(-r));
    r = vemu_image_set_backing(overlay, copy, format, err);
    if (r < 0)
        return r;
    g_free(overlay->backing_filename);
    g_free(overlay->backing_format);
    overlay->backing_filename = g_steal_pointer(&copy);
    overlay->backing_format = g_strdup(format);
    vemu__graph_link_backing(vm, overlay, backing);
    return 0;
}
