/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports of a virtio-serial device: virtconsole and virtserialport.
 *
 * The objects only say what the port is; their virtio-serial device does the work.
 */
#include <errno.h>
#include <string.h>

#include "core/vm.h"
#include "devices/devices.h"
#include "devices/virtio-serial/serial.h"

struct port {
    struct vemu_device dev;
    char *bus, *name;
    uint32_t nr;
    struct vemu_chardev *chr;
    struct vemu_device *owner;
    struct serial_port *port;
};

/* "bus=ID.0", or the first one. */
static struct vemu_device *find_owner(struct port *p, struct vemu_error **err)
{
    const GPtrArray *devices = p->dev.vm->devices;

    for (guint i = 0; i < devices->len; i++) {
        struct vemu_device *dev = devices->pdata[i];
        g_autofree char *bus = g_strdup_printf("%s.0", dev->id);

        if (vemu__serial_is(dev) && dev->realized && (!p->bus || strcmp(p->bus, bus) == 0))
            return dev;
    }
    if (p->bus)
        vemu__error_set(err, ENOENT, "there is no virtio-serial bus '%s'", p->bus);
    else
        vemu__error_set(err, ENOENT, "there is no virtio-serial device in front of it");
    return NULL;
}

static int port_realize(struct port *p, bool is_console, struct vemu_error **err)
{
    int r;

    p->owner = find_owner(p, err);
    if (!p->owner)
        return -ENOENT;
    pthread_mutex_lock(&p->owner->lock);
    r = vemu__serial_add_port((struct serial *)vemu__virtio_of(p->owner), p->nr, is_console,
                              p->name, p->chr, &p->port, err);
    if (r >= 0)
        p->port->id = p->dev.id;
    pthread_mutex_unlock(&p->owner->lock);
    return r;
}

static int console_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return port_realize((struct port *)dev, true, err);
}

static int serialport_realize(struct vemu_device *dev, struct vemu_error **err)
{
    return port_realize((struct port *)dev, false, err);
}

static void port_unrealize(struct vemu_device *dev)
{
    struct port *p = (struct port *)dev;

    if (!p->port) /* its device went first; both happens on the loop */
        return;
    pthread_mutex_lock(&p->owner->lock);
    vemu__serial_remove_port(p->port);
    pthread_mutex_unlock(&p->owner->lock);
}

/* The guest is told, not asked: what it still writes is dropped. */
static int port_request_unplug(struct vemu_device *dev, struct vemu_error **err)
{
    (void)err;
    vemu__device_request_removal(dev);
    return 0;
}

static const struct vemu_prop port_props[] = {
    VEMU_PROP(struct port, chr, "chardev", CHARDEV, NULL, "back-end; none: output is dropped"),
    VEMU_PROP(struct port, name, "name", STRING, NULL, "what the guest finds it by"),
    VEMU_PROP(struct port, nr, "nr", U32, "4294967295", "number; default: the first free one"),
    VEMU_PROP(struct port, bus, "bus", STRING, NULL, "ID.0 of its virtio-serial device"),
    VEMU_PROP_END,
};

static const struct vemu_state_field port_state[] = { VEMU_STATE_END };

static const struct vemu_device_ops console_ops = {
    .realize = console_realize,
    .unrealize = port_unrealize,
    .request_unplug = port_request_unplug,
    .hotplug = true,
};

static const struct vemu_device_ops serialport_ops = {
    .realize = serialport_realize,
    .unrealize = port_unrealize,
    .request_unplug = port_request_unplug,
    .hotplug = true,
};

const struct vemu_device_class vemu__device_virtconsole = {
    .name = "virtconsole",
    .summary = "console on a virtio-serial device (/dev/hvc0)",
    .state_version = 1,
    .instance_size = sizeof(struct port),
    .props = port_props,
    .state = port_state,
    .ops = &console_ops,
};

const struct vemu_device_class vemu__device_virtserialport = {
    .name = "virtserialport",
    .summary = "named port on a virtio-serial device (/dev/virtio-ports/NAME)",
    .state_version = 1,
    .instance_size = sizeof(struct port),
    .props = port_props,
    .state = port_state,
    .ops = &serialport_ops,
};
