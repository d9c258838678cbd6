/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the file system how much a copy is about to write.
 *
 * Space that is asked for in one go (fallocate) costs a quarter less of the time of a write through
 * the page cache than space that is found page by page. It is asked for exactly what is written
 * next: of a raw image at its place, of others at the end of the file, where new clusters go; so
 * nothing is left over but, at the very end, less than a piece. What fails is not tried again.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "image/copy.h"

void vemu__copy_hint_begin(struct vemu__copy *c)
{
    struct vemu_image *file = c->target;

    while (file->file)
        file = file->file;
    c->hints = !(file->open_flags & VEMU_IMAGE_DIRECT) && !strcmp(file->driver->name, "file") &&
               !(c->options.flags & VEMU_IMAGE_COPY_COMPRESSED) &&
               vemu__image_map(file, 0, 1, true, &c->hint_span) == 0;
}

static int ask(int fd, uint64_t offset, uint64_t bytes)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes);
}

/* In a raw image the place is known. */
static int hint_place(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    struct vemu_image_span span;
    int r = vemu__image_map(c->target, offset, bytes, true, &span);

    if (r < 0)
        return r;
    r = ask(span.fd, span.offset, MIN(span.bytes, bytes));
    vemu__image_unmap(&span);
    return r;
}

static int hint_end(struct vemu__copy *c, uint64_t bytes)
{
    struct stat st;

    if (fstat(c->hint_span.fd, &st) < 0)
        return -1;
    uint64_t from = MAX((uint64_t)st.st_size, c->hinted), to = (uint64_t)st.st_size + bytes;
    if (to <= from)
        return 0;
    c->hinted = to;
    return ask(c->hint_span.fd, from, to - from);
}

void vemu__copy_hint(struct vemu__copy *c, uint64_t offset, uint64_t bytes)
{
    if (!c->hints)
        return;
    int r = c->target->cluster_size ? hint_end(c, bytes) : hint_place(c, offset, bytes);
    c->hints = r == 0;
}

void vemu__copy_hint_end(struct vemu__copy *c)
{
    if (c->hint_span.bytes)
        vemu__image_unmap(&c->hint_span);
}
