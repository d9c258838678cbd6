/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bringing tables to the disk, in the order that qcow2.h states.
 *
 * What is dirty is copied under the lock in one go, so that the copies agree with each other: each
 * L2 entry among them has its refcount among them or on disk. They are written without the lock,
 * while others go on changing the tables. Data that an L2 entry points to was written before the
 * entry was made, hence before the flush of step 1.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

/* When to write back without being asked. */
#define MANY_FREED 4096u

struct piece {
    uint64_t offset;
    uint32_t from, bytes; /* in the slice, or in the array in bytes */
    uint64_t slice;       /* its offset */
    void *data;
};

struct round {
    GArray *refcounts, *tables_new, *reftable, *tables, *l1; /* struct piece */
    GArray *freed;
    bool move_reftable;
    uint64_t old_reftable_bytes, old_reftable;
    uint32_t new_reftable_clusters;
};

static void piece_clear(void *data)
{
    free(((struct piece *)data)->data);
}

static GArray *pieces_new(void)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));

    g_array_set_clear_func(pieces, piece_clear);
    return pieces;
}

static int add_piece(GArray *pieces, uint64_t offset, uint64_t slice, uint32_t from, uint32_t bytes,
                     const void *data)
{
    struct piece piece = { .offset = offset, .slice = slice, .from = from, .bytes = bytes };

    piece.data = vemu__qcow2_buffer(bytes);
    if (!piece.data)
        return -ENOMEM;
    memcpy(piece.data, data, bytes);
    g_array_append_val(pieces, piece);
    return 0;
}

/* Copies the dirty parts of a cache's slices and calls them clean. */
static int collect(struct qcow2_cache *cache, GArray *linked, GArray *unlinked)
{
    for (guint i = 0; i < cache->dirty->len; i++) {
        struct qcow2_slice *slice = g_ptr_array_index(cache->dirty, i);
        uint32_t from = slice->dirty_from & ~(IMAGE_SECTOR - 1);
        uint32_t to = (uint32_t)qcow2_align_up(slice->dirty_to, IMAGE_SECTOR);

        if (add_piece(unlinked && slice->unlinked ? unlinked : linked, slice->offset + from,
                      slice->offset, from, to - from, slice->data + from) < 0) {
            /* what was collected is dirty again */
            for (guint j = 0; j < i; j++) {
                slice = g_ptr_array_index(cache->dirty, j);
                slice->writing--;
            }
            return -ENOMEM;
        }
        slice->writing++;
    }
    for (guint i = 0; i < cache->dirty->len; i++) {
        struct qcow2_slice *slice = g_ptr_array_index(cache->dirty, i);

        slice->queued = false;
        slice->dirty_from = slice->dirty_to = 0;
    }
    g_ptr_array_set_size(cache->dirty, 0);
    return 0;
}

/* The round is over: slices may go, or are dirty again. */
static void settle(struct qcow2_cache *cache, GArray *pieces, bool failed)
{
    for (guint i = 0; i < pieces->len; i++) {
        struct piece *piece = &g_array_index(pieces, struct piece, i);
        struct qcow2_slice *slice = g_hash_table_lookup(cache->slices, &piece->slice);

        if (!slice || !slice->writing)
            continue;
        slice->writing--;
        if (failed)
            vemu__qcow2_cache_dirty(cache, slice, piece->from, piece->from + piece->bytes);
        else
            slice->unlinked = false;
    }
}

static int collect_array(struct qcow2_array *array, GArray *pieces)
{
    uint64_t sectors = array->count / 64 + 1, from = 0, to;
    uint64_t copy[64 * 64];

    if (!array->any_dirty)
        return 0;
    while (from < sectors) {
        uint64_t first = from * 64, n;

        if (!array->dirty[from]) {
            from++;
            continue;
        }
        for (to = from; to < sectors && to - from < 64 && array->dirty[to]; to++)
            ;
        n = MIN(to * 64, array->count) - first;
        for (uint64_t i = 0; i < n; i++)
            copy[i] = htobe64(array->entry[first + i]);
        if (n && add_piece(pieces, array->offset + first * 8, 0, (uint32_t)first, (uint32_t)(n * 8),
                           copy) < 0)
            return -ENOMEM;
        from = to;
    }
    memset(array->dirty, 0, sectors);
    array->any_dirty = false;
    return 0;
}

