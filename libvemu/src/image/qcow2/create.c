/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making new qcow2 images.
 *
 * Header, refcount table, refcount blocks, L1 table, and when space is preallocated all L2 tables
 * and then the data: each is one contiguous piece, so that it takes few large writes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/create.h"
#include "image/qcow2/layout.h"

#define PIECE (2u << 20)

struct layout {
    uint64_t table, blocks, l1, l2, data;           /* clusters of each */
    uint64_t blocks_at, l1_at, l2_at, data_at, end; /* in clusters */
};

static int plan(const struct qcow2_header *h, enum qcow2_preallocation preallocation,
                struct layout *ret, struct vemu_error **err)
{
    uint64_t cluster = 1ull << h->cluster_bits;

    memset(ret, 0, sizeof(*ret));
    ret->l1 = MAX(qcow2_div_up((uint64_t)h->l1_size * 8, cluster), 1);
    if (preallocation != QCOW2_PREALLOC_OFF) {
        ret->l2 = vemu__qcow2_l1_entries(h, h->size);
        if (!(h->incompatible & QCOW2_INCOMPAT_DATA_FILE))
            ret->data = qcow2_div_up(h->size, cluster);
    }
    vemu__qcow2_refcount_layout(h->cluster_bits, h->refcount_order,
                                1 + ret->l1 + ret->l2 + ret->data, &ret->blocks, &ret->table);
    ret->blocks_at = 1 + ret->table;
    ret->l1_at = ret->blocks_at + ret->blocks;
    ret->l2_at = ret->l1_at + ret->l1;
    ret->data_at = ret->l2_at + ret->l2;
    ret->end = ret->data_at + ret->data;
    if (ret->table * cluster > QCOW2_MAX_REFTABLE || ret->end > (1ull << 55) / cluster)
        return vemu__error_set(err, EFBIG,
                               "The image is too big for these cluster and refcount "
                               "sizes");
    return 0;
}

static int write_blocks(struct vemu_image *file, const struct qcow2_header *h,
                        const struct layout *l, uint8_t *piece)
{
    uint64_t cluster = 1ull << h->cluster_bits, in_piece = PIECE * 8ull >> h->refcount_order;
    uint64_t count = l->blocks << (h->cluster_bits + 3 - h->refcount_order), at = 0;
    int r = 0;

    for (uint64_t first = 0; r == 0 && first < count; first += in_piece) {
        uint64_t n = MIN(in_piece, count - first);

        memset(piece, 0, PIECE);
        for (uint64_t i = 0; i < n && first + i < l->end; i++)
            vemu__qcow2_refcount_encode(piece, h->refcount_order, i, 1);
        r = vemu__qcow2_file_write(file, l->blocks_at * cluster + at, piece,
                                   (size_t)(n << h->refcount_order >> 3));
        at += PIECE;
    }
    return r;
}

static int write_l2(struct vemu_image *file, const struct qcow2_header *h, const struct layout *l,
                    uint8_t *piece)
{
    bool extended = h->incompatible & QCOW2_INCOMPAT_EXTENDED_L2;
    bool external = h->incompatible & QCOW2_INCOMPAT_DATA_FILE;
    unsigned entry_bits = extended ? 4 : 3;
    uint64_t cluster = 1ull << h->cluster_bits, clusters = qcow2_div_up(h->size, cluster);
    uint64_t host = external ? 0 : l->data_at * cluster, guest = 0, end = l->l2 * cluster;
    int r = 0;

    for (uint64_t at = 0; r == 0 && at < end; at += PIECE) {
        uint64_t n = MIN(PIECE, end - at);

        memset(piece, 0, PIECE);
        for (uint64_t i = 0; i < n && guest < clusters; i += 1u << entry_bits, guest++) {
            be_put64(piece + i, (host + guest * cluster) | QCOW2_COPIED);
            if (extended) /* what is not in use shows the backing file */
                be_put64(piece + i + 8, h->backing ? 0 : UINT32_MAX);
        }
        r = vemu__qcow2_file_write(file, l->l2_at * cluster + at, piece, (size_t)n);
    }
    return r;
}

static int write_tables(struct vemu_image *file, const struct qcow2_header *h,
                        const struct layout *l, struct vemu_error **err)
{
    uint64_t cluster = 1ull << h->cluster_bits, *table = NULL, count;
    uint8_t *piece = vemu__qcow2_buffer(PIECE);
    int r = piece ? 0 : -ENOMEM;

    count = MAX(l->table * cluster / 8, l->l1 * cluster / 8);
    table = r < 0 ? NULL : calloc(count, 8);
    if (!table)
        r = -ENOMEM;
    for (uint64_t i = 0; r == 0 && i < l->blocks; i++)
        table[i] = (l->blocks_at + i) * cluster;
    if (r == 0)
        r = vemu__qcow2_file_write_table(file, cluster, l->table * cluster / 8, table);
    if (r == 0)
        r = write_blocks(file, h, l, piece);
    if (r == 0) {
        memset(table, 0, count * 8);
        for (uint64_t i = 0; i < l->l2; i++)
            table[i] = (l->l2_at + i) * cluster | QCOW2_COPIED;
        r = vemu__qcow2_file_write_table(file, l->l1_at * cluster, l->l1 * cluster / 8, table);
    }
    if (r == 0 && l->l2)
        r = write_l2(file, h, l, piece);
    free(piece);
    free(table);
    return r < 0 ? vemu__error_set(err, -r, "Could not write tables: %s", g_strerror(-r)) : 0;
}

