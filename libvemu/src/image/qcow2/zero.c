/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Zeroing and discarding: where it can be, in the L2 tables alone.
 */
#include <errno.h>

#include "image/qcow2/qcow2.h"

struct change {
    bool discard; /* contents do not matter, the space is to be returned */
    bool unmap;   /* host clusters are given back */
    bool punch;   /* and the file gets holes */
};

/* What an entry becomes when subclusters `from` to `to` read as zeros; false: as it is. */
static bool zero_entry(const struct qcow2 *s, const struct change *c, uint64_t guest,
                       struct qcow2_entry *entry, unsigned from, unsigned to)
{
    unsigned all = s->cluster_size >> s->subcluster_bits;
    bool whole = from == 0 && to == all, host = qcow2_has_host(s, entry), zero = true;
    bool drop = whole && (c->unmap || entry->l2 & QCOW2_COMPRESSED) && !s->external;
    uint64_t mask = (1ull << to) - (1ull << from);

    for (unsigned i = from; i < to; i++)
        zero &= vemu__qcow2_reads_zero(s, vemu__qcow2_entry_type(s, entry, i),
                                       guest + ((uint64_t)i << s->subcluster_bits));
    if (zero && !(drop && host))
        return false;
    if (s->header.version < 3) {
        entry->l2 = 0; /* what is behind shows through: only if it is zero or does not matter */
        return true;
    }
    if (s->extended) {
        entry->bitmap = drop ? (uint64_t)UINT32_MAX << 32 : (entry->bitmap & ~mask) | mask << 32;
        if (drop)
            entry->l2 = 0;
        return true;
    }
    entry->l2 = drop ? QCOW2_ZERO : entry->l2 | QCOW2_ZERO;
    return true;
}

/* Whether the tables can say it. */
static bool can_zero(const struct qcow2 *s, const struct change *c, uint64_t guest,
                     const struct qcow2_entry *entry, unsigned from, unsigned to)
{
    bool whole = from == 0 && to == s->cluster_size >> s->subcluster_bits;

    if (s->header.version < 3)
        return whole && (c->discard || (vemu__qcow2_reads_zero(s, QCOW2_T_UNALLOCATED, guest) &&
                                        (c->unmap || !entry->l2)));
    return whole || !(entry->l2 & QCOW2_COMPRESSED);
}

/* At most to the end of an L2 slice; *ret_done: how far it came; 0: the tables cannot say it. The
 * lock is held. */
static int zero_slice(struct qcow2 *s, const struct change *c, uint64_t offset, uint64_t end,
                      uint64_t *ret_done)
{
    uint64_t at = offset, guest, stop, size = s->cluster_size;
    struct qcow2_entry entry, old;
    struct qcow2_slice *slice;
    struct qcow2_run run;
    unsigned index;
    int r;

    /* Holes of any size at once. */
    r = vemu__qcow2_find(s, offset, end - offset, &run);
    if (r < 0)
        return r;
    if (run.type == QCOW2_T_UNALLOCATED && vemu__qcow2_reads_zero(s, QCOW2_T_UNALLOCATED, offset)) {
        *ret_done = run.bytes;
        return 0;
    }
    r = vemu__qcow2_l2_read(s, offset, &slice, &index);
    for (; r == 0 && at < end && index < 1u << s->slice_entry_bits; at = stop, index++) {
        unsigned from, to;

        if (vemu__qcow2_not_in_flight(s, at >> s->cluster_bits, 1) == 0)
            break;
        guest = at & ~(size - 1);
        stop = MIN(end, guest + size);
        from = (unsigned)((at - guest) >> s->subcluster_bits);
        to = (unsigned)((stop - guest + s->subcluster_size - 1) >> s->subcluster_bits);
        old = (struct qcow2_entry){ 0 };
        if (slice)
            vemu__qcow2_l2_get(s, slice, index, &old);
        if (!vemu__qcow2_entry_valid(s, &old, guest))
            return vemu__qcow2_corrupt(s);
        if (!can_zero(s, c, guest, &old, from, to))
            break;
        entry = old;
        if (!zero_entry(s, c, guest, &entry, from, to))
            continue;
        r = vemu__qcow2_l2_write(s, at, &slice, &index);
        if (r < 0)
            return r;
        vemu__qcow2_l2_set(s, slice, index, &entry);
        if ((entry.l2 & QCOW2_OFFSET_MASK) != (old.l2 & QCOW2_OFFSET_MASK))
            vemu__qcow2_free_entry(s, old.l2, c->punch);
    }
    *ret_done = MIN(at, end) - offset;
    return r;
}

/* Subclusters (with discard: clusters) from `offset` to `end`; false in *ret_all: some have to be
 * written out, from *ret_at on. */
