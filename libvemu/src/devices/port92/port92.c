/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System control port A (0x92): fast reset and fast A20 gate.
 *
 * A20 is remembered but masks no address (see devices/i8042).
 */
#include "devices/devices.h"

#define PORT92_RESET 0x01 /* 0 -> 1 resets the processor */
#define PORT92_A20   0x02

struct port92 {
    struct vemu_device dev;
    uint8_t value;
};

static uint64_t port92_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct port92 *)dev)->value;
}

static void port92_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct port92 *s = (struct port92 *)dev;
    bool rose = (value & PORT92_RESET) && !(s->value & PORT92_RESET);

    s->value = (uint8_t)value;
    if (rose) {
        vemu_vm_request_reset(dev->vm, VEMU_CAUSE_GUEST_RESET);
    }
}

static const struct vemu_region_ops port92_region = {
    .read = port92_read,
    .write = port92_write,
    .min_size = 1,
    .max_size = 1,
};

static int port92_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return vemu_device_map(dev, VEMU_SPACE_IO, 0x92, 1, &port92_region, "port92", err);
}

static void port92_reset(struct vemu_device *dev)
{
    ((struct port92 *)dev)->value = PORT92_A20;
}

static const struct vemu_prop port92_props[] = { VEMU_PROP_END };

static const struct vemu_state_field port92_state[] = {
    VEMU_STATE(struct port92, value),
    VEMU_STATE_END,
};

static const struct vemu_device_ops port92_ops = {
    .realize = port92_realize,
    .reset = port92_reset,
};

const struct vemu_device_class vemu__device_port92 = {
    .name = "port92",
    .summary = "system control port A: fast reset and A20",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct port92),
    .props = port92_props,
    .state = port92_state,
    .ops = &port92_ops,
};