int vemu__qcow2_create_in(struct vemu_image *file, struct qcow2_header *h,
                          enum qcow2_preallocation preallocation,
                          const struct vemu_progress *progress, struct vemu_error **err)
{
    uint64_t entries = vemu__qcow2_l1_entries(h, h->size), end;
    struct layout l;
    int r;

    if (entries > QCOW2_MAX_L1_BYTES / 8)
        return vemu__error_set(err, EFBIG,
                               "Image size too large for file format (try using a "
                               "larger cluster size)");
    h->l1_size = (uint32_t)MAX(entries, 1);
    r = plan(h, preallocation, &l, err);
    if (r < 0)
        return r;
    h->l1_offset = l.l1_at << h->cluster_bits;
    h->reftable_offset = 1ull << h->cluster_bits;
    h->reftable_clusters = (uint32_t)l.table;
    r = write_tables(file, h, &l, err);
    end = l.end << h->cluster_bits;
    if (r == 0 && l.data && atomic_load(&file->size) < end)
        r = vemu_image_resize(file, end, vemu__qcow2_preallocation_below(preallocation), 0,
                              progress, err);
    return r < 0 ? r : vemu__qcow2_header_create(file, h, err);
}

/* --- the files -------------------------------------------------------------------------------- */

static int size_of_backing(const struct qcow2_create *o, const char *filename, uint64_t *ret,
                           struct vemu_error **err)
{
    struct vemu_image_open_options open = VEMU_IMAGE_OPEN_OPTIONS_INIT;
    struct vemu_image *backing = NULL, fake = { .filename = (char *)filename };
    g_autofree char *name = vemu__image_resolve(&fake, o->backing_file);
    int r;

    open.format = o->backing_fmt;
    open.flags = VEMU_IMAGE_NO_BACKING | VEMU_IMAGE_FORCE_SHARE;
    r = vemu_image_open(name, &open, &backing, err);
    if (r < 0) {
        vemu__error_prefix(err, "Could not open backing image to determine size");
        return r;
    }
    *ret = vemu_image_get_size(backing);
    return vemu_image_close(backing);
}

static int create_data_file(const struct qcow2_create *o, const struct qcow2_header *h,
                            const char *filename, enum qcow2_preallocation preallocation,
                            const struct vemu_progress *progress, struct vemu_error **err)
{
    struct vemu_property prop = { "preallocation", vemu__qcow2_preallocation_below(preallocation) };
    struct vemu_image fake = { .filename = (char *)filename };
    g_autofree char *name = vemu__image_resolve(&fake, o->data_file);

    return vemu_image_create(name, "raw", h->size, &prop, 1, progress, err);
}

static int create_files(const struct vemu_image_create_args *args, const struct qcow2_create *o,
                        struct qcow2_header *h, enum qcow2_preallocation preallocation,
                        struct vemu_error **err)
{
    struct vemu_image *file = NULL;
    int r = 0, r2;

    h->size = args->size;
    if (o->backing_file && !o->backing_fmt)
        return vemu__error_set(err, EINVAL, "backing file specified without backing format");
    if (h->size == UINT64_MAX && o->size)
        h->size = o->size;
    if (h->size == UINT64_MAX) {
        if (!o->backing_file)
            return vemu__error_set(err, EINVAL, "Image creation needs a size parameter");
        r = size_of_backing(o, args->filename, &h->size, err);
    }
    if (r == 0 && h->size > INT64_MAX - IMAGE_SECTOR)
        return vemu__error_set(err, EFBIG, "The image size is too large");
    h->size = qcow2_align_up(h->size, IMAGE_SECTOR);
    if (r == 0)
        r = vemu__image_create_protocol(args->filename, 0, &file, err);
    if (r < 0)
        return r;
    if (o->data_file)
        r = create_data_file(o, h, args->filename, preallocation, args->progress, err);
    if (r == 0)
        r = vemu__qcow2_create_in(file, h, preallocation, args->progress, err);
    r2 = vemu_image_close(file);
    return r < 0 || r2 == 0 ? r : vemu__error_set(err, -r2, "%s", g_strerror(-r2));
}

int vemu__qcow2_create(const struct vemu_image_create_args *args, struct vemu_error **err)
{
    enum qcow2_preallocation preallocation;
    struct qcow2_create options;
    struct qcow2_header header;
    int r;

    r = vemu__qcow2_options_parse(args->props, args->prop_count, &options, &header, &preallocation,
                                  err);
    if (r == 0)
        r = create_files(args, &options, &header, preallocation, err);
    vemu__qcow2_options_clear(&options, &header);
    return r;
}
