/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qcow2 images that lie: each is a clear error, or is read without harm, and is never written into
 * its own tables.
 */
#include "qcow2-test.h"

struct lie {
    uint64_t offset;
    unsigned size;
    uint64_t value;
    int code;
    const char *words;
};

/* Fields of the header. */
START_TEST(test_header)
{
    static const struct lie lies[] = {
        { 0, 4, 0x514649fa, EINVAL, "not in qcow2 format" },
        { 4, 4, 1, ENOTSUP, "version 1" },
        { 4, 4, 4, ENOTSUP, "version 4" },
        { 8, 8, 1ull << 40, EINVAL, "backing file offset" },
        { 20, 4, 8, EINVAL, "cluster size: 2^8" },
        { 20, 4, 22, EINVAL, "cluster size: 2^22" },
        { 20, 4, UINT32_MAX, EINVAL, "cluster size" },
        { 24, 8, UINT64_MAX, EFBIG, "too big" },
        { 24, 8, 1ull << 60, EFBIG, "too big" },
        { 32, 4, 1, ENOTSUP, "AES" },
        { 32, 4, 2, ENOTSUP, "LUKS" },
        { 32, 4, 77, EINVAL, "encryption method 77" },
        { 36, 4, UINT32_MAX, EFBIG, "L1 table too large" },
        { 36, 4, 0, EINVAL, "L1 table is too small" },
        { 36, 4, 1u << 20, EINVAL, "truncated" },
        { 40, 8, 12345, EINVAL, "L1 table offset" },
        { 40, 8, 1ull << 63, EINVAL, "L1 table offset" },
        { 40, 8, 1ull << 40, EINVAL, "truncated" },
        { 48, 8, 777, EINVAL, "count table offset" },
        { 56, 4, 0, EINVAL, "does not contain a reference count table" },
        { 56, 4, UINT32_MAX, EINVAL, "8 MiB" },
        { 60, 4, UINT32_MAX, EINVAL, "Snapshot table too large" },
        { 60, 4, 60000, EINVAL, "Snapshot table" },
        { 64, 8, 1, EINVAL, "Snapshot table offset" },
        { 72, 8, 1ull << 63, ENOTSUP, "8000000000000000" },
        { 72, 8, 1ull << 3, EINVAL, "Compression type" },
        { 72, 8, 1ull << 2, EINVAL, "'data-file' is required" },
        { 88, 8, 1ull << 1, EINVAL, "without a data file" },
        { 96, 4, 7, EINVAL, "width too large" },
        { 100, 4, 103, EINVAL, "too short" },
        { 100, 4, 1u << 20, EINVAL, "exceeds cluster size" },
        { 100, 4, 105, EINVAL, "multiple of 8" },
        { 104, 1, 9, EINVAL, "Compression type" },
    };
    char *path = make_qcow2(64 * MIB, "");

    for (unsigned i = 0; i < G_N_ELEMENTS(lies); i++) {
        uint64_t was = peek_be(path, lies[i].offset, lies[i].size);

        poke_be(path, lies[i].offset, lies[i].size, lies[i].value);
        OPEN_FAILS(path, "qcow2", 0, lies[i].code, lies[i].words);
        poke_be(path, lies[i].offset, lies[i].size, was);
    }
    vemu_image_close(open_image(path, "qcow2", 0));
    remove_file(path);
}
END_TEST

/* The name of an unknown feature comes from the image's own table. */
START_TEST(test_feature_name)
{
    char *path = make_qcow2(MIB, "");
    uint64_t at = 112;

    while (peek_be(path, at, 4) != 0x6803f857) {
        ck_assert_uint_ne(peek_be(path, at, 4), 0);
        at += 8 + ((peek_be(path, at + 4, 4) + 7) & ~7ull);
    }
    poke(path, at + 8, "\0\x2aquantum bit\0", 14);
    poke_be(path, 72, 8, 1ull << 42);
    OPEN_FAILS(path, "qcow2", 0, ENOTSUP, "quantum bit");
    remove_file(path);
}
END_TEST

