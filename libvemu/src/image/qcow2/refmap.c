/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All refcounts of an image in memory, packed as on disk.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/shadow.h"

/* Clusters behind the end of the file that are taken and were not written yet: no image has so many
 * of them. */
#define BEYOND_END (16u << 20)

static uint64_t bytes_of(unsigned order, uint64_t count)
{
    return ((count << order) + 7) >> 3;
}

int vemu__qcow2_refmap_init(struct qcow2_refmap *map, unsigned order, uint64_t count)
{
    memset(map, 0, sizeof(*map));
    map->order = order;
    count = qcow2_align_up(MAX(count, 1), 4096);
    if (count > UINT64_MAX >> 10)
        return -ENOMEM;
    map->data = calloc(1, bytes_of(order, count));
    map->count = map->data ? count : 0;
    return map->data ? 0 : -ENOMEM;
}

void vemu__qcow2_refmap_fini(struct qcow2_refmap *map)
{
    free(map->data);
    memset(map, 0, sizeof(*map));
}

int vemu__qcow2_refmap_grow(struct qcow2_refmap *map, uint64_t count)
{
    uint8_t *data;

    if (count <= map->count)
        return 0;
    count = qcow2_align_up(count + count / 8, 4096);
    data = realloc(map->data, bytes_of(map->order, count));
    if (!data)
        return -ENOMEM;
    memset(data + bytes_of(map->order, map->count), 0,
           bytes_of(map->order, count) - bytes_of(map->order, map->count));
    map->data = data;
    map->count = count;
    return 0;
}

int vemu__qcow2_refmap_add(struct qcow2_refmap *map, uint64_t cluster, uint64_t count,
                           int64_t delta)
{
    uint64_t max = qcow2_refcount_max(map->order), n = (uint64_t)(delta < 0 ? -delta : delta);

    if (cluster > map->count || count > map->count - cluster)
        return -EIO;
    for (; count; cluster++, count--) {
        uint64_t value = vemu__qcow2_refcount_decode(map->data, map->order, cluster);

        if (delta < 0 ? value < n : value > max || n > max - value)
            return -ERANGE;
        vemu__qcow2_refcount_encode(map->data, map->order, cluster,
                                    delta < 0 ? value - n : value + n);
    }
    return 0;
}

uint64_t vemu__qcow2_refmap_end(const struct qcow2_refmap *map)
{
    uint64_t bytes = bytes_of(map->order, map->count), end;

    while (bytes && !map->data[bytes - 1])
        bytes--;
    end = MIN(map->count, ((bytes << 3) + (1u << map->order) - 1) >> map->order);
    while (end && !qcow2_refmap_get(map, end - 1))
        end--;
    return end;
}

/* How many blocks say something. A small file may say of clusters without end that they are in use,
 * which a map of all would pay for: -EFBIG. */
static int count_blocks(struct qcow2 *s, uint64_t clusters, uint64_t *ret)
{
    uint64_t blocks = s->reftable.count, most = ((clusters + BEYOND_END) >> s->block_bits) + 1;
    uint8_t *block = vemu__qcow2_buffer(s->cluster_size);
    int r = block ? 0 : -ENOMEM;

    while (r == 0 && blocks) {
        uint64_t offset = s->reftable.entry[blocks - 1] & ~511ull;

        if (offset && blocks <= most)
            break;
        if (offset)
            r = vemu__qcow2_file_read(s->image.file, offset, block, s->cluster_size);
        if (r == 0 && offset && !vemu__is_zero(block, s->cluster_size))
            r = -EFBIG;
        blocks--;
    }
    free(block);
    *ret = blocks;
    return r;
}

int vemu__qcow2_refmap_load(struct qcow2 *s, struct qcow2_refmap *ret)
{
    uint64_t in_block = 1ull << s->block_bits, blocks;
    uint64_t clusters = qcow2_div_up(atomic_load(&s->image.file->size), s->cluster_size);
    int r = count_blocks(s, clusters, &blocks);

    memset(ret, 0, sizeof(*ret));
    if (r < 0)
        return r;
    r = vemu__qcow2_refmap_init(ret, s->refcount_order, MAX(blocks * in_block, clusters));
    for (uint64_t i = 0; r == 0 && i < blocks; i++) {
        uint64_t offset = s->reftable.entry[i] & ~511ull;

        if (!offset)
            continue;
        if (offset & (s->cluster_size - 1) || offset > INT64_MAX / 2)
            r = -EIO;
        else
            r = vemu__qcow2_file_read(s->image.file, offset, ret->data + i * s->cluster_size,
                                      s->cluster_size);
    }
    if (r < 0)
        vemu__qcow2_refmap_fini(ret);
    return r;
}
