/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing to qcow2 images.
 *
 * A write is cut into runs of clusters that are treated alike: overwritten where they are; filled
 * where they have a host cluster of which not all is used (zero clusters with one, subclusters); or
 * given new host clusters. The last two announce the clusters, write the data and what has to be
 * copied around it, and then set the L2 entries.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

enum plan_kind { PLAN_OVERWRITE, PLAN_FILL, PLAN_NEW };

struct plan {
    enum plan_kind kind;
    uint64_t offset, bytes; /* the user's data, in the guest's view */
    uint64_t host;          /* of `offset` */
    uint64_t from, to;      /* all that is written, with what is copied */
    bool head_zero, tail_zero, virgin;
    struct qcow2_flight flight;
};

int vemu__qcow2_may_write(struct qcow2 *s)
{
    if (!s->writable || s->loaded_snapshot)
        return -EROFS;
    return atomic_load(&s->broken) ? -EIO : 0;
}

static bool all_used(const struct qcow2 *s, const struct qcow2_entry *entry, uint64_t from,
                     uint64_t to)
{
    for (uint64_t sub = from >> s->subcluster_bits; sub <= (to - 1) >> s->subcluster_bits; sub++)
        if (vemu__qcow2_entry_type(s, entry, (unsigned)sub) != QCOW2_T_NORMAL)
            return false;
    return true;
}

/* How bytes `from` to `to` of the entry's cluster are written. */
static enum plan_kind classify(const struct qcow2 *s, const struct qcow2_entry *entry,
                               uint64_t from, uint64_t to)
{
    if (!qcow2_has_host(s, entry) || !(s->external || entry->l2 & QCOW2_COPIED))
        return PLAN_NEW;
    return all_used(s, entry, from, to) ? PLAN_OVERWRITE : PLAN_FILL;
}

/* Where copying around a write begins and ends, and whether it is only zeros. */
static void plan_head(const struct qcow2 *s, const struct qcow2_entry *entry, struct plan *p)
{
    uint64_t in = p->offset & (s->cluster_size - 1), unit = s->cluster_size;
    enum qcow2_type type = vemu__qcow2_entry_type(s, entry, (unsigned)(in >> s->subcluster_bits));

    if (p->kind == PLAN_FILL && type == QCOW2_T_NORMAL) {
        p->from = p->offset;
        return;
    }
    if (p->kind == PLAN_FILL || !entry->l2)
        unit = s->subcluster_size;
    p->from = p->offset & ~(unit - 1);
    p->head_zero = unit == s->subcluster_size && vemu__qcow2_reads_zero(s, type, p->from);
}

static void plan_tail(const struct qcow2 *s, const struct qcow2_entry *entry, struct plan *p)
{
    uint64_t end = p->offset + p->bytes, unit = s->cluster_size;
    uint64_t in = (end - 1) & (s->cluster_size - 1);
    enum qcow2_type type = vemu__qcow2_entry_type(s, entry, (unsigned)(in >> s->subcluster_bits));

    if (p->kind == PLAN_FILL && type == QCOW2_T_NORMAL) {
        p->to = end;
        return;
    }
    if (p->kind == PLAN_FILL || !entry->l2)
        unit = s->subcluster_size;
    p->to = (end + unit - 1) & ~(unit - 1);
    p->tail_zero = unit == s->subcluster_size && vemu__qcow2_reads_zero(s, type, end);
}

/* The table entry of cluster `n` behind the one at `index`; without a table that is 0. */
static void entry_at(const struct qcow2 *s, const struct qcow2_slice *slice, unsigned index,
                     struct qcow2_entry *ret)
{
    if (slice)
        vemu__qcow2_l2_get(s, slice, index, ret);
    else
        *ret = (struct qcow2_entry){ 0 };
}

/* Takes host clusters; the plan may become shorter. */
static int plan_new(struct qcow2 *s, struct plan *p, uint64_t clusters)
{
    uint64_t in = p->offset & (s->cluster_size - 1), host, n;
    struct qcow2_slice *slice;
    unsigned index;
    int r;

    r = vemu__qcow2_l2_write(s, p->offset, &slice, &index);
    if (r < 0)
        return r;
    if (s->external) {
        p->host = p->offset;
        return 0;
    }
    r = vemu__qcow2_alloc(s, clusters, &host, &n, &p->virgin);
    if (r < 0)
        return r;
    p->host = host + in;
    p->bytes = MIN(p->bytes, (n << s->cluster_bits) - in);
    return 0;
}

