/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small qcow2 images that say of themselves that they are huge: what is done with them takes memory
 * and time for what their files have.
 */
#include "qcow2-test.h"

#include <sys/resource.h>
#include <time.h>

#include "image/qcow2/qcow2.h"
#include "sanitized.h"

/* From here on the process (each test has its own) gets so much memory more, not only of what it
 * touches. Sanitizers need more of it than there is. */
static void limit_memory(uint64_t bytes)
{
    g_autofree char *text = NULL;
    struct rlimit limit;

    if (SANITIZED)
        return;
    ck_assert(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    limit.rlim_cur = limit.rlim_max =
        g_ascii_strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) + bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static uint64_t file_bytes(const char *path)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

/* A refcount block behind the others, entry `index` of the table, whose first cluster is taken. */
static void add_refcount_block(const char *path, unsigned index)
{
    uint64_t table = peek_be(path, 48, 8), at = file_bytes(path);

    poke_be(path, at, 2, 1);
    ck_assert_int_eq(truncate(path, (off_t)at + 65536), 0);
    /* its own cluster is in use */
    poke_be(path, refcount_block_of(path) + (at >> 16) * 2, 2, 1);
    poke_be(path, table + index * 8, 8, at);
}

/* One refcount block for clusters far behind the end of the file: 8191 * 2 GiB. */
START_TEST(test_far_refcounts)
{
    char *path = make_qcow2(64 * MIB, "");
    uint64_t at = file_bytes(path);
    struct vemu_image *image;

    add_refcount_block(path, 8191);
    limit_memory(200 * MIB);
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    FAILS(vemu_image_create_snapshot(image, "s", &err), EFBIG, "");
    FAILS(vemu_image_amend(image, &(struct vemu_property){ "refcount_bits", "64" }, 1, NULL, &err),
          EFBIG, "");
    fill(image, 0, 1, 65536);
    OK(vemu_image_resize(image, 32 * MIB, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    ck_assert_uint_le(file_bytes(path), 4 * MIB);
    poke_be(path, at, 2, 0); /* it says nothing now */
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    OK(vemu_image_create_snapshot(image, "s", &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    ck_assert_uint_le(file_bytes(path), 4 * MIB);
    remove_file(path);
}
END_TEST

/* One for clusters that may be taken and not written yet: 255 * 2 GiB. Refcounts of 64 bits for all
 * of them are 64 MiB, which are kept once. */
START_TEST(test_near_refcounts)
{
    char *path = make_qcow2(64 * MIB, "");
    struct vemu_image *image;

    add_refcount_block(path, 255);
    limit_memory(120 * MIB);
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    OK(vemu_image_amend(image, &(struct vemu_property){ "refcount_bits", "64" }, 1, NULL, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    ck_assert_uint_le(file_bytes(path), 72 * MIB);
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    OK(vemu_image_create_snapshot(image, "s", &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

/* As many bitmaps as can be, which are all in one place. */
START_TEST(test_many_bitmaps)
{
    char *path = make_qcow2(64 * MIB, "");
    uint64_t at = file_bytes(path);
    g_autoptr(GByteArray) out = g_byte_array_new();
    double start;

    for (unsigned i = 0; i < QCOW2_MAX_BITMAPS; i++) {
        g_autofree char *name = g_strdup_printf("bitmap-number-%05u", i);
        uint8_t entry[48] = { 0 };

        be_put64(entry, at - 65536);
        be_put32(entry + 8, 1);
        entry[16] = 1;
        entry[17] = 16;
        be_put16(entry + 18, (uint32_t)strlen(name));
        memcpy(entry + 24, name, strlen(name));
        g_byte_array_append(out, entry, sizeof(entry));
    }
    poke(path, at, out->data, out->len);
    poke_be(path, 112, 8, 0x23852875ull << 32 | 24);
    poke_be(path, 120, 8, (uint64_t)QCOW2_MAX_BITMAPS << 32);
    poke_be(path, 128, 8, out->len);
    poke_be(path, 136, 8, at);
    poke_be(path, 88, 8, 1);
    limit_memory(100 * MIB);
    start = seconds();
    ck_assert_int_eq(vemu_image_close(open_image(path, "qcow2", 0)), 0);
    if (!SANITIZED)
        ck_assert(seconds() - start < 2);
    remove_file(path);
}
END_TEST

static unsigned most_slices(void *data, unsigned most)
{
    const struct qcow2 *s = data;

    return MAX(most, g_hash_table_size(s->l2_cache.slices));
}

struct follow {
    struct qcow2 *s;
    unsigned most, calls;
};

static int follow(void *data, uint64_t done, uint64_t total)
{
    struct follow *f = data;

    (void)done;
    (void)total;
    f->most = most_slices(f->s, f->most);
    f->calls++;
    return 0;
}

/* Tables that preallocation makes are written back as it goes. */
START_TEST(test_preallocate)
{
    static const struct vemu_property cache = { "l2-cache-size", "16384" };
    const struct vemu_image_open_options options =
        open_options("qcow2", VEMU_IMAGE_WRITE, &cache, 1);
    char *path = make_qcow2(MIB, "cluster_size=512");
    struct follow f = { 0 };
    const struct vemu_progress progress = { .report = follow, .data = &f };
    struct vemu_image *image = NULL;

    OK(vemu_image_open(path, &options, &image, &err));
    f.s = qcow2_of(image);
    OK(vemu_image_resize(image, 16 * MIB, "metadata", 0, &progress, &err));
    ck_assert_uint_gt(f.calls, 100);
    ck_assert_uint_le(f.most, 2 * f.s->l2_cache.limit); /* not all 512 */
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

/* Zeros that have to be data in version 2, over a backing file: the same. */
START_TEST(test_zero_data)
{
    static const struct vemu_property cache = { "l2-cache-size", "16384" };
    const struct vemu_image_open_options options =
        open_options("qcow2", VEMU_IMAGE_WRITE, &cache, 1);
    char *base = make_file(4 * MIB);
    g_autofree char *words =
        g_strdup_printf("compat=0.10,cluster_size=512,backing_fmt=raw,backing_file=%s", base);
    char *path = make_qcow2(4 * MIB, words);
    struct vemu_image *image = NULL;
    struct qcow2 *s;

    poke(base, 0, "x", 1);
    OK(vemu_image_open(path, &options, &image, &err));
    s = qcow2_of(image);
    ck_assert_int_eq(vemu_image_zero(image, 0, 4 * MIB, 0), 0);
    ck_assert_uint_le(g_hash_table_size(s->l2_cache.slices), 2 * s->l2_cache.limit);
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    remove_file(path);
    remove_file(base);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_far_refcounts, test_near_refcounts, test_many_bitmaps,
        test_preallocate,   test_zero_data,      NULL,
    };

    return run_tests("image-qcow2-memory", tests);
}
