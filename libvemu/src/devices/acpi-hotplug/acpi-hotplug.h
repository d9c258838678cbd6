/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI hot-plug of CPUs and memory modules: registers that methods of the DSDT use
 * (boot/acpi-hotplug.c), and what devices and boards use.
 */
#ifndef VEMU_DEVICES_ACPI_HOTPLUG_H
#define VEMU_DEVICES_ACPI_HOTPLUG_H

#include "core/device.h"

#define VEMU_HOTPLUG_CPU_PORT    0xcd8u
#define VEMU_HOTPLUG_CPU_SIZE    12u
#define VEMU_HOTPLUG_MEMORY_PORT 0xa00u
#define VEMU_HOTPLUG_MEMORY_SIZE 24u

/* The memory that a slot of the memory controller holds. */
struct vemu_hotplug_range {
    uint64_t address, size;
    uint32_t node; /* NUMA */
};

/*
 * `controller` is a device "acpi-cpu-hotplug" or "acpi-memory-hotplug"; `n` is the slot. `owner` is
 * the device in it, which is removed when the guest ejects it. Context: loop; the owner's lock may
 * be held.
 */
/* The slot is taken; `tell`: the guest is told. `range`: of memory, NULL for CPUs. -EEXIST,
 * -EINVAL: there is no such slot. */
int vemu__hotplug_insert(struct vemu_device *controller, uint32_t n, struct vemu_device *owner,
                         const struct vemu_hotplug_range *range, bool tell);
/* Asks the guest to let go of it. */
void vemu__hotplug_request_eject(struct vemu_device *controller, uint32_t n);
/* The slot is empty. */
void vemu__hotplug_remove(struct vemu_device *controller, uint32_t n);
/* The first empty slot; -ENOSPC. */
int vemu__hotplug_find_empty(struct vemu_device *controller);

/* What the guest last told about a slot (_OST). */
struct vemu_hotplug_ost {
    const char *kind;     /* "CPU", "DIMM" */
    const char *owner_id; /* NULL: the slot is empty, or was never plugged; valid on the loop */
    uint32_t event, status;
};
/* False: there is no such slot. Context: loop. */
bool vemu__hotplug_get_ost(struct vemu_device *controller, uint32_t n,
                           struct vemu_hotplug_ost *ret);

#endif
