/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading formats whose contents are blocks that a table finds.
 */
#include "image/places.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/iov.h"

#define SLICE_MAX 64u

/* --- pages of a file -------------------------------------------------------------------------- */

void vemu__image_pages_init(struct image_pages *pages, struct vemu_image *file)
{
    pages->file = file;
    pthread_mutex_init(&pages->lock, NULL);
    for (unsigned i = 0; i < IMAGE_PAGE_COUNT; i++)
        pages->pages[i] = (struct image_page){ .number = UINT64_MAX };
}

void vemu__image_pages_fini(struct image_pages *pages)
{
    if (!pages->file)
        return;
    for (unsigned i = 0; i < IMAGE_PAGE_COUNT; i++)
        g_free(pages->pages[i].bytes);
    pthread_mutex_destroy(&pages->lock);
    pages->file = NULL;
}

/* The page, filled as far as the file goes, zeros behind it. */
static int page_get_locked(struct image_pages *pages, uint64_t number, struct image_page **ret)
{
    struct image_page *page = &pages->pages[number % IMAGE_PAGE_COUNT];
    uint64_t start = number * IMAGE_PAGE_SIZE, size = vemu_image_get_size(pages->file);
    size_t bytes;
    int r;

    *ret = page;
    if (page->number == number)
        return 0;
    if (start >= size)
        return -EINVAL;
    if (!page->bytes)
        page->bytes = g_try_malloc(IMAGE_PAGE_SIZE);
    if (!page->bytes)
        return -ENOMEM;
    page->number = UINT64_MAX;
    bytes = (size_t)MIN(size - start, IMAGE_PAGE_SIZE);
    r = vemu_image_read(pages->file, start, page->bytes, bytes);
    if (r < 0)
        return r;
    memset(page->bytes + bytes, 0, IMAGE_PAGE_SIZE - bytes);
    page->number = number;
    return 0;
}

int vemu__image_pages_read(struct image_pages *pages, uint64_t offset, void *buf, size_t size)
{
    uint64_t file_size = vemu_image_get_size(pages->file);
    uint8_t *to = buf;
    int r = 0;

    if (offset > file_size || size > file_size - offset)
        return -EINVAL;
    pthread_mutex_lock(&pages->lock);
    while (size && r == 0) {
        size_t within = offset % IMAGE_PAGE_SIZE, n = MIN(size, IMAGE_PAGE_SIZE - within);
        struct image_page *page;

        r = page_get_locked(pages, offset / IMAGE_PAGE_SIZE, &page);
        if (r < 0)
            break;
        memcpy(to, page->bytes + within, n);
        to += n;
        offset += n;
        size -= n;
    }
    pthread_mutex_unlock(&pages->lock);
    return r;
}

int vemu__image_pages_le32(struct image_pages *pages, uint64_t offset, uint32_t *ret)
{
    int r = vemu__image_pages_read(pages, offset, ret, sizeof(*ret));

    *ret = GUINT32_FROM_LE(*ret);
    return r;
}

int vemu__image_pages_le64(struct image_pages *pages, uint64_t offset, uint64_t *ret)
{
    int r = vemu__image_pages_read(pages, offset, ret, sizeof(*ret));

    *ret = GUINT64_FROM_LE(*ret);
    return r;
}

int vemu__image_pages_be32(struct image_pages *pages, uint64_t offset, uint32_t *ret)
{
    int r = vemu__image_pages_read(pages, offset, ret, sizeof(*ret));

    *ret = GUINT32_FROM_BE(*ret);
    return r;
}

/* --- parts ------------------------------------------------------------------------------------ */

int vemu__image_read_part(struct vemu_image *file, uint64_t offset, void *buf, size_t size)
{
    uint64_t file_size = vemu_image_get_size(file);

    if (offset > file_size || size > file_size - offset)
        return -EINVAL;
    return vemu_image_read(file, offset, buf, size);
}

bool vemu__image_has_table(const struct vemu_image *file, uint64_t offset, uint64_t count,
                           uint32_t entry_size)
{
    uint64_t file_size = vemu_image_get_size(file);

    return offset <= file_size && count <= (file_size - offset) / entry_size;
}

/* --- places ----------------------------------------------------------------------------------- */

bool vemu__image_place_extend(struct image_place *place, const struct image_place *next)
{
    if (next->kind != place->kind || place->kind == IMAGE_PLACE_PACKED)
        return false;
    if (place->kind == IMAGE_PLACE_DATA &&
        (next->file != place->file || next->offset != place->offset + place->bytes))
        return false;
    place->bytes += next->bytes;
    return true;
}

#define FIND_MAX 4096u /* blocks looked at for one place */

