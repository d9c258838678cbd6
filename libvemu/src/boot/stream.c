/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams over image files: codec choice, reading exactly, positions and limits.
 */
#include "boot/stream.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "boot/codec.h"

struct vemu_stream {
    const struct vemu_codec *codec;
    void *state;
    struct vemu_codec_input input;
    uint64_t start, position, limit;
    bool ended;
};

#define INPUT_BUFFER 65536

int vemu__codec_fill(struct vemu_codec_input *in)
{
    size_t n = INPUT_BUFFER;
    int r;

    if (in->pos < in->len) {
        return 1;
    }
    if (!in->left) {
        return 0;
    }
    if (n > in->left) {
        n = (size_t)in->left;
    }
    r = vemu__boot_file_read(in->file, in->offset, in->buf, n);
    if (r < 0) {
        return r;
    }
    in->offset += n;
    in->left -= n;
    in->pos = 0;
    in->len = n;
    return 1;
}

int vemu__codec_take(struct vemu_codec_input *in, void *buf, size_t size)
{
    uint8_t *at = buf;
    size_t have = MIN(in->len - in->pos, size);
    int r;

    memcpy(at, in->buf + in->pos, have);
    in->pos += have;
    at += have;
    size -= have;
    if (!size) {
        return 0;
    }
    if (size > in->left) {
        return -ENODATA;
    }
    r = vemu__boot_file_read(in->file, in->offset, at, size);
    if (r < 0) {
        return r;
    }
    in->offset += size;
    in->left -= size;
    return 0;
}

static int stream_new(const struct vemu_boot_file *file, uint64_t offset, uint64_t size,
                      const struct vemu_codec *codec, uint64_t limit, struct vemu_stream **ret)
{
    struct vemu_stream *s;
    int r;

    if (offset > file->size || size > file->size - offset) {
        return -ENODATA;
    }
    s = g_try_new0(struct vemu_stream, 1);
    if (!s) {
        return -ENOMEM;
    }
    s->codec = codec;
    s->limit = limit;
    s->start = offset;
    s->input = (struct vemu_codec_input){ .file = file, .offset = offset, .left = size };
    if (codec) {
        s->input.buf = g_try_malloc(INPUT_BUFFER);
        r = s->input.buf ? codec->open(&s->input, &s->state) : -ENOMEM;
        if (r < 0) {
            g_free(s->input.buf);
            g_free(s);
            return r;
        }
    }
    *ret = s;
    return 0;
}

int vemu__stream_open_raw(const struct vemu_boot_file *file, uint64_t offset, uint64_t size,
                          struct vemu_stream **ret)
{
    return stream_new(file, offset, size, NULL, size, ret);
}

int vemu__stream_open_compressed(const struct vemu_boot_file *file, uint64_t offset, uint64_t size,
                                 uint64_t limit, struct vemu_stream **ret, struct vemu_error **err)
{
    static const struct vemu_codec *const codecs[] = {
        &vemu__codec_gzip, &vemu__codec_bzip2, &vemu__codec_xz,
        &vemu__codec_lzma, &vemu__codec_lz4,   &vemu__codec_zstd,
    };
    uint8_t magic[8] = { 0 };
    int r = vemu__boot_file_read(file, offset, magic, (size_t)MIN(size, sizeof(magic)));

    if (r < 0) {
        return vemu__error_set(err, -r, "kernel '%s' %s", file->path, vemu__stream_strerror(r));
    }
    if (memcmp(magic, "\177ELF", 4) == 0) {
        r = stream_new(file, offset, size, NULL, size, ret);
        return r < 0 ? vemu__error_set(err, -r, "kernel '%s': no memory", file->path) : 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
        if (memcmp(magic, codecs[i]->magic, codecs[i]->magic_size) == 0) {
            r = stream_new(file, offset, size, codecs[i], limit, ret);
            if (r < 0) {
                return vemu__error_set(err, -r, "kernel '%s': cannot set up the %s decoder: %s",
                                       file->path, codecs[i]->name, g_strerror(-r));
            }
            return 0;
        }
    }
    return vemu__error_set(
        err, ENOEXEC,
        "kernel '%s': its payload begins with %02x %02x %02x %02x, which is%s none "
        "of gzip, bzip2, xz, lzma, lz4, zstd or ELF",
        file->path, magic[0], magic[1], magic[2], magic[3],
        memcmp(magic, "\x89LZO", 4) == 0 ? " LZO," : "");
}

