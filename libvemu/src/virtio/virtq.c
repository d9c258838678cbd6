/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtqueues: enabling, elements, the memory of chains, the order of completions.
 *
 * The three areas of an enabled queue must each lie in one block of RAM, so that rings are plain
 * host memory. Buffers may span blocks; they are cut. RAM never goes away while the machine lives,
 * so pointers stay good while a request is under way.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "core/iov.h"
#include "core/vm.h"
#include "virtio/virtq.h"

#define ELEM_CAPACITY 16u /* at first; grows */

/* --- elements --------------------------------------------------------------------------------- */

static struct vemu_virtq_elem *elem_new(struct vemu_virtq *q)
{
    struct vemu_virtq_elem *elem = q->pool;

    if (elem) {
        q->pool = elem->next;
    } else {
        elem = g_malloc0(q->elem_size);
        elem->queue = q;
        elem->capacity = ELEM_CAPACITY;
        elem->iov = g_new(struct iovec, ELEM_CAPACITY);
        elem->gpa = g_new(uint64_t, ELEM_CAPACITY);
    }
    elem->next = NULL;
    elem->out_count = elem->in_count = 0;
    elem->out_size = elem->in_size = 0;
    elem->descs = 0;
    return elem;
}

static void elem_put_back(struct vemu_virtq_elem *elem)
{
    elem->next = elem->queue->pool;
    elem->queue->pool = elem;
}

static void pool_free(struct vemu_virtq *q)
{
    struct vemu_virtq_elem *elem;

    while ((elem = q->pool) != NULL) {
        q->pool = elem->next;
        g_free(elem->iov);
        g_free(elem->gpa);
        g_free(elem);
    }
}

/* Entries are all in `iov`, outs first, and their addresses in `gpa`. */
static void elem_append(struct vemu_virtq_elem *elem, uint64_t gpa, void *ptr, uint64_t size,
                        bool write)
{
    unsigned n = elem->out_count + elem->in_count;

    if (n == elem->capacity) {
        elem->capacity *= 2;
        elem->iov = g_renew(struct iovec, elem->iov, elem->capacity);
        elem->gpa = g_renew(uint64_t, elem->gpa, elem->capacity);
    }
    elem->iov[n] = (struct iovec){ ptr, size };
    elem->gpa[n] = gpa;
    if (write) {
        elem->in_count++;
        elem->in_size += (uint32_t)size;
    } else {
        elem->out_count++;
        elem->out_size += (uint32_t)size;
    }
}

bool vemu__virtq_add(struct vemu_virtq *q, struct vemu_virtq_elem *elem, uint64_t gpa, uint32_t len,
                     bool write)
{
    uint64_t left = len, n;
    void *ptr;

    if (!len || len > UINT32_MAX - elem->out_size - (uint64_t)elem->in_size) {
        vemu__virtio_broken(q->vdev, "queue %u: buffer of %u bytes", q->index, len);
        return false;
    }
    if (!write && elem->in_count) {
        vemu__virtio_broken(q->vdev, "queue %u: readable descriptor behind a writable one",
                            q->index);
        return false;
    }
    while (left) {
        ptr = gpa + left < gpa ? NULL
                               : vemu__memory_span(q->vdev->dev->vm->memory, gpa, left, write, &n);
        if (!ptr || elem->out_count + elem->in_count == IOV_MAX) {
            vemu__virtio_broken(q->vdev, "queue %u: no memory at 0x%llx (size 0x%llx)", q->index,
                                (unsigned long long)gpa, (unsigned long long)left);
            return false;
        }
        elem_append(elem, gpa, ptr, n, write);
        gpa += n;
        left -= n;
    }
    return true;
}

const uint8_t *vemu__virtq_indirect(struct vemu_virtq *q, uint64_t gpa, uint32_t len,
                                    uint32_t *ret_count)
{
    const uint8_t *table = NULL;

    if (len && len % sizeof(struct virtq_desc) == 0)
        table = vemu__memory_ptr(q->vdev->dev->vm->memory, gpa, len, false);
    if (!table)
        vemu__virtio_broken(q->vdev, "queue %u: indirect table at 0x%llx (size 0x%x)", q->index,
                            (unsigned long long)gpa, len);
    *ret_count = len / sizeof(struct virtq_desc);
    return table;
}

size_t vemu__virtq_elem_read(const struct vemu_virtq_elem *elem, size_t offset, void *buf,
                             size_t size)
{
    return vemu__iov_read(elem->out, elem->out_count, offset, buf, size);
}

size_t vemu__virtq_elem_write(const struct vemu_virtq_elem *elem, size_t offset, const void *buf,
                              size_t size)
{
    return vemu__iov_write(elem->in, elem->in_count, offset, buf, size);
}

unsigned vemu__virtq_slice(const struct iovec *iov, unsigned count, size_t skip, size_t limit,
                           struct iovec *ret, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count && n < max && limit; i++) {
        size_t size;

        if (skip >= iov[i].iov_len) {
            skip -= iov[i].iov_len;
            continue;
        }
        size = MIN(iov[i].iov_len - skip, limit);
        ret[n++] = (struct iovec){ (uint8_t *)iov[i].iov_base + skip, size };
        limit -= size;
        skip = 0;
    }
    return n;
}

