/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory hot-plug registers: the interface that QEMU's tables know (docs/specs/acpi_mem_hotplug).
 *
 *   offset  size  read                              write
 *   0       4     address, low                      selector
 *   4       4     address, high                     event of _OST
 *   8       4     size, low                         status of _OST
 *   12      4     size, high                        -
 *   16      4     proximity domain                  -
 *   20      1     flags of the selected module      control bits
 */
#include "core/vm.h"
#include "devices/acpi-hotplug/slots.h"
#include "devices/devices.h"

static uint32_t read_dword(const struct hotplug_slots *s, uint64_t offset)
{
    if (!hotplug_selected(s))
        return 0;
    switch (offset) {
    case 0: return (uint32_t)s->range[s->selector].address;
    case 4: return (uint32_t)(s->range[s->selector].address >> 32);
    case 8: return (uint32_t)s->range[s->selector].size;
    case 12: return (uint32_t)(s->range[s->selector].size >> 32);
    case 16: return s->range[s->selector].node;
    case 20: return s->flags[s->selector] & HOTPLUG_VISIBLE;
    default: return 0;
    }
}

static uint64_t memory_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return read_dword((struct hotplug_slots *)dev, offset & ~3ull) >> (8 * (offset & 3));
}

static void memory_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct hotplug_slots *s = (struct hotplug_slots *)dev;

    if (offset == 0 && size == 4)
        s->selector = (uint32_t)value;
    if (!hotplug_selected(s))
        return;
    switch (offset << 4 | size) {
    case 4 << 4 | 4: s->ost_event[s->selector] = (uint32_t)value; break;
    case 8 << 4 | 4: hotplug_report(s, (uint32_t)value); break;
    case 20 << 4 | 1: hotplug_control(s, (uint8_t)value); break;
    default: break;
    }
}

static const struct vemu_region_ops memory_region = {
    .read = memory_read,
    .write = memory_write,
    .min_size = 1,
    .max_size = 4,
};

static int memory_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct hotplug_slots *s = (struct hotplug_slots *)dev;
    int r = hotplug_realize(s, "DIMM", dev->vm->machine->hotplug_lines[VEMU_HOTPLUG_MEMORY], err);

    return r < 0 ? r
                 : vemu_device_map(dev, VEMU_SPACE_IO, VEMU_HOTPLUG_MEMORY_PORT,
                                   VEMU_HOTPLUG_MEMORY_SIZE, &memory_region, "memory-hotplug",
                                   err);
}

static const struct vemu_prop memory_props[] = {
    VEMU_PROP(struct hotplug_slots, count, "slots", U32, "1", "memory modules there can be"),
    VEMU_PROP_END,
};

static const struct vemu_device_ops memory_ops = {
    .realize = memory_realize,
    .reset = hotplug_reset,
    .restored = hotplug_restored,
};

const struct vemu_device_class vemu__device_acpi_memory_hotplug = {
    .name = "acpi-memory-hotplug",
    .summary = "ACPI hot-plug of memory modules",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct hotplug_slots),
    .props = memory_props,
    .state = hotplug_state,
    .ops = &memory_ops,
};
