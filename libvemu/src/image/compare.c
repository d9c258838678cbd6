/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Comparing the contents of two images.
 *
 * Theory of operation: as with copying, a few threads take pieces of both images in order, cut by
 * their extents. Where both are known to be zeros nothing is read; where one is, only the other.
 * A thread that finds a difference notes it if it is the first so far; no piece behind it is begun
 * any more, and those before it are still looked at, so the answer is the first of all.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "core/iov.h"
#include "image/work.h"

#define CHUNK     (512u << 10)
#define MAX_PLAIN (1ull << 30) /* zeros at once */

/* One of the two. */
struct side {
    struct vemu_image *image;
    uint64_t size;
    bool zero;         /* known to be zeros ... */
    uint64_t same_end; /* ... or not, up to here */
};

struct piece {
    uint64_t offset, bytes;
    bool zero[2];
};

struct compare {
    struct side sides[2];
    uint64_t size; /* of the longer one */

    struct vemu__work work; /* its lock is for all below and same_end, zero of the sides */
    uint64_t planned;
    uint64_t first; /* difference; UINT64_MAX: none */
};

static int fail_locked(struct compare *c, int code, const struct side *side, uint64_t offset)
{
    return vemu__work_fail_locked(&c->work, code,
                                  "Error while reading offset %" PRIu64 " of %s: %s", offset,
                                  vemu_image_get_filename(side->image), g_strerror(-code));
}

/* --- cutting ---------------------------------------------------------------------------------- */

/* Finds out how far it is zeros, or not, from `offset` on. */
static int look_locked(struct compare *c, struct side *side, uint64_t offset)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;

    if (side->same_end > offset)
        return 0;
    if (offset >= side->size) { /* counts as zeros */
        side->zero = true;
        side->same_end = UINT64_MAX;
        return 0;
    }
    int r = vemu_image_get_extent(side->image, NULL, offset, side->size - offset, &extent);
    if (r < 0)
        return fail_locked(c, r, side, offset);
    side->zero = extent.flags & VEMU_IMAGE_EXTENT_ZERO;
    side->same_end = offset + CLAMP(extent.bytes, 1, side->size - offset);
    return 0;
}

static bool plan_locked(struct compare *c, struct piece *ret)
{
    struct side *a = &c->sides[0], *b = &c->sides[1];
    uint64_t offset = c->planned, limit = c->size;

    if (c->work.error || offset >= MIN(c->size, c->first))
        return false;
    for (uint64_t end = offset; end < limit; end = MIN(a->same_end, b->same_end)) {
        if (look_locked(c, a, end) < 0 || look_locked(c, b, end) < 0)
            return false;
        if (end == offset) {
            ret->zero[0] = a->zero;
            ret->zero[1] = b->zero;
            uint64_t most = a->zero && b->zero ? MAX_PLAIN : CHUNK;
            limit = MIN(limit, offset - offset % most + most);
        } else if (a->zero != ret->zero[0] || b->zero != ret->zero[1]) {
            limit = end;
        }
    }
    ret->offset = offset;
    ret->bytes = limit - offset;
    c->planned = limit;
    return true;
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Place of the first difference; `size`: there is none. */
static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t size)
{
    size_t begin = 0;

    if (memcmp(a, b, size) == 0)
        return size;
    while (size - begin > 1) { /* it is in [begin, size) */
        size_t half = (size - begin) / 2;
        if (memcmp(a + begin, b + begin, half) == 0)
            begin += half;
        else
            size = begin + half;
    }
    return begin;
}

static size_t first_nonzero(const uint8_t *buf, size_t size)
{
    size_t i = 0;

    if (vemu__is_zero(buf, size))
        return size;
    while (!buf[i])
        i++;
    return i;
}

/* Zeros are not read. The end of the shorter image may be inside a piece of zeros only. */
static int read_side(struct compare *c, int which, const struct piece *piece, uint8_t *buf)
{
    const struct side *side = &c->sides[which];

    if (piece->zero[which])
        return 0;
    int r = vemu_image_read(side->image, piece->offset, buf, piece->bytes);
    if (r >= 0)
        return 0;
    pthread_mutex_lock(&c->work.lock);
    fail_locked(c, r, side, piece->offset);
    pthread_mutex_unlock(&c->work.lock);
    return r;
}

/* Returns where in the piece they differ; its size: nowhere, or an error happened. */
static uint64_t compare_piece(struct compare *c, const struct piece *piece, uint8_t *buf)
{
    uint8_t *other = buf + CHUNK;

    if ((piece->zero[0] && piece->zero[1]) || read_side(c, 0, piece, buf) < 0 ||
        read_side(c, 1, piece, other) < 0)
        return piece->bytes;
    if (piece->zero[0])
        return first_nonzero(other, piece->bytes);
    if (piece->zero[1])
        return first_nonzero(buf, piece->bytes);
    return first_difference(buf, other, piece->bytes);
}

static void *compare_thread(void *data)
{
    struct compare *c = data;
    struct piece piece = { 0 };
    uint8_t *buf = NULL;

    pthread_mutex_lock(&c->work.lock);
    if (posix_memalign((void **)&buf, 4096, 2 * CHUNK))
        fail_locked(c, -ENOMEM, &c->sides[0], 0);
    while (plan_locked(c, &piece)) {
        pthread_mutex_unlock(&c->work.lock);
        uint64_t at = compare_piece(c, &piece, buf);
        pthread_mutex_lock(&c->work.lock);
        if (at < piece.bytes)
            c->first = MIN(c->first, piece.offset + at);
        vemu__work_done_locked(&c->work, piece.bytes);
    }
    pthread_mutex_unlock(&c->work.lock);
    free(buf);
    return NULL;
}

int vemu_image_compare(struct vemu_image *a, struct vemu_image *b, uint64_t *ret_offset,
                       const struct vemu_progress *progress, struct vemu_error **err)
{
    struct compare c = { .first = UINT64_MAX };
    int r;

    c.sides[0] = (struct side){ .image = a, .size = vemu_image_get_size(a) };
    c.sides[1] = (struct side){ .image = b, .size = vemu_image_get_size(b) };
    c.size = MAX(c.sides[0].size, c.sides[1].size);
    vemu__work_init(&c.work, progress, c.size);
    vemu__work_run("vemu-compare", (unsigned)MIN(vemu__work_threads(a, b), c.size / CHUNK + 1),
                   compare_thread, &c);
    r = vemu__work_fini(&c.work, err);
    if (r == 0)
        *ret_offset = c.first;
    return r;
}
