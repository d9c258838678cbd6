/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * QMP commands about what lies in a CD-ROM drive: tray, medium.
 *
 * A medium is a block node. What blockdev-change-medium made of a file name goes when it is taken
 * out; nodes with a name of their own stay, for blockdev-insert-medium or blockdev-del.
 */
#include <errno.h>
#include <string.h>

#include <vemu/block.h>

#include "block/backend.h"
#include "monitor/qmp.h"
#include "scsi/scsi.h"

#define PERIPHERAL      "/machine/peripheral/"
#define PERIPHERAL_ANON "/machine/peripheral-anon/"

struct vemu_scsi_unit *vemu__qmp_cdrom_of(struct vemu_device *dev)
{
    struct vemu_scsi_unit *unit = vemu__scsi_cd_of(dev);

    return unit ? unit : vemu__ide_cd_of(dev);
}

char *vemu__qmp_medium_of(struct vemu_vm *vm, const char *id)
{
    struct vemu_device *dev = vemu__vm_find_device(vm, id);
    struct vemu_scsi_unit *unit = dev ? vemu__qmp_cdrom_of(dev) : NULL;

    return unit && unit->props.drive ? g_strdup(vemu__block_id(unit->props.drive)) : NULL;
}

/* "id" is a device's id or path, "device" the name of the node in it, or its id as well. */
static struct vemu_scsi_unit *find_drive(struct vemu_vm *vm, struct json_object *args,
                                         struct vemu_error **err)
{
    const char *id = qmp_get_string(args, "id"), *device = qmp_get_string(args, "device");
    const char *name = id ? id : device;
    struct vemu_scsi_unit *unit;
    struct vemu_device *dev;

    if (!id == !device) {
        vemu__error_set(err, EINVAL, "one of the parameters 'id' and 'device' is needed");
        return NULL;
    }
    if (g_str_has_prefix(name, PERIPHERAL))
        name += strlen(PERIPHERAL);
    else if (g_str_has_prefix(name, PERIPHERAL_ANON))
        name += strlen(PERIPHERAL_ANON);
    dev = vemu__vm_find_device(vm, name);
    if (!dev && device) {
        const struct vemu_block *block = vemu__vm_find_block(vm, device);

        dev = block ? vemu__vm_find_user(vm, block) : NULL;
    }
    if (!dev) {
        vemu__qmp_not_found(name, err);
        return NULL;
    }
    unit = vemu__qmp_cdrom_of(dev);
    if (!unit)
        vemu__error_set(err, EINVAL, "Device '%s' is not removable", dev->id);
    return unit;
}

static bool forced(struct json_object *args)
{
    return json_object_get_boolean(qmp_get(args, "force"));
}

/* --- steps ------------------------------------------------------------------------------------ */

/* 0: open; -EBUSY: the guest was asked. */
static int open_tray(struct vemu_scsi_unit *unit, bool force)
{
    int r;

    pthread_mutex_lock(unit->lock);
    r = vemu__scsi_tray_move(unit, true, force);
    pthread_mutex_unlock(unit->lock);
    return r;
}

static int fail_locked(const struct vemu_scsi_unit *unit, struct vemu_error **err)
{
    return vemu__error_set(err, EBUSY,
                           "Device '%s' is locked and force was not specified, wait for tray to "
                           "open and try again",
                           unit->name);
}

static void close_tray(struct vemu_scsi_unit *unit)
{
    pthread_mutex_lock(unit->lock);
    vemu__scsi_tray_move(unit, false, false);
    pthread_mutex_unlock(unit->lock);
}

static int set_medium(struct vemu_scsi_unit *unit, struct vemu_block *block,
                      struct vemu_error **err)
{
    struct vemu_block *old;
    int r;

    pthread_mutex_lock(unit->lock);
    old = unit->props.drive;
    r = vemu__scsi_set_medium(unit, block, err);
    pthread_mutex_unlock(unit->lock);
    if (r >= 0 && !block && old && old->with_medium)
        vemu_vm_remove_block(unit->vm, old->id, NULL);
    return r;
}

/* A node for a file, read only, without a name that anybody chose. */
static int make_node(struct vemu_vm *vm, const char *path, const char *format,
                     struct vemu_block **ret, struct vemu_error **err)
{
    const struct vemu_property props[] = { { "filename", path }, { "read-only", "on" } };
    g_autofree char *id = NULL;
    int r;

