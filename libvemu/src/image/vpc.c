/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VHD images, Virtual PC's and the older Hyper-V's format: fixed and dynamic ones, for reading.
 *
 * The last 512 bytes of a file are the footer; dynamic images have a copy of it at their beginning,
 * by which they are recognised, and behind it a header with the place of the block table. Each
 * block begins with a bitmap of its sectors, which only differencing images need; those are refused
 * (their parent is named by locators that mean something on another host). All is big endian.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "image/places.h"

#include "core/error.h"

#define VPC_FIXED        2u
#define VPC_DYNAMIC      3u
#define VPC_DIFFERENCING 4u

#define VPC_BLOCK_ABSENT   0xffffffffu
#define VPC_BLOCK_SIZE_MIN 512u
#define VPC_BLOCK_SIZE_MAX (256u << 20)
#define VPC_CHS_MAX        (65535u * 16 * 255)
#define VPC_SIZE_MAX       (UINT64_C(0xff000000) * 512) /* 2040 GiB */

struct vpc_footer {
    char cookie[8]; /* "conectix" */
    uint32_t features, version;
    uint64_t data_offset;
    uint32_t timestamp;
    char creator[4];
    uint16_t major, minor;
    char creator_os[4];
    uint64_t original_size, current_size;
    uint16_t cylinders;
    uint8_t heads, sectors;
    uint32_t type, checksum;
    uint8_t uuid[16], saved_state;
    uint8_t reserved[427];
} __attribute__((packed));

struct vpc_header {
    char cookie[8]; /* "cxsparse" */
    uint64_t data_offset, table_offset;
    uint32_t version, block_count, block_size, checksum;
    uint8_t rest[984];
} __attribute__((packed));

struct vpc {
    struct image_places places;
    uint64_t table_offset;
    uint32_t block_size, block_count, bitmap_size;
};

static int vpc_probe(const uint8_t *head, size_t bytes, const char *filename)
{
    return bytes >= 8 && memcmp(head, "conectix", 8) == 0 ? 100 : 0;
}

/* One's complement of the sum of all bytes but the sum's own. */
static bool checksum_is_right(const struct vpc_footer *footer)
{
    const uint8_t *bytes = (const uint8_t *)footer;
    size_t own = offsetof(struct vpc_footer, checksum);
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof(*footer); i++)
        if (i < own || i >= own + sizeof(footer->checksum))
            sum += bytes[i];
    return GUINT32_FROM_BE(footer->checksum) == ~sum;
}

static int fixed_find(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                      struct image_place *ret)
{
    ret->kind = IMAGE_PLACE_DATA;
    ret->file = image->file;
    ret->offset = offset;
    ret->bytes = bytes;
    return 0;
}

static int dynamic_block(struct vemu_image *image, uint64_t block, uint64_t within,
                         struct image_place *ret)
{
    struct vpc *vpc = (struct vpc *)image;
    uint32_t entry;
    int r = vemu__image_pages_be32(&vpc->places.pages, vpc->table_offset + block * 4, &entry);

    if (r < 0)
        return r;
    ret->kind = IMAGE_PLACE_ABSENT;
    if (entry != VPC_BLOCK_ABSENT) {
        ret->kind = IMAGE_PLACE_DATA;
        ret->file = image->file;
        ret->offset = (uint64_t)entry * IMAGE_SECTOR + vpc->bitmap_size + within;
    }
    return 0;
}

static int dynamic_find(struct vemu_image *image, uint64_t offset, uint64_t bytes,
                        struct image_place *ret)
{
    const struct vpc *vpc = (const struct vpc *)image;

    return vemu__image_find_block(image, dynamic_block, vpc->block_size, vpc->block_count, offset,
                                  bytes, ret);
}

/* Virtual PC goes by the geometry, the others by the size; who made the image decides, as with
 * QEMU. A geometry at its limit cannot be right. */
static uint64_t disk_size(const struct vpc_footer *footer)
{
    static const char by_size[][4] = { { 'w', 'i', 'n', ' ' },
                                       { 'q', 'e', 'm', '2' },
                                       { 'd', '2', 'v', ' ' },
                                       { 't', 'a', 'p', 0 },
                                       { 'C', 'T', 'X', 'S' } };
    uint64_t sectors =
        (uint64_t)GUINT16_FROM_BE(footer->cylinders) * footer->heads * footer->sectors;

    for (unsigned i = 0; i < G_N_ELEMENTS(by_size); i++)
        if (memcmp(footer->creator, by_size[i], 4) == 0)
            return GUINT64_FROM_BE(footer->current_size);
    if (sectors == VPC_CHS_MAX)
        return GUINT64_FROM_BE(footer->current_size);
    return sectors * IMAGE_SECTOR;
}

