/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The qcow2 driver: opening, closing, facts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/property.h"
#include "image/qcow2/bitmap.h"
#include "image/qcow2/check.h"
#include "image/qcow2/create.h"
#include "image/qcow2/qcow2.h"

#define MAX_SLICE (64u << 10)

/* --- opening ---------------------------------------------------------------------------------- */

static int qcow2_probe(const uint8_t *head, size_t bytes, const char *filename)
{
    return bytes >= 8 && be_get32(head) == QCOW2_MAGIC && be_get32(head + 4) >= 2 ? 100 : 0;
}

static void set_geometry(struct qcow2 *s)
{
    const struct qcow2_header *h = &s->header;
    uint32_t slice;

    s->cluster_bits = h->cluster_bits;
    s->cluster_size = 1u << h->cluster_bits;
    s->extended = h->incompatible & QCOW2_INCOMPAT_EXTENDED_L2;
    s->external = h->incompatible & QCOW2_INCOMPAT_DATA_FILE;
    s->subcluster_bits = s->cluster_bits - (s->extended ? 5 : 0);
    s->subcluster_size = 1u << s->subcluster_bits;
    s->l2_entry_bits = s->extended ? 4 : 3;
    s->l2_bits = s->cluster_bits - s->l2_entry_bits;
    s->refcount_order = h->refcount_order;
    s->block_bits = s->cluster_bits + 3 - h->refcount_order;
    slice = MIN(s->cluster_size, MAX_SLICE);
    s->slice_entry_bits = (unsigned)__builtin_ctz(slice) - s->l2_entry_bits;
    vemu__qcow2_cache_init(&s->l2_cache, slice, s->l2_cache_size);
    vemu__qcow2_cache_init(&s->refcount_cache, slice, s->refcount_cache_size);
    s->image.cluster_size = s->cluster_size;
    atomic_store(&s->image.size, h->size);
}

static int open_data_file(struct qcow2 *s, struct vemu_error **err)
{
    const char *name = s->data_file_option ? s->data_file_option : s->header.data_file;
    uint32_t flags = (s->image.open_flags & (VEMU_IMAGE_WRITE | VEMU_IMAGE_FORCE_SHARE |
                                             VEMU_IMAGE_DIRECT | VEMU_IMAGE_NO_FLUSH)) |
                     VEMU_IMAGE_UNMAP;
    g_autofree char *resolved = NULL;
    int r;

    if (!s->external) {
        s->data = s->image.file;
        if (s->data_file_option)
            return vemu__error_set(err, EINVAL,
                                   "'data-file' is given, but the image has no external data file");
        return 0;
    }
    if (s->image.open_flags & VEMU_IMAGE_NO_DATA_FILE)
        return 0;
    if (!name)
        return vemu__error_set(err, EINVAL, "'data-file' is required for this image");
    resolved = s->data_file_option ? g_strdup(name) : vemu__image_resolve(&s->image, name);
    r = vemu__image_open_protocol(resolved, flags, NULL, 0, &s->data, err);
    if (r < 0) {
        s->data = NULL;
        vemu__error_prefix(err, "Could not open external data file");
    }
    return r;
}

/* Tables of a truncated file are not read as zeros. */
static int load_table(struct qcow2 *s, struct qcow2_array *array, uint64_t offset, uint64_t count,
                      const char *what, struct vemu_error **err)
{
    uint64_t size = qcow2_align_up(atomic_load(&s->image.file->size), s->cluster_size);
    int r;

    if (count && (offset >= size || count * 8 > size - offset))
        return vemu__error_set(err, EINVAL,
                               "The %s is behind the end of the file: it was truncated", what);
    r = vemu__qcow2_array_load(array, s->image.file, offset, count);
    return r < 0 ? vemu__error_set(err, -r, "Could not read the %s: %s", what, g_strerror(-r)) : 0;
}

int vemu__qcow2_load_reftable(struct qcow2 *s, struct vemu_error **err)
{
    const struct qcow2_header *h = &s->header;

    return load_table(s, &s->reftable, h->reftable_offset,
                      ((uint64_t)h->reftable_clusters << s->cluster_bits) / 8, "refcount table",
                      err);
}

int vemu__qcow2_load_l1(struct qcow2 *s, struct vemu_error **err)
{
    return load_table(s, &s->l1, s->header.l1_offset, s->header.l1_size, "L1 table", err);
}

