/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <disk>: an image as a block node, and the drive that shows it to the guest.
 */
#include <string.h>

#include "../run/files.h"
#include "../run/seclabel.h"
#include "../tune/iothread.h"
#include "parts.h"

#define unsupported(err, ...) vemu_error(err, VMGR_ERR_CONFIG_UNSUPPORTED, __VA_ARGS__)

/* What a cache mode means. */
static const struct cache {
    const char *name;
    bool direct, no_flush;
    const char *write_cache;
} caches[] = {
    { "default", false, false, NULL },    { "none", true, false, "on" },
    { "writeback", false, false, "on" },  { "writethrough", false, false, "off" },
    { "directsync", true, false, "off" }, { "unsafe", false, true, "on" },
};

/* A disk's document, taken apart. */
struct disk {
    xmlNode *root, *driver, *source, *target;
    bool cdrom, read_only, network;
    uint32_t fd_set; /* 0: the image is opened by its name */
    char *bus, *format, *path, *alias, *serial;
    const struct cache *cache;
};

static void disk_fini(struct disk *d)
{
    xmlFreeDoc(d->root->doc);
    g_free(d->bus);
    g_free(d->format);
    g_free(d->path);
    g_free(d->alias);
    g_free(d->serial);
}

/* What a run's definition tells of the images below; chain.c compares it with the image itself. */
static int check_stores(const xmlNode *root, struct vmgr_error **err)
{
    for (const xmlNode *n = root; (n = vmgr__xml_child(n, "backingStore"));) {
        const xmlNode *source = vmgr__xml_child(n, "source");

        if (vmgr__vemu_only(n, "format source backingStore", "type index", err) < 0 ||
            (source && vmgr__vemu_only(source, "", "file dev index", err) < 0))
            return -1;
    }
    return 0;
}

static int check_shape(const struct disk *d, struct vmgr_error **err)
{
    const xmlNode *read_only = vmgr__xml_child(d->root, "readonly");

    if (vmgr__vemu_only(
            d->root,
            "driver source backingStore mirror target iotune readonly serial wwn vendor "
            "product blockio boot alias address",
            "type device", err) < 0 ||
        (d->driver && vmgr__vemu_only(d->driver, "",
                                      "name type cache discard detect_zeroes error_policy "
                                      "rerror_policy io iothread queues queue_size",
                                      err) < 0) ||
        (d->source && !d->network &&
         vmgr__vemu_only(d->source, "seclabel", "file dev fdgroup index", err) < 0) ||
        vmgr__vemu_only(d->target, "", "dev bus tray", err) < 0)
        return -1;
    if (read_only && vmgr__vemu_only(read_only, "", "", err) < 0)
        return -1;
    return check_stores(d->root, err);
}

static int check_values(struct disk *d, struct vmgr_error **err)
{
    g_autofree char *type = vmgr__xml_attr(d->root, "type");
    g_autofree char *device = vmgr__xml_attr(d->root, "device");
    g_autofree char *cache = d->driver ? vmgr__xml_attr(d->driver, "cache") : NULL;

    if (type && strcmp(type, "file") != 0 && strcmp(type, "block") != 0 && !d->network)
        return unsupported(err, "disk type '%s' is not supported by the vemu driver yet", type);
    if (d->source && xmlHasProp(d->source, BAD_CAST "fdgroup") &&
        (!d->fd_set || !d->path || g_strcmp0(type ? type : "file", "file") != 0))
        return unsupported(err,
                           "<source fdgroup='...'> is of disks of type 'file', with a name and "
                           "'file'");
    d->cdrom = g_strcmp0(device, "cdrom") == 0;
    if (device && !d->cdrom && strcmp(device, "disk") != 0)
        return unsupported(err, "disk device '%s' is not supported by the vemu driver yet", device);
    d->read_only = d->cdrom || vmgr__xml_child(d->root, "readonly");
    if (!d->format || (strcmp(d->format, "raw") != 0 && strcmp(d->format, "qcow2") != 0 &&
                       strcmp(d->format, "vmdk") != 0 && strcmp(d->format, "vdi") != 0 &&
                       strcmp(d->format, "vpc") != 0 && strcmp(d->format, "vhdx") != 0))
        return unsupported(err, "unknown driver format value '%s'", d->format);
    if (d->path && !d->network && !g_path_is_absolute(d->path))
        return unsupported(err, "the path of a disk must be absolute: '%s'", d->path);
    for (size_t i = 0; i < G_N_ELEMENTS(caches); i++) {
        if (strcmp(cache ? cache : "default", caches[i].name) == 0)
            d->cache = &caches[i];
    }
    if (!d->cache)
        return unsupported(err, "unknown disk cache mode '%s'", cache);
    return 0;
}

