/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * query-pci: buses and functions as the guest has set them up.
 *
 * Figures come from configuration space, each function's with its lock held.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "bus/pci-bus.h"
#include "monitor/qmp.h"

static struct json_object *describe_bus(const struct vemu_pci_bus *bus, unsigned number);

static struct json_object *describe_region(const struct vemu_pci_bar *bar, unsigned n)
{
    struct json_object *o = json_object_new_object();
    bool io = bar->flags & VEMU_PCI_BAR_IO;

    qmp_add_int(o, "bar", n);
    qmp_add_string(o, "type", io ? "io" : "memory");
    /* -1: not mapped */
    json_object_object_add(o, "address", json_object_new_int64((int64_t)bar->address));
    qmp_add_int(o, "size", bar->size);
    if (!io) {
        qmp_add_bool(o, "prefetch", bar->flags & VEMU_PCI_BAR_PREFETCH);
        qmp_add_bool(o, "mem_type_64", bar->flags & VEMU_PCI_BAR_64);
    }
    return o;
}

static void add_range(struct json_object *o, const char *key, uint64_t base, uint64_t limit)
{
    struct json_object *range = json_object_new_object();

    qmp_add_int(range, "base", base);
    qmp_add_int(range, "limit", limit);
    json_object_object_add(o, key, range);
}

/* PCI-to-PCI Bridge 1.2, 3.2.5: windows are registers' upper bits; the limit is inclusive. */
static struct json_object *describe_windows(const struct vemu_pci_device *pci)
{
    struct json_object *o = json_object_new_object();
    uint64_t high_base = vemu_pci_get32(pci, PCI_PREF_BASE_UPPER32);
    uint64_t high_limit = vemu_pci_get32(pci, PCI_PREF_LIMIT_UPPER32);

    qmp_add_int(o, "number", pci->config[PCI_PRIMARY_BUS]);
    qmp_add_int(o, "secondary", pci->config[PCI_SECONDARY_BUS]);
    qmp_add_int(o, "subordinate", pci->config[PCI_SUBORDINATE_BUS]);
    add_range(o, "io_range",
              (uint64_t)(pci->config[PCI_IO_BASE] & 0xf0) << 8 |
                  (uint64_t)vemu_pci_get16(pci, PCI_IO_BASE_UPPER16) << 16,
              ((uint64_t)(pci->config[PCI_IO_LIMIT] & 0xf0) << 8 |
               (uint64_t)vemu_pci_get16(pci, PCI_IO_LIMIT_UPPER16) << 16) |
                  0xfff);
    add_range(o, "memory_range", (uint64_t)(vemu_pci_get16(pci, PCI_MEMORY_BASE) & 0xfff0) << 16,
              (uint64_t)(vemu_pci_get16(pci, PCI_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff);
    add_range(o, "prefetchable_range",
              high_base << 32 | (uint64_t)(vemu_pci_get16(pci, PCI_PREF_MEMORY_BASE) & 0xfff0)
                                    << 16,
              high_limit << 32 |
                  (uint64_t)(vemu_pci_get16(pci, PCI_PREF_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff);
    return o;
}

static struct json_object *describe_id(const struct vemu_pci_device *pci)
{
    struct json_object *o = json_object_new_object();

    qmp_add_int(o, "device", vemu_pci_get16(pci, PCI_DEVICE_ID));
    qmp_add_int(o, "vendor", vemu_pci_get16(pci, PCI_VENDOR_ID));
    if (!pci->is_bridge) {
        qmp_add_int(o, "subsystem", vemu_pci_get16(pci, PCI_SUBSYSTEM_ID));
        qmp_add_int(o, "subsystem-vendor", vemu_pci_get16(pci, PCI_SUBSYSTEM_VENDOR_ID));
    }
    return o;
}

static struct json_object *describe_function_locked(const struct vemu_pci_device *pci, unsigned bus)
{
    struct json_object *o = json_object_new_object(), *class_ = json_object_new_object();
    struct json_object *regions = json_object_new_array();

    qmp_add_int(o, "bus", bus);
    qmp_add_int(o, "slot", VEMU_PCI_SLOT(pci->devfn));
    qmp_add_int(o, "function", VEMU_PCI_FUNCTION(pci->devfn));
    qmp_add_int(class_, "class", vemu_pci_get16(pci, PCI_CLASS_DEVICE));
    json_object_object_add(o, "class_info", class_);
    json_object_object_add(o, "id", describe_id(pci));
    if (pci->config[PCI_INTERRUPT_PIN])
        qmp_add_int(o, "irq", pci->config[PCI_INTERRUPT_LINE]);
    qmp_add_int(o, "irq_pin", pci->config[PCI_INTERRUPT_PIN]);
    qmp_add_string(o, "qdev_id", strchr(pci->dev.id, '#') ? "" : pci->dev.id);
    for (unsigned n = 0; n < VEMU_PCI_BARS; n++)
        if (pci->bars[n].size)
            json_object_array_add(regions, describe_region(&pci->bars[n], n));
    json_object_object_add(o, "regions", regions);
    return o;
}

static struct json_object *describe_function(struct vemu_pci_device *pci, unsigned bus)
{
    struct json_object *o, *bridge;
    unsigned secondary;

    pthread_mutex_lock(&pci->dev.lock);
    o = describe_function_locked(pci, bus);
    bridge = pci->is_bridge ? json_object_new_object() : NULL;
    if (bridge)
        json_object_object_add(bridge, "bus", describe_windows(pci));
    secondary = pci->config[PCI_SECONDARY_BUS];
    pthread_mutex_unlock(&pci->dev.lock);
    if (!bridge)
        return o;
    json_object_object_add(bridge, "devices", describe_bus(pci->secondary, secondary));
    json_object_object_add(o, "pci_bridge", bridge);
    return o;
}

static struct json_object *describe_bus(const struct vemu_pci_bus *bus, unsigned number)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < bus->slots * 8; i++) {
        struct vemu_pci_device *pci = atomic_load(&bus->functions[i]);

        if (pci)
            json_object_array_add(list, describe_function(pci, number));
    }
    return list;
}

static int cmd_query_pci(QMP_PARAMS)
{
    struct json_object *root;

    *result = json_object_new_array();
    if (!vm->machine->pci)
        return 0;
    root = json_object_new_object();
    qmp_add_int(root, "bus", 0);
    json_object_object_add(root, "devices", describe_bus(vemu__pci_host_root(vm->machine->pci), 0));
    json_object_array_add(*result, root);
    return 0;
}

static const struct qmp_command commands[] = {
    { "query-pci", cmd_query_pci, NULL, "[{bus:int,devices:[@PciFunction]}]" },
    { NULL },
};

#define RANGE "{base:int,limit:int}"

static const struct qmp_named shapes[] = {
    { "PciFunction",
      "{bus:int,slot:int,function:int,class_info:{desc?:str,class:int},"
      "id:{device:int,vendor:int,subsystem?:int,subsystem-vendor?:int},irq?:int,irq_pin:int,"
      "qdev_id:str,pci_bridge?:{bus:{number:int,secondary:int,subordinate:int,io_range:" RANGE
      ",memory_range:" RANGE ",prefetchable_range:" RANGE "},devices?:[@PciFunction]},"
      "regions:[{bar:int,type:<io|memory>,address:int,size:int,prefetch?:bool,"
      "mem_type_64?:bool}]}" },
    { NULL },
};

const struct qmp_group vemu__qmp_pci = { .commands = commands, .shapes = shapes };