void vemu__stream_close(struct vemu_stream *stream)
{
    if (!stream) {
        return;
    }
    if (stream->codec) {
        stream->codec->close(stream->state);
    }
    g_free(stream->input.buf);
    g_free(stream);
}

const char *vemu__stream_name(const struct vemu_stream *stream)
{
    return stream->codec ? stream->codec->name : "uncompressed";
}

uint64_t vemu__stream_position(const struct vemu_stream *stream)
{
    return stream->position;
}

/* Up to `size` bytes; 0 at the end. */
static ssize_t stream_read_some(struct vemu_stream *s, void *buf, size_t size)
{
    ssize_t n;

    if (!s->codec) {
        size = (size_t)MIN((uint64_t)size, s->input.left);
        n = size ? vemu__boot_file_read(s->input.file, s->input.offset, buf, size) : 0;
        if (n < 0) {
            return n;
        }
        s->input.offset += size;
        s->input.left -= size;
        s->position += size;
        return (ssize_t)size;
    }
    if (s->ended) {
        return 0;
    }
    if (s->position >= s->limit) {
        uint8_t extra;

        n = s->codec->read(s->state, &extra, 1); /* at the limit: only the end may follow */
        s->ended = n == 0;
        return n > 0 ? -EFBIG : n;
    }
    size = (size_t)MIN((uint64_t)size, s->limit - s->position);
    n = s->codec->read(s->state, buf, size);
    if (n > 0) {
        s->position += (uint64_t)n;
    } else if (n == 0) {
        s->ended = true;
    }
    return n;
}

int vemu__stream_read(struct vemu_stream *stream, void *buf, size_t size)
{
    uint8_t *at = buf;

    while (size) {
        ssize_t n = stream_read_some(stream, at, size);

        if (n <= 0) {
            return n < 0 ? (int)n : -ENODATA;
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static int stream_discard(struct vemu_stream *s, uint64_t size, bool to_end)
{
    g_autofree uint8_t *scratch = g_try_malloc(INPUT_BUFFER);

    if (!scratch) {
        return -ENOMEM;
    }
    while (size) {
        ssize_t n = stream_read_some(s, scratch, (size_t)MIN(size, (uint64_t)INPUT_BUFFER));

        if (n <= 0) {
            return n < 0 ? (int)n : to_end ? 0 : -ENODATA;
        }
        size -= (uint64_t)n;
    }
    return 0;
}

int vemu__stream_seek(struct vemu_stream *stream, uint64_t position)
{
    if (!stream->codec) {
        if (position > stream->limit) {
            return -ENODATA;
        }
        stream->position = position;
        stream->input.offset = stream->start + position;
        stream->input.left = stream->limit - position;
        return 0;
    }
    if (position < stream->position) {
        return -ESPIPE;
    }
    return stream_discard(stream, position - stream->position, false);
}

int vemu__stream_drain(struct vemu_stream *stream, uint64_t *ret_total)
{
    int r = 0;

    if (!stream->codec) {
        stream->position = stream->limit;
    } else {
        r = stream_discard(stream, UINT64_MAX, true);
    }
    *ret_total = stream->position;
    return r;
}

const char *vemu__stream_strerror(int result)
{
    switch (result) {
    case -ENODATA: return "is truncated";
    case -EBADMSG: return "is corrupt";
    case -EFBIG: return "decompresses to more than it says";
    case -ESPIPE: return "has segments out of order in its compressed payload";
    case -ENOMEM: return "needs more memory to be decompressed than there is";
    default: return "cannot be read";
    }
}