/* --- the device's side ------------------------------------------------------------------------ */

void vemu__virtq_wrote(struct vemu_virtq *q, enum vemu_virtq_area area, uint64_t offset,
                       uint64_t size)
{
    const uint64_t base[] = { q->s->desc, q->s->driver, q->s->device };

    vemu__memory_written(q->vdev->dev->vm->memory, base[area] + offset, size);
}

int vemu__virtq_pop(struct vemu_virtq *q, struct vemu_virtq_elem **ret)
{
    struct vemu_virtq_elem *elem;

    if (!q->s->enabled || !vemu__virtio_live(q->vdev) || (q->in_turn && !q->turn))
        return 0;
    elem = elem_new(q);
    if (!q->ring->pop(q, elem)) {
        elem_put_back(elem);
        return 0;
    }
    elem->out = elem->iov;
    elem->in = elem->iov + elem->out_count;
    elem->order = q->next_order++;
    q->held++;
    q->turn -= q->in_turn;
    q->vdev->stats.requests++;
    *ret = elem;
    return 1;
}

int vemu__virtq_take(struct vemu_virtq *q, struct vemu_virtq_elem **ret)
{
    if (vemu__virtq_pop(q, ret))
        return 1;
    vemu__virtq_want_notify(q, true);
    return vemu__virtq_pop(q, ret);
}

void vemu__virtq_unpop(struct vemu_virtq_elem *elem)
{
    struct vemu_virtq *q = elem->queue;

    g_assert(elem->order == (uint16_t)(q->next_order - 1));
    q->ring->unpop(q, elem);
    q->next_order--;
    q->held--;
    q->turn += q->in_turn;
    elem_put_back(elem);
}

void vemu__virtq_drop(struct vemu_virtq_elem *elem)
{
    elem->queue->held--;
    elem_put_back(elem);
}

/* VIRTIO_F_IN_ORDER (2.7.8.. "in order of availability"): a completion waits for earlier ones. */
static void put_in_order(struct vemu_virtq *q, const struct virtq_slot *slot, uint16_t order)
{
    q->window[order % q->max] = *slot;
    while (q->window[q->next_return % q->max].done) {
        struct virtq_slot *first = &q->window[q->next_return % q->max];

        first->done = false;
        q->ring->put(q, first);
        q->next_return++;
    }
}

void vemu__virtq_push(struct vemu_virtq_elem *elem, uint32_t written)
{
    struct vemu_virtq *q = elem->queue;
    const struct virtq_slot slot = { elem->id, elem->descs, MIN(written, elem->in_size), true };
    /* A device may have trimmed `out`: what is before `in` says nothing. */
    const uint64_t *gpas = elem->gpa + (elem->in - elem->iov);

    for (unsigned i = 0; i < elem->in_count; i++)
        vemu__memory_written(q->vdev->dev->vm->memory, gpas[i], elem->in[i].iov_len);
    if (vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_IN_ORDER))
        put_in_order(q, &slot, elem->order);
    else
        q->ring->put(q, &slot);
    q->held--;
    q->vdev->stats.completions++;
    elem_put_back(elem);
}

