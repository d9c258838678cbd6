/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * L2 tables: what their entries mean, finding and changing them.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

enum qcow2_type vemu__qcow2_entry_type(const struct qcow2 *s, const struct qcow2_entry *entry,
                                       unsigned subcluster)
{
    bool host = qcow2_has_host(s, entry), used, zero;

    if (entry->l2 & QCOW2_COMPRESSED)
        return s->external ? QCOW2_T_INVALID : QCOW2_T_COMPRESSED;
    if (!s->extended) {
        if (entry->l2 & QCOW2_ZERO)
            return host ? QCOW2_T_ZERO_ALLOC : QCOW2_T_ZERO_PLAIN;
        return host ? QCOW2_T_NORMAL : QCOW2_T_UNALLOCATED;
    }
    used = entry->bitmap >> subcluster & 1;
    zero = entry->bitmap >> (subcluster + 32) & 1;
    if (used)
        return host && !zero ? QCOW2_T_NORMAL : QCOW2_T_INVALID;
    if (zero)
        return host ? QCOW2_T_ZERO_ALLOC : QCOW2_T_ZERO_PLAIN;
    return host ? QCOW2_T_UNALLOCATED_ALLOC : QCOW2_T_UNALLOCATED;
}

bool vemu__qcow2_entry_valid(const struct qcow2 *s, const struct qcow2_entry *entry, uint64_t guest)
{
    uint64_t offset = entry->l2 & QCOW2_OFFSET_MASK;

    if (entry->l2 & QCOW2_COMPRESSED || !qcow2_has_host(s, entry))
        return true;
    if (s->external)
        return offset == (guest & ~(uint64_t)(s->cluster_size - 1));
    return (offset & (s->cluster_size - 1)) == 0;
}

void vemu__qcow2_l2_get(const struct qcow2 *s, const struct qcow2_slice *slice, unsigned index,
                        struct qcow2_entry *ret)
{
    const uint8_t *at = slice->data + ((size_t)index << s->l2_entry_bits);

    ret->l2 = be_get64(at);
    ret->bitmap = s->extended ? be_get64(at + 8) : 0;
}

void vemu__qcow2_l2_set(struct qcow2 *s, struct qcow2_slice *slice, unsigned index,
                        const struct qcow2_entry *entry)
{
    uint32_t at = index << s->l2_entry_bits;

    be_put64(slice->data + at, entry->l2);
    if (s->extended)
        be_put64(slice->data + at + 8, entry->bitmap);
    vemu__qcow2_cache_dirty(&s->l2_cache, slice, at, at + (1u << s->l2_entry_bits));
}

static void place_of(const struct qcow2 *s, uint64_t offset, uint64_t *ret_l1, uint32_t *ret_slice,
                     unsigned *ret_index)
{
    uint64_t cluster = offset >> s->cluster_bits;
    uint32_t in_table = (uint32_t)(cluster & ((1ull << s->l2_bits) - 1));

    *ret_l1 = cluster >> s->l2_bits;
    *ret_slice = (in_table >> s->slice_entry_bits) * s->l2_cache.slice_size;
    *ret_index = in_table & ((1u << s->slice_entry_bits) - 1);
}

int vemu__qcow2_l2_read(struct qcow2 *s, uint64_t offset, struct qcow2_slice **ret,
                        unsigned *ret_index)
{
    uint64_t l1, table;
    uint32_t slice;

    place_of(s, offset, &l1, &slice, ret_index);
    *ret = NULL;
    if (l1 >= s->l1.count)
        return -EIO;
    table = s->l1.entry[l1] & QCOW2_OFFSET_MASK;
    if (!table)
        return 0;
    if (table & (s->cluster_size - 1))
        return vemu__qcow2_corrupt(s);
    return vemu__qcow2_cache_get(&s->l2_cache, s->image.file, table + slice, false, ret);
}