/* The lock is held. Waits for others that allocate the first cluster. */
static int make_plan(struct qcow2 *s, uint64_t offset, uint64_t bytes, struct plan *p)
{
    uint64_t first = offset >> s->cluster_bits, in = offset & (s->cluster_size - 1);
    uint64_t clusters, n = 1, host;
    struct qcow2_entry entry, last;
    struct qcow2_slice *slice;
    unsigned index;
    int r;

    while (vemu__qcow2_not_in_flight(s, first, 1) == 0)
        pthread_cond_wait(&s->changed, &s->lock);
    r = vemu__qcow2_l2_read(s, offset, &slice, &index);
    if (r < 0)
        return r;
    entry_at(s, slice, index, &entry);
    if (!vemu__qcow2_entry_valid(s, &entry, offset))
        return vemu__qcow2_corrupt(s);
    *p = (struct plan){ .offset = offset };
    p->kind = classify(s, &entry, in, MIN(in + bytes, s->cluster_size));
    p->host = (entry.l2 & QCOW2_OFFSET_MASK) + in;
    host = entry.l2 & QCOW2_OFFSET_MASK;
    clusters = MIN(((in + bytes - 1) >> s->cluster_bits) + 1, (1u << s->slice_entry_bits) - index);
    if (p->kind != PLAN_OVERWRITE)
        clusters = vemu__qcow2_not_in_flight(s, first, clusters);
    for (; n < clusters; n++) {
        struct qcow2_entry next;

        entry_at(s, slice, index + (unsigned)n, &next);
        if (classify(s, &next, 0, MIN(s->cluster_size, in + bytes - (n << s->cluster_bits))) !=
            p->kind)
            break;
        if (p->kind != PLAN_NEW && (next.l2 & QCOW2_OFFSET_MASK) != host + (n << s->cluster_bits))
            break;
    }
    p->bytes = MIN(bytes, (n << s->cluster_bits) - in);
    if (p->kind == PLAN_NEW) {
        r = plan_new(s, p, n);
        if (r < 0)
            return r;
        n = ((in + p->bytes - 1) >> s->cluster_bits) + 1;
        /* the table may have moved */
        r = vemu__qcow2_l2_read(s, offset, &slice, &index);
        if (r < 0)
            return r;
    } else if (!s->external && vemu__qcow2_metadata_hit(s, p->host, p->bytes)) {
        return vemu__qcow2_corrupt(s); /* guest data where a table is */
    }
    if (p->kind == PLAN_OVERWRITE) {
        p->from = p->offset;
        p->to = p->offset + p->bytes;
        return 0;
    }
    entry_at(s, slice, index + (unsigned)n - 1, &last);
    plan_head(s, &entry, p);
    plan_tail(s, &last, p);
    p->flight = (struct qcow2_flight){ .first = first, .count = n };
    vemu__qcow2_flight_add(s, &p->flight);
    return 0;
}

/* Sets the L2 entries. The lock is held. */
static int link_plan(struct qcow2 *s, const struct plan *p)
{
    uint64_t guest = p->flight.first << s->cluster_bits;
    uint64_t host = p->host - (p->offset - guest);
    struct qcow2_slice *slice;
    unsigned index;
    int r = vemu__qcow2_l2_write(s, guest, &slice, &index);

    if (r < 0)
        return r;
    for (uint64_t i = 0; i < p->flight.count; i++, index++) {
        struct qcow2_entry old, new;
        uint64_t mask = UINT32_MAX;

        vemu__qcow2_l2_get(s, slice, index, &old);
        new.l2 = host | QCOW2_COPIED;
        new.bitmap = 0;
        if (s->extended) {
            uint64_t from = MAX(p->from, guest) - guest;
            uint64_t to = MIN(p->to, guest + s->cluster_size) - guest;

            from >>= s->subcluster_bits;
            to = (to + s->subcluster_size - 1) >> s->subcluster_bits;
            mask = (1ull << to) - (1ull << from);
            if (!(old.l2 & QCOW2_COMPRESSED))
                new.bitmap = old.bitmap & ~(mask << 32);
            new.bitmap |= mask;
        }
        vemu__qcow2_l2_set(s, slice, index, &new);
        if (p->kind == PLAN_NEW)
            vemu__qcow2_free_entry(s, old.l2, false);
        guest += s->cluster_size;
        host += s->cluster_size;
    }
    return 0;
}

