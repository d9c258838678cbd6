/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Headers, region table, log and metadata of a VHDX file ([MS-VHDX] 2.2 to 2.6).
 *
 * Everything here is read once, when the image is opened. Structures carry CRC-32C sums over
 * themselves with the sum's own field as zero.
 */
#include "image/vhdx.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)

#define HEADER_SIZE     4096u
#define REGION_SIZE     65536u
#define METADATA_SIZE   65536u /* of the table; items follow */
#define ENTRIES_MAX     2047u
#define LOG_SECTOR      4096u
#define LOG_LENGTH_MAX  MIB(64)
#define BLOCK_SIZE_MIN  MIB(1)
#define BLOCK_SIZE_MAX  MIB(256)
#define DISK_SIZE_MAX   MIB(64 << 20) /* 64 TiB */
#define PARAMS_PARENT   2u            /* "HasParent" of the file parameters */
#define ITEM_REQUIRED   4u
#define REGION_REQUIRED 1u

struct guid {
    uint8_t bytes[16]; /* as in the file: the first three parts little endian */
};

struct header {
    char signature[4]; /* "head" */
    uint32_t checksum;
    uint64_t sequence;
    struct guid file_write, data_write, log;
    uint16_t log_version, version;
    uint32_t log_length;
    uint64_t log_offset;
} __attribute__((packed));

struct region_entry {
    struct guid id;
    uint64_t offset;
    uint32_t length, flags;
} __attribute__((packed));

struct metadata_entry {
    struct guid id;
    uint32_t offset, length, flags, reserved;
} __attribute__((packed));

struct log_header {
    char signature[4]; /* "loge" */
    uint32_t checksum, length, tail;
    uint64_t sequence;
    uint32_t descriptors, reserved;
    struct guid id;
} __attribute__((packed));

static const struct guid no_guid;
static const struct guid region_bat = { { 0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d,
                                          0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08 } };
static const struct guid region_metadata = { { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8,
                                               0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e } };
static const struct guid item_params = { { 0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3,
                                           0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b } };
static const struct guid item_size = { { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11,
                                         0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 } };
static const struct guid item_page83 = { { 0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93,
                                           0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46 } };
static const struct guid item_logical = { { 0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba,
                                            0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f } };
static const struct guid item_physical = { { 0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c,
                                             0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56 } };

static bool guid_equal(const struct guid *a, const struct guid *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* --- checksums -------------------------------------------------------------------------------- */

static uint32_t crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t table[256], crc = UINT32_MAX;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78u : 0);
    }
    while (size--)
        crc = crc >> 8 ^ table[(crc ^ *bytes++) & 0xff];
    return ~crc;
}

/* The sum is at byte 4 of each structure. Leaves it zeroed. */
static bool checksum_is_right(uint8_t *bytes, size_t size)
{
    uint32_t sum;

    memcpy(&sum, bytes + 4, 4);
    memset(bytes + 4, 0, 4);
    return crc32c(bytes, size) == GUINT32_FROM_LE(sum);
}

/* --- headers ---------------------------------------------------------------------------------- */

static bool header_read(struct vemu_image *file, uint64_t offset, struct header *ret)
{
    uint8_t bytes[HEADER_SIZE];

    if (vemu__image_read_part(file, offset, bytes, sizeof(bytes)) < 0 ||
        memcmp(bytes, "head", 4) != 0 || !checksum_is_right(bytes, sizeof(bytes)))
        return false;
    memcpy(ret, bytes, sizeof(*ret));
    return true;
}

static int headers_read(struct vemu_image *file, const char *filename, struct header *ret,
                        struct vemu_error **err)
{
    struct header other;
    bool first = header_read(file, KIB(64), ret), second = header_read(file, KIB(128), &other);

    if (!first && !second)
        return vemu__error_set(err, EINVAL, "'%s': neither of the two vhdx headers is valid",
                               filename);
    if (!first || (second && GUINT64_FROM_LE(other.sequence) > GUINT64_FROM_LE(ret->sequence)))
        *ret = other;
    if (GUINT16_FROM_LE(ret->version) != 1)
        return vemu__error_set(err, ENOTSUP, "'%s': vhdx version %u is not supported", filename,
                               GUINT16_FROM_LE(ret->version));
    return 0;
}

