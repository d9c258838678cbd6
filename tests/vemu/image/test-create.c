/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Creating, resizing and describing raw images; what they cannot do.
 */
#include "image-test.h"

#define SIZE (1u << 20)

static void check_file(const char *path, uint64_t size, bool allocated)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq((uint64_t)st.st_size, size);
    if (allocated)
        ck_assert_uint_ge((uint64_t)st.st_blocks * 512, size);
    else
        ck_assert_uint_lt((uint64_t)st.st_blocks * 512, size);
}

START_TEST(test_create)
{
    static const char *const modes[] = { "off", "falloc", "full" };
    char *path = make_file(3 * SIZE);

    for (unsigned i = 0; i < 3; i++) {
        const struct vemu_property props[] = { { "preallocation", modes[i] }, { "nocow", "on" } };

        OK(vemu_image_create(path, "raw", SIZE, props, 2, NULL, &err));
        check_file(path, SIZE, i > 0);
    }
    OK(vemu_image_create(path, "raw", 1000, NULL, 0, NULL, &err));
    check_file(path, 1024, false);
    remove_file(path);
}
END_TEST

static int cancel(void *data, uint64_t done, uint64_t total)
{
    ck_assert_uint_le(done, total);
    return ++*(unsigned *)data == 2;
}

/* What did not work leaves nothing behind. */
START_TEST(test_failures)
{
    const struct vemu_property full = { "preallocation", "full" };
    const struct vemu_property bad = { "preallocation", "metadata" }, odd = { "cluster", "1" };
    unsigned calls = 0;
    const struct vemu_progress progress = { cancel, &calls };
    char *path = make_file(0);
    g_autofree char *fresh = g_strdup_printf("%s.new", path);

    FAILS(vemu_image_create(fresh, "raw", 16 << 20, &full, 1, &progress, &err), ECANCELED, fresh);
    ck_assert_uint_eq(calls, 2);
    ck_assert_int_ne(access(fresh, F_OK), 0);
    FAILS(vemu_image_create(fresh, "raw", SIZE, &bad, 1, NULL, &err), EINVAL, "metadata");
    FAILS(vemu_image_create(fresh, "raw", SIZE, &odd, 1, NULL, &err), EINVAL, "cluster");
    ck_assert_int_ne(access(fresh, F_OK), 0);
    FAILS(vemu_image_create(fresh, "nonsense", SIZE, NULL, 0, NULL, &err), EINVAL, "nonsense");
    FAILS(vemu_image_create(fresh, "null-co", SIZE, NULL, 0, NULL, &err), ENOTSUP, "null-co");
    FAILS(vemu_image_create(fresh, "raw", INT64_MAX + 1ull, NULL, 0, NULL, &err), EFBIG, "bytes");
    FAILS(vemu_image_create("/nowhere/x", "raw", SIZE, NULL, 0, NULL, &err), ENOENT, "/nowhere/x");
    FAILS(vemu_image_create(NULL, "raw", SIZE, NULL, 0, NULL, &err), EINVAL, "filename");
    remove_file(path);
}
END_TEST

/* An image is not written over what it is to stand on, under whatever name. */
START_TEST(test_own_backing)
{
    char *path = make_file(SIZE), *base = g_path_get_basename(path);
    g_autofree char *link = g_strdup_printf("%s.link", path), *prefixed = NULL;
    const char *const names[] = { path, base, link };

    ck_assert_int_eq(symlink(path, link), 0);
    prefixed = g_strdup_printf("file:%s", path);
    for (unsigned i = 0; i < 3; i++) {
        const struct vemu_property props[] = { { "backing_fmt", "raw" },
                                               { "backing_file", names[i] } };

        FAILS(vemu_image_create(path, "qcow2", SIZE, props, 2, NULL, &err), EINVAL,
              "same filename");
        FAILS(vemu_image_create(prefixed, "qcow2", SIZE, props, 2, NULL, &err), EINVAL,
              "same filename");
        check_file(path, SIZE, false);
    }
    ck_assert_int_eq(unlink(link), 0);
    g_free(base);
    remove_file(path);
}
END_TEST

