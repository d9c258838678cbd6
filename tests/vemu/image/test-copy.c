/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copying and comparing raw images: contents, holes, parts, progress, stopping, errors.
 */
#include "image-test.h"

#include <errno.h>
#include <string.h>

#define MIB  (1u << 20)
#define SIZE (8u * MIB + 512)

/* Data, zeros that are written, a hole, and small pieces: the same each time. */
static void fill(const char *path)
{
    struct vemu_image *image = open_image(path, "raw", VEMU_IMAGE_WRITE);
    g_autofree uint8_t *buf = g_malloc0(3 * MIB);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    ck_assert_int_eq(vemu_image_write(image, 2 * MIB, buf, MIB, 0), 0);
    for (unsigned i = 0; i < 3 * MIB; i++)
        buf[i] = (uint8_t)g_rand_int(rand);
    ck_assert_int_eq(vemu_image_write(image, 0, buf, MIB + 4096, 0), 0);
    ck_assert_int_eq(vemu_image_write(image, 5 * MIB, buf, 3 * MIB, 0), 0);
    ck_assert_int_eq(vemu_image_write(image, 4 * MIB + 512, buf, 512, 0), 0);
    ck_assert_int_eq(vemu_image_close(image), 0);
}

static uint64_t first_difference(const char *a, const char *b)
{
    struct vemu_image *x = open_image(a, "raw", 0), *y = open_image(b, "raw", 0);
    uint64_t offset = 1;

    OK(vemu_image_compare(x, y, &offset, NULL, &err));
    vemu_image_close(x);
    vemu_image_close(y);
    return offset;
}

static uint64_t allocated(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

struct watch {
    uint64_t last, total;
    unsigned calls, stop_at;
};

static int watch(void *data, uint64_t done, uint64_t total)
{
    struct watch *w = data;

    ck_assert_uint_ge(done, w->last);
    ck_assert_uint_le(done, total);
    w->last = done;
    w->total = total;
    return ++w->calls == w->stop_at;
}

START_TEST(test_copy)
{
    static const uint32_t ways[] = {
        VEMU_IMAGE_COPY_TARGET_IS_ZERO,
        VEMU_IMAGE_COPY_TARGET_IS_ZERO | VEMU_IMAGE_COPY_OUT_OF_ORDER,
        VEMU_IMAGE_COPY_NO_SPARSE,
        VEMU_IMAGE_COPY_TARGET_IS_ZERO | VEMU_IMAGE_COPY_OFFLOAD,
        VEMU_IMAGE_COPY_TARGET_IS_ZERO | VEMU_IMAGE_COPY_SALVAGE,
        0,
    };
    char *from = make_file(SIZE);

    fill(from);
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
        struct vemu_image *source = open_image(from, "raw", 0), *target;
        char *to = make_file(SIZE);
        struct watch w = { 0 };
        const struct vemu_progress progress = { watch, &w };

        target = open_image(to, "raw", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
        options.flags = ways[i];
        options.threads = i + 1;
        OK(vemu_image_copy(source, target, &options, &progress, &err));
        ck_assert_uint_eq(w.last, SIZE);
        ck_assert_uint_eq(w.total, SIZE);
        vemu_image_close(source);
        ck_assert_int_eq(vemu_image_close(target), 0);
        ck_assert_uint_eq(first_difference(from, to), UINT64_MAX);
        if (ways[i] & VEMU_IMAGE_COPY_NO_SPARSE)
            ck_assert_uint_ge(allocated(to), SIZE);
        else if (!(ways[i] & VEMU_IMAGE_COPY_OFFLOAD))
            ck_assert_uint_le(allocated(to), 4 * MIB + 65536);
        remove_file(to);
    }
    remove_file(from);
}
END_TEST

/* What was there is replaced, also by zeros; what is outside the part stays. */
START_TEST(test_part)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    char *from = make_file(SIZE), *to = make_file(6 * MIB);
    struct vemu_image *source, *target;
    g_autofree uint8_t *buf = g_malloc(6 * MIB), *other = g_malloc(6 * MIB);

    fill(from);
    source = open_image(from, "raw", 0);
    target = open_image(to, "raw", VEMU_IMAGE_WRITE);
    memset(buf, 0x55, 6 * MIB);
    ck_assert_int_eq(vemu_image_write(target, 0, buf, 6 * MIB, 0), 0);
    options.offset = MIB - 1024;
    options.bytes = 4 * MIB + 1536;
    options.target_offset = 512;
    OK(vemu_image_copy(source, target, &options, NULL, &err));
    ck_assert_int_eq(vemu_image_read(source, options.offset, buf + 512, options.bytes), 0);
    ck_assert_int_eq(vemu_image_read(target, 0, other, 6 * MIB), 0);
    ck_assert_int_eq(memcmp(buf, other, 6 * MIB), 0);

    options.bytes = 6 * MIB;
    FAILS(vemu_image_copy(source, target, &options, NULL, &err), EINVAL, "beyond the end");
    options.offset = SIZE + 1;
    FAILS(vemu_image_copy(source, target, &options, NULL, &err), EINVAL, "behind the end");
    options.offset = 0;
    options.flags = 1u << 31;
    FAILS(vemu_image_copy(source, target, &options, NULL, &err), EINVAL, "0x80000000");
    options.flags = VEMU_IMAGE_COPY_OFFLOAD | VEMU_IMAGE_COPY_COMPRESSED;
    FAILS(vemu_image_copy(source, target, &options, NULL, &err), EINVAL, "offloading");
    vemu_image_close(source);
    vemu_image_close(target);
    remove_file(from);
    remove_file(to);
}
END_TEST

