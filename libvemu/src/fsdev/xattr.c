/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes of shared files.
 *
 * With mapped-xattr the guest sees the names "user.*" without those of the map: the others mean
 * something to the host, whose owners the guest's are not.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include <glib.h>

#include "fsdev/fsdev.h"

static int check(const struct vemu_fsdev *fs, const char *name)
{
    size_t length = strlen(name);

    if (!length || length > XATTR_NAME_MAX)
        return -ERANGE;
    if (fs->security != VEMU_FS_MAPPED)
        return 0;
    if (g_str_has_prefix(name, "user.virtfs."))
        return -EPERM;
    return g_str_has_prefix(name, "user.") ? 0 : -EOPNOTSUPP;
}

int64_t vemu__fs_get_xattr(const struct vemu_fsdev *fs, int file, const char *name, void *buf,
                           size_t size)
{
    int r = check(fs, name);
    ssize_t n;

    if (r < 0)
        return r == -EPERM ? -ENODATA : r;
    n = getxattr(vemu__fs_name(file).path, name, buf, size);
    return n < 0 ? -errno : n;
}

int64_t vemu__fs_list_xattr(const struct vemu_fsdev *fs, int file, char *buf, size_t size)
{
    g_autofree char *list = NULL;
    int64_t used = 0;
    ssize_t n;

    n = listxattr(vemu__fs_name(file).path, NULL, 0);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    list = g_try_malloc((size_t)n);
    if (!list)
        return -ENOMEM;
    n = listxattr(vemu__fs_name(file).path, list, (size_t)n);
    if (n < 0)
        return -errno;
    for (const char *name = list; name < list + n;) {
        size_t length = strnlen(name, (size_t)(list + n - name)) + 1;

        if (check(fs, name) >= 0) {
            if (size && (size_t)used + length > size)
                return -ERANGE;
            if (size)
                memcpy(buf + used, name, length);
            used += (int64_t)length;
        }
        name += length;
    }
    return used;
}

int vemu__fs_set_xattr(const struct vemu_fsdev *fs, int file, const char *name, const void *value,
                       size_t size, int flags)
{
    int r = fs->read_only ? -EROFS : check(fs, name);

    if (r >= 0 && setxattr(vemu__fs_name(file).path, name, value, size, flags) < 0)
        r = -errno;
    return r;
}

int vemu__fs_remove_xattr(const struct vemu_fsdev *fs, int file, const char *name)
{
    int r = fs->read_only ? -EROFS : check(fs, name);

    if (r >= 0 && removexattr(vemu__fs_name(file).path, name) < 0)
        r = -errno;
    return r;
}
