/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Refcounts of host clusters: every width, blocks that are made when they are needed.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

uint64_t vemu__qcow2_refcount_decode(const void *block, unsigned order, uint64_t index)
{
    const uint8_t *bytes = block;

    switch (order) {
    case 0: return bytes[index / 8] >> (index % 8) & 1;
    case 1: return bytes[index / 4] >> (2 * (index % 4)) & 3;
    case 2: return bytes[index / 2] >> (4 * (index % 2)) & 15;
    case 3: return bytes[index];
    case 4: return be_get16(bytes + 2 * index);
    case 5: return be_get32(bytes + 4 * index);
    default: return be_get64(bytes + 8 * index);
    }
}

static void encode_bits(uint8_t *byte, unsigned shift, uint8_t mask, uint64_t value)
{
    *byte = (uint8_t)((*byte & ~(mask << shift)) | (value & mask) << shift);
}

void vemu__qcow2_refcount_encode(void *block, unsigned order, uint64_t index, uint64_t value)
{
    uint8_t *bytes = block;

    switch (order) {
    case 0: encode_bits(bytes + index / 8, index % 8, 1, value); break;
    case 1: encode_bits(bytes + index / 4, 2 * (index % 4), 3, value); break;
    case 2: encode_bits(bytes + index / 2, 4 * (index % 2), 15, value); break;
    case 3: bytes[index] = (uint8_t)value; break;
    case 4: be_put16(bytes + 2 * index, (uint16_t)value); break;
    case 5: be_put32(bytes + 4 * index, (uint32_t)value); break;
    default: be_put64(bytes + 8 * index, value); break;
    }
}

/* The slice with the refcount of `cluster`, and its place in it; *ret NULL: no block is there.
 * *ret_rest: how many clusters from this one on are in the slice (or would be in the block). */
static int find_slice(struct qcow2 *s, uint64_t cluster, struct qcow2_slice **ret,
                      uint64_t *ret_index, uint64_t *ret_rest)
{
    uint64_t block = cluster >> s->block_bits, in_block = cluster & ((1ull << s->block_bits) - 1);
    uint64_t in_slice = (uint64_t)s->refcount_cache.slice_size * 8 >> s->refcount_order, offset;
    int r;

    *ret = NULL;
    *ret_index = in_block % in_slice;
    *ret_rest = (1ull << s->block_bits) - in_block;
    if (block >= s->reftable.count)
        return 0;
    offset = s->reftable.entry[block] & ~511ull;
    if (!offset)
        return 0;
    if (offset & (s->cluster_size - 1) || offset > INT64_MAX / 2)
        return vemu__qcow2_corrupt(s);
    *ret_rest = in_slice - *ret_index;
    r = vemu__qcow2_cache_get(&s->refcount_cache, s->image.file,
                              offset + in_block / in_slice * s->refcount_cache.slice_size, false,
                              ret);
    return r;
}

int vemu__qcow2_refcount_get(struct qcow2 *s, uint64_t cluster, uint64_t *ret)
{
    struct qcow2_slice *slice;
    uint64_t index, rest;
    int r = find_slice(s, cluster, &slice, &index, &rest);

    if (r < 0)
        return r;
    *ret = slice ? vemu__qcow2_refcount_decode(slice->data, s->refcount_order, index) : 0;
    return 0;
}

static void store(struct qcow2 *s, struct qcow2_slice *slice, uint64_t index, uint64_t count)
{
    uint64_t from = index << s->refcount_order >> 3;
    uint64_t to = (((index + count) << s->refcount_order) + 7) >> 3;

    vemu__qcow2_cache_dirty(&s->refcount_cache, slice, (uint32_t)from, (uint32_t)to);
    s->refcounts_stale = true;
}

/* No reference is left. */
static void became_free(struct qcow2 *s, uint64_t cluster)
{
    uint64_t offset = cluster << s->cluster_bits;

    s->free_hint = MIN(s->free_hint, cluster);
    if (s->compressed_end == offset + s->cluster_size)
        s->compressed_at = s->compressed_end = 0;
    if (vemu__qcow2_metadata_hit(s, offset, 1)) {
        vemu__qcow2_metadata_unmark(s, offset, 1);
        vemu__qcow2_cache_forget(&s->l2_cache, offset, s->cluster_size);
    }
}