START_TEST(test_stop)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    char *from = make_file(SIZE), *to = make_file(SIZE);
    struct vemu_image *source, *target;
    struct watch w = { .stop_at = 2 };
    const struct vemu_progress progress = { watch, &w };
    int64_t begin;
    uint64_t offset;

    fill(from);
    source = open_image(from, "raw", 0);
    target = open_image(to, "raw", VEMU_IMAGE_WRITE);
    FAILS(vemu_image_copy(source, target, &options, &progress, &err), ECANCELED, "Canceled");
    ck_assert_uint_eq(w.calls, 2);
    w = (struct watch){ .stop_at = 1 };
    FAILS(vemu_image_compare(source, target, &offset, &progress, &err), ECANCELED, "Canceled");

    w = (struct watch){ 0 };
    options.max_bytes_per_s = 10 * MIB; /* there are 4 MiB of data, and one of zeros */
    begin = g_get_monotonic_time();
    OK(vemu_image_copy(source, target, &options, &progress, &err));
    ck_assert_int_ge(g_get_monotonic_time() - begin, 300000);
    vemu_image_close(source);
    vemu_image_close(target);
    target = open_image(to, "raw", 0);
    source = open_image(from, "raw", 0);
    FAILS(vemu_image_copy(source, target, NULL, NULL, &err), EROFS, "writing");
    FAILS(vemu_image_make_empty(target, &err), ENOTSUP, "raw");
    vemu_image_close(source);
    vemu_image_close(target);
    remove_file(from);
    remove_file(to);
}
END_TEST

START_TEST(test_compare)
{
    static const uint64_t places[] = { 0, 1, 511, MIB + 4095, 2 * MIB + 7, 4 * MIB, SIZE - 1 };
    char *a = make_file(SIZE), *b = make_file(SIZE), *longer = make_file(SIZE + MIB);

    fill(a);
    fill(b);
    fill(longer);
    ck_assert_uint_eq(first_difference(a, b), UINT64_MAX);
    ck_assert_uint_eq(first_difference(a, longer), UINT64_MAX);
    for (unsigned i = G_N_ELEMENTS(places); i-- > 0;) { /* the first of several is found */
        struct vemu_image *image = open_image(b, "raw", VEMU_IMAGE_WRITE);
        uint8_t byte;

        ck_assert_int_eq(vemu_image_read(image, places[i], &byte, 1), 0);
        byte ^= 0x80;
        ck_assert_int_eq(vemu_image_write(image, places[i], &byte, 1, 0), 0);
        vemu_image_close(image);
        ck_assert_uint_eq(first_difference(a, b), places[i]);
        ck_assert_uint_eq(first_difference(b, a), places[i]);
    }
    struct vemu_image *image = open_image(longer, "raw", VEMU_IMAGE_WRITE);
    ck_assert_int_eq(vemu_image_write(image, SIZE + 77, "x", 1, 0), 0);
    vemu_image_close(image);
    ck_assert_uint_eq(first_difference(a, longer), SIZE + 77);
    ck_assert_uint_eq(first_difference(longer, a), SIZE + 77);
    remove_file(a);
    remove_file(b);
    remove_file(longer);
}
END_TEST