START_TEST(test_extensions)
{
    char *path = make_qcow2(MIB, "");

    poke_be(path, 112, 8, 0xe2792acaull << 32 | 0xfffffff0); /* without end */
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "extension too large");
    poke_be(path, 112, 8, 0x12345678ull << 32 | 65500);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "extension too large");
    poke_be(path, 112, 8, 0x23852875ull << 32 | 8);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "bitmaps_ext");
    poke_be(path, 112, 8, 0xe2792acaull << 32 | 8);
    poke_be(path, 120, 8, 0x7100726177000000ull); /* a name with a zero in it */
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "not a name");
    remove_file(path);
}
END_TEST

START_TEST(test_truncated)
{
    char *path = make_qcow2(64 * MIB, "");

    ck_assert_int_eq(truncate(path, 60), 0);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "");
    remove_file(path);
    path = make_qcow2(64 * MIB, "");
    ck_assert_int_eq(truncate(path, 65536), 0);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "truncated");
    remove_file(path);
}
END_TEST

/* An image with one cluster, the L2 entry of which is set to `entry`. */
static char *make_with_entry(uint64_t entry)
{
    char *path = make_qcow2(64 * MIB, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

    fill(image, 0, 1, 65536);
    ck_assert_int_eq(vemu_image_close(image), 0);
    poke_be(path, l2_of(path), 8, entry);
    return path;
}

/* Guest data where tables are. */
START_TEST(test_into_metadata)
{
    static const uint64_t places[] = { 0, 65536, 131072, 196608, 262144 };
    uint8_t byte = 1;

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        char *path = make_with_entry(places[i] | 1ull << 63);
        struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        uint64_t before = peek_be(path, places[i], 8);
        int r = vemu_image_write(image, 0, &byte, 1, 0);

        if (places[i]) /* offset 0 is no cluster: a new one is taken */
            ck_assert_int_eq(r, -EIO);
        vemu_image_close(image);
        ck_assert_uint_eq(peek_be(path, places[i], 8), before);
        if (places[i]) {
            ck_assert_uint_eq(peek_be(path, 72, 8), 2); /* marked */
            OPEN_FAILS(path, "qcow2", VEMU_IMAGE_WRITE, EACCES, "corrupt");
        }
        remove_file(path);
    }
}
END_TEST

START_TEST(test_entries)
{
    uint8_t buf[512];
    struct vemu_image *image;
    char *path = make_with_entry(0x50200 | 1ull << 63); /* not aligned */

    image = open_image(path, "qcow2", 0);
    ck_assert_int_eq(vemu_image_read(image, 0, buf, sizeof(buf)), -EIO);
    vemu_image_close(image);
    remove_file(path);

    path = make_with_entry(0x00ffffffff0000 | 1ull << 63); /* behind the end: zeros */
    image = open_image(path, "qcow2", 0);
    assert_filled(image, 0, 0, 4096);
    vemu_image_close(image);
    ck_assert_uint_ge(check_image(path, 0).corruptions, 1);
    remove_file(path);

    path = make_with_entry(1ull << 62 | 0x3fffffffffffffull); /* compressed data that is nowhere */
    image = open_image(path, "qcow2", 0);
    ck_assert_int_eq(vemu_image_read(image, 0, buf, sizeof(buf)), -EIO);
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

/* Tables that lie on each other are not written to, and found by a check. */
START_TEST(test_overlap)
{
    char *path = make_with_entry(0);

    poke_be(path, peek_be(path, 48, 8), 8, l1_of(path)); /* a refcount block in the L1 table */
    OPEN_FAILS(path, "qcow2", VEMU_IMAGE_WRITE, EIO, "overlaps");
    vemu_image_close(open_image(path, "qcow2", 0));
    ck_assert_uint_ge(check_image(path, 0).corruptions, 1);
    remove_file(path);

    path = make_with_entry(0);
    poke_be(path, l1_of(path), 8, peek_be(path, 48, 8) | 1ull << 63);
    OPEN_FAILS(path, "qcow2", VEMU_IMAGE_WRITE, EIO, "overlaps");
    remove_file(path);
}
END_TEST

/* Free clusters that are none: the allocator does not walk into the L1 table. */
START_TEST(test_lying_refcounts)
{
    char *path = make_qcow2(64 * MIB, "");
    struct vemu_image *image;
    uint64_t l1 = l1_of(path), before = peek_be(path, l1, 8);
    uint8_t byte = 1;

    for (unsigned i = 0; i < 4; i++)
        poke_be(path, refcount_block_of(path) + i * 2, 2, 0);
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    ck_assert_int_eq(vemu_image_write(image, 0, &byte, 1, 0), -EIO);
    ck_assert_int_eq(vemu_image_write(image, 0, &byte, 1, 0), -EIO);
    vemu_image_close(image);
    ck_assert_uint_eq(peek_be(path, l1, 8), before);
    ck_assert_uint_eq(peek_be(path, 0, 4), 0x514649fb);
    remove_file(path);
}
END_TEST

START_TEST(test_snapshot_table)
{
    char *path = make_qcow2(64 * MIB, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    uint64_t table;

    OK(vemu_image_create_snapshot(image, "one", &err));
    vemu_image_close(image);
    table = peek_be(path, 64, 8);
    poke_be(path, table, 8, 12345);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "L1 table offset");
    poke_be(path, table, 8, 1ull << 45);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "behind the end");
    poke_be(path, table, 8, l1_of(path));
    poke_be(path, table + 8, 4, UINT32_MAX);
    OPEN_FAILS(path, "qcow2", 0, EFBIG, "L1 table too large");
    poke_be(path, table + 8, 4, 1);
    poke_be(path, table + 36, 4, UINT32_MAX);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "extra metadata");
    remove_file(path);
}
END_TEST