/* A table of one's own for an L1 entry: empty, or a copy of the one that is shared. */
static int new_table(struct qcow2 *s, uint64_t l1)
{
    uint64_t old = s->l1.entry[l1] & QCOW2_OFFSET_MASK, table, n;
    struct qcow2_slice *from, *to;
    int r;

    r = vemu__qcow2_alloc(s, 1, &table, &n, NULL);
    if (r < 0)
        return r;
    vemu__qcow2_metadata_mark(s, table, 1);
    for (uint32_t at = 0; r == 0 && at < s->cluster_size; at += s->l2_cache.slice_size) {
        r = vemu__qcow2_cache_get(&s->l2_cache, s->image.file, table + at, true, &to);
        if (r < 0 || !old)
            continue;
        to->writing++; /* stays */
        r = vemu__qcow2_cache_get(&s->l2_cache, s->image.file, old + at, false, &from);
        if (r == 0)
            memcpy(to->data, from->data, s->l2_cache.slice_size);
        to->writing--;
    }
    for (uint32_t at = 0; r == 0 && at < s->cluster_size; at += s->l2_cache.slice_size) {
        r = vemu__qcow2_cache_get(&s->l2_cache, s->image.file, table + at, false, &to);
        if (r == 0)
            to->unlinked = true;
    }
    if (r < 0) {
        vemu__qcow2_free_later(s, table, s->cluster_size, false);
        return r;
    }
    vemu__qcow2_array_set(&s->l1, l1, table | QCOW2_COPIED);
    if (old)
        vemu__qcow2_free_later(s, old, s->cluster_size, false);
    return 0;
}

int vemu__qcow2_l2_write(struct qcow2 *s, uint64_t offset, struct qcow2_slice **ret,
                         unsigned *ret_index)
{
    uint64_t l1 = offset >> s->cluster_bits >> s->l2_bits;
    int r;

    if (l1 >= s->l1.count)
        return -EIO;
    if (!(s->l1.entry[l1] & QCOW2_COPIED) || !(s->l1.entry[l1] & QCOW2_OFFSET_MASK)) {
        if (s->l1.entry[l1] & QCOW2_OFFSET_MASK & (s->cluster_size - 1))
            return vemu__qcow2_corrupt(s);
        r = new_table(s, l1);
        if (r < 0)
            return r;
    }
    r = vemu__qcow2_l2_read(s, offset, ret, ret_index);
    /* Refcounts that say the header is free make a table of cluster 0, which means none. */
    return r == 0 && !*ret ? vemu__qcow2_corrupt(s) : r;
}

/* No L2 table: how far that goes. */
static uint64_t no_table(const struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    unsigned shift = s->cluster_bits + s->l2_bits;
    uint64_t l1 = (offset >> shift) + 1, end = offset + bytes;

    while (l1 < s->l1.count && l1 << shift < end && !(s->l1.entry[l1] & QCOW2_OFFSET_MASK))
        l1++;
    return MIN(end, l1 << shift) - offset;
}

int vemu__qcow2_find(struct qcow2 *s, uint64_t offset, uint64_t bytes, struct qcow2_run *ret)
{
    uint64_t guest = offset & ~(uint64_t)(s->cluster_size - 1), in = offset - guest, host, n;
    unsigned index, sub = (unsigned)(in >> s->subcluster_bits);
    struct qcow2_slice *slice;
    struct qcow2_entry entry;
    int r = vemu__qcow2_l2_read(s, offset, &slice, &index);

    if (r < 0)
        return r;
    *ret = (struct qcow2_run){ .type = QCOW2_T_UNALLOCATED };
    if (!slice) {
        ret->bytes = no_table(s, offset, bytes);
        return 0;
    }
    vemu__qcow2_l2_get(s, slice, index, &entry);
    ret->type = vemu__qcow2_entry_type(s, &entry, sub);
    if (ret->type == QCOW2_T_INVALID || !vemu__qcow2_entry_valid(s, &entry, guest))
        return vemu__qcow2_corrupt(s);
    ret->copied = s->external || entry.l2 & QCOW2_COPIED;
    if (ret->type == QCOW2_T_COMPRESSED) {
        ret->host = entry.l2;
        ret->bytes = MIN(bytes, s->cluster_size - in);
        return 0;
    }
    host = entry.l2 & QCOW2_OFFSET_MASK; /* of this cluster, and where the next one has to be */
    ret->host = host + in;
    n = s->subcluster_size - (in & (s->subcluster_size - 1));
    while (n < bytes) {
        if (++sub << s->subcluster_bits == s->cluster_size) {
            sub = 0;
            host += s->cluster_size;
            guest += s->cluster_size;
            if (++index == 1u << s->slice_entry_bits)
                break;
            vemu__qcow2_l2_get(s, slice, index, &entry);
            if (!vemu__qcow2_entry_valid(s, &entry, guest))
                break; /* for the next call to find */
        }
        if (vemu__qcow2_entry_type(s, &entry, sub) != ret->type)
            break;
        if ((ret->type >= QCOW2_T_ZERO_ALLOC || ret->type == QCOW2_T_UNALLOCATED_ALLOC) &&
            ((entry.l2 & QCOW2_OFFSET_MASK) != host ||
             (s->external || entry.l2 & QCOW2_COPIED) != ret->copied))
            break;
        n += s->subcluster_size;
    }
    ret->bytes = MIN(n, bytes);
    return 0;
}
