/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sparse extents of VMDK images ("Virtual Disk Format 5.0", Hosted Sparse Extents and
 * Stream-Optimized Compressed Sparse Extents).
 *
 * A directory has the places of grain tables, those the places of grains, all as numbers of
 * sectors, 0: nothing there, 1 (with a flag): zeros. Compressed grains are zlib streams behind a
 * marker (u64 sector of the disk, u32 length). In files that were written front to back the
 * header's directory offset is all ones, and a copy of the header, the footer, at their end has it.
 */
#include "image/vmdk.h"

#include <errno.h>
#include <string.h>

#include <glib.h>
#include <zlib.h>

#include "core/error.h"
#include "core/iov.h"

#define GRAIN_SIZE_MAX      (UINT64_C(1) << 30)
#define GRAIN_SIZE_PACKED   (UINT64_C(16) << 20) /* at most, where we must hold one in memory */
#define TABLE_ENTRIES_MAX   512u
#define DIRECTORY_AT_END    UINT64_MAX
#define FLAG_ZEROED_ENTRIES (1u << 2)
#define FLAG_COMPRESSED     (1u << 16)
#define FLAG_MARKERS        (1u << 17)
#define DEFLATE             1u
#define GRAINS_FIND_MAX     4096u /* grains looked at for one place */

struct header {
    char magic[4]; /* "KDMV" */
    uint32_t version, flags;
    uint64_t capacity, grain_size;
    uint64_t descriptor_offset, descriptor_size;
    uint32_t table_entries;
    uint64_t spare_directory_offset, directory_offset, overhead;
    uint8_t unclean;
    char line_ends[4];
    uint16_t compression;
    uint8_t pad[433];
} __attribute__((packed));

struct marker {
    uint64_t sector;
    uint32_t size;
} __attribute__((packed));

/* --- header ----------------------------------------------------------------------------------- */

static int header_check(const struct header *header, const char *filename, struct vemu_error **err)
{
    uint64_t grain = GUINT64_FROM_LE(header->grain_size);
    uint32_t entries = GUINT32_FROM_LE(header->table_entries);
    uint16_t compression = GUINT16_FROM_LE(header->compression);
    bool compressed = GUINT32_FROM_LE(header->flags) & FLAG_COMPRESSED;

    if (memcmp(header->magic, "COWD", 4) == 0)
        return vemu__error_set(err, ENOTSUP,
                               "'%s': vmdk extents of type vmfsSparse (COWD) are not supported",
                               filename);
    if (memcmp(header->magic, "KDMV", 4) != 0)
        return vemu__error_set(err, EINVAL, "'%s' is not a sparse vmdk extent", filename);
    if (!header->version || GUINT32_FROM_LE(header->version) > 3)
        return vemu__error_set(err, ENOTSUP, "'%s': vmdk version %u is not supported", filename,
                               GUINT32_FROM_LE(header->version));
    /* files that went through a text transfer are damaged */
    if (memcmp(header->line_ends, "\n \r\n", 4) != 0)
        return vemu__error_set(err, EINVAL, "'%s': the vmdk header's line ends were changed",
                               filename);
    if (GUINT64_FROM_LE(header->capacity) > INT64_MAX / IMAGE_SECTOR)
        return vemu__error_set(err, EINVAL, "'%s': invalid vmdk capacity", filename);
    if (!grain || grain > GRAIN_SIZE_MAX / IMAGE_SECTOR || (grain & (grain - 1)))
        return vemu__error_set(err, EINVAL, "'%s': invalid vmdk grain size", filename);
    if (compressed && grain > GRAIN_SIZE_PACKED / IMAGE_SECTOR)
        return vemu__error_set(err, EINVAL, "'%s': compressed vmdk grains are too large", filename);
    if (!entries || entries > TABLE_ENTRIES_MAX)
        return vemu__error_set(err, EINVAL, "'%s': invalid size of vmdk grain tables (%u)",
                               filename, entries);
    if (compressed && compression != DEFLATE)
        return vemu__error_set(err, ENOTSUP, "'%s': vmdk compression %u is not supported", filename,
                               compression);
    return 0;
}

/* Of the last three sectors: the footer's marker, the footer, the end of the stream. */
static int footer_read(struct vemu_image *file, const char *filename, struct header *ret,
                       struct vemu_error **err)
{
    uint64_t size = vemu_image_get_size(file);
    uint8_t marker[IMAGE_SECTOR];
    uint32_t type;

