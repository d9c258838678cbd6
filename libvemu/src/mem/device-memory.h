/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory devices: where in guest memory each lies, and what the monitor wants to know of them.
 */
#ifndef VEMU_MEM_DEVICE_MEMORY_H
#define VEMU_MEM_DEVICE_MEMORY_H

#include "core/device.h"

enum vemu_memory_kind { VEMU_MEMORY_DIMM, VEMU_MEMORY_VIRTIO_MEM, VEMU_MEMORY_VIRTIO_PMEM };

struct vemu_memory_info {
    enum vemu_memory_kind kind;
    const struct vemu_memdev *memdev;
    uint64_t address, max_size; /* the range */
    uint64_t size;              /* that the guest has of it */
    uint64_t requested, block_size; /* virtio-mem */
    uint32_t slot;                  /* DIMM */
    uint32_t node;                  /* NUMA; DIMM and virtio-mem */
};
/* Fills in all but address, max_size. Takes the device's lock. Context: loop. */
typedef void (*vemu_memory_describe_fn)(struct vemu_device *dev, struct vemu_memory_info *ret);

/*
 * Takes a range of `size` bytes for the device in the machine's device memory, at `wanted` or (0)
 * the first place that is a multiple of `align`. -ENOTSUP: the machine has none; -EINVAL, -EBUSY,
 * -ENOSPC. Context: loop (realize).
 */
int vemu__device_memory_place(struct vemu_device *dev, uint64_t size, uint64_t align,
                              uint64_t wanted, vemu_memory_describe_fn describe,
                              uint64_t *ret_address, struct vemu_error **err);
void vemu__device_memory_leave(struct vemu_device *dev);

/* By address. Context: loop. */
typedef void (*vemu_memory_fn)(void *data, struct vemu_device *dev,
                               const struct vemu_memory_info *info);
void vemu__device_memory_for_each(struct vemu_vm *vm, vemu_memory_fn fn, void *data);
/* What guests have of memory devices, without persistent memory. Context: loop. */
uint64_t vemu__device_memory_plugged(struct vemu_vm *vm);
/* May the device be asked to leave? Memory of a virtio-mem device that the guest has may not.
 * -EBUSY with words. Context: loop. */
int vemu__device_memory_check_leave(struct vemu_device *dev, struct vemu_error **err);

#endif
