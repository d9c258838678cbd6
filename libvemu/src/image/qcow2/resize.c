/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing the size of qcow2 images.
 *
 * Growing: a longer L1 table goes to a new place, and the header leads to it and has the new size
 * at once. Shrinking: what is behind the new end is discarded, then the header has the new size,
 * then the file loses what nobody uses at its end. Dirty bitmaps are in use on disk meanwhile, and
 * are written for the new size when they are stored; what is new counts as written to, since a
 * backup may hold other bytes there from before the image was shrunk.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/bitmap.h"
#include "image/qcow2/layout.h"
#include "image/qcow2/shadow.h"

/* A longer L1 table. In exclusive work. */
static int grow(struct qcow2 *s, uint64_t size, uint64_t entries)
{
    struct qcow2_shadow shadow;
    uint64_t *l1 = NULL;
    int r;

    r = vemu__qcow2_shadow_begin(s, &shadow);
    if (r < 0)
        return r;
    /* more than is needed, so that growing often is not much work */
    if (entries > s->l1.count) {
        entries = MIN(MAX(entries, s->l1.count * 3 / 2), QCOW2_MAX_L1_BYTES / 8);
        l1 = calloc(entries, 8);
        if (!l1) {
            r = -ENOMEM;
        } else {
            memcpy(l1, s->l1.entry, s->l1.count * 8);
            r = vemu__qcow2_shadow_replace_l1(&shadow, l1, entries);
        }
    }
    shadow.header.size = size;
    if (r == 0)
        r = vemu__qcow2_shadow_commit(&shadow);
    vemu__qcow2_shadow_end(&shadow);
    free(l1);
    return r;
}

/* The size alone. In exclusive work. */
static int set_size(struct qcow2 *s, uint64_t size)
{
    uint64_t old = s->header.size;
    int r;

    s->header.size = size;
    r = vemu__qcow2_header_write_fields(s->image.file, &s->header);
    if (r == 0)
        r = vemu_image_flush(s->image.file);
    if (r < 0) {
        s->header.size = old;
        (void)vemu__qcow2_header_write_fields(s->image.file, &s->header);
        return r;
    }
    atomic_store(&s->image.size, size);
    return 0;
}

/* The file ends with the last cluster that is used. In exclusive work. */
static int truncate_file(struct qcow2 *s)
{
    struct qcow2_refmap map;
    uint64_t end;
    int r = vemu__qcow2_refmap_load(s, &map);

    if (r < 0)
        return r == -EFBIG ? 0 : r; /* what is in use is behind the end already */
    end = vemu__qcow2_refmap_end(&map) << s->cluster_bits;
    vemu__qcow2_refmap_fini(&map);
    if (end < atomic_load(&s->image.file->size))
        (void)vemu_image_resize(s->image.file, end, "off", VEMU_IMAGE_RESIZE_SHRINK, NULL, NULL);
    return 0;
}

#define SLICES_AT_ONCE 64u /* of L2 tables; then others have their turn */

/* L2 entries with host clusters for what is new: written as zeros that are allocated. */
static int preallocate(struct qcow2 *s, uint64_t from, uint64_t to,
                       enum qcow2_preallocation preallocation, const struct vemu_progress *progress,
                       struct vemu_error **err)
{
    const char *word = vemu__qcow2_preallocation_below(preallocation);
    uint64_t at = from & ~(uint64_t)(s->cluster_size - 1), start = at;
    int r = 0;

    while (r == 0 && at < to) {
        r = vemu__qcow2_exclusive_begin(s);
        if (r < 0)
            break;
        for (unsigned i = 0; i < SLICES_AT_ONCE && r == 0 && at < to; i++) {
            r = vemu__qcow2_allocate(s, at, to - at, word, &at, err);
            if (r == 0)
                r = vemu__image_progress(progress, at - start, to - start);
        }
        vemu__qcow2_exclusive_end(s);
    }
    return r;
}

