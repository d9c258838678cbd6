/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI buses, the host that they hang on, and what the files of bus/ offer to each other.
 */
#ifndef VEMU_BUS_PCI_BUS_H
#define VEMU_BUS_PCI_BUS_H

#include <glib.h>

#include "bus/pci.h"

#define VEMU_PCI_PIRQS 8u

struct vemu_pci_bus {
    struct vemu_pci_host *host;
    struct vemu_pci_device *bridge; /* NULL: the root bus */
    const char *id;                 /* "pcie.0", or that of the bridge */
    bool hotplug;                   /* functions may come and go while the machine runs */
    unsigned slots;                 /* 32, or 1 below a PCI Express port */
    /* Slot power: 0 hides what is there. */
    atomic_bool powered;
    /* A function was attached (its lock is held) or is gone (no lock is held). May be NULL. */
    void (*changed)(struct vemu_pci_device *bridge, bool attached);
    /* Asks the guest to let go of what is there. -EALREADY: it was asked just now; -EBUSY: it is at
     * work on the slot. No lock is held. NULL: cannot. */
    int (*request_unplug)(struct vemu_pci_device *bridge);
    struct vemu_pci_device *_Atomic functions[]; /* slots * 8 */
};

struct vemu_pci_bus *vemu__pci_bus_new(struct vemu_pci_host *host, struct vemu_pci_device *bridge,
                                       const char *id, unsigned slots);
void vemu__pci_bus_free(struct vemu_pci_bus *bus); /* NULL is fine */
bool vemu__pci_bus_is_empty(const struct vemu_pci_bus *bus);
/* Do the bridges between here and the root pass the range on? */
bool vemu__pci_bus_forwards(const struct vemu_pci_bus *bus, bool io, uint64_t address,
                            uint64_t size);
/* The function's pin changed; follows the wires up to the host. */
void vemu__pci_bus_set_intx(struct vemu_pci_device *pci, bool level);

/* --- host (pci-host.c) ------------------------------------------------------------------------ */

/* Levels of the interrupt router's inputs A..H changed (bit n: PIRQ n is asserted). The host's
 * interrupt lock is held: behind all devices', before the interrupt controllers'. */
typedef void (*vemu_pci_route_fn)(void *data, uint8_t levels);

/* Device class "pcie-host": ports 0xcf8-0xcff and the memory-mapped configuration space. */
extern const struct vemu_device_class vemu__device_pci_host;

void vemu__pci_host_set_router(struct vemu_pci_host *host, vemu_pci_route_fn fn, void *data);
/* Calls the router with the present levels: its registers were written. */
void vemu__pci_host_reroute(struct vemu_pci_host *host);
/* Where configuration space lies in memory: 1 MiB a bus from bus 0 on; size 0: nowhere. Context:
 * the host's lock is held, or vCPUs do not run. */
void vemu__pci_host_set_ecam(struct vemu_pci_host *host, uint64_t address, uint64_t size);
/* Context of both: in an access to a region of a device that is not below the host. */
void vemu__pci_host_get_ecam(struct vemu_pci_host *host, uint64_t *ret_address, uint64_t *ret_size);
/* The smallest range that holds all memory above 4 GiB which functions of the root bus and bridges
 * to others decode. False: there is none. */
bool vemu__pci_host_get_memory64(struct vemu_pci_host *host, uint64_t *ret_start,
                                 uint64_t *ret_end);
struct vemu_pci_bus *vemu__pci_host_root(struct vemu_pci_host *host);
/* The bus of that name, NULL: the root. Context: loop. */
struct vemu_pci_bus *vemu__pci_host_find_bus(struct vemu_pci_host *host, const char *id);
void vemu__pci_host_add_bus(struct vemu_pci_host *host, struct vemu_pci_bus *bus);
void vemu__pci_host_remove_bus(struct vemu_pci_host *host, struct vemu_pci_bus *bus);
void vemu__pci_host_set_intx(struct vemu_pci_host *host, unsigned pirq, bool level);

/* A configuration access as if from the CPU; absent functions read as ones. `size` 1, 2 or 4,
 * aligned; `offset` below 4096. Context: the host's lock is held. */
uint32_t vemu__pci_host_read(struct vemu_pci_host *host, unsigned bus, unsigned devfn,
                             unsigned offset, unsigned size);
void vemu__pci_host_write(struct vemu_pci_host *host, unsigned bus, unsigned devfn, unsigned offset,
                          unsigned size, uint32_t value);

/* --- function (pci-device.c, pci-msi.c) ------------------------------------------------------- */
uint32_t vemu__pci_config_read(struct vemu_pci_device *pci, unsigned offset, unsigned size);
void vemu__pci_config_write(struct vemu_pci_device *pci, unsigned offset, unsigned size,
                            uint32_t value);
/* Maps and unmaps BARs as registers say. The function's lock is held. */
void vemu__pci_update_bars(struct vemu_pci_device *pci);
void vemu__pci_msi_written(struct vemu_pci_device *pci, unsigned offset, unsigned size);
void vemu__pci_msix_refresh(struct vemu_pci_device *pci);
void vemu__pci_msix_reset(struct vemu_pci_device *pci);
/* -EINVAL (syntax), -ERANGE (no such slot on the bus); "3", "1f.2": hexadecimal. */
int vemu__pci_parse_addr(const char *text, unsigned *ret_slot, unsigned *ret_function);

/* --- bridge (pci-bridge.c) -------------------------------------------------------------------- */
/* Type 1 header registers; the caller has called vemu_pci_init(). Makes the secondary bus. */
void vemu__pci_bridge_init(struct vemu_pci_device *pci, unsigned slots);
void vemu__pci_bridge_fini(struct vemu_pci_device *pci);
bool vemu__pci_bridge_forwards(const struct vemu_pci_device *pci, bool io, uint64_t address,
                               uint64_t size);
/* Is the bus number on its far side? */
bool vemu__pci_bridge_claims(const struct vemu_pci_device *pci, unsigned bus, bool *ret_secondary);
/* After a write to the bridge's registers: BARs on the far side appear and vanish, and a reset of
 * the secondary bus is carried out. The bridge's lock is not held, the host's is. */
void vemu__pci_bridge_settle(struct vemu_pci_device *pci, unsigned offset, unsigned size);

#endif
