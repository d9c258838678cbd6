/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the file system how much a copy is about to write.
 *
 * Space that is asked for in one go (fallocate) costs a quarter less of the time of a write through
 * the page cache than space that is found page by page. With O_DIRECT it matters more: only a write
 * that finds its space, and that does not make the file longer, lets others be under way in the
 * same file. But asking waits for all that are.
 *
 * So it is asked for a window ahead of what is written: of a raw image as far as the source says
 * that there is data; of others at the end of the file, where new clusters go, as much as may still
 * come, and what was not used is cut off when the copy is done. Where the data turns out to be
 * zeros a hole is made again, and windows begin small anew. What fails is not tried again.
 */
#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

#include "image/copy.h"
#include "image/drivers.h"

#define WINDOW_MAX (64ull << 20)
#define SMALL      (64u << 10) /* asking takes longer than writing without */

void vemu__copy_hint_begin(struct vemu__copy *c)
{
    struct vemu_image *file = c->target;

    while (file->file)
        file = file->file;
    if (file->driver != &vemu__image_file ||
        (c->target->cluster_size && !c->target->driver->quiet) ||
        c->options.flags & (VEMU_IMAGE_COPY_COMPRESSED | VEMU_IMAGE_COPY_OFFLOAD) ||
        vemu__image_map(file, 0, 1, true, &c->hints.span) < 0)
        return;
    c->hints.file = file;
    c->hints.window = WINDOW_MAX;
    c->hints.hinted = c->target->cluster_size ? atomic_load(&file->size) : 0;
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

/* From where on, and how many bytes (0: none now). */
static uint64_t next_place_locked(struct vemu__copy *c, const struct vemu__copy_slot *slot,
                                  uint64_t *ret_offset)
{
    uint64_t place = slot->piece.offset + c->delta, end = place + slot->piece.bytes;

    if (end <= c->hints.hinted || slot->piece.bytes < SMALL)
        return 0;
    if (slot->run_count > 1) { /* not here */
        c->hints.window = c->chunk;
        return 0;
    }
    *ret_offset = MAX(place, c->hints.hinted);
    c->hints.hinted = MIN(slot->piece.kind_end + c->delta, *ret_offset + c->hints.window);
    return c->hints.hinted - *ret_offset;
}

static uint64_t next_end_locked(struct vemu__copy *c, uint64_t *ret_offset)
{
    uint64_t size = atomic_load(&c->hints.file->size);
    /* Each thread may be about to write as much, and tables go there too. */
    uint64_t soon = (uint64_t)(c->slot_count + 2) * c->chunk, left = c->end - c->planned + soon;

    if (c->hints.hinted >= size + MIN(left, soon))
        return 0;
    *ret_offset = MAX(c->hints.hinted, size);
    left = MIN(left, c->hints.window);
    c->hints.hinted = *ret_offset + left;
    return left;
}

void vemu__copy_hint(struct vemu__copy *c, const struct vemu__copy_slot *slot)
{
    struct vemu__copy_hints *h = &c->hints;
    uint64_t offset = 0, bytes = 0;
    bool ok;

    if (!h->file || (slot->run_count == 1 && slot->runs[0].zero))
        return;
    pthread_mutex_lock(&c->work.lock);
    if (h->window) {
        bytes = c->target->cluster_size ? next_end_locked(c, &offset)
                                        : next_place_locked(c, slot, &offset);
        if (bytes)
            h->window = MIN(h->window * 2, WINDOW_MAX);
    }
    pthread_mutex_unlock(&c->work.lock);
    if (!bytes)
        return;
    ok = c->target->cluster_size ? ask(h->span.fd, 0, offset, bytes) : ask_place(c, offset, bytes);
    if (ok)
        return;
    pthread_mutex_lock(&c->work.lock);
    h->window = 0;
    pthread_mutex_unlock(&c->work.lock);
}

bool vemu__copy_hint_was_wrong(struct vemu__copy *c, uint64_t offset)
{
    struct vemu__copy_hints *h = &c->hints;
    bool asked;

    if (!h->file || c->target->cluster_size)
        return false;
    pthread_mutex_lock(&c->work.lock);
    asked = offset + c->delta < h->hinted;
    if (asked && h->window)
        h->window = c->chunk;
    pthread_mutex_unlock(&c->work.lock);
    return asked;
}

/* Others may write to the image as well, so it is not done while anybody does. */
static void cut(void *data)
{
    struct vemu__copy_hints *h = data;
    uint64_t size = atomic_load(&h->file->size);

    if (h->hinted > size)
        (void)!ftruncate(h->span.fd, (off_t)size); /* space is left over at worst */
}

void vemu__copy_hint_end(struct vemu__copy *c)
{
    struct vemu__copy_hints *h = &c->hints;

    if (h->file && c->target->cluster_size && h->hinted > atomic_load(&h->file->size))
        (void)c->target->driver->quiet(c->target, cut, h);
    if (h->span.bytes)
        vemu__image_unmap(&h->span);
}
