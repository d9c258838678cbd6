/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading formats whose contents are blocks that a table finds: vmdk, vdi, vhdx, vpc.
 *
 * Such a format says with a function where a byte is (image_find_fn); reading, mapping and
 * describing extents follow from that. Tables are read through a small cache of pages, so memory
 * does not depend on what an image says about its size.
 */
#ifndef VEMU_IMAGE_PLACES_H
#define VEMU_IMAGE_PLACES_H

#include <pthread.h>

#include "image/image.h"

/* --- pages of a file -------------------------------------------------------------------------- */

#define IMAGE_PAGE_SIZE  4096u
#define IMAGE_PAGE_COUNT 64u

struct image_page {
    uint64_t number; /* UINT64_MAX: empty */
    uint8_t *bytes;
};
struct image_pages {
    struct vemu_image *file;
    pthread_mutex_t lock;
    struct image_page pages[IMAGE_PAGE_COUNT];
};

void vemu__image_pages_init(struct image_pages *pages, struct vemu_image *file);
/* Also without an init, when the struct is all zeros. */
void vemu__image_pages_fini(struct image_pages *pages);
/* Reads at any offset and of any length, best a few bytes. EINVAL: behind the end of the file. */
int vemu__image_pages_read(struct image_pages *pages, uint64_t offset, void *buf, size_t size);
int vemu__image_pages_le32(struct image_pages *pages, uint64_t offset, uint32_t *ret);
int vemu__image_pages_le64(struct image_pages *pages, uint64_t offset, uint64_t *ret);
int vemu__image_pages_be32(struct image_pages *pages, uint64_t offset, uint32_t *ret);

/* Reads a part of a file that has to be there. EINVAL: it is not. */
int vemu__image_read_part(struct vemu_image *file, uint64_t offset, void *buf, size_t size);
/* Whether a table of `count` entries of `entry_size` bytes is inside the file. */
bool vemu__image_has_table(const struct vemu_image *file, uint64_t offset, uint64_t count,
                           uint32_t entry_size);

/* --- places ----------------------------------------------------------------------------------- */

enum image_place_kind {
    IMAGE_PLACE_ABSENT, /* the backing image's; zeros if there is none */
    IMAGE_PLACE_ZERO,
    IMAGE_PLACE_DATA,   /* at `offset` of `file` */
    IMAGE_PLACE_PACKED, /* `unpack` has it */
};
struct image_place {
    enum image_place_kind kind;
    uint64_t bytes; /* from the offset asked for, at least 1 */
    struct vemu_image *file;
    uint64_t offset; /* in `file` */
    /* Bytes from `offset` (of the image) on, at most place->bytes. */
    int (*unpack)(struct vemu_image *, const struct image_place *, uint64_t offset,
                  const struct iovec *, unsigned count);
    void *unpack_data;
};

/* Where `offset` of the image is; ret->bytes may be more than `bytes`, which says how far it is
 * worth looking. */
typedef int (*image_find_fn)(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                             struct image_place *ret);

/* First member of the layers of such formats. `open` sets `find` and initialises `pages`. */
struct image_places {
    struct vemu_image image;
    image_find_fn find;
    struct image_pages pages;
};

/* Makes a place longer by what comes next, if that continues it. */
bool vemu__image_place_extend(struct image_place *place, const struct image_place *next);

/* For `find` of images of equal blocks: `block` says where one is, from byte `within` on (kind,
 * file, offset); neighbours are put together. */
typedef int (*image_block_fn)(struct vemu_image *, uint64_t block, uint64_t within,
                              struct image_place *ret);
int vemu__image_find_block(struct vemu_image *image, image_block_fn block, uint32_t block_size,
                           uint64_t block_count, uint64_t offset, uint64_t bytes,
                           struct image_place *ret);

/* Members of the driver. */
int vemu__image_places_readv(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                             const struct iovec *iov, unsigned count);
int vemu__image_places_extent(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                              struct vemu_image_extent *ret);
int vemu__image_places_map(struct vemu_image *image, uint64_t offset, uint64_t bytes, bool write,
                           struct vemu_image_span *ret);
int vemu__image_places_close(struct vemu_image *image);

#endif
