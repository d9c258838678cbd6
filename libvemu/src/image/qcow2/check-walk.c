/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding all references to clusters of a qcow2 image, and what is wrong with them.
 *
 * Each L2 table is read once, however many L1 entries lead to it, so that the time it takes is
 * bounded by the size of the file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/check.h"

static void corrupt(struct qcow2_check *c)
{
    c->result->corruptions++;
}

int vemu__qcow2_check_ref(struct qcow2_check *c, uint64_t offset, uint64_t bytes, uint64_t times)
{
    struct qcow2 *s = c->s;
    uint64_t max = qcow2_refcount_max(s->refcount_order), last;
    int r;

    if (!bytes)
        return 0;
    /* The last cluster may be cut. */
    if (offset > INT64_MAX - bytes || offset + bytes > c->file_size + s->cluster_size - 1) {
        vemu__qcow2_check_say(c,
                              "ERROR: counting reference for region exceeding the end of the "
                              "file by one cluster or more: offset 0x%" PRIx64 " size 0x%" PRIx64,
                              offset, bytes);
        corrupt(c);
        return 0;
    }
    last = (offset + bytes - 1) >> s->cluster_bits;
    r = vemu__qcow2_refmap_grow(&c->refs, last + 1);
    if (r < 0)
        return r;
    for (uint64_t i = offset >> s->cluster_bits; i <= last; i++) {
        uint64_t value = qcow2_refmap_get(&c->refs, i);

        if (value > max || times > max - value) {
            vemu__qcow2_check_say(c,
                                  "ERROR: overflow cluster offset=0x%" PRIx64 "\n"
                                  "Use qemu-img amend to increase the refcount entry width or "
                                  "qemu-img convert to create a clean copy if the image cannot "
                                  "be opened for writing",
                                  i << s->cluster_bits);
            corrupt(c);
            continue;
        }
        vemu__qcow2_refcount_encode(c->refs.data, c->refs.order, i, value + times);
    }
    return 0;
}

static void count_place(struct qcow2_check *c, uint64_t offset)
{
    c->result->allocated_clusters++;
    if (c->next_offset && offset != c->next_offset)
        c->result->fragmented_clusters++;
    c->next_offset = offset + c->s->cluster_size;
}

static int walk_compressed(struct qcow2_check *c, uint64_t l2, uint64_t times, bool active)
{
    struct qcow2 *s = c->s;
    uint64_t offset;
    uint32_t bytes;

    vemu__qcow2_compressed_place(s, l2, &offset, &bytes);
    if (l2 & QCOW2_COPIED) {
        vemu__qcow2_check_say(c,
                              "ERROR: coffset=0x%" PRIx64 ": copied flag must never be set for "
                              "compressed clusters",
                              offset);
        corrupt(c);
    }
    if (s->external) {
        vemu__qcow2_check_say(c, "ERROR compressed cluster with data file, entry=0x%" PRIx64, l2);
        corrupt(c);
        return 0;
    }
    if (active) {
        c->result->allocated_clusters++;
        c->result->compressed_clusters++;
        c->result->fragmented_clusters++; /* always */
    }
    return vemu__qcow2_check_ref(c, offset, bytes, times);
}

static int walk_entry(struct qcow2_check *c, const struct qcow2_entry *entry, uint64_t times,
                      bool active)
{
    struct qcow2 *s = c->s;
    uint64_t offset = entry->l2 & QCOW2_OFFSET_MASK;
    bool host = qcow2_has_host(s, entry);

    if (entry->l2 & QCOW2_COMPRESSED)
        return walk_compressed(c, entry->l2, times, active);
    if (s->extended) {
        uint64_t bits = entry->bitmap;

        if ((bits & bits >> 32 & UINT32_MAX) || (!host && bits & UINT32_MAX)) {
            vemu__qcow2_check_say(c,
                                  "ERROR offset=%" PRIx64 ": %s cluster has corrupted subcluster "
                                  "allocation bitmap",
                                  offset, host ? "Allocated" : "Unallocated");
            corrupt(c);
            return 0;
        }
    }
    if (entry->l2 & (QCOW2_L2_RESERVED | (s->extended || s->header.version < 3 ? QCOW2_ZERO : 0))) {
        vemu__qcow2_check_say(c, "ERROR found l2 entry with reserved bits set: %" PRIx64,
                              entry->l2);
        corrupt(c);
    }
    if (!host)
        return 0;
    if (offset & (s->cluster_size - 1)) {
        bool zero = !s->extended && entry->l2 & QCOW2_ZERO;

        vemu__qcow2_check_say(c,
                              "ERROR offset=%" PRIx64 ": %s cluster is not properly aligned; L2 "
                              "entry corrupted.",
                              offset, zero ? "Preallocated" : "Data");
        corrupt(c);
    }
    if (active)
        count_place(c, offset);
    return s->external ? 0 : vemu__qcow2_check_ref(c, offset, s->cluster_size, times);
}