static int footer_read(const struct vemu_image *image, struct vpc_footer *ret,
                       struct vemu_error **err)
{
    uint64_t size = vemu_image_get_size(image->file);
    uint64_t places[] = { size - MIN(size, sizeof(*ret)), size - MIN(size, sizeof(*ret) - 1), 0 };

    /* The end first: a fixed image's beginning is its user's. Old versions of Virtual PC wrote a
     * footer of 511 bytes. */
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        memset(ret, 0, sizeof(*ret));
        if (vemu__image_read_part(image->file, places[i], ret,
                                  MIN(sizeof(*ret), size - places[i])) == 0 &&
            memcmp(ret->cookie, "conectix", 8) == 0 && checksum_is_right(ret))
            return 0;
    }
    return vemu__error_set(err, EINVAL, "'%s' is not a vpc (VHD) image, or its footer is damaged",
                           image->filename);
}

static int dynamic_open(struct vpc *vpc, const struct vpc_footer *footer, struct vemu_error **err)
{
    struct vemu_image *image = &vpc->places.image;
    struct vpc_header header;
    int r = vemu__image_read_part(image->file, GUINT64_FROM_BE(footer->data_offset), &header,
                                  sizeof(header));

    if (r < 0 || memcmp(header.cookie, "cxsparse", 8) != 0)
        return vemu__error_set(err, r < 0 ? -r : EINVAL, "'%s': cannot read the vpc header: %s",
                               image->filename, r < 0 ? g_strerror(-r) : "it is not there");
    vpc->block_size = GUINT32_FROM_BE(header.block_size);
    vpc->block_count = GUINT32_FROM_BE(header.block_count);
    vpc->table_offset = GUINT64_FROM_BE(header.table_offset);
    if (vpc->block_size < VPC_BLOCK_SIZE_MIN || vpc->block_size > VPC_BLOCK_SIZE_MAX ||
        (vpc->block_size & (vpc->block_size - 1)))
        return vemu__error_set(err, EINVAL, "'%s': invalid vpc block size %u", image->filename,
                               vpc->block_size);
    vpc->bitmap_size = (vpc->block_size / IMAGE_SECTOR / 8 + 511) & ~511u;
    if (image->size > (uint64_t)vpc->block_count * vpc->block_size)
        return vemu__error_set(err, EINVAL, "'%s': the %u blocks of the vpc image are too few",
                               image->filename, vpc->block_count);
    if (!vemu__image_has_table(image->file, vpc->table_offset, vpc->block_count, 4))
        return vemu__error_set(err, EINVAL, "'%s': the vpc block table (%u blocks) is cut off",
                               image->filename, vpc->block_count);
    vpc->places.find = dynamic_find;
    image->cluster_size = vpc->block_size;
    vemu__image_pages_init(&vpc->places.pages, image->file);
    return 0;
}

static int vpc_open(struct vemu_image *image, struct vemu_error **err)
{
    struct vpc *vpc = (struct vpc *)image;
    struct vpc_footer footer;
    int r;

    r = footer_read(image, &footer, err);
    if (r < 0)
        return r;
    image->size = disk_size(&footer);
    if (image->size > VPC_SIZE_MAX || image->size % IMAGE_SECTOR)
        return vemu__error_set(err, EINVAL, "'%s': invalid vpc disk size %" G_GUINT64_FORMAT,
                               image->filename, vemu_image_get_size(image));
    switch (GUINT32_FROM_BE(footer.type)) {
    case VPC_FIXED: vpc->places.find = fixed_find; return 0;
    case VPC_DYNAMIC: return dynamic_open(vpc, &footer, err);
    case VPC_DIFFERENCING:
        return vemu__error_set(err, ENOTSUP,
                               "'%s': a vpc image with a parent (differencing image) is not "
                               "supported",
                               image->filename);
    default:
        return vemu__error_set(err, ENOTSUP, "'%s': vpc image type %u is not supported",
                               image->filename, GUINT32_FROM_BE(footer.type));
    }
}

const struct vemu_image_driver vemu__image_vpc = {
    .name = "vpc",
    .summary = "Virtual PC's disk image (VHD), for reading",
    .instance_size = sizeof(struct vpc),
    .probe = vpc_probe,
    .open = vpc_open,
    .close = vemu__image_places_close,
    .readv = vemu__image_places_readv,
    .extent = vemu__image_places_extent,
    .map = vemu__image_places_map,
};
