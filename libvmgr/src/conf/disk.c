/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <disk>: checked, its defaults filled in, and kept.
 */
#include "element.h"

#include <string.h>

static const char *const types[] = { "file", "block",     "dir",       "network", "volume",
                                     "nvme", "vhostuser", "vhostvdpa", NULL };
static const char *const devices[] = { "disk", "cdrom", "floppy", "lun", NULL };
static const char *const buses[] = { "ide", "fdc", "scsi", "virtio", "xen",
                                     "usb", "uml", "sata", "sd",     NULL };

/* The attribute of <source> that says where the data is, by type. */
static const char *const source_attrs[] = { "file",   "dev", "dir", "name",
                                            "volume", NULL,  NULL,  "dev" };

static const struct {
    const char *prefix;
    const char *bus;
} target_names[] = {
    { "fd", "fdc" },    { "hd", "ide" },  { "sd", "scsi" },
    { "vd", "virtio" }, { "xvd", "xen" }, { "ubd", "uml" },
};

/*
 * "vda", "sdaa", "hdb1": a known prefix, letters, maybe a partition. Returns the usual bus or NULL.
 */
static const char *bus_of(const char *target)
{
    for (size_t i = 0; i < G_N_ELEMENTS(target_names); i++) {
        const char *rest;
        int letters = 0;

        if (!g_str_has_prefix(target, target_names[i].prefix))
            continue;
        for (rest = target + strlen(target_names[i].prefix); g_ascii_islower(*rest); rest++)
            letters++;
        while (letters && g_ascii_isdigit(*rest))
            rest++;
        if (letters && letters < 6 && *rest == '\0')
            return target_names[i].bus;
    }
    return NULL;
}

/* Numbers of images and jobs belong to a run. */
static void drop_run(xmlNode *node)
{
    xmlNode *mirror = vmgr__xml_child(node, "mirror");

    if (mirror) {
        xmlUnlinkNode(mirror);
        xmlFreeNode(mirror);
    }
    for (; node; node = vmgr__xml_child(node, "backingStore")) {
        xmlNode *source = vmgr__xml_child(node, "source");

        if (source)
            xmlUnsetProp(source, BAD_CAST "index");
        xmlUnsetProp(node, BAD_CAST "index");
    }
}

int vmgr__disk_check(struct vmgr__parse *p, xmlNode *node, struct vmgr__device *dev)
{
    xmlNode *source = vmgr__xml_child(node, "source");
    xmlNode *target = vmgr__xml_child(node, "target");
    int type = 0, device = 0, bus = 0, has_bus;
    const char *usual;

    if (vmgr__xml_enum(node, "type", types, &type, p->err) < 0 ||
        vmgr__xml_enum(node, "device", devices, &device, p->err) < 0)
        return -1;
    if (source_attrs[type])
        dev->source = vmgr__xml_attr(source, source_attrs[type]);
    dev->target = vmgr__xml_attr(target, "dev");
    has_bus = target ? vmgr__xml_enum(target, "bus", buses, &bus, p->err) : 0;
    if (has_bus < 0)
        return -1;
    if (!dev->target || !*dev->target)
        return dev->source ? conf_error(p, VMGR_ERR_NO_TARGET, "%s", dev->source)
                           : conf_error(p, VMGR_ERR_NO_TARGET, NULL);
    if (!source && (device == 0 || device == 3))
        return conf_error(p, VMGR_ERR_NO_SOURCE, "%s", dev->target);
    if (source && xmlHasProp(source, BAD_CAST "fdgroup") && !p->defaults->disk_files)
        return conf_error(p, VMGR_ERR_CONFIG_UNSUPPORTED,
                          "driver does not support FD passing for disk '%s'", dev->target);
    if (vmgr__seclabel_check_source(p, source) < 0)
        return -1;
    if (p->flags & VMGR__CONF_INACTIVE)
        drop_run(node);
    usual = bus_of(dev->target);
    if (!usual && !vmgr__xml_child(node, "address"))
        return conf_error(p, VMGR_ERR_XML_ERROR, "Unknown disk name '%s' and no address specified",
                          dev->target);
    if (!xmlHasProp(node, BAD_CAST "device"))
        xmlNewProp(node, BAD_CAST "device", BAD_CAST devices[device]);
    if (!has_bus && usual)
        xmlNewProp(target, BAD_CAST "bus", BAD_CAST usual);
    return 0;
}

int vmgr__disk_settle(struct vmgr__parse *p, const char *kind)
{
    GPtrArray *all = p->def->devices;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < all->len; i++) {
        const struct vmgr__device *d = all->pdata[i];
        const struct vmgr__device *other;

        if (strcmp(d->name, kind) != 0 || !d->target)
            continue;
        other = g_hash_table_lookup(seen, d->target);
        if (other)
            return conf_error(p, VMGR_ERR_XML_ERROR,
                              "target '%s' duplicated for disk sources '%s' and '%s'", d->target,
                              other->source ? other->source : "<null>",
                              d->source ? d->source : "<null>");
        g_hash_table_insert(seen, d->target, (void *)d);
    }
    return 0;
}
