/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pvpanic: the port through which a guest kernel reports its panic (ACPI device QEMU0001).
 */
#include "devices/pvpanic/pvpanic.h"

#include "devices/devices.h"

#define PVPANIC_PANICKED     0x01
#define PVPANIC_CRASH_LOADED 0x02 /* a crash kernel takes over: the machine must go on */

struct pvpanic {
    struct vemu_device dev;
    uint16_t ioport;
    uint8_t events;
};

static uint64_t pvpanic_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct pvpanic *)dev)->events;
}

static void pvpanic_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct pvpanic *s = (struct pvpanic *)dev;

    value &= s->events;
    if (value & PVPANIC_PANICKED) {
        vemu_vm_report_panic(dev->vm, "the guest kernel panicked");
    } else if (value & PVPANIC_CRASH_LOADED) {
        vemu_vm_log(dev->vm, VEMU_LOG_WARNING,
                    "%s: the guest kernel panicked and starts its crash kernel", dev->id);
    }
}

static const struct vemu_region_ops pvpanic_region = {
    .read = pvpanic_read,
    .write = pvpanic_write,
    .min_size = 1,
    .max_size = 1,
};

static int pvpanic_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct pvpanic *s = (struct pvpanic *)dev;

    s->events &= PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
    return vemu_device_map(dev, VEMU_SPACE_IO, s->ioport, 1, &pvpanic_region, "pvpanic", err);
}

uint16_t vemu__pvpanic_get_port(const struct vemu_device *dev)
{
    return ((const struct pvpanic *)dev)->ioport;
}

static const struct vemu_prop pvpanic_props[] = {
    VEMU_PROP(struct pvpanic, ioport, "ioport", U16, "0x505", "the port"),
    VEMU_PROP(struct pvpanic, events, "events", U8, "3",
              "1: panics, 2: crash kernels are reported"),
    VEMU_PROP_END,
};

static const struct vemu_state_field pvpanic_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops pvpanic_ops = { .realize = pvpanic_realize };

const struct vemu_device_class vemu__device_pvpanic = {
    .name = "pvpanic",
    .summary = "port through which the guest reports a panic",
    .state_version = 1,
    .instance_size = sizeof(struct pvpanic),
    .props = pvpanic_props,
    .state = pvpanic_state,
    .ops = &pvpanic_ops,
};
