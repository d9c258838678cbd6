/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Raw images in files: data, ends, zeros, holes, direct I/O, null storage.
 */
#include "image-test.h"

#include "image/image.h"

#define SIZE (1u << 20)

/* The bytes of a file as other programs see them. */
static void check_bytes(const char *path, uint64_t offset, int byte, size_t count)
{
    int fd = open(path, O_RDONLY);

    for (size_t i = 0; i < count; i++) {
        uint8_t found = 0;

        ck_assert_int_eq(pread(fd, &found, 1, (off_t)(offset + i)), 1);
        ck_assert_int_eq(found, byte);
    }
    close(fd);
}

static void check_data(uint32_t flags)
{
    char *path = make_file(SIZE);
    struct vemu_image *image = open_image(path, "raw", VEMU_IMAGE_WRITE | flags);
    g_autofree uint8_t *memory = g_malloc0(3 * 65536), *back = g_malloc0(3 * 65536);

    for (unsigned i = 0; i < 60; i++) { /* all alignments of place, length and memory */
        uint64_t offset = (i * 4096 * 7 + (i % 3) * 512 + (i % 7 == 0)) % (SIZE - 2 * 65536);
        size_t bytes = 1 + (i * 4096 + (i % 2 ? 4095 : 511)) % (2 * 65536);
        uint8_t *from = memory + (i % 5) * 512 + (i % 11 == 0);
        struct iovec iov[3] = { { back, 512 }, { back + 1000, 0 }, { back + 2000, bytes } };

        memset(from, (int)i + 1, bytes);
        ck_assert_int_eq(vemu_image_write(image, offset, from, bytes, i & 1 ? VEMU_IMAGE_FUA : 0),
                         0);
        ck_assert_int_eq(vemu_image_read(image, offset, back, bytes), 0);
        ck_assert_mem_eq(from, back, bytes);
        if (offset >= 512) {
            ck_assert_int_eq(vemu_image_readv(image, offset - 512, iov, 3), 0);
            ck_assert_mem_eq(from, back + 2000, bytes);
        }
    }
    ck_assert_int_eq(vemu_image_flush(image), 0);
    memset(memory, 0x77, 4096);
    ck_assert_int_eq(vemu_image_write(image, SIZE - 4096, memory, 4096, 0), 0);
    ck_assert_int_eq(vemu_image_close(image), 0);
    check_bytes(path, SIZE - 4096, 0x77, 4096);
    remove_file(path);
}

START_TEST(test_data)
{
    check_data(0);
}
END_TEST

START_TEST(test_direct)
{
    char *path = make_file(SIZE);
    int fd = open(path, O_RDONLY | O_DIRECT);

    if (fd >= 0) /* not all file systems have it */
        check_data(VEMU_IMAGE_DIRECT);
    close(fd);
    remove_file(path);
}
END_TEST