START_TEST(test_bitmap_directory)
{
    char *path = make_qcow2(64 * MIB, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    uint64_t at = 112, directory;

    OK(vemu_image_add_bitmap(image, "b", 0, VEMU_IMAGE_BITMAP_PERSISTENT, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    ck_assert_uint_eq(peek_be(path, at, 4), 0x23852875);
    directory = peek_be(path, at + 24, 8);
    poke_be(path, directory + 18, 2, 2000);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "directory");
    poke_be(path, directory + 18, 2, 1);
    poke_be(path, directory + 17, 1, 60);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "granularity");
    poke_be(path, directory + 17, 1, 16);
    poke_be(path, directory + 8, 4, UINT32_MAX);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "wrong size");
    poke_be(path, at + 24, 8, 1ull << 50);
    OPEN_FAILS(path, "qcow2", 0, EINVAL, "behind the end");
    remove_file(path);
}
END_TEST

/* Looking at an image does not open what the image wants opened. */
START_TEST(test_data_file_named)
{
    char *data = make_file(0);
    g_autofree char *option = g_strdup_printf("data_file=%s", data);
    char *path = make_qcow2(64 * MIB, option);
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    uint8_t byte;

    fill(image, 0, 1, 65536);
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(data);
    OPEN_FAILS(path, "qcow2", 0, ENOENT, "data file");
    OPEN_FAILS(path, "qcow2", VEMU_IMAGE_NO_DATA_FILE | VEMU_IMAGE_WRITE, EINVAL, "data file");
    image = open_image(path, "qcow2", VEMU_IMAGE_NO_DATA_FILE);
    OK(vemu_image_get_info(image, &info, &err));
    ck_assert_uint_eq(info.virtual_size, 64 * MIB);
    vemu_image_info_clear(&info);
    ck_assert_int_eq(vemu_image_read(image, 0, &byte, 1), -ENOTSUP);
    ck_assert_int_eq(vemu_image_read(image, MIB, &byte, 1), 0);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 0, 65536, &extent), 0);
    ck_assert(extent.flags & VEMU_IMAGE_EXTENT_DATA);
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_header,         test_feature_name,     test_extensions,      test_truncated,
        test_into_metadata,  test_entries,          test_overlap,         test_lying_refcounts,
        test_snapshot_table, test_bitmap_directory, test_data_file_named, NULL,
    };

    return run_tests("image-qcow2-hostile", tests);
}