START_TEST(test_resize)
{
    char *path = make_file(SIZE);
    struct vemu_image *image = open_image(path, "raw", VEMU_IMAGE_WRITE);

    OK(vemu_image_resize(image, 2 * SIZE, NULL, 0, NULL, &err));
    ck_assert_uint_eq(vemu_image_get_size(image), 2 * SIZE);
    check_file(path, 2 * SIZE, false);
    FAILS(vemu_image_resize(image, SIZE, NULL, 0, NULL, &err), EINVAL, "shrinking");
    OK(vemu_image_resize(image, 0, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
    OK(vemu_image_resize(image, SIZE, "full", 0, NULL, &err));
    check_file(path, SIZE, true);
    FAILS(vemu_image_resize(image, SIZE, "some", 0, NULL, &err), EINVAL, "some");
    FAILS(vemu_image_resize(image, 2 * SIZE, "metadata", 0, NULL, &err), ENOTSUP, "metadata");
    FAILS(vemu_image_resize(image, SIZE, NULL, 1u << 9, NULL, &err), EINVAL, "flags");
    ck_assert_int_eq(vemu_image_close(image), 0);
    image = open_image(path, "raw", 0);
    FAILS(vemu_image_resize(image, 2 * SIZE, NULL, 0, NULL, &err), EROFS, "reading");
    vemu_image_close(image);
    image = open_image("null-co://", "null-co", VEMU_IMAGE_WRITE);
    FAILS(vemu_image_resize(image, 2ull << 30, NULL, 0, NULL, &err), ENOTSUP, "null-co");
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

START_TEST(test_info)
{
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    char *path = make_file(SIZE);
    struct vemu_image *image = open_image(path, "raw", VEMU_IMAGE_WRITE);
    g_autofree uint8_t *data = g_malloc0(65536);

    ck_assert_int_eq(vemu_image_write(image, 0, data, 65536, 0), 0);
    OK(vemu_image_get_info(image, &info, &err));
    ck_assert_uint_eq(info.virtual_size, SIZE);
    ck_assert_uint_eq(info.actual_size, 65536);
    ck_assert_uint_eq(info.cluster_size, 0);
    ck_assert_str_eq(info.filename, path);
    ck_assert_str_eq(info.format, "raw");
    ck_assert_ptr_null(info.backing_filename);
    ck_assert_uint_eq(info.fact_count, 0);
    vemu_image_info_clear(&info);
    ck_assert_ptr_null(info.filename);
    vemu_image_info_clear(NULL);
    info.size = 8;
    FAILS(vemu_image_get_info(image, &info, &err), EINVAL, "size");
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

START_TEST(test_measure)
{
    struct vemu_image_measure measure = { .size = sizeof(measure) };
    const struct vemu_property odd = { "cluster", "1" };
    char *path = make_file(SIZE);
    struct vemu_image *image = open_image(path, "raw", 0);

    OK(vemu_image_measure("raw", image, 0, NULL, 0, &measure, &err));
    ck_assert_uint_eq(measure.required, SIZE);
    OK(vemu_image_measure("raw", NULL, 1000, NULL, 0, &measure, &err));
    ck_assert_uint_eq(measure.fully_allocated, 1024);
    ck_assert_uint_eq(measure.bitmaps, 0);
    FAILS(vemu_image_measure("raw", NULL, 1000, &odd, 1, &measure, &err), EINVAL, "cluster");
    FAILS(vemu_image_measure("null-co", NULL, 1, NULL, 0, &measure, &err), ENOTSUP, "null-co");
    FAILS(vemu_image_measure("nope", NULL, 1, NULL, 0, &measure, &err), EINVAL, "nope");
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

static int no_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    return 0;
}

static int no_snapshot(void *data, const struct vemu_image_snapshot *snapshot)
{
    return 0;
}

/* What raw images do not have is refused by name. */
START_TEST(test_unsupported)
{
    struct vemu_image_check check = VEMU_IMAGE_CHECK_INIT;
    char *path = make_file(SIZE);
    struct vemu_image *image = open_image(path, "raw", VEMU_IMAGE_WRITE);
    const struct vemu_property prop = { "compat", "0.10" };
    uint64_t at, bytes;

    FAILS(vemu_image_check(image, 0, &check, NULL, &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_amend(image, &prop, 1, NULL, &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_set_backing(image, "x", "raw", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_create_snapshot(image, "x", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_apply_snapshot(image, "x", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_delete_snapshot(image, "x", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_load_snapshot(image, "x", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_add_bitmap(image, "x", 0, 0, &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_remove_bitmap(image, "x", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_clear_bitmap(image, "x", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_enable_bitmap(image, "x", 1, &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_merge_bitmap(image, "x", image, "y", &err), ENOTSUP, "'raw'");
    FAILS(vemu_image_next_dirty(image, "x", 0, &at, &bytes, &err), ENOTSUP, "'raw'");
    ck_assert_int_eq(vemu_image_list_bitmaps(image, no_bitmap, NULL), -ENOTSUP);
    ck_assert_int_eq(vemu_image_list_snapshots(image, no_snapshot, NULL), -ENOTSUP);
    vemu_image_close(image);
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_create, test_failures, test_own_backing, test_resize,
                                   test_info,   test_measure,  test_unsupported, NULL };

    return run_tests("image-create", tests);
}
