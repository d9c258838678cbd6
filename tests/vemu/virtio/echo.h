/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtio device for tests of the core: returns what it is sent.
 */
#ifndef TESTS_VEMU_VIRTIO_ECHO_H
#define TESTS_VEMU_VIRTIO_ECHO_H

#include "virtio/virtio.h"

#define ECHO_QUEUES 2u
#define ECHO_HELD   64u

/* Class "test-echo". Copies `out` to `in`, as much as there is room for. */
struct echo {
    struct vemu_virtio vdev;
    uint16_t queue_size;
    bool hold; /* keeps elements until echo_release() */
    void (*each)(void *data); /* called for each chain, before it is looked for the next */
    void (*late)(void *data); /* called once when the device has looked and found no more */
    void *late_data, *each_data;
    struct vemu_virtq_elem *held[ECHO_HELD];
    unsigned held_count;
    unsigned starts, resets, queue_resets, enables, notifies;
    uint8_t config[8];
};

extern const struct vemu_device_class *const echo_classes[];

/* Completes held element `n`. Context: no lock. */
void echo_release(struct echo *echo, unsigned n);
/* Puts the only held element back. */
void echo_unpop(struct echo *echo);

#endif
