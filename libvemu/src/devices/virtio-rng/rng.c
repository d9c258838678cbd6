/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-rng: entropy from the host's getrandom(2) (virtio 1.2, 5.4).
 *
 * A request gets at most REQUEST_MAX bytes, whatever it asks for; the driver asks again. With
 * max-bytes a guest gets no more than that in a period; requests wait for the next one.
 */
#include <errno.h>
#include <sys/random.h>

#include <glib.h>

#include "core/error.h"
#include "virtio/class.h"

#define QUEUE_SIZE  8u
#define REQUEST_MAX 65536u

struct rng {
    struct vemu_virtio vdev;
    uint64_t max_bytes;
    uint32_t period_ms;
    struct vemu_timer *timer; /* NULL: no limit */
    uint64_t quota;           /* bytes left in this period; saved */
};

static struct rng *rng_of(struct vemu_virtio *vdev)
{
    return (struct rng *)vdev;
}

/* Fills pieces; returns how many bytes there are. */
static uint32_t fill(const struct vemu_virtq_elem *elem, uint64_t limit)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < elem->in_count && done < limit; i++) {
        uint8_t *at = elem->in[i].iov_base;
        uint64_t left = MIN(limit - done, elem->in[i].iov_len);

        while (left) {
            ssize_t n = getrandom(at, left, 0);

            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return (uint32_t)done;
            at += n;
            left -= (uint64_t)n;
            done += (uint64_t)n;
        }
    }
    return (uint32_t)done;
}

static void rng_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct rng *rng = rng_of(vdev);
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vemu_virtq_elem *elem;

    while ((!rng->timer || rng->quota) && vemu__virtq_pop(q, &elem)) {
        uint64_t limit = MIN(elem->in_size, REQUEST_MAX);
        uint32_t n;

        if (rng->timer)
            limit = MIN(limit, rng->quota);
        n = fill(elem, limit);
        rng->quota -= rng->timer ? n : 0;
        vemu__virtq_push(elem, n);
    }
    vemu__virtq_flush(q);
    if (rng->timer && !rng->quota && !vemu_timer_armed(rng->timer))
        vemu_timer_set(rng->timer,
                       vemu_clock_ns(vdev->dev->vm) + (int64_t)rng->period_ms * 1000000);
}

static void rng_period(struct vemu_device *dev)
{
    struct rng *rng = rng_of(vemu__virtio_of(dev));

    rng->quota = rng->max_bytes;
    vemu__virtio_notify(&rng->vdev, 0);
}

static void rng_reset(struct vemu_virtio *vdev)
{
    struct rng *rng = rng_of(vdev);

    rng->quota = rng->max_bytes;
    if (rng->timer)
        vemu_timer_set(rng->timer, INT64_MAX);
}

static void rng_restored(struct vemu_virtio *vdev)
{
    struct rng *rng = rng_of(vdev);

    rng->quota = MIN(rng->quota, rng->max_bytes);
    if (rng->timer && !rng->quota)
        vemu_timer_set(rng->timer, vemu_clock_ns(vdev->dev->vm));
}

static int rng_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct rng *rng = rng_of(vdev);

    if (!rng->period_ms || !rng->max_bytes)
        return vemu__error_set(err, EINVAL, "max-bytes and period must not be 0");
    vemu__virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct vemu_virtq_elem));
    if (rng->max_bytes != UINT64_MAX)
        rng->timer = vemu_device_add_timer(vdev->dev, rng_period);
    return 0;
}

static const struct vemu_virtio_ops rng_ops = {
    .realize = rng_realize,
    .notify = rng_notify,
    .reset = rng_reset,
    .restored = rng_restored,
};

static const struct vemu_virtio_class rng_class = {
    .name = "virtio-rng",
    .id = VEMU_VIRTIO_ID_RNG,
    .ops = &rng_ops,
};

static const struct vemu_prop rng_props[] = {
    VEMU_PROP(struct rng, max_bytes, "max-bytes", U64, "18446744073709551615",
              "bytes a guest gets in a period"),
    VEMU_PROP(struct rng, period_ms, "period", U32, "65536", "milliseconds of a period"),
    VEMU_PROP_END,
};

static const struct vemu_state_field rng_state[] = {
    VEMU_STATE(struct rng, quota),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_rng, struct rng, &rng_class, "virtio-rng",
                   "entropy from the host", rng_props, rng_state);