/* It was not closed after writing with lazy refcounts. */
static int repair_dirty(struct qcow2 *s, struct vemu_error **err)
{
    struct vemu_image_check result = VEMU_IMAGE_CHECK_INIT;
    int r = vemu__qcow2_check_exclusive(s, VEMU_IMAGE_REPAIR_ERRORS | VEMU_IMAGE_REPAIR_LEAKS,
                                        &result, NULL);

    if (r == 0 && (result.check_errors || result.corruptions))
        r = -EIO;
    return r < 0 ? vemu__error_set(err, -r, "Could not repair dirty image: %s", g_strerror(-r)) : 0;
}

/* What an image that is about to be written to needs before. */
static int prepare_writing(struct qcow2 *s, struct vemu_error **err)
{
    struct qcow2_header *h = &s->header;
    bool check = s->image.open_flags & VEMU_IMAGE_CHECK;
    int r;

    if (h->incompatible & QCOW2_INCOMPAT_CORRUPT && !check)
        return vemu__error_set(err, EACCES, "Image is corrupt; cannot be opened read/write");
    r = vemu__qcow2_load_reftable(s, err);
    if (r < 0)
        return r;
    if (h->incompatible & QCOW2_INCOMPAT_DIRTY && !check) {
        r = repair_dirty(s, err);
        if (r < 0)
            return r;
    }
    s->virgin = qcow2_div_up(atomic_load(&s->image.file->size), s->cluster_size);
    if (!s->image.file->grows) /* a device has what it has */
        s->virgin = UINT64_MAX;
    s->lazy = h->version >= 3 && h->compatible & QCOW2_COMPAT_LAZY;
    if (s->lazy_option && *s->lazy_option) {
        bool on;

        if (!vemu__parse_bool(s->lazy_option, &on))
            return vemu__error_set(err, EINVAL, "lazy-refcounts '%s' is neither on nor off",
                                   s->lazy_option);
        if (on && h->version < 3)
            return vemu__error_set(err, EINVAL,
                                   "Lazy refcounts require a qcow2 image with at "
                                   "least version 3");
        s->lazy = on;
    }
    vemu__qcow2_metadata_mark(s, 0, s->cluster_size);
    if (!check) {
        r = vemu__qcow2_metadata_scan(s, err);
        if (r < 0)
            return r;
    }
    s->writable = true;
    if (h->autoclear & ~QCOW2_AUTOCLEAR_KNOWN && !check) {
        h->autoclear &= QCOW2_AUTOCLEAR_KNOWN;
        r = vemu__qcow2_header_write_fields(s->image.file, h);
        if (r < 0)
            return vemu__error_set(err, -r, "Could not update qcow2 header: %s", g_strerror(-r));
    }
    return 0;
}

static int qcow2_open(struct vemu_image *image, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    bool check = image->open_flags & VEMU_IMAGE_CHECK;
    int r;

    pthread_mutex_init(&s->writeback_lock, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->inflate_lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->metadata = g_hash_table_new(g_direct_hash, g_direct_equal);
    s->unlinked = g_array_new(FALSE, FALSE, sizeof(struct qcow2_freed));
    s->limbo = g_array_new(FALSE, FALSE, sizeof(struct qcow2_freed));
    s->bitmaps = g_ptr_array_new_with_free_func(vemu__qcow2_bitmap_free);
    r = vemu__qcow2_header_read(image->file, check, &s->header, err);
    if (r < 0)
        return r;
    set_geometry(s);
    image->zero_beyond = true;
    image->backing_filename = g_strdup(s->header.backing);
    image->backing_format = g_strdup(s->header.backing_format);
    r = open_data_file(s, err);
    if (r == 0)
        r = vemu__qcow2_load_l1(s, err);
    if (r == 0)
        r = vemu__qcow2_snapshots_load(s, err);
    if (r == 0)
        r = vemu__qcow2_bitmaps_load(s, err);
    if (r == 0 && image->open_flags & VEMU_IMAGE_WRITE)
        r = prepare_writing(s, err);
    return r;
}

/* --- closing ---------------------------------------------------------------------------------- */

static int write_all(struct qcow2 *s)
{
    int r;

    pthread_mutex_lock(&s->writeback_lock);
    r = vemu__qcow2_settle(s);
    if (r == 0)
        r = vemu__qcow2_bitmaps_store(s);
    if (r == 0 && s->dirty_bit) {
        s->header.incompatible &= ~QCOW2_INCOMPAT_DIRTY;
        r = vemu_image_flush(s->image.file);
        if (r == 0)
            r = vemu__qcow2_header_write_fields(s->image.file, &s->header);
        if (r == 0)
            r = vemu_image_flush(s->image.file);
    }
    pthread_mutex_unlock(&s->writeback_lock);
    return r;
}

static int qcow2_close(struct vemu_image *image)
{
    struct qcow2 *s = qcow2_of(image);
    int r = 0, r2;

    if (s->writable && !atomic_load(&s->broken))
        r = write_all(s);
    if (s->external && s->data) {
        r2 = vemu_image_close(s->data);
        r = r < 0 ? r : r2;
    }
    vemu__qcow2_snapshots_clear(s);
    vemu__qcow2_array_fini(&s->l1);
    vemu__qcow2_array_fini(&s->reftable);
    if (s->l2_cache.slices)
        vemu__qcow2_cache_fini(&s->l2_cache);
    if (s->refcount_cache.slices)
        vemu__qcow2_cache_fini(&s->refcount_cache);
    g_hash_table_unref(s->metadata);
    g_array_unref(s->unlinked);
    g_array_unref(s->limbo);
    g_ptr_array_unref(s->bitmaps);
    g_clear_pointer(&s->bitmap_removed, g_ptr_array_unref);
    free(s->inflated);
    vemu__qcow2_header_clear(&s->header);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->inflate_lock);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->writeback_lock);
    return r;
}

