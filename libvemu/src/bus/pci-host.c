/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI host: ways into configuration space, and the collected interrupt wires.
 *
 * Two ways lead in: the address and data ports of PCI Local Bus 3.0, 3.2.2.3.2 (0xcf8, 0xcfc) and
 * the memory-mapped space of PCI Express Base 3.1, 7.2.2, which the machine places. The reset
 * control register 0xcf9 lies in the midst of the address port: single bytes there are a reset,
 * double words an address. All of it runs with this device's lock held, which serializes
 * configuration accesses as a real host bridge does.
 *
 * Bus numbers are found by following the bridges from the root; an access to a bus that no bridge
 * claims, or to a function that is not there, reads as ones.
 */
#include "bus/pci-bus.h"

#include <string.h>

#include <linux/pci_regs.h>

#include "core/vm.h"

#define PORTS_BASE     0xcf8u
#define PORTS_SIZE     8u
#define ADDRESS_ENABLE (1u << 31)
#define RESET_OFFSET   1u
#define RESET_HARD     0x02u
#define RESET_CPU      0x04u
#define ECAM_BUS_SIZE  (1u << 20)
#define FOUR_GIB       (1ull << 32)

struct vemu_pci_host {
    struct vemu_device dev;
    struct vemu_pci_bus *root;
    GPtrArray *buses; /* struct vemu_pci_bus, without the root; loop */
    uint32_t address; /* saved */
    uint8_t reset;    /* saved */
    struct vemu_region *ecam;
    uint64_t ecam_address, ecam_size;
    /* interrupts */
    pthread_mutex_t lock;
    unsigned high[VEMU_PCI_PIRQS];
    uint8_t levels;
    vemu_pci_route_fn route;
    void *route_data;
};

/* --- interrupts ------------------------------------------------------------------------------- */

static void route_locked(struct vemu_pci_host *host)
{
    if (host->route)
        host->route(host->route_data, host->levels);
}

void vemu__pci_host_set_intx(struct vemu_pci_host *host, unsigned pirq, bool level)
{
    uint8_t before;

    pthread_mutex_lock(&host->lock);
    before = host->levels;
    host->high[pirq] += level ? 1u : -1u;
    host->levels &= (uint8_t) ~(1u << pirq);
    host->levels |= (uint8_t)(host->high[pirq] ? 1u << pirq : 0);
    if (host->levels != before)
        route_locked(host);
    pthread_mutex_unlock(&host->lock);
}

void vemu__pci_host_set_router(struct vemu_pci_host *host, vemu_pci_route_fn fn, void *data)
{
    pthread_mutex_lock(&host->lock);
    host->route = fn;
    host->route_data = data;
    pthread_mutex_unlock(&host->lock);
}

void vemu__pci_host_reroute(struct vemu_pci_host *host)
{
    pthread_mutex_lock(&host->lock);
    route_locked(host);
    pthread_mutex_unlock(&host->lock);
}

/* --- buses ------------------------------------------------------------------------------------ */

struct vemu_pci_bus *vemu__pci_host_root(struct vemu_pci_host *host)
{
    return host->root;
}

struct vemu_pci_bus *vemu__pci_host_find_bus(struct vemu_pci_host *host, const char *id)
{
    if (!id || strcmp(id, host->root->id) == 0)
        return host->root;
    for (guint i = 0; i < host->buses->len; i++) {
        struct vemu_pci_bus *bus = host->buses->pdata[i];

        if (strcmp(bus->id, id) == 0)
            return bus;
    }
    return NULL;
}

void vemu__pci_host_add_bus(struct vemu_pci_host *host, struct vemu_pci_bus *bus)
{
    g_ptr_array_add(host->buses, bus);
}

void vemu__pci_host_remove_bus(struct vemu_pci_host *host, struct vemu_pci_bus *bus)
{
    g_ptr_array_remove(host->buses, bus);
}

/* The bus with that number behind `bus`, or NULL. */
static struct vemu_pci_bus *follow(struct vemu_pci_bus *bus, unsigned number)
{
    for (unsigned i = 0; i < bus->slots * 8; i++) {
        struct vemu_pci_device *pci = atomic_load(&bus->functions[i]);
        bool is_secondary;

        if (pci && pci->is_bridge && vemu__pci_bridge_claims(pci, number, &is_secondary))
            return is_secondary ? pci->secondary : follow(pci->secondary, number);
    }
    return NULL;
}

