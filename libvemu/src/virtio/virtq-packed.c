/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packed virtqueues (virtio 1.2, 2.8).
 *
 *   descriptor area   { u64 addr, u32 len, u16 id, u16 flags } [size], one ring for both sides
 *   driver area       u16 off_wrap, u16 flags: when the driver wants interrupts
 *   device area       the same: when the device wants notifications
 *
 * An entry is available when its AVAIL bit equals the driver's wrap counter and its USED bit does
 * not, and used when both equal the device's counter. A chain takes consecutive entries; its used
 * entry stands where the first free one of the device is, and the entries it took are skipped.
 *
 * As in the split ring everything the driver may change is read once. The flags of an entry are
 * read with acquire before, and stored with release after, the rest of it.
 */
#include <string.h>

#include "virtio/virtq.h"

#define DESC_AVAIL (1u << 7)
#define DESC_USED  (1u << 15)

#define EVENT_ENABLE  0u
#define EVENT_DISABLE 1u
#define EVENT_DESC    2u

#define WRAP_AVAIL 1u
#define WRAP_USED  2u

static uint64_t packed_area_size(enum vemu_virtq_area area, uint16_t size)
{
    return area == VEMU_VIRTQ_DESC ? 16ull * size : 4;
}

static bool packed_size_valid(uint16_t size)
{
    return size != 0;
}

static bool wrap(const struct vemu_virtq *q, uint8_t which)
{
    return q->s->wraps & which;
}

/* Moves an index of the ring on by `count` entries. */
static void advance(struct vemu_virtq *q, uint16_t *index, unsigned count, uint8_t which)
{
    unsigned next = *index + count;

    if (next >= q->s->size) {
        next -= q->s->size;
        q->s->wraps ^= which;
    }
    *index = (uint16_t)next;
}

static uint16_t desc_flags(const struct vemu_virtq *q, uint16_t slot)
{
    return __atomic_load_n((const uint16_t *)(q->area[VEMU_VIRTQ_DESC] + 16u * slot + 14),
                           __ATOMIC_ACQUIRE);
}

static bool available(const struct vemu_virtq *q, uint16_t flags)
{
    return !!(flags & DESC_AVAIL) == wrap(q, WRAP_AVAIL) &&
           !!(flags & DESC_USED) != wrap(q, WRAP_AVAIL);
}

/* --- taking ----------------------------------------------------------------------------------- */

static bool packed_pending(const struct vemu_virtq *q)
{
    return available(q, desc_flags(q, q->s->avail));
}

static const uint16_t *packed_watch(const struct vemu_virtq *q)
{
    return (const uint16_t *)(q->area[VEMU_VIRTQ_DESC] + 16ull * q->s->avail +
                              offsetof(struct virtq_desc, half[1]));
}

static bool packed_indirect(struct vemu_virtq *q, struct vemu_virtq_elem *elem,
                            const struct virtq_desc *from)
{
    uint32_t entries;
    const uint8_t *table = vemu__virtq_indirect(q, from->addr, from->len, &entries);

    if (!table)
        return false;
    if (entries > q->s->size) {
        vemu__virtio_broken(q->vdev, "queue %u: chain longer than the queue", q->index);
        return false;
    }
    for (uint32_t n = 0; n < entries; n++) {
        struct virtq_desc desc;

        memcpy(&desc, table + 16ull * n, sizeof(desc));
        if (desc.half[1] & VIRTQ_DESC_INDIRECT) {
            vemu__virtio_broken(q->vdev, "queue %u: indirect descriptor where none may be",
                                q->index);
            return false;
        }
        if (!vemu__virtq_add(q, elem, desc.addr, desc.len, desc.half[1] & VIRTQ_DESC_WRITE))
            return false;
    }
    return true;
}

static bool packed_pop(struct vemu_virtq *q, struct vemu_virtq_elem *elem)
{
    uint16_t slot = q->s->avail, flags = desc_flags(q, slot);
    unsigned count = 0;

    if (!available(q, flags))
        return false;
    for (;;) {
        struct virtq_desc desc;

        if (++count + q->taken > q->s->size) {
            vemu__virtio_broken(q->vdev, "queue %u: chain longer than the queue", q->index);
            return false;
        }
        memcpy(&desc, q->area[VEMU_VIRTQ_DESC] + 16ull * slot, sizeof(desc));
        desc.half[1] = flags; /* what was looked at */
        elem->id = desc.half[0];
        if (flags & VIRTQ_DESC_INDIRECT) {
            if (count > 1 || (flags & VIRTQ_DESC_NEXT) ||
                !vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_INDIRECT_DESC)) {
                vemu__virtio_broken(q->vdev, "queue %u: indirect descriptor where none may be",
                                    q->index);
                return false;
            }
            if (!packed_indirect(q, elem, &desc))
                return false;
            break;
        }
        if (!vemu__virtq_add(q, elem, desc.addr, desc.len, flags & VIRTQ_DESC_WRITE))
            return false;
        if (!(flags & VIRTQ_DESC_NEXT))
            break;
        slot = slot + 1u == q->s->size ? 0 : (uint16_t)(slot + 1);
        flags = desc_flags(q, slot);
    }
    elem->descs = (uint16_t)count;
    q->taken += count;
    advance(q, &q->s->avail, count, WRAP_AVAIL);
    return true;
}