    size &= ~(uint64_t)(IMAGE_SECTOR - 1);
    if (size < 4 * IMAGE_SECTOR ||
        vemu__image_read_part(file, size - 3 * IMAGE_SECTOR, marker, sizeof(marker)) < 0 ||
        vemu__image_read_part(file, size - 2 * IMAGE_SECTOR, ret, sizeof(*ret)) < 0)
        return vemu__error_set(err, EINVAL, "'%s': cannot read the vmdk footer", filename);
    memcpy(&type, marker + 12, 4);
    if (GUINT32_FROM_LE(type) != 3 || ret->directory_offset == DIRECTORY_AT_END)
        return vemu__error_set(err, EINVAL, "'%s': the vmdk footer is damaged", filename);
    return header_check(ret, filename, err);
}

int vemu__vmdk_grains_read(struct vemu_image *file, const char *filename, struct vmdk_grains *ret,
                           struct vemu_error **err)
{
    uint64_t span, tables, descriptor_offset, descriptor_size;
    struct header header;
    int r = vemu__image_read_part(file, 0, &header, sizeof(header));

    if (r < 0)
        return vemu__error_set(err, -r, "'%s': cannot read the vmdk header: %s", filename,
                               r == -EINVAL ? "the file is too short" : g_strerror(-r));
    r = header_check(&header, filename, err);
    descriptor_offset = GUINT64_FROM_LE(header.descriptor_offset);
    descriptor_size = GUINT64_FROM_LE(header.descriptor_size);
    if (r == 0 && header.directory_offset == DIRECTORY_AT_END)
        r = footer_read(file, filename, &header, err);
    if (r < 0)
        return r;
    *ret = (struct vmdk_grains){
        .bytes = GUINT64_FROM_LE(header.capacity) * IMAGE_SECTOR,
        .grain_size = GUINT64_FROM_LE(header.grain_size) * IMAGE_SECTOR,
        .table_entries = GUINT32_FROM_LE(header.table_entries),
        .zeroed_entries = GUINT32_FROM_LE(header.flags) & FLAG_ZEROED_ENTRIES,
        .compressed = GUINT32_FROM_LE(header.flags) & FLAG_COMPRESSED,
        .markers = GUINT32_FROM_LE(header.flags) & FLAG_MARKERS,
    };
    if (descriptor_offset) {
        if (descriptor_offset > INT64_MAX / IMAGE_SECTOR ||
            descriptor_size > VMDK_DESCRIPTOR_MAX / IMAGE_SECTOR)
            return vemu__error_set(err, EINVAL, "'%s': invalid place of the vmdk descriptor",
                                   filename);
        ret->descriptor_offset = descriptor_offset * IMAGE_SECTOR;
        ret->descriptor_size = descriptor_size * IMAGE_SECTOR;
    }
    span = ret->grain_size * ret->table_entries;
    tables = ret->bytes / span + (ret->bytes % span != 0);
    ret->directory_offset = GUINT64_FROM_LE(header.directory_offset);
    if (ret->directory_offset > INT64_MAX / IMAGE_SECTOR ||
        !vemu__image_has_table(file, ret->directory_offset * IMAGE_SECTOR, tables, 4))
        return vemu__error_set(err, EINVAL, "'%s': the vmdk grain directory is outside the file",
                               filename);
    ret->directory_offset *= IMAGE_SECTOR;
    return 0;
}

/* --- compressed grains ------------------------------------------------------------------------ */

