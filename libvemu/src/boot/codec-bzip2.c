/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bzip2 payloads, through libbz2.
 */
#include <errno.h>
#include <limits.h>

#include <bzlib.h>
#include <glib.h>

#include "boot/codec.h"

struct bzip2 {
    struct vemu_codec_input *in;
    bz_stream z;
    bool ended;
};

static int bzip2_open(struct vemu_codec_input *in, void **ret_state)
{
    struct bzip2 *b = g_try_new0(struct bzip2, 1);

    if (!b) {
        return -ENOMEM;
    }
    b->in = in;
    if (BZ2_bzDecompressInit(&b->z, 0, 0) != BZ_OK) {
        g_free(b);
        return -ENOMEM;
    }
    *ret_state = b;
    return 0;
}

static ssize_t bzip2_read(void *state, void *buf, size_t size)
{
    struct bzip2 *b = state;

    size = MIN(size, (size_t)INT_MAX);
    b->z.next_out = buf;
    b->z.avail_out = (unsigned)size;
    while (!b->ended && b->z.avail_out == size) {
        int r = vemu__codec_fill(b->in);

        bool dry = r == 0; /* there may still be output that the last call had no room for */

        if (r < 0) {
            return r;
        }
        b->z.next_in = (char *)b->in->buf + b->in->pos;
        b->z.avail_in = (unsigned)(b->in->len - b->in->pos);
        r = BZ2_bzDecompress(&b->z);
        b->in->pos = b->in->len - b->z.avail_in;
        if (r == BZ_STREAM_END) {
            b->ended = true;
        } else if (dry && r == BZ_OK && b->z.avail_out == size) {
            return -ENODATA;
        } else if (r == BZ_MEM_ERROR) {
            return -ENOMEM;
        } else if (r != BZ_OK) {
            return -EBADMSG;
        }
    }
    return (ssize_t)(size - b->z.avail_out);
}

static void bzip2_close(void *state)
{
    struct bzip2 *b = state;

    BZ2_bzDecompressEnd(&b->z);
    g_free(b);
}

const struct vemu_codec vemu__codec_bzip2 = {
    .name = "bzip2",
    .magic = { 'B', 'Z', 'h' },
    .magic_size = 3,
    .open = bzip2_open,
    .read = bzip2_read,
    .close = bzip2_close,
};
