/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking and giving back host clusters.
 *
 * Clusters are taken from the first free one on, in runs. What is given back goes through two
 * lists: `unlinked` until the tables that no longer point there are on disk, `limbo` until no
 * request that began before is under way. Then the refcounts go down.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

#define LAST_OFFSET (1ull << 56) /* what an L2 entry can say */

static int take(struct qcow2 *s, uint64_t first, uint64_t count, bool *ret_virgin)
{
    int r;

    if (first + count > LAST_OFFSET >> s->cluster_bits)
        return -EFBIG;
    if (vemu__qcow2_metadata_hit(s, first << s->cluster_bits, count << s->cluster_bits))
        return vemu__qcow2_corrupt(s);
    r = vemu__qcow2_refcount_add(s, first, count);
    if (r < 0)
        return r;
    if (ret_virgin)
        *ret_virgin = first >= s->virgin;
    s->virgin = MAX(s->virgin, first + count);
    return 0;
}

int vemu__qcow2_alloc(struct qcow2 *s, uint64_t want, uint64_t *ret_offset, uint64_t *ret_count,
                      bool *ret_virgin)
{
    bool made, is_free;
    uint64_t n;
    int r = vemu__qcow2_before_change(s);

    while (r == 0) {
        r = vemu__qcow2_refcount_ensure(s, s->free_hint, &made);
        if (r == 0)
            r = vemu__qcow2_refcount_span(s, s->free_hint, want, &is_free, &n);
        if (r < 0)
            break;
        if (!is_free) {
            s->free_hint += n;
            continue;
        }
        n = MIN(n, want);
        r = take(s, s->free_hint, n, ret_virgin);
        if (r < 0)
            break;
        *ret_offset = s->free_hint << s->cluster_bits;
        *ret_count = n;
        s->free_hint += n;
        break;
    }
    return r;
}

/* The first run of `count` free clusters; where no block is, all are free. */
static int find_run(struct qcow2 *s, uint64_t count, uint64_t *ret)
{
    uint64_t start = s->free_hint, have = 0, n;
    bool is_free;
    int r;

    while (have < count) {
        r = vemu__qcow2_refcount_span(s, start + have, UINT64_MAX, &is_free, &n);
        if (r < 0)
            return r;
        if (is_free) {
            have += n;
        } else {
            start += have + n;
            have = 0;
        }
    }
    *ret = start;
    return 0;
}

int vemu__qcow2_alloc_table(struct qcow2 *s, uint64_t bytes, uint64_t *ret_offset)
{
    uint64_t count = qcow2_div_up(bytes, s->cluster_size), first = 0, n, at;
    int r;

    if (count <= 1)
        return vemu__qcow2_alloc(s, 1, ret_offset, &n, NULL);
    r = vemu__qcow2_before_change(s);
    /* Room also for the refcount blocks that it may take; they go behind the table, since it is
     * longer than what one block covers when clusters are small. */
    if (r == 0)
        r = find_run(s, count + count / ((1ull << s->block_bits) - 1) + 3, &first);
    if (r < 0)
        return r;
    at = first + count;
    for (uint64_t c = first; c < at; c = (c | ((1ull << s->block_bits) - 1)) + 1) {
        if (vemu__qcow2_refcount_has_block(s, c))
            continue;
        r = vemu__qcow2_refcount_place(s, c, at++);
        if (r < 0)
            return r;
    }
    /* The blocks are marked as metadata by now: they are counted without asking. */
    r = take(s, first, count, NULL);
    if (r == 0 && at > first + count)
        r = vemu__qcow2_refcount_add(s, first + count, at - first - count);
    *ret_offset = first << s->cluster_bits;
    return r;
}

