/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI and PCI Express functions: configuration space, BARs, interrupts, capabilities.
 *
 * A function's struct begins with struct vemu_pci_device. Its realize calls vemu_pci_init(), adds
 * BARs and capabilities, and vemu_pci_attach() last; its reset calls vemu_pci_reset(), its
 * restored vemu_pci_restored(); its unplug is vemu_pci_unplug().
 *
 * Theory of operation
 *
 * Configuration space is an array of bytes with two masks: which bits a write changes, and which
 * ones a written 1 clears. The masks are all that sizing a BAR takes. What a write means beyond the
 * bytes (BARs move, interrupts are masked, a function is reset) is worked out after it, from the
 * bytes. Extended configuration space (from 0x100 on) reads zero: no extended capabilities.
 *
 * A BAR is a floating region (core/device.h): decoded while the command register, the power state
 * and the windows of all bridges above it allow it, at whatever address stands in it.
 *
 * Locking: configuration accesses hold the host's lock (struct vemu_pci_host is a device: the core
 * takes it) and then the function's. The order is host -> function -> bridge above it -> interrupt
 * line. The tree itself is read without a lock: a bus is an array of atomic pointers, and whoever
 * follows one is inside a read section of mem/, which removing a device waits for. MSI-X has a lock
 * of its own behind the function's, so that any thread may raise a vector.
 *
 * Specifications: PCI Local Bus 3.0, PCI Express Base 3.1, PCI-to-PCI Bridge 1.2, PCI Power
 * Management 1.2. Register names are those of <linux/pci_regs.h>.
 */
#ifndef VEMU_BUS_PCI_H
#define VEMU_BUS_PCI_H

#include <stdatomic.h>

#include "core/device.h"

struct vemu_pci_bus;
struct vemu_pci_host;
struct vemu_memory_block;

#define VEMU_PCI_CONFIG_SIZE 256u
#define VEMU_PCI_BARS        6u
#define VEMU_PCI_MSIX_MAX    128u /* vectors of one function */
#define VEMU_PCI_UNMAPPED    UINT64_MAX

#define VEMU_PCI_DEVFN(slot, function) ((uint8_t)((slot) << 3 | (function)))
#define VEMU_PCI_SLOT(devfn)           ((devfn) >> 3)
#define VEMU_PCI_FUNCTION(devfn)       ((devfn)&7u)

/* What the function is. */
struct vemu_pci_ident {
    uint16_t vendor, device, subvendor, subdevice;
    uint32_t class_; /* base class, subclass, programming interface: 0x010000 */
    uint8_t revision;
    uint8_t pin;    /* 0: no INTx, 1: INTA# ... 4: INTD# */
    bool is_bridge; /* type 1 header */
};

#define VEMU_PCI_BAR_IO       (1u << 0)
#define VEMU_PCI_BAR_64       (1u << 1) /* takes the next BAR too */
#define VEMU_PCI_BAR_PREFETCH (1u << 2)
struct vemu_pci_bar {
    uint64_t size; /* 0: not there */
    uint32_t flags;
    const struct vemu_region_ops *ops;
    const struct vemu_memory_block *block; /* the BAR is memory; NULL: registers */
    const char *name;
    uint64_t address; /* where it is decoded, or VEMU_PCI_UNMAPPED */
    struct vemu_region *region;
};

struct vemu_pci_device;
/* What a function wants to know; each may be NULL. The function's lock is held. */
struct vemu_pci_ops {
    /* The guest is about to read these bytes: bring them up to date. */
    void (*config_reading)(struct vemu_pci_device *pci, unsigned offset, unsigned size);
    /* The guest wrote these bytes, and the masks were applied. */
    void (*config_written)(struct vemu_pci_device *pci, unsigned offset, unsigned size);
    /* A BAR is decoded at `address` from now on, or no more (VEMU_PCI_UNMAPPED). */
    void (*bar_moved)(struct vemu_pci_device *pci, unsigned bar, uint64_t address);
};

struct vemu_pci_msix {
    pthread_mutex_t lock;         /* everything below; behind the function's lock */
    bool enabled, masked, master; /* control bits and bus mastering, as the configuration says */
    uint32_t pending[VEMU_PCI_MSIX_MAX / 32];
    uint32_t table[VEMU_PCI_MSIX_MAX][4]; /* address, upper address, data, control */
};

/* First member of a function's struct. */
struct vemu_pci_device {
    struct vemu_device dev;
    char *bus_id, *addr; /* properties */
    bool multifunction;

    const struct vemu_pci_ops *ops;
    struct vemu_pci_bus *bus; /* NULL: not attached */
    uint8_t devfn;
    bool is_bridge, intx_wanted, intx_asserted;
    struct vemu_pci_bus *secondary;              /* of a bridge */
    uint8_t cap_pm, cap_msi, cap_msix, cap_pcie; /* offsets; 0: none */
    uint8_t cap_last, cap_end;                   /* last of the list; first free byte */
    unsigned msi_vectors, msix_vectors;
    struct vemu_pci_bar bars[VEMU_PCI_BARS];