/* Data with what goes around it in one piece; what is zero already is left out. */
static int write_plan(struct qcow2 *s, const struct plan *p, const struct iovec *iov,
                      unsigned count, uint64_t skip)
{
    uint64_t head = p->offset - p->from, tail = p->to - (p->offset + p->bytes);
    struct iovec few[16], *all = few;
    uint8_t *around = NULL;
    unsigned n = 0;
    int r = 0;

    if (p->virgin && p->head_zero)
        head = 0;
    if (p->virgin && p->tail_zero)
        tail = 0;
    if (iov && !head && !tail)
        return vemu__qcow2_file_writev_at(s->data, p->host, p->bytes, iov, count, skip);
    if (iov && count + 2 > G_N_ELEMENTS(few))
        all = g_try_new(struct iovec, count + 2);
    around = vemu__qcow2_buffer(head + tail + (iov ? 0 : p->bytes));
    if (!all || !around) {
        r = -ENOMEM;
        goto out;
    }
    if (head) {
        all[n++] = (struct iovec){ .iov_base = around, .iov_len = head };
        if (p->head_zero)
            memset(around, 0, head);
        else
            r = vemu__qcow2_read_inner(s, p->from, head, &all[0], 1, 0);
    }
    if (iov) {
        n += vemu__iov_slice(iov, count, skip, p->bytes, all + n, count);
    } else {
        memset(around + head + tail, 0, p->bytes);
        all[n++] = (struct iovec){ .iov_base = around + head + tail, .iov_len = p->bytes };
    }
    if (tail && r == 0) {
        all[n] = (struct iovec){ .iov_base = around + head, .iov_len = tail };
        if (p->tail_zero)
            memset(around + head, 0, tail);
        else
            r = vemu__qcow2_read_inner(s, p->offset + p->bytes, tail, &all[n], 1, 0);
        n++;
    }
    if (r == 0)
        r = vemu__qcow2_file_writev(s->data, p->host - head, head + p->bytes + tail, all, n);
out:
    free(around);
    if (all != few)
        g_free(all);
    return r;
}

static int finish_plan(struct qcow2 *s, struct plan *p, int r)
{
    uint64_t guest = p->flight.first << s->cluster_bits;

    if (p->kind == PLAN_OVERWRITE)
        return r;
    pthread_mutex_lock(&s->lock);
    if (r == 0)
        r = link_plan(s, p);
    if (r < 0 && p->kind == PLAN_NEW && !s->external)
        vemu__qcow2_unalloc(s, p->host - (p->offset - guest), p->flight.count << s->cluster_bits);
    vemu__qcow2_flight_remove(s, &p->flight);
    pthread_mutex_unlock(&s->lock);
    return r;
}

int vemu__qcow2_write_inner(struct qcow2 *s, uint64_t offset, uint64_t bytes,
                            const struct iovec *iov, unsigned count, uint64_t skip)
{
    struct plan plan;
    int r = 0;

    while (r == 0 && bytes) {
        /* zeros come from memory that is made for them */
        uint64_t part = iov ? bytes : MIN(bytes, 1u << 20);

        pthread_mutex_lock(&s->lock);
        r = make_plan(s, offset, part, &plan);
        pthread_mutex_unlock(&s->lock);
        if (r < 0)
            break;
        r = finish_plan(s, &plan, write_plan(s, &plan, iov, count, skip));
        offset += plan.bytes;
        skip += plan.bytes;
        bytes -= plan.bytes;
    }
    return r;
}

int vemu__qcow2_writev(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       const struct iovec *iov, unsigned count, uint32_t flags)
{
    struct qcow2 *s = qcow2_of(image);
    unsigned token;
    int r = vemu__qcow2_may_write(s);

    if (r < 0)
        return r;
    r = vemu__qcow2_begin_change(s, offset, bytes, &token);
    if (r == 0)
        r = flags & VEMU_IMAGE_COMPRESSED
                ? vemu__qcow2_write_compressed(s, offset, bytes, iov, count)
                : vemu__qcow2_write_inner(s, offset, bytes, iov, count, 0);
    return vemu__qcow2_end_change(s, token, flags, r);
}

/* Entries with a host cluster and nothing in it: zeros, or with subclusters what was there. */
static int link_empty(struct qcow2 *s, const struct plan *p)
{
    uint64_t host = p->host;
    struct qcow2_slice *slice;
    unsigned index;
    int r = vemu__qcow2_l2_write(s, p->offset, &slice, &index);

    for (uint64_t i = 0; r == 0 && i < p->flight.count; i++, index++, host += s->cluster_size) {
        struct qcow2_entry entry;

        vemu__qcow2_l2_get(s, slice, index, &entry);
        entry.l2 = host | QCOW2_COPIED;
        if (!s->extended && s->header.version >= 3 && !p->virgin)
            entry.l2 |= QCOW2_ZERO;
        if (s->extended && !s->image.backing_filename && p->virgin)
            entry.bitmap = UINT32_MAX;
        vemu__qcow2_l2_set(s, slice, index, &entry);
    }
    return r;
}

