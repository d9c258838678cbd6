/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI-to-PCI bridges: bus numbers, address windows, reset of the far side
 * (PCI-to-PCI Bridge Architecture 1.2, chapters 3 and 4).
 *
 * The registers live in the bridge's configuration bytes and change only under the host's lock or
 * while vCPUs stand still, so functions below read them with just the host's lock.
 */
#include <string.h>

#include <linux/pci_regs.h>

#include "bus/pci-bus.h"
#include "core/vm.h"

#define WINDOWS_START PCI_PRIMARY_BUS
#define WINDOWS_END   PCI_CAPABILITY_LIST

void vemu__pci_bridge_init(struct vemu_pci_device *pci, unsigned slots)
{
    uint8_t *w = pci->writable, *d = pci->defaults;

    w[PCI_PRIMARY_BUS] = w[PCI_SECONDARY_BUS] = w[PCI_SUBORDINATE_BUS] = 0xff;
    w[PCI_IO_BASE] = w[PCI_IO_LIMIT] = 0xf0;
    d[PCI_IO_BASE] = d[PCI_IO_LIMIT] = PCI_IO_RANGE_TYPE_16;
    vemu_pci_put16(pci->clearable, PCI_SEC_STATUS, 0xf900);
    vemu_pci_put16(w, PCI_MEMORY_BASE, 0xfff0);
    vemu_pci_put16(w, PCI_MEMORY_LIMIT, 0xfff0);
    vemu_pci_put16(w, PCI_PREF_MEMORY_BASE, 0xfff0);
    vemu_pci_put16(w, PCI_PREF_MEMORY_LIMIT, 0xfff0);
    vemu_pci_put16(d, PCI_PREF_MEMORY_BASE, PCI_PREF_RANGE_TYPE_64);
    vemu_pci_put16(d, PCI_PREF_MEMORY_LIMIT, PCI_PREF_RANGE_TYPE_64);
    vemu_pci_put32(w, PCI_PREF_BASE_UPPER32, ~0u);
    vemu_pci_put32(w, PCI_PREF_LIMIT_UPPER32, ~0u);
    vemu_pci_put16(w, PCI_BRIDGE_CONTROL,
                   PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR | PCI_BRIDGE_CTL_BUS_RESET);
    pci->secondary = vemu__pci_bus_new(pci->dev.vm->machine->pci, pci, pci->dev.id, slots);
}

void vemu__pci_bridge_fini(struct vemu_pci_device *pci)
{
    vemu__pci_bus_free(pci->secondary);
    pci->secondary = NULL;
}

static bool inside(uint64_t base, uint64_t limit, uint64_t address, uint64_t size)
{
    return address >= base && address <= limit && size - 1 <= limit - address;
}

bool vemu__pci_bridge_forwards(const struct vemu_pci_device *pci, bool io, uint64_t address,
                               uint64_t size)
{
    uint16_t command = vemu_pci_get16(pci, PCI_COMMAND);
    uint64_t base, limit;

    if (io) {
        base = (uint64_t)(pci->config[PCI_IO_BASE] & 0xf0) << 8;
        limit = (uint64_t)(pci->config[PCI_IO_LIMIT] & 0xf0) << 8 | 0xfff;
        return (command & PCI_COMMAND_IO) && inside(base, limit, address, size);
    }
    if (!(command & PCI_COMMAND_MEMORY))
        return false;
    base = (uint64_t)(vemu_pci_get16(pci, PCI_MEMORY_BASE) & 0xfff0) << 16;
    limit = (uint64_t)(vemu_pci_get16(pci, PCI_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff;
    if (inside(base, limit, address, size))
        return true;
    base = (uint64_t)vemu_pci_get32(pci, PCI_PREF_BASE_UPPER32) << 32 |
           (uint64_t)(vemu_pci_get16(pci, PCI_PREF_MEMORY_BASE) & 0xfff0) << 16;
    limit = (uint64_t)vemu_pci_get32(pci, PCI_PREF_LIMIT_UPPER32) << 32 |
            (uint64_t)(vemu_pci_get16(pci, PCI_PREF_MEMORY_LIMIT) & 0xfff0) << 16 | 0xfffff;
    return inside(base, limit, address, size);
}

bool vemu__pci_bridge_claims(const struct vemu_pci_device *pci, unsigned bus, bool *ret_secondary)
{
    unsigned secondary = pci->config[PCI_SECONDARY_BUS];

    *ret_secondary = bus == secondary;
    return secondary != 0 && bus >= secondary && bus <= pci->config[PCI_SUBORDINATE_BUS];
}

/* Calls fn for all functions behind the bridge, with their locks held. */
static void for_each_below(struct vemu_pci_bus *bus, void (*fn)(struct vemu_pci_device *pci))
{
    for (unsigned i = 0; i < bus->slots * 8; i++) {
        struct vemu_pci_device *pci = atomic_load(&bus->functions[i]);

        if (!pci)
            continue;
        pthread_mutex_lock(&pci->dev.lock);
        fn(pci);
        pthread_mutex_unlock(&pci->dev.lock);
        if (pci->is_bridge)
            for_each_below(pci->secondary, fn);
    }
}

static void reset_one(struct vemu_pci_device *pci)
{
    if (pci->dev.class_->ops->reset)
        pci->dev.class_->ops->reset(&pci->dev);
}

void vemu__pci_bridge_settle(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    if (vemu_pci_touches(offset, size, PCI_BRIDGE_CONTROL, 1) &&
        (pci->config[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_CTL_BUS_RESET))
        for_each_below(pci->secondary, reset_one);
    if (vemu_pci_touches(offset, size, PCI_COMMAND, 2) ||
        vemu_pci_touches(offset, size, WINDOWS_START, WINDOWS_END - WINDOWS_START) ||
        (pci->cap_pcie && vemu_pci_touches(offset, size, pci->cap_pcie + PCI_EXP_SLTCTL, 2)))
        for_each_below(pci->secondary, vemu__pci_update_bars);
}