    for (unsigned n = 0; !id || vemu__vm_find_block(vm, id); n++) {
        g_free(id);
        id = g_strdup_printf("medium%u", n);
    }
    r = vemu_vm_add_block(vm, format ? format : "auto", id, props, G_N_ELEMENTS(props), err);
    if (r < 0)
        return r;
    *ret = vemu__vm_find_block(vm, id);
    (*ret)->with_medium = true;
    return 0;
}

/* --- commands --------------------------------------------------------------------------------- */

static int cmd_open_tray(QMP_PARAMS)
{
    struct vemu_scsi_unit *unit = find_drive(vm, args, err);

    if (!unit)
        return -vemu_error_code(*err);
    open_tray(unit, forced(args)); /* locked: the guest opens it, and DEVICE_TRAY_MOVED tells */
    return 0;
}

static int cmd_close_tray(QMP_PARAMS)
{
    struct vemu_scsi_unit *unit = find_drive(vm, args, err);

    if (!unit)
        return -vemu_error_code(*err);
    close_tray(unit);
    return 0;
}

static int cmd_remove_medium(QMP_PARAMS)
{
    struct vemu_scsi_unit *unit = find_drive(vm, args, err);

    return unit ? set_medium(unit, NULL, err) : -vemu_error_code(*err);
}

static int cmd_insert_medium(QMP_PARAMS)
{
    const char *node = qmp_get_string(args, "node-name");
    struct vemu_scsi_unit *unit = find_drive(vm, args, err);
    struct vemu_block *block = vemu__vm_find_block(vm, node);

    if (!unit)
        return -vemu_error_code(*err);
    if (!block)
        return vemu__error_set(err, ENOENT, "Node '%s' not found", node);
    return set_medium(unit, block, err);
}

static int cmd_eject(QMP_PARAMS)
{
    struct vemu_scsi_unit *unit = find_drive(vm, args, err);

    if (!unit)
        return -vemu_error_code(*err);
    return open_tray(unit, forced(args)) < 0 ? fail_locked(unit, err) : set_medium(unit, NULL, err);
}

/* The new medium is opened first: what cannot be opened leaves the old one where it is. */
static int cmd_change_medium(QMP_PARAMS)
{
    const char *mode = qmp_get_string(args, "read-only-mode");
    struct vemu_scsi_unit *unit = find_drive(vm, args, err);
    struct vemu_block *block;
    int r;

    if (!unit)
        return -vemu_error_code(*err);
    if (mode && !strcmp(mode, "read-write"))
        return vemu__error_set(err, ENOTSUP, "read-only-mode 'read-write': a CD-ROM is read-only");
    r = make_node(vm, qmp_get_string(args, "filename"), qmp_get_string(args, "format"), &block,
                  err);
    if (r < 0)
        return r;
    if (open_tray(unit, forced(args)) < 0)
        r = fail_locked(unit, err);
    if (r >= 0)
        r = set_medium(unit, NULL, err);
    if (r >= 0)
        r = set_medium(unit, block, err);
    if (r < 0) {
        vemu_vm_remove_block(vm, block->id, NULL);
        return r;
    }
    close_tray(unit);
    return 0;
}

#define DRIVE "device?:str,id?:str"

static const struct qmp_command commands[] = {
    { "blockdev-change-medium", cmd_change_medium,
      "{" DRIVE ",filename:str,format?:str,force?:bool,"
      "read-only-mode?:<retain|read-only|read-write>}",
      NULL },
    { "blockdev-close-tray", cmd_close_tray, "{" DRIVE "}", NULL },
    { "blockdev-insert-medium", cmd_insert_medium, "{" DRIVE ",node-name:str}", NULL },
    { "blockdev-open-tray", cmd_open_tray, "{" DRIVE ",force?:bool}", NULL },
    { "blockdev-remove-medium", cmd_remove_medium, "{" DRIVE "}", NULL },
    { "eject", cmd_eject, "{" DRIVE ",force?:bool}", NULL },
    { NULL },
};

const struct qmp_group vemu__qmp_medium = { .commands = commands };
