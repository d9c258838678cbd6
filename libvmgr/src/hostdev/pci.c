/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI functions: configuration space, virtual functions, IOMMU groups, mediated device types. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostdev.h"

/* PCI Local Bus Specification 3.0, 6.1; PCI Express Base Specification 5.0, 7.5.3 */
#define CONFIG_SIZE       256
#define CONFIG_STATUS     0x06
#define STATUS_CAPS       0x10
#define CONFIG_HEADER     0x0e
#define CONFIG_CAPS       0x34
#define CAP_EXPRESS       0x10
#define EXPRESS_FLAGS     0x02
#define EXPRESS_LINK_CAP  0x0c
#define EXPRESS_LINK_STA  0x12
#define EXPRESS_ROOT_INT  9 /* integrated end point: has no link */
#define EXPRESS_ROOT_EC   10
#define CAPS_MAX          48 /* that fit: who has more goes round in a circle */
#define VIRTUAL_FUNCTIONS 65536

bool vmgr__pci_parse(const char *text, struct pci_address *ret)
{
    int n = 0;

    return sscanf(text, "%8x:%2x:%2x.%1x%n", &ret->domain, &ret->bus, &ret->slot, &ret->function,
                  &n) == 4 &&
           text[n] == '\0';
}

void vmgr__pci_write(struct vmgr__xml_writer *w, const struct pci_address *a)
{
    vmgr__xw_begin(w, "address");
    vmgr__xw_attrf(w, "domain", "0x%04x", a->domain);
    vmgr__xw_attrf(w, "bus", "0x%02x", a->bus);
    vmgr__xw_attrf(w, "slot", "0x%02x", a->slot);
    vmgr__xw_attrf(w, "function", "0x%d", a->function);
    vmgr__xw_end(w, "address");
}

static void write_link_address(struct vmgr__xml_writer *w, const char *dir, const char *link)
{
    g_autofree char *target = vmgr__sysfs_link(dir, link);
    struct pci_address a;

    if (target && vmgr__pci_parse(target, &a))
        vmgr__pci_write(w, &a);
}

/* Names in a directory of the device, sorted. */
static GPtrArray *names_in(const char *dir, const char *sub)
{
    g_autofree char *path = g_build_filename(dir, sub, NULL);

    return vmgr__sysfs_names(path);
}

void vmgr__iommu_write(struct vmgr__xml_writer *w, const char *dir)
{
    g_autofree char *group = vmgr__sysfs_link(dir, "iommu_group");
    g_autoptr(GPtrArray) members = names_in(dir, "iommu_group/devices");

    if (!group)
        return;
    vmgr__xw_begin(w, "iommuGroup");
    vmgr__xw_attr(w, "number", group);
    for (guint i = 0; i < members->len; i++) {
        struct pci_address a;

        if (vmgr__pci_parse(members->pdata[i], &a))
            vmgr__pci_write(w, &a);
    }
    vmgr__xw_end(w, "iommuGroup");
}

/* ---- configuration space ---- */

struct config {
    uint8_t bytes[CONFIG_SIZE];
    size_t size;   /* of what could be read */
    bool extended; /* the device has more: it is of PCI Express, whoever may read that */
};

static void config_read(struct config *c, const char *dir)
{
    g_autofree char *path = g_build_filename(dir, "config", NULL);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t n = -1;

    memset(c, 0, sizeof(*c));
    if (fd >= 0) {
        c->extended = fstat(fd, &st) == 0 && st.st_size > CONFIG_SIZE;
        n = pread(fd, c->bytes, sizeof(c->bytes), 0);
        close(fd);
    }
    c->size = n > 0 ? (size_t)n : 0;
}

static unsigned word(const struct config *c, unsigned at)
{
    return at + 1 < CONFIG_SIZE ? c->bytes[at] | c->bytes[at + 1] << 8 : 0;
}

/* Where the PCI Express capability is; 0: there is none. Without privilege only the first 64 bytes
 * can be read, and this finds none. */
static unsigned express(const struct config *c)
{
    unsigned at = word(c, CONFIG_STATUS) & STATUS_CAPS ? c->bytes[CONFIG_CAPS] & ~3u : 0;

    for (int i = 0; i < CAPS_MAX && at >= 0x40 && at + 1 < c->size; i++) {
        if (c->bytes[at] == CAP_EXPRESS)
            return at;
        at = c->bytes[at + 1] & ~3u;
    }
    return 0;
}

static void write_link(struct vmgr__xml_writer *w, const char *validity, int port, unsigned value)
{
    static const char *const speeds[] = { NULL, "2.5", "5", "8", "16" };
    const unsigned speed = value & 0xf, width = value >> 4 & 0x3f;

    vmgr__xw_begin(w, "link");
    vmgr__xw_attr(w, "validity", validity);
    if (port >= 0)
        vmgr__xw_attrf(w, "port", "%d", port);
    if (speed < G_N_ELEMENTS(speeds))
        vmgr__xw_attr(w, "speed", speeds[speed]);
    vmgr__xw_attrf(w, "width", "%u", width);
    vmgr__xw_end(w, "link");
}

static void write_express(struct vmgr__xml_writer *w, const struct config *c)
{
    const unsigned at = express(c);
    const unsigned type = word(c, at + EXPRESS_FLAGS) >> 4 & 0xf;

    if (!at && !c->extended)
        return;
    vmgr__xw_begin(w, "pci-express");
    if (at && type != EXPRESS_ROOT_INT && type != EXPRESS_ROOT_EC) {
        write_link(w, "cap", (int)(word(c, at + EXPRESS_LINK_CAP + 2) >> 8),
                   word(c, at + EXPRESS_LINK_CAP));
        write_link(w, "sta", -1, word(c, at + EXPRESS_LINK_STA));
    }
    vmgr__xw_end(w, "pci-express");
}

