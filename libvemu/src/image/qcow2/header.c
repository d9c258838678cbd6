/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The header of qcow2 images: reading with all its extensions, judging.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

void vemu__qcow2_header_clear(struct qcow2_header *header)
{
    g_free(header->backing);
    g_free(header->backing_format);
    g_free(header->data_file);
    g_clear_pointer(&header->unknown_fields, g_byte_array_unref);
    g_clear_pointer(&header->unknown_extensions, g_byte_array_unref);
    memset(header, 0, sizeof(*header));
}

/* --- reading ---------------------------------------------------------------------------------- */

static int unknown_features(uint64_t bits, const uint8_t *table, size_t table_bytes,
                            struct vemu_error **err)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (size_t at = 0; at + QCOW2_FEATURE_SIZE <= table_bytes; at += QCOW2_FEATURE_SIZE) {
        const uint8_t *entry = table + at;

        if (!entry[2]) /* the rest is room */
            break;
        if (entry[0] != 0 || entry[1] > 63 || !(bits & 1ull << entry[1]))
            continue;
        bits &= ~(1ull << entry[1]);
        g_string_append_printf(names, "%s%.*s", names->len ? ", " : "", (int)QCOW2_FEATURE_SIZE - 2,
                               (const char *)entry + 2);
    }
    for (char *p = names->str; *p; p++) /* the image's words, for people's eyes */
        if (!g_ascii_isprint(*p))
            *p = '?';
    if (bits)
        g_string_append_printf(names, "%sUnknown incompatible feature: %" PRIx64,
                               names->len ? ", " : "", bits);
    return vemu__error_set(err, ENOTSUP, "Unsupported qcow2 feature(s): %s", names->str);
}

static char *ext_string(const uint8_t *data, uint32_t bytes)
{
    return memchr(data, 0, bytes) ? NULL : g_strndup((const char *)data, bytes);
}

static int read_bitmaps_extension(struct qcow2_header *h, const uint8_t *data, uint32_t bytes,
                                  struct vemu_error **err)
{
    if (bytes != 24)
        return vemu__error_set(err, EINVAL, "bitmaps_ext: Invalid extension length");
    if (!(h->autoclear & QCOW2_AUTOCLEAR_BITMAPS))
        return 0; /* somebody who does not know bitmaps has written: they are worthless */
    h->bitmap_count = be_get32(data);
    h->bitmaps_size = be_get64(data + 8);
    h->bitmaps_offset = be_get64(data + 16);
    if (be_get32(data + 4))
        return vemu__error_set(err, EINVAL, "bitmaps_ext: Reserved field is not zero");
    if (!h->bitmap_count || h->bitmap_count > QCOW2_MAX_BITMAPS)
        return vemu__error_set(err, EINVAL,
                               "bitmaps_ext: image has %" PRIu32 " bitmaps, from 1 to %u can be",
                               h->bitmap_count, QCOW2_MAX_BITMAPS);
    if (!h->bitmaps_offset || h->bitmaps_offset & ((1u << h->cluster_bits) - 1) ||
        h->bitmaps_offset > INT64_MAX / 2)
        return vemu__error_set(err, EINVAL, "bitmaps_ext: invalid bitmap directory offset");
    if (h->bitmaps_size > QCOW2_MAX_BITMAP_DATA)
        return vemu__error_set(err, EINVAL,
                               "bitmaps_ext: bitmap directory size (%" PRIu64
                               ") exceeds the maximum supported size (%u)",
                               h->bitmaps_size, QCOW2_MAX_BITMAP_DATA);
    return 0;
}

/* Extensions are between the header and the backing file's name (or the end of the cluster). */
static int read_extensions(struct qcow2_header *h, const uint8_t *cluster, size_t end,
                           const uint8_t **ret_names, size_t *ret_names_bytes,
                           struct vemu_error **err)
{
    size_t at = h->length;
    int r;

    while (at + 8 <= end) {
        uint32_t type = be_get32(cluster + at), bytes = be_get32(cluster + at + 4);
        const uint8_t *data = cluster + at + 8;
        char **string = NULL;

        if (type == QCOW2_EXT_END)
            break;
        if (bytes > end - at - 8)
            return vemu__error_set(err, EINVAL, "Header extension too large");
        switch (type) {
        case QCOW2_EXT_BACKING: string = &h->backing_format; break;
        case QCOW2_EXT_DATA: string = &h->data_file; break;
        case QCOW2_EXT_FEATURES:
            *ret_names = data;
            *ret_names_bytes = bytes;
            break;
        case QCOW2_EXT_BITMAPS:
            r = read_bitmaps_extension(h, data, bytes, err);
            if (r < 0)
                return r;
            break;
        default:
            if (type == QCOW2_EXT_CRYPTO)
                break; /* refused by crypt_method */
            if (!h->unknown_extensions)
                h->unknown_extensions = g_byte_array_new();
            g_byte_array_append(h->unknown_extensions, cluster + at,
                                (guint)MIN(8 + qcow2_align_up(bytes, 8), end - at));
            break;
        }
        if (string) {
            if (*string)
                return vemu__error_set(err, EINVAL, "Header extension 0x%08x is there twice", type);
            *string = ext_string(data, bytes);
            if (!*string || bytes > 4096)
                return vemu__error_set(err, EINVAL, "Header extension 0x%08x is not a name", type);
        }
        at += 8 + (size_t)qcow2_align_up(bytes, 8);
    }
    return 0;
}

