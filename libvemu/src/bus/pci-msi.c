/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Message signalled interrupts: MSI and MSI-X (PCI Local Bus 3.0, 6.8).
 *
 * A masked vector that is raised becomes pending and is sent when the mask goes. A function that
 * may not master the bus cannot send: its messages are lost, as its memory writes would be.
 */
#include <string.h>

#include <linux/pci_regs.h>

#include "accel/accel.h"
#include "bus/pci-bus.h"
#include "core/vm.h"
#include "machines/machine.h"

#define MSIX_BAR_SIZE 4096u
#define MSIX_PBA      0x800u
#define MSI_SIZE      24u /* 64-bit address, masks */

static void send(struct vemu_pci_device *pci, uint64_t address, uint32_t data)
{
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel = vemu__vm_accel(pci->dev.vm, &accel_vm);

    VEMU_TRACE(pci->dev.vm, PCI_MSI, pci->dev.id, address, data);
    if (accel && accel_vm && accel->signal_msi)
        accel->signal_msi(accel_vm, address, data);
}

/* --- MSI -------------------------------------------------------------------------------------- */

void vemu_pci_add_msi(struct vemu_pci_device *pci, unsigned vectors)
{
    uint8_t at = vemu_pci_add_cap(pci, PCI_CAP_ID_MSI, MSI_SIZE);
    uint8_t *w = pci->writable;

    g_assert(vectors >= 1 && vectors <= 32 && (vectors & (vectors - 1)) == 0);
    pci->cap_msi = at;
    pci->msi_vectors = vectors;
    vemu_pci_put16(
        pci->defaults, at + PCI_MSI_FLAGS,
        (uint16_t)(PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | __builtin_ctz(vectors) << 1));
    vemu_pci_put16(w, at + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
    vemu_pci_put32(w, at + PCI_MSI_ADDRESS_LO, ~3u);
    vemu_pci_put32(w, at + PCI_MSI_ADDRESS_HI, ~0u);
    vemu_pci_put16(w, at + PCI_MSI_DATA_64, 0xffff);
    vemu_pci_put32(w, at + PCI_MSI_MASK_64, vectors == 32 ? ~0u : (1u << vectors) - 1);
}

bool vemu_pci_msi_enabled(const struct vemu_pci_device *pci)
{
    return pci->cap_msi && (pci->config[pci->cap_msi + PCI_MSI_FLAGS] & PCI_MSI_FLAGS_ENABLE);
}

void vemu_pci_msi_notify(struct vemu_pci_device *pci, unsigned vector)
{
    uint8_t at = pci->cap_msi;
    uint32_t pending, granted;

    if (!vemu_pci_msi_enabled(pci) || vector >= pci->msi_vectors)
        return;
    granted =
        MIN(1u << ((pci->config[at + PCI_MSI_FLAGS] & PCI_MSI_FLAGS_QSIZE) >> 4), pci->msi_vectors);
    pending = vemu_pci_get32(pci, at + PCI_MSI_PENDING_64);
    if (vemu_pci_get32(pci, at + PCI_MSI_MASK_64) & 1u << vector) {
        vemu_pci_put32(pci->config, at + PCI_MSI_PENDING_64, pending | 1u << vector);
        return;
    }
    vemu_pci_put32(pci->config, at + PCI_MSI_PENDING_64, pending & ~(1u << vector));
    if (!vemu_pci_is_master(pci))
        return;
    /* The function puts the vector into the low bits; with fewer granted they share. */
    send(pci,
         vemu_pci_get32(pci, at + PCI_MSI_ADDRESS_LO) |
             (uint64_t)vemu_pci_get32(pci, at + PCI_MSI_ADDRESS_HI) << 32,
         (vemu_pci_get16(pci, at + PCI_MSI_DATA_64) & ~(granted - 1)) | (vector & (granted - 1)));
}

static void msi_flush(struct vemu_pci_device *pci)
{
    uint32_t ready = vemu_pci_get32(pci, pci->cap_msi + PCI_MSI_PENDING_64) &
                     ~vemu_pci_get32(pci, pci->cap_msi + PCI_MSI_MASK_64);

    for (unsigned n = 0; n < pci->msi_vectors; n++)
        if (ready & 1u << n)
            vemu_pci_msi_notify(pci, n);
}

/* --- MSI-X ------------------------------------------------------------------------------------ */

static uint64_t msix_entry_address(const struct vemu_pci_msix *msix, unsigned vector)
{
    return msix->table[vector][0] | (uint64_t)msix->table[vector][1] << 32;
}

/* Sends if it may; else the vector is pending. */
static void msix_fire_locked(struct vemu_pci_device *pci, unsigned vector)
{
    struct vemu_pci_msix *msix = &pci->msix;
    uint32_t bit = 1u << (vector % 32);

    if (msix->masked || (msix->table[vector][3] & PCI_MSIX_ENTRY_CTRL_MASKBIT)) {
        msix->pending[vector / 32] |= bit;
        return;
    }
    msix->pending[vector / 32] &= ~bit;
    if (msix->master)
        send(pci, msix_entry_address(msix, vector), msix->table[vector][2]);
}

static void msix_flush_locked(struct vemu_pci_device *pci)
{
    for (unsigned n = 0; n < pci->msix_vectors; n++)
        if (pci->msix.pending[n / 32] & 1u << (n % 32))
            msix_fire_locked(pci, n);
}

void vemu_pci_msix_notify(struct vemu_pci_device *pci, unsigned vector)
{
    pthread_mutex_lock(&pci->msix.lock);
    if (pci->msix.enabled && vector < pci->msix_vectors)
        msix_fire_locked(pci, vector);
    pthread_mutex_unlock(&pci->msix.lock);
}

bool vemu_pci_msix_enabled(struct vemu_pci_device *pci)
{
    bool enabled;

    pthread_mutex_lock(&pci->msix.lock);
    enabled = pci->msix.enabled;
    pthread_mutex_unlock(&pci->msix.lock);
    return enabled;
}

static uint64_t msix_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct vemu_pci_device *pci = (struct vemu_pci_device *)dev;
    struct vemu_pci_msix *msix = &pci->msix;
    uint64_t value = 0;

    pthread_mutex_lock(&msix->lock);
    for (unsigned i = 0; i < size; i += 4) {
        unsigned at = (unsigned)offset + i, dword = at / 4;
        uint32_t part = 0;

        if (dword < pci->msix_vectors * 4)
            part = msix->table[dword / 4][dword % 4];
        else if (at >= MSIX_PBA && at - MSIX_PBA < sizeof(msix->pending))
            part = msix->pending[(at - MSIX_PBA) / 4];
        value |= (uint64_t)part << (8 * i);
    }
    pthread_mutex_unlock(&msix->lock);
    return value;
}

