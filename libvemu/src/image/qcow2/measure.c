/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much space an image would take in qcow2 format.
 */
#include <errno.h>

#include "image/qcow2/layout.h"

/* Bytes of all clusters with data that the source has, chain included. */
static int count_data(struct vemu_image *source, uint64_t cluster, uint64_t *ret)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    uint64_t size = vemu_image_get_size(source), at = 0, counted = 0;
    int r;

    *ret = 0;
    while (at < size) {
        uint64_t from, to;

        r = vemu_image_get_extent(source, NULL, at, size - at, &extent);
        if (r < 0)
            return r;
        if (extent.flags & VEMU_IMAGE_EXTENT_DATA && !(extent.flags & VEMU_IMAGE_EXTENT_ZERO)) {
            from = MAX(at & ~(cluster - 1), counted); /* no cluster twice */
            to = qcow2_align_up(at + extent.bytes, cluster);
            if (to > from)
                *ret += to - from;
            counted = MAX(counted, to);
        }
        at += extent.bytes;
    }
    return 0;
}

int vemu__qcow2_measure(struct vemu_image *source, uint64_t virtual_size,
                        const struct vemu_property *props, size_t prop_count,
                        struct vemu_image_measure *ret, struct vemu_error **err)
{
    enum qcow2_preallocation preallocation;
    struct qcow2_create options;
    struct qcow2_header header;
    uint64_t cluster, size, meta, blocks, table, data = 0, entries;
    unsigned entry_size;
    int r;

    r = vemu__qcow2_options_parse(props, prop_count, &options, &header, &preallocation, err);
    if (r < 0)
        goto out;
    cluster = 1ull << header.cluster_bits;
    entry_size = options.extended_l2 ? 16 : 8;
    if (!source && options.size && virtual_size == UINT64_MAX)
        virtual_size = options.size;
    if (virtual_size > INT64_MAX - cluster) {
        r = vemu__error_set(err, EFBIG, "The image size is too large");
        goto out;
    }
    size = qcow2_align_up(virtual_size, cluster);
    if (vemu__qcow2_l1_entries(&header, size) > QCOW2_MAX_L1_BYTES / 8) {
        r = vemu__error_set(err, EFBIG,
                            "The image size is too large (try using a larger cluster size)");
        goto out;
    }
    entries = qcow2_align_up(size / cluster, cluster / entry_size);
    meta = cluster + entries * entry_size;
    meta += qcow2_align_up(entries * entry_size / cluster, cluster / 8) * 8;
    vemu__qcow2_refcount_layout(header.cluster_bits, header.refcount_order, (meta + size) / cluster,
                                &blocks, &table);
    meta += (blocks + table) * cluster;
    ret->fully_allocated = meta + size;
    if (preallocation >= QCOW2_PREALLOC_FALLOC)
        data = size;
    else if (source)
        r = count_data(source, cluster, &data);
    ret->required = meta + data;
    if (source && r == 0)
        ret->bitmaps = vemu__qcow2_measure_bitmaps(source, (uint32_t)cluster);
out:
    vemu__qcow2_options_clear(&options, &header);
    return r;
}
