/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done to a whole qcow2 image: snapshots, sizes, options, bitmaps, checks and repairs.
 */
#include "image/qcow2/qcow2.h"
#include "qcow2-test.h"

#define SIZE (16 * MIB)

static int count_snapshots(void *data, const struct vemu_image_snapshot *snapshot)
{
    ck_assert_ptr_nonnull(snapshot->name);
    ++*(unsigned *)data;
    return 0;
}

START_TEST(test_snapshots)
{
    static const char *const kinds[] = { "", "cluster_size=2048,refcount_bits=8", "compat=0.10",
                                         "extended_l2=on", "lazy_refcounts=on" };

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        char *path = make_qcow2(SIZE, kinds[i]);
        struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        unsigned count = 0;

        fill(image, MIB, 1, 3 * MIB);
        OK(vemu_image_create_snapshot(image, "one", &err));
        fill(image, 2 * MIB + 100, 2, MIB);
        OK(vemu_image_create_snapshot(image, "two", &err));
        ck_assert_int_eq(vemu_image_zero(image, 0, SIZE, VEMU_IMAGE_MAY_UNMAP), 0);
        fill(image, 9 * MIB, 3, 5000);
        ck_assert_int_eq(vemu_image_list_snapshots(image, count_snapshots, &count), 0);
        ck_assert_uint_eq(count, 2);
        FAILS(vemu_image_apply_snapshot(image, "three", &err), ENOENT, "three");
        OK(vemu_image_apply_snapshot(image, "one", &err));
        assert_filled(image, MIB, 1, 3 * MIB);
        assert_filled(image, 9 * MIB, 0, 5000);
        OK(vemu_image_apply_snapshot(image, "2", &err)); /* by its id */
        assert_filled(image, 2 * MIB + 100, 2, MIB);
        OK(vemu_image_delete_snapshot(image, "one", &err));
        fill(image, MIB, 4, MIB);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        image = open_image(path, "qcow2", 0);
        assert_filled(image, MIB, 4, MIB);
        OK(vemu_image_load_snapshot(image, "two", &err));
        assert_filled(image, MIB, 1, MIB);
        assert_filled(image, 2 * MIB + 100, 2, MIB);
        vemu_image_close(image);
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        OK(vemu_image_delete_snapshot(image, "two", &err));
        fill(image, 0, 5, SIZE);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        remove_file(path);
    }
}
END_TEST

/* A refcount of one bit cannot count a snapshot. */
START_TEST(test_snapshot_width)
{
    char *path = make_qcow2(SIZE, "refcount_bits=1");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

    fill(image, 0, 1, MIB);
    FAILS(vemu_image_create_snapshot(image, "one", &err), ERANGE, "refcount");
    fill(image, 0, 2, MIB);
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    remove_file(path);
}
END_TEST