/* `from` of these pieces counts entries. */
static void array_dirty_again(struct qcow2_array *array, const GArray *pieces)
{
    for (guint i = 0; i < pieces->len; i++) {
        const struct piece *piece = &g_array_index(pieces, struct piece, i);

        memset(array->dirty + piece->from / 64, 1, (piece->bytes / 8 + 63) / 64);
        array->any_dirty = true;
    }
}

/* A refcount table that outgrew its place gets another. */
static int place_reftable(struct qcow2 *s, struct round *round)
{
    uint64_t count = 0, offset = 0;
    int r;

    round->old_reftable = s->reftable.offset;
    round->old_reftable_bytes = (uint64_t)s->header.reftable_clusters << s->cluster_bits;
    if (s->reftable.count * 8 <= round->old_reftable_bytes)
        return 0;
    do { /* the table's own refcounts may make it grow */
        if (offset)
            vemu__qcow2_unalloc(s, offset, count * 8);
        count = s->reftable.count;
        r = vemu__qcow2_alloc_table(s, count * 8, &offset);
        if (r < 0)
            return r;
    } while (count != s->reftable.count);
    round->move_reftable = true;
    round->new_reftable_clusters = (uint32_t)qcow2_div_up(count * 8, s->cluster_size);
    s->reftable.offset = offset;
    vemu__qcow2_metadata_mark(s, offset, count * 8);
    memset(s->reftable.dirty, 1, count / 64 + 1);
    s->reftable.any_dirty = true;
    return 0;
}

static int write_pieces(struct vemu_image *file, const GArray *pieces)
{
    int r = 0;

    for (guint i = 0; r == 0 && i < pieces->len; i++) {
        const struct piece *piece = &g_array_index(pieces, struct piece, i);

        r = vemu__qcow2_file_write(file, piece->offset, piece->data, piece->bytes);
    }
    return r;
}

static int flush_file(struct qcow2 *s)
{
    int r = 0;

    if (s->external)
        r = vemu_image_flush(s->data);
    return r < 0 ? r : vemu_image_flush(s->image.file);
}

