/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bounded byte queue that costs memory only while it holds something.
 */
#ifndef VEMU_CHARDEV_BYTES_H
#define VEMU_CHARDEV_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct vemu_bytes {
    uint8_t *data; /* NULL while empty */
    size_t limit, head, used;
};

void vemu__bytes_init(struct vemu_bytes *bytes, size_t limit);
/* Appends as much as fits; returns how much. */
size_t vemu__bytes_put(struct vemu_bytes *bytes, const void *buf, size_t size);
/* The oldest bytes that lie in one piece. */
size_t vemu__bytes_peek(const struct vemu_bytes *bytes, const uint8_t **ret);
void vemu__bytes_drop(struct vemu_bytes *bytes, size_t size);
/* Copies the oldest `size` bytes or less into buf and drops them; returns how many. */
size_t vemu__bytes_take(struct vemu_bytes *bytes, void *buf, size_t size);
void vemu__bytes_clear(struct vemu_bytes *bytes);

#endif
