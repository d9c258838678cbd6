/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where things are: extents for people and copying, spans for the kernel.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

#define PREALLOCATED_VISITS (1u << 24) /* clusters; more are not looked at */

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
    case QCOW2_T_UNALLOCATED_ALLOC: return VEMU_IMAGE_EXTENT_OFFSET; /* what it would have */
    default: return 0;
    }
}

/* Images whose metadata was preallocated: refcounts say that more of the file is in use than there
 * is on the host's disk, so what tables call data may be a hole. */
static bool find_preallocated(struct qcow2 *s)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    uint64_t end = qcow2_div_up(atomic_load(&s->image.file->size), s->cluster_size);
    uint64_t real, used = 0, refs, enough, visits = 0;
    bool known;

    if (vemu_image_get_info(s->image.file, &info, NULL) < 0)
        return false;
    real = info.actual_size / s->cluster_size;
    known = info.actual_size; /* or it is not a file */
    vemu_image_info_clear(&info);
    enough = MAX(real * 10 / 9, real + 2);
    if (!known || end < enough || (!s->reftable.count && vemu__qcow2_load_reftable(s, NULL) < 0))
        return false;
    end = MIN(end, s->reftable.count << s->block_bits);
    for (uint64_t i = 0; i < end && used < enough && visits < PREALLOCATED_VISITS; visits++) {
        if (!s->reftable.entry[i >> s->block_bits]) {
            i = ((i >> s->block_bits) + 1) << s->block_bits;
            continue;
        }
        if (vemu__qcow2_refcount_get(s, i++, &refs) < 0)
            return false;
        used += refs != 0;
    }
    return used >= enough;
}

/* With `lock`. */
static bool is_preallocated(struct qcow2 *s)
{
    if (!s->preallocated)
        s->preallocated = find_preallocated(s) ? 2 : 1;
    return s->preallocated == 2;
}

int vemu__qcow2_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct vemu_image_extent *ret)
{
    struct qcow2 *s = qcow2_of(image);
    struct vemu_image_extent below = VEMU_IMAGE_EXTENT_INIT;
    struct qcow2_run run, more;
    bool look_below;
    unsigned token;
    int r;

    pthread_mutex_lock(&s->lock);
    token = vemu__qcow2_begin(s);
    r = vemu__qcow2_find(s, offset, bytes, &run);
    look_below = r == 0 && run.type == QCOW2_T_NORMAL && s->data && is_preallocated(s);
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
        ret->filename = ret->flags & VEMU_IMAGE_EXTENT_OFFSET && s->data ? s->data->filename : NULL;
        if (look_below && run.host < atomic_load(&s->data->size) &&
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
    if (r == 0 && (run.type != QCOW2_T_NORMAL || !s->data || (write && !run.copied)))
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
