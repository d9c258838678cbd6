/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options of creating a qcow2 image: what they are, which go together, what they mean.
 */
#include <errno.h>
#include <inttypes.h>

#include "core/property.h"
#include "image/qcow2/layout.h"

const struct vemu_prop vemu__qcow2_create_props[] = {
    VEMU_PROP(struct qcow2_create, backing_file, "backing_file", STRING, NULL,
              "File name of a base image"),
    VEMU_PROP(struct qcow2_create, backing_fmt, "backing_fmt", STRING, NULL,
              "Image format of the base image"),
    VEMU_PROP(struct qcow2_create, cluster_size, "cluster_size", SIZE, "64K",
              "qcow2 cluster size (512 to 2M)"),
    VEMU_PROP(struct qcow2_create, compat, "compat", STRING, "1.1",
              "Compatibility level (v2 [0.10] or v3 [1.1])"),
    VEMU_PROP(struct qcow2_create, compression_type, "compression_type", STRING, "zlib",
              "Compression method used for image cluster compression (zlib, zstd)"),
    VEMU_PROP(struct qcow2_create, data_file, "data_file", STRING, NULL,
              "File name of an external data file"),
    VEMU_PROP(struct qcow2_create, data_file_raw, "data_file_raw", BOOL, "off",
              "The external data file must stay valid as a raw image"),
    VEMU_PROP(struct qcow2_create, extended_l2, "extended_l2", BOOL, "off", "Extended L2 tables"),
    VEMU_PROP(struct qcow2_create, lazy_refcounts, "lazy_refcounts", BOOL, "off",
              "Postpone refcount updates"),
    VEMU_PROP(struct qcow2_create, nocow, "nocow", BOOL, "off",
              "Turn off copy-on-write (valid only on btrfs)"),
    VEMU_PROP(struct qcow2_create, preallocation, "preallocation", STRING, "off",
              "Preallocation mode (allowed values: off, metadata, falloc, full)"),
    VEMU_PROP(struct qcow2_create, refcount_bits, "refcount_bits", U64, "16",
              "Width of a reference count entry in bits"),
    VEMU_PROP(struct qcow2_create, size, "size", SIZE, NULL, "Virtual disk size"),
    VEMU_PROP_END,
};

void vemu__qcow2_options_clear(struct qcow2_create *options, struct qcow2_header *header)
{
    vemu__props_clear(options, vemu__qcow2_create_props);
    vemu__qcow2_header_clear(header);
}

int vemu__qcow2_preallocation_parse(const char *word, enum qcow2_preallocation *ret,
                                    struct vemu_error **err)
{
    static const char *const words[] = { "off", "metadata", "falloc", "full" };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
        if (word && strcmp(word, words[i]) == 0) {
            *ret = (enum qcow2_preallocation)i;
            return 0;
        }
    return vemu__error_set(err, EINVAL, "preallocation '%s' is none of off, metadata, falloc, full",
                           word ? word : "");
}

const char *vemu__qcow2_preallocation_below(enum qcow2_preallocation preallocation)
{
    return preallocation == QCOW2_PREALLOC_FALLOC ? "falloc"
           : preallocation == QCOW2_PREALLOC_FULL ? "full"
                                                  : "off";
}

/* What only version 3 can say. */
static int check_compat(const struct qcow2_create *o, const struct qcow2_header *h,
                        struct vemu_error **err)
{
    const char *what = o->lazy_refcounts              ? "Lazy refcounts are"
                       : o->refcount_bits != 16       ? "Refcount widths other than 16 bits are"
                       : h->compression != QCOW2_ZLIB ? "Compression types other than zlib are"
                       : o->data_file                 ? "External data files are"
                       : o->extended_l2               ? "Extended L2 entries are"
                                                      : NULL;

    if (h->version >= 3 || !what)
        return 0;
    return vemu__error_set(err, EINVAL,
                           "%s only supported with compatibility level 1.1 and above "
                           "(use compat=1.1)",
                           what);
}

static int check_data_file(const struct qcow2_create *o, struct vemu_error **err)
{
    if (o->data_file_raw && !o->data_file)
        return vemu__error_set(err, EINVAL, "data_file_raw requires data_file");
    if (o->data_file_raw && o->backing_file)
        return vemu__error_set(err, EINVAL,
                               "Backing file and data_file_raw cannot be used at the same time");
    return 0;
}

static int parse_sizes(const struct qcow2_create *o, struct qcow2_header *h,
                       struct vemu_error **err)
{
    if (o->cluster_size < 512 || o->cluster_size > 2u << 20 ||
        o->cluster_size & (o->cluster_size - 1))
        return vemu__error_set(err, EINVAL,
                               "Cluster size must be a power of two between 512 and 2048k");
    h->cluster_bits = (uint32_t)__builtin_ctzll(o->cluster_size);
    if (!o->refcount_bits || o->refcount_bits > 64 || o->refcount_bits & (o->refcount_bits - 1))
        return vemu__error_set(err, EINVAL,
                               "Refcount width must be a power of two and may not exceed 64 bits");
    h->refcount_order = (uint32_t)__builtin_ctzll(o->refcount_bits);
    if (o->extended_l2 && h->cluster_bits < 14)
        return vemu__error_set(err, EINVAL,
                               "Extended L2 entries are only supported with cluster "
                               "sizes of at least 16384 bytes");
    return 0;
}