static int walk_table(struct qcow2_check *c, uint64_t offset, uint64_t times, bool active,
                      uint8_t *table)
{
    struct qcow2 *s = c->s;
    int r = vemu__qcow2_file_read(s->image.file, offset, table, s->cluster_size);

    if (r < 0) {
        vemu__qcow2_check_say(c, "ERROR: I/O error in check_refcounts_l2");
        c->result->check_errors++;
        return 0;
    }
    for (uint32_t at = 0; r == 0 && at < s->cluster_size; at += 1u << s->l2_entry_bits) {
        struct qcow2_entry entry = {
            .l2 = be_get64(table + at),
            .bitmap = s->extended ? be_get64(table + at + 8) : 0,
        };

        if (entry.l2 | entry.bitmap)
            r = walk_entry(c, &entry, times, active);
    }
    return r;
}

/* Counts references to L2 tables, and notes the tables: `tables` counts how often each was met. */
static int walk_l1(struct qcow2_check *c, const uint64_t *l1, uint64_t count, GHashTable *tables)
{
    struct qcow2 *s = c->s;
    int r = 0;

    for (uint64_t i = 0; r == 0 && i < count; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK;
        gpointer key = (gpointer)(uintptr_t)(offset >> 9);

        if (!l1[i])
            continue;
        if (l1[i] & QCOW2_L1_RESERVED) {
            vemu__qcow2_check_say(c, "ERROR found L1 entry with reserved bits set: %" PRIx64,
                                  l1[i]);
            corrupt(c);
        }
        if (!offset)
            continue;
        r = vemu__qcow2_check_ref(c, offset, s->cluster_size, 1);
        if (offset & (s->cluster_size - 1)) {
            vemu__qcow2_check_say(c,
                                  "ERROR l2_offset=%" PRIx64 ": Table is not cluster aligned; L1 "
                                  "entry corrupted",
                                  offset);
            corrupt(c);
        } else if (offset < c->file_size) {
            gsize met = (gsize)g_hash_table_lookup(tables, key);

            g_hash_table_insert(tables, key, (gpointer)(met + 1));
        }
    }
    return r;
}

/* The active table's L2 tables in their order, for what is said about fragments. */
static int walk_active(struct qcow2_check *c, uint8_t *table)
{
    struct qcow2 *s = c->s;
    g_autoptr(GHashTable) tables = g_hash_table_new(g_direct_hash, g_direct_equal);
    int r = vemu__qcow2_check_ref(c, s->l1.offset, s->l1.count * 8, 1);

    if (r == 0)
        r = walk_l1(c, s->l1.entry, s->l1.count, tables);
    for (uint64_t i = 0; r == 0 && i < s->l1.count; i++) {
        uint64_t offset = s->l1.entry[i] & QCOW2_OFFSET_MASK;
        gpointer key = (gpointer)(uintptr_t)(offset >> 9), met;

        if (!offset || !g_hash_table_steal_extended(tables, key, NULL, &met))
            continue;
        r = walk_table(c, offset, (gsize)met, true, table);
        if (r == 0)
            r = vemu__image_progress(c->progress, i, s->l1.count);
    }
    return r;
}

