/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xz and lzma payloads, through liblzma.
 */
#include <errno.h>

#include <glib.h>
#include <lzma.h>

#include "boot/codec.h"

struct lzma {
    struct vemu_codec_input *in;
    lzma_stream z;
    bool ended;
};

static int lzma_open_with(struct vemu_codec_input *in, bool alone, void **ret_state)
{
    struct lzma *l = g_try_new0(struct lzma, 1);
    lzma_ret r;

    if (!l) {
        return -ENOMEM;
    }
    l->in = in;
    l->z = (lzma_stream)LZMA_STREAM_INIT;
    r = alone ? lzma_alone_decoder(&l->z, VEMU_CODEC_MEMORY_LIMIT)
              : lzma_stream_decoder(&l->z, VEMU_CODEC_MEMORY_LIMIT, 0);
    if (r != LZMA_OK) {
        g_free(l);
        return -ENOMEM;
    }
    *ret_state = l;
    return 0;
}

static int xz_open(struct vemu_codec_input *in, void **ret_state)
{
    return lzma_open_with(in, false, ret_state);
}

static int lzma_open(struct vemu_codec_input *in, void **ret_state)
{
    return lzma_open_with(in, true, ret_state);
}

static ssize_t lzma_read(void *state, void *buf, size_t size)
{
    struct lzma *l = state;

    l->z.next_out = buf;
    l->z.avail_out = size;
    while (!l->ended && l->z.avail_out == size) {
        int r = vemu__codec_fill(l->in);

        bool dry = r == 0; /* there may still be output that the last call had no room for */

        if (r < 0) {
            return r;
        }
        l->z.next_in = l->in->buf + l->in->pos;
        l->z.avail_in = l->in->len - l->in->pos;
        switch (lzma_code(&l->z, LZMA_RUN)) {
        case LZMA_OK:
            if (dry && l->z.avail_out == size) {
                return -ENODATA;
            }
            break;
        case LZMA_STREAM_END: l->ended = true; break;
        case LZMA_MEM_ERROR:
        case LZMA_MEMLIMIT_ERROR: return -ENOMEM;
        case LZMA_BUF_ERROR: return -ENODATA;
        default: return -EBADMSG;
        }
        l->in->pos = l->in->len - l->z.avail_in;
    }
    return (ssize_t)(size - l->z.avail_out);
}

static void lzma_close(void *state)
{
    struct lzma *l = state;

    lzma_end(&l->z);
    g_free(l);
}

const struct vemu_codec vemu__codec_xz = {
    .name = "xz",
    .magic = { 0xfd, '7', 'z', 'X', 'Z', 0 },
    .magic_size = 6,
    .open = xz_open,
    .read = lzma_read,
    .close = lzma_close,
};

const struct vemu_codec vemu__codec_lzma = {
    .name = "lzma",
    .magic = { 0x5d, 0, 0 }, /* lc=3 lp=0 pb=2, dictionary of whole 64 KiB: what lzma(1) writes */
    .magic_size = 3,
    .open = lzma_open,
    .read = lzma_read,
    .close = lzma_close,
};
