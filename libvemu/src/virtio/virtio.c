/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all virtio devices have: status, features, configuration space, and how they break.
 *
 * Status (virtio 1.2, 2.1 and 3.1.1): FEATURES_OK sticks only when the driver took VERSION_1, took
 * nothing that was not offered and the device agrees; DRIVER_OK starts the device only after that.
 * Queues are looked at between start and reset, and not while the machine is paused.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "core/error.h"
#include "core/vm.h"
#include "virtio/virtq.h"

#define CONFIG_MAX 256u
/* How often a queue is looked at again before others get their turn: a driver that fills it as
 * fast as it is emptied must not keep the thread. Nor must it keep the device looking: what is
 * taken in one look is as much as the queue holds. */
#define NOTIFY_ROUNDS 16

bool vemu__virtio_live(const struct vemu_virtio *vdev)
{
    return (vdev->status & VEMU_VIRTIO_STATUS_DRIVER_OK) && !vdev->is_broken && vdev->running;
}

struct vemu_virtq *vemu__virtio_queue(struct vemu_virtio *vdev, unsigned n)
{
    return n < vdev->queue_count ? vdev->queues[n] : NULL;
}

unsigned vemu__virtio_default_queues(const struct vemu_virtio *vdev, unsigned max)
{
    unsigned vcpus = vemu__vm_config(vdev->dev->vm)->vcpus;

    return vdev->transport->queue_interrupts ? MIN(MAX(vcpus, 1), max) : 1;
}

/* --- what goes wrong -------------------------------------------------------------------------- */

void vemu__virtio_broken(struct vemu_virtio *vdev, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list ap;

    if (vdev->is_broken)
        return;
    va_start(ap, format);
    why = g_strdup_vprintf(format, ap);
    va_end(ap);
    vdev->is_broken = 1;
    vdev->stats.broken++;
    VEMU_TRACE(vdev->dev->vm, VIRTIO_BROKEN, vdev->dev->id, 0);
    vdev->status |= VEMU_VIRTIO_STATUS_NEEDS_RESET;
    /* A guest may do this in a circle. */
    if (vdev->stats.broken == 1)
        vemu_vm_log(vdev->dev->vm, VEMU_LOG_WARNING, "%s: the guest broke the device: %s",
                    vdev->dev->id, why);
    if (vdev->status & VEMU_VIRTIO_STATUS_DRIVER_OK)
        vdev->transport->config_interrupt(vdev);
}

/* --- features --------------------------------------------------------------------------------- */

static uint64_t offered(const struct vemu_virtio *vdev)
{
    return vdev->features | VEMU_VIRTIO_F_VERSION_1 |
           (vdev->indirect ? VEMU_VIRTIO_F_INDIRECT_DESC : 0) |
           (vdev->event_idx ? VEMU_VIRTIO_F_EVENT_IDX : 0) |
           (vdev->packed ? VEMU_VIRTIO_F_RING_PACKED : 0) |
           (vdev->in_order ? VEMU_VIRTIO_F_IN_ORDER : 0) |
           (vdev->queue_reset ? VEMU_VIRTIO_F_RING_RESET : 0);
}

static uint32_t half(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> (32 * select)) : 0;
}

uint32_t vemu__virtio_get_device_features(const struct vemu_virtio *vdev, uint32_t select)
{
    return half(offered(vdev), select);
}

uint32_t vemu__virtio_get_driver_features(const struct vemu_virtio *vdev, uint32_t select)
{
    return half(vdev->driver_features, select);
}

void vemu__virtio_set_driver_features(struct vemu_virtio *vdev, uint32_t select, uint32_t value)
{
    if (select >= 2 || (vdev->status & VEMU_VIRTIO_STATUS_FEATURES_OK))
        return;
    vdev->driver_features &= ~((uint64_t)UINT32_MAX << (32 * select));
    vdev->driver_features |= (uint64_t)value << (32 * select);
}