static int walk_snapshots(struct qcow2_check *c, uint8_t *table)
{
    struct qcow2 *s = c->s;
    g_autoptr(GHashTable) tables = g_hash_table_new(g_direct_hash, g_direct_equal);
    uint64_t total = 0;
    GHashTableIter it;
    gpointer key, met;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < s->snapshot_count; i++) {
        const struct qcow2_snapshot *snapshot = &s->snapshots[i];
        uint64_t *l1;

        total += (uint64_t)snapshot->l1_size * 8;
        if (snapshot->l1_offset & (s->cluster_size - 1) || snapshot->l1_offset > c->file_size ||
            snapshot->l1_size > QCOW2_MAX_L1_BYTES / 8 || total > c->file_size) {
            vemu__qcow2_check_say(c,
                                  "ERROR snapshot %s (%s) l1_offset=%#" PRIx64 " l1_size=%#" PRIx32
                                  ": L1 table is not valid; snapshot table entry corrupted",
                                  snapshot->id, snapshot->name, snapshot->l1_offset,
                                  snapshot->l1_size);
            corrupt(c);
            total -= (uint64_t)snapshot->l1_size * 8;
            continue;
        }
        r = vemu__qcow2_check_ref(c, snapshot->l1_offset, (uint64_t)snapshot->l1_size * 8, 1);
        if (r < 0 || !snapshot->l1_size)
            continue;
        if (vemu__qcow2_file_read_table(s->image.file, snapshot->l1_offset, snapshot->l1_size,
                                        &l1) < 0) {
            c->result->check_errors++;
            continue;
        }
        r = walk_l1(c, l1, snapshot->l1_size, tables);
        free(l1);
    }
    g_hash_table_iter_init(&it, tables);
    while (r == 0 && g_hash_table_iter_next(&it, &key, &met))
        r = walk_table(c, (uint64_t)(uintptr_t)key << 9, (gsize)met, false, table);
    return r;
}

static int walk_refcounts(struct qcow2_check *c)
{
    struct qcow2 *s = c->s;
    int r = vemu__qcow2_check_ref(c, s->header.reftable_offset,
                                  (uint64_t)s->header.reftable_clusters << s->cluster_bits, 1);

    for (uint64_t i = 0; r == 0 && i < s->reftable.count; i++) {
        uint64_t entry = s->reftable.entry[i], offset = entry & ~511ull;

        if (entry & 511) {
            vemu__qcow2_check_say(c, "ERROR refcount table entry %" PRIu64 " has reserved bits set",
                                  i);
            corrupt(c);
            c->rebuild = true;
            continue;
        }
        if (!offset)
            continue;
        if (offset & (s->cluster_size - 1)) {
            vemu__qcow2_check_say(c,
                                  "ERROR refcount block %" PRIu64 " is not cluster aligned; "
                                  "refcount table entry corrupted",
                                  i);
            corrupt(c);
            c->rebuild = true;
            continue;
        }
        if (offset >= c->file_size) {
            vemu__qcow2_check_say(c, "ERROR refcount block %" PRIu64 " is outside image", i);
            corrupt(c);
            c->rebuild = true;
            continue;
        }
        r = vemu__qcow2_check_ref(c, offset, s->cluster_size, 1);
        if (r == 0 && qcow2_refmap_get(&c->refs, offset >> s->cluster_bits) != 1) {
            vemu__qcow2_check_say(c, "ERROR refcount block %" PRIu64 " refcount=%" PRIu64, i,
                                  qcow2_refmap_get(&c->refs, offset >> s->cluster_bits));
            corrupt(c);
            c->rebuild = true;
        }
    }
    return r;
}

int vemu__qcow2_check_walk(struct qcow2_check *c)
{
    struct qcow2 *s = c->s;
    uint8_t *table = vemu__qcow2_buffer(s->cluster_size);
    int r = table ? vemu__qcow2_check_ref(c, 0, s->cluster_size, 1) : -ENOMEM;

    if (r == 0)
        r = walk_active(c, table);
    if (r == 0)
        r = walk_snapshots(c, table);
    if (r == 0 && s->snapshot_count)
        r = vemu__qcow2_check_ref(c, s->header.snapshots_offset, vemu__qcow2_snapshot_bytes(s), 1);
    if (r == 0)
        r = vemu__qcow2_bitmaps_check(c);
    if (r == 0)
        r = walk_refcounts(c);
    free(table);
    return r;
}