static void msix_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct vemu_pci_device *pci = (struct vemu_pci_device *)dev;
    struct vemu_pci_msix *msix = &pci->msix;

    pthread_mutex_lock(&msix->lock);
    for (unsigned i = 0; i < size; i += 4) {
        unsigned dword = ((unsigned)offset + i) / 4, vector = dword / 4;
        uint32_t part = (uint32_t)(value >> (8 * i));

        if (vector >= pci->msix_vectors)
            continue; /* pending bits are read only */
        if (dword % 4 == 0)
            part &= ~3u;
        if (dword % 4 == 3)
            part &= PCI_MSIX_ENTRY_CTRL_MASKBIT;
        msix->table[vector][dword % 4] = part;
        if (dword % 4 == 3 && msix->enabled && (msix->pending[vector / 32] & 1u << (vector % 32)))
            msix_fire_locked(pci, vector);
    }
    pthread_mutex_unlock(&msix->lock);
}

static const struct vemu_region_ops msix_region = {
    .read = msix_read,
    .write = msix_write,
    .min_size = 4,
    .max_size = 8,
};

void vemu_pci_add_msix(struct vemu_pci_device *pci, unsigned bar, unsigned vectors)
{
    uint8_t at = vemu_pci_add_cap(pci, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);

    g_assert(vectors >= 1 && vectors <= VEMU_PCI_MSIX_MAX);
    pci->cap_msix = at;
    pci->msix_vectors = vectors;
    vemu_pci_put16(pci->defaults, at + PCI_MSIX_FLAGS, (uint16_t)(vectors - 1));
    vemu_pci_put16(pci->writable, at + PCI_MSIX_FLAGS,
                   PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    vemu_pci_put32(pci->defaults, at + PCI_MSIX_TABLE, bar);
    vemu_pci_put32(pci->defaults, at + PCI_MSIX_PBA, MSIX_PBA | bar);
    vemu_pci_add_bar(pci, bar, MSIX_BAR_SIZE, 0, &msix_region, "msix");
}

/* Control bits from configuration space; what became unmasked is sent. */
void vemu__pci_msix_refresh(struct vemu_pci_device *pci)
{
    struct vemu_pci_msix *msix = &pci->msix;
    uint16_t flags;

    if (!pci->cap_msix)
        return;
    flags = vemu_pci_get16(pci, pci->cap_msix + PCI_MSIX_FLAGS);
    pthread_mutex_lock(&msix->lock);
    msix->enabled = flags & PCI_MSIX_FLAGS_ENABLE;
    msix->masked = flags & PCI_MSIX_FLAGS_MASKALL;
    msix->master = vemu_pci_is_master(pci);
    if (msix->enabled)
        msix_flush_locked(pci);
    pthread_mutex_unlock(&msix->lock);
}

void vemu__pci_msix_reset(struct vemu_pci_device *pci)
{
    struct vemu_pci_msix *msix = &pci->msix;

    if (!pci->cap_msix)
        return;
    pthread_mutex_lock(&msix->lock);
    memset(msix->table, 0, sizeof(msix->table));
    memset(msix->pending, 0, sizeof(msix->pending));
    for (unsigned n = 0; n < pci->msix_vectors; n++)
        msix->table[n][3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
    msix->enabled = msix->masked = msix->master = false;
    pthread_mutex_unlock(&msix->lock);
}

void vemu__pci_msi_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    bool command = vemu_pci_touches(offset, size, PCI_COMMAND, 2) ||
                   (pci->cap_pm && vemu_pci_touches(offset, size, pci->cap_pm + PCI_PM_CTRL, 2));

    if (pci->cap_msi && vemu_pci_touches(offset, size, pci->cap_msi, MSI_SIZE))
        msi_flush(pci);
    if (pci->cap_msix &&
        (command || vemu_pci_touches(offset, size, pci->cap_msix + PCI_MSIX_FLAGS, 2)))
        vemu__pci_msix_refresh(pci);
}
