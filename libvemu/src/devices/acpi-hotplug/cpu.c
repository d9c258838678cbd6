/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU hot-plug registers: the interface that QEMU's firmware and tables know ("modern" CPU hot-plug
 * of docs/specs/acpi_cpu_hotplug), without its predecessor.
 *
 *   offset  size  read                              write
 *   0       4     command data 2: 0                 selector
 *   4       1     flags of the selected CPU         control bits
 *   5       1     0                                 command
 *   8       4     command data                      command data
 *
 * Commands: 0 selects the next CPU with an event and reads back the selector; 1 and 2 take the
 * event and the status of _OST; 3 reads the CPU's APIC id.
 */
#include "core/vm.h"
#include "devices/acpi-hotplug/slots.h"
#include "devices/devices.h"

enum { COMMAND_NEXT, COMMAND_OST_EVENT, COMMAND_OST_STATUS, COMMAND_ID };

struct cpu_hotplug {
    struct hotplug_slots slots;
    uint32_t boot_cpus; /* property */
};

/* A double word of the registers. */
static uint32_t read_dword(const struct hotplug_slots *s, uint64_t offset)
{
    if (!hotplug_selected(s))
        return 0;
    if (offset == 4)
        return s->flags[s->selector] & HOTPLUG_VISIBLE;
    if (offset == 8 && s->command == COMMAND_NEXT)
        return s->selector;
    if (offset == 8 && s->command == COMMAND_ID) {
        const struct vemu_topology topology = vemu__topology_of(&s->dev.vm->config);
        return vemu__topology_apic_id(&topology, s->selector);
    }
    return 0;
}

static uint64_t cpu_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return read_dword((struct hotplug_slots *)dev, offset & ~3ull) >> (8 * (offset & 3));
}

/* From the selected one on, round and round; without an event nothing changes. */
static void select_next(struct hotplug_slots *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t n = (s->selector + i) % s->count;

        if (s->flags[n] & (HOTPLUG_INSERTING | HOTPLUG_REMOVING)) {
            s->selector = n;
            return;
        }
    }
}

static void cpu_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct hotplug_slots *s = (struct hotplug_slots *)dev;

    if (offset == 0 && size == 4)
        s->selector = (uint32_t)value;
    if (!hotplug_selected(s))
        return;
    switch (offset << 4 | size) {
    case 4 << 4 | 1: hotplug_control(s, (uint8_t)value); break;
    case 5 << 4 | 1:
        s->command = (uint8_t)value;
        if (s->command == COMMAND_NEXT)
            select_next(s);
        break;
    case 8 << 4 | 4:
        if (s->command == COMMAND_OST_EVENT)
            s->ost_event[s->selector] = (uint32_t)value;
        else if (s->command == COMMAND_OST_STATUS)
            hotplug_report(s, (uint32_t)value);
        break;
    default: break;
    }
}

static const struct vemu_region_ops cpu_region = {
    .read = cpu_read,
    .write = cpu_write,
    .min_size = 1,
    .max_size = 4,
};

static int cpu_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct cpu_hotplug *s = (struct cpu_hotplug *)dev;
    int r = hotplug_realize(&s->slots, "CPU", dev->vm->machine->hotplug_lines[VEMU_HOTPLUG_CPU],
                            err);

    if (r < 0)
        return r;
    for (uint32_t n = 0; n < s->boot_cpus && n < s->slots.count; n++)
        s->slots.flags[n] = HOTPLUG_PRESENT;
    return vemu_device_map(dev, VEMU_SPACE_IO, VEMU_HOTPLUG_CPU_PORT, VEMU_HOTPLUG_CPU_SIZE,
                           &cpu_region, "cpu-hotplug", err);
}

static const struct vemu_prop cpu_props[] = {
    VEMU_PROP(struct cpu_hotplug, slots.count, "slots", U32, "1", "CPUs there can be"),
    VEMU_PROP(struct cpu_hotplug, boot_cpus, "boot-cpus", U32, "1", "that are there for good"),
    VEMU_PROP_END,
};

static const struct vemu_device_ops cpu_ops = {
    .realize = cpu_realize,
    .reset = hotplug_reset,
    .restored = hotplug_restored,
};

const struct vemu_device_class vemu__device_acpi_cpu_hotplug = {
    .name = "acpi-cpu-hotplug",
    .summary = "ACPI hot-plug of CPUs",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct cpu_hotplug),
    .props = cpu_props,
    .state = hotplug_state,
    .ops = &cpu_ops,
};
