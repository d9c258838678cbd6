/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing compressed clusters.
 *
 * Many clusters of one request are packed into one piece of memory, given room in one go, and
 * written at once. A quick look tells clusters that cannot shrink, which are written as they are:
 * their bytes are spread evenly and nothing repeats within the reach of the window.
 */
#include <errno.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "image/qcow2/qcow2.h"

#define SAMPLE      2048u
#define SAMPLES     4u
#define BATCH_BYTES (2u << 20)

/* Bytes of one sample, spread evenly, are each there 8 times; squares of the counts add up to about
 * 256 * (64 + 8). Text and machine code have many times that. */
static bool sample_is_noise(const uint8_t *p)
{
    uint16_t count[256] = { 0 };
    uint16_t seen[1024] = { 0 };
    unsigned squares = 0, repeats = 0;

    for (unsigned i = 0; i < SAMPLE; i++)
        count[p[i]]++;
    for (unsigned i = 0; i < 256; i++)
        squares += (unsigned)count[i] * count[i];
    if (squares > 22000)
        return false;
    for (unsigned i = 0; i + 4 <= SAMPLE; i++) {
        uint32_t word;
        unsigned hash;

        memcpy(&word, p + i, 4);
        hash = word * 2654435761u >> 22;
        if (seen[hash] && memcmp(p + seen[hash] - 1, &word, 4) == 0 && ++repeats > 4)
            return false;
        seen[hash] = (uint16_t)(i + 1);
    }
    return true;
}

static bool is_noise(const uint8_t *p, uint32_t bytes)
{
    if (bytes < 2 * SAMPLE)
        return false;
    for (unsigned i = 0; i < SAMPLES; i++)
        if (!sample_is_noise(p + (size_t)(bytes - SAMPLE) / (SAMPLES - 1) * i))
            return false;
    return true;
}

/* What a thread packs with. */
struct packer {
    z_stream zlib;
    ZSTD_CCtx *zstd;
    bool ready;
};

static int packer_init(struct packer *packer, unsigned compression)
{
    memset(packer, 0, sizeof(*packer));
    if (compression == QCOW2_ZSTD) {
        packer->zstd = ZSTD_createCCtx();
        packer->ready = packer->zstd != NULL;
    } else {
        /* the window that readers of this format have */
        packer->ready = deflateInit2(&packer->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -12, 9,
                                     Z_DEFAULT_STRATEGY) == Z_OK;
    }
    return packer->ready ? 0 : -ENOMEM;
}

static void packer_fini(struct packer *packer)
{
    if (packer->zstd)
        ZSTD_freeCCtx(packer->zstd);
    else if (packer->ready)
        deflateEnd(&packer->zlib);
}

/* Bytes it took; 0: it does not become smaller. */
static uint32_t pack(struct packer *packer, const uint8_t *from, uint32_t bytes, uint8_t *to)
{
    z_stream *z = &packer->zlib;
    size_t n;

    if (is_noise(from, bytes))
        return 0;
    if (packer->zstd) {
        n = ZSTD_compressCCtx(packer->zstd, to, bytes - 1, from, bytes, ZSTD_CLEVEL_DEFAULT);
        return ZSTD_isError(n) ? 0 : (uint32_t)n;
    }
    deflateReset(z);
    z->next_in = (Bytef *)from;
    z->avail_in = bytes;
    z->next_out = to;
    z->avail_out = bytes - 1;
    return deflate(z, Z_FINISH) == Z_STREAM_END ? bytes - 1 - z->avail_out : 0;
}

/* Some clusters of a request. */
struct batch {
    uint64_t offset;
    unsigned count;
    uint8_t *plain, *packed;
    uint32_t *bytes; /* of each: 0: zeros or not packed */
    uint64_t *entry;
    struct qcow2_flight flight;
};

/* Nothing may be there yet. The lock is held. */
static int all_unallocated(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    struct qcow2_run run;
    int r;

    while (bytes) {
        r = vemu__qcow2_find(s, offset, bytes, &run);
        if (r < 0)
            return r;
        if (run.type != QCOW2_T_UNALLOCATED && run.type != QCOW2_T_ZERO_PLAIN)
            return -EIO;
        offset += run.bytes;
        bytes -= run.bytes;
    }
    return 0;
}

static uint64_t make_entry(const struct qcow2 *s, uint64_t offset, uint32_t bytes)
{
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t sectors = ((offset + bytes - 1) >> 9) - (offset >> 9);

    return QCOW2_COMPRESSED | sectors << shift | offset;
}