    uint8_t config[VEMU_PCI_CONFIG_SIZE];    /* saved */
    uint8_t defaults[VEMU_PCI_CONFIG_SIZE];  /* at reset */
    uint8_t writable[VEMU_PCI_CONFIG_SIZE];  /* a write changes these bits */
    uint8_t clearable[VEMU_PCI_CONFIG_SIZE]; /* a written 1 clears these bits */
    struct vemu_pci_msix msix;
};

/* Relative to struct vemu_pci_device, for VEMU_PROP_GROUP() and VEMU_STATE_GROUP(). */
extern const struct vemu_prop vemu__pci_props[];
extern const struct vemu_state_field vemu__pci_state[];

/* --- building (context: realize) -------------------------------------------------------------- */
void vemu_pci_init(struct vemu_pci_device *pci, const struct vemu_pci_ident *ident,
                   const struct vemu_pci_ops *ops);
/* `size` is a power of two, at least 16 (memory) or 4 (ports). The callbacks get the function. */
void vemu_pci_add_bar(struct vemu_pci_device *pci, unsigned n, uint64_t size, uint32_t flags,
                      const struct vemu_region_ops *ops, const char *name);
/* The same for memory (mem/memory.h), of the block's size: the guest reads and writes it without an
 * exit. */
void vemu_pci_add_memory_bar(struct vemu_pci_device *pci, unsigned n,
                             const struct vemu_memory_block *block, uint32_t flags,
                             const char *name);
/* Room for a capability of `size` bytes, its header included; returns its offset. */
uint8_t vemu_pci_add_cap(struct vemu_pci_device *pci, uint8_t id, uint8_t size);
/* Power management: D0 and D3hot. */
void vemu_pci_add_pm(struct vemu_pci_device *pci);
/* `type`: PCI_EXP_TYPE_*. An endpoint directly on the root bus becomes an integrated one. */
void vemu_pci_add_pcie(struct vemu_pci_device *pci, unsigned type);
/* Message signalled interrupts: 1, 2, 4 ... 32 vectors with a mask each. */
void vemu_pci_add_msi(struct vemu_pci_device *pci, unsigned vectors);
/* MSI-X with a BAR for table (at 0) and pending bits (at 0x800). 1..VEMU_PCI_MSIX_MAX vectors. */
void vemu_pci_add_msix(struct vemu_pci_device *pci, unsigned bar, unsigned vectors);
/* Finds the place that `bus` and `addr` name, and takes it: from now on the guest sees the
 * function. -EINVAL, -ENOENT, -EBUSY (taken), -ENOSPC (bus full). */
int vemu_pci_attach(struct vemu_pci_device *pci, struct vemu_error **err);

/* --- life ------------------------------------------------------------------------------------- */
void vemu_pci_reset(struct vemu_pci_device *pci);
void vemu_pci_restored(struct vemu_pci_device *pci);
/* Undoes attach: the guest sees it no more, interrupts are low, BARs are gone. For
 * vemu_device_ops.unplug. */
void vemu_pci_unplug(struct vemu_device *dev);

/* --- at work ---------------------------------------------------------------------------------- */
/* Level of the function's INTx pin. Context: the function's lock is held. */
void vemu_pci_set_intx(struct vemu_pci_device *pci, bool level);
bool vemu_pci_msi_enabled(const struct vemu_pci_device *pci);
bool vemu_pci_msix_enabled(struct vemu_pci_device *pci);
/* Sends the vector's message, or notes it as pending while it is masked. A vector that does not
 * exist is nothing. Context: MSI: the function's lock is held; MSI-X: any. */
void vemu_pci_msi_notify(struct vemu_pci_device *pci, unsigned vector);
void vemu_pci_msix_notify(struct vemu_pci_device *pci, unsigned vector);
/* May it read and write memory (bus master enable, D0)? */
bool vemu_pci_is_master(const struct vemu_pci_device *pci);

static inline uint16_t vemu_pci_get16(const struct vemu_pci_device *pci, unsigned offset)
{
    return (uint16_t)(pci->config[offset] | pci->config[offset + 1] << 8);
}
static inline uint32_t vemu_pci_get32(const struct vemu_pci_device *pci, unsigned offset)
{
    return vemu_pci_get16(pci, offset) | (uint32_t)vemu_pci_get16(pci, offset + 2) << 16;
}
static inline void vemu_pci_put16(uint8_t *bytes, unsigned offset, uint16_t value)
{
    bytes[offset] = (uint8_t)value;
    bytes[offset + 1] = (uint8_t)(value >> 8);
}
static inline void vemu_pci_put32(uint8_t *bytes, unsigned offset, uint32_t value)
{
    vemu_pci_put16(bytes, offset, (uint16_t)value);
    vemu_pci_put16(bytes, offset + 2, (uint16_t)(value >> 16));
}
/* Do [offset, offset + size) and [at, at + length) have a byte in common? */
static inline bool vemu_pci_touches(unsigned offset, unsigned size, unsigned at, unsigned length)
{
    return offset < at + length && at < offset + size;
}

#endif
