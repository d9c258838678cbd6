/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Creating images, and what is done to a whole image: sizes, options, measuring, checking.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "image/drivers.h"

static int unsupported(const struct vemu_image_driver *driver, const char *what,
                       struct vemu_error **err)
{
    return vemu__error_set(err, ENOTSUP, "format '%s' does not support %s", driver->name, what);
}

static int check_writable(const struct vemu_image *image, struct vemu_error **err)
{
    if (image->open_flags & VEMU_IMAGE_WRITE)
        return 0;
    return vemu__error_set(err, EROFS, "'%s' was opened for reading only", image->filename);
}

/* --- creating --------------------------------------------------------------------------------- */

int vemu__image_create_protocol(const char *filename, uint64_t size, struct vemu_image **ret,
                                struct vemu_error **err)
{
    struct vemu_image *file = NULL;
    int r = vemu__image_open_protocol(
        filename, VEMU_IMAGE_WRITE | VEMU_IMAGE_UNMAP | IMAGE_OPEN_CREATE, NULL, 0, &file, err);

    if (r < 0)
        return r;
    if (file->driver->flags & VEMU_IMAGE_FORMAT_CREATE)
        r = file->driver->resize(file, 0, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL, err);
    if (r >= 0 && file->driver->flags & VEMU_IMAGE_FORMAT_CREATE)
        r = size ? file->driver->resize(file, size, NULL, 0, NULL, err) : 0;
    else if (r >= 0 && file->size < size)
        r = vemu__error_set(err, ENOSPC, "'%s' has %" PRIu64 " bytes, %" PRIu64 " are needed",
                            filename, vemu_image_get_size(file), size);
    if (r < 0) {
        vemu_image_close(file);
        return r;
    }
    *ret = file;
    return 0;
}

static const char *path_of(const char *filename)
{
    if (g_str_has_prefix(filename, "file:"))
        return filename + strlen("file:");
    return vemu__image_has_protocol(filename) ? NULL : filename;
}

/* Whether what is made would overwrite what it is to stand on. */
static bool overwrites_backing(const struct vemu_image_create_args *args)
{
    uint64_t id[2], other[2];

    for (size_t i = 0; i < args->prop_count; i++) {
        g_autofree char *name = NULL;

        if (strcmp(args->props[i].name, "backing_file") != 0 || !args->props[i].value)
            continue;
        name = vemu__image_resolve_beside(args->filename, args->props[i].value);
        if (vemu__image_file_id(args->filename, id) && vemu__image_file_id(name, other) &&
            !memcmp(id, other, sizeof(id)))
            return true;
    }
    return false;
}

