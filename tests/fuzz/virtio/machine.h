/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine with a device, and what is on the other side of the device. One at a time.
 */
#ifndef TESTS_FUZZ_VIRTIO_MACHINE_H
#define TESTS_FUZZ_VIRTIO_MACHINE_H

#include "guest.h"
#include "program.h"

struct guest *machine_new(const char *device);
/* The host does something: sends, types, wants memory, resizes a disk. */
void machine_host(struct guest *g, struct program *p);
void machine_free(struct guest *g);

#endif
