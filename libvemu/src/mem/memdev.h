/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory back-ends: host memory as an object, for the machine's RAM and for memory devices.
 */
#ifndef VEMU_MEM_MEMDEV_H
#define VEMU_MEM_MEMDEV_H

#include "core/object.h"

struct vemu_memdev;

extern const struct vemu_object_class vemu__memdev_ram, vemu__memdev_memfd, vemu__memdev_file;

/* The object of that name if it is a memory back-end, else NULL. */
struct vemu_memdev *vemu__vm_find_memdev(struct vemu_vm *vm, const char *id);
const char *vemu__memdev_id(const struct vemu_memdev *memdev);
uint8_t *vemu__memdev_ptr(const struct vemu_memdev *memdev);
uint64_t vemu__memdev_size(const struct vemu_memdev *memdev);
/* VEMU_RAM_* for the memory. */
uint32_t vemu__memdev_ram_flags(const struct vemu_memdev *memdev);
/* Of what it is made: 4 KiB, or those of hugetlb. */
uint64_t vemu__memdev_page_size(const struct vemu_memdev *memdev);
/* The file behind it, -1: none. */
int vemu__memdev_fd(const struct vemu_memdev *memdev);
/* Can it forget? A private mapping of a file cannot, nor what must not be written. */
bool vemu__memdev_can_discard(const struct vemu_memdev *memdev);
/* The contents are lost, the memory is the host's again; it reads zeros. Whole pages. */
int vemu__memdev_discard(struct vemu_memdev *memdev, uint64_t offset, uint64_t size);

/* One user at a time: -EBUSY with words. Context: loop. */
int vemu__memdev_take(struct vemu_memdev *memdev, const char *user, struct vemu_error **err);
void vemu__memdev_leave(struct vemu_memdev *memdev);
/* The object that the configuration wants to be the machine's RAM; of the right size. Several times
 * is fine. -ENOENT, -EINVAL, -EBUSY. */
int vemu__memdev_take_main(struct vemu_vm *vm, struct vemu_memdev **ret, struct vemu_error **err);

/* The same for one that is a NUMA node's. */
int vemu__memdev_take_node(struct vemu_memdev *memdev, struct vemu_error **err);

/* For the monitor. */
struct vemu_memdev_info {
    bool share, prealloc, merge, dump;
};
void vemu__memdev_get_info(const struct vemu_memdev *memdev, struct vemu_memdev_info *ret);

/* Locks and touches guest memory that is there for good, as the machine's configuration says:
 * RAM of the machine, and of modules. -errno. */
int vemu__memory_settle(struct vemu_vm *vm, void *hva, uint64_t size, struct vemu_error **err);

#endif
