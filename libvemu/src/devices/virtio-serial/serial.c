/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-serial: consoles and named ports, each on a chardev (virtio 1.2, 5.3).
 *
 * Queues 0 and 1 are input and output of port 0, 2 and 3 control, then a pair for each further
 * port.
 * Ports are device objects of their own (port.c), but everything about them is done here, under
 * this device's lock, which is also the one their chardevs know.
 *
 * Back-pressure: output that the back-end does not take stays in its chain, which is held; input is
 * taken from the back-end only as far as the driver has given buffers, and while it has the port
 * open. A driver without VIRTIO_CONSOLE_F_MULTIPORT has port 0 alone, and always open.
 *
 * The back-end may want to write or read at any time, so chains are taken outside of `notify`.
 */
#include "devices/virtio-serial/serial.h"

#include <errno.h>
#include <linux/virtio_console.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"
#include "core/events.h"
#include "virtio/class.h"

#define QUEUE_SIZE 128u

static struct serial *serial_of(struct vemu_virtio *vdev)
{
    return (struct serial *)vdev;
}

bool vemu__serial_is(const struct vemu_device *dev)
{
    return strcmp(dev->class_->name, "virtio-serial-device") == 0 ||
           strcmp(dev->class_->name, "virtio-serial-pci") == 0;
}

static struct vemu_virtq *port_queue(const struct serial_port *port, bool out)
{
    unsigned pair = port->nr ? port->nr + 1 : 0;

    return vemu__virtio_queue(&port->serial->vdev, 2 * pair + out);
}

/* NULL: control queues. */
static struct serial_port *queue_port(struct serial *serial, unsigned queue)
{
    unsigned pair = queue / 2;

    return pair == 1 ? NULL : &serial->ports[pair ? pair - 1 : 0];
}

/* --- output ----------------------------------------------------------------------------------- */

/* Hands out what is left of the chain; false: the back-end is full. */
static bool write_out(struct serial_port *port, const struct vemu_virtq_elem *elem)
{
    struct serial_port_state *s = vemu__serial_state(port);
    size_t skip = s->tx_offset;

    for (unsigned i = 0; i < elem->out_count && port->chr; i++) {
        const struct iovec *iov = &elem->out[i];
        size_t n;

        if (skip >= iov->iov_len) {
            skip -= iov->iov_len;
            continue;
        }
        n = vemu_chardev_write(port->chr, (const uint8_t *)iov->iov_base + skip,
                               iov->iov_len - skip);
        s->tx_offset += (uint32_t)n;
        if (n < iov->iov_len - skip)
            return false;
        skip = 0;
    }
    s->tx_offset = 0;
    return true;
}

static void port_send(struct serial_port *port)
{
    struct vemu_virtq *q = port_queue(port, true);

    while (port->tx || vemu__virtq_take(q, &port->tx)) {
        if (port->used && !write_out(port, port->tx))
            break;
        vemu__virtq_push(port->tx, 0);
        port->tx = NULL;
    }
    vemu__virtq_flush(q);
}

static void port_writable(void *data)
{
    port_send(data);
}

/* --- input ------------------------------------------------------------------------------------ */

static size_t port_room(void *data)
{
    struct serial_port *port = data;

    if (!vemu__serial_state(port)->guest_open)
        return 0;
    while (!port->rx && vemu__virtq_take(port_queue(port, false), &port->rx)) {
        if (port->rx->in_size)
            break;
        vemu__virtq_push(port->rx, 0); /* a buffer that takes nothing */
        port->rx = NULL;
    }
    vemu__virtq_flush(port_queue(port, false));
    return port->rx ? port->rx->in_size : 0;
}

static void port_input(void *data, const uint8_t *buf, size_t size)
{
    struct serial_port *port = data;

    vemu__virtq_elem_write(port->rx, 0, buf, size);
    vemu__virtq_push(port->rx, (uint32_t)size);
    port->rx = NULL;
    vemu__virtq_flush(port_queue(port, false));
}

static void port_event(void *data, enum vemu_chardev_event event)
{
    struct serial_port *port = data;

    if (event == VEMU_CHARDEV_BREAK)
        return;
    port->host_open = event == VEMU_CHARDEV_OPENED;
    vemu__serial_tell(port, SERIAL_TELL_OPEN);
}