int vemu__image_find_block(struct vemu_image *image, image_block_fn block, uint32_t block_size,
                           uint64_t block_count, uint64_t offset, uint64_t bytes,
                           struct image_place *ret)
{
    uint64_t first = offset / block_size, within = offset % block_size;

    for (uint64_t i = first; i < block_count && i - first < FIND_MAX; i++) {
        struct image_place next = { .bytes = block_size - within };
        int r = block(image, i, within, &next);

        if (r < 0)
            return i == first ? r : 0; /* the next call finds it again */
        within = 0;
        if (i == first)
            *ret = next;
        else if (!vemu__image_place_extend(ret, &next))
            break;
        if (ret->bytes >= bytes)
            break;
    }
    return 0;
}

/* Where it is, cut to the range and to the end of the file: files that end early have zeros
 * there, as with QEMU. */
static int find_within(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                       struct image_place *ret)
{
    int r;

    *ret = (struct image_place){ .kind = IMAGE_PLACE_ABSENT };
    r = ((struct image_places *)image)->find(image, offset, bytes, ret);
    if (r < 0)
        return r;
    ret->bytes = MIN(ret->bytes, bytes);
    if (ret->kind == IMAGE_PLACE_DATA) {
        uint64_t size = vemu_image_get_size(ret->file);

        if (ret->offset >= size)
            ret->kind = IMAGE_PLACE_ZERO;
        else
            ret->bytes = MIN(ret->bytes, size - ret->offset);
    }
    return 0;
}

/* The backing image's bytes, zeros behind its end. */
static int read_backing(struct vemu_image *backing, uint64_t offset, const struct iovec *iov,
                        unsigned count, uint64_t bytes)
{
    uint64_t size = backing ? vemu_image_get_size(backing) : 0;
    uint64_t n = offset < size ? MIN(bytes, size - offset) : 0;
    struct iovec part[SLICE_MAX];

    vemu__iov_fill(iov, count, n, 0, bytes - n);
    if (!n)
        return 0;
    return vemu_image_readv(backing, offset, part,
                            vemu__iov_slice(iov, count, 0, n, part, SLICE_MAX));
}

int vemu__image_places_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                             const struct iovec *iov, unsigned count)
{
    uint64_t done = 0;

    while (done < bytes) {
        struct image_place place;
        struct iovec part[SLICE_MAX];
        unsigned n;
        int r = find_within(image, offset + done, bytes - done, &place);

        if (r < 0)
            return r;
        n = vemu__iov_slice(iov, count, done, place.bytes, part, SLICE_MAX);
        place.bytes = vemu__iov_size(part, n); /* less if there are too many pieces */
        if (!place.bytes)
            return -EINVAL;
        switch (place.kind) {
        case IMAGE_PLACE_ABSENT:
            r = read_backing(image->backing, offset + done, part, n, place.bytes);
            break;
        case IMAGE_PLACE_ZERO: vemu__iov_fill(part, n, 0, 0, place.bytes); break;
        case IMAGE_PLACE_DATA: r = vemu_image_readv(place.file, place.offset, part, n); break;
        case IMAGE_PLACE_PACKED: r = place.unpack(image, &place, offset + done, part, n); break;
        }
        if (r < 0)
            return r;
        done += place.bytes;
    }
    return 0;
}

int vemu__image_places_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                              struct vemu_image_extent *ret)
{
    struct image_place place;
    int r = find_within(image, offset, bytes, &place);

    if (r < 0)
        return r;
    ret->bytes = place.bytes;
    ret->flags = 0;
    switch (place.kind) {
    case IMAGE_PLACE_ABSENT: break;
    case IMAGE_PLACE_ZERO: ret->flags = VEMU_IMAGE_EXTENT_ZERO | VEMU_IMAGE_EXTENT_ALLOCATED; break;
    case IMAGE_PLACE_DATA:
        ret->flags =
            VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_OFFSET;
        ret->offset = place.offset;
        ret->filename = vemu_image_get_filename(place.file);
        break;
    case IMAGE_PLACE_PACKED:
        ret->flags =
            VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED | VEMU_IMAGE_EXTENT_COMPRESSED;
        break;
    }
    return 0;
}

int vemu__image_places_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                           struct vemu_image_span *ret)
{
    struct image_place place;
    int r;

    if (write)
        return -EAGAIN;
    r = find_within(image, offset, bytes, &place);
    if (r < 0)
        return r;
    if (place.kind != IMAGE_PLACE_DATA)
        return -EAGAIN;
    return vemu__image_map(place.file, place.offset, place.bytes, false, ret);
}

int vemu__image_places_close(struct vemu_image *image)
{
    vemu__image_pages_fini(&((struct image_places *)image)->pages);
    return 0;
}
