/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver in a test: works a virtio device through its transport, with rings in guest memory.
 *
 * The machine is real but for the accelerator: RAM from 0 to 1 MiB and, as a second block, to
 * GUEST_RAM; the test's thread plays the vCPU. A transport is a table of functions (guest-mmio.c);
 * tests do not know which one they run on.
 */
#ifndef TESTS_VEMU_VIRTIO_GUEST_H
#define TESTS_VEMU_VIRTIO_GUEST_H

#include <stdio.h>
#include <stdlib.h>

#include "core/vm.h"
#include "virtio/virtio.h"

#define GUEST_BLOCK  0x100000u /* where the second block of RAM begins */
#define GUEST_RAM    0x400000u
#define GUEST_HOLE   0x80000000u /* an address without memory */
#define GUEST_DEVICE_MEMORY 0x100000000ull /* 1 GiB for memory devices */
#define GUEST_QUEUES 8
#define GUEST_SIZE   256u /* most entries of a queue */

/* Not Check's: fuzzers use this as well. */
#define guest_assert(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct guest;

struct guest_transport {
    const char *suffix; /* of the device's class: "-device" */
    uint32_t (*get_features)(struct guest *g, uint32_t select);
    void (*set_features)(struct guest *g, uint32_t select, uint32_t value);
    uint8_t (*get_status)(struct guest *g);
    void (*set_status)(struct guest *g, uint8_t status);
    uint64_t (*config_read)(struct guest *g, unsigned offset, unsigned size);
    void (*config_write)(struct guest *g, unsigned offset, unsigned size, uint64_t value);
    uint8_t (*get_generation)(struct guest *g);
    uint16_t (*queue_max)(struct guest *g, unsigned queue); /* 0: no such queue */
    void (*queue_setup)(struct guest *g, unsigned queue, uint16_t size, const uint64_t areas[3]);
    void (*queue_enable)(struct guest *g, unsigned queue);
    bool (*queue_enabled)(struct guest *g, unsigned queue);
    void (*queue_reset)(struct guest *g, unsigned queue);
    void (*notify)(struct guest *g, unsigned queue);
    /* Interrupts since the last call; acknowledges them. */
    bool (*queue_interrupt)(struct guest *g, unsigned queue);
    bool (*config_interrupt)(struct guest *g);
};
extern const struct guest_transport guest_mmio;

struct guest_buffer {
    uint64_t gpa;
    uint32_t len;
    bool write;
};

struct guest_queue {
    unsigned index;
    uint16_t size;
    uint64_t area[3];
    bool packed;
    uint16_t next; /* split: avail idx; packed: slot */
    uint16_t seen; /* split: used idx; packed: slot */
    bool wrap, seen_wrap;
    uint16_t free_desc; /* split: next descriptor to use, round and round */
    uint16_t descs[GUEST_SIZE]; /* packed: entries of each id */
};

struct guest {
    struct vemu_vm *vm;
    struct vemu_device *dev;
    struct vemu_virtio *vdev;
    const struct guest_transport *t;
    uint64_t base; /* mmio: registers */
    uint64_t features; /* accepted */
    uint64_t heap;     /* next free guest address */
    struct guest_queue queues[GUEST_QUEUES];
};

/* The call was a success, or the test ends with the message. */
void guest_ok(int result, struct vemu_error *err);
/* The transport named by GUEST_TRANSPORT in the environment, or mmio. */
const struct guest_transport *guest_transport(void);

/* A machine with one device: `name` without the transport's suffix, then "property", "value", ...,
 * NULL. Fails the test on error. */
struct guest *guest_new(const char *name, ...) __attribute__((sentinel));
/* In two steps, for what has to be added before the device. */
struct vemu_vm *guest_vm(void);
struct guest *guest_attach(struct vemu_vm *vm, const char *name, ...) __attribute__((sentinel));
/* The same for a device that was added already; realizes the machine. */
struct guest *guest_adopt(struct vemu_vm *vm, const char *id);
void guest_free(struct guest *g);

/* Guest memory that nothing else uses. */
uint64_t guest_alloc(struct guest *g, uint64_t size, uint64_t align);
void *guest_ptr(struct guest *g, uint64_t gpa);

/* Reset to FEATURES_OK with all features that are offered and in `wanted`; false: refused. */
bool guest_negotiate(struct guest *g, uint64_t wanted);
/* Rings for a queue; `size` 0: as large as it may be (up to GUEST_SIZE). */
struct guest_queue *guest_setup_queue(struct guest *g, unsigned queue, uint16_t size);
void guest_driver_ok(struct guest *g);
/* All of it, with `queues` queues. VERSION_1 is always taken. */
void guest_start(struct guest *g, uint64_t wanted, unsigned queues);
bool guest_broken(struct guest *g); /* DEVICE_NEEDS_RESET */

/* Makes a chain available; its id comes back from guest_take(). */
uint16_t guest_add(struct guest *g, struct guest_queue *q, const struct guest_buffer *buffers,
                   unsigned count);
/* The same through an indirect table. */
uint16_t guest_add_indirect(struct guest *g, struct guest_queue *q,
                            const struct guest_buffer *buffers, unsigned count);
/* Puts a single raw descriptor there and makes it available. */
uint16_t guest_add_raw(struct guest *g, struct guest_queue *q, uint64_t addr, uint32_t len,
                       uint16_t flags, uint16_t next);
/* Takes a used chain: its id and *ret_len; -1: none. */
int guest_take(struct guest *g, struct guest_queue *q, uint32_t *ret_len);
/* Waits for one, up to 25 s: a disk that is written back may take several for a flush. */
int guest_wait(struct guest *g, struct guest_queue *q, uint32_t *ret_len);
/* Event suppression: interrupt when `event` more chains were used (event index), or not at all. */
void guest_want_interrupt(struct guest *g, struct guest_queue *q, bool want);
/* Does the device want to be told about what was added? */
bool guest_may_skip_notify(struct guest *g, struct guest_queue *q);

/* The queue's doorbell as a descriptor, made where it has to be. */
int guest_notifier(struct guest *g, unsigned queue);

/* Adds, notifies, waits; fails the test if nothing comes. Returns the length. */
uint32_t guest_request(struct guest *g, struct guest_queue *q, const struct guest_buffer *buffers,
                       unsigned count);

#endif