static int disk_read(struct disk *d, const struct vmgr__device *dev, struct vmgr_error **err)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    g_autofree char *type = vmgr__xml_attr(xmlDocGetRootElement(doc), "type");

    *d = (struct disk){ .root = xmlDocGetRootElement(doc) };
    d->driver = vmgr__xml_child(d->root, "driver");
    d->source = vmgr__xml_child(d->root, "source");
    d->target = vmgr__xml_child(d->root, "target");
    d->bus = vmgr__xml_attr(d->target, "bus");
    d->format = d->driver ? vmgr__xml_attr(d->driver, "type") : NULL;
    if (!d->format)
        d->format = g_strdup("raw");
    d->network = d->source && g_strcmp0(type, "network") == 0;
    if (d->network || (dev->source && *dev->source))
        d->path = g_strdup(dev->source ? dev->source : ""); /* an export may have no name */
    d->fd_set = vmgr__vemu_files_set(dev);
    d->alias = vmgr__device_alias(dev);
    d->serial = vmgr__xml_child(d->root, "serial")
                    ? vmgr__xml_text(vmgr__xml_child(d->root, "serial"))
                    : NULL;
    if (check_shape(d, err) == 0 && check_values(d, err) == 0)
        return 0;
    disk_fini(d);
    return -1;
}

static int put_policy(struct json_object *o, const xmlNode *driver, const char *attr,
                      const char *key, struct vmgr_error **err)
{
    g_autofree char *value = vmgr__xml_attr(driver, attr);

    if (!value)
        return 0;
    if (strcmp(value, "enospace") == 0 && strcmp(key, "werror") == 0) {
        vmgr__vemu_set(o, key, "enospc");
        return 0;
    }
    if (strcmp(value, "stop") != 0 && strcmp(value, "report") != 0 && strcmp(value, "ignore") != 0)
        return unsupported(err, "unknown disk %s '%s'", attr, value);
    vmgr__vemu_set(o, key, value);
    return 0;
}

/* Attributes that the node takes as they are; values it does not know are refused by name. */
static int put_driver(struct json_object *node, struct json_object *file, const xmlNode *driver,
                      struct vmgr_error **err)
{
    g_autofree char *discard = driver ? vmgr__xml_attr(driver, "discard") : NULL;
    g_autofree char *zeroes = driver ? vmgr__xml_attr(driver, "detect_zeroes") : NULL;
    g_autofree char *io = driver ? vmgr__xml_attr(driver, "io") : NULL;

    if (discard && strcmp(discard, "unmap") != 0 && strcmp(discard, "ignore") != 0)
        return unsupported(err, "unknown disk discard mode '%s'", discard);
    if (zeroes && strcmp(zeroes, "on") != 0 && strcmp(zeroes, "off") != 0 &&
        strcmp(zeroes, "unmap") != 0)
        return unsupported(err, "unknown disk detect_zeroes mode '%s'", zeroes);
    if (io && strcmp(io, "threads") != 0 && strcmp(io, "io_uring") != 0)
        return unsupported(err, "disk io mode '%s' is not supported by the vemu driver yet", io);
    vmgr__vemu_set(node, "discard", discard);
    vmgr__vemu_set(node, "detect-zeroes", zeroes);
    vmgr__vemu_set(file, "discard", discard);
    vmgr__vemu_set(file, "aio", io);
    return 0;
}

static void put_cache(struct json_object *o, const struct cache *cache)
{
    struct json_object *c;

    if (!cache->direct && !cache->no_flush)
        return;
    c = json_object_new_object();
    vmgr__vemu_set_bool(c, "direct", cache->direct);
    vmgr__vemu_set_bool(c, "no-flush", cache->no_flush);
    json_object_object_add(o, "cache", c);
}

/* The node of the image; NULL path: an empty drive has none. */
static int put_node(const struct disk *d, const char *node_name, struct vemu_parts *parts,
                    struct vmgr_error **err)
{
    g_autofree char *type = vmgr__xml_attr(d->root, "type");
    struct json_object *node, *file;
    bool left_alone;

    if (!d->path)
        return 0;
    if (vmgr__vemu_seclabel_source(d->source, &left_alone, err) < 0)
        return -1;
    node = vmgr__vemu_part_add(parts, VEMU_PART_BLOCK, d->format, node_name);
    vmgr__vemu_part_last(parts)->left_alone = left_alone;
    file = json_object_new_object();
    json_object_object_add(node, "file", file);
    if (d->read_only)
        vmgr__vemu_set_bool(node, "read-only", true);
    if (d->network) {
        if (vmgr__vemu_disk_network(d->source, file, err) < 0)
            return -1;
    } else {
        vmgr__vemu_set(file, "driver", g_strcmp0(type, "block") == 0 ? "host_device" : "file");
        if (d->fd_set)
            vmgr__vemu_setf(file, "filename", "/dev/fdset/%u", d->fd_set);
        else
            vmgr__vemu_set(file, "filename", d->path);
    }
    if (d->read_only)
        vmgr__vemu_set_bool(file, "read-only", true);
    put_cache(node, d->cache);
    put_cache(file, d->cache);
    return put_driver(node, file, d->driver, err);
}

