/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reset control register at port 0xcf9 (Intel PIIX3 data sheet, section 2.6; ACPI's RESET_REG).
 */
#include "devices/devices.h"

#define RESET_HARD 0x02
#define RESET_CPU  0x04 /* 0 -> 1 resets; hard or soft makes no difference here */

struct reset_port {
    struct vemu_device dev;
    uint8_t value;
};

static uint64_t reset_port_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct reset_port *)dev)->value;
}

static void reset_port_write(struct vemu_device *dev, uint64_t offset, unsigned size,
                             uint64_t value)
{
    struct reset_port *s = (struct reset_port *)dev;
    bool rose = (value & RESET_CPU) && !(s->value & RESET_CPU);

    s->value = value & (RESET_HARD | RESET_CPU);
    if (rose) {
        vemu_vm_request_reset(dev->vm, VEMU_CAUSE_GUEST_RESET);
    }
}

static const struct vemu_region_ops reset_port_region = {
    .read = reset_port_read,
    .write = reset_port_write,
    .min_size = 1,
    .max_size = 1,
};

static int reset_port_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return vemu_device_map(dev, VEMU_SPACE_IO, 0xcf9, 1, &reset_port_region, "reset", err);
}

static void reset_port_reset(struct vemu_device *dev)
{
    ((struct reset_port *)dev)->value = 0;
}

static const struct vemu_prop reset_port_props[] = { VEMU_PROP_END };

static const struct vemu_state_field reset_port_state[] = {
    VEMU_STATE(struct reset_port, value),
    VEMU_STATE_END,
};

static const struct vemu_device_ops reset_port_ops = {
    .realize = reset_port_realize,
    .reset = reset_port_reset,
};

const struct vemu_device_class vemu__device_reset_port = {
    .name = "reset-port",
    .summary = "reset control register, port 0xcf9",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct reset_port),
    .props = reset_port_props,
    .state = reset_port_state,
    .ops = &reset_port_ops,
};