/* Announces the clusters and finds room for all that were packed. */
static int take_room(struct qcow2 *s, struct batch *b)
{
    uint64_t first = b->offset >> s->cluster_bits, offset;
    uint64_t limit = MIN(1ull << (62 - (s->cluster_bits - 8)), 1ull << 56);
    int r;

    pthread_mutex_lock(&s->lock);
    while (vemu__qcow2_not_in_flight(s, first, b->count) < b->count)
        pthread_cond_wait(&s->changed, &s->lock);
    r = all_unallocated(s, b->offset, (uint64_t)b->count << s->cluster_bits);
    for (unsigned i = 0; r == 0 && i < b->count; i++) {
        if (!b->bytes[i])
            continue;
        r = vemu__qcow2_alloc_bytes(s, b->bytes[i], &offset);
        if (r == 0 && offset + b->bytes[i] > limit) {
            vemu__qcow2_unalloc(s, offset, b->bytes[i]);
            r = -EFBIG;
        }
        if (r == 0)
            b->entry[i] = make_entry(s, offset, b->bytes[i]);
    }
    if (r == 0) {
        b->flight = (struct qcow2_flight){ .first = first, .count = b->count };
        vemu__qcow2_flight_add(s, &b->flight);
    }
    for (unsigned i = 0; r < 0 && i < b->count; i++)
        if (b->entry[i])
            vemu__qcow2_unalloc(s, b->entry[i] & (limit - 1), b->bytes[i]);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* Packed clusters lie one behind the other, in memory as in the file, but for a few breaks. */
static int write_packed(struct qcow2 *s, const struct batch *b)
{
    uint64_t at = 0, start = 0, host = 0, next = 0,
             mask = (1ull << (62 - (s->cluster_bits - 8))) - 1;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < b->count; i++) {
        if (!b->entry[i])
            continue;
        if ((b->entry[i] & mask) != next) {
            if (at > start)
                r = vemu__qcow2_file_write(s->image.file, host, b->packed + start, at - start);
            start = at;
            next = host = b->entry[i] & mask;
        }
        next += b->bytes[i];
        at += b->bytes[i];
    }
    if (r == 0 && at > start)
        r = vemu__qcow2_file_write(s->image.file, host, b->packed + start, at - start);
    return r;
}

static int link_packed(struct qcow2 *s, struct batch *b, int r)
{
    uint64_t mask = (1ull << (62 - (s->cluster_bits - 8))) - 1;

    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < b->count; i++) {
        struct qcow2_entry entry = { .l2 = b->entry[i] };
        struct qcow2_slice *slice;
        unsigned index;

        if (!b->entry[i])
            continue;
        if (r == 0)
            r = vemu__qcow2_l2_write(s, b->offset + ((uint64_t)i << s->cluster_bits), &slice,
                                     &index);
        if (r == 0)
            vemu__qcow2_l2_set(s, slice, index, &entry);
        else
            vemu__qcow2_unalloc(s, b->entry[i] & mask, b->bytes[i]);
    }
    vemu__qcow2_flight_remove(s, &b->flight);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* The clusters that were not packed, in runs. */
static int write_rest(struct qcow2 *s, const struct batch *b, uint64_t bytes)
{
    int r = 0;

    for (unsigned i = 0, n; r == 0 && i < b->count; i += n) {
        uint64_t in = (uint64_t)i << s->cluster_bits;
        struct iovec iov = { .iov_base = b->plain + in };

        n = 1;
        if (b->entry[i])
            continue;
        while (i + n < b->count && !b->entry[i + n])
            n++;
        iov.iov_len = MIN((uint64_t)n << s->cluster_bits, bytes - in);
        r = vemu__qcow2_write_inner(s, b->offset + in, iov.iov_len, &iov, 1, 0);
    }
    return r;
}

/* `bytes` of the batch are there; a last cluster that is cut is filled with zeros. */
static int write_batch(struct qcow2 *s, struct batch *b, struct packer *packer, uint64_t bytes)
{
    uint32_t at = 0;
    bool any = false;
    int r;

    for (unsigned i = 0; i < b->count; i++) {
        b->entry[i] = 0;
        b->bytes[i] = pack(packer, b->plain + ((size_t)i << s->cluster_bits), s->cluster_size,
                           b->packed + at);
        at += b->bytes[i];
        any |= b->bytes[i] != 0;
    }
    if (any) {
        r = take_room(s, b);
        if (r < 0)
            return r;
        r = link_packed(s, b, write_packed(s, b));
        if (r < 0)
            return r;
    }
    return write_rest(s, b, bytes);
}

int vemu__qcow2_write_compressed(struct qcow2 *s, uint64_t offset, uint64_t bytes,
                                 const struct iovec *iov, unsigned count)
{
    uint64_t size = s->cluster_size, skip = 0;
    unsigned most = (unsigned)MAX(BATCH_BYTES >> s->cluster_bits, 1u);
    struct packer packer = { .ready = false };
    struct batch b = { 0 };
    int r;

    if (s->external)
        return -ENOTSUP;
    if (offset & (size - 1) ||
        (bytes & (size - 1) && offset + bytes != atomic_load(&s->image.size)))
        return -EINVAL;
    most = (unsigned)MIN(most, qcow2_div_up(bytes, size));
    b.plain = vemu__qcow2_buffer((size_t)most << s->cluster_bits);
    b.packed = vemu__qcow2_buffer((size_t)most << s->cluster_bits);
    b.bytes = g_new0(uint32_t, most);
    b.entry = g_new0(uint64_t, most);
    r = b.plain && b.packed ? packer_init(&packer, s->header.compression) : -ENOMEM;
    while (r == 0 && bytes) {
        uint64_t n = MIN(bytes, (uint64_t)most << s->cluster_bits);

        b.offset = offset;
        b.count = (unsigned)qcow2_div_up(n, size);
        vemu__iov_read(iov, count, skip, b.plain, (size_t)n);
        memset(b.plain + n, 0, ((size_t)b.count << s->cluster_bits) - n);
        r = write_batch(s, &b, &packer, n);
        offset += n;
        skip += n;
        bytes -= n;
    }
    packer_fini(&packer);
    free(b.plain);
    free(b.packed);
    g_free(b.bytes);
    g_free(b.entry);
    return r;
}
