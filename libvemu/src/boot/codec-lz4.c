/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lz4 payloads in the legacy frame format that the Linux build uses ("lz4 -l").
 *
 * The format is a magic number and blocks of 8 MiB, each with its compressed size in front. A block
 * is decompressed straight into the caller's buffer when that has room for all of it, and into a
 * block of our own otherwise. Both blocks are mapped and unmapped, so that the heap does not keep
 * their 16 MiB.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <glib.h>
#include <lz4.h>

#include "boot/codec.h"

#define BLOCK_SIZE (8u << 20)
#define MAGIC      0x184c2102u

struct lz4 {
    struct vemu_codec_input *in;
    uint8_t *packed, *block; /* parts of `map` */
    void *map;
    size_t map_size, packed_size;
    size_t pos, len; /* block[pos..len) is not yet delivered */
};

static int lz4_open(struct vemu_codec_input *in, void **ret_state)
{
    struct lz4 *l = g_try_new0(struct lz4, 1);
    uint32_t magic;
    int r;

    if (!l) {
        return -ENOMEM;
    }
    l->in = in;
    l->packed_size = (size_t)LZ4_compressBound(BLOCK_SIZE);
    l->map_size = l->packed_size + BLOCK_SIZE;
    l->map = mmap(NULL, l->map_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    r = l->map == MAP_FAILED ? -ENOMEM : vemu__codec_take(in, &magic, sizeof(magic));
    if (r < 0) {
        if (l->map != MAP_FAILED) {
            munmap(l->map, l->map_size);
        }
        g_free(l);
        return r;
    }
    l->block = l->map;
    l->packed = l->block + BLOCK_SIZE;
    *ret_state = l;
    return 0;
}

static ssize_t lz4_read(void *state, void *buf, size_t size)
{
    struct lz4 *l = state;

    while (l->pos == l->len) {
        uint32_t packed;
        uint8_t *to = size >= BLOCK_SIZE ? buf : l->block;
        int r;

        if (l->in->left == 0 && l->in->pos == l->in->len) {
            return 0;
        }
        r = vemu__codec_take(l->in, &packed, sizeof(packed));
        if (r < 0) {
            return r;
        }
        packed = GUINT32_FROM_LE(packed);
        if (packed == MAGIC) {
            continue; /* frames may be concatenated */
        }
        if (packed == 0 || packed > l->packed_size) {
            return -EBADMSG;
        }
        r = vemu__codec_take(l->in, l->packed, packed);
        if (r < 0) {
            return r;
        }
        r = LZ4_decompress_safe((char *)l->packed, (char *)to, (int)packed, BLOCK_SIZE);
        if (r <= 0) {
            return -EBADMSG;
        }
        if (to == buf) {
            return r;
        }
        l->pos = 0;
        l->len = (size_t)r;
    }
    size = MIN(size, l->len - l->pos);
    memcpy(buf, l->block + l->pos, size);
    l->pos += size;
    return (ssize_t)size;
}

static void lz4_close(void *state)
{
    struct lz4 *l = state;

    munmap(l->map, l->map_size);
    g_free(l);
}

const struct vemu_codec vemu__codec_lz4 = {
    .name = "lz4",
    .magic = { 0x02, 0x21, 0x4c, 0x18 },
    .magic_size = 4,
    .open = lz4_open,
    .read = lz4_read,
    .close = lz4_close,
};
