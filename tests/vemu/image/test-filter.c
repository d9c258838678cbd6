/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters: limits in a second, injected errors, copying on read.
 */
#include "image-test.h"

#include <pthread.h>

#include "image/image.h"

#define SIZE (1u << 20)

static struct vemu_image *open_filter(const char *name, const char *path, uint32_t flags,
                                      const struct vemu_property *props, size_t count)
{
    const struct vemu_image_open_options options = open_options(name, flags, props, count);
    struct vemu_image *image = NULL;

    OK(vemu_image_open(path, &options, &image, &err));
    return image;
}

static int64_t time_of_writes(struct vemu_image *image, unsigned count, size_t bytes)
{
    g_autofree uint8_t *buf = g_malloc0(bytes);
    int64_t begin = g_get_monotonic_time();

    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(vemu_image_write(image, 0, buf, bytes, 0), 0);
    return g_get_monotonic_time() - begin;
}

START_TEST(test_throttle)
{
    const struct vemu_property bytes = { "bps-write", "1M" }, requests = { "iops-total", "100" };
    const struct vemu_property burst[] = { { "iops-total", "10" }, { "iops-total-max", "1000" } };
    const struct vemu_property sized[] = { { "iops-total", "100" }, { "iops-size", "4096" } };
    char *path = make_file(SIZE);
    struct vemu_image *image = open_filter("throttle", path, VEMU_IMAGE_WRITE, &bytes, 1);
    uint8_t buf[4096];
    int64_t took;

    ck_assert_str_eq(vemu_image_get_format(vemu_image_get_file(image)), "raw");
    took = time_of_writes(image, 7, 65536); /* a tenth of a second is free: 105 KB */
    ck_assert_int_ge(took, 200000);
    ck_assert_int_lt(took, 5000000);
    took = g_get_monotonic_time();
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_int_eq(vemu_image_read(image, 0, buf, sizeof(buf)), 0);
    ck_assert_int_lt(g_get_monotonic_time() - took, 2000000); /* reads are not limited */
    vemu_image_close(image);

    image = open_filter("throttle", path, VEMU_IMAGE_WRITE, &requests, 1);
    ck_assert_int_ge(time_of_writes(image, 32, 512), 180000);
    vemu_image_close(image);
    image = open_filter("throttle", path, VEMU_IMAGE_WRITE, sized, 2);
    ck_assert_int_ge(time_of_writes(image, 3, 65536), 150000); /* 16 each */
    vemu_image_close(image);
    image = open_filter("throttle", path, VEMU_IMAGE_WRITE, burst, 2);
    ck_assert_int_lt(time_of_writes(image, 100, 512), 3000000); /* not ten seconds */
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

START_TEST(test_throttle_options)
{
    static const struct {
        struct vemu_property props[2];
        const char *words;
    } bad[] = {
        { { { "bps-total", "1M" }, { "bps-read", "1M" } }, "excludes" },
        { { { "bps-total", "1M" }, { "bps-total-max", "1K" } }, "burst" },
        { { { "iops-read-max", "5" }, { "iops-size", "0" } }, "needs a limit" },
        { { { "iops-read", "5" }, { "iops-read-max-length", "7" } }, "needs a burst" },
        { { { "iops-read", "5" }, { "iops-read-max-length", "0" } }, "from 1" },
        { { { "iops-read", "5" }, { "throttle-group", "g" } }, "throttle-group" },
    };
    char *path = make_file(SIZE);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const struct vemu_image_open_options o = open_options("throttle", 0, bad[i].props, 2);
        struct vemu_image *image = NULL;

        FAILS(vemu_image_open(path, &o, &image, &err), EINVAL, bad[i].words);
    }
    remove_file(path);
}
END_TEST

static void *slow_write(void *image)
{
    time_of_writes(image, 2, 65536);
    return NULL;
}

