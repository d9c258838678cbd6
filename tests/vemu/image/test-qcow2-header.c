/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Headers of qcow2 images that are written anew: what nobody knows is kept, and the first sector
 * alone decides which header there is.
 */
#include "qcow2-test.h"

#define SECTOR   512u
#define FEATURES 0x6803f857u
#define OTHER    0x6f746872u

/* A name of `length` bytes: "././base". */
static char *long_name(size_t length)
{
    char *name = g_strnfill(length, '.');

    for (size_t i = 1; i < length - 4; i += 2)
        name[i] = '/';
    memcpy(name + length - 5, "/base", 5);
    return name;
}

static char *backing_of(const char *path)
{
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_NO_BACKING);
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    char *name;

    OK(vemu_image_get_info(image, &info, &err));
    name = g_strdup(info.backing_filename);
    vemu_image_info_clear(&info);
    ck_assert_int_eq(vemu_image_close(image), 0);
    return name;
}

static void assert_backing(const char *path, const char *expected)
{
    g_autofree char *name = backing_of(path);

    ck_assert_str_eq(name, expected);
}

static int set_backing(const char *path, const char *name, struct vemu_error **err)
{
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING);
    int r = vemu_image_set_backing(image, name, "raw", err);

    ck_assert_int_eq(vemu_image_close(image), 0);
    return r;
}

static void add_bitmap(const char *path)
{
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING);

    OK(vemu_image_add_bitmap(image, "b", 65536,
                             VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
}

/* Where the data of an extension is; 0: there is none of that type. */
static uint64_t find_extension(const char *path, uint32_t type)
{
    uint64_t at = peek_be(path, 4, 4) == 2 ? 72 : peek_be(path, 100, 4);

    while (peek_be(path, at, 4)) {
        if (peek_be(path, at, 4) == type)
            return at + 8;
        at += 8 + ((peek_be(path, at + 4, 4) + 7) & ~7ull);
    }
    return 0;
}

/* An extension that nobody knows takes the place of those that are there; the name goes behind it.
 */
static void put_other(const char *path, uint32_t bytes)
{
    g_autofree uint8_t *data = g_malloc0(bytes + 8);

    for (uint32_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)(i * 7 + 1);
    poke_be(path, 112, 8, (uint64_t)OTHER << 32 | bytes);
    poke(path, 120, data, bytes + 8);
    poke_be(path, 8, 8, 120 + bytes + 8);
    poke(path, 120 + bytes + 8, "./base", 6);
}

static void assert_other(const char *path, uint32_t bytes)
{
    uint64_t at = find_extension(path, OTHER);

    ck_assert_uint_ne(at, 0);
    ck_assert_uint_eq(peek_be(path, at - 4, 4), bytes);
    for (uint32_t i = 0; i < bytes; i++)
        ck_assert_uint_eq(peek_be(path, at + i, 1), (uint8_t)(i * 7 + 1));
}

static char *make_empty_base(const char *options)
{
    g_autofree char *all = g_strdup_printf("backing_file=./base,backing_fmt=raw,%s", options);

    return make_qcow2(MIB, all);
}

/* --- tests ------------------------------------------------------------------------------------ */

/* Whatever else of the new header is on the disk: with the first sector as it was, it is the old
 * header. */
START_TEST(test_torn)
{
    static const uint32_t lengths[] = { 300, 8, 1000, 600, 1023, 40, 700, 699 };
    char *path = make_empty_base("cluster_size=4096");
    g_autofree char *before = g_strdup("./base");

    put_other(path, 808);
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(lengths); i++) {
        g_autofree char *name = long_name(lengths[i % G_N_ELEMENTS(lengths)]);
        char *torn = make_file(0);
        g_autofree char *old = NULL, *new = NULL;
        gsize old_size, new_size;

        if (i == 5)
            add_bitmap(path);
        ck_assert(g_file_get_contents(path, &old, &old_size, NULL));
        OK(set_backing(path, name, &err));
        assert_backing(path, name);
        assert_other(path, 808);
        ck_assert(g_file_get_contents(path, &new, &new_size, NULL));
        memcpy(new, old, SECTOR);
        ck_assert(g_file_set_contents(torn, new, (gssize)new_size, NULL));
        assert_backing(torn, before);
        assert_other(torn, 808);
        g_free(before);
        before = g_steal_pointer(&name);
        remove_file(torn);
    }
    OK(set_backing(path, NULL, &err));
    assert_other(path, 808);
    assert_clean(path);
    remove_file(path);
}
END_TEST