static bool features_agreed(struct vemu_virtio *vdev)
{
    const struct vemu_virtio_ops *ops = vdev->class_->ops;

    return !(vdev->driver_features & ~offered(vdev)) &&
           vemu__virtio_has(vdev, VEMU_VIRTIO_F_VERSION_1) &&
           (!ops->features || ops->features(vdev));
}

/* --- status ----------------------------------------------------------------------------------- */

static void notify_all(struct vemu_virtio *vdev)
{
    for (unsigned n = 0; n < vdev->queue_count; n++)
        vemu__virtio_notify(vdev, n);
}

void vemu__virtio_set_status(struct vemu_virtio *vdev, uint8_t status)
{
    uint8_t old = vdev->status, added;

    VEMU_TRACE(vdev->dev->vm, VIRTIO_STATUS, vdev->dev->id, status);
    if (!status) {
        vemu__virtio_reset(vdev);
        return;
    }
    /* Bits go by reset only; NEEDS_RESET is the device's. */
    added = status & (uint8_t)~(old | VEMU_VIRTIO_STATUS_NEEDS_RESET);
    if ((added & VEMU_VIRTIO_STATUS_FEATURES_OK) && !features_agreed(vdev))
        added &= (uint8_t)~(VEMU_VIRTIO_STATUS_FEATURES_OK | VEMU_VIRTIO_STATUS_DRIVER_OK);
    if (added & VEMU_VIRTIO_STATUS_FEATURES_OK)
        VEMU_TRACE(vdev->dev->vm, VIRTIO_FEATURES, vdev->dev->id, vdev->driver_features);
    if ((added & VEMU_VIRTIO_STATUS_DRIVER_OK) &&
        !((old | added) & VEMU_VIRTIO_STATUS_FEATURES_OK))
        added &= (uint8_t)~VEMU_VIRTIO_STATUS_DRIVER_OK;
    vdev->status |= added;
    if (added & VEMU_VIRTIO_STATUS_DRIVER_OK) {
        if (vdev->is_broken) /* by a queue that was enabled before */
            vdev->transport->config_interrupt(vdev);
        else if (vdev->class_->ops->start)
            vdev->class_->ops->start(vdev);
        notify_all(vdev);
    }
}

void vemu__virtio_reset(struct vemu_virtio *vdev)
{
    const struct vemu_virtio_ops *ops = vdev->class_->ops;

    for (unsigned n = 0; n < vdev->queue_count; n++) {
        if (ops->queue_reset)
            ops->queue_reset(vdev, n);
        vemu__virtq_clear(vdev->queues[n]);
    }
    vdev->status = 0;
    vdev->driver_features = 0;
    vdev->is_broken = 0;
    vdev->config_generation = 0;
    vdev->stats.resets++;
    if (ops->reset)
        ops->reset(vdev);
    if (vdev->transport->reset)
        vdev->transport->reset(vdev);
}

/* --- doorbell --------------------------------------------------------------------------------- */

static bool usable(const struct vemu_virtq *q)
{
    return q->s->enabled && vemu__virtio_live(q->vdev);
}

/* With `linger` the lock is let go for a moment while the next chain is waited for. */
static void serve(struct vemu_virtq *q, bool linger)
{
    struct vemu_virtio *vdev = q->vdev;
    struct virtq_service service;
    bool progress, more;
    int round = 0;

    vdev->stats.notifications++;
    VEMU_TRACE(vdev->dev->vm, VIRTIO_NOTIFY, vdev->dev->id, q->index);
    vemu__virtq_want_notify(q, false);
    do {
        uint16_t before = q->s->avail, seen = vemu__virtq_seen(q);

        if (!round)
            vemu__virtq_serve_begin(q, &service);
        q->in_turn = true;
        q->turn = q->s->size;
        vdev->class_->ops->notify(vdev, q->index);
        q->in_turn = false;
        if (!usable(q))
            return;
        if (!round)
            vemu__virtq_serve_end(q, &service);
        progress = q->turn != q->s->size || q->s->avail != before;
        if (++round >= NOTIFY_ROUNDS && progress) { /* once more, from the loop or the iothread */
            if (!vemu__virtq_ring(q))
                vemu__virtq_ring_later(q);
            return;
        }
        more = linger && progress && vemu__virtq_linger(q);
        if (!usable(q))
            return;
        if (more)
            continue;
        vemu__virtq_want_notify(q, true);
        /* A device may leave chains where they are. Those that came after it had looked, and before
         * the driver saw the wish, are news all the same: no doorbell tells of them. */
        more = vemu__virtq_pending(q) && (progress || vemu__virtq_seen(q) != seen);
    } while (more);
}