START_TEST(test_ranges)
{
    char *path = make_file(SIZE - 100);
    struct vemu_image *image = open_image(path, "raw", 0);
    uint8_t buf[1024];

    ck_assert_uint_eq(vemu_image_get_size(image), SIZE); /* whole sectors */
    ck_assert_int_eq(vemu_image_is_writable(image), 0);
    memset(buf, 1, sizeof(buf));
    ck_assert_int_eq(vemu_image_read(image, SIZE - 512, buf, 512), 0);
    for (unsigned i = 0; i < 512; i++)
        ck_assert_int_eq(buf[i], 0);
    ck_assert_int_eq(vemu_image_read(image, SIZE - 512, buf, 513), -EINVAL);
    ck_assert_int_eq(vemu_image_read(image, UINT64_MAX - 10, buf, 512), -EINVAL);
    ck_assert_int_eq(vemu_image_read(image, SIZE, buf, 0), 0);
    ck_assert_int_eq(vemu_image_write(image, 0, buf, 512, 0), -EROFS);
    ck_assert_int_eq(vemu_image_zero(image, 0, 512, 0), -EROFS);
    ck_assert_int_eq(vemu_image_discard(image, 0, 512), -EROFS);
    ck_assert_int_eq(vemu_image_close(image), 0);
    image = open_image(path, "raw", VEMU_IMAGE_WRITE);
    ck_assert_int_eq(vemu_image_write(image, SIZE, buf, 1, 0), -EINVAL);
    ck_assert_int_eq(vemu_image_write(image, 0, buf, 512, 1u << 20), -EINVAL);
    ck_assert_int_eq(vemu_image_zero(image, 0, 512, 1u << 20), -EINVAL);
    ck_assert_int_eq(vemu_image_write(image, 0, buf, 512, VEMU_IMAGE_COMPRESSED), -ENOTSUP);
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

static uint64_t blocks_of(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_blocks;
}

START_TEST(test_zero)
{
    char *path = make_file(SIZE);
    struct vemu_image *image =
        open_image(path, "raw", VEMU_IMAGE_WRITE | (_i ? VEMU_IMAGE_UNMAP : 0));
    g_autofree uint8_t *data = g_malloc(SIZE);
    uint64_t full;

    memset(data, 5, SIZE);
    ck_assert_int_eq(vemu_image_write(image, 0, data, SIZE, 0), 0);
    ck_assert_int_eq(vemu_image_flush(image), 0);
    full = blocks_of(path);
    ck_assert_int_eq(vemu_image_zero(image, 65536, 65536, 0), 0);
    ck_assert_uint_ge(blocks_of(path), full); /* space stays */
    ck_assert_int_eq(vemu_image_zero(image, 1u << 19, 65536, VEMU_IMAGE_MAY_UNMAP), 0);
    if (_i) /* the file system's own blocks apart */
        ck_assert_uint_le(blocks_of(path), full - 128 + 16);
    else
        ck_assert_uint_ge(blocks_of(path), full);
    ck_assert_int_eq(vemu_image_zero(image, 777, 1000, VEMU_IMAGE_FUA), 0);
    ck_assert_int_eq(vemu_image_discard(image, 0, 65536), 0);
    if (_i)
        ck_assert_uint_le(blocks_of(path), full - 256 + 16);
    else
        ck_assert_uint_ge(blocks_of(path), full);
    ck_assert_int_eq(vemu_image_close(image), 0);
    check_bytes(path, 65536, 0, 65536);
    check_bytes(path, 65536 * 2, 5, 100);
    check_bytes(path, 1u << 19, 0, 65536);
    check_bytes(path, 777, 0, 1000);
    if (!_i)
        check_bytes(path, 776, 5, 1);
    remove_file(path);
}
END_TEST

START_TEST(test_extent)
{
    char *path = make_file(SIZE);
    struct vemu_image *image = open_image(path, "raw", VEMU_IMAGE_WRITE);
    struct vemu_image_extent e = VEMU_IMAGE_EXTENT_INIT;
    g_autofree uint8_t *data = g_malloc0(65536);

    ck_assert_int_eq(vemu_image_write(image, 65536, data, 65536, 0), 0);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 0, SIZE, &e), 0);
    ck_assert_uint_eq(e.flags, VEMU_IMAGE_EXTENT_ZERO | VEMU_IMAGE_EXTENT_ALLOCATED |
                                   VEMU_IMAGE_EXTENT_OFFSET);
    ck_assert_uint_eq(e.bytes, 65536);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 65536, SIZE, &e), 0);
    ck_assert_uint_eq(e.flags, VEMU_IMAGE_EXTENT_DATA | VEMU_IMAGE_EXTENT_ALLOCATED |
                                   VEMU_IMAGE_EXTENT_OFFSET);
    ck_assert_uint_eq(e.bytes, 65536);
    ck_assert_uint_eq(e.offset, 65536);
    ck_assert_uint_eq(e.depth, 0);
    ck_assert_str_eq(e.filename, path);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 70000, 100, &e), 0);
    ck_assert_uint_eq(e.bytes, 100);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 131072, SIZE, &e), 0);
    ck_assert_uint_eq(e.bytes, SIZE - 131072);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, SIZE, 1, &e), -EINVAL);
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

