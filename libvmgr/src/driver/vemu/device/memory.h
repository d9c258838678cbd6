/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory devices: modules, virtio-mem, virtio-pmem.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_DEVICE_MEMORY_H
#define VMGR_SRC_DRIVER_VEMU_DEVICE_MEMORY_H

#include "../../../conf/memory-device.h"
#include "../change.h"
#include "parts.h"

/* As vmgr__vemu_device_parts(), of one <memory>. */
int vmgr__vemu_memory_parts(const struct vmgr__domain_def *def, const struct vmgr__device *dev,
                            struct vemu_parts *parts, struct vmgr_error **err);
/* Whether <maxMemory> has room and slots for all devices, and for `more` beside them (NULL: none).
 */
int vmgr__vemu_memory_check(const struct vmgr__domain_def *def, const struct vmgr__device *more,
                            struct vmgr_error **err);
/* Rounds a memory device's size up to whole MiB, and gives a module without one a slot; other
 * devices stay as they are. */
int vmgr__vemu_memory_place(struct vmgr__domain_def *def, struct vmgr__device *dev,
                            struct vmgr_error **err);
/* Whether it takes an address on PCI. */
bool vmgr__vemu_memory_is_pci(const struct vmgr__device *dev);
/* "dimm0", "virtiomem"; the latter is to get a number. For g_free(). */
char *vmgr__vemu_memory_alias(const struct vmgr__device *dev);
/* Value of -m. For g_free(). */
char *vmgr__vemu_memory_option(const struct vmgr__domain_def *def);

/* ---- of a run ---- */
/* The guest has nothing of virtio-mem yet: counts <currentMemory> so, and learns. */
int vmgr__vemu_memory_begin(struct vmgr__domain_def *def, struct vemu_qmp *q,
                            struct vmgr_error **err);
/* Asks the emulator where modules are and what a guest has of virtio-mem. 1: something of the
 * definition is another now; 0; -1 and *err. */
int vmgr__vemu_memory_learn(struct vmgr__domain_def *def, struct vemu_qmp *q,
                            struct vmgr_error **err);
/* Whether it may be another by itself at any time: there is a virtio-mem. */
bool vmgr__vemu_memory_changes(const struct vmgr__domain_def *def);
/* A guest has taken or given back memory of a virtio-mem. True: that was not known. */
bool vmgr__vemu_memory_set_current(struct vmgr__domain_def *def, struct vmgr__device *dev,
                                   uint64_t kib);
/* Tells a virtio-mem what is requested now: all that `like` may say that `old` does not. */
int vmgr__vemu_memory_update(struct vemu_change *c, struct vmgr__device *old,
                             const struct vmgr__device *like, struct vmgr_error **err);
/* What the balloon leaves of the memory that the guest boots with, when it is to have
 * <currentMemory>; in KiB. */
uint64_t vmgr__vemu_memory_ballooned(const struct vmgr__domain_def *def);

#endif
