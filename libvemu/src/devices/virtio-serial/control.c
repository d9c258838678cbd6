/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control queues of virtio-serial (virtio 1.2, 5.3.6.2): ports come, have names, open and close.
 *
 * Messages for the driver are not queued: each port has a set of things still to be said, so that a
 * driver that gives no buffers costs nothing.
 */
#include <linux/virtio_console.h>
#include <string.h>

#include <glib.h>

#include "devices/virtio-serial/serial.h"

struct serial_port_state *vemu__serial_state(const struct serial_port *port)
{
    return &port->serial->states[port->nr];
}

bool vemu__serial_has_control(const struct serial *serial)
{
    return vemu__virtio_has(&serial->vdev, 1ull << VIRTIO_CONSOLE_F_MULTIPORT);
}

/* --- to the driver ---------------------------------------------------------------------------- */

static bool say(struct serial_port *port, uint16_t event, uint16_t value, const char *text)
{
    struct vemu_virtq *q = vemu__virtio_queue(&port->serial->vdev, SERIAL_CONTROL_IN);
    const struct virtio_console_control message = { port->nr, event, value };
    struct vemu_virtq_elem *elem;
    size_t n;

    if (!vemu__virtq_take(q, &elem))
        return false;
    n = vemu__virtq_elem_write(elem, 0, &message, sizeof(message));
    if (text)
        n += vemu__virtq_elem_write(elem, n, text, strlen(text) + 1);
    vemu__virtq_push(elem, (uint32_t)n);
    return true;
}

static bool say_one(struct serial_port *port, uint8_t what)
{
    switch (what) {
    case SERIAL_TELL_REMOVE: return say(port, VIRTIO_CONSOLE_PORT_REMOVE, 1, NULL);
    case SERIAL_TELL_ADD: return say(port, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    case SERIAL_TELL_CONSOLE: return say(port, VIRTIO_CONSOLE_CONSOLE_PORT, 1, NULL);
    case SERIAL_TELL_NAME: return say(port, VIRTIO_CONSOLE_PORT_NAME, 1, port->name);
    default: return say(port, VIRTIO_CONSOLE_PORT_OPEN, port->host_open, NULL);
    }
}

/* What is said in this order. A port that was added is described when the driver is ready. */
static bool tell_port(struct serial_port *port)
{
    static const uint8_t order[] = { SERIAL_TELL_REMOVE, SERIAL_TELL_ADD, SERIAL_TELL_CONSOLE,
                                     SERIAL_TELL_NAME, SERIAL_TELL_OPEN };
    struct serial_port_state *s = vemu__serial_state(port);

    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        if (!(s->tell & order[i]) ||
            (order[i] > SERIAL_TELL_REMOVE && (!s->ready || !port->used)))
            continue;
        if (!say_one(port, order[i]))
            return false;
        s->tell &= (uint8_t)~order[i];
    }
    return true;
}

void vemu__serial_tell_all(struct serial *serial)
{
    if (!vemu__serial_has_control(serial))
        return;
    for (unsigned n = 0; n < serial->max_ports; n++)
        if (serial->states[n].tell && !tell_port(&serial->ports[n]))
            break;
    vemu__virtq_flush(vemu__virtio_queue(&serial->vdev, SERIAL_CONTROL_IN));
}

void vemu__serial_tell(struct serial_port *port, uint8_t what)
{
    vemu__serial_state(port)->tell |= what;
    if (vemu__virtio_live(&port->serial->vdev))
        vemu__serial_tell_all(port->serial);
}

/* --- from the driver -------------------------------------------------------------------------- */

static void device_ready(struct serial *serial)
{
    for (unsigned n = 0; n < serial->max_ports; n++)
        if (serial->ports[n].used)
            serial->states[n].tell |= SERIAL_TELL_ADD;
}

static void port_ready(struct serial_port *port)
{
    struct serial_port_state *s = vemu__serial_state(port);

    s->ready = 1;
    s->tell |= (uint8_t)((port->is_console ? SERIAL_TELL_CONSOLE : 0) |
                         (port->name ? SERIAL_TELL_NAME : 0) |
                         (port->host_open ? SERIAL_TELL_OPEN : 0));
}

static void heard(struct serial *serial, const struct virtio_console_control *message)
{
    struct serial_port *port;

    if (message->event == VIRTIO_CONSOLE_DEVICE_READY) {
        if (message->value)
            device_ready(serial);
        return;
    }
    if (message->id >= serial->max_ports || !serial->ports[message->id].used)
        return;
    port = &serial->ports[message->id];
    if (message->event == VIRTIO_CONSOLE_PORT_READY && message->value)
        port_ready(port);
    else if (message->event == VIRTIO_CONSOLE_PORT_OPEN)
        vemu__serial_guest_open(port, message->value);
}

void vemu__serial_listen(struct serial *serial)
{
    struct vemu_virtq *q = vemu__virtio_queue(&serial->vdev, SERIAL_CONTROL_OUT);
    struct virtio_console_control message;
    struct vemu_virtq_elem *elem;

    while (vemu__virtq_pop(q, &elem)) {
        if (vemu__virtq_elem_read(elem, 0, &message, sizeof(message)) == sizeof(message))
            heard(serial, &message);
        vemu__virtq_push(elem, 0);
    }
    vemu__virtq_flush(q);
    vemu__serial_tell_all(serial);
}