/* Who waits for all requests does not wait for a limit. */
START_TEST(test_hurry)
{
    const struct vemu_property bytes = { "bps-total", "1K" };
    char *path = make_file(SIZE);
    struct vemu_image *image = open_filter("throttle", path, VEMU_IMAGE_WRITE, &bytes, 1);
    int64_t begin = g_get_monotonic_time();
    pthread_t thread;

    pthread_create(&thread, NULL, slow_write, image); /* would take a minute */
    g_usleep(50000);
    vemu__image_hurry(image, true);
    pthread_join(thread, NULL);
    vemu__image_hurry(image, false);
    ck_assert_int_lt(g_get_monotonic_time() - begin, 20000000);
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

START_TEST(test_errors)
{
    const struct vemu_property rules = {
        "inject-error", "write errno=28 offset=64K bytes=4K count=2; read skip=1 count=1;"
                        "flush errno=ENOSPC count=1; discard errno=5"
    };
    const struct vemu_property bad[] = { { "inject-error", "wrote" },
                                         { "inject-error", "write errno=0" },
                                         { "inject-error", "write colour=red" } };
    char *path = make_file(SIZE);
    struct vemu_image *image = NULL;
    uint8_t buf[4096] = { 0 };

    image = open_filter("blkdebug", path, VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP, &rules, 1);
    ck_assert_int_eq(vemu_image_write(image, 0, buf, 4096, 0), 0);
    ck_assert_int_eq(vemu_image_write(image, 65536 - 512, buf, 1024, 0), -ENOSPC);
    ck_assert_int_eq(vemu_image_write(image, 65536 + 4096, buf, 1024, 0), 0);
    ck_assert_int_eq(vemu_image_write(image, 65536, buf, 512, 0), -ENOSPC);
    ck_assert_int_eq(vemu_image_write(image, 65536, buf, 512, 0), 0); /* twice it was */
    ck_assert_int_eq(vemu_image_read(image, 0, buf, 512), 0);
    ck_assert_int_eq(vemu_image_read(image, 0, buf, 512), -EIO);
    ck_assert_int_eq(vemu_image_read(image, 0, buf, 512), 0);
    ck_assert_int_eq(vemu_image_flush(image), -ENOSPC);
    ck_assert_int_eq(vemu_image_flush(image), 0);
    ck_assert_int_eq(vemu_image_discard(image, 0, 512), -EIO);
    ck_assert_int_eq(vemu_image_zero(image, 0, 512, 0), 0);
    vemu_image_close(image);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const struct vemu_image_open_options o = open_options("blkdebug", 0, &bad[i], 1);

        FAILS(vemu_image_open(path, &o, &image, &err), EINVAL, "inject-error");
    }
    remove_file(path);
}
END_TEST

/* Filters pass on what they do not do themselves. */
START_TEST(test_passing)
{
    static const char *const names[] = { "blkdebug", "copy-on-read", "throttle" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        char *path = make_file(SIZE);
        struct vemu_image *image = open_filter(names[i], path, VEMU_IMAGE_WRITE, NULL, 0);
        struct vemu_image_extent e = VEMU_IMAGE_EXTENT_INIT;
        uint8_t buf[512], back[512];

        memset(buf, 7, sizeof(buf));
        ck_assert_int_eq(vemu_image_write(image, 4096, buf, 512, VEMU_IMAGE_FUA), 0);
        ck_assert_int_eq(vemu_image_read(image, 4096, back, 512), 0);
        ck_assert_mem_eq(buf, back, 512);
        ck_assert_int_eq(vemu_image_get_extent(image, NULL, 0, SIZE, &e), 0);
        ck_assert_uint_eq(e.bytes, 4096);
        ck_assert_uint_ne(e.flags & VEMU_IMAGE_EXTENT_ZERO, 0);
        OK(vemu_image_resize(image, 2 * SIZE, NULL, 0, NULL, &err));
        ck_assert_uint_eq(vemu_image_get_size(image), 2 * SIZE);
        FAILS(vemu_image_create_snapshot(image, "x", &err), ENOTSUP, "'raw'");
        ck_assert_int_eq(vemu_image_close(image), 0);
        remove_file(path);
    }
}
END_TEST

START_TEST(test_read_only)
{
    char *path = make_file(SIZE);

    OPEN_FAILS(path, "copy-on-read", 0, EROFS, "read-only");
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_throttle, test_throttle_options, test_hurry, test_errors,
                                   test_passing,  test_read_only,        NULL };

    return run_tests("image-filter", tests);
}
