/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory module that is plugged in: RAM of a memory back-end, announced by ACPI.
 */
#include <errno.h>
#include <inttypes.h>

#include "core/vm.h"
#include "devices/acpi-hotplug/acpi-hotplug.h"
#include "devices/devices.h"
#include "mem/device-memory.h"
#include "mem/memdev.h"

#define ANY_SLOT  UINT32_MAX
#define ALIGN_MIN (128ull << 20) /* what Linux adds and removes at a time, as a rule */
#define ALIGN_MAX (1ull << 30)

struct dimm {
    struct vemu_device dev;
    /* properties */
    struct vemu_memdev *memdev;
    uint64_t wanted;
    uint32_t slot, node;

    uint64_t address;
    struct vemu_region *ram;
};

static void dimm_describe(struct vemu_device *dev, struct vemu_memory_info *ret)
{
    const struct dimm *s = (struct dimm *)dev;

    ret->kind = VEMU_MEMORY_DIMM;
    ret->memdev = s->memdev;
    ret->size = vemu__memdev_size(s->memdev);
    ret->slot = s->slot;
    ret->node = s->node;
}

static int check(struct dimm *s, struct vemu_error **err)
{
    struct vemu_device *controller = s->dev.vm->machine->hotplug[VEMU_HOTPLUG_MEMORY];
    int slot, r;

    if (!s->memdev)
        return vemu__error_set(err, EINVAL, "property 'memdev' is missing");
    r = vemu__numa_check(s->dev.vm, s->node, err);
    if (r < 0)
        return r;
    if (!controller)
        return vemu__error_set(err, ENOTSUP,
                               "the machine has no memory slots: -m needs slots= and maxmem=");
    if (s->slot != ANY_SLOT)
        return 0;
    slot = vemu__hotplug_find_empty(controller);
    if (slot < 0)
        return vemu__error_set(err, ENOSPC, "no memory slot is empty");
    s->slot = (uint32_t)slot;
    return 0;
}

/* Everything but the slot. */
static int put_in_place(struct dimm *s, struct vemu_error **err)
{
    struct vemu_device *dev = &s->dev;
    uint64_t size = vemu__memdev_size(s->memdev);
    int r = vemu__memdev_take(s->memdev, dev->id, err);

    if (r < 0)
        return r;
    r = vemu__device_memory_place(dev, size, size >= ALIGN_MAX ? ALIGN_MAX : ALIGN_MIN, s->wanted,
                                  dimm_describe, &s->address, err);
    if (r >= 0) {
        r = vemu__memory_settle(dev->vm, vemu__memdev_ptr(s->memdev), size, err);
        if (r < 0)
            vemu__device_memory_leave(dev);
    }
    if (r >= 0) {
        r = vemu__memory_add_ram_at(dev->vm->memory, s->address, size,
                                    vemu__memdev_ram_flags(s->memdev), dev->id,
                                    vemu__memdev_ptr(s->memdev), &s->ram, err);
        if (r < 0)
            vemu__device_memory_leave(dev);
    }
    if (r < 0)
        vemu__memdev_leave(s->memdev);
    return r;
}

static void take_out(struct dimm *s)
{
    vemu__memory_remove_ram(s->dev.vm->memory, s->ram);
    s->ram = NULL;
    vemu__device_memory_leave(&s->dev);
    vemu__memdev_leave(s->memdev);
}

static int dimm_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct dimm *s = (struct dimm *)dev;
    bool is_late = atomic_load(&dev->vm->state) != VEMU_VM_CREATED;
    struct vemu_hotplug_range range;
    int r = check(s, err);

    if (r >= 0)
        r = put_in_place(s, err);
    if (r < 0)
        return r;
    range = (struct vemu_hotplug_range){ s->address, vemu__memdev_size(s->memdev), s->node };
    r = vemu__hotplug_insert(dev->vm->machine->hotplug[VEMU_HOTPLUG_MEMORY], s->slot, dev, &range,
                             is_late);
    if (r < 0) {
        take_out(s);
        return vemu__error_set(err, -r, "memory slot %u is %s", s->slot,
                               r == -EEXIST ? "taken" : "not there");
    }
    return 0;
}

static void dimm_unrealize(struct vemu_device *dev)
{
    struct dimm *s = (struct dimm *)dev;

    vemu__hotplug_remove(dev->vm->machine->hotplug[VEMU_HOTPLUG_MEMORY], s->slot);
    take_out(s);
}

static int dimm_request_unplug(struct vemu_device *dev, struct vemu_error **err)
{
    vemu__hotplug_request_eject(dev->vm->machine->hotplug[VEMU_HOTPLUG_MEMORY],
                                ((struct dimm *)dev)->slot);
    return 0;
}

static const struct vemu_prop dimm_props[] = {
    VEMU_PROP(struct dimm, memdev, "memdev", MEMDEV, NULL, "memory back-end"),
    VEMU_PROP(struct dimm, wanted, "addr", U64, "0", "guest-physical address, 0: chosen"),
    VEMU_PROP(struct dimm, slot, "slot", U32, "4294967295", "memory slot; default: the first free"),
    VEMU_PROP(struct dimm, node, "node", U32, "0", "NUMA node"),
    VEMU_PROP_END,
};

static const struct vemu_state_field dimm_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops dimm_ops = {
    .realize = dimm_realize,
    .unrealize = dimm_unrealize,
    .request_unplug = dimm_request_unplug,
    .hotplug = true,
};

const struct vemu_device_class vemu__device_pc_dimm = {
    .name = "pc-dimm",
    .summary = "memory module",
    .state_version = 1,
    .instance_size = sizeof(struct dimm),
    .props = dimm_props,
    .state = dimm_state,
    .ops = &dimm_ops,
};
