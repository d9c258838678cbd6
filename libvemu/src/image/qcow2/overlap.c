/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where an image's metadata is, so that nothing else is written there.
 *
 * A set of cluster numbers: header, tables, L2 tables of the active L1 table, refcount blocks,
 * snapshot table and the snapshots' L1 tables, bitmap directory. An image whose tables overlap, or
 * whose L2 entries lead a guest's write into tables, is corrupt (or made by an attacker), and is
 * not written to.
 */
#include <errno.h>
#include <inttypes.h>

#include "image/qcow2/qcow2.h"

static gpointer key(uint64_t cluster)
{
    return (gpointer)(uintptr_t)(cluster + 1);
}

void vemu__qcow2_metadata_mark(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    for (uint64_t c = offset >> s->cluster_bits; c << s->cluster_bits < offset + bytes; c++)
        g_hash_table_add(s->metadata, key(c));
}

void vemu__qcow2_metadata_unmark(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    for (uint64_t c = offset >> s->cluster_bits; c << s->cluster_bits < offset + bytes; c++)
        g_hash_table_remove(s->metadata, key(c));
}

bool vemu__qcow2_metadata_hit(const struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    for (uint64_t c = offset >> s->cluster_bits; c << s->cluster_bits < offset + bytes; c++)
        if (g_hash_table_contains(s->metadata, key(c)))
            return true;
    return false;
}

static int mark(struct qcow2 *s, uint64_t offset, uint64_t bytes, const char *what,
                struct vemu_error **err)
{
    if (!bytes)
        return 0;
    if (offset & (s->cluster_size - 1))
        return vemu__error_set(err, EIO, "The %s at offset %#" PRIx64 " is not aligned to clusters",
                               what, offset);
    if (vemu__qcow2_metadata_hit(s, offset, bytes))
        return vemu__error_set(err, EIO,
                               "The %s at offset %#" PRIx64 " overlaps other metadata; the image "
                               "needs repair before it can be written to",
                               what, offset);
    vemu__qcow2_metadata_mark(s, offset, bytes);
    return 0;
}

int vemu__qcow2_metadata_scan(struct qcow2 *s, struct vemu_error **err)
{
    const struct qcow2_header *h = &s->header;
    int r;

    g_hash_table_remove_all(s->metadata);
    vemu__qcow2_metadata_mark(s, 0, s->cluster_size);
    r = mark(s, s->l1.offset, s->l1.count * 8, "active L1 table", err);
    if (r == 0)
        r = mark(s, s->reftable.offset, (uint64_t)h->reftable_clusters << s->cluster_bits,
                 "refcount table", err);
    for (uint64_t i = 0; r == 0 && i < s->reftable.count; i++)
        if (s->reftable.entry[i])
            r = mark(s, s->reftable.entry[i] & ~511ull, s->cluster_size, "refcount block", err);
    for (uint64_t i = 0; r == 0 && i < s->l1.count; i++)
        if (s->l1.entry[i] & QCOW2_OFFSET_MASK)
            r = mark(s, s->l1.entry[i] & QCOW2_OFFSET_MASK, s->cluster_size, "L2 table", err);
    for (unsigned i = 0; r == 0 && i < s->snapshot_count; i++)
        r = mark(s, s->snapshots[i].l1_offset, (uint64_t)s->snapshots[i].l1_size * 8,
                 "snapshot's L1 table", err);
    if (r == 0 && s->snapshot_count)
        r = mark(s, h->snapshots_offset, vemu__qcow2_snapshot_bytes(s), "snapshot table", err);
    if (r == 0 && h->bitmap_count)
        r = mark(s, h->bitmaps_offset, h->bitmaps_size, "bitmap directory", err);
    return r;
}

int vemu__qcow2_corrupt(struct qcow2 *s)
{
    if (!s->writable || atomic_exchange(&s->broken, true))
        return -EIO;
    if (s->header.version >= 3) {
        s->header.incompatible |= QCOW2_INCOMPAT_CORRUPT;
        (void)vemu__qcow2_header_write_fields(s->image.file, &s->header);
    }
    return -EIO;
}
