/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output into a ring in memory, from which the application reads; the oldest goes first when it is
 * full.
 */
#include <errno.h>
#include <glib.h>

#include "chardev/backend.h"

struct ring {
    struct vemu_chardev chr;
    uint64_t size;
    struct vemu_bytes bytes; /* chr.lock */
};

static int ring_open(struct vemu_chardev *chr, struct vemu_error **err)
{
    struct ring *ring = (struct ring *)chr;

    if (ring->size == 0 || ring->size > (64u << 20))
        return vemu__error_set(
            err, EINVAL, "property 'size': %" G_GUINT64_FORMAT " is not from 1 to 64M", ring->size);
    vemu__bytes_init(&ring->bytes, ring->size);
    vemu__chardev_set_open(chr, true);
    vemu__chardev_set_filename(chr, "ringbuf");
    return 0;
}

static ssize_t ring_write(struct vemu_chardev *chr, const void *buf, size_t size)
{
    struct ring *ring = (struct ring *)chr;
    const uint8_t *bytes = buf;
    size_t keep = MIN(size, ring->bytes.limit);
    size_t room = ring->bytes.limit - ring->bytes.used;

    if (keep > room)
        vemu__bytes_drop(&ring->bytes, keep - room);
    vemu__bytes_put(&ring->bytes, bytes + size - keep, keep);
    return (ssize_t)size;
}

size_t vemu__chardev_ring_read(struct vemu_chardev *chr, void *buf, size_t size)
{
    struct ring *ring = (struct ring *)chr;
    size_t taken;

    pthread_mutex_lock(&chr->lock);
    taken = vemu__bytes_take(&ring->bytes, buf, size);
    pthread_mutex_unlock(&chr->lock);
    return taken;
}

static void ring_fini(struct vemu_chardev *chr)
{
    vemu__bytes_clear(&((struct ring *)chr)->bytes);
}

static const struct vemu_prop ring_props[] = {
    VEMU_PROP(struct ring, size, "size", SIZE, "64K", "bytes of output that are kept"),
    VEMU_CHARDEV_PROPS,
};

const struct vemu_chardev_class vemu__chardev_ring = {
    .base = {
        .name = "ring",
        .summary = "Keeps the last output in memory for vemu_chardev_read()",
        .instance_size = sizeof(struct ring),
        .props = ring_props,
    },
    .open = ring_open,
    .write = ring_write,
    .fini = ring_fini,
};
