/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI buses: which function sits where, and the wires of INTA# to INTD#.
 */
#include "bus/pci-bus.h"

#include <errno.h>

#include <linux/pci_regs.h>

#include "core/vm.h"

#define CLASS_SCSI       0x0100u
#define CLASS_ETHERNET   0x0200u
#define CLASS_PCI_BRIDGE 0x0604u

struct vemu_pci_bus *vemu__pci_bus_new(struct vemu_pci_host *host, struct vemu_pci_device *bridge,
                                       const char *id, unsigned slots)
{
    struct vemu_pci_bus *bus =
        g_malloc0(sizeof(*bus) + slots * 8 * sizeof(struct vemu_pci_device *));

    bus->host = host;
    bus->bridge = bridge;
    bus->id = id;
    bus->slots = slots;
    atomic_init(&bus->powered, true);
    return bus;
}

void vemu__pci_bus_free(struct vemu_pci_bus *bus)
{
    g_free(bus);
}

bool vemu__pci_bus_is_empty(const struct vemu_pci_bus *bus)
{
    for (unsigned i = 0; i < bus->slots * 8; i++)
        if (atomic_load(&bus->functions[i]))
            return false;
    return true;
}

bool vemu__pci_bus_forwards(const struct vemu_pci_bus *bus, bool io, uint64_t address,
                            uint64_t size)
{
    for (; bus && bus->bridge; bus = bus->bridge->bus)
        if (!atomic_load(&bus->powered) ||
            !vemu__pci_bridge_forwards(bus->bridge, io, address, size))
            return false;
    return bus != NULL;
}

/* PCI-to-PCI Bridge 1.2, 9.1: a device's pin appears rotated by its slot number. On the root bus
 * the router does the same: slots 0 to 24 use inputs E..H, the chipset's own from 25 on A..D. */
void vemu__pci_bus_set_intx(struct vemu_pci_device *pci, bool level)
{
    const struct vemu_pci_bus *bus = pci->bus;
    unsigned pin = pci->config[PCI_INTERRUPT_PIN] - 1u, slot = VEMU_PCI_SLOT(pci->devfn);

    while (bus->bridge) {
        pin = (pin + slot) % 4;
        slot = VEMU_PCI_SLOT(bus->bridge->devfn);
        bus = bus->bridge->bus;
    }
    vemu__pci_host_set_intx(bus->host, slot < 25 ? 4 + (slot + pin) % 4 : pin % 4, level);
}

/* --- attaching -------------------------------------------------------------------------------- */

static struct vemu_pci_device *function_at(const struct vemu_pci_bus *bus, unsigned devfn)
{
    return atomic_load(&bus->functions[devfn]);
}

static bool slot_is_free(const struct vemu_pci_bus *bus, unsigned slot)
{
    for (unsigned function = 0; function < 8; function++)
        if (function_at(bus, VEMU_PCI_DEVFN(slot, function)))
            return false;
    return true;
}

/* Functions of one slot agree on being several (PCI Local Bus 3.0, 3.2.2.3.4). */
static int check_functions(const struct vemu_pci_bus *bus, const struct vemu_pci_device *pci,
                           unsigned slot, unsigned function, struct vemu_error **err)
{
    const struct vemu_pci_device *first = function_at(bus, VEMU_PCI_DEVFN(slot, 0));

    if (function_at(bus, VEMU_PCI_DEVFN(slot, function)))
        return vemu__error_set(err, EBUSY, "slot %x.%x of PCI bus %s is taken by '%s'", slot,
                               function, bus->id,
                               function_at(bus, VEMU_PCI_DEVFN(slot, function))->dev.id);
    if (function && first && !first->multifunction)
        return vemu__error_set(err, EINVAL,
                               "slot %x of PCI bus %s: '%s' is there without multifunction=on",
                               slot, bus->id, first->dev.id);
    if (!function && !pci->multifunction && !slot_is_free(bus, slot))
        return vemu__error_set(err, EINVAL,
                               "slot %x of PCI bus %s has other functions: function 0 needs "
                               "multifunction=on",
                               slot, bus->id);
    return 0;
}

static int choose_place(const struct vemu_pci_bus *bus, const struct vemu_pci_device *pci,
                        uint8_t *ret_devfn, struct vemu_error **err)
{
    unsigned slot, function = 0;
    int r;

    if (pci->addr) {
        if (vemu__pci_parse_addr(pci->addr, &slot, &function) < 0)
            return vemu__error_set(err, EINVAL,
                                   "property 'addr': '%s' is not a PCI address such as 3 or 3.1",
                                   pci->addr);
        if (slot >= bus->slots)
            return vemu__error_set(err, EINVAL, "property 'addr': PCI bus %s has no slot %x",
                                   bus->id, slot);
    } else {
        for (slot = bus->bridge ? 0 : 1; slot < bus->slots; slot++)
            if (slot_is_free(bus, slot))
                break;
        if (slot == bus->slots)
            return vemu__error_set(err, ENOSPC, "PCI bus %s has no free slot", bus->id);
    }
    r = check_functions(bus, pci, slot, function, err);
    *ret_devfn = VEMU_PCI_DEVFN(slot, function);
    return r;
}