/* What a format sees of its file: the end is where it wants it. */
START_TEST(test_child)
{
    char *path = make_file(1000);
    struct vemu_image *file = NULL;
    struct vemu_image_span span;
    uint8_t buf[4096];

    OK(vemu__image_open_protocol(path, VEMU_IMAGE_WRITE, NULL, 0, &file, &err));
    ck_assert_uint_eq(vemu_image_get_size(file), 1024);
    memset(buf, 9, sizeof(buf));
    ck_assert_int_eq(vemu_image_read(file, 1u << 20, buf, sizeof(buf)), 0);
    ck_assert_int_eq(buf[0] | buf[4095], 0);
    memset(buf, 9, sizeof(buf));
    ck_assert_int_eq(vemu_image_write(file, 65536, buf, 4096, 0), 0);
    ck_assert_uint_eq(vemu_image_get_size(file), 65536 + 4096);
    ck_assert_int_eq(vemu_image_zero(file, 131072, 4096, 0), 0);
    ck_assert_uint_eq(vemu_image_get_size(file), 131072 + 4096);
    ck_assert_int_eq(vemu__image_map(file, 1u << 20, 512, true, &span), 0);
    ck_assert_uint_eq(vemu_image_get_size(file), (1u << 20) + 512);
    ck_assert_uint_eq(span.offset, 1u << 20);
    ck_assert_uint_eq(span.bytes, 512);
    vemu__image_unmap(&span);
    ck_assert_int_eq(vemu_image_close(file), 0);
    check_bytes(path, 65536, 9, 4096);
    check_bytes(path, 131072, 0, 4096);
    remove_file(path);
}
END_TEST

START_TEST(test_window)
{
    const struct vemu_property props[] = { { "offset", "4096" }, { "size", "8192" } };
    struct vemu_image_open_options options = open_options("raw", VEMU_IMAGE_WRITE, props, 2);
    const struct vemu_property far[] = { { "offset", "1M" }, { "size", "512" } };
    char *path = make_file(65536);
    struct vemu_image *image = NULL;
    struct vemu_image_span span;
    uint8_t buf[512];

    OK(vemu_image_open(path, &options, &image, &err));
    ck_assert_uint_eq(vemu_image_get_size(image), 8192);
    memset(buf, 3, sizeof(buf));
    ck_assert_int_eq(vemu_image_write(image, 512, buf, 512, 0), 0);
    ck_assert_int_eq(vemu_image_write(image, 8192 - 511, buf, 512, 0), -EINVAL);
    ck_assert_int_eq(vemu__image_map(image, 512, 512, false, &span), 0);
    ck_assert_uint_eq(span.offset, 4096 + 512);
    ck_assert_int_ge(vemu__image_flush_fd(image), 0);
    FAILS(vemu_image_resize(image, 65536, NULL, 0, NULL, &err), ENOTSUP, "window");
    ck_assert_int_eq(vemu_image_close(image), 0);
    check_bytes(path, 4096 + 512, 3, 512);
    options.props = far;
    FAILS(vemu_image_open(path, &options, &image, &err), EINVAL, "beyond");
    remove_file(path);
}
END_TEST

START_TEST(test_null)
{
    const struct vemu_property props[] = { { "size", "64K" },
                                           { "read-zeroes", "on" },
                                           { "latency-ns", "2000000" } };
    struct vemu_image_open_options options = open_options("null-co", VEMU_IMAGE_WRITE, props, 3);
    struct vemu_image *image = NULL;
    int64_t begin;
    uint8_t buf[512] = { 1 };

    OK(vemu_image_open("null-co://", &options, &image, &err));
    ck_assert_uint_eq(vemu_image_get_size(image), 65536);
    begin = g_get_monotonic_time();
    ck_assert_int_eq(vemu_image_write(image, 0, buf, 512, 0), 0);
    ck_assert_int_eq(vemu_image_read(image, 0, buf, 512), 0);
    ck_assert_int_eq(buf[0], 0);
    ck_assert_int_ge(g_get_monotonic_time() - begin, 4000);
    ck_assert_int_eq(vemu_image_close(image), 0);
    image = open_image("null-aio://", NULL, 0);
    ck_assert_str_eq(vemu_image_get_format(image), "raw");
    ck_assert_str_eq(vemu_image_get_format(vemu_image_get_file(image)), "null-aio");
    ck_assert_uint_eq(vemu_image_get_size(image), 1u << 30);
    vemu_image_close(image);
}
END_TEST

int main(void)
{
    const TTest *const zero[] = { test_data,  test_direct, test_ranges, test_extent,
                                  test_child, test_window, test_null,   NULL };
    Suite *suite = suite_create("zeros");
    TCase *tcase = tcase_create("zeros");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tcase, test_zero, 0, 2);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return run_tests("image-file", zero) | (failed ? EXIT_FAILURE : 0);
}