static char *copy_to(const char *from, const char *format, uint32_t threads, uint32_t flags)
{
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    struct vemu_image *source = open_image(from, "raw", flags & VEMU_IMAGE_DIRECT), *target;
    char *to = make_file(0);

    OK(vemu_image_create(to, format, SIZE, NULL, 0, NULL, &err));
    target = open_image(to, format, VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP | flags);
    options.flags = VEMU_IMAGE_COPY_TARGET_IS_ZERO;
    options.threads = threads;
    OK(vemu_image_copy(source, target, &options, NULL, &err));
    vemu_image_close(source);
    ck_assert_int_eq(vemu_image_close(target), 0);
    return to;
}

/* Several threads at once, with O_DIRECT, make the same file as one does through the page cache:
 * clusters in order, nothing left over of the space that was asked for ahead, zeros as holes. */
START_TEST(test_direct)
{
    static const char *const formats[] = { "raw", "qcow2" };
    char *from = make_file(SIZE);
    int fd = open(from, O_RDONLY | O_DIRECT);

    if (fd < 0 && errno == EINVAL) {
        fprintf(stderr, "test_direct: no O_DIRECT in /tmp\n");
        remove_file(from);
        return;
    }
    close(fd);
    fill(from);
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        char *one = copy_to(from, formats[i], 1, 0);
        g_autofree char *expected = NULL;
        gsize size;

        ck_assert(g_file_get_contents(one, &expected, &size, NULL));
        for (unsigned round = 0; round < 4; round++) {
            char *many = copy_to(from, formats[i], round % 2 ? 7 : 0, VEMU_IMAGE_DIRECT);
            g_autofree char *found = NULL;
            gsize found_size;

            ck_assert(g_file_get_contents(many, &found, &found_size, NULL));
            ck_assert_uint_eq(found_size, size);
            ck_assert_int_eq(memcmp(found, expected, size), 0);
            ck_assert_uint_le(allocated(many), 4 * MIB + 512 * 1024);
            remove_file(many);
        }
        remove_file(one);
    }
    remove_file(from);
}
END_TEST

/* What is there, in clusters or in a backing file, is not touched by giving places to the rest. */
START_TEST(test_direct_over)
{
    static const struct vemu_property backed[] = { { "backing_fmt", "raw" } };
    struct vemu_image_copy_options options = VEMU_IMAGE_COPY_OPTIONS_INIT;
    g_autofree uint8_t *old = g_malloc(SIZE), *expected = g_malloc(SIZE), *found = g_malloc(SIZE);
    char *from = make_file(SIZE), *base = make_file(SIZE), *to = make_file(0);
    struct vemu_image *source, *target;

    fill(from);
    memset(old, 0x33, SIZE);
    source = open_image(from, "raw", 0);
    for (unsigned way = 0; way < 3; way++) {
        struct vemu_property props[2] = { backed[0], { "backing_file", base } };

        memset(expected, way ? 0x33 : 0, SIZE);
        if (way == 1) {
            target = open_image(base, "raw", VEMU_IMAGE_WRITE);
            ck_assert_int_eq(vemu_image_write(target, 0, old, SIZE, 0), 0);
            vemu_image_close(target);
        }
        OK(vemu_image_create(to, "qcow2", SIZE, props, way == 1 ? 2 : 0, NULL, &err));
        target = open_image(to, "qcow2", VEMU_IMAGE_WRITE);
        if (way == 2) { /* shared clusters */
            ck_assert_int_eq(vemu_image_write(target, 0, old, SIZE, 0), 0);
            OK(vemu_image_create_snapshot(target, "s", &err));
        }
        vemu_image_close(target);
        target = open_image(to, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_DIRECT);
        options.offset = 5 * MIB + 1024;
        options.target_offset = 4 * MIB + 512;
        options.bytes = 2 * MIB + 512;
        OK(vemu_image_copy(source, target, &options, NULL, &err));
        ck_assert_int_eq(vemu_image_close(target), 0);
        ck_assert_int_eq(vemu_image_read(source, options.offset, expected + options.target_offset,
                                         options.bytes),
                         0);
        target = open_image(to, "qcow2", 0);
        ck_assert_int_eq(vemu_image_read(target, 0, found, SIZE), 0);
        ck_assert_int_eq(memcmp(found, expected, SIZE), 0);
        vemu_image_close(target);
    }
    vemu_image_close(source);
    remove_file(from);
    remove_file(base);
    remove_file(to);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_copy,   test_part,        test_stop, test_compare,
                                   test_direct, test_direct_over, NULL };

    return run_tests("image-copy", tests);
}
