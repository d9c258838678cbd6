/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is written to a qcow2 image is read from it again: every kind of image, several threads, and
 * all sizes of requests, compared with a copy in memory.
 */
#include <pthread.h>

#include "image/image.h"
#include "qcow2-test.h"

#define SIZE    (8 * MIB)
#define THREADS 3u

static const char *const kinds[] = {
    "",
    "cluster_size=512",
    "cluster_size=4096,refcount_bits=1",
    "cluster_size=2M",
    "cluster_size=1024,refcount_bits=64",
    "refcount_bits=2",
    "compat=0.10",
    "extended_l2=on",
    "extended_l2=on,cluster_size=16384",
    "lazy_refcounts=on",
    "preallocation=metadata",
    "preallocation=falloc,cluster_size=8192",
    "preallocation=full,extended_l2=on",
};

struct worker {
    struct vemu_image *image;
    uint8_t *copy; /* of all of the image */
    uint64_t from, bytes;
    uint32_t seed;
    unsigned count;
    int failed;
};

static uint32_t next(struct worker *w)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return w->seed >> 8;
}

static int step(struct worker *w, uint8_t *buf)
{
    uint64_t bytes = 1 + next(w) % (next(w) % 4 ? 5000 : 150000), offset;
    unsigned what = next(w) % 10;
    int r;

    bytes = MIN(bytes, w->bytes);
    offset = w->from + next(w) % (w->bytes - bytes + 1);
    if (next(w) % 3 == 0) {
        offset &= ~511ull;
        bytes = (bytes + 511) & ~511ull;
    }
    bytes = MIN(bytes, w->from + w->bytes - offset);
    if (what < 5) {
        memset(buf, (int)next(w), bytes);
        r = vemu_image_write(w->image, offset, buf, bytes, next(w) % 30 ? 0 : VEMU_IMAGE_FUA);
        memcpy(w->copy + offset, buf, bytes);
        return r;
    }
    if (what < 7) {
        memset(w->copy + offset, 0, bytes);
        return vemu_image_zero(w->image, offset, bytes, next(w) % 2 ? VEMU_IMAGE_MAY_UNMAP : 0);
    }
    if (what == 7) {
        r = vemu_image_discard(w->image, offset, bytes);
        return r < 0 ? r : vemu_image_read(w->image, offset, w->copy + offset, bytes);
    }
    r = vemu_image_read(w->image, offset, buf, bytes);
    return r < 0 ? r : memcmp(buf, w->copy + offset, bytes) ? -EILSEQ : 0;
}

static void *work(void *data)
{
    struct worker *w = data;
    g_autofree uint8_t *buf = g_malloc(160000);

    for (unsigned i = 0; i < w->count && !w->failed; i++)
        w->failed = step(w, buf);
    return NULL;
}

static void play(struct vemu_image *image, uint8_t *copy, uint32_t seed, unsigned count)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ image, copy, i * (SIZE / THREADS), SIZE / THREADS, seed + i,
                                      count, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(workers[i].failed, 0);
    }
}

static void compare(struct vemu_image *image, const uint8_t *copy)
{
    g_autofree uint8_t *buf = g_malloc(SIZE);

    ck_assert_int_eq(vemu_image_read(image, 0, buf, SIZE), 0);
    ck_assert_int_eq(memcmp(buf, copy, SIZE), 0);
}

START_TEST(test_kinds)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree uint8_t *copy = g_malloc0(SIZE);
        char *path = make_qcow2(SIZE, kinds[i]);

        for (unsigned round = 0; round < 2; round++) {
            struct vemu_image *image =
                open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);

            compare(image, copy);
            play(image, copy, i * 10 + round, 60);
            compare(image, copy);
            ck_assert_int_eq(vemu_image_close(image), 0);
            assert_clean(path);
        }
        remove_file(path);
    }
}
END_TEST

