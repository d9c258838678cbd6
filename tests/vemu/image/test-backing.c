/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backing chains: what is read through them, where extents are, formats that are not recorded,
 * chains without an end, copying on read. Needs a format with backing files.
 */
#include "image-test.h"

#include <stdlib.h>

#include "image/image.h"

#define SIZE    (1u << 20)
#define CLUSTER 65536u

static char folder[64];

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned next;

    next = (next + 1) % 4;
    snprintf(paths[next], sizeof(paths[next]), "%s/%s", folder, name);
    return paths[next];
}

static void begin(void)
{
    strcpy(folder, "/tmp/vemu-backing-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void end(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);

    ck_assert_int_eq(system(command), 0);
}

static void make_overlay(const char *name, const char *backing, const char *format)
{
    const struct vemu_property props[] = { { "backing_file", backing }, { "backing_fmt", format } };

    OK(vemu_image_create(in_folder(name), "qcow2", SIZE, props, format ? 2 : 1, NULL, &err));
}

static void fill(const char *name, const char *format, uint64_t offset, int byte, size_t bytes)
{
    struct vemu_image *image = open_image(in_folder(name), format, VEMU_IMAGE_WRITE);
    g_autofree uint8_t *data = g_malloc(bytes);

    memset(data, byte, bytes);
    ck_assert_int_eq(vemu_image_write(image, offset, data, bytes, 0), 0);
    ck_assert_int_eq(vemu_image_close(image), 0);
}

static int byte_at(struct vemu_image *image, uint64_t offset)
{
    uint8_t byte;

    ck_assert_int_eq(vemu_image_read(image, offset, &byte, 1), 0);
    return byte;
}

/* raw "base" (half as long), "mid" and "top" above it. */
static void make_chain(void)
{
    OK(vemu_image_create(in_folder("base"), "raw", SIZE / 2, NULL, 0, NULL, &err));
    fill("base", "raw", 0, 1, 4 * CLUSTER);
    make_overlay("mid", "base", "raw");
    fill("mid", "qcow2", CLUSTER, 2, CLUSTER);
    make_overlay("top", "mid", "qcow2");
    fill("top", "qcow2", 2 * CLUSTER, 3, CLUSTER);
}

START_TEST(test_chain)
{
    struct vemu_image_extent e = VEMU_IMAGE_EXTENT_INIT;
    struct vemu_image_info info = VEMU_IMAGE_INFO_INIT;
    struct vemu_image *image;

    begin();
    make_chain();
    image = open_image(in_folder("top"), NULL, 0);
    ck_assert_str_eq(vemu_image_get_format(vemu_image_get_backing(image)), "qcow2");
    ck_assert_int_eq(byte_at(image, 0), 1);
    ck_assert_int_eq(byte_at(image, CLUSTER), 2);
    ck_assert_int_eq(byte_at(image, 2 * CLUSTER), 3);
    ck_assert_int_eq(byte_at(image, SIZE - 1), 0);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 0, SIZE, &e), 0);
    ck_assert_uint_eq(e.depth, 2);
    ck_assert_uint_eq(e.bytes, CLUSTER);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, CLUSTER, SIZE, &e), 0);
    ck_assert_uint_eq(e.depth, 1);
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, 2 * CLUSTER, SIZE, &e), 0);
    ck_assert_uint_eq(e.depth, 0);
    ck_assert_uint_ne(e.flags & VEMU_IMAGE_EXTENT_DATA, 0);
    /* behind the end of the shortest there are zeros */
    ck_assert_int_eq(vemu_image_get_extent(image, NULL, SIZE / 2, SIZE, &e), 0);
    ck_assert_uint_ne(e.flags & VEMU_IMAGE_EXTENT_ZERO, 0);
    ck_assert_uint_eq(e.bytes, SIZE / 2);
    /* only the top */
    ck_assert_int_eq(vemu_image_get_extent(image, vemu_image_get_backing(image), CLUSTER, SIZE, &e),
                     0);
    ck_assert_uint_eq(e.flags, 0);
    OK(vemu_image_get_info(image, &info, &err));
    ck_assert_str_eq(info.backing_filename, "mid");
    ck_assert_str_eq(info.full_backing_filename, in_folder("mid"));
    ck_assert_str_eq(info.backing_format, "qcow2");
    vemu_image_info_clear(&info);
    vemu_image_close(image);
    image = open_image(in_folder("top"), NULL, VEMU_IMAGE_NO_BACKING);
    ck_assert_ptr_null(vemu_image_get_backing(image));
    ck_assert_int_eq(byte_at(image, CLUSTER), 0);
    vemu_image_close(image);
    end();
}
END_TEST