static struct vemu_pci_device *find(struct vemu_pci_host *host, unsigned number, unsigned devfn)
{
    struct vemu_pci_bus *bus = number == 0 ? host->root : follow(host->root, number);

    if (!bus || devfn >= bus->slots * 8 || !atomic_load(&bus->powered))
        return NULL;
    return atomic_load(&bus->functions[devfn]);
}

/* --- configuration accesses ------------------------------------------------------------------- */

uint32_t vemu__pci_host_read(struct vemu_pci_host *host, unsigned bus, unsigned devfn,
                             unsigned offset, unsigned size)
{
    struct vemu_pci_device *pci = find(host, bus, devfn);
    uint32_t value;

    if (!pci)
        return UINT32_MAX;
    pthread_mutex_lock(&pci->dev.lock);
    value = vemu__pci_config_read(pci, offset, size);
    pthread_mutex_unlock(&pci->dev.lock);
    return value;
}

void vemu__pci_host_write(struct vemu_pci_host *host, unsigned bus, unsigned devfn, unsigned offset,
                          unsigned size, uint32_t value)
{
    struct vemu_pci_device *pci = find(host, bus, devfn);

    if (!pci)
        return;
    pthread_mutex_lock(&pci->dev.lock);
    vemu__pci_config_write(pci, offset, size, value);
    pthread_mutex_unlock(&pci->dev.lock);
    if (pci->is_bridge)
        vemu__pci_bridge_settle(pci, offset, size);
}

static uint64_t ecam_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return vemu__pci_host_read((struct vemu_pci_host *)dev, (unsigned)(offset >> 20),
                               offset >> 12 & 0xff, offset & 0xfff, size);
}

static void ecam_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    vemu__pci_host_write((struct vemu_pci_host *)dev, (unsigned)(offset >> 20), offset >> 12 & 0xff,
                         offset & 0xfff, size, (uint32_t)value);
}

static const struct vemu_region_ops ecam_region = {
    .read = ecam_read,
    .write = ecam_write,
    .min_size = 1,
    .max_size = 4,
};

void vemu__pci_host_set_ecam(struct vemu_pci_host *host, uint64_t address, uint64_t size)
{
    if (host->ecam_address == address && host->ecam_size == size)
        return;
    vemu_device_unmap(&host->dev, host->ecam);
    host->ecam = NULL;
    host->ecam_address = address;
    host->ecam_size = size;
    g_assert(size <= 256ull * ECAM_BUS_SIZE);
    if (size)
        vemu_device_map_floating(&host->dev, VEMU_SPACE_MEMORY, address, size, &ecam_region,
                                 "pcie-config", &host->ecam);
}

void vemu__pci_host_get_ecam(struct vemu_pci_host *host, uint64_t *ret_address, uint64_t *ret_size)
{
    pthread_mutex_lock(&host->dev.lock);
    *ret_address = host->ecam_address;
    *ret_size = host->ecam_size;
    pthread_mutex_unlock(&host->dev.lock);
}

/* Makes [*start, *end) large enough for the range, if that is above 4 GiB. */
static void extend(uint64_t *start, uint64_t *end, uint64_t first, uint64_t behind)
{
    if (first < FOUR_GIB || first >= behind)
        return;
    *start = MIN(*start, first);
    *end = MAX(*end, behind);
}

static void extend_by_function(struct vemu_pci_device *pci, uint64_t *start, uint64_t *end)
{
    uint64_t first, last;

    pthread_mutex_lock(&pci->dev.lock);
    for (unsigned n = 0; n < VEMU_PCI_BARS; n++)
        if (pci->bars[n].size && pci->bars[n].address != VEMU_PCI_UNMAPPED)
            extend(start, end, pci->bars[n].address, pci->bars[n].address + pci->bars[n].size);
    if (pci->is_bridge && (vemu_pci_get16(pci, PCI_COMMAND) & PCI_COMMAND_MEMORY)) {
        first = (uint64_t)(vemu_pci_get16(pci, PCI_PREF_MEMORY_BASE) & 0xfff0u) << 16 |
                (uint64_t)vemu_pci_get32(pci, PCI_PREF_BASE_UPPER32) << 32;
        last = (uint64_t)(vemu_pci_get16(pci, PCI_PREF_MEMORY_LIMIT) & 0xfff0u) << 16 | 0xfffff |
               (uint64_t)vemu_pci_get32(pci, PCI_PREF_LIMIT_UPPER32) << 32;
        extend(start, end, first, last + 1);
    }
    pthread_mutex_unlock(&pci->dev.lock);
}