static const struct vemu_chardev_handlers port_handlers = {
    .input_room = port_room,
    .input = port_input,
    .event = port_event,
    .writable = port_writable,
};

static void set_guest_open(struct serial_port *port, bool open)
{
    vemu__serial_state(port)->guest_open = open;
    if (port->chr)
        vemu__chardev_set_front_open(port->chr, open);
}

void vemu__serial_guest_open(struct serial_port *port, bool open)
{
    struct vemu_device *dev = port->serial->vdev.dev;

    if (open != (bool)vemu__serial_state(port)->guest_open && port->id && !port->is_console)
        vemu__events_post(dev->vm, VEMU_EVENT_PORT_CHANGED, port->id, open);
    set_guest_open(port, open);
    if (open && port->chr)
        vemu_chardev_input_ready(port->chr);
}

/* --- ports come and go ------------------------------------------------------------------------ */

static int port_number(const struct serial *serial, uint32_t nr, bool is_console,
                       struct vemu_error **err)
{
    /* Port 0 is the console of drivers that know no other: only a console may be there. */
    uint32_t first = is_console ? 0 : 1;

    if (nr == UINT32_MAX) {
        for (nr = first; nr < serial->max_ports && serial->ports[nr].used; nr++)
            ;
        if (nr == serial->max_ports)
            return vemu__error_set(err, ENOSPC, "all %u ports are taken", serial->max_ports);
    }
    if (nr >= serial->max_ports || nr < first)
        return vemu__error_set(err, EINVAL, "port %u is not from %u to %u", nr, first,
                               serial->max_ports - 1);
    if (serial->ports[nr].used)
        return vemu__error_set(err, EBUSY, "port %u is taken", nr);
    return (int)nr;
}

int vemu__serial_add_port(struct serial *serial, uint32_t nr, bool is_console, const char *name,
                          struct vemu_chardev *chr, struct serial_port **holder,
                          struct vemu_error **err)
{
    int r = port_number(serial, nr, is_console, err);
    struct serial_port *port;

    if (r < 0)
        return r;
    for (unsigned n = 0; n < serial->max_ports && name; n++)
        if (serial->ports[n].used && g_strcmp0(serial->ports[n].name, name) == 0)
            return vemu__error_set(err, EEXIST, "port %u has the name '%s' already", n, name);
    port = &serial->ports[r];
    port->is_console = is_console;
    port->name = name;
    port->chr = chr;
    port->host_open = false;
    if (chr && vemu_chardev_attach(chr, &port_handlers, port, &serial->vdev.dev->lock) < 0)
        return vemu__error_set(err, EBUSY, "chardev '%s' is in use", vemu__chardev_id(chr));
    port->used = true;
    set_guest_open(port, is_console);
    vemu__serial_tell(port, SERIAL_TELL_ADD);
    port->holder = holder;
    *holder = port;
    return 0;
}

void vemu__serial_remove_port(struct serial_port *port)
{
    struct serial_port_state *s = vemu__serial_state(port);

    if (port->chr)
        vemu_chardev_detach(port->chr);
    *port->holder = NULL;
    port->holder = NULL;
    port->chr = NULL;
    port->name = NULL;
    port->used = false;
    *s = (struct serial_port_state){ .tell = SERIAL_TELL_REMOVE };
    port_send(port); /* chains that wait go back */
    vemu__serial_tell(port, 0);
}

/* --- queues ----------------------------------------------------------------------------------- */

static void serial_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct serial *serial = serial_of(vdev);
    struct serial_port *port = queue_port(serial, queue);

    if (queue == SERIAL_CONTROL_IN)
        vemu__serial_tell_all(serial);
    else if (queue == SERIAL_CONTROL_OUT)
        vemu__serial_listen(serial);
    else if (queue & 1)
        port_send(port);
    else if (port->chr)
        vemu_chardev_input_ready(port->chr);
}

static struct vemu_virtq_elem **held_by(struct serial *serial, unsigned queue)
{
    struct serial_port *port = queue_port(serial, queue);

    return !port ? NULL : queue & 1 ? &port->tx : &port->rx;
}

