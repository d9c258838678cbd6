/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing all of an image's metadata at once.
 *
 * Nothing that is in use is written to. New L1 and L2 tables, the snapshot table, refcount blocks
 * and the refcount table go to clusters that are free; a flush; then the header's fields, which are
 * within one sector, lead to all of them. A cut before leaves the old image, one after it the new.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/layout.h"
#include "image/qcow2/shadow.h"

int vemu__qcow2_shadow_begin(struct qcow2 *s, struct qcow2_shadow *ret)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->s = s;
    ret->header = s->header;
    r = vemu__qcow2_refmap_load(s, &ret->map);
    if (r == 0)
        r = vemu__qcow2_refmap_init(&ret->used, 0, ret->map.count);
    for (uint64_t i = 0; r == 0 && i < ret->map.count; i++)
        if (qcow2_refmap_get(&ret->map, i))
            vemu__qcow2_refcount_encode(ret->used.data, 0, i, 1);
    if (r < 0)
        vemu__qcow2_shadow_end(ret);
    return r;
}

void vemu__qcow2_shadow_end(struct qcow2_shadow *shadow)
{
    vemu__qcow2_refmap_fini(&shadow->map);
    vemu__qcow2_refmap_fini(&shadow->used);
}

/* The first hole of so many clusters, also behind the end. */
static uint64_t find_hole(const struct qcow2_shadow *shadow, uint64_t count)
{
    uint64_t at = shadow->hint, have = 0;

    while (have < count && at + have < shadow->used.count) {
        if (qcow2_refmap_get(&shadow->used, at + have)) {
            at += have + 1;
            have = 0;
        } else {
            have++;
        }
    }
    return at;
}

static int take_at(struct qcow2_shadow *shadow, uint64_t at, uint64_t count)
{
    int r = vemu__qcow2_refmap_grow(&shadow->map, at + count);

    if (r == 0)
        r = vemu__qcow2_refmap_grow(&shadow->used, at + count);
    if (r == 0)
        r = vemu__qcow2_refmap_add(&shadow->used, at, count, 1);
    return r < 0 ? r : vemu__qcow2_refmap_add(&shadow->map, at, count, 1);
}

int vemu__qcow2_shadow_take(struct qcow2_shadow *shadow, uint64_t bytes, uint64_t *ret_offset)
{
    uint64_t count = qcow2_div_up(bytes, shadow->s->cluster_size);
    uint64_t at = find_hole(shadow, count);
    int r = take_at(shadow, at, count);

    *ret_offset = at << shadow->s->cluster_bits;
    if (count == 1)
        shadow->hint = at + 1;
    return r;
}

int vemu__qcow2_shadow_ref(struct qcow2_shadow *shadow, uint64_t offset, uint64_t bytes,
                           int64_t delta)
{
    unsigned bits = shadow->s->cluster_bits;
    uint64_t first = offset >> bits;

    if (!bytes)
        return 0;
    return vemu__qcow2_refmap_add(&shadow->map, first, ((offset + bytes - 1) >> bits) - first + 1,
                                  delta);
}

static int ref_table(struct qcow2_shadow *shadow, const uint8_t *table, int64_t delta)
{
    struct qcow2 *s = shadow->s;
    int r = 0;

    for (uint32_t at = 0; r == 0 && at < s->cluster_size; at += 1u << s->l2_entry_bits) {
        uint64_t entry = be_get64(table + at), offset;
        uint32_t bytes = s->cluster_size;

        if (entry & QCOW2_COMPRESSED)
            vemu__qcow2_compressed_place(s, entry, &offset, &bytes);
        else
            offset = entry & QCOW2_OFFSET_MASK;
        if (offset && !(entry & QCOW2_COMPRESSED) && offset & (s->cluster_size - 1))
            r = -EIO;
        else if (offset)
            r = vemu__qcow2_shadow_ref(shadow, offset, bytes, delta);
    }
    return r;
}

int vemu__qcow2_shadow_ref_tree(struct qcow2_shadow *shadow, const uint64_t *l1, uint64_t count,
                                int64_t delta)
{
    struct qcow2 *s = shadow->s;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    uint8_t *table = vemu__qcow2_buffer(s->cluster_size);
    int r = table ? 0 : -ENOMEM;

    for (uint64_t i = 0; r == 0 && i < count; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK;

        if (!offset)
            continue;
        /* Twice in one table, or not a cluster's offset: for a check to find. */
        if (offset & (s->cluster_size - 1) ||
            !g_hash_table_add(seen, (gpointer)(uintptr_t)(offset >> 9)))
            r = -EIO;
        if (r == 0)
            r = vemu__qcow2_shadow_ref(shadow, offset, s->cluster_size, delta);
        if (r == 0)
            r = vemu__qcow2_file_read(s->image.file, offset, table, s->cluster_size);
        if (r == 0 && !s->external)
            r = ref_table(shadow, table, delta);
    }
    free(table);
    return r;
}