static int check_tables(const struct qcow2_header *h, bool check, struct vemu_error **err)
{
    uint64_t cluster = 1ull << h->cluster_bits;
    unsigned entry_bits = h->incompatible & QCOW2_INCOMPAT_EXTENDED_L2 ? 4 : 3;
    unsigned l2_cover = h->cluster_bits + (h->cluster_bits - entry_bits);
    uint64_t need = h->size >> l2_cover;

    if (h->size > INT64_MAX)
        return vemu__error_set(err, EFBIG, "Image is too big (%" PRIu64 " bytes)", h->size);
    need += (h->size & ((1ull << l2_cover) - 1)) != 0;
    if (h->reftable_clusters == 0 && !check)
        return vemu__error_set(err, EINVAL, "Image does not contain a reference count table");
    if ((uint64_t)h->reftable_clusters << h->cluster_bits > QCOW2_MAX_REFTABLE)
        return vemu__error_set(err, EINVAL,
                               "Image has %" PRIu32
                               " clusters of reference count table, which is more than 8 MiB",
                               h->reftable_clusters);
    if (h->reftable_offset & (cluster - 1) || h->reftable_offset > INT64_MAX / 2)
        return vemu__error_set(err, EINVAL, "Reference count table offset invalid");
    if (h->l1_size > QCOW2_MAX_L1_BYTES / 8)
        return vemu__error_set(err, EFBIG, "Active L1 table too large");
    if (h->l1_offset & (cluster - 1) || h->l1_offset > INT64_MAX / 2 ||
        (h->l1_size && !h->l1_offset))
        return vemu__error_set(err, EINVAL, "Active L1 table offset invalid");
    if (need > QCOW2_MAX_L1_BYTES / 8)
        return vemu__error_set(err, EFBIG, "Image is too big");
    if (h->l1_size < need)
        return vemu__error_set(err, EINVAL, "L1 table is too small");
    if (h->snapshot_count > QCOW2_MAX_SNAPSHOTS)
        return vemu__error_set(err, EINVAL, "Snapshot table too large");
    if (h->snapshots_offset & (cluster - 1) || h->snapshots_offset > INT64_MAX / 2 ||
        (h->snapshot_count && !h->snapshots_offset))
        return vemu__error_set(err, EINVAL, "Snapshot table offset invalid");
    return 0;
}

