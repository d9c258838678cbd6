/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VDI images, VirtualBox's own: dynamic and fixed ones, for reading.
 *
 * A header of 512 bytes, a map with the number of each block's place, blocks of (nearly always)
 * 1 MiB. Everything is little endian. Differencing images (type 4, or with a parent's UUID) have
 * their parent in VirtualBox's registry and not in the file, so they are refused.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "image/places.h"

#include "core/error.h"

#define VDI_SIGNATURE 0xbeda107fu
#define VDI_VERSION   0x00010001u
#define VDI_DYNAMIC   1u
#define VDI_FIXED     2u
#define VDI_UNDO      3u
#define VDI_DIFF      4u

#define VDI_BLOCK_ABSENT   0xffffffffu
#define VDI_BLOCK_ZERO     0xfffffffeu
#define VDI_BLOCK_SIZE_MIN 4096u
#define VDI_BLOCK_SIZE_MAX (256u << 20)

struct vdi_header {
    char text[64];
    uint32_t signature, version;
    uint32_t header_size, type, flags;
    char description[256];
    uint32_t map_offset, data_offset;
    uint32_t cylinders, heads, sectors, sector_size, unused;
    uint64_t disk_size;
    uint32_t block_size, block_extra, block_count, blocks_allocated;
    uint8_t uuid[16], uuid_snapshot[16], uuid_link[16], uuid_parent[16];
} __attribute__((packed));

struct vdi {
    struct image_places places;
    uint64_t map_offset, data_offset;
    uint32_t block_size, block_count;
};

static int vdi_probe(const uint8_t *head, size_t bytes, const char *filename)
{
    struct vdi_header header;

    if (bytes < sizeof(header))
        return 0;
    memcpy(&header, head, sizeof(header));
    return GUINT32_FROM_LE(header.signature) == VDI_SIGNATURE ? 100 : 0;
}

static int vdi_block(struct vemu_image *image, uint64_t block, uint64_t within,
                     struct image_place *ret)
{
    struct vdi *vdi = (struct vdi *)image;
    uint32_t entry;
    int r = vemu__image_pages_le32(&vdi->places.pages, vdi->map_offset + block * 4, &entry);

    if (r < 0)
        return r;
    if (entry == VDI_BLOCK_ABSENT) {
        ret->kind = IMAGE_PLACE_ABSENT;
    } else if (entry == VDI_BLOCK_ZERO) {
        ret->kind = IMAGE_PLACE_ZERO;
    } else {
        ret->kind = IMAGE_PLACE_DATA;
        ret->file = image->file;
        ret->offset = vdi->data_offset + (uint64_t)entry * vdi->block_size + within;
    }
    return 0;
}

static int vdi_find(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                    struct image_place *ret)
{
    const struct vdi *vdi = (const struct vdi *)image;

    return vemu__image_find_block(image, vdi_block, vdi->block_size, vdi->block_count, offset,
                                  bytes, ret);
}

static bool is_null(const uint8_t uuid[16])
{
    static const uint8_t zeros[16];

    return memcmp(uuid, zeros, 16) == 0;
}

/* Layout, sizes: everything later calculations rely on. */
static int header_check(const struct vemu_image *image, const struct vdi_header *header,
                        struct vemu_error **err)
{
    uint32_t block_size = GUINT32_FROM_LE(header->block_size);
    uint32_t blocks = GUINT32_FROM_LE(header->block_count);
    uint32_t map = GUINT32_FROM_LE(header->map_offset);
    uint32_t type = GUINT32_FROM_LE(header->type);
    uint64_t size = GUINT64_FROM_LE(header->disk_size);

    if (GUINT32_FROM_LE(header->signature) != VDI_SIGNATURE)
        return vemu__error_set(err, EINVAL, "'%s' is not a vdi image", image->filename);
    if (GUINT32_FROM_LE(header->version) != VDI_VERSION)
        return vemu__error_set(err, ENOTSUP, "'%s': vdi version %u.%u is not supported",
                               image->filename, GUINT32_FROM_LE(header->version) >> 16,
                               GUINT32_FROM_LE(header->version) & 0xffff);
    if (type == VDI_UNDO || type == VDI_DIFF || !is_null(header->uuid_parent))
        return vemu__error_set(err, ENOTSUP,
                               "'%s': a vdi image with a parent (differencing or undo image) is "
                               "not supported",
                               image->filename);
    if (type != VDI_DYNAMIC && type != VDI_FIXED)
        return vemu__error_set(err, ENOTSUP, "'%s': vdi image type %u is not supported",
                               image->filename, type);
    if (GUINT32_FROM_LE(header->sector_size) != IMAGE_SECTOR)
        return vemu__error_set(err, ENOTSUP, "'%s': vdi sector size %u is not supported",
                               image->filename, GUINT32_FROM_LE(header->sector_size));
    if (block_size < VDI_BLOCK_SIZE_MIN || block_size > VDI_BLOCK_SIZE_MAX ||
        (block_size & (block_size - 1)))
        return vemu__error_set(err, EINVAL, "'%s': invalid vdi block size %u", image->filename,
                               block_size);
    if (header->block_extra)
        return vemu__error_set(err, ENOTSUP,
                               "'%s': vdi blocks with extra data (%u bytes) are not supported",
                               image->filename, GUINT32_FROM_LE(header->block_extra));
    if (map % IMAGE_SECTOR || GUINT32_FROM_LE(header->data_offset) % IMAGE_SECTOR)
        return vemu__error_set(err, EINVAL, "'%s': vdi block map or data off a sector's start",
                               image->filename);
    if (size > (uint64_t)blocks * block_size)
        return vemu__error_set(err, EINVAL,
                               "'%s': disk size %" G_GUINT64_FORMAT
                               " is more than the %u blocks of the vdi image",
                               image->filename, size, blocks);
    if (!vemu__image_has_table(image->file, map, blocks, 4))
        return vemu__error_set(err, EINVAL, "'%s': the vdi block map (%u blocks) is cut off",
                               image->filename, blocks);
    return 0;
}

static int vdi_open(struct vemu_image *image, struct vemu_error **err)
{
    struct vdi *vdi = (struct vdi *)image;
    struct vdi_header header;
    int r;

    r = vemu__image_read_part(image->file, 0, &header, sizeof(header));
    if (r < 0)
        return vemu__error_set(err, -r, "'%s': cannot read the vdi header: %s", image->filename,
                               r == -EINVAL ? "the file is too short" : g_strerror(-r));
    r = header_check(image, &header, err);
    if (r < 0)
        return r;
    vdi->places.find = vdi_find;
    vdi->map_offset = GUINT32_FROM_LE(header.map_offset);
    vdi->data_offset = GUINT32_FROM_LE(header.data_offset);
    vdi->block_size = GUINT32_FROM_LE(header.block_size);
    vdi->block_count = GUINT32_FROM_LE(header.block_count);
    vemu__image_pages_init(&vdi->places.pages, image->file);
    image->cluster_size = vdi->block_size;
    /* VirtualBox's sizes are whole sectors; one that is not is rounded up, as QEMU does. */
    image->size = (GUINT64_FROM_LE(header.disk_size) + IMAGE_SECTOR - 1) & ~(uint64_t)511;
    image->size = MIN(image->size, (uint64_t)vdi->block_count * vdi->block_size);
    return 0;
}

const struct vemu_image_driver vemu__image_vdi = {
    .name = "vdi",
    .summary = "VirtualBox's disk image, for reading",
    .instance_size = sizeof(struct vdi),
    .probe = vdi_probe,
    .open = vdi_open,
    .close = vemu__image_places_close,
    .readv = vemu__image_places_readv,
    .extent = vemu__image_places_extent,
    .map = vemu__image_places_map,
};