/* Sets the flags in a copy of a table; true: something changed. */
static bool fix_table(const struct qcow2_shadow *shadow, uint8_t *table)
{
    const struct qcow2 *s = shadow->s;
    bool changed = false;

    for (uint32_t at = 0; at < s->cluster_size; at += 1u << s->l2_entry_bits) {
        uint64_t entry = be_get64(table + at), offset = entry & QCOW2_OFFSET_MASK, fixed;

        if (entry & QCOW2_COMPRESSED || !offset)
            continue;
        fixed = qcow2_refmap_get(&shadow->map, offset >> s->cluster_bits) == 1
                    ? entry | QCOW2_COPIED
                    : entry & ~QCOW2_COPIED;
        if (fixed == entry)
            continue;
        be_put64(table + at, fixed);
        changed = true;
    }
    return changed;
}

static int copy_table(struct qcow2_shadow *shadow, const uint8_t *table, uint64_t *entry,
                      uint64_t *shared)
{
    struct qcow2 *s = shadow->s;
    uint64_t old = *entry & QCOW2_OFFSET_MASK, offset;
    bool both = shared && (*shared & QCOW2_OFFSET_MASK) == old;
    int r = vemu__qcow2_shadow_take(shadow, s->cluster_size, &offset);

    if (r == 0)
        r = vemu__qcow2_file_write(s->image.file, offset, table, s->cluster_size);
    if (r == 0)
        r = vemu__qcow2_shadow_ref(shadow, old, s->cluster_size, both ? -2 : -1);
    if (r == 0 && both)
        r = vemu__qcow2_shadow_ref(shadow, offset, s->cluster_size, 1);
    if (r < 0)
        return r;
    *entry = offset;
    if (both)
        *shared = offset;
    return 0;
}

int vemu__qcow2_shadow_fix_flags(struct qcow2_shadow *shadow, uint64_t *l1, uint64_t count,
                                 uint64_t *shared)
{
    struct qcow2 *s = shadow->s;
    uint8_t *table = vemu__qcow2_buffer(s->cluster_size);
    int r = table ? 0 : -ENOMEM;

    for (uint64_t i = 0; r == 0 && i < count; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK;

        if (!offset)
            continue;
        r = vemu__qcow2_file_read(s->image.file, offset, table, s->cluster_size);
        if (r == 0 && !s->external && fix_table(shadow, table))
            r = copy_table(shadow, table, &l1[i], shared ? &shared[i] : NULL);
        offset = l1[i] & QCOW2_OFFSET_MASK;
        l1[i] = offset |
                (qcow2_refmap_get(&shadow->map, offset >> s->cluster_bits) == 1 ? QCOW2_COPIED : 0);
    }
    free(table);
    return r;
}

int vemu__qcow2_shadow_write_l1(struct qcow2_shadow *shadow, const uint64_t *l1, uint64_t count,
                                uint64_t *ret_offset)
{
    int r = vemu__qcow2_shadow_take(shadow, MAX(count, 1) * 8, ret_offset);

    return r < 0 || !count
               ? r
               : vemu__qcow2_file_write_table(shadow->s->image.file, *ret_offset, count, l1);
}

int vemu__qcow2_shadow_replace_l1(struct qcow2_shadow *shadow, const uint64_t *l1, uint64_t count)
{
    const struct qcow2_array *old = &shadow->s->l1;
    int r = vemu__qcow2_shadow_write_l1(shadow, l1, count, &shadow->header.l1_offset);

    shadow->header.l1_size = (uint32_t)count;
    return r < 0 ? r : vemu__qcow2_shadow_ref(shadow, old->offset, MAX(old->count, 1) * 8, -1);
}

int vemu__qcow2_shadow_write_snapshots(struct qcow2_shadow *shadow, uint64_t old_bytes)
{
    struct qcow2 *s = shadow->s;
    uint8_t *table;
    size_t bytes;
    int r = 0;

    if (old_bytes)
        r = vemu__qcow2_shadow_ref(shadow, shadow->header.snapshots_offset, old_bytes, -1);
    shadow->header.snapshots_offset = 0;
    shadow->header.snapshot_count = s->snapshot_count;
    if (r < 0 || !s->snapshot_count)
        return r;
    if (vemu__qcow2_snapshot_bytes(s) > QCOW2_MAX_SNAPSHOT_DATA)
        return -EFBIG;
    table = vemu__qcow2_snapshots_encode(s, &bytes);
    if (!table)
        return -ENOMEM;
    r = vemu__qcow2_shadow_take(shadow, bytes, &shadow->header.snapshots_offset);
    if (r == 0)
        r = vemu__qcow2_file_write(s->image.file, shadow->header.snapshots_offset, table, bytes);
    free(table);
    return r;
}

