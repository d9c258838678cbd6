/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Port 0x80: firmware's progress code, and the port everybody writes to wait a microsecond.
 *
 * The last code can be read back, as with the PC/AT's DMA page register that sits there.
 */
#include "devices/devices.h"

struct post_port {
    struct vemu_device dev;
    uint8_t code;
};

static uint64_t post_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct post_port *)dev)->code;
}

static void post_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    ((struct post_port *)dev)->code = (uint8_t)value;
    vemu_vm_report_progress(dev->vm, (uint8_t)value);
}

static const struct vemu_region_ops post_region = {
    .read = post_read,
    .write = post_write,
    .min_size = 1,
    .max_size = 1,
};

static int post_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return vemu_device_map(dev, VEMU_SPACE_IO, 0x80, 1, &post_region, "post", err);
}

static void post_reset(struct vemu_device *dev)
{
    ((struct post_port *)dev)->code = 0;
}

static const struct vemu_prop post_props[] = { VEMU_PROP_END };

static const struct vemu_state_field post_state[] = {
    VEMU_STATE(struct post_port, code),
    VEMU_STATE_END,
};

static const struct vemu_device_ops post_ops = {
    .realize = post_realize,
    .reset = post_reset,
};

const struct vemu_device_class vemu__device_post_port = {
    .name = "post-port",
    .summary = "progress code port 0x80",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct post_port),
    .props = post_props,
    .state = post_state,
    .ops = &post_ops,
};