int vemu_pci_attach(struct vemu_pci_device *pci, struct vemu_error **err)
{
    struct vemu_machine *machine = pci->dev.vm->machine;
    struct vemu_pci_bus *bus;
    uint8_t devfn = 0;
    int r;

    if (!machine->pci)
        return vemu__error_set(err, EINVAL, "machine '%s' has no PCI bus", machine->class_->name);
    bus = vemu__pci_host_find_bus(machine->pci, pci->bus_id);
    if (!bus)
        return vemu__error_set(err, ENOENT, "there is no PCI bus '%s'", pci->bus_id);
    if (atomic_load(&pci->dev.vm->state) != VEMU_VM_CREATED && !bus->hotplug)
        return vemu__error_set(err, EINVAL,
                               "PCI bus %s takes no devices while the machine runs; a "
                               "pcie-root-port does",
                               bus->id);
    r = choose_place(bus, pci, &devfn, err);
    if (r < 0)
        return r;
    if (!bus->bridge && pci->cap_pcie) {
        uint8_t *flags = &pci->defaults[pci->cap_pcie + PCI_EXP_FLAGS];

        if ((*flags & PCI_EXP_FLAGS_TYPE) >> 4 == PCI_EXP_TYPE_ENDPOINT) { /* it has no link */
            *flags = (uint8_t)((*flags & ~PCI_EXP_FLAGS_TYPE) | PCI_EXP_TYPE_RC_END << 4);
            vemu_pci_put32(pci->defaults, pci->cap_pcie + PCI_EXP_LNKCAP, 0);
            vemu_pci_put16(pci->defaults, pci->cap_pcie + PCI_EXP_LNKSTA, 0);
            vemu_pci_put16(pci->writable, pci->cap_pcie + PCI_EXP_LNKCTL, 0);
            vemu_pci_put32(pci->defaults, pci->cap_pcie + PCI_EXP_LNKCAP2, 0);
            vemu_pci_put16(pci->defaults, pci->cap_pcie + PCI_EXP_LNKCTL2, 0);
        }
    }
    for (unsigned i = 0; i < VEMU_PCI_CONFIG_SIZE; i++)
        pci->config[i] = pci->defaults[i];
    pci->bus = bus;
    pci->devfn = devfn;
    atomic_store(&bus->functions[devfn], pci);
    if (bus->changed)
        bus->changed(bus->bridge, true);
    return 0;
}

void vemu_pci_unplug(struct vemu_device *dev)
{
    struct vemu_pci_device *pci = (struct vemu_pci_device *)dev;
    struct vemu_pci_bus *bus = pci->bus;

    if (!bus)
        return;
    atomic_store(&bus->functions[pci->devfn], NULL);
    pthread_mutex_lock(&dev->lock);
    if (pci->intx_asserted)
        vemu__pci_bus_set_intx(pci, false);
    pci->intx_asserted = pci->intx_wanted = false;
    pci->bus = NULL; /* accesses that had found it before change nothing any more */
    vemu__pci_update_bars(pci);
    pthread_mutex_unlock(&dev->lock);
    if (bus->changed)
        bus->changed(bus->bridge, false);
}

/* --- boot order ------------------------------------------------------------------------------- */

/* As SeaBIOS and OVMF know functions from QEMU: class names of Open Firmware's PCI binding, where
 * the class has one there. */
static char *node_name(const struct vemu_pci_device *pci)
{
    switch (vemu_pci_get16(pci, PCI_CLASS_DEVICE)) {
    case CLASS_SCSI: return g_strdup("scsi");
    case CLASS_ETHERNET: return g_strdup("ethernet");
    case CLASS_PCI_BRIDGE: return g_strdup("pci-bridge");
    default:
        return g_strdup_printf("pci%x,%x", vemu_pci_get16(pci, PCI_VENDOR_ID),
                               vemu_pci_get16(pci, PCI_DEVICE_ID));
    }
}

char *vemu_pci_boot_path(const struct vemu_device *dev)
{
    const struct vemu_pci_device *pci = (const struct vemu_pci_device *)dev;
    const struct vemu_pci_device *bridge = pci->bus->bridge;
    g_autofree char *above = bridge ? vemu_pci_boot_path(&bridge->dev) : g_strdup("/pci@i0cf8");
    g_autofree char *name = node_name(pci);
    unsigned function = VEMU_PCI_FUNCTION(pci->devfn);

    if (function)
        return g_strdup_printf("%s/%s@%x,%x", above, name, VEMU_PCI_SLOT(pci->devfn), function);
    return g_strdup_printf("%s/%s@%x", above, name, VEMU_PCI_SLOT(pci->devfn));
}