/* A backing image of something that is open may be read by others, and not be written. */
START_TEST(test_locks)
{
    struct vemu_image *image, *other;

    begin();
    make_chain();
    image = open_image(in_folder("top"), NULL, VEMU_IMAGE_WRITE);
    OPEN_FAILS(in_folder("base"), "raw", VEMU_IMAGE_WRITE, EAGAIN, "lock");
    OPEN_FAILS(in_folder("mid"), "qcow2", VEMU_IMAGE_WRITE, EAGAIN, "lock");
    OPEN_FAILS(in_folder("top"), "qcow2", 0, EAGAIN, "lock");
    other = open_image(in_folder("top"), "qcow2", VEMU_IMAGE_FORCE_SHARE);
    vemu_image_close(other);
    other = open_image(in_folder("mid"), "qcow2", 0);
    vemu_image_close(other);
    vemu_image_close(image);
    end();
}
END_TEST

/* The format is not recorded: raw it is, unless it looks otherwise. */
START_TEST(test_unrecorded)
{
    const struct vemu_property say = { "backing.driver", "qcow2" };
    struct vemu_image_open_options options = open_options("qcow2", 0, &say, 1);
    struct vemu_image *image = NULL;
    struct vemu_error *why = NULL;

    begin();
    make_chain();
    image = open_image(in_folder("top"), "qcow2", VEMU_IMAGE_WRITE);
    if (vemu_image_set_backing(image, "mid", NULL, &why) < 0) {
        vemu_error_free(why); /* such images are not made; others make them */
        vemu_image_close(image);
        end();
        return;
    }
    vemu_image_close(image);
    OPEN_FAILS(in_folder("top"), "qcow2", 0, EINVAL, "does not record the format");
    image = NULL;
    OK(vemu_image_open(in_folder("top"), &options, &image, &err));
    ck_assert_int_eq(byte_at(image, CLUSTER), 2);
    vemu_image_close(image);
    image = open_image(in_folder("top"), "qcow2", VEMU_IMAGE_WRITE | VEMU_IMAGE_NO_BACKING);
    OK(vemu_image_set_backing(image, "base", NULL, &err));
    vemu_image_close(image);
    image = open_image(in_folder("top"), "qcow2", 0);
    ck_assert_str_eq(vemu_image_get_format(vemu_image_get_backing(image)), "raw");
    vemu_image_close(image);
    end();
}
END_TEST

START_TEST(test_cycle)
{
    begin();
    make_chain();
    make_overlay("other", "./top", "qcow2");
    ck_assert_int_eq(rename(in_folder("other"), in_folder("mid")), 0);
    OPEN_FAILS(in_folder("top"), "qcow2", 0, ELOOP, "part of the chain");
    OPEN_FAILS(in_folder("mid"), "qcow2", VEMU_IMAGE_WRITE, ELOOP, "part of the chain");
    end();
}
END_TEST

