/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives on the ports of an AHCI adapter: ide-hd and ide-cd.
 *
 * The objects only say what the drive is and where; devices/ahci does the work. The names, and
 * those of the ports (ide.0 ...), are from when such drives had other cables.
 */
#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "devices/ahci/ahci.h"
#include "devices/devices.h"

struct drive {
    struct vemu_device dev;
    struct ahci_drive ata;
    char *bus_id;
    uint32_t unit;
    struct vemu_device *owner;
};

/* "bus=ID.PORT", or the first port that is free. */
static int find_port(struct drive *drive, unsigned *ret_port, struct vemu_error **err)
{
    const GPtrArray *devices = drive->dev.vm->devices;

    for (guint i = 0; i < devices->len; i++) {
        struct vemu_device *dev = devices->pdata[i];
        struct ahci *ahci = vemu__ahci_of(dev);

        for (unsigned n = 0; ahci && dev->realized && n < AHCI_PORTS; n++) {
            g_autofree char *bus = g_strdup_printf("%s.%u", dev->id, n);

            if (drive->bus_id ? strcmp(drive->bus_id, bus) != 0 : ahci->ports[n].drive != NULL)
                continue;
            if (ahci->ports[n].drive)
                return vemu__error_set(err, EBUSY, "bus '%s' has a drive: '%s'", bus,
                                       ahci->ports[n].drive->name);
            drive->owner = dev;
            *ret_port = n;
            return 0;
        }
    }
    if (drive->bus_id)
        return vemu__error_set(err, ENOENT, "there is no IDE bus '%s'", drive->bus_id);
    return vemu__error_set(err, ENOENT, "there is no free port for an IDE drive");
}

static int drive_realize(struct vemu_device *dev, bool is_cdrom, struct vemu_error **err)
{
    struct drive *drive = (struct drive *)dev;
    unsigned port = 0;
    int r;

    if (drive->unit)
        return vemu__error_set(err, EINVAL, "unit %u: there is only 0 on a port", drive->unit);
    r = find_port(drive, &port, err);
    if (r < 0)
        return r;
    drive->ata.name = dev->id;
    drive->ata.is_cdrom = is_cdrom;
    drive->ata.unit.vm = dev->vm;
    pthread_mutex_lock(&drive->owner->lock);
    r = vemu__ahci_plug((struct ahci *)drive->owner, port, &drive->ata, err);
    pthread_mutex_unlock(&drive->owner->lock);
    return r;
}

static int disk_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return drive_realize(dev, false, err);
}

static int cdrom_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return drive_realize(dev, true, err);
}

static void drive_unrealize(struct vemu_device *dev)
{
    struct drive *drive = (struct drive *)dev;

    if (!drive->ata.port) /* its adapter went first; both happens on the loop */
        return;
    pthread_mutex_lock(&drive->owner->lock);
    vemu__ahci_unplug(&drive->ata);
    pthread_mutex_unlock(&drive->owner->lock);
}

#define PROP(field, name, type, def, summary)                                                      \
    VEMU_PROP(struct drive, ata.unit.props.field, name, type, def, summary)
#define COMMON                                                                                     \
    PROP(serial, "serial", STRING, NULL, "serial number, up to 20 characters"),                    \
        PROP(version, "ver", STRING, NULL, "firmware revision, up to 8 characters"),               \
        PROP(product, "model", STRING, NULL, "model, up to 40 characters"),                        \
        PROP(wwn, "wwn", U64, "0", "world wide name; 0: none"),                                    \
        VEMU_PROP(struct drive, bus_id, "bus", STRING, NULL, "port: ide.0 to ide.5"),              \
        VEMU_PROP(struct drive, unit, "unit", U32, "0", "there is only 0"), VEMU_PROP_END

static const struct vemu_prop disk_props[] = {
    PROP(drive, "drive", BLOCK, NULL, "the block node that holds the contents"),
    PROP(logical, "logical_block_size", U32, "512", "bytes; nothing but 512"),
    PROP(physical, "physical_block_size", U32, "512", "bytes"),
    PROP(min_io, "min_io_size", U32, "0", "bytes; hint for the guest"),
    PROP(opt_io, "opt_io_size", U32, "0", "bytes; hint for the guest"),
    PROP(write_cache, "write-cache", STRING, "auto",
         "whether the guest sees a write cache: on, off, or auto: as the drive has it"),
    PROP(rotation, "rotation_rate", U16, "0", "per minute; 1: does not rotate, 0: not told"),
    COMMON,
};

static const struct vemu_prop cdrom_props[] = {
    PROP(drive, "drive", BLOCK, NULL, "the block node with the medium; none: the drive is empty"),
    COMMON,
};

static const struct vemu_state_field drive_state[] = {
    VEMU_SCSI_UNIT_STATE(struct drive, ata.unit),
    VEMU_STATE_END,
};

static const struct vemu_device_ops disk_ops = {
    .realize = disk_realize,
    .unrealize = drive_unrealize,
};

static const struct vemu_device_ops cdrom_ops = {
    .realize = cdrom_realize,
    .unrealize = drive_unrealize,
};

const struct vemu_device_class vemu__device_ide_hd = {
    .name = "ide-hd",
    .summary = "disk on a SATA port",
    .state_version = 1,
    .instance_size = sizeof(struct drive),
    .props = disk_props,
    .state = drive_state,
    .ops = &disk_ops,
};

const struct vemu_device_class vemu__device_ide_cd = {
    .name = "ide-cd",
    .summary = "CD-ROM drive on a SATA port",
    .state_version = 1,
    .instance_size = sizeof(struct drive),
    .props = cdrom_props,
    .state = drive_state,
    .ops = &cdrom_ops,
};

struct vemu_scsi_unit *vemu__ide_cd_of(struct vemu_device *dev)
{
    struct drive *drive = (struct drive *)dev;

    bool is_cd = dev->class_ == &vemu__device_ide_cd && dev->realized;

    return is_cd && drive->ata.unit.attached ? &drive->ata.unit : NULL;
}
