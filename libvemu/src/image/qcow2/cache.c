/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Caches of L2 tables and refcount blocks, in slices: parts of a cluster, so that large clusters do
 * not mean large reads and writes.
 *
 * A slice that is dirty or being written back stays, even if the cache has too many then; who
 * changes tables calls vemu__qcow2_relieve() now and then.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

static void slice_free(void *data)
{
    struct qcow2_slice *slice = data;

    free(slice->data);
    g_free(slice);
}

void vemu__qcow2_cache_init(struct qcow2_cache *cache, uint32_t slice_size, uint64_t bytes)
{
    cache->slices = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, slice_free);
    g_queue_init(&cache->lru);
    cache->dirty = g_ptr_array_new();
    cache->slice_size = slice_size;
    cache->limit = (size_t)MAX(bytes / slice_size, 4);
    cache->last = NULL;
}

void vemu__qcow2_cache_fini(struct qcow2_cache *cache)
{
    g_clear_pointer(&cache->slices, g_hash_table_unref);
    g_clear_pointer(&cache->dirty, g_ptr_array_unref);
    memset(cache, 0, sizeof(*cache));
}

static void slice_drop(struct qcow2_cache *cache, struct qcow2_slice *slice)
{
    if (slice->queued)
        g_ptr_array_remove_fast(cache->dirty, slice);
    if (cache->last == slice)
        cache->last = NULL;
    g_queue_unlink(&cache->lru, &slice->lru);
    g_hash_table_remove(cache->slices, &slice->offset);
}

/* Makes room for one more, if something can go. */
static void evict(struct qcow2_cache *cache)
{
    GList *link = cache->lru.tail;
    unsigned tries = 64; /* dirty ones are moved to the front, so that they are not met each time */

    while (link && g_hash_table_size(cache->slices) >= cache->limit && tries--) {
        struct qcow2_slice *slice = link->data;

        link = link->prev;
        if (slice->queued || slice->writing) {
            g_queue_unlink(&cache->lru, &slice->lru);
            g_queue_push_head_link(&cache->lru, &slice->lru);
        } else {
            slice_drop(cache, slice);
        }
    }
}

int vemu__qcow2_cache_get(struct qcow2_cache *cache, struct vemu_image *file, uint64_t offset,
                          bool fresh, struct qcow2_slice **ret)
{
    struct qcow2_slice *slice = cache->last;
    int r;

    if (!slice || slice->offset != offset)
        slice = g_hash_table_lookup(cache->slices, &offset);
    if (slice && !fresh) {
        if (cache->lru.head != &slice->lru) {
            g_queue_unlink(&cache->lru, &slice->lru);
            g_queue_push_head_link(&cache->lru, &slice->lru);
        }
        *ret = cache->last = slice;
        return 0;
    }
    if (!slice) {
        evict(cache);
        slice = g_new0(struct qcow2_slice, 1);
        slice->offset = offset;
        slice->lru.data = slice;
        slice->data = vemu__qcow2_buffer(cache->slice_size);
        if (!slice->data) {
            g_free(slice);
            return -ENOMEM;
        }
        if (!fresh) {
            r = vemu__qcow2_file_read(file, offset, slice->data, cache->slice_size);
            if (r < 0) {
                slice_free(slice);
                return r;
            }
        }
        g_hash_table_insert(cache->slices, &slice->offset, slice);
        g_queue_push_head_link(&cache->lru, &slice->lru);
    }
    if (fresh) {
        memset(slice->data, 0, cache->slice_size);
        vemu__qcow2_cache_dirty(cache, slice, 0, cache->slice_size);
    }
    *ret = cache->last = slice;
    return 0;
}

void vemu__qcow2_cache_dirty(struct qcow2_cache *cache, struct qcow2_slice *slice, uint32_t from,
                             uint32_t to)
{
    if (!slice->queued) {
        slice->queued = true;
        slice->dirty_from = from;
        slice->dirty_to = to;
        g_ptr_array_add(cache->dirty, slice);
        return;
    }
    slice->dirty_from = MIN(slice->dirty_from, from);
    slice->dirty_to = MAX(slice->dirty_to, to);
}

void vemu__qcow2_cache_forget(struct qcow2_cache *cache, uint64_t offset, uint64_t bytes)
{
    for (uint64_t at = offset; at < offset + bytes; at += cache->slice_size) {
        struct qcow2_slice *slice = g_hash_table_lookup(cache->slices, &at);

        if (slice)
            slice_drop(cache, slice);
    }
}

void vemu__qcow2_cache_empty(struct qcow2_cache *cache)
{
    g_hash_table_remove_all(cache->slices);
    g_queue_init(&cache->lru);
    g_ptr_array_set_size(cache->dirty, 0);
    cache->last = NULL;
}