/* --- log -------------------------------------------------------------------------------------- */

/* Whether a valid entry of the current log begins there. Its length bounds what is read, and
 * *budget what all entries together make us read. */
static bool log_entry_is_valid(struct vemu_image *file, const struct header *header,
                               uint64_t offset, uint64_t *budget)
{
    uint64_t start = GUINT64_FROM_LE(header->log_offset),
             size = GUINT32_FROM_LE(header->log_length);
    struct log_header entry;
    g_autofree uint8_t *bytes = NULL;
    uint64_t length, first;

    if (vemu__image_read_part(file, start + offset, &entry, sizeof(entry)) < 0 ||
        memcmp(entry.signature, "loge", 4) != 0 || !guid_equal(&entry.id, &header->log))
        return false;
    length = GUINT32_FROM_LE(entry.length);
    if (length < LOG_SECTOR || length % LOG_SECTOR || length > size)
        return false;
    if (length > *budget)
        return true; /* too much to look at: taken as valid, which is the careful way */
    *budget -= length;
    bytes = g_try_malloc(length);
    if (!bytes)
        return true;
    first = MIN(length, size - offset); /* the log is a ring */
    return vemu__image_read_part(file, start + offset, bytes, first) == 0 &&
           vemu__image_read_part(file, start, bytes + first, length - first) == 0 &&
           checksum_is_right(bytes, length);
}

/* A log without valid entries has nothing to replay: what is in it was never complete. */
static int log_check(struct vemu_image *file, const char *filename, const struct header *header,
                     struct vemu_error **err)
{
    uint64_t start = GUINT64_FROM_LE(header->log_offset),
             size = GUINT32_FROM_LE(header->log_length);
    uint64_t budget = 4 * LOG_LENGTH_MAX;

    if (guid_equal(&header->log, &no_guid))
        return 0;
    if (header->log_version)
        return vemu__error_set(err, ENOTSUP, "'%s': vhdx log version %u is not supported", filename,
                               GUINT16_FROM_LE(header->log_version));
    if (size % MIB(1) || start % MIB(1) || start < MIB(1) || size > LOG_LENGTH_MAX ||
        start > INT64_MAX - size)
        return vemu__error_set(err, EINVAL, "'%s': invalid place or length of the vhdx log",
                               filename);
    for (uint64_t offset = 0; offset < size; offset += LOG_SECTOR)
        if (log_entry_is_valid(file, header, offset, &budget))
            return vemu__error_set(err, ENOTSUP,
                                   "'%s' was not closed: its vhdx log has to be replayed, which "
                                   "is not supported (opening it for writing with Hyper-V or "
                                   "'qemu-img check -r all' does it)",
                                   filename);
    return 0;
}

/* --- regions ---------------------------------------------------------------------------------- */

static int region_table_read(struct vemu_image *file, uint64_t offset, uint8_t **ret)
{
    g_autofree uint8_t *bytes = g_malloc(REGION_SIZE);
    uint32_t count;

    if (vemu__image_read_part(file, offset, bytes, REGION_SIZE) < 0 ||
        memcmp(bytes, "regi", 4) != 0 || !checksum_is_right(bytes, REGION_SIZE))
        return -EINVAL;
    memcpy(&count, bytes + 8, 4);
    if (GUINT32_FROM_LE(count) > ENTRIES_MAX)
        return -EINVAL;
    *ret = g_steal_pointer(&bytes);
    return 0;
}

static int regions_read(struct vemu_image *file, const char *filename, struct region_entry *bat,
                        struct region_entry *metadata, struct vemu_error **err)
{
    g_autofree uint8_t *table = NULL;
    uint32_t count;

