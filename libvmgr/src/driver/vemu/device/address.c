/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses and aliases of devices.
 *
 * On q35 each PCI device that may come and go sits alone behind a root port, which is a slot of its
 * own for hot-plug. Addresses are given when a definition is stored, so that a guest finds its
 * devices where they were; aliases are names of a run.
 */
#include <string.h>

#include "memory.h"
#include "parts.h"

int vmgr__vemu_disk_index(const char *target)
{
    const char *c = target;
    int index = 0;

    for (c += strlen(c); c > target && g_ascii_isdigit(c[-1]);)
        c--;
    if (c - target < 3)
        return -1;
    for (const char *d = target + 2; d < c; d++) {
        if (!g_ascii_islower(*d) || index > 4096)
            return -1;
        index = index * 26 + (*d - 'a') + 1;
    }
    return index - 1;
}

static bool attr_is(const xmlNode *node, const char *attr, const char *value)
{
    g_autofree char *has = node ? vmgr__xml_attr(node, attr) : NULL;

    return g_strcmp0(has, value) == 0;
}

/* Whether a device sits on PCI, when the machine has it. */
bool vmgr__vemu_is_pci(const struct vmgr__device *dev, const xmlNode *root)
{
    static const char *const always[] = { "filesystem", "interface", "rng",
                                          "vsock",      "watchdog",  NULL };
    const xmlNode *model = vmgr__xml_child(root, "model");

    for (int i = 0; always[i]; i++) {
        if (strcmp(dev->name, always[i]) == 0)
            return true;
    }
    if (strcmp(dev->name, "disk") == 0)
        return attr_is(vmgr__xml_child(root, "target"), "bus", "virtio");
    if (strcmp(dev->name, "memballoon") == 0)
        return attr_is(root, "model", "virtio");
    if (strcmp(dev->name, "controller") == 0)
        return attr_is(root, "type", "virtio-serial") || attr_is(root, "type", "scsi");
    if (strcmp(dev->name, "input") == 0)
        return attr_is(root, "bus", "virtio");
    if (strcmp(dev->name, "memory") == 0)
        return vmgr__vemu_memory_is_pci(dev);
    return strcmp(dev->name, "video") == 0 && attr_is(model, "type", "bochs");
}

/* What is taken: ports by index, functions of bus 0. */
struct map {
    bool port[VEMU_MAX_PORTS + 1]; /* there is such a root port */
    bool used[256];                /* a device sits behind bus N */
    bool slot[32];                 /* of bus 0 */
};

static unsigned hex(const xmlNode *node, const char *attr)
{
    g_autofree char *text = vmgr__xml_attr(node, attr);

    return text ? (unsigned)g_ascii_strtoull(text, NULL, 0) : 0;
}

static void note(struct map *m, const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *address = vmgr__xml_child(root, "address");

    if (strcmp(dev->name, "controller") == 0 && attr_is(root, "type", "pci") &&
        attr_is(root, "model", "pcie-root-port")) {
        unsigned index = hex(root, "index");

        if (index && index <= VEMU_MAX_PORTS)
            m->port[index] = true;
    }
    if (address && attr_is(address, "type", "pci")) {
        unsigned bus = hex(address, "bus"), slot = hex(address, "slot");

        if (bus == 0 && slot < 32)
            m->slot[slot] = true;
        else if (bus < 256)
            m->used[bus] = true;
    }
    if (doc)
        xmlFreeDoc(doc);
}

static void note_all(struct map *m, const struct vmgr__domain_def *def)
{
    memset(m, 0, sizeof(*m));
    m->slot[0] = m->slot[31] = true; /* host bridge, ICH9 */
    for (guint i = 0; i < def->devices->len; i++)
        note(m, def->devices->pdata[i]);
}

static void set_address(struct vmgr__device *dev, unsigned bus, unsigned slot)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *node = vmgr__device_child(xmlDocGetRootElement(doc), "address");
    char text[16];

    xmlSetProp(node, BAD_CAST "type", BAD_CAST "pci");
    xmlSetProp(node, BAD_CAST "domain", BAD_CAST "0x0000");
    g_snprintf(text, sizeof(text), "0x%02x", bus);
    xmlSetProp(node, BAD_CAST "bus", BAD_CAST text);
    g_snprintf(text, sizeof(text), "0x%02x", slot);
    xmlSetProp(node, BAD_CAST "slot", BAD_CAST text);
    xmlSetProp(node, BAD_CAST "function", BAD_CAST "0x0");
    vmgr__device_set_doc(dev, doc);
}

static bool wants_address(const struct vmgr__device *dev)
{
    xmlDoc *doc = vmgr__device_doc(dev);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    bool wants = root && !vmgr__xml_child(root, "address") && vmgr__vemu_is_pci(dev, root);

    if (doc)
        xmlFreeDoc(doc);
    return wants;
}