void vemu__virtq_flush(struct vemu_virtq *q)
{
    struct vemu_virtio *vdev = q->vdev;

    if (!q->staged)
        return;
    q->ring->publish(q);
    q->staged = 0;
    /* The driver stores its wish and then looks for entries; here it is the other way round. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!q->ring->interrupt_wanted(q)) {
        vdev->stats.suppressed++;
        return;
    }
    vdev->stats.interrupts++;
    VEMU_TRACE(vdev->dev->vm, VIRTIO_INTERRUPT, vdev->dev->id, q->index);
    vdev->transport->queue_interrupt(vdev, q->index);
}

bool vemu__virtq_pending(struct vemu_virtq *q)
{
    return q->s->enabled && vemu__virtio_live(q->vdev) && q->ring->pending(q);
}

void vemu__virtq_want_notify(struct vemu_virtq *q, bool want)
{
    if (!q->s->enabled || !vemu__virtio_live(q->vdev))
        return;
    q->ring->want_notify(q, want);
    if (want)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

unsigned vemu__virtq_held(const struct vemu_virtq *q)
{
    return q->held;
}

unsigned vemu__virtq_index(const struct vemu_virtq *q)
{
    return q->index;
}

struct vemu_virtio *vemu__virtq_device(const struct vemu_virtq *q)
{
    return q->vdev;
}

/* --- the transport's side --------------------------------------------------------------------- */

uint16_t vemu__virtq_get_max(const struct vemu_virtq *q)
{
    return q->max;
}

uint16_t vemu__virtq_get_size(const struct vemu_virtq *q)
{
    return q->s->size;
}

void vemu__virtq_set_size(struct vemu_virtq *q, uint16_t size)
{
    if (!q->s->enabled)
        q->s->size = size;
}

static uint64_t *address_of(struct vemu_virtq *q, enum vemu_virtq_area area)
{
    return area == VEMU_VIRTQ_DESC     ? &q->s->desc
           : area == VEMU_VIRTQ_DRIVER ? &q->s->driver
                                       : &q->s->device;
}

uint64_t vemu__virtq_get_address(const struct vemu_virtq *q, enum vemu_virtq_area area)
{
    return *address_of((struct vemu_virtq *)q, area);
}

void vemu__virtq_set_address(struct vemu_virtq *q, enum vemu_virtq_area area, uint64_t gpa)
{
    if (!q->s->enabled)
        *address_of(q, area) = gpa;
}

bool vemu__virtq_enabled(const struct vemu_virtq *q)
{
    return q->s->enabled;
}

bool vemu__virtq_map(struct vemu_virtq *q)
{
    struct vemu_memory *mem = q->vdev->dev->vm->memory;
    uint16_t size = q->s->size;

    q->ring = vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_RING_PACKED) ? &vemu__virtq_packed
                                                                   : &vemu__virtq_split;
    if (size > q->max || !q->ring->size_valid(size)) {
        vemu__virtio_broken(q->vdev, "queue %u: size %u", q->index, size);
        return false;
    }
    for (int i = 0; i < 3; i++) {
        enum vemu_virtq_area area = (enum vemu_virtq_area)i;
        uint64_t gpa = *address_of(q, area), bytes = q->ring->area_size(area, size);

        q->area[i] = NULL;
        if (gpa % q->ring->area_align[i] == 0 && gpa + bytes > gpa)
            q->area[i] = vemu__memory_ptr(mem, gpa, bytes, area != VEMU_VIRTQ_DRIVER);
        if (!q->area[i]) {
            vemu__virtio_broken(q->vdev, "queue %u: no ring at 0x%llx (size 0x%llx)", q->index,
                                (unsigned long long)gpa, (unsigned long long)bytes);
            return false;
        }
    }
    if (vemu__virtio_has(q->vdev, VEMU_VIRTIO_F_IN_ORDER) && !q->window)
        q->window = g_new0(struct virtq_slot, q->max);
    return true;
}

void vemu__virtq_enable(struct vemu_virtq *q)
{
    struct vemu_virtio *vdev = q->vdev;

    if (q->s->enabled || !(vdev->status & VEMU_VIRTIO_STATUS_FEATURES_OK) || vdev->is_broken ||
        !vemu__virtq_map(q))
        return;
    q->s->avail = q->s->used = q->s->signalled = q->s->signalled_valid = 0;
    q->s->wraps = 3; /* both counters start as 1 */
    q->s->enabled = 1;
    VEMU_TRACE(vdev->dev->vm, VIRTIO_QUEUE, vdev->dev->id, q->index, q->s->size);
    if (vdev->status & VEMU_VIRTIO_STATUS_DRIVER_OK) {
        if (vdev->class_->ops->queue_enable)
            vdev->class_->ops->queue_enable(vdev, q->index);
        vemu__virtio_notify(vdev, q->index);
    }
}

void vemu__virtq_clear(struct vemu_virtq *q)
{
    g_assert(q->held == 0);
    memset(q->s, 0, sizeof(*q->s));
    q->s->size = q->max;
    q->ring = NULL;
    memset(q->area, 0, sizeof(q->area));
    q->taken = q->staged = 0;
    q->next_order = q->next_return = 0;
    if (q->window)
        memset(q->window, 0, q->max * sizeof(*q->window));
}

void vemu__virtq_reset(struct vemu_virtq *q)
{
    struct vemu_virtio *vdev = q->vdev;

    if (!vemu__virtio_has(vdev, VEMU_VIRTIO_F_RING_RESET) || !q->s->enabled)
        return;
    if (vdev->class_->ops->queue_reset)
        vdev->class_->ops->queue_reset(vdev, q->index);
    vemu__virtq_clear(q);
}

/* --- making and freeing ----------------------------------------------------------------------- */

unsigned vemu__virtio_add_queue(struct vemu_virtio *vdev, uint16_t size, size_t elem_size)
{
    struct vemu_virtq *q = g_new0(struct vemu_virtq, 1);
    unsigned n = vdev->queue_count++;

    g_assert(n < VEMU_VIRTIO_QUEUES_MAX && size <= VEMU_VIRTQ_SIZE_MAX &&
             elem_size >= sizeof(struct vemu_virtq_elem));
    q->vdev = vdev;
    q->s = &vdev->queue_state[n];
    q->index = n;
    q->max = size;
    q->elem_size = elem_size;
    q->notifier = -1;
    q->quick_ns = VIRTQ_QUICK_NS;
    q->s->size = size;
    vdev->queues[n] = q;
    return n;
}

void vemu__virtq_free(struct vemu_virtq *q)
{
    vemu__watch_free(q->watch);
    vemu__iothread_unwatch(q->iothread_watch);
    vemu__virtq_forget_later(q);
    if (q->notifier >= 0)
        close(q->notifier);
    pool_free(q);
    g_free(q->window);
    g_free(q);
}
