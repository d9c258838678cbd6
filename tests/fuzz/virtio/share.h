/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzzer knows of virtio-9p and virtio-vsock: their back-ends, and messages that make some
 * sense.
 */
#ifndef TESTS_FUZZ_VIRTIO_SHARE_H
#define TESTS_FUZZ_VIRTIO_SHARE_H

#include "guest.h"

/* Draws from the program. */
typedef uint8_t share_byte_fn(void *data);

/* The device with its back-end, if it is one of the two; else NULL. */
struct guest *share_machine(struct vemu_vm *vm, const char *device);
/* A message for the device; its size (0: it has none). */
size_t share_message(const char *device, share_byte_fn *byte, void *data, uint8_t *buf,
                     size_t size);
/* Programs of the host connect, read and write. */
void share_neighbours(share_byte_fn *byte, void *data);
/* The back-end goes. Aborts when something outside of it was touched. */
void share_end(void);

#endif