/* --- facts ------------------------------------------------------------------------------------ */

/* As JSON; NULL: there are none. */
static char *describe_bitmaps(const struct qcow2 *s)
{
    GString *text = g_string_new("[");

    for (guint i = 0; i < s->bitmaps->len; i++) {
        const struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);
        bool use = bitmap->inconsistent, on = bitmap->flags & QCOW2_BITMAP_AUTO;

        if (!bitmap->persistent)
            continue;
        g_string_append_printf(text, "%s{\"flags\": [%s%s%s], \"name\": \"",
                               text->len > 1 ? ", " : "", use ? "\"in-use\"" : "",
                               use && on ? ", " : "", on ? "\"auto\"" : "");
        for (const char *p = bitmap->name; *p; p++)
            g_string_append_printf(text,
                                   *p == '"' || *p == '\\' ? "\\%c"
                                   : (uint8_t)*p < 32      ? "\\u%04x"
                                                           : "%c",
                                   *p);
        g_string_append_printf(text, "\", \"granularity\": %" PRIu64 "}",
                               (uint64_t)1 << bitmap->granularity_bits);
    }
    g_string_append_c(text, ']');
    return g_string_free(text, text->len == 2);
}

static int qcow2_info(struct vemu_image *image, struct vemu_image_info *info,
                      struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    const struct qcow2_header *h = &s->header;
    struct vemu_image_info data = VEMU_IMAGE_INFO_INIT;
    g_autofree char *bitmaps = NULL;

    info->flags |= h->incompatible & QCOW2_INCOMPAT_DIRTY ? VEMU_IMAGE_INFO_DIRTY : 0;
    info->flags |= h->incompatible & QCOW2_INCOMPAT_CORRUPT ? VEMU_IMAGE_INFO_CORRUPT : 0;
    info->flags |= s->external ? 0 : VEMU_IMAGE_INFO_COMPRESSED;
    bitmaps = describe_bitmaps(s);
    if (bitmaps)
        vemu__image_add_fact(info, "bitmaps", VEMU_IMAGE_FACT_JSON, 0, bitmaps);
    vemu__image_add_fact(info, "compat", VEMU_IMAGE_FACT_TEXT, 0, h->version == 2 ? "0.10" : "1.1");
    if (h->version >= 3 && s->external) {
        vemu__image_add_fact(info, "data-file", VEMU_IMAGE_FACT_TEXT, 0,
                             h->data_file ? h->data_file
                             : s->data    ? s->data->filename
                                          : "");
        vemu__image_add_fact(info, "data-file-raw", VEMU_IMAGE_FACT_BOOL,
                             (h->autoclear & QCOW2_AUTOCLEAR_RAW) != 0, NULL);
        if (s->data && vemu_image_get_info(s->data, &data, NULL) == 0)
            info->actual_size += data.actual_size;
        vemu_image_info_clear(&data);
    }
    vemu__image_add_fact(info, "compression-type", VEMU_IMAGE_FACT_TEXT, 0,
                         h->compression == QCOW2_ZSTD ? "zstd" : "zlib");
    if (h->version >= 3)
        vemu__image_add_fact(info, "lazy-refcounts", VEMU_IMAGE_FACT_BOOL,
                             (h->compatible & QCOW2_COMPAT_LAZY) != 0, NULL);
    vemu__image_add_fact(info, "refcount-bits", VEMU_IMAGE_FACT_NUMBER, 1ull << h->refcount_order,
                         NULL);
    if (h->version >= 3) {
        vemu__image_add_fact(info, "corrupt", VEMU_IMAGE_FACT_BOOL,
                             (h->incompatible & QCOW2_INCOMPAT_CORRUPT) != 0, NULL);
        vemu__image_add_fact(info, "extended-l2", VEMU_IMAGE_FACT_BOOL, s->extended, NULL);
    }
    return 0;
}

