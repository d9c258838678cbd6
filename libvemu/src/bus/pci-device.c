/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI functions: header, capabilities, BARs, and what writing to them does.
 */
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "bus/pci-bus.h"
#include "core/vm.h"

#define HEADER_END 0x40u

/* Role of the capability in the interplay of bytes; PCI Express Base 3.1, table 7-12 and on. */
#define PCIE_CAP_SIZE    0x3cu
#define PCIE_VERSION     2u
#define LINK_SPEED_WIDTH (PCI_EXP_LNKSTA_CLS_16_0GB | 16u << PCI_EXP_LNKSTA_NLW_SHIFT)
#define LINK_SPEEDS      0x1eu /* 2.5 to 16 GT/s */

static uint32_t command_bits(const struct vemu_pci_device *pci)
{
    return vemu_pci_get16(pci, PCI_COMMAND);
}

static void set_default16(struct vemu_pci_device *pci, unsigned offset, uint16_t value)
{
    vemu_pci_put16(pci->defaults, offset, value);
}

static void set_default32(struct vemu_pci_device *pci, unsigned offset, uint32_t value)
{
    vemu_pci_put32(pci->defaults, offset, value);
}

/* --- building --------------------------------------------------------------------------------- */

void vemu_pci_init(struct vemu_pci_device *pci, const struct vemu_pci_ident *ident,
                   const struct vemu_pci_ops *ops)
{
    static const struct vemu_pci_ops none;
    uint8_t *d = pci->defaults, *w = pci->writable;

    memset(pci->defaults, 0, sizeof(pci->defaults));
    memset(pci->writable, 0, sizeof(pci->writable));
    memset(pci->clearable, 0, sizeof(pci->clearable));
    memset(pci->bars, 0, sizeof(pci->bars));
    pci->ops = ops ? ops : &none;
    pci->is_bridge = ident->is_bridge;
    pci->cap_pm = pci->cap_msi = pci->cap_msix = pci->cap_pcie = pci->cap_last = 0;
    pci->cap_end = HEADER_END;
    pci->msi_vectors = pci->msix_vectors = 0;

    set_default16(pci, PCI_VENDOR_ID, ident->vendor);
    set_default16(pci, PCI_DEVICE_ID, ident->device);
    set_default32(pci, PCI_CLASS_REVISION, ident->class_ << 8 | ident->revision);
    d[PCI_HEADER_TYPE] = (ident->is_bridge ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL) |
                         (pci->multifunction ? 0x80 : 0);
    d[PCI_INTERRUPT_PIN] = ident->pin;
    vemu_pci_put16(w, PCI_COMMAND,
                   PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
                       PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
    vemu_pci_put16(pci->clearable, PCI_STATUS,
                   PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT |
                       PCI_STATUS_REC_MASTER_ABORT | PCI_STATUS_SIG_SYSTEM_ERROR |
                       PCI_STATUS_DETECTED_PARITY);
    w[PCI_CACHE_LINE_SIZE] = 0xff;
    w[PCI_INTERRUPT_LINE] = 0xff;
    if (!ident->is_bridge) {
        set_default16(pci, PCI_SUBSYSTEM_VENDOR_ID, ident->subvendor);
        set_default16(pci, PCI_SUBSYSTEM_ID, ident->subdevice);
    }
    memcpy(pci->config, pci->defaults, sizeof(pci->config));
    pthread_mutex_init(&pci->msix.lock, NULL);
}

void vemu_pci_add_bar(struct vemu_pci_device *pci, unsigned n, uint64_t size, uint32_t flags,
                      const struct vemu_region_ops *ops, const char *name)
{
    unsigned at = PCI_BASE_ADDRESS_0 + 4 * n;
    uint32_t low;

    g_assert(n < (pci->is_bridge ? 2 : VEMU_PCI_BARS) && !pci->bars[n].size);
    g_assert((size & (size - 1)) == 0 && size >= (flags & VEMU_PCI_BAR_IO ? 4u : 16u));
    pci->bars[n] = (struct vemu_pci_bar){
        .size = size,
        .flags = flags,
        .ops = ops,
        .name = name,
        .address = VEMU_PCI_UNMAPPED,
    };
    if (flags & VEMU_PCI_BAR_IO)
        low = PCI_BASE_ADDRESS_SPACE_IO;
    else
        low = (flags & VEMU_PCI_BAR_64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) |
              (flags & VEMU_PCI_BAR_PREFETCH ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
    set_default32(pci, at, low);
    vemu_pci_put32(pci->writable, at, (uint32_t) ~(size - 1));
    if (flags & VEMU_PCI_BAR_64)
        vemu_pci_put32(pci->writable, at + 4, (uint32_t)(~(size - 1) >> 32));
    memcpy(pci->config + at, pci->defaults + at, 4);
}

void vemu_pci_add_memory_bar(struct vemu_pci_device *pci, unsigned n,
                             const struct vemu_memory_block *block, uint32_t flags,
                             const char *name)
{
    vemu_pci_add_bar(pci, n, block->size, flags, NULL, name);
    pci->bars[n].block = block;
}

uint8_t vemu_pci_add_cap(struct vemu_pci_device *pci, uint8_t id, uint8_t size)
{
    uint8_t at = pci->cap_end;

    g_assert(at + size <= VEMU_PCI_CONFIG_SIZE);
    pci->defaults[at] = id;
    if (pci->cap_last)
        pci->defaults[pci->cap_last + PCI_CAP_LIST_NEXT] = at;
    else
        pci->defaults[PCI_CAPABILITY_LIST] = at;
    pci->defaults[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    pci->cap_last = at;
    pci->cap_end = (uint8_t)((at + size + 3) & ~3);
    return at;
}

void vemu_pci_add_pm(struct vemu_pci_device *pci)
{
    uint8_t at = vemu_pci_add_cap(pci, PCI_CAP_ID_PM, PCI_PM_SIZEOF);

    pci->cap_pm = at;
    set_default16(pci, at + PCI_PM_PMC, 3); /* version 1.2, no PME# */
    set_default16(pci, at + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
    vemu_pci_put16(pci->writable, at + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
}

void vemu_pci_add_pcie(struct vemu_pci_device *pci, unsigned type)
{
    uint8_t at = vemu_pci_add_cap(pci, PCI_CAP_ID_EXP, PCIE_CAP_SIZE);
    bool has_link = type == PCI_EXP_TYPE_ENDPOINT || type == PCI_EXP_TYPE_ROOT_PORT;

    pci->cap_pcie = at;
    set_default16(pci, at + PCI_EXP_FLAGS, (uint16_t)(PCIE_VERSION | type << 4));
    set_default32(pci, at + PCI_EXP_DEVCAP,
                  PCI_EXP_DEVCAP_RBER | (type == PCI_EXP_TYPE_ROOT_PORT ? 0 : PCI_EXP_DEVCAP_FLR));
    vemu_pci_put16(pci->writable, at + PCI_EXP_DEVCTL,
                   PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
                       PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_READRQ);
    vemu_pci_put16(pci->clearable, at + PCI_EXP_DEVSTA,
                   PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED |
                       PCI_EXP_DEVSTA_URD);
    if (has_link) {
        set_default32(pci, at + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_16_0GB | 16u << 4);
        set_default16(pci, at + PCI_EXP_LNKSTA, LINK_SPEED_WIDTH);
        vemu_pci_put16(pci->writable, at + PCI_EXP_LNKCTL,
                       PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES);
        set_default32(pci, at + PCI_EXP_LNKCAP2, LINK_SPEEDS);
        set_default16(pci, at + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS_16_0GT);
    }
}

int vemu__pci_parse_addr(const char *text, unsigned *ret_slot, unsigned *ret_function)
{
    gchar *end;
    guint64 slot, function = 0;

    if (!g_ascii_isxdigit(*text))
        return -EINVAL;
    slot = g_ascii_strtoull(text, &end, 16);
    if (*end == '.') {
        if (!g_ascii_isdigit(end[1]))
            return -EINVAL;
        function = g_ascii_strtoull(end + 1, &end, 10);
    }
    if (*end || slot > 31 || function > 7)
        return -EINVAL;
    *ret_slot = (unsigned)slot;
    *ret_function = (unsigned)function;
    return 0;
}

/* --- BARs ------------------------------------------------------------------------------------- */

static bool in_d0(const struct vemu_pci_device *pci)
{
    return !pci->cap_pm || !(pci->config[pci->cap_pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK);
}

bool vemu_pci_is_master(const struct vemu_pci_device *pci)
{
    return (command_bits(pci) & PCI_COMMAND_MASTER) && in_d0(pci);
}

/* Where the registers want the BAR to be. */
static uint64_t bar_target(const struct vemu_pci_device *pci, unsigned n)
{
    const struct vemu_pci_bar *bar = &pci->bars[n];
    unsigned at = PCI_BASE_ADDRESS_0 + 4 * n;
    bool io = bar->flags & VEMU_PCI_BAR_IO;
    uint64_t address = vemu_pci_get32(pci, at), top;

    if (!bar->size || !pci->bus || !in_d0(pci) ||
        !(command_bits(pci) & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
        return VEMU_PCI_UNMAPPED;
    address &= io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK;
    top = UINT32_MAX;
    if (bar->flags & VEMU_PCI_BAR_64) {
        address = (uint32_t)address | (uint64_t)vemu_pci_get32(pci, at + 4) << 32;
        top = UINT64_MAX;
    } else {
        address = (uint32_t)address;
    }
    /* Zero: not assigned. All ones: its size is being asked for. */
    if (address == 0 || address == (top & ~(bar->size - 1)) || address > top - (bar->size - 1))
        return VEMU_PCI_UNMAPPED;
    return vemu__pci_bus_forwards(pci->bus, io, address, bar->size) ? address : VEMU_PCI_UNMAPPED;
}

static int bar_map(struct vemu_pci_device *pci, struct vemu_pci_bar *bar, enum vemu_space space,
                   uint64_t address)
{
    if (bar->block)
        return vemu__memory_map_block(pci->dev.vm->memory, &pci->dev, address, bar->block,
                                      bar->name, &bar->region);
    return vemu_device_map_floating(&pci->dev, space, address, bar->size, bar->ops, bar->name,
                                    &bar->region);
}

static void bar_move(struct vemu_pci_device *pci, unsigned n, uint64_t address)
{
    struct vemu_pci_bar *bar = &pci->bars[n];
    enum vemu_space space = bar->flags & VEMU_PCI_BAR_IO ? VEMU_SPACE_IO : VEMU_SPACE_MEMORY;

    if (!bar->size || bar->address == address)
        return;
    if (bar->address != VEMU_PCI_UNMAPPED && pci->ops->bar_moved && address != VEMU_PCI_UNMAPPED)
        pci->ops->bar_moved(pci, n, VEMU_PCI_UNMAPPED);
    vemu_device_unmap(&pci->dev, bar->region);
    bar->region = NULL;
    bar->address = VEMU_PCI_UNMAPPED;
    if (address != VEMU_PCI_UNMAPPED && bar_map(pci, bar, space, address) >= 0)
        bar->address = address;
    VEMU_TRACE(pci->dev.vm, PCI_BAR, pci->dev.id, n, bar->address);
    if (pci->ops->bar_moved)
        pci->ops->bar_moved(pci, n, bar->address);
}

void vemu__pci_update_bars(struct vemu_pci_device *pci)
{
    for (unsigned n = 0; n < VEMU_PCI_BARS; n++)
        bar_move(pci, n, bar_target(pci, n));
}

/* --- configuration accesses ------------------------------------------------------------------- */

uint32_t vemu__pci_config_read(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    uint32_t value = 0;

    if (offset >= VEMU_PCI_CONFIG_SIZE)
        return 0;
    if (pci->ops->config_reading)
        pci->ops->config_reading(pci, offset, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)pci->config[offset + i] << (8 * i);
    VEMU_TRACE(pci->dev.vm, PCI_CONFIG_READ, pci->dev.id, offset, size, value);
    return value;
}

static void update_intx(struct vemu_pci_device *pci)
{
    bool level = pci->intx_wanted && !(command_bits(pci) & PCI_COMMAND_INTX_DISABLE);

    pci->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
    pci->config[PCI_STATUS] |= pci->intx_wanted ? PCI_STATUS_INTERRUPT : 0;
    if (level != pci->intx_asserted && pci->bus) {
        pci->intx_asserted = level;
        VEMU_TRACE(pci->dev.vm, PCI_INTX, pci->dev.id, level);
        vemu__pci_bus_set_intx(pci, level);
    }
}

void vemu_pci_set_intx(struct vemu_pci_device *pci, bool level)
{
    if (pci->intx_wanted != level && pci->config[PCI_INTERRUPT_PIN]) {
        pci->intx_wanted = level;
        update_intx(pci);
    }
}

void vemu__pci_config_write(struct vemu_pci_device *pci, unsigned offset, unsigned size,
                            uint32_t value)
{
    bool flr = false;

    if (offset >= VEMU_PCI_CONFIG_SIZE)
        return;
    VEMU_TRACE(pci->dev.vm, PCI_CONFIG_WRITE, pci->dev.id, offset, size, value);
    for (unsigned i = 0; i < size; i++, value >>= 8) {
        uint8_t *byte = &pci->config[offset + i], w = pci->writable[offset + i];

        *byte = (uint8_t)((*byte & ~w) | (value & w));
        *byte &= (uint8_t) ~(value & pci->clearable[offset + i]);
        /* Reads as zero: not in `writable`. */
        if (pci->cap_pcie && offset + i == pci->cap_pcie + PCI_EXP_DEVCTL + 1u)
            flr = (value & PCI_EXP_DEVCTL_BCR_FLR >> 8) &&
                  (pci->config[pci->cap_pcie + PCI_EXP_DEVCAP + 3] & PCI_EXP_DEVCAP_FLR >> 24);
    }
    if (flr) { /* PCI Express Base 3.1, 6.6.2: everything but what the link needs */
        if (pci->dev.class_->ops->reset)
            pci->dev.class_->ops->reset(&pci->dev);
        return;
    }
    if (vemu_pci_touches(offset, size, PCI_COMMAND, 2))
        update_intx(pci);
    if (vemu_pci_touches(offset, size, PCI_COMMAND, 2) ||
        vemu_pci_touches(offset, size, PCI_BASE_ADDRESS_0, 4 * VEMU_PCI_BARS) ||
        (pci->cap_pm && vemu_pci_touches(offset, size, pci->cap_pm + PCI_PM_CTRL, 2)))
        vemu__pci_update_bars(pci);
    vemu__pci_msi_written(pci, offset, size);
    if (pci->ops->config_written)
        pci->ops->config_written(pci, offset, size);
}

/* --- life ------------------------------------------------------------------------------------- */

void vemu_pci_reset(struct vemu_pci_device *pci)
{
    memcpy(pci->config, pci->defaults, sizeof(pci->config));
    pci->intx_wanted = false;
    update_intx(pci);
    vemu__pci_update_bars(pci);
    vemu__pci_msix_reset(pci);
}

/* Only what the masks allow may come from outside. */
void vemu_pci_restored(struct vemu_pci_device *pci)
{
    for (unsigned i = 0; i < VEMU_PCI_CONFIG_SIZE; i++) {
        uint8_t mask = pci->writable[i] | pci->clearable[i];

        pci->config[i] = (uint8_t)((pci->config[i] & mask) | (pci->defaults[i] & ~mask));
    }
    update_intx(pci);
    vemu__pci_update_bars(pci);
    vemu__pci_msix_refresh(pci);
}

const struct vemu_prop vemu__pci_props[] = {
    VEMU_PROP(struct vemu_pci_device, bus_id, "bus", STRING, NULL,
              "PCI bus: pcie.0, or the id of a root port"),
    VEMU_PROP(struct vemu_pci_device, addr, "addr", STRING, NULL,
              "slot and function on the bus, hexadecimal: 3 or 3.1"),
    VEMU_PROP(struct vemu_pci_device, multifunction, "multifunction", BOOL, "off",
              "other functions share the slot"),
    VEMU_PROP_END,
};

const struct vemu_state_field vemu__pci_state[] = {
    VEMU_STATE(struct vemu_pci_device, config),
    VEMU_STATE(struct vemu_pci_device, intx_wanted),
    VEMU_STATE(struct vemu_pci_device, msix.table),
    VEMU_STATE(struct vemu_pci_device, msix.pending),
    VEMU_STATE_END,
};
