/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio over PCI (virtio 1.2, 4.1), without the legacy interface.
 */
#ifndef VEMU_VIRTIO_PCI_H
#define VEMU_VIRTIO_PCI_H

#include "bus/pci.h"
#include "virtio/virtio.h"

struct vemu_virtio_pci {
    struct vemu_pci_device pci;
    uint32_t vectors;   /* property */
    uint8_t cap_access; /* offset of the capability that reaches registers without a BAR */
    /* saved */
    uint32_t features_select, driver_features_select;
    uint16_t queue_select, config_vector;
    uint16_t queue_vector[VEMU_VIRTIO_QUEUES_MAX];
    uint8_t interrupt_status;
};

extern const struct vemu_device_ops vemu__virtio_pci_ops;
extern const struct vemu_prop vemu__virtio_pci_props[];
extern const struct vemu_state_field vemu__virtio_pci_state[];

#define VEMU_VIRTIO_PCI_CLASS(symbol, device_struct, virtio_class, name_, summary_, props_,        \
                              state_)                                                              \
    VEMU_VIRTIO_CLASS(symbol, struct vemu_virtio_pci, vemu__virtio_pci_props,                      \
                      vemu__virtio_pci_state, &vemu__virtio_pci_ops, device_struct, virtio_class,  \
                      name_, summary_, props_, state_)

#endif