void vemu__virtio_notify(struct vemu_virtio *vdev, uint32_t n)
{
    struct vemu_virtq *q = vemu__virtio_queue(vdev, n);

    if (!q || !usable(q) || (vdev->iothread && vemu__virtq_ring(q)))
        return;
    serve(q, false);
}

void vemu__virtq_rung_locked(struct vemu_virtq *q)
{
    if (usable(q))
        serve(q, false);
}

void vemu__virtq_rung(struct vemu_virtq *q)
{
    pthread_mutex_lock(&q->vdev->dev->lock);
    vemu__virtq_adapt(q);
    if (usable(q))
        serve(q, true);
    vemu__virtq_slept(q);
    pthread_mutex_unlock(&q->vdev->dev->lock);
}

/* --- configuration space ---------------------------------------------------------------------- */

static void config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    memset(config, 0, CONFIG_MAX);
    if (vdev->class_->ops->config_get)
        vdev->class_->ops->config_get(vdev, config);
}

static bool config_range(const struct vemu_virtio *vdev, uint64_t offset, unsigned size)
{
    return size <= 8 && offset < vdev->config_size && size <= vdev->config_size - offset;
}

uint64_t vemu__virtio_config_read(struct vemu_virtio *vdev, uint64_t offset, unsigned size)
{
    uint8_t config[CONFIG_MAX];
    uint64_t value = 0;

    if (config_range(vdev, offset, size)) {
        config_get(vdev, config);
        memcpy(&value, config + offset, size);
    }
    return value;
}

void vemu__virtio_config_write(struct vemu_virtio *vdev, uint64_t offset, unsigned size,
                               uint64_t value)
{
    uint8_t config[CONFIG_MAX];

    if (!config_range(vdev, offset, size) || !vdev->class_->ops->config_set)
        return;
    config_get(vdev, config);
    memcpy(config + offset, &value, size);
    vdev->class_->ops->config_set(vdev, config, offset, size);
}

void vemu__virtio_config_changed(struct vemu_virtio *vdev)
{
    vdev->config_generation++;
    if (vdev->status & VEMU_VIRTIO_STATUS_DRIVER_OK)
        vdev->transport->config_interrupt(vdev);
}

/* --- life ------------------------------------------------------------------------------------- */

static void queues_free(struct vemu_virtio *vdev)
{
    for (unsigned n = 0; n < vdev->queue_count; n++)
        vemu__virtq_free(vdev->queues[n]);
    vdev->queue_count = 0;
}

static int get_notifiers(struct vemu_virtio *vdev)
{
    int r = 0;

    for (unsigned n = 0; r >= 0 && n < vdev->queue_count; n++)
        r = vemu__virtq_get_notifier(vdev->queues[n]);
    return r;
}