/* The header is only written with the lock. */
static int switch_reftable(struct qcow2 *s, const struct round *round)
{
    struct qcow2_header *h = &s->header;
    uint32_t was = h->reftable_clusters;
    int r;

    pthread_mutex_lock(&s->lock);
    h->reftable_offset = s->reftable.offset;
    h->reftable_clusters = round->new_reftable_clusters;
    r = vemu__qcow2_header_write_fields(s->image.file, h);
    if (r < 0) {
        h->reftable_offset = round->old_reftable;
        h->reftable_clusters = was;
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Steps 1 to 3. */
static int write_round(struct qcow2 *s, struct round *round)
{
    struct vemu_image *file = s->image.file;
    int r = write_pieces(file, round->refcounts);

    if (r == 0)
        r = write_pieces(file, round->tables_new);
    if (r == 0)
        r = flush_file(s);
    if (r == 0 && round->reftable->len) {
        r = write_pieces(file, round->reftable);
        if (r == 0)
            r = vemu_image_flush(file);
        if (r == 0 && round->move_reftable) {
            r = switch_reftable(s, round);
            if (r == 0)
                r = vemu_image_flush(file);
        }
    }
    if (r == 0 && round->tables->len + round->l1->len) {
        r = write_pieces(file, round->tables);
        if (r == 0)
            r = write_pieces(file, round->l1);
        if (r == 0)
            r = vemu_image_flush(file);
    }
    return r;
}

/* With the lock. */
static int begin_round(struct qcow2 *s, struct round *round, bool refcounts)
{
    int r = 0;

    if (refcounts)
        r = place_reftable(s, round);
    if (r == 0)
        r = collect(&s->l2_cache, round->tables, round->tables_new);
    if (r == 0)
        r = collect_array(&s->l1, round->l1);
    if (r == 0 && refcounts) {
        r = collect(&s->refcount_cache, round->refcounts, NULL);
        if (r == 0)
            r = collect_array(&s->reftable, round->reftable);
        s->refcounts_stale = false;
    }
    round->freed = s->unlinked;
    s->unlinked = g_array_new(FALSE, FALSE, sizeof(struct qcow2_freed));
    return r;
}

static int end_round(struct qcow2 *s, struct round *round, bool refcounts, int r)
{
    settle(&s->l2_cache, round->tables, r < 0);
    settle(&s->l2_cache, round->tables_new, r < 0);
    if (refcounts)
        settle(&s->refcount_cache, round->refcounts, r < 0);
    if (r < 0) {
        array_dirty_again(&s->l1, round->l1);
        array_dirty_again(&s->reftable, round->reftable);
        if (round->move_reftable && s->header.reftable_offset != s->reftable.offset) {
            /* the new place is given up; a leak on disk at worst */
            vemu__qcow2_metadata_unmark(s, s->reftable.offset, s->reftable.count * 8);
            vemu__qcow2_unalloc(s, s->reftable.offset, s->reftable.count * 8);
            s->reftable.offset = round->old_reftable;
        }
        s->refcounts_stale |= refcounts;
        g_array_append_vals(s->unlinked, round->freed->data, round->freed->len);
        return r;
    }
    if (round->move_reftable)
        vemu__qcow2_free_later(s, round->old_reftable, round->old_reftable_bytes, false);
    for (guint i = 0; i < round->freed->len; i++) {
        struct qcow2_freed freed = g_array_index(round->freed, struct qcow2_freed, i);

        freed.epoch = s->epoch;
        g_array_append_val(s->limbo, freed);
    }
    return vemu__qcow2_reap(s);
}

int vemu__qcow2_writeback_locked(struct qcow2 *s, bool all)
{
    struct round round = {
        .refcounts = pieces_new(),
        .tables_new = pieces_new(),
        .reftable = pieces_new(),
        .tables = pieces_new(),
        .l1 = pieces_new(),
    };
    bool refcounts;
    int r;

    pthread_mutex_lock(&s->lock);
    /* Lazy refcounts stay in memory until there are too many. */
    refcounts = all || !s->lazy || s->refcount_cache.dirty->len > s->refcount_cache.limit;
    r = atomic_load(&s->broken) ? -EIO : begin_round(s, &round, refcounts);
    pthread_mutex_unlock(&s->lock);
    if (r == 0)
        r = write_round(s, &round);
    pthread_mutex_lock(&s->lock);
    if (round.freed) {
        r = end_round(s, &round, refcounts, r);
        g_array_unref(round.freed);
    }
    pthread_mutex_unlock(&s->lock);
    g_array_unref(round.refcounts);
    g_array_unref(round.tables_new);
    g_array_unref(round.reftable);
    g_array_unref(round.tables);
    g_array_unref(round.l1);
    return r;
}

int vemu__qcow2_writeback(struct qcow2 *s, bool all)
{
    int r;

    pthread_mutex_lock(&s->writeback_lock);
    r = vemu__qcow2_writeback_locked(s, all);
    pthread_mutex_unlock(&s->writeback_lock);
    return r;
}

int vemu__qcow2_settle(struct qcow2 *s)
{
    bool clean = false;
    int r = 0;

    /* Each round may free what the next one writes down. */
    for (unsigned i = 0; i < 8 && r == 0 && !clean; i++) {
        r = vemu__qcow2_writeback_locked(s, true);
        pthread_mutex_lock(&s->lock);
        clean = !s->l2_cache.dirty->len && !s->refcount_cache.dirty->len && !s->l1.any_dirty &&
                !s->reftable.any_dirty && !s->unlinked->len && !s->limbo->len;
        pthread_mutex_unlock(&s->lock);
    }
    return r;
}

int vemu__qcow2_relieve(struct qcow2 *s)
{
    bool needed;

    pthread_mutex_lock(&s->lock);
    needed = s->l2_cache.dirty->len > s->l2_cache.limit / 2 ||
             s->refcount_cache.dirty->len > MAX(s->refcount_cache.limit, 64) ||
             s->unlinked->len > MANY_FREED;
    pthread_mutex_unlock(&s->lock);
    return needed ? vemu__qcow2_writeback(s, false) : 0;
}

int vemu__qcow2_before_change(struct qcow2 *s)
{
    int r;

    if (!s->lazy || s->dirty_bit)
        return 0;
    s->header.incompatible |= QCOW2_INCOMPAT_DIRTY;
    r = vemu__qcow2_header_write_fields(s->image.file, &s->header);
    if (r == 0)
        r = vemu_image_flush(s->image.file);
    if (r < 0)
        s->header.incompatible &= ~QCOW2_INCOMPAT_DIRTY;
    else
        s->dirty_bit = true;
    return r;
}

int vemu__qcow2_flush(struct vemu_image *image)
{
    struct qcow2 *s = qcow2_of(image);

    if (!s->writable)
        return 0;
    return vemu__qcow2_writeback(s, false);
}
