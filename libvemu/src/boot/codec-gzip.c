/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gzip payloads (RFC 1952), through zlib.
 */
#include <errno.h>
#include <limits.h>

#include <glib.h>
#include <zlib.h>

#include "boot/codec.h"

struct gzip {
    struct vemu_codec_input *in;
    z_stream z;
    bool ended;
};

static int gzip_open(struct vemu_codec_input *in, void **ret_state)
{
    struct gzip *g = g_try_new0(struct gzip, 1);

    if (!g) {
        return -ENOMEM;
    }
    g->in = in;
    if (inflateInit2(&g->z, 15 + 16) != Z_OK) { /* 15: largest window, 16: gzip wrapper */
        g_free(g);
        return -ENOMEM;
    }
    *ret_state = g;
    return 0;
}

static ssize_t gzip_read(void *state, void *buf, size_t size)
{
    struct gzip *g = state;

    size = MIN(size, (size_t)INT_MAX);
    g->z.next_out = buf;
    g->z.avail_out = (uInt)size;
    while (!g->ended && g->z.avail_out == size) {
        int r = vemu__codec_fill(g->in);

        bool dry = r == 0; /* there may still be output that the last call had no room for */

        if (r < 0) {
            return r;
        }
        g->z.next_in = g->in->buf + g->in->pos;
        g->z.avail_in = (uInt)(g->in->len - g->in->pos);
        r = inflate(&g->z, Z_NO_FLUSH);
        g->in->pos = g->in->len - g->z.avail_in;
        if (r == Z_STREAM_END) {
            g->ended = true;
        } else if (dry && g->z.avail_out == size) {
            return -ENODATA;
        } else if (r == Z_MEM_ERROR) {
            return -ENOMEM;
        } else if (r != Z_OK) {
            return -EBADMSG;
        }
    }
    return (ssize_t)(size - g->z.avail_out);
}

static void gzip_close(void *state)
{
    struct gzip *g = state;

    inflateEnd(&g->z);
    g_free(g);
}

const struct vemu_codec vemu__codec_gzip = {
    .name = "gzip",
    .magic = { 0x1f, 0x8b },
    .magic_size = 2,
    .open = gzip_open,
    .read = gzip_read,
    .close = gzip_close,
};