START_TEST(test_long)
{
    char name[16], below[16] = "base";
    struct vemu_image *image;

    begin();
    OK(vemu_image_create(in_folder("base"), "raw", SIZE, NULL, 0, NULL, &err));
    for (unsigned i = 1; i < IMAGE_MAX_CHAIN; i++) {
        snprintf(name, sizeof(name), "%u", i);
        make_overlay(name, below, i == 1 ? "raw" : "qcow2");
        strcpy(below, name);
    }
    image = open_image(in_folder(below), "qcow2", 0);
    ck_assert_int_eq(byte_at(image, 0), 0);
    vemu_image_close(image);
    make_overlay("top", below, "qcow2");
    OPEN_FAILS(in_folder("top"), "qcow2", 0, ELOOP, "longer than 200");
    end();
}
END_TEST

START_TEST(test_copy_on_read)
{
    struct vemu_image_open_options options =
        open_options("copy-on-read", VEMU_IMAGE_WRITE, NULL, 0);
    struct vemu_image_extent e = VEMU_IMAGE_EXTENT_INIT;
    struct vemu_image *image = NULL, *top;

    begin();
    make_chain();
    OK(vemu_image_open(in_folder("top"), &options, &image, &err));
    top = vemu_image_get_file(image);
    ck_assert_int_eq(vemu_image_get_extent(top, vemu_image_get_backing(top), 0, SIZE, &e), 0);
    ck_assert_uint_eq(e.flags & VEMU_IMAGE_EXTENT_ALLOCATED, 0);
    ck_assert_int_eq(byte_at(image, 700), 1);
    ck_assert_int_eq(vemu_image_get_extent(top, vemu_image_get_backing(top), 0, SIZE, &e), 0);
    ck_assert_uint_ne(e.flags & VEMU_IMAGE_EXTENT_ALLOCATED, 0);
    ck_assert_uint_eq(e.bytes, CLUSTER); /* a cluster as a whole, and no more */
    ck_assert_int_eq(vemu_image_close(image), 0);
    image = open_image(in_folder("top"), "qcow2", VEMU_IMAGE_NO_BACKING);
    ck_assert_int_eq(byte_at(image, 0), 1);
    ck_assert_int_eq(byte_at(image, CLUSTER - 1), 1);
    ck_assert_int_eq(byte_at(image, CLUSTER), 0);
    vemu_image_close(image);
    end();
}
END_TEST

/* An image cannot stand on itself, by whatever name and through whatever is between. */
START_TEST(test_own)
{
    const char *const names[] = { "mid", "./mid", "link", "top" };
    const struct vemu_property format = { "backing_fmt", "qcow2" };
    struct vemu_image *image;

    begin();
    make_chain();
    ck_assert_int_eq(symlink("mid", in_folder("link")), 0);
    image = open_image(in_folder("mid"), "qcow2", VEMU_IMAGE_WRITE);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const struct vemu_property amend[] = { { "backing_file", names[i] },
                                               { "backing_fmt", "qcow2" } };

        FAILS(vemu_image_check_backing(image, names[i], "qcow2", &err), ELOOP, names[i]);
        FAILS(vemu_image_check_backing(image, names[i], NULL, &err), ELOOP, names[i]);
        FAILS(vemu_image_set_backing(image, names[i], "qcow2", &err), ELOOP, names[i]);
        FAILS(vemu_image_amend(image, amend, 2, NULL, &err), ELOOP, names[i]);
        ck_assert_str_eq(image->backing_filename, "base");
    }
    OK(vemu_image_check_backing(image, NULL, NULL, &err));
    OK(vemu_image_check_backing(image, "", NULL, &err));
    OK(vemu_image_check_backing(image, "nothere", "qcow2", &err));
    OK(vemu_image_check_backing(image, "null-co://", NULL, &err));
    /* The bytes of a file, not what they name; until that is what they are said to be. */
    OK(vemu_image_set_backing(image, "top", "raw", &err));
    FAILS(vemu_image_amend(image, &format, 1, NULL, &err), ELOOP, "top");
    OK(vemu_image_set_backing(image, "base", "raw", &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_chain, test_locks,        test_unrecorded, test_cycle,
                                   test_long,  test_copy_on_read, test_own,        NULL };

    return run_tests("image-backing", tests);
}