/* Devices that never come or go sit on bus 0 itself. */
static bool is_fixed(const struct vmgr__device *dev)
{
    return strcmp(dev->name, "watchdog") == 0 || strcmp(dev->name, "video") == 0;
}

/* dev: NULL, if it could not be made. */
static int add_device(struct vmgr__domain_def *def, struct vmgr__device *dev)
{
    if (!dev)
        return -1;
    g_ptr_array_add(def->devices, dev);
    return 0;
}

static int add_controller(struct vmgr__domain_def *def, const char *xml, struct vmgr_error **err)
{
    return add_device(def, vmgr__device_parse(xml, &vmgr__vemu_defaults, 0, err));
}

static int add_port(struct vmgr__domain_def *def, struct map *m, unsigned index,
                    struct vmgr_error **err)
{
    xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
    xmlNode *root = xmlNewDocNode(doc, NULL, BAD_CAST "controller", NULL);
    char text[16];

    m->port[index] = m->slot[1 + (index - 1) / 8] = true;
    /* Every definition has some: they are made without text that would have to be parsed. */
    xmlDocSetRootElement(doc, root);
    g_snprintf(text, sizeof(text), "%u", index);
    xmlSetProp(root, BAD_CAST "type", BAD_CAST "pci");
    xmlSetProp(root, BAD_CAST "index", BAD_CAST text);
    xmlSetProp(root, BAD_CAST "model", BAD_CAST "pcie-root-port");
    vmgr__vemu_place_port(root, index);
    return add_device(def, vmgr__device_from_doc(doc, &vmgr__vemu_defaults, 0, err));
}

/* Whether a controller of this type is there. */
static bool has_controller(const struct vmgr__domain_def *def, const char *type, const char *model)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *is = NULL;
        g_autofree char *has = NULL;

        if (strcmp(dev->name, "controller") != 0)
            continue;
        is = vmgr__device_get(dev, NULL, "type");
        has = vmgr__device_get(dev, NULL, "model");
        if (g_strcmp0(is, type) == 0 && (!model || g_strcmp0(has, model) == 0))
            return true;
    }
    return false;
}

static bool has_device(const struct vmgr__domain_def *def, const char *name, const char *bus)
{
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *is =
            strcmp(dev->name, name) == 0 && bus ? vmgr__device_get(dev, "target", "bus") : NULL;

        if (strcmp(dev->name, name) == 0 && (!bus || g_strcmp0(is, bus) == 0))
            return true;
    }
    return false;
}

static bool has_virtio_console(const struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->consoles->len; i++) {
        const struct vmgr__chardev *c = def->consoles->pdata[i];

        if (g_strcmp0(c->target_type, "virtio") == 0)
            return true;
    }
    return false;
}

/* Controllers that devices imply. */
static int add_implied(struct vmgr__domain_def *def, struct vmgr_error **err)
{
    if ((has_device(def, "channel", NULL) || has_virtio_console(def)) &&
        !has_controller(def, "virtio-serial", NULL) &&
        add_controller(def, "<controller type='virtio-serial' index='0'/>", err) < 0)
        return -1;
    if (!vmgr__vemu_has_pci(def))
        return 0;
    if (has_device(def, "disk", "scsi") && !has_controller(def, "scsi", NULL) &&
        add_controller(def, "<controller type='scsi' index='0' model='virtio-scsi'/>", err) < 0)
        return -1;
    if (has_device(def, "disk", "sata") && !has_controller(def, "sata", NULL) &&
        add_controller(def,
                       "<controller type='sata' index='0'><address type='pci' domain='0x0000' "
                       "bus='0x00' slot='0x1f' function='0x2'/></controller>",
                       err) < 0)
        return -1;
    if (!has_controller(def, "pci", "pcie-root") &&
        add_controller(def, "<controller type='pci' index='0' model='pcie-root'/>", err) < 0)
        return -1;
    return 0;
}

static int no_slots(struct vmgr_error **err)
{
    return vemu_error(err, VMGR_ERR_INTERNAL_ERROR, "No more available PCI slots");
}

int vmgr__vemu_assign_addresses(struct vmgr__domain_def *def, unsigned spare,
                                struct vmgr_error **err)
{
    struct map m;
    unsigned bus = 1, free_ports = 0;