/* Gives up the refcount structures that are there, as far as they count themselves. A broken entry
 * of the table counts nothing: where it leads to there may be somebody's data. */
static void drop_refcounts(struct qcow2_shadow *shadow)
{
    struct qcow2 *s = shadow->s;

    for (uint64_t i = 0; i < s->reftable.count; i++)
        if (s->reftable.entry[i] && !(s->reftable.entry[i] & (s->cluster_size - 1)))
            (void)vemu__qcow2_shadow_ref(shadow, s->reftable.entry[i], s->cluster_size, -1);
    (void)vemu__qcow2_shadow_ref(shadow, s->header.reftable_offset,
                                 (uint64_t)s->header.reftable_clusters << s->cluster_bits, -1);
}

static int write_refcounts(struct qcow2_shadow *shadow)
{
    struct qcow2 *s = shadow->s;
    struct qcow2_header *h = &shadow->header;
    uint64_t used = vemu__qcow2_refmap_end(&shadow->used), blocks, table, at, before;
    unsigned block_bits = s->cluster_bits + 3 - h->refcount_order;
    uint64_t *entries;
    int r;

    vemu__qcow2_refcount_layout(s->cluster_bits, h->refcount_order, used, &blocks, &table);
    do { /* a hole in front of the end may take them; what is at the end may go with the old ones */
        before = blocks + table;
        at = find_hole(shadow, before);
        used = MAX(vemu__qcow2_refmap_end(&shadow->used), at + before);
        blocks = qcow2_div_up(used, 1ull << block_bits);
        table = qcow2_div_up(blocks, s->cluster_size / 8);
    } while (blocks + table > before);
    if (table << s->cluster_bits > QCOW2_MAX_REFTABLE)
        return -EFBIG;
    r = take_at(shadow, at, blocks + table);
    if (r == 0)
        r = vemu__qcow2_refmap_grow(&shadow->map, blocks << block_bits);
    entries = r < 0 ? NULL : calloc(table << s->cluster_bits, 1);
    if (!entries)
        return r < 0 ? r : -ENOMEM;
    for (uint64_t i = 0; i < blocks; i++)
        entries[i] = (at + table + i) << s->cluster_bits;
    drop_refcounts(shadow);
    r = vemu__qcow2_file_write(s->image.file, (at + table) << s->cluster_bits, shadow->map.data,
                               blocks << s->cluster_bits);
    if (r == 0)
        r = vemu__qcow2_file_write_table(s->image.file, at << s->cluster_bits,
                                         table << s->cluster_bits >> 3, entries);
    free(entries);
    h->reftable_offset = at << s->cluster_bits;
    h->reftable_clusters = (uint32_t)table;
    return r;
}

int vemu__qcow2_reload(struct qcow2 *s)
{
    int r;

    pthread_mutex_lock(&s->lock);
    vemu__qcow2_cache_empty(&s->l2_cache);
    vemu__qcow2_cache_empty(&s->refcount_cache);
    s->free_hint = 0;
    s->compressed_at = s->compressed_end = 0;
    s->refcounts_stale = false;
    s->virgin = MAX(s->virgin, qcow2_div_up(atomic_load(&s->image.file->size), s->cluster_size));
    r = vemu__qcow2_load_l1(s, NULL);
    if (r == 0)
        r = vemu__qcow2_load_reftable(s, NULL);
    if (r == 0 && !(s->image.open_flags & VEMU_IMAGE_CHECK))
        r = vemu__qcow2_metadata_scan(s, NULL);
    if (r < 0) /* tables in memory are not what is on disk: nothing more is written */
        atomic_store(&s->broken, true);
    pthread_mutex_unlock(&s->lock);
    return r;
}

int vemu__qcow2_shadow_commit(struct qcow2_shadow *shadow)
{
    struct qcow2 *s = shadow->s;
    int r = write_refcounts(shadow);

    if (r == 0)
        r = vemu_image_flush(s->image.file);
    if (r == 0)
        r = vemu__qcow2_header_write_fields(s->image.file, &shadow->header);
    if (r < 0) {
        /* Perhaps the new header is there, perhaps not: the old one again. */
        (void)vemu__qcow2_header_write_fields(s->image.file, &s->header);
        return r;
    }
    s->header = shadow->header;
    s->refcount_order = s->header.refcount_order;
    s->block_bits = s->cluster_bits + 3 - s->refcount_order;
    atomic_store(&s->image.size, s->header.size);
    r = vemu_image_flush(s->image.file);
    return r < 0 ? r : vemu__qcow2_reload(s);
}
