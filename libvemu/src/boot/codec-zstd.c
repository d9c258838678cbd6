/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * zstd payloads (RFC 8878), through libzstd.
 */
#include <errno.h>

#include <glib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "boot/codec.h"

#define WINDOW_LOG_MAX 27 /* 128 MiB: what "zstd -22 --ultra" in the Linux build may use */

struct zstd {
    struct vemu_codec_input *in;
    ZSTD_DCtx *z;
    bool ended;
};

static int zstd_open(struct vemu_codec_input *in, void **ret_state)
{
    struct zstd *s = g_try_new0(struct zstd, 1);

    if (!s) {
        return -ENOMEM;
    }
    s->in = in;
    s->z = ZSTD_createDCtx();
    if (!s->z) {
        g_free(s);
        return -ENOMEM;
    }
    ZSTD_DCtx_setParameter(s->z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    *ret_state = s;
    return 0;
}

static ssize_t zstd_read(void *state, void *buf, size_t size)
{
    struct zstd *s = state;
    ZSTD_outBuffer out = { .dst = buf, .size = size };

    while (!s->ended && out.pos == 0) {
        ZSTD_inBuffer in;
        size_t hint;
        int r = vemu__codec_fill(s->in);

        if (r < 0) {
            return r;
        }
        /* Without input there may still be output that the last call had no room for. */
        in = (ZSTD_inBuffer){ .src = s->in->buf + s->in->pos, .size = s->in->len - s->in->pos };
        hint = ZSTD_decompressStream(s->z, &out, &in);
        s->in->pos += in.pos;
        if (ZSTD_isError(hint)) {
            ZSTD_ErrorCode code = ZSTD_getErrorCode(hint);

            return code == ZSTD_error_memory_allocation ||
                           code == ZSTD_error_frameParameter_windowTooLarge
                       ? -ENOMEM
                       : -EBADMSG;
        }
        if (hint == 0) {
            s->ended = true; /* the frame is complete and flushed */
        } else if (r == 0 && out.pos == 0) {
            return -ENODATA;
        }
    }
    return (ssize_t)out.pos;
}

static void zstd_close(void *state)
{
    struct zstd *s = state;

    ZSTD_freeDCtx(s->z);
    g_free(s);
}

const struct vemu_codec vemu__codec_zstd = {
    .name = "zstd",
    .magic = { 0x28, 0xb5, 0x2f, 0xfd },
    .magic_size = 4,
    .open = zstd_open,
    .read = zstd_read,
    .close = zstd_close,
};
