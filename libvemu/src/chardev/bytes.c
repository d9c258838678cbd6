/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bounded byte queue that costs memory only while it holds something.
 */
#include "chardev/bytes.h"

#include <glib.h>
#include <string.h>

void vemu__bytes_init(struct vemu_bytes *bytes, size_t limit)
{
    memset(bytes, 0, sizeof(*bytes));
    bytes->limit = limit;
}

size_t vemu__bytes_put(struct vemu_bytes *bytes, const void *buf, size_t size)
{
    size_t tail, first;

    size = MIN(size, bytes->limit - bytes->used);
    if (size == 0)
        return 0;
    if (!bytes->data)
        bytes->data = g_malloc(bytes->limit);
    tail = (bytes->head + bytes->used) % bytes->limit;
    first = MIN(size, bytes->limit - tail);
    memcpy(bytes->data + tail, buf, first);
    memcpy(bytes->data, (const uint8_t *)buf + first, size - first);
    bytes->used += size;
    return size;
}

size_t vemu__bytes_peek(const struct vemu_bytes *bytes, const uint8_t **ret)
{
    *ret = bytes->data ? bytes->data + bytes->head : NULL;
    return MIN(bytes->used, bytes->limit - bytes->head);
}

void vemu__bytes_drop(struct vemu_bytes *bytes, size_t size)
{
    bytes->head = (bytes->head + size) % bytes->limit;
    bytes->used -= size;
    if (!bytes->used)
        vemu__bytes_clear(bytes);
}

size_t vemu__bytes_take(struct vemu_bytes *bytes, void *buf, size_t size)
{
    size_t taken = 0, n;
    const uint8_t *data;

    while (taken < size && bytes->used) {
        n = MIN(vemu__bytes_peek(bytes, &data), size - taken);
        memcpy((uint8_t *)buf + taken, data, n);
        vemu__bytes_drop(bytes, n);
        taken += n;
    }
    return taken;
}

void vemu__bytes_clear(struct vemu_bytes *bytes)
{
    g_clear_pointer(&bytes->data, g_free);
    bytes->head = 0;
    bytes->used = 0;
}