int vemu__virtio_realize(struct vemu_virtio *vdev, struct vemu_device *dev,
                         const struct vemu_virtio_class *class_,
                         const struct vemu_virtio_transport *transport, struct vemu_error **err)
{
    int r;

    vdev->dev = dev;
    vdev->class_ = class_;
    vdev->transport = transport;
    vdev->running = true;
    r = class_->ops->realize(vdev, err);
    if (r < 0) {
        queues_free(vdev);
        return r;
    }
    r = vdev->iothread ? get_notifiers(vdev) : 0;
    if (r < 0) {
        if (class_->ops->unrealize)
            class_->ops->unrealize(vdev);
        queues_free(vdev);
        return vemu__error_set(err, -r, "iothread '%s': %s", vemu__iothread_id(vdev->iothread),
                               strerror(-r));
    }
    g_assert(vdev->config_size <= CONFIG_MAX);
    vdev->realized = true;
    return 0;
}

void vemu__virtio_unrealize(struct vemu_virtio *vdev)
{
    if (!vdev->realized)
        return;
    vemu__virtio_reset(vdev);
    if (vdev->class_->ops->unrealize)
        vdev->class_->ops->unrealize(vdev);
    queues_free(vdev);
    vdev->realized = false;
}

void vemu__virtio_pause(struct vemu_virtio *vdev)
{
    if (vdev->class_->ops->pause)
        vdev->class_->ops->pause(vdev);
    vdev->running = false;
}

void vemu__virtio_resume(struct vemu_virtio *vdev)
{
    vdev->running = true;
    if (vdev->class_->ops->resume)
        vdev->class_->ops->resume(vdev);
    notify_all(vdev);
}

/* The state may come from anywhere: what a guest could not have brought about is refused. */
void vemu__virtio_restored(struct vemu_virtio *vdev)
{
    bool broken = vdev->is_broken;

    vdev->driver_features &= offered(vdev);
    vdev->is_broken = 0;
    for (unsigned n = 0; n < VEMU_VIRTIO_QUEUES_MAX; n++) {
        struct vemu_virtq_state *s = &vdev->queue_state[n];
        struct vemu_virtq *q = vemu__virtio_queue(vdev, n);

        if (!q) {
            memset(s, 0, sizeof(*s));
            continue;
        }
        if (!s->enabled)
            continue;
        s->enabled = 1;
        s->wraps &= 3;
        if (!(vdev->status & VEMU_VIRTIO_STATUS_FEATURES_OK) || !vemu__virtq_map(q) ||
            (q->ring == &vemu__virtq_packed && (s->avail >= s->size || s->used >= s->size)))
            s->enabled = 0;
    }
    if (broken)
        vemu__virtio_broken(vdev, "saved so");
    if (vdev->class_->ops->restored)
        vdev->class_->ops->restored(vdev);
}

void vemu__virtio_fini(struct vemu_virtio *vdev)
{
    if (vdev->class_ && vdev->class_->ops->fini)
        vdev->class_->ops->fini(vdev);
}

/* --- properties, state ------------------------------------------------------------------------ */

const struct vemu_prop vemu__virtio_props[] = {
    VEMU_PROP(struct vemu_virtio, indirect, "indirect_desc", BOOL, "on",
              "offer indirect descriptors"),
    VEMU_PROP(struct vemu_virtio, event_idx, "event_idx", BOOL, "on",
              "offer event indices (fewer interrupts and notifications)"),
    VEMU_PROP(struct vemu_virtio, packed, "packed", BOOL, "off", "offer packed queues"),
    VEMU_PROP(struct vemu_virtio, in_order, "in_order", BOOL, "off",
              "offer to return buffers in order"),
    VEMU_PROP(struct vemu_virtio, queue_reset, "queue_reset", BOOL, "on",
              "offer resets of single queues"),
    VEMU_PROP_END,
};

const struct vemu_state_field vemu__virtio_state[] = {
    VEMU_STATE(struct vemu_virtio, driver_features),
    VEMU_STATE(struct vemu_virtio, status),
    VEMU_STATE(struct vemu_virtio, config_generation),
    VEMU_STATE(struct vemu_virtio, is_broken),
    VEMU_STATE(struct vemu_virtio, queue_state),
    VEMU_STATE_END,
};