    vmgr__vemu_complete_controllers(def);
    if (add_implied(def, err) < 0)
        return -1;
    if (!vmgr__vemu_has_pci(def))
        return 0;
    note_all(&m, def);
    for (unsigned i = 1; i <= VEMU_MAX_PORTS; i++) {
        if (m.used[i] && !m.port[i] && add_port(def, &m, i, err) < 0)
            return -1;
    }
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];

        if (vmgr__vemu_memory_place(def, dev, err) < 0)
            return -1;
        if (!wants_address(dev))
            continue;
        if (is_fixed(dev)) {
            unsigned slot = 16;

            while (slot < 32 && m.slot[slot])
                slot++;
            if (slot == 32)
                return no_slots(err);
            m.slot[slot] = true;
            set_address(dev, 0, slot);
            continue;
        }
        while (bus <= VEMU_MAX_PORTS && m.used[bus])
            bus++;
        if (bus > VEMU_MAX_PORTS)
            return no_slots(err);
        if (!m.port[bus] && add_port(def, &m, bus, err) < 0)
            return -1;
        m.used[bus] = true;
        set_address(dev, bus, 0);
    }
    for (unsigned i = 1; i <= VEMU_MAX_PORTS; i++)
        free_ports += m.port[i] && !m.used[i];
    for (unsigned i = 1; i <= VEMU_MAX_PORTS && free_ports < spare; i++) {
        if (m.port[i])
            continue;
        if (add_port(def, &m, i, err) < 0)
            return -1;
        free_ports++;
    }
    return 0;
}

int vmgr__vemu_assign_port(const struct vmgr__domain_def *def, struct vmgr__device *dev,
                           struct vmgr_error **err)
{
    struct map m;

    if (!wants_address(dev))
        return 0;
    note_all(&m, def);
    for (unsigned i = 1; i <= VEMU_MAX_PORTS; i++) {
        if (m.port[i] && !m.used[i]) {
            set_address(dev, i, 0);
            return 0;
        }
    }
    return no_slots(err);
}

/* ---- aliases ---- */

static char *fresh_alias(const struct vmgr__domain_def *def, const char *prefix)
{
    for (unsigned i = 0;; i++) {
        char *alias = g_strdup_printf("%s%u", prefix, i);

        if (!vmgr__device_by_alias(def, alias))
            return alias;
        g_free(alias);
    }
}

static char *controller_alias(const struct vmgr__device *dev)
{
    g_autofree char *type = vmgr__device_get(dev, NULL, "type");
    g_autofree char *model = vmgr__device_get(dev, NULL, "model");
    g_autofree char *index = vmgr__device_get(dev, NULL, "index");
    const char *number = index ? index : "0";

    if (g_strcmp0(type, "pci") == 0)
        return g_strdup_printf("%s.%s", g_strcmp0(model, "pcie-root") == 0 ? "pcie" : "pci",
                               number);
    if (g_strcmp0(type, "sata") == 0 && strcmp(number, "0") == 0)
        return g_strdup("ide");
    return g_strdup_printf("%s%s", type ? type : "controller", number);
}

static char *disk_alias(const struct vmgr__device *dev)
{
    g_autofree char *bus = vmgr__device_get(dev, "target", "bus");
    int index = vmgr__vemu_disk_index(dev->target);

    if (g_strcmp0(bus, "sata") == 0)
        return g_strdup_printf("sata0-0-%d", index);
    if (g_strcmp0(bus, "scsi") == 0)
        return g_strdup_printf("scsi0-0-0-%d", index);
    return g_strdup_printf("%s-disk%d", bus ? bus : "virtio", index);
}

/* A module's has the number of its slot. */
static char *memory_alias(const struct vmgr__domain_def *def, const struct vmgr__device *dev)
{
    g_autofree char *name = vmgr__vemu_memory_alias(dev);

    return vmgr__vemu_memory_is_pci(dev) ? fresh_alias(def, name) : g_steal_pointer(&name);
}

void vmgr__vemu_assign_alias(const struct vmgr__domain_def *def, struct vmgr__device *dev)
{
    static const char *const prefixes[][2] = { { "filesystem", "fs" },
                                               { "interface", "net" },
                                               { "memballoon", "balloon" } };
    g_autofree char *alias = vmgr__device_alias(dev);
    const char *prefix = dev->name;

    if (alias || dev->unknown)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++) {
        if (strcmp(prefixes[i][0], dev->name) == 0)
            prefix = prefixes[i][1];
    }
    if (strcmp(dev->name, "controller") == 0)
        alias = controller_alias(dev);
    else if (strcmp(dev->name, "disk") == 0)
        alias = disk_alias(dev);
    else if (strcmp(dev->name, "memory") == 0)
        alias = memory_alias(def, dev);
    else
        alias = fresh_alias(def, prefix);
    vmgr__device_set_alias(dev, alias);
}

void vmgr__vemu_assign_aliases(struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++)
        vmgr__vemu_assign_alias(def, def->devices->pdata[i]);
}
