/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One piece of a copy: reading, searching for zeros, writing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "core/iov.h"
#include "image/copy.h"

#define SALVAGE_UNIT 512u

static int fail(struct vemu__copy *c, int code, const char *what, uint64_t offset)
{
    pthread_mutex_lock(&c->work.lock);
    vemu__work_fail_locked(&c->work, code, "error while %s at byte %" PRIu64 ": %s", what, offset,
                           g_strerror(-code));
    pthread_mutex_unlock(&c->work.lock);
    return code;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Halves what cannot be read until the bad sectors are found. */
static void salvage(struct vemu__copy *c, uint64_t offset, uint8_t *buf, size_t bytes)
{
    int r = vemu_image_read(c->source, offset, buf, bytes);

    if (r >= 0)
        return;
    if (bytes > SALVAGE_UNIT) {
        size_t half = MAX(bytes / 2 / SALVAGE_UNIT * SALVAGE_UNIT, SALVAGE_UNIT);
        salvage(c, offset, buf, half);
        salvage(c, offset + half, buf + half, bytes - half);
        return;
    }
    memset(buf, 0, bytes);
    if (c->options.read_error)
        c->options.read_error(c->options.read_error_data, offset, bytes, -r);
}

/* How many bytes from `at` on are in units that are all zeros, or all not. */
static uint64_t same_run(const struct vemu__copy *c, const struct vemu__copy_slot *slot,
                         uint64_t at, bool *ret_zero)
{
    const struct vemu__copy_piece *piece = &slot->piece;
    uint64_t begin = at;

    while (at < piece->bytes) {
        uint64_t place = piece->offset + c->delta + at;
        uint64_t n = MIN(c->align - (place & (c->align - 1)), piece->bytes - at);
        bool zero = vemu__is_zero(slot->buf + at, n);
        if (at == begin)
            *ret_zero = zero;
        else if (zero != *ret_zero)
            break;
        at += n;
    }
    return at - begin;
}

static void add_run(struct vemu__copy_slot *slot, uint64_t bytes, bool zero)
{
    if (bytes)
        slot->runs[slot->run_count++] = (struct vemu__copy_run){ (uint32_t)bytes, zero };
}

/* Few zeros between data count as data: a hole would only cost time. */
static void find_runs(const struct vemu__copy *c, struct vemu__copy_slot *slot)
{
    uint64_t data = 0, at = 0, n; /* [data, at) is not cut off yet */

    slot->run_count = 0;
    for (; at < slot->piece.bytes; at += n) {
        bool zero = false;

        n = same_run(c, slot, at, &zero);
        if (!zero || (n < c->sparse && at > data && at + n < slot->piece.bytes))
            continue;
        add_run(slot, at - data, false);
        add_run(slot, n, true);
        data = at + n;
    }
    add_run(slot, at - data, false);
}

int vemu__copy_read(struct vemu__copy *c, struct vemu__copy_slot *slot)
{
    const struct vemu__copy_piece *piece = &slot->piece;
    int r = vemu_image_read(c->source, piece->offset, slot->buf, piece->bytes);

    if (r < 0 && c->options.flags & VEMU_IMAGE_COPY_SALVAGE) {
        salvage(c, piece->offset, slot->buf, piece->bytes);
        r = 0;
    }
    if (r < 0)
        return fail(c, r, "reading", piece->offset);
    /* At once, while the bytes are in this processor's cache. */
    if (c->options.flags & VEMU_IMAGE_COPY_NO_SPARSE) {
        slot->run_count = 0;
        add_run(slot, piece->bytes, false);
    } else {
        find_runs(c, slot);
    }
    return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int zero(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    int r = vemu_image_zero(c->target, offset + c->delta, bytes, VEMU_IMAGE_MAY_UNMAP);

    return r < 0 ? fail(c, r, "writing", offset) : 0;
}

int vemu__copy_write_zeros(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    return c->options.flags & VEMU_IMAGE_COPY_TARGET_IS_ZERO ? 0 : zero(c, offset, bytes);
}

int vemu__copy_write(struct vemu__copy *c, const struct vemu__copy_slot *slot)
{
    uint32_t flags = c->options.flags & VEMU_IMAGE_COPY_COMPRESSED ? VEMU_IMAGE_COMPRESSED : 0;
    uint64_t offset = slot->piece.offset;
    const uint8_t *buf = slot->buf;
    int r = 0;

    for (unsigned i = 0; i < slot->run_count && r >= 0; i++) {
        uint32_t bytes = slot->runs[i].bytes;

        if (!slot->runs[i].zero) {
            r = vemu_image_write(c->target, offset + c->delta, buf, bytes, flags);
            if (r < 0)
                fail(c, r, "writing", offset);
        } else if (vemu__copy_hint_was_wrong(c, offset)) {
            r = zero(c, offset, bytes);
        } else {
            r = vemu__copy_write_zeros(c, offset, bytes);
        }
        offset += bytes;
        buf += bytes;
    }
    return r;
}

int vemu__copy_reserve(struct vemu__copy *c, const struct vemu__copy_slot *slot)
{
    uint64_t offset = slot->piece.offset;
    int r = 0;

    for (unsigned i = 0; i < slot->run_count && r >= 0; i++) {
        if (!slot->runs[i].zero)
            r = c->target->driver->reserve(c->target, offset + c->delta, slot->runs[i].bytes);
        if (r < 0)
            fail(c, r, "writing", offset);
        offset += slot->runs[i].bytes;
    }
    return r;
}

/* --- the kernel copies ------------------------------------------------------------------------ */

/* Returns how much was copied; 0: this place needs reading and writing. */
static uint64_t offload_some(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    struct vemu_image_span from, to;
    uint64_t done = 0;

    if (vemu__image_map(c->source, offset, bytes, false, &from) < 0)
        return 0;
    if (vemu__image_map(c->target, offset + c->delta, from.bytes, true, &to) == 0) {
        off_t in = (off_t)from.offset, out = (off_t)to.offset;
        uint64_t want = MIN(from.bytes, to.bytes);
        while (done < want) {
            ssize_t n = copy_file_range(from.fd, &in, to.fd, &out, want - done, 0);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break; /* writing finds out what is wrong, if anything is */
            done += (uint64_t)n;
        }
        vemu__image_unmap(&to);
    }
    vemu__image_unmap(&from);
    return done;
}

void vemu__copy_offload(struct vemu__copy *c, struct vemu__copy_piece *piece)
{
    while (piece->bytes) {
        uint64_t n = offload_some(c, piece->offset, piece->bytes);
        if (!n)
            return;
        piece->offset += n;
        piece->bytes -= n;
    }
}
