/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Split virtqueues (virtio 1.2, 2.7).
 *
 *   descriptor area   { u64 addr, u32 len, u16 flags, u16 next } [size]
 *   driver area       u16 flags, u16 idx, u16 ring[size], u16 used_event
 *   device area       u16 flags, u16 idx, { u32 id, u32 len } ring[size], u16 avail_event
 *
 * The driver may change any of it at any time: everything is read once, into a local, and checked
 * there. Ordering: idx of the driver is read with acquire before what it covers; idx of the device
 * is stored with release after the entries; between storing one side's idx (or event) and reading
 * the other side's event (or idx) stands a full barrier.
 */
#include <string.h>

#include "virtio/virtq.h"

#define AVAIL_NO_INTERRUPT 1u
#define USED_NO_NOTIFY     1u

static uint64_t split_area_size(enum vemu_virtq_area area, uint16_t size)
{
    switch (area) {
    case VEMU_VIRTQ_DESC: return 16ull * size;
    case VEMU_VIRTQ_DRIVER: return 6 + 2ull * size;
    case VEMU_VIRTQ_DEVICE: return 6 + 8ull * size;
    }
    return 0;
}

static bool split_size_valid(uint16_t size)
{
    return size && (size & (size - 1)) == 0;
}

/* --- fields ----------------------------------------------------------------------------------- */

static uint16_t load16(const uint8_t *at, int order)
{
    return order == __ATOMIC_ACQUIRE ? __atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE)
                                     : __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED);
}

static uint16_t avail_idx(const struct vemu_virtq *q)
{
    return load16(q->area[VEMU_VIRTQ_DRIVER] + 2, __ATOMIC_ACQUIRE);
}

static void device_store16(struct vemu_virtq *q, uint64_t offset, uint16_t value)
{
    __atomic_store_n((uint16_t *)(q->area[VEMU_VIRTQ_DEVICE] + offset), value, __ATOMIC_RELEASE);
    vemu__virtq_wrote(q, VEMU_VIRTQ_DEVICE, offset, 2);
}

/* --- taking ----------------------------------------------------------------------------------- */

static bool split_pending(const struct vemu_virtq *q)
{
    return avail_idx(q) != q->s->avail;
}

static const uint16_t *split_watch(const struct vemu_virtq *q)
{
    return (const uint16_t *)(q->area[VEMU_VIRTQ_DRIVER] + 2);
}

static bool split_walk(struct vemu_virtq *q, struct vemu_virtq_elem *elem, uint16_t head)
{
    const uint8_t *table = q->area[VEMU_VIRTQ_DESC];
    uint32_t entries = q->s->size, n = head;
    bool indirect = false;

    for (unsigned count = 0;;) {
        struct virtq_desc desc;
        uint16_t flags;

        memcpy(&desc, table + 16ull * n, sizeof(desc));
        flags = desc.half[0];
        if (flags & VIRTQ_DESC_INDIRECT) {
            if (indirect || (flags & VIRTQ_DESC_NEXT) ||
                !vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_INDIRECT_DESC)) {
                vemu__virtio_broken(q->vdev, "queue %u: indirect descriptor where none may be",
                                    q->index);
                return false;
            }
            table = vemu__virtq_indirect(q, desc.addr, desc.len, &entries);
            if (!table)
                return false;
            indirect = true;
            n = 0;
            continue;
        }
        if (++count > q->s->size) {
            vemu__virtio_broken(q->vdev, "queue %u: chain longer than the queue", q->index);
            return false;
        }
        if (!vemu__virtq_add(q, elem, desc.addr, desc.len, flags & VIRTQ_DESC_WRITE))
            return false;
        if (!(flags & VIRTQ_DESC_NEXT))
            return true;
        n = desc.half[1];
        if (n >= entries) {
            vemu__virtio_broken(q->vdev, "queue %u: next descriptor %u of %u", q->index, n,
                                entries);
            return false;
        }
    }
}

static bool split_pop(struct vemu_virtq *q, struct vemu_virtq_elem *elem)
{
    uint16_t waiting = (uint16_t)(avail_idx(q) - q->s->avail), head;

    if (!waiting)
        return false;
    if (waiting > q->s->size || q->held >= q->s->size) {
        vemu__virtio_broken(q->vdev, "queue %u: %u chains available, %u in use, of %u", q->index,
                            waiting, q->held, q->s->size);
        return false;
    }
    head = load16(q->area[VEMU_VIRTQ_DRIVER] + 4 + 2 * (q->s->avail & (q->s->size - 1u)),
                  __ATOMIC_RELAXED);
    if (head >= q->s->size) {
        vemu__virtio_broken(q->vdev, "queue %u: descriptor %u of %u", q->index, head, q->s->size);
        return false;
    }
    if (!split_walk(q, elem, head))
        return false;
    elem->id = head;
    elem->descs = 1;
    q->s->avail++;
    return true;
}

static void split_unpop(struct vemu_virtq *q, const struct vemu_virtq_elem *elem)
{
    q->s->avail--;
}

/* --- returning -------------------------------------------------------------------------------- */

static void split_put(struct vemu_virtq *q, const struct virtq_slot *slot)
{
    uint16_t at = (uint16_t)(q->s->used + q->staged) & (uint16_t)(q->s->size - 1);
    uint64_t offset = 4 + 8ull * at;
    const uint32_t entry[2] = { slot->id, slot->written };

    memcpy(q->area[VEMU_VIRTQ_DEVICE] + offset, entry, sizeof(entry));
    vemu__virtq_wrote(q, VEMU_VIRTQ_DEVICE, offset, sizeof(entry));
    q->staged++;
}

static void split_publish(struct vemu_virtq *q)
{
    q->s->used = (uint16_t)(q->s->used + q->staged);
    device_store16(q, 2, q->s->used);
}

static bool split_interrupt_wanted(struct vemu_virtq *q)
{
    uint16_t old = q->s->signalled, event;
    bool valid = q->s->signalled_valid;

    if (!vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_EVENT_IDX))
        return !(load16(q->area[VEMU_VIRTQ_DRIVER], __ATOMIC_RELAXED) & AVAIL_NO_INTERRUPT);
    q->s->signalled = q->s->used;
    q->s->signalled_valid = 1;
    event = load16(q->area[VEMU_VIRTQ_DRIVER] + 4 + 2ull * q->s->size, __ATOMIC_RELAXED);
    return !valid || vemu__virtq_need_event(event, q->s->used, old);
}

static void split_want_notify(struct vemu_virtq *q, bool want)
{
    if (!vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_EVENT_IDX))
        device_store16(q, 0, want ? 0 : USED_NO_NOTIFY);
    else if (want)
        device_store16(q, 4 + 8ull * q->s->size, q->s->avail);
}

const struct virtq_ring vemu__virtq_split = {
    .area_size = split_area_size,
    .area_align = { 16, 2, 4 },
    .size_valid = split_size_valid,
    .pending = split_pending,
    .watch = split_watch,
    .pop = split_pop,
    .unpop = split_unpop,
    .put = split_put,
    .publish = split_publish,
    .interrupt_wanted = split_interrupt_wanted,
    .want_notify = split_want_notify,
};
