/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtio device for tests of the core: returns what it is sent.
 */
#include "echo.h"

#include <string.h>

#include <glib.h>

#include "virtio/class.h"

static struct echo *echo_of(struct vemu_virtio *vdev)
{
    return (struct echo *)vdev;
}

static void answer(struct vemu_virtq_elem *elem)
{
    uint32_t size = MIN(elem->out_size, elem->in_size);
    g_autofree uint8_t *copy = g_malloc(size + 1);

    vemu__virtq_elem_read(elem, 0, copy, size);
    vemu__virtq_elem_write(elem, 0, copy, size);
    vemu__virtq_push(elem, size);
}

static void echo_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct echo *echo = echo_of(vdev);
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vemu_virtq_elem *elem;

    echo->notifies++;
    while ((!echo->hold || echo->held_count < ECHO_HELD) && vemu__virtq_pop(q, &elem)) {
        if (echo->hold)
            echo->held[echo->held_count++] = elem;
        else
            answer(elem);
        if (echo->each)
            echo->each(echo->each_data);
    }
    vemu__virtq_flush(q);
    if (echo->late) {
        void (*late)(void *data) = echo->late;

        echo->late = NULL;
        late(echo->late_data);
    }
}

void echo_release(struct echo *echo, unsigned n)
{
    struct vemu_virtq_elem *elem = echo->held[n];

    pthread_mutex_lock(&echo->vdev.dev->lock);
    answer(elem);
    vemu__virtq_flush(elem->queue);
    memmove(echo->held + n, echo->held + n + 1,
            (echo->held_count - n - 1) * sizeof(echo->held[0]));
    echo->held_count--;
    pthread_mutex_unlock(&echo->vdev.dev->lock);
}

void echo_unpop(struct echo *echo)
{
    pthread_mutex_lock(&echo->vdev.dev->lock);
    vemu__virtq_unpop(echo->held[--echo->held_count]);
    pthread_mutex_unlock(&echo->vdev.dev->lock);
}

static void echo_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    struct echo *echo = echo_of(vdev);
    unsigned kept = 0;

    for (unsigned i = 0; i < echo->held_count; i++) {
        if (vemu__virtq_index(echo->held[i]->queue) == queue)
            vemu__virtq_drop(echo->held[i]);
        else
            echo->held[kept++] = echo->held[i];
    }
    echo->held_count = kept;
    echo->queue_resets++;
}

static void echo_queue_enable(struct vemu_virtio *vdev, unsigned queue)
{
    echo_of(vdev)->enables++;
}

static void echo_start(struct vemu_virtio *vdev)
{
    echo_of(vdev)->starts++;
}

static void echo_reset(struct vemu_virtio *vdev)
{
    echo_of(vdev)->resets++;
}

static void echo_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    memcpy(config, echo_of(vdev)->config, sizeof(echo_of(vdev)->config));
}

static void echo_config_set(struct vemu_virtio *vdev, const uint8_t *config, size_t offset,
                            size_t size)
{
    memcpy(echo_of(vdev)->config + offset, config + offset, size);
}

static int echo_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    for (unsigned n = 0; n < ECHO_QUEUES; n++)
        vemu__virtio_add_queue(vdev, echo_of(vdev)->queue_size, sizeof(struct vemu_virtq_elem));
    vdev->features = VEMU_VIRTIO_F(0) | VEMU_VIRTIO_F(3);
    vdev->config_size = sizeof(echo_of(vdev)->config);
    return 0;
}

/* Bit 3 needs bit 0. */
static bool echo_features(struct vemu_virtio *vdev)
{
    return !vemu__virtio_has(vdev, VEMU_VIRTIO_F(3)) || vemu__virtio_has(vdev, VEMU_VIRTIO_F(0));
}

static const struct vemu_virtio_ops echo_ops = {
    .realize = echo_realize,
    .features = echo_features,
    .config_get = echo_config_get,
    .config_set = echo_config_set,
    .start = echo_start,
    .notify = echo_notify,
    .queue_enable = echo_queue_enable,
    .queue_reset = echo_queue_reset,
    .reset = echo_reset,
};

static const struct vemu_virtio_class echo_class = {
    .name = "test-echo",
    .id = 63,
    .ops = &echo_ops,
};

static const struct vemu_prop echo_props[] = {
    VEMU_PROP(struct echo, queue_size, "queue-size", U16, "16", "entries"),
    VEMU_PROP_END,
};

static const struct vemu_state_field echo_state[] = {
    VEMU_STATE(struct echo, config),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(echo_device, struct echo, &echo_class, "test-echo", "echo", echo_props,
                   echo_state);

const struct vemu_device_class *const echo_classes[] = {
    &echo_device_mmio.base,
    NULL,
};
