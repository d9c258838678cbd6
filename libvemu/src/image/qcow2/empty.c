/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Emptying an image: every cluster is given up, and what is behind shows through, which discarding
 * does not promise.
 */
#include <errno.h>

#include "core/error.h"
#include "image/qcow2/qcow2.h"

/* At most to the end of an L2 slice; *ret_done: how far it came. The lock is held. */
static int empty_slice(struct qcow2 *s, uint64_t offset, uint64_t end, uint64_t *ret_done)
{
    bool punch = s->image.open_flags & VEMU_IMAGE_UNMAP;
    uint64_t at = offset, size = s->cluster_size;
    struct qcow2_slice *slice;
    struct qcow2_entry old;
    struct qcow2_run run;
    unsigned index;
    int r = vemu__qcow2_find(s, offset, end - offset, &run);

    /* Holes of any size at once. */
    if (r == 0 && run.type == QCOW2_T_UNALLOCATED && run.bytes > size) {
        *ret_done = run.bytes & ~(size - 1);
        return 0;
    }
    if (r == 0)
        r = vemu__qcow2_l2_read(s, offset, &slice, &index);
    for (; r == 0 && at < end && index < 1u << s->slice_entry_bits; at += size, index++) {
        const struct qcow2_entry none = { 0 };

        old = none;
        if (slice)
            vemu__qcow2_l2_get(s, slice, index, &old);
        if (!old.l2 && !old.bitmap)
            continue;
        if (!vemu__qcow2_entry_valid(s, &old, at))
            return vemu__qcow2_corrupt(s);
        r = vemu__qcow2_l2_write(s, at, &slice, &index);
        if (r < 0)
            break;
        vemu__qcow2_l2_set(s, slice, index, &none);
        if (old.l2)
            vemu__qcow2_free_entry(s, old.l2, punch);
    }
    *ret_done = at - offset;
    return r;
}

/* A request for each slice: others have their turn, and caches are written back between them. */
int vemu__qcow2_empty_range(struct qcow2 *s, uint64_t from, uint64_t end)
{
    uint64_t at = from, done = 0;
    int r = 0;

    while (r == 0 && at < end) {
        pthread_mutex_lock(&s->lock);
        unsigned token = vemu__qcow2_begin(s);
        if (at == from)
            r = vemu__qcow2_bitmaps_touch(s, from, end - from);
        while (vemu__qcow2_not_in_flight(s, at >> s->cluster_bits, 1) == 0)
            pthread_cond_wait(&s->changed, &s->lock);
        if (r == 0)
            r = empty_slice(s, at, end, &done);
        pthread_mutex_unlock(&s->lock);
        vemu__qcow2_end(s, token);
        at += done;
        if (r == 0)
            r = vemu__qcow2_relieve(s);
    }
    return r;
}

int vemu__qcow2_make_empty(struct vemu_image *image, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    int r = vemu__qcow2_may_write(s);

    if (r == 0 && s->external)
        return vemu__error_set(err, ENOTSUP,
                               "'%s' has a data file of its own, which cannot be emptied",
                               image->filename);
    if (r == 0)
        r = vemu__qcow2_empty_range(s, 0, atomic_load(&image->size));
    if (r == 0)
        r = vemu__qcow2_flush(image);
    return r < 0 ? vemu__error_set(err, -r, "Could not empty '%s': %s", image->filename,
                                   g_strerror(-r))
                 : 0;
}
