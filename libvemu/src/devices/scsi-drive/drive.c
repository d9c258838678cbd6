/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives on a SCSI bus: scsi-hd and scsi-cd.
 *
 * The objects only say what the unit is and where; scsi/ and its adapter do the work.
 */
#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "devices/devices.h"
#include "devices/virtio-scsi/vscsi.h"

struct drive {
    struct vemu_device dev;
    struct vemu_scsi_unit unit;
    char *bus_id;
    uint32_t channel, scsi_id, lun;
    struct vemu_device *owner;
    struct vscsi *scsi; /* in `owner`; there while unit.bus is not NULL */
};

/* "bus=ID.0", or the first one. */
static int find_owner(struct drive *drive, struct vemu_error **err)
{
    const GPtrArray *devices = drive->dev.vm->devices;

    for (guint i = 0; i < devices->len; i++) {
        struct vemu_device *dev = devices->pdata[i];
        g_autofree char *bus = g_strdup_printf("%s.0", dev->id);

        if (!dev->realized || !vemu__vscsi_of(dev) ||
            (drive->bus_id && strcmp(drive->bus_id, bus) != 0))
            continue;
        drive->owner = dev;
        drive->scsi = vemu__vscsi_of(dev);
        return 0;
    }
    if (drive->bus_id)
        return vemu__error_set(err, ENOENT, "there is no SCSI bus '%s'", drive->bus_id);
    return vemu__error_set(err, ENOENT, "there is no SCSI adapter in front of it");
}

static int drive_realize(struct drive *drive, const struct vemu_scsi_type *type,
                         struct vemu_error **err)
{
    int r;

    if (drive->channel)
        return vemu__error_set(err, EINVAL, "channel %u: there is only channel 0", drive->channel);
    r = find_owner(drive, err);
    if (r < 0)
        return r;
    drive->unit.name = drive->dev.id;
    drive->unit.vm = drive->dev.vm;
    pthread_mutex_lock(&drive->owner->lock);
    r = vemu__vscsi_add_unit(drive->scsi, &drive->unit, type, drive->scsi_id, drive->lun, err);
    pthread_mutex_unlock(&drive->owner->lock);
    return r;
}

static int disk_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return drive_realize((struct drive *)dev, &vemu__scsi_disk, err);
}

static int cdrom_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return drive_realize((struct drive *)dev, &vemu__scsi_cdrom, err);
}

static void drive_unrealize(struct vemu_device *dev)
{
    struct drive *drive = (struct drive *)dev;

    if (!drive->unit.bus) /* its adapter went first; both happens on the loop */
        return;
    pthread_mutex_lock(&drive->owner->lock);
    vemu__vscsi_remove_unit(drive->scsi, &drive->unit);
    pthread_mutex_unlock(&drive->owner->lock);
}

/* The driver hears that the unit is gone when it is: nobody has to agree. */
static int drive_request_unplug(struct vemu_device *dev, struct vemu_error **err)
{
    vemu__device_request_removal(dev);
    return 0;
}

#define PLACE                                                                                      \
    VEMU_PROP(struct drive, bus_id, "bus", STRING, NULL, "ID.0 of its SCSI adapter"),              \
        VEMU_PROP(struct drive, channel, "channel", U32, "0", "there is only 0"),                  \
        VEMU_PROP(struct drive, scsi_id, "scsi-id", U32, "4294967295",                             \
                  "target; default: the first free one"),                                          \
        VEMU_PROP(struct drive, lun, "lun", U32, "0", "number of the unit at its target"),         \
        VEMU_PROP_END

static const struct vemu_prop disk_props[] = {
    VEMU_PROP_GROUP(offsetof(struct drive, unit.props), vemu__scsi_disk_props),
    PLACE,
};

static const struct vemu_prop cdrom_props[] = {
    VEMU_PROP_GROUP(offsetof(struct drive, unit.props), vemu__scsi_cdrom_props),
    PLACE,
};

static const struct vemu_state_field drive_state[] = {
    VEMU_SCSI_UNIT_STATE(struct drive, unit),
    VEMU_STATE_END,
};

static const struct vemu_device_ops disk_ops = {
    .realize = disk_realize,
    .unrealize = drive_unrealize,
    .request_unplug = drive_request_unplug,
    .hotplug = true,
};

static const struct vemu_device_ops cdrom_ops = {
    .realize = cdrom_realize,
    .unrealize = drive_unrealize,
    .request_unplug = drive_request_unplug,
    .hotplug = true,
};

const struct vemu_device_class vemu__device_scsi_hd = {
    .name = "scsi-hd",
    .summary = "disk on a SCSI bus",
    .state_version = 1,
    .instance_size = sizeof(struct drive),
    .props = disk_props,
    .state = drive_state,
    .ops = &disk_ops,
};

const struct vemu_device_class vemu__device_scsi_cd = {
    .name = "scsi-cd",
    .summary = "CD-ROM drive on a SCSI bus",
    .state_version = 1,
    .instance_size = sizeof(struct drive),
    .props = cdrom_props,
    .state = drive_state,
    .ops = &cdrom_ops,
};

struct vemu_scsi_unit *vemu__scsi_cd_of(struct vemu_device *dev)
{
    struct drive *drive = (struct drive *)dev;

    bool is_cd = dev->class_ == &vemu__device_scsi_cd && dev->realized;

    return is_cd && drive->unit.attached ? &drive->unit : NULL;
}
