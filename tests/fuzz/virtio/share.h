/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the fuzzer knows of virtio-9p and virtio-vsock: their back-ends, and messages that make some
 * sense.
 */
#ifndef TESTS_FUZZ_VIRTIO_SHARE_H
#define TESTS_FUZZ_VIRTIO_SHARE_H

#include "request.h"

/* The device with its back-end: "9p" or "vsock". */
struct guest *share_machine(struct vemu_vm *vm, const char *device);
/* For the table of requests. */
void share_begin_9p(void);
void share_make_9p(struct program *p, struct request *r);
void share_make_vsock(struct program *p, struct request *r);
/* Programs of the host connect, read and write. */
void share_neighbours(struct program *p);
/* The back-end goes, if there is one. Aborts when something outside of it was touched. */
void share_end(void);

#endif