static int qcow2_set_backing(struct vemu_image *image, const char *filename, const char *format,
                             struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_header *h = &s->header;
    char *old = h->backing, *old_format = h->backing_format;
    int r;

    if (filename && strlen(filename) > QCOW2_MAX_BACKING)
        return vemu__error_set(err, EINVAL, "Backing file name is longer than %u bytes",
                               QCOW2_MAX_BACKING);
    if (filename && h->autoclear & QCOW2_AUTOCLEAR_RAW)
        return vemu__error_set(err, EINVAL,
                               "An image with a raw external data file has no backing file");
    r = vemu__qcow2_may_write(s);
    if (r == 0)
        r = vemu__qcow2_exclusive_begin(s);
    if (r < 0)
        return vemu__error_set(err, -r, "Could not write the image: %s", g_strerror(-r));
    h->backing = filename && *filename ? g_strdup(filename) : NULL;
    h->backing_format = h->backing ? g_strdup(format) : NULL;
    r = vemu__qcow2_header_write(image->file, h, err);
    if (r == 0) {
        g_free(old);
        g_free(old_format);
    } else {
        g_free(h->backing);
        g_free(h->backing_format);
        h->backing = old;
        h->backing_format = old_format;
    }
    vemu__qcow2_exclusive_end(s);
    return r;
}

static const struct vemu_prop qcow2_props[] = {
    VEMU_PROP(struct qcow2, data_file_option, "data-file", STRING, NULL,
              "the external data file, instead of the one that the image names"),
    VEMU_PROP(struct qcow2, l2_cache_size, "l2-cache-size", SIZE, "32M", "memory for L2 tables"),
    VEMU_PROP(struct qcow2, lazy_option, "lazy-refcounts", STRING, NULL,
              "postpone refcount updates (on, off; default: as the image says)"),
    VEMU_PROP(struct qcow2, refcount_cache_size, "refcount-cache-size", SIZE, "1M",
              "memory for refcount blocks"),
    VEMU_PROP_END,
};

const struct vemu_image_driver vemu__qcow2_driver = {
    .name = "qcow2",
    .summary = "QEMU's image format, versions 2 and 3",
    .flags = VEMU_IMAGE_FORMAT_CREATE | VEMU_IMAGE_FORMAT_WRITE,
    .instance_size = sizeof(struct qcow2),
    .props = qcow2_props,
    .create_props = vemu__qcow2_create_props,
    .create_size = sizeof(struct qcow2_create),
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .readv = vemu__qcow2_readv,
    .writev = vemu__qcow2_writev,
    .zero = vemu__qcow2_zero,
    .discard = vemu__qcow2_discard,
    .flush = vemu__qcow2_flush,
    .extent = vemu__qcow2_extent,
    .map = vemu__qcow2_map,
    .unmap = vemu__qcow2_unmap,
    .reserve = vemu__qcow2_reserve,
    .quiet = vemu__qcow2_quiet,
    .create = vemu__qcow2_create,
    .set_backing = qcow2_set_backing,
    .make_empty = vemu__qcow2_make_empty,
    .resize = vemu__qcow2_resize,
    .amend = vemu__qcow2_amend,
    .measure = vemu__qcow2_measure,
    .check = vemu__qcow2_check,
    .info = qcow2_info,
    .snapshots = &vemu__qcow2_snapshot_ops,
    .bitmaps = &vemu__qcow2_bitmap_ops,
};
