/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of a shared directory: finding, making, renaming and removing files.
 *
 * Each call has one component below a directory's descriptor. openat2(2) is asked not to leave the
 * directory and not to follow links; a kernel without it has O_NOFOLLOW, which says the same for a
 * single component.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fsdev/fsdev.h"

int vemu__fs_check_name(const char *name)
{
    size_t length = strlen(name);

    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    if (!length || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    return 0;
}

static int check_change(const struct vemu_fsdev *fs, const char *name)
{
    return fs->read_only ? -EROFS : vemu__fs_check_name(name);
}

static int open_component(int dir, const char *name, int flags, uint32_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long r = syscall(SYS_openat2, dir, name, &how, sizeof(how));

    if (r < 0 && errno == ENOSYS)
        r = openat(dir, name, (int)how.flags, mode);
    return r < 0 ? -errno : (int)r;
}

/* --- finding ---------------------------------------------------------------------------------- */

int vemu__fs_root(const struct vemu_fsdev *fs)
{
    int fd = fcntl(fs->root, F_DUPFD_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

int vemu__fs_lookup(const struct vemu_fsdev *fs, int dir, const char *name)
{
    int r = vemu__fs_check_name(name);

    return r < 0 ? r : open_component(dir, name, O_PATH, 0);
}

int vemu__fs_open(const struct vemu_fsdev *fs, int file, int flags)
{
    struct stat st;
    int r = vemu__fs_stat(fs, file, &st), fd;

    if (r < 0)
        return r;
    if (fs->read_only && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
        return -EROFS;
    if (S_ISLNK(st.st_mode))
        return -ELOOP;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return -ENXIO;
    fd = open(vemu__fs_name(file).path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int vemu__fs_readlink(const struct vemu_fsdev *fs, int file, char *buf, size_t size)
{
    struct stat st, own;
    ssize_t n;
    int fd;

    if (vemu__fs_stat(fs, file, &st) < 0 || fstat(file, &own) < 0)
        return -errno;
    if (!S_ISLNK(st.st_mode))
        return -EINVAL;
    if (S_ISLNK(own.st_mode)) {
        n = readlinkat(file, "", buf, size);
        return n < 0 ? -errno : (int)n;
    }
    fd = open(vemu__fs_name(file).path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* mapped */
    if (fd < 0)
        return -errno;
    n = pread(fd, buf, size, 0);
    if (n < 0)
        n = -errno;
    close(fd);
    return (int)n;
}

int vemu__fs_statfs(const struct vemu_fsdev *fs, int file, struct statfs *ret)
{
    return fstatfs(file, ret) < 0 ? -errno : 0;
}

/* --- making ----------------------------------------------------------------------------------- */

/* What was just made gets its attributes, or goes. */
static int finish(const struct vemu_fsdev *fs, int dir, const char *name, int file, uint32_t mode,
                  dev_t rdev, struct vemu_fs_owner owner)
{
    int r = vemu__fs_set_new(fs, file, mode, rdev, owner);

    if (r < 0)
        unlinkat(dir, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
    return r;
}

static int finish_by_name(const struct vemu_fsdev *fs, int dir, const char *name, uint32_t mode,
                          dev_t rdev, struct vemu_fs_owner owner)
{
    int file = open_component(dir, name, O_PATH, 0), r;

    if (file < 0)
        return file;
    r = finish(fs, dir, name, file, mode, rdev, owner);
    close(file);
    return r;
}

/* A plain file with `text` in it: what mapped-xattr has for links and special files. */
static int make_plain(const struct vemu_fsdev *fs, int dir, const char *name, const char *text,
                      uint32_t mode, dev_t rdev, struct vemu_fs_owner owner)
{
    int fd = open_component(dir, name, O_CREAT | O_EXCL | O_WRONLY, VEMU_FS_NEW_FILE), r = 0;
    size_t length = text ? strlen(text) : 0;

    if (fd < 0)
        return fd;
    if (length) {
        ssize_t n = write(fd, text, length);

        r = n < 0 ? -errno : (size_t)n < length ? -ENOSPC : 0;
    }
    if (r < 0)
        unlinkat(dir, name, 0);
    else
        r = finish(fs, dir, name, fd, mode, rdev, owner);
    close(fd);
    return r;
}

int vemu__fs_create(const struct vemu_fsdev *fs, int dir, const char *name, int flags,
                    uint32_t mode, struct vemu_fs_owner owner)
{
    int r = check_change(fs, name), fd;

    if (r < 0)
        return r;
    fd = open_component(dir, name, flags | O_CREAT | O_EXCL | O_NOCTTY, VEMU_FS_NEW_FILE);
    if (fd < 0)
        return fd;
    r = finish(fs, dir, name, fd, S_IFREG | (mode & 07777), 0, owner);
    if (r >= 0)
        return fd;
    close(fd);
    return r;
}

int vemu__fs_mkdir(const struct vemu_fsdev *fs, int dir, const char *name, uint32_t mode,
                   struct vemu_fs_owner owner)
{
    int r = check_change(fs, name);

    if (r < 0)
        return r;
    if (mkdirat(dir, name, VEMU_FS_NEW_DIR) < 0)
        return -errno;
    return finish_by_name(fs, dir, name, S_IFDIR | (mode & 07777), 0, owner);
}

int vemu__fs_mknod(const struct vemu_fsdev *fs, int dir, const char *name, uint32_t mode,
                   dev_t rdev, struct vemu_fs_owner owner)
{
    int r = check_change(fs, name);

    if (r < 0)
        return r;
    if (!S_ISREG(mode) && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
        return -EINVAL;
    if (fs->security == VEMU_FS_MAPPED)
        return make_plain(fs, dir, name, NULL, mode, rdev, owner);
    if (mknodat(dir, name, (mode & S_IFMT) | VEMU_FS_NEW_FILE, rdev) < 0)
        return -errno;
    return finish_by_name(fs, dir, name, mode, rdev, owner);
}

int vemu__fs_symlink(const struct vemu_fsdev *fs, const char *target, int dir, const char *name,
                     struct vemu_fs_owner owner)
{
    int r = check_change(fs, name);

    if (r < 0)
        return r;
    if (!*target)
        return -ENOENT;
    if (fs->security == VEMU_FS_MAPPED)
        return make_plain(fs, dir, name, target, S_IFLNK | 0777, 0, owner);
    if (symlinkat(target, dir, name) < 0)
        return -errno;
    return finish_by_name(fs, dir, name, S_IFLNK | 0777, 0, owner);
}

int vemu__fs_link(const struct vemu_fsdev *fs, int file, int dir, const char *name)
{
    int r = check_change(fs, name);

    if (r < 0)
        return r;
    /* AT_EMPTY_PATH would need a capability. What is followed is the link to the descriptor. */
    if (linkat(AT_FDCWD, vemu__fs_name(file).path, dir, name, AT_SYMLINK_FOLLOW) < 0)
        return -errno;
    return 0;
}

/* --- moving and removing ---------------------------------------------------------------------- */

int vemu__fs_unlink(const struct vemu_fsdev *fs, int dir, const char *name, bool is_dir)
{
    int r = check_change(fs, name);

    if (r < 0)
        return r;
    return unlinkat(dir, name, is_dir ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

int vemu__fs_rename(const struct vemu_fsdev *fs, int old_dir, const char *old_name, int new_dir,
                    const char *new_name)
{
    int r = check_change(fs, old_name);

    if (r >= 0)
        r = check_change(fs, new_name);
    if (r < 0)
        return r;
    return renameat(old_dir, old_name, new_dir, new_name) < 0 ? -errno : 0;
}
