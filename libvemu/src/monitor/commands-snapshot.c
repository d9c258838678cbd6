/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands that put an image on top of a disk: external snapshots.
 */
#include <errno.h>
#include <string.h>

#include "block/backend.h"
#include "jobs/graph.h"
#include "monitor/qmp.h"

static int find(struct vemu_vm *vm, const char *name, struct vemu_block **ret,
                struct vemu_error **err)
{
    *ret = vemu__qmp_block_of(vm, name);
    return *ret ? 0
                : vemu__error_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'", name,
                                  name);
}

static int cmd_blockdev_snapshot(QMP_PARAMS)
{
    struct vemu_block *block = NULL, *overlay = NULL;
    int r = find(vm, qmp_get_string(args, "node"), &block, err);

    if (r >= 0)
        r = find(vm, qmp_get_string(args, "overlay"), &overlay, err);
    return r < 0 ? r : vemu__graph_snapshot(block, overlay, NULL, NULL, err);
}

/* A new image that names the disk's own as its backing file. */
static int make_overlay(const struct vemu_block *block, struct json_object *args,
                        struct vemu_image **ret, struct vemu_error **err)
{
    struct vemu_image_open_options open = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    const char *format = qmp_get_string(args, "format"), *mode = qmp_get_string(args, "mode");
    const char *filename = qmp_get_string(args, "snapshot-file");
    struct vemu_image *top = vemu__graph_top(block);
    g_autofree char *name = vemu__graph_file_name(top);
    bool existing = mode && !strcmp(mode, "existing");
    int r = 0;

    open.format = format ? format : "qcow2";
    open.flags = VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING |
                 (block->can_discard ? VEMU_IMAGE_UNMAP : 0) |
                 (block->direct ? VEMU_IMAGE_DIRECT : 0);
    if (!existing)
        r = vemu_image_create(filename, open.format, block->image->size, NULL, 0, NULL, err);
    if (r >= 0)
        r = vemu_image_open(filename, &open, ret, err);
    if (r < 0 || existing)
        return r;
    r = vemu_image_set_backing(*ret, name, top->driver->name, err);
    if (r < 0)
        vemu_image_close(*ret);
    return r;
}

static int cmd_blockdev_snapshot_sync(QMP_PARAMS)
{
    const char *device = qmp_get_string(args, "device"), *node = qmp_get_string(args, "node-name");
    const char *name = qmp_get_string(args, "snapshot-node-name");
    struct vemu_image *image = NULL;
    struct vemu_block *block = NULL;
    int r;

    if (!device == !node)
        return vemu__error_set(err, EINVAL, "%s",
                               device ? "'device' and 'node-name' exclude each other"
                                      : "Parameter 'device' is missing");
    r = find(vm, device ? device : node, &block, err);
    if (r >= 0 && name)
        r = vemu__config_check_id(name, err);
    if (r >= 0 && name && vemu__vm_find_block(vm, name))
        r = vemu__error_set(err, EEXIST, "Duplicate nodes with node-name='%s'", name);
    if (r >= 0)
        r = make_overlay(block, args, &image, err);
    if (r < 0)
        return r;
    r = vemu__graph_snapshot(block, NULL, image, name, err);
    vemu_image_close(image);
    return r;
}

static const struct qmp_command commands[] = {
    { "blockdev-snapshot", cmd_blockdev_snapshot, "{node:str,overlay:str}", NULL },
    { "blockdev-snapshot-sync", cmd_blockdev_snapshot_sync,
      "{device?:str,node-name?:str,snapshot-file:str,snapshot-node-name?:str,format?:str,"
      "mode?:<existing|absolute-paths>}",
      NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_snapshot = { .commands = commands };
