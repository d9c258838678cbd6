/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling when a layer is written to behind a place: who watches how full storage gets is told in
 * time, without asking again and again.
 *
 * A layer's threshold stays with it for life, once it had one: whoever writes looks at it without a
 * lock, and takes the lock only where it seems to be exceeded.
 */
#include "image/image.h"

#include <glib.h>
#include <pthread.h>

struct vemu_image_threshold {
    pthread_mutex_t lock;   /* of the last three, and of clearing */
    _Atomic uint64_t bytes; /* 0: none */
    vemu_image_threshold_fn fn;
    void *data;
    void (*free)(void *data);
};

static struct vemu_image_threshold *threshold_of(struct vemu_image *image)
{
    struct vemu_image_threshold *threshold = atomic_load(&image->threshold), *fresh;

    if (threshold)
        return threshold;
    fresh = g_new0(struct vemu_image_threshold, 1);
    pthread_mutex_init(&fresh->lock, NULL);
    if (atomic_compare_exchange_strong(&image->threshold, &threshold, fresh))
        return fresh;
    pthread_mutex_destroy(&fresh->lock);
    g_free(fresh);
    return threshold;
}

void vemu__image_set_threshold(struct vemu_image *image, uint64_t bytes, vemu_image_threshold_fn fn,
                               void *data, void (*free)(void *data))
{
    struct vemu_image_threshold *threshold = threshold_of(image);
    void (*old_free)(void *);
    void *old;

    pthread_mutex_lock(&threshold->lock);
    old = threshold->data;
    old_free = threshold->free;
    threshold->fn = fn;
    threshold->data = data;
    threshold->free = free;
    atomic_store(&threshold->bytes, bytes);
    pthread_mutex_unlock(&threshold->lock);
    if (old_free)
        old_free(old);
}

uint64_t vemu__image_get_threshold(const struct vemu_image *image)
{
    struct vemu_image_threshold *threshold = atomic_load(&image->threshold);

    return threshold ? atomic_load(&threshold->bytes) : 0;
}

void vemu__image_free_threshold(struct vemu_image *image)
{
    struct vemu_image_threshold *threshold = atomic_load(&image->threshold);

    if (!threshold)
        return;
    if (threshold->free)
        threshold->free(threshold->data);
    pthread_mutex_destroy(&threshold->lock);
    g_free(threshold);
}

void vemu__image_exceed_threshold(struct vemu_image *image, uint64_t end)
{
    struct vemu_image_threshold *threshold = atomic_load(&image->threshold);
    uint64_t bytes;

    pthread_mutex_lock(&threshold->lock);
    bytes = atomic_load(&threshold->bytes);
    if (bytes && end > bytes) {
        atomic_store(&threshold->bytes, 0);
        threshold->fn(threshold->data, end - bytes, bytes);
    }
    pthread_mutex_unlock(&threshold->lock);
}