bool vemu__pci_host_get_memory64(struct vemu_pci_host *host, uint64_t *ret_start, uint64_t *ret_end)
{
    *ret_start = UINT64_MAX;
    *ret_end = 0;
    pthread_mutex_lock(&host->dev.lock);
    for (unsigned i = 0; i < host->root->slots * 8; i++) {
        struct vemu_pci_device *pci = atomic_load(&host->root->functions[i]);

        if (pci)
            extend_by_function(pci, ret_start, ret_end);
    }
    pthread_mutex_unlock(&host->dev.lock);
    return *ret_start < *ret_end;
}

/* --- ports ------------------------------------------------------------------------------------ */

static void reset_write(struct vemu_pci_host *host, uint8_t value)
{
    bool rose = (value & RESET_CPU) && !(host->reset & RESET_CPU);

    host->reset = value & (RESET_HARD | RESET_CPU);
    if (rose)
        vemu_vm_request_reset(host->dev.vm, VEMU_CAUSE_GUEST_RESET);
}

static uint64_t ports_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct vemu_pci_host *host = (struct vemu_pci_host *)dev;
    uint32_t a = host->address;

    if (offset == RESET_OFFSET && size == 1)
        return host->reset;
    if (offset < 4)
        return offset == 0 && size == 4 ? a : UINT32_MAX;
    if (!(a & ADDRESS_ENABLE))
        return UINT32_MAX;
    return vemu__pci_host_read(host, a >> 16 & 0xff, a >> 8 & 0xff,
                               (a & 0xfc) | (unsigned)(offset - 4), size);
}

static void ports_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct vemu_pci_host *host = (struct vemu_pci_host *)dev;
    uint32_t a = host->address;

    if (offset == RESET_OFFSET && size == 1)
        reset_write(host, (uint8_t)value);
    else if (offset == 0 && size == 4)
        host->address = (uint32_t)value & (ADDRESS_ENABLE | 0xfffffc);
    else if (offset >= 4 && (a & ADDRESS_ENABLE))
        vemu__pci_host_write(host, a >> 16 & 0xff, a >> 8 & 0xff,
                             (a & 0xfc) | (unsigned)(offset - 4), size, (uint32_t)value);
}

static const struct vemu_region_ops ports_region = {
    .read = ports_read,
    .write = ports_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- class ------------------------------------------------------------------------------------ */

static int host_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct vemu_pci_host *host = (struct vemu_pci_host *)dev;

    pthread_mutex_init(&host->lock, NULL);
    host->root = vemu__pci_bus_new(host, NULL, "pcie.0", 32);
    host->buses = g_ptr_array_new();
    return vemu_device_map(dev, VEMU_SPACE_IO, PORTS_BASE, PORTS_SIZE, &ports_region, "pci-config",
                           err);
}

static void host_reset(struct vemu_device *dev)
{
    struct vemu_pci_host *host = (struct vemu_pci_host *)dev;

    host->address = 0;
    host->reset = 0;
}

static void host_unplug(struct vemu_device *dev)
{
    vemu__pci_host_set_ecam((struct vemu_pci_host *)dev, 0, 0);
}

static void host_fini(struct vemu_device *dev)
{
    struct vemu_pci_host *host = (struct vemu_pci_host *)dev;

    if (!host->root)
        return;
    vemu__pci_bus_free(host->root);
    g_ptr_array_free(host->buses, TRUE);
    pthread_mutex_destroy(&host->lock);
}

static const struct vemu_prop host_props[] = { VEMU_PROP_END };

static const struct vemu_state_field host_state[] = {
    VEMU_STATE(struct vemu_pci_host, address),
    VEMU_STATE(struct vemu_pci_host, reset),
    VEMU_STATE_END,
};

static const struct vemu_device_ops host_ops = {
    .realize = host_realize,
    .reset = host_reset,
    .fini = host_fini,
    .unplug = host_unplug,
};

const struct vemu_device_class vemu__device_pci_host = {
    .name = "pcie-host",
    .summary = "PCI Express host: configuration space, interrupt wires",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct vemu_pci_host),
    .props = host_props,
    .state = host_state,
    .ops = &host_ops,
};
