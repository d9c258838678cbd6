/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests of qcow2 images begin with: making them, writing bytes into them, checking them.
 */
#ifndef TESTS_VEMU_IMAGE_QCOW2_TEST_H
#define TESTS_VEMU_IMAGE_QCOW2_TEST_H

#include "image-test.h"

#define MIB (1024u * 1024u)

/* `options`: "cluster_size=4096,refcount_bits=8"; "": none. */
static inline char *make_qcow2(uint64_t size, const char *options)
{
    g_auto(GStrv) words = g_strsplit(options, ",", -1);
    struct vemu_property props[16];
    char *path = make_file(0);
    size_t n = 0;

    for (; words[n]; n++) {
        char *value = strchr(words[n], '=');

        *value = '\0';
        props[n] = (struct vemu_property){ words[n], value + 1 };
    }
    OK(vemu_image_create(path, "qcow2", size, props, n, NULL, &err));
    return path;
}

static inline void poke(const char *path, uint64_t offset, const void *bytes, size_t count)
{
    int fd = open(path, O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, count, (off_t)offset), (ssize_t)count);
    close(fd);
}

static inline void poke_be(const char *path, uint64_t offset, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    poke(path, offset, bytes, size);
}

static inline uint64_t peek_be(const char *path, uint64_t offset, unsigned size)
{
    uint8_t bytes[8] = { 0 };
    uint64_t value = 0;
    int fd = open(path, O_RDONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(pread(fd, bytes, size, (off_t)offset), 0);
    close(fd);
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Where the tables of a fresh image are. */
static inline uint64_t l1_of(const char *path)
{
    return peek_be(path, 40, 8);
}
static inline uint64_t l2_of(const char *path)
{
    return peek_be(path, l1_of(path), 8) & 0x00fffffffffffe00ull;
}
static inline uint64_t refcount_block_of(const char *path)
{
    return peek_be(path, peek_be(path, 48, 8), 8);
}

static inline struct vemu_image_check check_image(const char *path, uint32_t repair)
{
    struct vemu_image_check result = VEMU_IMAGE_CHECK_INIT;
    struct vemu_image *image =
        open_image(path, "qcow2", VEMU_IMAGE_CHECK | (repair ? VEMU_IMAGE_WRITE : 0));

    OK(vemu_image_check(image, repair, &result, NULL, &err));
    ck_assert_int_eq(vemu_image_close(image), 0);
    return result;
}

static inline void assert_clean(const char *path)
{
    struct vemu_image_check result = check_image(path, 0);

    ck_assert_uint_eq(result.corruptions, 0);
    ck_assert_uint_eq(result.leaks, 0);
    ck_assert_uint_eq(result.check_errors, 0);
}

static inline void fill(struct vemu_image *image, uint64_t offset, uint8_t byte, size_t bytes)
{
    g_autofree uint8_t *buf = g_malloc(bytes);

    memset(buf, byte, bytes);
    ck_assert_int_eq(vemu_image_write(image, offset, buf, bytes, 0), 0);
}

static inline void assert_filled(struct vemu_image *image, uint64_t offset, uint8_t byte,
                                 size_t bytes)
{
    g_autofree uint8_t *buf = g_malloc(bytes), *want = g_malloc(bytes);

    memset(want, byte, bytes);
    ck_assert_int_eq(vemu_image_read(image, offset, buf, bytes), 0);
    ck_assert_mem_eq(buf, want, bytes);
}

#endif
