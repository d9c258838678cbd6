/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the file system how much a copy is about to write.
 *
 * Space that is asked for in one go (fallocate) costs a quarter less of the time of a write through
 * the page cache than space that is found page by page. It is asked for exactly what is written
 * next: of a raw image at its place, of others at the end of the file, where new clusters go; so
 * nothing is left over but, at the very end, less than a piece. What fails is not tried again.
 *
 * With O_DIRECT it matters more: a write that finds its space, and that does not make the file
 * longer, lets others be under way in the same file. But asking waits for all that are, so it is
 * done rarely, for a window that is ahead of what is written: as far as the source says that there
 * is data, or, at the end of the file, as much as may still come; there what was not used is cut
 * off at the end. Where the data turns out to be zeros, a hole is made again, and windows become
 * smaller.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "image/copy.h"
#include "image/drivers.h"

#define WINDOW     (64u << 20)
#define WINDOW_MIN (4u << 20)
#define SMALL      (64u << 10) /* asking takes longer than writing without */

void vemu__copy_hint_begin(struct vemu__copy *c)
{
    struct vemu_image *file = c->target;
    bool direct;

    while (file->file)
        file = file->file;
    direct = file->open_flags & VEMU_IMAGE_DIRECT;
    if (file->driver != &vemu__image_file || c->options.flags & VEMU_IMAGE_COPY_COMPRESSED ||
        c->order == (direct ? COPY_RING : COPY_ANY) ||
        vemu__image_map(file, 0, 1, true, &c->hints.span) < 0)
        return;
    c->hints.file = file;
    if (direct) {
        c->hints.window = WINDOW;
        c->hints.hinted = c->target->cluster_size ? atomic_load(&file->size) : 0;
    }
}

static bool ask(int fd, int mode, uint64_t offset, uint64_t bytes)
{
    return fallocate(fd, mode, (off_t)offset, (off_t)bytes) == 0;
}

/* In a raw image the place is known. */
static bool ask_place(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    struct vemu_image_span span;
    bool ok;

    if (vemu__image_map(c->target, offset, bytes, true, &span) < 0)
        return false;
    ok = ask(span.fd, FALLOC_FL_KEEP_SIZE, span.offset, MIN(span.bytes, bytes));
    vemu__image_unmap(&span);
    return ok;
}

static bool ask_end(struct vemu__copy *c, uint64_t bytes)
{
    struct vemu__copy_hints *h = &c->hints;
    struct stat st;

    if (fstat(h->span.fd, &st) < 0)
        return false;
    uint64_t from = MAX((uint64_t)st.st_size, h->hinted), to = (uint64_t)st.st_size + bytes;
    if (to <= from)
        return true;
    h->hinted = to;
    return ask(h->span.fd, FALLOC_FL_KEEP_SIZE, from, to - from);
}

/* Through the page cache; called by one thread at a time. */
static void hint_runs(struct vemu__copy *c, const struct vemu__copy_slot *slot)
{
    uint64_t place = slot->piece.offset + c->delta;
    bool ok = true;

    for (unsigned i = 0; i < slot->run_count && ok; i++) {
        uint32_t bytes = slot->runs[i].bytes;

        if (!slot->runs[i].zero && bytes >= SMALL)
            ok = c->target->cluster_size ? ask_end(c, bytes) : ask_place(c, place, bytes);
        place += bytes;
    }
    if (!ok)
        c->hints.file = NULL;
}

/* What the next window of a raw image or of the end of the file is; bytes 0: none yet. */
static uint64_t window_locked(struct vemu__copy *c, const struct vemu__copy_piece *piece,
                              uint64_t *ret_offset)
{
    struct vemu__copy_hints *h = &c->hints;
    uint64_t place = piece->offset + c->delta, size, left;

    if (!c->target->cluster_size) {
        if (place + piece->bytes <= h->hinted)
            return 0;
        *ret_offset = MAX(place, h->hinted);
        left = piece->kind_end + c->delta - *ret_offset;
    } else {
        size = atomic_load(&h->file->size);
        /* Others may be about to write as much each, and tables go there too. */
        left = c->end - c->planned + (uint64_t)(c->slot_count + 2) * c->chunk;
        if (h->hinted >= size + MIN(left, (uint64_t)(c->slot_count + 2) * c->chunk))
            return 0;
        *ret_offset = MAX(h->hinted, size);
    }
    left = MIN(left, h->window);
    h->hinted = *ret_offset + left;
    return left;
}

/* With O_DIRECT. */
static void hint_window(struct vemu__copy *c, const struct vemu__copy_piece *piece)
{
    uint64_t offset = 0, bytes;
    bool ok = true;

    pthread_mutex_lock(&c->work.lock);
    bytes = c->hints.window ? window_locked(c, piece, &offset) : 0;
    pthread_mutex_unlock(&c->work.lock);
    if (!bytes)
        return;
    ok = c->target->cluster_size ? ask(c->hints.span.fd, 0, offset, bytes)
                                 : ask_place(c, offset, bytes);
    if (ok)
        return;
    pthread_mutex_lock(&c->work.lock);
    c->hints.window = 0;
    pthread_mutex_unlock(&c->work.lock);
}

void vemu__copy_hint(struct vemu__copy *c, const struct vemu__copy_slot *slot)
{
    struct vemu__copy_hints *h = &c->hints;

    if (!h->file || (slot->run_count == 1 && slot->runs[0].zero))
        return;
    if (h->file->open_flags & VEMU_IMAGE_DIRECT)
        hint_window(c, &slot->piece);
    else
        hint_runs(c, slot);
}

bool vemu__copy_hint_was_wrong(struct vemu__copy *c, uint64_t offset)
{
    struct vemu__copy_hints *h = &c->hints;
    bool asked;

    if (!h->file || c->target->cluster_size || !(h->file->open_flags & VEMU_IMAGE_DIRECT))
        return false;
    pthread_mutex_lock(&c->work.lock);
    asked = offset + c->delta < h->hinted;
    if (asked)
        h->window = h->window / 2 < WINDOW_MIN ? 0 : h->window / 2;
    pthread_mutex_unlock(&c->work.lock);
    return asked;
}

void vemu__copy_hint_end(struct vemu__copy *c)
{
    struct vemu__copy_hints *h = &c->hints;
    uint64_t size;

    if (!h->span.bytes)
        return;
    size = h->file ? atomic_load(&h->file->size) : 0;
    if (h->file && h->file->open_flags & VEMU_IMAGE_DIRECT && c->target->cluster_size &&
        h->hinted > size)
        (void)!ftruncate(h->span.fd, (off_t)size); /* space is left over at worst */
    vemu__image_unmap(&h->span);
}
