/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams: every codec whole, in small pieces, truncated, corrupted, too long.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../devices/suite.h"
#include "boot/stream.h"
#include "images.h"

#define LARGE ((size_t)9 << 20)

/* More than one block of lz4; less where compressing takes its time. */
static size_t size_for(int codec)
{
    return codec == IMAGE_LZ4 ? LARGE : 500000;
}

struct source {
    struct vemu_boot_file file;
    int fd;
};

static void source_open(struct source *s, const GByteArray *data)
{
    g_autofree char *path = image_file(data, &s->fd);

    ck_assert_int_eq(vemu__boot_file_open(path, "kernel", &s->file, NULL), 0);
}

static void source_close(struct source *s)
{
    vemu__boot_file_close(&s->file);
    close(s->fd);
}

static struct vemu_stream *open_all(struct source *s, uint64_t limit)
{
    struct vemu_stream *stream = NULL;
    struct vemu_error *err = NULL;
    int r = vemu__stream_open_compressed(&s->file, 0, s->file.size, limit, &stream, &err);

    ck_assert_msg(r == 0, "%s", err ? vemu_error_message(err) : "?");
    return stream;
}

START_TEST(test_whole)
{
    g_autoptr(GByteArray) data = image_noise(LARGE);
    g_autofree uint8_t *buf = g_malloc(LARGE);
    uint64_t total;

    memcpy(data->data, "\177ELF", 4); /* so that "uncompressed" is recognized too */
    for (int codec = 0; codec < IMAGE_CODECS; codec++) {
        const size_t size = size_for(codec);
        g_autoptr(GByteArray) packed = NULL;
        struct vemu_stream *stream;
        struct source s;

        data->len = (guint)size; /* all of it is there */
        packed = image_compress(codec, data);
        source_open(&s, packed);
        stream = open_all(&s, size);
        ck_assert_str_eq(vemu__stream_name(stream), image_codec_name(codec));
        ck_assert_int_eq(vemu__stream_read(stream, buf, size), 0);
        ck_assert_mem_eq(buf, data->data, size);
        ck_assert_int_eq(vemu__stream_drain(stream, &total), 0);
        ck_assert_uint_eq(total, size);
        vemu__stream_close(stream);
        source_close(&s);
    }
}
END_TEST

START_TEST(test_pieces_and_seek)
{
    g_autoptr(GByteArray) data = image_noise(LARGE);
    g_autofree uint8_t *buf = g_malloc(LARGE);

    for (int codec = IMAGE_GZIP; codec < IMAGE_CODECS; codec++) {
        const size_t size = size_for(codec);
        g_autoptr(GByteArray) packed = NULL;
        struct vemu_stream *stream;
        struct source s;
        size_t at = 0, step = 1;

        data->len = (guint)size; /* all of it is there */
        packed = image_compress(codec, data);
        source_open(&s, packed);
        stream = open_all(&s, size);
        while (at < 200000) {
            ck_assert_int_eq(vemu__stream_read(stream, buf, step), 0);
            ck_assert_mem_eq(buf, data->data + at, step);
            at += step;
            step = step * 3 % 7919 + 1;
        }
        ck_assert_int_eq(vemu__stream_seek(stream, at + 200000), 0);
        ck_assert_uint_eq(vemu__stream_position(stream), at + 200000);
        ck_assert_int_eq(vemu__stream_read(stream, buf, 1000), 0);
        ck_assert_mem_eq(buf, data->data + at + 200000, 1000);
        ck_assert_int_eq(vemu__stream_seek(stream, 5), -ESPIPE);
        ck_assert_int_eq(vemu__stream_seek(stream, size + 1), -ENODATA);
        vemu__stream_close(stream);
        source_close(&s);
    }
}
END_TEST

START_TEST(test_truncated)
{
    g_autoptr(GByteArray) data = image_noise(300000);
    g_autofree uint8_t *buf = g_malloc(300000);
    uint64_t total;

    for (int codec = IMAGE_GZIP; codec < IMAGE_CODECS; codec++) {
        g_autoptr(GByteArray) packed = image_compress(codec, data);
        guint full = packed->len;

        for (guint cut = 8; cut < full; cut += 1 + full / 40) {
            struct vemu_stream *stream;
            struct source s;
            int r;

            g_byte_array_set_size(packed, full);
            packed->len = cut;
            source_open(&s, packed);
            packed->len = full;
            stream = open_all(&s, 300000);
            r = vemu__stream_read(stream, buf, 300000);
            if (r == 0) {
                r = vemu__stream_drain(stream, &total);
            }
            ck_assert_msg(r == -ENODATA || r == -EBADMSG, "%s cut at %u of %u: %d",
                          image_codec_name(codec), cut, full, r);
            vemu__stream_close(stream);
            source_close(&s);
        }
    }
}
END_TEST

START_TEST(test_corrupt)
{
    g_autoptr(GByteArray) data = image_noise(300000);
    g_autofree uint8_t *buf = g_malloc(300000);
    uint64_t total = 0;

    for (int codec = IMAGE_GZIP; codec < IMAGE_CODECS; codec++) {
        g_autoptr(GByteArray) packed = image_compress(codec, data);
        unsigned found = 0, tried = 0;

        for (guint at = 20; at < packed->len; at += packed->len / 50) {
            struct vemu_stream *stream;
            struct source s;
            int r;

            packed->data[at] ^= 0x55;
            source_open(&s, packed);
            packed->data[at] ^= 0x55;
            stream = open_all(&s, 300000);
            r = vemu__stream_read(stream, buf, 300000);
            if (r == 0) {
                r = vemu__stream_drain(stream, &total);
            }
            tried++;
            found += r < 0 || total != 300000;
            vemu__stream_close(stream);
            source_close(&s);
        }
        /* lz4, lzma and this zstd have no checksum: they must only survive. */
        if (codec == IMAGE_GZIP || codec == IMAGE_BZIP2 || codec == IMAGE_XZ) {
            ck_assert_msg(found == tried, "%s: %u of %u found", image_codec_name(codec), found,
                          tried);
        }
    }
}
END_TEST

START_TEST(test_limit)
{
    g_autoptr(GByteArray) data = image_noise(300000);
    g_autofree uint8_t *buf = g_malloc(300000);
    uint64_t total;

    for (int codec = IMAGE_GZIP; codec < IMAGE_CODECS; codec++) {
        g_autoptr(GByteArray) packed = image_compress(codec, data);
        struct vemu_stream *stream;
        struct source s;

        source_open(&s, packed);
        stream = open_all(&s, 299999);
        ck_assert_int_eq(vemu__stream_read(stream, buf, 299999), 0);
        ck_assert_int_eq(vemu__stream_drain(stream, &total), -EFBIG);
        vemu__stream_close(stream);
        source_close(&s);
    }
}
END_TEST

START_TEST(test_unknown)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    struct vemu_stream *stream = NULL;
    struct vemu_error *err = NULL;
    struct source s;

    g_byte_array_append(data, (const guint8 *)"\x89LZO\x00\x0d\x0a\x1a\x0a", 9);
    source_open(&s, data);
    ck_assert_int_eq(vemu__stream_open_compressed(&s.file, 0, 9, 100, &stream, &err), -ENOEXEC);
    ck_assert_ptr_nonnull(strstr(vemu_error_message(err), "LZO"));
    vemu_error_free(err);
    ck_assert_int_eq(vemu__stream_open_raw(&s.file, 5, 5, &stream), -ENODATA);
    source_close(&s);
}
END_TEST

SUITE_MAIN("boot-stream", test_whole, test_pieces_and_seek, test_truncated, test_corrupt,
           test_limit, test_unknown)
