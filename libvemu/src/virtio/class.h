/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From one virtio class to a device class per transport: "virtio-rng-device", "virtio-rng-pci".
 *
 * A device's file ends with VEMU_VIRTIO_DEVICE(); core/registry.c lists what it defines. A new
 * transport adds its line to that macro, and devices stay as they are.
 */
#ifndef VEMU_VIRTIO_CLASS_H
#define VEMU_VIRTIO_CLASS_H

#include "virtio/virtio.h"

/* What stands in the registry (as &symbol.base). */
struct vemu_virtio_device_class {
    struct vemu_device_class base;
    const struct vemu_virtio_class *virtio;
    size_t offset; /* of struct vemu_virtio in the instance */
};

static inline const struct vemu_virtio_class *vemu__virtio_class_of(const struct vemu_device *dev)
{
    return ((const struct vemu_virtio_device_class *)(const void *)dev->class_)->virtio;
}

static inline struct vemu_virtio *vemu__virtio_of(struct vemu_device *dev)
{
    const struct vemu_virtio_device_class *class_ = (const void *)dev->class_;

    return (void *)((char *)dev + class_->offset);
}

/* For transports. `transport_props` and `transport_state` are tables relative to transport_struct,
 * `props` and `state` tables relative to device_struct; `ops` a struct vemu_device_ops. */
#define VEMU_VIRTIO_CLASS(symbol, transport_struct, transport_props, transport_state, ops_,        \
                          device_struct, virtio_class, name_, summary_, props_, state_)            \
    static const struct vemu_prop symbol##_props[] = {                                             \
        VEMU_PROP_GROUP(VEMU_VIRTIO_OFFSET(transport_struct), props_),                             \
        VEMU_PROP_GROUP(VEMU_VIRTIO_OFFSET(transport_struct), vemu__virtio_props),                 \
        VEMU_PROP_GROUP(0, transport_props),                                                       \
        VEMU_PROP_END,                                                                             \
    };                                                                                             \
    static const struct vemu_state_field symbol##_state[] = {                                      \
        VEMU_STATE_GROUP(0, transport_state),                                                      \
        VEMU_STATE_GROUP(VEMU_VIRTIO_OFFSET(transport_struct), vemu__virtio_state),                \
        VEMU_STATE_GROUP(VEMU_VIRTIO_OFFSET(transport_struct), state_),                            \
        VEMU_STATE_END,                                                                            \
    };                                                                                             \
    const struct vemu_virtio_device_class symbol = {                                               \
        .base = {                                                                                  \
            .name = name_,                                                                         \
            .summary = summary_,                                                                   \
            .state_version = 1,                                                                    \
            .instance_size = VEMU_VIRTIO_OFFSET(transport_struct) + sizeof(device_struct),         \
            .props = symbol##_props,                                                               \
            .state = symbol##_state,                                                               \
            .ops = ops_,                                                                           \
        },                                                                                         \
        .virtio = virtio_class,                                                                    \
        .offset = VEMU_VIRTIO_OFFSET(transport_struct),                                            \
    }

#include "virtio/mmio.h"
#include "virtio/pci.h"

static inline bool vemu__virtio_is(const struct vemu_device *dev)
{
    return dev->class_->ops == &vemu__virtio_mmio_ops || dev->class_->ops == &vemu__virtio_pci_ops;
}

/* `symbol`: vemu__device_virtio_NAME; defines symbol_mmio, and so on for each transport. `name_`
 * is a string literal, "virtio-NAME". */
#define VEMU_VIRTIO_DEVICE(symbol, device_struct, virtio_class, name_, summary_, props_, state_)   \
    VEMU_VIRTIO_MMIO_CLASS(symbol##_mmio, device_struct, virtio_class, name_ "-device",            \
                           summary_ " (virtio-mmio)", props_, state_);                            \
    VEMU_VIRTIO_PCI_CLASS(symbol##_pci, device_struct, virtio_class, name_ "-pci",                 \
                          summary_ " (PCI)", props_, state_)

#endif