    if (region_table_read(file, KIB(192), &table) < 0 &&
        region_table_read(file, KIB(256), &table) < 0)
        return vemu__error_set(err, EINVAL, "'%s': neither of the two vhdx region tables is valid",
                               filename);
    memset(bat, 0, sizeof(*bat));
    memset(metadata, 0, sizeof(*metadata));
    memcpy(&count, table + 8, 4);
    for (uint32_t i = 0; i < GUINT32_FROM_LE(count); i++) {
        struct region_entry entry;
        struct region_entry *to = NULL;

        memcpy(&entry, table + 16 + i * sizeof(entry), sizeof(entry));
        if (guid_equal(&entry.id, &region_bat))
            to = bat;
        else if (guid_equal(&entry.id, &region_metadata))
            to = metadata;
        else if (GUINT32_FROM_LE(entry.flags) & REGION_REQUIRED)
            return vemu__error_set(err, ENOTSUP, "'%s' needs a vhdx region that is not known",
                                   filename);
        if (!to)
            continue;
        if (to->length)
            return vemu__error_set(err, EINVAL, "'%s': vhdx region listed twice", filename);
        entry.offset = GUINT64_FROM_LE(entry.offset);
        entry.length = GUINT32_FROM_LE(entry.length);
        if (!entry.length || entry.offset < MIB(1) || entry.offset > INT64_MAX ||
            !vemu__image_has_table(file, entry.offset, entry.length, 1))
            return vemu__error_set(err, EINVAL, "'%s': vhdx region outside the file", filename);
        *to = entry;
    }
    if (!bat->length || !metadata->length)
        return vemu__error_set(err, EINVAL, "'%s': vhdx region of %s is missing", filename,
                               bat->length ? "metadata" : "the block allocation table");
    return 0;
}

/* --- metadata --------------------------------------------------------------------------------- */

struct items {
    uint32_t block_size, flags, logical_sector;
    uint64_t disk_size;
};

struct item {
    const struct guid *id;
    size_t offset, size; /* in struct items; 0: not needed */
};
static const struct item known_items[] = {
    { &item_params, offsetof(struct items, block_size), 8 },
    { &item_size, offsetof(struct items, disk_size), 8 },
    { &item_logical, offsetof(struct items, logical_sector), 4 },
    { &item_physical, 0, 0 },
    { &item_page83, 0, 0 },
};

static int item_read(struct vemu_image *file, const char *filename,
                     const struct region_entry *region, const struct metadata_entry *entry,
                     struct items *ret, unsigned *seen, struct vemu_error **err)
{
    uint32_t offset = GUINT32_FROM_LE(entry->offset), length = GUINT32_FROM_LE(entry->length);

    for (unsigned i = 0; i < G_N_ELEMENTS(known_items); i++) {
        const struct item *item = &known_items[i];
        int r;

        if (!guid_equal(&entry->id, item->id))
            continue;
        if (*seen & 1u << i)
            return vemu__error_set(err, EINVAL, "'%s': vhdx metadata item listed twice", filename);
        *seen |= 1u << i;
        if (!item->size)
            return 0;
        if (length != item->size || offset < METADATA_SIZE || offset > region->length ||
            length > region->length - offset)
            return vemu__error_set(err, EINVAL, "'%s': invalid place of a vhdx metadata item",
                                   filename);
        r = vemu__image_read_part(file, region->offset + offset, (uint8_t *)ret + item->offset,
                                  item->size);
        if (r < 0)
            return vemu__error_set(err, -r, "'%s': cannot read vhdx metadata: %s", filename,
                                   g_strerror(-r));
        return 0;
    }
    if (GUINT32_FROM_LE(entry->flags) & ITEM_REQUIRED) {
        /* the parent locator is one; the flag of the file parameters tells about parents better */
        if (!(ret->flags & GUINT32_TO_LE(PARAMS_PARENT)))
            return vemu__error_set(err, ENOTSUP,
                                   "'%s' needs vhdx metadata that is not known, or has a parent",
                                   filename);
    }
    return 0;
}

static int metadata_read(struct vemu_image *file, const char *filename,
                         const struct region_entry *region, struct items *ret,
                         struct vemu_error **err)
{
    g_autofree uint8_t *table = g_malloc(METADATA_SIZE);
    unsigned seen = 0;
    uint16_t count;

