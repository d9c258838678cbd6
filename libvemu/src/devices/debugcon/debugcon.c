/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debug console: every byte written to the port goes to the chardev; reads tell that it is there.
 *
 * The port has no way to say "wait", so bytes a full back-end does not take are dropped.
 */
#include <errno.h>

#include "chardev/chardev.h"
#include "devices/devices.h"

struct debugcon {
    struct vemu_device dev;
    struct vemu_chardev *chr;
    uint16_t iobase;
    uint8_t readback;
    bool attached;
};

static uint64_t debugcon_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct debugcon *)dev)->readback;
}

static void debugcon_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct debugcon *s = (struct debugcon *)dev;
    uint8_t byte = (uint8_t)value;

    if (s->chr) {
        vemu_chardev_write(s->chr, &byte, 1);
    }
}

static const struct vemu_region_ops debugcon_region = {
    .read = debugcon_read,
    .write = debugcon_write,
    .min_size = 1,
    .max_size = 1,
};

static size_t debugcon_input_room(void *data)
{
    return 4096; /* there is no input: take and drop it */
}

static void debugcon_input(void *data, const uint8_t *buf, size_t size) {}

static void debugcon_event(void *data, enum vemu_chardev_event event) {}

static void debugcon_writable(void *data) {}

static const struct vemu_chardev_handlers debugcon_handlers = {
    .input_room = debugcon_input_room,
    .input = debugcon_input,
    .event = debugcon_event,
    .writable = debugcon_writable,
};

static int debugcon_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct debugcon *s = (struct debugcon *)dev;
    int r;

    r = vemu_device_map(dev, VEMU_SPACE_IO, s->iobase, 1, &debugcon_region, "debugcon", err);
    if (r >= 0 && s->chr) {
        r = vemu_chardev_attach(s->chr, &debugcon_handlers, s, &dev->lock);
        if (r < 0) {
            return vemu__error_set(err, -r, "the chardev already has another user");
        }
        s->attached = true;
    }
    return r;
}

static void debugcon_unrealize(struct vemu_device *dev)
{
    struct debugcon *s = (struct debugcon *)dev;

    if (s->attached) {
        vemu_chardev_detach(s->chr);
        s->attached = false;
    }
}

static const struct vemu_prop debugcon_props[] = {
    VEMU_PROP(struct debugcon, chr, "chardev", CHARDEV, NULL, "where the bytes go"),
    VEMU_PROP(struct debugcon, iobase, "iobase", U16, "0xe9", "the port"),
    VEMU_PROP(struct debugcon, readback, "readback", U8, "0xe9", "what reads give"),
    VEMU_PROP_END,
};

static const struct vemu_state_field debugcon_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops debugcon_ops = {
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};

const struct vemu_device_class vemu__device_debugcon = {
    .name = "isa-debugcon",
    .summary = "debug console port",
    .state_version = 1,
    .instance_size = sizeof(struct debugcon),
    .props = debugcon_props,
    .state = debugcon_state,
    .ops = &debugcon_ops,
};