static int zero_tables(struct qcow2 *s, const struct change *c, uint64_t offset, uint64_t end,
                       uint64_t *ret_at)
{
    uint64_t done = 0;
    int r = 0;

    pthread_mutex_lock(&s->lock);
    while (r == 0 && offset < end) {
        while (vemu__qcow2_not_in_flight(s, offset >> s->cluster_bits, 1) == 0)
            pthread_cond_wait(&s->changed, &s->lock);
        r = zero_slice(s, c, offset, end, &done);
        if (r < 0 || !done)
            break;
        offset += done;
        if (offset < end) { /* others have their turn; tables are not kept in memory without end */
            pthread_mutex_unlock(&s->lock);
            r = vemu__qcow2_relieve(s);
            pthread_mutex_lock(&s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    *ret_at = MIN(offset, end);
    return r;
}

/* Zeros that have to be data. */
static int zero_data(struct qcow2 *s, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    struct qcow2_run run;
    int r = 0;

    while (r == 0 && bytes) {
        pthread_mutex_lock(&s->lock);
        r = vemu__qcow2_find(s, offset, bytes, &run);
        pthread_mutex_unlock(&s->lock);
        if (r == 0 && !vemu__qcow2_reads_zero(s, run.type, offset))
            r = flags & VEMU_IMAGE_NO_FALLBACK
                    ? -ENOTSUP
                    : vemu__qcow2_write_inner(s, offset, run.bytes, NULL, 0, 0);
        if (r == 0)
            r = vemu__qcow2_relieve(s);
        offset += run.bytes;
        bytes -= run.bytes;
    }
    return r;
}

static int zero_range(struct qcow2 *s, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    const struct change change = { .unmap = flags & VEMU_IMAGE_MAY_UNMAP,
                                   .punch = s->image.open_flags & VEMU_IMAGE_UNMAP };
    uint64_t size = atomic_load(&s->image.size), unit = s->subcluster_size, end = offset + bytes;
    uint64_t from = MIN(qcow2_align_up(offset, unit), end),
             to = end == size ? end : end & ~(unit - 1);
    uint64_t at;
    int r = 0;

    /* The data file has to read the same by itself. */
    if (s->header.autoclear & QCOW2_AUTOCLEAR_RAW)
        r = vemu_image_zero(s->data, offset, bytes, flags & ~VEMU_IMAGE_FUA);
    if (r < 0)
        return r;
    if (from >= to)
        return zero_data(s, offset, bytes, flags);
    r = zero_data(s, offset, from - offset, flags);
    while (r == 0 && from < to) {
        r = zero_tables(s, &change, from, to, &at);
        from = at;
        if (r == 0 && from < to) { /* this cluster is nothing that tables can say */
            at = MIN(to, (from | (s->cluster_size - 1)) + 1);
            r = zero_data(s, from, at - from, flags);
            from = at;
        }
    }
    return r < 0 ? r : zero_data(s, to, end - to, flags);
}

int vemu__qcow2_zero(struct vemu_image *image, uint64_t offset, uint64_t bytes, uint32_t flags)
{
    struct qcow2 *s = qcow2_of(image);
    unsigned token;
    int r = vemu__qcow2_may_write(s);

    if (r < 0)
        return r;
    r = vemu__qcow2_begin_change(s, offset, bytes, &token);
    if (r == 0)
        r = zero_range(s, offset, bytes, flags);
    return vemu__qcow2_end_change(s, token, flags, r);
}

int vemu__qcow2_discard(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    struct qcow2 *s = qcow2_of(image);
    const struct change change = { .discard = true,
                                   .unmap = true,
                                   .punch = image->open_flags & VEMU_IMAGE_UNMAP };
    uint64_t end = offset + bytes, size = s->cluster_size, at, from, to;
    unsigned token;
    int r = vemu__qcow2_may_write(s);

    if (r < 0)
        return r;
    from = qcow2_align_up(offset, size);
    to = end == atomic_load(&image->size) ? end : end & ~(size - 1);
    if (from >= to)
        return 0;
    r = vemu__qcow2_begin_change(s, from, to - from, &token);
    if (r == 0 && s->external)
        r = s->header.autoclear & QCOW2_AUTOCLEAR_RAW
                ? vemu_image_zero(s->data, from, to - from, VEMU_IMAGE_MAY_UNMAP)
                : 0;
    while (r == 0 && from < to) {
        r = zero_tables(s, &change, from, to, &at);
        if (at < to)
            at = MIN(to, (at | (size - 1)) + 1);
        from = at;
    }
    return vemu__qcow2_end_change(s, token, 0, r);
}

int vemu__qcow2_clear_new(struct qcow2 *s, uint64_t from, uint64_t to)
{
    uint64_t behind = qcow2_align_up(from, s->cluster_size);
    unsigned token;
    int r;

    r = vemu__qcow2_begin_change(s, from, to - from, &token);
    /* Version 2 has no way to say "zero"; but to write it, where something would show through. */
    if (r == 0)
        r = zero_range(s, from, MIN(behind, to) - from, 0);
    if (r == 0 && behind < to)
        r = zero_range(s, behind, to - behind, 0);
    vemu__qcow2_end(s, token);
    return r;
}