    memset(ret, 0, sizeof(*ret));
    if (region->length < METADATA_SIZE ||
        vemu__image_read_part(file, region->offset, table, METADATA_SIZE) < 0 ||
        memcmp(table, "metadata", 8) != 0)
        return vemu__error_set(err, EINVAL, "'%s': invalid vhdx metadata table", filename);
    memcpy(&count, table + 10, 2);
    count = GUINT16_FROM_LE(count);
    if (count > ENTRIES_MAX)
        return vemu__error_set(err, EINVAL, "'%s': too many vhdx metadata items (%u)", filename,
                               count);
    for (unsigned i = 0; i < count; i++) {
        struct metadata_entry entry;
        int r;

        memcpy(&entry, table + 32 + i * sizeof(entry), sizeof(entry));
        r = item_read(file, filename, region, &entry, ret, &seen, err);
        if (r < 0)
            return r;
    }
    if ((seen & 7) != 7)
        return vemu__error_set(err, EINVAL,
                               "'%s': vhdx metadata without file parameters, disk size or sector "
                               "size",
                               filename);
    ret->block_size = GUINT32_FROM_LE(ret->block_size);
    ret->flags = GUINT32_FROM_LE(ret->flags);
    ret->logical_sector = GUINT32_FROM_LE(ret->logical_sector);
    ret->disk_size = GUINT64_FROM_LE(ret->disk_size);
    return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int layout_set(struct vemu_image *file, const char *filename, const struct items *items,
                      const struct region_entry *bat, struct vhdx_layout *ret,
                      struct vemu_error **err)
{
    uint64_t entries;

    if (items->flags & PARAMS_PARENT)
        return vemu__error_set(err, ENOTSUP,
                               "'%s': a vhdx image with a parent (differencing image) is not "
                               "supported",
                               filename);
    if (items->block_size < BLOCK_SIZE_MIN || items->block_size > BLOCK_SIZE_MAX ||
        (items->block_size & (items->block_size - 1)))
        return vemu__error_set(err, EINVAL, "'%s': invalid vhdx block size %u", filename,
                               items->block_size);
    if (items->logical_sector != 512 && items->logical_sector != 4096)
        return vemu__error_set(err, EINVAL, "'%s': invalid vhdx sector size %u", filename,
                               items->logical_sector);
    if (!items->disk_size || items->disk_size > DISK_SIZE_MAX ||
        items->disk_size % items->logical_sector)
        return vemu__error_set(err, EINVAL, "'%s': invalid vhdx disk size %" G_GUINT64_FORMAT,
                               filename, items->disk_size);
    ret->disk_size = items->disk_size;
    ret->block_size = items->block_size;
    ret->block_count = (items->disk_size + items->block_size - 1) / items->block_size;
    ret->chunk_ratio = (UINT64_C(1) << 23) * items->logical_sector / items->block_size;
    ret->bat_offset = bat->offset;
    entries = ret->block_count + (ret->block_count - 1) / ret->chunk_ratio;
    if (entries > bat->length / 8 || !vemu__image_has_table(file, bat->offset, entries, 8))
        return vemu__error_set(err, EINVAL,
                               "'%s': the vhdx block allocation table is too short for the disk",
                               filename);
    return 0;
}

int vemu__vhdx_layout_read(struct vemu_image *file, const char *filename, struct vhdx_layout *ret,
                           struct vemu_error **err)
{
    struct region_entry bat, metadata;
    struct header header;
    struct items items;
    char signature[8];
    int r;

    if (vemu__image_read_part(file, 0, signature, sizeof(signature)) < 0 ||
        memcmp(signature, "vhdxfile", sizeof(signature)) != 0)
        return vemu__error_set(err, EINVAL, "'%s' is not a vhdx image", filename);
    r = headers_read(file, filename, &header, err);
    if (r == 0)
        r = log_check(file, filename, &header, err);
    if (r == 0)
        r = regions_read(file, filename, &bat, &metadata, err);
    if (r == 0)
        r = metadata_read(file, filename, &metadata, &items, err);
    if (r == 0)
        r = layout_set(file, filename, &items, &bat, ret, err);
    return r;
}
