/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio over MMIO (virtio 1.2, 4.2), register layout version 2.
 */
#ifndef VEMU_VIRTIO_MMIO_H
#define VEMU_VIRTIO_MMIO_H

#include "virtio/virtio.h"

#define VEMU_VIRTIO_MMIO_SIZE 0x200u

struct vemu_virtio_mmio {
    struct vemu_device dev;
    uint64_t address;
    struct vemu_irq *irq;
    /* saved */
    uint32_t features_select, driver_features_select, queue_select, interrupt_status;
};

extern const struct vemu_device_ops vemu__virtio_mmio_ops;
extern const struct vemu_prop vemu__virtio_mmio_props[];
extern const struct vemu_state_field vemu__virtio_mmio_state[];

#define VEMU_VIRTIO_MMIO_CLASS(symbol, device_struct, virtio_class, name_, summary_, props_,       \
                               state_)                                                             \
    VEMU_VIRTIO_CLASS(symbol, struct vemu_virtio_mmio, vemu__virtio_mmio_props,                    \
                      vemu__virtio_mmio_state, &vemu__virtio_mmio_ops, device_struct,              \
                      virtio_class, name_, summary_, props_, state_)

#endif
