/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-mem: what a monitor may ask.
 */
#ifndef VEMU_DEVICES_VIRTIO_MEM_H
#define VEMU_DEVICES_VIRTIO_MEM_H

#include "core/device.h"

bool vemu__virtio_mem_is(const struct vemu_device *dev);
/* Asks the guest to have `size` bytes of the device's memory. -EINVAL with words. Context: loop. */
int vemu__virtio_mem_set_requested(struct vemu_device *dev, uint64_t size, struct vemu_error **err);
/* The bytes that the guest has. Context: loop. */
uint64_t vemu__virtio_mem_get_size(struct vemu_device *dev);

#endif
