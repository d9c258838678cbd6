/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading compressed clusters: raw deflate with a window of 4 KiB, or zstd.
 *
 * A cluster is given exactly its size of room, so that data which would expand without end stops
 * there; what is behind the data in its last sector belongs to others and is ignored.
 */
#include <errno.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

#include "image/qcow2/qcow2.h"

void vemu__qcow2_compressed_place(const struct qcow2 *s, uint64_t entry, uint64_t *ret_offset,
                                  uint32_t *ret_bytes)
{
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t offset = entry & ((1ull << shift) - 1) & ((1ull << 56) - 1);
    uint64_t sectors = (entry >> shift & ((1ull << (s->cluster_bits - 8)) - 1)) + 1;

    *ret_offset = offset;
    *ret_bytes = (uint32_t)(sectors * IMAGE_SECTOR - (offset & (IMAGE_SECTOR - 1)));
}

static int inflate_zlib(const uint8_t *from, uint32_t bytes, uint8_t *to, uint32_t size)
{
    z_stream stream = {
        .next_in = (Bytef *)from, .avail_in = bytes, .next_out = to, .avail_out = size
    };
    int r;

    if (inflateInit2(&stream, -12) != Z_OK)
        return -ENOMEM;
    r = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    /* Room full before the end of the stream is fine: a cluster is all that is wanted. */
    return (r == Z_STREAM_END || r == Z_BUF_ERROR) && stream.avail_out == 0 ? 0 : -EIO;
}

static int inflate_zstd(const uint8_t *from, uint32_t bytes, uint8_t *to, uint32_t size)
{
    ZSTD_inBuffer in = { .src = from, .size = bytes };
    ZSTD_outBuffer out = { .dst = to, .size = size };
    ZSTD_DCtx *context = ZSTD_createDCtx();
    size_t r, before;

    if (!context)
        return -ENOMEM;
    do {
        before = in.pos + out.pos;
        r = ZSTD_decompressStream(context, &out, &in);
    } while (!ZSTD_isError(r) && out.pos < size && r != 0 && in.pos + out.pos > before);
    ZSTD_freeDCtx(context);
    return !ZSTD_isError(r) && out.pos == size ? 0 : -EIO;
}

int vemu__qcow2_inflate(struct qcow2 *s, uint64_t entry, uint8_t *ret)
{
    uint64_t offset;
    uint32_t bytes;
    uint8_t *packed;
    int r;

    vemu__qcow2_compressed_place(s, entry, &offset, &bytes);
    packed = vemu__qcow2_buffer(bytes);
    if (!packed)
        return -ENOMEM;
    r = vemu__qcow2_file_read(s->image.file, offset, packed, bytes);
    if (r == 0)
        r = s->header.compression == QCOW2_ZSTD ? inflate_zstd(packed, bytes, ret, s->cluster_size)
                                                : inflate_zlib(packed, bytes, ret, s->cluster_size);
    free(packed);
    return r;
}
