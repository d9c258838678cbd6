/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Creating raw images.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/error.h"
#include "core/property.h"
#include "image/drivers.h"

const struct vemu_prop vemu__image_raw_create_props[] = {
    VEMU_PROP(struct vemu_image_raw_create, size, "size", SIZE, NULL, "Virtual disk size"),
    VEMU_PROP(struct vemu_image_raw_create, preallocation, "preallocation", STRING, "off",
              "Preallocation mode (allowed values: off, falloc, full)"),
    VEMU_PROP(struct vemu_image_raw_create, nocow, "nocow", BOOL, "off",
              "Turn off copy-on-write (valid only on btrfs)"),
    VEMU_PROP(struct vemu_image_raw_create, extent_size_hint, "extent_size_hint", SIZE, "1M",
              "Extent size hint for the image file, 0 to disable (valid only on XFS)"),
    VEMU_PROP_END,
};

static bool is_preallocation(const char *word)
{
    return !strcmp(word, "off") || !strcmp(word, "falloc") || !strcmp(word, "full");
}

/* Hints to the file system below, which may know nothing of them. They are for empty files. */
static void give_hints(struct vemu_image *file, const struct vemu_image_raw_create *options)
{
    int fd = vemu__image_flush_fd(file);
    struct fsxattr attr;
    unsigned flags;

    if (fd < 0)
        return;
    if (options->nocow && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_NOCOW_FL;
        (void)!ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    if (options->extent_size_hint && ioctl(fd, FS_IOC_FSGETXATTR, &attr) == 0) {
        attr.fsx_xflags |= FS_XFLAG_EXTSIZE;
        attr.fsx_extsize = (uint32_t)options->extent_size_hint;
        (void)!ioctl(fd, FS_IOC_FSSETXATTR, &attr);
    }
}

static int check_options(const struct vemu_image_raw_create *options, struct vemu_error **err)
{
    if (!is_preallocation(options->preallocation))
        return vemu__error_set(err, EINVAL, "preallocation '%s' is none of off, falloc, full",
                               options->preallocation);
    if (options->extent_size_hint > UINT32_MAX)
        return vemu__error_set(err, EINVAL, "extent_size_hint is at most 4 GiB");
    return 0;
}

int vemu__image_create_raw(const struct vemu_image_create_args *args, struct vemu_error **err)
{
    struct vemu_image_raw_create options = { 0 };
    struct vemu_image *file = NULL;
    uint64_t size;
    int r, closed;

    r = vemu__image_set_options(&options, vemu__image_raw_create_props, args->props,
                                args->prop_count, err);
    if (r >= 0)
        r = check_options(&options, err);
    size = args->size == UINT64_MAX ? options.size : args->size;
    size = (size + IMAGE_SECTOR - 1) & ~(uint64_t)(IMAGE_SECTOR - 1);
    if (r >= 0)
        r = vemu__image_create_protocol(args->filename, 0, &file, err);
    if (r >= 0 && (file->driver->flags & VEMU_IMAGE_FORMAT_CREATE)) {
        give_hints(file, &options);
        r = vemu_image_resize(file, size, options.preallocation, 0, args->progress, err);
    } else if (r >= 0 && vemu_image_get_size(file) < size) {
        r = vemu__error_set(err, ENOSPC, "'%s' is too small", args->filename);
    }
    if (r >= 0 && !strcmp(options.preallocation, "off"))
        file->open_flags |= VEMU_IMAGE_NO_FLUSH; /* there is nothing in it that could be lost */
    closed = vemu_image_close(file);
    vemu__props_clear(&options, vemu__image_raw_create_props);
    return r < 0 ? r : closed;
}