int vemu_image_create(const char *filename, const char *format, uint64_t size,
                      const struct vemu_property *props, size_t prop_count,
                      const struct vemu_progress *progress, struct vemu_error **err)
{
    const struct vemu_image_create_args args = { filename, size, props, prop_count, progress };
    const struct vemu_image_driver *driver;
    const char *path;
    struct stat st;
    bool is_new;
    int r;

    if (!filename || !format || (prop_count && !props))
        return vemu__error_set(err, EINVAL, "the %s missing",
                               !filename ? "filename is"
                               : !format ? "format is"
                                         : "options are");
    driver = vemu__image_find_driver(format);
    if (!driver)
        return vemu__error_set(err, EINVAL, "Unknown file format '%s'", format);
    if (!driver->create)
        return vemu__error_set(err, ENOTSUP, "Format driver '%s' does not support image creation",
                               format);
    if (size != UINT64_MAX && size > INT64_MAX)
        return vemu__error_set(err, EFBIG, "an image cannot have %" PRIu64 " bytes", size);
    if (overwrites_backing(&args))
        return vemu__error_set(err, EINVAL,
                               "Trying to create an image with the same filename as the backing "
                               "file");
    path = path_of(filename);
    is_new = path && lstat(path, &st) < 0 && errno == ENOENT;
    r = driver->create(&args, err);
    if (r < 0 && is_new && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        unlink(path);
    return r < 0 ? vemu__error_set(err, -r, "'%s': %s", filename, strerror(-r)) : 0;
}

/* --- size ------------------------------------------------------------------------------------- */

/* Filters have the size of what is below them. */
static int resize_layer(struct vemu_image *image, uint64_t size, const char *preallocation,
                        uint32_t flags, const struct vemu_progress *progress,
                        struct vemu_error **err)
{
    int r;

    if (image->driver->resize)
        return image->driver->resize(image, size, preallocation, flags, progress, err);
    if (!(image->driver->flags & VEMU_IMAGE_FORMAT_FILTER))
        return unsupported(image->driver, "resizing", err);
    r = resize_layer(image->file, size, preallocation, flags, progress, err);
    if (r >= 0)
        image->size = image->file->size;
    return r;
}

int vemu_image_resize(struct vemu_image *image, uint64_t size, const char *preallocation,
                      uint32_t flags, const struct vemu_progress *progress, struct vemu_error **err)
{
    static const char *const words[] = { "off", "metadata", "falloc", "full", NULL };
    int r = check_writable(image, err);

    if (r < 0)
        return r;
    preallocation = preallocation ? preallocation : words[0];
    if (!g_strv_contains(words, preallocation))
        return vemu__error_set(err, EINVAL,
                               "preallocation '%s' is none of off, metadata, falloc, "
                               "full",
                               preallocation);
    if (flags & ~VEMU_IMAGE_RESIZE_SHRINK)
        return vemu__error_set(err, EINVAL, "unknown flags");
    if (size > INT64_MAX)
        return vemu__error_set(err, EFBIG, "an image cannot have %" PRIu64 " bytes", size);
    if (size < image->size && !(flags & VEMU_IMAGE_RESIZE_SHRINK))
        return vemu__error_set(err, EINVAL,
                               "shrinking '%s' loses what is behind %" PRIu64
                               " bytes, and has to be asked for",
                               image->filename, size);
    r = resize_layer(image, size, preallocation, flags, progress, err);
    return r < 0 ? vemu__error_set(err, -r, "cannot resize '%s': %s", image->filename, strerror(-r))
                 : 0;
}

/* --- options ---------------------------------------------------------------------------------- */

int vemu_image_set_backing(struct vemu_image *image, const char *backing_filename,
                           const char *backing_format, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    int r = check_writable(layer, err);

    if (r < 0)
        return r;
    if (!layer->driver->set_backing)
        return unsupported(layer->driver, "backing files", err);
    if (backing_format && !vemu__image_find_driver(backing_format))
        return vemu__error_set(err, EINVAL, "Unknown file format '%s'", backing_format);
    r = vemu_image_check_backing(layer, backing_filename, backing_format, err);
    if (r < 0)
        return r;
    r = layer->driver->set_backing(layer, backing_filename, backing_format, err);
    return r < 0 ? vemu__error_set(err, -r, "cannot change the backing file of '%s': %s",
                                   layer->filename, strerror(-r))
                 : 0;
}

int vemu_image_amend(struct vemu_image *image, const struct vemu_property *props, size_t prop_count,
                     const struct vemu_progress *progress, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    int r;

    if (prop_count && !props)
        return vemu__error_set(err, EINVAL, "options are missing");
    if (!layer->driver->amend)
        return unsupported(layer->driver, "changing options", err);
    r = check_writable(layer, err);
    if (r < 0)
        return r;
    r = layer->driver->amend(layer, props, prop_count, progress, err);
    return r < 0 ? vemu__error_set(err, -r, "cannot amend '%s': %s", layer->filename, strerror(-r))
                 : 0;
}

/* --- measuring and checking ------------------------------------------------------------------- */

int vemu_image_measure(const char *format, struct vemu_image *source, uint64_t virtual_size,
                       const struct vemu_property *props, size_t prop_count,
                       struct vemu_image_measure *ret, struct vemu_error **err)
{
    const struct vemu_image_driver *driver = format ? vemu__image_find_driver(format) : NULL;
    int r;

    if (!driver)
        return vemu__error_set(err, EINVAL, "Unknown file format '%s'", format ? format : "");
    if (ret->size < sizeof(*ret) || (prop_count && !props))
        return vemu__error_set(err, EINVAL, "bad size of the result, or no options");
    if (!driver->measure)
        return vemu__error_set(err, ENOTSUP, "Format driver '%s' does not support size measurement",
                               format);
    if (!source && virtual_size > INT64_MAX)
        return vemu__error_set(err, EFBIG, "an image cannot have %" PRIu64 " bytes", virtual_size);
    ret->required = ret->fully_allocated = ret->bitmaps = 0;
    r = driver->measure(source, source ? source->size : virtual_size, props, prop_count, ret, err);
    return r < 0 ? vemu__error_set(err, -r, "cannot measure: %s", strerror(-r)) : 0;
}

int vemu_image_check(struct vemu_image *image, uint32_t repair, struct vemu_image_check *result,
                     const struct vemu_progress *progress, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    int r;

    if (result->size < sizeof(*result) ||
        (repair & ~(VEMU_IMAGE_REPAIR_LEAKS | VEMU_IMAGE_REPAIR_ERRORS)))
        return vemu__error_set(err, EINVAL, "bad size of the result, or unknown flags");
    if (!layer->driver->check)
        return unsupported(layer->driver, "checks", err);
    r = repair ? check_writable(layer, err) : 0;
    if (r < 0)
        return r;
    r = layer->driver->check(layer, repair, result, progress, err);
    return r < 0 ? vemu__error_set(err, -r, "cannot check '%s': %s", layer->filename, strerror(-r))
                 : 0;
}