/* Names alternate between the two ends of the room that there is, so it does not fall to pieces. */
START_TEST(test_pieces)
{
    static const uint32_t lengths[] = { 1000, 300, 1023, 1022, 500, 1021, 40, 1020 };
    char *path = make_empty_base("cluster_size=4096");

    put_other(path, 1200);
    for (unsigned i = 0; i < 20; i++) {
        g_autofree char *name = long_name(lengths[i % G_N_ELEMENTS(lengths)]);

        OK(set_backing(path, name, &err));
        assert_backing(path, name);
    }
    assert_other(path, 1200);
    remove_file(path);
}
END_TEST

/* Two long names do not fit into 1 KiB side by side: the old one stays, and a short one makes
 * room. */
START_TEST(test_no_room)
{
    char *path = make_empty_base("cluster_size=1024");
    g_autofree char *first = long_name(460), *second = long_name(470), *longest = long_name(1000);

    OK(set_backing(path, first, &err));
    FAILS(set_backing(path, second, &err), EFBIG, "beside the present one");
    assert_backing(path, first);
    OK(set_backing(path, "./base", &err));
    OK(set_backing(path, second, &err));
    assert_backing(path, second);
    FAILS(set_backing(path, longest, &err), EFBIG, "first cluster of 1024 bytes");
    assert_backing(path, second);
    OK(set_backing(path, NULL, &err));
    ck_assert_ptr_null(backing_of(path));
    assert_clean(path);
    remove_file(path);
}
END_TEST

/* In 512 bytes everything is in the first sector. */
START_TEST(test_one_sector)
{
    char *path = make_empty_base("cluster_size=512");
    g_autofree char *longest = long_name(384), *longer = long_name(385);

    OK(set_backing(path, longest, &err));
    assert_backing(path, longest);
    FAILS(set_backing(path, longer, &err), EFBIG, "first cluster of 512 bytes");
    assert_backing(path, longest);
    OK(set_backing(path, "./base", &err));
    assert_backing(path, "./base");
    ck_assert_uint_ne(find_extension(path, FEATURES), 0); /* they have room again */
    remove_file(path);
}
END_TEST

/* Where not all names of features have room, those are there that the image has. */
START_TEST(test_features)
{
    char *path = make_qcow2(MIB, "extended_l2=on,compression_type=zstd");
    uint64_t at = find_extension(path, FEATURES), count = peek_be(path, at - 4, 4) / 48;

    ck_assert_uint_eq(count, 8);
    ck_assert_uint_eq(peek_be(path, at, 2), 3); /* incompatible, compression type */
    ck_assert_uint_eq(peek_be(path, at + 48, 2), 4);
    remove_file(path);
    path = make_empty_base("extended_l2=on,compression_type=zstd");
    add_bitmap(path);
    at = find_extension(path, FEATURES), count = peek_be(path, at - 4, 4) / 48;
    ck_assert_uint_eq(count, 7);
    ck_assert_uint_eq(peek_be(path, at + 96, 2), 2 << 8); /* auto-clear, bitmaps */
    ck_assert_uint_le(at + count * 48, SECTOR);
    assert_backing(path, "./base");
    remove_file(path);
}
END_TEST

/* Fields that nobody knows are kept, unless there are so many that the first sector is full. */
START_TEST(test_fields)
{
    static const uint8_t zeros[SECTOR];
    char *path = make_qcow2(MIB, "");

    poke(path, 112, zeros, SECTOR);
    poke_be(path, 100, 4, 160);
    poke_be(path, 152, 8, 0x1122334455667788);
    OK(set_backing(path, "./base", &err));
    assert_backing(path, "./base");
    ck_assert_uint_eq(peek_be(path, 152, 8), 0x1122334455667788);
    OK(set_backing(path, NULL, &err));
    poke(path, 160, zeros, SECTOR);
    poke_be(path, 100, 4, 504);
    FAILS(set_backing(path, "./base", &err), ENOTSUP, "504 bytes of fields");
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_torn, test_pieces, test_no_room, test_one_sector, test_features, test_fields, NULL,
    };

    return run_tests("image-qcow2-header", tests);
}