int vemu__qcow2_alloc_bytes(struct qcow2 *s, uint32_t bytes, uint64_t *ret_offset)
{
    uint64_t room = s->compressed_end - s->compressed_at, offset, n, refs = 0;
    uint64_t last = (s->compressed_end >> s->cluster_bits) - 1; /* if there is room */
    int r = 0;

    if (room)
        r = vemu__qcow2_refcount_get(s, last, &refs);
    if (r < 0)
        return r;
    if (room && refs == qcow2_refcount_max(s->refcount_order))
        room = 0;
    if (room >= bytes) {
        r = vemu__qcow2_before_change(s);
        if (r == 0)
            r = vemu__qcow2_refcount_add(s, last, 1);
        if (r < 0)
            return r;
    } else {
        r = vemu__qcow2_alloc(s, 1, &offset, &n, NULL);
        if (r < 0)
            return r;
        if (room && offset == s->compressed_end) {
            r = vemu__qcow2_refcount_add(s, last, 1);
            if (r < 0)
                return r;
        } else {
            s->compressed_at = offset;
        }
        s->compressed_end = offset + s->cluster_size;
    }
    *ret_offset = s->compressed_at;
    s->compressed_at += bytes;
    return 0;
}

void vemu__qcow2_unalloc(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset >> s->cluster_bits;

    if (bytes)
        (void)vemu__qcow2_refcount_sub(s, first,
                                       ((offset + bytes - 1) >> s->cluster_bits) - first + 1);
}

void vemu__qcow2_free_later(struct qcow2 *s, uint64_t offset, uint64_t bytes, bool discard)
{
    struct qcow2_freed freed = { .first = offset >> s->cluster_bits, .discard = discard }, *last;

    if (!bytes)
        return;
    freed.count = ((offset + bytes - 1) >> s->cluster_bits) - freed.first + 1;
    if (s->unlinked->len) {
        last = &g_array_index(s->unlinked, struct qcow2_freed, s->unlinked->len - 1);
        if (last->first + last->count == freed.first && last->discard == discard) {
            last->count += freed.count;
            return;
        }
    }
    g_array_append_val(s->unlinked, freed);
}

void vemu__qcow2_free_entry(struct qcow2 *s, uint64_t entry, bool discard)
{
    uint64_t offset;
    uint32_t bytes;

    if (entry & QCOW2_COMPRESSED) {
        vemu__qcow2_compressed_place(s, entry, &offset, &bytes);
        vemu__qcow2_free_later(s, offset, bytes, discard);
    } else if (!s->external && entry & QCOW2_OFFSET_MASK) {
        vemu__qcow2_free_later(s, entry & QCOW2_OFFSET_MASK, s->cluster_size, discard);
    }
}

/* Returns the space of clusters that nobody will have a reference to. Gives up the lock. */
static void punch(struct qcow2 *s, const struct qcow2_freed *freed)
{
    uint64_t at = freed->first, end = freed->first + freed->count, refs, from;

    while (at < end) {
        for (from = at; at < end; at++)
            if (vemu__qcow2_refcount_get(s, at, &refs) < 0 || refs != 1)
                break;
        if (at > from) {
            pthread_mutex_unlock(&s->lock);
            (void)vemu_image_discard(s->image.file, from << s->cluster_bits,
                                     (at - from) << s->cluster_bits);
            pthread_mutex_lock(&s->lock);
        } else {
            at++;
        }
    }
}

int vemu__qcow2_reap(struct qcow2 *s)
{
    g_autoptr(GArray) due = NULL;
    guint kept = 0;
    int r = 0;

    for (unsigned i = 0; i < 2; i++)
        if (atomic_load(&s->requests[(s->epoch + 1) & 1]) == 0)
            s->epoch++;
    if (!s->limbo->len)
        return 0;
    due = g_array_new(FALSE, FALSE, sizeof(struct qcow2_freed));
    for (guint i = 0; i < s->limbo->len; i++) {
        struct qcow2_freed freed = g_array_index(s->limbo, struct qcow2_freed, i);

        if (freed.epoch + 2 <= s->epoch)
            g_array_append_val(due, freed);
        else
            g_array_index(s->limbo, struct qcow2_freed, kept++) = freed;
    }
    g_array_set_size(s->limbo, kept);
    for (guint i = 0; i < due->len; i++) {
        const struct qcow2_freed *freed = &g_array_index(due, struct qcow2_freed, i);
        int r2;

        if (freed->discard)
            punch(s, freed);
        r2 = vemu__qcow2_refcount_sub(s, freed->first, freed->count);
        if (r == 0)
            r = r2;
    }
    return r;
}