static int change(struct qcow2 *s, uint64_t cluster, uint64_t count, bool up)
{
    unsigned order = s->refcount_order;

    while (count) {
        struct qcow2_slice *slice;
        uint64_t index, n, value;
        int r = find_slice(s, cluster, &slice, &index, &n);

        if (r < 0)
            return r;
        if (!slice) /* a reference to a cluster whose refcount is 0 */
            return up ? -EIO : vemu__qcow2_corrupt(s);
        n = MIN(n, count);
        for (uint64_t i = 0; i < n; i++) {
            value = vemu__qcow2_refcount_decode(slice->data, order, index + i);
            if (up ? value == qcow2_refcount_max(order) : value == 0) {
                if (i)
                    store(s, slice, index, i);
                return up ? -ERANGE : vemu__qcow2_corrupt(s);
            }
            value = up ? value + 1 : value - 1;
            vemu__qcow2_refcount_encode(slice->data, order, index + i, value);
            if (value == 0)
                became_free(s, cluster + i);
        }
        store(s, slice, index, n);
        cluster += n;
        count -= n;
    }
    return 0;
}

int vemu__qcow2_refcount_add(struct qcow2 *s, uint64_t cluster, uint64_t count)
{
    return change(s, cluster, count, true);
}

int vemu__qcow2_refcount_sub(struct qcow2 *s, uint64_t cluster, uint64_t count)
{
    return change(s, cluster, count, false);
}

int vemu__qcow2_refcount_span(struct qcow2 *s, uint64_t cluster, uint64_t max, bool *ret_free,
                              uint64_t *ret_count)
{
    struct qcow2_slice *slice;
    uint64_t index, rest, n = 1;
    unsigned order = s->refcount_order;
    int r = find_slice(s, cluster, &slice, &index, &rest);

    if (r < 0)
        return r;
    rest = MIN(rest, max);
    *ret_free = !slice || vemu__qcow2_refcount_decode(slice->data, order, index) == 0;
    *ret_count = rest;
    if (!slice)
        return 0;
    if (order == 4) { /* nearly all images; neither needs the bytes turned round */
        const uint16_t *count = (const uint16_t *)slice->data + index;

        while (n < rest && (count[n] == 0) == *ret_free)
            n++;
    } else {
        while (n < rest &&
               (vemu__qcow2_refcount_decode(slice->data, order, index + n) == 0) == *ret_free)
            n++;
    }
    *ret_count = n;
    return 0;
}

bool vemu__qcow2_refcount_has_block(const struct qcow2 *s, uint64_t cluster)
{
    uint64_t block = cluster >> s->block_bits;

    return block < s->reftable.count && s->reftable.entry[block] & ~511ull;
}

int vemu__qcow2_refcount_place(struct qcow2 *s, uint64_t cluster, uint64_t where)
{
    uint64_t block = cluster >> s->block_bits, offset = where << s->cluster_bits, want;
    struct qcow2_slice *slice;
    int r;

    if (vemu__qcow2_metadata_hit(s, offset, 1))
        return vemu__qcow2_corrupt(s);
    if (block >= s->reftable.count) {
        /* Where the larger table goes is for the writeback to find. */
        want = MIN(MAX(block + 1 + block / 2, s->reftable.count * 2), QCOW2_MAX_REFTABLE / 8);
        want = qcow2_align_up(want, s->cluster_size / 8);
        if (block >= want)
            return -EFBIG;
        r = vemu__qcow2_array_grow(&s->reftable, want);
        if (r < 0)
            return r;
    }
    for (uint32_t at = 0; at < s->cluster_size; at += s->refcount_cache.slice_size) {
        r = vemu__qcow2_cache_get(&s->refcount_cache, s->image.file, offset + at, true, &slice);
        if (r < 0)
            return r;
    }
    s->refcounts_stale = true;
    vemu__qcow2_array_set(&s->reftable, block, offset);
    vemu__qcow2_metadata_mark(s, offset, 1);
    s->virgin = MAX(s->virgin, where + 1);
    return 0;
}

int vemu__qcow2_refcount_ensure(struct qcow2 *s, uint64_t cluster, bool *ret_made)
{
    uint64_t first = cluster & ~((1ull << s->block_bits) - 1);
    int r;

    *ret_made = false;
    if (vemu__qcow2_refcount_has_block(s, cluster))
        return 0;
    r = vemu__qcow2_refcount_place(s, cluster, first);
    if (r < 0)
        return r;
    *ret_made = true;
    return vemu__qcow2_refcount_add(s, first, 1);
}
