/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-serial from inside: serial.c is the device with its queues and the ports' data, control.c
 * the control queues, port.c the device classes of ports.
 */
#ifndef VEMU_DEVICES_VIRTIO_SERIAL_SERIAL_H
#define VEMU_DEVICES_VIRTIO_SERIAL_SERIAL_H

#include "chardev/chardev.h"
#include "virtio/virtio.h"

#define SERIAL_PORTS_MAX 32u

/* What the driver has still to be told about a port. */
#define SERIAL_TELL_ADD     (1u << 0)
#define SERIAL_TELL_REMOVE  (1u << 1)
#define SERIAL_TELL_CONSOLE (1u << 2)
#define SERIAL_TELL_NAME    (1u << 3)
#define SERIAL_TELL_OPEN    (1u << 4)

/* What of a port is saved: plain integers. */
struct serial_port_state {
    uint32_t tx_offset;  /* bytes of the chain under way that are out */
    uint8_t guest_open;  /* somebody in the guest has it open */
    uint8_t ready;       /* the driver knows the port */
    uint8_t tell;        /* SERIAL_TELL_* */
    uint8_t reserved;
};

struct serial;

struct serial_port {
    struct serial *serial;
    unsigned nr;
    bool used, is_console, host_open;
    const char *name, *id; /* borrowed from the port's device; id: NULL until it is there */
    struct serial_port **holder; /* the port's device points to this; NULL when it goes first */
    struct vemu_chardev *chr; /* may be NULL: output is dropped */
    struct vemu_virtq_elem *tx; /* output that the back-end has not taken yet */
    struct vemu_virtq_elem *rx; /* room for input */
};

struct serial {
    struct vemu_virtio vdev;
    uint32_t max_ports;
    bool emergency;
    struct serial_port ports[SERIAL_PORTS_MAX];
    struct serial_port_state states[SERIAL_PORTS_MAX]; /* saved */
};

/* Whether the device is one of this class, on whatever transport. */
bool vemu__serial_is(const struct vemu_device *dev);
/* Adds the port; `nr` UINT32_MAX: any. The serial device's lock is held. */
int vemu__serial_add_port(struct serial *serial, uint32_t nr, bool is_console, const char *name,
                          struct vemu_chardev *chr, struct serial_port **holder,
                          struct vemu_error **err);
void vemu__serial_remove_port(struct serial_port *port);

/* --- control.c -------------------------------------------------------------------------------- */
#define SERIAL_CONTROL_IN  2u /* queues */
#define SERIAL_CONTROL_OUT 3u
struct serial_port_state *vemu__serial_state(const struct serial_port *port);
bool vemu__serial_has_control(const struct serial *serial);
/* Adds to what the driver has to be told, and tells it as far as it has buffers. */
void vemu__serial_tell(struct serial_port *port, uint8_t what);
void vemu__serial_tell_all(struct serial *serial);
void vemu__serial_listen(struct serial *serial);
/* The guest opened or closed the port. */
void vemu__serial_guest_open(struct serial_port *port, bool open);

#endif