/* The fields; *ret_names: the feature name table. */
static int parse_fields(struct qcow2_header *h, const uint8_t *p, size_t bytes,
                        struct vemu_error **err)
{
    if (bytes < QCOW2_V2_HEADER || be_get32(p) != QCOW2_MAGIC)
        return vemu__error_set(err, EINVAL, "Image is not in qcow2 format");
    h->version = be_get32(p + 4);
    if (h->version < 2 || h->version > 3)
        return vemu__error_set(err, ENOTSUP, "Unsupported qcow2 version %" PRIu32, h->version);
    h->cluster_bits = be_get32(p + 20);
    if (h->cluster_bits < QCOW2_MIN_CLUSTER_BITS || h->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
        return vemu__error_set(err, EINVAL, "Unsupported cluster size: 2^%" PRIu32,
                               h->cluster_bits);
    h->size = be_get64(p + 24);
    h->crypt = be_get32(p + 32);
    h->l1_size = be_get32(p + 36);
    h->l1_offset = be_get64(p + 40);
    h->reftable_offset = be_get64(p + 48);
    h->reftable_clusters = be_get32(p + 56);
    h->snapshot_count = be_get32(p + 60);
    h->snapshots_offset = be_get64(p + 64);
    h->refcount_order = 4;
    h->length = QCOW2_V2_HEADER;
    if (h->version == 2)
        return 0;
    if (bytes < QCOW2_V3_HEADER)
        return vemu__error_set(err, EINVAL, "qcow2 header too short");
    h->incompatible = be_get64(p + 72);
    h->compatible = be_get64(p + 80);
    h->autoclear = be_get64(p + 88);
    h->refcount_order = be_get32(p + 96);
    h->length = be_get32(p + 100);
    if (h->length < QCOW2_V3_HEADER)
        return vemu__error_set(err, EINVAL, "qcow2 header too short");
    if (h->length > 1u << h->cluster_bits)
        return vemu__error_set(err, EINVAL, "qcow2 header exceeds cluster size");
    if (h->length % 8)
        return vemu__error_set(err, EINVAL, "qcow2 header length is not a multiple of 8");
    if (h->refcount_order > 6)
        return vemu__error_set(err, EINVAL,
                               "Reference count entry width too large; may not exceed 64 bits");
    return 0;
}

static int check_features(struct qcow2_header *h, bool check, const uint8_t *names,
                          size_t names_bytes, struct vemu_error **err)
{
    if (h->incompatible & ~QCOW2_INCOMPAT_KNOWN)
        return unknown_features(h->incompatible & ~QCOW2_INCOMPAT_KNOWN, names, names_bytes, err);
    if (!!(h->incompatible & QCOW2_INCOMPAT_COMPRESSION) != (h->compression != QCOW2_ZLIB))
        return vemu__error_set(err, EINVAL,
                               "qcow2: Compression type incompatible feature bit must%s be set",
                               h->compression == QCOW2_ZLIB ? " not" : "");
    if (h->compression > QCOW2_ZSTD)
        return vemu__error_set(err, ENOTSUP, "qcow2: unknown compression type: %u", h->compression);
    if (h->crypt)
        return vemu__error_set(err, h->crypt > 2 ? EINVAL : ENOTSUP,
                               h->crypt == 1   ? "AES-encrypted qcow2 images are not supported"
                               : h->crypt == 2 ? "LUKS-encrypted qcow2 images are not supported"
                                               : "Unsupported encryption method %" PRIu32,
                               h->crypt);
    if (h->incompatible & QCOW2_INCOMPAT_EXTENDED_L2 && h->cluster_bits < 14)
        return vemu__error_set(err, EINVAL,
                               "Extended L2 entries are only supported with cluster "
                               "sizes of at least 16384 bytes");
    if (h->autoclear & QCOW2_AUTOCLEAR_RAW && !(h->incompatible & QCOW2_INCOMPAT_DATA_FILE)) {
        if (!check)
            return vemu__error_set(err, EINVAL,
                                   "The raw external data bit is set without a data file");
        h->autoclear &= ~QCOW2_AUTOCLEAR_RAW;
    }
    return check_tables(h, check, err);
}

int vemu__qcow2_header_read(struct vemu_image *file, bool check, struct qcow2_header *h,
                            struct vemu_error **err)
{
    uint64_t size = atomic_load(&file->size), backing;
    uint8_t head[QCOW2_HEADER_SIZE] = { 0 };
    const uint8_t *names = NULL;
    size_t names_bytes = 0, end;
    g_autofree uint8_t *cluster = NULL;
    uint32_t backing_bytes;
    int r;

    memset(h, 0, sizeof(*h));
    r = vemu__qcow2_file_read(file, 0, head, (size_t)MIN(sizeof(head), size));
    if (r < 0)
        return vemu__error_set(err, -r, "Could not read qcow2 header: %s", g_strerror(-r));
    r = parse_fields(h, head, (size_t)MIN(sizeof(head), size), err);
    if (r < 0)
        return r;
    cluster = g_try_malloc((size_t)1 << h->cluster_bits);
    if (!cluster)
        return vemu__error_set(err, ENOMEM, "Could not read qcow2 header: %s", g_strerror(ENOMEM));
    r = vemu__qcow2_file_read(file, 0, cluster, (size_t)1 << h->cluster_bits);
    if (r < 0)
        return vemu__error_set(err, -r, "Could not read qcow2 header: %s", g_strerror(-r));
    if (h->length > QCOW2_V3_HEADER)
        h->compression = cluster[QCOW2_V3_HEADER];
    if (h->length > QCOW2_HEADER_SIZE) {
        h->unknown_fields = g_byte_array_new();
        g_byte_array_append(h->unknown_fields, cluster + QCOW2_HEADER_SIZE,
                            h->length - QCOW2_HEADER_SIZE);
    }
    backing = be_get64(head + 8);
    backing_bytes = be_get32(head + 16);
    end = (size_t)1 << h->cluster_bits;
    if (backing > end)
        return vemu__error_set(err, EINVAL, "Invalid backing file offset");
    if (backing)
        end = (size_t)backing;
    if (end > h->length) {
        r = read_extensions(h, cluster, end, &names, &names_bytes, err);
        if (r < 0)
            return r;
    }
    r = check_features(h, check, names, names_bytes, err);
    if (r < 0 || !backing || !backing_bytes)
        return r;
    if (backing_bytes > QCOW2_MAX_BACKING ||
        backing_bytes > ((size_t)1 << h->cluster_bits) - backing)
        return vemu__error_set(err, EINVAL, "Backing file name too long");
    h->backing = g_strndup((const char *)cluster + backing, backing_bytes);
    return 0;
}