static int unit_of(const struct disk *d, const struct vmgr__device *dev)
{
    xmlNode *address = vmgr__xml_child(d->root, "address");
    g_autofree char *type = address ? vmgr__xml_attr(address, "type") : NULL;
    g_autofree char *unit = address ? vmgr__xml_attr(address, "unit") : NULL;
    uint32_t n;

    if (g_strcmp0(type, "drive") == 0 && vmgr__parse_u32(unit, &n) && n < 256)
        return (int)n;
    return vmgr__vemu_disk_index(dev->target);
}

static int put_device(const struct vmgr__domain_def *def, const struct disk *d,
                      const struct vmgr__device *dev, const char *node_name,
                      struct vemu_parts *parts, struct vmgr_error **err)
{
    bool is_virtio = g_strcmp0(d->bus, "virtio") == 0;
    g_autofree char *class_name = NULL;
    xmlNode *boot = vmgr__xml_child(d->root, "boot");
    g_autofree char *order = boot ? vmgr__xml_attr(boot, "order") : NULL;
    struct json_object *o;
    int unit = unit_of(d, dev);
    uint32_t n;

    if (is_virtio && !d->cdrom) {
        class_name = vmgr__vemu_virtio_class(def, "virtio-blk");
    } else if (vmgr__vemu_has_pci(def) && g_strcmp0(d->bus, "sata") == 0) {
        class_name = g_strdup(d->cdrom ? "ide-cd" : "ide-hd");
        if (unit < 0 || unit > 5)
            return unsupported(err, "disk '%s': there are six SATA ports", dev->target);
    } else if (vmgr__vemu_has_pci(def) && g_strcmp0(d->bus, "scsi") == 0) {
        class_name = g_strdup(d->cdrom ? "scsi-cd" : "scsi-hd");
    } else {
        return unsupported(err, "disk bus '%s' is not supported by the vemu driver for %s '%s'",
                           d->bus, d->cdrom ? "CD-ROM" : "disk", dev->target);
    }
    o = vmgr__vemu_part_add(parts, VEMU_PART_DEVICE, class_name, d->alias);
    if (d->path)
        vmgr__vemu_set(o, "drive", node_name);
    vmgr__vemu_set(o, "serial", d->serial);
    if (!d->cdrom && d->cache->write_cache)
        vmgr__vemu_set(o, "write-cache", d->cache->write_cache);
    if (vmgr__parse_u32(order, &n))
        vmgr__vemu_set_int(o, "bootindex", n);
    if (vmgr__vemu_disk_traits(d->root, class_name, o, err) < 0)
        return -1;
    if (!is_virtio && d->driver && xmlHasProp(d->driver, BAD_CAST "iothread"))
        return unsupported(err, "IOThreads not available for bus %s target %s", d->bus,
                           dev->target);
    if (vmgr__vemu_put_iothread(def, d->driver, "Disk", o, err) < 0)
        return -1;
    if (strcmp(class_name, "ide-hd") == 0 || strcmp(class_name, "ide-cd") == 0) {
        vmgr__vemu_setf(o, "bus", "ide.%d", unit);
        return 0;
    }
    if (d->driver && !d->cdrom &&
        (put_policy(o, d->driver, "error_policy", "werror", err) < 0 ||
         put_policy(o, d->driver, "rerror_policy", "rerror", err) < 0))
        return -1;
    if (g_str_has_prefix(class_name, "scsi-")) {
        vmgr__vemu_set(o, "bus", "scsi0.0");
        if (unit >= 0)
            vmgr__vemu_set_int(o, "scsi-id", unit);
        return 0;
    }
    return vmgr__vemu_part_address(def, d->root, o, err);
}

int vmgr__vemu_disk_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                          struct vemu_parts *parts, struct vmgr_error **err)
{
    g_autofree char *node = NULL;
    struct disk d;
    int r;

    if (disk_read(&d, dev, err) < 0)
        return -1;
    node = vmgr__vemu_node_name(dev);
    r = put_node(&d, node, parts, err);
    if (r == 0)
        r = put_device(def, &d, dev, node, parts, err);
    disk_fini(&d);
    return r;
}

int vmgr__vemu_medium_parts(const struct vmgr__device *dev, struct vemu_parts *parts,
                            struct vmgr_error **err)
{
    g_autofree char *node = vmgr__vemu_node_name(dev);
    struct disk d;
    int r;

    if (disk_read(&d, dev, err) < 0)
        return -1;
    r = put_node(&d, node, parts, err);
    disk_fini(&d);
    return r;
}

/* A medium has a name of its own each time, since the old one goes after the new one came. */
char *vmgr__vemu_node_name(const struct vmgr__device *dev)
{
    g_autofree char *hash =
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, dev->source ? dev->source : "", -1);

    hash[8] = '\0';
    return g_strdup_printf("drive-%s-%s", dev->target, hash);
}
