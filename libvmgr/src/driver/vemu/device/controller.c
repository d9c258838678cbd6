/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a <controller> does not say about itself: its number, and where a root port sits.
 *
 * virt-install writes a dozen root ports by model alone. Each gets the next free number of its
 * type; a root port of number N also gets chassis N and a function of bus 0 that follows from N, as
 * the ports have that address.c adds.
 */
#include <string.h>

#include "parts.h"

#define MAX_INDEX 255

static bool has(const struct vmgr__device *dev, const char *attr, const char *value)
{
    g_autofree char *is = vmgr__device_get(dev, NULL, attr);

    return g_strcmp0(is, value) == 0;
}

static bool is_controller(const struct vmgr__device *dev)
{
    return strcmp(dev->name, "controller") == 0;
}

/* Companions of one USB controller share its number. */
static bool is_companion(const struct vmgr__device *dev)
{
    g_autofree char *port = vmgr__device_get(dev, "master", "startport");

    return port != NULL;
}

static unsigned next_index(const struct vmgr__domain_def *def, const struct vmgr__device *like)
{
    g_autofree char *type = vmgr__device_get(like, NULL, "type");
    bool taken[MAX_INDEX + 1] = { false };
    unsigned index = 0;

    taken[0] = g_strcmp0(type, "pci") == 0; /* the root's, whether it is written or not */
    for (guint i = 0; i < def->devices->len; i++) {
        const struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *text = is_controller(dev) && has(dev, "type", type)
                                    ? vmgr__device_get(dev, NULL, "index")
                                    : NULL;
        uint32_t n;

        if (vmgr__parse_u32(text, &n) && n <= MAX_INDEX)
            taken[n] = true;
    }
    if (is_companion(like)) { /* the last number that was given */
        while (index < MAX_INDEX && taken[index + 1])
            index++;
        return index;
    }
    while (index < MAX_INDEX && taken[index])
        index++;
    return index;
}

static void set_index(const struct vmgr__domain_def *def, struct vmgr__device *dev)
{
    bool root = has(dev, "type", "pci") && has(dev, "model", "pcie-root");
    unsigned index = root ? 0 : next_index(def, dev);
    xmlDoc *doc = vmgr__device_doc(dev);
    char text[12];

    g_snprintf(text, sizeof(text), "%u", index);
    xmlSetProp(xmlDocGetRootElement(doc), BAD_CAST "index", BAD_CAST text);
    vmgr__device_set_doc(dev, doc);
}

static void set(xmlNode *node, const char *name, bool hex, int digits, unsigned value)
{
    char text[12];

    if (xmlHasProp(node, BAD_CAST name))
        return;
    if (hex)
        g_snprintf(text, sizeof(text), "0x%0*x", digits, value);
    else
        g_snprintf(text, sizeof(text), "%u", value);
    xmlSetProp(node, BAD_CAST name, BAD_CAST text);
}

void vmgr__vemu_place_port(xmlNode *root, unsigned index)
{
    const unsigned slot = 1 + (index - 1) / 8, function = (index - 1) % 8;
    xmlNode *target, *address;

    if (!vmgr__xml_child(root, "model"))
        xmlSetProp(vmgr__device_child(root, "model"), BAD_CAST "name", BAD_CAST "pcie-root-port");
    target = vmgr__device_child(root, "target");
    set(target, "chassis", false, 0, index);
    set(target, "port", true, 1, slot << 3 | function);
    if (vmgr__xml_child(root, "address"))
        return;
    address = vmgr__device_child(root, "address");
    xmlSetProp(address, BAD_CAST "type", BAD_CAST "pci");
    set(address, "domain", true, 4, 0);
    set(address, "bus", true, 2, 0);
    set(address, "slot", true, 2, slot);
    set(address, "function", true, 1, function);
    if (function == 0)
        xmlSetProp(address, BAD_CAST "multifunction", BAD_CAST "on");
}

static void complete_port(struct vmgr__device *dev)
{
    g_autofree char *text = vmgr__device_get(dev, NULL, "index");
    xmlDoc *doc;
    uint32_t index;

    if (!has(dev, "type", "pci") || !has(dev, "model", "pcie-root-port") ||
        !vmgr__parse_u32(text, &index) || !index || index > VEMU_MAX_PORTS)
        return;
    doc = vmgr__device_doc(dev);
    vmgr__vemu_place_port(xmlDocGetRootElement(doc), index);
    vmgr__device_set_doc(dev, doc);
}

void vmgr__vemu_complete_controllers(struct vmgr__domain_def *def)
{
    for (guint i = 0; i < def->devices->len; i++) {
        struct vmgr__device *dev = def->devices->pdata[i];
        g_autofree char *index = is_controller(dev) ? vmgr__device_get(dev, NULL, "index") : NULL;

        if (!is_controller(dev))
            continue;
        if (!index)
            set_index(def, dev);
        if (vmgr__vemu_has_pci(def))
            complete_port(dev);
    }
}
