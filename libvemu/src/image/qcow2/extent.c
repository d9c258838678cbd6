/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where things are: extents for people and copying, spans for the kernel.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

static uint32_t extent_flags(enum qcow2_type type)
{
    switch (type) {
    case QCOW2_T_NORMAL:
        return VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_OFFSET;
    case QCOW2_T_COMPRESSED:
        return VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_COMPRESSED;
    case QCOW2_T_ZERO_ALLOC:
        return VEMU_IMAGE_EXTENT_ZERO | VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_OFFSET;
    case QCOW2_T_ZERO_PLAIN: return VEMU_IMAGE_EXTENT_ZERO | VEMU_IMAGE_EXTENT_ALLOCATED;
    default: return 0;
    }
}

/* Images whose metadata was preallocated: most of the file is a hole that tables call data. */
static bool is_preallocated(struct qcow2 *s)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    uint64_t size = atomic_load(&s->data->size), at = 0, holes = 0;

    if (s->preallocated)
        return s->preallocated == 2;
    for (unsigned i = 0; i < 1000 && at < size; i++) {
        if (vemu_image_get_extent(s->data, NULL, at, size - at, &extent) < 0)
            break;
        if (extent.flags & VEMU_IMAGE_EXTENT_ZERO)
            holes += extent.bytes;
        at += extent.bytes;
    }
    s->preallocated = holes > size / 10 ? 2 : 1;
    return s->preallocated == 2;
}

int vemu__qcow2_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret)
{
    struct qcow2 *s = qcow2_of(image);
    struct vemu_image_extent below = VEMU_IMAGE_EXTENT_INIT;
    struct qcow2_run run, more;
    unsigned token;
    int r;

    pthread_mutex_lock(&s->lock);
    token = vemu__qcow2_begin(s);
    r = vemu__qcow2_find(s, offset, bytes, &run);
    while (r == 0 && run.bytes < bytes) {
        if (vemu__qcow2_find(s, offset + run.bytes, bytes - run.bytes, &more) < 0 ||
            extent_flags(more.type) != extent_flags(run.type))
            break;
        if (extent_flags(run.type) & VEMU_IMAGE_EXTENT_OFFSET && more.host != run.host + run.bytes)
            break;
        run.bytes += more.bytes;
    }
    pthread_mutex_unlock(&s->lock);
    if (r == 0) {
        ret->flags = extent_flags(run.type);
        ret->bytes = run.bytes;
        ret->offset = ret->flags & VEMU_IMAGE_EXTENT_OFFSET ? run.host : 0;
        ret->filename = ret->flags & VEMU_IMAGE_EXTENT_OFFSET ? s->data->filename : NULL;
        if (run.type == QCOW2_T_NORMAL && is_preallocated(s) &&
            run.host < atomic_load(&s->data->size) &&
            vemu_image_get_extent(s->data, NULL, run.host, run.bytes, &below) == 0) {
            ret->bytes = MIN(ret->bytes, below.bytes);
            if (below.flags & VEMU_IMAGE_EXTENT_ZERO)
                ret->flags |= VEMU_IMAGE_EXTENT_ZERO;
        }
    }
    vemu__qcow2_end(s, token);
    return r;
}

/* The span of the layer below is wrapped: its owner is remembered by its struct. */
int vemu__qcow2_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                    struct vemu_image_span *ret)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_run run;
    unsigned token;
    int r = write ? vemu__qcow2_may_write(s) : 0;

    if (r < 0)
        return r;
    pthread_mutex_lock(&s->lock);
    if (s->exclusive) { /* waiting would hold up the caller's loop */
        pthread_mutex_unlock(&s->lock);
        return -EAGAIN;
    }
    token = vemu__qcow2_begin(s);
    r = vemu__qcow2_find(s, offset, bytes, &run);
    if (r == 0 && (run.type != QCOW2_T_NORMAL || (write && !run.copied)))
        r = -EAGAIN;
    if (r == 0 && write && !s->external && vemu__qcow2_metadata_hit(s, run.host, run.bytes))
        r = vemu__qcow2_corrupt(s);
    if (r == 0 && write)
        r = vemu__qcow2_bitmaps_touch(s, offset, run.bytes);
    pthread_mutex_unlock(&s->lock);
    /* What is behind the end of the file reads as zeros, or makes the file longer. */
    if (r == 0 && run.host + run.bytes > atomic_load(&s->data->size))
        r = -EAGAIN;
    if (r == 0)
        r = vemu__image_map(s->data, run.host, run.bytes, write, ret);
    if (r == 0 && ret->owner) { /* one owner is enough for files; others are asked by readv */
        vemu__image_unmap(ret);
        r = -EAGAIN;
    }
    if (r < 0) {
        vemu__qcow2_end(s, token);
        return r;
    }
    ret->owner = image;
    ret->owner_data[0] = token;
    return 0;
}

void vemu__qcow2_unmap(struct vemu_image *image, struct vemu_image_span *span)
{
    vemu__qcow2_end(qcow2_of(image), (unsigned)span->owner_data[0]);
}