/* A grain: markers bound the input, the grain's size the output. */
static int grain_inflate(struct vmdk_extent *extent, uint64_t at, uint8_t *to)
{
    const struct vmdk_grains *grains = &extent->grains;
    uint64_t size = vemu_image_get_size(extent->file);
    g_autofree uint8_t *packed = NULL;
    z_stream stream = { 0 };
    uint64_t length;
    int r;

    if (at >= size)
        return -EIO;
    if (grains->markers) {
        struct marker marker;

        r = vemu__image_read_part(extent->file, at, &marker, sizeof(marker));
        if (r < 0)
            return r == -EINVAL ? -EIO : r;
        at += sizeof(marker);
        length = GUINT32_FROM_LE(marker.size);
        if (length > size - at)
            return -EIO;
    } else {
        length = MIN(size - at, 2 * grains->grain_size);
    }
    if (!length || length > 2 * grains->grain_size)
        return -EIO;
    packed = g_try_malloc(length);
    if (!packed)
        return -ENOMEM;
    r = vemu_image_read(extent->file, at, packed, length);
    if (r < 0)
        return r;
    stream.next_in = packed;
    stream.avail_in = (unsigned)length;
    stream.next_out = to;
    stream.avail_out = (unsigned)grains->grain_size;
    if (inflateInit(&stream) != Z_OK)
        return -ENOMEM;
    r = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (r != Z_STREAM_END && !(r == Z_BUF_ERROR && !stream.avail_out))
        return -EIO;
    memset(stream.next_out, 0, stream.avail_out);
    return 0;
}

/* Inflates without the lock, since several threads may read at once, and leaves the grain for the
 * next request: those are often smaller. */
static int grain_unpack(struct vemu_image *image, const struct image_place *place, uint64_t offset,
                        const struct iovec *iov, unsigned count)
{
    struct vmdk_extent *extent = place->unpack_data;
    uint64_t size = extent->grains.grain_size, within = (offset - extent->start) % size;
    uint64_t bytes = vemu__iov_size(iov, count);
    g_autofree uint8_t *grain = NULL;
    int r;

    pthread_mutex_lock(&extent->lock);
    if (extent->unpacked == place->offset) {
        vemu__iov_write(iov, count, 0, extent->unpacked_bytes + within, bytes);
        pthread_mutex_unlock(&extent->lock);
        return 0;
    }
    pthread_mutex_unlock(&extent->lock);
    grain = g_try_malloc(size);
    if (!grain)
        return -ENOMEM;
    r = grain_inflate(extent, place->offset, grain);
    if (r < 0)
        return r;
    vemu__iov_write(iov, count, 0, grain + within, bytes);
    pthread_mutex_lock(&extent->lock);
    g_free(extent->unpacked_bytes);
    extent->unpacked_bytes = g_steal_pointer(&grain);
    extent->unpacked = place->offset;
    pthread_mutex_unlock(&extent->lock);
    return 0;
}

/* --- finding ---------------------------------------------------------------------------------- */

static int grain_find(struct vmdk_extent *extent, uint64_t offset, struct image_place *ret)
{
    const struct vmdk_grains *grains = &extent->grains;
    uint64_t number = offset / grains->grain_size, within = offset % grains->grain_size;
    uint64_t table = number / grains->table_entries, index = number % grains->table_entries;
    uint32_t sector;
    int r = vemu__image_pages_le32(&extent->pages, grains->directory_offset + table * 4, &sector);

    if (r < 0)
        return r;
    *ret = (struct image_place){ .kind = IMAGE_PLACE_ABSENT, .bytes = grains->grain_size - within };
    if (!sector) { /* no table: nothing up to where the next one begins */
        ret->bytes += (grains->table_entries - 1 - index) * grains->grain_size;
        return 0;
    }
    r = vemu__image_pages_le32(&extent->pages, (uint64_t)sector * IMAGE_SECTOR + index * 4,
                               &sector);
    if (r < 0 || !sector)
        return r;
    if (sector == 1 && grains->zeroed_entries) {
        ret->kind = IMAGE_PLACE_ZERO;
        return 0;
    }
    ret->kind = grains->compressed ? IMAGE_PLACE_PACKED : IMAGE_PLACE_DATA;
    ret->file = extent->file;
    ret->offset = (uint64_t)sector * IMAGE_SECTOR;
    if (grains->compressed) {
        ret->unpack = grain_unpack;
        ret->unpack_data = extent;
    } else {
        ret->offset += within;
    }
    return 0;
}

int vemu__vmdk_grains_find(struct vmdk_extent *extent, uint64_t offset, uint64_t bytes,
                           struct image_place *ret)
{
    int r = grain_find(extent, offset, ret);

    for (unsigned i = 0; r == 0 && ret->bytes < bytes && i < GRAINS_FIND_MAX; i++) {
        struct image_place next;

        if (offset + ret->bytes >= extent->bytes ||
            grain_find(extent, offset + ret->bytes, &next) < 0 ||
            !vemu__image_place_extend(ret, &next))
            break;
    }
    return r;
}