/* A host cluster that tables point to is never behind the end of the file: a crash may come before
 * its data does. By `word` for more preallocation than that, which needs exclusive work: the file
 * grows as a whole. The lock is not held. */
static int lengthen(struct qcow2 *s, const struct plan *p, const char *word,
                    struct vemu_error **err)
{
    uint64_t end = p->host + (p->flight.count << s->cluster_bits);
    uint32_t some = MIN(s->cluster_size, 4096);
    void *zeros;
    int r;

    if (s->external || end <= atomic_load(&s->image.file->size))
        return 0;
    if (word)
        return vemu_image_resize(s->image.file, end, word, 0, NULL, err);
    zeros = vemu__qcow2_buffer(some);
    if (!zeros)
        return -ENOMEM;
    memset(zeros, 0, some);
    r = vemu__qcow2_file_write(s->image.file, end - some, zeros, some);
    free(zeros);
    return r;
}

/* Gives clusters to a plan; the lock is held, and given up. */
static int allocate_plan(struct qcow2 *s, struct plan *p, const char *word, struct vemu_error **err)
{
    int r = 0;

    if (p->kind == PLAN_OVERWRITE)
        return 0;
    if (p->kind == PLAN_NEW) {
        pthread_mutex_unlock(&s->lock);
        r = lengthen(s, p, word, err);
        /* what version 2 cannot call zeros has to be some */
        if (r == 0 && !p->virgin && s->header.version < 3)
            r = write_plan(s, p, NULL, 0, 0);
        pthread_mutex_lock(&s->lock);
        if (r == 0)
            r = link_empty(s, p);
        if (r < 0 && !s->external)
            vemu__qcow2_unalloc(s, p->host, p->flight.count << s->cluster_bits);
    }
    vemu__qcow2_flight_remove(s, &p->flight);
    return r;
}

int vemu__qcow2_allocate(struct qcow2 *s, uint64_t offset, uint64_t bytes, const char *word,
                         uint64_t *ret_to, struct vemu_error **err)
{
    struct plan p;
    int r;

    *ret_to = offset + bytes;
    pthread_mutex_lock(&s->lock);
    r = make_plan(s, offset, bytes, &p);
    if (r == 0) {
        *ret_to = (offset + p.bytes + s->cluster_size - 1) & ~(uint64_t)(s->cluster_size - 1);
        r = allocate_plan(s, &p, word, err);
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* What is not empty, or somebody else is about to fill, is left alone. Returns how far it went, or
 * -errno. The lock is held. */
static int64_t reserve_some(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    uint64_t guest = offset & ~(uint64_t)(s->cluster_size - 1), count;
    struct qcow2_run run;
    struct plan p;
    int r = vemu__qcow2_find(s, offset, bytes, &run);

    if (r < 0)
        return r;
    count = qcow2_div_up(offset + run.bytes - guest, s->cluster_size);
    if ((run.type != QCOW2_T_UNALLOCATED && run.type != QCOW2_T_ZERO_PLAIN) ||
        vemu__qcow2_not_in_flight(s, guest >> s->cluster_bits, count) < count)
        return (int64_t)run.bytes;
    r = make_plan(s, guest, count << s->cluster_bits, &p);
    if (r == 0)
        r = allocate_plan(s, &p, NULL, NULL);
    return r < 0 ? r : (int64_t)MIN(guest + p.bytes - offset, bytes);
}

int vemu__qcow2_reserve(struct vemu_image *image, uint64_t offset, uint64_t bytes)
{
    struct qcow2 *s = qcow2_of(image);
    int64_t n = vemu__qcow2_may_write(s);
    unsigned token;
    int r;

    if (n < 0)
        return (int)n;
    pthread_mutex_lock(&s->lock);
    token = vemu__qcow2_begin(s);
    for (; bytes && n >= 0; offset += (uint64_t)n, bytes -= (uint64_t)n) {
        n = reserve_some(s, offset, bytes);
        if (n < 0)
            break;
    }
    pthread_mutex_unlock(&s->lock);
    vemu__qcow2_end(s, token);
    r = vemu__qcow2_relieve(s);
    return n < 0 ? (int)n : r;
}
