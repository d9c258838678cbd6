/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole requests, as a driver of the device makes them, or nearly so: nobody hits upon a SCSI
 * command in a chain of the right shape by chance.
 */
#ifndef TESTS_FUZZ_VIRTIO_REQUEST_H
#define TESTS_FUZZ_VIRTIO_REQUEST_H

#include "guest.h"
#include "program.h"

#define REQUEST_MAX 8192u

struct request {
    unsigned queue;
    uint32_t in_size; /* of buffers for the device to write */
    size_t used;      /* of out: what it reads */
    uint8_t out[REQUEST_MAX];
};

/* What the fuzzer knows of a device. */
struct request_kind {
    const char *device;
    unsigned queues;
    void (*make)(struct program *p, struct request *r);
    void (*begin)(void); /* the driver begins anew. NULL: that changes nothing */
};

/* Aborts when there is no such device. */
const struct request_kind *request_kind(const char *device);
/* A number at the end of what the device reads, little-endian. */
void request_put(struct request *r, uint64_t value, size_t size);
/* The request in a chain of one of many shapes, in the ring that the driver set up for it. Nothing
 * happens if there is none. */
void request_send(struct guest *g, struct program *p, const struct request *r);

#endif
