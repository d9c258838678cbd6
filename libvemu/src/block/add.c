/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of <vemu/block.h> that add nodes and change their size.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vemu/block.h>

#include "block/backend.h"
#include "core/vm.h"
#include "image/options.h"

/* --- adding ----------------------------------------------------------------------------------- */

struct add {
    const char *driver, *id;
    const struct vemu_property *props;
    size_t prop_count;
};

static int do_add(struct vemu_vm *vm, void *data, struct vemu_error **err)
{
    const struct add *add = data;

    return vemu__block_add(vm, add->driver, add->id, add->props, add->prop_count, err);
}

/* "json:{...}" has it all. */
static int add_json(struct vemu_vm *vm, const char *text, struct vemu_error **err)
{
    g_autofree char *driver = NULL, *id = NULL;
    g_autofree struct vemu_property *props = NULL;
    struct image_options options;
    int r;

    vemu__image_options_init(&options);
    r = vemu__image_options_add_json(&options, text, err);
    driver = vemu__image_options_take(&options, "driver");
    id = vemu__image_options_take(&options, "node-name");
    if (r >= 0 && (!driver || !id))
        r = vemu__error_set(err, EINVAL, "Parameter '%s' is missing",
                            driver ? "node-name" : "driver");
    if (r >= 0) {
        props = vemu__image_options_props(&options);
        r = vemu_vm_add_block(vm, driver, id, props, options.names->len, err);
    }
    vemu__image_options_clear(&options);
    return r;
}

int vemu_vm_add_block(struct vemu_vm *vm, const char *class_name, const char *id,
                      const struct vemu_property *props, size_t prop_count, struct vemu_error **err)
{
    struct add add = { class_name, id, props, prop_count };

    if (class_name && !id && g_str_has_prefix(class_name, "json:") && !prop_count)
        return add_json(vm, class_name + strlen("json:"), err);
    if (!class_name || !id)
        return vemu__error_set(err, EINVAL, "the %s is missing",
                               class_name ? "node name" : "block driver");
    for (size_t i = 0; i < prop_count; i++)
        if (!props || !props[i].name || !props[i].value)
            return vemu__error_set(err, EINVAL, "property %zu has no name or no value", i);
    return vemu__vm_control(vm, do_add, &add, err);
}

/* --- changing the size ------------------------------------------------------------------------ */

struct resize {
    const char *id;
    uint64_t size;
};

/* Only the user's lock is needed: a node without one is changed on the loop alone. */
static int resize_locked(struct vemu_block *block, uint64_t size, struct vemu_error **err)
{
    int r;

    if (block->read_only)
        return vemu__error_set(err, EROFS, "drive '%s' is read-only", block->id);
    if (block->user)
        vemu__block_pause(block);
    r = vemu_image_resize(block->image, size, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, err);
    if (r < 0) {
        vemu__error_prefix(err, "drive '%s': cannot be resized to %" PRIu64 " bytes", block->id,
                           size);
        return r;
    }
    if (block->user && block->user->resized)
        block->user->resized(block->user_data);
    return 0;
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
    if (vemu__block_parent(block))
        return vemu__error_set(err, EBUSY, "drive '%s' is part of another one: resize that",
                               resize->id);
    if (vemu__block_check_free(block, err) < 0)
        return -EBUSY;
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
