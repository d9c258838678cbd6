/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VHDX images, Hyper-V's format: fixed and dynamic ones, for reading ([MS-VHDX]).
 *
 * The first MiB of a file has two headers, of which the valid one with the higher sequence number
 * counts, and two equal region tables, which say where the block allocation table (BAT) and the
 * metadata are; vhdx-layout.c finds these. The BAT has, after each `chunk ratio` entries of
 * payload blocks, one for a sector bitmap block, which matters to differencing images alone.
 *
 * A file whose log has entries was not closed: its tables are right only after a replay. We read
 * and never write, so such a file is refused, as is a differencing one (its parent is found with a
 * locator of names that only mean something on the host it comes from).
 */
#include "image/vhdx.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"

/* Block states (2.5.1.1), the low three bits of a BAT entry. */
enum { NOT_PRESENT, UNDEFINED, ZERO, UNMAPPED, FULLY_PRESENT = 6, PARTIALLY_PRESENT = 7 };
#define BAT_STATE  UINT64_C(7)
#define BAT_OFFSET (~UINT64_C(0xfffff)) /* in bytes: MiB, bits 20 and up */

struct vhdx {
    struct image_places places;
    struct vhdx_layout layout;
};

static int vhdx_probe(const uint8_t *head, size_t bytes, const char *filename)
{
    return bytes >= 8 && memcmp(head, "vhdxfile", 8) == 0 ? 100 : 0;
}

static int vhdx_block(struct vemu_image *image, uint64_t block, uint64_t within,
                      struct image_place *ret)
{
    struct vhdx *vhdx = (struct vhdx *)image;
    const struct vhdx_layout *layout = &vhdx->layout;
    uint64_t entry, index = block + block / layout->chunk_ratio;
    int r = vemu__image_pages_le64(&vhdx->places.pages, layout->bat_offset + index * 8, &entry);

    if (r < 0)
        return r;
    switch (entry & BAT_STATE) {
    case NOT_PRESENT:
    case UNDEFINED:
    case UNMAPPED: ret->kind = IMAGE_PLACE_ABSENT; return 0;
    case ZERO: ret->kind = IMAGE_PLACE_ZERO; return 0;
    case FULLY_PRESENT:
        if ((entry & BAT_OFFSET) > (uint64_t)INT64_MAX - layout->block_size)
            return -EINVAL;
        ret->kind = IMAGE_PLACE_DATA;
        ret->file = vhdx->places.image.file;
        ret->offset = (entry & BAT_OFFSET) + within;
        return 0;
    default: return -EINVAL; /* partially present: of differencing images; the rest is reserved */
    }
}

static int vhdx_find(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                     struct image_place *ret)
{
    const struct vhdx_layout *layout = &((struct vhdx *)image)->layout;

    return vemu__image_find_block(image, vhdx_block, layout->block_size, layout->block_count,
                                  offset, bytes, ret);
}

static int vhdx_open(struct vemu_image *image, struct vemu_error **err)
{
    struct vhdx *vhdx = (struct vhdx *)image;
    int r;

    r = vemu__vhdx_layout_read(image->file, image->filename, &vhdx->layout, err);
    if (r < 0)
        return r;
    vhdx->places.find = vhdx_find;
    vemu__image_pages_init(&vhdx->places.pages, image->file);
    image->size = vhdx->layout.disk_size;
    image->cluster_size = vhdx->layout.block_size;
    return 0;
}

const struct vemu_image_driver vemu__image_vhdx = {
    .name = "vhdx",
    .summary = "Hyper-V's disk image, for reading",
    .instance_size = sizeof(struct vhdx),
    .probe = vhdx_probe,
    .open = vhdx_open,
    .close = vemu__image_places_close,
    .readv = vemu__image_places_readv,
    .extent = vemu__image_places_extent,
    .map = vemu__image_places_map,
};
