/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SCSI hosts, targets, devices and their generic nodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostdev.h"

static bool is_type(const struct nodedev *dev, const char *type)
{
    return g_strcmp0(vmgr__nodedev_property(dev, "DEVTYPE"), type) == 0;
}

/* ---- hosts ---- */

static bool host_is(const struct nodedev *dev)
{
    return is_type(dev, "scsi_host") && g_str_has_prefix(dev->sysname, "host");
}

/* The directory of a class that has this host, for g_free(). */
static char *class_dir(const struct nodedev *dev, const char *class)
{
    return g_build_filename(dev->dir, class, dev->sysname, NULL);
}

static bool in_class(const struct nodedev *dev, const char *class)
{
    g_autofree char *dir = class_dir(dev, class);

    return g_file_test(dir, G_FILE_TEST_IS_DIR);
}

static bool has_vports(const struct nodedev *dev)
{
    g_autofree char *fc = g_build_filename(dev->dir, "fc_host", dev->sysname, "vport_create", NULL);

    return g_file_test(fc, G_FILE_TEST_EXISTS);
}

static uint32_t host_more(const struct nodedev *dev)
{
    return (in_class(dev, "fc_host") ? VMGR_NODEDEV_LIST_FC_HOST : 0) |
           (has_vports(dev) ? VMGR_NODEDEV_LIST_VPORTS : 0);
}

/* "0x2000..." without the first two; NULL: it is not there. */
static char *wwn_of(const char *dir, const char *attribute)
{
    g_autofree char *text = vmgr__sysfs_text(dir, attribute);

    return text ? g_strdup(g_str_has_prefix(text, "0x") ? text + 2 : text) : NULL;
}

static void write_wwn(struct vmgr__xml_writer *w, const char *element, const char *dir,
                      const char *attribute)
{
    g_autofree char *text = wwn_of(dir, attribute);

    vmgr__xw_text(w, element, text);
}

static void write_text(struct vmgr__xml_writer *w, const char *element, const char *dir,
                       const char *attribute)
{
    g_autofree char *text = vmgr__sysfs_text(dir, attribute);

    vmgr__xw_text(w, element, text);
}

bool vmgr__scsi_fc_names(const struct nodedev *dev, struct scsi_fc_names *ret)
{
    g_autofree char *fc = NULL;

    if (dev->kind != &vmgr__nodedev_scsi_host || !in_class(dev, "fc_host"))
        return false;
    fc = class_dir(dev, "fc_host");
    *ret = (struct scsi_fc_names){ .wwnn = wwn_of(fc, "node_name"),
                                   .wwpn = wwn_of(fc, "port_name"),
                                   .fabric = wwn_of(fc, "fabric_name"),
                                   .vports = has_vports(dev) };
    return true;
}

void vmgr__scsi_fc_names_clear(struct scsi_fc_names *n)
{
    g_free(n->wwnn);
    g_free(n->wwpn);
    g_free(n->fabric);
}

static void host_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                        struct vmgr__xml_writer *w)
{
    g_autofree char *scsi = class_dir(dev, "scsi_host");
    g_autofree char *fc = class_dir(dev, "fc_host");

    (void)h;
    vmgr__xw_text(w, "host", dev->sysname + strlen("host"));
    write_text(w, "unique_id", scsi, "unique_id");
    if (in_class(dev, "fc_host")) {
        vmgr__xw_begin(w, "capability");
        vmgr__xw_attr(w, "type", "fc_host");
        write_wwn(w, "wwnn", fc, "node_name");
        write_wwn(w, "wwpn", fc, "port_name");
        write_wwn(w, "fabric_wwn", fc, "fabric_name");
        vmgr__xw_end(w, "capability");
    }
    if (has_vports(dev)) {
        vmgr__xw_begin(w, "capability");
        vmgr__xw_attr(w, "type", "vport_ops");
        write_text(w, "max_vports", fc, "max_npiv_vports");
        write_text(w, "vports", fc, "npiv_vports_inuse");
        vmgr__xw_end(w, "capability");
    }
}

/* ---- targets and devices ---- */

static bool target_is(const struct nodedev *dev)
{
    return is_type(dev, "scsi_target");
}

static void target_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                          struct vmgr__xml_writer *w)
{
    (void)h;
    vmgr__xw_text(w, "target", dev->sysname);
}

static bool device_is(const struct nodedev *dev)
{
    unsigned n[4];

    return is_type(dev, "scsi_device") &&
           sscanf(dev->sysname, "%u:%u:%u:%u", &n[0], &n[1], &n[2], &n[3]) == 4;
}

static void device_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                          struct vmgr__xml_writer *w)
{
    /* SCSI Primary Commands, peripheral device types; in the words of libvirt */
    static const char *const types[] = { "disk",  "tape",    "printer", "processor", "worm",
                                         "cdrom", "scanner", "mod",     "changer",   "comm",
                                         NULL,    NULL,      "raid",    "enclosure" };
    static const char *const names[] = { "host", "bus", "target", "lun" };
    g_auto(GStrv) parts = g_strsplit(dev->sysname, ":", 4);
    uint64_t type;

    (void)h;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && parts[i]; i++)
        vmgr__xw_text(w, names[i], parts[i]);
    if (vmgr__sysfs_number(dev->dir, "type", 10, &type) && type < G_N_ELEMENTS(types))
        vmgr__xw_text(w, "type", types[type]);
}

/* ---- generic nodes ---- */

static void generic_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                           struct vmgr__xml_writer *w)
{
    g_autofree char *node = g_strconcat("/dev/", dev->sysname, NULL);

    (void)h;
    vmgr__xw_text(w, "char", node);
}

const struct nodedev_kind vmgr__nodedev_scsi_host = {
    .type = "scsi_host",
    .flag = VMGR_NODEDEV_LIST_SCSI_HOST,
    .dir = "/sys/bus/scsi/devices",
    .is = host_is,
    .prefix = "scsi",
    .format = host_format,
    .more = host_more,
};

const struct nodedev_kind vmgr__nodedev_scsi_target = {
    .type = "scsi_target",
    .flag = VMGR_NODEDEV_LIST_SCSI_TARGET,
    .dir = "/sys/bus/scsi/devices",
    .is = target_is,
    .prefix = "scsi",
    .format = target_format,
};

const struct nodedev_kind vmgr__nodedev_scsi = {
    .type = "scsi",
    .flag = VMGR_NODEDEV_LIST_SCSI,
    .dir = "/sys/bus/scsi/devices",
    .is = device_is,
    .prefix = "scsi",
    .format = device_format,
};

const struct nodedev_kind vmgr__nodedev_scsi_generic = {
    .type = "scsi_generic",
    .flag = VMGR_NODEDEV_LIST_SCSI_GENERIC,
    .dir = "/sys/class/scsi_generic",
    .prefix = "scsi_generic",
    .format = generic_format,
};
