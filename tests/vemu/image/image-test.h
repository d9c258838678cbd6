/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests of images begin with: files of their own, opening them.
 */
#ifndef TESTS_VEMU_IMAGE_TEST_H
#define TESTS_VEMU_IMAGE_TEST_H

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vemu/image.h>

#include "../core/test-main.h"

/* A file of `size` bytes, the name of which is new each time; freed by the caller. */
static inline char *make_file(uint64_t size)
{
    char *path = g_strdup("/tmp/vemu-image-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    close(fd);
    return path;
}

static inline void remove_file(char *path)
{
    unlink(path);
    g_free(path);
}

static inline struct vemu_image_open_options
open_options(const char *format, uint32_t flags, const struct vemu_property *props, size_t count)
{
    return (struct vemu_image_open_options){
        .size = sizeof(struct vemu_image_open_options),
        .flags = flags,
        .format = format,
        .props = props,
        .prop_count = count,
    };
}

static inline struct vemu_image *open_image(const char *name, const char *format, uint32_t flags)
{
    const struct vemu_image_open_options options = open_options(format, flags, NULL, 0);
    struct vemu_image *image = NULL;

    OK(vemu_image_open(name, &options, &image, &err));
    return image;
}

/* Opens and fails; the same as FAILS(). */
#define OPEN_FAILS(name, format, flags, code, words)                                               \
    do {                                                                                           \
        const struct vemu_image_open_options o_ = open_options(format, flags, NULL, 0);            \
        struct vemu_image *image_ = NULL;                                                          \
        FAILS(vemu_image_open(name, &o_, &image_, &err), code, words);                             \
        ck_assert_ptr_null(image_);                                                                \
    } while (0)

#endif
