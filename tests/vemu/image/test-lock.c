/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks on image files: the bytes, and what excludes what.
 */
#include "image-test.h"

/* Which of the bytes from `base` on somebody has locked, bit by bit. */
static uint32_t locked(const char *path, off_t base)
{
    int fd = open(path, O_RDONLY);
    uint32_t mask = 0;

    for (unsigned i = 0; i < 8; i++) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = base + (off_t)i, .l_len = 1
        };

        ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
        if (lock.l_type != F_UNLCK)
            mask |= 1u << i;
    }
    close(fd);
    return mask;
}

START_TEST(test_bytes)
{
    char *path = make_file(65536);
    struct vemu_image *image = open_image(path, "raw", 0);

    ck_assert_uint_eq(locked(path, 100), 0x1); /* consistent read */
    ck_assert_uint_eq(locked(path, 200), 0);
    vemu_image_close(image);
    image = open_image(path, "raw", VEMU_IMAGE_WRITE);
    ck_assert_uint_eq(locked(path, 100), 0xb); /* and write, resize */
    ck_assert_uint_eq(locked(path, 200), 0xa); /* neither of which others may */
    vemu_image_close(image);
    ck_assert_uint_eq(locked(path, 100) | locked(path, 200), 0);
    remove_file(path);
}
END_TEST

START_TEST(test_exclusion)
{
    const struct vemu_property off = { "file.locking", "off" }, on = { "file.locking", "on" };
    const struct vemu_property bad = { "file.locking", "maybe" };
    struct vemu_image_open_options options = open_options("raw", VEMU_IMAGE_WRITE, &off, 1);
    char *path = make_file(65536);
    struct vemu_image *writer = open_image(path, "raw", VEMU_IMAGE_WRITE), *other = NULL;

    OPEN_FAILS(path, "raw", VEMU_IMAGE_WRITE, EAGAIN, "Failed to get \"write\" lock");
    other = open_image(path, "raw", 0); /* raw data may be read meanwhile */
    vemu_image_close(other);
    other = open_image(path, "raw", VEMU_IMAGE_FORCE_SHARE);
    vemu_image_close(other);
    OPEN_FAILS(path, "raw", VEMU_IMAGE_FORCE_SHARE | VEMU_IMAGE_WRITE, EINVAL, "only be read");
    OK(vemu_image_open(path, &options, &other, &err));
    vemu_image_close(other);
    FAILS(vemu_image_create(path, "raw", 4096, NULL, 0, NULL, &err), EAGAIN, "Failed to get");
    ck_assert_uint_eq(vemu_image_get_size(writer), 65536);
    vemu_image_close(writer);
    options.props = &on;
    OK(vemu_image_open(path, &options, &other, &err));
    vemu_image_close(other);
    options.props = &bad;
    FAILS(vemu_image_open(path, &options, &other, &err), EINVAL, "maybe");
    remove_file(path);
}
END_TEST

/* A program that does not let others read at all (QEMU while it mirrors, say). */
START_TEST(test_foreign)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 200, .l_len = 1 };
    char *path = make_file(65536);
    int fd = open(path, O_RDWR);

    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
    OPEN_FAILS(path, "raw", 0, EAGAIN, "Failed to get \"consistent read\" lock");
    lock.l_type = F_UNLCK;
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
    lock.l_type = F_RDLCK;
    lock.l_start = 101; /* somebody writes */
    ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
    OPEN_FAILS(path, "raw", VEMU_IMAGE_WRITE, EAGAIN, "Failed to get shared \"write\" lock");
    close(fd);
    remove_file(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_bytes, test_exclusion, test_foreign, NULL };

    return run_tests("image-lock", tests);
}