static void packed_unpop(struct vemu_virtq *q, const struct vemu_virtq_elem *elem)
{
    if (elem->descs > q->s->avail) {
        q->s->avail = (uint16_t)(q->s->avail + q->s->size);
        q->s->wraps ^= WRAP_AVAIL;
    }
    q->s->avail = (uint16_t)(q->s->avail - elem->descs);
    q->taken -= elem->descs;
}

/* --- returning -------------------------------------------------------------------------------- */

static void packed_put(struct vemu_virtq *q, const struct virtq_slot *slot)
{
    uint64_t offset = 16ull * q->s->used;
    uint8_t *at = q->area[VEMU_VIRTQ_DESC] + offset;
    uint16_t flags = wrap(q, WRAP_USED) ? DESC_AVAIL | DESC_USED : 0, before = q->s->used;

    if (slot->written)
        flags |= VIRTQ_DESC_WRITE;
    memcpy(at + 8, &slot->written, 4);
    memcpy(at + 12, &slot->id, 2);
    __atomic_store_n((uint16_t *)(at + 14), flags, __ATOMIC_RELEASE);
    vemu__virtq_wrote(q, VEMU_VIRTQ_DESC, offset + 8, 8);
    q->taken -= slot->descs;
    advance(q, &q->s->used, slot->descs, WRAP_USED);
    if (q->s->used < before || slot->descs == q->s->size) /* keeps distances right modulo 2^16 */
        q->s->signalled = (uint16_t)(q->s->signalled - q->s->size);
    q->staged++;
}

static void packed_publish(struct vemu_virtq *q) {} /* each entry is seen by its flags */

static bool packed_interrupt_wanted(struct vemu_virtq *q)
{
    uint16_t old = q->s->signalled, off_wrap, flags, event;
    bool valid = q->s->signalled_valid;

    q->s->signalled = q->s->used;
    q->s->signalled_valid = 1;
    flags = __atomic_load_n((const uint16_t *)(q->area[VEMU_VIRTQ_DRIVER] + 2), __ATOMIC_ACQUIRE);
    off_wrap = __atomic_load_n((const uint16_t *)q->area[VEMU_VIRTQ_DRIVER], __ATOMIC_RELAXED);
    if (flags != EVENT_DESC || !vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_EVENT_IDX))
        return flags != EVENT_DISABLE;
    event = off_wrap & 0x7fff;
    if ((off_wrap >> 15) != wrap(q, WRAP_USED))
        event = (uint16_t)(event - q->s->size);
    return !valid || vemu__virtq_need_event(event, q->s->used, old);
}

static void packed_want_notify(struct vemu_virtq *q, bool want)
{
    uint16_t *at = (uint16_t *)q->area[VEMU_VIRTQ_DEVICE], flags = EVENT_ENABLE;

    if (!want) {
        flags = EVENT_DISABLE;
    } else if (vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_EVENT_IDX)) {
        __atomic_store_n(at, (uint16_t)(q->s->avail | (wrap(q, WRAP_AVAIL) ? 0x8000u : 0)),
                         __ATOMIC_RELAXED);
        flags = EVENT_DESC;
    }
    __atomic_store_n(at + 1, flags, __ATOMIC_RELEASE);
    vemu__virtq_wrote(q, VEMU_VIRTQ_DEVICE, 0, 4);
}

const struct virtq_ring vemu__virtq_packed = {
    .area_size = packed_area_size,
    .area_align = { 16, 4, 4 },
    .size_valid = packed_size_valid,
    .pending = packed_pending,
    .watch = packed_watch,
    .pop = packed_pop,
    .unpop = packed_unpop,
    .put = packed_put,
    .publish = packed_publish,
    .interrupt_wanted = packed_interrupt_wanted,
    .want_notify = packed_want_notify,
};
