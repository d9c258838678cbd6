/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtqueue from inside: for virtio/virtq*.c only.
 *
 * virtq.c has what does not depend on the layout of the ring: enabling, elements and their memory,
 * the order of completions. virtq-split.c and virtq-packed.c read and write rings (virtio 1.2, 2.7
 * and 2.8), virtq-doorbell.c has doorbells.
 */
#ifndef VEMU_VIRTIO_VIRTQ_H
#define VEMU_VIRTIO_VIRTQ_H

#include "core/iothread.h"
#include "core/loop.h"
#include "virtio/virtio.h"

#define VIRTQ_DESC_NEXT     1u
#define VIRTQ_DESC_WRITE    2u
#define VIRTQ_DESC_INDIRECT 4u

/* An entry of a descriptor table; id and flags change places with flags and next in packed rings.
 */
struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t half[2]; /* split: flags, next; packed: id, flags */
};

/* A completion that waits for an earlier one (VIRTIO_F_IN_ORDER). */
struct virtq_slot {
    uint16_t id, descs;
    uint32_t written;
    bool done;
};

/* The layout of a ring. */
struct virtq_ring {
    /* Bytes of the area for a queue of `size` entries, and the alignment it needs. */
    uint64_t (*area_size)(enum vemu_virtq_area area, uint16_t size);
    uint8_t area_align[3];
    bool (*size_valid)(uint16_t size);
    bool (*pending)(const struct vemu_virtq *q);
    /* What changes when the driver makes the next chain available. */
    const uint16_t *(*watch)(const struct vemu_virtq *q);
    /* Takes a chain into `elem` (empty); false: none, or the device is broken. */
    bool (*pop)(struct vemu_virtq *q, struct vemu_virtq_elem *elem);
    void (*unpop)(struct vemu_virtq *q, const struct vemu_virtq_elem *elem);
    void (*put)(struct vemu_virtq *q, const struct virtq_slot *slot);
    void (*publish)(struct vemu_virtq *q);
    bool (*interrupt_wanted)(struct vemu_virtq *q);
    void (*want_notify)(struct vemu_virtq *q, bool want);
};
extern const struct virtq_ring vemu__virtq_split, vemu__virtq_packed;

struct vemu_virtq {
    struct vemu_virtio *vdev;
    struct vemu_virtq_state *s;
    unsigned index;
    uint16_t max;
    size_t elem_size;

    /* while enabled */
    const struct virtq_ring *ring;
    uint8_t *area[3]; /* host memory, by enum vemu_virtq_area */
    unsigned held;    /* elements of the device */
    unsigned taken;   /* ring entries of those (packed) */
    unsigned staged;  /* put but not published */
    uint16_t next_order, next_return;
    struct virtq_slot *window; /* in order: completions, by order modulo `max` */

    bool in_turn;              /* the device is looking at it, */
    unsigned turn;             /* and may take so many chains more before others get their turn */
    struct virtq_later *later; /* the loop will look; NULL: it need not */

    struct vemu_virtq_elem *pool;
    int notifier; /* eventfd, -1: none */
    struct vemu_watch *watch; /* of the loop, or of the device's iothread */
    struct vemu_iothread_watch *iothread_watch;
    struct vemu_virtq_doorbell doorbell; /* while placed */
    bool placed;         /* the transport has given the doorbell to the accelerator, which */
    bool hooked;         /* signals the notifier; if not, it comes as a register write */
    unsigned row;        /* doorbells that speak for a change */
    unsigned row_wanted; /* how many it takes */
    int64_t quick_ns;    /* what takes less may be done by the thread that rings */
    bool alone;          /* the host has one CPU */
    int64_t linger_ns;   /* how long the next chain is waited for */
    int64_t slept_ns;    /* when nobody waited any more */
};

/* Adds [gpa, gpa + len) to the element. False: the device is broken. */
bool vemu__virtq_add(struct vemu_virtq *q, struct vemu_virtq_elem *elem, uint64_t gpa, uint32_t len,
                     bool write);
/* Host memory of an indirect table and its number of entries, or NULL: the device is broken. */
const uint8_t *vemu__virtq_indirect(struct vemu_virtq *q, uint64_t gpa, uint32_t len,
                                    uint32_t *ret_count);
/* The device wrote `size` bytes at `offset` of an area. */
void vemu__virtq_wrote(struct vemu_virtq *q, enum vemu_virtq_area area, uint64_t offset,
                       uint64_t size);
/* --- waiting for the next chain (reasons: virtq-doorbell.c) ----------------------------------- */
/* Looks for a chain for up to linger_ns, without the lock. True: there is one, and the queue can be
 * used. Context: loop. */
bool vemu__virtq_linger(struct vemu_virtq *q);
/* A doorbell has come: how long should have been waited? */
void vemu__virtq_adapt(struct vemu_virtq *q);
void vemu__virtq_slept(struct vemu_virtq *q);
/* A doorbell that came by descriptor (virtio.c). Takes the lock. Context: loop. */
void vemu__virtq_rung(struct vemu_virtq *q);
/* The same on the device's iothread, which has the lock. */
void vemu__virtq_rung_locked(struct vemu_virtq *q);

/* --- who serves doorbells --------------------------------------------------------------------- */
#define VIRTQ_QUICK_NS 20000
struct virtq_service {
    int64_t start_ns;
    uint64_t requests, interrupts; /* before it */
};
/* Around the device's first `notify` for a doorbell. */
void vemu__virtq_serve_begin(const struct vemu_virtq *q, struct virtq_service *s);
/* Decides who gets the next doorbells. */
void vemu__virtq_serve_end(struct vemu_virtq *q, const struct virtq_service *s);

/* Has whoever serves the notifier look at the queue. False: there is no notifier. */
bool vemu__virtq_ring(struct vemu_virtq *q);
/* Has the loop look at it, where there is none. With the lock. */
void vemu__virtq_ring_later(struct vemu_virtq *q);
/* It need not any more. Context: loop, or without one. */
void vemu__virtq_forget_later(struct vemu_virtq *q);

/* --- for virtio.c ----------------------------------------------------------------------------- */
/* Makes host memory of the addresses. False: the device is broken. */
bool vemu__virtq_map(struct vemu_virtq *q);
/* To power-on state; no element is held. */
void vemu__virtq_clear(struct vemu_virtq *q);
void vemu__virtq_free(struct vemu_virtq *q);

/* Changes when the driver makes the next chain available. The queue is enabled. */
static inline uint16_t vemu__virtq_seen(const struct vemu_virtq *q)
{
    return __atomic_load_n(q->ring->watch(q), __ATOMIC_RELAXED);
}

/* Virtio 1.2, 2.7.7.1: whether an index in (old, new] has passed `event`. */
static inline bool vemu__virtq_need_event(uint16_t event, uint16_t new_index, uint16_t old)
{
    return (uint16_t)(new_index - event - 1) < (uint16_t)(new_index - old);
}

#endif
