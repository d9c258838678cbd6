/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about dirty bitmaps of block nodes: those of qcow2 images.
 */
#include <errno.h>

#include "block/backend.h"
#include "jobs/bitmap.h"
#include "monitor/qmp.h"

/* The node's image; and the bitmap is nobody's at the moment. */
static int find(struct vemu_vm *vm, const char *node, const char *bitmap, struct vemu_image **ret,
                struct vemu_error **err)
{
    const struct vemu_block *block = vemu__qmp_block_of(vm, node);

    if (!block)
        return vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'", node,
                               node);
    *ret = block->image;
    return vemu__job_check_bitmap(block, bitmap, err);
}

static int find_arg(struct vemu_vm *vm, struct json_object *args, struct vemu_image **ret,
                    struct vemu_error **err)
{
    return find(vm, qmp_get_string(args, "node"), qmp_get_string(args, "name"), ret, err);
}

static int cmd_add(QMP_PARAMS)
{
    bool disabled = json_object_get_boolean(qmp_get(args, "disabled"));
    bool persistent = json_object_get_boolean(qmp_get(args, "persistent"));
    int64_t granularity = json_object_get_int64(qmp_get(args, "granularity"));
    struct vemu_image *image = NULL;
    int r = find_arg(vm, args, &image, err);

    if (r < 0)
        return r;
    if (granularity < 0)
        return vemu__error_set(err, EINVAL, "Parameter 'granularity' expects uint32");
    return vemu_image_add_bitmap(image, qmp_get_string(args, "name"), (uint64_t)granularity,
                                 (disabled ? 0 : VEMU_IMAGE_BITMAP_ENABLED) |
                                     (persistent ? VEMU_IMAGE_BITMAP_PERSISTENT : 0),
                                 err);
}

static int cmd_remove(QMP_PARAMS)
{
    struct vemu_image *image = NULL;
    int r = find_arg(vm, args, &image, err);

    return r < 0 ? r : vemu_image_remove_bitmap(image, qmp_get_string(args, "name"), err);
}

static int cmd_clear(QMP_PARAMS)
{
    struct vemu_image *image = NULL;
    int r = find_arg(vm, args, &image, err);

    return r < 0 ? r : vemu_image_clear_bitmap(image, qmp_get_string(args, "name"), err);
}

static int cmd_enable(QMP_PARAMS)
{
    struct vemu_image *image = NULL;
    int r = find_arg(vm, args, &image, err);

    return r < 0 ? r : vemu_image_enable_bitmap(image, qmp_get_string(args, "name"), 1, err);
}

static int cmd_disable(QMP_PARAMS)
{
    struct vemu_image *image = NULL;
    int r = find_arg(vm, args, &image, err);

    return r < 0 ? r : vemu_image_enable_bitmap(image, qmp_get_string(args, "name"), 0, err);
}

/* "name" of the same node, or an object with node and name. */
static int merge_one(struct vemu_vm *vm, struct json_object *args, struct json_object *source,
                     struct vemu_image *target, struct vemu_error **err)
{
    bool is_name = json_object_is_type(source, json_type_string);
    const char *node = qmp_get_string(is_name ? args : source, "node");
    const char *name = is_name ? json_object_get_string(source) : qmp_get_string(source, "name");
    struct vemu_image *image = NULL;
    int r;

    if (!node || !name)
        return vemu__error_set(err, EINVAL,
                               "Parameter 'bitmaps' expects names, or objects with node and name");
    r = find(vm, node, name, &image, err);
    return r < 0
               ? r
               : vemu_image_merge_bitmap(target, qmp_get_string(args, "target"), image, name, err);
}

static int cmd_merge(QMP_PARAMS)
{
    struct json_object *list = qmp_get(args, "bitmaps");
    struct vemu_image *target = NULL;
    int r = find(vm, qmp_get_string(args, "node"), qmp_get_string(args, "target"), &target, err);

    for (size_t i = 0; i < json_object_array_length(list) && r >= 0; i++)
        r = merge_one(vm, args, json_object_array_get_idx(list, i), target, err);
    return r;
}

static const struct qmp_command commands[] = {
    { "block-dirty-bitmap-add", cmd_add,
      "{node:str,name:str,granularity?:int,persistent?:bool,disabled?:bool}", NULL },
    { "block-dirty-bitmap-clear", cmd_clear, "{node:str,name:str}", NULL },
    { "block-dirty-bitmap-disable", cmd_disable, "{node:str,name:str}", NULL },
    { "block-dirty-bitmap-enable", cmd_enable, "{node:str,name:str}", NULL },
    { "block-dirty-bitmap-merge", cmd_merge, "{node:str,target:str,bitmaps:[any]}", NULL },
    { "block-dirty-bitmap-remove", cmd_remove, "{node:str,name:str}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_bitmap = { .commands = commands };
