/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks and drives. */
#include <stdio.h>
#include <string.h>

#include "hostdev.h"

/* The type of a drive of which udev does not tell it, by the kernel's name. */
static const struct {
    const char *prefix, *type;
} usual[] = { { "vd", "disk" }, { "nvme", "disk" }, { "mmcblk", "sd" }, { "dasd", "dasd" } };

static const char *drive_type(const struct nodedev *dev)
{
    const char *type = vmgr__nodedev_property(dev, "ID_TYPE");

    for (size_t i = 0; i < G_N_ELEMENTS(usual) && !type; i++) {
        if (g_str_has_prefix(dev->sysname, usual[i].prefix))
            type = usual[i].type;
    }
    if (type && vmgr__nodedev_property(dev, "ID_CDROM"))
        return "cdrom";
    if (type && vmgr__nodedev_property(dev, "ID_DRIVE_FLOPPY"))
        return "floppy";
    if (type && vmgr__nodedev_property(dev, "ID_DRIVE_FLASH_SD"))
        return "sd";
    return type;
}

/* Whole drives only; and what has no type (loop0, zram0) is none. */
static bool storage_is(const struct nodedev *dev)
{
    return g_strcmp0(vmgr__nodedev_property(dev, "DEVTYPE"), "disk") == 0 && drive_type(dev);
}

static char *storage_suffix(const struct nodedev *dev)
{
    return g_strdup(vmgr__nodedev_property(dev, "ID_SERIAL"));
}

static void number(struct vmgr__xml_writer *w, const char *element, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    vmgr__xw_text(w, element, text);
}

static void write_size(struct vmgr__xml_writer *w, const char *element, const struct nodedev *dev)
{
    uint64_t blocks = 0, size = 0;

    vmgr__sysfs_number(dev->dir, "size", 10, &blocks);
    vmgr__sysfs_number(dev->dir, "queue/logical_block_size", 10, &size);
    number(w, element, blocks * size);
    if (size)
        number(w, "logical_block_size", size);
    if (blocks)
        number(w, "num_blocks", blocks);
}

static void storage_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                           struct vmgr__xml_writer *w)
{
    g_autofree char *node = g_strconcat("/dev/", dev->sysname, NULL);
    g_autofree char *vendor = vmgr__sysfs_text(dev->dir, "device/vendor");
    g_autofree char *model = vmgr__sysfs_text(dev->dir, "device/model");
    const char *udev_vendor = vmgr__nodedev_property(dev, "ID_VENDOR");
    const char *udev_model = vmgr__nodedev_property(dev, "ID_MODEL");
    uint64_t removable = 0;

    (void)h;
    vmgr__sysfs_number(dev->dir, "removable", 10, &removable);
    vmgr__xw_text(w, "block", node);
    vmgr__xw_text(w, "bus", vmgr__nodedev_property(dev, "ID_BUS"));
    vmgr__xw_text(w, "drive_type", drive_type(dev));
    vmgr__xw_text(w, "model", udev_model ? udev_model : model);
    vmgr__xw_text(w, "vendor", udev_vendor ? udev_vendor : vendor);
    vmgr__xw_text(w, "serial", vmgr__nodedev_property(dev, "ID_SERIAL"));
    if (!removable) {
        write_size(w, "size", dev);
        return;
    }
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", "removable");
    number(w, "media_available",
           strcmp(drive_type(dev), "cdrom") != 0 ||
               g_strcmp0(vmgr__nodedev_property(dev, "ID_CDROM_MEDIA"), "1") == 0);
    write_size(w, "media_size", dev);
    vmgr__xw_end(w, "capability");
}

const struct nodedev_kind vmgr__nodedev_storage = {
    .type = "storage",
    .flag = VMGR_NODEDEV_LIST_STORAGE,
    .dir = "/sys/class/block",
    .is = storage_is,
    .prefix = "block",
    .suffix = storage_suffix,
    .format = storage_format,
};
