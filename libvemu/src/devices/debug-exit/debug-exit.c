/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debug-exit port: a guest that writes it ends, and the value becomes the result of the run.
 */
#include <errno.h>

#include "devices/devices.h"

struct debug_exit {
    struct vemu_device dev;
    uint16_t iobase;
    uint16_t iosize;
};

static uint64_t debug_exit_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return 0;
}

static void debug_exit_write(struct vemu_device *dev, uint64_t offset, unsigned size,
                             uint64_t value)
{
    vemu_vm_request_shutdown(dev->vm, VEMU_CAUSE_GUEST_DEBUG_EXIT, (uint32_t)value);
}

static const struct vemu_region_ops debug_exit_region = {
    .read = debug_exit_read,
    .write = debug_exit_write,
    .min_size = 1,
    .max_size = 4,
    .unaligned = true, /* iobase need not be aligned */
};

static int debug_exit_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct debug_exit *s = (struct debug_exit *)dev;

    if (s->iosize != 1 && s->iosize != 2 && s->iosize != 4) {
        return vemu__error_set(err, EINVAL, "iosize is %u; it must be 1, 2 or 4", s->iosize);
    }
    return vemu_device_map(dev, VEMU_SPACE_IO, s->iobase, s->iosize, &debug_exit_region,
                           "debug-exit", err);
}

static const struct vemu_prop debug_exit_props[] = {
    VEMU_PROP(struct debug_exit, iobase, "iobase", U16, "0xf4", "the port"),
    VEMU_PROP(struct debug_exit, iosize, "iosize", U16, "4", "number of ports: 1, 2 or 4"),
    VEMU_PROP_END,
};

static const struct vemu_state_field debug_exit_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops debug_exit_ops = { .realize = debug_exit_realize };

const struct vemu_device_class vemu__device_debug_exit = {
    .name = "isa-debug-exit",
    .summary = "port that ends the machine with an exit code",
    .state_version = 1,
    .instance_size = sizeof(struct debug_exit),
    .props = debug_exit_props,
    .state = debug_exit_state,
    .ops = &debug_exit_ops,
};