/* Small caches: tables come and go. */
START_TEST(test_small_cache)
{
    const struct vemu_property props[] = { { "l2-cache-size", "2K" },
                                           { "refcount-cache-size", "2K" } };
    const struct vemu_image_open_options options =
        open_options("qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP, props, 2);
    g_autofree uint8_t *copy = g_malloc0(SIZE);
    char *path = make_qcow2(SIZE, "cluster_size=512");
    struct vemu_image *image = NULL;

    OK(vemu_image_open(path, &options, &image, &err));
    play(image, copy, 99, 150);
    compare(image, copy);
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    remove_file(path);
}
END_TEST

START_TEST(test_backing)
{
    static const char *const overlays[] = { "", "extended_l2=on", "compat=0.10",
                                            "cluster_size=4096" };

    for (unsigned i = 0; i < G_N_ELEMENTS(overlays); i++) {
        g_autofree uint8_t *copy = g_malloc0(SIZE);
        char *base = make_qcow2(SIZE / 2, "cluster_size=8192"), *path;
        g_autofree char *options = g_strdup_printf("backing_file=%s,backing_fmt=qcow2%s%s", base,
                                                   *overlays[i] ? "," : "", overlays[i]);
        struct vemu_image *image = open_image(base, "qcow2", VEMU_IMAGE_WRITE);

        for (uint64_t at = 0; at < SIZE / 2; at += 300000)
            fill(image, at, (uint8_t)(at / 1000 + 1), 100000);
        ck_assert_int_eq(vemu_image_read(image, 0, copy, SIZE / 2), 0);
        ck_assert_int_eq(vemu_image_close(image), 0);
        path = make_qcow2(SIZE, options);
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
        compare(image, copy);
        play(image, copy, i, 60);
        compare(image, copy);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        remove_file(path);
        remove_file(base);
    }
}
END_TEST

START_TEST(test_compressed)
{
    static const char *const forms[] = { "", "compression_type=zstd", "cluster_size=4096",
                                         "refcount_bits=1", "cluster_size=2M" };
    g_autofree uint8_t *data = g_malloc(SIZE);
    uint32_t noise = 1;

    for (uint64_t i = 0; i < SIZE; i++) {
        noise = noise * 1664525u + 1013904223u;
        data[i] = i / 100000 % 3 ? (uint8_t) "some words, again and again "[i % 28]
                                 : (uint8_t)(noise >> 24);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++) {
        char *path = make_qcow2(SIZE, forms[i]);
        struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
        g_autofree uint8_t *copy = g_memdup2(data, SIZE);
        struct stat st;

        ck_assert_int_eq(vemu_image_write(image, 0, data, SIZE, VEMU_IMAGE_COMPRESSED), 0);
        /* where something is already, and where no cluster begins */
        ck_assert_int_eq(vemu_image_write(image, 0, data, 2 * MIB, VEMU_IMAGE_COMPRESSED), -EIO);
        ck_assert_int_eq(vemu_image_write(image, 7, data, 4096, VEMU_IMAGE_COMPRESSED), -EINVAL);
        compare(image, copy);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        ck_assert_uint_gt(check_image(path, 0).compressed_clusters, 0);
        ck_assert_int_eq(stat(path, &st), 0);
        /* tables take whole clusters */
        ck_assert_uint_lt((uint64_t)st.st_blocks * 512,
                          SIZE * 3 / 4 + (strstr(forms[i], "2M") ? 8 * MIB : 0));
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
        compare(image, copy);
        play(image, copy, i, 60);
        compare(image, copy);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        remove_file(path);
    }
}
END_TEST

START_TEST(test_data_file)
{
    for (unsigned raw = 0; raw < 2; raw++) {
        g_autofree uint8_t *copy = g_malloc0(SIZE), *buf = g_malloc(SIZE);
        char *data = make_file(0), *path;
        g_autofree char *options =
            g_strdup_printf("data_file=%s,data_file_raw=%s", data, raw ? "on" : "off");
        struct vemu_image *image;

        path = make_qcow2(SIZE, options);
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
        play(image, copy, raw, 80);
        compare(image, copy);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        if (raw) {
            int fd = open(data, O_RDONLY);

            ck_assert_int_eq(pread(fd, buf, SIZE, 0), SIZE);
            close(fd);
            ck_assert_int_eq(memcmp(buf, copy, SIZE), 0);
        }
        remove_file(path);
        remove_file(data);
    }
}
END_TEST

/* The file as it is at this moment has no place that tables point to and nothing is at. */
static void assert_sound_now(const char *path)
{
    char *now = make_file(0);
    g_autofree char *bytes = NULL;
    gsize size;

    ck_assert(g_file_get_contents(path, &bytes, &size, NULL));
    ck_assert(g_file_set_contents(now, bytes, (gssize)size, NULL));
    ck_assert_uint_eq(check_image(now, 0).corruptions, 0);
    remove_file(now);
}

static int look_now(void *data, uint64_t done, uint64_t total)
{
    ck_assert_uint_le(done, total);
    assert_sound_now(data);
    return 0;
}

START_TEST(test_places_before_data)
{
    static const char *const options[] = { "", "cluster_size=512", "compat=0.10",
                                           "extended_l2=on" };

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        char *path = make_qcow2(MIB, options[i]);
        struct vemu_progress progress = { .report = look_now, .data = path };
        struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

        ck_assert_int_eq(image->driver->reserve(image, 0, MIB / 2), 0);
        ck_assert_int_eq(vemu_image_flush(image), 0);
        assert_sound_now(path);
        assert_filled(image, 0, 0, MIB / 2);
        OK(vemu_image_resize(image, 8 * MIB, "metadata", 0, &progress, &err));
        OK(vemu_image_resize(image, 9 * MIB, "falloc", 0, &progress, &err));
        OK(vemu_image_resize(image, 10 * MIB, "full", 0, &progress, &err));
        ck_assert_int_eq(vemu_image_flush(image), 0);
        assert_sound_now(path);
        assert_filled(image, 0, 0, 10 * MIB);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        remove_file(path);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_kinds,     test_small_cache,        test_backing, test_compressed,
        test_data_file, test_places_before_data, NULL
    };

    return run_tests("image-qcow2-data", tests);
}
