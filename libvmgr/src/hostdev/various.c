/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The computer itself, graphics devices. */
#include <stdio.h>
#include <string.h>

#include "hostdev.h"

/* ---- the computer ---- */

static void write_dmi(struct vmgr__xml_writer *w, const char *element, const char *dir,
                      const char *attribute)
{
    g_autofree char *text = vmgr__sysfs_text(dir, attribute);

    vmgr__xw_text(w, element, text);
}

static void system_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                          struct vmgr__xml_writer *w)
{
    g_autofree char *dir = g_strconcat(h->root, "/sys/devices/virtual/dmi/id", NULL);
    g_autofree char *uuid = vmgr__sysfs_text(dir, "product_uuid");
    g_autofree char *lower = uuid ? g_ascii_strdown(uuid, -1) : NULL;

    (void)dev;
    write_dmi(w, "product", dir, "product_name");
    vmgr__xw_begin(w, "hardware");
    write_dmi(w, "vendor", dir, "sys_vendor");
    write_dmi(w, "version", dir, "product_version");
    write_dmi(w, "serial", dir, "product_serial");
    vmgr__xw_text(w, "uuid", lower ? lower : "00000000-0000-0000-0000-000000000000");
    vmgr__xw_end(w, "hardware");
    vmgr__xw_begin(w, "firmware");
    vmgr__xw_content(w);
    write_dmi(w, "vendor", dir, "bios_vendor");
    write_dmi(w, "version", dir, "bios_version");
    write_dmi(w, "release_date", dir, "bios_date");
    vmgr__xw_end(w, "firmware");
}

/* ---- graphics ---- */

/* card0, controlD64 and renderD128; connectors (card0-HDMI-A-1) are none. */
static bool drm_is(const struct nodedev *dev)
{
    return g_strcmp0(vmgr__nodedev_property(dev, "DEVTYPE"), "drm_minor") == 0;
}

static void drm_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                       struct vmgr__xml_writer *w)
{
    (void)h;
    vmgr__xw_text(w, "type",
                  g_str_has_prefix(dev->sysname, "render")    ? "render"
                  : g_str_has_prefix(dev->sysname, "control") ? "control"
                                                              : "primary");
}

const struct nodedev_kind vmgr__nodedev_system = {
    .type = "system",
    .flag = VMGR_NODEDEV_LIST_SYSTEM,
    .format = system_format,
};

const struct nodedev_kind vmgr__nodedev_drm = {
    .type = "drm",
    .flag = VMGR_NODEDEV_LIST_DRM,
    .dir = "/sys/class/drm",
    .is = drm_is,
    .prefix = "drm",
    .format = drm_format,
};