static void serial_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    struct serial *serial = serial_of(vdev);
    struct vemu_virtq_elem **held = held_by(serial, queue);

    if (held && *held) {
        vemu__virtq_drop(*held);
        *held = NULL;
    }
    if (held && (queue & 1))
        vemu__serial_state(queue_port(serial, queue))->tx_offset = 0;
}

/* Chains go back into their queues; tx_offset says how far the output is. */
static void serial_pause(struct vemu_virtio *vdev)
{
    for (unsigned queue = 0; queue < vdev->queue_count; queue++) {
        struct vemu_virtq_elem **held = held_by(serial_of(vdev), queue);

        if (held && *held) {
            vemu__virtq_unpop(*held);
            *held = NULL;
        }
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

static void serial_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    const struct virtio_console_config c = { .max_nr_ports = serial_of(vdev)->max_ports };

    memcpy(config, &c, sizeof(c));
}

static void serial_config_set(struct vemu_virtio *vdev, const uint8_t *config, size_t offset,
                              size_t size)
{
    struct serial_port *port = &serial_of(vdev)->ports[0];
    const size_t at = offsetof(struct virtio_console_config, emerg_wr);

    /* 5.3.4: a character, at any time, for drivers that have nothing else. */
    if (offset <= at && at < offset + size && serial_of(vdev)->emergency && port->chr)
        vemu_chardev_write(port->chr, config + at, 1);
}

/* --- life ------------------------------------------------------------------------------------- */

static void serial_start(struct vemu_virtio *vdev)
{
    struct serial *serial = serial_of(vdev);

    if (!vemu__serial_has_control(serial) && serial->ports[0].used)
        vemu__serial_guest_open(&serial->ports[0], true);
}

static void serial_reset(struct vemu_virtio *vdev)
{
    struct serial *serial = serial_of(vdev);

    memset(serial->states, 0, sizeof(serial->states));
    for (unsigned n = 0; n < serial->max_ports; n++)
        if (serial->ports[n].used)
            set_guest_open(&serial->ports[n], serial->ports[n].is_console);
}

static int serial_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct serial *serial = serial_of(vdev);

    if (!serial->max_ports || serial->max_ports >= SERIAL_PORTS_MAX)
        return vemu__error_set(err, EINVAL, "max_ports is not from 1 to %u", SERIAL_PORTS_MAX - 1);
    for (unsigned n = 0; n < SERIAL_PORTS_MAX; n++) {
        serial->ports[n].serial = serial;
        serial->ports[n].nr = n;
    }
    for (unsigned n = 0; n < 2 * (serial->max_ports + 1); n++)
        vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    vdev->features = 1ull << VIRTIO_CONSOLE_F_MULTIPORT |
                     (serial->emergency ? 1ull << VIRTIO_CONSOLE_F_EMERG_WRITE : 0);
    vdev->config_size = sizeof(struct virtio_console_config);
    return 0;
}

/* Ports that are still there lose their device. */
static void serial_unrealize(struct vemu_virtio *vdev)
{
    for (unsigned n = 0; n < serial_of(vdev)->max_ports; n++)
        if (serial_of(vdev)->ports[n].used)
            vemu__serial_remove_port(&serial_of(vdev)->ports[n]);
}

static const struct vemu_virtio_ops serial_ops = {
    .realize = serial_realize,
    .unrealize = serial_unrealize,
    .config_get = serial_config_get,
    .config_set = serial_config_set,
    .start = serial_start,
    .notify = serial_notify,
    .queue_reset = serial_queue_reset,
    .reset = serial_reset,
    .pause = serial_pause,
};

static const struct vemu_virtio_class serial_class = {
    .name = "virtio-serial",
    .id = VEMU_VIRTIO_ID_CONSOLE,
    .ops = &serial_ops,
};

static const struct vemu_prop serial_props[] = {
    VEMU_PROP(struct serial, max_ports, "max_ports", U32, "31", "ports there may be"),
    VEMU_PROP(struct serial, emergency, "emergency-write", BOOL, "on",
              "offer output without a queue"),
    VEMU_PROP_END,
};

static const struct vemu_state_field serial_state[] = {
    VEMU_STATE(struct serial, states),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_serial, struct serial, &serial_class, "virtio-serial",
                   "consoles and named ports", serial_props, serial_state);