/* ---- capabilities inside ---- */

static bool has(const struct nodedev *dev, const char *what)
{
    g_autofree char *path = g_build_filename(dev->dir, what, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void write_functions(struct vmgr__xml_writer *w, const char *dir)
{
    uint64_t max = 0;

    if (!vmgr__sysfs_number(dir, "sriov_totalvfs", 10, &max) || max == 0)
        return;
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", "virt_functions");
    vmgr__xw_attrf(w, "maxCount", "%u", (unsigned)MIN(max, VIRTUAL_FUNCTIONS));
    for (unsigned i = 0; i < MIN(max, VIRTUAL_FUNCTIONS); i++) {
        char link[32];

        snprintf(link, sizeof(link), "virtfn%u", i);
        write_link_address(w, dir, link);
    }
    vmgr__xw_end(w, "capability");
}

static void write_mdev_types(struct vmgr__xml_writer *w, const char *dir)
{
    g_autoptr(GPtrArray) types = names_in(dir, "mdev_supported_types");

    if (!types->len)
        return;
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", "mdev_types");
    for (guint i = 0; i < types->len; i++) {
        g_autofree char *type =
            g_build_filename(dir, "mdev_supported_types", types->pdata[i], NULL);
        g_autofree char *name = vmgr__sysfs_text(type, "name");
        g_autofree char *api = vmgr__sysfs_text(type, "device_api");
        g_autofree char *left = vmgr__sysfs_text(type, "available_instances");

        vmgr__xw_begin(w, "type");
        vmgr__xw_attr(w, "id", types->pdata[i]);
        vmgr__xw_text(w, "name", name);
        vmgr__xw_text(w, "deviceAPI", api);
        vmgr__xw_text(w, "availableInstances", left);
        vmgr__xw_end(w, "type");
    }
    vmgr__xw_end(w, "capability");
}

static void write_plain(struct vmgr__xml_writer *w, const char *type)
{
    vmgr__xw_begin(w, "capability");
    vmgr__xw_attr(w, "type", type);
    vmgr__xw_end(w, "capability");
}

static void write_id(struct vmgr__xml_writer *w, const char *element, unsigned id, const char *name)
{
    vmgr__xw_begin(w, element);
    vmgr__xw_attrf(w, "id", "0x%04x", id);
    if (name)
        vmgr__xw_end_text(w, element, name);
    else
        vmgr__xw_end(w, element);
}

static void number_text(struct vmgr__xml_writer *w, const char *element, unsigned value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    vmgr__xw_text(w, element, text);
}

static void pci_format(const struct vmgr__hostdev *h, const struct nodedev *dev,
                       struct vmgr__xml_writer *w)
{
    g_autofree char *class = vmgr__sysfs_text(dev->dir, "class");
    g_autofree char *vendor_name = NULL, *device_name = NULL, *node = NULL;
    uint64_t vendor = 0, device = 0;
    struct pci_address a = { 0 };
    struct config c;

    vmgr__pci_parse(dev->sysname, &a);
    vmgr__sysfs_number(dev->dir, "vendor", 16, &vendor);
    vmgr__sysfs_number(dev->dir, "device", 16, &device);
    vmgr__pci_names(h, (unsigned)vendor, (unsigned)device, &vendor_name, &device_name);
    config_read(&c, dev->dir);
    vmgr__xw_text(w, "class", class);
    number_text(w, "domain", a.domain);
    number_text(w, "bus", a.bus);
    number_text(w, "slot", a.slot);
    number_text(w, "function", a.function);
    write_id(w, "product", (unsigned)device & 0xffff, device_name);
    write_id(w, "vendor", (unsigned)vendor & 0xffff, vendor_name);
    if (has(dev, "physfn")) {
        vmgr__xw_begin(w, "capability");
        vmgr__xw_attr(w, "type", "phys_function");
        write_link_address(w, dev->dir, "physfn");
        vmgr__xw_end(w, "capability");
    }
    write_functions(w, dev->dir);
    if ((c.bytes[CONFIG_HEADER] & 0x7f) == 1)
        write_plain(w, "pci-bridge");
    else if ((c.bytes[CONFIG_HEADER] & 0x7f) == 2)
        write_plain(w, "cardbus-bridge");
    write_mdev_types(w, dev->dir);
    vmgr__iommu_write(w, dev->dir);
    node = vmgr__sysfs_text(dev->dir, "numa_node");
    if (node && *node != '-') {
        vmgr__xw_begin(w, "numa");
        vmgr__xw_attr(w, "node", node);
        vmgr__xw_end(w, "numa");
    }
    write_express(w, &c);
}

static uint32_t pci_more(const struct nodedev *dev)
{
    return has(dev, "mdev_supported_types") ? VMGR_NODEDEV_LIST_MDEV_TYPES : 0;
}

static bool pci_is(const struct nodedev *dev)
{
    struct pci_address a;

    return vmgr__pci_parse(dev->sysname, &a);
}

const struct nodedev_kind vmgr__nodedev_pci = {
    .type = "pci",
    .flag = VMGR_NODEDEV_LIST_PCI,
    .dir = "/sys/bus/pci/devices",
    .is = pci_is,
    .prefix = "pci",
    .format = pci_format,
    .more = pci_more,
};