int vemu__qcow2_options_parse(const struct vemu_property *props, size_t prop_count,
                              struct qcow2_create *o, struct qcow2_header *h,
                              enum qcow2_preallocation *ret_preallocation, struct vemu_error **err)
{
    int r;

    memset(o, 0, sizeof(*o));
    memset(h, 0, sizeof(*h));
    for (size_t i = 0; i < prop_count; i++)
        if (g_str_has_prefix(props[i].name, "encrypt") && strcmp(props[i].value, "off") != 0)
            return vemu__error_set(err, ENOTSUP,
                                   "Encrypted qcow2 images (option '%s') are not "
                                   "supported",
                                   props[i].name);
    r = vemu__image_set_options(o, vemu__qcow2_create_props, props, prop_count, err);
    if (r < 0)
        return r;
    if (strcmp(o->compat, "0.10") == 0 || strcmp(o->compat, "v2") == 0)
        h->version = 2;
    else if (strcmp(o->compat, "1.1") == 0 || strcmp(o->compat, "v3") == 0)
        h->version = 3;
    else
        return vemu__error_set(err, EINVAL, "Invalid compatibility level: '%s'", o->compat);
    if (strcmp(o->compression_type, "zstd") == 0)
        h->compression = QCOW2_ZSTD;
    else if (strcmp(o->compression_type, "zlib") != 0)
        return vemu__error_set(err, EINVAL, "compression_type '%s' is neither zlib nor zstd",
                               o->compression_type);
    r = parse_sizes(o, h, err);
    if (r == 0)
        r = check_compat(o, h, err);
    if (r == 0)
        r = check_data_file(o, err);
    if (r == 0)
        r = vemu__qcow2_preallocation_parse(o->preallocation, ret_preallocation, err);
    if (r < 0)
        return r;
    if (o->backing_file && *ret_preallocation != QCOW2_PREALLOC_OFF && !o->extended_l2)
        return vemu__error_set(err, EINVAL,
                               "Backing file and preallocation can only be used at "
                               "the same time if extended_l2 is enabled");
    if (o->backing_fmt && !o->backing_file)
        return vemu__error_set(err, EINVAL, "Backing format cannot be used without backing file");
    if (o->backing_file && strlen(o->backing_file) > QCOW2_MAX_BACKING)
        return vemu__error_set(err, EINVAL, "Backing file name is longer than %u bytes",
                               QCOW2_MAX_BACKING);
    /* what the data file has by itself is what the image has */
    if (o->data_file_raw && *ret_preallocation == QCOW2_PREALLOC_OFF)
        *ret_preallocation = QCOW2_PREALLOC_METADATA;
    h->length = h->version == 2 ? QCOW2_V2_HEADER : QCOW2_HEADER_SIZE;
    h->backing = g_strdup(o->backing_file);
    h->backing_format = g_strdup(o->backing_fmt);
    h->data_file = g_strdup(o->data_file);
    h->compatible = o->lazy_refcounts ? QCOW2_COMPAT_LAZY : 0;
    h->incompatible = (o->data_file ? QCOW2_INCOMPAT_DATA_FILE : 0) |
                      (o->extended_l2 ? QCOW2_INCOMPAT_EXTENDED_L2 : 0) |
                      (h->compression ? QCOW2_INCOMPAT_COMPRESSION : 0);
    h->autoclear = o->data_file_raw ? QCOW2_AUTOCLEAR_RAW : 0;
    return 0;
}

uint64_t vemu__qcow2_l1_entries(const struct qcow2_header *h, uint64_t size)
{
    unsigned entry_bits = h->incompatible & QCOW2_INCOMPAT_EXTENDED_L2 ? 4 : 3;
    unsigned cover = h->cluster_bits + (h->cluster_bits - entry_bits);

    return (size >> cover) + ((size & ((1ull << cover) - 1)) != 0);
}

void vemu__qcow2_refcount_layout(unsigned cluster_bits, unsigned order, uint64_t clusters,
                                 uint64_t *ret_blocks, uint64_t *ret_table)
{
    uint64_t in_block = 1ull << (cluster_bits + 3 - order), in_table = 1ull << (cluster_bits - 3);
    uint64_t blocks = 0, table = 0, before;

    do { /* they count themselves too */
        before = blocks + table;
        blocks = qcow2_div_up(clusters + before, in_block);
        table = qcow2_div_up(blocks, in_table);
    } while (blocks + table != before);
    *ret_blocks = blocks;
    *ret_table = table;
}