START_TEST(test_resize)
{
    char *path = make_qcow2(SIZE, "cluster_size=4096");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP);
    struct stat st;

    fill(image, 0, 7, SIZE);
    OK(vemu_image_resize(image, 200 * MIB, NULL, 0, NULL, &err));
    assert_filled(image, SIZE, 0, MIB);
    fill(image, 150 * MIB, 8, MIB);
    FAILS(vemu_image_resize(image, 1000, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err), EINVAL,
          "multiple");
    OK(vemu_image_resize(image, MIB + 512, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
    ck_assert_uint_eq(vemu_image_get_size(image), MIB + 512);
    OK(vemu_image_resize(image, SIZE, "metadata", 0, NULL, &err));
    assert_filled(image, 0, 7, MIB + 512);
    assert_filled(image, MIB + 512, 0, SIZE - MIB - 512);
    OK(vemu_image_resize(image, 2 * MIB, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_lt((uint64_t)st.st_blocks * 512, 3 * MIB); /* space was given back */
    remove_file(path);
}
END_TEST

START_TEST(test_amend)
{
    const struct vemu_property up = { "compat", "1.1" }, down = { "compat", "0.10" };
    const struct vemu_property wide = { "refcount_bits", "64" }, back = { "refcount_bits", "16" };
    const struct vemu_property lazy = { "lazy_refcounts", "on" }, no = { "cluster_size", "4K" };
    char *path = make_qcow2(SIZE, "compat=0.10");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

    fill(image, 0, 1, MIB);
    FAILS(vemu_image_amend(image, &lazy, 1, NULL, &err), EINVAL, "1.1");
    FAILS(vemu_image_amend(image, &no, 1, NULL, &err), ENOTSUP, "cluster_size");
    OK(vemu_image_amend(image, &up, 1, NULL, &err));
    OK(vemu_image_amend(image, &wide, 1, NULL, &err));
    ck_assert_int_eq(vemu_image_zero(image, 0, MIB / 2, 0), 0);
    FAILS(vemu_image_amend(image, &down, 1, NULL, &err), ENOTSUP, "refcount width");
    OK(vemu_image_amend(image, &lazy, 1, NULL, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    OK(vemu_image_amend(image, &back, 1, NULL, &err));
    OK(vemu_image_amend(image, &down, 1, NULL, &err));
    assert_filled(image, 0, 0, MIB / 2);
    assert_filled(image, MIB / 2, 1, MIB / 2);
    ck_assert_int_eq(vemu_image_close(image), 0);
    ck_assert_uint_eq(peek_be(path, 4, 4), 2);
    assert_clean(path);
    remove_file(path);
}
END_TEST

/* Shrinking leaves zero clusters behind the end, which version 2 does not know. */
START_TEST(test_downgrade_shrunk)
{
    char *backing = make_file(SIZE);
    g_autofree char *options = g_strdup_printf("backing_file=%s,backing_fmt=raw", backing);
    const struct vemu_property compat = { "compat", "0.10" };
    char *path = make_qcow2(SIZE, options);
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

    fill(image, 0, 1, SIZE);
    OK(vemu_image_resize(image, MIB, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
    OK(vemu_image_amend(image, &compat, 1, NULL, &err));
    OK(vemu_image_resize(image, SIZE, NULL, 0, NULL, &err));
    assert_filled(image, 0, 1, MIB);
    assert_filled(image, MIB, 0, SIZE - MIB);
    ck_assert_int_eq(vemu_image_close(image), 0);
    ck_assert_uint_eq(peek_be(path, 4, 4), 2);
    assert_clean(path);
    remove_file(path);
    remove_file(backing);
}
END_TEST

static int copy_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    struct vemu_image_bitmap *ret = data;

    ret->flags = bitmap->flags;
    ret->granularity = bitmap->granularity;
    ret->dirty_bytes = bitmap->dirty_bytes;
    return 1;
}

START_TEST(test_bitmaps)
{
    char *path = make_qcow2(SIZE, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    struct vemu_image_bitmap bitmap = { 0 };
    uint64_t offset, bytes;

    OK(vemu_image_add_bitmap(image, "all", 4096,
                             VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT, &err));
    FAILS(vemu_image_add_bitmap(image, "all", 0, 0, &err), EEXIST, "all");
    FAILS(vemu_image_add_bitmap(image, "odd", 1000, 0, &err), EINVAL, "granularity");
    fill(image, 10000, 1, 100);
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    fill(image, MIB, 2, 8192);
    ck_assert_int_eq(vemu_image_flush(image), 0);
    /* Whoever looks now, as after a crash, must not trust it. */
    ck_assert_uint_eq(peek_be(path, peek_be(path, 112 + 24, 8) + 12, 4), 3);
    ck_assert_int_eq(vemu_image_close(image), 0);
    image = open_image(path, "qcow2", 0);
    ck_assert_int_eq(vemu_image_list_bitmaps(image, copy_bitmap, &bitmap), 1);
    ck_assert_uint_eq(bitmap.flags, VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT);
    ck_assert_uint_eq(bitmap.granularity, 4096);
    ck_assert_uint_eq(bitmap.dirty_bytes, 12288);
    ck_assert_int_eq(vemu_image_next_dirty(image, "all", 0, &offset, &bytes, NULL), 1);
    ck_assert_uint_eq(offset, 8192);
    ck_assert_uint_eq(bytes, 4096);
    ck_assert_int_eq(vemu_image_next_dirty(image, "all", 12288, &offset, &bytes, NULL), 1);
    ck_assert_uint_eq(offset, MIB);
    ck_assert_uint_eq(bytes, 8192);
    ck_assert_int_eq(vemu_image_next_dirty(image, "all", 2 * MIB, &offset, &bytes, NULL), 0);
    vemu_image_close(image);
    poke_be(path, peek_be(path, 112 + 24, 8) + 12, 4, 3); /* a crash */
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    ck_assert_int_eq(vemu_image_list_bitmaps(image, copy_bitmap, &bitmap), 1);
    ck_assert(bitmap.flags & VEMU_IMAGE_BITMAP_INCONSISTENT);
    FAILS(vemu_image_clear_bitmap(image, "all", &err), EINVAL, "inconsistent");
    OK(vemu_image_remove_bitmap(image, "all", &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    remove_file(path);
}
END_TEST

/* Bytes that a bitmap says are dirty. */
static uint64_t dirty(struct vemu_image *image)
{
    struct vemu_image_bitmap bitmap = { 0 };

    ck_assert_int_eq(vemu_image_list_bitmaps(image, copy_bitmap, &bitmap), 1);
    ck_assert(!(bitmap.flags & VEMU_IMAGE_BITMAP_INCONSISTENT));
    return bitmap.dirty_bytes;
}

START_TEST(test_bitmaps_resize)
{
    char *path = make_qcow2(SIZE, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    uint64_t offset, bytes;

    OK(vemu_image_create_snapshot(image, "first", &err));
    OK(vemu_image_add_bitmap(image, "all", 4096,
                             VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT, &err));
    fill(image, 10000, 1, 100);
    fill(image, SIZE - MIB, 2, 4096);
    ck_assert_int_eq(vemu_image_close(image), 0);
    for (unsigned i = 0; i < 2; i++) { /* read from the file, and in memory */
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        if (i)
            fill(image, 10000, 1, 100);
        OK(vemu_image_resize(image, SIZE + 20480, NULL, 0, NULL, &err)); /* is written to as well */
        ck_assert_uint_eq(dirty(image), 2 * 4096 + 20480);
        /* Until it is stored, nobody is to trust what is in the file for another size. */
        ck_assert_uint_eq(peek_be(path, peek_be(path, 112 + 24, 8) + 12, 4), 3);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        ck_assert_uint_eq(dirty(image), 2 * 4096 + 20480);
        OK(vemu_image_resize(image, SIZE, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
        ck_assert_uint_eq(dirty(image), 2 * 4096);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
    }
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    OK(vemu_image_resize(image, MIB, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, &err));
    ck_assert_uint_eq(dirty(image), 4096);
    ck_assert_int_eq(vemu_image_next_dirty(image, "all", 0, &offset, &bytes, NULL), 1);
    ck_assert_uint_eq(offset, 8192);
    OK(vemu_image_apply_snapshot(image, "first", &err));
    ck_assert_uint_eq(vemu_image_get_size(image), SIZE);
    ck_assert_uint_eq(dirty(image), SIZE);
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    poke_be(path, peek_be(path, 112 + 24, 8) + 12, 4, 3); /* a crash */
    image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    FAILS(vemu_image_resize(image, 2 * SIZE, NULL, 0, NULL, &err), EINVAL, "inconsistent");
    ck_assert_uint_eq(vemu_image_get_size(image), SIZE);
    OK(vemu_image_remove_bitmap(image, "all", &err));
    OK(vemu_image_resize(image, 2 * SIZE, NULL, 0, NULL, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    remove_file(path);
}
END_TEST

/* A disk that ends in the middle of a granule: its last bit is dirty up to there. */
START_TEST(test_bitmaps_end)
{
    char *path = make_qcow2(MIB + 512, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    uint64_t offset, bytes;

    OK(vemu_image_add_bitmap(image, "fine", 4096, VEMU_IMAGE_BITMAP_ENABLED, &err));
    fill(image, MIB, 1, 512);
    ck_assert_int_eq(vemu_image_next_dirty(image, "fine", 0, &offset, &bytes, NULL), 1);
    ck_assert_uint_eq(offset, MIB);
    ck_assert_uint_eq(bytes, 512);
    ck_assert_int_eq(vemu_image_next_dirty(image, "fine", MIB + 512, &offset, &bytes, NULL), 0);
    OK(vemu_image_merge_bitmap(image, "fine", image, "fine", &err));
    ck_assert_uint_eq(dirty(image), 512);
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

START_TEST(test_bitmaps_memory)
{
    char *path = make_qcow2(1ull << 40, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

    /* 256 MiB each */
    OK(vemu_image_add_bitmap(image, "one", 512, 0, &err));
    OK(vemu_image_add_bitmap(image, "two", 512, 0, &err));
    FAILS(vemu_image_add_bitmap(image, "three", 512, 0, &err), EFBIG, "granularity");
    FAILS(vemu_image_resize(image, 2ull << 40, NULL, 0, NULL, &err), EFBIG, "too large");
    OK(vemu_image_remove_bitmap(image, "one", &err));
    OK(vemu_image_add_bitmap(image, "three", 512, 0, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

START_TEST(test_repair)
{
    for (unsigned i = 0; i < 4; i++) {
        char *path = make_qcow2(SIZE, "");
        struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        struct vemu_image_check result;
        uint64_t block = refcount_block_of(path);

        fill(image, 0, 1, MIB);
        ck_assert_int_eq(vemu_image_close(image), 0);
        switch (i) {
        case 0: poke_be(path, block + 2 * 8, 2, 3); break;        /* a leak */
        case 1: poke_be(path, block + 2 * 8, 2, 0); break;        /* not counted */
        case 2: poke_be(path, peek_be(path, 48, 8), 8, 0); break; /* no refcounts at all */
        case 3: poke_be(path, l2_of(path), 8, peek_be(path, l2_of(path), 8) & ~(1ull << 63)); break;
        }
        result = check_image(path, 0);
        ck_assert_uint_gt(result.corruptions + result.leaks, 0);
        result = check_image(path, VEMU_IMAGE_REPAIR_LEAKS | VEMU_IMAGE_REPAIR_ERRORS);
        ck_assert_uint_eq(result.corruptions + result.leaks, 0);
        ck_assert_uint_gt(result.corruptions_fixed + result.leaks_fixed, 0);
        assert_clean(path);
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        assert_filled(image, 0, 1, MIB);
        fill(image, MIB, 2, MIB);
        assert_filled(image, 0, 1, MIB);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        remove_file(path);
    }
}
END_TEST

/* A broken entry of the refcount table leads to data: what it is replaced with still counts
 * them. */
START_TEST(test_repair_table)
{
    for (unsigned i = 0; i < 2; i++) {
        char *path = make_qcow2(SIZE, "");
        struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        uint64_t table = peek_be(path, 48, 8), data;
        struct vemu_image_check result;

        fill(image, 0, 1, MIB);
        ck_assert_int_eq(vemu_image_close(image), 0);
        data = peek_be(path, l2_of(path), 8) & 0x00fffffffffffe00ull;
        poke_be(path, table + 8, 8, data + (i ? 512 : 1)); /* unaligned; reserved bits */
        result = check_image(path, 0);
        ck_assert_uint_gt(result.corruptions, 0);
        check_image(path, VEMU_IMAGE_REPAIR_LEAKS | VEMU_IMAGE_REPAIR_ERRORS);
        assert_clean(path);
        image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
        fill(image, 2 * MIB, 2, MIB);
        assert_filled(image, 0, 1, MIB);
        ck_assert_int_eq(vemu_image_close(image), 0);
        assert_clean(path);
        remove_file(path);
    }
}
END_TEST

/* An image that was not closed with lazy refcounts is repaired when it is opened for writing. */
START_TEST(test_dirty)
{
    char *path = make_qcow2(SIZE, "lazy_refcounts=on");
    g_autofree char *copy = g_strdup_printf("%s.copy", path);
    g_autofree char *command = g_strdup_printf("cp %s %s", path, copy);
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);

    fill(image, 0, 1, MIB);
    ck_assert_int_eq(vemu_image_flush(image), 0);
    ck_assert_int_eq(system(command), 0); /* as a crash leaves it */
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(path);
    ck_assert_uint_eq(peek_be(path, 72, 8), 0);
    ck_assert_uint_eq(peek_be(copy, 72, 8), 1);
    ck_assert_uint_gt(check_image(copy, 0).corruptions, 0);
    image = open_image(copy, "qcow2", VEMU_IMAGE_WRITE);
    assert_filled(image, 0, 1, MIB);
    ck_assert_int_eq(vemu_image_close(image), 0);
    assert_clean(copy);
    unlink(copy);
    remove_file(path);
}
END_TEST

START_TEST(test_measure)
{
    struct vemu_image_measure measure = { .size = sizeof(measure) };
    const struct vemu_property full = { "preallocation", "full" };

    OK(vemu_image_measure("qcow2", NULL, 1ull << 30, NULL, 0, &measure, &err));
    ck_assert_uint_eq(measure.required, 393216); /* as qemu-img says */
    ck_assert_uint_eq(measure.fully_allocated, 1074135040);
    OK(vemu_image_measure("qcow2", NULL, 1ull << 30, &full, 1, &measure, &err));
    ck_assert_uint_eq(measure.required, 1074135040);
}
END_TEST

/* Where the kernel may go by itself: never into what is shared, compressed, or a hole. */
START_TEST(test_map)
{
    char *path = make_qcow2(SIZE, "");
    struct vemu_image *image = open_image(path, "qcow2", VEMU_IMAGE_WRITE);
    struct vemu_image_span span;

    ck_assert_int_eq(vemu__image_map(image, 0, 4096, false, &span), -EAGAIN);
    fill(image, 0, 1, 4 * 65536);
    ck_assert_int_eq(vemu__image_map(image, 4096, 3 * 65536, true, &span), 0);
    ck_assert_uint_eq(span.bytes, 3 * 65536);
    ck_assert_uint_eq(span.offset % 65536, 4096);
    vemu__image_unmap(&span);
    OK(vemu_image_create_snapshot(image, "one", &err));
    ck_assert_int_eq(vemu__image_map(image, 0, 4096, true, &span), -EAGAIN);
    ck_assert_int_eq(vemu__image_map(image, 0, 4096, false, &span), 0);
    vemu__image_unmap(&span);
    ck_assert_int_eq(vemu_image_close(image), 0);
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_snapshots,
        test_snapshot_width,
        test_resize,
        test_amend,
        test_downgrade_shrunk,
        test_bitmaps,
        test_bitmaps_resize,
        test_bitmaps_end,
        test_bitmaps_memory,
        test_repair,
        test_repair_table,
        test_dirty,
        test_measure,
        test_map,
        NULL,
    };

    return run_tests("image-qcow2-whole", tests);
}
