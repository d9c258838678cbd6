/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-input from inside: input.c has the queues and the classes, config.c what the device says
 * of itself.
 */
#ifndef VEMU_DEVICES_VIRTIO_INPUT_INPUT_H
#define VEMU_DEVICES_VIRTIO_INPUT_INPUT_H

#include "input/input.h"
#include "virtio/virtio.h"

#define VIRTIO_INPUT_GROUP 64u /* events that happen at once */

/* virtio 1.2, 5.8.6 */
struct virtio_input_packet {
    uint16_t type, code;
    uint32_t value;
};

/* What tells the kinds apart. */
struct virtio_input_kind {
    const char *name; /* of the device, to the guest */
    uint16_t product;
    const struct vemu_input_ops *ops;
};

struct virtio_input {
    struct vemu_virtio vdev;
    char *serial;
    const struct virtio_input_kind *kind;
    uint64_t dropped; /* groups the guest had no room for */
    unsigned count;   /* of the group that is being told */
    struct virtio_input_packet group[VIRTIO_INPUT_GROUP];
    /* saved */
    uint8_t select, subsel;
    uint8_t leds; /* bits of LED_*, as the guest set them */
};

/* --- config.c --------------------------------------------------------------------------------- */
#define VIRTIO_INPUT_CONFIG_SIZE 136u
/* The configuration space, as `select` and `subsel` say. */
void vemu__virtio_input_config(const struct virtio_input *input, uint8_t *config);
#define VIRTIO_INPUT_SERIAL_MAX 127u

#endif