static int resize_external(struct qcow2 *s, uint64_t size, enum qcow2_preallocation preallocation,
                           const struct vemu_progress *progress, struct vemu_error **err)
{
    const char *word = vemu__qcow2_preallocation_below(preallocation);
    uint64_t old = atomic_load(&s->data->size);
    int r = 0;

    if (size > old || s->header.autoclear & QCOW2_AUTOCLEAR_RAW)
        r = vemu_image_resize(s->data, size, size > old ? word : "off", VEMU_IMAGE_RESIZE_SHRINK,
                              progress, err);
    return r;
}

static int shrink(struct qcow2 *s, uint64_t size, struct vemu_error **err)
{
    uint64_t from = qcow2_align_up(size, s->cluster_size), old = s->header.size;
    int r = 0, r2;

    if (from < old)
        r = vemu__qcow2_discard(&s->image, from, old - from);
    if (r == 0)
        r = vemu__qcow2_exclusive_begin(s);
    if (r < 0)
        return r;
    r = vemu__qcow2_bitmaps_prepare_size(s, size, err);
    if (r == 0)
        r = set_size(s, size);
    if (r == 0)
        vemu__qcow2_bitmaps_set_size(s);
    r2 = r < 0 ? 0 : truncate_file(s);
    vemu__qcow2_exclusive_end(s);
    return r < 0 ? r : r2;
}

int vemu__qcow2_resize(struct vemu_image *image, uint64_t size, const char *word, uint32_t flags,
                       const struct vemu_progress *progress, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    uint64_t old = s->header.size, entries;
    enum qcow2_preallocation preallocation;
    int r = vemu__qcow2_preallocation_parse(word ? word : "off", &preallocation, err);

    if (r < 0)
        return r;
    if (size % IMAGE_SECTOR)
        return vemu__error_set(err, EINVAL, "The new size must be a multiple of %u", IMAGE_SECTOR);
    r = vemu__qcow2_may_write(s);
    if (r < 0)
        return r;
    if (s->header.version < 3 && s->snapshot_count)
        return vemu__error_set(err, ENOTSUP, "Can't resize a v2 image which has snapshots");
    entries = vemu__qcow2_l1_entries(&s->header, size);
    if (entries > QCOW2_MAX_L1_BYTES / 8)
        return vemu__error_set(err, EFBIG,
                               "Image size too large for file format (try using a "
                               "larger cluster size)");
    if (size < old) {
        if (preallocation != QCOW2_PREALLOC_OFF)
            return vemu__error_set(err, ENOTSUP,
                                   "Preallocation can't be used for shrinking an image");
        r = shrink(s, size, err);
        return r == 0 && s->external ? resize_external(s, size, preallocation, progress, err) : r;
    }
    if (image->backing_filename && preallocation != QCOW2_PREALLOC_OFF && !s->extended)
        return vemu__error_set(err, EINVAL,
                               "Backing file and preallocation can only be used at "
                               "the same time if extended_l2 is enabled");
    if (s->external)
        r = resize_external(s, size, preallocation, progress, err);
    if (r == 0)
        r = vemu__qcow2_exclusive_begin(s);
    if (r < 0)
        return r;
    r = vemu__qcow2_bitmaps_prepare_size(s, size, err);
    if (r == 0)
        r = entries > s->l1.count ? grow(s, size, entries) : set_size(s, size);
    if (r == 0)
        vemu__qcow2_bitmaps_set_size(s);
    vemu__qcow2_exclusive_end(s);
    /* The part of the last cluster that was behind the end, and what a backing file has there, is
     * not to come to light. */
    if (r == 0 && size > old)
        r = vemu__qcow2_clear_new(s, old, size);
    if (r == 0 && size > old && preallocation != QCOW2_PREALLOC_OFF)
        r = preallocate(s, old, size, preallocation, progress, err);
    return r;
}
